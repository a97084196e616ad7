// The requests that each page has made, for "the API call behind it". They stay with their page: who comes back to
// one whose answers are still known sees what it asked before.

import { useSyncExternalStore } from "react";

export interface Noted {
  page: string;
  method: string;
  path: string; // with its query
}

const most = 12; // of a page
const all = 300;
let noted: readonly Noted[] = [];
const watchers = new Set<() => void>();

/** Notes a request; session and event requests are the frame's own and are left out. */
export function noteCall(request: Request): void {
  const url = new URL(request.url);
  if (/^\/api\/v1\/(session|events)$/.test(url.pathname)) return;
  const call = { page: pageNow(), method: request.method, path: url.pathname + url.search };
  const others = noted.filter((n) => n.page !== call.page || n.method !== call.method || n.path !== call.path);
  noted = [call, ...others].slice(0, all);
  for (const tell of watchers) tell();
}

/** Begins anew: another person. */
export function clearJournal(): void {
  noted = [];
  for (const tell of watchers) tell();
}

/** What the page in front has asked, the latest first. */
export function useJournal(): readonly Noted[] {
  const page = pageNow();
  return useSyncExternalStore(watch, () => noted).filter((n) => n.page === page).slice(0, most);
}

// Outside of a browser, as in unit tests, there is one page.
function pageNow(): string {
  return (globalThis.location?.hash ?? "").replace(/^#|\?.*$/g, "");
}

function watch(tell: () => void): () => void {
  watchers.add(tell);
  return () => watchers.delete(tell);
}
