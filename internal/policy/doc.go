// Package policy decides: which customer a request belongs to (step 7 of the way of a
// message) and where it goes (step 13). All configuration is compiled into an immutable
// Snapshot; a decision is a pure function of a Snapshot and a Request, takes no lock,
// allocates nothing and ends in a Verdict that names its reason.
//
// Not its job: sockets, clocks, storage, resolving names (Table.Resolved is told), and
// whether a destination is up (Request.Health is asked).
//
// The same matching of header rules serves routing and firewall: see ruleSet.
//
// RFC 3261 (requests, URIs), RFC 3966 (tel: and its numbers).
package policy
