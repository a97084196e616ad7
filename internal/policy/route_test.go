package policy_test

import (
	"fmt"
	"testing"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

func TestRoutePriority(t *testing.T) {
	a := account(1, "a.example",
		dest("c 10.0.0.3:5060/udp 1 30"), dest("a 10.0.0.1:5060/udp 1 10"), dest("b 10.0.0.2:5060/udp 1 10"),
		dest("two 10.0.0.4:5060/tcp 2 10"),
		dest("srtp 10.0.0.5:5061/tls+srtp 4 10"),
		dest("off 10.0.0.6:5060/udp 5 10"),
	)
	a.Destinations[5].Disabled = true
	a.Routing = []tenant.RoutingRule{
		rule(3, 10, "user-agent", "regex", "^Cisco", 2),
		rule(2, 10, "to", "word", "EMPTY", 3),
		rule(4, 5, "from", "regex", "srtp@", 4),
		rule(5, 99, "source-ip", "cidr", "198.51.100.0/24", 5),
	}
	s := table(t, a).Snapshot()
	ua := func(v string) []string { return []string{"User-Agent: " + v} }
	cases(t, s, []struct {
		name string
		ask  ask
		want string
	}{
		{"by priority, then id", ask{}, "customer1 inbound: a b c"},
		{"down", ask{down: []string{"a"}}, "customer1 inbound: b c"},
		{"all down: tried anyway", ask{down: []string{"a", "b", "c"}}, "customer1 inbound: a b c"},
		{"a rule", ask{headers: ua("Cisco/1")}, "customer1 inbound: two"},
		{"no rule", ask{headers: ua("not Cisco/1")}, "customer1 inbound: a b c"},
		{"an empty group", ask{to: "<sip:empty@a.example>"}, "customer1 inbound: 404 no_route"},
		{"equal priorities: by id", ask{to: "<sip:empty@a.example>", headers: ua("Cisco/1")}, "customer1 inbound: 404 no_route"},
		{"a lower number first", ask{from: "<sip:srtp@x.example>", headers: ua("Cisco/1")}, "customer1 inbound: 488 media_encryption_unavailable"},
		{"only a disabled one", ask{source: "198.51.100.7:5060"}, "customer1 inbound: 404 no_destination"},
		{"folded header", ask{headers: []string{"User-Agent:\r\n Cisco\r\n /1"}}, "customer1 inbound: two"},
		{"an over-long header", ask{headers: ua(long(1025))}, "customer1 inbound: 400 header_too_long"},
		{"a header of 1 KiB", ask{headers: ua("Cisco" + long(1019))}, "customer1 inbound: two"},
		{"a long header that no rule looks at", ask{headers: []string{"Subject: " + long(2000)}}, "customer1 inbound: a b c"},
	})
	groupsOff := *a
	groupsOff.Customer.DestinationGroupsEnabled = false
	if got := decide(t, table(t, &groupsOff).Snapshot(), ask{headers: ua("Cisco/1")}); got != "customer1 inbound: a b c" {
		t.Errorf("with groups off: %s", got)
	}
	transparent := *a
	transparent.Customer.Transparent = true
	if got := decide(t, table(t, &transparent).Snapshot(), ask{down: []string{"a"}}); got != "customer1 inbound: a b c" {
		t.Errorf("transparent: %s", got)
	}
}

func long(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'x'
	}
	return string(b)
}

func TestRouteNamesTheRule(t *testing.T) {
	a := account(1, "a.example", dest("pbx 10.0.0.1:5060/udp 1 10"))
	a.Routing = []tenant.RoutingRule{rule(3, 10, "user-agent", "regex", "^Cisco", 2)}
	s := table(t, a).Snapshot()
	r := ask{headers: []string{"User-Agent: Cisco"}}.request(t)
	var id policy.Identity
	var c policy.Candidates
	s.Identify(r, &id)
	if v := s.Route(r, &id, &c); v != (policy.Verdict{Status: 404, Reason: policy.NoRoute, Rule: 3, Name: "rule3"}) {
		t.Errorf("verdict %+v", v)
	}
	if v := s.Route(r, new(policy.Identity), &c); v.Reason != policy.Internal {
		t.Errorf("without an identity: %+v", v)
	}
}

