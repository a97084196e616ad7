package users

import (
	"fmt"
	"strings"
	"testing"

	"tollgate/test/peer"
	"tollgate/test/stage"
)

func TestRegistrations(t *testing.T) {
	attacks := stage.Matrix("udp4-udp4", "tcp4-udp4", "tls4-udp4")
	play(t, []stage.Scenario{
		{Name: "a registration", Play: registration, Matrix: stage.Matrix("udp4-udp4", "tcp4-udp4", "tls4-udp4", "udp6-udp4")},
		{Name: "several phones", Play: several},
		{Name: "how long", Play: howLong},
		{Name: "a late one", Play: late},
		{Name: "path and outbound", Play: pathAndOutbound},
		{Name: "another's address of record", Play: another, Matrix: attacks},
		{Name: "another's contacts", Play: hijack, Matrix: attacks},
		{Name: "another's instance", Play: anotherInstance, Matrix: attacks},
		{Name: "another customer", Play: otherCustomer, Matrix: attacks},
		{Name: "nobody", Play: nobody, Matrix: attacks},
		{Name: "lists", Play: lists},
	})
}

// registration: in, asked after, refreshed and out, and the PBX hears nothing of it.
func registration(s *stage.Stage) {
	p := newPhone(s, s.Caller, "alice")
	p.in(600)
	ok := p.asks(200, func(opts ...peer.Option) { p.Query(opts...) })
	if left := peer.Granted(ok, p.Contact); left < 590 || left > 600 {
		s.Errorf("a query tells %d seconds:\n%s", left, ok.Bytes())
	}
	p.in(120)
	p.in(0)
	p.asks(200, func(opts ...peer.Option) {
		p.Request("REGISTER", append([]peer.Option{peer.With("Contact", "*"), peer.With("Expires", "0")}, opts...)...)
	})
	s.Callee.Quiet(silence)
}

// several phones of one user: each is told of all; one goes, then all go, and bob stays.
func several(s *stage.Stage) {
	a, b, bob := register(s, "alice"), register(s, "alice"), register(s, "bob")
	ok := b.in(300)
	if peer.Granted(ok, a.Contact) < 590 || len(ok.All("Contact")) != 2 {
		s.Errorf("two phones, and one is told\n%s", ok.Bytes())
	}
	a.in(0)
	b.asks(200, func(opts ...peer.Option) {
		b.Request("REGISTER", append([]peer.Option{peer.With("Contact", "*"), peer.With("Expires", "0")}, opts...)...)
	})
	c := bob.calls("INVITE", at(s, "alice"))
	c.Expect(480)
	a.in(600)
	c = a.calls("INVITE", at(s, "bob"), peer.SDP(a.UA, 1))
	s.End(c, bob.answers(c))
}

func howLong(s *stage.Stage) {
	p := newPhone(s, s.Caller, "alice")
	no := p.asks(423, func(opts ...peer.Option) { p.Ask(59, opts...) })
	if no.Get("Min-Expires") != "60" {
		s.Errorf("too short, and the phone is told\n%s", no.Bytes())
	}
	ok := p.asks(200, func(opts ...peer.Option) { p.Ask(99999999, opts...) })
	if got := peer.Granted(ok, p.Contact); got != 7200 {
		s.Errorf("granted %d", got)
	}
	p.in(60)
}

// late: what was sent before comes after.
func late(s *stage.Stage) {
	p := newPhone(s, s.Caller, "alice")
	p.in(600)
	old := func(m *peer.Message) { m.Set("CSeq", "1 REGISTER") }
	p.Ask(0, old)
	challenge := p.UA.Received(401)
	p.Ask(0, old, p.credentials().Answer(challenge[len(challenge)-1]))
	p.UA.Drain()
	if ok := p.asks(200, func(opts ...peer.Option) { p.Query(opts...) }); peer.Granted(ok, p.Contact) < 500 {
		s.Errorf("an old REGISTER has ended it:\n%s", ok.Bytes())
	}
	s.Loose = true
}

