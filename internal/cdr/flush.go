package cdr

import (
	"context"
	"time"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// Run begins to bring records to the store and to remove old ones, until Close.
func (w *Writer) Run() {
	ctx, cancel := context.WithCancel(context.Background())
	w.recall(ctx)
	w.done.Go(func() {
		defer cancel()
		w.run(ctx)
	})
	w.done.Go(func() {
		<-w.stop
		last := time.NewTimer(closing)
		defer last.Stop()
		select {
		case <-last.C:
			cancel()
		case <-ctx.Done():
		}
	})
}

// Close brings what still waits to the store, for some seconds at most. Whoever calls
// Ended later has his record in the journal.
func (w *Writer) Close() {
	close(w.stop)
	w.done.Wait()
}

func (w *Writer) run(ctx context.Context) {
	prune := time.NewTimer(2 * flushEvery)
	defer prune.Stop()
	if w.cfg.Keep == 0 {
		prune.Stop()
	}
	defer w.due.Stop()
	var retry time.Time
	for {
		select {
		case <-w.stop:
			w.closeFlood(time.Now(), true)
			w.flush(ctx)
			return
		case <-prune.C:
			// A few at a time, so that new records never wait long behind old ones.
			again := pruneEvery
			if w.isFailing() || w.prune(ctx, time.Now()) {
				again = flushEvery
			}
			prune.Reset(again)
			continue
		case <-w.due.C:
		case <-w.full:
		}
		now := time.Now()
		if wait := retry.Sub(now); wait > 0 {
			w.due.Reset(wait)
			continue
		}
		w.mu.Lock()
		w.armed = false
		w.mu.Unlock()
		w.closeFlood(now, false)
		if !w.flush(ctx) {
			retry = now.Add(retryAfter)
			w.due.Reset(retryAfter)
		}
	}
}

// flush brings all to the store that waits now; false where that takes none.
func (w *Writer) flush(ctx context.Context) bool {
	for range 2 { // what is left of a batch that the store refused, and what came since
		for w.writing.waiting() > 0 {
			part := w.writing.entries[w.writing.next:][:min(flushAt, w.writing.waiting())]
			list, again := w.listed(part)
			if err := w.cfg.Store.AddCDRs(ctx, list, again); err != nil {
				for i := range part {
					part[i].again = true
				}
				w.failed(err)
				return false
			}
			w.stored(part)
		}
		w.mu.Lock()
		w.writing.reset()
		w.writing, w.filling = w.filling, w.writing
		w.mu.Unlock()
	}
	return true
}

// listed gives records as the store takes them, and whether it may have some. They are read without
// the lock: what is on its way to the store changes only by this goroutine, but for entry.kept.
func (w *Writer) listed(part []entry) (list []store.CDR, again bool) {
	w.list = w.list[:0]
	for i := range part {
		e := &part[i]
		w.list = append(w.list, store.CDR{ID: e.id, Record: w.writing.record(e)})
		again = again || e.again
	}
	return w.list, again
}

// stored takes records off that the store has.
func (w *Writer) stored(part []entry) {
	for len(part) > 0 {
		some := part[:min(unlock, len(part))]
		part = part[len(some):]
		w.mu.Lock()
		for _, e := range some {
			if e.kept {
				w.cfg.Journal.Delete(e.id)
			}
			if e.call {
				w.ended--
			}
		}
		w.writing.next += len(some)
		w.stats.Stored += uint64(len(some))
		w.mu.Unlock()
	}
	w.recovered()
	if w.cfg.Stored != nil {
		w.cfg.Stored()
	}
}

// recovered tells of the end of what was wrong.
func (w *Writer) recovered() {
	w.mu.Lock()
	failing, lost := w.failing, w.unlogged
	w.failing, w.unlogged, w.unkept = false, 0, w.unkept && w.waiting() > 0
	if w.behind && w.ended < mostWaiting/2 {
		w.behind = false
		w.cfg.Behind(false)
	}
	w.mu.Unlock()
	if failing || lost > 0 {
		w.cfg.Log.Warn("call records are stored again", "lost", lost)
	}
}

// failed tells, once, that the store takes no records, and has the journal try again what
// it could not keep.
func (w *Writer) failed(err error) {
	w.mu.Lock()
	first := !w.failing
	w.failing = true
	waiting := w.waiting()
	if w.unkept {
		w.unkept = w.putAgain() != nil
	}
	w.mu.Unlock()
	if first {
		w.cfg.Log.Error("call records cannot be stored; they wait, and calls go on", "waiting", waiting, "error", err.Error())
	}
}

func (w *Writer) isFailing() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failing
}

// putAgain puts what the journal could not keep. mu is held.
func (w *Writer) putAgain() error {
	for _, b := range [...]*batch{w.writing, w.filling} {
		for i := b.next; i < len(b.entries); i++ {
			e := &b.entries[i]
			if e.kept {
				continue
			}
			if err := w.cfg.Journal.Put(e.id, b.record(e)); err != nil {
				return err
			}
			e.kept = true
		}
	}
	return nil
}

// remember notes an attempt that was refused lately, so that what is sent again is known. mu is held.
func (w *Writer) remember(id ID, c *CDR) {
	if c.EndedBy == Tollgate.String() && c.Answered.IsZero() {
		w.recent.again(id, time.Now())
	}
}

// recall notes the attempts that were refused before this process began.
func (w *Writer) recall(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	q := store.CDRQuery{Since: time.Now().Add(-retransmitted)}
	err := w.cfg.Store.CDRs(ctx, tenant.Platform(), q, func(s *store.CDR) bool {
		c := Read(s)
		w.remember(s.ID, &c)
		return true
	})
	if err != nil {
		w.cfg.Log.Error("call records cannot be read", "error", err.Error())
	}
}

// prune removes some that are too old; false when there are no more, or that cannot be.
func (w *Writer) prune(ctx context.Context, now time.Time) bool {
	n, err := w.cfg.Store.PruneCDRs(ctx, now.Add(-w.cfg.Keep), pruneAtOnce)
	if err != nil {
		w.cfg.Log.Error("old call records cannot be removed", "error", err.Error())
	}
	return err == nil && n == pruneAtOnce
}
