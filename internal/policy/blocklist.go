package policy

import (
	"bytes"
	"fmt"
	"slices"

	"tollgate/internal/tenant"
	"tollgate/sip"
)

// blocklist is the number prefixes that a customer's calls may not go to (mission row B1),
// in the form in which numbers are compared. One of a domain holds for requests that name
// that domain, one without for all of the customer's calls, those of his PBX too.
type blocklist struct {
	given    []tenant.BlocklistEntry // as they came, to see whether they changed
	country  string
	enforced barred
	// monitored are apart: the longest prefix decides, and one that only counts must not stand before
	// a shorter one that refuses. nil: there are none.
	monitored *barred
}

// barred is prefixes for all of the customer's calls, and those of his domains.
type barred struct {
	domains map[string]*prefixes
	all     prefixes
}

type blocked struct {
	id     tenant.EntryID
	prefix string // as it was written
	hits   *Hits
}

// compileBlocklist compiles a block list; an unchanged one is taken over from was, which may
// be nil, and each entry that stays with what it has counted.
func compileBlocklist(given []tenant.BlocklistEntry, plan *NumberPlan, was *blocklist, sameplan bool) (*blocklist, error) {
	if was != nil && sameplan && slices.Equal(given, was.given) {
		return was, nil
	}
	out := &blocklist{given: slices.Clone(given), country: plan.Country}
	hits := make(map[tenant.EntryID]*Hits)
	if was != nil {
		was.each(func(b *blocked) { hits[b.id] = b.hits })
	}
	for i := range given {
		e := &given[i]
		if e.Mode == "monitor" && out.monitored == nil {
			out.monitored = new(barred)
		}
		into, err := out.of(e).list(e.Domain, true)
		if err != nil {
			return nil, fmt.Errorf("blocklist %q: %w", e.Prefix, err)
		}
		b := &blocked{id: e.ID, prefix: e.Prefix, hits: hits[e.ID]}
		if b.hits == nil {
			b.hits = new(Hits)
		}
		into.add(keyOf(b.prefix, plan), b)
	}
	return out, nil
}

// keyOf is a prefix in the form in which numbers are compared.
func keyOf(prefix string, plan *NumberPlan) string {
	key, _ := plan.Append(nil, []byte(prefix), []byte{})
	return string(key)
}

// of is where an entry stands by its mode, nil where there is none of that mode.
func (l *blocklist) of(e *tenant.BlocklistEntry) *barred {
	if e.Mode == "monitor" {
		return l.monitored
	}
	return &l.enforced
}

// list is the prefixes of a domain, "": of all calls. Where there are none yet it is nil, or made.
func (l *barred) list(domain string, grow bool) (*prefixes, error) {
	if domain == "" {
		return &l.all, nil
	}
	name, err := CanonicalDomain(domain)
	if err != nil {
		return nil, err
	}
	if l.domains[name] == nil && grow {
		if l.domains == nil {
			l.domains = map[string]*prefixes{}
		}
		l.domains[name] = new(prefixes)
	}
	return l.domains[name], nil
}

func (l *blocklist) each(f func(*blocked)) {
	for _, part := range []*barred{&l.enforced, l.monitored} {
		if part == nil {
			continue
		}
		part.all.each(f)
		for _, p := range part.domains {
			p.each(f)
		}
	}
}

// find is the entry that holds for a call to a number: first those of the domain that it
// names. A phone that names none (tel:) is held against those of all domains, since it could
// have named any.
func (l *barred) find(number []byte, id *Identity, country string) *blocked {
	var found *blocked
	switch {
	case id.Direction != Inbound:
	case id.Domain != "":
		found = l.domains[id.Domain].find(number, country)
	default:
		for _, p := range l.domains { // in any order, so that the oldest entry counts
			if b := p.find(number, country); b != nil && (found == nil || b.id < found.id) {
				found = b
			}
		}
	}
	if found == nil {
		found = l.all.find(number, country)
	}
	return found
}

