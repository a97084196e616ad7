package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/uptrace/bun"
)

// CDRWebhook is how far the webhook for call records has come.
type CDRWebhook struct {
	Position int64     // Seq of the last record that the receiver has
	Failing  time.Time // since when it takes none; zero: it does
}

// DeadCDR is a record that the receiver would not have.
type DeadCDR struct {
	CDR
	Failed time.Time // when it was given up
	Error  string    // why
	Asked  time.Time // since when it is to be sent again; zero: it is not
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// CDRWebhook gives what MoveCDRWebhook noted; false where it never did.
func (s *Store) CDRWebhook(ctx context.Context) (w CDRWebhook, is bool, err error) {
	var failing int64
	err = s.r.QueryRowContext(ctx, "SELECT position, failing FROM cdr_webhook").Scan(&w.Position, &failing)
	if isNoRows(err) {
		return w, false, nil
	}
	w.Failing = fromMicros(failing)
	return w, err == nil, s.explain(err)
}

// MoveCDRWebhook notes how far it has come, and keeps those records behind it that were given up.
func (s *Store) MoveCDRWebhook(ctx context.Context, to CDRWebhook, dead []DeadCDR) error {
	return s.explain(s.alone(ctx, func(db bun.Tx) error {
		for i := range dead {
			d := &dead[i]
			if _, err := db.Tx.ExecContext(ctx,
				"INSERT OR IGNORE INTO cdr_dead_letters (seq, id, record, ended, failed, error, asked) VALUES (?, ?, ?, ?, ?, ?, 0)",
				d.Seq, d.ID[:], d.Record, d.ended(), micros(d.Failed), d.Error); err != nil {
				return err
			}
		}
		_, err := db.Tx.ExecContext(ctx, "INSERT OR REPLACE INTO cdr_webhook (id, position, failing) VALUES (1, ?, ?)", to.Position, micros(to.Failing))
		return err
	}))
}

// DeadCDRs gives at most so many in the order of Seq, after one; with asked only those that are to be sent again.
func (s *Store) DeadCDRs(ctx context.Context, after int64, most int, asked bool) (list []DeadCDR, err error) {
	only := ""
	if asked {
		only = "AND asked > 0 "
	}
	rows, err := s.r.DB.QueryContext(ctx,
		"SELECT seq, id, record, failed, error, asked FROM cdr_dead_letters WHERE seq > ? "+only+"ORDER BY seq LIMIT ?", after, most)
	if err != nil {
		return nil, s.explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		var d DeadCDR
		var id sql.RawBytes
		var failed, since int64
		if err := rows.Scan(&d.Seq, &id, &d.Record, &failed, &d.Error, &since); err != nil {
			return nil, s.explain(err)
		}
		copy(d.ID[:], id)
		d.Failed, d.Asked = fromMicros(failed), fromMicros(since)
		list = append(list, d)
	}
	return list, s.explain(rows.Err())
}

// CountDeadCDRs says how many there are.
func (s *Store) CountDeadCDRs(ctx context.Context) (n int, err error) {
	err = s.r.QueryRowContext(ctx, "SELECT COUNT(*) FROM cdr_dead_letters").Scan(&n)
	return n, s.explain(err)
}

// AskDeadCDRs has all of them sent again, and says how many they are.
func (s *Store) AskDeadCDRs(ctx context.Context) (n int64, err error) {
	err = s.alone(ctx, func(db bun.Tx) error {
		done, err := db.Tx.ExecContext(ctx, "UPDATE cdr_dead_letters SET asked = ? WHERE asked = 0", micros(s.now()))
		if err == nil {
			n, err = done.RowsAffected()
		}
		return err
	})
	return n, s.explain(err)
}

// SettleDeadCDRs notes what became of those that were sent again: without an Error they are gone,
// with one they rest.
func (s *Store) SettleDeadCDRs(ctx context.Context, list []DeadCDR) error {
	return s.explain(s.alone(ctx, func(db bun.Tx) error {
		for i := range list {
			d := &list[i]
			var err error
			if d.Error == "" {
				_, err = db.Tx.ExecContext(ctx, "DELETE FROM cdr_dead_letters WHERE seq = ?", d.Seq)
			} else {
				_, err = db.Tx.ExecContext(ctx, "UPDATE cdr_dead_letters SET asked = 0, failed = ?, error = ? WHERE seq = ?", micros(d.Failed), d.Error, d.Seq)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}))
}
