package values

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"

	"tollgate/test/harness"
)

const (
	customer = "values"
	domain   = "values.test"
	refused  = "00882123" // is on the block list
)

// stand is a node that was sent all of it.
type stand struct {
	*testing.T
	node   *harness.Node
	edge   netip.AddrPort
	key    string
	number int // of the last request
}

// TestValues sends everything once, and then looks everywhere.
func TestValues(t *testing.T) {
	ip := harness.IP(t) // of the caller, whose broken requests would get him banned
	s := &stand{T: t, node: harness.Start(t, harness.Settings{Bannable: true, Config: "never_ban: [" + ip + "]\n"})}
	pbx := newLine(t, harness.IP(t), answers)
	s.node.Apply(t, harness.Customer{
		Name: customer, Domains: []string{domain}, Destinations: []harness.Destination{{Addr: pbx.addr()}},
		Extra: "firewall_rules:\n  - {name: agents, header: user-agent, value: \".\", match: regex, priority: 1, action: drop, mode: monitor}\n" +
			"  - {name: callers, header: from, value: \".\", match: regex, priority: 2, action: drop, mode: monitor}\n" +
			"blocklist:\n  - {prefix: \"00882\"}\n" + "call_limit: 0\n",
	})
	s.key = strings.TrimSpace(s.node.Must(t, "api-keys", "create", "values", "--role", "platform", "--access", "admin").Stdout)
	s.edge = s.node.Addr("udp", netip.MustParseAddr(ip))
	caller := newLine(t, ip, keeps)
	s.sends(caller)
	s.strangers()
	s.settled(caller)
	s.long(caller)
	s.lists()
	s.streams()
	s.pages()
	s.log()
}

// sends sends each value in each place of each kind of request, to a phone and to a blocked number.
func (s *stand) sends(caller *line) {
	for name, value := range values() {
		for _, method := range methods {
			for i, place := range places {
				if len(value) > 10_000 && i%3 != 0 {
					continue // some of these are enough
				}
				target := "bob"
				if i%2 == 1 && method == "INVITE" {
					target = refused
				}
				s.number++
				caller.send(s.edge, request(method, place, value, domain, target, caller.addr(), s.number))
			}
		}
		s.alive(caller, name)
	}
}

// alive waits until the node has answered a harmless request that comes after all others.
func (s *stand) alive(caller *line, after string) {
	s.Helper()
	s.number++
	ping := fmt.Sprintf("CSeq: %d OPTIONS", 1_000_000+s.number)
	data := strings.Replace(string(request("OPTIONS", "", "", domain, "bob", caller.addr(), s.number)), "CSeq: 1 OPTIONS", ping, 1)
	const again = 500 * time.Millisecond // T1: a datagram may be lost, the more so behind so many others
	var sent time.Time
	harness.Eventually(s.T, patience, func() error {
		if caller.heard(ping) {
			return nil
		}
		if time.Since(sent) > again {
			sent = time.Now()
			caller.send(s.edge, []byte(data))
		}
		return fmt.Errorf("no answer after %s", after)
	})
}

// strangers asks for nobody's domain until it is banned, with such values as evidence.
func (s *stand) strangers() {
	for _, name := range []string{"terminal", "LF", "HTML", "bytes", "fold", "SQL", "direction", "NUL"} {
		ip := harness.IP(s.T)
		l := newLine(s.T, ip, keeps)
		for range 30 {
			s.number++
			l.send(s.edge, request("OPTIONS", "user agent", values()[name], "nobody.invalid", "x"+strings.Map(printable, values()[name]), l.addr(), s.number))
		}
	}
	harness.Eventually(s.T, patience, func() error {
		if list := s.node.JSON(s.T, "bans"); len(list) < 5 {
			return fmt.Errorf("%d bans", len(list))
		}
		return nil
	})
}

// printable leaves what may stand in a user part.
func printable(r rune) rune {
	if strings.ContainsRune("<>\"' ;[]\\", r) || r < ' ' || r == utf8.RuneError {
		return '.'
	}
	return r
}

// settled waits until the records of what was sent are listed.
func (s *stand) settled(caller *line) {
	last := 0
	harness.Eventually(s.T, 2*patience, func() error {
		n := len(s.node.JSON(s.T, "cdrs", "--since", "1h"))
		before := last
		if last = n; n < 50 || n != before {
			return fmt.Errorf("%d records", n)
		}
		return nil
	})
	s.alive(caller, "all")
}

