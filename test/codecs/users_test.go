package codecs

import (
	"fmt"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

const secret = "Correct-Horse-1"

// TestUsers: what two SIP users restrict holds for calls between them, either
// way.
func TestUsers(t *testing.T) {
	s := stage.New(t, harness.Start(t), stage.One()[0], func(c *harness.Customer) {
		c.Extra += "registration: local\nsip_users:\n" +
			fmt.Sprintf("  - {username: alice, password: %q, restricted_codecs: [G729]}\n", secret) +
			fmt.Sprintf("  - {username: bob, password: %q, restricted_codecs: [PCMA]}\n", secret)
	})
	alice, bob := s.Caller, s.Peer(stage.Leg{Proto: "udp"})
	registered(s, alice, "alice")
	registered(s, bob, "bob")
	for _, p := range []struct {
		from, to *peer.UA
		caller   string
		called   string
	}{{alice, bob, "alice", "bob"}, {bob, alice, "bob", "alice"}} {
		uri := "sip:" + p.called + "@" + s.Domain
		offer := media(p.from, "m=audio 4000 RTP/AVP 18 8 0")
		a := calls(s, p.from, p.caller, uri, offer)
		b := p.to.Accept("INVITE")
		has(s, b.Incoming(), p.from, "m=audio 4000 RTP/AVP 0")
		b.Answer(200, media(p.to, "m=audio 5000 RTP/AVP 0 8 18"))
		has(s, a.Expect(200), p.to, "m=audio 5000 RTP/AVP 0")
		a.Ack()
		b.Expect("ACK")
		s.End(b, a)
		a = calls(s, p.from, p.caller, uri, media(p.from, "m=audio 4000 RTP/AVP 8 18"))
		warned(s, a.Expect(488), "305", "Offered: PCMA, G729.")
	}
}

// registered registers an endpoint as a user.
func registered(s *stage.Stage, u *peer.UA, user string) {
	s.Helper()
	r := u.Registers(user, s.Domain)
	r.Ask(600)
	r.Ask(600, peer.Credentials{User: user, Password: secret}.Answer(r.Expect("401 REGISTER")))
	r.Expect("200 REGISTER")
}

// calls places a call with a user's password.
func calls(s *stage.Stage, u *peer.UA, user, uri string, opts ...peer.Option) *peer.Call {
	s.Helper()
	opts = append(opts, func(m *peer.Message) {
		m.Set("From", "<sip:"+user+"@"+s.Domain+">;tag="+m.Tag("From"))
	})
	c := u.Invite(uri, opts...)
	challenge := c.Expect(407)
	c.Request("INVITE", append(opts, peer.Credentials{User: user, Password: secret}.Answer(challenge))...)
	return c
}
