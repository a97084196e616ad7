package store

import (
	"context"
	"database/sql"
	"math"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/tenant"
)

// CDR is what is kept of one call attempt once it is over. Names are those of then.
type CDR struct {
	Seq             int64                `json:"seq" doc:"Rises in the order of storing: what a reader resumes by."`
	ID              string               `json:"id"`
	Company         tenant.CompanyID     `json:"company_id"`
	Customer        tenant.CustomerID    `json:"customer_id"`
	CustomerName    string               `json:"customer"`
	Direction       string               `json:"direction" enum:"inbound,outbound"`
	Hidden          bool                 `json:"hidden"`
	CallID          string               `json:"call_id" doc:"The caller's."`
	FarCallID       string               `json:"far_call_id,omitempty" doc:"The callee's: another one where hidden."`
	From            string               `json:"from"`
	To              string               `json:"to"`
	URI             string               `json:"uri" doc:"What was called."`
	Source          string               `json:"source" doc:"Address and port of the caller."`
	SourceTransport string               `json:"source_transport"`
	DestinationID   tenant.DestinationID `json:"destination_id,omitempty"`
	Destination     string               `json:"destination,omitempty" doc:"Taken, or tried last; absent for phones and foreign hosts."`
	Target          string               `json:"target,omitempty" doc:"Address and port of the callee, where one was reached."`
	TargetTransport string               `json:"target_transport,omitempty"`
	Started         time.Time            `json:"started"`
	Answered        time.Time            `json:"answered,omitzero" doc:"Absent: never."`
	Ended           time.Time            `json:"ended"`
	Setup           float64              `json:"setup_seconds" doc:"Until it was answered or over, by a clock that nobody sets; to the microsecond."`
	Duration        float64              `json:"duration_seconds" doc:"From the answer to the end, likewise."`
	Status          int                  `json:"status" doc:"The final one; 0: no answer was given."`
	Reason          string               `json:"reason"`
	EndedBy         string               `json:"ended_by" enum:"caller,callee,tollgate"`
	Rule            tenant.RuleID        `json:"rule_id,omitempty" doc:"Of the firewall or block list: that decided."`
}

// cdrRow is a CDR as its table has it.
type cdrRow struct {
	bun.BaseModel `bun:"table:cdrs"`

	Seq             int64
	ID              string
	CompanyID       int64
	CustomerID      int64
	Customer        string
	Direction       string
	Hidden          bool
	CallID          string
	FarCallID       string
	Caller          string
	Callee          string
	URI             string
	Source          string
	SourceTransport string
	DestinationID   int64
	Destination     string
	Target          string
	TargetTransport string
	StartedAt       int64 // microseconds, as all times
	EndedAt         int64
	Answered        bool
	Setup           int64
	Duration        int64
	Status          int
	Reason          string
	EndedBy         string
	RuleID          int64
}

// cdrColumns are those that an insert gives, in the order of values.
var cdrColumns = []string{
	"id", "company_id", "customer_id", "customer", "direction", "hidden", "call_id", "far_call_id", "caller", "callee", "uri",
	"source", "source_transport", "destination_id", "destination", "target", "target_transport",
	"started_at", "ended_at", "answered", "setup", "duration", "status", "reason", "ended_by", "rule_id",
}

// values are the columns of a new row.
func (c *CDR) values(to []any) []any {
	micros := func(seconds float64) int64 { return int64(math.Round(seconds * 1e6)) }
	return append(to,
		c.ID, int64(c.Company), int64(c.Customer), c.CustomerName, c.Direction, c.Hidden, c.CallID, c.FarCallID, c.From, c.To, c.URI,
		c.Source, c.SourceTransport, int64(c.DestinationID), c.Destination, c.Target, c.TargetTransport,
		c.Started.UnixMicro(), c.Ended.UnixMicro(), !c.Answered.IsZero(), micros(c.Setup), micros(c.Duration),
		c.Status, c.Reason, c.EndedBy, int64(c.Rule))
}

func (r *cdrRow) cdr() CDR {
	at := func(micros int64) time.Time { return time.UnixMicro(micros).UTC() }
	c := CDR{
		Seq: r.Seq, ID: r.ID, Company: tenant.CompanyID(r.CompanyID), Customer: tenant.CustomerID(r.CustomerID), CustomerName: r.Customer,
		Direction: r.Direction, Hidden: r.Hidden, CallID: r.CallID, FarCallID: r.FarCallID, From: r.Caller, To: r.Callee, URI: r.URI,
		Source: r.Source, SourceTransport: r.SourceTransport, DestinationID: tenant.DestinationID(r.DestinationID), Destination: r.Destination,
		Target: r.Target, TargetTransport: r.TargetTransport, Started: at(r.StartedAt), Ended: at(r.EndedAt),
		Setup: float64(r.Setup) / 1e6, Duration: float64(r.Duration) / 1e6,
		Status: r.Status, Reason: r.Reason, EndedBy: r.EndedBy, Rule: tenant.RuleID(r.RuleID),
	}
	if r.Answered {
		c.Answered = at(r.StartedAt + r.Setup)
	}
	return c
}

