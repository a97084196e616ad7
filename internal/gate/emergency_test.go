package gate_test

import (
	"strings"
	"testing"

	"tollgate/internal/live"
	"tollgate/internal/tenant"
)

// TestEmergencyLimits: emergency calls pass limits that are reached, so many of them at once;
// more are calls like any other. All are counted.
func TestEmergencyLimits(t *testing.T) {
	run(t, false, func(r *rig) {
		r.change(func(a *tenant.Account) {
			a.Customer.CallLimit, a.Customer.CPS = 1, 1
			a.Customer.Emergency = tenant.Emergency{Numbers: []string{"112"}, Group: 1}
		})
		call := func(n int, number string) {
			id := "c" + itoa(n)
			r.in(aliceAddr, strings.NewReplacer("Call-ID: call1", "Call-ID: "+id, "z9hG4bKa1", "z9hG4bK"+id, "sip:3401@", "sip:"+number+"@").Replace(invite))
		}
		call(0, "3401")
		r.want(pbxAddr, "INVITE sip:3401@")
		call(1, "3401")
		r.want(aliceAddr, "SIP/2.0 480 ")
		for n := range 20 {
			call(100+n, "112")
			r.want(pbxAddr, "INVITE sip:112@")
		}
		call(200, "112")
		r.want(aliceAddr, "SIP/2.0 480 ")
		if u := r.live.Usage(live.Scope{Kind: live.Customer, ID: 1}); u.Calls != 21 {
			t.Errorf("%d calls are counted, want 21", u.Calls)
		}
		r.endAll(0)
		if u := r.live.Usage(live.Scope{Kind: live.Emergency, ID: 1}); u.Calls != 0 {
			t.Errorf("%d emergency calls are left", u.Calls)
		}
	})
}

// TestEmergencyFailover: a full switch is not passed over where an emergency call fails over to it.
func TestEmergencyFailover(t *testing.T) {
	everyBackend(t, func(r *rig, settle func()) {
		r.switched(func(_, _, spare *tenant.Switch) { spare.Channels = 1 })
		r.change(func(a *tenant.Account) {
			a.Customer.Emergency = tenant.Emergency{Numbers: []string{"112"}, Group: 1}
		})
		for n, number := range []string{"3401", "112"} {
			r.in(aliceAddr, strings.Replace(inviteOf(n), "sip:3401@", "sip:"+number+"@", 1))
			settle()
			first := r.want(carrierAt, "INVITE ")
			r.in(carrierAt, answer(first, "503 Busy", ""))
			settle()
			r.want(spareAt, "INVITE ")
			r.drain(carrierAt)
		}
		r.wantUsage(2, 0, 2)
		r.endAll(0)
		settle()
	})
}

// TestEmergencyAtOnce: of emergency calls that come at once as many pass limits as may, and the others
// are calls like any other: they are not refused while there is room for such.
func TestEmergencyAtOnce(t *testing.T) {
	for limit, want := range map[int]int{1: 20, 23: 23, 0: 30} {
		everyBackend(t, func(r *rig, settle func()) {
			r.change(func(a *tenant.Account) {
				a.Customer.CallLimit = limit
				a.Customer.Emergency = tenant.Emergency{Numbers: []string{"112"}, Group: 1}
			})
			for n := range 30 {
				r.in(aliceAddr, strings.Replace(inviteOf(n), "sip:3401@", "sip:112@", 1))
			}
			for range 2 {
				settle()
			}
			if u := r.live.Usage(live.Scope{Kind: live.Customer, ID: 1}); u.Calls != want {
				t.Errorf("limit %d: %d calls passed, want %d", limit, u.Calls, want)
			}
			if u := r.live.Usage(live.Scope{Kind: live.Emergency, ID: 1}); u.Calls != 20 {
				t.Errorf("limit %d: %d passed as urgent, want 20", limit, u.Calls)
			}
			r.drain(pbxAddr)
		})
	}
}

// TestEmergencyFailoverBeyond: an emergency call beyond those that pass limits finds a full switch full at
// failover, too.
func TestEmergencyFailoverBeyond(t *testing.T) {
	run(t, false, func(r *rig) {
		r.switched(func(_, _, spare *tenant.Switch) { spare.Channels = 1 })
		r.change(func(a *tenant.Account) {
			a.Customer.Emergency = tenant.Emergency{Numbers: []string{"112"}, Group: 1}
		})
		for n := range 22 {
			r.in(aliceAddr, strings.Replace(inviteOf(n), "sip:3401@", "sip:112@", 1))
			first := r.want(carrierAt, "INVITE ")
			r.in(carrierAt, answer(first, "503 Busy", ""))
			if r.drain(carrierAt); n < 20 {
				r.want(spareAt, "INVITE ")
				continue
			}
			r.nothing(spareAt)
			r.want(pbxAddr, "INVITE ")
		}
		r.wantUsage(22, 0, 20)
		if u := r.live.Usage(live.Scope{Kind: live.Emergency, ID: 1}); u.Calls != 20 {
			t.Errorf("%d passed as urgent, want 20", u.Calls)
		}
	})
}

// TestEmergencyRestart: a restart counts an emergency call where it was counted before.
func TestEmergencyRestart(t *testing.T) {
	for number, want := range map[string]int{"112": 1, "3401": 0} {
		both(t, func(r *rig, _ bool) {
			r.change(func(a *tenant.Account) {
				a.Customer.Emergency = tenant.Emergency{Numbers: []string{"112"}, Group: 1}
			})
			r.in(aliceAddr, strings.Replace(invite, "sip:3401@", "sip:"+number+"@", 1))
			inv := r.want(pbxAddr, "INVITE ")
			r.in(pbxAddr, answer(inv, "200 OK", bobContact))
			alice, _ := dialogOf{inv, r.want(aliceAddr, "SIP/2.0 200 ")}.legs()
			r.in(aliceAddr, alice.next("ACK", ""))
			r.want(pbxAddr, "ACK ")
			r.restart(0, func(n *rig) {
				for _, s := range []struct {
					kind live.ScopeKind
					want int
				}{{live.Emergency, want}, {live.Customer, 1}} {
					if u := n.live.Usage(live.Scope{Kind: s.kind, ID: 1}); u.Calls != s.want {
						t.Errorf("%s: %d are counted at %s after a restart, want %d", number, u.Calls, s.kind, s.want)
					}
				}
				n.ends(alice, pbxAddr)
				if u := n.live.Usage(live.Scope{Kind: live.Emergency, ID: 1}); u.Calls != 0 {
					t.Errorf("%d emergency calls are left", u.Calls)
				}
			})
		})
	}
}
