package calls

import (
	"fmt"
	"strconv"
	"strings"

	"tollgate/test/peer"
	"tollgate/test/stage"
)

func offers() []stage.Scenario {
	return []stage.Scenario{
		{Name: "late offer", Matrix: stage.Some(), Play: lateOffer},
		{Name: "late offer in a re-INVITE", Matrix: stage.Some(), Play: lateReoffer},
		{Name: "PRACK", Matrix: stage.Full(), Play: prack},
		{Name: "PRACK after a challenge", Matrix: stage.Some(), Play: prackAfterChallenge},
		{Name: "PRACK with late offer", Matrix: stage.Some(), Play: prackLateOffer},
		{Name: "PRACK crosses 200", Matrix: stage.Some(), Play: prackCrossesAnswer},
		{Name: "PRACK for nothing", Matrix: stage.One(), Play: prackForNothing},
	}
}

func lateOffer(s *stage.Stage) {
	a := s.Caller.Invite(s.URI(), peer.NoBody())
	b := s.Callee.Accept("INVITE")
	if b.Incoming().Body != "" {
		s.Errorf("an INVITE without an offer got a body:\n%s", b.Incoming().Bytes())
	}
	b.Answer(180)
	a.Expect(180)
	sameSDP(s.T, b.Answer(200, peer.SDP(s.Callee, 1)), a.Expect(200))
	sameSDP(s.T, a.Ack(peer.SDP(s.Caller, 1)), b.Expect("ACK"))
	s.End(b, a)
}

func lateReoffer(s *stage.Stage) {
	a, b := s.Talk()
	for i, pair := range [][2]*peer.Call{{a, b}, {b, a}} {
		from, to := pair[0], pair[1]
		from.Request("INVITE")
		to.Expect("INVITE")
		sameSDP(s.T, to.Answer(200, peer.SDP(to.UA, 5+i)), from.Expect(200))
		sameSDP(s.T, from.Ack(peer.SDP(from.UA, 5+i)), to.Expect("ACK"))
	}
	s.End(a, b)
}

// reliable sends a reliable provisional answer and has it acknowledged.
func reliable(s *stage.Stage, a, b *peer.Call, rseq int) {
	s.Helper()
	b.Answer(183, peer.SDP(s.Callee, 1), peer.With("Require", "100rel"), peer.With("RSeq", strconv.Itoa(rseq)))
	provisional := a.Expect(183)
	if got := provisional.Get("RSeq"); got == "" || !strings.Contains(provisional.Get("Require"), "100rel") {
		s.Fatalf("a reliable 183 must stay one, got\n%s", provisional.Bytes())
	}
	a.Prack(provisional)
	prack := b.Expect("PRACK")
	number, _ := b.Incoming().CSeq()
	if got, want := prack.Get("RAck"), fmt.Sprintf("%d %d INVITE", rseq, number); got != want {
		s.Errorf("RAck: expected %q, the callee's own numbers, got %q", want, got)
	}
	b.Reply(prack, 200)
	a.Expect("200 PRACK")
}

func prack(s *stage.Stage) {
	a := s.Caller.Invite(s.URI(), peer.With("Supported", "100rel"))
	b := s.Callee.Accept("INVITE")
	reliable(s, a, b, 41)
	reliable(s, a, b, 42)
	b.Answer(200)
	a.Expect("200 INVITE")
	a.Ack()
	b.Expect("ACK")
	s.End(a, b)
}

func prackAfterChallenge(s *stage.Stage) {
	a := s.Caller.Invite(s.URI(), peer.With("Supported", "100rel"))
	b := s.Callee.Accept("INVITE")
	b.Answer(407, peer.With("Proxy-Authenticate", `Digest realm="pbx", nonce="n"`))
	a.Expect(407)
	b.Expect("ACK")
	a.Request("INVITE", peer.SDP(s.Caller, 1), peer.With("Supported", "100rel"), peer.With("Proxy-Authorization", "Digest x=y"))
	b = b.AcceptAgain("INVITE")
	reliable(s, a, b, 7)
	b.Answer(200)
	a.Expect("200 INVITE")
	a.Ack()
	b.Expect("ACK")
	s.End(b, a)
}

func prackLateOffer(s *stage.Stage) {
	a := s.Caller.Invite(s.URI(), peer.NoBody(), peer.With("Supported", "100rel"))
	b := s.Callee.Accept("INVITE")
	offer := b.Answer(183, peer.SDP(s.Callee, 1), peer.With("Require", "100rel"), peer.With("RSeq", "1"))
	provisional := a.Expect(183)
	sameSDP(s.T, offer, provisional)
	answer := a.Prack(provisional, peer.SDP(s.Caller, 1))
	prack := b.Expect("PRACK")
	sameSDP(s.T, answer, prack)
	b.Reply(prack, 200)
	a.Expect("200 PRACK")
	b.Answer(200)
	a.Expect("200 INVITE")
	a.Ack()
	b.Expect("ACK")
	s.End(a, b)
}

func prackCrossesAnswer(s *stage.Stage) {
	a := s.Caller.Invite(s.URI(), peer.With("Supported", "100rel"))
	b := s.Callee.Accept("INVITE")
	b.Answer(180, peer.With("Require", "100rel"), peer.With("RSeq", "9"))
	provisional := a.Expect(180)
	b.Answer(200, peer.SDP(s.Callee, 1))
	a.Prack(provisional)
	a.Await("200 INVITE")
	a.Ack()
	b.Reply(b.Await("PRACK"), 200)
	b.Await("ACK")
	a.Await("200 PRACK")
	s.End(a, b)
}

// prackForNothing: an RAck that fits no response is the callee's to refuse; the call goes on.
func prackForNothing(s *stage.Stage) {
	a := s.Caller.Invite(s.URI(), peer.With("Supported", "100rel"))
	b := s.Callee.Accept("INVITE")
	reliable(s, a, b, 100)
	a.Request("PRACK", peer.With("RAck", "12345 4242 INVITE"))
	if _, m := peer.Either(a, "481 PRACK", b, "PRACK"); m != nil {
		b.Reply(m, 481)
		a.Expect("481 PRACK")
	}
	b.Answer(200)
	a.Expect("200 INVITE")
	a.Ack()
	b.Expect("ACK")
	s.End(a, b)
}
