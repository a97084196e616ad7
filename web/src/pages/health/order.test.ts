import { expect, it } from "vitest";
import { matches, sorted, statusOf } from "./order";

const d = (name: string, status: string, more: object = {}) => ({ name, customer: "a", group: 1, priority: 1, disabled: false, state: { status, addresses: [], last_code: 0, rtt_ms: 0 }, ...more }) as never;

it("puts what is wrong first", () => {
  const list = [d("off", "off"), d("up", "up"), d("gone", "down", { disabled: true }), d("unknown", "unknown"), d("down", "down"), d("up first", "up", { priority: 0 })];
  expect(sorted(list).map((x: { name: string }) => x.name)).toEqual(["down", "unknown", "up first", "up", "off", "gone"]);
});

it("narrows", () => {
  expect(statusOf(d("x", "up", { disabled: true }))).toBe("disabled");
  expect(["up", "down", "unknown", "off"].filter((s) => matches(d("x", s), "down"))).toEqual(["down", "unknown"]);
  expect(matches(d("x", "off"), "all")).toBe(true);
});
