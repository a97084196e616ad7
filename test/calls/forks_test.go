package calls

import (
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func forks() []stage.Scenario {
	return []stage.Scenario{
		{Name: "two phones ring and one answers", Matrix: stage.Some(), Play: twoRing},
		{Name: "two phones answer", Matrix: stage.Some(), Play: twoAnswer},
		{Name: "two reliable early dialogs", Matrix: stage.Some(), Play: twoReliable},
		{Name: "second phone refused by CANCEL", Matrix: stage.Some(), Play: twoRingNoneAnswers},
	}
}

// ringTwice has two phones ring behind one address, each with a To-tag of its own.
func ringTwice(s *stage.Stage) (a1, a2, b1, b2 *peer.Call) {
	s.Helper()
	a1 = s.Caller.Invite(s.URI())
	b1 = s.Callee.Accept("INVITE")
	b2 = b1.AnswerAs()
	b1.Answer(180)
	first := a1.Expect(180)
	b2.Answer(180)
	second := a1.Expect(180)
	if first.Tag("To") == second.Tag("To") {
		s.Fatalf("two phones ring, both with To-tag %q", first.Tag("To"))
	}
	return a1, a1.Fork(second), b1, b2
}

// twoRing: the second to ring answers; the call is with it.
func twoRing(s *stage.Stage) {
	_, a2, _, b2 := ringTwice(s)
	b2.Answer(200, peer.SDP(s.Callee, 1))
	a2.Expect(200)
	a2.Ack()
	b2.Expect("ACK")
	b2.Request("INFO")
	a2.Reply(a2.Expect("INFO"), 200)
	b2.Expect("200 INFO")
	s.End(a2, b2)
}

func twoRingNoneAnswers(s *stage.Stage) {
	a, _, b, _ := ringTwice(s)
	a.Cancel()
	a.AwaitOneOf("200 CANCEL")
	b.Reply(b.AwaitOneOf("CANCEL"), 200)
	b.Answer(487)
	a.AwaitOneOf(487)
	b.Await("ACK")
}

// twoAnswer: both 2xx are acknowledged and one is ended, by the caller or by the edge.
func twoAnswer(s *stage.Stage) {
	a := s.Caller.Invite(s.URI())
	b1 := s.Callee.Accept("INVITE")
	b2 := b1.AnswerAs()
	b1.Answer(200, peer.SDP(s.Callee, 1))
	a.Expect(200)
	a.Ack()
	b1.Expect("ACK")
	b2.Answer(200, peer.SDP(s.Callee, 2))
	if second, _ := peer.Either(a, 200, b2, "ACK"); second != nil {
		a2 := a.Fork(second)
		a2.Ack()
		b2.Expect("ACK")
		s.End(a2, b2)
	} else {
		b2.Reply(b2.Expect("BYE"), 200)
	}
	s.End(a, b1)
}

// twoReliable: each early dialog has its own PRACK and its own numbers.
func twoReliable(s *stage.Stage) {
	a1 := s.Caller.Invite(s.URI(), peer.With("Supported", "100rel"))
	b1 := s.Callee.Accept("INVITE")
	b2 := b1.AnswerAs()
	ring := func(b *peer.Call, rseq string) {
		b.Answer(183, peer.SDP(s.Callee, 1), peer.With("Require", "100rel"), peer.With("RSeq", rseq))
	}
	ring(b1, "10")
	first := a1.Expect(183)
	ring(b2, "20")
	second := a1.Expect(183)
	a2 := a1.Fork(second)
	a2.Prack(second)
	b2.Reply(b2.Expect("PRACK"), 200)
	a2.Expect("200 PRACK")
	a1.Prack(first)
	b1.Reply(b1.Expect("PRACK"), 200)
	a1.Expect("200 PRACK")
	b1.Answer(200)
	a1.Expect("200 INVITE")
	a1.Ack()
	b1.Expect("ACK")
	s.End(b1, a1)
}
