package edge

import (
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// FirewallHits is api.Node.
func (e *Edge) FirewallHits(rules []tenant.FirewallRule) []policy.Tally {
	s := e.table.Snapshot()
	counted := make(map[tenant.CustomerID]map[tenant.RuleID]policy.Tally)
	out := make([]policy.Tally, len(rules))
	for i := range rules {
		r := &rules[i]
		of, known := counted[r.Customer]
		if c := s.Customer(r.Customer); !known && c != nil {
			of = c.FirewallHits()
			counted[r.Customer] = of
		}
		out[i] = of[r.ID]
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
