package carrier

import (
	"fmt"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// TestProxies: calls go to one of the proxies, to the other where that one is gone, and the
// switch stays in the Request-URI.
func TestProxies(t *testing.T) {
	n := harness.Start(t)
	s := &scene{stage.New(t, n, stage.One()[0], nil)}
	other := s.Peer(stage.Leg{Proto: "udp"})
	s.Customer.Destinations = []harness.Destination{{Name: "carrier", Switch: "carrier"}}
	s.Customer.Extra = fmt.Sprintf("switches:\n  - {name: carrier, direction: ingress, host: 192.0.2.77, dial_pattern: raw, outbound_proxies: [%q, %q]}\n",
		s.Callee.Addr(), other.Addr())
	s.Apply()
	reached := map[*peer.UA]int{}
	for range 12 {
		a := s.Caller.Invite(s.number())
		b := peer.AcceptAny("INVITE", s.Callee, other)
		reached[b.UA]++
		if want := "sip:0401234@192.0.2.77"; b.Incoming().URI != want || b.Incoming().Has("Route") {
			t.Errorf("a proxy gets\n%s", b.Incoming().Bytes())
		}
		b.Answer(486)
		a.Expect(486)
		b.Expect("ACK")
	}
	if len(reached) != 2 {
		t.Error("one proxy gets all calls")
	}
	s.Customer.Extra = fmt.Sprintf("switches:\n  - {name: carrier, direction: ingress, host: 192.0.2.77, dial_pattern: raw, outbound_proxies: [%q, %q]}\n",
		harness.Refusing(t), other.Addr())
	s.Apply()
	for range 4 {
		a := s.Caller.Invite(s.number())
		b := other.Accept("INVITE")
		b.Answer(486)
		a.Expect(486)
		b.Expect("ACK")
	}
}
