package store

import (
	"context"
	"slices"

	"github.com/uptrace/bun"

	"tollgate/internal/tenant"
)

// Change is what has changed after some revision.
type Change struct {
	Revision      int64 // now
	All           bool  // the revision is none of this database's (a backup was restored): load everything
	Customers     []tenant.CustomerID
	Companies     []tenant.CompanyID
	GoneCustomers []tenant.CustomerID
	GoneCompanies []tenant.CompanyID
}

// changeRow is the last change of one customer or company, or of one of a customer's lists (listID).
type changeRow struct {
	bun.BaseModel `bun:"table:changes"`

	Kind     string
	ID       int64
	Revision int64
	Gone     bool
}

func (t *Tx) writeChanges(ctx context.Context) error {
	var rows []changeRow
	for id, gone := range t.touched.customers {
		rows = append(rows, changeRow{Kind: string(tenant.KindCustomer), ID: int64(id), Revision: t.next(), Gone: gone})
	}
	for id, gone := range t.touched.companies {
		rows = append(rows, changeRow{Kind: string(tenant.KindCompany), ID: int64(id), Revision: t.next(), Gone: gone})
	}
	for id := range t.touched.lists {
		rows = append(rows, changeRow{Kind: id.changeKind(), ID: int64(id.customer), Revision: t.next()})
	}
	for part := range slices.Chunk(rows, chunk) {
		q := t.db.NewInsert().Model(&part).On("CONFLICT (kind, id) DO UPDATE").Set("revision = EXCLUDED.revision").Set("gone = EXCLUDED.gone")
		if _, err := q.Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Changes tells what to reload after the revision since.
func (s *Store) Changes(ctx context.Context, since int64) (c Change, err error) {
	var rows []changeRow
	err = s.snapshot(ctx, func(db bun.IDB) error {
		if c.Revision, err = revision(ctx, db); err != nil || c.Revision == since {
			return err
		}
		return db.NewSelect().Model(&rows).Where("revision > ?", since).
			Where("kind IN (?, ?)", string(tenant.KindCustomer), string(tenant.KindCompany)).OrderExpr("kind, id").Scan(ctx)
	})
	if err != nil {
		return c, s.explain(err)
	}
	c.All = since < 0 || since > c.Revision
	for _, r := range rows {
		switch {
		case r.Kind == string(tenant.KindCompany) && r.Gone:
			c.GoneCompanies = append(c.GoneCompanies, tenant.CompanyID(r.ID))
		case r.Kind == string(tenant.KindCompany):
			c.Companies = append(c.Companies, tenant.CompanyID(r.ID))
		case r.Gone:
			c.GoneCustomers = append(c.GoneCustomers, tenant.CustomerID(r.ID))
		default:
			c.Customers = append(c.Customers, tenant.CustomerID(r.ID))
		}
	}
	return c, nil
}

// appliedMark says that a file was applied to a customer, a company, or (company 0) the platform.
type appliedMark struct {
	kind tenant.Kind
	id   int64
}

// MarkApplied notes at commit that a file now agrees with these; what others do later is seen as a
// change since. It is no change by itself and bumps nothing.
func (t *Tx) MarkApplied(companies []tenant.CompanyID, customers []tenant.CustomerID) {
	for _, id := range companies {
		t.applied = append(t.applied, appliedMark{tenant.KindCompany, int64(id)})
	}
	for _, id := range customers {
		t.applied = append(t.applied, appliedMark{tenant.KindCustomer, int64(id)})
	}
}

func (t *Tx) writeApplied(ctx context.Context, revision int64) error {
	for _, m := range t.applied {
		q := t.db.NewRaw("INSERT INTO applied (kind, id, revision) VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET revision = EXCLUDED.revision",
			string(m.kind), m.id, revision)
		if _, err := q.Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Applied gives the revision at which a file was last applied to a company (0: the platform) or,
// with customer set, to that customer; ok is false where none ever was.
func (s *Store) Applied(ctx context.Context, company tenant.CompanyID, customer tenant.CustomerID) (revision int64, ok bool, err error) {
	kind, id := tenant.KindCompany, int64(company)
	if customer != 0 {
		kind, id = tenant.KindCustomer, int64(customer)
	}
	err = s.r.NewSelect().TableExpr("applied").Column("revision").Where("kind = ? AND id = ?", string(kind), id).Scan(ctx, &revision)
	if isNoRows(err) {
		return 0, false, nil
	}
	return revision, err == nil, s.explain(err)
}
