package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tollgate/test/harness"
)

// storm is a load of calls and registrations that a kill may cut off anywhere.
type storm struct {
	t       testing.TB
	node    *harness.Node
	tenants []*tenant // one plain, one hidden
	callers []*party  // of each tenant
	phones  []*party  // of each tenant
	lines   [][]*line
	seen    *atomic.Int64 // messages that came anywhere
	r       *rand.Rand    // of the goroutine that starts things

	long int // one call in so many talks for a minute; 0: none

	mu    sync.Mutex
	calls []*conversation
}

// conversation is a call of the storm, and where its callee is.
type conversation struct {
	*talk
	callee *party
}

const (
	pace   = 20 * time.Millisecond // between calls: 50 a second
	places = 90                    // of a tenant; the storm needs far fewer
)

// newStorm prepares two customers, callers and phones on a node that runs.
func newStorm(t testing.TB, node *harness.Node, seed uint64) *storm {
	t.Helper()
	s := &storm{t: t, node: node, seen: new(atomic.Int64), r: rand.New(rand.NewPCG(seed, 7))}
	for _, hidden := range []bool{false, true} {
		id := map[bool]string{false: "bright", true: "dark"}[hidden]
		c := newTenant(t, node, id, "udp", hidden, places)
		from, phones := c.caller(node, "udp", "out"+id), c.caller(node, "udp", "outphone"+id)
		var lines []*line
		for i := range 20 {
			lines = append(lines, &line{p: phones, user: fmt.Sprintf("phone%d", i), domain: c.domain})
		}
		s.tenants, s.callers = append(s.tenants, c), append(s.callers, from)
		s.phones, s.lines = append(s.phones, phones), append(s.lines, lines)
	}
	for _, p := range s.parties() {
		p.counts(s.seen)
	}
	node.Apply(t, s.tenants[0].Customer, s.tenants[1].Customer)
	return s
}

func (s *storm) parties() []*party {
	list := append(append([]*party(nil), s.callers...), s.phones...)
	for _, c := range s.tenants {
		list = append(list, c.pbx)
	}
	return list
}

// blow lets calls and registrations come until ctx ends, and leaves them as they are then.
func (s *storm) blow(ctx context.Context) {
	var group sync.WaitGroup
	defer group.Wait()
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		c := s.start()
		talking := time.Duration(50+s.r.IntN(700)) * time.Millisecond
		if s.long > 0 && s.r.IntN(s.long) == 0 {
			talking = time.Minute
		}
		middle, last := side(s.r.IntN(2) == 0), side(s.r.IntN(2) == 0)
		method := []string{"", "", "OPTIONS", "INVITE"}[s.r.IntN(4)]
		group.Go(func() { s.lead(ctx, c, talking, middle, method, last) })
		if err := s.register(); err != nil {
			s.t.Error(err)
		}
	}
}

// start begins a call: mostly from outside, sometimes from the PBX to one of its phones.
func (s *storm) start() *conversation {
	n := s.r.IntN(2)
	tenant, from, to, uri := s.tenants[n], s.callers[n], s.tenants[n].pbx, "sip:bob@"+s.tenants[n].domain
	if l := s.lines[n][s.r.IntN(len(s.lines[n]))]; l.bound && s.r.IntN(4) == 0 {
		from, to, uri = tenant.pbx, l.p, tenant.pbx.tokenOf(l.aor())
	}
	c := &conversation{dial(from, uri, s.r.IntN(3) == 0), to}
	s.mu.Lock()
	s.calls = append(s.calls, c)
	s.mu.Unlock()
	return c
}

// lead has a conversation; where ctx ends it stands as it is.
func (s *storm) lead(ctx context.Context, c *conversation, talking time.Duration, middle side, method string, last side) {
	err := s.setUp(ctx, c)
	if err == nil {
		err = pause(ctx, talking/2)
	}
	if err == nil && method != "" {
		_, err = c.asks(middle, method).status(ctx)
	}
	if err == nil {
		err = pause(ctx, talking/2)
	}
	if err == nil {
		_, err = c.asks(last, "BYE").status(ctx)
	}
	if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, errNoCall) {
		s.t.Error(err)
	}
}

