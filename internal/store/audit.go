package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/tenant"
)

// AuditEntry says who did what, when and from where; Before and After are JSON without secrets.
type AuditEntry struct {
	ID       int64             `json:"id"`
	Revision int64             `json:"revision"`
	At       time.Time         `json:"at"`
	Who      string            `json:"who"`
	WhoKind  string            `json:"who_kind"` // user, key, local, system
	From     string            `json:"from"`
	Via      string            `json:"via"` // panel, api, apply, ...
	Action   tenant.Action     `json:"action"`
	Noun     tenant.Kind       `json:"noun"`
	NounID   int64             `json:"noun_id"`
	Name     string            `json:"name"`
	Company  tenant.CompanyID  `json:"company_id,omitempty"`
	Customer tenant.CustomerID `json:"customer_id,omitempty"`
	Before   string            `json:"before,omitempty"`
	After    string            `json:"after,omitempty"`
}

// auditRow is an AuditEntry as its table has it.
type auditRow struct {
	bun.BaseModel `bun:"table:audit,alias:audit_row"`

	ID         int64 `bun:",pk,autoincrement"`
	Revision   int64
	At         int64 // microseconds
	Who        string
	WhoKind    string
	Origin     string
	Via        string
	Action     string
	Noun       string
	NounID     int64
	Name       string
	CompanyID  int64
	CustomerID int64
	Before     string
	After      string
}

// note audits a change and marks whose account it changed.
func (w Writer[T, ID]) note(ctx context.Context, c *change, before, after *T) error {
	e := AuditEntry{Action: c.action, Noun: w.t.kind, NounID: c.id}
	v := after
	if v == nil {
		v = before
	}
	e.Name = w.t.noun(v).Label()
	for _, side := range []struct {
		v  *T
		to *string
	}{{before, &e.Before}, {after, &e.After}} {
		if side.v == nil {
			continue
		}
		text, err := w.t.audited(*side.v)
		if err != nil {
			return err
		}
		*side.to = text
	}
	if err := w.own(ctx, &e, v); err != nil {
		return err
	}
	w.tx.mark(&e, w.t.owner)
	w.tx.record(e)
	return nil
}

// own says in the entry whose noun v is.
func (w Writer[T, ID]) own(ctx context.Context, e *AuditEntry, v *T) (err error) {
	switch w.t.owner {
	case ownsItself:
		e.Company = tenant.CompanyID(e.NounID)
	case theCustomer:
		e.Company, e.Customer = *w.t.company(v), tenant.CustomerID(e.NounID)
	case ownedByCompany:
		e.Company = *w.t.company(v)
	case ownedByRole:
		e.Company, e.Customer = *w.t.company(v), *w.t.customer(v)
	case ownedByCustomer:
		e.Customer = *w.t.customer(v)
		e.Company, err = w.tx.company(ctx, e.Customer)
	}
	return err
}

// mark tells the nodes what to load again. Users, keys and profiles are no part of traffic by themselves.
func (t *Tx) mark(e *AuditEntry, o owner) {
	gone := e.Action == tenant.ActionDelete
	switch o {
	case ownsItself:
		t.touched.companies[e.Company] = gone || t.touched.companies[e.Company]
	case theCustomer:
		t.touch(e.Customer, gone)
	case ownedByCustomer:
		t.touch(e.Customer, false)
		t.touched.lists[listID{e.Noun, e.Customer}] = true
	}
}

// Note audits what is done elsewhere than in the store, for a customer or with 0 for the platform.
func (t *Tx) Note(ctx context.Context, a tenant.Action, k tenant.Kind, name string, customer tenant.CustomerID) (err error) {
	e := AuditEntry{Action: a, Noun: k, Name: name, Customer: customer}
	if customer != 0 {
		if e.Company, err = t.company(ctx, customer); err != nil {
			return err
		}
	}
	t.record(e)
	return nil
}

// record keeps an entry for the end of the transaction.
func (t *Tx) record(e AuditEntry) {
	p := t.principal
	e.Revision, e.At = t.next(), t.now
	e.Who, e.WhoKind, e.From, e.Via = cmp.Or(p.Email, string(p.Kind)), string(p.Kind), p.From, p.Via
	t.audit = append(t.audit, e)
}

