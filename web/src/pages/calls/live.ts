// The calls that live, kept true by the stream. Events are gathered and drawn within a frame, a few times a
// second at most: a thousand calls that start and end leave the page free, and a list that can be read.

import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { type Schemas, call } from "~/api/client";
import { useEvent } from "~/api/events";
import type { Page } from "~/api/nouns";

export type Live = Schemas["Summary"];

interface CallEvent {
  what: "start" | "answer" | "change" | "end";
  call: Live;
}

/** The calls by id, and what changed since the last drawing. */
export class LiveCalls {
  private calls = new Map<string, Live>();
  private ended = new Set<string>(); // while a list is read: it may still hold these

  /** Takes a whole list as what is there. Calls that ended while it was read stay gone. */
  load(list: readonly Live[]): void {
    this.calls = new Map(list.filter((c) => !this.ended.has(c.id)).map((c) => [c.id, c]));
    this.ended.clear();
  }

  apply(event: CallEvent): void {
    if (event.what === "end") {
      this.calls.delete(event.call.id);
      this.ended.add(event.call.id);
    } else this.calls.set(event.call.id, event.call);
  }

  list(): Live[] {
    return [...this.calls.values()];
  }
}

const readEvery = 10_000; // ms; how a call sounds comes by this alone, and what the stream lost
const drawEvery = 300; // ms
const pageSize = 1000;
const most = 20_000; // calls that a page keeps

async function readAll(customer: number | undefined, signal: AbortSignal): Promise<Live[]> {
  const all: Live[] = [];
  for (let cursor: string | undefined = ""; cursor !== undefined && all.length < most; ) {
    const page: Page<Live> = (await call<Page<Live>>("GET", "/calls", { query: { customer, limit: pageSize, cursor }, signal })).body;
    all.push(...page.items);
    cursor = page.next || undefined;
  }
  return all;
}

export interface LiveState {
  calls: Live[] | undefined; // undefined: not read yet
  error: unknown;
  reload: () => void;
}

/** The live calls of a customer, or all that the session sees. */
export function useLiveCalls(customer: number | undefined): LiveState {
  const store = useMemo(() => new LiveCalls(), [customer]);
  const [state, setState] = useState<{ store: LiveCalls; calls: Live[] }>();
  const [error, setError] = useState<unknown>();
  const due = useRef<ReturnType<typeof setTimeout>>(undefined);
  const drawn = useRef(0);
  const draw = useCallback(() => {
    due.current ??= setTimeout(() => {
      requestAnimationFrame(() => {
        due.current = undefined;
        drawn.current = performance.now();
        setState({ store, calls: store.list() });
      });
    }, Math.max(0, drawn.current + drawEvery - performance.now()));
  }, [store]);

  const [turn, setTurn] = useState(0);
  const reload = useCallback(() => setTurn((n) => n + 1), []);
  useEffect(() => {
    const abort = new AbortController();
    const read = async () => {
      try {
        store.load(await readAll(customer, abort.signal));
        setError(undefined);
        draw();
      } catch (e) {
        if (!abort.signal.aborted) setError(e);
      }
    };
    void read();
    const timer = setInterval(() => void read(), readEvery);
    return () => {
      abort.abort();
      clearInterval(timer);
      clearTimeout(due.current);
      due.current = undefined;
    };
  }, [store, customer, draw, turn]);

  useEvent("call", (data) => {
    const event = data as CallEvent;
    if (customer !== undefined && event.call.customer_id !== customer) return;
    store.apply(event);
    draw();
  });
  useEvent("open", reload);
  useEvent("lost", reload);
  return { calls: state?.store === store ? state.calls : undefined, error, reload };
}

export type Order = "newest" | "longest" | "worst";

/** What the filter leaves, in an order. */
export function shownOf(calls: readonly Live[], q: string, order: Order, quality: (c: Live) => number | undefined): Live[] {
  const text = q.trim().toLowerCase();
  const list = text ? calls.filter((c) => holds(c, text)) : [...calls];
  const start = (c: Live) => c.started;
  if (order === "worst") return list.sort((a, b) => (quality(a) ?? 9) - (quality(b) ?? 9) || (start(a) < start(b) ? -1 : 1));
  const sign = order === "longest" ? 1 : -1;
  return list.sort((a, b) => sign * (start(a) < start(b) ? -1 : start(a) > start(b) ? 1 : a.id < b.id ? -1 : 1));
}

function holds(c: Live, text: string): boolean {
  return [c.from, c.to, c.call_id, c.source, c.destination, c.target, c.customer, c.id, c.state].some((field) => field?.toLowerCase().includes(text));
}
