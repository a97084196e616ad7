package gate_test

import (
	"strings"
	"testing"
	"time"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// Tests of pings within calls (mission row P1).

// pinging plays with a call that is up and whose customer wants pings.
func pinging(t *testing.T, sides string, f func(r *rig, alice, bob *leg)) {
	t.Helper()
	both(t, func(r *rig, _ bool) {
		r.change(func(a *tenant.Account) { a.Customer.InCallPing = sides })
		alice, bob := r.establish().legs()
		f(r, alice, bob)
	})
}

// pinged waits for the next pings, and takes what the callee and the caller get.
func (r *rig) pinged() (toBob, toAlice string) {
	r.t.Helper()
	r.wait(29 * time.Second)
	for range 10 {
		if r.wait(200 * time.Millisecond); r.inboxLen(pbxAddr) > 0 || r.inboxLen(aliceAddr) > 0 {
			break // before it is sent again
		}
	}
	return r.out(pbxAddr), r.out(aliceAddr)
}

// TestPingSides: only who is to be asked is, every 30 s, with numbers of the dialog.
func TestPingSides(t *testing.T) {
	for sides, want := range map[string][2]bool{"both": {true, true}, "caller": {false, true}, "callee": {true, false}, "off": {}} {
		pinging(t, sides, func(r *rig, alice, bob *leg) {
			own := 0
			for range 3 {
				toBob, toAlice := r.pinged()
				if strings.HasPrefix(toBob, "OPTIONS ") != want[0] || strings.HasPrefix(toAlice, "OPTIONS ") != want[1] {
					t.Fatalf("%s: to Bob %q, to Alice %q", sides, toBob, toAlice)
				}
				if want[0] {
					own++
					if header(toBob, "Call-ID") != bob.callID || header(toBob, "CSeq") != itoa(7+own)+" OPTIONS" {
						t.Errorf("the %d. ping:\n%s", own, toBob)
					}
					r.in(pbxAddr, answer(toBob, "200 OK", ""))
				}
				if want[1] {
					r.in(aliceAddr, answer(toAlice, "405 Not Allowed", "")) // there he is
				}
			}
			info, _ := r.asks(alice, "INFO", "", pbxAddr, "200 OK")
			if header(info, "CSeq") != itoa(8+own)+" INFO" {
				t.Errorf("%s: CSeq %s after %d pings", sides, header(info, "CSeq"), own)
			}
			r.ends(bob, aliceAddr)
			r.over(200)
			r.wait(time.Minute)
			r.nothing(pbxAddr)
			r.nothing(aliceAddr)
		})
	}
}

// TestPingUnknown: a party that knows no such call any more ends it for both.
func TestPingUnknown(t *testing.T) {
	for _, status := range []string{"481 No Call", "408 Request Timeout"} {
		for _, caller := range []bool{false, true} {
			pinging(t, "both", func(r *rig, _, _ *leg) {
				toBob, toAlice := r.pinged()
				if caller {
					r.in(pbxAddr, answer(toBob, "200 OK", ""))
					r.in(aliceAddr, answer(toAlice, status, ""))
				} else {
					r.in(aliceAddr, answer(toAlice, "200 OK", ""))
					r.in(pbxAddr, answer(toBob, status, ""))
				}
				r.gone(policy.PingUnanswered)
			})
		}
	}
}

// TestPingSilence: one party says nothing, for as long as a request is sent again.
func TestPingSilence(t *testing.T) {
	pinging(t, "both", func(r *rig, _, _ *leg) {
		_, toAlice := r.pinged()
		r.in(aliceAddr, answer(toAlice, "200 OK", ""))
		for r.calls.Live() == 1 && len(r.ended) == 0 {
			r.wait(200 * time.Millisecond)
			for strings.HasPrefix(r.peek(pbxAddr), "OPTIONS ") {
				r.out(pbxAddr)
			}
			for strings.HasPrefix(r.peek(aliceAddr), "OPTIONS ") {
				r.in(aliceAddr, answer(r.out(aliceAddr), "200 OK", ""))
			}
		}
		r.gone(policy.PingUnanswered)
	})
}

// TestPingTransparent: transparent mode asks nobody.
func TestPingTransparent(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.change(func(a *tenant.Account) { a.Customer.InCallPing, a.Customer.Transparent = "both", true })
		_, bob := r.establish().legs()
		if toBob, toAlice := r.pinged(); toBob != "" || toAlice != "" {
			t.Errorf("asked: %s%s", toBob, toAlice)
		}
		r.ends(bob, aliceAddr)
		r.over(200)
	})
}

// TestPingRestart: pings go on after a restart, with numbers that go on.
func TestPingRestart(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.change(func(a *tenant.Account) { a.Customer.InCallPing = "callee" })
		alice, bob := r.establish().legs()
		toBob, _ := r.pinged()
		r.in(pbxAddr, answer(toBob, "200 OK", ""))
		r.restart(0, func(n *rig) {
			n.change(func(a *tenant.Account) { a.Customer.InCallPing = "callee" })
			n.asks(bob, "INFO", "", aliceAddr, "200 OK")
			n.until(pbxAddr)
			n.until(pbxAddr)
			ping := n.want(pbxAddr, "OPTIONS ")
			if header(ping, "CSeq") != "9 OPTIONS" {
				t.Errorf("CSeq %s after 8", header(ping, "CSeq"))
			}
			n.in(pbxAddr, answer(ping, "200 OK", ""))
			n.ends(alice, pbxAddr)
			n.over(200)
		})
	})
}
