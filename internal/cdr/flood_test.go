package cdr

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// refusal is the n-th refused attempt from a source.
func refusal(n int, from string) *Record {
	r := record(n)
	r.Answered, r.Duration, r.Status, r.Reason, r.EndedBy, r.Source = false, 0, 403, "blocklist", Tollgate, netip.MustParseAddrPort(from)
	r.Started = time.Now()
	return r
}

// attempts are those that the records stand for.
func (s *shelf) attempts() (n int) {
	for _, c := range s.rows {
		n += 1 + c.Repeated
	}
	return n
}

// TestFlood: each attempt is in exactly one record, and there are few of those.
func TestFlood(t *testing.T) {
	for _, c := range []struct {
		name         string
		sources      int
		most, listed int // records, and how many are listed after a second and a half
	}{
		{"one source", 1, floodAlike + 1, floodAlike},
		{"five sources", 5, 5 * (floodAlike + 1), 5 * floodAlike},
		{"forged sources", 1000, floodAll + 1, floodAll},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig()
				r.Run()
				defer r.Close()
				for n := range 5000 {
					r.Refused(refusal(n, fmt.Sprintf("10.1.%d.%d:5060", n%c.sources/250, n%c.sources%250)))
				}
				wait(700 * time.Millisecond)
				if len(r.shelf.rows) != c.listed {
					t.Errorf("%d are listed at once, want %d", len(r.shelf.rows), c.listed)
				}
				wait(time.Second)
				if n := len(r.shelf.rows); n != c.most || r.shelf.attempts() != 5000 || r.book.size() != 0 || r.Stats().Waiting != 0 {
					t.Errorf("%d records of %d attempts, %d kept, %+v", n, r.shelf.attempts(), r.book.size(), r.Stats())
				}
				r.Refused(refusal(5000, "10.1.0.0:5060")) // another second
				wait(time.Second)
				if n := len(r.shelf.rows); n != c.most+1 || r.shelf.rows[n-1].Repeated != 0 {
					t.Errorf("%d records later", n)
				}
			})
		})
	}
}

// TestFloodTold: other customers, other reasons and calls are not counted with it.
func TestFloodTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.Run()
		defer r.Close()
		for n := range 10 * floodAlike {
			a := refusal(n, "192.0.2.1:5060")
			a.Customer++
			if n%2 == 1 {
				a.Reason = "call_limit"
			}
			r.Refused(a)
			r.Ended(record(1000 + n))
		}
		wait(3 * time.Second)
		if n, want := len(r.shelf.rows), 10*floodAlike+2*(floodAlike+1); n != want || r.shelf.attempts() != 20*floodAlike {
			t.Errorf("%d records of %d attempts, want %d", n, r.shelf.attempts(), want)
		}
	})
}

// TestFloodKilled: a crash in the middle of a second loses less than half of its count.
func TestFloodKilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		const attempts = 3000
		for n := range attempts {
			r.Refused(refusal(n, "192.0.2.1:5060"))
		}
		left := r.book.kept
		r.book.kept = map[ID][]byte{} // a new segment
		if err := r.Checkpoint(); err != nil || r.book.size() != len(left) {
			t.Errorf("a checkpoint keeps %d of %d, %v", r.book.size(), len(left), err)
		}
		again := New(r.config())
		for id, data := range left {
			if err := again.Restore(id, data); err != nil {
				t.Fatal(err)
			}
		}
		again.Run()
		wait(2 * time.Second)
		again.Close()
		if n := r.shelf.attempts(); len(r.shelf.rows) != floodAlike+1 || n <= attempts/2 || n > attempts {
			t.Errorf("%d records of %d attempts", len(r.shelf.rows), n)
		}
	})
}

// TestSentAgain: a retransmission is no attempt, nor after a restart.
func TestSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.Run()
		send := func(w *Writer, want int) {
			t.Helper()
			w.Refused(refusal(7, "192.0.2.1:5060"))
			wait(time.Second)
			if n := len(r.shelf.rows); n != want {
				t.Errorf("%d records, want %d", n, want)
			}
		}
		send(r.Writer, 1)
		send(r.Writer, 1)
		r.Close()
		again := New(r.config())
		again.Run()
		send(again, 1)
		wait(32 * time.Second)
		send(again, 1)
		wait(2 * retransmitted)
		send(again, 2)
		again.Close()
	})
}

// TestFloodFails: while the store takes nothing, the count goes on and nothing is lost.
func TestFloodFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.shelf.err = errors.New("no space left")
		r.Run()
		for n := range 2000 {
			r.Refused(refusal(n, "192.0.2.1:5060"))
			if n%500 == 0 {
				wait(1500 * time.Millisecond)
			}
		}
		r.shelf.set(func() { r.shelf.err = nil })
		r.Close()
		if n := len(r.shelf.rows); r.shelf.attempts() != 2000 || n > 5*(floodAlike+1) {
			t.Errorf("%d records of %d attempts", n, r.shelf.attempts())
		}
	})
}
