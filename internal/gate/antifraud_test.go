package gate_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tollgate/internal/antifraud"
	"tollgate/internal/call"
	"tollgate/internal/live"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// heard and tripped wire the guard as the edge does, but for bans.
func (r *rig) heard(now time.Time, h *call.Heard) (uint64, bool) {
	counted, refused := r.fraud.Heard(now, &antifraud.Heard{
		Call: antifraud.Call(h.Place), Customer: h.Customer, Direction: h.Direction, Source: h.Source,
		From: h.From, URI: h.URI, Age: h.Age, Restored: h.Restored,
	})
	return counted, !refused
}

func (r *rig) tripped(t *antifraud.Trip) {
	r.trips = append(r.trips, t)
	r.layer.Later(func() {
		for _, c := range t.Calls {
			r.calls.End(call.Place(c), policy.Antifraud, 480)
		}
		r.fraud.Banned(t)
	})
}

// invites is the INVITE of another call.
func invites(n int) string {
	return strings.NewReplacer("call1@", fmt.Sprintf("call%d@", n), "z9hG4bKa1", fmt.Sprintf("z9hG4bKc%d", n)).Replace(invite)
}

// clean checks that nothing is left of any call.
func (r *rig) clean() {
	r.t.Helper()
	if n := r.fraud.Counted(); n != 0 {
		r.t.Errorf("%d calls count", n)
	}
	if n := r.fraud.Keys(); n != 0 {
		r.t.Errorf("%d keys are left", n)
	}
	if u := r.live.Usage(live.Scope{Kind: live.Customer, ID: 1}); u.Calls != 0 {
		r.t.Errorf("leases left: %+v", u)
	}
	r.forgotten()
}

// TestCounted: a call counts from its first sign of life to its end, whatever that is.
func TestCounted(t *testing.T) {
	rings := func(r *rig) string {
		r.in(aliceAddr, invite)
		inv := r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, answer(inv, "180 Ringing", bobRings))
		r.want(aliceAddr, "SIP/2.0 180 ")
		return inv
	}
	for name, play := range map[string]func(r *rig){
		"hung up":  func(r *rig) { r.hangUp(r.establish(), 8) },
		"operator": func(r *rig) { r.establish(); r.endAll(policy.HungUp) },
		"busy": func(r *rig) {
			r.in(pbxAddr, answer(rings(r), "486 Busy Here", ""))
		},
		"cancelled": func(r *rig) { rings(r); r.in(aliceAddr, cancel()) },
		"elsewhere": func(r *rig) {
			r.in(pbxAddr, answer(rings(r), "503 Service Unavailable", ""))
			r.in(pbx2Addr, answer(r.want(pbx2Addr, "INVITE "), "486 Busy Here", ""))
		},
		"never answered": func(r *rig) { rings(r); r.wait(61 * time.Second) },
		"longest call":   func(r *rig) { r.establish(); r.wait(time.Hour + time.Second) },
		"BYE unanswered": func(r *rig) { d := r.establish(); r.in(aliceAddr, r.byAlice(d, "BYE", 8, "x")) },
		"BYE of both": func(r *rig) {
			d := r.establish()
			r.in(aliceAddr, r.byAlice(d, "BYE", 8, "x1"))
			r.in(pbxAddr, r.byBob(d, "BYE", 1, "x2"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(r *rig, _ bool) {
				r.change(func(a *tenant.Account) { a.Customer.Antifraud.Invite = 2 })
				play(r)
				r.wait(3 * time.Minute)
				if len(r.ended) != 1 || len(r.trips) != 0 {
					t.Fatalf("%d calls ended, %d trips", len(r.ended), len(r.trips))
				}
				if !strings.Contains(name, "elsewhere") && r.ended[0].Counted == 0 {
					t.Error("it did not count")
				}
				r.clean()
			})
		})
	}
}

