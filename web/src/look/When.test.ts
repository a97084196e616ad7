import { expect, it } from "vitest";
import { secondsOf, spanText, timeText } from "./When";

it.each([[0, "0 s"], [59.4, "59 s"], [60, "1 min"], [200, "3 min 20 s"], [7500, "2 h 05 min"], [273600, "3 d 4 h"], [-3, "0 s"]])("writes %d seconds", (seconds, text) => {
  expect(spanText(seconds)).toBe(text);
});

it.each([["5s", 5], ["2m", 120], ["1h30m", 5400], ["100ms", 0.1], ["180d", 15552000], ["5", NaN], ["", NaN], ["5s x", NaN]])("reads %s", (text, seconds) => {
  expect(secondsOf(text)).toBe(seconds);
});

it("leaves the day out today, and everything of the zero time", () => {
  const now = new Date("2026-11-22T12:00:00");
  expect(timeText("2026-11-22T08:24:49", "en", false, now)).toBe("08:24:49");
  expect(timeText("2025-11-21T08:24:49", "en", false, now)).toContain("2025");
  expect(timeText("0001-01-01T00:00:00Z", "en", true, now)).toBe("");
});
