package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/tenant"
)

// owner says which columns tie a noun's row to its tenant.
type owner uint8

const (
	ownsItself      owner = iota // companies
	theCustomer                  // customers: company_id, and the row itself is the tenant
	ownedByCompany               // company_id: SIP profiles
	ownedByCustomer              // customer_id
	ownedByRole                  // company_id, customer_id, either of them null: users, API keys
)

// table describes one noun to the generic code that reads and writes all of them.
type table[T any, ID ~int64] struct {
	name     string
	kind     tenant.Kind
	owner    owner
	global   bool     // natural_key is unique over all tenants
	fresh    func() T // the defaults for what a stored body does not hold
	noun     func(*T) tenant.Noun
	id       func(*T) *ID
	company  func(*T) *tenant.CompanyID
	customer func(*T) *tenant.CustomerID
	refs     func(*T) []column // columns of references to other nouns
	search   func(*T) string
	indexed  bool // NAME_search holds the search text by its trigrams
	hooks    hooks[T]
}

// hooks are what one noun needs beyond what all do; each may be nil.
type hooks[T any] struct {
	// before judges a change, and may complete the new value. before is nil at creation, after at deletion.
	before func(c *change, before, after *T) error
	// after brings along what depends on the change.
	after func(c *change, before, after *T) error
}

type column struct {
	name  string
	value any
}

// reference is a nullable foreign key.
func reference[ID ~int64](name string, id ID) column {
	if id == 0 {
		return column{name, nil}
	}
	return column{name, int64(id)}
}

// record is a row as it is read, whatever its table.
type record struct {
	ID         int64
	CompanyID  int64
	CustomerID int64
	Body       string
	Version    int64
	UpdatedAt  int64
}

// columns is the select list that fills a record.
func (t *table[T, ID]) columns() string {
	company, customer := "0", "0"
	switch t.owner {
	case theCustomer, ownedByCompany:
		company = "company_id"
	case ownedByCustomer:
		customer = "customer_id"
	case ownedByRole:
		company, customer = "COALESCE(company_id, 0)", "COALESCE(customer_id, 0)"
	}
	return fmt.Sprintf("id, %s AS company_id, %s AS customer_id, body, version, updated_at", company, customer)
}

// selectFrom begins a query that gives records.
func (t *table[T, ID]) selectFrom(db bun.IDB) *bun.SelectQuery {
	return db.NewSelect().TableExpr(t.name).ColumnExpr(t.columns())
}

// decode gives the noun of a row.
func (t *table[T, ID]) decode(r *record) (T, error) {
	v := t.fresh()
	if err := json.Unmarshal([]byte(r.Body), &v); err != nil {
		return v, fmt.Errorf("%s %d in the database: %w", t.kind, r.ID, err)
	}
	*t.id(&v) = ID(r.ID)
	if t.company != nil {
		*t.company(&v) = tenant.CompanyID(r.CompanyID)
	}
	if t.customer != nil {
		*t.customer(&v) = tenant.CustomerID(r.CustomerID)
	}
	*t.noun(&v).Meta() = tenant.Stamp{Version: r.Version, UpdatedAt: time.UnixMicro(r.UpdatedAt).UTC()}
	return v, nil
}

// encode gives the body of a row: the noun without what is in columns.
func (t *table[T, ID]) encode(v T) (string, error) {
	*t.id(&v) = 0
	if t.company != nil {
		*t.company(&v) = 0
	}
	if t.customer != nil {
		*t.customer(&v) = 0
	}
	*t.noun(&v).Meta() = tenant.Stamp{}
	body, err := json.Marshal(&v)
	return string(body), err
}

// audited gives the noun as the audit shows it: with its ids, without its stamp.
func (t *table[T, ID]) audited(v T) (string, error) {
	*t.noun(&v).Meta() = tenant.Stamp{}
	body, err := json.Marshal(&v)
	return string(body), err
}

// owners are the columns that tie the row to its tenant, with their values.
func (t *table[T, ID]) owners(v *T) []column {
	switch t.owner {
	case theCustomer, ownedByCompany:
		return []column{{"company_id", int64(*t.company(v))}}
	case ownedByCustomer:
		return []column{{"customer_id", int64(*t.customer(v))}}
	case ownedByRole:
		return []column{reference("company_id", *t.company(v)), reference("customer_id", *t.customer(v))}
	}
	return nil
}

// row is everything that a write puts into the table, but for the id.
func (t *table[T, ID]) row(v *T, now time.Time, version int64) ([]column, error) {
	body, err := t.encode(*v)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", t.kind, err)
	}
	cols := append(t.owners(v),
		column{"natural_key", t.noun(v).Key()},
		column{"search", searchText(t.search(v))},
		column{"body", body},
		column{"version", version},
		column{"updated_at", now.UnixMicro()})
	if t.refs != nil {
		cols = append(cols, t.refs(v)...)
	}
	return cols, nil
}

// searchText is how text is compared by lists: in lower case, without control characters.
func searchText(v string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToLower(v))
}
