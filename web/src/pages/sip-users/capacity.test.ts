import { expect, it } from "vitest";
import { taken, takes } from "./capacity";

const profiles = new Map([[1, { channels: 3, capacity: 0 }], [2, { channels: 0, capacity: 5 }]]);

it.each([
  ["his own", { channels: 2, profile_id: 1 }, 10, 2],
  ["his profile's", { channels: null, profile_id: 1 }, 10, 3],
  ["one where the account is limited", { channels: null }, 10, 1],
  ["one rather than no end", { channels: 0, profile_id: 1 }, 10, 1],
  ["one where the profile is limited", { channels: 0, profile_id: 2 }, 0, 1],
  ["up to the account where that has no end", { channels: null }, 0, 0],
  ["what is left without the profile", { channels: null, profile_id: 9 }, 10, 1],
])("takes %s", (_, user, limit, n) => expect(takes(user, profiles, limit)).toBe(n));

it("adds them up", () => expect(taken([{ channels: 2 }, { channels: null, profile_id: 1 }, { channels: null }], profiles, 10)).toBe(6));