func (t *Tx) writeAudit(ctx context.Context) error {
	for part := range slices.Chunk(t.audit, chunk) {
		rows := make([]auditRow, len(part))
		for i, e := range part {
			rows[i] = auditRow{
				Revision: e.Revision, At: e.At.UnixMicro(), Who: e.Who, WhoKind: e.WhoKind, Origin: e.From, Via: e.Via,
				Action: string(e.Action), Noun: string(e.Noun), NounID: e.NounID, Name: e.Name,
				CompanyID: int64(e.Company), CustomerID: int64(e.Customer), Before: e.Before, After: e.After,
			}
		}
		if _, err := t.db.NewInsert().Model(&rows).Returning("NULL").Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (r *auditRow) entry() AuditEntry {
	return AuditEntry{
		ID: r.ID, Revision: r.Revision, At: time.UnixMicro(r.At).UTC(), Who: r.Who, WhoKind: r.WhoKind, From: r.Origin, Via: r.Via,
		Action: tenant.Action(r.Action), Noun: tenant.Kind(r.Noun), NounID: r.NounID, Name: r.Name,
		Company: tenant.CompanyID(r.CompanyID), Customer: tenant.CustomerID(r.CustomerID), Before: r.Before, After: r.After,
	}
}

// Audit lists what was done, newest first, within the scope. Query.Q looks at names, persons and kinds.
func (s *Store) Audit(ctx context.Context, scope tenant.Scope, q Query) (p Page[AuditEntry], err error) {
	before, err := q.after()
	if err != nil {
		return p, err
	}
	var rows []auditRow
	sel := within(s.r.NewSelect().Model(&rows), ownedByRole, scope)
	sel = narrowed(sel, ownedByRole, q)
	if before > 0 {
		sel = sel.Where("id < ?", before)
	}
	if text := searchText(q.Q); text != "" {
		sel = matchingExpr(sel, "LOWER(name || ' ' || who || ' ' || noun)", text)
	}
	limit := q.limit()
	order := "id DESC"
	if !scope.IsPlatform() || q.Company != 0 || q.Customer != 0 {
		order = "revision DESC, id DESC" // the same, by the index that finds a tenant's: nothing is sorted
	}
	if err := sel.OrderExpr(order).Limit(int64(limit) + 1).Scan(ctx); err != nil {
		return p, s.explain(err)
	}
	if len(rows) > limit {
		rows = rows[:limit]
		p.Next = cursor(rows[limit-1].ID)
	}
	for i := range rows {
		p.Items = append(p.Items, rows[i].entry())
	}
	return p, nil
}

// AuditEntry gives one entry within the scope.
func (s *Store) AuditEntry(ctx context.Context, scope tenant.Scope, id int64) (AuditEntry, error) {
	var row auditRow
	err := within(s.r.NewSelect().Model(&row), ownedByRole, scope).Where("id = ?", id).Scan(ctx)
	if isNoRows(err) {
		return AuditEntry{}, tenant.NotFound("audit entry")
	}
	return row.entry(), s.explain(err)
}

// changed is the fault for a noun that is no longer what somebody has read: it says who changed it,
// and when.
func (t *Tx) changed(ctx context.Context, n tenant.Noun, id int64) error {
	f := &tenant.Fault{
		Code: tenant.CodeChanged, Noun: n.Kind(), Name: n.Label(),
		Message: "was changed meanwhile", Want: "read it again and repeat the change",
	}
	var row auditRow
	err := t.db.NewSelect().Model(&row).Where("noun = ?", string(n.Kind())).Where("noun_id = ?", id).OrderExpr("id DESC").Limit(1).Scan(ctx)
	if err == nil {
		f.Message = "was changed by " + row.Who + " " + ago(t.now.Sub(time.UnixMicro(row.At)))
	} else if !isNoRows(err) {
		return err
	}
	return f
}

// ago says how long something is past, for people.
func ago(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s ago", max(0, int(d.Seconds())))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}

// Changed is the fault for a noun that is no longer what an entry says that it became.
func (t *Tx) Changed(ctx context.Context, n tenant.Noun, id int64) error {
	return t.changed(ctx, n, id)
}

// AuditSince lists, oldest first, what others than via did after a revision to a customer and what
// is his, or, with customer 0, to a company, its users and profiles (company 0: to platform users).
func (s *Store) AuditSince(ctx context.Context, company tenant.CompanyID, customer tenant.CustomerID, revision int64, via string) ([]AuditEntry, error) {
	var rows []auditRow
	// What a panel user does to himself (his name, his password) is not in a file's way.
	sel := s.r.NewSelect().Model(&rows).Where("revision > ?", revision).Where("via <> ?", via).
		Where("NOT (noun = ? AND who_kind = ? AND who = name)", string(tenant.KindUser), string(tenant.PrincipalUser))
	if customer != 0 {
		sel = sel.Where("customer_id = ?", int64(customer))
	} else {
		own := []string{string(tenant.KindCompany), string(tenant.KindUser), string(tenant.KindProfile)}
		sel = sel.Where("company_id = ?", int64(company)).Where("noun IN (?)", bun.List(own))
	}
	return s.entries(ctx, sel.OrderExpr("id"), &rows)
}

// DeletedSinceApplied lists the customers and companies to which a file was applied once, and
// which others than via have deleted and nobody has made again.
func (s *Store) DeletedSinceApplied(ctx context.Context, via string) ([]AuditEntry, error) {
	var rows []auditRow
	sel := s.r.NewSelect().Model(&rows).Where("action = ?", string(tenant.ActionDelete)).Where("via <> ?", via).
		Where("EXISTS (SELECT 1 FROM applied AS a WHERE a.kind = audit_row.noun AND a.id = audit_row.noun_id)").
		Where("NOT EXISTS (SELECT 1 FROM audit AS b WHERE b.id > audit_row.id AND b.noun = audit_row.noun AND b.name = audit_row.name AND b.action = ?)", string(tenant.ActionCreate))
	return s.entries(ctx, sel.OrderExpr("id"), &rows)
}

func (s *Store) entries(ctx context.Context, sel *bun.SelectQuery, rows *[]auditRow) ([]AuditEntry, error) {
	if err := sel.Scan(ctx); err != nil {
		return nil, s.explain(err)
	}
	out := make([]AuditEntry, len(*rows))
	for i := range *rows {
		out[i] = (*rows)[i].entry()
	}
	return out, nil
}
