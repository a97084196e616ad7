package policy_test

import (
	"net/netip"
	"testing"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

func TestIdentifyByDomain(t *testing.T) {
	s := table(t,
		account(1, "a.example 192.0.2.1 2001:DB8:0::1", dest("pbx 10.0.0.1:5060/udp 1 10")),
		account(2, "B.Example.", dest("pbx 10.0.0.2:5060/udp 1 10")),
	).Snapshot()
	cases(t, s, []struct {
		name string
		ask  ask
		want string
	}{
		{"name", ask{uri: "sip:100@a.example"}, "customer1 inbound: pbx"},
		{"any case, with a port", ask{uri: "sip:100@A.eXample:5070;transport=tcp"}, "customer1 inbound: pbx"},
		{"final dot", ask{uri: "sip:100@a.example."}, "customer1 inbound: pbx"},
		{"configured with case and dot", ask{uri: "sips:100@b.example"}, "customer2 inbound: pbx"},
		{"without a user", ask{method: "REGISTER", uri: "sip:b.example"}, "customer2 inbound: pbx"},
		{"IPv4 literal", ask{uri: "sip:100@192.0.2.1"}, "customer1 inbound: pbx"},
		{"IPv6 literal", ask{uri: "sip:100@[2001:db8::1]:5060"}, "customer1 inbound: pbx"},
		{"IPv6 literal, long", ask{uri: "sip:100@[2001:0db8:0:0:0:0:0:0001]"}, "customer1 inbound: pbx"},
		{"only part of a name", ask{uri: "sip:100@x.a.example"}, "-1 unknown_domain"},
		{"stranger", ask{uri: "sip:100@c.example"}, "-1 unknown_domain"},
		{"From counts for nothing", ask{uri: "sip:100@c.example", from: "<sip:x@a.example>"}, "-1 unknown_domain"},
		{"stranger with tel:", ask{uri: "tel:+39040"}, "-1 stranger_source"},
		{"stranger with another scheme", ask{uri: "mailto:a@a.example"}, "-1 unknown_domain"},
		{"stranger with nonsense", ask{uri: "sip:@@"}, "-1 stranger_source"},
	})
}

func TestIdentifyBySource(t *testing.T) {
	s := table(t,
		account(1, "a.example", dest("udp 10.0.0.1:5060/udp 1 10"), dest("tcp 10.0.0.1:5070/tcp 2 10"), dest("other 10.0.0.9:5060/udp 1 20")),
		account(2, "b.example", dest("pbx [2001:db8::2]:5060/tls 1 10")),
	).Snapshot()
	cases(t, s, []struct {
		name string
		ask  ask
		want string
	}{
		{"UDP, address and port", ask{source: "10.0.0.1:5060"}, "customer1 outbound: other"},
		{"UDP, mapped into IPv6", ask{source: "[::ffff:10.0.0.1]:5060"}, "customer1 outbound: other"},
		{"UDP, another port", ask{source: "10.0.0.1:5061"}, "customer1 inbound: udp other"},
		{"TCP, any port", ask{source: "10.0.0.1:33333", transport: "tcp"}, "customer1 outbound: udp other"},
		{"TCP, REGISTER is a phone's", ask{method: "REGISTER", source: "10.0.0.1:33333", transport: "tcp"}, "customer1 inbound: udp other"},
		{"TCP, a flow with a binding is a phone's", ask{source: "10.0.0.1:33333", transport: "tcp", bound: true}, "customer1 inbound: udp other"},
		{"a foreign host", ask{uri: "sip:1@c.example", source: "10.0.0.1:5060"}, "customer1 outbound: 403 foreign_host"},
		{"tel:", ask{uri: "tel:+390401234", source: "10.0.0.1:5060"}, "customer1 outbound: other"},
		{"another scheme", ask{uri: "mailto:x@a.example", source: "10.0.0.1:5060"}, "416 unsupported_scheme"},
		{"nonsense", ask{uri: "sip:@@", source: "10.0.0.1:5060"}, "400 bad_message"},
		{"alone: nothing is left", ask{uri: "sip:1@b.example", source: "[2001:db8::2]:40000", transport: "tls"}, "customer2 outbound: 404 no_destination"},
		{"a destination of one calls the other's domain", ask{uri: "sip:1@b.example", source: "10.0.0.1:5060"}, "customer2 inbound: pbx"},
	})
}

func TestIdentifySharedDestination(t *testing.T) {
	shared := "pbx 10.0.0.1:5060/udp 1 10"
	s := table(t,
		account(1, "a.example", dest(shared), dest("more 10.0.0.8:5060/udp 1 20")),
		account(2, "b.example", dest(shared), dest("more 10.0.0.8:5060/udp 1 20")),
		account(3, "c.example", dest("pbx 10.0.0.3:5060/udp 1 10")),
	).Snapshot()
	const source = "10.0.0.1:5060"
	cases(t, s, []struct {
		name string
		ask  ask
		want string
	}{
		{"to one of them", ask{uri: "sip:1@b.example", from: "<sip:x@a.example>", source: source}, "customer2 outbound: more"},
		{"by From", ask{uri: "sip:1@d.example", from: `"x, y" <sip:x@B.example>`, source: source}, "customer2 outbound: 403 foreign_host"},
		{"by From, tel:", ask{uri: "tel:+39040", from: "<sip:x@a.example>", source: source}, "customer1 outbound: more"},
		{"by PAI", ask{uri: "tel:+39040", source: source, headers: []string{"P-Asserted-Identity: <tel:+39040>, <sip:x@b.example>"}}, "customer2 outbound: more"},
		{"From before PAI", ask{uri: "tel:+39040", from: "<sip:x@a.example>", source: source, headers: []string{"P-Asserted-Identity: <sip:x@b.example>"}}, "customer1 outbound: more"},
		{"From of one who does not share", ask{uri: "tel:+39040", from: "<sip:x@c.example>", source: source}, "403 shared_destination_clash"},
		{"nothing tells", ask{uri: "tel:+39040", source: source}, "403 shared_destination_clash"},
		{"to a third, as from anywhere", ask{uri: "sip:1@c.example", source: source}, "customer3 inbound: pbx"},
	})
}

func TestIdentifySourceAfterChanges(t *testing.T) {
	table := table(t,
		account(1, "a.example", dest("pbx 10.0.0.1:5060/udp 1 10"), dest("x 10.9.9.9:5060/udp 1 20")),
		account(2, "b.example", dest("pbx 10.0.0.1:5060/udp 1 10")),
		account(3, "c.example", dest("pbx 10.0.0.1:5060/udp 1 10")),
	)
	tel := ask{uri: "tel:+39040", source: "10.0.0.1:5060"}
	check := func(want string) {
		t.Helper()
		if got := decide(t, table.Snapshot(), tel); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	check("403 shared_destination_clash")
	table.Remove(2, 3, 99)
	check("customer1 outbound: x")
	table.Remove(1)
	check("-1 stranger_source")
	if table.Snapshot().Len() != 0 {
		t.Error("customers are left")
	}
}

func TestResolved(t *testing.T) {
	named := tenant.Destination{ID: 7, Name: "named", Host: "PBX.a.example", Protocol: "udp", Group: 1}
	table := table(t, account(1, "a.example", named, dest("other 10.0.0.9:5060/udp 1 20")))
	source := ask{source: "10.0.0.1:5060"}
	check := func(want string) {
		t.Helper()
		if got := decide(t, table.Snapshot(), source); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	check("customer1 inbound: named other")
	before := table.Snapshot()
	table.Resolved(7, []netip.AddrPort{netip.MustParseAddrPort("10.0.0.1:0"), netip.MustParseAddrPort("[::ffff:10.0.0.2]:5080")})
	check("customer1 outbound: other")
	if got := before.Destination(7).Addrs; got != nil {
		t.Errorf("an old snapshot changed: %v", got)
	}
	if got := table.Snapshot().Destination(7).Addrs; len(got) != 2 || got[1] != netip.MustParseAddrPort("10.0.0.2:5080") {
		t.Errorf("resolved to %v", got)
	}

	// A change of the customer keeps what was resolved; another host does not inherit it.
	if err := table.Put(account(1, "a.example", named, dest("new 10.0.0.9:5060/udp 1 20"))); err != nil {
		t.Fatal(err)
	}
	check("customer1 outbound: new")
	table.Resolved(7, nil)
	check("customer1 inbound: named new")
	table.Resolved(7, []netip.AddrPort{netip.MustParseAddrPort("10.0.0.1:5060")})
	named.Host = "pbx2.a.example"
	if err := table.Put(account(1, "a.example", named)); err != nil {
		t.Fatal(err)
	}
	check("customer1 inbound: named")
	table.Resolved(8, nil) // nobody's
}

func TestPutIsWhole(t *testing.T) {
	table := table(t, account(1, "a.example", dest("pbx 10.0.0.1:5060/udp 1 10")))
	before := table.Snapshot()
	for name, accounts := range map[string][]*tenant.Account{
		"a domain that is taken":     {account(3, "c.example"), account(2, "A.example")},
		"one domain for two":         {account(2, "b.example"), account(3, "b.example")},
		"a bad domain":               {account(3, "c.example"), account(2, "a!b")},
		"a bad protocol":             {account(3, "c.example"), account(2, "b.example", dest("x 10.0.0.1:1/smpp 1 1"))},
		"group 10":                   {account(3, "c.example"), account(2, "b.example", dest("x 10.0.0.1:1/udp 10 1"))},
		"port 70000":                 {account(2, "b.example", dest("x 10.0.0.1:70000/udp 1 1"))},
		"an id twice":                {account(2, "b.example"), account(2, "c.example")},
		"no id":                      {account(0, "b.example")},
		"a switch that is not there": {account(2, "b.example", tenant.Destination{Name: "x", Group: 1, Switch: 5})},
	} {
		if err := table.Put(accounts...); err == nil {
			t.Errorf("%s: no error", name)
		} else if table.Snapshot() != before {
			t.Errorf("%s: half applied", name)
		}
	}
	// A domain may move within one Put.
	if err := table.Put(account(2, "a.example"), account(1, "b.example")); err != nil {
		t.Fatal(err)
	}
	if c := table.Snapshot().CustomerByDomain("A.EXAMPLE"); c == nil || c.Settings.ID != 2 {
		t.Errorf("a.example is of %v", c)
	}
}

func TestCompany(t *testing.T) {
	table := policy.NewTable()
	a := account(1, "a.example")
	a.Customer.Company = 4
	if err := table.Put(a); err != nil {
		t.Fatal(err)
	}
	channels := func() int {
		t.Helper()
		c := table.Snapshot().Customer(1)
		if table.Snapshot().CustomerByDomain("a.example") != c {
			t.Error("the domain leads to the customer as he was")
		}
		return c.Company.Channels
	}
	if channels() != 0 {
		t.Error("a company that is not known has a limit")
	}
	table.PutCompany(tenant.Company{ID: 4, Channels: 10})
	if channels() != 10 || table.Snapshot().Company(4).Channels != 10 {
		t.Error("the limit did not arrive")
	}
	if err := table.Put(a); err != nil || channels() != 10 {
		t.Error("the limit was lost", err)
	}
	table.RemoveCompany(4)
	if channels() != 0 || table.Snapshot().Company(4) != nil {
		t.Error("the limit outlives its company")
	}
	table.SetTransparent(true, nil, nil)
	if channels(); !table.Snapshot().Customer(1).Transparent {
		t.Error("the switch over all switches nothing")
	}
}
