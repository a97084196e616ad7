// The log-in, and the person who is logged in.

import { call } from "./client";

export type Role = "platform" | "company" | "customer";
export type Access = "admin" | "operator" | "read-only";

/** Who is logged in, as GET /api/v1/session says; when the session ends is in api/idle. */
export interface Session {
  kind: "user" | "key" | "local";
  email: string;
  name: string;
  role: Role;
  access: Access;
  only?: string; // "wall" of a wall board's key
  company_id?: number;
  company?: string;
  customer_id?: number;
  customer?: string;
  totp: boolean;
  language: string;
  theme: string;
  contacts: string;
  version: string;
}

type Told = Session & { idle_ends?: string; ends?: string; seconds_left?: number };

export async function readSession(acting = false): Promise<Session> {
  const { body } = await call<Told>("GET", "/session", { headers: acting ? {} : { "X-Tollgate-Action": "0" } });
  const { idle_ends: _idle, ends: _ends, seconds_left: _left, ...session } = body; // these change with each answer
  return session;
}

export async function logIn(email: string, password: string, code?: string): Promise<Session> {
  await call("POST", "/session", { body: { email, password, ...(code ? { code } : {}) } });
  return readSession(true);
}

export async function logOut(): Promise<void> {
  await call("DELETE", "/session");
}
