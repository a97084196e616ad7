package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/tenant"
)

// Tx is a write in progress; it sees and changes only what its scope holds.
type Tx struct {
	Companies     Writer[tenant.Company, tenant.CompanyID]
	Users         Writer[tenant.User, tenant.UserID]
	Customers     Writer[tenant.Customer, tenant.CustomerID]
	Domains       Writer[tenant.Domain, tenant.DomainID]
	Groups        Writer[tenant.DestinationGroup, tenant.GroupID]
	Destinations  Writer[tenant.Destination, tenant.DestinationID]
	RoutingRules  Writer[tenant.RoutingRule, tenant.RuleID]
	FirewallRules Writer[tenant.FirewallRule, tenant.RuleID]
	Blocklist     Writer[tenant.BlocklistEntry, tenant.EntryID]
	Whitelist     Writer[tenant.WhitelistEntry, tenant.EntryID]
	Switches      Writer[tenant.Switch, tenant.SwitchID]
	CLIs          Writer[tenant.CLI, tenant.EntryID]
	DIDs          Writer[tenant.DID, tenant.EntryID]
	SIPUsers      Writer[tenant.SIPUser, tenant.SIPUserID]
	SIPProfiles   Writer[tenant.SIPProfile, tenant.ProfileID]
	APIKeys       Writer[tenant.APIKey, tenant.KeyID] // Create is refused: use NewAPIKey

	s         *Store
	db        bun.Tx
	principal tenant.Principal
	scope     tenant.Scope
	now       time.Time
	base      int64 // the revision on which this write stands
	applied   []appliedMark
	audit     []AuditEntry
	touched   touched
	customers map[tenant.CustomerID]tenant.Customer // those that were found in the scope
	keyHash   string                                // of the API key that is being made

	provisional *provisional // what is kept to take this write back; nil: it stays
}

// touched is what the end of the transaction has to judge and to tell the nodes.
type touched struct {
	customers        map[tenant.CustomerID]bool // true: gone
	companies        map[tenant.CompanyID]bool  // true: gone
	lists            map[listID]bool            // of which a noun changed
	limitLowered     map[tenant.CustomerID]bool // call_limit changed: the words of a K1 fault differ
	usersChanged     map[tenant.CustomerID]bool // SIP users changed
	profilesChanged  map[tenant.ProfileID]bool  // a profile's channels or capacity changed; true: its capacity
	admins           *admins                    // of the platform, as they were before users changed; nil: none did
	sharing          map[tenant.CustomerID]bool // switches, CLIs or DIDs changed: other customers' ranges matter
	deletedCompanies []tenant.Company
	deleted          map[deletedRef]string // what others may still name, and its label
	needs            []need
}

func newTouched() touched {
	return touched{
		customers: map[tenant.CustomerID]bool{}, companies: map[tenant.CompanyID]bool{}, lists: map[listID]bool{},
		limitLowered: map[tenant.CustomerID]bool{}, usersChanged: map[tenant.CustomerID]bool{},
		profilesChanged: map[tenant.ProfileID]bool{},
		sharing:         map[tenant.CustomerID]bool{}, deleted: map[deletedRef]string{},
	}
}

// Write is the only way to change anything. fn's error, or a fault found at its end
// (tenant.Faults), rolls everything back. The revision is that of the commit; without any change
// it is the standing one. fn must use only its Tx, and not keep it; after an error the ids and stamps
// that it was given mean nothing.
func (s *Store) Write(ctx context.Context, p tenant.Principal, scope tenant.Scope, fn func(tx *Tx) error) (revision int64, err error) {
	return s.write(ctx, p, scope, fn, true)
}

// Try does all that Write does and takes it back at the end: its error is the one that Write would give.
func (s *Store) Try(ctx context.Context, p tenant.Principal, scope tenant.Scope, fn func(tx *Tx) error) error {
	_, err := s.write(ctx, p, scope, fn, false)
	return err
}

