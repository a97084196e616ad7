package policy

import (
	"net/netip"
	"slices"

	"tollgate/internal/tenant"
	"tollgate/sip"
)

// mayEnter reports whether the source of r can be an entry: a flow that a phone has registered
// over, or asks to, is that phone's, also where a switch has the same address.
func (r *Request) mayEnter() bool { return r.Bound == 0 && r.Msg.Method() != sip.REGISTER }

// entryOf finds the customer's entry that r comes from: of those that fit the one with the
// longest tech prefix, of these that of the narrowest range, then the oldest. Where none fits
// it tells what the closest one missed, OK where none holds the source.
func (s *Snapshot) entryOf(r *Request, c *Customer, number *sip.URI) (best *Switch, why Reason) {
	if !c.egress || !r.mayEnter() {
		return nil, OK
	}
	var from caller
	h := s.holders(r.from().Addr())
	for list := h.next(); list != nil; list = h.next() {
		var here *Switch // of this range
		for _, sw := range list {
			if sw.Customer != c.Settings.ID {
				continue
			}
			missed := sw.misses(r, number)
			if missed == OK && sw.CLIAuthentication && !c.knows(from.of(r.Msg)) && !sw.knowsRewritten(r, c) {
				missed = CLIUnknown
			}
			switch {
			case missed != OK:
				why = max(why, missed)
			case here == nil, len(sw.TechPrefix) > len(here.TechPrefix), len(sw.TechPrefix) == len(here.TechPrefix) && sw.ID < here.ID:
				here = sw
			}
		}
		if here != nil && (best == nil || len(here.TechPrefix) > len(best.TechPrefix)) {
			best = here
		}
	}
	return best, why
}

// misses tells what of an entry does not fit a request, apart from its CLI; OK if all does.
// What comes later in the list of reasons came closer.
func (sw *Switch) misses(r *Request, number *sip.URI) Reason {
	if !sw.takes(r.Transport) {
		return WrongProtocol
	}
	if sw.TechPrefix != "" && !sw.prefixes(number) {
		return TechPrefixUnknown
	}
	return OK
}

// prefixes reports whether a number begins with the entry's tech prefix as it was dialled.
func (sw *Switch) prefixes(number *sip.URI) bool {
	var room [maxNumber]byte
	dialled, _, _ := readNumber(room[:0], number.User)
	return hasPrefix(dialled, sw.TechPrefix) || hasPrefix(withoutPlus(dialled), sw.TechPrefix)
}

// claim is whose a request is by one kind of evidence: nobody's, a customer's, or several's.
type claim struct {
	customer tenant.CustomerID
	several  bool
}

func (c *claim) add(id tenant.CustomerID) {
	c.several = c.several || c.customer != 0 && c.customer != id
	c.customer = id
}

// evidence is what tells apart the customers whose entries hold a source (mission row A12).
type evidence struct {
	did    claim // the number called is a DID of his
	prefix claim // it begins with his entry's tech prefix, the longest of all
	exact  claim // the calling number is one of his
	regex  claim // one of his regexes matches it
	plain  claim // his entry wants nothing of all that
	anyone claim // his entry holds the source, whether it fits or not

	longest int    // bytes of the tech prefix
	missed  Reason // by the entry that came closest
}

// gather looks at all entries that hold the source of r, but for those of customers with a
// destination at that address, unless at is invalid.
func (s *Snapshot) gather(e *evidence, r *Request, number *sip.URI, at netip.AddrPort) {
	if s.entries == nil || !r.mayEnter() {
		return
	}
	var from caller
	asked := false // some entry wants a CLI that is none of the exact ones
	h := s.holders(r.from().Addr())
	for list := h.next(); list != nil; list = h.next() {
		for _, sw := range list {
			if at.IsValid() && s.ownedBy(at, sw.Customer) {
				continue
			}
			e.anyone.add(sw.Customer)
			c := s.Customer(sw.Customer)
			switch missed := sw.misses(r, number); {
			case missed != OK:
				e.missed = max(e.missed, missed)
			case !sw.CLIAuthentication:
				e.weigh(sw, c, number)
			case c.callers.has(&c.Plan, from.of(r.Msg)):
				e.exact.add(sw.Customer)
			default:
				asked, e.missed = true, CLIUnknown
			}
		}
	}
	if asked && e.exact.customer == 0 {
		s.gatherRegexes(e, r, number, from.of(r.Msg), at)
	}
}

