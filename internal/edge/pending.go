package edge

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// waiting has an apply go back that nobody confirmed in time.
type waiting struct {
	store *store.Store
	log   *slog.Logger
	again chan struct{} // what waits has changed; room for one

	mu    sync.Mutex // guards what follows
	apply *store.Pending
	stuck error // why it could not go back
}

func newWaiting(s *store.Store, log *slog.Logger) *waiting {
	return &waiting{store: s, log: log, again: make(chan struct{}, 1)}
}

// follow reads what waits, and has the time looked at again.
func (w *waiting) follow(ctx context.Context) error {
	p, err := w.store.Pending(ctx)
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.apply = p
	if p == nil {
		w.stuck = nil
	}
	w.mu.Unlock()
	select {
	case w.again <- struct{}{}:
	default: // it will look anyway
	}
	return nil
}

// now is what waits, nil: nothing does, and why it could not go back when its time had come.
func (w *waiting) now() (*store.Pending, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.apply, w.stuck
}

// retryBack is when a way back that failed is tried again.
const retryBack = 10 * time.Second

// run has what is due go back until ctx ends. applied has the traffic obey what was written.
func (w *waiting) run(ctx context.Context, applied func(context.Context) error) {
	until := func() time.Time {
		if p, _ := w.now(); p != nil {
			return p.Until
		}
		return time.Time{}
	}
	whenDue(ctx, w.again, until, func() time.Duration {
		if p, _ := w.now(); p != nil {
			w.back(ctx, p)
		}
		if err := applied(ctx); err != nil && ctx.Err() == nil {
			w.log.Error("configuration not read; the last one stays in force", "error", err.Error())
		}
		return retryBack // where it did not go back; else nothing waits then
	})
}

// due has an apply go back whose time came while no node ran, before anything obeys it.
func (w *waiting) due(ctx context.Context) error {
	p, err := w.store.Pending(ctx)
	if err == nil && p != nil && !p.Until.After(time.Now()) {
		w.back(ctx, p)
	}
	return err
}

func (w *waiting) back(ctx context.Context, p *store.Pending) {
	done, err := w.store.GoBack(ctx, tenant.System("apply"), p.ID)
	switch {
	case err == nil:
		w.log.Warn("apply went back: nobody has confirmed it", "file", p.File, "by", p.Who, "nouns", done.Nouns, "left", len(done.Left))
		for _, l := range done.Left {
			w.log.Warn("did not go back", "noun", l.Noun, "name", l.Name, "customer", l.Customer, "why", l.Why)
		}
	case errors.Is(err, tenant.ErrNotFound): // confirmed, or another node was first
		err = nil
	case ctx.Err() == nil:
		w.log.Error("apply does not go back", "file", p.File, "error", err.Error())
	}
	w.mu.Lock()
	w.stuck = err
	w.mu.Unlock()
}