func TestRouteEmergency(t *testing.T) {
	a := account(1, "a.example", dest("pbx 10.0.0.1:5060/udp 1 10"), dest("sos 10.0.0.2:5060/udp 9 10"))
	a.Customer.Emergency.Group = 9
	a.Customer.Outbound = "any"
	a.Routing = []tenant.RoutingRule{rule(1, 1, "request-uri", "regex", ".", 5)}
	noGroup := account(2, "b.example", dest("pbx 10.0.0.3:5060/udp 1 10"))
	noGroup.Customer.Emergency.Group = 8
	noGroup.Customer.Outbound = "any"
	s := table(t, a, noGroup).Snapshot()
	cases(t, s, []struct {
		name string
		ask  ask
		want string
	}{
		{"before the rules", ask{uri: "sip:112@a.example"}, "customer1 inbound: sos"},
		{"with country code", ask{uri: "sip:+39112@a.example"}, "customer1 inbound: sos"},
		{"escaped, with separators", ask{uri: "sip:1-%312@a.example"}, "customer1 inbound: sos"},
		{"in another country", ask{uri: "sip:+49112@a.example"}, "customer1 inbound: 404 no_route"},
		{"longer", ask{uri: "sip:1120@a.example"}, "customer1 inbound: 404 no_route"},
		{"the PBX's own", ask{uri: "sip:112@carrier.example", source: "10.0.0.1:5060"}, "customer1 outbound: sos"},
		{"tel:", ask{uri: "tel:112;phone-context=+39", source: "10.0.0.1:5060"}, "customer1 outbound: sos"},
		{"an empty group loses no call", ask{uri: "sip:112@b.example"}, "customer2 inbound: pbx"},
		{"the PBX's own with no group", ask{uri: "sip:112@carrier.example", source: "10.0.0.3:5060"}, "customer2 outbound: foreign"},
	})
}

func TestRouteOutbound(t *testing.T) {
	a := account(1, "a.example", dest("pbx1 10.0.0.1:5060/udp 1 10"), dest("pbx2 10.0.0.2:5060/udp 1 20"), dest("pstn 10.0.0.3:5060/udp 2 10"))
	a.Routing = []tenant.RoutingRule{rule(1, 1, "request-uri", "regex", `^sip:\+`, 2)}
	b := account(2, "b.example", dest("pbx1 10.1.0.1:5060/udp 1 10"), dest("pbx2 10.1.0.2:5060/udp 1 20"))
	b.Customer.Outbound = "any"
	tab := table(t, a, b)
	tab.SetPlatform(policy.Platform{Local: []string{"Edge.example", "192.0.2.1"}})
	s := tab.Snapshot()
	const of1, of2 = "10.0.0.1:5060", "10.1.0.1:5060"
	cases(t, s, []struct {
		name string
		ask  ask
		want string
	}{
		{"own domain", ask{uri: "sip:1@a.example", source: of1}, "customer1 outbound: pbx2"},
		{"by a rule", ask{uri: "sip:+39@a.example", source: of1}, "customer1 outbound: pstn"},
		{"by a rule, foreign host", ask{uri: "sip:+39@x.example", source: of1}, "customer1 outbound: pstn"},
		{"foreign host", ask{uri: "sip:1@x.example", source: of1}, "customer1 outbound: 403 foreign_host"},
		{"this node by name", ask{uri: "sip:1@edge.example", source: of1}, "customer1 outbound: pbx2"},
		{"this node by address", ask{uri: "sip:1@192.0.2.1", source: of1}, "customer1 outbound: pbx2"},
		{"this node by the address that was asked", ask{uri: "sip:1@192.0.2.9", source: of1, local: "192.0.2.9"}, "customer1 outbound: pbx2"},
		{"any: foreign host", ask{uri: "sip:1@x.example", source: of2}, "customer2 outbound: foreign"},
		{"any: own domain", ask{uri: "sip:1@b.example", source: of2}, "customer2 outbound: pbx2"},
		{"any: own domain, nothing left but down", ask{uri: "sip:1@b.example", source: of2, down: []string{"pbx2"}}, "customer2 outbound: pbx2"},
	})
}