// long: 60 KB that rules look at cost no more than 60 KB that nobody looks at, in a request that is refused. The least of
// some rounds counts, as others use this machine, too.
func (s *stand) long(caller *line) {
	const each, rounds = 400, 5
	text := strings.Repeat("(a+)+ word ", 5500)
	least := map[string]float64{}
	for range rounds {
		for _, place := range []string{"user agent", "unknown"} {
			before := s.cpu()
			for range each / 20 {
				for range 20 {
					s.number++
					caller.send(s.edge, request("INVITE", place, text, domain, refused, caller.addr(), s.number))
				}
				s.alive(caller, "60 KB")
			}
			took := s.cpu() - before
			if was, is := least[place]; !is || took < was {
				least[place] = took
			}
		}
	}
	looked, refused := least["user agent"]/each, least["unknown"]/each
	s.Logf("a User-Agent of 60 KB costs %.0f us, a refusal of 60 KB %.0f us", looked*1e6, refused*1e6)
	if looked > 1.5*refused+50e-6 {
		s.Errorf("a User-Agent of 60 KB costs %.0f us, a refusal of 60 KB %.0f us", looked*1e6, refused*1e6)
	}
}

// cpu is the seconds of CPU that the node's threads have used.
func (s *stand) cpu() (seconds float64) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", s.node.PID()))
	for _, file := range threads {
		data, _ := os.ReadFile(file) // a thread may have ended
		ns, _, _ := strings.Cut(string(data), " ")
		n, _ := strconv.ParseFloat(ns, 64)
		seconds += n / 1e9
	}
	if err != nil || seconds == 0 {
		s.Fatalf("no CPU time: %v", err)
	}
	return seconds
}

// commands are those that show what came from the wire.
func commands() [][]string {
	return [][]string{
		{"calls"},
		{"cdrs", "--since", "1h"},
		{"bindings"},
		{"bans"},
		{"strangers"},
		{"decisions"},
		{"decisions", "--refused"},
		{"firewall"},
		{"blocklist"},
		{"antifraud"},
		{"limits"},
		{"destinations"},
		{"why", "alice"},
		{"why", "bob"},
		{"why", refused},
	}
}

// lists looks at each command's output in each form.
func (s *stand) lists() {
	for _, args := range commands() {
		for _, form := range []string{"text", "json", "yaml"} {
			r := s.node.Command(s.T, append(slices.Clone(args), "-o", form)...)
			if err := harmless(r.Stdout + r.Stderr); err != nil {
				s.Errorf("%v as %s: %v", args, form, err)
			}
			var read any
			if form == "json" && r.Code == 0 && !json.Valid([]byte(r.Stdout)) || form == "yaml" && yaml.Unmarshal([]byte(r.Stdout), &read) != nil {
				s.Errorf("%v is no %s: %.300q", args, form, r.Stdout)
			}
			if strings.Contains(r.Stdout, "\nlevel=ERROR") {
				s.Errorf("%v as %s: a line was forged", args, form)
			}
		}
	}
	for _, args := range [][]string{{"cdrs", "--since", "1h"}, {"bindings"}, {"decisions"}, {"strangers"}, {"bans"}} {
		if n := len(s.node.JSON(s.T, args...)); n < 3 {
			s.Errorf("%v: only %d: nothing was shown", args, n)
		}
	}
	s.rows()
	s.ladders()
	s.asked()
	if r := s.node.Must(s.T, "export"); harmless(r.Stdout) != nil || !strings.Contains(r.Stdout, domain) {
		s.Errorf("the export: %v", harmless(r.Stdout))
	}
}

// rows: a table has a line for each item and its header, whatever is in the cells.
func (s *stand) rows() {
	for _, args := range [][]string{{"cdrs", "--since", "1h"}, {"bindings"}, {"strangers"}, {"bans"}} {
		items := len(s.node.JSON(s.T, args...))
		if n := strings.Count(s.node.Must(s.T, args...).Stdout, "\n"); n != items+1 {
			s.Errorf("%v: %d lines for %d items", args, n, items)
		}
	}
}

// ladders looks at the traces of some decisions.
func (s *stand) ladders() {
	seen := 0
	for i, d := range s.node.JSON(s.T, "decisions") {
		id, is := d["ref"].(string)
		if !is || i%10 != 0 {
			continue
		}
		for _, form := range []string{"text", "json", "yaml"} {
			r := s.node.Command(s.T, "trace", id, "-o", form)
			if err := harmless(r.Stdout + r.Stderr); err != nil {
				s.Errorf("the trace of %v as %s: %v", d["call_id"], form, err)
			}
			if r.Code == 0 {
				seen++
			}
		}
	}
	if seen < 3 {
		s.Errorf("%d traces were seen", seen)
	}
}

