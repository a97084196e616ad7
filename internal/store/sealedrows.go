package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/internal/tenant"
)

// secrets adds to accounts what the node alone may know of them.
func (s *Store) secrets(ctx context.Context, db bun.IDB, list accounts) error {
	if err := s.credentials(ctx, db, list); err != nil {
		return err
	}
	return s.switchPasswords(ctx, db, list)
}

// sealedRow is a secret of a noun, and whose that is.
type sealedRow struct {
	OwnerID    int64
	CustomerID int64
	Sealed     string
}

// sealed reads the secrets of some customers' nouns, by one query.
func sealed(ctx context.Context, db bun.IDB, secrets, nouns string, owners []tenant.CustomerID) (rows []sealedRow, err error) {
	if len(owners) == 0 {
		return nil, nil
	}
	err = db.NewSelect().TableExpr("? AS secrets", bun.Ident(secrets)).Join("JOIN ? AS nouns ON nouns.id = secrets.owner_id", bun.Ident(nouns)).
		ColumnExpr("secrets.owner_id, nouns.customer_id, secrets.sealed").
		Where("nouns.customer_id IN (?)", bun.List(plain(owners))).Scan(ctx, &rows)
	return rows, err
}

// with gives the accounts that have some of a noun.
func (list accounts) with(has func(*tenant.Account) bool) (owners []tenant.CustomerID) {
	for id, a := range list {
		if has(a) {
			owners = append(owners, id)
		}
	}
	return owners
}

// switchPasswords adds the passwords that switches ask us for.
func (s *Store) switchPasswords(ctx context.Context, db bun.IDB, list accounts) error {
	owners := list.with(func(a *tenant.Account) bool { return len(a.Switches) > 0 })
	rows, err := sealed(ctx, db, switchSecrets, "switches", owners)
	if err != nil {
		return err
	}
	for i := range rows {
		text, err := s.seal.open(switchSecrets, rows[i].OwnerID, rows[i].Sealed)
		if err != nil {
			return fmt.Errorf("password of switch %d: %w", rows[i].OwnerID, err)
		}
		a := list[tenant.CustomerID(rows[i].CustomerID)]
		if a == nil {
			continue
		}
		if a.Passwords == nil {
			a.Passwords = make(map[tenant.SwitchID]tenant.Secret)
		}
		a.Passwords[tenant.SwitchID(rows[i].OwnerID)] = tenant.Secret(text)
	}
	return nil
}
