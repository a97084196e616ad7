package edge

import (
	"context"
	"time"
)

// whenDue does what is due when the time that next gives has come, until ctx ends. next gives zero where
// nothing will be due, and is asked again when something comes through again, and so long after do as that says.
func whenDue(ctx context.Context, again <-chan struct{}, next func() time.Time, do func() time.Duration) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-again:
		case <-timer.C:
		}
		timer.Stop()
		at := next()
		if at.IsZero() {
			continue
		}
		if left := time.Until(at); left > 0 {
			timer.Reset(left)
			continue
		}
		timer.Reset(do())
	}
}
