package gate_test

import (
	"testing"
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/policy"
)

// TestEndIsTold: a call's end is on record within a second of the BYE, answered or not,
// once, with the time of the BYE.
func TestEndIsTold(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		d := r.establish()
		r.wait(10 * time.Second)
		r.in(aliceAddr, r.byAlice(d, "BYE", 8, "a3"))
		bye := r.want(pbxAddr, "BYE ")
		if len(r.ended) != 0 {
			t.Fatal("told before the answer was waited for")
		}
		r.wait(time.Second)
		if len(r.ended) != 1 || r.ended[0].By != dialog.Caller || r.ended[0].Duration.Round(100*time.Millisecond) != 10*time.Second {
			t.Fatalf("%+v", r.ended)
		}
		if ended := r.ended[0].Started.Add(r.ended[0].Setup + r.ended[0].Duration); time.Since(ended).Round(100*time.Millisecond) != time.Second {
			t.Errorf("ended at %v, now is %v", ended, time.Now())
		}
		// Too late for a challenge: else the two would talk on, and nobody counts it.
		r.in(pbxAddr, answer(bye, "407 Proxy Authentication Required", ""))
		r.drain(pbxAddr)
		r.want(aliceAddr, "SIP/2.0 407 ")
		r.over(200)
	})
}

// TestByeIsChallenged: in time, and the call goes on until the BYE that is accepted.
func TestByeIsChallenged(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		d := r.establish()
		r.in(aliceAddr, r.byAlice(d, "BYE", 8, "a3"))
		r.in(pbxAddr, answer(r.want(pbxAddr, "BYE "), "407 Proxy Authentication Required", ""))
		r.want(aliceAddr, "SIP/2.0 407 ")
		r.wait(20 * time.Second)
		if len(r.ended) != 0 || r.calls.Live() != 1 {
			t.Fatalf("live %d, ended %+v", r.calls.Live(), r.ended)
		}
		r.in(aliceAddr, r.byAlice(d, "BYE", 9, "a4"))
		r.in(pbxAddr, answer(r.want(pbxAddr, "BYE "), "200 OK", ""))
		r.want(aliceAddr, "SIP/2.0 200 ")
		if len(r.ended) != 1 || r.ended[0].Duration < 19*time.Second {
			t.Errorf("%+v", r.ended)
		}
		r.over(200)
	})
}

// TestOwnByeIsTold: at once, while neither side has answered our BYEs.
func TestOwnByeIsTold(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.establish()
		r.endAll(policy.HungUp)
		toAlice, toBob := r.want(aliceAddr, "BYE "), r.want(pbxAddr, "BYE ")
		if len(r.ended) != 1 || r.ended[0].Reason != policy.HungUp {
			t.Fatalf("%+v", r.ended)
		}
		r.in(aliceAddr, answer(toAlice, "200 OK", ""))
		r.in(pbxAddr, answer(toBob, "200 OK", ""))
		r.over(200)
	})
}
