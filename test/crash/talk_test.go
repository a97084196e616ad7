package crash

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
)

// tenant is a customer with its PBX.
type tenant struct {
	harness.Customer
	domain string
	pbx    *party
}

// newTenant opens a PBX and names a customer after it; Apply makes it known.
func newTenant(t testing.TB, node *harness.Node, id, proto string, hidden bool, limit int) *tenant {
	t.Helper()
	pbx := open(t, node, proto, "wpbx"+id+"w")
	c := &tenant{pbx: pbx, domain: id + ".test"}
	c.Customer = harness.Customer{
		Name: id, Domains: []string{c.domain}, Hidden: hidden,
		Destinations: []harness.Destination{{Addr: pbx.addr, Proto: proto}},
		Extra:        fmt.Sprintf("call_limit: %d\n", limit),
	}
	return c
}

// caller opens a party that calls the customer. No identifier of the edge has a w, as marks have.
func (c *tenant) caller(node *harness.Node, proto, id string) *party {
	p := open(c.pbx.t, node, proto, "w"+id+"w")
	if c.Hidden {
		p.hides("wpbx", c.pbx.addr.Addr().String())
		c.pbx.hides(p.mark, p.addr.Addr().String())
	}
	return p
}

// talk is a call, both sides of it.
type talk struct {
	a, b   *leg
	invite *request
}

// serial counts calls and what is asked in them.
var serial atomic.Int64

// unique is a name that nothing else has.
func unique(kind string) string { return fmt.Sprintf("%s-%d", kind, serial.Add(1)) }

// dial starts a call; with proxies both sides stand behind one of their own.
func dial(from *party, uri string, proxies bool) *talk {
	call, record := unique("call"), ""
	var opts []opt
	if proxies {
		record = from.behindProxy()
		opts = append(opts, peer.With("X-Proxy", "yes"))
	}
	c := &talk{}
	c.a, c.invite = from.invites(call, uri, "sip:"+unique("u")+"@out.invalid", record, opts...)
	return c
}

// met finds the callee's side, which is there once the call was answered.
func (c *talk) met(at *party) error {
	at.mu.Lock()
	defer at.mu.Unlock()
	if c.b = at.calls[c.a.call]; c.b == nil {
		return fmt.Errorf("%s knows nothing of %s, which was answered", at.mark, c.a.call)
	}
	return nil
}

// place makes a call that is up on both sides, its ACK passed on.
func (c *tenant) place(from *party, proxies bool) (*talk, error) {
	call := dial(from, "sip:bob@"+c.domain, proxies)
	return call, call.upAt(c.pbx)
}

// upAt waits until the call is up.
func (c *talk) upAt(callee *party) error {
	if err := c.invite.want(200); err != nil {
		return err
	}
	if err := c.met(callee); err != nil {
		return err
	}
	return until(func() error {
		if !state(c.b, func(l *leg) bool { return l.confirmed }) {
			return fmt.Errorf("the ACK of %s has not come", c.a.call)
		}
		return nil
	})
}

// side says who sends.
type side bool

const (
	caller side = false
	callee side = true
)

// asks sends a request of the call.
func (c *talk) asks(who side, method string, opts ...opt) *request {
	from := c.a
	if who == callee {
		from = c.b
	}
	if method == "INVITE" {
		opts = append(opts, peer.Body("application/sdp", offer))
	}
	return from.asks(method, append(opts, peer.With(name, unique(method)))...)
}

// does sends a request of the call, which must reach the other side and be answered by it.
func (c *talk) does(who side, method string) error {
	to := c.b
	if who == callee {
		to = c.a
	}
	r := c.asks(who, method)
	op := r.msg.Get(name)
	if err := r.want(200); err != nil {
		return err
	}
	if !state(to, func(l *leg) bool { return l.ops[op] }) {
		return fmt.Errorf("%s was answered 200, and %s never saw it", op, to.p.mark)
	}
	if method != "INVITE" {
		return nil
	}
	return until(func() error {
		if state(to, func(l *leg) bool { return l.ok != nil }) {
			return fmt.Errorf("the ACK of %s has not come", op)
		}
		return nil
	})
}

// moves has a party go on at another Contact (RFC 3261 12.2.1.1: a target refresh).
func (c *talk) moves(who side) error {
	l := c.a
	if who == callee {
		l = c.b
	}
	l.p.mu.Lock()
	l.contact = l.p.token("c")
	l.p.mu.Unlock()
	return c.does(who, "INVITE")
}

// until polls until cond holds, and gives its last complaint.
func until(cond func() error) error {
	return within(peer.Patience, cond)
}

func within(patience time.Duration, cond func() error) error {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for tick := time.NewTicker(2 * time.Millisecond); ; {
		err := cond()
		if err == nil {
			tick.Stop()
			return nil
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			tick.Stop()
			return fmt.Errorf("not within %v: %w", patience, err)
		}
	}
}

// full holds that a customer has so many places left and no more, and gives them back.
func (c *tenant) full(from *party, places int) error {
	calls := make([]*talk, places)
	err := each(places, 16, func(i int) (err error) {
		calls[i], err = c.place(from, false)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s has not the %d places left that it must have: %w", c.Name, places, err)
	}
	if err := dial(from, "sip:bob@"+c.domain, false).invite.want(480); err != nil {
		return fmt.Errorf("%s has more than %d places: %w", c.Name, places, err)
	}
	return each(places, 16, func(i int) error { return calls[i].does(side(i%2 == 0), "BYE") })
}

// refused is what a call is told that must not be.
func (c *tenant) refused(from *party, status int) error {
	return dial(from, "sip:bob@"+c.domain, false).invite.want(status)
}

var errLost = errors.New("a call that was up is lost")
