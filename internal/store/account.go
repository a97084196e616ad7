package store

import (
	"cmp"
	"context"
	"database/sql"
	"iter"
	"math"
	"slices"

	"github.com/uptrace/bun"

	"tollgate/internal/tenant"
)

// chunk is how many customers one bulk query asks for.
const chunk = 500

// Account loads everything of one customer, for the node itself: no scope, proven domains only,
// with what is kept of passwords.
func (s *Store) Account(ctx context.Context, id tenant.CustomerID) (*tenant.Account, error) {
	var out *tenant.Account
	err := s.snapshot(ctx, func(db bun.IDB) error {
		return eachAccount(ctx, s.source(db), []tenant.CustomerID{id}, s.secrets, func(a *tenant.Account) { out = proven(a) })
	})
	if err == nil && out == nil {
		err = tenant.NotFound(tenant.KindCustomer)
	}
	return out, s.explain(err)
}

// Accounts gives every account as Account does, in order of id, from one moment, by bulk queries.
// It stops at the first error.
func (s *Store) Accounts(ctx context.Context) iter.Seq2[*tenant.Account, error] {
	return func(yield func(*tenant.Account, error) bool) {
		stop := false
		err := s.snapshot(ctx, func(db bun.IDB) error {
			return inChunks(ctx, db, func(ids []tenant.CustomerID) (bool, error) {
				err := eachAccount(ctx, s.source(db), ids, s.secrets, func(a *tenant.Account) { stop = stop || !yield(proven(a), nil) })
				return !stop, err
			})
		})
		if err != nil && !stop {
			yield(nil, s.explain(err))
		}
	}
}

// FullAccounts gives the accounts of a scope, unproven domains too, for people and their files:
// those of ids, or all where ids is nil. One that is not in the scope is left out.
func (s *Store) FullAccounts(ctx context.Context, scope tenant.Scope, ids []tenant.CustomerID) ([]*tenant.Account, error) {
	var out []*tenant.Account
	err := s.snapshot(ctx, func(db bun.IDB) error {
		q := within(db.NewSelect().TableExpr("customers").Column("id"), theCustomer, scope).OrderExpr("id")
		if ids != nil {
			q = q.Where("id IN (?)", bun.List(plain(ids)))
		}
		var seen []tenant.CustomerID
		if err := q.Scan(ctx, &seen); err != nil {
			return err
		}
		return eachAccount(ctx, s.source(db), seen, nil, func(a *tenant.Account) { out = append(out, a) })
	})
	return out, s.explain(err)
}

func (s *Store) source(db bun.IDB) *source { return &source{db: db, kept: &s.kept} }

// snapshot runs fn on one moment of the database.
func (s *Store) snapshot(ctx context.Context, fn func(db bun.IDB) error) error {
	return s.r.RunInTx(ctx, &sql.TxOptions{ReadOnly: true}, func(_ context.Context, tx bun.Tx) error { return fn(tx) })
}

// proven leaves out the domains that do not work yet.
func proven(a *tenant.Account) *tenant.Account {
	a.Domains = slices.DeleteFunc(a.Domains, func(d tenant.Domain) bool { return !d.Proven })
	return a
}

func plain[ID ~int64](ids []ID) []int64 {
	out := make([]int64, len(ids))
	for i, id := range ids {
		out[i] = int64(id)
	}
	return out
}

// inChunks gives the ids of all customers, a chunk at a time, until fn says no.
func inChunks(ctx context.Context, db bun.IDB, fn func([]tenant.CustomerID) (bool, error)) error {
	for last := tenant.CustomerID(0); ; {
		var ids []tenant.CustomerID
		if err := db.NewSelect().TableExpr("customers").Column("id").Where("id > ?", int64(last)).OrderExpr("id").Limit(chunk).Scan(ctx, &ids); err != nil {
			return err
		}
		if len(ids) == 0 {
			return nil
		}
		if more, err := fn(ids); err != nil || !more {
			return err
		}
		last = ids[len(ids)-1]
	}
}

// eachAccount loads the accounts of ids, in their order, by one query a noun for each chunk;
// secrets, where given, adds what is sealed.
func eachAccount(ctx context.Context, from *source, ids []tenant.CustomerID, secrets func(context.Context, bun.IDB, accounts) error, fn func(*tenant.Account)) error {
	for part := range slices.Chunk(ids, chunk) {
		accounts, err := loadAccounts(ctx, from, part)
		if err == nil && secrets != nil {
			err = secrets(ctx, from.db, accounts)
		}
		if err != nil {
			return err
		}
		for _, id := range part {
			if a := accounts[id]; a != nil {
				fn(a)
			}
		}
	}
	return nil
}

type accounts map[tenant.CustomerID]*tenant.Account

