package phones

import (
	"syscall"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// TestRestart plays what must outlive the node's process: asked to stop, and killed. Each
// scenario has its own node.
func TestRestart(t *testing.T) {
	if harness.Control() {
		return
	}
	t.Parallel()
	for _, sc := range []stage.Scenario{
		{Name: "registered over UDP", Matrix: stage.Matrix("udp4-udp4"), Play: registeredUDP},
		{Name: "registered over a connection", Matrix: stage.Matrix("tcp4-udp4", "tls4-udp4"), Play: registeredStream},
		{Name: "a subscription", Matrix: stage.Matrix("udp4-udp4", "tcp4-udp4"), Play: subscriptionStays},
		{Name: "a call with a phone", Matrix: stage.Matrix("udp4-udp4"), Play: callStays},
	} {
		for _, v := range sc.Matrix {
			t.Run(sc.Name+"/"+v.String(), func(t *testing.T) {
				t.Parallel()
				sc.Play(stage.New(t, harness.Start(t), v, nil))
			})
		}
	}
}

// restarts runs a scenario's next part after the node was stopped and after it was killed.
func restarts(s *stage.Stage, next func()) {
	s.Helper()
	s.Node.Down(s.T)
	s.Node.Up(s.T)
	next()
	s.Node.Signal(s.T, syscall.SIGKILL)
	if s.Node.Exited(harness.Stopping) == -2 {
		s.Fatal("the node outlives a SIGKILL")
	}
	s.Node.Up(s.T)
	next()
}

// registeredUDP: a phone behind a UDP hole is reached at once, and keeps its token.
func registeredUDP(s *stage.Stage) {
	p := register(s, s.Caller, "alice")
	gone := newPhone(s, s.Peer(udp4), "carol")
	gone.refresh(600)
	gone.refresh(0)
	restarts(s, func() {
		p.called()
		gone.lost()
		p.refresh(600)
		p.called()
		moved := newPhone(s, s.Peer(udp4), "dave")
		moved.refresh(600)
		moved.called()
	})
}

// registeredStream: until the phone connects again nobody can reach it.
func registeredStream(s *stage.Stage) {
	p := register(s, s.Caller, "alice")
	restarts(s, func() {
		p.lost()
		p.refresh(600)
		p.called()
	})
}

func subscriptionStays(s *stage.Stage) {
	register(s, s.Caller, "alice")
	a, b := follow(s, from(s, "alice"))
	told(s, a, b, "active;expires=500", 1)
	version := 2
	restarts(s, func() {
		if s.Caller.Proto() == "udp" { // the notifier need not wait for a sign of life
			told(s, a, b, "active;expires=450", version)
		}
		a.Resubscribe("dialog", 600) // over UDP or a new connection
		b.Reply(b.Expect("SUBSCRIBE"), 200, peer.With("Expires", "600"))
		a.Expect("200 SUBSCRIBE")
		told(s, a, b, "active;expires=600", version)
		version++
	})
	unfollow(s, a, b)
}

func callStays(s *stage.Stage) {
	p := register(s, s.Caller, "alice")
	b1, a1 := pbxCall(s, p)
	a2, b2 := phoneCall(s, "bob")
	version := 2
	restarts(s, func() {
		for _, side := range []struct{ from, to *peer.Call }{{a1, b1}, {b1, a1}, {a2, b2}, {b2, a2}} {
			side.from.Request("INVITE", peer.SDP(side.from.UA, version))
			side.to.Expect("INVITE")
			side.to.Answer(200, peer.SDP(side.to.UA, version))
			side.from.Expect(200)
			side.from.Ack()
			side.to.Expect("ACK")
			version++
		}
	})
	inside(s, a1, b1)
	inside(s, b2, a2)
}
