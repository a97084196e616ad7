import { expect, it } from "vitest";
import type { Schemas } from "~/api/client";
import { keysOf } from "./keys";

const threshold = (of: Partial<Schemas["Threshold"]>): Schemas["Threshold"] => ({
  customer_id: 1, customer: "acme", method: "invite", threshold: 10, mode: "enforce", triggered: 0, would: 0, refused: 0, keys: [], ...of,
});

it("puts what is shut first, then what is nearest to its threshold", () => {
  const rows = keysOf([
    threshold({ keys: [{ from: "a", to: "1", count: 3 }, { from: "b", to: "2", count: 9 }] }),
    threshold({ customer_id: 2, method: "options", threshold: 100, keys: [{ from: "c", to: "", count: 1, shut_until: "2026-01-01T00:00:00Z" }] }),
  ]);
  expect(rows.map((r) => r.from)).toEqual(["c", "b", "a"]);
  expect(new Set(rows.map((r) => r.key)).size).toBe(3);
});
