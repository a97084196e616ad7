// Passkeys by the browser's own functions. Browsers have them where the panel is reached by a host name over https, or
// by localhost; not over an IP address.

import { call } from "./client";
import { type Session, readSession } from "./session";

/** Whether this browser has passkeys for the address by which the panel is reached. */
export function hasPasskeys(): boolean {
  const { hostname } = window.location;
  const isAddress = hostname.includes(":") || /^[\d.]+$/.test(hostname);
  return !isAddress && window.isSecureContext && typeof window.PublicKeyCredential?.parseRequestOptionsFromJSON === "function";
}

/** The person has closed the browser's question, or did not answer it. */
export function wasCancelled(error: unknown): boolean {
  return error instanceof DOMException && (error.name === "NotAllowedError" || error.name === "AbortError");
}

/** Has an authenticator make a passkey, and adds it. */
export async function addPasskey(name: string, password: string): Promise<void> {
  const { body } = await call<{ options: PublicKeyCredentialCreationOptionsJSON }>("POST", "/me/passkeys/begin", { body: { password } });
  const made = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(body.options) });
  await call("POST", "/me/passkeys", { body: { name, credential: (made as PublicKeyCredential).toJSON() } });
}

/** Logs in; email is whose passkey it has to be, where a session has ended. */
export async function logInByPasskey(email?: string): Promise<Session> {
  const { body } = await call<{ options: PublicKeyCredentialRequestOptionsJSON }>("POST", "/session/passkey/begin");
  const found = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(body.options) });
  await call("POST", "/session/passkey", { body: { credential: (found as PublicKeyCredential).toJSON(), ...(email ? { email } : {}) } });
  return readSession(true);
}
