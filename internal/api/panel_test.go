package api_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"tollgate/internal/api"
	"tollgate/internal/feed"
	"tollgate/internal/policy"
	"tollgate/internal/pulse"
	"tollgate/internal/registrar"
	"tollgate/internal/tenant"
	"tollgate/internal/trace"
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

func (n *fakeNode) RoutingHits(rules []tenant.RoutingRule) (out []policy.Tally) {
	for _, r := range rules {
		out = append(out, n.rules[r.ID])
	}
	return out
}

func (n *fakeNode) Watch(filter func(*feed.Event) bool) *feed.Watcher {
	w := n.feed.Watch(filter)
	for _, e := range n.events {
		n.feed.Tell(e)
	}
	return w
}

func (n *fakeNode) SearchBindings(keep func(tenant.CustomerID) bool, text string, _ int) (list []registrar.Summary) {
	for _, b := range n.bindings {
		if keep(b.Customer) && strings.Contains(b.AOR, text) {
			list = append(list, b)
		}
	}
	return list
}

func (n *fakeNode) Preview(_ context.Context, d *api.Draft, cases []trace.Decision) (list []api.Previewed, _ error) {
	for i := range cases {
		p := api.Previewed{Case: &cases[i], Drops: d.Firewall != nil, Phone: true}
		for _, r := range d.Firewall {
			p.Rule = r.ID // the draft comes last
		}
		for _, r := range d.Routing {
			p.Rule, p.Group = r.ID, r.Group
		}
		list = append(list, p)
	}
	return list, nil
}

func (n *fakeNode) Replay(context.Context, *trace.Decision, policy.Language) (policy.Explanation, bool) {
	return n.explain, true
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

func (n *fakeNode) Degraded(policy.Language) []api.Part {
	return []api.Part{{Part: "disk", State: "low", Level: api.LevelWarning, Sentence: "The data folder's disk has 3 MiB left."}}
}

// acrossPanel does an operation of the panel's to alfa's objects as another tenant; false where it is none.
func (w *world) acrossPanel(t *testing.T, o operation, alfa *estate) bool {
	t.Helper()
	own, nouns := alfa.ids[o.noun()]
	if o.noun() == "customers" {
		own, nouns = alfa.customer, true
	}
	collection := "/api/v1/" + o.noun()
	switch {
	case nouns && o.method == "PATCH" && o.path == collection:
		for _, id := range []int64{own, 999999} {
			w.isNotFound(t, w.do(o.method, o.path, object{"ids": []int64{id}, "patch": object{}}), alfa)
		}
	case nouns && o.method == "POST" && o.path == collection+"/delete":
		for _, id := range []int64{own, 999999} {
			w.isNotFound(t, w.do(o.method, o.path, object{"ids": []int64{id}}), alfa)
		}
	case nouns && o.method == "PUT" && o.path == collection+"/order":
		for _, id := range []int64{alfa.customer, 999999} {
			w.isNotFound(t, w.do(o.method, o.path, object{"customer_id": id, "ids": []int64{own}}), alfa)
		}
	case o.path == "/api/v1/calls/hangup":
		a := w.do(o.method, o.path, object{"ids": []string{alfa.call, "no such call"}})
		if a.code == 200 && !strings.HasPrefix(string(a.body), `{"count":0,`) || a.code != 200 && a.code != 403 {
			t.Errorf("%d %s", a.code, a.body)
		}
	case strings.HasPrefix(o.path, "/api/v1/cdrs/{id}"):
		for _, id := range []string{"1", "999999", alfa.traced.String()} { // alfa's is the first that was stored
			w.isNotFound(t, w.do(o.method, strings.Replace(o.path, "{id}", id, 1), nil), alfa)
		}
	case strings.HasSuffix(o.path, "-preview"):
		for _, id := range []int64{alfa.customer, 999999} {
			rule := object{"header": "to", "value": "x", "group": 2}
			switch o.path {
			case "/api/v1/tools/blocklist-preview":
				rule = object{"prefix": "040"}
			case "/api/v1/tools/firewall-preview":
				rule = object{"header": "to", "value": "x", "action": "drop"}
			}
			w.isNotFound(t, w.do(o.method, o.path, object{"customer_id": id, "rule": rule}), alfa)
		}
	case o.path == "/api/v1/routing/{customer}":
		for _, id := range []int64{alfa.customer, 999999} {
			w.isNotFound(t, w.do(o.method, "/api/v1/routing/"+itoa(id), nil), alfa)
		}
	default:
		return false
	}
	return true
}
