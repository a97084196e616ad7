package store

import (
	"context"

	"tollgate/internal/tenant"
)

// Overlapping gives the entries in a scope that share addresses with a range, by id, at most
// limit of them; more says that there are others.
func (s *Store) Overlapping(ctx context.Context, scope tenant.Scope, cidr string, limit int) (ids []tenant.SwitchID, more bool, err error) {
	low, high := bounds(cidr)
	q := s.r.NewSelect().Distinct().TableExpr("switch_ranges").ColumnExpr("switch_id").
		Where("low <= ? AND high >= ?", high, low).OrderExpr("switch_id").Limit(int64(limit) + 1)
	if err := within(q, ownedByCustomer, scope).Scan(ctx, &ids); err != nil {
		return nil, false, s.explain(err)
	}
	if len(ids) > limit {
		return ids[:limit], true, nil
	}
	return ids, false, nil
}
