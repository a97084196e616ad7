import { expect, it } from "vitest";
import { hostOf, isName } from "./source";

it.each([
  ["192.0.2.1:5060", "192.0.2.1"],
  ["[2001:db8::1]:5060", "2001:db8::1"],
  ["192.0.2.1", "192.0.2.1"],
  ["", ""],
])("%s comes from %s", (source, host) => expect(hostOf(source)).toBe(host));

it.each([
  ["pbx.acme.example", true],
  ["localhost", true],
  ["192.0.2.1", false],
  ["2001:db8::1", false],
  ["<script>", false],
  ["", false],
  [undefined, false],
])("%s may be a domain: %s", (host, yes) => expect(isName(host)).toBe(yes));
