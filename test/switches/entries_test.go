package switches

import (
	"strings"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func TestEntries(t *testing.T) {
	n := harness.Start(t)
	for name, play := range map[string]func(*testing.T, *harness.Node){
		"an entry": anEntry, "told apart by CLI": byCLI, "told apart by tech prefix": byPrefix, "told apart by DID": byDID,
		"overlaps that nothing tells apart": overlaps, "DIDs": dids, "channels": channels, "rate": rate,
		"a full switch is passed by": fullSwitch, "failover": failover, "out by a switch": outward, "two hundred at once": twoHundred,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, n)
		})
	}
}

// anEntry: a source is known by its address, over its protocol, and only then.
func anEntry(t *testing.T, n *harness.Node) {
	s := play(t, n, nil)
	uri := number(s.Caller, "0401234")
	other := s.Peer(stage.Leg{Proto: "udp"})
	s.Caller.Start("INVITE", uri, peer.SDP(s.Caller, 1))
	s.Caller.Quiet(100 * time.Millisecond) // a stranger as yet
	s.has(entry("trunk", s.Caller.IP()+"/32", "protocol: udp"))
	s.explained(s.Caller, uri, "1", `his entry \"trunk\"`)
	s.reaches(s.Caller, s.Callee, uri)
	s.reaches(s.Caller, s.Callee, s.URI()) // by his domain, too
	o := s.Caller.Start("OPTIONS", uri)
	s.Callee.Accept("OPTIONS").Answer(200)
	o.Expect(200)

	tcp := peer.Open(t, "tcp", s.Caller.Addr())
	tcp.Edge = n.Addr("tcp", tcp.Addr().Addr())
	s.refused(tcp, 403, uri)
	s.explained(tcp, uri, "1", "wrong_protocol")
	s.refused(tcp, 403, s.URI())

	other.Start("INVITE", uri, peer.SDP(other, 1))
	other.Quiet(100 * time.Millisecond)
	s.Callee.Quiet(time.Millisecond)
	s.Loose = true // the stranger's INVITEs are sent again
}

// pair is two customers whose entries have the caller's address.
func pair(t *testing.T, n *harness.Node, first, second string, more ...string) (a, b *scene) {
	t.Helper()
	a = play(t, n, func(c *harness.Customer) { c.Extra += "country_code: \"39\"\n" + first })
	b = play(t, n, func(c *harness.Customer) { c.Extra += "country_code: \"39\"\n" + second })
	a.has(entry("shared", a.Caller.IP(), more...))
	return a, b
}

func byCLI(t *testing.T, n *harness.Node) {
	a, b := pair(t, n,
		"clis:\n  - {value: \"0409876543\"}\n  - {value: \"^0651[0-9]{4}$\", match: regex}\n",
		"clis:\n  - {value: \"06510000\"}\n", "cli_authentication: true")
	b.has(entry("shared", a.Caller.IP(), "cli_authentication: true"))
	uri := number(a.Caller, "040555")
	a.reaches(a.Caller, a.Callee, uri, from("0409876543"))
	a.reaches(a.Caller, a.Callee, uri, from("+39-040-9876543"))
	a.reaches(a.Caller, a.Callee, uri, from("06511234"))
	a.reaches(a.Caller, b.Callee, uri, from("06510000")) // exact before regex
	a.reaches(a.Caller, b.Callee, uri, from("anonymous"), peer.Also("P-Asserted-Identity", "<tel:+3906510000>"))
	a.refused(a.Caller, 403, uri, from("0401"))
	a.explained(a.Caller, uri, "0401", "cli_unknown")
	a.refused(a.Caller, 403, uri, from("anonymous"))
	if r := n.TryApply(t, harness.Tenants(withExtra(b, "clis:\n  - {value: \"06510000\"}\n  - {value: \"0409876543\"}\n"))); r.Code != 1 || !strings.Contains(r.Stderr, "0409876543 is in use by customer") {
		t.Errorf("the same CLI twice: %s", r)
	}
}

// withExtra is a scene's customer with other lines.
func withExtra(s *scene, lines string) harness.Customer {
	c := s.Customer
	c.Extra = lines
	return c
}