func (s *Store) write(ctx context.Context, p tenant.Principal, scope tenant.Scope, fn func(tx *Tx) error, commit bool) (revision int64, err error) {
	if err := mayEnter(p, scope); err != nil {
		return 0, err
	}
	select {
	case s.writer <- struct{}{}:
		defer func() { <-s.writer }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	tx, err := s.begin(ctx, p, scope)
	if err != nil {
		return 0, s.explain(err)
	}
	done := false
	defer func() {
		if done {
			return
		}
		if failed := rollback(tx.db); failed != nil { // also when fn panics
			err = errors.Join(err, s.explain(failed))
		}
	}()
	if err := fn(tx); err != nil {
		return 0, s.explain(err)
	}
	revision, err = tx.finish(ctx)
	if err != nil || !commit {
		return revision, s.explain(err)
	}
	done = true
	return revision, s.explain(s.commit(tx.db))
}

// rollback takes the transaction back, unless it is already: where the context ended first, and
// where SQLite did it by itself (a full disk), which it tells by its words only.
func rollback(db bun.Tx) error {
	err := db.Rollback()
	if errors.Is(err, sql.ErrTxDone) || err != nil && strings.Contains(err.Error(), "no transaction is active") {
		return nil
	}
	return err
}

// commit ends the transaction. SQLite leaves one open whose COMMIT it refused (a full disk, a
// reference that hangs), and the writer's only connection would stay in it.
func (s *Store) commit(db bun.Tx) error {
	err := db.Commit()
	if err != nil {
		_, _ = s.w.Exec("ROLLBACK") // fails where SQLite has rolled back by itself
	}
	return err
}

// mayEnter wants the scope to be one that the principal has.
func mayEnter(p tenant.Principal, scope tenant.Scope) error {
	own := p.Scope()
	switch {
	case scope.Role() == "" || own.Role() == "":
		return tenant.Forbidden("nothing is written without a scope", "a principal with a role")
	case own.IsPlatform(), own == scope:
		return nil
	case own.Role() == tenant.RoleCompany && scope.Role() == tenant.RoleCustomer:
		return nil // narrowed to a customer: begin proves that it is the company's
	}
	return tenant.NotFound(tenant.KindCustomer)
}

func (s *Store) begin(ctx context.Context, p tenant.Principal, scope tenant.Scope) (*Tx, error) {
	db, err := s.w.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	tx := &Tx{s: s, db: db, principal: p, scope: scope, now: s.now(), customers: map[tenant.CustomerID]tenant.Customer{}}
	tx.touched = newTouched()
	tx.writers()
	tx.base, err = revision(ctx, db)
	if err == nil && p.Role == tenant.RoleCompany && scope.Role() == tenant.RoleCustomer {
		_, err = get(ctx, db, customers(), p.Scope(), scope.Customer())
	}
	if err != nil {
		return nil, errors.Join(err, db.Rollback())
	}
	return tx, nil
}

// writers ties each noun's writer to its table.
func (t *Tx) writers() {
	t.Companies = newWriter(t, t.s.Companies)
	t.Users = newWriter(t, t.s.Users)
	t.Customers = newWriter(t, t.s.Customers)
	t.Domains = newWriter(t, t.s.Domains)
	t.Groups = newWriter(t, t.s.Groups)
	t.Destinations = newWriter(t, t.s.Destinations)
	t.RoutingRules = newWriter(t, t.s.RoutingRules)
	t.FirewallRules = newWriter(t, t.s.FirewallRules)
	t.Blocklist = newWriter(t, t.s.Blocklist)
	t.Whitelist = newWriter(t, t.s.Whitelist)
	t.Switches = newWriter(t, t.s.Switches)
	t.CLIs = newWriter(t, t.s.CLIs)
	t.DIDs = newWriter(t, t.s.DIDs)
	t.SIPUsers = newWriter(t, t.s.SIPUsers)
	t.SIPProfiles = newWriter(t, t.s.SIPProfiles)
	t.APIKeys = newWriter(t, t.s.APIKeys)
}

// Base is the revision on which this write stands.
func (t *Tx) Base() int64 { return t.base }

// next is the revision that this write becomes.
func (t *Tx) next() int64 { return t.base + 1 }

// finish judges all that was touched and writes what belongs to a commit: audit, changes, revision.
func (t *Tx) finish(ctx context.Context) (int64, error) {
	faults, err := t.judge(ctx)
	if err != nil {
		return 0, err
	}
	if len(faults) > 0 {
		return 0, faults
	}
	revision := t.base
	if len(t.audit) > 0 {
		revision = t.next()
		if err := t.writeAudit(ctx); err != nil {
			return 0, err
		}
		if err := t.writeChanges(ctx); err != nil {
			return 0, err
		}
		if _, err := t.db.NewRaw("UPDATE revision SET value = ? WHERE id = 1", revision).Exec(ctx); err != nil {
			return 0, err
		}
	}
	if err := t.writePending(ctx, revision); err != nil {
		return 0, err
	}
	return revision, t.writeApplied(ctx, revision)
}
