package phones

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// phone is a scripted phone and its registration, as it and the PBX see it.
type phone struct {
	*peer.Registration
	s     *stage.Stage
	user  string
	pbx   *peer.Call // the REGISTERs as they come to the PBX
	token string     // the URI that the PBX got in place of the phone's Contact
}

// newPhone is a phone for user at the stage's domain, not registered yet.
func newPhone(s *stage.Stage, ua *peer.UA, user string) *phone {
	return &phone{Registration: ua.Registers(user, s.Domain), s: s, user: user}
}

// register is a phone that the PBX has let in, for ten minutes.
func register(s *stage.Stage, ua *peer.UA, user string) *phone {
	s.Helper()
	p := newPhone(s, ua, user)
	p.refresh(600)
	return p
}

// refresh asks for so many seconds and has the PBX grant them.
func (p *phone) refresh(seconds int, opts ...peer.Option) {
	p.s.Helper()
	p.Ask(seconds, opts...)
	p.grant(p.arrives(), seconds)
}

// arrives is the phone's REGISTER as the PBX gets it: with a token of ours in place of the
// Contact, always the same one.
func (p *phone) arrives() *peer.Message {
	s := p.s
	s.Helper()
	if p.pbx == nil {
		p.pbx = s.Callee.Accept("REGISTER")
	} else {
		p.pbx = p.pbx.AcceptAgain("REGISTER")
	}
	m := p.pbx.Incoming()
	for _, header := range []string{"From", "To"} {
		if uri := peer.URIOf(m.Get(header)); uri != "sip:"+p.user+"@"+s.Domain {
			s.Errorf("the PBX needs %s as the phone wrote it, got %s", header, uri)
		}
	}
	contacts := m.All("Contact")
	if len(contacts) != 1 || contacts[0] == "*" {
		return m
	}
	token := peer.URIOf(contacts[0])
	checkToken(s, token, p)
	if p.token != "" && p.token != token {
		s.Errorf("the PBX knows the phone as %s, and now gets %s: it would collect contacts", p.token, token)
	}
	p.token = token
	return m
}

// answers has the PBX answer the phone's REGISTER.
func (p *phone) answers(status int, opts ...peer.Option) {
	p.s.Helper()
	m := p.arrives()
	p.pbx.Reply(m, status, opts...)
}

// checkToken holds a token's URI to be an address of the node that the PBX can send to, and
// to show nothing of the phone.
func checkToken(s *stage.Stage, token string, p *phone) {
	s.Helper()
	host, port := peer.HostPort(token)
	if at := s.Callee.Edge; host != at.Addr().String() || port != int(at.Port()) {
		s.Errorf("the PBX reaches the node at %s, and gets the Contact %s", at, token)
	}
	transport := peer.URIParam(token, "transport")
	if proto := s.Callee.Proto(); transport != proto && (transport != "" || proto != "udp") {
		s.Errorf("the PBX speaks %s, and gets the Contact %s", proto, token)
	}
	if strings.Contains(token, p.UA.Mark) || strings.Contains(token, p.user) {
		s.Errorf("the token %s names the phone", token)
	}
}

// grant answers a REGISTER with 200, this token and others, and checks what the phone is told.
func (p *phone) grant(m *peer.Message, seconds int, others ...string) *peer.Message {
	s := p.s
	s.Helper()
	opts := []peer.Option{peer.Also("Contact", fmt.Sprintf("<%s>;expires=%d", p.token, seconds))}
	if seconds == 0 {
		opts = nil
	}
	for _, other := range others {
		opts = append(opts, peer.Also("Contact", other))
	}
	p.pbx.Reply(m, 200, opts...)
	answer := p.Expect("200 REGISTER")
	want := seconds
	if seconds == 0 {
		want = -1
	}
	if got := peer.Granted(answer, p.Contact); got != want {
		s.Errorf("granted %d, the phone is told %d:\n%s", want, got, answer.Bytes())
	}
	if strings.Contains(string(answer.Bytes()), peer.User(p.token)) {
		s.Errorf("the phone is shown a token:\n%s", answer.Bytes())
	}
	return answer
}

// from names the PBX's user who calls.
func from(s *stage.Stage, user string) peer.Option {
	return func(m *peer.Message) { m.Set("From", fmt.Sprintf("<sip:%s@%s>;tag=%s", user, s.Domain, m.Tag("From"))) }
}

// sends has the PBX send a request to a URI, a token or an address of record.
func sends(s *stage.Stage, method, uri string, opts ...peer.Option) *peer.Call {
	s.Helper()
	opts = append([]peer.Option{from(s, "bob")}, opts...)
	if method == "INVITE" {
		return s.Callee.Invite(uri, opts...)
	}
	return s.Callee.Start(method, uri, opts...)
}

// gets is a request that must come to the phone over its own flow, with its own Contact as
// Request-URI.
func (p *phone) gets(method string) *peer.Call {
	p.s.Helper()
	c := p.UA.Accept(method)
	p.came(c.Incoming())
	return c
}

func (p *phone) came(m *peer.Message) {
	p.s.Helper()
	if m.URI != p.Contact {
		p.s.Errorf("the phone registered %s and is called as\n%s", p.Contact, m.Bytes())
	}
	if m.Source() != p.UA.Edge {
		p.s.Errorf("the phone is called from %s, its flow leads to %s", m.Source(), p.UA.Edge)
	}
}

// called has the PBX call the phone through its token, talk both ways and hang up.
func (p *phone) called() {
	s := p.s
	s.Helper()
	b := sends(s, "INVITE", p.token)
	a := p.gets("INVITE")
	a.Answer(180)
	b.Expect(180)
	a.Answer(200, peer.SDP(p.UA, 1))
	b.Expect(200)
	b.Ack()
	a.Expect("ACK")
	inside(s, a, b)
}

// inside sends a request each way in a call and ends it from the first side.
func inside(s *stage.Stage, a, b *peer.Call) {
	s.Helper()
	a.Request("INFO")
	b.Reply(b.Expect("INFO"), 200)
	a.Expect("200 INFO")
	b.Request("INFO")
	a.Reply(a.Expect("INFO"), 200)
	b.Expect("200 INFO")
	s.End(a, b)
}

// lost checks that the PBX is told 480 when it calls the phone's token.
func (p *phone) lost() {
	p.s.Helper()
	sends(p.s, "INVITE", p.token).Expect(480)
	p.UA.Quiet(silence / 4)
}

// listed is the phone's line of `tollgate bindings`, nil where there is none.
func (p *phone) listed() map[string]any {
	p.s.Helper()
	for _, row := range p.s.Node.JSON(p.s.T, "bindings") {
		if row["contact"] == p.Contact {
			return row
		}
	}
	return nil
}

// gone waits until the phone is not listed.
func (p *phone) gone(patience time.Duration) {
	p.s.Helper()
	harness.Eventually(p.s.T, patience, func() error {
		if row := p.listed(); row != nil {
			return fmt.Errorf("the binding is still listed: %v", row)
		}
		return nil
	})
}

// instance is a Contact parameter that names one device (RFC 5626 4.1).
func instance(t testing.TB) string {
	t.Helper()
	return fmt.Sprintf(`;+sip.instance="<urn:uuid:%08x-0000-1000-8000-000a95a0e128>"`, time.Now().UnixNano()&0xffffffff)
}
