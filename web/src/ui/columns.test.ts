import { expect, it } from "vitest";
import { choiceOf, isShown } from "./Columns";

const column = { label: "calls.user", render: () => null };

it("keeps what was chosen, and begins with what is not rare", () => {
  expect(isShown(column, {})).toBe(true);
  expect(isShown({ ...column, rare: true }, {})).toBe(false);
  expect(isShown({ ...column, rare: true }, { "calls.user": true })).toBe(true);
  expect(isShown(column, { "calls.user": false })).toBe(false);
  expect(isShown({ ...column, fixed: true }, { "calls.user": false })).toBe(true);
});

it("takes nothing from the browser that is no choice", () => {
  expect(choiceOf(`{"a":true,"b":"no","c":false}`)).toEqual({ a: true, c: false });
  for (const text of [null, "", "null", "[true]", "{", "3"]) expect(choiceOf(text)).toEqual({});
});
