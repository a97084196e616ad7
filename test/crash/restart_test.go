package crash

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"tollgate/test/harness"
)

// TestRestart: a thousand calls outlive the node, plain and hidden, over UDP and TCP, whether
// it was killed or told to go at once.
func TestRestart(t *testing.T) {
	t.Parallel()
	for _, hidden := range []bool{false, true} {
		for _, how := range []struct {
			name string
			end  func(*testing.T, *harness.Node)
		}{
			{"SIGKILL", func(t *testing.T, n *harness.Node) { kill(t, n) }},
			{"SIGTERM twice", terminate},
		} {
			t.Run(fmt.Sprintf("%s/%s", map[bool]string{false: "plain", true: "hidden"}[hidden], how.name), func(t *testing.T) {
				restart(t, hidden, how.end)
			})
		}
	}
}

// terminate asks the node to end, and then not to wait for its calls.
func terminate(t *testing.T, node *harness.Node) {
	t.Helper()
	size := node.LogSize()
	node.Signal(t, syscall.SIGTERM)
	harness.Eventually(t, harness.Stopping, func() error { // two that come together may arrive as one
		if node.LogSince(size, "draining") == "" {
			return errors.New("a node that was told to go does not drain")
		}
		return nil
	})
	node.Signal(t, syscall.SIGTERM)
	if code := node.Exited(harness.Stopping); code != 0 {
		t.Errorf("a node that was told to go twice: exit %d", code)
	}
}

// crowd is so many calls of a party to a customer.
type crowd struct {
	c     *tenant
	from  *party
	calls int
}

func restart(t *testing.T, hidden bool, end func(*testing.T, *harness.Node)) {
	node := harness.Start(t)
	near := newTenant(t, node, "near", "udp", hidden, 800)
	far := newTenant(t, node, "far", "tcp", hidden, 200)
	node.Apply(t, near.Customer, far.Customer)
	behindNAT := near.caller(node, "tcp", "outnat")
	behindNAT.beDeaf()
	crowds := []crowd{
		{near, near.caller(node, "udp", "outone"), 350},
		{near, near.caller(node, "udp", "outtwo"), 300},
		{near, near.caller(node, "tcp", "outtcp"), 100},
		{near, behindNAT, 50},
		{far, far.caller(node, "udp", "outudp"), 100},
		{far, far.caller(node, "tcp", "outfar"), 100},
	}
	calls, err := gather(crowds)
	if err != nil {
		t.Fatal(err)
	}
	end(t, node)
	t.Logf("started again with %d calls in %v", len(calls), up(t, node).Round(time.Millisecond))

	allListed(t, node, calls)
	for _, c := range []*tenant{near, far} {
		if err := c.refused(crowds[0].from, 480); err != nil {
			t.Errorf("the calls of before the restart fill the limit of %s: %v", c.Name, err)
		}
	}
	if err := each(len(calls), 32, func(i int) error { return livesOn(i, calls[i]) }); err != nil {
		t.Fatal(err)
	}
	oneGoesOneComes(t, near, crowds[0].from, calls[0])
	if err := each(len(calls)-1, 32, func(i int) error { return calls[i+1].does(side(i%2 == 0), "BYE") }); err != nil {
		t.Fatal(err)
	}
	noneLeft(t, node)
	if err := far.full(crowds[4].from, 200); err != nil {
		t.Error(err)
	}
}

// gather places all calls, some of whose parties have moved since.
func gather(crowds []crowd) ([]*talk, error) {
	var calls []*talk
	for _, g := range crowds {
		placed := make([]*talk, g.calls)
		err := each(g.calls, 32, func(i int) (err error) {
			if placed[i], err = g.c.place(g.from, i%3 == 0); err == nil && i%4 == 1 {
				err = placed[i].moves(side(i%8 == 1))
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		calls = append(calls, placed...)
	}
	return calls, nil
}

// allListed holds `tollgate calls` to list these calls, all of them up.
func allListed(t *testing.T, node *harness.Node, calls []*talk) {
	t.Helper()
	list := listed(t, node)
	if len(list) != len(calls) {
		t.Errorf("`tollgate calls` lists %d calls, %d are up", len(list), len(calls))
	}
	for _, c := range calls {
		if list[c.a.id] != "up" {
			t.Fatalf("`tollgate calls` says %q of %s", list[c.a.id], c.a.id)
		}
	}
}

// noneLeft holds that no call is listed any more.
func noneLeft(t *testing.T, node *harness.Node) {
	t.Helper()
	harness.Eventually(t, harness.Soon, func() error {
		if list := listed(t, node); len(list) > 0 {
			return fmt.Errorf("all calls have ended and %d are listed: %.400s", len(list), fmt.Sprint(list))
		}
		return nil
	})
}

// livesOn sends requests of both sides, in an order that differs from call to call. Who
// takes no connections speaks first: nobody else can find it.
func livesOn(i int, c *talk) error {
	first := side(i%2 == 0)
	if c.a.p.deaf {
		first = caller
	}
	methods := [...]string{"OPTIONS", "INVITE", "INFO"}
	if err := c.does(first, methods[i%3]); err != nil {
		return err
	}
	return c.does(!first, methods[(i+1)%3])
}

// oneGoesOneComes: a place is free when a call has ended, and not before; then there is one.
func oneGoesOneComes(t *testing.T, c *tenant, from *party, last *talk) {
	t.Helper()
	if err := last.does(callee, "BYE"); err != nil {
		t.Fatal(err)
	}
	next, err := c.place(from, false)
	if err != nil {
		t.Fatalf("a call has ended, and its place is not free: %v", err)
	}
	if err := c.refused(from, 480); err != nil {
		t.Errorf("one call has ended and two came in its place: %v", err)
	}
	if err := next.does(caller, "BYE"); err != nil {
		t.Error(err)
	}
}
