package crash

import (
	"fmt"
	"testing"
	"time"

	"tollgate/test/harness"
)

// fate is what becomes of two parties while the node is down.
type fate struct {
	name  string
	proto string
	comes func(a, b *party)
	most  string // max_call
	lives bool   // the call
	told  side   // of a call that does not: who is there to be told, where one is
	half  bool   // one is
}

// fates are what can become of two parties.
func fates() []fate {
	list := []fate{
		{name: "forgotten", proto: "udp", comes: func(a, b *party) { a.forget(); b.forget() }},
		{name: "callerforgot", proto: "udp", comes: func(a, _ *party) { a.forget() }, half: true, told: callee},
		{name: "calleeforgot", proto: "tcp", comes: func(_, b *party) { b.forget() }, half: true, told: caller},
		{name: "away", proto: "tcp", comes: func(a, b *party) { a.close(); b.close() }},
		{name: "calleraway", proto: "tcp", comes: func(a, _ *party) { a.close() }, lives: true},
		{name: "calleeaway", proto: "tcp", comes: func(_, b *party) { b.close() }, lives: true},
		{name: "callerdumb", proto: "udp", comes: func(a, _ *party) { a.hush() }, lives: true},
		{name: "overlong", proto: "udp", most: "3s", comes: func(_, _ *party) {}, half: true, told: callee},
		{name: "there", proto: "udp", comes: func(_, _ *party) {}, lives: true},
	}
	if harness.Soak() { // 32 s until their silence is certain, and as long for their BYEs
		list = append(list, fate{name: "silent", proto: "udp", comes: func(a, b *party) { a.hush(); b.hush() }})
	}
	return list
}

// TestGone: a call whose parties are gone when the node comes back is found and closed, also
// where just one of them has forgotten it; one that a party still holds lives on.
func TestGone(t *testing.T) {
	t.Parallel()
	patience := 10 * time.Second
	if harness.Soak() {
		patience = 90 * time.Second
	}
	node := harness.Start(t, harness.Settings{Env: []string{"TOLLGATE_TEST_KEEPALIVE=400ms"}})
	var (
		scenes  []*gone
		tenants []harness.Customer
	)
	for _, f := range fates() {
		for _, hidden := range []bool{false, true} {
			s := &gone{fate: f, c: newTenant(t, node, fmt.Sprintf("%s-%t", f.name, hidden), f.proto, hidden, 1)}
			s.c.MaxCall = f.most
			s.from = s.c.caller(node, f.proto, "out"+s.c.Name)
			scenes, tenants = append(scenes, s), append(tenants, s.c.Customer)
		}
	}
	node.Apply(t, tenants...)
	for _, s := range scenes {
		var err error
		if s.call, err = s.c.place(s.from, false); err != nil {
			t.Fatal(err)
		}
	}
	kill(t, node)
	for _, s := range scenes {
		s.comes(s.from, s.c.pbx)
	}
	up(t, node)
	for _, s := range scenes {
		if err := s.asked(); err != nil {
			t.Errorf("%s: %v", s.c.Name, err)
		}
	}
	harness.Eventually(t, patience, func() error { return onlyLiving(t, node, scenes) })
	for _, s := range scenes {
		if err := s.after(node); err != nil {
			t.Errorf("%s: %v", s.c.Name, err)
		}
	}
}

// gone is a call and the fate of its parties.
type gone struct {
	fate
	c    *tenant
	from *party
	call *talk
}

// asked waits until who is there and knows the call was asked about it.
func (s *gone) asked() error {
	for _, l := range []*leg{s.call.a, s.call.b} {
		err := until(func() error {
			if l.p.legOf(l.id) != nil && !l.p.absent() && !state(l, func(l *leg) bool { return l.ops[""] }) {
				return fmt.Errorf("%s was not asked about its call", l.p.mark)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// onlyLiving holds the list of calls to be those that somebody still has.
func onlyLiving(t *testing.T, node *harness.Node, scenes []*gone) error {
	list := listed(t, node)
	for _, s := range scenes {
		if _, there := list[s.call.a.id]; there != s.lives {
			return fmt.Errorf("%s: the call is listed: %t", s.c.Name, there)
		}
	}
	return nil
}

// after looks at what is left: who lives was told of the end, a call that lives still works, and
// what is closed holds no place.
func (s *gone) after(node *harness.Node) error {
	switch {
	case s.lives && s.name == "there":
		for _, who := range []side{caller, callee} {
			if err := s.call.does(who, "OPTIONS"); err != nil {
				return err
			}
		}
		return s.call.does(callee, "BYE")
	case s.lives:
		return s.c.refused(s.c.caller(node, s.proto, "outnew"+s.c.Name), 480)
	case s.half:
		l := s.call.a
		if s.told == callee {
			l = s.call.b
		}
		if !state(l, func(l *leg) bool { return l.ended }) {
			return fmt.Errorf("%s has not got a BYE for a call that is over", l.p.mark)
		}
	}
	if s.c.pbx.absent() {
		return nil
	}
	return s.c.full(s.c.caller(node, s.proto, "outnew"+s.c.Name), 1)
}
