package cdr

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"tollgate/internal/store"
)

// Store is what takes the records.
type Store interface {
	Shelf
	// AddCDRs stores all or none; with again some may be there already, which are left out.
	AddCDRs(ctx context.Context, list []store.CDR, again bool) error
	// PruneCDRs removes at most so many blocks of those that ended before a time, and says how many.
	PruneCDRs(ctx context.Context, before time.Time, most int) (int64, error)
}

// Journal keeps records over the death of the process. Put returns once the record would
// survive; what it is given is copied.
type Journal interface {
	Put(id ID, data []byte) error
	Delete(id ID)
}

// Config says what a Writer is made of.
type Config struct {
	Store   Store
	Journal Journal
	Log     *slog.Logger
	Keep    time.Duration // how long records are kept in the store; 0 = for ever
	// Behind is told when so many ended calls wait for the store that no new ones should be
	// let in, and when they may be again. It must not block nor call the writer.
	Behind func(is bool)
	// Stored is told when the store has some more; nil: nobody is. It must not block.
	Stored func()
}

const (
	flushEvery = 500 * time.Millisecond // after the first record: it is listed within a second
	flushAt    = 1000                   // records in one transaction; so many are not kept waiting
	retryAfter = time.Second
	// mostWaiting is how many records wait in memory at most while the store takes none.
	// Ended calls may be more of them, by those that were up when it was reached.
	mostWaiting = 10_000
	pruneEvery  = time.Hour
	pruneAtOnce = 20 // blocks
	// closing is how long Close waits for the store. What it has not taken then is in the journal.
	closing = 5 * time.Second
	// unlock is how many records are handled under the lock at a stretch, since calls wait for it.
	unlock = 64
	// spare is the most bytes that an empty batch holds on to.
	spare = 8 << 20
)

// Writer takes records and brings them to the store. Ended and Refused may be called
// from any goroutine.
type Writer struct {
	cfg  Config
	due  *time.Timer   // something waits for long enough
	full chan struct{} // so much waits that it should not any longer
	stop chan struct{}
	done sync.WaitGroup
	list []store.CDR // scratch of the writer's goroutine

	mu       sync.Mutex // guards what follows, and orders Put and Delete of the journal
	filling  *batch     // takes what comes
	writing  *batch     // is on its way to the store; only the goroutine changes what it is
	ended    int        // records of calls that wait
	behind   bool
	failing  bool // the store took none when it was asked last
	unkept   bool // the journal could not keep some of those that wait
	stats    Stats
	unlogged uint64 // of stats.Lost, since the last word about it
	armed    bool   // due is set
	recent   recent
	flood    flood
}

// Stats counts, since the start.
type Stats struct {
	Waiting int    // for the store
	Stored  uint64 // by it, those it had already included
	Lost    uint64 // refused attempts that nobody could keep
	// Repeated are refused attempts that another's record stands for.
	Repeated uint64
}

// batch is records behind each other in one buffer.
type batch struct {
	data    []byte
	entries []entry
	next    int // entries before this one are stored
}

type entry struct {
	id         ID
	start, end int
	call       bool // rather than a refused attempt
	kept       bool // by the journal
	again      bool // the store may have it
}

func (b *batch) waiting() int           { return len(b.entries) - b.next }
func (b *batch) record(e *entry) []byte { return b.data[e.start:e.end] }

func (b *batch) reset() {
	if cap(b.data) > spare {
		*b = batch{}
	}
	b.data, b.entries, b.next = b.data[:0], b.entries[:0], 0
}

// New makes a writer; nothing is stored before Run.
func New(cfg Config) *Writer {
	w := &Writer{
		cfg: cfg, due: time.NewTimer(time.Hour), full: make(chan struct{}, 1), stop: make(chan struct{}), filling: new(batch), writing: new(batch),
		recent: newRecent(), flood: newFlood(),
	}
	w.due.Stop()
	return w
}

