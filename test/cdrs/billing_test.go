package cdrs

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// TestFiveHundred: as many records as calls, while somebody reads along by the cursor and
// misses none, nor gets one twice.
func TestFiveHundred(t *testing.T) {
	t.Parallel()
	const calls = 500
	s := stage.New(t, harness.Start(t), stage.One()[0], nil)
	r := newReader(t, s.Node)
	var along []record
	var reading sync.WaitGroup
	stop := make(chan struct{})
	reading.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for after, last := "0", false; ; {
			list, next := r.page(after, "limit=7")
			along, after = append(along, list...), next
			if len(list) > 0 {
				continue
			}
			if last {
				return
			}
			select {
			case <-stop:
				last = true
			case <-tick.C:
			}
		}
	})
	var ids []string
	for n := range calls {
		if n%5 == 0 {
			a := s.Caller.Invite(s.URI())
			b := s.Callee.Accept("INVITE")
			b.Answer(486)
			b.Expect("ACK")
			a.Expect(486)
			ids = append(ids, a.ID)
			continue
		}
		a, b := s.Talk()
		s.End(a, b)
		ids = append(ids, a.ID)
	}
	all := r.want(s.Customer.Name, calls)
	close(stop)
	reading.Wait()
	if len(along) != calls {
		t.Errorf("read along: %d records", len(along))
	}
	for i := range min(len(all), len(along)) {
		if along[i] != all[i] || i > 0 && all[i].Seq <= all[i-1].Seq {
			t.Fatalf("record %d is %+v, and was %+v", i, all[i], along[i])
		}
	}
	var got []string
	for _, c := range all {
		got = append(got, c.CallID)
	}
	slices.Sort(got)
	slices.Sort(ids)
	if !slices.Equal(got, ids) {
		t.Error("not the calls that were")
	}
	lines, media := r.ask("format=jsonl")
	if n := strings.Count(string(lines), "\n"); n != calls || !strings.HasPrefix(media, "application/jsonl") {
		t.Errorf("%d lines of %s", n, media)
	}
}

// TestKilled: a node that is killed right after the ends has their records when it is back, each once.
func TestKilled(t *testing.T) {
	t.Parallel()
	s := stage.New(t, harness.Start(t), stage.One()[0], func(c *harness.Customer) { c.Extra = "blocklist:\n  - {prefix: \"00882\"}\n" })
	s.Loose = true
	r := newReader(t, s.Node)
	want := 0
	for round := range 4 {
		for range 10 {
			a, b := s.Talk()
			s.End(a, b)
			refused := s.Caller.Invite("sip:00882123@" + s.Domain)
			refused.Expect(403)
			want += 2
		}
		up, other := s.Talk() // is up meanwhile, and ends once
		s.Node.Signal(t, syscall.SIGKILL)
		if s.Node.Exited(harness.Stopping) == -2 {
			t.Fatal("the node outlives a kill -9")
		}
		s.Node.Up(t)
		s.End(up, other)
		want++
		list := r.want(s.Customer.Name, want)
		seen := map[string]bool{}
		for _, c := range list {
			if seen[c.CallID] {
				t.Fatalf("round %d: %s twice", round, c.CallID)
			}
			seen[c.CallID] = true
		}
		last := list[len(list)-1]
		if last.CallID != up.ID || last.Status != 200 || last.EndedBy != "caller" || last.Answered.IsZero() || last.URI != s.URI() {
			t.Errorf("the call that outlived the kill: %+v", last)
		}
	}
}

// TestStopped: what rings when the node is stopped is refused, and on record.
func TestStopped(t *testing.T) {
	t.Parallel()
	s := stage.New(t, harness.Start(t), stage.One()[0], nil)
	s.Loose = true
	r := newReader(t, s.Node)
	a, b := s.Ring()
	said := s.Node.LogSize()
	s.Node.Signal(t, syscall.SIGTERM)
	harness.Eventually(t, harness.Soon, func() error {
		if s.Node.LogSince(said, "draining") == "" {
			return errors.New("the node does not drain")
		}
		return nil
	})
	s.Node.Signal(t, syscall.SIGTERM)
	a.Expect(503)
	b.Await("CANCEL")
	s.Node.Exited(harness.Stopping)
	s.Node.Up(t)
	if c := r.want(s.Customer.Name, 1)[0]; c.Reason != "draining" || c.Status != 503 || c.EndedBy != "tollgate" {
		t.Errorf("%+v", c)
	}
}

// TestHostile: what callers write is harmless wherever it is read.
func TestHostile(t *testing.T) {
	t.Parallel()
	s := stage.New(t, harness.Start(t), stage.One()[0], nil)
	r := newReader(t, s.Node)
	froms := []string{
		`=HYPERLINK("http://x.test") <sip:a@x.test>`, `+1 <sip:a@x.test>`, `-2 <sip:a@x.test>`, `"=1+1" <sip:a@x.test>`,
		`"<script>alert(1)</script>" <sip:a@x.test>`, `"'; DROP TABLE cdrs; --" <sip:a@x.test>`, "\"\x1b[2J\xff\xfe\" <sip:a@x.test>",
		`"` + strings.Repeat("x", 10_000) + `" <sip:a@x.test>`,
	}
	s.Callee.Handle(func(m *peer.Message) bool {
		if m.Method == "INVITE" {
			s.Callee.Replies(m, 486)
		}
		return true
	})
	attempts := 0
	for _, from := range froms {
		a := s.Caller.Invite(s.URI(), peer.NoBody(), peer.With("From", from+";tag=h"))
		if a.ExpectOneOf(486, 513, 400).Status != 400 {
			attempts++ // else it was malformed, and nobody's
		}
	}
	if r.want(s.Customer.Name, attempts); attempts < 5 {
		t.Errorf("only %d attempts", attempts)
	}
	cells, media := r.ask("format=csv")
	rows, err := csv.NewReader(strings.NewReader(string(cells))).ReadAll()
	if err != nil || !strings.HasPrefix(media, "text/csv") || len(rows) != attempts+1 {
		t.Fatalf("%d rows of %s, %v", len(rows), media, err)
	}
	for _, row := range rows[1:] {
		for i, cell := range row {
			if len(cell) > 1100 || cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
				t.Errorf("%s: %.60q", rows[0][i], cell)
			}
		}
	}
	lines, _ := r.ask("format=jsonl")
	for line := range strings.Lines(string(lines)) {
		var c record
		if err := json.Unmarshal([]byte(line), &c); err != nil || strings.ContainsAny(strings.TrimSpace(line), "<>\x1b\x00") {
			t.Errorf("%v: %.200q", err, line)
		}
	}
	text := s.Node.Must(t, "cdrs", "--customer", s.Customer.Name, "--since", "1h")
	if strings.ContainsAny(text.Stdout, "\x1b\x00") || strings.Count(text.Stdout, "\n") != len(rows) {
		t.Errorf("%q", text.Stdout)
	}
	if list := s.Node.JSON(t, "cdrs", "--since", "1h"); len(list) != len(rows)-1 {
		t.Errorf("%d records as JSON", len(list))
	}
	if list := s.Node.JSON(t, "cdrs", "drop table"); len(list) != 1 {
		t.Errorf("%d records hold a text", len(list))
	}
	if r := s.Node.Command(t, "cdrs", "--since", "yesterday"); r.Code != 1 || !strings.Contains(r.Stderr, "since") {
		t.Errorf("%s", r)
	}
}
