package carrier

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func TestRegister(t *testing.T) {
	n := harness.Start(t)
	for name, play := range map[string]func(*testing.T, *harness.Node){
		"registration": registration, "calls to it": callsToIt, "calls alike": callsAlike, "over TCP": overTCP, "too brief": tooBrief, "refused": refusedThere,
		"taken back": takenBack, "other settings": otherSettings, "calls by name": callsByName, "calls by proxy": callsByProxy,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, n)
		})
	}
}

// trunk is a scene whose carrier has been asked for a registration, and what it was asked.
func trunk(t *testing.T, n *harness.Node, v stage.Variant, more ...string) (*scene, *peer.Call) {
	t.Helper()
	s := play(t, n, v, append(more, "register: true", "realm: "+realm)...)
	return s, s.Callee.Accept("REGISTER")
}

// in lets us in, and gives the Contact by which we are to be called.
func (s *scene) in(b *peer.Call) string {
	s.Helper()
	b = s.again(b, 401, digest(realm, "r1", `, qop="auth", algorithm=SHA-256`))
	s.proves(b.Incoming(), "Authorization", "r1")
	contact := b.Incoming().Get("Contact")
	b.Answer(200, peer.With("Contact", "<sip:other@192.0.2.9>;expires=7, "+contact+";expires=600"))
	return peer.URIOf(contact)
}

// shown waits until the list of destinations says something of a registration.
func (s *scene) shown(want string) {
	s.Helper()
	var text string
	for range 50 {
		if text = s.Node.Must(s.T, "destinations", "--customer", s.Customer.Name).Stdout; strings.Contains(text, want) {
			return
		}
		s.Caller.Settled(100 * time.Millisecond)
	}
	s.Errorf("destinations says nothing of %q:\n%s", want, text)
}

// registration: it is asked for with the password, shown, and taken back when it is not
// wanted any more.
func registration(t *testing.T, n *harness.Node) {
	s, b := trunk(t, n, stage.One()[0])
	first := b.Incoming()
	if first.Get("Expires") != "3600" || peer.User(peer.URIOf(first.Get("To"))) != user || first.Has("Authorization") {
		s.Errorf("the first REGISTER:\n%s", first.Bytes())
	}
	contact := s.in(b)
	s.shown("Registered at carrier of " + s.Customer.Name)
	s.Customer.Extra = strings.Replace(s.Customer.Extra, "register: true", "register: false", 1)
	s.Apply()
	last := b.AcceptAgain("REGISTER")
	if m := last.Incoming(); m.Get("Expires") != "0" || peer.URIOf(m.Get("Contact")) != contact || m.Get("Call-ID") != first.Get("Call-ID") {
		s.Errorf("the last REGISTER:\n%s", m.Bytes())
	}
	last.Answer(200)
}

// callsToIt: what the carrier sends to our Contact comes in as from an entry, for the number in
// its To; from anywhere else the Contact is worth nothing.
func callsToIt(t *testing.T, n *harness.Node) {
	s, b := trunk(t, n, stage.One()[0])
	contact := s.in(b)
	s.shown("Registered at carrier")
	pbx, stranger := s.Peer(stage.Leg{Proto: "udp"}), s.Peer(stage.Leg{Proto: "udp"})
	s.Customer.Destinations = append(s.Customer.Destinations, harness.Destination{Name: "pbx", Addr: pbx.Addr(), Priority: 2})
	s.Customer.Extra += fmt.Sprintf("blocklist:\n  - {prefix: %q}\n  - {prefix: \"0408\"}\n", peer.User(contact)[:8]) // the Contact is no number
	s.Apply()
	barred := s.Callee.Invite(contact, func(m *peer.Message) { m.Set("To", "<sip:0408999@carrier.example>") })
	barred.Expect(403)
	called := func(m *peer.Message) { m.Set("To", "<sip:0409999@carrier.example>") }
	a := s.Callee.Invite(contact, called)
	c := pbx.Accept("INVITE")
	if got := peer.User(c.Incoming().URI); got != "0409999" {
		s.Errorf("the PBX is asked for %q", got)
	}
	c.Answer(200, peer.SDP(pbx, 1))
	a.Expect(200)
	a.Ack()
	c.Expect("ACK")
	s.End(a, c)
	s.Loose = true
	stranger.Start("INVITE", contact, called, peer.SDP(stranger, 1))
	stranger.Quiet(100 * time.Millisecond)
	pbx.Quiet(time.Millisecond)
}

