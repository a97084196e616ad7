import { useCallback, useMemo } from "react";
import type { Schemas } from "~/api/client";
import { useAll } from "~/api/nouns";

/** Why calls were refused, by their reference: the API's own sentence with the rule's name. Decisions go
 *  sooner than call records, whose reason then stands alone. */
export function useSentences(customer: number | undefined, since: string | undefined): (ref: string) => string | undefined {
  const decisions = useAll<Schemas["Decision"]>("decisions", { customer, since });
  const byRef = useMemo(() => new Map(decisions.data?.filter((d) => d.reason !== "ok").map((d) => [d.ref, whyOf(d)])), [decisions.data]);
  return useCallback((ref) => byRef.get(ref), [byRef]);
}

/** A decision in words: its sentence, and what decided. */
export function whyOf(d: Pick<Schemas["Decision"], "sentence" | "rule_name" | "counter" | "limit">): string {
  const by = d.rule_name || d.counter || d.limit;
  return by ? `${d.sentence} (${by})` : d.sentence;
}
