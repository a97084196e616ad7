// In which order destinations are shown, and which of them.

import type { Schemas } from "~/api/client";

type Destination = Schemas["Destination"];

const ranks: Record<string, number> = { down: 0, unknown: 1, up: 2, off: 3, disabled: 4 };

/** Its state in a word; disabled goes before all others. */
export function statusOf(d: Pick<Destination, "disabled" | "state">): string {
  return d.disabled ? "disabled" : d.state.status;
}

/** What is wrong first, then by customer, group and priority. */
export function sorted<T extends Pick<Destination, "disabled" | "state" | "customer" | "group" | "priority" | "name">>(list: readonly T[]): T[] {
  const rank = (d: T) => ranks[statusOf(d)] ?? 1;
  return [...list].sort((a, b) => rank(a) - rank(b) || a.customer.localeCompare(b.customer) || a.group - b.group || a.priority - b.priority || a.name.localeCompare(b.name));
}

/** Whether the choice above the list keeps it: "down" is all that does not answer. */
export function matches(d: Pick<Destination, "disabled" | "state">, only: string): boolean {
  const status = statusOf(d);
  return only === "down" ? status === "down" || status === "unknown" : only === "up" ? status === "up" : true;
}
