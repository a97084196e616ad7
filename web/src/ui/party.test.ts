import { describe, expect, it } from "vitest";
import { partyOf, verdictOf } from "./party";

describe("partyOf", () => {
  it.each([
    ['"Anna \\"A\\" Rossi" <sip:+39040123@pbx.example;user=phone>', { user: "+39040123", host: "pbx.example", name: 'Anna "A" Rossi' }],
    ["sipp <sip:sipp@127.0.0.1:6000>", { user: "sipp", host: "127.0.0.1:6000", name: "sipp" }],
    ["<sips:100@[2001:db8::1]:5061>", { user: "100", host: "[2001:db8::1]:5061", name: "" }],
    ["sip:100@demo.example;transport=tcp", { user: "100", host: "demo.example", name: "" }],
    ["tel:+39040123;phone-context=x", { user: "+39040123", host: "", name: "" }],
    ["<script>alert(1)</script>", { user: "script", host: "", name: "" }],
    ["", { user: "", host: "", name: "" }],
  ])("%s", (text, want) => expect(partyOf(text)).toEqual(want));
});

describe("verdictOf", () => {
  it.each([
    [{ answered: "2026-11-22T08:00:00Z", ended: "2026-11-22T08:01:00Z", ended_by: "caller" }, "answered"],
    [{ ended: "2026-11-22T08:01:00Z", ended_by: "tollgate" }, "refused"],
    [{ ended: "2026-11-22T08:01:00Z", ended_by: "callee" }, "failed"],
    [{ refused: true, answered: false }, "refused"],
    [{ refused: false, answered: false }, "on"],
    [{ refused: false, answered: true }, "answered"],
  ] as const)("%j", (told, want) => expect(verdictOf(told)).toBe(want));
});
