package switches

import (
	"fmt"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// TestFields plays the fields of an entry that are not played elsewhere; test/README.md says where
// each one is.
func TestFields(t *testing.T) {
	n := harness.Start(t)
	for name, play := range map[string]func(*testing.T, *harness.Node){
		"direction": direction, "protocol": protocols, "rate of a switch": rateOfSwitch, "a switch by name": byName,
		"force_nat": forceNAT, "manufacturer and version": asides,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, n)
		})
	}
}

// silent calls a number from a source of which nothing is known.
func (s *scene) silent(u *peer.UA) {
	s.Helper()
	s.Loose = true
	u.Start("OPTIONS", number(u, "0401234")) // is sent once; an INVITE would be sent again
	u.Quiet(100 * time.Millisecond)
	s.Callee.Quiet(time.Millisecond)
}

// TestRanges: an entry is all addresses of its ranges, of IPv4 and IPv6, and not the one before the
// first or after the last of them.
func TestRanges(t *testing.T) {
	n := harness.Start(t)
	s := play(t, n, nil)
	base := netip.MustParseAddr(harness.IP(t)).As4()
	base[3] = 128
	at := func(last byte) *peer.UA {
		a := base
		a[3] = last
		u := peer.Open(t, "udp", netip.AddrPortFrom(netip.AddrFrom4(a), 0))
		u.Edge = n.Addr("udp", u.Addr().Addr())
		return u
	}
	s.has(fmt.Sprintf("  - {name: office, direction: egress, addresses: [\"%s/30\", \"%s/32\", \"::1/128\"], dial_pattern: raw}\n",
		netip.AddrFrom4(base), at(200).IP()))
	for _, last := range []byte{128, 131, 200} {
		u := at(last)
		s.reaches(u, s.Callee, number(u, "0401234"))
	}
	six := s.Peer(stage.Leg{Proto: "udp", IPv6: true})
	s.reaches(six, s.Callee, number(six, "0401234"))
	for _, last := range []byte{127, 132, 199, 201} {
		s.silent(at(last))
	}
	s.Customer.Extra = "switches: []\n"
	s.Apply()
	s.silent(at(128))
	s.silent(six)
}

// direction: whom we call may not call us by that, and who calls us is no place to call.
func direction(t *testing.T, n *harness.Node) {
	s := play(t, n, nil)
	trunk := s.Peer(stage.Leg{Proto: "udp"})
	s.has(carrier("trunk", trunk.Addr()))
	s.silent(trunk)
	s.Customer.Destinations = append(s.Customer.Destinations, harness.Destination{Name: "dialer", Switch: "dialer"})
	if r := n.TryApply(t, harness.Tenants(withExtra(s, "switches:\n"+entry("dialer", s.Caller.IP())))); r.Code != 1 || !strings.Contains(r.Stderr, "dialer") {
		t.Errorf("a destination that sends calls to us: %s", r)
	}
}

// protocols: an entry is let in over its own, and over any where none is given.
func protocols(t *testing.T, n *harness.Node) {
	for _, own := range []string{"udp", "tcp", "tls", ""} {
		s := play(t, n, nil)
		s.has(entry("trunk", s.Caller.IP(), fmt.Sprintf("protocol: %q", own)))
		for _, proto := range []string{"udp", "tcp", "tls"} {
			u := peer.Open(t, proto, netip.AddrPortFrom(s.Caller.Addr().Addr(), 0))
			u.Edge = n.Addr(proto, u.Addr().Addr())
			uri := number(s.Caller, "0401234")
			if own == proto || own == "" {
				s.reaches(u, s.Callee, uri)
			} else {
				s.refused(u, 403, uri)
			}
		}
	}
}

// rateOfSwitch: a switch that gets as many new calls a second as it takes is passed by; where no
// other is left the caller is told to come again.
func rateOfSwitch(t *testing.T, n *harness.Node) {
	s := play(t, n, nil)
	s.Loose = true // nobody awaits the ACKs
	first := s.Peer(stage.Leg{Proto: "udp"})
	s.Customer.Destinations = append([]harness.Destination{{Name: "first", Switch: "first", Priority: 1}}, s.Customer.Destinations...)
	s.has(carrier("first", first.Addr(), "cps: 1"), entry("trunk", s.Caller.IP()))
	first.Answering("INVITE", func() int { return 486 })
	s.Callee.Answering("INVITE", func() int { return 404 })
	uri, calls := number(s.Caller, "0401234"), 0
	beyond := func(status int) {
		t.Helper()
		harness.Eventually(t, harness.Soon, func() error { // a second may just be over
			calls++
			if got := s.Caller.Invite(uri).ExpectOneOf(486, status); got.Status != status {
				return fmt.Errorf("call %d: %s", calls, got.Start())
			}
			return nil
		})
	}
	s.Caller.Invite(uri).Expect(486)
	beyond(404) // by the second one
	s.Customer.Destinations = s.Customer.Destinations[:1]
	s.Apply()
	beyond(503)
	if len(s.Callee.Received("INVITE")) == 0 {
		t.Error("the second one got nothing")
	}
}

