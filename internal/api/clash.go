package api

import (
	"context"
	"slices"
	"time"

	"tollgate/internal/tenant"
)

// clash is a Clash as a destination shows it.
type clash struct {
	Count     int       `json:"count" doc:"Requests from its address that were refused since nothing told whose they are. Forgotten an hour after the last."`
	Last      time.Time `json:"last"`
	From      string    `json:"from" doc:"Of the last one; empty for whoever does not see all customers that it may belong to."`
	To        string    `json:"to" doc:"Its Request-URI; likewise."`
	Customers []string  `json:"customers" nullable:"false" doc:"Who else has this address, at most ten; those that one does not see are \"another customer\"."`
}

// anotherCustomer stands for names that a principal may not know.
const anotherCustomer = "another customer"

// showClash gives a destination's clash as far as the principal may know of it: neither who the
// others are, nor what may be theirs. nil: there is none.
func (s *server) showClash(ctx context.Context, names map[tenant.CustomerID]string, clashes map[tenant.DestinationID]Clash, id tenant.DestinationID) (*clash, error) {
	c, ok := clashes[id]
	if !ok {
		return nil, nil
	}
	out := &clash{Count: c.Count, Last: c.Last, Customers: []string{}}
	all := !c.More || principalOf(ctx).Scope().IsPlatform()
	for _, sharer := range c.Sharers {
		name, err := s.nameOf(ctx, names, sharer)
		if err != nil {
			return nil, err
		}
		if name == "" {
			name, all = anotherCustomer, false
		}
		if !slices.Contains(out.Customers, name) {
			out.Customers = append(out.Customers, name)
		}
	}
	if all {
		out.From, out.To = c.From, c.To
	}
	slices.Sort(out.Customers)
	return out, nil
}
