package crash

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tollgate/test/harness"
)

// ballast is calls that stand and talk so much that the journal has to begin anew, which
// their number makes long.
type ballast struct {
	c     *tenant
	from  *party
	calls []*talk
}

// TestKillAtCheckpoint kills the node whenever its journal begins anew under load: what comes, goes
// and stands meanwhile is known after.
func TestKillAtCheckpoint(t *testing.T) {
	t.Parallel()
	rounds := 2
	if harness.Soak() {
		rounds = 30
	}
	node := harness.Start(t)
	s := newStorm(t, node, seed+1)
	b := newBallast(t, node, s)
	for round := range rounds {
		b.until(s)
		up(t, node)
		b.from.nudge()
		b.c.pbx.nudge()
		if err := errors.Join(s.settle(), until(b.from.idle), until(b.c.pbx.idle)); err != nil {
			t.Fatalf("round %d: %v", round+1, err)
		}
		if err := errors.Join(s.check(), b.stands()); err != nil {
			t.Fatalf("round %d: %v", round+1, err)
		}
		allListed(t, node, b.calls)
	}
}

func newBallast(t *testing.T, node *harness.Node, s *storm) *ballast {
	t.Helper()
	b := &ballast{c: newTenant(t, node, "ballast", "udp", true, 0), calls: make([]*talk, 400)}
	node.Apply(t, s.tenants[0].Customer, s.tenants[1].Customer, b.c.Customer)
	b.from = b.c.caller(node, "udp", "out"+strings.Repeat("long", 100)) // names that make records long
	if err := each(len(b.calls), 16, func(i int) (err error) {
		b.calls[i], err = b.c.place(b.from, false)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return b
}

// stands holds all calls to be there.
func (b *ballast) stands() error {
	return each(len(b.calls), 16, func(i int) error { return b.calls[i].does(side(i%2 == 0), "OPTIONS") })
}

// until lets the storm blow and the ballast talk until the journal begins a segment, and kills the
// node then.
func (b *ballast) until(s *storm) {
	ctx, stop := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { s.blow(ctx) })
	var turn atomic.Int64
	for range 16 {
		group.Go(func() {
			for ctx.Err() == nil {
				n := int(turn.Add(1))
				if _, err := b.calls[n%len(b.calls)].asks(side(n%2 == 0), "OPTIONS").status(ctx); err != nil && ctx.Err() == nil {
					s.t.Error(err)
				}
			}
		})
	}
	was := newestName(s.t, s.node)
	for deadline := time.Now().Add(harness.Ready); newestName(s.t, s.node) == was; { // as tight as can be
		if time.Now().After(deadline) {
			s.t.Errorf("no segment was begun within %v of load", harness.Ready)
			break
		}
	}
	kill(s.t, s.node)
	stop()
	group.Wait()
}

func newestName(t testing.TB, node *harness.Node) string {
	files := segments(t, node)
	return files[len(files)-1]
}
