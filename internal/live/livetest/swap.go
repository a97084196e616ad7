package livetest

import (
	"testing"

	"tollgate/internal/live"
)

func swap(t *testing.T, b *backend) {
	b.reserve(1, calls(customer(1), 5), calls(carrier(1), 1))
	want(t, "to the second carrier", b.swap(1, carrier(1), calls(carrier(2), 1)), live.Outcome{OK: true})
	b.holds(t, carrier(1), 0)
	b.holds(t, carrier(2), 1)
	b.holds(t, customer(1), 1)
	b.release(1)
	b.holds(t, carrier(2), 0)
}

func swapWithoutRoom(t *testing.T, b *backend) {
	b.reserve(1, calls(carrier(2), 1))
	b.reserve(2, calls(carrier(1), 1))
	want(t, "full", b.swap(2, carrier(1), calls(carrier(2), 1)), live.Outcome{Full: carrier(2)})
	want(t, "too fast", b.swap(2, carrier(1), live.Limit{Scope: carrier(2), Calls: 1, CPS: 1}), live.Outcome{Full: carrier(2)})
	b.holds(t, carrier(1), 1)
	b.holds(t, carrier(2), 1)
	b.release(2)
	b.holds(t, carrier(1), 0)
}

func swapForItself(t *testing.T, b *backend) {
	limit := live.Limit{Scope: carrier(1), Calls: 1, CPS: 1}
	b.reserve(1, limit)
	want(t, "itself", b.swap(1, carrier(1), limit), live.Outcome{OK: true})
	b.holds(t, carrier(1), 1)
}

func swapAddsAndDrops(t *testing.T, b *backend) {
	b.reserve(1, calls(customer(1), 1))
	want(t, "add", b.swap(1, live.Scope{}, calls(carrier(1), 1)), live.Outcome{OK: true})
	b.holds(t, carrier(1), 1)
	want(t, "drop", b.swap(1, carrier(1), live.Limit{}), live.Outcome{OK: true})
	b.holds(t, carrier(1), 0)
	b.holds(t, customer(1), 1)
	want(t, "drop what was dropped", b.swap(1, carrier(1), live.Limit{}), live.Outcome{Err: live.ErrNotHeld})
	b.release(1)
	b.holds(t, customer(1), 0)
}

func swapNotHeld(t *testing.T, b *backend) {
	to := calls(carrier(2), 1)
	want(t, "an unknown call", b.swap(1, carrier(1), to), live.Outcome{Err: live.ErrNotHeld})
	b.reserve(1, calls(customer(1), 1))
	want(t, "a scope it does not hold", b.swap(1, carrier(1), to), live.Outcome{Err: live.ErrNotHeld})
	b.holds(t, carrier(2), 0)
	b.release(1)
	want(t, "a call that is over", b.swap(1, customer(1), to), live.Outcome{Err: live.ErrNotHeld})
	b.holds(t, carrier(2), 0)
}

func swapBound(t *testing.T, b *backend) {
	var all []live.Limit
	for i := range live.MaxLimits {
		all = append(all, calls(customer(int64(i)), 1))
	}
	want(t, "as many as can be", b.reserve(1, all...), live.Outcome{OK: true})
	want(t, "one more", b.swap(1, live.Scope{}, calls(carrier(1), 1)), live.Outcome{Err: live.ErrFull})
	b.holds(t, carrier(1), 0)
	want(t, "one for another", b.swap(1, customer(5), calls(carrier(1), 1)), live.Outcome{OK: true})
	b.release(1)
	b.holds(t, carrier(1), 0)
	b.holds(t, customer(0), 0)
}
