package api

import (
	"context"
	"time"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// Hits is what a rule has matched on this node since it started.
type Hits struct {
	Count  uint64         `json:"hits" doc:"Requests that it has matched on this node, since the node started or the rule was changed."`
	Last   time.Time      `json:"last_hit,omitzero"`
	Sample *policy.Sample `json:"last_sample,omitempty" doc:"One of the last requests that it matched, at most one second older than the last."`
}

func hitsOf(t policy.Tally) Hits {
	h := Hits{Count: t.Hits, Last: t.Last, Sample: t.Sample}
	if h.Sample != nil {
		sample := *h.Sample
		sample.At = sample.At.UTC()
		h.Sample = &sample
	}
	return h
}

// firewallRule is a firewall rule with what it has matched.
type firewallRule struct {
	tenant.FirewallRule
	CustomerName string `json:"customer"`
	Hits
}

func (s *server) withFirewallHits(ctx context.Context, items []tenant.FirewallRule) ([]firewallRule, error) {
	tallies := s.node.FirewallHits(items)
	names := map[tenant.CustomerID]string{}
	out := make([]firewallRule, len(items))
	for i := range items {
		name, err := s.nameOf(ctx, names, items[i].Customer)
		if err != nil {
			return nil, err
		}
		out[i] = firewallRule{items[i], name, hitsOf(tallies[i])}
	}
	return out, nil
}

// blocklistEntry is an entry of the block list with what it has matched.
type blocklistEntry struct {
	tenant.BlocklistEntry
	CustomerName string `json:"customer"`
	Hits
}

func (s *server) withBlocklistHits(ctx context.Context, items []tenant.BlocklistEntry) ([]blocklistEntry, error) {
	tallies := s.node.BlocklistHits(items)
	names := map[tenant.CustomerID]string{}
	out := make([]blocklistEntry, len(items))
	for i := range items {
		name, err := s.nameOf(ctx, names, items[i].Customer)
		if err != nil {
			return nil, err
		}
		out[i] = blocklistEntry{items[i], name, hitsOf(tallies[i])}
	}
	return out, nil
}
