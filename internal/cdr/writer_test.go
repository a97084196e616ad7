package cdr

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestStored: within a second, each once, in order, and the journal is empty then.
func TestStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.Run()
		defer r.Close()
		for n := range 2500 {
			r.Ended(record(n))
		}
		wait(time.Second)
		if len(r.shelf.rows) != 2500 || r.book.size() != 0 || r.Stats().Waiting != 0 {
			t.Fatalf("%d stored, %d in the journal, %+v", len(r.shelf.rows), r.book.size(), r.Stats())
		}
		if !slices.IsSortedFunc(r.shelf.rows, func(a, b CDR) int { return strings.Compare(a.ID, b.ID) }) {
			t.Error("not in order")
		}
		if slices.Max(r.shelf.batches) > flushAt {
			t.Errorf("batches of %v", r.shelf.batches)
		}
	})
}

// TestStoreFails: all wait, in the journal too, and come when it works again.
func TestStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.shelf.err = errors.New("no space left")
		r.Run()
		for n := range mostWaiting + 5 {
			if r.Ended(record(n)); n%3000 == 0 {
				wait(5 * time.Second)
			}
		}
		synctest.Wait()
		if r.book.size() != mostWaiting+5 || !slices.Equal(r.behind, []bool{true}) {
			t.Errorf("%d are kept, told %v", r.book.size(), r.behind)
		}
		r.Refused(record(-1))
		r.Refused(record(-2))
		if s := r.Stats(); s.Lost != 2 || s.Waiting != mostWaiting+5 {
			t.Errorf("%+v", s)
		}
		if n := strings.Count(r.log.String(), "level=ERROR"); n != 2 {
			t.Errorf("%d errors are logged:\n%s", n, r.log)
		}
		r.shelf.set(func() { r.shelf.err = nil })
		wait(3 * time.Second)
		if len(r.shelf.rows) != mostWaiting+5 || r.book.size() != 0 || !slices.Equal(r.behind, []bool{true, false}) {
			t.Errorf("%d stored, %d kept, told %v", len(r.shelf.rows), r.book.size(), r.behind)
		}
		if !strings.Contains(r.log.String(), "lost=2") {
			t.Errorf("nobody is told of what was lost:\n%s", r.log)
		}
		r.Close()
	})
}

// TestJournalFull: records are in memory, the store gets them, and the journal is tried again
// while that takes none.
func TestJournalFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.shelf.err, r.book.full = errors.New("no space left"), true
		r.Run()
		for n := range 100 {
			r.Ended(record(n))
		}
		wait(2 * time.Second)
		if !strings.Contains(r.log.String(), "memory only") || r.book.size() != 0 {
			t.Errorf("%d are kept:\n%s", r.book.size(), r.log)
		}
		r.book.set(false)
		wait(2 * time.Second)
		if r.book.size() != 100 {
			t.Errorf("%d are kept", r.book.size())
		}
		r.shelf.set(func() { r.shelf.err = nil })
		wait(2 * time.Second)
		if len(r.shelf.rows) != 100 || r.book.size() != 0 {
			t.Errorf("%d stored, %d kept", len(r.shelf.rows), r.book.size())
		}
		r.Close()
	})
}

// TestRestored: what another process left is stored, once, also what the store had already.
func TestRestored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		for n := range 50 {
			r.Ended(record(n))
		}
		left := maps.Clone(r.book.kept)
		for round := range 2 { // the second one as if the first had not come to delete them
			again := New(r.config())
			for id, data := range left {
				if err := again.Restore(id, data); err != nil {
					t.Fatal(err)
				}
			}
			if again.Restore(ID{1}, []byte("torn")) == nil {
				t.Error("what is no record is taken")
			}
			again.Run()
			wait(time.Second)
			if len(r.shelf.rows) != 50 || r.book.size() != 0 {
				t.Errorf("round %d: %d stored, %d kept", round, len(r.shelf.rows), r.book.size())
			}
			again.Close()
		}
	})
}

// TestCheckpoint: all that waits is put again, while records come and go.
func TestCheckpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.shelf.err = errors.New("not now")
		r.Run()
		for n := range 300 {
			if r.Ended(record(n)); n == 200 {
				wait(time.Second) // the first are on their way
			}
		}
		r.book.kept = map[ID][]byte{} // a new segment
		if err := r.Checkpoint(); err != nil || r.book.size() != 300 {
			t.Errorf("%d kept, %v", r.book.size(), err)
		}
		r.book.set(true)
		if r.Checkpoint() == nil {
			t.Error("a checkpoint that could not be made is fine")
		}
		r.shelf.set(func() { r.shelf.err = nil })
		wait(2 * time.Second)
		puts := r.book.puts
		if err := r.Checkpoint(); err != nil || r.book.puts != puts || r.book.size() != 0 {
			t.Errorf("%d puts of nothing, %d kept, %v", r.book.puts-puts, r.book.size(), err)
		}
		r.Close()
	})
}

// TestClose: what waits is stored; a store that hangs is given up, and the journal has it.
func TestClose(t *testing.T) {
	for _, hangs := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			r.shelf.hangs = hangs
			r.Run()
			r.Ended(record(1))
			began := time.Now()
			r.Close()
			if took := time.Since(began); took > closing {
				t.Errorf("it took %v", took)
			}
			if stored, kept := len(r.shelf.rows), r.book.size(); stored+kept != 1 || (kept == 1) != hangs {
				t.Errorf("hangs %t: %d stored, %d kept", hangs, stored, kept)
			}
		})
	}
}

// TestPrune: old ones go, some at a time, and again an hour later.
func TestPrune(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.shelf.old = 2*pruneAtOnce + 5
		r.Run()
		wait(10 * time.Second)
		r.shelf.set(func() {
			if len(r.shelf.pruned) != 3 || r.shelf.old != 0 || time.Since(r.shelf.pruned[0]).Round(time.Minute) != 24*time.Hour {
				t.Errorf("%d left, asked at %v", r.shelf.old, r.shelf.pruned)
			}
		})
		wait(time.Hour)
		r.Close()
		if len(r.shelf.pruned) != 4 {
			t.Errorf("asked %d times", len(r.shelf.pruned))
		}
	})
}
