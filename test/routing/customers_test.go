package routing

import (
	"fmt"
	"strings"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func customers() []stage.Scenario {
	own := func(name string, play func(*stage.Stage)) stage.Scenario {
		return stage.Scenario{Name: name, Matrix: stage.One(), Play: play, OwnOnly: true}
	}
	return []stage.Scenario{
		own("a change is live at once", changeIsLive),
		own("a change spares the calls that are up", changeSparesCalls),
		own("a domain moves", domainMoves),
		own("a domain in any case and with a port", domainSpelling),
		own("an address is a domain", addressIsDomain),
		own("customers do not see each other", customersApart),
		own("one PBX address for two customers", sharedDestination),
		{Name: "one Kamailio for three customers", Matrix: stage.One(), Play: oneKamailio},
	}
}

// changeIsLive: when apply has returned, the next call goes the new way.
func changeIsLive(s *stage.Stage) {
	second := s.Peer(udp4)
	for _, u := range []*peer.UA{s.Callee, second, s.Callee, second} {
		through(s, u)
		a := s.Caller.Invite(s.URI())
		b := u.Accept("INVITE")
		b.Answer(486)
		b.Expect("ACK")
		a.Expect(486)
	}
}

func changeSparesCalls(s *stage.Stage) {
	a, b := s.Talk()
	second := s.Peer(udp4)
	s.Customer.Hidden = !s.Customer.Hidden
	through(s, second)
	a.Request("INFO")
	b.Reply(b.Expect("INFO"), 200)
	a.Expect("200 INFO")
	b.Request("INVITE", peer.SDP(s.Callee, 2))
	a.Expect("INVITE")
	a.Answer(200, peer.SDP(s.Caller, 2))
	b.Expect(200)
	b.Ack()
	a.Expect("ACK")
	s.End(a, b)
	answered(s, s.Caller.Invite(s.URI()), second)
}

// domainMoves: taken from one customer and given to another, in one file.
func domainMoves(s *stage.Stage) {
	second := s.Peer(udp4)
	other := harness.Customer{
		Name: s.Customer.Name + "-other", Domains: []string{s.Domain}, Hidden: s.Hidden,
		Destinations: []harness.Destination{{Addr: second.Addr()}},
	}
	answered(s, s.Caller.Invite(s.URI()), s.Callee)
	s.Customer.Domains = []string{"was-" + s.Domain}
	s.Node.Apply(s.T, s.Customer, other)
	answered(s, s.Caller.Invite(s.URI()), second)
	answered(s, s.Caller.Invite("sip:bob@was-"+s.Domain), s.Callee)
}

func domainSpelling(s *stage.Stage) {
	for _, uri := range []string{
		"sip:bob@" + strings.ToUpper(s.Domain), "SIP:bob@" + s.Domain, "sip:bob@" + s.Domain + ":5060",
		"sip:bob@" + s.Domain + ";transport=udp", "sip:" + s.Domain, "sip:b%6fb@" + s.Domain + ";user=phone",
	} {
		a := s.Caller.Invite(uri)
		b := s.Callee.Accept("INVITE")
		b.Answer(486)
		b.Expect("ACK")
		a.Expect(486)
	}
}

func addressIsDomain(s *stage.Stage) {
	at := harness.IP(s.T)
	s.Customer.Domains = []string{s.Domain, at, "2001:db8::" + fmt.Sprintf("%x", s.Callee.Port())}
	s.Apply()
	answered(s, s.Caller.Invite("sip:bob@"+at), s.Callee)
	answered(s, s.Caller.Invite("sip:bob@"+at+":5060"), s.Callee)
	answered(s, s.Caller.Invite(fmt.Sprintf("sip:bob@[2001:DB8:0::%x]", s.Callee.Port())), s.Callee)
}

// customersApart: what one customer's PBX does is his, whatever domain it names.
func customersApart(s *stage.Stage) {
	pbx2 := s.Peer(udp4)
	other := harness.Customer{
		Name: s.Customer.Name + "-other", Domains: []string{"other-" + s.Domain}, Hidden: s.Hidden,
		Destinations: []harness.Destination{{Addr: pbx2.Addr()}},
	}
	s.Node.Apply(s.T, s.Customer, other)
	a1, b1 := s.Talk()
	answered(s, s.Caller.Invite("sip:bob@other-"+s.Domain), pbx2)
	// The other customer's PBX in a dialog that is not his.
	pbx2.Start("BYE", "sip:bob@other-"+s.Domain, peer.With("Call-ID", a1.ID),
		peer.With("From", "<sip:x@y.test>;tag="+a1.LocalTag), peer.With("To", "<sip:bob@x.test>;tag="+a1.RemoteTag)).Expect(481)
	a1.Request("INFO")
	b1.Reply(b1.Expect("INFO"), 200)
	a1.Expect("200 INFO")
	s.End(a1, b1)
}

// sharedDestination: one PBX serves two customers; its calls are told apart by domain.
func sharedDestination(s *stage.Stage) {
	s.Dialled = true
	d2 := "second-" + s.Domain
	second := harness.Customer{
		Name: s.Customer.Name + "-second", Domains: []string{d2}, Hidden: s.Hidden, Outbound: "any",
		Destinations: s.Customer.Destinations,
	}
	s.Customer.Outbound = "any"
	s.Node.Apply(s.T, s.Customer, second)
	for _, domain := range []string{s.Domain, d2} {
		a := s.Caller.Invite("sip:bob@" + domain)
		b := s.Callee.Accept("INVITE")
		if _, rest, _ := strings.Cut(b.Incoming().URI, "@"); !strings.HasPrefix(rest, domain) {
			s.Errorf("the PBX needs the domain %s, got %s", domain, b.Incoming().URI)
		}
		b.Answer(486)
		b.Expect("ACK")
		a.Expect(486)
		answered(s, s.Callee.Invite(s.Caller.URI("out"), from("12@"+domain)), s.Caller)
		answered(s, s.Callee.Invite(s.Caller.URI("out"), peer.Also("P-Asserted-Identity", "<sip:12@"+domain+">")), s.Caller)
	}
	s.Callee.Invite(s.Caller.URI("out")).Expect(403) // neither domain: whose call is it?
	s.Caller.Quiet(silence)
}

// from makes the caller another, with the same tag.
func from(user string) peer.Option {
	return func(m *peer.Message) { m.Set("From", "<sip:"+user+">;tag="+m.Tag("From")) }
}
