package ban

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gaissmai/bart"

	"tollgate/internal/tenant"
)

// guests are the ranges that customers accept: whitelists and the addresses of switches.
type guests struct {
	of  map[tenant.CustomerID]*bart.Lite
	raw map[tenant.CustomerID][]netip.Prefix
	any *bart.Table[int] // by how many customers each range is accepted
}

func newGuests() guests {
	return guests{
		of: make(map[tenant.CustomerID]*bart.Lite), raw: make(map[tenant.CustomerID][]netip.Prefix), any: new(bart.Table[int]),
	}
}

// hold says that a range lies within one that the customer, or with 0 any customer, accepts.
func (g *guests) hold(p netip.Prefix, customer tenant.CustomerID) bool {
	if customer == 0 {
		_, ok := g.any.LookupPrefix(p)
		return ok
	}
	set := g.of[customer]
	return set != nil && set.LookupPrefix(p)
}

// set replaces what a customer accepts, and says whether it changed.
func (g *guests) set(customer tenant.CustomerID, ranges []netip.Prefix) bool {
	ranges = slices.Clone(ranges)
	for i := range ranges {
		ranges[i] = canonical(ranges[i])
	}
	slices.SortFunc(ranges, netip.Prefix.Compare)
	ranges = slices.Compact(ranges)
	if slices.Equal(ranges, g.raw[customer]) {
		return false
	}
	for _, p := range g.raw[customer] {
		g.any.Modify(p, func(n int, _ bool) (int, bool) { return n - 1, n <= 1 })
	}
	delete(g.raw, customer)
	delete(g.of, customer)
	if len(ranges) == 0 {
		return true
	}
	set := new(bart.Lite)
	for _, p := range ranges {
		set.Insert(p)
		g.any.Modify(p, func(n int, _ bool) (int, bool) { return n + 1, false })
	}
	g.raw[customer], g.of[customer] = ranges, set
	return true
}

// Accept sets what a customer accepts from now on: no ban of his holds it, and the
// platform's do not for him. What is banned and lies within it is lifted at once.
func (t *Table) Accept(customer tenant.CustomerID, ranges []netip.Prefix) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.accepted.set(customer, ranges)
	now := time.Now()
	for k, e := range t.entries {
		if (k.customer == 0 || k.customer == customer) && t.protected(k, e.times > 0) {
			t.forget(e)
		} else {
			t.settle(e, now)
		}
	}
}

// Gone forgets customers, what they accept and their bans.
func (t *Table) Gone(customers ...tenant.CustomerID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range customers {
		t.accepted.set(id, nil)
		for k, e := range t.entries {
			if k.customer == id {
				t.forget(e)
			}
		}
	}
	t.settleAll(time.Now())
}
