// Package delayed is a live backend that answers later: it wraps another one, asks it in
// order, and tells the outcome from a goroutine of its own after a random time. Tests run
// over it what must also work with a backend on another machine.
//
// Not its job: keeping anything; that is for what it wraps.
package delayed

import (
	"math/rand/v2"
	"sync"
	"time"

	"tollgate/internal/live"
)

// Live implements live.Live over another one.
type Live struct {
	inner live.Live
	max   time.Duration

	mu     sync.Mutex // guards below
	wake   *sync.Cond // of mu: the queue grew, or closed was set
	queue  []question
	random *rand.Rand
	last   time.Time // when the last one in the queue is due
	closed bool
	done   chan struct{} // closed when run has ended
}

var _ live.Live = (*Live)(nil)

// question is a call of Reserve, Swap or Release on its way, as over one connection: what
// was asked first is answered first.
type question struct {
	due    time.Time
	ask    func() live.Outcome
	waiter live.Waiter // nil: Release, which has no answer
	ref    uint64
}

// New wraps inner, which it then owns. An answer takes from 0 to most; equal seeds give
// equal times.
func New(inner live.Live, most time.Duration, seed uint64) *Live {
	l := &Live{inner: inner, max: most, random: rand.New(rand.NewPCG(seed, seed)), done: make(chan struct{})}
	l.wake = sync.NewCond(&l.mu)
	go l.run()
	return l
}

// Reserve implements live.Live; the outcome is never known now, unless l is closed.
func (l *Live) Reserve(r *live.Reservation, w live.Waiter, ref uint64) (live.Outcome, bool) {
	asked := *r
	return l.put(w, ref, func() live.Outcome {
		o, _ := l.inner.Reserve(&asked, nil, 0)
		return o
	})
}

// Swap implements live.Live; the outcome is never known now, unless l is closed.
func (l *Live) Swap(x *live.Exchange, w live.Waiter, ref uint64) (live.Outcome, bool) {
	asked := *x
	return l.put(w, ref, func() live.Outcome {
		o, _ := l.inner.Swap(&asked, nil, 0)
		return o
	})
}

// Release implements live.Live.
func (l *Live) Release(c live.CallID) {
	l.put(nil, 0, func() live.Outcome {
		l.inner.Release(c)
		return live.Outcome{}
	})
}

// Usage implements live.Live.
func (l *Live) Usage(s live.Scope) live.Usage { return l.inner.Usage(s) }

// Close implements live.Live.
func (l *Live) Close() error {
	l.mu.Lock()
	l.closed = true
	l.wake.Signal()
	l.mu.Unlock()
	<-l.done
	return l.inner.Close()
}

func (l *Live) put(w live.Waiter, ref uint64, ask func() live.Outcome) (o live.Outcome, now bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return live.Outcome{Err: live.ErrClosed}, true
	}
	due := time.Now().Add(time.Duration(l.random.Int64N(int64(l.max) + 1)))
	if due.Before(l.last) {
		due = l.last
	}
	l.last = due
	l.queue = append(l.queue, question{due, ask, w, ref})
	l.wake.Signal()
	return live.Outcome{}, false
}

// run answers until the queue of a closed Live is empty.
func (l *Live) run() {
	defer close(l.done)
	for {
		l.mu.Lock()
		for len(l.queue) == 0 && !l.closed {
			l.wake.Wait()
		}
		if len(l.queue) == 0 {
			l.mu.Unlock()
			return
		}
		q := l.queue[0]
		l.queue = l.queue[1:]
		l.mu.Unlock()
		q.answer()
	}
}

func (q *question) answer() {
	wait := time.NewTimer(time.Until(q.due))
	<-wait.C
	o := q.ask()
	if q.waiter != nil {
		q.waiter.Reserved(q.ref, o)
	}
}
