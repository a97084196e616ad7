// What happens on the node, as it does: one stream of server-sent events for the whole page. It is
// read by fetch rather than EventSource, which can send no key and says nothing of a 401.

import { useEffect, useRef, useSyncExternalStore } from "react";
import { address, send } from "./client";
import { Problem } from "./problem";

/** One event: its kind ("decision", "calls", "call", "ban", "destination", "config", "lost") and its body. */
export interface StreamEvent {
  kind: string;
  data: unknown;
}

export type StreamState = "off" | "connecting" | "live" | "waiting";

type Listener = (event: StreamEvent) => void;

/** Cuts a text stream into events (WHATWG HTML 9.2.6). push gives the events that are whole. */
export class EventParser {
  private rest = "";

  push(chunk: string): StreamEvent[] {
    let text = this.rest + chunk;
    const half = text.endsWith("\r") ? "\r" : ""; // its LF may be in the next chunk
    text = text.slice(0, text.length - half.length).replace(/\r\n?/g, "\n");
    const blocks = text.split("\n\n");
    this.rest = (blocks.pop() ?? "") + half;
    return blocks.flatMap((block) => parseBlock(block));
  }
}

function parseBlock(block: string): StreamEvent[] {
  let kind = "message";
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue; // a comment keeps the line open
    const value = line.slice(colon + 1).replace(/^ /, "");
    if (line.startsWith("event:")) kind = value;
    else if (line.startsWith("data:")) data.push(value);
  }
  if (!data.length) return [];
  try {
    return [{ kind, data: JSON.parse(data.join("\n")) }];
  } catch {
    return [{ kind, data: data.join("\n") }];
  }
}

// What the frame needs of every page; other kinds are asked for while a page listens to them.
const always = ["ban", "destination", "config"];
const gather = 60; // ms in which what a page's parts want is asked for at once

/** The stream: connects while somebody wants it, and again after it broke, later each time. */
export class EventStream {
  private wanted = new Map<string, number>();
  private asked = "";
  private due: ReturnType<typeof setTimeout> | undefined;
  private listeners = new Set<Listener>();
  private watchers = new Set<() => void>();
  private abort: AbortController | undefined;
  private customer = "";
  state: StreamState = "off";

  /** Starts the stream for one customer, "" for all that the session sees. */
  start(customer: string): void {
    if (this.abort && this.customer === customer) return;
    this.stop();
    this.customer = customer;
    this.connect();
  }

  private connect(): void {
    this.abort?.abort();
    this.abort = new AbortController();
    this.asked = this.kinds();
    void this.run(this.abort.signal);
  }

  private kinds(): string {
    return [...new Set([...always, ...this.wanted.keys()])].sort().join(",");
  }

  /** Asks for one more kind; gives what stops that. What is no longer wanted goes with the next connection. */
  want(kind: string): () => void {
    this.wanted.set(kind, (this.wanted.get(kind) ?? 0) + 1);
    this.due ??= setTimeout(() => {
      this.due = undefined;
      const have = this.asked.split(",");
      if (this.abort && this.kinds().split(",").some((k) => !have.includes(k))) this.connect();
    }, gather);
    return () => {
      const left = (this.wanted.get(kind) ?? 0) - 1;
      if (left > 0) this.wanted.set(kind, left);
      else this.wanted.delete(kind);
    };
  }

  stop(): void {
    this.abort?.abort();
    this.abort = undefined;
    this.say("off");
  }

  listen(fn: Listener): () => void {
    this.listeners.add(fn);
    return () => this.listeners.delete(fn);
  }

  watch = (tell: () => void): (() => void) => {
    this.watchers.add(tell);
    return () => this.watchers.delete(tell);
  };

  private say(state: StreamState): void {
    this.state = state;
    for (const tell of this.watchers) tell();
  }

  private async run(signal: AbortSignal): Promise<void> {
    for (let wait = 1000; !signal.aborted; wait = Math.min(wait * 2, 30_000)) {
      this.say("connecting");
      try {
        await this.read(signal, () => (wait = 1000));
      } catch (error) {
        if (signal.aborted || (error instanceof Problem && error.status === 403)) return;
      }
      if (signal.aborted) return;
      this.say("waiting");
      await pause(wait, signal);
    }
  }

  private async read(signal: AbortSignal, opened: () => void): Promise<void> {
    this.asked = this.kinds();
    const url = address("/events", { customer: this.customer, kinds: this.asked });
    const response = await send(new Request(url, { signal, headers: { Accept: "text/event-stream", "X-Tollgate-Action": "0" } }));
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    if (!reader) return;
    opened();
    this.say("live");
    for (const fn of this.listeners) fn({ kind: "open", data: null });
    const parser = new EventParser();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      for (const event of parser.push(value)) for (const fn of this.listeners) fn(event);
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}

/** The page's one stream. */
export const stream = new EventStream();

/** Whether the page is fed at the moment. */
export function useStreamState(): StreamState {
  return useSyncExternalStore(stream.watch, () => stream.state);
}

const own = new Set(["open", "lost"]); // these come by themselves

/** Runs fn for each event of a kind while the component stands. */
export function useEvent(kind: string, fn: (data: unknown) => void): void {
  const current = useRef(fn);
  useEffect(() => {
    current.current = fn;
  });
  useEffect(() => stream.listen((event) => event.kind === kind && current.current(event.data)), [kind]);
  useEffect(() => (own.has(kind) ? undefined : stream.want(kind)), [kind]);
}