// byName: a switch's host may be a name; its addresses are looked up, and its name is what it gets.
func byName(t *testing.T, n *harness.Node) {
	s := play(t, n, nil)
	trunk := peer.New(t, "udp", "127.0.0.1")
	trunk.Edge = n.Addr("udp", trunk.Addr().Addr())
	s.Customer.Initial = "1s" // of the addresses of this name one may be ::1
	s.Customer.Destinations = []harness.Destination{{Name: "trunk", Switch: "trunk"}}
	s.has(fmt.Sprintf("  - {name: trunk, direction: ingress, host: localhost, port: %d, protocol: udp, dial_pattern: raw}\n", trunk.Port()))
	a := s.Caller.Invite("sip:0401234@" + s.Domain)
	b := trunk.Accept("INVITE")
	if want := fmt.Sprintf("sip:0401234@localhost:%d", trunk.Port()); b.Incoming().URI != want {
		t.Errorf("it is called %s, want %s", b.Incoming().URI, want)
	}
	b.Answer(486)
	a.Expect(486)
	b.Expect("ACK")
}

// forceNAT: a switch is believed where it wants to be sent requests within a call, unless it is said
// to be behind a NAT.
func forceNAT(t *testing.T, n *harness.Node) {
	for _, force := range []bool{false, true} {
		s := play(t, n, nil)
		trunk, elsewhere := s.Peer(stage.Leg{Proto: "udp"}), s.Peer(stage.Leg{Proto: "udp"})
		s.Customer.Destinations = []harness.Destination{{Name: "trunk", Switch: "trunk"}}
		s.has(carrier("trunk", trunk.Addr(), fmt.Sprintf("force_nat: %t", force)))
		a := s.Caller.Invite("sip:0401234@" + s.Domain)
		b := trunk.Accept("INVITE")
		elsewhere.Handle(func(m *peer.Message) bool {
			if m.Method == "BYE" {
				elsewhere.Replies(m, 200)
			}
			return true
		})
		b.Answer(200, peer.SDP(trunk, 1), func(m *peer.Message) {
			m.Set("Contact", "<"+elsewhere.URI(peer.User(peer.URIOf(m.Get("Contact"))))+">")
		})
		a.Expect(200)
		a.Ack()
		if force {
			b.Expect("ACK")
			s.End(a, b)
			continue
		}
		a.Request("BYE")
		a.Expect("200 BYE")
		if len(elsewhere.Received("ACK")) != 1 || len(elsewhere.Received("BYE")) != 1 {
			t.Error("who is believed gets nothing where he wants it")
		}
	}
}

// asides are kept and exported, and change nothing on the wire.
func asides(t *testing.T, n *harness.Node) {
	s := play(t, n, nil)
	s.has(entry("trunk", s.Caller.IP(), `manufacturer: "Ma: #ker"`, `version: "20"`))
	s.reaches(s.Caller, s.Callee, number(s.Caller, "0401234"))
	export := n.Must(t, "export").Stdout
	if _, after, _ := strings.Cut(export, s.Customer.Name); !strings.Contains(after, "Ma: #ker") || !strings.Contains(after, `version: "20"`) {
		t.Errorf("exported is\n%s", export)
	}
}

// TestSipsak: an entry over UDP, and one that may not come over it.
func TestSipsak(t *testing.T) {
	n := harness.Start(t)
	s := play(t, n, nil)
	s.Callee.Answering("OPTIONS", func() int { return 200 })
	asks := func() (string, error) {
		cmd := exec.CommandContext(t.Context(), harness.Need(t, "sipsak", "sipsak"), "-s", "sip:0401234@"+s.Caller.Edge.String(), "-l", strconv.Itoa(harness.Port(t)), "-vv")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	s.has(entry("trunk", "127.0.0.1", "protocol: udp"))
	if out, err := asks(); err != nil || !strings.Contains(out, "200 OK") {
		t.Errorf("%v: %s", err, out)
	}
	s.Customer.Extra = ""
	s.has(entry("trunk", "127.0.0.1", "protocol: tcp"))
	if out, err := asks(); err == nil || !strings.Contains(out, "403") {
		t.Errorf("over another protocol: %v: %s", err, out)
	}
}
