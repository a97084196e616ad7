// Package store keeps the nouns of package tenant: SQLite in the data folder.
//
// It has one way to write (Write), which scopes, validates, audits and bumps the revision in
// one transaction, and no query without a tenant.Scope. What another tenant owns is "not
// found". Secrets are sealed apart from the nouns and never come back with them.
//
// It is not its job to serve HTTP, to know SIP, or to decide what a packet may do.
package store

import (
	"context"
	"iter"
	"log/slog"
	"time"

	"tollgate/internal/tenant"
)

// Options says where the data is. The zero value of each but Dir is fine.
type Options struct {
	Dir string           // data folder; made with mode 0700 where it is missing
	URL string           // "" = SQLite in Dir; postgres:// is refused until it is served
	Key []byte           // 32 bytes that seal secrets; nil = the file secrets.key in Dir
	Now func() time.Time // nil = time.Now
	Log *slog.Logger     // nil = silent
}

// Query narrows a list. Limit 0 is 100, at most 1000.
type Query struct {
	Customer tenant.CustomerID // only this customer's; one outside of the scope is not found
	Company  tenant.CompanyID  // only this company's
	Q        string            // text filter, any case
	Limit    int
	Cursor   string // Page.Next of the page before
}

// Page is one page of a list, in order of id; Next is "" on the last.
type Page[T any] struct {
	Items []T
	Next  string
}

// Change is what has changed after some revision.
type Change struct {
	Revision      int64 // now
	All           bool  // too long ago to tell: load everything
	Customers     []tenant.CustomerID
	Companies     []tenant.CompanyID
	GoneCustomers []tenant.CustomerID
	GoneCompanies []tenant.CompanyID
}

// AuditEntry says who did what, when and from where; Before and After are JSON without secrets.
type AuditEntry struct {
	ID       int64             `json:"id"`
	Revision int64             `json:"revision"`
	At       time.Time         `json:"at"`
	Who      string            `json:"who"`
	WhoKind  string            `json:"who_kind"`
	From     string            `json:"from"`
	Via      string            `json:"via"`
	Action   string            `json:"action"` // create update delete password
	Noun     tenant.Kind       `json:"noun"`
	NounID   int64             `json:"noun_id"`
	Name     string            `json:"name"`
	Company  tenant.CompanyID  `json:"company_id,omitempty"`
	Customer tenant.CustomerID `json:"customer_id,omitempty"`
	Before   string            `json:"before,omitempty"`
	After    string            `json:"after,omitempty"`
}

// HA1 is what is stored of a SIP user's password (RFC 8760), as lower-case hex; "" = not stored.
type HA1 struct {
	Realm     string `json:"realm"`
	MD5       string `json:"md5,omitempty"`
	SHA256    string `json:"sha256,omitempty"`
	SHA512256 string `json:"sha512256,omitempty"`
}

var (
	_ = iter.Seq2[int, error](nil)
	_ = context.Background
)
