import { describe, expect, it } from "vitest";
import { changesOf, differences, valueAt, withValue } from "./draft";

describe("a draft", () => {
  const read = { name: "Verdi", timers: { initial: "5s", invite: "2m" }, codecs: ["PCMA"], rewrite: [{ what: "cli", new: "" }] };

  it("is read and written by paths", () => {
    expect(valueAt(read, "timers.initial")).toBe("5s");
    expect(valueAt(read, "rewrite[0].what")).toBe("cli");
    expect(valueAt(read, "no.such[3].thing")).toBeUndefined();
    const next = withValue(read, "rewrite[0].new", "39");
    expect(next.rewrite[0]).toEqual({ what: "cli", new: "39" });
    expect(read.rewrite[0]?.new).toBe("");
    expect(next.timers).toBe(read.timers);
    expect(withValue({}, "a[1].b", 1)).toEqual({ a: [undefined, { b: 1 }] });
  });

  it("sends only what was changed", () => {
    expect(changesOf(read, read)).toEqual({});
    expect(changesOf(read, withValue(read, "timers.invite", "3m"))).toEqual({ timers: { invite: "3m" } });
    expect(changesOf(read, withValue(read, "codecs", []))).toEqual({ codecs: [] });
    expect(changesOf(read, withValue(read, "name", ""))).toEqual({ name: "" });
  });

  it("names what differs", () => {
    expect(differences(read, withValue(withValue(read, "timers.initial", "9s"), "name", "Rossi"))).toEqual(["name", "timers.initial"]);
  });
});
