package api_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tollgate/internal/cdr"
	"tollgate/internal/media"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// someCDRs makes records that ended a second apart, the last one just now.
func someCDRs(e *estate, n int) []cdr.CDR {
	list := make([]cdr.CDR, n)
	now := time.Now().Truncate(time.Microsecond)
	for i := range list {
		at := now.Add(time.Duration(i-n) * time.Second)
		list[i] = cdr.CDR{
			ID: fmt.Sprintf("%s%06d", e.marker, i), Company: tenant.CompanyID(e.company), Customer: tenant.CustomerID(e.customer), CustomerName: e.marker,
			CallID: fmt.Sprintf("call%d", i), Status: 486, Reason: "ok", EndedBy: "callee", Direction: "inbound", Started: at, Ended: at,
		}
	}
	return list
}

// cdrPage asks for one page.
func (w *world) cdrPage(query string) (ids []string, next string) {
	w.t.Helper()
	o := w.must("GET", "/api/v1/cdrs?"+query, nil)
	for _, item := range o["items"].([]any) {
		ids = append(ids, item.(object)["id"].(string))
	}
	next, _ = o["next"].(string)
	return ids, next
}

// TestCDRPages: pages as of every list, and the cursor that is good for later.
func TestCDRPages(t *testing.T) {
	w := newWorld(t)
	alfa := w.settle("alfa", 1)
	w.record(someCDRs(alfa, 250)...)
	who := w.as(alfa.key)
	var all []string
	query := "limit=100"
	for pages := 0; pages < 5; pages++ {
		ids, next := who.cdrPage(query)
		all = append(all, ids...)
		if next == "" {
			break
		}
		query = "limit=100&cursor=" + next
	}
	if len(all) != 251 || !slices.IsSorted(all) && all[0] != "cdr-of-alfa" {
		t.Fatalf("%d records", len(all))
	}
	ids, next := who.cdrPage("after=0&limit=1000")
	if !slices.Equal(ids, all) || next == "" {
		t.Errorf("%d records after 0, then %q", len(ids), next)
	}
	if ids, again := who.cdrPage("after=" + next); len(ids) != 0 || again != next {
		t.Errorf("nothing is new: %v, then %q", ids, again)
	}
	fresh := someCDRs(alfa, 251)[250:]
	w.record(fresh...)
	if ids, _ := who.cdrPage("after=" + next); len(ids) != 1 || ids[0] != fresh[0].ID {
		t.Errorf("one is new: %v", ids)
	}
}

// TestCDRNewest: the same records from the end, page after page, and no other tenant's.
func TestCDRNewest(t *testing.T) {
	w := newWorld(t)
	alfa, beta := w.settle("alfa", 1), w.settle("beta", 2)
	w.record(someCDRs(alfa, 250)...)
	w.record(someCDRs(beta, 5)...)
	who := w.as(alfa.key)
	want, _ := who.cdrPage("limit=1000")
	slices.Reverse(want)
	var all []string
	for query, pages := "newest=true&limit=100", 0; query != "" && pages < 5; pages++ {
		ids, next := who.cdrPage(query)
		all = append(all, ids...)
		query = ""
		if next != "" {
			query = "newest=true&limit=100&cursor=" + next
		}
	}
	if !slices.Equal(all, want) || len(all) != 251 {
		t.Errorf("%d records backwards, want %d", len(all), len(want))
	}
	for _, query := range []string{"newest=true&after=1", "newest=true&format=csv", "newest=true&cursor=x", "newest=maybe", "verdict=good"} {
		if a := who.do("GET", "/api/v1/cdrs?"+query, nil); a.code != 422 && a.code != 400 {
			t.Errorf("%s: %d %s", query, a.code, a.body)
		}
	}
}

