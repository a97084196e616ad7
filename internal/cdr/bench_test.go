package cdr

import (
	"encoding/binary"
	"log/slog"
	"syscall"
	"testing"
	"time"

	"tollgate/internal/journal"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// segments is the journal itself.
type segments struct{ *journal.Journal }

const kind = 3

func (s segments) Put(id ID, data []byte) error { return s.Journal.Put(kind, journal.ID(id), data) }
func (s segments) Delete(id ID)                 { s.Journal.Delete(kind, journal.ID(id)) }

func newJournal(tb testing.TB, checkpoint func() error) segments {
	tb.Helper()
	j, err := journal.Open(journal.Config{Dir: tb.TempDir()})
	if err != nil {
		tb.Fatal(err)
	}
	j.Run(checkpoint)
	tb.Cleanup(func() { _ = j.Close() })
	return segments{j}
}

func newBench(tb testing.TB) *Writer {
	tb.Helper()
	j := newJournal(tb, func() error { return nil })
	return New(Config{Journal: j, Log: slog.New(slog.DiscardHandler), Behind: func(bool) {}})
}

// spent is the CPU time of this process.
func spent() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // fails for no process of ours
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// numbered is the n-th of calls from a hundred customers.
func (r *Record) numbered(n int) *Record {
	binary.BigEndian.PutUint64(r.ID[:], uint64(n)*0x9e3779b97f4a7c15)
	r.CallID, r.FarCallID = []byte("3c26700857a87f84b9d7a2a1@192.168.100.23"), []byte("tg1.00a1b2c3d4e5f60718293a4b5c6d7e8f90@203.0.113.7")
	r.From, r.To = []byte(`"Alice Rossi" <sip:+39040123456@acme.example.com>`), []byte("<sip:+390409876543@acme.example.com>")
	r.Customer, r.Company, r.Started = tenant.CustomerID(n*7%100+1), tenant.CompanyID(n%100/10+1), time.Now()
	return r
}

// BenchmarkRate is what records cost the process, all in all, at 1500 a second: encoded, put into the
// journal, stored in a file, deleted from the journal. Of use with -benchtime of 5 s or more.
func BenchmarkRate(b *testing.B) {
	s, err := store.Open(b.Context(), store.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var w *Writer
	j := newJournal(b, func() error { return w.Checkpoint() })
	w = New(Config{Store: s, Journal: j, Log: slog.New(slog.DiscardHandler), Keep: time.Hour, Behind: func(bool) {}})
	w.Run()
	r, n := record(1), 0
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	before := spent()
	for b.Loop() {
		if n++; n%75 == 0 {
			<-tick.C
		}
		w.Ended(r.numbered(n))
	}
	w.Close()
	b.ReportMetric(float64(spent()-before)/1e3/float64(n), "cpu-us/record")
	if got := w.Stats(); got.Stored != uint64(n) {
		b.Errorf("%d of %d are stored", got.Stored, n)
	}
}

// BenchmarkPace is what the measuring itself costs: what BenchmarkRate gives above it is the records'.
func BenchmarkPace(b *testing.B) {
	r, n := record(1), 0
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	before := spent()
	for b.Loop() {
		if n++; n%75 == 0 {
			<-tick.C
		}
		r.numbered(n)
	}
	b.ReportMetric(float64(spent()-before)/1e3/float64(n), "cpu-us/record")
}

// BenchmarkEncode is the first step of them.
func BenchmarkEncode(b *testing.B) {
	r, buf := record(1), make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		buf = r.append(buf[:0])
	}
	b.SetBytes(int64(len(buf)))
}

// BenchmarkJournal is the second and the last one: a put, and a delete half a second later.
func BenchmarkJournal(b *testing.B) {
	j := newJournal(b, func() error { return nil })
	r := record(1)
	data := r.append(nil)
	n, before := 0, spent()
	for b.Loop() {
		if n++; n%750 == 0 {
			for k := range 750 {
				j.Delete(r.numbered(n - k).ID)
			}
		}
		if err := j.Put(r.numbered(n).ID, data); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(spent()-before)/1e3/float64(n), "cpu-us/record")
}

// BenchmarkStore is the step between, at full speed.
func BenchmarkStore(b *testing.B) {
	s, err := store.Open(b.Context(), store.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	r, list := record(1), make([]store.CDR, 750)
	n, before := 0, spent()
	for b.Loop() {
		for i := range list {
			n++
			list[i] = store.CDR{ID: r.numbered(n).ID, Record: r.append(list[i].Record[:0])}
		}
		if err := s.AddCDRs(b.Context(), list, false); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(spent()-before)/1e3/float64(n), "cpu-us/record")
}

// BenchmarkList decodes a page of a thousand.
func BenchmarkList(b *testing.B) {
	s, err := store.Open(b.Context(), store.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	r, list := record(1), make([]store.CDR, 1000)
	for i := range list {
		list[i] = store.CDR{ID: r.numbered(i).ID, Record: r.append(nil)}
	}
	if err := s.AddCDRs(b.Context(), list, false); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if got, err := List(b.Context(), s, tenant.Platform(), Query{Limit: 1000}); len(got) != 1000 || err != nil {
			b.Fatal(len(got), err)
		}
	}
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

// BenchmarkEndedBridged is it for a call with media.
func BenchmarkEndedBridged(b *testing.B) {
	w, r := newBench(b), bridged(1)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		r.ID[11] = byte(n)
		if w.Ended(r); n%flushAt == 0 {
			w.filling.reset()
		}
	}
}

func TestEndedAllocatesNothing(t *testing.T) {
	for _, r := range []*Record{record(1), bridged(1)} {
		endedAllocatesNothing(t, r)
	}
}

func endedAllocatesNothing(t *testing.T, r *Record) {
	t.Helper()
	w := newBench(t)
	for range flushAt {
		w.Ended(r)
	}
	w.filling.reset()
	if n := testing.AllocsPerRun(flushAt/2, func() { w.Ended(r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
