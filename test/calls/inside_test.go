package calls

import (
	"strings"
	"time"

	"tollgate/test/peer"
	"tollgate/test/stage"
)

// silence is how long a scenario listens for what must not come.
const silence = 300 * time.Millisecond

func inside() []stage.Scenario {
	return []stage.Scenario{
		{Name: "re-INVITE by the caller", Matrix: stage.Full(), Play: func(s *stage.Stage) { a, b := s.Talk(); reinvite(s, a, b) }},
		{Name: "re-INVITE by the callee", Matrix: stage.Full(), Play: func(s *stage.Stage) { a, b := s.Talk(); reinvite(s, b, a) }},
		{Name: "re-INVITE refused", Matrix: stage.Some(), Play: reinviteRefused},
		{Name: "re-INVITE cancelled", Matrix: stage.Some(), Play: reinviteCancelled},
		{Name: "UPDATE in the call", Matrix: stage.Some(), Play: updateInCall},
		{Name: "UPDATE while ringing", Matrix: stage.Some(), Play: updateWhileRinging},
		{Name: "UPDATEs while ringing and the route", Matrix: stage.Some(), Play: updatesKeepRoute},
		{Name: "INFO both ways", Matrix: stage.Full(), Play: infoBothWays},
		{Name: "OPTIONS in the call", Matrix: stage.Some(), Play: optionsInCall},
		{Name: "requests cross", Matrix: stage.Some(), Play: requestsCross},
		{Name: "many requests keep their numbers", Matrix: stage.Some(), Play: manyRequests},
		{Name: "after the end nothing is known", Matrix: stage.One(), Play: afterTheEnd, OwnOnly: true},
		{Name: "BYE lost its answer", Matrix: stage.One(), Play: byeAgain},
	}
}

// reinvite changes the session and the Contact; what comes after goes to the new one.
func reinvite(s *stage.Stage, from, to *peer.Call) {
	from.MoveContact()
	offer := from.Request("INVITE", peer.SDP(from.UA, 2))
	sameSDP(s.T, offer, to.Expect("INVITE"))
	to.MoveContact()
	answer := to.Answer(200, peer.SDP(to.UA, 2))
	sameSDP(s.T, answer, from.Expect(200))
	from.Ack()
	to.Expect("ACK")
	to.Request("INFO")
	from.Reply(from.Expect("INFO"), 200)
	to.Expect("200 INFO")
	s.End(from, to)
}

func reinviteRefused(s *stage.Stage) {
	a, b := s.Talk()
	a.Request("INVITE", peer.SDP(s.Caller, 2))
	b.Expect("INVITE")
	b.Answer(488)
	a.Expect(488)
	b.Expect("ACK")
	b.Request("INVITE", peer.SDP(s.Callee, 2))
	a.Expect("INVITE")
	a.Answer(100)
	a.Answer(603)
	b.Expect(603)
	a.Expect("ACK")
	s.End(b, a)
}

func reinviteCancelled(s *stage.Stage) {
	a, b := s.Talk()
	b.Request("INVITE", peer.SDP(s.Callee, 2))
	a.Expect("INVITE")
	a.Answer(180)
	b.Expect(180)
	b.Cancel()
	a.Reply(a.Expect("CANCEL"), 200)
	a.Answer(487)
	a.Expect("ACK")
	b.ExpectSet("200 CANCEL", 487)
	s.End(a, b)
}

func updateInCall(s *stage.Stage) {
	a, b := s.Talk()
	for i, pair := range [][2]*peer.Call{{a, b}, {b, a}} {
		from, to := pair[0], pair[1]
		from.MoveContact()
		offer := from.Request("UPDATE", peer.SDP(from.UA, 3+i))
		update := to.Expect("UPDATE")
		sameSDP(s.T, offer, update)
		to.MoveContact()
		answer := to.Reply(update, 200, peer.SDP(to.UA, 3+i))
		sameSDP(s.T, answer, from.Expect("200 UPDATE"))
	}
	s.End(a, b)
}

// updateWhileRinging: an early dialog made reliable, changed before the answer (RFC 3311).
func updateWhileRinging(s *stage.Stage) {
	a := s.Caller.Invite(s.URI(), peer.With("Supported", "100rel"))
	b := s.Callee.Accept("INVITE")
	b.Answer(183, peer.SDP(s.Callee, 1), peer.With("Require", "100rel"), peer.With("RSeq", "11"))
	a.Prack(a.Expect(183))
	b.Reply(b.Expect("PRACK"), 200)
	a.Expect("200 PRACK")
	offer := a.Request("UPDATE", peer.SDP(s.Caller, 2))
	update := b.Expect("UPDATE")
	sameSDP(s.T, offer, update)
	sameSDP(s.T, b.Reply(update, 200, peer.SDP(s.Callee, 2)), a.Expect("200 UPDATE"))
	b.Request("UPDATE", peer.SDP(s.Callee, 3))
	a.Reply(a.Expect("UPDATE"), 200, peer.SDP(s.Caller, 3))
	b.Expect("200 UPDATE")
	b.Answer(200)
	a.Expect("200 INVITE")
	a.Ack()
	b.Expect("ACK")
	s.End(a, b)
}

