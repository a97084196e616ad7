import { expect, it } from "vitest";
import { type Live, LiveCalls, shownOf } from "./live";

const live = (id: string, started = "2026-11-22T08:00:00Z", from = "") => ({ id, started, from, to: "", call_id: "", source: "", destination: "", target: "", customer: "", state: "" }) as Live;
const ids = (list: Live[]) => list.map((c) => c.id);

it("keeps calls by events", () => {
  const calls = new LiveCalls();
  calls.load([live("a"), live("b")]);
  calls.apply({ what: "start", call: live("c") });
  calls.apply({ what: "end", call: live("a") });
  calls.apply({ what: "change", call: live("b", undefined, "x") });
  expect(ids(calls.list())).toEqual(["b", "c"]);
  expect(calls.list()[0]?.from).toBe("x");
});

it("does not bring back what ended while the list was read", () => {
  const calls = new LiveCalls();
  calls.apply({ what: "end", call: live("a") });
  calls.load([live("a"), live("b")]);
  expect(ids(calls.list())).toEqual(["b"]);
  calls.load([live("a")]);
  expect(ids(calls.list())).toEqual(["a"]);
});

it("filters and sorts", () => {
  const list = [live("a", "1", "Anna"), live("b", "2", "bruno"), live("c", "3", "ANNALISA")];
  expect(ids(shownOf(list, "anna", "newest", () => undefined))).toEqual(["c", "a"]);
  expect(ids(shownOf(list, "", "longest", () => undefined))).toEqual(["a", "b", "c"]);
  expect(ids(shownOf(list, "", "worst", (c) => (c.id === "b" ? 2.1 : undefined)))).toEqual(["b", "a", "c"]);
});