// Blocklist refuses calls to numbers that may not be called (step 12). The number is
// compared in E.164: neither "+", "00", separators, escapes nor a phone-context hide it, and
// neither does what an entry's rewriting makes of it. Of a REFER it is that of Refer-To. An identifier of ours, by
// which the PBX calls a phone, begins with digits and is no number.
func (s *Snapshot) Blocklist(r *Request, id *Identity) Verdict {
	c := id.Customer
	if r.Msg.Method() == sip.REFER && id.Direction == Inbound {
		return c.Referral(r, id)
	}
	if r.Msg.Method() != sip.INVITE || len(c.blocklist.given) == 0 {
		return Verdict{}
	}
	uri, err := sip.ParseURI(r.Msg.RequestURI())
	if err != nil || len(uri.User) == 0 {
		return Verdict{}
	}
	var buf [3 * maxNumber]byte
	number := buf[:0]
	if r.Ours == nil || !r.Ours(r.Msg.RequestURI()) {
		number, _ = c.Plan.AppendURI(number, &uri)
		if v := c.blocked(r, id, number); v.Refused() {
			return v
		}
		if v := c.otherwise(r, id, &uri, number); v.Refused() {
			return v
		}
	}
	if !id.Numbers.read {
		return Verdict{}
	}
	var rewritten [3 * maxNumber]byte
	if key := id.Numbers.AppendKey(rewritten[:0], &c.Plan); string(key) != string(number) {
		return c.blocked(r, id, key)
	}
	return Verdict{}
}

// otherwise holds against the block list what a switch may make of a phone-context that reads it
// otherwise than we do: one that knows none calls the number without it, one that looks behind the
// host finds it there, though it belongs in the user part (RFC 3261 19.1.6). known is the number as
// we read it.
func (c *Customer) otherwise(r *Request, id *Identity, u *sip.URI, known []byte) Verdict {
	user, params, _ := bytes.Cut(u.User, []byte{';'})
	behind, _ := u.Param("phone-context")
	if len(params) == 0 && len(behind) == 0 {
		return Verdict{}
	}
	for _, context := range [...][]byte{{}, behind} {
		if context == nil {
			break
		}
		var buf [3 * maxNumber]byte
		if number, _ := c.Plan.Append(buf[:0], user, context); string(number) != string(known) {
			if v := c.blocked(r, id, number); v.Refused() {
				return v
			}
		}
	}
	return Verdict{}
}

// blocked holds a number, in the form in which numbers are compared, against the block list.
func (c *Customer) blocked(r *Request, id *Identity, number []byte) Verdict {
	l := c.blocklist
	if l.monitored != nil {
		if b := l.monitored.find(number, id, l.country); b != nil {
			b.spare(r, id, number)
		}
	}
	b := l.enforced.find(number, id, l.country)
	if b == nil {
		return Verdict{}
	}
	if id.Emergency || c.Transparent {
		b.spare(r, id, number)
		return Verdict{}
	}
	b.hits.note(r, number)
	return b.refusal()
}

func (b *blocked) refusal() Verdict {
	v := Refuse(Blocklisted)
	v.Rule, v.Name = tenant.RuleID(b.id), b.prefix
	return v
}

// spare counts a call that the entry would refuse: once, though each form of its number is looked up.
func (b *blocked) spare(r *Request, id *Identity, number []byte) {
	if id.Spare(b.refusal()) {
		b.hits.note(r, number)
	}
}

// BlocklistTally gives what an entry of the customer's block list has matched; nothing, if it
// is not in force. It costs the same for lists of any length.
func (c *Customer) BlocklistTally(e *tenant.BlocklistEntry) Tally {
	if b := c.blocklist.entry(e, &c.Plan); b != nil && b.id == e.ID {
		return b.hits.Tally()
	}
	return Tally{}
}

// entry finds what stands where e would be put, nil if nothing does.
func (l *blocklist) entry(e *tenant.BlocklistEntry, plan *NumberPlan) *blocked {
	part := l.of(e)
	if part == nil {
		return nil
	}
	list, err := part.list(e.Domain, false)
	if err != nil || list == nil {
		return nil
	}
	return list.get(keyOf(e.Prefix, plan))
}

// blocklist tells what the block list found, for an explanation.
func (l Language) blocklist(id *Identity, v Verdict) string {
	list := id.Customer.blocklist
	if len(list.given) == 0 {
		return ""
	}
	if v.Rule != 0 {
		text := ""
		list.each(func(b *blocked) {
			if tenant.RuleID(b.id) == v.Rule {
				text = l.Say("The number begins with %q, which is on the block list.", b.prefix)
			}
		})
		return text
	}
	switch {
	case id.Emergency:
		return l.Say("An emergency call passes the block list.")
	case id.Customer.Transparent:
		return l.Say("The customer is transparent: the block list only counts.")
	}
	return l.Say("None of %d entries of the block list forbids it.", len(list.given))
}
