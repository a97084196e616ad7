package cdrs

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the node's database, whose times are set back

	"tollgate/test/harness"
	"tollgate/test/stage"
)

// TestRetention: records go when they are older than retention.cdrs has it, and no others.
func TestRetention(t *testing.T) {
	t.Parallel()
	s := stage.New(t, harness.Start(t, harness.Settings{Config: "retention: {cdrs: 30d}\n"}), stage.One()[0], nil)
	s.Loose = true
	r := newReader(t, s.Node)
	const day = 24 * time.Hour
	ages := []time.Duration{31 * day, 30*day + time.Hour, 30*day - time.Hour, day, 0}
	var calls []string
	for range ages {
		a, b := s.Talk()
		s.End(a, b)
		calls = append(calls, a.ID)
		r.want(s.Customer.Name, len(calls))
		s.Node.Down(t) // so each has a block of its own
		s.Node.Up(t)
	}
	s.Node.Down(t)
	setBack(t, s.Node, ages)
	s.Node.Up(t)
	young := calls[2:]
	harness.Eventually(t, harness.Soon, func() error {
		var left []string
		for _, c := range r.of(s.Customer.Name) {
			left = append(left, c.CallID)
		}
		for i, id := range young {
			if !slices.Contains(left, id) {
				t.Fatalf("the record of %v ago is gone", ages[2+i])
			}
		}
		if len(left) > len(young) {
			return fmt.Errorf("%d of %d records are left, want %d", len(left), len(calls), len(young))
		}
		return nil
	})
}

// setBack makes the records of a node that is down, each in a block of its own, so much older.
func setBack(t *testing.T, node *harness.Node, ages []time.Duration) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(node.Dir, "data", "tollgate.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for i, age := range ages {
		done, err := db.ExecContext(t.Context(),
			"UPDATE cdr_blocks SET first_ended = first_ended - ?1, last_ended = last_ended - ?1, reached = reached - ?1 WHERE first_seq = ?2 AND last_seq = ?2",
			age.Microseconds(), i+1)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := done.RowsAffected(); err != nil || n != 1 {
			t.Fatalf("record %d: %d blocks, %v", i+1, n, err)
		}
	}
}
