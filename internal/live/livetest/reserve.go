package livetest

import (
	"sync"
	"testing"
	"time"

	"tollgate/internal/live"
)

func limitHolds(t *testing.T, b *backend) {
	limit := calls(customer(1), 2)
	want(t, "first", b.reserve(1, limit), live.Outcome{OK: true})
	want(t, "second", b.reserve(2, limit), live.Outcome{OK: true})
	want(t, "third", b.reserve(3, limit), live.Outcome{Full: customer(1)})
	want(t, "another customer", b.reserve(4, calls(customer(2), 2)), live.Outcome{OK: true})
	b.release(1)
	want(t, "after a release", b.reserve(3, limit), live.Outcome{OK: true})
	b.holds(t, customer(1), 2)
}

func zeroIsUnlimited(t *testing.T, b *backend) {
	for i := range 100 {
		want(t, "unlimited", b.reserve(i, live.Limit{Scope: customer(1)}), live.Outcome{OK: true})
	}
	b.holds(t, customer(1), 100)
	want(t, "a limit put on later", b.reserve(100, calls(customer(1), 100)), live.Outcome{Full: customer(1)})
}

func allOrNone(t *testing.T, b *backend) {
	want(t, "fills the switch", b.reserve(1, calls(carrier(9), 1)), live.Outcome{OK: true})
	got := b.reserve(2, calls(company(1), 5), calls(customer(1), 5), calls(carrier(9), 1))
	want(t, "the last is full", got, live.Outcome{Full: carrier(9)})
	b.holds(t, company(1), 0)
	b.holds(t, customer(1), 0)
	b.holds(t, carrier(9), 1)
	b.release(2)
	b.holds(t, carrier(9), 1)
}

func firstFullIsNamed(t *testing.T, b *backend) {
	b.reserve(1, calls(company(1), 1), calls(customer(1), 1))
	got := b.reserve(2, calls(company(1), 1), calls(customer(1), 1))
	want(t, "both are full", got, live.Outcome{Full: company(1)})
}

func listedTwice(t *testing.T, b *backend) {
	twice := calls(customer(1), 3)
	want(t, "two of three", b.reserve(1, twice, twice), live.Outcome{OK: true})
	b.holds(t, customer(1), 2)
	want(t, "four of three", b.reserve(2, twice, twice), live.Outcome{Full: customer(1)})
	b.holds(t, customer(1), 2)
	b.release(1)
	b.holds(t, customer(1), 0)
}

func reservesOnce(t *testing.T, b *backend) {
	b.reserve(1, calls(customer(1), 5))
	want(t, "again", b.reserve(1, calls(customer(2), 5)), live.Outcome{Err: live.ErrHeld})
	b.holds(t, customer(1), 1)
	b.holds(t, customer(2), 0)
	b.release(1)
	want(t, "after its release", b.reserve(1, calls(customer(1), 5)), live.Outcome{OK: true})
}

func releaseOnce(t *testing.T, b *backend) {
	b.reserve(1, calls(customer(1), 5))
	b.reserve(2, calls(customer(1), 5))
	for range 3 {
		b.release(1)
	}
	b.holds(t, customer(1), 1)
}

func releaseUnknown(t *testing.T, b *backend) {
	b.release(7)
	b.holds(t, customer(1), 0)
}

func releaseBehindReserve(t *testing.T, b *backend) {
	r := reservation(1, calls(customer(1), 5))
	wait := make(answers, 1)
	o, now := b.Reserve(&r, wait, 42)
	b.Release(id(1))
	if !now {
		o = <-wait
	}
	want(t, "given back before the answer", o, live.Outcome{OK: true})
	b.settle()
	b.holds(t, customer(1), 0)
}

func usage(t *testing.T, b *backend) {
	for i := range 5 {
		b.reserve(i, calls(customer(1), 5))
	}
	b.reserve(5, calls(customer(1), 5))
	for i := range 4 {
		b.release(i)
	}
	if got := b.Usage(customer(1)); got != (live.Usage{Calls: 1, Peak: 5}) {
		t.Fatalf("usage is %+v", got)
	}
	if got := b.Usage(customer(2)); got != (live.Usage{}) {
		t.Fatalf("usage of an unknown scope is %+v", got)
	}
}