func TestRouteSwitch(t *testing.T) {
	a := account(1, "a.example", tenant.Destination{Name: "pstn", Group: 1, Switch: 3}, dest("pbx 10.0.0.1:5060/udp 1 10"))
	a.Switches = []tenant.Switch{{ID: 3, Name: "carrier", Direction: "ingress", Host: "10.0.0.7", Protocol: "tls", Channels: 5}}
	s := table(t, a).Snapshot()
	d := s.Destination(100)
	if d.Host != "10.0.0.7" || d.Port != 5061 || d.Protocol != "tls" || d.Switch.Channels != 5 {
		t.Errorf("destination %+v", d)
	}
	// A switch that receives calls from us is no source of calls (mission row A1).
	if got := decide(t, s, ask{uri: "tel:1", source: "10.0.0.7:5061", transport: "tls"}); got != "-1 stranger_source" {
		t.Errorf("from the switch: %s", got)
	}
	a.Switches[0].Direction = "egress"
	if err := policy.NewTable().Put(a); err == nil {
		t.Error("a switch that sends calls is a destination")
	}
}

func TestRouteMany(t *testing.T) {
	for _, mode := range []tenant.DestinationMode{tenant.ModePriority, tenant.ModeLoadBalancing} {
		a := account(1, "a.example")
		a.Customer.DestinationMode = mode
		for i := range 40 {
			d := dest(fmt.Sprintf("d%d 10.0.1.%d:5060/udp 1 %d", i, i+1, 40-i))
			d.ID = tenant.DestinationID(i + 1)
			a.Destinations = append(a.Destinations, d)
		}
		s := table(t, a).Snapshot()
		var id policy.Identity
		var c policy.Candidates
		r := ask{}.request(t)
		s.Identify(r, &id)
		s.Route(r, &id, &c)
		if c.N != policy.MaxCandidates || c.NSkipped != len(c.Skipped) || c.Skipped[0].Reason != policy.DestinationSurplus {
			t.Errorf("%s: %d candidates, %d skipped", mode, c.N, c.NSkipped)
		}
		if mode == tenant.ModePriority && (c.List[0].Name != "d39" || c.List[15].Name != "d24") {
			t.Errorf("order: %s to %s", c.List[0].Name, c.List[15].Name)
		}
	}
}

// order is the candidates of a balanced customer for one request.
func order(t *testing.T, s *policy.Snapshot, a ask) string { return decide(t, s, a) }

func TestRouteBalanced(t *testing.T) {
	a := account(1, "a.example", dest("a 10.0.0.1:5060/udp 1 10"), dest("b 10.0.0.2:5060/udp 1 20"), dest("c 10.0.0.3:5060/udp 1 30"))
	a.Customer.DestinationMode = tenant.ModeLoadBalancing
	s := table(t, a).Snapshot()
	seen := make(map[string]int)
	const calls = 6000
	for i := range calls {
		call := ask{callID: fmt.Sprintf("%d@host", i)}
		first := order(t, s, call)
		seen[first]++
		if again := order(t, s, call); again != first {
			t.Fatalf("one Call-ID went to %s and %s", first, again)
		}
	}
	if len(seen) != 6 {
		t.Fatalf("orders: %v", seen)
	}
	for o, n := range seen {
		if n < calls/6*85/100 || n > calls/6*115/100 {
			t.Errorf("%s: %d of %d", o, n, calls)
		}
	}
}

func TestRouteBalancedByAddressOfRecord(t *testing.T) {
	a := account(1, "a.example")
	a.Customer.DestinationMode = tenant.ModeLoadBalancing
	for i := range 9 {
		a.Destinations = append(a.Destinations, dest(fmt.Sprintf("d%d 10.0.0.%d:5060/udp 1 10", i, i+1)))
		a.Destinations[i].ID = tenant.DestinationID(i + 1)
	}
	s := table(t, a).Snapshot()
	for _, method := range []string{"REGISTER", "PUBLISH"} {
		first := order(t, s, ask{method: method, callID: "1", to: "<sip:bob@a.example>"})
		same := order(t, s, ask{method: method, callID: "2", to: `"Bob" <sip:%62ob@A.example:5060;x=y>;z=1`})
		if first != same {
			t.Errorf("%s of one address of record: %s and %s", method, first, same)
		}
		if other := order(t, s, ask{method: method, callID: "1", to: "<sip:carol@a.example>"}); other == first {
			t.Errorf("%s of another address of record: the same order of 9", method)
		}
	}
	if order(t, s, ask{callID: "1"}) == order(t, s, ask{callID: "2"}) {
		t.Error("INVITEs with two Call-IDs have the same order of 9")
	}
}