// asked gives the values themselves to commands, as an operator pastes them.
func (s *stand) asked() {
	for name, value := range values() {
		if strings.Contains(value, "\x00") || len(value) > 10_000 {
			continue // no argument can hold it
		}
		for _, args := range [][]string{{"cdrs", "--", value}, {"why", "--", value}, {"bindings", "--", value}, {"explain", "--from=" + value, "--to=" + value, "--source=192.0.2.1:5060"}} {
			r := s.node.Command(s.T, args...)
			if err := harmless(r.Stdout + r.Stderr); err != nil || r.Code > 2 || strings.Contains(r.Stderr, "panic") {
				s.Errorf("%s: %s %v", name, args[0], err)
			}
		}
	}
}

// get reads what the API gives.
func (s *stand) get(path string) (body string, header http.Header) {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), http.MethodGet, "http://"+s.node.HTTP+"/api/v1/"+path, nil)
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		s.Fatalf("%s: %s %v\n%.300s", path, resp.Status, err, data)
	}
	return string(data), resp.Header
}

// streams: no cell of a CSV is a formula, and JSON lines are lines of JSON.
func (s *stand) streams() {
	body, _ := s.get("cdrs?format=csv")
	rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if err != nil || len(rows) < 50 {
		s.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows[1:] {
		for i, cell := range row {
			if first, _ := utf8.DecodeRuneInString(cell); strings.ContainsRune("=+-@\t\r\n＝＋－＠", first) && cell != "" {
				s.Errorf("%s: %.60q is a formula", rows[0][i], cell)
			}
		}
	}
	body, _ = s.get("cdrs?format=jsonl")
	lines := 0
	for line := range strings.Lines(body) {
		if lines++; !json.Valid([]byte(line)) || strings.ContainsAny(line, "<>\x1b\x00") {
			s.Errorf("no JSON for a page: %.200q", line)
		}
	}
	if lines != len(rows)-1 {
		s.Errorf("%d lines, %d rows", lines, len(rows)-1)
	}
}

// pages: what the API gives is JSON which a browser takes for nothing else.
func (s *stand) pages() {
	for _, path := range []string{
		"cdrs?limit=1000", "bindings?limit=1000", "bans", "strangers", "decisions?limit=1000", "firewall-rules", "blocklist", "audit?limit=1000", "calls", "limits", "cdrs/dead-letters",
	} {
		body, header := s.get(path)
		if !json.Valid([]byte(body)) || strings.ContainsAny(body, "<>") || !strings.HasPrefix(header.Get("Content-Type"), "application/json") || header.Get("X-Content-Type-Options") != "nosniff" {
			s.Errorf("%s: %v %.300q", path, header, body)
		}
		if at := strings.IndexFunc(body, func(r rune) bool { return r < ' ' && r != '\n' }); at >= 0 {
			s.Errorf("%s: a raw %q", path, body[at])
		}
	}
}

// log: each line is one of the node's own.
func (s *stand) log() {
	data, err := os.ReadFile(s.node.LogFile())
	if err == nil {
		err = harmless(string(data))
	}
	if err != nil {
		s.Errorf("the log: %v", err)
	}
	for line := range strings.Lines(string(data)) {
		if !strings.HasPrefix(line, "time=") {
			s.Errorf("a line of the log was forged: %.200q", line)
		}
		if len(line) > 4096 {
			s.Errorf("a line of the log has %d bytes: %.200q", len(line), line)
		}
	}
	if _, err := os.Stat(filepath.Join(s.node.Dir, "data", "tollgate.db")); errors.Is(err, os.ErrNotExist) {
		s.Error("the database is gone")
	}
}

// harmless finds what a terminal would obey, or what is no text.
func harmless(text string) error {
	if !utf8.ValidString(text) {
		return errors.New("no UTF-8")
	}
	obeyed := func(r rune) bool { return r != '\n' && r != ' ' && !unicode.IsPrint(r) }
	if i := strings.IndexFunc(text, obeyed); i >= 0 {
		return fmt.Errorf("a terminal would obey %q in %.80q", []rune(text[i:])[0], text[max(0, i-40):])
	}
	return nil
}
