package edge

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"tollgate/internal/gate"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// refused is a request that nothing told whose it was.
func refused(t *testing.T, proto transport.Proto, source, from string) *gate.Decision {
	t.Helper()
	text := "INVITE sip:0401@carrier.test SIP/2.0\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\nMax-Forwards: 70\nFrom: " + from +
		"\nTo: <sip:0401@carrier.test>\nCall-ID: 1\nCSeq: 1 INVITE\nContent-Length: 0\n\n"
	var m sip.Message
	if err := m.Parse([]byte(strings.ReplaceAll(text, "\n", "\r\n"))); err != nil {
		t.Fatal(err)
	}
	return &gate.Decision{Proto: proto, Source: netip.MustParseAddrPort(source), Message: &m}
}

// shared makes a snapshot of customers whose only destination is each at its address; ids count from 1.
func shared(t *testing.T, hosts ...string) *policy.Snapshot {
	t.Helper()
	table := policy.NewTable()
	table.PutCompany(tenant.Company{ID: 1, Name: "one"})
	for i, host := range hosts {
		id := tenant.CustomerID(i + 1)
		a := tenant.Account{
			Customer:     tenant.Customer{ID: id, Company: 1, Name: "c"},
			Destinations: []tenant.Destination{{ID: tenant.DestinationID(id), Customer: id, Name: "d", Group: 1, Host: host, Port: 5060, Protocol: "udp"}},
		}
		if err := table.Put(&a); err != nil {
			t.Fatal(err)
		}
	}
	return table.Snapshot()
}

// TestClashes: by address and port over UDP, by address over connections; told to who shares it.
func TestClashes(t *testing.T) {
	var c clashes
	now := time.Unix(1_000_000, 0)
	s := shared(t, "192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.1")
	if got := c.byDestination(s, now); len(got) != 0 {
		t.Errorf("nothing came: %v", got)
	}
	c.note(refused(t, transport.UDP, "192.0.2.1:5060", "<sip:12@a.test>;tag=1"), now)
	c.note(refused(t, transport.UDP, "[::ffff:192.0.2.1]:5060", "<sip:13@a.test>;tag=1"), now.Add(time.Minute))
	c.note(refused(t, transport.UDP, "192.0.2.1:5061", "<sip:14@a.test>;tag=1"), now.Add(2*time.Minute)) // no destination's
	got := c.byDestination(s, now.Add(3*time.Minute))
	if len(got) != 3 {
		t.Fatalf("three share the address: %v", got)
	}
	one := got[2]
	if one.Count != 2 || !one.Last.Equal(now.Add(time.Minute)) || one.From != "sip:13@a.test" || one.To != "sip:0401@carrier.test" {
		t.Errorf("%+v", one)
	}
	if len(one.Sharers) != 2 || one.Sharers[0]+one.Sharers[1] != 5 || one.More {
		t.Errorf("customers 1 and 4 share it with 2: %+v", one)
	}
	c.note(refused(t, transport.TLS, "192.0.2.1:40000", "<sip:15@a.test>;tag=1"), now.Add(4*time.Minute))
	if got := c.byDestination(s, now.Add(5*time.Minute)); got[1].From != "sip:15@a.test" || got[1].Count != 1 {
		t.Errorf("the latest counts: %+v", got[1])
	}
	if got := c.byDestination(shared(t, "192.0.2.1"), now.Add(5*time.Minute)); len(got) != 0 {
		t.Errorf("nobody shares it any more: %v", got)
	}
	if got := c.byDestination(s, now.Add(65*time.Minute)); len(got) != 0 || len(c.of) != 0 {
		t.Errorf("an hour has passed: %v", got)
	}
	c.note(refused(t, transport.UDP, "192.0.2.1:5060", "<sip:16@a.test>;tag=1"), now.Add(66*time.Minute))
	c.note(refused(t, transport.UDP, "192.0.2.1:5060", "<sip:16@a.test>;tag=1"), now.Add(127*time.Minute))
	if got := c.byDestination(s, now.Add(127*time.Minute)); got[1].Count != 1 {
		t.Errorf("counted anew: %+v", got[1])
	}
}

// TestClashWithAnEntry: who has an entry that holds the address is told, too.
func TestClashWithAnEntry(t *testing.T) {
	var c clashes
	now := time.Unix(1_000_000, 0)
	table := policy.NewTable()
	for i, a := range []tenant.Account{
		{Destinations: []tenant.Destination{{ID: 1, Name: "d", Group: 1, Host: "192.0.2.1", Port: 5060, Protocol: "udp"}}},
		{Switches: []tenant.Switch{{ID: 1, Name: "s", Direction: tenant.Egress, Addresses: []string{"192.0.2.0/24"}}}},
	} {
		a.Customer.ID = tenant.CustomerID(i + 1)
		if err := table.Put(&a); err != nil {
			t.Fatal(err)
		}
	}
	c.note(refused(t, transport.UDP, "192.0.2.1:5060", "<sip:12@a.test>;tag=1"), now)
	got := c.byDestination(table.Snapshot(), now)
	if one := got[1]; len(got) != 1 || len(one.Sharers) != 1 || one.Sharers[0] != 2 {
		t.Errorf("customer 2 has an entry there: %+v", got)
	}
}

// TestClashesAreBounded: in addresses, in bytes, in names.
func TestClashesAreBounded(t *testing.T) {
	var c clashes
	now := time.Unix(1_000_000, 0)
	long := refused(t, transport.UDP, "192.0.2.1:1", "<sip:"+strings.Repeat("x", 2000)+"@a.test>;tag=1")
	for i := range 3 * maxClashes {
		long.Source = netip.AddrPortFrom(long.Source.Addr(), uint16(10_000+i))
		c.note(long, now.Add(time.Duration(i)*time.Millisecond))
	}
	recent := c.recent(now)
	if len(recent) != maxClashes {
		t.Errorf("%d addresses", len(recent))
	}
	last, ok := recent[netip.AddrPortFrom(long.Source.Addr(), uint16(10_000+3*maxClashes-1))]
	if !ok || len(last.From) != maxClashURI {
		t.Errorf("the last is there: %v, %d bytes", ok, len(last.From))
	}
	hosts := make([]string, 2*maxSharers)
	for i := range hosts {
		hosts[i] = "192.0.2.1"
	}
	c.note(refused(t, transport.UDP, "192.0.2.1:5060", "nonsense <"), now.Add(time.Hour))
	if got := c.byDestination(shared(t, hosts...), now.Add(time.Hour)); len(got) != len(hosts) || len(got[1].Sharers) != maxSharers || !got[1].More || got[1].From != "" {
		t.Errorf("%d, %+v", len(got), got[1])
	}
	if allocs := testing.AllocsPerRun(100, func() { c.note(long, now) }); allocs != 0 {
		t.Errorf("%v allocations to note an address that is known", allocs)
	}
}
