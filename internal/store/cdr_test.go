package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"testing"
	"time"

	"tollgate/internal/tenant"
)

// BenchmarkAddCDRs stores blocks of 750, as a node with 1500 calls a second does.
func BenchmarkAddCDRs(b *testing.B) {
	s, err := Open(b.Context(), Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	list := make([]CDR, 750)
	n, began := 0, time.Now()
	for b.Loop() {
		for i := range list {
			n++
			list[i].Record = AppendCDRHead(list[i].Record[:0], 1, tenant.CustomerID(n%100), began.Add(time.Duration(n)*time.Second/1500))
			list[i].Record = append(list[i].Record, make([]byte, 300)...)
		}
		if err := s.AddCDRs(b.Context(), list, false); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "cdrs/s")
}

// TestCDRsOfBefore: the rows of schema 3 are blocks now, with their numbers.
func TestCDRsOfBefore(t *testing.T) {
	dir := t.TempDir()
	atSchema3(t, dir, `INSERT INTO cdrs VALUES
		(41, '0102030405060708090a0b0c', 1, 2, 'acme', 'outbound', 1, 'call@x', 'far', '"Alice" <sip:a@x>', '<sip:b@y>', 'sip:+39040@y',
		 '192.0.2.1:5060', 'udp', 7, 'pbx', '[2001:db8::1]:5060', 'tls', 1800000000000123, 1800000010500123, 1, 500000, 10000000, 200, 'ok', 'callee', 0),
		(42, '0102030405060708090a0b0d', 1, 3, 'x', 'inbound', 0, 'é'||char(10), '', '=1', '', '', '', 'udp', 0, '', '', '',
		 1800000020000000, 1800000020000000, 0, 0, 0, 403, 'firewall', 'tollgate', 9);
		UPDATE sqlite_sequence SET seq = 50 WHERE name = 'cdrs'`)
	s, err := openIn(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var said []map[string]any
	err = s.CDRs(t.Context(), tenant.OfCompany(1), CDRQuery{Since: time.UnixMicro(1800000010500123)}, func(c *CDR) bool {
		var one map[string]any
		if err := json.Unmarshal(c.Record[CDRHead:], &one); err != nil {
			t.Errorf("%v: %q", err, c.Record)
		}
		if c.Seq != int64(41+len(said)) || c.ID[11] != byte(0x0c+len(said)) || c.Customer() != tenant.CustomerID(2+len(said)) {
			t.Errorf("%+v", c)
		}
		said = append(said, one)
		return true
	})
	if err != nil || len(said) != 2 {
		t.Fatalf("%d records, %v", len(said), err)
	}
	for field, want := range map[string]any{
		"id": "0102030405060708090a0b0c", "from": `"Alice" <sip:a@x>`, "hidden": true, "setup_seconds": .5, "duration_seconds": 10.0,
		"started": "2027-01-15T08:00:00.000123Z", "answered": "2027-01-15T08:00:00.500123Z", "ended": "2027-01-15T08:00:10.500123Z", "status": 200.0,
	} {
		if said[0][field] != want {
			t.Errorf("%s is %v, want %v", field, said[0][field], want)
		}
	}
	if said[1]["call_id"] != "é\n" || said[1]["answered"] != nil || said[1]["hidden"] != false {
		t.Errorf("%v", said[1])
	}
	if last, err := s.LastCDR(t.Context()); err != nil || last != 50 {
		t.Errorf("the last is %d, %v", last, err)
	}
}

// atSchema3 makes a database as it was before 0004, and changes it.
func atSchema3(t *testing.T, dir, change string) {
	t.Helper()
	s, err := openIn(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", uri(dir+"/"+FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	run := func(text string) {
		if _, err := db.ExecContext(context.Background(), text); err != nil {
			t.Fatal(err)
		}
	}
	run(backTo6() + backTo5 + "DROP TABLE cdr_blocks; DROP TABLE cdr_parts; DROP TABLE cdr_state; DROP TABLE cdr_webhook; DROP TABLE cdr_dead_letters; DELETE FROM goose_db_version WHERE version_id > 3")
	made, err := migrations.ReadFile(migrationsDir + "/0003_cdrs.sql")
	if err != nil {
		t.Fatal(err)
	}
	run(string(made))
	run(change)
}
