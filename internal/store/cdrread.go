package store

import (
	"context"
	"database/sql"
	"math"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/tenant"
)

// CDRQuery narrows what CDRs tells. The zero value is all in the scope.
type CDRQuery struct {
	After        int64     // only with a higher Seq
	Since, Until time.Time // ended then or later, ended before; zero: any time
}

// querier is a transaction or a handle of database/sql.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// CDRs tells the records of the scope in the order of Seq, until told to stop. A record is valid while it is told.
func (s *Store) CDRs(ctx context.Context, scope tenant.Scope, q CDRQuery, tell func(*CDR) (more bool)) error {
	after, since, until, err := s.spanOf(ctx, q)
	if err != nil {
		return s.explain(err)
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
		_, err = scanCDRs(ctx, s.r.DB, after, forever, until, fits)
		return s.explain(err)
	}
	return s.explain(scanParts(ctx, s.r.DB, owner, after, until, fits))
}

// spanOf gives the number after which the records of a query lie, and between which times they ended, in microseconds.
func (s *Store) spanOf(ctx context.Context, q CDRQuery) (after, since, until int64, err error) {
	after, since, until = q.After, math.MinInt64, math.MaxInt64
	if !q.Since.IsZero() {
		since = q.Since.UnixMicro()
		from, err := reaching(ctx, s.r.DB, since)
		if err != nil {
			return 0, 0, 0, err
		}
		after = max(after, from-1)
	}
	if !q.Until.IsZero() {
		until = q.Until.UnixMicro()
	}
	return after, since, until, nil
}

// ownerOf says which records a scope has, and under which owner their parts are noted, 0 = all; nil for none.
func ownerOf(scope tenant.Scope) (owns func(*CDR) bool, owner int64) {
	switch scope.Role() {
	case tenant.RolePlatform:
		return func(*CDR) bool { return true }, 0
	case tenant.RoleCompany:
		return func(c *CDR) bool { return c.Company() == scope.Company() }, -int64(scope.Company())
	case tenant.RoleCustomer:
		return func(c *CDR) bool { return c.Customer() == scope.Customer() }, int64(scope.Customer())
	}
	return nil, 0
}

// reaching gives the number from which on records may have ended at a time or later.
func reaching(ctx context.Context, db querier, ended int64) (seq int64, err error) {
	row := db.QueryRowContext(ctx, "SELECT first_seq FROM cdr_blocks WHERE reached >= ? ORDER BY reached, last_seq LIMIT 1", ended)
	if err = row.Scan(&seq); isNoRows(err) {
		return forever, nil
	}
	return seq, err
}

// scanCDRs tells the records between two numbers, both excluded, but for blocks that began to end at a time or later.
func scanCDRs(ctx context.Context, db querier, after, before, until int64, tell func(*CDR) bool) (more bool, err error) {
	rows, err := db.QueryContext(ctx,
		"SELECT first_seq, records FROM cdr_blocks WHERE last_seq > ? AND last_seq < ? AND first_seq < ? AND first_ended < ? ORDER BY last_seq",
		after, before+cdrBlock, before, until)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	more = true
	for more && rows.Next() {
		var first int64
		var block sql.RawBytes
		if err := rows.Scan(&first, &block); err != nil {
			return false, err
		}
		more, err = eachCDR(first, block, func(c *CDR) bool {
			return c.Seq <= after || c.Seq >= before || tell(c)
		})
		if err != nil {
			return false, err
		}
	}
	return more, rows.Err()
}

// scanParts tells the records after a number in those parts where an owner has some.
func scanParts(ctx context.Context, db querier, owner, after, until int64, tell func(*CDR) bool) error {
	for more, part := true, after/cdrPart-1; more; {
		row := db.QueryRowContext(ctx, "SELECT part FROM cdr_parts WHERE owner = ? AND part > ? ORDER BY part LIMIT 1", owner, part)
		if err := row.Scan(&part); isNoRows(err) {
			return nil
		} else if err != nil {
			return err
		}
		var err error
		if more, err = scanCDRs(ctx, db, max(after, part*cdrPart-1), (part+1)*cdrPart, until, tell); err != nil {
			return err
		}
	}
	return nil
}

// LastCDR is the highest Seq that was ever given, 0 for none.
func (s *Store) LastCDR(ctx context.Context) (seq int64, err error) {
	err = s.r.QueryRowContext(ctx, "SELECT last_seq FROM cdr_state").Scan(&seq)
	return seq, s.explain(err)
}

// PruneCDRs removes at most so many of the blocks whose records ended before a time, and says how many. With
// the last of them go dead letters as old.
func (s *Store) PruneCDRs(ctx context.Context, before time.Time, most int) (n int64, err error) {
	err = s.alone(ctx, func(db bun.Tx) error {
		done, err := db.Tx.ExecContext(ctx,
			"DELETE FROM cdr_blocks WHERE last_seq IN (SELECT last_seq FROM cdr_blocks WHERE last_ended < ? ORDER BY last_ended LIMIT ?)",
			before.UnixMicro(), most)
		if err != nil {
			return err
		}
		if n, err = done.RowsAffected(); err != nil || n == int64(most) {
			return err
		}
		if _, err = db.Tx.ExecContext(ctx, "DELETE FROM cdr_dead_letters WHERE ended < ?", before.UnixMicro()); err != nil {
			return err
		}
		_, err = db.Tx.ExecContext(ctx, pruneParts, cdrPart)
		return err
	})
	return n, s.explain(err)
}

// pruneParts forgets parts in which nobody has records any more: of each owner those at the front.
const pruneParts = `WITH RECURSIVE owners(owner) AS (
    SELECT MIN(owner) FROM cdr_parts
    UNION ALL SELECT (SELECT MIN(p.owner) FROM cdr_parts p WHERE p.owner > owners.owner) FROM owners WHERE owners.owner IS NOT NULL)
DELETE FROM cdr_parts WHERE owner IN (SELECT owner FROM owners)
AND part < COALESCE((SELECT MIN(first_seq) FROM (SELECT first_seq FROM cdr_blocks ORDER BY last_seq LIMIT 1)), (SELECT last_seq FROM cdr_state)) / ?`
