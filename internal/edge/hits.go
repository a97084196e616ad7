package edge

import (
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// FirewallHits is api.Node.
func (e *Edge) FirewallHits(rules []tenant.FirewallRule) []policy.Tally {
	return tallies(e.table.Snapshot(), rules, (*policy.Customer).FirewallHits,
		func(r *tenant.FirewallRule) (tenant.CustomerID, tenant.RuleID) { return r.Customer, r.ID })
}

// RoutingHits is api.Node.
func (e *Edge) RoutingHits(rules []tenant.RoutingRule) []policy.Tally {
	return tallies(e.table.Snapshot(), rules, (*policy.Customer).RoutingHits,
		func(r *tenant.RoutingRule) (tenant.CustomerID, tenant.RuleID) { return r.Customer, r.ID })
}

// tallies gives what each rule has counted; each customer's counters are read once.
func tallies[R any](s *policy.Snapshot, rules []R, hits func(*policy.Customer) map[tenant.RuleID]policy.Tally,
	of func(*R) (tenant.CustomerID, tenant.RuleID),
) []policy.Tally {
	counted := make(map[tenant.CustomerID]map[tenant.RuleID]policy.Tally)
	out := make([]policy.Tally, len(rules))
	for i := range rules {
		customer, rule := of(&rules[i])
		tally, known := counted[customer]
		if c := s.Customer(customer); !known && c != nil {
			tally = hits(c)
			counted[customer] = tally
		}
		out[i] = tally[rule]
	}
	return out
}

// BlocklistHits is api.Node.
func (e *Edge) BlocklistHits(entries []tenant.BlocklistEntry) []policy.Tally {
	s := e.table.Snapshot()
	out := make([]policy.Tally, len(entries))
	for i := range entries {
		if c := s.Customer(entries[i].Customer); c != nil {
			out[i] = c.BlocklistTally(&entries[i])
		}
	}
	return out
}
