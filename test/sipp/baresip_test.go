package sipp

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/stage"
)

// TestBaresip has a softphone call a softphone: UDP, TCP and TLS, each end of its own kind.
func TestBaresip(t *testing.T) {
	node := harness.Start(t)
	stage.Play(t, node, []stage.Scenario{
		{Name: "softphones", Matrix: stage.Matrix("tls4-tls4", "tls4-udp4", "udp4-tls4", "tcp4-tcp4"), Play: softphones},
	})
}

func softphones(s *stage.Stage) {
	bob := &harness.Baresip{
		IP: harness.IP(s.T), Port: harness.Ports(s.T, 2), Account: "<sip:bob@" + s.Domain + ">;regint=0;answermode=auto",
	}
	bob.Start(s.T)
	port := bob.Port
	if s.Variant.Callee.Proto == "tls" {
		port++
	}
	s.Customer.Destinations = []harness.Destination{{
		Addr: netip.AddrPortFrom(netip.MustParseAddr(bob.IP), uint16(port)), Proto: s.Variant.Callee.Proto,
	}}
	s.Apply()
	proto := s.Variant.Caller.Proto
	alice := &harness.Baresip{
		IP: harness.IP(s.T), Port: harness.Ports(s.T, 2), Seconds: 3, Dial: s.URI(),
		Account: fmt.Sprintf("<sip:alice@alice.invalid;transport=%s>;regint=0;outbound=\"sip:%s;transport=%s\"", proto, s.Caller.Edge, proto),
	}
	alice.Start(s.T)
	alice.Until(s.T, "Call established")
	bob.Until(s.T, "Call established")
	alice.Until(s.T, "terminated") // it hangs up when its time is over
	bob.Until(s.T, "terminated")
	if said := bob.Said(); s.Hidden && strings.Contains(said, alice.IP) {
		s.Errorf("the callee was shown %s:\n%s", alice.IP, said)
	}
}
