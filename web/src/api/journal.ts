// The requests that the page in front has made, for "the API call behind it".

import { useSyncExternalStore } from "react";

export interface Noted {
  method: string;
  path: string; // with its query
}

const most = 12;
let noted: readonly Noted[] = [];
const watchers = new Set<() => void>();

/** Notes a request; session and event requests are the frame's own and are left out. */
export function noteCall(request: Request): void {
  const url = new URL(request.url);
  if (/^\/api\/v1\/(session|events)$/.test(url.pathname)) return;
  const call = { method: request.method, path: url.pathname + url.search };
  const others = noted.filter((n) => n.method !== call.method || n.path !== call.path);
  noted = [call, ...others].slice(0, most);
  for (const tell of watchers) tell();
}

/** Begins anew: another page. */
export function clearJournal(): void {
  noted = [];
  for (const tell of watchers) tell();
}

export function useJournal(): readonly Noted[] {
  return useSyncExternalStore(watch, () => noted);
}

function watch(tell: () => void): () => void {
  watchers.add(tell);
  return () => watchers.delete(tell);
}
