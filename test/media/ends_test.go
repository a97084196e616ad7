package media

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func TestEnds(t *testing.T) { paths(t, endSuite) }

func endSuite(t *testing.T, n *harness.Node) {
	play(t, n, stage.One(), map[string]func(*stage.Stage){
		"BYE from either side":    byes,
		"cancelled":               cancelled,
		"a second destination":    secondDestination,
		"phones that ring beside": forksRefused,
	})
}

// byes: our ports are closed at once, whoever hangs up.
func byes(s *stage.Stage) {
	for i := range 2 {
		c := connect(s)
		c.settle()
		if i == 1 {
			c.a, c.b = c.b, c.a
		}
		c.end()
		for _, p := range []*side{c.a, c.b} {
			closed(s, p.to)
			closed(s, p.control)
		}
	}
}

// closed wants a port of ours to be one that somebody else can have.
func closed(s *stage.Stage, at netip.AddrPort) {
	s.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		s.Errorf("our port is still open: %v", err)
		return
	}
	conn.Close()
}

// cancelled: a call that is given up while there is early media leaves nothing.
func cancelled(s *stage.Stage) {
	a, b := parties(s)
	a.call = s.Caller.Invite(s.URI(), a.sdp())
	b.call = s.Callee.Accept("INVITE")
	b.told(b.call.Incoming())
	b.call.Answer(183, b.sdp())
	a.told(a.call.Expect(183))
	talk(a.phone, b.phone, 3)
	a.call.Cancel()
	a.call.Await("200 CANCEL")
	b.call.Reply(b.call.Await("CANCEL"), 200)
	b.call.Answer(487)
	a.call.Await(487)
	b.call.Await("ACK")
	(&conversation{s, a, b}).over()
	closed(s, a.to)
}

// secondDestination: the first one refuses, with a description of its own; media is with the next.
func secondDestination(s *stage.Stage) {
	first := s.Peer(s.Variant.Callee)
	s.Customer.Destinations = append([]harness.Destination{{Name: "d0", Addr: first.Addr(), Priority: 1}}, s.Customer.Destinations...)
	s.Apply()
	a, b := parties(s)
	a.call = s.Caller.Invite(s.URI(), a.sdp())
	tried := first.Accept("INVITE")
	tried.Answer(503, peer.SDP(first, 1))
	tried.Expect("ACK")
	b.call = s.Callee.Accept("INVITE")
	b.told(b.call.Incoming())
	b.call.Answer(200, b.sdp())
	a.told(a.call.Expect(200))
	a.call.Ack()
	b.call.Expect("ACK")
	c := &conversation{s, a, b}
	c.settle()
	c.end()
}

// forksRefused: two ring with early media, the one that was heard last is not who answers.
func forksRefused(s *stage.Stage) {
	a, b := parties(s)
	other := newPhone(s, s.Callee, 0xcc)
	a.call = s.Caller.Invite(s.URI(), a.sdp())
	b.call = s.Callee.Accept("INVITE")
	b.told(b.call.Incoming())
	other.told(b.call.Incoming())
	b2 := b.call.AnswerAs()
	b.call.Answer(183, b.sdp())
	a.told(a.call.Expect(183))
	b2.Answer(183, other.sdp())
	m := a.call.Expect(183)
	a2 := a.call.Fork(m)
	talk(a.phone, other, 3)
	b.call.Answer(200, b.sdp())
	a.told(a.call.Expect(200))
	a.call.Ack()
	b.call.Expect("ACK")
	_ = a2
	c := &conversation{s, a, b}
	c.settle()
	unheard(other, a.phone)
	c.end()
}

// TestInKernel: once a stream is settled, it goes on while the program does not run at all. Between
// IPv4 and IPv6 it needs the program.
func TestInKernel(t *testing.T) {
	for _, pair := range []string{"udp4-udp4", "udp6-udp6"} {
		t.Run(pair, func(t *testing.T) {
			t.Parallel()
			n := node(t, harness.Settings{}, "auto", 40)
			s := stage.New(t, n, stage.Matrix(pair)[0], bridged)
			c := connect(s)
			c.settle()
			c.settle()
			n.Pause(t)
			talk(c.a.phone, c.b.phone, 50)
			n.Signal(t, syscall.SIGCONT)
			reports(c.a.phone, c.b.phone, c.a.rtcp, c.b.rtcp)
			c.end()
		})
	}
}

