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

// switchPasswords adds the passwords that switches ask us for, by one query.
func (s *Store) switchPasswords(ctx context.Context, db bun.IDB, list accounts) error {
	var owners []tenant.CustomerID
	for id, a := range list {
		if len(a.Switches) > 0 {
			owners = append(owners, id)
		}
	}
	if len(owners) == 0 {
		return nil
	}
	var rows []struct {
		OwnerID    int64
		CustomerID int64
		Sealed     string
	}
	err := db.NewSelect().TableExpr("? AS secrets", bun.Ident(switchSecrets)).Join("JOIN switches ON switches.id = secrets.owner_id").
		ColumnExpr("secrets.owner_id, switches.customer_id, secrets.sealed").
		Where("switches.customer_id IN (?)", bun.List(plain(owners))).Scan(ctx, &rows)
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