func loadAccounts(ctx context.Context, from *source, ids []tenant.CustomerID) (accounts, error) {
	out := accounts{}
	var recs []record
	t := customers()
	if err := t.selectFrom(from.db).Where("id IN (?)", bun.List(plain(ids))).Scan(ctx, &recs); err != nil {
		return nil, err
	}
	for i := range recs {
		v, err := t.decode(&recs[i])
		if err != nil {
			return nil, err
		}
		out[v.ID] = &tenant.Account{Customer: v}
	}
	l := loader{source: from, ctx: ctx, ids: plain(ids), accounts: out}
	load(&l, domains(), func(a *tenant.Account, v tenant.Domain) { a.Domains = append(a.Domains, v) })
	load(&l, groups(), func(a *tenant.Account, v tenant.DestinationGroup) { a.Groups = append(a.Groups, v) })
	load(&l, destinations(), func(a *tenant.Account, v tenant.Destination) { a.Destinations = append(a.Destinations, v) })
	load(&l, routingRules(), func(a *tenant.Account, v tenant.RoutingRule) { a.Routing = append(a.Routing, v) })
	load(&l, firewallRules(), func(a *tenant.Account, v tenant.FirewallRule) { a.Firewall = append(a.Firewall, v) })
	loadLong(&l, blocklist(), func(a *tenant.Account) *[]tenant.BlocklistEntry { return &a.Blocklist })
	load(&l, whitelist(), func(a *tenant.Account, v tenant.WhitelistEntry) { a.Whitelist = append(a.Whitelist, v.CIDR) })
	load(&l, switches(), func(a *tenant.Account, v tenant.Switch) { a.Switches = append(a.Switches, v) })
	loadLong(&l, clis(), func(a *tenant.Account) *[]tenant.CLI { return &a.CLIs })
	loadLong(&l, dids(), func(a *tenant.Account) *[]tenant.DID { return &a.DIDs })
	load(&l, sipUsers(), func(a *tenant.Account, v tenant.SIPUser) { a.SIPUsers = append(a.SIPUsers, v) })
	l.profiles()
	for _, a := range out {
		inOrder(a)
	}
	return out, l.err
}

// loader fills accounts; after an error it does nothing more.
type loader struct {
	*source
	ctx      context.Context
	ids      []int64
	accounts accounts
	err      error
}

func load[T any, ID ~int64](l *loader, t *table[T, ID], add func(*tenant.Account, T)) {
	if l.err != nil || len(l.ids) == 0 {
		return
	}
	var recs []record
	if l.err = t.selectFrom(l.db).Where("customer_id IN (?)", bun.List(l.ids)).OrderExpr("customer_id, id").Scan(l.ctx, &recs); l.err != nil {
		return
	}
	for i := range recs {
		a := l.accounts[tenant.CustomerID(recs[i].CustomerID)]
		v, err := t.decode(&recs[i])
		if err != nil {
			l.err = err
			return
		}
		if a != nil {
			add(a, v)
		}
	}
}

// profiles adds to each account those profiles that its SIP users name.
func (l *loader) profiles() {
	wanted := map[tenant.ProfileID]bool{}
	for _, a := range l.accounts {
		for _, u := range a.SIPUsers {
			if u.Profile != 0 {
				wanted[u.Profile] = true
			}
		}
	}
	if l.err != nil || len(wanted) == 0 {
		return
	}
	ids := make([]tenant.ProfileID, 0, len(wanted))
	for id := range wanted {
		ids = append(ids, id)
	}
	t := sipProfiles()
	var recs []record
	if l.err = t.selectFrom(l.db).Where("id IN (?)", bun.List(plain(ids))).OrderExpr("id").Scan(l.ctx, &recs); l.err != nil {
		return
	}
	list, err := t.decodeAll(recs)
	if err != nil {
		l.err = err
		return
	}
	byID := make(map[tenant.ProfileID]tenant.SIPProfile, len(list))
	for _, p := range list {
		byID[p.ID] = p
	}
	for _, a := range l.accounts {
		addProfiles(a, byID)
	}
}

func addProfiles(a *tenant.Account, byID map[tenant.ProfileID]tenant.SIPProfile) {
	seen := map[tenant.ProfileID]bool{}
	for _, u := range a.SIPUsers {
		if p, ok := byID[u.Profile]; ok && !seen[u.Profile] {
			seen[u.Profile] = true
			a.Profiles = append(a.Profiles, p)
		}
	}
}

// inOrder sorts what is evaluated in order: by priority, then position (none: last), then id.
func inOrder(a *tenant.Account) {
	place := func(position int) int {
		if position == 0 {
			return math.MaxInt
		}
		return position
	}
	slices.SortStableFunc(a.Destinations, func(x, y tenant.Destination) int {
		return cmp.Or(cmp.Compare(x.Priority, y.Priority), cmp.Compare(place(x.Position), place(y.Position)), cmp.Compare(x.ID, y.ID))
	})
	header := func(x, y *tenant.HeaderRule) int {
		return cmp.Or(cmp.Compare(x.Priority, y.Priority), cmp.Compare(place(x.Position), place(y.Position)), cmp.Compare(x.ID, y.ID))
	}
	slices.SortStableFunc(a.Routing, func(x, y tenant.RoutingRule) int { return header(&x.HeaderRule, &y.HeaderRule) })
	slices.SortStableFunc(a.Firewall, func(x, y tenant.FirewallRule) int { return header(&x.HeaderRule, &y.HeaderRule) })
}
