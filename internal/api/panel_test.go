package api_test

import (
	"time"

	"tollgate/internal/api"
	"tollgate/internal/policy"
	"tollgate/internal/pulse"
	"tollgate/internal/tenant"
)

// What the pages of the panel ask of a node.

func (n *fakeNode) Pulse(customers []tenant.CustomerID) *pulse.Report {
	p := pulse.New()
	now := time.Now()
	for _, c := range n.calls {
		p.Attempt(now, c.Customer)
		p.Rang(now, c.Customer, time.Second)
		p.Answered(now, c.Customer)
	}
	for _, d := range n.cases {
		p.Refused(now, d.Customer, policy.Firewalled, true)
	}
	return p.Report(now, customers)
}

func (n *fakeNode) CallCount(customers []tenant.CustomerID) int {
	return len(n.Calls(among(customers)))
}

func (n *fakeNode) BindingCount(customers []tenant.CustomerID) (count int) {
	for _, b := range n.bindings {
		if among(customers)(b.Customer) {
			count++
		}
	}
	return count
}

func among(customers []tenant.CustomerID) func(tenant.CustomerID) bool {
	return func(id tenant.CustomerID) bool {
		for _, c := range customers {
			if c == id {
				return true
			}
		}
		return customers == nil
	}
}

func (n *fakeNode) BanCount(keep func(tenant.CustomerID) bool) int { return n.bans.Count(keep) }

func (n *fakeNode) Busiest(keep func(tenant.CustomerID) bool, most int) (list []api.Busy) {
	for _, c := range n.Calls(keep) {
		list = append(list, api.Busy{Customer: c.Customer, Name: c.Name, Calls: 1})
	}
	return list[:min(most, len(list))]
}

func (n *fakeNode) Neighbours(keep func(tenant.CustomerID) bool, _ int) (out api.Neighbours) {
	for _, c := range n.calls {
		if keep(c.Customer) {
			out.Count("down", false)
			out.List = append(out.List, api.Neighbour{Name: c.Name + " pbx", Customer: c.Customer, CustomerName: c.Name, Status: "down"})
		}
	}
	return out
}

func (n *fakeNode) Degraded() []api.Part {
	return []api.Part{{Part: "disk", State: "low", Level: api.LevelWarning, Sentence: "The data folder's disk has 3 MiB left."}}
}