// notKept: a caller's Reservation and Exchange are his own again when the method returns.
func notKept(t *testing.T, b *backend) {
	r := reservation(1, calls(customer(1), 5))
	wait := make(answers, 1)
	o, now := b.Reserve(&r, wait, 42)
	r = reservation(2, calls(customer(2), 5))
	if !now {
		o = <-wait
	}
	want(t, "reserve", o, live.Outcome{OK: true})
	x := live.Exchange{Call: id(1), From: customer(1), To: calls(customer(3), 5)}
	o, now = b.Swap(&x, wait, 42)
	x = live.Exchange{Call: r.Call}
	if !now {
		o = <-wait
	}
	want(t, "swap", o, live.Outcome{OK: true})
	b.holds(t, customer(2), 0)
	b.holds(t, customer(3), 1)
}

// manyAtOnce: however calls race, a limit is never passed and nothing leaks.
func manyAtOnce(t *testing.T, b *backend) {
	const callers, each, limit = 8, 50, 3
	scope := []live.Limit{calls(company(1), limit), calls(customer(1), limit)}
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for i := range each {
				call := caller*each + i
				if b.reserve(call, scope...).OK {
					b.swap(call, customer(1), calls(carrier(int64(i%2)), limit))
				}
				b.Release(id(call))
			}
		})
	}
	wg.Wait()
	b.settle()
	for _, s := range []live.Scope{company(1), customer(1), carrier(0), carrier(1)} {
		b.holds(t, s, 0)
		if peak := b.Usage(s).Peak; peak > limit {
			t.Fatalf("%v held %d calls at once", s, peak)
		}
	}
}

// closed: what was asked before is answered, what comes after is refused.
func closed(t *testing.T, b *backend) {
	r := reservation(1, calls(customer(1), 5))
	wait := make(answers, 1)
	o, now := b.Reserve(&r, wait, 42)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if !now {
		o = <-wait
	}
	want(t, "before", o, live.Outcome{OK: true})
	want(t, "reserve after", b.reserve(2, calls(customer(1), 5)), live.Outcome{Err: live.ErrClosed})
	want(t, "swap after", b.swap(1, customer(1), calls(customer(2), 5)), live.Outcome{Err: live.ErrClosed})
	b.Release(id(1))
	if err := b.Close(); err != nil {
		t.Fatalf("closed twice: %v", err)
	}
}

// rate: a burst of CPS calls, then one in each 1/CPS of a second.
func rate(t *testing.T, b *backend) {
	limit := cps(customer(1), 10)
	for i := range 10 {
		r := reservation(i, limit)
		b.Reserve(&r, make(answers, 1), 42)
	}
	b.settle()
	start := time.Now()
	accepted := 0
	for i := 10; time.Since(start) < 10*time.Second; i++ {
		o := b.reserve(i, limit)
		if o.OK {
			accepted++
		} else {
			want(t, "too fast", o, live.Outcome{Full: customer(1), Rate: true})
		}
		pass(20 * time.Millisecond)
	}
	if accepted < 95 || accepted > 105 {
		t.Fatalf("%d calls in 10 s at 10 a second", accepted)
	}
}

func refusedCostsNothing(t *testing.T, b *backend) {
	limit := cps(company(1), 2)
	b.reserve(1, calls(customer(1), 1))
	for i := range 10 {
		got := b.reserve(10+i, limit, calls(customer(1), 1))
		want(t, "refused by the customer", got, live.Outcome{Full: customer(1)})
	}
	want(t, "first token", b.reserve(2, limit), live.Outcome{OK: true})
	want(t, "second token", b.reserve(3, limit), live.Outcome{OK: true})
}

func rateChanged(t *testing.T, b *backend) {
	want(t, "at 1000 a second", b.reserve(1, cps(customer(1), 1000)), live.Outcome{OK: true})
	accepted := 0
	for i := range 50 {
		if b.reserve(2+i, cps(customer(1), 1)).OK {
			accepted++
		}
	}
	if accepted < 1 || accepted > 4 {
		t.Fatalf("%d calls at once after the rate was lowered to 1 a second", accepted)
	}
	want(t, "without a rate", b.reserve(100, cps(customer(1), 0)), live.Outcome{OK: true})
}

// pass lets time pass; within a synctest bubble that takes none.
func pass(d time.Duration) {
	<-time.After(d)
}
