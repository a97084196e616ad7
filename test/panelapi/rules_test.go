package panelapi

import (
	"fmt"
	"strings"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
)

func rules() []scenario {
	return []scenario{
		{"routing: health, hits and never", "", pictured},
		{"routing: order of rules", "", reordered},
		{"routing: order of destinations", "", reorderedDestinations},
		{"bulk: all or none", "", bulk},
		{"setup: no secrets", "", setups},
	}
}

// routed is a customer's routing as one picture.
type routed struct {
	Rules []struct {
		ID    int64
		Name  string
		Hits  int
		Never *struct {
			Why, By, Sentence string
		}
	}
	Groups []struct {
		Number       int
		Destinations []struct {
			ID    int64
			Name  string
			State struct{ Status string }
		}
	}
}

func (sc *scene) routed(as *client) (r routed) {
	sc.Helper()
	as.read("GET", fmt.Sprintf("/routing/%d", sc.id), nil, &r)
	return r
}

// groups gives the customer a PBX in each of groups 2 and 3.
func (sc *scene) groups() (second, third *peer.UA) {
	sc.Helper()
	second, third = sc.Peer(udp()), sc.Peer(udp())
	sc.Customer.Groups = []int{2, 3}
	sc.Customer.Destinations = append(sc.Customer.Destinations,
		harness.Destination{Name: "second", Addr: second.Addr(), Group: 2}, harness.Destination{Name: "third", Addr: third.Addr(), Group: 3})
	return second, third
}

func pictured(sc *scene) {
	second, third := sc.groups()
	sc.Callee.Answering("OPTIONS", func() int { return 200 })
	second.Answering("OPTIONS", func() int { return 503 })
	third.Answering("OPTIONS", func() int { return 200 })
	sc.Customer.Keepalive = true
	sc.Customer.Rules = []harness.Rule{{Header: "request-uri", Value: "^sip:7", Group: 3}, {Header: "request-uri", Value: "^sip:7", Group: 2}}
	sc.Apply()
	own := sc.customerKey()
	harness.Eventually(sc.T, soon, func() error {
		r := sc.routed(own)
		if len(r.Groups) != 3 || r.Groups[0].Destinations[0].State.Status != "up" || r.Groups[1].Destinations[0].State.Status != "down" || r.Groups[2].Destinations[0].State.Status != "up" {
			return fmt.Errorf("%+v", r.Groups)
		}
		return nil
	})
	for range 2 {
		sc.offered(sc.Caller, third, sc.number("7001"))
	}
	harness.Eventually(sc.T, soon, func() error {
		r := sc.routed(own).Rules
		if len(r) != 2 || r[0].Hits != 2 || r[0].Never != nil || r[1].Hits != 0 || r[1].Never == nil || r[1].Never.Why != "same" || r[1].Never.By != r[0].Name || r[1].Never.Sentence == "" {
			return fmt.Errorf("%+v", r)
		}
		return nil
	})
	sc.another().customerKey().refused(404, "GET", fmt.Sprintf("/routing/%d", sc.id), nil)
}

// reordered: the next call goes where the rule that was put first leads.
func reordered(sc *scene) {
	second, third := sc.groups()
	sc.Apply()
	a := sc.own("routing-rules", object{"name": "to second", "header": "request-uri", "value": "^sip:70", "group": 2, "priority": 5})
	b := sc.own("routing-rules", object{"name": "to third", "header": "request-uri", "value": ".*", "group": 3, "priority": 6})
	sc.offered(sc.Caller, second, sc.number("7001"))
	wish := object{"customer_id": sc.id, "ids": []int64{id(b), id(a)}}
	sc.api.must("PUT", "/routing-rules/order", wish)
	sc.offered(sc.Caller, third, sc.number("7001"))
	if r := sc.routed(sc.api).Rules; len(r) != 2 || r[0].Name != "to third" || r[1].Never == nil || r[1].Never.Why != "catch_all" {
		sc.Errorf("%+v", r)
	}
	sc.api.refused(409, "PUT", "/routing-rules/order", object{"customer_id": sc.id, "ids": []int64{id(a)}})
	sc.api.refused(404, "PUT", "/routing-rules/order", object{"customer_id": sc.id, "ids": []int64{id(a), 999999}})
	sc.another().customerKey().refused(404, "PUT", "/routing-rules/order", object{"customer_id": sc.id, "ids": []int64{id(a), id(b)}})
	sc.offered(sc.Caller, third, sc.number("7001")) // all of that changed nothing
}

func reorderedDestinations(sc *scene) {
	second := sc.Peer(udp())
	sc.Customer.Destinations = append(sc.Customer.Destinations, harness.Destination{Name: "second", Addr: second.Addr()})
	sc.Apply()
	sc.offered(sc.Caller, sc.Callee, sc.URI())
	list := sc.routed(sc.api).Groups[0].Destinations
	sc.api.must("PUT", "/destinations/order", object{"customer_id": sc.id, "ids": []int64{list[1].ID, list[0].ID}})
	sc.offered(sc.Caller, second, sc.URI())
}

