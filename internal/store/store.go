// Package store keeps the nouns of package tenant: SQLite in the data folder.
//
// It has one way to write them (Store.Write), which scopes, validates, audits and bumps the revision
// in one transaction, and no query without a tenant.Scope. What another tenant owns is "not
// found". Secrets are sealed apart from the nouns and never come back with them.
//
// It is not its job to serve HTTP, to know SIP, or to decide what a packet may do.
package store

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/tenant"
)

// Options says where the data is. The zero value of each but Dir is fine.
type Options struct {
	Dir string           // data folder; made with mode 0700 where it is missing
	URL string           // "" = SQLite in Dir; postgres:// is refused until it is served
	Key []byte           // 32 bytes that seal secrets; nil = the file secrets.key in Dir
	Now func() time.Time // nil = time.Now
}

// Store is an open database. Its methods may be called at once; writes wait for each other.
type Store struct {
	Companies     Reader[tenant.Company, tenant.CompanyID]
	Users         Reader[tenant.User, tenant.UserID]
	Customers     Reader[tenant.Customer, tenant.CustomerID]
	Domains       Reader[tenant.Domain, tenant.DomainID]
	Groups        Reader[tenant.DestinationGroup, tenant.GroupID]
	Destinations  Reader[tenant.Destination, tenant.DestinationID]
	RoutingRules  Reader[tenant.RoutingRule, tenant.RuleID]
	FirewallRules Reader[tenant.FirewallRule, tenant.RuleID]
	Blocklist     Reader[tenant.BlocklistEntry, tenant.EntryID]
	Whitelist     Reader[tenant.WhitelistEntry, tenant.EntryID]
	Switches      Reader[tenant.Switch, tenant.SwitchID]
	CLIs          Reader[tenant.CLI, tenant.EntryID]
	DIDs          Reader[tenant.DID, tenant.EntryID]
	SIPUsers      Reader[tenant.SIPUser, tenant.SIPUserID]
	SIPProfiles   Reader[tenant.SIPProfile, tenant.ProfileID]
	APIKeys       Reader[tenant.APIKey, tenant.KeyID]

	file   string
	w, r   *bun.DB
	seal   *sealer
	now    func() time.Time
	writer chan struct{} // holds one token: who has it writes
	cdrs   cdrWriting
	kept   keptLists
}

// Open opens or makes the database and brings its schema up to date. Its errors are one sentence
// for people (Broken); no data is changed where it fails.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.URL != "" {
		scheme, _, _ := strings.Cut(o.URL, ":") // the rest may hold a password
		return nil, &Broken{Message: "a database at " + scheme + ":... is not served yet: leave database empty for SQLite in data_dir"}
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, explainFile(o.Dir, err)
	}
	w, r, err := openSQLite(ctx, o.Dir)
	if err != nil {
		return nil, err
	}
	s := &Store{file: filepath.Join(o.Dir, FileName), w: w, r: r, now: o.Now, writer: make(chan struct{}, 1)}
	if s.now == nil {
		s.now = time.Now
	}
	if s.seal, err = openSealer(ctx, o, w); err != nil {
		return nil, errors.Join(s.explain(err), s.Close())
	}
	s.readers()
	return s, nil
}

// readers ties each noun's reader to its table.
func (s *Store) readers() {
	s.Companies = newReader(s, companies())
	s.Users = newReader(s, users())
	s.Customers = newReader(s, customers())
	s.Domains = newReader(s, domains())
	s.Groups = newReader(s, groups())
	s.Destinations = newReader(s, destinations())
	s.RoutingRules = newReader(s, routingRules())
	s.FirewallRules = newReader(s, firewallRules())
	s.Blocklist = newReader(s, blocklist())
	s.Whitelist = newReader(s, whitelist())
	s.Switches = newReader(s, switches())
	s.CLIs = newReader(s, clis())
	s.DIDs = newReader(s, dids())
	s.SIPUsers = newReader(s, sipUsers())
	s.SIPProfiles = newReader(s, sipProfiles())
	s.APIKeys = newReader(s, apiKeys())
}

// Close waits for the running write and closes.
func (s *Store) Close() error {
	s.writer <- struct{}{}
	defer func() { <-s.writer }() // a later write is told that the database is closed
	return errors.Join(s.explain(s.r.Close()), s.explain(s.w.Close()))
}

func (s *Store) explain(err error) error { return explain(s.file, err) }

func isNoRows(err error) bool { return errors.Is(err, sql.ErrNoRows) }

// Revision is the number of the last commit.
func (s *Store) Revision(ctx context.Context) (int64, error) {
	n, err := revision(ctx, s.r)
	return n, s.explain(err)
}

func revision(ctx context.Context, db bun.IDB) (n int64, err error) {
	err = db.NewSelect().TableExpr("revision").Column("value").Where("id = 1").Scan(ctx, &n)
	return n, err
}