func pathAndOutbound(s *stage.Stage) {
	p := newPhone(s, s.Caller, "alice")
	p.Params = `;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000a95a0e128>";reg-id=1`
	in := func(supported string) *peer.Message {
		return p.asks(200, func(opts ...peer.Option) {
			p.Ask(600, append([]peer.Option{peer.With("Supported", supported)}, opts...)...)
		})
	}
	ok := in("path, outbound")
	if ok.Get("Require") != "outbound" || !strings.Contains(ok.Get("Contact"), p.Params) {
		s.Errorf("the phone holds to RFC 5626, and is told\n%s", ok.Bytes())
	}
	p.Contact = p.UA.URI("moved") // the same phone at another place
	if ok = in("path"); len(ok.All("Contact")) != 1 || ok.Has("Require") {
		s.Errorf("one phone, and there are\n%s", ok.Bytes())
	}
	proxied := newPhone(s, s.Peer(udp4), "bob")
	path := "<sip:" + proxied.UA.Addr().String() + ";lr>"
	if ok = proxied.in(600, peer.With("Path", path), peer.With("Supported", "path")); ok.Get("Path") != path {
		s.Errorf("the Path %s came back as\n%s", path, ok.Bytes())
	}
	c := p.calls("INVITE", at(s, "bob"), peer.SDP(p.UA, 1))
	b := proxied.rings()
	if got := b.Incoming().Get("Route"); got != path {
		s.Errorf("the proxy is given the Route %q", got)
	}
	b.Answer(486)
	c.Expect(486)
	b.Expect("ACK")
}

// another: who knows one password registers nobody else.
func another(s *stage.Stage) {
	bob := registerOver(s, s.Variant.Caller, "bob")
	p := newPhone(s, s.Caller, "alice")
	for _, to := range []string{"bob", "nobody", "ALICE"} {
		p.refused(403, peer.With("To", "<"+at(s, to)+">"))
	}
	p.asks(403, func(opts ...peer.Option) {
		p.Request("REGISTER", append([]peer.Option{peer.With("To", "<"+at(s, "bob")+">"), peer.With("Contact", "*"), peer.With("Expires", "0")}, opts...)...)
	})
	c := registerOver(s, s.Variant.Caller, "carol").calls("INVITE", at(s, "bob"))
	bob.busy(c)
}

// hijack: the Contact of another's phone as one's own changes nothing of his, and calls to it
// go to who has registered it.
func hijack(s *stage.Stage) {
	bob := registerOver(s, s.Variant.Caller, "bob")
	p := newPhone(s, s.Caller, "alice")
	p.Contact = bob.Contact
	p.in(600)
	p.in(0)
	c := registerOver(s, s.Variant.Caller, "carol").calls("INVITE", at(s, "bob"))
	bob.busy(c)
	p.UA.Quiet(silence)
}

// anotherInstance: neither the name of another's device nor the Call-ID of his registration, nor
// both, make his phone anybody else's.
func anotherInstance(s *stage.Stage) {
	in := func(p *phone, seconds int) {
		p.asks(200, func(opts ...peer.Option) { p.Ask(seconds, opts...) })
	}
	bob := newPhone(s, s.Peer(s.Variant.Caller), "bob")
	bob.Params = `;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000a95a0e128>";reg-id=1`
	in(bob, 600)
	p := newPhone(s, s.Caller, "alice")
	p.Params, p.ID, p.CSeq = bob.Params, bob.ID, bob.CSeq+100
	in(p, 600)
	c := registerOver(s, s.Variant.Caller, "carol").calls("INVITE", at(s, "bob"))
	bob.busy(c)
	in(p, 0)
	p.asks(200, func(opts ...peer.Option) {
		p.Request("REGISTER", append([]peer.Option{peer.With("Contact", "*"), peer.With("Expires", "0")}, opts...)...)
	})
	c = registerOver(s, s.Variant.Caller, "carol").calls("INVITE", at(s, "bob"))
	bob.busy(c)
	in(bob, 600) // his own goes on as it was
}

// otherCustomer: the same name and password at another customer are another user.
func otherCustomer(s *stage.Stage) {
	other := s.Customer
	other.Name, other.Domains = s.Customer.Name+"-other", []string{"other-" + s.Domain}
	s.Node.Apply(s.T, s.Customer, other)
	p := newPhone(s, s.Caller, "alice")
	p.refused(403, peer.With("To", "<sip:alice@"+other.Domains[0]+">"))
	p.in(600)
	c := p.UA.Invite("sip:bob@"+other.Domains[0], p.as(), peer.SDP(p.UA, 1))
	c.Expect(480) // by domain, as anybody, and the other's bob is not registered
}

// nobody has no password, and is not told that he is nobody.
func nobody(s *stage.Stage) {
	p := newPhone(s, s.Caller, "nobody")
	p.refused(401)
}

// lists name the user.
func lists(s *stage.Stage) {
	register(s, "alice")
	for _, row := range s.Node.JSON(s.T, "bindings", "--customer", s.Customer.Name) {
		if row["user"] != "alice" || row["aor"] != "alice@"+s.Domain {
			s.Errorf("%v", row)
		}
	}
	if text := fmt.Sprint(s.Node.Must(s.T, "bindings", "--customer", s.Customer.Name)); !strings.Contains(text, "alice@"+s.Domain) {
		s.Error(text)
	}
}
