// What a header held in requests that have come lately.

import { useMutation } from "@tanstack/react-query";
import { call, type Schemas } from "~/api/client";

const looked = 200; // of the last requests
const most = 50; // different values

type Decision = Schemas["Decision"];

const held: Record<string, (d: Decision) => string | undefined> = {
  "request-uri": (d) => d.uri,
  "source-ip": (d) => addressOf(d.source),
  "user-agent": (d) => d.user_agent ?? "",
  from: (d) => d.from,
  to: (d) => d.to,
};

/** The headers that decisions keep: samples are known of these. */
export const sampled = Object.keys(held);

/** An address without its port: 192.0.2.1:5060, [2001:db8::1]:5060. */
export function addressOf(source: string): string {
  const bracketed = /^\[([^\]]+)\]/.exec(source);
  if (bracketed?.[1]) return bracketed[1];
  const parts = source.split(":");
  return parts.length === 2 ? (parts[0] ?? "") : source;
}

/** The different values of a header in decisions, in their order, empty ones too. */
export function valuesOf(header: string, decisions: Decision[]): string[] {
  const value = held[header];
  if (!value) return [];
  return [...new Set(decisions.flatMap((d) => value(d) ?? []))].slice(0, most);
}

export function useSamples(customer: number | undefined) {
  return useMutation({
    mutationFn: async (header: string) => valuesOf(header, (await call<Schemas["PageDecision"]>("GET", "/decisions", { query: { customer, limit: looked } })).body.items),
  });
}
