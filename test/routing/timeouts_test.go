package routing

import (
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// most is how long what the customer's initial timeout of a second begins may take: with the default
// one nothing would have happened yet.
const most = 4500 * time.Millisecond

func timeouts() []stage.Scenario {
	short := func(c *harness.Customer) { c.Initial = "1s" }
	return []stage.Scenario{
		{Name: "the first is silent", Matrix: stage.Matrix("udp4-udp4", "udp4-tcp4"), Customer: short, Play: firstSilent},
		{Name: "all are silent", Matrix: stage.One(), Customer: short, Play: allSilent},
		{Name: "outbound nobody answers", Matrix: stage.Out(stage.Matrix("udp4-udp4", "udp4-tcp4")), Customer: short, Play: outboundSilent, OwnOnly: true},
		{Name: "a late 180 of a branch given up", Matrix: stage.One(), Customer: short, Play: lateRinging, OwnOnly: true},
		{Name: "a late 200 of a branch given up", Matrix: stage.One(), Customer: short, Play: lateAnswer, OwnOnly: true},
		{Name: "a late refusal of a branch given up", Matrix: stage.One(), Customer: short, Play: lateRefusal},
		{Name: "a message meets silence", Matrix: stage.One(), Customer: short, Play: messageMeetsSilence, OwnOnly: true},
	}
}

// firstSilent: no provisional response within the initial timeout: the next one is called.
func firstSilent(s *stage.Stage) {
	second := s.Peer(s.Variant.Callee)
	through(s, s.Callee, second)
	begun := time.Now()
	a := s.Caller.Invite(s.URI())
	s.Callee.Accept("INVITE")
	b := second.Accept("INVITE")
	quickly(s, begun, 900*time.Millisecond, most, "the second was called")
	b.Answer(180)
	a.Expect(180)
	second.Quiet(1200 * time.Millisecond) // a provisional response ends the initial timeout
	b.Answer(200, peer.SDP(second, 1))
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	s.End(a, b)
}

func allSilent(s *stage.Stage) {
	second := s.Peer(udp4)
	through(s, s.Callee, second)
	begun := time.Now()
	a := s.Caller.Invite(s.URI())
	s.Callee.Accept("INVITE")
	second.Accept("INVITE")
	a.Expect(404)
	quickly(s, begun, 1800*time.Millisecond, most, "404 came")
}

func outboundSilent(s *stage.Stage) {
	begun := time.Now()
	a := s.Caller.Invite(s.URI())
	s.Callee.Accept("INVITE")
	a.Expect(408)
	quickly(s, begun, 900*time.Millisecond, most, "408 came")
}

// givenUp has the first stay silent until the second has the call.
func givenUp(s *stage.Stage) (a, late, b *peer.Call, second *peer.UA) {
	s.Helper()
	second = s.Peer(udp4)
	through(s, s.Callee, second)
	a = s.Caller.Invite(s.URI())
	late = s.Callee.Accept("INVITE")
	b = second.Accept("INVITE")
	b.Answer(100) // or the second were given up too, before the scenario comes to it
	return a, late, b, second
}

// goesOn shows that the second branch's call is untouched by what the first does.
func goesOn(s *stage.Stage, a, b *peer.Call, second *peer.UA) {
	s.Helper()
	b.Answer(180)
	a.Expect(180)
	b.Answer(200, peer.SDP(second, 1))
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	s.End(a, b)
}

func lateRinging(s *stage.Stage) {
	a, late, b, second := givenUp(s)
	late.Answer(180)
	late.Reply(late.Expect("CANCEL"), 200)
	late.Answer(487)
	late.Expect("ACK")
	s.Caller.Quiet(silence)
	goesOn(s, a, b, second)
}

func lateAnswer(s *stage.Stage) {
	a, late, b, second := givenUp(s)
	late.Answer(200, peer.SDP(s.Callee, 1))
	late.Await("ACK")
	late.Reply(late.Await("BYE"), 200)
	s.Caller.Quiet(silence)
	goesOn(s, a, b, second)
}

func lateRefusal(s *stage.Stage) {
	a, late, b, second := givenUp(s)
	late.Answer(486)
	late.Expect("ACK")
	s.Caller.Quiet(silence)
	goesOn(s, a, b, second)
}

// messageMeetsSilence: the initial timeout is every method's.
func messageMeetsSilence(s *stage.Stage) {
	second := s.Peer(udp4)
	through(s, s.Callee, second)
	a := s.Caller.Start("MESSAGE", s.URI(), peer.Body("text/plain", "hi"))
	s.Callee.Accept("MESSAGE")
	b := second.Accept("MESSAGE")
	b.Answer(202)
	a.Expect(202)
	through(s, s.Callee)
	a = s.Caller.Start("MESSAGE", s.URI(), peer.Body("text/plain", "hi again"))
	s.Callee.Accept("MESSAGE")
	a.Expect(404)
}
