package calls

import (
	"net/netip"
	"strconv"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func hops() []stage.Scenario {
	return []stage.Scenario{
		{Name: "Max-Forwards 0", Matrix: stage.Some(), Play: noHopsLeft},
		{Name: "Max-Forwards counts down", Matrix: stage.Some(), Play: hopsCountDown},
		{Name: "loop", Matrix: stage.One(), Play: loop},
		{Name: "spiral through a record-routing PBX", Matrix: stage.One(), Play: func(s *stage.Stage) { spiral(s, true) }, OwnOnly: true},
		{Name: "spiral through a forwarding PBX", Matrix: stage.One(), Play: func(s *stage.Stage) { spiral(s, false) }, OwnOnly: true},
		{Name: "spiral through a PBX that calls anew", Matrix: stage.One(), Play: spiralAnew, OwnOnly: true},
	}
}

var udp4 = stage.Leg{Proto: "udp"}

func noHopsLeft(s *stage.Stage) {
	s.Caller.Invite(s.URI(), peer.With("Max-Forwards", "0")).Expect(483)
	s.Caller.Start("MESSAGE", s.URI(), peer.With("Max-Forwards", "0"), peer.Body("text/plain", "hi")).Expect(483)
	s.Callee.Quiet(silence)
}

func hopsCountDown(s *stage.Stage) {
	a := s.Caller.Invite(s.URI(), peer.With("Max-Forwards", "5"))
	b := s.Callee.Accept("INVITE")
	if left, err := strconv.Atoi(b.Incoming().Get("Max-Forwards")); err != nil || left != 4 {
		s.Errorf("Max-Forwards 5 came as %q", b.Incoming().Get("Max-Forwards"))
	}
	b.Answer(486)
	a.Expect(486)
	b.Expect("ACK")
}

// loop: the PBX sends every call back as it came, from an address that nobody knows.
func loop(s *stage.Stage) {
	in, out := s.Peer(udp4), s.Peer(udp4)
	p := &peer.Proxy{In: in, Out: out, Route: func(*peer.Message) netip.AddrPort { return s.Caller.Edge }}
	p.Run()
	s.Customer.Destinations = []harness.Destination{{Addr: in.Addr()}}
	s.Apply()
	a := s.Caller.Invite(s.URI())
	a.ExpectOneOf(482, 483)
}

// spiral: the PBX forwards the call to another user, back through the edge, which leads to
// another destination. One Call-ID may pass the edge twice.
func spiral(s *stage.Stage, recordRoute bool) {
	pbx := s.Peer(udp4)
	forwarded := "sip:forwarded@" + s.Domain
	p := &peer.Proxy{In: pbx, Out: pbx, RecordRoute: recordRoute, Route: func(m *peer.Message) netip.AddrPort {
		m.URI = forwarded
		return pbx.Edge
	}}
	p.Run()
	forwardTo(s, pbx)
	a, b := s.Talk()
	if b.Incoming().URI != forwarded {
		s.Errorf("the second pass must carry %q, got %q", forwarded, b.Incoming().URI)
	}
	reinvite(s, b, a)
}

// forwardTo makes pbx the destination of all but calls to "forwarded", which go to the callee.
func forwardTo(s *stage.Stage, pbx *peer.UA) {
	s.Helper()
	s.Customer.Groups = []int{2}
	s.Customer.Destinations = []harness.Destination{
		{Addr: pbx.Addr()}, {Addr: s.Callee.Addr(), Proto: s.Callee.Proto(), Group: 2},
	}
	s.Customer.Rules = []harness.Rule{{Header: "request-uri", Value: "^sip:forwarded@", Group: 2}}
	s.Apply()
}

// spiralAnew: a PBX that is two endpoints in one: it takes the call and places another.
func spiralAnew(s *stage.Stage) {
	pbx := s.Peer(udp4)
	forwardTo(s, pbx)
	a := s.Caller.Invite(s.URI())
	in := pbx.Accept("INVITE")
	out := pbx.Invite("sip:forwarded@" + s.Domain)
	b := s.Callee.Accept("INVITE")
	b.Answer(200, peer.SDP(s.Callee, 1))
	out.Expect(200)
	out.Ack()
	b.Expect("ACK")
	in.Answer(200, peer.SDP(pbx, 1))
	a.Expect(200)
	a.Ack()
	in.Expect("ACK")
	s.End(a, in)
	s.End(b, out)
}
