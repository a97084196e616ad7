package edge

import (
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// RoutingHits is api.Node.
func (e *Edge) RoutingHits(rules []tenant.RoutingRule) []policy.Tally {
	s := e.table.Snapshot()
	counted := make(map[tenant.CustomerID]map[tenant.RuleID]policy.Tally)
	out := make([]policy.Tally, len(rules))
	for i := range rules {
		r := &rules[i]
		of, known := counted[r.Customer]
		if c := s.Customer(r.Customer); !known && c != nil {
			of = c.RoutingHits()
			counted[r.Customer] = of
		}
		out[i] = of[r.ID]
	}
	return out
}