// Ended keeps the record of a call. When it returns, the record survives the process,
// unless the journal's disk is full: then it is in memory until the store takes it.
func (w *Writer) Ended(r *Record) {
	w.mu.Lock()
	tell := w.keep(r, true)
	w.mu.Unlock()
	w.unkeptIs(tell)
}

// Refused keeps the record of an attempt that was no call. One that is sent again is no
// other; in a flood one record stands for many. Where mostWaiting records wait
// already it is counted and lost, so that refusals cannot fill the memory.
func (w *Writer) Refused(r *Record) {
	tell, lost := w.refused(r, time.Now())
	w.unkeptIs(tell)
	if lost {
		w.cfg.Log.Error("call records are lost: too many wait for the database; those of refused attempts go first", "waiting", mostWaiting)
	}
}

// refused says what is to be told: that the journal could not keep the record, or that it is lost.
func (w *Writer) refused(r *Record, now time.Time) (tell error, lost bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.recent.again(r.ID, now) {
		return nil, false
	}
	if what, ok := w.flood.admit(r, now); !ok {
		w.addRepeated(r, what, now)
		return nil, false
	}
	if w.waiting() >= mostWaiting {
		w.stats.Lost++
		w.unlogged++
		return nil, w.unlogged == 1
	}
	return w.keep(r, false), false
}

func (w *Writer) unkeptIs(err error) {
	if err != nil {
		w.cfg.Log.Error("a call record is in memory only: it is lost if this process dies before the database has it", "error", err.Error())
	}
}

// keep takes a record; its error is the first of the journal that is to be told. mu is held.
func (w *Writer) keep(r *Record, call bool) (tell error) {
	b := w.filling
	start := len(b.data)
	b.data = r.append(b.data)
	err := w.cfg.Journal.Put(r.ID, b.data[start:])
	w.add(entry{id: r.ID, start: start, end: len(b.data), call: call, kept: err == nil})
	if !w.unkept {
		tell = err
	}
	w.unkept = w.unkept || err != nil
	return tell
}

// add takes a record that stands in filling. mu is held.
func (w *Writer) add(e entry) {
	w.filling.entries = append(w.filling.entries, e)
	if e.call {
		w.ended++
	}
	if w.ended >= mostWaiting && !w.behind {
		w.behind = true
		w.cfg.Behind(true)
	}
	w.arm()
	if len(w.filling.entries) == flushAt {
		select {
		case w.full <- struct{}{}:
		default:
		}
	}
}

// arm has what waits looked at in time. mu is held.
func (w *Writer) arm() {
	if !w.armed {
		w.armed = true
		w.due.Reset(flushEvery)
	}
}

func (w *Writer) waiting() int { return w.filling.waiting() + w.writing.waiting() }

// Restore takes back a record that an earlier process has left in the journal. It is called
// before Run.
func (w *Writer) Restore(id ID, data []byte) error {
	data, err := withHead(data)
	if err != nil {
		return err
	}
	c, err := decode(&store.CDR{ID: id, Record: data})
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.remember(id, &c)
	start := len(w.filling.data)
	w.filling.data = append(w.filling.data, data...)
	w.add(entry{id: id, start: start, end: len(w.filling.data), call: true, kept: true, again: true})
	return nil
}

// Checkpoint puts all that waits into the journal again.
func (w *Writer) Checkpoint() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	// While the lock is free in between, records come, which put themselves, and go, which are
	// before next; the two batches may even change places.
	for _, b := range [...]*batch{w.writing, w.filling} {
		for i := b.next; i < len(b.entries); i = max(i+1, b.next) {
			e := &b.entries[i]
			if err := w.cfg.Journal.Put(e.id, b.record(e)); err != nil {
				return err
			}
			e.kept = true
			if i%unlock == unlock-1 {
				w.mu.Unlock()
				w.mu.Lock()
			}
		}
	}
	for _, s := range w.flood.open {
		if err := w.cfg.Journal.Put(s.id, s.data); err != nil {
			return err
		}
	}
	return nil
}

// Stats counts.
func (w *Writer) Stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.stats
	s.Waiting = w.waiting() + len(w.flood.open)
	return s
}
