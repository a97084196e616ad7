// Package routing plays whom a request reaches: which customer, which destination, who is
// next when someone fails, and what the caller is told when nobody is left. Requests
// outside of calls are here too. What happens inside a call is package calls.
package routing

import (
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// silence is how long a scenario listens for what must not come.
const silence = 300 * time.Millisecond

var udp4 = stage.Leg{Proto: "udp"}

func TestMain(m *testing.M) { harness.Main(m) }

func TestRouting(t *testing.T) {
	node := harness.Start(t)
	for _, list := range [][]stage.Scenario{failover(), timeouts(), requests(), balancing(), groups(), customers()} {
		stage.Play(t, node, list)
	}
}

// through makes these the customer's destinations, first to last.
func through(s *stage.Stage, uas ...*peer.UA) {
	s.Helper()
	s.Customer.Destinations = nil
	for _, u := range uas {
		s.Customer.Destinations = append(s.Customer.Destinations, harness.Destination{Addr: u.Addr(), Proto: u.Proto()})
	}
	s.Apply()
}

// answered has the callee answer the caller's call, and ends it.
func answered(s *stage.Stage, a *peer.Call, callee *peer.UA) {
	s.Helper()
	b := callee.Accept("INVITE")
	b.Answer(200, peer.SDP(callee, 1))
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	s.End(b, a)
}

// refusedBy has the callee refuse the caller's call with status, and expects expected.
func refusedBy(s *stage.Stage, callee *peer.UA, status, expected int) {
	s.Helper()
	a := s.Caller.Invite(s.URI())
	b := callee.Accept("INVITE")
	b.Answer(status)
	b.Expect("ACK")
	a.Expect(expected)
}

func quickly(s *stage.Stage, since time.Time, least, most time.Duration, what string) {
	s.Helper()
	if took := time.Since(since); took < least || took > most {
		s.Errorf("%s after %v, expected within %v and %v", what, took.Round(time.Millisecond), least, most)
	}
}
