package gate_test

import (
	"strings"
	"testing"
	"time"

	"tollgate/internal/live"
	"tollgate/internal/live/delayed"
	"tollgate/internal/live/memory"
)

// later runs a test plain and hidden over a backend that answers after up to 40 ms.
func later(t *testing.T, f func(r *rig, hidden bool)) {
	for _, hidden := range []bool{false, true} {
		runOver(t, hidden, func() live.Live { return delayed.New(memory.New(), 40*time.Millisecond, 1) }, func(r *rig) { f(r, hidden) })
	}
}

// asked gives the backend the time that it takes at most.
func (r *rig) asked() { r.wait(45 * time.Millisecond) }

// TestParked: a call that waits for its place absorbs retransmissions, then goes its way.
func TestParked(t *testing.T) {
	later(t, func(r *rig, _ bool) {
		r.in(aliceAddr, invite)
		r.in(aliceAddr, invite)
		r.nothing(pbxAddr)
		r.asked()
		inv := r.want(pbxAddr, "INVITE ")
		r.nothing(pbxAddr)
		r.in(pbxAddr, answer(inv, "200 OK", bobContact))
		d := dialogOf{inv, r.want(aliceAddr, "SIP/2.0 200 ")}
		r.in(aliceAddr, r.byAlice(d, "ACK", 7, "a2"))
		r.want(pbxAddr, "ACK ")
		r.in(aliceAddr, r.byAlice(d, "BYE", 8, "a3"))
		r.in(pbxAddr, answer(r.want(pbxAddr, "BYE "), "200 OK", ""))
		r.want(aliceAddr, "SIP/2.0 200 ")
		r.asked()
		r.over(200)
	})
}

// TestCancelWhileParked: 487 at once, nothing goes out, and the place that comes later
// is given back.
func TestCancelWhileParked(t *testing.T) {
	later(t, func(r *rig, _ bool) {
		r.in(aliceAddr, invite)
		r.in(aliceAddr, cancel())
		r.want(aliceAddr, "SIP/2.0 200 ")
		r.want(aliceAddr, "SIP/2.0 487 ")
		r.in(aliceAddr, ackOf(invite))
		r.asked()
		r.asked() // the release waits its turn, too
		r.nothing(pbxAddr)
		if u := r.live.Usage(live.Scope{Kind: live.Customer, ID: 1}); u.Calls != 0 || r.calls.Live() != 0 {
			t.Errorf("%d places, %d calls are left", u.Calls, r.calls.Live())
		}
		r.empty()
	})
}

// TestParkedRefused: the limit's answer comes late, through the transaction.
func TestParkedRefused(t *testing.T) {
	later(t, func(r *rig, _ bool) {
		var ids []string
		for i := range 4 {
			id := strings.NewReplacer("call1", "call1"+itoa(i), "z9hG4bKa1", "z9hG4bKa1"+itoa(i)).Replace(invite)
			ids = append(ids, id)
			r.in(aliceAddr, id)
		}
		for range 4 {
			r.asked()
		}
		r.want(aliceAddr, "SIP/2.0 480 ")
		if r.calls.Live() != 3 {
			t.Fatalf("%d calls, want 3", r.calls.Live())
		}
		for _, id := range ids {
			r.in(aliceAddr, ackOf(id)) // only the refused one waits for it
			r.in(aliceAddr, cancelOf(id))
		}
		r.wait(2 * time.Minute)
		if u := r.live.Usage(live.Scope{Kind: live.Customer, ID: 1}); u.Calls != 0 || r.calls.Live() != 0 {
			t.Errorf("%d places, %d calls are left", u.Calls, r.calls.Live())
		}
		r.empty()
	})
}

// TestDrainWhileParked: what passed before the drain began goes on.
func TestDrainWhileParked(t *testing.T) {
	later(t, func(r *rig, _ bool) {
		r.in(aliceAddr, invite)
		r.gate.Drain()
		r.asked()
		inv := r.want(pbxAddr, "INVITE ")
		r.in(aliceAddr, strings.NewReplacer("call1", "call2", "z9hG4bKa1", "z9hG4bKa2").Replace(invite))
		r.want(aliceAddr, "SIP/2.0 503 ")
		r.in(pbxAddr, answer(inv, "486 Busy Here", ""))
		r.want(aliceAddr, "SIP/2.0 486 ")
		r.in(aliceAddr, ackOf(invite))
		r.asked()
		r.over(486)
	})
}