// callsAlike: for antifraud the number called is that of To, since each call names the same Contact.
func callsAlike(t *testing.T, n *harness.Node) {
	s, b := trunk(t, n, stage.One()[0])
	contact := s.in(b)
	s.shown("Registered at carrier")
	pbx := s.Peer(stage.Leg{Proto: "udp"})
	s.Customer.Destinations = []harness.Destination{{Name: "pbx", Addr: pbx.Addr(), Priority: 2}} // who is one is left alone
	s.Customer.Extra += "antifraud: {invite: 2}\n"
	s.Apply()
	anonymous := func(number string) peer.Option {
		return func(m *peer.Message) {
			m.Set("From", "<sip:anonymous@anonymous.invalid>;tag="+m.Tag("From"))
			m.Set("To", "<sip:"+number+"@carrier.example>")
		}
	}
	first := s.Callee.Invite(contact, anonymous("0401111"))
	one := pbx.Accept("INVITE")
	second := s.Callee.Invite(contact, anonymous("0402222"))
	two := pbx.Accept("INVITE")
	one.Answer(486)
	one.Expect("ACK")
	first.Expect(486)
	s.Callee.Invite(contact, anonymous("0402233")).Expect(403)
	second.Expect(480)
	two.Answer(180) // a CANCEL needs that something was heard (RFC 3261 9.1)
	cancel := two.Expect("CANCEL")
	two.Reply(cancel, 200)
	two.Answer(487)
	two.Expect("ACK")
}

func overTCP(t *testing.T, n *harness.Node) {
	s, b := trunk(t, n, stage.Matrix("tcp4-tcp4")[0])
	if contact := s.in(b); !strings.HasSuffix(contact, ";transport=tcp") {
		s.Errorf("Contact %s", contact)
	}
	s.shown("Registered at carrier")
}

// tooBrief: a 423 is obeyed.
func tooBrief(t *testing.T, n *harness.Node) {
	s, b := trunk(t, n, stage.One()[0])
	b.Answer(423, peer.With("Min-Expires", "7200"))
	b = b.AcceptAgain("REGISTER")
	if got := b.Incoming().Get("Expires"); got != "7200" {
		s.Errorf("Expires %s", got)
	}
	b.Answer(200)
	s.shown("Registered at carrier")
}

// refusedThere: a wrong password, or a foreign realm, is shown and not tried over and over.
func refusedThere(t *testing.T, n *harness.Node) {
	s, b := trunk(t, n, stage.One()[0])
	b = s.again(b, 401, digest(realm, "r1", ""))
	b.Answer(401, asks(401, digest(realm, "r1", "")))
	s.shown(fmt.Sprintf("Not registered at carrier of %s: answered 401", s.Customer.Name))
	s.Callee.Quiet(time.Second)
	other, b := trunk(t, n, stage.One()[0])
	b.Answer(407, asks(407, digest("bank.example", "r1", "")))
	other.shown("answered 407")
	other.Callee.Quiet(100 * time.Millisecond)
}

// changed is a trunk that is registered, and whose setting is another one since.
func changed(t *testing.T, n *harness.Node, register string) (*scene, *peer.Call) {
	s, b := trunk(t, n, stage.One()[0])
	s.in(b)
	s.shown("Registered at carrier")
	s.Customer.Extra = strings.Replace(s.Customer.Extra, "register: true", register, 1)
	s.Apply()
	return s, b
}

