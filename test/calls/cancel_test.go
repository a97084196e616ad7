package calls

import (
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func cancels() []stage.Scenario {
	return []stage.Scenario{
		{Name: "cancel before any answer", Matrix: stage.Some(), Play: cancelBeforeAnswer},
		{Name: "cancel after 100", Matrix: stage.Some(), Play: cancelAfterTrying},
		{Name: "cancel after 180", Matrix: stage.Full(), Play: cancelAfterRinging},
		{Name: "cancel after 183", Matrix: stage.Some(), Play: cancelAfterEarlyMedia},
		{Name: "cancel crossing 200", Matrix: stage.Some(), Play: func(s *stage.Stage) { cancelCrossing(s, peer.SDP(s.Callee, 1)) }},
		{Name: "cancel crossing 200 of a late offer", Matrix: stage.Some(), Play: cancelCrossingLateOffer},
		{Name: "cancel crossing 486", Matrix: stage.Some(), Play: cancelCrossingRefusal},
		{Name: "cancel of a call that is up", Matrix: stage.One(), Play: cancelAfterAnswer},
		{Name: "cancel after a challenge", Matrix: stage.Some(), Play: cancelAfterChallenge},
		{Name: "cancel and the callee keeps silent", Matrix: stage.One(), Play: cancelUnanswered},
	}
}

// cancelled is the callee's part, and the caller's end of it.
func cancelled(a, b *peer.Call) {
	number, _ := b.Incoming().CSeq()
	cancel := b.Expect("CANCEL")
	if got, _ := cancel.CSeq(); got != number {
		b.UA.Fail("CANCEL carries CSeq %d, its INVITE had %d", got, number)
	}
	b.Reply(cancel, 200)
	b.Answer(487)
	b.Expect("ACK")
	a.Await(487)
}

// cancelBeforeAnswer: a CANCEL waits at the edge until the callee has answered something (RFC 3261 9.1).
func cancelBeforeAnswer(s *stage.Stage) {
	a := s.Caller.Invite(s.URI())
	b := s.Callee.Accept("INVITE")
	a.Cancel()
	a.Await("200 CANCEL")
	if early := b.AwaitWithin(silence, "CANCEL"); early != nil {
		s.Errorf("a CANCEL before any provisional response:\n%s", early.Bytes())
	}
	b.Answer(180)
	cancelled(a, b)
	a.AwaitWithin(silence, 180) // it may have passed
}

func cancelAfterTrying(s *stage.Stage) {
	a := s.Caller.Invite(s.URI())
	b := s.Callee.Accept("INVITE")
	b.Answer(100)
	a.Cancel()
	a.Await("200 CANCEL")
	cancelled(a, b)
}

func cancelAfterRinging(s *stage.Stage) {
	a, b := s.Ring()
	a.Cancel()
	a.Await("200 CANCEL")
	cancelled(a, b)
}

func cancelAfterEarlyMedia(s *stage.Stage) {
	a := s.Caller.Invite(s.URI())
	b := s.Callee.Accept("INVITE")
	b.Answer(183, peer.SDP(s.Callee, 1))
	a.Expect(183)
	a.Cancel()
	a.Await("200 CANCEL")
	cancelled(a, b)
}

// cancelCrossing: the callee answers while the CANCEL is on its way. Either the caller gets
// the call and ends it, or the edge ends it for him; the callee is left with nothing.
func cancelCrossing(s *stage.Stage, answer peer.Option) {
	a, b := s.Ring()
	finishCrossing(s, a, b, answer)
}

func finishCrossing(s *stage.Stage, a, b *peer.Call, answer peer.Option) {
	s.Helper()
	a.Cancel()
	b.Answer(200, answer)
	a.Await("200 CANCEL")
	answered := a.AwaitOneOf(200, 487).Status == 200
	if answered {
		a.Ack(peer.SDP(s.Caller, 2))
		a.Request("BYE")
	}
	if m := b.AwaitOneOf("ACK", "CANCEL"); m.Method == "CANCEL" {
		b.Reply(m, 200)
		b.Await("ACK")
	}
	b.Reply(b.Await("BYE"), 200)
	if answered {
		a.AwaitOneOf("200 BYE", "481 BYE") // the edge may have ended it, too
	}
	if late := b.AwaitWithin(silence, "CANCEL"); late != nil {
		b.Reply(late, 481)
	}
}

func cancelCrossingLateOffer(s *stage.Stage) {
	a, b := s.Ring(peer.NoBody())
	finishCrossing(s, a, b, peer.SDP(s.Callee, 1))
	for _, ack := range s.Callee.Received("ACK") {
		if ack.Body == "" {
			s.Errorf("the ACK of a 2xx that offers must answer, got\n%s", ack.Bytes())
		}
	}
}

func cancelCrossingRefusal(s *stage.Stage) {
	a, b := s.Ring()
	a.Cancel()
	b.Answer(486)
	a.Await("200 CANCEL")
	a.AwaitOneOf(486, 487)
	if m := b.AwaitOneOf("ACK", "CANCEL"); m.Method == "CANCEL" {
		b.Reply(m, 200)
		b.Await("ACK")
	} else if late := b.AwaitWithin(silence, "CANCEL"); late != nil {
		b.Reply(late, 481)
	}
}

func cancelAfterAnswer(s *stage.Stage) {
	a, b := s.Talk()
	a.Cancel()
	a.ExpectOneOf("200 CANCEL", "481 CANCEL")
	a.Request("INFO")
	b.Reply(b.Expect("INFO"), 200)
	a.Expect("200 INFO")
	s.End(a, b)
}

// cancelAfterChallenge: the CANCEL takes the number of the INVITE that was tried again.
func cancelAfterChallenge(s *stage.Stage) {
	a := s.Caller.Invite(s.URI())
	b := s.Callee.Accept("INVITE")
	b.Answer(407, peer.With("Proxy-Authenticate", `Digest realm="pbx", nonce="n1"`))
	a.Expect(407)
	b.Expect("ACK")
	a.Request("INVITE", peer.SDP(s.Caller, 1), peer.With("Proxy-Authorization", `Digest username="u"`))
	b = b.AcceptAgain("INVITE")
	b.Answer(180)
	a.Expect(180)
	a.Cancel()
	a.Await("200 CANCEL")
	cancelled(a, b)
}

// cancelUnanswered: a callee that never answers at all does not keep the caller waiting for ever.
func cancelUnanswered(s *stage.Stage) {
	a := s.Caller.Invite(s.URI())
	s.Callee.Accept("INVITE")
	a.Cancel()
	a.Await("200 CANCEL")
	if m := a.AwaitOneOf(487, 408, 404); m.Status != 487 {
		s.Logf("the caller was told %d", m.Status)
	}
}
