import { expect, it } from "vitest";
import { headersOf, typedOf, uriOf } from "./recorded";

it.each([
  ['"Anna" <sip:100@acme.example;transport=tcp>;tag=1', "sip:100@acme.example;transport=tcp"],
  ["sip:100@acme.example;tag=1", "sip:100@acme.example"],
  ["", ""],
])("finds the URI of %j", (value, uri) => expect(uriOf(value)).toBe(uri));

const message = "INVITE sip:200@acme.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1\r\nUser-Agent: Yealink\r\n T42\r\nk: timer\r\nSubject: x\r\n\r\nv=0\r\nAllow: in a body\r\n";

it("takes the headers that decide, unfolded, and none of the body", () => expect(headersOf(message)).toEqual(["User-Agent: Yealink T42", "k: timer"]));

it("types a recorded request", () => {
  const decision = { method: "INVITE", from: "<sip:1@a>;tag=x", to: "<sip:2@b>", uri: "sip:2@b", source: "192.0.2.1:5060", transport: "ws", user_agent: "Snom" } as never;
  expect(typedOf(decision)).toEqual({ method: "INVITE", from: "sip:1@a", to: "sip:2@b", source: "192.0.2.1:5060", transport: "udp", headers: "User-Agent: Snom" });
  expect(typedOf(decision, message).headers).toBe("User-Agent: Yealink T42\nk: timer");
});
