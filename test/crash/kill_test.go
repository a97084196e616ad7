package crash

import (
	"context"
	"errors"
	"testing"
	"time"

	"tollgate/test/harness"
)

// seed makes the moments and the mixture of a run that failed repeatable, as far as the
// machine lets it.
const seed = 20261122

// TestKillLoop kills a node again and again under 50 calls a second, with phones registering beside.
// After some kills in a row all that was promised is looked at: no call whose ACK was passed
// on is lost, no binding whose phone has the 200, and no place in a limit.
func TestKillLoop(t *testing.T) {
	t.Parallel()
	kills := 6
	if harness.Soak() {
		kills = 200
	}
	t.Logf("seed %d, %d kills", seed, kills)
	node := harness.Start(t)
	s := newStorm(t, node, seed)
	var slowest time.Duration
	for done := 0; done < kills; {
		for range min(1+s.r.IntN(3), kills-done) {
			s.until(s.moment())
			t.Logf("%s kill %d", time.Now().Format("15:04:05.000"), done+1)
			slowest = max(slowest, up(t, node))
			if err := s.settle(); err != nil {
				t.Fatalf("after kill %d: %v", done+1, err)
			}
			done++
		}
		if err := s.check(); err != nil {
			t.Fatalf("after kill %d: %v", done, err)
		}
		noneLeft(t, node)
	}
	t.Logf("%d kills, the slowest start took %v", kills, slowest.Round(time.Millisecond))
}

// moment is after how many messages a kill comes: some while the node is still at its first.
func (s *storm) moment() int64 {
	if s.r.IntN(4) == 0 {
		return int64(1 + s.r.IntN(20))
	}
	return int64(20 + s.r.IntN(700))
}

// until blows, and kills the node when so many messages have come.
func (s *storm) until(messages int64) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.blow(ctx)
	}()
	enough := s.seen.Load() + messages
	err := within(20*time.Second, func() error {
		if s.seen.Load() < enough {
			return errors.New("too few messages pass")
		}
		return nil
	})
	kill(s.t, s.node)
	stop()
	<-ended
	if err != nil {
		s.t.Fatal(err)
	}
}