// bulk: one that cannot be changed keeps all as they were, in the store and on the wire.
func bulk(sc *scene) {
	rule := func(name string) int64 {
		return id(sc.own("firewall-rules", object{"name": name, "header": "user-agent", "value": name, "match": "word", "action": "drop"}))
	}
	one, two := rule("first"), rule("second")
	sc.silenced(sc.Caller, agent("second"))
	sc.api.refused(404, "PATCH", "/firewall-rules", object{"ids": []int64{one, two, 999999}, "patch": object{"mode": "monitor"}})
	sc.api.refused(422, "PATCH", "/firewall-rules", object{"ids": []int64{one, two}, "patch": object{"mode": "monitor", "action": "burn"}})
	sc.another().customerKey().refused(404, "PATCH", "/firewall-rules", object{"ids": []int64{one, two}, "patch": object{"mode": "monitor"}})
	for _, r := range sc.api.items(sc.list("firewall-rules")) {
		if r["mode"] != "enforce" {
			sc.Errorf("changed: %v", r)
		}
	}
	fresh := sc.Peer(udp()) // whose earlier calls are not sent again
	sc.silenced(fresh, agent("second"))
	if got := sc.customerKey().must("PATCH", "/firewall-rules", object{"ids": []int64{one, two}, "patch": object{"mode": "monitor"}}); got["count"] != 2.0 {
		sc.Errorf("%v", got)
	}
	sc.Callee.Drain() // what is sent again passes now
	for _, name := range []string{"first", "second"} {
		sc.rings(name)
	}
	sc.api.refused(404, "POST", "/firewall-rules/delete", object{"ids": []int64{one, 999999}})
	sc.api.must("POST", "/firewall-rules/delete", object{"ids": []int64{one, two}})
	if list := sc.api.items(sc.list("firewall-rules")); len(list) != 0 {
		sc.Errorf("%v", list)
	}
}

// rings wants a call of this program to reach the PBX, whatever else does.
func (sc *scene) rings(program string) {
	sc.Helper()
	u := sc.Peer(udp())
	a := u.Invite(sc.URI(), agent(program))
	harness.Eventually(sc.T, soon, func() error {
		for _, m := range sc.Callee.Received("INVITE") {
			if m.Get("Call-ID") == a.ID {
				return nil
			}
		}
		return fmt.Errorf("the call of %s does not come", program)
	})
}

// setups: what somebody is to type into the other side names no password.
func setups(sc *scene) {
	const word = "Zyxw-Secret-99"
	user := sc.own("sip-users", object{"username": "3001", "password": word})
	out := sc.own("switches", object{
		"name": "carrier", "direction": "ingress", "host": "192.0.2.50", "port": 5060, "username": "me", "password": word, "dial_pattern": "raw",
	})
	in := sc.own("switches", object{"name": "dialer", "direction": "egress", "addresses": []string{"192.0.2.51"}, "dial_pattern": "raw"})
	destination := sc.routed(sc.api).Groups[0].Destinations[0].ID
	other := sc.another().customerKey()
	for path, want := range map[string]string{
		fmt.Sprintf("/sip-users/%d/setup", id(user)):           "3001",
		fmt.Sprintf("/switches/%d/setup", id(out)):             "me",
		fmt.Sprintf("/switches/%d/setup", id(in)):              "192.0.2.51",
		fmt.Sprintf("/destinations/%d/setup", destination):     sc.Domain,
		fmt.Sprintf("/sip-users/%d", id(user)):                 "3001",
		fmt.Sprintf("/switches/%d", id(out)):                   "carrier",
		"/" + strings.TrimPrefix(sc.list("sip-users"), "/"):    "3001",
		"/" + strings.TrimPrefix(sc.list("audit"), "/"):        "3001",
		fmt.Sprintf("/find?q=3001&customer=%d", sc.id):         "3001",
		fmt.Sprintf("/events?kinds=config&customer=%d", 1<<40): "",
	} {
		a := sc.customerKey().try("GET", path, nil)
		if want != "" && (a.code != 200 || !strings.Contains(string(a.body), want)) {
			sc.Errorf("%s: %s", path, a)
		}
		if strings.Contains(string(a.body), word) || strings.Contains(string(a.body), "ha1") {
			sc.Errorf("%s has the password: %s", path, a)
		}
		if strings.Contains(path, "/setup") {
			if !strings.Contains(string(a.body), fmt.Sprint(sc.Node.Port)) && !strings.Contains(path, fmt.Sprint(id(out))) {
				sc.Errorf("%s does not say where the node is: %s", path, a)
			}
			other.refused(404, "GET", path, nil)
		}
	}
	if log := sc.Node.LogSince(0, word); log != "" {
		sc.Errorf("the log has the password:\n%s", log)
	}
}

// outlives: who has logged in is still so after a kill, and who has logged out is not.
func outlives(t *testing.T, n *harness.Node, api *client) {
	email := api.person("outlives@panel.example", "platform", "operator")
	in, out := api.enter(email), api.enter(email)
	out.must("DELETE", "/session", nil)
	kill(t, n)
	if who := in.must("GET", "/session", nil); who["email"] != email {
		t.Errorf("%v", who)
	}
	out.refused(401, "GET", "/session", nil)
	in.must("GET", "/overview", nil)
	api.must("GET", "/overview", nil)
	in.must("DELETE", "/session", nil)
	in.refused(401, "GET", "/overview", nil)
}
