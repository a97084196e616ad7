package calls

import (
	"fmt"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func races() []stage.Scenario {
	return []stage.Scenario{
		{Name: "glare", Matrix: stage.Some(), Play: glare},
		{Name: "crossing BYEs", Matrix: stage.Full(), Play: crossingByes},
		{Name: "BYE after the other's", Matrix: stage.Some(), Play: byeAfterBye, OwnOnly: true},
		{Name: "BYE crosses re-INVITE", Matrix: stage.Some(), Play: byeCrossesReinvite},
		{Name: "2xx comes again", Matrix: stage.Some(), Play: answerAgain},
		{Name: "lost ACK", Matrix: stage.Some(), Play: lostAck},
		{Name: "lost ACK of a re-INVITE", Matrix: stage.Some(), Play: lostAckOfReinvite},
		{Name: "BYE before ACK", Matrix: stage.Some(), Play: byeBeforeAck},
		{Name: "INVITE comes again", Matrix: stage.One(), Play: inviteAgain},
		{Name: "INVITE is lost", Matrix: stage.One(), Play: inviteLost},
		{Name: "refusal is lost", Matrix: stage.One(), Play: refusalLost},
		{Name: "stray ACK", Matrix: stage.One(), Play: strayAck},
	}
}

// glare: both sides change the session at once. Each is told 491, by the other side or by the
// edge, and one of them succeeds later.
func glare(s *stage.Stage) {
	a, b := s.Talk()
	a.Request("INVITE", peer.SDP(s.Caller, 2))
	b.Request("INVITE", peer.SDP(s.Callee, 2))
	for _, pair := range [][2]*peer.Call{{a, b}, {b, a}} {
		from, to := pair[0], pair[1]
		if _, invite := peer.Either(from, 491, to, "INVITE"); invite != nil {
			to.Answer(491)
			to.Await("ACK")
			from.Await(491)
		}
	}
	reinvite(s, b, a)
}

// crossingByes: both hang up at once, and both are told that it worked.
func crossingByes(s *stage.Stage) {
	a, b := s.Talk()
	a.Request("BYE")
	b.Request("BYE")
	for _, pair := range [][2]*peer.Call{{a, b}, {b, a}} {
		from, to := pair[0], pair[1]
		if _, bye := peer.Either(from, "200 BYE", to, "BYE"); bye != nil {
			to.Reply(bye, 200)
			from.Await("200 BYE")
		} else if bye := to.AwaitWithin(silence, "BYE"); bye != nil { // the edge answered, and passed it on
			to.Reply(bye, 200)
		}
	}
}

// byeAfterBye: the callee has hung up, too, but his BYE comes when all is over. Only its sender cannot know that.
func byeAfterBye(s *stage.Stage) {
	a, b := s.Talk()
	s.End(a, b)
	b.Request("BYE")
	b.Expect("200 BYE")
	b.Request("INFO")
	b.Expect("481 INFO")
	a.Request("BYE") // he knows that it is over
	a.Expect("481 BYE")
}

func byeCrossesReinvite(s *stage.Stage) {
	a, b := s.Talk()
	a.Request("INVITE", peer.SDP(s.Caller, 2))
	b.Request("BYE")
	a.Reply(a.Await("BYE"), 200)
	b.Await("200 BYE")
	refused := []any{481, 487, 491}
	told, invite := peer.Either(a, refused, b, "INVITE")
	if invite == nil {
		invite = b.AwaitWithin(silence, "INVITE")
	}
	if invite != nil {
		b.Answer(481)
		b.Await("ACK")
	}
	if told == nil {
		a.AwaitOneOf(refused...)
	}
}

// answerAgain: a retransmitted 2xx reaches the caller, and each is acknowledged end to end.
func answerAgain(s *stage.Stage) {
	a, b := s.Ring()
	s.Caller.Retransmissions(true)
	s.Callee.Retransmissions(true)
	b.Answer(200, peer.SDP(s.Callee, 1))
	a.Expect(200)
	b.Resend()
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	a.Resend()
	b.Expect("ACK")
	s.Callee.Retransmissions(false) // a BYE may come again to who takes his time
	s.End(a, b)
}

// lostAck: the caller's first ACK never left; the callee answers again until it comes.
func lostAck(s *stage.Stage) {
	a, b := s.Ring()
	s.Caller.Retransmissions(true)
	b.Answer(200, peer.SDP(s.Callee, 1))
	for range 3 {
		a.Expect(200)
		b.Resend()
	}
	a.Expect(200)
	s.Caller.Retransmissions(false)
	a.Ack()
	b.Expect("ACK")
	s.End(b, a)
}

func lostAckOfReinvite(s *stage.Stage) {
	a, b := s.Talk()
	s.Callee.Retransmissions(true)
	b.Request("INVITE", peer.SDP(s.Callee, 2))
	a.Expect("INVITE")
	a.Answer(200, peer.SDP(s.Caller, 2))
	b.Expect(200)
	a.Resend()
	b.Expect(200)
	s.Callee.Retransmissions(false)
	b.Ack()
	ack := a.Expect("ACK")
	invited, _ := a.Incoming().CSeq()
	if acked, _ := ack.CSeq(); acked != invited {
		s.Errorf("the ACK carries %d, its INVITE %d", acked, invited)
	}
	s.End(a, b)
}

// byeBeforeAck: the caller hangs up the moment it is answered, its ACK overtaken.
func byeBeforeAck(s *stage.Stage) {
	a, b := s.Ring()
	b.Answer(200, peer.SDP(s.Callee, 1))
	a.Expect(200)
	a.Request("BYE")
	b.Reply(b.Expect("BYE"), 200)
	a.Expect("200 BYE")
	a.Ack()
	b.AwaitWithin(silence, "ACK")
}

// inviteAgain: the same INVITE twice is one call.
func inviteAgain(s *stage.Stage) {
	a := s.Caller.Invite(s.URI())
	a.Resend()
	b := s.Callee.Accept("INVITE")
	a.Resend()
	b.Answer(180)
	a.Expect(180)
	a.Resend() // absorbed, and answered with the last provisional
	b.Answer(200, peer.SDP(s.Callee, 1))
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	if n := len(s.Callee.Distinct("INVITE")); n != 1 { // one may come again where a 180 takes half a second
		s.Errorf("the callee got %d INVITEs", n)
	}
	s.End(a, b)
}

// inviteLost: what the callee does not answer over UDP comes again (RFC 3261 17.1.1.2).
func inviteLost(s *stage.Stage) {
	begun := time.Now()
	a := s.Caller.Invite(s.URI())
	b := s.Callee.Accept("INVITE")
	atLeast(s, s.Callee, "INVITE", 2)
	quickly(s, begun, 400*time.Millisecond, 3*time.Second, "the INVITE came again") // T1, and neither T2 nor the initial timeout
	b.Answer(200, peer.SDP(s.Callee, 1))
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	s.End(b, a)
}

// atLeast waits until that many such messages have come, repeated ones too.
func atLeast(s *stage.Stage, u *peer.UA, what any, count int) {
	s.Helper()
	harness.Eventually(s.T, peer.Patience, func() error {
		if n := len(u.Received(what)); n < count {
			return fmt.Errorf("%v came %d times, expected %d", what, n, count)
		}
		return nil
	})
}

// refusalLost: the edge repeats a refusal until it is acknowledged, and the callee's own is
// acknowledged by the edge at once.
func refusalLost(s *stage.Stage) {
	a := s.Caller.Invite(s.URI())
	b := s.Callee.Accept("INVITE")
	b.Answer(486)
	b.Expect("ACK")
	atLeast(s, s.Caller, 486, 3)
	a.Expect(486)
	before := len(s.Caller.Received(486))
	s.Caller.Quiet(1200 * time.Millisecond)
	if after := len(s.Caller.Received(486)); after > before+1 {
		s.Errorf("after the ACK the 486 came %d times more", after-before)
	}
}

// strayAck: an ACK that fits nothing dies without a word.
func strayAck(s *stage.Stage) {
	a, b := s.Talk()
	a.Request("ACK", peer.With("CSeq", "4711 ACK"))
	s.Caller.Start("ACK", s.URI(), peer.With("To", "<"+s.URI()+">;tag=nobody"))
	s.Caller.Quiet(silence)
	b.AwaitWithin(silence, "ACK")
	s.End(a, b)
}
