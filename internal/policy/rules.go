package policy

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"sync"

	"tollgate/internal/tenant"
	"tollgate/sip"
)

// ruleSet is header rules in order, compiled so that each header is matched once for all
// the rules on it. Routing uses it, and whatever else decides by header rules.
type ruleSet struct {
	headers []headerRules // those that rules look at; empty: there are no rules
	rooms   *sync.Pool    // of *scratch
}

// none says that there are no rules.
func (s *ruleSet) none() bool { return len(s.headers) == 0 }

// rule is one compiled header rule and its rank: the place in the order of evaluation.
type rule struct {
	rank    int
	header  header
	pattern pattern
	cidr    netip.Prefix // valid: a cidr rule, else pattern holds
}

// header is one that rules can look at.
type header uint8

const (
	headerURI header = iota
	headerSource
	headerAgent
	headerFrom
	headerTo
	headerAllow
	headerSupported
	headerCount
)

// headerOf reads the name of a header as a rule writes it.
func headerOf(name string) (header, error) {
	switch name {
	case "request-uri":
		return headerURI, nil
	case "source-ip":
		return headerSource, nil
	case "user-agent":
		return headerAgent, nil
	case "from":
		return headerFrom, nil
	case "to":
		return headerTo, nil
	case "allow":
		return headerAllow, nil
	case "supported":
		return headerSupported, nil
	}
	return 0, fmt.Errorf("header %q: write request-uri, source-ip, user-agent, from, to, allow or supported", name)
}

// id is the header of the message; HdrOther where it is not one of its header lines.
func (h header) id() sip.HeaderID {
	switch h {
	case headerAgent:
		return sip.HdrUserAgent
	case headerFrom:
		return sip.HdrFrom
	case headerTo:
		return sip.HdrTo
	case headerAllow:
		return sip.HdrAllow
	case headerSupported:
		return sip.HdrSupported
	default:
		return sip.HdrOther
	}
}

// recurs reports whether different requests have the same value. From and To carry tags, and
// the Request-URI the number.
func (h header) recurs() bool {
	return h != headerURI && h != headerFrom && h != headerTo
}

// place is where a position stands among those of equal priority: none is behind all that have one, as in
// the store, so that what is added later does not go before what was put in order.
func place(position int) int {
	if position == 0 {
		return math.MaxInt
	}
	return position
}

// ranked sorts rules into the order of evaluation: the lowest priority number first, equal
// ones by position (none: last), then id (mission row R1).
func ranked[R any](rules []R, of func(*R) *tenant.HeaderRule) []R {
	sorted := slices.Clone(rules)
	slices.SortStableFunc(sorted, func(x, y R) int {
		a, b := of(&x), of(&y)
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(place(a.Position), place(b.Position)), cmp.Compare(a.ID, b.ID))
	})
	return sorted
}

// compile fills in rules that are already ranked. Patterns that old holds are taken from
// there; what it gives is for the next to take over.
func (s *ruleSet) compile(rules []*tenant.HeaderRule, old *patterns) (*patterns, error) {
	used, headers := newPatterns(), 0
	s.rooms = &sync.Pool{New: func() any { return new(scratch) }}
	var byHeader [headerCount][]rule
	var faults []error
	for rank, r := range rules {
		compiled, err := compileRule(r, old, used)
		if err != nil {
			faults = append(faults, fmt.Errorf("rule %q: %w", r.Name, err))
			continue
		}
		if compiled.rank = rank; len(byHeader[compiled.header]) == 0 {
			headers++
		}
		byHeader[compiled.header] = append(byHeader[compiled.header], compiled)
	}
	s.headers = make([]headerRules, headers)
	for _, on := range slices.Backward(byHeader[:]) {
		if len(on) > 0 {
			headers--
			s.headers[headers].compile(on)
		}
	}
	return used, errors.Join(faults...)
}

func compileRule(r *tenant.HeaderRule, old, used *patterns) (rule, error) {
	h, err := headerOf(r.Header)
	if err != nil {
		return rule{}, err
	}
	out := rule{header: h}
	if r.Match == matchCIDR {
		if h != headerSource {
			return rule{}, fmt.Errorf("match cidr: header %s is no address; write source-ip, or match: regex", r.Header)
		}
		out.cidr, err = parsePrefix(r.Value)
		return out, err
	}
	out.pattern, err = used.compile(r.Match, r.Value, old)
	return out, err
}

// parsePrefix reads a CIDR, or an address, which is a CIDR of its own.
func parsePrefix(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is4In6() {
		return netip.Prefix{}, fmt.Errorf("value %q: not an address range; write one like 192.0.2.0/24 or 2001:db8::/32", text)
	}
	if masked := p.Masked(); masked != p {
		return netip.Prefix{}, fmt.Errorf("value %q: bits are set behind /%d; write %s", text, p.Bits(), masked)
	}
	return p, nil
}

// first is the rank of the first rule that matches r, noMatch if none does. A header value
// over 1 KiB is refused before anything looks at it, and one that is too long for as many
// regexes as soon as that shows.
func (s *ruleSet) first(r *Request) (rank int, v Verdict) {
	best := noMatch
	for i := range s.headers {
		h := &s.headers[i]
		switch got := s.firstOf(h, r); {
		case got == tooCostly:
			return noMatch, tooLong(h.header)
		case got >= 0 && (best == noMatch || got < best):
			best = got
		}
	}
	return best, Verdict{}
}

// firstOf is the lowest rank of the rules on one header, tooCostly also where its value is too long.
func (s *ruleSet) firstOf(h *headerRules, r *Request) int {
	addr := r.Source.Addr().Unmap()
	if !h.reads() {
		return h.first(nil, addr)
	}
	if value, ok := onePiece(r, h.header); ok {
		if len(value) > maxValue {
			return tooCostly
		}
		return h.first(value, addr)
	}
	room, _ := s.rooms.Get().(*scratch)
	defer s.rooms.Put(room)
	value, ok := room.value(r, h.header)
	if !ok {
		return tooCostly
	}
	return h.first(value, addr)
}

func tooLong(h header) Verdict {
	if h == headerURI {
		return Refuse(URITooLong)
	}
	return Refuse(HeaderTooLong)
}
