package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/tenant"
)

// isTransparent is the condition for a body with the mode on. It is JSON: within a text its quotes
// would be escaped.
const isTransparent = `body LIKE '%"transparent":true%'`

// Switchers gives the users who have made all customers that they manage transparent
// (mission row T3).
func (s *Store) Switchers(ctx context.Context) ([]tenant.User, error) {
	t := users()
	var rows []record
	q := t.selectFrom(s.r).Where(isTransparent)
	if err := q.Scan(ctx, &rows); err != nil {
		return nil, s.explain(err)
	}
	list := make([]tenant.User, 0, len(rows))
	for i := range rows {
		u, err := t.decode(&rows[i])
		if err != nil {
			return nil, err
		}
		list = append(list, u)
	}
	return list, nil
}

// EndTransparency switches off what is transparent until now, and tells how many customers
// and users that were.
func (s *Store) EndTransparency(ctx context.Context, now time.Time) (ended int, err error) {
	principal := tenant.System("transparent")
	_, err = s.Write(ctx, principal, principal.Scope(), func(tx *Tx) error {
		ended = 0
		n, err := endTransparent(ctx, tx.Customers, tx.db, now, func(c *tenant.Customer) (*bool, *time.Time) {
			return &c.Transparent, &c.TransparentUntil
		})
		if err != nil {
			return err
		}
		m, err := endTransparent(ctx, tx.Users, tx.db, now, func(u *tenant.User) (*bool, *time.Time) {
			return &u.Transparent, &u.TransparentUntil
		})
		ended = n + m
		return err
	})
	return ended, err
}

func endTransparent[T any, ID ~int64](ctx context.Context, w Writer[T, ID], db bun.IDB, now time.Time, of func(*T) (*bool, *time.Time)) (ended int, err error) {
	var ids []int64
	if err := db.NewSelect().TableExpr(w.t.name).Column("id").Where(`body LIKE '%"transparent_until":"%'`).Scan(ctx, &ids); err != nil {
		return 0, err
	}
	for _, id := range ids {
		v, err := w.Get(ctx, ID(id))
		if err != nil {
			return ended, err
		}
		on, until := of(&v)
		if until.IsZero() || until.After(now) {
			continue
		}
		*on, *until = false, time.Time{}
		if err := w.Update(ctx, &v); err != nil {
			return ended, err
		}
		ended++
	}
	return ended, nil
}
