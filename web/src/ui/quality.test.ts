import { expect, it } from "vitest";
import { type Figures, heardOf } from "./quality";

const side = (side: string, average: number | undefined, loss_percent: number, packets = 100) =>
  ({ stream: 0, side, codec: packets ? "PCMA" : undefined, mos: average && { min: 1, average, max: 5 }, loss_percent, packets }) as Figures;

it("tells the worse side", () => {
  expect(heardOf([side("caller", 4.3, 0), side("callee", 3.2, 2.5)])).toEqual({ codec: "PCMA", mos: 3.2, loss: 2.5 });
  expect(heardOf([side("caller", 4.3, 0), side("callee", undefined, 0, 0)])).toEqual({ codec: "PCMA", mos: 4.3, loss: 0 });
  expect(heardOf([side("caller", undefined, 0, 0)])).toEqual({ codec: "", mos: undefined, loss: undefined });
});

it("knows nothing of a call that is not bridged", () => {
  expect(heardOf(undefined)).toBeUndefined();
  expect(heardOf(null)).toBeUndefined();
});
