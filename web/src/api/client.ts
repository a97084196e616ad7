// The way to the API: a client made from web/openapi.json, and what every request has in common.

import createFetchClient from "openapi-fetch";
import createQueryHooks from "openapi-react-query";
import { hasJustActed } from "./acted";
import { noteSession } from "./idle";
import { noteCall } from "./journal";
import { problemOf } from "./problem";
import type { components, paths } from "./schema";

/** The named bodies of the API: Schemas["Customer"]. */
export type Schemas = components["schemas"];

/** An item of a list, whatever its body is called: ItemOf<"/api/v1/audit">. */
export type ItemOf<P extends keyof paths> = paths[P] extends { get: { responses: { 200: { content: { "application/json": { items: (infer T)[] } } } } } } ? T : never;

type LogIn = () => Promise<boolean>;
let logIn: LogIn | undefined;
let bearer = "";

/** Sets who asks for a log-in when a session has ended; it gives whether there is one again. */
export function onLogInNeeded(ask: LogIn | undefined): void {
  logIn = ask;
}

/** Sends a key with each request rather than a session: a wall board has no log-in. */
export function useKey(key: string): void {
  bearer = key;
}

/** The one fetch of the panel. It marks acts, and after a 401 waits for a log-in and asks again, so that
 *  nothing that was typed is lost. It throws a Problem for what is not a success. */
export async function send(request: Request): Promise<Response> {
  const acted = request.headers.get("X-Tollgate-Action") !== "0" && hasJustActed();
  request.headers.delete("X-Tollgate-Action");
  if (acted) request.headers.set("X-Tollgate-Action", "1");
  if (bearer) request.headers.set("Authorization", "Bearer " + bearer);
  if (typeof document !== "undefined") request.headers.set("Accept-Language", document.documentElement.lang || "en");
  noteCall(request);
  const spare = request.clone();
  let response = await fetch(request);
  if (response.status === 401 && logIn && !bearer && !isLogIn(request) && (await logIn())) response = await fetch(spare);
  noteSession(response.headers);
  if (!response.ok) throw await problemOf(response);
  return response;
}

function isLogIn(request: Request): boolean {
  const path = new URL(request.url).pathname;
  return path === "/api/v1/session" || path === "/api/v1/setup";
}

/** The typed client: `const { data } = await api.GET("/api/v1/customers/{id}", { params: { path: { id } } })`.
 *  It throws a Problem; `error` is never set. */
export const api = createFetchClient<paths>({ baseUrl: origin(), fetch: send });

/** The typed hooks: `$api.useQuery("get", "/api/v1/node")`. */
export const $api = createQueryHooks(api);

function origin(): string {
  return typeof location === "undefined" ? "http://localhost" : location.origin;
}

export type Query = Record<string, string | number | boolean | undefined>;

export interface Answer<T> {
  body: T;
  etag: string;
  headers: Headers;
}

export interface Call {
  query?: Query;
  body?: unknown;
  etag?: string;
  signal?: AbortSignal;
  headers?: Record<string, string>;
}

/** A request whose path is only known when it runs, such as one noun's of many. path begins after /api/v1. */
export async function call<T>(method: string, path: string, what: Call = {}): Promise<Answer<T>> {
  const headers = new Headers(what.headers);
  if (what.body !== undefined && !headers.has("Content-Type")) headers.set("Content-Type", "application/json");
  if (what.etag) headers.set("If-Match", what.etag);
  const body = what.body === undefined ? undefined : typeof what.body === "string" || what.body instanceof Blob ? what.body : JSON.stringify(what.body);
  const response = await send(new Request(address(path, what.query), { method, headers, body, signal: what.signal }));
  const json = (response.headers.get("Content-Type") ?? "").includes("json");
  const parsed = response.status === 204 ? undefined : json ? await response.json() : await response.text();
  return { body: parsed as T, etag: response.headers.get("ETag") ?? "", headers: response.headers };
}

/** The address of an operation; empty and absent parameters are left out. */
export function address(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined && value !== "") search.set(key, String(value));
  const tail = search.toString();
  return `${origin()}/api/v1${path}${tail ? "?" + tail : ""}`;
}