func byPrefix(t *testing.T, n *harness.Node) {
	a, b := pair(t, n, "", "", `tech_prefix: "771"`)
	b.has(entry("shared", a.Caller.IP(), `tech_prefix: "99#"`))
	a.reaches(a.Caller, a.Callee, number(a.Caller, "771040555"))
	a.reaches(a.Caller, b.Callee, number(a.Caller, "99%23040555"))
	a.refused(a.Caller, 403, number(a.Caller, "040555"))
	a.explained(a.Caller, number(a.Caller, "040555"), "1", "tech_prefix_unknown")
}

func byDID(t *testing.T, n *harness.Node) {
	a := play(t, n, func(c *harness.Customer) { c.Extra += "country_code: \"39\"\n" })
	b := play(t, n, func(c *harness.Customer) { c.Extra += "country_code: \"39\"\n" })
	for i, s := range []*scene{a, b} {
		did := []string{"390401111", "390402222"}[i]
		s.Customer.Extra += "dids:\n  - {number: \"" + did + "\", switch: pbx}\n"
		s.has(carrier("pbx", s.Callee.Addr()), entry("shared", a.Caller.IP()))
	}
	a.reaches(a.Caller, a.Callee, number(a.Caller, "+390401111"))
	a.reaches(a.Caller, b.Callee, number(a.Caller, "0402222"))
	a.refused(a.Caller, 403, number(a.Caller, "0403333"))
	a.explained(a.Caller, number(a.Caller, "0403333"), "1", "entry_clash")
}

// overlaps are refused when they are made, unless something tells the customers apart.
func overlaps(t *testing.T, n *harness.Node) {
	a, b := pair(t, n, "", "")
	for line, want := range map[string]string{
		entry("mine", a.Caller.IP()+"/30"):                           "is in use by customer " + a.Customer.Name,
		entry("mine", a.Caller.IP(), `tech_prefix: "77"`):            "is in use by customer",
		entry("mine", a.Caller.IP(), "cli_authentication: true"):     "must be the same on all entries that share an address",
		entry("mine", a.Caller.IP(), "protocol: smpp"):               "SMPP is not supported",
		entry("mine", "pbx.example.com"):                             "a host name is allowed only as the host of an ingress switch",
		entry("mine", "0.0.0.0/0"):                                   "every address",
		"  - {name: x, direction: egress, host: a.example}\n":        "lists no address",
		"  - {name: x, direction: ingress, addresses: [10.0.0.1]}\n": "known by its host",
	} {
		if r := n.TryApply(t, harness.Tenants(withExtra(b, "switches:\n"+line))); r.Code != 1 || !strings.Contains(r.Stderr, want) {
			// A range that is not aligned is refused for that; the address is random.
			if !strings.Contains(r.Stderr, "bits set to the right") {
				t.Errorf("%s\nwant %q: %s", line, want, r)
			}
		}
	}
}

// dids lead to a switch before any routing rule.
func dids(t *testing.T, n *harness.Node) {
	s := play(t, n, nil)
	trunk := s.Peer(stage.Leg{Proto: "udp"})
	s.Customer.Extra += "country_code: \"39\"\ndids:\n  - {number: \"390401111\", switch: branch}\n"
	s.has(carrier("branch", trunk.Addr()))
	s.reaches(s.Caller, trunk, "sip:0401111@"+s.Domain)
	s.reaches(s.Caller, trunk, "sip:+390401111@"+s.Domain)
	s.reaches(s.Callee, trunk, "sip:+390401111@"+s.Domain) // the PBX's own
	s.reaches(s.Caller, s.Callee, "sip:0401112@"+s.Domain)
	s.explained(s.Caller, "sip:0401111@"+s.Domain, "1", "390401111 is a DID that leads to a switch.")
}

// TestLifted: adding the exact address as an entry lifts its ban in the same moment.
func TestLifted(t *testing.T) {
	n := harness.Start(t, harness.Settings{Bannable: true})
	s := play(t, n, nil)
	n.Must(t, "ban", s.Caller.IP(), "--for", "1h")
	s.Caller.Start("OPTIONS", number(s.Caller, "1"))
	s.Caller.Quiet(100 * time.Millisecond)
	s.has(entry("trunk", s.Caller.IP()))
	s.reaches(s.Caller, s.Callee, number(s.Caller, "0401234"))
	if r := n.Command(t, "ban", s.Caller.IP(), "--customer", s.Customer.Name); r.Code != 1 {
		t.Errorf("an entry was banned: %s", r)
	}
	s.Loose = true
}
