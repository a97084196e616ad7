package routing

import (
	"fmt"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func balancing() []stage.Scenario {
	balanced := func(c *harness.Customer) { c.Mode = "load_balancing" }
	return []stage.Scenario{
		{Name: "load is shared evenly", Matrix: stage.One(), Customer: balanced, Play: sharedEvenly, OwnOnly: true},
		{Name: "the retry reaches the PBX that asked", Matrix: stage.One(), Customer: balanced, Play: retryReachesAsker, OwnOnly: true},
		{Name: "balanced and one fails", Matrix: stage.One(), Customer: balanced, Play: balancedFailover, OwnOnly: true},
		{Name: "priority order", Matrix: stage.One(), Play: priorityOrder, OwnOnly: true},
	}
}

// sharedEvenly places many calls, each a Call-ID of its own, and counts who gets them. With
// 240 calls over 3, 80 each, one in a million sets has a share below 48 or above 112.
func sharedEvenly(s *stage.Stage) {
	uas := []*peer.UA{s.Callee, s.Peer(udp4), s.Peer(udp4)}
	through(s, uas...)
	const calls = 240
	for sent := 1; sent <= calls; sent++ {
		s.Caller.Start("OPTIONS", s.URI())
		if sent%20 == 0 { // or a socket's buffer might be full
			arrived(s, uas, sent)
		}
	}
	for i, u := range uas {
		if n := len(u.Distinct("OPTIONS")); n < calls/5 || n > calls*7/15 {
			s.Errorf("destination %d got %d of %d", i+1, n, calls)
		}
	}
	s.Loose = true
}

// arrived waits until so many OPTIONS have come to these endpoints.
func arrived(s *stage.Stage, uas []*peer.UA, want int) {
	s.Helper()
	harness.Eventually(s.T, peer.Patience, func() error {
		total := 0
		for _, u := range uas {
			total += len(u.Distinct("OPTIONS"))
		}
		if total != want {
			return fmt.Errorf("%d of %d requests arrived", total, want)
		}
		return nil
	})
}

// retryReachesAsker: a nonce is known to the PBX that made it and to no other.
func retryReachesAsker(s *stage.Stage) {
	uas := []*peer.UA{s.Callee, s.Peer(udp4), s.Peer(udp4), s.Peer(udp4)}
	through(s, uas...)
	for i := range 12 {
		a := s.Caller.Invite(s.URI())
		b := peer.AcceptAny("INVITE", uas...)
		nonce := fmt.Sprintf(`Digest realm="pbx", nonce="%d"`, i)
		b.Answer(407, peer.With("Proxy-Authenticate", nonce))
		b.Expect("ACK")
		a.Expect(407)
		a.Request("INVITE", peer.SDP(s.Caller, 1), peer.With("Proxy-Authorization", nonce))
		b = b.AcceptAgain("INVITE")
		b.Answer(486)
		b.Expect("ACK")
		a.Expect(486)
	}
}

// balancedFailover: whoever is picked fails; another one takes the call.
func balancedFailover(s *stage.Stage) {
	uas := []*peer.UA{s.Callee, s.Peer(udp4), s.Peer(udp4)}
	through(s, uas...)
	seen := map[*peer.UA]bool{}
	a := s.Caller.Invite(s.URI())
	for range 2 {
		b := peer.AcceptAny("INVITE", uas...)
		seen[b.UA] = true
		b.Answer(503)
		b.Expect("ACK")
	}
	b := peer.AcceptAny("INVITE", uas...)
	seen[b.UA] = true
	if len(seen) != 3 {
		s.Errorf("three attempts reached %d destinations", len(seen))
	}
	b.Answer(200, peer.SDP(b.UA, 1))
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	s.End(a, b)
}

// priorityOrder: the lowest number first, wherever it stands in the file.
func priorityOrder(s *stage.Stage) {
	second, third := s.Peer(udp4), s.Peer(udp4)
	s.Customer.Destinations = []harness.Destination{
		{Name: "c", Addr: third.Addr(), Priority: 30}, {Name: "a", Addr: s.Callee.Addr(), Priority: 1}, {Name: "b", Addr: second.Addr(), Priority: 20},
	}
	s.Apply()
	a := s.Caller.Invite(s.URI())
	for _, u := range []*peer.UA{s.Callee, second} {
		b := u.Accept("INVITE")
		b.Answer(500)
		b.Expect("ACK")
	}
	answered(s, a, third)
}
