package media

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"strings"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

const secret = "Correct-Horse-1"

// users are SIP users of a customer whose phones register at the node, as lines of tenants.yaml; a
// name may be followed by more fields of its user.
func users(list ...string) string {
	var b strings.Builder
	b.WriteString("registration: local\ndigest: [md5]\nsip_users:\n")
	for _, u := range list {
		name, more, _ := strings.Cut(u, ",")
		if more != "" {
			more = "," + more
		}
		fmt.Fprintf(&b, "  - {username: %s, password: %q%s}\n", name, secret, more)
	}
	return b.String()
}

// registered registers an endpoint as a user.
func registered(s *stage.Stage, u *peer.UA, user string) {
	s.Helper()
	r := u.Registers(user, s.Domain)
	r.Ask(600)
	r.Ask(600, peer.Credentials{User: user, Password: secret}.Answer(r.Expect("401 REGISTER")))
	r.Expect("200 REGISTER")
}

// calls places a call as a user.
func calls(u *peer.UA, user, uri string, opts ...peer.Option) *peer.Call {
	_, domain, _ := strings.Cut(uri, "@")
	opts = append(opts, func(m *peer.Message) {
		m.Set("From", "<sip:"+user+"@"+domain+">;tag="+m.Tag("From"))
	})
	c := u.Invite(uri, opts...)
	challenge := c.Expect(407)
	c.Request("INVITE", append(opts, peer.Credentials{User: user, Password: secret}.Answer(challenge))...)
	return c
}

// TestSecureUsers: SIP users of tls+srtp call and are called, each other and who does not encrypt.
func TestSecureUsers(t *testing.T) {
	t.Parallel()
	n := node(t, harness.Settings{}, "auto", 200)
	var scenarios []stage.Scenario
	for name, play := range map[string]func(*stage.Stage){
		"to the PBX": func(s *stage.Stage) { secureUser(s, "alice", "") }, "from outside": func(s *stage.Stage) { secureUser(s, "", "bob") },
		"to each other": func(s *stage.Stage) { secureUser(s, "alice", "bob") }, "to a plain phone": func(s *stage.Stage) { secureUser(s, "alice", "carol") },
		"from a plain phone": func(s *stage.Stage) { secureUser(s, "carol", "bob") }, "refused": secureRefused,
	} {
		scenarios = append(scenarios, stage.Scenario{Name: name, Matrix: stage.One(), Play: play, Customer: func(c *harness.Customer) {
			bridged(c)
			c.Extra += secureUsers
		}})
	}
	scenarios = append(scenarios, stage.Scenario{Name: "not bridged", Matrix: stage.One(), Play: secureUnbridged, Customer: func(c *harness.Customer) {
		c.Extra += secureUsers
	}})
	stage.Play(t, n, scenarios)
}

// secureUsers: alice and bob encrypt, carol need not.
var secureUsers = users("alice, protocol: tls+srtp", "bob, protocol: tls+srtp", "carol")

// as opens a phone of a user, registered; a user of tls+srtp has both.
func as(s *stage.Stage, user string, ssrc uint32) *side {
	s.Helper()
	leg := stage.Leg{Proto: "udp"}
	if user == "alice" || user == "bob" {
		leg.Proto = "tls"
	}
	u := s.Peer(leg)
	registered(s, u, user)
	p := &side{phone: newPhone(s, u, ssrc)}
	if leg.Proto == "tls" {
		p.secures(suites[0])
	}
	return p
}

// dials has a user dial what leads to another; "" is the caller outside, or the PBX.
func dials(s *stage.Stage, from, to, dialled string) (a, b *side) {
	s.Helper()
	a, b = parties(s)
	uri := "sip:" + dialled + "@" + s.Domain
	if to != "" {
		b = as(s, to, 0xb)
	}
	if from != "" {
		a = as(s, from, 0xa)
		a.call = calls(a.ua, from, uri, a.sdp())
	} else {
		a.call = s.Caller.Invite(uri, a.sdp())
	}
	return a, b
}

// secureUser has a user call another; "" is the caller outside, or the PBX.
func secureUser(s *stage.Stage, from, to string) {
	a, b := dials(s, from, to, cmp.Or(to, "1234"))
	c := a.answeredSecurely(b)
	c.settle()
	reports(a.phone, b.phone, a.rtcp, b.rtcp)
	for _, pair := range [][2]*side{{a, b}, {b, a}} { // who encrypts goes on, whoever offers
		c.reinvites(pair[0], pair[1])
		talk(a.phone, b.phone, 5)
	}
	c.end()
	discreet(s, c)
}

// discreet wants no key of a conversation in the node's log or traces, or in what went over UDP.
func discreet(s *stage.Stage, c *conversation) {
	s.Helper()
	log, err := os.ReadFile(s.Node.LogFile())
	if err != nil {
		s.Fatal(err)
	}
	trace := s.Node.Must(s.T, "trace", c.a.call.ID).Stdout
	if !strings.Contains(trace, "INVITE") {
		s.Errorf("the trace has no INVITE:\n%s", trace)
	}
	for _, p := range []*side{c.a, c.b} {
		for _, key := range []string{p.key, p.heard} {
			if key != "" && strings.Contains(string(log)+trace, key) {
				s.Errorf("a key of %s stands in the log or in the trace:\n%s", p.ua.Addr(), trace)
			}
		}
		for _, e := range p.ua.Entries() {
			if p.ua.Proto() == "udp" && !e.Out && e.Msg != nil && bytes.Contains(e.Raw, []byte("inline:")) {
				s.Errorf("a key went over UDP:\n%s", e.Raw)
			}
		}
	}
}

