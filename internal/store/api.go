package store

import (
	"context"
	"iter"

	"tollgate/internal/tenant"
)

// Skeleton: the exported API with which others compile; bodies follow.

// Store is an open database.
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
}

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
}

// Reader reads one noun.
type Reader[T any, ID ~int64] struct{}

// Get gives one noun; tenant.ErrNotFound where it is not in the scope.
func (r Reader[T, ID]) Get(ctx context.Context, scope tenant.Scope, id ID) (T, error) { panic("soon") }

// List gives one page.
func (r Reader[T, ID]) List(ctx context.Context, scope tenant.Scope, q Query) (Page[T], error) {
	panic("soon")
}

// Writer reads and changes one noun within a transaction.
type Writer[T any, ID ~int64] struct{}

// Get gives one noun as the transaction sees it.
func (w Writer[T, ID]) Get(ctx context.Context, id ID) (T, error) { panic("soon") }

// All gives every noun that the query matches, without pages; Limit and Cursor are ignored.
func (w Writer[T, ID]) All(ctx context.Context, q Query) ([]T, error) { panic("soon") }

// Create stores a new noun and sets its id and stamp. Defaults are the caller's (tenant.NewCustomer, ...).
func (w Writer[T, ID]) Create(ctx context.Context, v *T) error { panic("soon") }

// Update stores a changed noun; a Version that is not the stored one is refused (CodeChanged), 0 is not checked.
func (w Writer[T, ID]) Update(ctx context.Context, v *T) error { panic("soon") }

// Delete removes a noun and what it owns.
func (w Writer[T, ID]) Delete(ctx context.Context, id ID) error { panic("soon") }

// Open opens or makes the database and brings its schema up to date. Its errors are one sentence for people.
func Open(ctx context.Context, o Options) (*Store, error) { panic("soon") }

// Close waits for the running write and closes.
func (s *Store) Close() error { panic("soon") }

// Write is the only way to change anything. fn's error, or a fault found at its end (tenant.Faults),
// rolls everything back. The revision is that of the commit; without any change it is the standing one.
func (s *Store) Write(ctx context.Context, p tenant.Principal, scope tenant.Scope, fn func(tx *Tx) error) (revision int64, err error) {
	panic("soon")
}

// Revision is the number of the last commit.
func (s *Store) Revision(ctx context.Context) (int64, error) { panic("soon") }

// Changes tells what to reload after the revision since.
func (s *Store) Changes(ctx context.Context, since int64) (Change, error) { panic("soon") }

// Account loads everything of one customer, for the node itself: unscoped, proven domains only.
func (s *Store) Account(ctx context.Context, id tenant.CustomerID) (*tenant.Account, error) {
	panic("soon")
}

// Accounts gives every account, in order of id, by bulk queries; it stops at the first error.
func (s *Store) Accounts(ctx context.Context) iter.Seq2[*tenant.Account, error] { panic("soon") }

// Audit lists what was done, newest first, within the scope.
func (s *Store) Audit(ctx context.Context, scope tenant.Scope, q Query) (Page[AuditEntry], error) {
	panic("soon")
}

// SIPCredentials gives the HA1s of a customer's SIP users, for the node's authenticator.
func (s *Store) SIPCredentials(ctx context.Context, c tenant.CustomerID) (map[tenant.SIPUserID]HA1, error) {
	panic("soon")
}

// SwitchPassword gives what a switch asks of us, for the node's own digest answers; "" where none is set.
func (s *Store) SwitchPassword(ctx context.Context, id tenant.SwitchID) (string, error) {
	panic("soon")
}

// Authenticate finds the principal of an API key; tenant.ErrNotFound for an unknown one. From and Via are the caller's to fill.
func (s *Store) Authenticate(ctx context.Context, key string) (tenant.Principal, error) {
	panic("soon")
}

// SetSIPPassword stores the HA1s of a SIP user's new password under its customer's realm.
func (t *Tx) SetSIPPassword(ctx context.Context, id tenant.SIPUserID, password string) error {
	panic("soon")
}

// SetSIPHA1 stores an HA1 (32 hex digits: MD5, 64: SHA-256) brought from elsewhere; realm must be the customer's.
func (t *Tx) SetSIPHA1(ctx context.Context, id tenant.SIPUserID, realm, ha1 string) error {
	panic("soon")
}

// SetSwitchPassword seals what we answer that switch's challenges with; "" forgets it.
func (t *Tx) SetSwitchPassword(ctx context.Context, id tenant.SwitchID, password string) error {
	panic("soon")
}

// NewAPIKey makes a key, sets k.ID and k.Hint, and gives the key's text: the only time that it is seen.
func (t *Tx) NewAPIKey(ctx context.Context, k *tenant.APIKey) (key string, err error) {
	panic("soon")
}
