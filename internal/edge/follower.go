package edge

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"tollgate/internal/antifraud"
	"tollgate/internal/ban"
	"tollgate/internal/policy"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// pollEvery is how often the store is asked for changes by others; a change is
// live within a second (mission row T5), and our own writes do not wait for it.
const pollEvery = 800 * time.Millisecond

// follower keeps the policy table as the store says: it reads what changed, and
// only that.
type follower struct {
	store *store.Store
	table *policy.Table
	bans  *ban.Table
	fraud *antifraud.Guard
	modes *switches
	waits *waiting
	log   *slog.Logger
	seen  atomic.Int64

	mu   sync.Mutex // one reader at a time
	ctx  context.Context
	stop context.CancelFunc
	done sync.WaitGroup
}

func newFollower(s *store.Store, t *policy.Table, b *ban.Table, fraud *antifraud.Guard, log *slog.Logger) *follower {
	f := &follower{store: s, table: t, bans: b, fraud: fraud, modes: newSwitches(s, t, log), waits: newWaiting(s, log), log: log}
	f.ctx, f.stop = context.WithCancel(context.Background())
	f.seen.Store(-1)
	return f
}

func (f *follower) start() {
	f.done.Go(func() { f.modes.run(f.ctx, f.follow) })
	f.done.Go(func() { f.waits.run(f.ctx, f.follow) })
	f.done.Add(1)
	go func() {
		defer f.done.Done()
		tick := time.NewTicker(pollEvery)
		defer tick.Stop()
		for {
			select {
			case <-f.ctx.Done():
				return
			case <-tick.C:
				if err := f.follow(f.ctx); err != nil && f.ctx.Err() == nil {
					f.log.Error("configuration not read; the last one stays in force", "error", err.Error())
				}
			}
		}
	}()
}

func (f *follower) close() {
	f.stop()
	f.done.Wait()
}

// follow brings the table to the store's latest revision.
func (f *follower) follow(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n, err := f.store.Revision(ctx); err == nil && n == f.seen.Load() {
		return nil // the usual case, for a tenth of what Changes costs
	}
	change, err := f.store.Changes(ctx, f.seen.Load())
	if err != nil || change.Revision == f.seen.Load() {
		return err
	}
	if change.All {
		err = f.loadAll(ctx)
	} else {
		err = f.loadSome(ctx, change)
	}
	if err == nil {
		err = f.modes.follow(ctx)
	}
	if err == nil {
		err = f.waits.follow(ctx)
	}
	if err == nil {
		f.seen.Store(change.Revision)
	}
	return err
}

func (f *follower) loadAll(ctx context.Context) error {
	companies, err := f.store.Companies.All(ctx, tenant.Platform(), store.Query{})
	if err != nil {
		return err
	}
	for _, c := range companies {
		f.table.PutCompany(c)
	}
	const batch = 1000
	accounts := make([]*tenant.Account, 0, batch)
	for a, err := range f.store.Accounts(ctx) {
		if err != nil {
			return err
		}
		if accounts = append(accounts, a); len(accounts) == batch {
			f.put(accounts)
			accounts = accounts[:0]
		}
	}
	f.put(accounts)
	return nil
}

// put compiles accounts; one that policy cannot take leaves the others alone.
func (f *follower) put(accounts []*tenant.Account) {
	if len(accounts) == 0 {
		return
	}
	err := f.table.Put(accounts...)
	if err == nil {
		for _, a := range accounts {
			f.bans.Accept(a.Customer.ID, accepted(a))
			f.modes.customer(&a.Customer)
			f.fraud.Accept(a.Customer.ID, prefixes(a.Whitelist), entries(a))
		}
		return
	}
	if len(accounts) == 1 {
		f.log.Error("customer not served", "customer", accounts[0].Customer.Name, "error", err.Error())
		return
	}
	for _, a := range accounts {
		f.put([]*tenant.Account{a})
	}
}

func (f *follower) loadSome(ctx context.Context, change store.Change) error {
	for _, id := range change.Companies {
		c, err := f.store.Companies.Get(ctx, tenant.Platform(), id)
		if err != nil {
			return err
		}
		f.table.PutCompany(c)
	}
	f.table.Remove(change.GoneCustomers...)
	f.bans.Gone(change.GoneCustomers...)
	f.modes.gone(change.GoneCustomers)
	f.fraud.Gone(change.GoneCustomers...)
	accounts := make([]*tenant.Account, 0, len(change.Customers))
	for _, id := range change.Customers {
		a, err := f.store.Account(ctx, id)
		if err != nil {
			return err
		}
		accounts = append(accounts, a)
	}
	f.put(accounts)
	for _, id := range change.GoneCompanies {
		f.table.RemoveCompany(id)
	}
	return nil
}