// TestNotCounted: what no one wants does not count: 100, refusals, silence.
func TestNotCounted(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.change(func(a *tenant.Account) { a.Customer.Antifraud.Invite = 1 })
		for i, status := range []string{"407 Proxy Authentication Required", "486 Busy Here", "604 Nowhere"} {
			r.in(aliceAddr, invites(i))
			inv := r.want(pbxAddr, "INVITE ")
			r.in(pbxAddr, answer(inv, "100 Trying", ""))
			r.in(pbxAddr, answer(inv, status, ""))
			r.want(pbxAddr, "ACK ")
			r.want(aliceAddr, "SIP/2.0 "+status[:3])
		}
		if len(r.trips) != 0 {
			t.Error("refused calls count")
		}
		r.wait(3 * time.Minute)
		r.clean()
	})
}

// TestManyEndings: calls of two keys come, ring, are answered, end and are torn down in any
// order; whatever happened, in the end nothing counts, holds a place or is kept.
func TestManyEndings(t *testing.T) {
	for seed := range uint64(6) {
		both(t, func(r *rig, _ bool) {
			r.change(func(a *tenant.Account) {
				a.Customer.Antifraud.Invite, a.Customer.CallLimit = 5, 0
			})
			random := rand.New(rand.NewPCG(seed, 1))
			pending := []string{}
			for i := range 120 {
				one := invites(i)
				if random.IntN(2) == 0 {
					one = strings.Replace(one, "sip:3401@acme.test SIP", "sip:990099@acme.test SIP", 1)
				}
				r.in(aliceAddr, one)
				r.wait(time.Duration(random.IntN(900)) * time.Millisecond)
				for m := r.out(pbxAddr); m != ""; m = r.out(pbxAddr) {
					pending = r.react(random, pending, m)
				}
				for m := r.out(aliceAddr); m != ""; m = r.out(aliceAddr) {
					if strings.HasPrefix(m, "BYE ") && random.IntN(3) > 0 {
						r.in(aliceAddr, answer(m, "200 OK", ""))
					}
				}
				r.drain(pbx2Addr)
			}
			if len(r.trips) == 0 {
				t.Error("no threshold was reached: the test plays nothing")
			}
			r.wait(2 * time.Hour)
			r.wait(10 * time.Minute)
			r.clean()
		})
	}
}

// react does what a PBX may do with a message, and with one of the INVITEs that wait.
func (r *rig) react(random *rand.Rand, pending []string, m string) []string {
	switch {
	case strings.HasPrefix(m, "INVITE "):
		pending = append(pending, m)
	case strings.HasPrefix(m, "BYE "), strings.HasPrefix(m, "CANCEL "):
		if random.IntN(4) > 0 {
			r.in(pbxAddr, answer(m, "200 OK", ""))
		}
	}
	if len(pending) == 0 {
		return pending
	}
	inv := pending[random.IntN(len(pending))]
	switch random.IntN(6) {
	case 0:
		r.in(pbxAddr, answer(inv, "486 Busy Here", ""))
	case 1, 2:
		r.in(pbxAddr, answer(inv, "200 OK", bobContact))
	case 3:
		r.in(pbxAddr, answer(inv, "487 Request Terminated", ""))
	default:
		r.in(pbxAddr, answer(inv, "180 Ringing", bobRings))
	}
	return pending
}

// TestCountsAfterRestart: calls that the journal has kept count in the next process, each once.
func TestCountsAfterRestart(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.change(func(a *tenant.Account) { a.Customer.Antifraud.Invite = 2 })
		d := r.establish()
		r.restart(0, func(n *rig) {
			if got := n.fraud.Counted(); got != 1 {
				t.Fatalf("%d calls count", got)
			}
			n.in(aliceAddr, n.byAlice(d, "BYE", 8, "x"))
			n.in(pbxAddr, answer(n.want(pbxAddr, "BYE "), "200 OK", ""))
			n.want(aliceAddr, "SIP/2.0 200 ")
			if got := n.fraud.Counted(); got != 0 {
				t.Errorf("%d calls count", got)
			}
		})
	})
}
