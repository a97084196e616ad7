package crash

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"tollgate/test/harness"
)

// TestUpgrade: a node under 50 calls a second is told to go, drains, and another takes its
// folder and ports, as an upgrade does. No call that was up is lost; who calls meanwhile gets
// a 503, and who still rings at the end a final answer.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	node := harness.Start(t)
	s := newStorm(t, node, seed)
	s.long = 5
	bells := newBells(t, node, s)

	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.blow(ctx)
	}()
	err := until(func() error {
		if s.seen.Load() < 1000 {
			return errors.New("too few messages pass")
		}
		return nil
	})
	node.Signal(t, syscall.SIGTERM)
	err = errors.Join(err, s.drained(), bells.ring())
	if code := node.Exited(20 * time.Second); code != 0 {
		err = errors.Join(err, fmt.Errorf("the node drained for 20 s, and ended with %d", code))
	}
	stop()
	<-ended
	if err = errors.Join(err, bells.silent()); err != nil {
		t.Fatal(err)
	}
	t.Logf("the next node was ready in %v", up(t, node).Round(time.Millisecond))
	if err := errors.Join(s.settle(), bells.after(), s.check()); err != nil {
		t.Fatal(err)
	}
	noneLeft(t, node)
}

// drained waits until new calls are refused, and holds that they get a 503.
func (s *storm) drained() error {
	return until(func() error {
		refused := dial(s.callers[0], "sip:bob@"+s.tenants[0].domain, false)
		status, err := refused.invite.status(context.Background())
		if err == nil && status == 200 {
			err = errors.Join(errors.New("a node that was told to go takes a call"), refused.met(s.tenants[0].pbx), refused.does(caller, "BYE"))
		} else if err == nil && status != 503 {
			err = fmt.Errorf("a draining node refuses with %d", status)
		}
		return err
	})
}

// bells are calls that ring when the node is told to go: some are answered while it drains,
// some never.
type bells struct {
	c               *tenant
	answered, never []*talk
}

func newBells(t *testing.T, node *harness.Node, s *storm) *bells {
	t.Helper()
	b := &bells{c: newTenant(t, node, "bells", "udp", true, 0)}
	b.c.pbx.rings()
	node.Apply(t, s.tenants[0].Customer, s.tenants[1].Customer, b.c.Customer)
	from := b.c.caller(node, "udp", "outbells")
	for i := range 8 {
		call := dial(from, "sip:bob@"+b.c.domain, false)
		if err := until(func() error { return call.met(b.c.pbx) }); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			b.answered = append(b.answered, call)
		} else {
			b.never = append(b.never, call)
		}
	}
	return b
}

// ring has some calls answered, which so are up.
func (b *bells) ring() error {
	return each(len(b.answered), 4, func(i int) error {
		b.answered[i].b.answers()
		return b.answered[i].upAt(b.c.pbx)
	})
}

// silent holds that those who were not answered got a 503 and ring no more.
func (b *bells) silent() error {
	return each(len(b.never), 4, func(i int) error {
		if err := b.never[i].invite.want(503); err != nil {
			return fmt.Errorf("at the end of the drain: %w", err)
		}
		if !state(b.never[i].b, func(l *leg) bool { return l.ended }) {
			return errors.New("the drain is over, the caller has his 503 and the callee still rings")
		}
		return nil
	})
}

// after ends the calls that were answered in the drain.
func (b *bells) after() error {
	return each(len(b.answered), 4, func(i int) error { return b.answered[i].does(side(i%2 == 0), "BYE") })
}