// TestCDRFilters: what each takes, and what none takes.
func TestCDRFilters(t *testing.T) {
	w := newWorld(t)
	alfa, beta := w.settle("alfa", 1), w.settle("beta", 2)
	list := someCDRs(alfa, 20)
	list[3].EndedBy, list[5].Answered = "tollgate", list[5].Started
	list[3].Reason, list[3].Status, list[3].From = "firewall", 403, `"Bob" <sip:+39040123@x.test>`
	w.record(list...)
	since := url.QueryEscape(list[15].Ended.Format(time.RFC3339Nano))
	for query, want := range map[string]int{
		"reason=firewall": 1, "status=403": 1, "q=%2B39040123": 1, "q=0039+040-123": 1, "q=%2B39+040+124": 0, "q=CALL19": 1, "q=nothing": 0, "since=" + since: 5, "until=" + since: 16,
		"since=1h": 20, "since=1h&until=1h": 0, "customer=" + itoa(alfa.customer): 21, "limit=7": 7, "status=503": 0,
		"verdict=refused": 1, "verdict=answered&customer=" + itoa(alfa.customer): 1, "verdict=failed&newest=true": 19,
	} {
		if ids, _ := w.as(alfa.companyKey).cdrPage(query); len(ids) != want {
			t.Errorf("%s gives %d records, want %d", query, len(ids), want)
		}
	}
	for _, query := range []string{"since=yesterday", "until=-1h", "after=x", "after=-1", "cursor=%27", "status=0", "format=xml", "limit=0", "sort=seq"} {
		if a := w.as(alfa.key).do("GET", "/api/v1/cdrs?"+query, nil); a.code != 422 && a.code != 400 {
			t.Errorf("%s: %d %s", query, a.code, a.body)
		}
	}
	for _, format := range []string{"json", "csv", "jsonl"} {
		a := w.as(beta.key).do("GET", "/api/v1/cdrs?format="+format, nil)
		if a.code != 200 || strings.Contains(string(a.body), "alfa") || !strings.Contains(string(a.body), "cdr-of-beta") {
			t.Errorf("%s: %d %s", format, a.code, a.body)
		}
		a = w.as(beta.key).do("GET", "/api/v1/cdrs?format="+format+"&customer="+itoa(alfa.customer), nil)
		if a.code != 404 {
			t.Errorf("%s of another customer: %d", format, a.code)
		}
	}
}

// TestCDRStreams: all records in one answer, more than are read at once.
func TestCDRStreams(t *testing.T) {
	w := newWorld(t)
	alfa := w.settle("alfa", 1)
	list := someCDRs(alfa, 2300)
	w.record(list...)
	who := w.as(alfa.key)
	header := map[string]int{"csv": 1}
	for format, accept := range map[string]string{"csv": "text/csv", "jsonl": "application/jsonl"} {
		a := who.do("GET", "/api/v1/cdrs", nil, "Accept", "text/html;q=0.1, "+accept)
		if n := strings.Count(string(a.body), "\n"); n != 2301+header[format] || !strings.HasPrefix(a.header.Get("Content-Type"), accept) {
			t.Errorf("%s: %d lines of %s", format, n, a.header.Get("Content-Type"))
		}
		a = who.do("GET", "/api/v1/cdrs?format="+format+"&q=call7", nil)
		if n := strings.Count(string(a.body), `"call7`); n != 111 { // 7, 7x, 7xx
			t.Errorf("%s: %d calls hold call7", format, n)
		}
		a = who.do("GET", "/api/v1/cdrs?format="+format+"&limit=3&after=1", nil)
		if n := strings.Count(string(a.body), "\n"); n != 3+header[format] {
			t.Errorf("%s: %d lines", format, n)
		}
	}
}

// TestCDRFormulas: no cell is one, and every value can be read again.
func TestCDRFormulas(t *testing.T) {
	w := newWorld(t)
	alfa := w.settle("alfa", 1)
	texts := []string{"=1+1", "+39", "-2", "@SUM(A1)", "\tx", "\r=x", "\n=x", "＝1", `a"b,c;d`, "'x", "<script>", "\x1b[2J", "a\r\n=b", "plain"}
	list := someCDRs(alfa, len(texts))
	for i, text := range texts {
		list[i].From, list[i].CallID, list[i].Destination = text, text, text
	}
	w.record(list...)
	a := w.as(alfa.key).do("GET", "/api/v1/cdrs?after=1&format=csv", nil)
	rows, err := csv.NewReader(strings.NewReader(string(a.body))).ReadAll()
	if err != nil || len(rows) != len(texts)+1 || a.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Fatalf("%d rows, %v, %v", len(rows), a.header, err)
	}
	from := slices.Index(rows[0], "from")
	for i, text := range texts {
		got := rows[i+1][from]
		if strings.ContainsRune("=+-@\t\r\n＝", []rune(got)[0]) {
			t.Errorf("%q is a formula", got)
		}
		if got = strings.ReplaceAll(got, "\r\n", "\n"); got != strings.ReplaceAll(text, "\r\n", "\n") && got != "'"+strings.ReplaceAll(text, "\r\n", "\n") {
			t.Errorf("%q became %q", text, got)
		}
		if !strings.Contains(string(a.body), strconv.Itoa(486)) {
			t.Error("no status")
		}
	}
	lines := strings.Split(strings.TrimSpace(string(w.as(alfa.key).do("GET", "/api/v1/cdrs?after=1&format=jsonl", nil).body)), "\n")
	for i, text := range texts {
		var c cdr.CDR
		if err := json.Unmarshal([]byte(lines[i]), &c); err != nil || c.From != text || strings.Contains(lines[i], "<script>") {
			t.Errorf("%q became %q, %v", text, c.From, err)
		}
	}
}