// weigh takes an entry that fits and wants no CLI.
func (e *evidence) weigh(sw *Switch, c *Customer, number *sip.URI) {
	if c.did(number) != nil {
		e.did.add(sw.Customer)
	}
	switch n := len(sw.TechPrefix); {
	case n == 0:
		e.plain.add(sw.Customer)
	case n > e.longest:
		e.longest, e.prefix = n, claim{customer: sw.Customer}
	case n == e.longest:
		e.prefix.add(sw.Customer)
	}
}

// gatherRegexes tries the regexes, since no exact number told.
func (s *Snapshot) gatherRegexes(e *evidence, r *Request, number, cli *sip.URI, at netip.AddrPort) {
	h := s.holders(r.from().Addr())
	for list := h.next(); list != nil; list = h.next() {
		for _, sw := range list {
			if !sw.CLIAuthentication || at.IsValid() && s.ownedBy(at, sw.Customer) || sw.misses(r, number) != OK {
				continue
			}
			if c := s.Customer(sw.Customer); c.callers.matches(&c.Plan, cli) || sw.knowsRewritten(r, c) {
				e.regex.add(sw.Customer)
			}
		}
	}
}

// knowsRewritten reports whether a calling number, as the entry's rules rewrite it, is one of
// the customer's.
func (sw *Switch) knowsRewritten(r *Request, c *Customer) bool {
	if sw.Rewriter == nil || len(sw.Rewriter.rules) == 0 && sw.Rewriter.cli == "" {
		return false
	}
	room, _ := c.callers.rooms.Get().(*callerRoom)
	defer c.callers.rooms.Put(room)
	n := &room.numbers
	*n = Numbers{}
	n.Read(r.Msg, true, false)
	sw.Rewriter.Apply(n, c, nil)
	return n.Calling.Changed && c.knows(&sip.URI{Scheme: sip.SchemeSIP, User: n.Calling.Bytes()})
}

// whose is the customer that the evidence of entries alone tells: by DID, tech prefix or CLI,
// else the one whose entry wants nothing.
func (e *evidence) whose() (tenant.CustomerID, Reason) {
	for _, c := range [...]*claim{&e.did, &e.prefix, &e.exact, &e.regex, &e.plain} {
		if c.several {
			return 0, EntryClash
		}
		if c.customer != 0 {
			return c.customer, OK
		}
	}
	return 0, e.missed
}

// disputes reports whether entries that fit claim a request without a CLI.
func (e *evidence) disputes() bool {
	return e.did.customer != 0 || e.prefix.customer != 0 || e.plain.customer != 0
}

// Entrants gives the customers whose entries hold an address, each once, in no order.
func (s *Snapshot) Entrants(addr netip.Addr) []tenant.CustomerID {
	var all []tenant.CustomerID
	h := s.holders(addr.Unmap())
	for list := h.next(); list != nil; list = h.next() {
		for _, sw := range list {
			if !slices.Contains(all, sw.Customer) {
				all = append(all, sw.Customer)
			}
		}
	}
	return all
}

// ownedBy reports whether a customer has a destination at an address.
func (s *Snapshot) ownedBy(at netip.AddrPort, customer tenant.CustomerID) bool {
	key := sourceKey{at, customer}
	_, is := s.sources.get(s.hashKey(key), key)
	return is
}

// byCaller finds the customer of a request from an address where several have a destination,
// or one has and others an entry, by the calling number. It tells nothing unless each of them
// has numbers to be known by: nobody can take what another one never claimed.
func (s *Snapshot) byCaller(e *evidence, r *Request, here *owners) tenant.CustomerID {
	var from caller
	cli := from.of(r.Msg)
	if cli == nil || len(here.tellers) < here.count || e.disputes() {
		return 0
	}
	for _, id := range here.tellers {
		if c := s.Customer(id); c.callers.has(&c.Plan, cli) {
			e.exact.add(id)
		}
	}
	if e.exact.customer != 0 {
		return e.exact.one()
	}
	for _, id := range here.tellers {
		if c := s.Customer(id); c.callers.matches(&c.Plan, cli) {
			e.regex.add(id)
		}
	}
	return e.regex.one()
}

// one is the customer if there is just one, else 0.
func (c *claim) one() tenant.CustomerID {
	if c.several {
		return 0
	}
	return c.customer
}
