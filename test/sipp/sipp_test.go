// Package sipp crosses a node with SIPp on both sides: user agents that nobody here wrote,
// several calls at once. The odd cases are package calls.
package sipp

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func TestMain(m *testing.M) { harness.Main(m) }

func TestSIPp(t *testing.T) {
	node := harness.Start(t)
	var all []stage.Scenario
	for _, name := range []string{"basic", "hungup", "busy", "reinvite", "reinvited", "lateoffer", "auth"} {
		all = append(all, stage.Scenario{
			Name: name, Matrix: stage.Matrix("udp4-udp4", "tcp4-tcp4", "udp4-tcp4", "udp6-udp6"),
			Play: func(s *stage.Stage) { play(s, name) },
		})
	}
	stage.Play(t, node, all)
}

// play runs both scenarios of that name against each other through the node.
func play(s *stage.Stage, name string) {
	const calls = 10
	uas := &harness.SIPp{Scenario: file(s.T, name+"-uas"), Addr: address(s, s.Variant.Callee), Proto: s.Variant.Callee.Proto, Calls: calls}
	uas.Start(s.T)
	s.Customer.Destinations = []harness.Destination{{Addr: uas.Addr, Proto: uas.Proto}}
	s.Apply()
	uac := &harness.SIPp{
		Scenario: file(s.T, name+"-uac"), Addr: address(s, s.Variant.Caller), Proto: s.Variant.Caller.Proto,
		Remote: s.Caller.Edge, Calls: calls, Rate: 20, Keys: map[string]string{"domain": s.Domain},
	}
	uac.Start(s.T)
	uac.Wait(s.T)
	uas.Wait(s.T)
	if s.Hidden {
		hides(s, uac, uas)
		hides(s, uas, uac)
	}
}

func file(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("scenarios", name+".xml"))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func address(s *stage.Stage, l stage.Leg) netip.AddrPort {
	s.Helper()
	ip := "::1"
	if !l.IPv6 {
		ip = harness.IP(s.T)
	}
	return netip.AddrPortFrom(netip.MustParseAddr(ip), uint16(harness.Port(s.T)))
}

// hides checks that one side was shown nothing of the other: SIPp's Call-IDs end in its
// address, and its Contact is uac or uas.
func hides(s *stage.Stage, reader, other *harness.SIPp) {
	s.Helper()
	names := []string{other.Addr.String()}
	if ip := other.Addr.Addr(); ip.Is4() {
		names = append(names, ip.String()+":", "@"+ip.String(), ip.String()+";")
	}
	for _, m := range reader.Received(s.T) {
		for _, name := range names {
			if strings.Contains(string(m.Bytes()), name) {
				s.Fatalf("%q is shown:\n%s", name, m.Bytes())
			}
		}
		if user := peer.User(peer.URIOf(m.Get("Contact"))); user == map[bool]string{true: "uac", false: "uas"}[other.Remote.IsValid()] {
			s.Fatalf("the Contact's user passes: %s", fmt.Sprint(m.Get("Contact")))
		}
	}
}