// secureRefused: who is to encrypt and offers media in the clear, and who offers keys in the clear.
func secureRefused(s *stage.Stage) {
	alice, bob, carol := as(s, "alice", 0xa), as(s, "bob", 0xb), as(s, "carol", 0xc)
	warned(s, calls(alice.ua, "alice", "sip:carol@"+s.Domain, alice.sdp("m=audio PORT RTP/AVP 0")).Expect(488), "tls+srtp")
	carol.secures(suites[0])
	for _, called := range []string{"bob", "1234"} {
		warned(s, calls(carol.ua, "carol", "sip:"+called+"@"+s.Domain, carol.sdp()).Expect(488), "TLS")
	}
	bob.ua.Quiet(none)
	s.Callee.Quiet(none)
}

// secureUnbridged: where the description passes as it is, keys do not pass to who has no TLS.
func secureUnbridged(s *stage.Stage) {
	alice, bob := as(s, "alice", 0xa), as(s, "bob", 0xb)
	calls(alice.ua, "alice", "sip:1234@"+s.Domain, alice.sdp()).Expect(488)
	s.Callee.Quiet(none)
	c := calls(alice.ua, "alice", "sip:bob@"+s.Domain, alice.sdp())
	in := bob.ua.Accept("INVITE")
	in.Answer(486)
	c.Expect(486)
	in.Expect("ACK")
}

// TestUserSources: where the media of SIP users may come from is said by their profile (dora) or by
// themselves (emil), and holds for whoever dials and whatever was dialled; not for the other party.
func TestUserSources(t *testing.T) {
	paths(t, func(t *testing.T, n *harness.Node) {
		n.ApplyText(t, "companies: [{name: Black Box}]\nsip_profiles: [{name: strict, company: Black Box, nat_ping: disabled, latching: strict}]\n")
		var list []stage.Scenario
		scene := func(name, from, to, dialled string, play func(c *conversation, his, other *side)) {
			list = append(list, stage.Scenario{Name: name, Matrix: stage.One()[1:], Customer: movingUsers, Play: func(s *stage.Stage) {
				a, b := dials(s, from, to, dialled)
				b.call = b.ua.Accept("INVITE")
				c := a.answeredBy(b)
				if from == "dora" || from == "emil" {
					play(c, a, b)
				} else {
					play(c, b, a)
				}
			}})
		}
		scene("strict, to the PBX", "dora", "", "1234", strictUser)
		scene("strict, to a user", "dora", "carol", "carol", strictUser)
		scene("strict, from a user", "carol", "dora", "dora", strictUser)
		scene("strict, from outside", "", "dora", "dora", strictUser)
		scene("strict, by a number", "", "dora", "390401234567", strictUser)
		scene("handover, to the PBX", "emil", "", "1234", handoverUser)
		scene("handover, from outside", "", "emil", "emil", handoverUser)
		scene("handover, by a number", "", "emil", "390401234568", handoverUser)
		stage.Play(t, n, list)
	})
}

// movingUsers are carol, who says nothing, and dora and emil, of whom only dora has it as their profile says.
func movingUsers(c *harness.Customer) {
	bridged(c)
	c.Extra += users("carol, nat_ping: disabled", "dora, profile: strict", "emil, profile: strict, latching: handover") +
		"country_code: \"39\"\ndids: [{number: \"390401234567\", sip_user: dora}, {number: \"390401234568\", sip_user: emil}]\n"
}

// strictUser is heard from where he says and from nowhere else; the other party may be behind NAT.
func strictUser(c *conversation, his, other *side) {
	c.Helper()
	other.elsewhere()
	if n := heardWithin(other.phone, his.phone, 100); n < 3 {
		c.Errorf("the other party, behind NAT, is heard after %d packets", n)
	}
	hush(his.phone)
	said := his.rtp
	his.elsewhere()
	if n := heardWithin(his.phone, other.phone, 100); n != 0 {
		c.Errorf("heard after %d packets from a source that is not the description's", n)
	}
	unheard(other.phone, his.phone)
	his.rtp = said
	hush(his.phone)
	c.settle()
	c.end()
}

// handoverUser is followed when he moves; the other party is not.
func handoverUser(c *conversation, his, other *side) {
	c.Helper()
	c.settle()
	for range 2 {
		his.elsewhere()
		if n := heardWithin(his.phone, other.phone, 200); n < 5 {
			c.Fatalf("heard after %d packets from a new source", n)
		}
		hush(other.phone)
		c.settle()
	}
	said := other.rtp
	other.elsewhere()
	if n := heardWithin(other.phone, his.phone, 50); n != 0 {
		c.Errorf("the other party is heard after %d packets from a new source", n)
	}
	other.rtp = said
	c.settle()
	c.end()
}
