package calls

import (
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func timers() []stage.Scenario {
	short := func(c *harness.Customer) { c.Invite = "4s" }
	longest := func(c *harness.Customer) { c.MaxCall = "4s" }
	both := append(stage.One(), stage.Out(stage.One())...)
	return []stage.Scenario{
		{Name: "no answer", Matrix: stage.One(), Customer: short, Play: noAnswer},
		{Name: "no answer outbound", Matrix: stage.Out(stage.One()), Customer: short, Play: noAnswer, OwnOnly: true},
		{Name: "answer after the timeout", Matrix: stage.One(), Customer: short, Play: answerTooLate, OwnOnly: true},
		{Name: "longest call", Matrix: both, Customer: longest, Play: longestCall, OwnOnly: true},
		{Name: "longest call and a deaf phone", Matrix: stage.One(), Customer: longest, Play: longestCallDeaf, OwnOnly: true},
		{Name: "longest call meets BYE", Matrix: stage.One(), Customer: longest, Play: longestCallCrossing, OwnOnly: true},
		{Name: "session timer runs out", Matrix: both, Play: sessionRunsOut, OwnOnly: true},
		{Name: "session timer refreshed", Matrix: stage.One(), Play: sessionRefreshed, OwnOnly: true},
	}
}

// noAnswer: the invite timeout runs once per call; a second 18x does not restart it.
func noAnswer(s *stage.Stage) {
	begun := time.Now()
	a, b := s.Ring()
	s.Callee.Quiet(2 * time.Second)
	b.Answer(183)
	a.Expect(183)
	cancel := b.Expect("CANCEL")
	quickly(s, begun, 3800*time.Millisecond, 5900*time.Millisecond, "the CANCEL came") // 6 s, had the 183 restarted it
	b.Reply(cancel, 200)
	b.Answer(487)
	b.Expect("ACK")
	a.Expect(404)
}

// answerTooLate: the callee answers the INVITE that was given up; it is ended at once.
func answerTooLate(s *stage.Stage) {
	a, b := s.Ring()
	cancel := b.Expect("CANCEL")
	b.Answer(200, peer.SDP(s.Callee, 1))
	b.Reply(cancel, 200)
	b.Await("ACK")
	b.Reply(b.Await("BYE"), 200)
	a.Expect(404)
}

// longestCall: both sides are told, before either has answered.
func longestCall(s *stage.Stage) {
	a, b := s.Talk()
	begun := time.Now()
	byeA, byeB := a.Expect("BYE"), b.Expect("BYE")
	quickly(s, begun, 3500*time.Millisecond, 5500*time.Millisecond, "the BYE came")
	a.Reply(byeA, 200)
	b.Reply(byeB, 200)
}

// longestCallDeaf: a side that does not answer its BYE gets it again.
func longestCallDeaf(s *stage.Stage) {
	a, b := s.Talk()
	a.Reply(a.Expect("BYE"), 200)
	b.Expect("BYE")
	atLeast(s, s.Callee, "BYE", 2)
	b.Reply(s.Callee.Received("BYE")[0], 200)
}

// longestCallCrossing: the caller hangs up while the edge does; its BYE is answered.
func longestCallCrossing(s *stage.Stage) {
	a, b := s.Talk()
	bye := a.Expect("BYE")
	a.Request("BYE")
	a.Expect("200 BYE")
	a.Reply(bye, 200)
	b.Reply(b.Expect("BYE"), 200)
}

// session are the headers of a session timer, as short as a test can bear.
func session(refresher string) []peer.Option {
	return []peer.Option{
		peer.With("Session-Expires", "4;refresher="+refresher), peer.With("Supported", "timer"), peer.With("Require", "timer"),
	}
}

func talkTimed(s *stage.Stage) (a, b *peer.Call) {
	s.Helper()
	a, b = s.Ring(peer.With("Supported", "timer"))
	b.Answer(200, append(session("uac"), peer.SDP(s.Callee, 1))...)
	if got := a.Expect(200).Get("Session-Expires"); got != "4;refresher=uac" {
		s.Errorf("Session-Expires must pass, got %q", got)
	}
	a.Ack()
	b.Expect("ACK")
	return a, b
}

// sessionRunsOut: nobody refreshes, so the edge ends the call on both sides.
func sessionRunsOut(s *stage.Stage) {
	a, b := talkTimed(s)
	begun := time.Now()
	byeA, byeB := a.Expect("BYE"), b.Expect("BYE")
	quickly(s, begun, 2*time.Second, 7*time.Second, "the BYE came")
	a.Reply(byeA, 200)
	b.Reply(byeB, 200)
}

// sessionRefreshed: an UPDATE and a re-INVITE each buy another interval. All three rests are longer
// than one, and each is far shorter, so that a machine that is busy refreshes in time.
func sessionRefreshed(s *stage.Stage) {
	a, b := talkTimed(s)
	s.Caller.Quiet(1500 * time.Millisecond)
	a.Request("UPDATE", session("uac")...)
	b.Reply(b.Expect("UPDATE"), 200, session("uac")...)
	a.Expect("200 UPDATE")
	s.Caller.Quiet(1500 * time.Millisecond)
	a.Request("INVITE", append(session("uac"), peer.SDP(s.Caller, 2))...)
	b.Expect("INVITE")
	b.Answer(200, append(session("uac"), peer.SDP(s.Callee, 2))...)
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	s.Caller.Quiet(1500 * time.Millisecond)
	s.End(a, b)
}
