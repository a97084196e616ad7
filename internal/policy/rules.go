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
	headers [headerCount]*headerRules // nil where no rule looks at the header
	scratch sync.Pool                 // of *scratch
}

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

// compileRuleSet compiles rules that are already ranked. Patterns that old holds are taken
// from there.
func compileRuleSet(rules []*tenant.HeaderRule, old *patterns) (*ruleSet, *patterns, error) {
	set, used := new(ruleSet), newPatterns()
	set.scratch.New = func() any { return new(scratch) }
	var byHeader [headerCount][]rule
	var faults []error
	for rank, r := range rules {
		compiled, err := compileRule(r, old, used)
		if err != nil {
			faults = append(faults, fmt.Errorf("rule %q: %w", r.Name, err))
			continue
		}
		compiled.rank = rank
		byHeader[compiled.header] = append(byHeader[compiled.header], compiled)
	}
	for h, on := range byHeader {
		if len(on) > 0 {
			set.headers[h] = newHeaderRules(on)
		}
	}
	return set, used, errors.Join(faults...)
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
	buf, _ := s.scratch.Get().(*scratch)
	defer s.scratch.Put(buf)
	best := noMatch
	for h, rules := range s.headers {
		if rules == nil {
			continue
		}
		var value []byte
		if rules.reads() {
			var ok bool
			if value, ok = buf.value(r, header(h)); !ok {
				return noMatch, tooLong(header(h))
			}
		}
		switch got := rules.first(value, r.Source.Addr().Unmap()); {
		case got == tooCostly:
			return noMatch, tooLong(header(h))
		case got >= 0 && (best == noMatch || got < best):
			best = got
		}
	}
	return best, Verdict{}
}

func tooLong(h header) Verdict {
	if h == headerURI {
		return Refuse(URITooLong)
	}
	return Refuse(HeaderTooLong)
}
