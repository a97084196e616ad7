package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/uptrace/bun"

	"tollgate/internal/tenant"
)

// Writer reads and changes one noun within a transaction.
type Writer[T any, ID ~int64] struct {
	tx *Tx
	t  *table[T, ID]
}

func newWriter[T any, ID ~int64](tx *Tx, r Reader[T, ID]) Writer[T, ID] {
	return Writer[T, ID]{tx, r.t}
}

// change is one change of one noun, as hooks see it.
type change struct {
	ctx    context.Context
	tx     *Tx
	action tenant.Action
	id     int64
}

// Get gives one noun as the transaction sees it; tenant.ErrNotFound where it is not in the scope.
func (w Writer[T, ID]) Get(ctx context.Context, id ID) (T, error) {
	return get(ctx, w.tx.db, w.t, w.tx.scope, id)
}

// All gives every noun that the query matches, without pages; Limit and Cursor are ignored.
func (w Writer[T, ID]) All(ctx context.Context, q Query) ([]T, error) {
	return all(ctx, w.tx.db, w.t, w.tx.scope, q)
}

// Find gives the noun with that natural key among those of the query's customer or company.
func (w Writer[T, ID]) Find(ctx context.Context, q Query, key string) (T, error) {
	return find(ctx, w.tx.db, w.t, w.tx.scope, q, key)
}

// Create stores a new noun and sets its id and stamp. Defaults are the caller's to fill in
// (tenant.NewCustomer, ...); what cannot be is a tenant.Fault or tenant.Faults.
func (w Writer[T, ID]) Create(ctx context.Context, v *T) error {
	if w.t.kind == tenant.KindAPIKey && w.tx.keyHash == "" {
		return tenant.Forbidden("an API key is made with its secret", "NewAPIKey")
	}
	c := &change{ctx: ctx, tx: w.tx, action: tenant.ActionCreate}
	if err := w.judge(c, nil, v); err != nil {
		return err
	}
	if err := w.insert(ctx, v); err != nil {
		return err
	}
	c.id = int64(*w.t.id(v))
	w.made(v)
	if w.t.hooks.after != nil {
		if err := w.t.hooks.after(c, nil, v); err != nil {
			return err
		}
	}
	return w.note(ctx, c, nil, v)
}

// Update stores a changed noun; a Version that is not the stored one is refused (CodeChanged), 0
// is not checked. What is equal to what is stored changes nothing, not even the revision.
func (w Writer[T, ID]) Update(ctx context.Context, v *T) error {
	id := *w.t.id(v)
	before, err := w.Get(ctx, id)
	if err != nil {
		return err
	}
	if given, has := w.stamp(v).Version, w.stamp(&before).Version; given != 0 && given != has {
		return w.tx.changed(ctx, w.t.noun(&before), int64(id))
	}
	c := &change{ctx: ctx, tx: w.tx, action: tenant.ActionUpdate, id: int64(id)}
	if err := w.judge(c, &before, v); err != nil {
		return err
	}
	if same, err := w.same(&before, v); err != nil || same {
		*w.stamp(v) = *w.stamp(&before)
		return err
	}
	if err := w.store(ctx, &before, v); err != nil {
		return err
	}
	if w.t.hooks.after != nil {
		if err := w.t.hooks.after(c, &before, v); err != nil {
			return err
		}
	}
	return w.note(ctx, c, &before, v)
}

// Delete removes a noun and what it owns. A company with customers, and what another noun names,
// is refused at the end of the transaction (CodeReferenced).
func (w Writer[T, ID]) Delete(ctx context.Context, id ID) error {
	before, err := w.Get(ctx, id)
	if err != nil {
		return err
	}
	c := &change{ctx: ctx, tx: w.tx, action: tenant.ActionDelete, id: int64(id)}
	if f := w.tx.principal.MayWrite(w.t.kind, c.action); f != nil {
		return f
	}
	if w.t.hooks.before != nil {
		if err := w.t.hooks.before(c, &before, nil); err != nil {
			return err
		}
	}
	if err := w.tx.keep(ctx, w.t.kind, int64(id), w.tx.nouns()); err != nil {
		return err
	}
	if _, err := w.tx.db.NewDelete().TableExpr(w.t.name).Where("id = ?", int64(id)).Exec(ctx); err != nil {
		return err
	}
	if w.t.kind == tenant.KindCustomer {
		delete(w.tx.customers, tenant.CustomerID(id))
	}
	if w.t.hooks.after != nil {
		if err := w.t.hooks.after(c, &before, nil); err != nil {
			return err
		}
	}
	return w.note(ctx, c, &before, nil)
}

