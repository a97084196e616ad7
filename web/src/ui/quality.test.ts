import { expect, it } from "vitest";
import { heardOf } from "./quality";

it("tells the worse side", () => {
  const side = (side: string, average: number, loss_percent: number, sound = "heard") => ({ stream: 0, side, codec: "PCMA", mos: { min: 1, average, max: 5 }, loss_percent, sound });
  expect(heardOf([side("caller", 4.3, 0), side("callee", 3.2, 2.5)])).toEqual({ codec: "PCMA", mos: 3.2, loss: 2.5, oneWay: false });
  expect(heardOf([side("caller", 4.3, 0), side("callee", 0, 0, "never")])?.oneWay).toBe(true);
  expect(heardOf(undefined)).toBeUndefined();
  expect(heardOf([{ Side: 1 }, null])).toBeUndefined();
});
