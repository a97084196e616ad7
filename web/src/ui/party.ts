// Who called and what became of it, as lists show it.

export interface Party {
  /** The user of the address, mostly a number; else the host. */
  user: string;
  host: string;
  name: string;
}

/** The parts of a From or To such as "Anna" <sip:100@pbx.example>; anything else is all user. */
export function partyOf(text: string): Party {
  const angle = /^\s*(?:"((?:[^"\\]|\\.)*)"|([^<"]*?))\s*<([^>]*)>/.exec(text);
  const uri = (angle ? (angle[3] ?? "") : text).trim();
  const name = (angle?.[1]?.replace(/\\(.)/g, "$1") ?? angle?.[2] ?? "").trim();
  const sip = /^(?:sips?|tel):([^;?]*)/i.exec(uri);
  if (!sip) return { user: uri, host: "", name };
  const rest = sip[1] ?? "";
  const at = rest.lastIndexOf("@");
  if (at < 0) return { user: rest, host: "", name };
  return { user: rest.slice(0, at).replace(/:.*$/, ""), host: rest.slice(at + 1), name };
}

export type Verdict = "answered" | "failed" | "refused" | "on";

interface Told {
  answered?: string | boolean;
  refused?: boolean;
  ended?: string;
  ended_by?: string;
}

/** What became of a call or request: "on" while it goes on. */
export function verdictOf(it: Told): Verdict {
  if (it.refused) return "refused";
  if (!it.ended && it.refused !== undefined) return it.answered ? "answered" : "on";
  if (it.answered) return "answered";
  return it.ended_by === "tollgate" ? "refused" : "failed";
}
