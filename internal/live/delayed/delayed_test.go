package delayed_test

import (
	"testing"
	"testing/synctest"
	"time"

	"tollgate/internal/live"
	"tollgate/internal/live/delayed"
	"tollgate/internal/live/livetest"
	"tollgate/internal/live/memory"
)

func TestConformance(t *testing.T) {
	for seed := range uint64(3) {
		livetest.Run(t, func() live.Live { return delayed.New(memory.New(), 40*time.Millisecond, seed) })
	}
}

// times is a Waiter that notes when each answer came.
type times chan time.Time

func (c times) Reserved(uint64, live.Outcome) { c <- time.Now() }

// TestPipelined: answers come late and in order, and a hundred take no longer than one.
func TestPipelined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 40 * time.Millisecond
		l := delayed.New(memory.New(), most, 1)
		defer l.Close()
		answers := make(times, 100)
		start := time.Now()
		for i := range 100 {
			r := live.Reservation{Call: live.CallID{byte(i)}}
			if _, now := l.Reserve(&r, answers, uint64(i)); now {
				t.Fatal("answered at once")
			}
		}
		last := start
		for range 100 {
			at := <-answers
			if at.Before(last) {
				t.Fatal("answered out of order")
			}
			last = at
		}
		if took := last.Sub(start); took > most || took == 0 {
			t.Fatalf("the last answer took %v", took)
		}
	})
}