// updatesKeepRoute: an UPDATE moves the target and never the route set, which the response to the INVITE gave
// (RFC 3261 12.2, RFC 3311 5.1). A proxy that has recorded itself in that need not in the UPDATE's.
func updatesKeepRoute(s *stage.Stage) {
	proxy := "<" + s.Callee.URI("proxy") + ";lr>"
	recorded := func(m *peer.Message) { m.Prepend("Record-Route", proxy) }
	a := s.Caller.Invite(s.URI(), peer.With("Supported", "100rel"))
	b := s.Callee.Accept("INVITE")
	b.Answer(183, peer.SDP(s.Callee, 1), peer.With("Require", "100rel"), peer.With("RSeq", "11"), recorded)
	a.Prack(a.Expect(183))
	b.Reply(b.Expect("PRACK"), 200)
	a.Expect("200 PRACK")
	for version := range 3 {
		a.Request("UPDATE", peer.SDP(s.Caller, 2+version))
		m := b.Expect("UPDATE")
		if routes := m.All("Route"); len(routes) != 1 || routes[0] != proxy {
			s.Errorf("UPDATE %d must take the way through %s, got Route %q", version, proxy, routes)
		}
		b.Reply(m, 200, peer.SDP(s.Callee, 2+version), peer.Without("Record-Route"))
		a.Expect("200 UPDATE")
	}
	b.Answer(200, recorded)
	a.Expect("200 INVITE")
	a.Ack()
	if m := b.Expect("ACK"); m.Get("Route") != proxy {
		s.Errorf("the ACK must take the way through %s:\n%s", proxy, m.Bytes())
	}
	s.End(a, b)
}

func infoBothWays(s *stage.Stage) {
	a, b := s.Talk()
	for _, pair := range [][2]*peer.Call{{a, b}, {b, a}} {
		from, to := pair[0], pair[1]
		sent := from.Request("INFO", peer.Body("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"),
			peer.With("Info-Package", "x"))
		info := to.Expect("INFO")
		sameSDP(s.T, sent, info)
		if info.Get("Info-Package") != "x" || info.Get("Content-Type") != "application/dtmf-relay" {
			s.Errorf("headers that are nobody's must pass:\n%s", info.Bytes())
		}
		to.Reply(info, 200, peer.With("X-Answer", "yes"))
		if from.Expect("200 INFO").Get("X-Answer") != "yes" {
			s.Error("headers of an answer must pass")
		}
	}
	s.End(b, a)
}

func optionsInCall(s *stage.Stage) {
	a, b := s.Talk()
	a.Request("OPTIONS")
	b.Reply(b.Expect("OPTIONS"), 200, peer.With("Allow", "INVITE, ACK, BYE"))
	if allow := a.Expect("200 OPTIONS").Get("Allow"); !strings.Contains(allow, "BYE") {
		s.Errorf("the callee's own answer must come, got Allow %q", allow)
	}
	b.Request("OPTIONS")
	a.Reply(a.Expect("OPTIONS"), 200)
	b.Expect("200 OPTIONS")
	s.End(a, b)
}

// requestsCross: both sides ask at once; neither waits for the other.
func requestsCross(s *stage.Stage) {
	a, b := s.Talk()
	a.Request("INFO")
	b.Request("INFO")
	infoA, infoB := a.Expect("INFO"), b.Expect("INFO")
	a.Reply(infoA, 200)
	b.Reply(infoB, 200)
	a.Expect("200 INFO")
	b.Expect("200 INFO")
	s.End(a, b)
}

// manyRequests asks in turns and leaves gaps in the numbers; the peers check that what
// arrives rises and that answers carry the number asked.
func manyRequests(s *stage.Stage) {
	a, b := s.Talk()
	for i := range 6 {
		from, to := a, b
		if i%2 == 1 {
			from, to = b, a
		}
		from.CSeq += i
		sent := from.Request("INFO")
		to.Reply(to.Expect("INFO"), 200)
		if got := from.Expect("200 INFO").Get("CSeq"); got != sent.Get("CSeq") {
			s.Errorf("asked with CSeq %q, answered with %q", sent.Get("CSeq"), got)
		}
	}
	reinvite(s, b, a)
}

func afterTheEnd(s *stage.Stage) {
	a, b := s.Talk()
	s.End(a, b)
	a.Request("INFO")
	a.Expect("481 INFO")
}

// byeAgain: the answer to BYE is lost, the BYE comes again, and is answered again.
func byeAgain(s *stage.Stage) {
	a, b := s.Talk()
	a.Request("BYE")
	b.Reply(b.Expect("BYE"), 200)
	a.Expect("200 BYE")
	s.Caller.Retransmissions(true)
	before := len(s.Callee.Received("BYE"))
	a.Resend()
	a.Expect("200 BYE")
	if n := len(s.Callee.Received("BYE")); n != before {
		s.Errorf("a repeated BYE must be answered by the edge, the callee saw %d and then %d", before, n)
	}
}
