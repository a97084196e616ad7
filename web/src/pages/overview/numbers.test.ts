import { expect, it } from "vitest";
import { asrOf, whole } from "./numbers";

const minute = (answered: number, failed: number, refused: number) => ({ at: "", attempts: 0, answered, failed, refused, pdd_seconds: null, mos: null });

it("gives the share of answered calls", () => {
  expect(asrOf(minute(3, 1, 0))).toBe(75);
  expect(asrOf(minute(0, 0, 2))).toBe(0);
  expect(asrOf(minute(0, 0, 0))).toBeNull();
});

it("leaves out the minute that is not over", () => expect(whole([minute(1, 0, 0), minute(2, 0, 0)])).toHaveLength(1));
