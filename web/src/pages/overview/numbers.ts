// The overview's numbers: what is asked, what the stream adds each second, and the lines of the last hour.

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type Schemas, call } from "~/api/client";
import { useEvent } from "~/api/events";

export type Overview = Schemas["Overview"];
export type Minute = Schemas["Minute"];

// The event "calls", each second.
interface CountEvent {
  at: string;
  calls: number;
  calls_per_second: number;
  registrations: number;
}

const every = 5_000; // ms

/** The overview of a customer, or of all; its live counters come each second. */
export function useOverview(customer: number | undefined) {
  const query = useQuery({
    queryKey: ["noun", "overview", customer],
    queryFn: async ({ signal }) => (await call<Overview>("GET", "/overview", { query: { customer }, signal })).body,
    refetchInterval: every,
  });
  const [now, setNow] = useState<CountEvent & { of?: number }>();
  useEvent("calls", (data) => setNow({ ...(data as CountEvent), of: customer }));
  const fresh = now && now.of === customer && query.data && Date.parse(now.at) > Date.parse(query.data.at) ? now : undefined;
  const data = query.data && fresh ? { ...query.data, calls: fresh.calls, calls_per_second: fresh.calls_per_second, registrations: fresh.registrations } : query.data;
  return { ...query, data };
}

/** The share of calls that was answered in a minute, in per cent; null where none was decided. */
export function asrOf(m: Minute): number | null {
  const decided = m.answered + m.failed + m.refused;
  return decided ? (m.answered / decided) * 100 : null;
}

/** Minutes without the last one, which is not over and would always look like a fall. */
export function whole(minutes: readonly Minute[]): Minute[] {
  return minutes.slice(0, -1);
}
