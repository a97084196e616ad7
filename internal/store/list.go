package store

import (
	"context"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"tollgate/internal/tenant"
)

// Query narrows a list. The zero value is everything in the scope, a hundred at a time.
type Query struct {
	Customer tenant.CustomerID // only this customer's; one outside of the scope is not found
	Company  tenant.CompanyID  // only this company's; likewise
	Q        string            // text filter, any case
	Limit    int               // 0 is 100, at most 1000
	Cursor   string            // Page.Next of the page before
	// Transparent leaves those whose own transparent mode is on: of customers and users, nothing else has one.
	Transparent bool
}

// Page is one page of a list, in order of id; Next is "" on the last.
type Page[T any] struct {
	Items []T
	Next  string
}

const (
	defaultLimit = 100
	maxLimit     = 1000
)

// limit is how many items a page has.
func (q Query) limit() int {
	switch {
	case q.Limit <= 0:
		return defaultLimit
	case q.Limit > maxLimit:
		return maxLimit
	}
	return q.Limit
}

// after gives the id after which the page begins, 0 for the first.
func (q Query) after() (int64, error) {
	if q.Cursor == "" {
		return 0, nil
	}
	id, err := strconv.ParseInt(q.Cursor, 36, 64)
	if err != nil || id < 1 {
		return 0, &tenant.Fault{Code: tenant.CodeInvalid, Field: "cursor", Message: "is not one that a list gave", Want: "the next of the page before"}
	}
	return id, nil
}

// After is the cursor of a page that begins behind an id; "" for an id below 1.
func After(id int64) string {
	if id < 1 {
		return ""
	}
	return cursor(id)
}

func cursor(id int64) string { return strconv.FormatInt(id, 36) }

// trigram is from how many characters on a text is looked up rather than searched for in each row.
const trigram = 3

