package switches

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// channels: an entry has so many calls up at once, and no more.
func channels(t *testing.T, n *harness.Node) {
	s := play(t, n, nil)
	s.has(entry("trunk", s.Caller.IP(), "channels: 2"))
	uri := number(s.Caller, "0401234")
	a, b := s.up(s.Caller, s.Callee, uri)
	s.up(s.Caller, s.Callee, uri)
	s.refused(s.Caller, 480, uri)
	s.End(a, b)
	s.again(s.Callee, uri)
}

// again places a call once the node has had time to give places back (40 ms where the
// backend is late).
func (s *scene) again(pbx *peer.UA, uri string) {
	s.Helper()
	s.Caller.Quiet(150 * time.Millisecond)
	s.reaches(s.Caller, pbx, uri)
}

// rate: so many new calls a second; more are refused without Retry-After.
func rate(t *testing.T, n *harness.Node) {
	s := play(t, n, nil)
	s.has(entry("trunk", s.Caller.IP(), "cps: 1"))
	uri := number(s.Caller, "0401234")
	s.reaches(s.Caller, s.Callee, uri)
	if got := s.refused(s.Caller, 503, uri); got.Has("Retry-After") {
		t.Errorf("it says Retry-After: %s", got.Bytes())
	}
}

// two makes two switches, the first with one channel, and the PBX after them.
func two(t *testing.T, n *harness.Node) (s *scene, first, second *peer.UA) {
	t.Helper()
	s = play(t, n, nil)
	first, second = s.Peer(stage.Leg{Proto: "udp"}), s.Peer(stage.Leg{Proto: "udp"})
	s.Customer.Destinations = append([]harness.Destination{
		{Name: "first", Switch: "first", Priority: 1}, {Name: "second", Switch: "second", Priority: 2},
	}, s.Customer.Destinations...)
	s.has(carrier("first", first.Addr(), "channels: 1"), carrier("second", second.Addr(), "channels: 1"), entry("trunk", s.Caller.IP()))
	return s, first, second
}

func fullSwitch(t *testing.T, n *harness.Node) {
	s, first, second := two(t, n)
	uri := number(s.Caller, "0401234")
	a, b := s.up(s.Caller, first, uri)
	s.up(s.Caller, second, uri)
	s.up(s.Caller, s.Callee, uri)
	s.Customer.Destinations = s.Customer.Destinations[:2]
	s.Apply()
	s.refused(s.Caller, 480, uri)
	s.End(a, b)
	s.again(first, uri)
}

// outward: the PBX calls out by a switch; an entry at its address limits it and changes nothing
// else. What the switch calls comes in by an entry of its own.
func outward(t *testing.T, n *harness.Node) {
	s := play(t, n, nil)
	trunk := s.Peer(stage.Leg{Proto: "udp"})
	s.Customer.Destinations = append(s.Customer.Destinations, harness.Destination{Name: "trunk", Switch: "trunk"})
	s.has(carrier("trunk", trunk.Addr()), entry("trunk-in", trunk.IP()), entry("pbx", s.Callee.IP(), "channels: 1"))
	uri := number(s.Callee, "0401234")
	s.explained(s.Callee, uri, "1", `his entry \"pbx\", which sends calls to us; it comes from his destination`)
	a, b := s.up(s.Callee, trunk, uri)
	s.refused(s.Callee, 480, uri)
	s.reaches(trunk, s.Callee, number(trunk, "0405678"))
	s.End(a, b)
	s.Caller.Quiet(150 * time.Millisecond)
	s.reaches(s.Callee, trunk, uri)
}

// failover: the place at a switch that fails is free at once, one that is full is passed by.
func failover(t *testing.T, n *harness.Node) {
	s, first, second := two(t, n)
	uri := number(s.Caller, "0401234")
	fails := func(u *peer.UA) {
		b := u.Accept("INVITE")
		b.Answer(503)
		b.Expect("ACK")
	}
	a := s.Caller.Invite(uri)
	fails(first)
	ringing := second.Accept("INVITE") // holds the second one's place
	ringing.Answer(180)
	a.Expect(180)
	other := s.Caller.Invite(uri)
	fails(first) // had a place again
	last := s.Callee.Accept("INVITE")
	last.Answer(486)
	other.Expect(486)
	last.Expect("ACK")
	a.Cancel()
	a.ExpectSet("200 CANCEL", 487)
	ringing.Reply(ringing.Expect("CANCEL"), 200)
	ringing.Answer(487)
	ringing.Expect("ACK")
	s.again(first, uri)
}

// TestPlacesOutliveAKill: a call that a kill leaves up holds its places afterwards.
func TestPlacesOutliveAKill(t *testing.T) {
	n := harness.Start(t)
	s, first, second := two(t, n)
	uri := number(s.Caller, "0401234")
	a, b := s.up(s.Caller, first, uri)
	n.Signal(t, syscall.SIGKILL)
	n.Exited(10 * time.Second)
	n.Up(t)
	c, d := s.up(s.Caller, second, uri)
	s.End(c, d)
	s.End(a, b)
	s.again(first, uri)
}

// twoHundred is issue 4's third: of 200 INVITEs at once just as many get in as there are
// places, and when all have ended none is held.
func twoHundred(t *testing.T, n *harness.Node) {
	s := play(t, n, nil)
	s.Loose = true
	s.has(entry("trunk", s.Caller.IP(), "channels: 50"))
	uri := number(s.Caller, "0401234")
	for round := range 3 {
		calls := make([]*peer.Call, 200)
		for i := range calls {
			calls[i] = s.Caller.Invite(uri)
		}
		var in []*peer.Call
		for range 50 {
			b := s.Callee.AcceptWithin(harness.Soon, "INVITE")
			b.Answer(180)
			in = append(in, b)
		}
		refused := 0
		for _, c := range calls {
			if answered(t, c, 180, 480).Status == 480 {
				refused++
			}
		}
		if refused != 150 {
			t.Errorf("round %d: %d of 200 were refused, want 150", round, refused)
		}
		for _, b := range in {
			b.Answer(486)
			b.Await("ACK")
		}
		harness.Eventually(t, harness.Soon, func() error { return s.none() })
	}
}

// answered waits for one of these answers, and sends the request again meanwhile as a caller does: of
// so many datagrams at once the kernel may have dropped some.
func answered(t *testing.T, c *peer.Call, statuses ...any) (m *peer.Message) {
	t.Helper()
	harness.Eventually(t, harness.Soon, func() error {
		if m = c.AwaitWithin(time.Second, statuses); m == nil {
			c.Resend()
			return fmt.Errorf("%s is not answered", c.ID)
		}
		return nil
	})
	return m
}

// none says that the customer has no calls any more.
func (s *scene) none() error {
	for _, c := range s.Node.JSON(s.T, "calls") {
		if c["customer"] == s.Customer.Name {
			return fmt.Errorf("a call is left: %v", c)
		}
	}
	return nil
}
