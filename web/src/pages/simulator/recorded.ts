// A request that came, as the fields of the simulator.

import type { Schemas } from "~/api/client";

export interface Typed {
  method: string;
  from: string;
  to: string;
  source: string;
  transport: string;
  headers: string; // one a line
}

const said = ["user-agent", "allow", "supported", "p-asserted-identity", "p-preferred-identity", "remote-party-id", "privacy", "diversion"];
const short: Record<string, string> = { k: "supported" };

/** The headers of a message that decide anything, unfolded (RFC 3261 7.3.1). */
export function headersOf(message: string): string[] {
  const head = message.replace(/\r\n?/g, "\n").split("\n\n", 1)[0] ?? "";
  const lines = head.replace(/\n[ \t]+/g, " ").split("\n").slice(1);
  return lines.filter((line) => {
    const name = line.split(":", 1)[0]?.trim().toLowerCase() ?? "";
    return said.includes(short[name] ?? name);
  });
}

/** Its first message, where the trace has it, holds more than the decision does. */
export function typedOf(decision: Schemas["Decision"], first?: string): Typed {
  const agent = decision.user_agent ? [`User-Agent: ${decision.user_agent}`] : [];
  return {
    method: decision.method,
    from: uriOf(decision.from),
    to: decision.uri || uriOf(decision.to),
    source: decision.source,
    transport: ["tcp", "tls"].includes(decision.transport) ? decision.transport : "udp",
    headers: (first ? headersOf(first) : agent).join("\n"),
  };
}

/** The URI of a header such as "Anna" <sip:100@acme.example>;tag=1. */
export function uriOf(value: string): string {
  const angled = /<([^>]*)>/.exec(value);
  return angled?.[1] ?? value.split(";", 1)[0]?.trim() ?? "";
}
