// When the session ends if nobody does anything: each answer says it anew.

import { useSyncExternalStore } from "react";

let ends = Infinity; // ms since 1970
const watchers = new Set<() => void>();

/** Takes the seconds left out of an answer's headers. */
export function noteSession(headers: Headers): void {
  const left = headers.get("X-Tollgate-Session-Seconds");
  if (left === null || !/^\d+$/.test(left)) return;
  setIdleEnd(Date.now() + Number(left) * 1000);
}

export function setIdleEnd(at: number): void {
  ends = at;
  for (const tell of watchers) tell();
}

export function useIdleEnd(): number {
  return useSyncExternalStore(watch, () => ends);
}

function watch(tell: () => void): () => void {
  watchers.add(tell);
  return () => watchers.delete(tell);
}
