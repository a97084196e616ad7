import { describe, expect, it } from "vitest";
import { type Message, type Traced, cut, labelOf, ladderOf, mediaOf, micros } from "./ladder";

const invite = "INVITE sip:100@x.test SIP/2.0\r\nCall-ID: a\r\nCSeq: 1 INVITE\r\n\r\nv=0\r\nm=audio 6002 RTP/SAVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendonly\r\n";
const message = (at: string, received: boolean, remote: string, text: string): Message => ({ at: `2026-11-22T08:11:26.${at}Z`, received, transport: "udp", local: "10.0.0.1:5060", remote, text });
const decision = { source: "192.0.2.1:5060", target: "198.51.100.7:5060", call_id: "a", far_call_id: "a", at: "2026-11-22T08:11:26Z", transport: "udp" } as Traced["decision"];

describe("ladderOf", () => {
  const busy = "SIP/2.0 486 Busy Here\r\nCSeq: 1 INVITE\r\n\r\n";
  const { lanes, rows } = ladderOf({
    decision,
    messages: [
      message("536488172", true, "192.0.2.1:5060", invite),
      message("536604558", false, "198.51.100.7:5060", invite),
      message("936604558", false, "198.51.100.7:5060", invite),
      message("986604558", true, "198.51.100.8:5060", busy),
    ],
  });

  it("has us between the sides, and a lane for each address", () => {
    expect(lanes.map((l) => l.remote)).toEqual(["192.0.2.1:5060", "us", "198.51.100.7:5060", "198.51.100.8:5060"]);
  });

  it("puts the decision behind the first request", () => {
    expect(rows.map((r) => r.kind)).toEqual(["message", "note", "message", "message", "message"]);
  });

  it("marks what is sent again, and times to the microsecond", () => {
    const arrows = rows.filter((r) => r.kind === "message");
    expect(arrows.map((a) => [a.from, a.to, a.again, a.ok])).toEqual([[0, 1, 0, true], [1, 2, 0, true], [1, 2, 1, true], [3, 1, 0, false]]);
    expect(arrows.map((a) => a.ms)).toEqual([0, 0.116, 400.116, 450.116]);
  });
});

it("tells hidden legs apart by Call-ID, even from one address", () => {
  const far = { ...decision, far_call_id: "b", target: "192.0.2.1:5060" };
  const { lanes } = ladderOf({ decision: far, messages: [message("1", true, "192.0.2.1:5060", invite), message("2", false, "192.0.2.1:5060", invite.replace("Call-ID: a", "i: b"))] });
  expect(lanes.map((l) => l.side)).toEqual(["left", "us", "right"]);
});

it("is there without messages, too", () => {
  expect(ladderOf({ decision, messages: [] })).toEqual({
    lanes: [{ remote: "192.0.2.1:5060", transport: "udp", side: "left" }, { remote: "us", transport: "", side: "us" }, { remote: "198.51.100.7:5060", transport: "", side: "right" }],
    rows: [{ kind: "note" }],
  });
});

it.each([
  ["SIP/2.0 200 OK\r\nCSeq: 2 BYE\r\n\r\n", "200 OK (BYE)"],
  ["BYE sip:x\u0007@y SIP/2.0\r\n\r\n", "BYE sip:x\u2407@y"],
  ["\r\n\r\n", ""],
])("labels %j", (text, label) => expect(labelOf(text).label).toBe(label));

it("says what a description speaks of", () => {
  expect(mediaOf(invite)).toBe("SDP audio srtp PCMU sendonly");
  expect(mediaOf("BYE x SIP/2.0\r\n\r\n")).toBe("");
});

it("reads microseconds", () => expect(micros("2026-11-22T08:11:26.5Z") % 1e6).toBe(500000));
it("cuts", () => expect(cut("abcdef", 4)).toBe("abc…"));
