// What the one search box finds, and which page shows it.

import type { Search } from "~/router";

export interface Found {
  kind: string;
  id: string | number;
  label: string;
  customer?: string;
  at?: string;
}

const lists: Record<string, string> = {
  customer: "/customers", company: "/companies", domain: "/domains", switch: "/switches", sip_user: "/sip-users", "sip-user": "/sip-users",
  user: "/users", destination: "/destinations", did: "/numbers", cli: "/numbers",
};

/** The page of a hit: an editor for a noun, the call for a call, a filtered list for the rest. */
export function placeOf(hit: Found): [string, Search] {
  const id = String(hit.id);
  const list = lists[hit.kind];
  if (list) return [list, { edit: id }];
  switch (hit.kind) {
    case "call": // the same id while it lives, when it is over, and where it was refused
    case "cdr":
    case "decision":
      return [`/call/${id}`, {}];
    case "ban":
      return ["/bans", { q: hit.label }];
    case "binding":
      return ["/registrations", { q: hit.label }];
  }
  return ["/find", { q: hit.label }];
}
