package store

import (
	"context"
	"database/sql"

	"tollgate/internal/tenant"
)

// CDRsBack tells the records of the scope against the order of Seq, the latest first and from below
// before on (0: all), until told to stop. A record is valid while it is told.
func (s *Store) CDRsBack(ctx context.Context, scope tenant.Scope, before int64, q CDRQuery, tell func(*CDR) (more bool)) error {
	after, since, until, err := s.spanOf(ctx, q)
	if err != nil {
		return s.explain(err)
	}
	if before == 0 || before > forever {
		before = forever
	}
	owns, owner := ownerOf(scope)
	if owns == nil {
		return nil
	}
	fits := func(c *CDR) bool {
		ended := c.ended()
		return ended < since || ended >= until || !owns(c) || tell(c)
	}
	if owner == 0 {
		_, err = backCDRs(ctx, s.r.DB, after, before, until, fits)
		return s.explain(err)
	}
	return s.explain(backParts(ctx, s.r.DB, owner, after, before, until, fits))
}

// backCDRs is scanCDRs from the end: a block is opened in its order, and told against it.
func backCDRs(ctx context.Context, db querier, after, before, until int64, tell func(*CDR) bool) (more bool, err error) {
	rows, err := db.QueryContext(ctx,
		"SELECT first_seq, records FROM cdr_blocks WHERE last_seq > ? AND last_seq < ? AND first_seq < ? AND first_ended < ? ORDER BY last_seq DESC",
		after, before+cdrBlock, before, until)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	var list []CDR
	for rows.Next() {
		var first int64
		var block sql.RawBytes
		if err := rows.Scan(&first, &block); err != nil {
			return false, err
		}
		list = list[:0]
		_, err := eachCDR(first, block, func(c *CDR) bool {
			if c.Seq > after && c.Seq < before {
				list = append(list, *c)
			}
			return true
		})
		if err != nil {
			return false, err
		}
		for i := len(list) - 1; i >= 0; i-- {
			if !tell(&list[i]) {
				return false, nil
			}
		}
	}
	return true, rows.Err()
}

// backParts is scanParts from the end.
func backParts(ctx context.Context, db querier, owner, after, before, until int64, tell func(*CDR) bool) error {
	for more, part := true, (before-1)/cdrPart+1; more; {
		row := db.QueryRowContext(ctx, "SELECT part FROM cdr_parts WHERE owner = ? AND part < ? ORDER BY part DESC LIMIT 1", owner, part)
		if err := row.Scan(&part); isNoRows(err) {
			return nil
		} else if err != nil {
			return err
		}
		if (part+1)*cdrPart <= after {
			return nil
		}
		var err error
		if more, err = backCDRs(ctx, db, max(after, part*cdrPart-1), min(before, (part+1)*cdrPart), until, tell); err != nil {
			return err
		}
	}
	return nil
}
