package phones

import (
	"fmt"
	"strings"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// refusedRegistrations never reach a PBX, or are refused by it.
func refusedRegistrations() []stage.Scenario {
	return []stage.Scenario{
		{Name: "another customer's address of record", Matrix: stage.One(), Play: othersAddress},
		{Name: "contacts that are none", Matrix: stage.One(), Play: badContacts},
		{Name: "overlong registrations", Matrix: stage.One(), Play: overlongRegistrations},
		{Name: "too many phones of one address", Matrix: stage.Matrix("tcp4-tcp4"), Play: tooManyPhones},
		{Name: "refused by the PBX", Matrix: stage.Matrix("udp4-udp4", "tls4-udp4"), Play: refusedByPBX},
		{Name: "a PBX registers nobody", Matrix: stage.One(), Play: fromPBX},
	}
}

// othersAddress: the To header decides whom a REGISTER registers, and it is another customer's.
func othersAddress(s *stage.Stage) {
	p := register(s, s.Caller, "alice")
	victim := s.Peer(udp4)
	other := harness.Customer{
		Name: s.Customer.Name + "-other", Domains: []string{"other-" + s.Domain}, Hidden: s.Hidden,
		Destinations: []harness.Destination{{Addr: victim.Addr()}},
	}
	s.Node.Apply(s.T, s.Customer, other)
	aor := func(user string) peer.Option { return peer.With("To", "<sip:"+user+">") }
	for _, user := range []string{
		"alice@other-" + s.Domain, "alice@elsewhere.test", "alice@192.0.2.7", "alice@OTHER-" + strings.ToUpper(s.Domain) + ":5060",
	} {
		p.Ask(600, aor(user))
		p.Expect("403 REGISTER")
	}
	p.Ask(600, func(m *peer.Message) { m.URI = "sip:other-" + s.Domain }) // by the other's domain, for an address here
	p.Expect("403 REGISTER")
	for _, to := range []string{"<sip:" + s.Domain + ">", "<tel:+390401234567>", "<mailto:alice@" + s.Domain + ">"} {
		p.Ask(600, peer.With("To", to))
		if m := p.ExpectOneOf("403 REGISTER", "400 REGISTER", "416 REGISTER"); m == nil {
			s.Errorf("To: %s", to)
		}
	}
	s.Callee.Quiet(silence)
	victim.Quiet(silence / 4)
	p.called()
}

func badContacts(s *stage.Stage) {
	p := register(s, s.Caller, "alice")
	many := make([]string, 9)
	for i := range many {
		many[i] = fmt.Sprintf("<sip:c%d@%s>", i, s.Caller.Addr())
	}
	for what, contact := range map[string]string{
		"a telephone": "<tel:+390401234567>", "a page": "<http://" + s.Caller.IP() + "/>", "no host": "<sip:>",
		"nine of them": strings.Join(many, ", "), "our token": "<" + p.token + ">", "us": "<sip:alice@" + s.Caller.Edge.String() + ">",
		"no URI": "alice", "open": "<sip:alice@" + s.Caller.Addr().String(),
	} {
		p.Ask(600, peer.With("Contact", contact))
		if m := p.AwaitWithin(peer.Patience, "400 REGISTER"); m == nil {
			s.Errorf("a Contact that is %s must be refused with 400", what)
		}
	}
	s.Callee.Quiet(silence)
	p.called()
}

func overlongRegistrations(s *stage.Stage) {
	p := register(s, s.Caller, "alice")
	long := strings.Repeat("x", 600)
	for what, opts := range map[string][]peer.Option{
		"Contact":  {peer.With("Contact", "<sip:"+long+"@"+s.Caller.Addr().String()+">")},
		"instance": {peer.With("Contact", "<"+p.Contact+`>;+sip.instance="<urn:x:`+long+`>"`)},
		"Path":     {peer.Also("Path", "<sip:"+long+"1@h.test;lr>"), peer.Also("Path", "<sip:"+long+"2@h.test;lr>")},
	} {
		p.Ask(600, opts...)
		if m := p.AwaitWithin(peer.Patience, "400 REGISTER"); m == nil {
			s.Errorf("an overlong %s must be refused with 400", what)
		}
	}
	s.Callee.Quiet(silence)
	p.called()
}

// tooManyPhones: 32 of one address of record at most.
func tooManyPhones(s *stage.Stage) {
	p := newPhone(s, s.Caller, "alice")
	var tokens []string
	for i := range 32 {
		p.Contact, p.token = fmt.Sprintf("sip:phone%d@%s;transport=tcp", i, s.Caller.Addr()), ""
		p.Ask(600)
		p.grant(p.arrives(), 600, tokens...)
		tokens = append(tokens, "<"+p.token+">;expires=600")
	}
	p.Ask(600, peer.With("Contact", fmt.Sprintf("<sip:onetoomany@%s;transport=tcp>", s.Caller.Addr())))
	p.ExpectOneOf("403 REGISTER", "503 REGISTER")
	s.Callee.Quiet(silence)
	p.called()
}

func refusedByPBX(s *stage.Stage) {
	p := newPhone(s, s.Caller, "alice")
	for _, status := range []int{403, 404, 480, 600} {
		p.Ask(600)
		p.answers(status)
		p.Expect(status)
		p.lost()
	}
	if row := p.listed(); row != nil {
		s.Errorf("no 2xx, no binding: %v", row)
	}
	p.refresh(600)
	p.Ask(600) // a live one stays when its refresh is challenged or refused
	p.answers(401, peer.Challenge(s.Domain, "MD5"))
	p.Expect("401 REGISTER")
	p.called()
}

// fromPBX: a destination is no phone.
func fromPBX(s *stage.Stage) {
	p := s.Callee.Registers("alice", s.Domain)
	p.Ask(600)
	p.Expect("403 REGISTER")
	s.Caller.Quiet(silence / 4)
}