var errNoCall = errors.New("refused, as may be")

func (s *storm) setUp(ctx context.Context, c *conversation) error {
	switch status, err := c.invite.status(ctx); {
	case err != nil:
		return err
	case status == 480 || status == 482 || status == 503: // a phone that is gone, a merged request, a drain
		return errNoCall
	case status != 200:
		return fmt.Errorf("a call was refused with %d", status)
	}
	return c.met(c.callee)
}

// pause lets a party think for a while.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// register has one phone register, refresh or un-register.
func (s *storm) register() error {
	n := s.r.IntN(2)
	l := s.lines[n][s.r.IntN(len(s.lines[n]))]
	if l.asking != nil {
		select {
		case <-l.asking.done:
		default:
			return nil // still at it
		}
		if err := l.settle(); err != nil {
			return err
		}
	}
	l.asks([]int{300, 300, 300, 0}[s.r.IntN(4)])
	return nil
}

// settle has everybody send again what was not answered, and waits until all of it is.
// INVITEs that a dead node has answered with a 1xx are given up: nobody knows them.
func (s *storm) settle() error {
	for _, p := range s.parties() {
		p.giveUp()
		p.nudge()
	}
	for _, p := range s.parties() {
		if err := within(20*time.Second, p.idle); err != nil {
			return err
		}
	}
	for _, l := range append(append([]*line(nil), s.lines[0]...), s.lines[1]...) {
		if err := l.settle(); err != nil {
			return err
		}
	}
	return nil
}

// check holds what must be true after any number of kills: what stood stands, what has ended holds
// no place. It ends all calls.
func (s *storm) check() error {
	calls, up := s.calls, atomic.Int64{}
	s.calls = nil
	err := each(len(calls), 16, func(i int) error {
		alive, err := calls[i].check(i)
		if alive {
			up.Add(1)
		}
		return err
	})
	if err != nil {
		return err
	}
	for n, c := range s.tenants {
		err := each(len(s.lines[n]), 8, func(i int) error { return s.lines[n][i].reached(c.pbx) })
		if err != nil {
			return err
		}
		if err := c.full(s.callers[n], places); err != nil {
			return err
		}
	}
	s.t.Logf("%d calls, %d of them up, live on", len(calls), up.Load())
	for _, p := range s.parties() {
		p.forget()
	}
	return nil
}

// check holds a call to be what its ACK and BYE said, and ends it.
func (c *conversation) check(i int) (alive bool, err error) {
	if c.met(c.callee) != nil {
		return false, nil // it never came so far
	}
	ended := func(l *leg) bool { return l.ended }
	a, b := state(c.a, ended), state(c.b, ended)
	answered, acked := state(c.a, func(l *leg) bool { return l.accepted }), state(c.b, func(l *leg) bool { return l.confirmed })
	switch {
	case !answered || !acked && (a || b):
		return false, c.drop()
	case a != b:
		return false, fmt.Errorf("%w: it has ended for one side only (caller %t, callee %t)\n%s", errLost, a, b, c.tells())
	case a:
		return false, nil
	case !acked: // the ACK died with the node: the callee gives up, and the caller hears of it
		if err := c.does(callee, "BYE"); err != nil {
			return false, fmt.Errorf("%w: it was answered: %w\n%s", errLost, err, c.tells())
		}
		return false, nil
	}
	if method := []string{"OPTIONS", "INVITE", ""}[i%3]; method != "" {
		err = c.does(side(i%2 == 0), method)
	}
	if err == nil {
		err = c.does(side(i/2%2 == 0), "BYE")
	}
	if err != nil {
		err = fmt.Errorf("%w: %w\n%s", errLost, err, c.tells())
	}
	return true, err
}

// drop ends what is left of a call that never came about: a callee whose 200 brings no ACK
// gives up (RFC 3261 13.3.1.4), and so does a caller who does not hear of it.
func (c *conversation) drop() error {
	for _, l := range []*leg{c.b, c.a} {
		if state(l, func(l *leg) bool { return l.ended || !l.accepted }) {
			continue
		}
		if _, err := l.asks("BYE").status(context.Background()); err != nil {
			return err
		}
	}
	return nil
}