// TestDeadLetters: the platform sees them, in pages, and has them sent again.
func TestDeadLetters(t *testing.T) {
	w := newWorld(t)
	alfa := w.settle("alfa", 1)
	w.record(someCDRs(alfa, 3)...)
	var dead []store.DeadCDR
	err := w.store.CDRs(t.Context(), tenant.Platform(), store.CDRQuery{}, func(c *store.CDR) bool {
		dead = append(dead, store.DeadCDR{CDR: store.CDR{Seq: c.Seq, ID: c.ID, Record: bytes.Clone(c.Record)}, Failed: time.Now(), Error: "the receiver answers 422"})
		return true
	})
	if err == nil {
		err = w.store.MoveCDRWebhook(t.Context(), store.CDRWebhook{}, dead)
	}
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for cursor := ""; ; {
		page := w.admin().must("GET", "/api/v1/cdrs/dead-letters?limit=3"+cursor, nil)
		for _, item := range page["items"].([]any) {
			if item.(object)["error"] != "the receiver answers 422" {
				t.Errorf("%v", item)
			}
			ids = append(ids, item.(object)["record"].(object)["id"].(string))
		}
		next, is := page["next"].(string)
		if !is || next == "" {
			break
		}
		cursor = "&cursor=" + next
	}
	if len(ids) != 4 || ids[0] != "cdr-of-alfa" {
		t.Errorf("%v", ids)
	}
	w.node.letters = 4
	if n := w.admin().must("POST", "/api/v1/cdrs/dead-letters/retry", nil)["records"]; n != 4.0 {
		t.Errorf("%v are sent again", n)
	}
	if a := w.admin().do("GET", "/api/v1/cdrs/dead-letters?cursor=x", nil); a.code != 422 {
		t.Errorf("%d %s", a.code, a.body)
	}
}

// TestCDRMedia: how a call sounded, as JSON and in the columns of CSV.
func TestCDRMedia(t *testing.T) {
	w := newWorld(t)
	alfa := w.settle("alfa", 1)
	list := someCDRs(alfa, 3)
	at := netip.MustParseAddrPort("192.0.2.1:4000")
	list[0].OneWay = true
	list[0].Media = []media.Figures{
		{Side: "caller", Sound: "heard", Codec: "PCMA", Source: at, Packets: 500, LossPercent: 1.5, Jitter: 2.25, MOS: media.Opinion{Min: 3.9, Average: 4.1, Max: 4.4}},
		{Side: "callee", Sound: "never"},
	}
	list[1].Media = []media.Figures{ // video alone was heard of
		{Side: "caller", Sound: "heard", Packets: 10, Jitter: 1}, {Side: "callee", Sound: "heard", Packets: 10},
	}
	w.record(list...)
	who := w.as(alfa.key)
	a := who.do("GET", "/api/v1/cdrs?after=1&format=csv", nil)
	rows, err := csv.NewReader(strings.NewReader(string(a.body))).ReadAll()
	if err != nil || len(rows) != 4 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	from := slices.Index(rows[0], "one_way")
	for i, want := range []string{"true,PCMA,4.1,1.5,2.25,,,,", "false,,,0,1,,,0,0", ",,,,,,,,"} {
		if got := strings.Join(rows[i+1][from:], ","); got != want {
			t.Errorf("row %d: %s, want %s", i+1, got, want)
		}
	}
	var page struct{ Items []cdr.CDR }
	if err := json.Unmarshal(who.do("GET", "/api/v1/cdrs?after=1", nil).body, &page); err != nil || len(page.Items) != 3 {
		t.Fatal(page, err)
	}
	if got := page.Items; !got[0].OneWay || !slices.Equal(got[0].Media, list[0].Media) || got[2].Media != nil {
		t.Errorf("%+v", got)
	}
}
