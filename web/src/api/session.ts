// The log-in, and the person who is logged in.

import { call } from "./client";

export type Role = "platform" | "company" | "customer";
export type Access = "admin" | "operator" | "read-only";

/** Who is logged in, as GET /api/v1/session says. */
export interface Session {
  email: string;
  name: string;
  role: Role;
  access: Access;
  company?: { id: number; name: string } | string;
  customer?: { id: number; name: string } | string;
  company_id?: number;
  customer_id?: number;
  idle_ends: string;
  seconds_left?: number;
  totp?: boolean;
  contacts?: string;
  version?: string;
  language?: string;
  theme?: string;
  transparent?: boolean;
  transparent_until?: string;
}

export async function readSession(acting = false): Promise<Session> {
  return (await call<Session>("GET", "/session", { headers: acting ? {} : { "X-Tollgate-Action": "0" } })).body;
}

export async function logIn(email: string, password: string, code?: string): Promise<Session> {
  await call("POST", "/session", { body: { email, password, ...(code ? { code } : {}) } });
  return readSession(true);
}

export async function logOut(): Promise<void> {
  await call("DELETE", "/session");
}