// TestKilled: media of calls that are up flows again on the same ports within a second of the
// node's being up again, both ways, with the source that was learnt.
func TestKilled(t *testing.T) {
	for _, kernel := range []string{"off", "auto"} {
		for _, hidden := range []bool{false, true} {
			t.Run(fmt.Sprintf("kernel %s, hidden %t", kernel, hidden), func(t *testing.T) {
				t.Parallel()
				n := node(t, harness.Settings{}, kernel, 60)
				v := stage.One()[0]
				v.Hidden = hidden
				s := stage.New(t, n, v, bridged)
				held, moved, c := connect(s), connect(s), connect(s)
				held.reoffer("INVITE", held.a, held.b, held.a.sdp(append(held.a.plain, "a=inactive")...), held.b.sdp(append(held.b.plain, "a=inactive")...))
				elsewhere := moved.b.listen(netip.AddrPortFrom(moved.b.at.Addr(), 0)) // not where it said
				moved.b.rtp = elsewhere
				talk(moved.b.phone, moved.a.phone, 5)
				c.settle()
				for range 2 {
					n.Signal(t, syscall.SIGKILL)
					n.Exited(harness.Stopping)
					n.Up(t)
					start := time.Now()
					talk(c.a.phone, c.b.phone, 5)
					reports(c.a.phone, c.b.phone, c.a.rtcp, c.b.rtcp)
					talk(moved.b.phone, moved.a.phone, 5)
					most := 4 * time.Second // beside all that a busy machine does
					if harness.Soak() {
						most = time.Second
					}
					if took := time.Since(start); took > most {
						t.Errorf("media flows %v after the node is up", took)
					}
					unheard(held.a.phone, held.b.phone)
					c.settle()
				}
				held.reoffer("INVITE", held.b, held.a, held.b.sdp(), held.a.sdp())
				held.settle()
				for _, one := range []*conversation{held, moved, c} {
					one.end()
				}
			})
		}
	}
}

// TestSilence: a call that nothing is heard of is ended on both sides, with its reason; not on hold.
func TestSilence(t *testing.T) {
	t.Parallel()
	for _, kernel := range []string{"off", "auto"} {
		n := node(t, harness.Settings{Env: []string{"TOLLGATE_TEST_MEDIA_TIMEOUT=2s"}}, kernel, 100)
		play(t, n, stage.One(), map[string]func(*stage.Stage){
			"both silent, kernel " + kernel: func(s *stage.Stage) {
				c := connect(s)
				c.settle()
				for _, p := range []*side{c.a, c.b} {
					bye := p.call.Expect("BYE")
					p.call.Reply(bye, 200)
					if why := bye.Get("Reason"); why == "" {
						s.Errorf("no Reason in\n%s", bye.Bytes())
					}
				}
				c.over()
			},
			"never heard, kernel " + kernel: func(s *stage.Stage) {
				c := connect(s)
				for _, p := range []*side{c.a, c.b} {
					p.call.Reply(p.call.Expect("BYE"), 200)
				}
			},
			"one talks, kernel " + kernel: func(s *stage.Stage) {
				c := connect(s)
				c.settle()
				tick := time.NewTicker(100 * time.Millisecond)
				defer tick.Stop()
				for range 45 {
					says(c.a.phone, c.b.phone, 1)
					<-tick.C
				}
				c.end()
			},
			"on hold, kernel " + kernel: func(s *stage.Stage) {
				c := connect(s)
				c.settle()
				c.reoffer("INVITE", c.a, c.b, c.a.sdp(append(c.a.plain, "a=sendonly")...), c.b.sdp(append(c.b.plain, "a=recvonly")...))
				s.Callee.Quiet(4500 * time.Millisecond)
				s.Caller.Quiet(time.Millisecond)
				c.reoffer("INVITE", c.a, c.b, c.a.sdp(), c.b.sdp())
				c.settle()
				c.end()
			},
		})
	}
}

// TestPorts: with none left a call gets 503 without Retry-After and reaches nobody, an emergency
// call still passes, and afterwards all of them are there again.
func TestPorts(t *testing.T) {
	t.Parallel()
	const ports = 40 // 20 pairs, 4 of them for emergencies: 8 calls, and 2
	n := node(t, harness.Settings{}, "off", ports)
	v := stage.One()[1]
	s := stage.New(t, n, v, func(c *harness.Customer) {
		bridged(c)
		c.Extra += "emergency: {numbers: [\"112\"]}\n"
	})
	spare, _ := parties(s)
	for round := range 2 {
		var calls []*conversation
		for range 8 {
			calls = append(calls, whenFree(s, s.URI()))
		}
		refused := s.Caller.Invite(s.URI(), spare.sdp()).Expect(503)
		if refused.Has("Retry-After") {
			s.Errorf("round %d: callers are told to come back here:\n%s", round, refused.Bytes())
		}
		s.Callee.Quiet(none)
		// A stream more in a call that is up: that is refused, and the call goes on.
		first := calls[0]
		first.a.call.Request("INVITE", wire(session(first.a.at.Addr(), 9, first.a.section(), "m=video 4000 RTP/AVP 96")))
		first.a.call.ExpectOneOf(488, 503)
		calls = append(calls, whenFree(s, "sip:112@"+s.Domain), whenFree(s, "sip:112@"+s.Domain))
		s.Caller.Invite("sip:112@"+s.Domain, spare.sdp()).Expect(503)
		for _, c := range calls {
			talk(c.a.phone, c.b.phone, 3)
		}
		for _, c := range calls {
			s.End(c.b.call, c.a.call)
		}
	}
}

// whenFree calls again until there are ports: those of before rest for 5 s.
func whenFree(s *stage.Stage, uri string) (c *conversation) {
	s.Helper()
	a, b := parties(s)
	harness.Eventually(s, 20*time.Second, func() error {
		a.call = s.Caller.Invite(uri, a.sdp())
		if a.call.AwaitOneOf(100, 503).Status == 503 {
			return errors.New("there are no ports yet")
		}
		return nil
	})
	b.call = s.Callee.Accept("INVITE")
	return a.answeredBy(b)
}
