package transport

import (
	"testing"
	"time"

	"tollgate/internal/overload"
)

// TestMildThinningEnds: a flood of which most is let through is over as soon as nothing had to be dropped, as a heavy one is.
func TestMildThinningEnds(t *testing.T) {
	for _, keep := range []float64{0.5, 0.7, 0.72, 0.85, 0.99} {
		th := thinning{fd: -1, hogs: []hog{{share: 7, keep: keep}}}
		now := time.Unix(1, 0)
		th.turn(now)
		if th.turn(now.Add(window)) {
			t.Errorf("after a window without a drop %.2f of a share is let through, of which it was %.2f", th.hogs[0].keep, keep)
		}
	}
}

// TestThinningEnds: a second after the last request that had to be dropped nothing is thinned any more, however
// often or seldom the reader gets to look.
func TestThinningEnds(t *testing.T) {
	for _, every := range []time.Duration{window, 300 * time.Millisecond, time.Second} {
		th := thinning{fd: -1}
		now := time.Unix(1, 0)
		th.turn(now)
		rank := overload.Rank{Class: overload.Invite, Share: 7, ByHost: true}
		look := overload.Look{Method: overload.INVITE, Host: []byte("flooded.example")}
		for range 20 {
			for i := range 50_000 {
				th.note(&rank, &look, &Flow{}, i < 20)
			}
			now = now.Add(window)
			th.turn(now)
		}
		if len(th.hogs) != 1 || th.hogs[0].keep > 0.01 {
			t.Fatalf("the flood is not thinned: %+v", th.hogs)
		}
		for over := now; len(th.hogs) > 0; th.turn(now) {
			if now = now.Add(every); now.Sub(over) > 1600*time.Millisecond {
				t.Errorf("looked at every %v: %v after the flood one of %.0f is let through", every, now.Sub(over), 1/th.hogs[0].keep)
				break
			}
		}
	}
}
