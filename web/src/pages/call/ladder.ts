// A case as a ladder: who takes part, and what came and went between whom, with what we decided between.
// Pure: from what the API says to places in a drawing.

import type { Schemas } from "~/api/client";
import { piecesOf } from "~/ui/WireText";

export type Traced = Schemas["Traced"];
export type Message = Schemas["TracedMessage"];
type Decision = Schemas["Decision"];

export interface Lane {
  /** What stands above it: "us", or an address. */
  remote: string;
  transport: string;
  side: "left" | "us" | "right";
}

export interface Arrow {
  kind: "message";
  index: number; // of the message
  from: number; // lanes
  to: number;
  label: string;
  /** The number of the repetition of an earlier message, 0 for a first one. */
  again: number;
  sdp: string; // what media it speaks of, "" for none
  ok: boolean; // a request, or a response below 400
  ms: number; // since the first message
  gap: number; // seconds since the one before, where they are many
}

export interface Note {
  kind: "note";
}

export interface Ladder {
  lanes: Lane[];
  rows: (Arrow | Note)[];
}

const longGap = 1; // seconds after which the pause is named

/** The ladder of a case. What it decided stands behind the request that began it. */
export function ladderOf({ decision, messages }: Traced): Ladder {
  const sides = messages.map((m) => isLeft(decision, m));
  const us: Lane = { remote: "us", transport: "", side: "us" };
  const left = lanesOf(messages, sides, true, decision.source, decision.transport);
  const right = lanesOf(messages, sides, false, decision.target, decision.target_transport);
  const lanes = [...left, us, ...right];
  const middle = left.length;
  const start = Date.parse(messages[0]?.at ?? decision.at);
  const seen = new Map<string, number>();
  const rows: Ladder["rows"] = messages.map((m, index) => {
    const lane = lanes.findIndex((l) => l.side === (sides[index] ? "left" : "right") && l.remote === m.remote);
    const key = `${m.received} ${m.remote} ${m.text}`;
    const again = seen.get(key) ?? 0;
    seen.set(key, again + 1);
    const gap = index ? (micros(m.at) - micros((messages[index - 1] as Message).at)) / 1e6 : 0;
    const { label, ok } = labelOf(m.text);
    return {
      kind: "message", index, label, ok, again, sdp: mediaOf(m.text), from: m.received ? lane : middle, to: m.received ? middle : lane,
      ms: (micros(m.at) - start * 1000 - (micros(messages[0]?.at ?? m.at) % 1000)) / 1000, gap: gap >= longGap ? gap : 0,
    };
  });
  rows.splice(Math.min(1, rows.length), 0, { kind: "note" });
  return { lanes, rows };
}

/** Microseconds since 1970 of a time with up to nine digits behind the point, which Date cuts to three. */
export function micros(at: string): number {
  const digits = /\.(\d+)/.exec(at)?.[1] ?? "";
  return Math.floor(Date.parse(at) / 1000) * 1e6 + Number(digits.padEnd(6, "0").slice(0, 6));
}

/** Between us and the caller: by Call-ID where the legs have two, else by address. As the text ladder of the API. */
function isLeft(d: Decision, m: Message): boolean {
  if (d.far_call_id && d.far_call_id !== d.call_id) return headerOf(m.text, "call-id", "i") !== d.far_call_id;
  if (m.remote === d.source) return true;
  return m.remote !== d.target && hostOf(m.remote) === hostOf(d.source) && hostOf(m.remote) !== hostOf(d.target ?? "");
}

function lanesOf(messages: Message[], sides: boolean[], left: boolean, first: string | undefined, transport = ""): Lane[] {
  const lanes = new Map<string, Lane>();
  const side = left ? "left" : "right";
  messages.forEach((m, i) => {
    if (sides[i] === left && !lanes.has(m.remote)) lanes.set(m.remote, { remote: m.remote, transport: m.transport, side });
  });
  if (lanes.size === 0 && first) lanes.set(first, { remote: first, transport, side });
  return [...lanes.values()];
}

function hostOf(address: string): string {
  return address.replace(/:\d+$/, "");
}

/** What a message is: its method and target, or its status with the method that it answers. */
export function labelOf(text: string): { label: string; ok: boolean } {
  const line = text.replace(/^[\r\n]+/, "").split(/\r?\n/, 1)[0] ?? "";
  const status = /^SIP\/2\.0 (\d{3}) ?(.*)$/i.exec(line);
  if (!status) return { label: shown(line.replace(/ SIP\/\S*$/, "")), ok: true };
  const method = headerOf(text, "cseq").split(/\s+/)[1] ?? "";
  return { label: shown(`${status[1]} ${status[2]}`.trim()) + (method ? ` (${shown(method)})` : ""), ok: Number(status[1]) < 400 || status[1] === "401" || status[1] === "407" };
}

/** The first value of a header, by its name in lower case and its short form. */
export function headerOf(text: string, name: string, short?: string): string {
  const head = text.split(/\r?\n\r?\n/, 1)[0] ?? "";
  for (const line of head.split(/\r?\n/).slice(1)) {
    const colon = line.indexOf(":");
    const is = line.slice(0, colon).trim().toLowerCase();
    if (colon > 0 && (is === name || is === short)) return line.slice(colon + 1).trim();
  }
  return "";
}

/** What a session description speaks of: its kinds of media and first codec. */
export function mediaOf(text: string): string {
  const body = text.split(/\r?\n\r?\n/).slice(1).join("\n\n");
  if (!/^v=0/m.test(body)) return "";
  const kinds = [...body.matchAll(/^m=(\w+) (\d+) (\S+)/gm)].map((m) => `${m[1]}${m[2] === "0" ? " off" : ""}${/SAVP/.test(m[3] ?? "") ? " srtp" : ""}`);
  const codec = /^a=rtpmap:\d+ ([\w.-]+)/m.exec(body)?.[1];
  const way = /^a=(sendonly|recvonly|inactive)\s*$/m.exec(body)?.[1];
  return shown(["SDP", ...kinds, codec, way].filter(Boolean).join(" "));
}

/** One line in which nothing is hidden. */
export function shown(text: string): string {
  return piecesOf(text).map((piece) => piece.text).join("");
}

/** Cut to so many characters. */
export function cut(text: string, most: number): string {
  const chars = [...text];
  return chars.length <= most ? text : chars.slice(0, most - 1).join("") + "…";
}
