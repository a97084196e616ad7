// Package memory is the live state of one process: exact, at once, and gone with it.
//
// Not its job: other nodes, and restarts.
package memory

import (
	"sync"
	"time"

	"tollgate/internal/live"
	"tollgate/internal/slab"
)

// Live implements live.Live. One lock covers all of it, since a reservation crosses scopes
// in one step and holds it for less than a microsecond.
type Live struct {
	mu     sync.Mutex             // guards all below
	slots  map[live.CallID]uint32 // of leases, since a map of large values is mostly gaps
	leases slab.Slab[lease]
	counts [live.Emergency + 1]map[int64]*count // by kind and id, one for each scope ever seen: as many as there are customers and the like
	closed bool
}

var _ live.Live = (*Live)(nil)

// lease is what one call holds.
type lease struct {
	held [live.MaxLimits]*count
	n    int
}

// count is one scope's state.
type count struct {
	scope  live.Scope
	calls  int
	peak   int
	tokens float64   // new calls that may come at once
	filled time.Time // when tokens was brought up to date; zero: the bucket was never used
}

// New is a Live in which nothing is held.
func New() *Live {
	l := &Live{slots: make(map[live.CallID]uint32)}
	for kind := range l.counts {
		l.counts[kind] = make(map[int64]*count)
	}
	return l
}

// Reserve implements live.Live; the outcome is always known now.
func (l *Live) Reserve(r *live.Reservation, _ live.Waiter, _ uint64) (live.Outcome, bool) {
	now := clock(r)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return live.Outcome{Err: live.ErrClosed}, true
	}
	if _, held := l.slots[r.Call]; held {
		return live.Outcome{Err: live.ErrHeld}, true
	}
	slot, taken := l.leases.Alloc()
	*taken = lease{}
	for i := range r.Limits[:r.N] {
		limit := &r.Limits[i]
		c := l.count(limit.Scope)
		if o := c.take(limit, now); !o.OK {
			for j, back := range taken.held[:taken.n] {
				back.untake(&r.Limits[j])
			}
			l.leases.Release(slot)
			return o, true
		}
		taken.held[i] = c
		taken.n++
	}
	for _, c := range taken.held[:taken.n] {
		c.peak = max(c.peak, c.calls)
	}
	l.slots[r.Call] = slot
	return live.Outcome{OK: true}, true
}

// clock is the time, if some limit asks for it.
func clock(r *live.Reservation) (now time.Time) {
	for i := range r.Limits[:r.N] {
		if r.Limits[i].CPS > 0 {
			return time.Now()
		}
	}
	return now
}

// Swap implements live.Live; the outcome is always known now.
func (l *Live) Swap(x *live.Exchange, _ live.Waiter, _ uint64) (live.Outcome, bool) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return live.Outcome{Err: live.ErrClosed}, true
	}
	slot, ok := l.slots[x.Call]
	if !ok {
		return live.Outcome{Err: live.ErrNotHeld}, true
	}
	return l.swap(l.leases.At(slot), x, now), true
}

func (l *Live) swap(held *lease, x *live.Exchange, now time.Time) live.Outcome {
	none := live.Scope{}
	at := held.n
	if x.From != none {
		if at = held.find(x.From); at < 0 {
			return live.Outcome{Err: live.ErrNotHeld}
		}
	}
	switch {
	case x.From == x.To.Scope:
	case x.To.Scope == none:
		held.held[at].calls--
		held.remove(at)
	case at == len(held.held):
		return live.Outcome{Err: live.ErrFull}
	default:
		c := l.count(x.To.Scope)
		if o := c.take(&x.To, now); !o.OK {
			return o
		}
		c.peak = max(c.peak, c.calls)
		if x.From == none {
			held.n++
		} else {
			held.held[at].calls--
		}
		held.held[at] = c
	}
	return live.Outcome{OK: true}
}

// Release implements live.Live.
func (l *Live) Release(call live.CallID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	slot, ok := l.slots[call]
	if !ok {
		return
	}
	delete(l.slots, call)
	held := l.leases.At(slot)
	for _, c := range held.held[:held.n] {
		c.calls--
	}
	l.leases.Release(slot)
}

// Usage implements live.Live.
func (l *Live) Usage(s live.Scope) live.Usage {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.counts[s.Kind][s.ID]
	if c == nil {
		return live.Usage{}
	}
	return live.Usage{Calls: c.calls, Peak: c.peak}
}

// Close implements live.Live; it never fails.
func (l *Live) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	return nil
}

// count finds or makes the state of a scope; the lock is held.
func (l *Live) count(s live.Scope) *count {
	c := l.counts[s.Kind][s.ID]
	if c == nil {
		c = &count{scope: s}
		l.counts[s.Kind][s.ID] = c
	}
	return c
}

func (h *lease) find(s live.Scope) int {
	for i, c := range h.held[:h.n] {
		if c.scope == s {
			return i
		}
	}
	return -1
}

func (h *lease) remove(at int) {
	h.n--
	h.held[at] = h.held[h.n]
	h.held[h.n] = nil
}

// take takes a place and a token, or neither.
func (c *count) take(limit *live.Limit, now time.Time) live.Outcome {
	if limit.Calls > 0 && c.calls >= limit.Calls {
		return live.Outcome{Full: c.scope}
	}
	if limit.CPS > 0 {
		c.fill(float64(limit.CPS), now)
		if c.tokens < 1 {
			return live.Outcome{Full: c.scope, Rate: true}
		}
		c.tokens--
	}
	c.calls++
	return live.Outcome{OK: true}
}

// untake undoes take.
func (c *count) untake(limit *live.Limit) {
	c.calls--
	if limit.CPS > 0 {
		c.tokens++
	}
}

// fill brings the token bucket up to date: rate tokens a second, and at most as many.
func (c *count) fill(rate float64, now time.Time) {
	if c.filled.IsZero() {
		c.tokens = rate
	} else if passed := now.Sub(c.filled); passed > 0 {
		c.tokens += rate * passed.Seconds()
	} else {
		now = c.filled // time was read before the lock was taken, so it may be a little older
	}
	c.tokens = min(c.tokens, rate)
	c.filled = now
}
