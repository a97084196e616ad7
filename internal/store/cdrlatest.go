package store

import (
	"context"
	"database/sql"
	"slices"

	"tollgate/internal/tenant"
)

// LatestCDRs tells the records of the scope with a Seq below before (0: all), the latest first,
// until told to stop or the context ends. A record is valid while it is told.
func (s *Store) LatestCDRs(ctx context.Context, scope tenant.Scope, before int64, tell func(*CDR) (more bool)) error {
	owns, owner := ownerOf(scope)
	if owns == nil {
		return nil
	}
	if before <= 0 {
		before = forever
	}
	for more := true; more; {
		if owner != 0 { // the last part in which he has any
			var part int64
			row := s.r.DB.QueryRowContext(ctx, "SELECT part FROM cdr_parts WHERE owner = ? AND part <= ? ORDER BY part DESC LIMIT 1", owner, (before-1)/cdrPart)
			if err := row.Scan(&part); isNoRows(err) {
				return nil
			} else if err != nil {
				return s.explain(err)
			}
			before = min(before, (part+1)*cdrPart)
		}
		first, block, err := blockBefore(ctx, s.r.DB, before)
		if err != nil || block == nil {
			return s.explain(err)
		}
		if more, err = tellBack(first, block, before, owns, tell); err != nil {
			return s.explain(err)
		}
		before = first
	}
	return nil
}

// blockBefore gives the last block that begins before a number; nil where there is none.
func blockBefore(ctx context.Context, db querier, before int64) (first int64, block []byte, err error) {
	rows, err := db.QueryContext(ctx,
		"SELECT first_seq, records FROM cdr_blocks WHERE last_seq < ? AND first_seq < ? ORDER BY last_seq DESC LIMIT 1", min(before, forever)+cdrBlock, before)
	if err != nil {
		return 0, nil, err
	}
	defer rows.Close()
	if !rows.Next() {
		return 0, nil, rows.Err()
	}
	var raw sql.RawBytes
	if err := rows.Scan(&first, &raw); err != nil {
		return 0, nil, err
	}
	return first, slices.Clone(raw), rows.Err()
}

// tellBack tells the records of a block that somebody owns, the last one first.
func tellBack(first int64, block []byte, before int64, owns func(*CDR) bool, tell func(*CDR) bool) (more bool, err error) {
	var list []CDR
	if _, err = eachCDR(first, block, func(c *CDR) bool {
		if c.Seq < before && owns(c) {
			list = append(list, *c)
		}
		return c.Seq < before
	}); err != nil {
		return false, err
	}
	for i := len(list) - 1; i >= 0; i-- {
		if !tell(&list[i]) {
			return false, nil
		}
	}
	return true, nil
}