// takenBack: a registrar that wants the password for that, too, gets it.
func takenBack(t *testing.T, n *harness.Node) {
	s, b := changed(t, n, "register: false")
	last := s.again(b.AcceptAgain("REGISTER"), 401, digest(realm, "r9", `, qop="auth", stale=true`))
	s.proves(last.Incoming(), "Authorization", "r9")
	if got := last.Incoming().Get("Expires"); got != "0" {
		s.Errorf("Expires %s", got)
	}
	last.Answer(200)
}

// otherSettings: what has nothing to do with where we register takes no registration back.
func otherSettings(t *testing.T, n *harness.Node) {
	s, b := changed(t, n, "register: true, channels: 7")
	before, _ := b.Incoming().CSeq()
	again := b.AcceptAgain("REGISTER")
	m := again.Incoming()
	if got, _ := m.CSeq(); m.Get("Expires") != "3600" || got <= before || m.Get("Call-ID") != b.Incoming().Get("Call-ID") {
		s.Errorf("with other settings we send\n%s", m.Bytes())
	}
	again.Answer(200)
	s.Callee.Quiet(50 * time.Millisecond)
}

// rings has the carrier call our Contact, and the PBX get the call.
func (s *scene) rings(carrier *peer.UA, contact string, pbx *peer.UA) {
	s.Helper()
	a := carrier.Invite(contact, func(m *peer.Message) { m.Set("To", "<sip:0409999@carrier.example>") })
	c := pbx.Accept("INVITE")
	c.Answer(486)
	a.Expect(486)
	c.Expect("ACK")
}

// callsByName: a switch that has a name calls us, whether it is a destination too or not.
func callsByName(t *testing.T, n *harness.Node) {
	for _, called := range []bool{false, true} {
		s := &scene{stage.New(t, n, stage.One()[0], nil)}
		trunk := peer.New(t, "udp", "127.0.0.1")
		trunk.Edge = n.Addr("udp", trunk.Addr().Addr())
		if called {
			s.Customer.Destinations = append(s.Customer.Destinations, harness.Destination{Name: "trunk", Switch: "trunk", Priority: 99})
		}
		s.Customer.Extra = fmt.Sprintf("switches:\n  - {name: trunk, direction: ingress, host: localhost, port: %d, protocol: udp, dial_pattern: raw, username: %s, password: %q, realm: %s, register: true}\n",
			trunk.Port(), user, password, realm)
		s.Apply()
		b := trunk.Accept("REGISTER")
		contact := peer.URIOf(b.Incoming().Get("Contact"))
		b.Answer(200)
		s.rings(trunk, contact, s.Callee)
	}
}

// callsByProxy: a switch that we register at by proxies calls us by any of them.
func callsByProxy(t *testing.T, n *harness.Node) {
	s := &scene{stage.New(t, n, stage.One()[0], nil)}
	one, two, other := s.Peer(stage.Leg{Proto: "udp"}), s.Peer(stage.Leg{Proto: "udp"}), s.Peer(stage.Leg{Proto: "udp"})
	s.Customer.Extra = fmt.Sprintf("switches:\n  - {name: trunk, direction: ingress, host: carrier.example, dial_pattern: raw, username: %s, password: %q, realm: %s, register: true, outbound_proxies: [%q, %q]}\n",
		user, password, realm, one.Addr(), two.Addr())
	s.Apply()
	b := peer.AcceptAny("REGISTER", one, two)
	if want := "sip:carrier.example"; b.Incoming().URI != want {
		t.Errorf("the proxy gets a REGISTER of %s, want %s", b.Incoming().URI, want)
	}
	contact := peer.URIOf(b.Incoming().Get("Contact"))
	b.Answer(200)
	s.rings(one, contact, s.Callee)
	s.rings(two, contact, s.Callee)
	s.Loose = true
	other.Start("OPTIONS", contact)
	other.Quiet(100 * time.Millisecond)
}
