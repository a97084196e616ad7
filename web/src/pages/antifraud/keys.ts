import type { Schemas } from "~/api/client";

/** A key with whose it is. */
export interface KeyRow {
  key: string;
  customer_id: number;
  customer: string;
  method: Schemas["Threshold"]["method"];
  threshold: number;
  from: string;
  to: string;
  count: number;
  shut_until?: string;
}

/** The keys of all thresholds: those that are shut first, then by how near they are to their threshold. */
export function keysOf(thresholds: readonly Schemas["Threshold"][]): KeyRow[] {
  const rows = thresholds.flatMap((r) =>
    r.keys.map((k, i) => ({ key: `${r.customer_id}.${r.method}.${i}`, customer_id: r.customer_id, customer: r.customer, method: r.method, threshold: r.threshold, ...k })),
  );
  return rows.sort((a, b) => Number(!!b.shut_until) - Number(!!a.shut_until) || b.count / b.threshold - a.count / a.threshold);
}