// matching adds the text filter.
func (t *table[T, ID]) matching(q *bun.SelectQuery, text string) *bun.SelectQuery {
	text = searchText(strings.TrimSpace(text))
	if text == "" {
		return q
	}
	if t.indexed && utf8.RuneCountInString(text) >= trigram {
		phrase := `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
		q = q.Where("id IN (SELECT rowid FROM ?0 WHERE ?0 MATCH ?1)", bun.Ident(t.name+"_search"), phrase)
	}
	return matchingExpr(q, "search", text)
}

// matchingExpr wants text, in which no character has a meaning, somewhere in an expression.
func matchingExpr(q *bun.SelectQuery, expr, text string) *bun.SelectQuery {
	escaped := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text)
	return q.Where(expr+` LIKE ? ESCAPE '\'`, "%"+escaped+"%")
}

// Reader reads one noun.
type Reader[T any, ID ~int64] struct {
	s *Store
	t *table[T, ID]
}

func newReader[T any, ID ~int64](s *Store, t *table[T, ID]) Reader[T, ID] {
	return Reader[T, ID]{s, t}
}

// Get gives one noun; tenant.ErrNotFound where it is not in the scope.
func (r Reader[T, ID]) Get(ctx context.Context, scope tenant.Scope, id ID) (T, error) {
	v, err := get(ctx, r.s.r, r.t, scope, id)
	return v, r.s.explain(err)
}

// List gives one page of what the scope and the query leave.
func (r Reader[T, ID]) List(ctx context.Context, scope tenant.Scope, q Query) (Page[T], error) {
	p, err := list(ctx, r.s.r, r.t, scope, q)
	return p, r.s.explain(err)
}

// All gives everything that the scope and the query leave, without pages; Limit and Cursor are ignored.
func (r Reader[T, ID]) All(ctx context.Context, scope tenant.Scope, q Query) ([]T, error) {
	v, err := all(ctx, r.s.r, r.t, scope, q)
	return v, r.s.explain(err)
}

// Find gives the noun with that natural key (a name, an e-mail address, a host name) among those
// of the query's customer or company; tenant.ErrNotFound where the scope holds none.
func (r Reader[T, ID]) Find(ctx context.Context, scope tenant.Scope, q Query, key string) (T, error) {
	v, err := find(ctx, r.s.r, r.t, scope, q, key)
	return v, r.s.explain(err)
}

func get[T any, ID ~int64](ctx context.Context, db bun.IDB, t *table[T, ID], scope tenant.Scope, id ID) (T, error) {
	return one(ctx, t, within(t.selectFrom(db), t.owner, scope).Where("id = ?", int64(id)))
}

func find[T any, ID ~int64](ctx context.Context, db bun.IDB, t *table[T, ID], scope tenant.Scope, q Query, key string) (T, error) {
	if strings.ContainsRune(key, 0) { // where SQLite would take the statement to end
		var none T
		return none, tenant.NotFound(t.kind)
	}
	sel := narrowed(within(t.selectFrom(db), t.owner, scope), t.owner, q)
	return one(ctx, t, sel.Where("natural_key = ?", key).Limit(1))
}

func one[T any, ID ~int64](ctx context.Context, t *table[T, ID], q *bun.SelectQuery) (v T, err error) {
	var rec record
	if err := q.Scan(ctx, &rec); isNoRows(err) {
		return v, tenant.NotFound(t.kind)
	} else if err != nil {
		return v, err
	}
	return t.decode(&rec)
}

func narrowed(sel *bun.SelectQuery, o owner, q Query) *bun.SelectQuery {
	if q.Company != 0 {
		sel = ofCompany(sel, o, q.Company)
	}
	if q.Customer != 0 {
		sel = ofCustomer(sel, o, q.Customer)
	}
	return sel
}

// filtered is the query behind every list. A customer or company outside of the scope is not
// found, rather than an empty list, so that a mistake is not taken for an empty tenant.
func filtered[T any, ID ~int64](ctx context.Context, db bun.IDB, t *table[T, ID], scope tenant.Scope, q Query) (*bun.SelectQuery, error) {
	if q.Customer != 0 {
		if _, err := get(ctx, db, customers(), scope, q.Customer); err != nil {
			return nil, err
		}
	}
	if q.Company != 0 {
		if _, err := get(ctx, db, companies(), scope, q.Company); err != nil {
			return nil, err
		}
	}
	sel := narrowed(within(t.selectFrom(db), t.owner, scope), t.owner, q)
	if q.Transparent {
		sel = sel.Where(isTransparent)
	}
	return t.matching(sel, q.Q).OrderExpr("id"), nil
}

func list[T any, ID ~int64](ctx context.Context, db bun.IDB, t *table[T, ID], scope tenant.Scope, q Query) (p Page[T], err error) {
	after, err := q.after()
	if err != nil {
		return p, err
	}
	sel, err := filtered(ctx, db, t, scope, q)
	if err != nil {
		return p, err
	}
	limit := q.limit()
	var recs []record
	if err := sel.Where("id > ?", after).Limit(int64(limit)+1).Scan(ctx, &recs); err != nil {
		return p, err
	}
	if len(recs) > limit {
		recs = recs[:limit]
		p.Next = cursor(recs[limit-1].ID)
	}
	p.Items, err = t.decodeAll(recs)
	return p, err
}

func all[T any, ID ~int64](ctx context.Context, db bun.IDB, t *table[T, ID], scope tenant.Scope, q Query) ([]T, error) {
	sel, err := filtered(ctx, db, t, scope, q)
	if err != nil {
		return nil, err
	}
	var recs []record
	if err := sel.Scan(ctx, &recs); err != nil {
		return nil, err
	}
	return t.decodeAll(recs)
}

func (t *table[T, ID]) decodeAll(recs []record) ([]T, error) {
	out := make([]T, len(recs))
	for i := range recs {
		v, err := t.decode(&recs[i])
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}
