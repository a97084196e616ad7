package routing

import (
	"fmt"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func failover() []stage.Scenario {
	list := []stage.Scenario{
		{Name: "the first refuses connections", Matrix: stage.Matrix("udp4-udp4", "udp4-tcp4", "tcp4-tls4"), Play: firstRefuses, OwnOnly: true},
		{Name: "all refuse connections", Matrix: stage.Matrix("udp4-udp4", "udp4-tcp4"), Play: allRefuse, OwnOnly: true},
		{Name: "503 after ringing", Matrix: stage.One(), Play: failsAfterRinging},
		{Name: "503 after early media", Matrix: stage.One(), Play: failsAfterEarlyMedia, OwnOnly: true},
		{Name: "a failing chain", Matrix: stage.One(), Play: failingChain},
		{Name: "cancelled after a failover", Matrix: stage.One(), Play: cancelledAfterFailover},
		{Name: "PRACK after a failover", Matrix: stage.One(), Play: prackAfterFailover},
		{Name: "the callee restarts", Matrix: stage.Matrix("udp4-udp4", "udp4-tcp4", "udp4-tls4", "tcp4-tcp4"), Play: calleeRestarts},
		{Name: "the caller restarts", Matrix: stage.Matrix("tcp4-udp4", "tls4-tcp4"), Play: callerRestarts},
	}
	for _, status := range []int{500, 502, 503, 504} {
		list = append(list, stage.Scenario{
			Name: fmt.Sprintf("the first says %d", status), Matrix: stage.Matrix("udp4-udp4", "tcp4-tcp4"),
			Play: func(s *stage.Stage) { firstFails(s, status) },
		})
	}
	for _, status := range []int{302, 401, 403, 404, 480, 486, 488, 600, 603} {
		list = append(list, stage.Scenario{
			Name: fmt.Sprintf("the first says %d and that is that", status), Matrix: stage.One(),
			Play: func(s *stage.Stage) { firstDecides(s, status) },
		})
	}
	return list
}

func firstFails(s *stage.Stage, status int) {
	second := s.Peer(s.Variant.Callee)
	through(s, s.Callee, second)
	a := s.Caller.Invite(s.URI())
	b := s.Callee.Accept("INVITE")
	b.Answer(status)
	b.Expect("ACK")
	answered(s, a, second)
}

func firstDecides(s *stage.Stage, status int) {
	second := s.Peer(udp4)
	through(s, s.Callee, second)
	expected := status
	if status == 302 && s.Hidden {
		expected = 480
	}
	refusedBy(s, s.Callee, status, expected)
	second.Quiet(silence)
}

// firstRefuses: nobody listens there: an ICMP error, or a refused connection.
func firstRefuses(s *stage.Stage) {
	s.Customer.Destinations = []harness.Destination{
		{Addr: harness.Refusing(s.T), Proto: s.Callee.Proto()}, {Addr: s.Callee.Addr(), Proto: s.Callee.Proto()},
	}
	s.Apply()
	begun := time.Now()
	a := s.Caller.Invite(s.URI())
	answered(s, a, s.Callee)
	if s.Callee.Proto() != "udp" { // ICMP is a hint only
		quickly(s, begun, 0, 3*time.Second, "the second was called")
	}
}

func allRefuse(s *stage.Stage) {
	s.Customer.Initial = "1s"
	s.Customer.Destinations = []harness.Destination{
		{Addr: harness.Refusing(s.T), Proto: s.Callee.Proto()}, {Addr: harness.Refusing(s.T), Proto: s.Callee.Proto()},
	}
	s.Apply()
	s.Caller.Invite(s.URI()).ExpectOneOf(404, 500)
}

func failsAfterRinging(s *stage.Stage) {
	second := s.Peer(udp4)
	through(s, s.Callee, second)
	a, b := s.Ring()
	b.Answer(503)
	b.Expect("ACK")
	answered(s, a, second)
}

// failsAfterEarlyMedia: the caller has heard the first; another one would be another call.
func failsAfterEarlyMedia(s *stage.Stage) {
	second := s.Peer(udp4)
	through(s, s.Callee, second)
	a := s.Caller.Invite(s.URI())
	b := s.Callee.Accept("INVITE")
	b.Answer(183, peer.SDP(s.Callee, 1))
	a.Expect(183)
	b.Answer(503)
	b.Expect("ACK")
	a.Expect(500)
	second.Quiet(silence)
}

// failingChain: three fail, the last one's 503 goes up as 500, which no carrier takes for
// "stop sending".
func failingChain(s *stage.Stage) {
	second, third := s.Peer(udp4), s.Peer(udp4)
	through(s, s.Callee, second, third)
	a := s.Caller.Invite(s.URI())
	for i, u := range []*peer.UA{s.Callee, second, third} {
		b := u.Accept("INVITE")
		b.Answer([]int{500, 504, 503}[i], peer.With("Retry-After", "3600"))
		b.Expect("ACK")
	}
	if final := a.Expect(500); final.Has("Retry-After") {
		s.Errorf("a 500 made of a 503 must not carry its Retry-After:\n%s", final.Bytes())
	}
}

func cancelledAfterFailover(s *stage.Stage) {
	second := s.Peer(udp4)
	through(s, s.Callee, second)
	a := s.Caller.Invite(s.URI())
	b := s.Callee.Accept("INVITE")
	b.Answer(503)
	b.Expect("ACK")
	b = second.Accept("INVITE")
	b.Answer(180)
	a.Expect(180)
	a.Cancel()
	b.Reply(b.Expect("CANCEL"), 200)
	b.Answer(487)
	b.Expect("ACK")
	a.ExpectSet("200 CANCEL", 487)
	s.Callee.Quiet(silence)
}

// prackAfterFailover: the numbers of the second branch are told apart from the first's.
func prackAfterFailover(s *stage.Stage) {
	second := s.Peer(udp4)
	through(s, s.Callee, second)
	a := s.Caller.Invite(s.URI(), peer.With("Supported", "100rel"))
	b := s.Callee.Accept("INVITE")
	b.Answer(500)
	b.Expect("ACK")
	b = second.Accept("INVITE")
	b.Answer(183, peer.SDP(second, 1), peer.With("Require", "100rel"), peer.With("RSeq", "3"))
	a.Prack(a.Expect(183))
	prack := b.Expect("PRACK")
	number, _ := b.Incoming().CSeq()
	if want := fmt.Sprintf("3 %d INVITE", number); prack.Get("RAck") != want {
		s.Errorf("RAck %q, expected %q", prack.Get("RAck"), want)
	}
	b.Reply(prack, 200)
	a.Expect("200 PRACK")
	b.Answer(200)
	a.Expect("200 INVITE")
	a.Ack()
	b.Expect("ACK")
	s.End(a, b)
}

// calleeRestarts: a PBX goes away with all its connections and comes back; the next call reaches it.
func calleeRestarts(s *stage.Stage) {
	a, b := s.Talk()
	s.End(a, b)
	s.Callee.Close()
	noticed(s, s.Callee)
	s.Callee.Reopen()
	a, b = s.Talk()
	s.Callee.CloseConnections()
	noticed(s, s.Callee)
	a.Request("INFO")
	b.Reply(b.Expect("INFO"), 481)
	a.Expect("481 INFO")
	s.End(a, b)
}

// callerRestarts: its connection is gone in the middle of a call; what comes for it goes over a
// new one, to its Contact or Via.
func callerRestarts(s *stage.Stage) {
	a, b := s.Talk()
	s.Caller.CloseConnections()
	noticed(s, s.Caller)
	b.Request("INFO")
	a.Reply(a.Expect("INFO"), 200)
	b.Expect("200 INFO")
	s.End(b, a)
}

// noticed waits until the node knows that an endpoint's connections are closed: TCP gives no sign to
// who writes before he has read the end.
func noticed(s *stage.Stage, u *peer.UA) {
	s.Helper()
	if u.Proto() != "udp" {
		harness.Unconnected(s.T, u.Addr().Addr())
	}
	u.Quiet(silence)
}
