package cdr

import (
	"log/slog"
	"testing"

	"tollgate/internal/journal"
)

// segments is the journal itself.
type segments struct{ *journal.Journal }

const kind = 3

func (s segments) Put(id ID, data []byte) error { return s.Journal.Put(kind, journal.ID(id), data) }
func (s segments) Delete(id ID)                 { s.Journal.Delete(kind, journal.ID(id)) }

func newBench(tb testing.TB) *Writer {
	tb.Helper()
	j, err := journal.Open(journal.Config{Dir: tb.TempDir()})
	if err != nil {
		tb.Fatal(err)
	}
	j.Run(func() error { return nil })
	tb.Cleanup(func() { _ = j.Close() })
	return New(Config{Journal: segments{j}, Log: slog.New(slog.DiscardHandler), Behind: func(bool) {}})
}

// BenchmarkEnded is what a call's end costs its shard.
func BenchmarkEnded(b *testing.B) {
	w, r := newBench(b), record(1)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		r.ID[11] = byte(n)
		if w.Ended(r); n%flushAt == 0 {
			w.filling.reset()
		}
	}
}

func TestEndedAllocatesNothing(t *testing.T) {
	w, r := newBench(t), record(1)
	for range flushAt {
		w.Ended(r)
	}
	w.filling.reset()
	if n := testing.AllocsPerRun(flushAt/2, func() { w.Ended(r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