func (w Writer[T, ID]) stamp(v *T) *tenant.Stamp { return w.t.noun(v).Meta() }

// judge says whether this principal may make this change, and brings v to the form that is stored.
func (w Writer[T, ID]) judge(c *change, before, v *T) error {
	if f := w.tx.principal.MayWrite(w.t.kind, c.action); f != nil {
		return f
	}
	if err := w.place(c.ctx, before, v); err != nil {
		return err
	}
	w.t.noun(v).Normalize()
	if faults := w.t.noun(v).Validate(); len(faults) > 0 {
		return named(faults, w.t.noun(v))
	}
	if w.t.hooks.before == nil {
		return nil
	}
	return w.t.hooks.before(c, before, v)
}

// named says in each fault whose it is.
func named(faults tenant.Faults, n tenant.Noun) tenant.Faults {
	for _, f := range faults {
		if f.Noun == "" {
			f.Noun, f.Name = n.Kind(), n.Label()
		}
	}
	return faults
}

// place sees to whom the noun belongs: within the scope, and not moved by an update.
func (w Writer[T, ID]) place(ctx context.Context, before, v *T) error {
	t := w.t
	switch t.owner {
	case ownedByCustomer:
		if err := stay(t.kind, "customer_id", before != nil, func() *tenant.CustomerID { return t.customer(before) }, t.customer(v)); err != nil {
			return err
		}
		_, err := w.tx.company(ctx, *t.customer(v))
		return err
	case ownedByCompany:
		if err := stay(t.kind, "company_id", before != nil, func() *tenant.CompanyID { return t.company(before) }, t.company(v)); err != nil {
			return err
		}
		_, err := get(ctx, w.tx.db, companies(), w.tx.scope, *t.company(v))
		return err
	case theCustomer:
		if before != nil && *t.company(v) == 0 {
			*t.company(v) = *t.company(before)
		}
		if before != nil && *t.company(v) == *t.company(before) {
			return nil
		}
		_, err := get(ctx, w.tx.db, companies(), w.tx.scope, *t.company(v))
		return err
	}
	return nil // companies; users and keys: in their hook
}

// stay fills in the owner that an update left out and refuses another one.
func stay[ID ~int64](k tenant.Kind, field string, update bool, before func() *ID, v *ID) error {
	if !update {
		return nil
	}
	if was := *before(); *v == 0 {
		*v = was
	} else if *v != was {
		return &tenant.Fault{Code: tenant.CodeFixed, Noun: k, Field: field, Message: "cannot be moved to another owner", Want: "delete it there and make it here"}
	}
	return nil
}

// company gives the company of a customer that is in the scope; tenant.ErrNotFound of one that is not.
func (t *Tx) company(ctx context.Context, id tenant.CustomerID) (tenant.CompanyID, error) {
	v, err := t.customer(ctx, id)
	return v.Company, err
}

// customer gives a customer that is in the scope. A write of many nouns asks again and again, so
// it is kept; what changes a customer forgets it.
func (t *Tx) customer(ctx context.Context, id tenant.CustomerID) (tenant.Customer, error) {
	if v, ok := t.customers[id]; ok {
		return v, nil
	}
	v, err := get(ctx, t.db, customers(), t.scope, id)
	if err == nil {
		t.customers[id] = v
	}
	return v, err
}

// insert writes the row; without one because its key is taken, it says so.
func (w Writer[T, ID]) insert(ctx context.Context, v *T) error {
	cols, err := w.t.row(v, w.tx.now, w.tx.next())
	if err != nil {
		return err
	}
	if w.tx.keyHash != "" && w.t.kind == tenant.KindAPIKey {
		cols = append(cols, column{"hash", w.tx.keyHash})
	}
	names, marks, values := make([]string, len(cols)), make([]string, len(cols)), make([]any, len(cols))
	for i, c := range cols {
		names[i], marks[i], values[i] = c.name, "?", c.value
	}
	query := fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s) ON CONFLICT DO NOTHING RETURNING id", w.t.name, strings.Join(names, ", "), strings.Join(marks, ", "))
	var id int64
	if err := w.tx.db.NewRaw(query, values...).Scan(ctx, &id); isNoRows(err) {
		return w.taken(ctx, v)
	} else if err != nil {
		return err
	}
	*w.t.id(v) = ID(id)
	*w.stamp(v) = tenant.Stamp{Version: w.tx.next(), UpdatedAt: w.tx.now}
	return nil
}

