// What is asked of the API about one call.

import { useQuery } from "@tanstack/react-query";
import { type Schemas, call } from "~/api/client";
import type { Page } from "~/api/nouns";

const every = 3_000; // ms between two readings while it lasts

/** The decision and the messages; read anew while the call lasts. */
export function useTrace(id: string) {
  return useQuery({
    queryKey: ["noun", "traces", "item", id],
    queryFn: async ({ signal }) => (await call<Schemas["Traced"]>("GET", `/traces/${encodeURIComponent(id)}`, { signal })).body,
    refetchInterval: (query) => (query.state.data && !query.state.data.decision.ended && !query.state.data.decision.refused ? every : false),
    placeholderData: undefined,
    enabled: id !== "",
  });
}

/** The record, of a call that is over; it is stored a moment later. */
export function useCDR(id: string, enabled: boolean) {
  return useQuery({
    queryKey: ["noun", "cdrs", "item", id],
    queryFn: async ({ signal }) => (await call<Schemas["CDR"]>("GET", `/cdrs/${encodeURIComponent(id)}`, { signal })).body,
    placeholderData: undefined,
    staleTime: Infinity,
    retry: 2,
    retryDelay: 1500,
    enabled: enabled && id !== "",
  });
}

/** The call in the list of those that live; undefined where it does not. */
export function useLive(id: string, enabled: boolean): Schemas["Summary"] | undefined {
  const query = useQuery({
    queryKey: ["noun", "calls", "one", id],
    queryFn: async ({ signal }) => (await call<Page<Schemas["Summary"]>>("GET", "/calls", { query: { q: id, limit: 1 }, signal })).body.items.find((c) => c.id === id) ?? null,
    refetchInterval: every,
    placeholderData: undefined,
    enabled: enabled && id !== "",
  });
  return enabled ? (query.data ?? undefined) : undefined;
}

/** The last good call to the same number, and its trace where there is one. */
export function useSimilar(cdr: Schemas["CDR"]) {
  return useQuery({
    queryKey: ["noun", "cdrs", "similar", cdr.seq],
    queryFn: async ({ signal }) => (await call<Similar>("GET", `/cdrs/${cdr.seq}/similar`, { signal })).body,
    staleTime: 60_000,
    placeholderData: undefined,
  });
}

export interface Similar {
  good: Schemas["CDR"] | null;
  differences: { field: string; good: string; bad: string }[];
}
