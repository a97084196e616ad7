// Package livetest is the conformance suite of live backends.
package livetest

import (
	"encoding/binary"
	"errors"
	"testing"
	"testing/synctest"

	"tollgate/internal/live"
)

// Run runs the suite. open gives a backend in which nothing is held; it is called within a
// synctest bubble, where time passes only while everything waits.
func Run(t *testing.T, open func() live.Live) {
	tests := []struct {
		name string
		run  func(*testing.T, *backend)
	}{
		{"a limit of calls holds", limitHolds},
		{"zero is unlimited", zeroIsUnlimited},
		{"all scopes or none", allOrNone},
		{"the first full scope is named", firstFullIsNamed},
		{"a scope listed twice counts twice", listedTwice},
		{"a call reserves once", reservesOnce},
		{"release is once", releaseOnce},
		{"release of an unknown call", releaseUnknown},
		{"release right behind reserve", releaseBehindReserve},
		{"swap", swap},
		{"swap without room changes nothing", swapWithoutRoom},
		{"swap for itself", swapForItself},
		{"swap adds and drops", swapAddsAndDrops},
		{"swap of what is not held", swapNotHeld},
		{"swap has a bound", swapBound},
		{"calls a second", rate},
		{"a refused call costs no token", refusedCostsNothing},
		{"a rate that is changed", rateChanged},
		{"usage and its peak", usage},
		{"the reservation is not kept", notKept},
		{"many at once", manyAtOnce},
		{"closed", closed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &backend{Live: open()}
				defer b.Close()
				test.run(t, b)
			})
		})
	}
}

// backend is a Live whose answers can be waited for.
type backend struct{ live.Live }

// answers is a Waiter that passes one outcome on.
type answers chan live.Outcome

func (a answers) Reserved(ref uint64, o live.Outcome) {
	if ref != 42 {
		o.Err = errors.New("another ref than was given")
	}
	a <- o
}

func (b *backend) reserve(call int, limits ...live.Limit) live.Outcome {
	r := reservation(call, limits...)
	wait := make(answers, 1)
	if o, now := b.Reserve(&r, wait, 42); now {
		return o
	}
	return <-wait
}

func (b *backend) swap(call int, from live.Scope, to live.Limit) live.Outcome {
	wait := make(answers, 1)
	if o, now := b.Swap(&live.Exchange{Call: id(call), From: from, To: to}, wait, 42); now {
		return o
	}
	return <-wait
}

// release returns when it has taken effect.
func (b *backend) release(call int) {
	b.Release(id(call))
	b.settle()
}

// settle returns when all that was asked before has taken effect, since questions take
// effect in order.
func (b *backend) settle() {
	b.reserve(-1)
	b.Release(id(-1))
}

func reservation(call int, limits ...live.Limit) live.Reservation {
	r := live.Reservation{Call: id(call)}
	for _, l := range limits {
		r.Add(l)
	}
	return r
}

func id(call int) (c live.CallID) {
	binary.BigEndian.PutUint64(c[8:], uint64(call))
	return c
}

func calls(scope live.Scope, n int) live.Limit { return live.Limit{Scope: scope, Calls: n} }
func cps(scope live.Scope, n int) live.Limit   { return live.Limit{Scope: scope, CPS: n} }

func customer(n int64) live.Scope { return live.Scope{Kind: live.Customer, ID: n} }
func company(n int64) live.Scope  { return live.Scope{Kind: live.Company, ID: n} }
func carrier(n int64) live.Scope  { return live.Scope{Kind: live.Switch, ID: n} }

func want(t *testing.T, what string, got, wanted live.Outcome) {
	t.Helper()
	if got != wanted {
		t.Fatalf("%s: %+v, want %+v", what, got, wanted)
	}
}

func (b *backend) holds(t *testing.T, s live.Scope, n int) {
	t.Helper()
	if got := b.Usage(s).Calls; got != n {
		t.Fatalf("%v holds %d calls, want %d", s, got, n)
	}
}
