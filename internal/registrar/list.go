package registrar

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// Summary is a binding for lists.
type Summary struct {
	ID        string            `json:"id"`
	Customer  tenant.CustomerID `json:"customer_id"`
	User      string            `json:"user,omitempty"` // the SIP user whose phone registered here
	AOR       string            `json:"aor"`
	Contact   string            `json:"contact"`
	Instance  string            `json:"instance,omitempty"`
	UserAgent string            `json:"user_agent,omitempty"`
	Transport string            `json:"transport"`
	Source    string            `json:"source"`
	NAT       bool              `json:"nat"`       // far-end NAT was found
	Reachable bool              `json:"reachable"` // false: its connection is gone
	Missed    int               `json:"missed"`    // pings in a row without an answer
	Expires   time.Time         `json:"expires"`
	Since     time.Time         `json:"since"`
}

// Place is where a binding stands in the list: by customer, address of record and id.
type Place struct {
	Customer tenant.CustomerID
	AOR, ID  string
}

// Place is where the binding stands.
func (s *Summary) Place() Place { return Place{s.Customer, s.AOR, s.ID} }

// Compare orders places.
func (p Place) Compare(o Place) int {
	return cmp.Or(cmp.Compare(p.Customer, o.Customer), cmp.Compare(p.AOR, o.AOR), cmp.Compare(p.ID, o.ID))
}

// listed is a binding on its way into a list: little enough to look at all of them for a page
// of some.
type listed struct {
	customer tenant.CustomerID
	aor      string
	id       dialog.Stable
}

// compare orders bindings. Among a million, a text that need not be read is a cache miss less.
func (l *listed) compare(o *listed) int {
	if l.customer != o.customer {
		return cmp.Compare(l.customer, o.customer)
	}
	return cmp.Or(strings.Compare(l.aor, o.aor), bytes.Compare(l.id[:], o.id[:]))
}

// List gives the bindings behind a place that keep takes, in order, at most so many;
// 0 is all of them.
func (r *Registrar) List(keep func(tenant.CustomerID) bool, after Place, most int) []Summary {
	return r.Matching(keep, "", after, most)
}

// Matching is List of those that hold a text in whatever a Summary says in words, capital or not.
// It looks at all bindings once, and keeps no more of them than a page.
func (r *Registrar) Matching(keep func(tenant.CustomerID) bool, text string, after Place, most int) []Summary {
	var all []listed
	needle := newNeedle(text)
	for i := range r.stripes {
		page := listing{keep: keep, needle: needle, after: after}
		if page.full = most > 0 && len(all) == most; page.full {
			page.last = all[most-1]
		}
		all = appendStripe(all, &r.stripes[i], &page)
		if most > 0 && most < len(all) {
			sortListed(all)
			all = all[:most]
		}
	}
	sortListed(all)
	out := make([]Summary, 0, len(all))
	for i := range all {
		if s, ok := r.Find(all[i].id); ok {
			out = append(out, s)
		}
	}
	return out
}

func sortListed(list []listed) {
	slices.SortFunc(list, func(a, b listed) int { return a.compare(&b) })
}

// listing is which bindings a page may have.
type listing struct {
	keep   func(tenant.CustomerID) bool
	needle *needle
	after  Place
	full   bool // of those up to last
	last   listed
}

// has says that a binding, which is locked, may stand on the page. What costs most comes last.
func (p *listing) has(b *binding, one *listed) bool {
	return (!p.full || one.compare(&p.last) < 0) && p.keep(b.customer) && one.behind(p.after) && p.needle.in(b)
}

// appendStripe looks at a chunk at a time, so that no REGISTER waits for a long list. Whatever ends
// and comes again meanwhile may be listed twice, or not.
func appendStripe(list []listed, s *stripe, page *listing) []listed {
	for from, more := uint32(0), true; more; from += chunkSize {
		s.mu.Lock()
		for b := range s.shelf.between(from, from+chunkSize) {
			if one := (listed{b.customer, b.aor(), b.id}); page.has(b, &one) {
				list = append(list, one)
			}
		}
		more = from+chunkSize < s.shelf.next
		s.mu.Unlock()
	}
	return list
}

// behind says that a binding stands after a place.
func (l *listed) behind(p Place) bool {
	if l.customer != p.Customer {
		return l.customer > p.Customer
	}
	if n := strings.Compare(l.aor, p.AOR); n != 0 {
		return n > 0
	}
	return hex.EncodeToString(l.id[:]) > p.ID
}

// Find gives one binding.
func (r *Registrar) Find(id dialog.Stable) (Summary, bool) {
	s := r.stripe(id[0])
	s.mu.Lock()
	b := s.of(id)
	if b == nil {
		s.mu.Unlock()
		return Summary{}, false
	}
	out, flow := r.summary(b), b.flow
	s.mu.Unlock()
	out.Reachable = r.cfg.Transport.Alive(flow)
	return out, true
}

func (r *Registrar) summary(b *binding) Summary {
	user := ""
	if b.user != 0 {
		user = b.aor()[:strings.LastIndexByte(b.aor(), '@')]
	}
	return Summary{
		User: user, ID: hex.EncodeToString(b.id[:]), Customer: b.customer, AOR: b.aor(), Contact: b.uri(),
		Instance: b.instance(), UserAgent: b.agent(),
		Transport: b.flow.Proto.String(), Source: b.flow.Remote.String(), NAT: b.nat,
		Missed:  max(int(b.missed)-1, 0), // the last one may still be answered
		Expires: r.wall(b.expires).UTC().Truncate(time.Second), Since: time.Unix(b.since, 0).UTC(),
	}
}

// ParseID reads the ID that List gives.
func ParseID(id string) (key dialog.Stable, ok bool) {
	raw, err := hex.DecodeString(id)
	if err != nil || len(raw) != len(key) {
		return key, false
	}
	return dialog.Stable(raw), true
}

// Remove ends a binding by the ID that List gives, if allowed takes its customer. Its
// PBX is not told: the phone is back with its next refresh.
func (r *Registrar) Remove(id string, allowed func(tenant.CustomerID) bool) bool {
	key, ok := ParseID(id)
	return ok && r.endIf(key, policy.OK, func(b *binding) bool { return allowed(b.customer) })
}
