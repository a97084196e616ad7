package phones

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// ping is the method that phones are asked with.
const ping = "OPTIONS"

// TestPings follows phones that are asked every half second whether they are there.
func TestPings(t *testing.T) {
	if harness.Control() {
		return
	}
	t.Parallel()
	node := harness.Start(t, harness.Settings{Env: []string{"TOLLGATE_TEST_KEEPALIVE=500ms"}})
	pinged := func(c *harness.Customer) { c.Pings = true }
	stage.Play(t, node, []stage.Scenario{
		{Name: "answered", Matrix: stage.Matrix("udp4-udp4", "udp6-udp4"), Play: pingAnswered, Customer: pinged},
		{Name: "not answered", Matrix: stage.One(), Play: pingUnanswered, Customer: pinged},
		{Name: "answered by another", Matrix: stage.One(), Play: pingForged, Customer: pinged},
		{Name: "disabled", Matrix: stage.One(), Play: notPinged},
		{Name: "disabled by transparent mode", Matrix: stage.One()[:1], Play: notPinged, Customer: func(c *harness.Customer) {
			c.Pings, c.Extra = true, "transparent: true\n"
		}},
		{Name: "a connection is kept, not asked", Matrix: stage.Matrix("tcp4-udp4"), Play: connectionKept, Customer: pinged},
	})
}

// pingAnswered: any answer is a sign of life; the ping shows nothing of the PBX.
func pingAnswered(s *stage.Stage) {
	p := newPhone(s, s.Caller, "alice")
	var pings atomic.Int64
	p.UA.Handle(func(m *peer.Message) bool {
		if m.Method != ping {
			return false
		}
		if m.URI != p.Contact || m.Source() != p.UA.Edge {
			s.Errorf("the phone registered %s and is pinged as\n%s", p.Contact, m.Bytes())
		}
		pings.Add(1)
		p.UA.Replies(m, 404)
		return true
	})
	p.refresh(600)
	harness.Eventually(s.T, 10*time.Second, func() error {
		if n := pings.Load(); n < 5 {
			return fmt.Errorf("%d pings", n)
		}
		return nil
	})
	p.called()
	harness.Eventually(s.T, 10*time.Second, func() error { // one may just be on its way
		if row := p.listed(); row["missed"] != 0.0 {
			return fmt.Errorf("it answers all, and is listed as %v", row)
		}
		return nil
	})
}

// pingUnanswered: after three the binding ends, and comes back with the next REGISTER.
func pingUnanswered(s *stage.Stage) {
	p := newPhone(s, s.Caller, "alice")
	var status atomic.Int64
	status.Store(200)
	p.UA.Answering(ping, func() int { return int(status.Load()) })
	p.refresh(600)
	p.called()
	status.Store(0)
	before := len(p.UA.Received(ping))
	p.gone(10 * time.Second)
	p.lost()
	if n := len(p.UA.Received(ping)) - before; n < 3 {
		s.Errorf("it ended after %d pings", n)
	}
	status.Store(200)
	p.refresh(600)
	p.called()
}

// pingForged: somebody else answers in the phone's name, with what he could guess.
func pingForged(s *stage.Stage) {
	p := newPhone(s, s.Caller, "alice")
	eve := s.Peer(udp4)
	p.UA.Handle(func(m *peer.Message) bool {
		if m.Method != ping {
			return false
		}
		answer := fmt.Sprintf("SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=1\r\nCall-ID: %s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
			"%s", m.Get("From"), m.Get("To"), m.Get("Call-ID"))
		via := m.All("Via")[0]
		branch := peer.HeaderParam(via, "branch")
		for _, forged := range []string{flip(branch), "z9hG4bK1", branch + "0", branch[:len(branch)-1]} {
			eve.Raw([]byte(fmt.Sprintf(answer, strings.Replace(via, branch, forged, 1))))
		}
		return true
	})
	p.refresh(600)
	p.gone(10 * time.Second)
	p.lost()
}

func notPinged(s *stage.Stage) {
	p := register(s, s.Caller, "alice")
	p.UA.Quiet(1200 * time.Millisecond)
	p.called()
}

// connectionKept: a stream gets white space between messages, which needs no answer.
func connectionKept(s *stage.Stage) {
	p := register(s, s.Caller, "alice")
	harness.Eventually(s.T, 10*time.Second, func() error {
		if p.UA.Keepalives() == 0 {
			return errors.New("nothing keeps the connection open")
		}
		return nil
	})
	p.UA.Quiet(silence)
	p.called()
}
