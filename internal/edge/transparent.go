package edge

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"tollgate/internal/policy"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// switches makes customers transparent whose users say so for all that they manage, and ends
// transparent mode when its time has come (mission row T3).
type switches struct {
	store *store.Store
	table *policy.Table
	log   *slog.Logger
	again chan struct{} // the ends have changed; room for one

	mu    sync.Mutex                      // guards what follows
	ends  map[tenant.CustomerID]time.Time // of customers
	users time.Time                       // the earliest of users; zero: none
}

func newSwitches(s *store.Store, t *policy.Table, log *slog.Logger) *switches {
	return &switches{store: s, table: t, log: log, again: make(chan struct{}, 1), ends: make(map[tenant.CustomerID]time.Time)}
}

// customer notes when a customer's own transparent mode ends.
func (w *switches) customer(c *tenant.Customer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.TransparentUntil.IsZero() {
		delete(w.ends, c.ID)
		return
	}
	w.ends[c.ID] = c.TransparentUntil
}

// gone forgets customers.
func (w *switches) gone(ids []tenant.CustomerID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		delete(w.ends, id)
	}
}

// follow reads the switches of users, and has the ends looked at again.
func (w *switches) follow(ctx context.Context) error {
	users, err := w.store.Switchers(ctx)
	if err != nil {
		return err
	}
	var all bool
	var companies []tenant.CompanyID
	var customers []tenant.CustomerID
	var first time.Time
	for i := range users {
		u := &users[i]
		switch u.Role {
		case tenant.RolePlatform:
			all = true
		case tenant.RoleCompany:
			companies = append(companies, u.Company)
		case tenant.RoleCustomer:
			customers = append(customers, u.Customer)
		}
		first = earlier(first, u.TransparentUntil)
	}
	w.table.SetTransparent(all, companies, customers)
	w.mu.Lock()
	w.users = first
	w.mu.Unlock()
	select {
	case w.again <- struct{}{}:
	default: // it will look anyway
	}
	return nil
}

// earlier is the earlier of two times, of which a zero one is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// next is when the next transparent mode ends; zero: none does.
func (w *switches) next() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	first := w.users
	for _, end := range w.ends {
		first = earlier(first, end)
	}
	return first
}

// retryEnd is when an end that could not be written is tried again.
const retryEnd = 5 * time.Second

// run ends what is due until ctx does. applied has the traffic obey what was written.
func (w *switches) run(ctx context.Context, applied func(context.Context) error) {
	whenDue(ctx, w.again, w.next, func() time.Duration {
		n, err := w.store.EndTransparency(ctx, time.Now())
		if err == nil {
			err = applied(ctx)
		}
		switch {
		case err != nil && ctx.Err() == nil:
			w.log.Error("transparent mode not ended", "error", err.Error())
		case n > 0:
			w.log.Info("transparent mode ended by itself", "switches", n)
			return 0
		}
		return retryEnd // another node may have been first, and its change comes soon
	})
}
