package users

import (
	"fmt"
	"strings"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

const secret = "Correct-Horse-1"

var udp4 = stage.Leg{Proto: "udp"}

// local is a customer whose phones register at the node, as alice, bob and carol; extra is
// more of him.
func local(extra string, users ...string) func(*harness.Customer) {
	if len(users) == 0 {
		users = []string{user("alice"), user("bob"), user("carol")}
	}
	return func(c *harness.Customer) {
		c.Extra += "registration: local\n" + extra + "sip_users:\n" + strings.Join(users, "")
	}
}

// user is a line of the list sip_users.
func user(name string, more ...string) string {
	line := fmt.Sprintf("  - {username: %q, password: %q", name, secret)
	for _, m := range more {
		line += ", " + m
	}
	return line + "}\n"
}

// phone is a scripted phone of a SIP user.
type phone struct {
	*peer.Registration
	s    *stage.Stage
	user string
}

// newPhone is one that has not registered yet.
func newPhone(s *stage.Stage, ua *peer.UA, user string) *phone {
	return &phone{ua.Registers(user, s.Domain), s, user}
}

// register is one that has, for ten minutes.
func register(s *stage.Stage, user string) *phone {
	s.Helper()
	return registerOver(s, udp4, user)
}

// registerOver is one that speaks another transport.
func registerOver(s *stage.Stage, leg stage.Leg, user string) *phone {
	s.Helper()
	p := newPhone(s, s.Peer(leg), user)
	p.in(600)
	return p
}

// credentials are the user's.
func (p *phone) credentials() peer.Credentials {
	return peer.Credentials{User: p.user, Password: secret}
}

// asks sends a REGISTER and, once it was challenged, sends it again with the password; it gives
// the answer.
func (p *phone) asks(status int, ask func(opts ...peer.Option)) *peer.Message {
	p.s.Helper()
	ask()
	challenge := p.Expect("401 REGISTER")
	ask(p.credentials().Answer(challenge))
	return p.Expect(fmt.Sprintf("%d REGISTER", status))
}

// in registers for so many seconds, 0 ends it, and checks what the phone is told.
func (p *phone) in(seconds int, opts ...peer.Option) *peer.Message {
	p.s.Helper()
	ok := p.asks(200, func(more ...peer.Option) { p.Ask(seconds, append(opts, more...)...) })
	want := seconds
	if seconds == 0 {
		want = -1
	}
	if got := peer.Granted(ok, p.Contact); got != want {
		p.s.Errorf("asked for %d and got %d:\n%s", seconds, got, ok.Bytes())
	}
	return ok
}

// refused has a REGISTER refused after the password was given.
func (p *phone) refused(status int, opts ...peer.Option) *peer.Message {
	p.s.Helper()
	return p.asks(status, func(more ...peer.Option) { p.Ask(600, append(opts, more...)...) })
}

// as names the caller.
func (p *phone) as() peer.Option {
	return func(m *peer.Message) {
		m.Set("From", "<sip:"+p.user+"@"+p.s.Domain+">;tag="+m.Tag("From"))
	}
}

// calls sends a request with the password; what follows goes on in its Call.
func (p *phone) calls(method, uri string, opts ...peer.Option) *peer.Call {
	p.s.Helper()
	opts = append([]peer.Option{p.as()}, opts...)
	c := p.UA.Start(method, uri, opts...)
	challenge := c.Expect(407)
	c.Request(method, append(opts, p.credentials().Answer(challenge))...)
	return c
}

// answers takes a call that rings at the phone, and answers it.
func (p *phone) answers(c *peer.Call) *peer.Call {
	p.s.Helper()
	b := p.rings()
	b.Answer(200, peer.SDP(p.UA, 1))
	c.Expect(200)
	c.Ack()
	b.Expect("ACK")
	return b
}

// busy takes a call that rings at the phone, and refuses it.
func (p *phone) busy(c *peer.Call) {
	p.s.Helper()
	b := p.rings()
	b.Answer(486)
	c.Expect(486)
	b.Expect("ACK")
}

// rings takes the INVITE that comes to the phone.
func (p *phone) rings() *peer.Call {
	p.s.Helper()
	b := p.UA.Accept("INVITE")
	if got := b.Incoming().URI; got != p.Contact {
		p.s.Errorf("the phone registered %s, and is called as %s", p.Contact, got)
	}
	return b
}

// at is an address of the customer's.
func at(s *stage.Stage, user string) string { return "sip:" + user + "@" + s.Domain }

// play runs scenarios on a node of their own.
func play(t *testing.T, scenarios []stage.Scenario, env ...string) {
	t.Helper()
	t.Parallel()
	node := harness.Start(t, harness.Settings{Env: env})
	for i := range scenarios {
		if scenarios[i].Customer == nil {
			scenarios[i].Customer = local("")
		}
		if scenarios[i].Matrix == nil {
			scenarios[i].Matrix = stage.One()
		}
	}
	stage.Play(t, node, scenarios)
}