// cdrRows is how many rows one INSERT has.
const cdrRows = 50

// AddCDRs stores records in their order, all or none. One whose ID (and hour of Started) is stored already is left out, so
// that whoever does not know whether it was stored may hand it in again. They are no configuration:
// there is no audit, and the revision stays.
func (s *Store) AddCDRs(ctx context.Context, list []CDR) error {
	err := s.alone(ctx, func(db bun.Tx) error {
		whole := len(list) / cdrRows * cdrRows
		if whole > 0 {
			if err := insertWhole(ctx, db.Tx, list[:whole]); err != nil {
				return err
			}
		}
		if rest := list[whole:]; len(rest) > 0 {
			_, err := db.Tx.ExecContext(ctx, insertCDRs(len(rest)), cdrValues(nil, rest)...)
			return err
		}
		return nil
	})
	return s.explain(err)
}

// insertWhole stores a multiple of cdrRows.
func insertWhole(ctx context.Context, tx *sql.Tx, list []CDR) error {
	insert, err := tx.PrepareContext(ctx, insertCDRs(cdrRows))
	if err != nil {
		return err
	}
	defer insert.Close()
	var values []any
	for ; len(list) > 0; list = list[cdrRows:] {
		values = cdrValues(values[:0], list[:cdrRows])
		if _, err := insert.ExecContext(ctx, values...); err != nil {
			return err
		}
	}
	return nil
}

func cdrValues(to []any, list []CDR) []any {
	for i := range list {
		to = list[i].values(to)
	}
	return to
}

// insertCDRs is the statement for so many rows. It does without bun, which would write the values into
// the text.
func insertCDRs(rows int) string {
	row := ", (" + strings.Repeat(", ?", len(cdrColumns))[2:] + ")"
	return "INSERT OR IGNORE INTO cdrs (" + strings.Join(cdrColumns, ", ") + ") VALUES " + strings.Repeat(row, rows)[2:]
}

// CDRQuery narrows a list of CDRs. The zero value is the first hundred in the scope.
type CDRQuery struct {
	After        int64     // only with a higher Seq
	Q            string    // text in numbers, addresses and Call-IDs, any case
	Since, Until time.Time // ended then or later, ended before; zero: any time
	Reason       string    // "" = any
	Status       int       // 0 = any
	Limit        int       // 0 is 100, at most 1000
}

// CDRs lists the records of the scope in the order of Seq.
func (s *Store) CDRs(ctx context.Context, scope tenant.Scope, q CDRQuery) ([]CDR, error) {
	var rows []cdrRow
	sel := within(s.r.NewSelect().Model(&rows), ownedByRole, scope).Where("seq > ?", q.After)
	if !q.Since.IsZero() {
		since := q.Since.UnixMicro()
		// Time and order hardly differ, so this leads to the place in the table at once.
		sel = sel.Where("seq >= (SELECT MIN(seq) FROM cdrs WHERE ended_at >= ?)", since).Where("ended_at >= ?", since)
	}
	if !q.Until.IsZero() {
		sel = sel.Where("ended_at < ?", q.Until.UnixMicro())
	}
	if q.Reason != "" {
		sel = sel.Where("reason = ?", q.Reason)
	}
	if q.Status != 0 {
		sel = sel.Where("status = ?", q.Status)
	}
	if text := searchText(strings.TrimSpace(q.Q)); text != "" {
		const places = "LOWER(caller || ' ' || callee || ' ' || uri || ' ' || call_id || ' ' || far_call_id || ' ' || " +
			"source || ' ' || target || ' ' || destination || ' ' || id)"
		sel = matchingExpr(sel, places, text)
	}
	limit := Query{Limit: q.Limit}.limit()
	if err := sel.OrderExpr("seq").Limit(int64(limit)).Scan(ctx); err != nil {
		return nil, s.explain(err)
	}
	out := make([]CDR, len(rows))
	for i := range rows {
		out[i] = rows[i].cdr()
	}
	return out, nil
}

// LastCDR is the highest Seq that was ever given, 0 for none.
func (s *Store) LastCDR(ctx context.Context) (seq int64, err error) {
	err = s.r.NewSelect().TableExpr("sqlite_sequence").Column("seq").Where("name = 'cdrs'").Scan(ctx, &seq)
	if isNoRows(err) {
		return 0, nil
	}
	return seq, s.explain(err)
}

// PruneCDRs removes at most so many of the records that ended before a time, and says how many.
func (s *Store) PruneCDRs(ctx context.Context, before time.Time, most int) (n int64, err error) {
	err = s.alone(ctx, func(db bun.Tx) error {
		done, err := db.NewRaw("DELETE FROM cdrs WHERE seq IN (SELECT seq FROM cdrs WHERE ended_at < ? ORDER BY ended_at LIMIT ?)",
			before.UnixMicro(), most).Exec(ctx)
		if err == nil {
			n, err = done.RowsAffected()
		}
		return err
	})
	return n, s.explain(err)
}
