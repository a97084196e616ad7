package media

import (
	"bytes"
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

// secureUser has a user call another; "" is the caller outside, or the PBX.
func secureUser(s *stage.Stage, from, to string) {
	a, b := parties(s)
	uri := "sip:1234@" + s.Domain
	if to != "" {
		b, uri = as(s, to, 0xb), "sip:"+to+"@"+s.Domain
	}
	if from != "" {
		a = as(s, from, 0xa)
		a.call = calls(a.ua, from, uri, a.sdp())
	} else {
		a.call = s.Caller.Invite(uri, a.sdp())
	}
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