// store writes the changed row; its key is looked for first, since a failed statement would end a transaction of PostgreSQL.
func (w Writer[T, ID]) store(ctx context.Context, before, v *T) error {
	if err := w.tx.keep(ctx, w.t.kind, int64(*w.t.id(v)), nil); err != nil {
		return err
	}
	if w.t.owner == theCustomer && *w.t.company(before) != *w.t.company(v) { // who moves takes users and keys along
		if err := w.tx.keep(ctx, w.t.kind, int64(*w.t.id(v)), []rower{w.tx.Users, w.tx.APIKeys}); err != nil {
			return err
		}
	}
	if w.t.noun(v).Key() != w.t.noun(before).Key() {
		if n, err := w.holders(v).Where("id <> ?", int64(*w.t.id(v))).Count(ctx); err != nil {
			return err
		} else if n > 0 {
			return w.taken(ctx, v)
		}
	}
	cols, err := w.t.row(v, w.tx.now, w.tx.next())
	if err != nil {
		return err
	}
	q := w.tx.db.NewUpdate().TableExpr(w.t.name).Where("id = ?", int64(*w.t.id(v)))
	for _, c := range cols {
		q = q.Set("? = ?", bun.Ident(c.name), c.value)
	}
	if _, err := q.Exec(ctx); err != nil {
		return err
	}
	if w.t.kind == tenant.KindCustomer {
		delete(w.tx.customers, tenant.CustomerID(*w.t.id(v)))
	}
	*w.stamp(v) = tenant.Stamp{Version: w.tx.next(), UpdatedAt: w.tx.now}
	return nil
}

// holders are the rows with v's key where it must be there once: everywhere, or with its owner.
func (w Writer[T, ID]) holders(v *T) *bun.SelectQuery {
	q := w.tx.db.NewSelect().TableExpr(w.t.name).Where("natural_key = ?", w.t.noun(v).Key())
	if w.t.global {
		return q
	}
	for _, c := range w.t.owners(v) {
		q = q.Where("? = ?", bun.Ident(c.name), c.value)
	}
	return q
}

// taken is the fault for a key that is there already. Of a holder outside of the scope it says no more than that.
func (w Writer[T, ID]) taken(ctx context.Context, v *T) error {
	n := w.t.noun(v)
	f := &tenant.Fault{Code: tenant.CodeInUse, Noun: w.t.kind, Name: n.Label(), Field: "name", Message: "in use already", Want: "another name"}
	switch w.t.kind {
	case tenant.KindSIPUser:
		f.Code, f.Field, f.Message, f.Want = tenant.CodeDuplicate, "username", tenant.DuplicateUser, "a user name that is free"
	case tenant.KindDomain:
		own, err := w.holders(v).Where("customer_id = ?", int64(*w.t.customer(v))).Exists(ctx)
		if err != nil {
			return err
		}
		f.Message, f.Want = "in use by another customer", "a domain belongs to one customer"
		if own {
			f.Message, f.Want = "this customer has this domain already", "each once"
		}
	case tenant.KindCustomer:
		f.Message = "in use by another customer"
	case tenant.KindGroup:
		f.Field, f.Message, f.Want = "number", "this customer has this group already", "another number of 2 to 9"
	case tenant.KindUser:
		f.Field, f.Message, f.Want = "email", "in use by another user", "another e-mail address"
	case tenant.KindBlocklist:
		f.Field, f.Message, f.Want = "prefix", "this prefix is blocked already", "each once"
	case tenant.KindWhitelist:
		f.Field, f.Want = "cidr", "each once"
	case tenant.KindCLI:
		f.Field, f.Want = "value", "each once"
	case tenant.KindDID:
		f.Field, f.Want = "number", "each once"
	}
	return f
}

// same says whether an update changes anything.
func (w Writer[T, ID]) same(before, v *T) (bool, error) {
	a, err := w.t.audited(*before)
	if err != nil {
		return false, err
	}
	b, err := w.t.audited(*v)
	return a == b, err
}
