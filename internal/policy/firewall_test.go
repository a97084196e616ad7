package policy_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

func firewallRule(id tenant.RuleID, priority int, header, match, value, action, mode string) tenant.FirewallRule {
	return tenant.FirewallRule{HeaderRule: tenant.HeaderRule{
		ID: id, Name: fmt.Sprint("fw", id), Header: header, Value: value, Match: match, Priority: priority, Position: int(id),
	}, Action: action, Mode: mode}
}

// walled is customer 1 with firewall rules, on a.example; its PBX is 10.0.0.1.
func walled(rules ...tenant.FirewallRule) *tenant.Account {
	a := account(1, "a.example", dest("pbx 10.0.0.1:5060/udp 1 10"))
	a.Firewall = rules
	return a
}

// judge identifies a request and runs one step on it.
func judge(t *testing.T, s *policy.Snapshot, a ask, step func(*policy.Request, *policy.Identity) policy.Verdict) policy.Verdict {
	t.Helper()
	var id policy.Identity
	r := a.request(t)
	r.Now = time.Unix(1000, 0)
	if v := s.Identify(r, &id); v.Refused() {
		t.Fatalf("not identified: %v", v.Reason)
	}
	return step(r, &id)
}

func TestFirewall(t *testing.T) {
	only := []tenant.FirewallRule{ // "allow these User-Agents, block all others"
		firewallRule(1, 10, "user-agent", "regex", "(?i)yealink|cisco", "accept", "enforce"),
		firewallRule(2, 99, "user-agent", "regex", ".*", "drop", "enforce"),
	}
	one := func(header, match, value string) []tenant.FirewallRule {
		return []tenant.FirewallRule{firewallRule(7, 10, header, match, value, "drop", "enforce")}
	}
	for _, c := range []struct {
		name  string
		rules []tenant.FirewallRule
		ask   ask
		want  tenant.RuleID // 0: passes
	}{
		{"no rules", nil, ask{}, 0},
		{"allowed", only, ask{headers: []string{"User-Agent: YEALINK T46"}}, 0},
		{"others", only, ask{headers: []string{"User-Agent: friendly-scanner"}}, 2},
		{"a missing header is empty", only, ask{}, 2},
		{"request-uri", one("request-uri", "regex", "^sip:100@"), ask{}, 7},
		{"source-ip by range", one("source-ip", "cidr", "203.0.113.0/24"), ask{}, 7},
		{"source-ip elsewhere", one("source-ip", "cidr", "198.51.100.0/24"), ask{}, 0},
		{"source-ip by regex", one("source-ip", "regex", `^203\.`), ask{}, 7},
		{"user-agent by word, any case", one("user-agent", "word", "SCAN"), ask{headers: []string{"User-Agent: friendly-scanner"}}, 7},
		{"from", one("from", "word", "alice"), ask{}, 7},
		{"to", one("to", "word", "a.example"), ask{}, 7},
		{"allow, several joined", one("allow", "regex", "^INVITE, BYE$"), ask{headers: []string{"Allow: INVITE", "Allow: BYE"}}, 7},
		{"supported", one("supported", "word", "timer"), ask{headers: []string{"Supported: 100rel, timer"}}, 7},
		{"equal priorities in order", []tenant.FirewallRule{
			firewallRule(1, 5, "to", "word", "a.example", "accept", "enforce"),
			firewallRule(2, 5, "to", "word", "a.example", "drop", "enforce"),
		}, ask{}, 0},
		{"a monitoring rule decides nothing", []tenant.FirewallRule{
			firewallRule(1, 1, "to", "word", "a.example", "drop", "monitor"),
			firewallRule(2, 5, "to", "word", "a.example", "drop", "enforce"),
		}, ask{}, 2},
		{"nor accepts", []tenant.FirewallRule{firewallRule(1, 1, "to", "word", "a.example", "drop", "monitor")}, ask{}, 0},
		{"the PBX's own", one("to", "word", "a.example"), ask{source: "10.0.0.1:5060"}, 0},
		{"emergency", one("request-uri", "regex", "."), ask{uri: "sip:112@a.example"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := table(t, walled(c.rules...)).Snapshot()
			v := judge(t, s, c.ask, s.Firewall)
			if v.Rule != c.want || v.Refused() != (c.want != 0) {
				t.Errorf("%+v, want rule %d", v, c.want)
			}
			if v.Refused() && v.Status != policy.Drop {
				t.Errorf("status %d for a caller by domain: he gets silence", v.Status)
			}
		})
	}
}

// TestFirewallTellsPhones: who is known gets 403 rather than silence.
func TestFirewallTellsPhones(t *testing.T) {
	s := table(t, walled(firewallRule(7, 10, "to", "word", "a.example", "drop", "enforce"))).Snapshot()
	if v := judge(t, s, ask{bound: true}, s.Firewall); v.Status != 403 || v.Reason != policy.Firewalled {
		t.Errorf("%+v", v)
	}
}

func TestFirewallTransparent(t *testing.T) {
	a := walled(firewallRule(7, 10, "to", "word", "a.example", "drop", "enforce"))
	a.Customer.Transparent = true
	s := table(t, a).Snapshot()
	if v := judge(t, s, ask{}, s.Firewall); v.Refused() {
		t.Errorf("%+v", v)
	}
	if got := s.Customer(1).FirewallHits()[7]; got.Hits != 1 {
		t.Errorf("%+v: what would have been refused is counted", got)
	}
}

// TestFirewallHits: what a rule has matched is known, also after a change of another rule.
func TestFirewallHits(t *testing.T) {
	table := table(t, walled(
		firewallRule(1, 1, "user-agent", "word", "scanner", "drop", "monitor"),
		firewallRule(2, 5, "to", "word", "a.example", "accept", "enforce")))
	ask := ask{headers: []string{"User-Agent: friendly-scanner\x1b[2J"}}
	for range 3 {
		s := table.Snapshot()
		judge(t, s, ask, s.Firewall)
	}
	if err := table.Put(walled(
		firewallRule(1, 1, "user-agent", "word", "scanner", "drop", "enforce"),
		firewallRule(3, 5, "to", "word", "a.example", "accept", "enforce"))); err != nil {
		t.Fatal(err)
	}
	hits := table.Snapshot().Customer(1).FirewallHits()
	got := hits[1]
	if got.Hits != 3 || !got.Last.Equal(time.Unix(1000, 0)) || got.Sample == nil || got.Sample.Value != "friendly-scanner\x1b[2J" ||
		got.Sample.Method != "INVITE" || got.Sample.Source != "203.0.113.9:5060" {
		t.Errorf("%+v, sample %+v", got, got.Sample)
	}
	if hits[3].Hits != 0 {
		t.Errorf("a new rule has %d hits", hits[3].Hits)
	}
}

// TestFirewallSamples: a rule that matches all the time shows a sample of the last second.
func TestFirewallSamples(t *testing.T) {
	s := table(t, walled(firewallRule(7, 10, "user-agent", "word", "x", "drop", "enforce"))).Snapshot()
	for i := range 30 {
		judge(t, s, ask{headers: []string{fmt.Sprintf("User-Agent: x%d", i)}}, func(r *policy.Request, id *policy.Identity) policy.Verdict {
			r.Now = time.Unix(1000, 0).Add(time.Duration(i) * 300 * time.Millisecond)
			return s.Firewall(r, id)
		})
	}
	if got := s.Customer(1).FirewallHits()[7]; got.Hits != 30 || got.Sample.Value != "x28" || got.Last.Sub(got.Sample.At) != 300*time.Millisecond {
		t.Errorf("%+v, sample %+v", got, got.Sample)
	}
}

// TestFirewallDry: asking what would happen counts nothing.
func TestFirewallDry(t *testing.T) {
	s := table(t, walled(firewallRule(7, 10, "to", "word", "a.example", "drop", "enforce"))).Snapshot()
	v := judge(t, s, ask{}, func(r *policy.Request, id *policy.Identity) policy.Verdict {
		r.Dry = true
		return s.Firewall(r, id)
	})
	if !v.Refused() || s.Customer(1).FirewallHits()[7].Hits != 0 {
		t.Errorf("%+v, %+v", v, s.Customer(1).FirewallHits())
	}
}

// TestFirewallLongEmergency: nothing about an emergency call keeps it, nor a transparent customer's.
func TestFirewallLongEmergency(t *testing.T) {
	a := walled(firewallRule(7, 10, "user-agent", "regex", "x", "drop", "enforce"))
	long := []string{"User-Agent: " + strings.Repeat("a", 60000)}
	s := table(t, a).Snapshot()
	if v := judge(t, s, ask{uri: "sip:112@a.example", headers: long}, s.Firewall); v.Refused() {
		t.Errorf("emergency: %+v", v)
	}
	a.Customer.Transparent = true
	s = table(t, a).Snapshot()
	if v := judge(t, s, ask{headers: long}, s.Firewall); v.Refused() {
		t.Errorf("transparent: %+v", v)
	}
}

// TestFirewallLongValue: a value over 1 KiB is refused before a regex looks at it.
func TestFirewallLongValue(t *testing.T) {
	s := table(t, walled(firewallRule(7, 10, "user-agent", "regex", "(a+)+$", "drop", "enforce"))).Snapshot()
	v := judge(t, s, ask{headers: []string{"User-Agent: " + strings.Repeat("a", 60000)}}, s.Firewall)
	if v.Reason != policy.HeaderTooLong {
		t.Errorf("%+v", v)
	}
}

func blocking(country, national string, entries ...string) *tenant.Account {
	a := account(1, "a.example b.example", dest("pbx 10.0.0.1:5060/udp 1 10"))
	a.Customer.CountryCode, a.Customer.NationalPrefix = country, national
	for i, e := range entries {
		prefix, domain, _ := strings.Cut(e, "@")
		a.Blocklist = append(a.Blocklist, tenant.BlocklistEntry{ID: tenant.EntryID(i + 1), Customer: 1, Prefix: prefix, Domain: domain})
	}
	return a
}

func TestBlocklist(t *testing.T) {
	for _, c := range []struct {
		uri     string
		entries string
		want    int // the entry, 0: passes
	}{
		{"sip:040123@a.example", "040", 1},
		{"sip:+39040123@a.example", "040", 1},
		{"sip:0039040123@a.example", "040", 1},
		{"sip:%30%34%30123@a.example", "040", 1},
		{"sip:+39-040-(12).3@a.example", "040", 1},
		{"tel:+39-040-123", "040", 1},
		{"sip:040123;phone-context=+39@a.example", "040", 1},
		{"sip:123;phone-context=+39040@a.example", "040", 1},
		{"sip:040123@a.example;phone-context=+39", "040", 1},
		{"sip:123@a.example;phone-context=+39040", "040", 1},
		{"sip:040123;phone-context=+1@a.example", "040", 1}, // many switches know no phone-context
		{"sip:040123@a.example;phone-context=+1", "040", 1},
		{"tel:040123;phone-context=+1", "040", 1},
		{"sip:0123;phone-context=+3905@a.example;phone-context=+3906", "040", 0},
		{"sip:tel%3A+39040123@a.example", "040", 1},
		{"sip:T%65l%3a040123@a.example", "040", 1},
		{"sip:041123@a.example", "040", 0},
		{"sip:0040123@a.example", "040", 0}, // Romania
		{"sip:00882123@a.example", "00882", 1},
		{"sip:+882123@a.example", "00882", 1},
		{"sip:+882123@a.example", "+882", 1},
		{"sip:04055@a.example", "040 04055", 2}, // the longest
		{"sip:04056@a.example", "040 04055", 1},
		{"sip:040123@a.example", "040@b.example", 0},
		{"sip:040123@b.example", "040@b.example", 1},
		{"sip:040123@b.example", "0401 040@b.example", 2}, // the domain's own first
		{"sip:+4420@a.example", "00", 1},                  // every foreign number
		{"sip:+39040@a.example", "00", 0},
		{"sip:112@a.example", "1", 0}, // emergency
		{"sip:alice@a.example", "040", 0},
		{"sip:040123%23@a.example", "040", 1}, // "#" ends dialling
		{"sip:" + strings.Repeat("%2D", 100) + "040123@a.example", "040", 1},
		{"sip:+0039040123@a.example", "040", 1},
		{"tel:040123", "040@b.example", 1}, // a phone that names no domain
		{"tel:040123", "041@a.example 0401@b.example 040@a.example", 2},
		{"sip:a.example", "040", 0},
	} {
		t.Run(c.uri+" "+c.entries, func(t *testing.T) {
			s := table(t, blocking("39", "", strings.Fields(c.entries)...)).Snapshot()
			a := ask{uri: c.uri}
			if strings.HasPrefix(c.uri, "tel:") {
				a.bound = true // who is known by his registration
			}
			v := judge(t, s, a, s.Blocklist)
			if int(v.Rule) != c.want || v.Refused() != (c.want != 0) || v.Refused() && v.Status != 403 {
				t.Errorf("%+v, want entry %d", v, c.want)
			}
		})
	}
}

// TestBlocklistOutbound: an entry without a domain holds for the PBX's calls, one with it not.
func TestBlocklistOutbound(t *testing.T) {
	s := table(t, blocking("39", "", "040", "041@a.example")).Snapshot()
	for uri, want := range map[string]bool{"sip:040123@a.example": true, "sip:041123@a.example": false} {
		if v := judge(t, s, ask{uri: uri, source: "10.0.0.1:5060"}, s.Blocklist); v.Refused() != want {
			t.Errorf("%s: %+v", uri, v)
		}
	}
	if v := judge(t, s, ask{uri: "sip:040123@a.example", method: "MESSAGE"}, s.Blocklist); v.Refused() {
		t.Errorf("a MESSAGE is no call: %+v", v)
	}
}

// TestBlocklistRefer: the number of a Refer-To from outside is one that is called.
func TestBlocklistRefer(t *testing.T) {
	s := table(t, blocking("39", "", "040", "041@b.example")).Snapshot()
	for _, c := range []struct {
		to   string
		want int
	}{
		{"<sip:040123@a.example>", 1},
		{"\"x\" <sip:%30%34%30@elsewhere.example?Replaces=1%3Bto-tag%3D2%3Bfrom-tag%3D3>", 1},
		{"tel:+39-040-1", 1},
		{"<sip:040123;phone-context=+1@a.example>", 1},
		{"<sip:123@a.example;phone-context=+39040>", 1},
		{"<tel:040123;phone-context=+1>", 1},
		{"<tel:041;phone-context=other.example>", 2},
		{"<sip:042;phone-context=+1@a.example>", 0},
		{"<sip:041@b.example>", 2},
		{"<sip:041@a.example>", 0},
		{"<sip:041@10.0.0.1>", 2}, // it names no domain
		{"<sip:112@a.example>", 0},
		{"<sip:alice@a.example>", 0},
		{"<urn:service:sos>", 0},
	} {
		for source, want := range map[string]int{"203.0.113.9:5060": c.want, "10.0.0.1:5060": 0} {
			a := ask{method: "REFER", source: source, uri: "sip:040@a.example", headers: []string{"Refer-To: " + c.to}}
			if v := judge(t, s, a, s.Blocklist); int(v.Rule) != want || v.Refused() != (want != 0) {
				t.Errorf("%s from %s: %+v, want entry %d", c.to, source, v, want)
			}
		}
	}
}

// TestBlocklistReferUnread: which number a Refer-To calls that cannot be read is for nobody to guess.
func TestBlocklistReferUnread(t *testing.T) {
	for _, to := range [][]string{
		nil,
		{"Refer-To: "},
		{"Refer-To: nonsense"},
		{"Refer-To: <sip:040123@a.example"},
		{"Refer-To: <sip:0%4@a.example>"},
		{"Refer-To: <sip:0 40@a.example>"},
		{"Refer-To: <sip:alice@a.example>, <sip:040123@a.example>"},
		{"Refer-To: <sip:alice@a.example>", "r: <sip:040123@a.example>"},
	} {
		for _, transparent := range []bool{false, true} {
			a := blocking("39", "", "040")
			a.Customer.Transparent = transparent
			s := table(t, a).Snapshot()
			for source, want := range map[string]bool{"203.0.113.9:5060": !transparent, "10.0.0.1:5060": false} {
				v := judge(t, s, ask{method: "REFER", source: source, uri: "sip:040@a.example", headers: to}, s.Blocklist)
				if v.Refused() != want || want && (v.Reason != policy.BadMessage || v.Status != 400) {
					t.Errorf("%q from %s, transparent %v: %+v", to, source, transparent, v)
				}
			}
		}
	}
	s := table(t, blocking("39", "")).Snapshot()
	if v := judge(t, s, ask{method: "REFER", source: "203.0.113.9:5060", uri: "sip:040@a.example"}, s.Blocklist); v.Refused() {
		t.Errorf("nothing is forbidden: %+v", v)
	}
}

// TestBlocklistPlans: other countries, and none.
func TestBlocklistPlans(t *testing.T) {
	for _, c := range []struct {
		country, national, entry, uri string
		want                          bool
	}{
		{"49", "0", "0900", "sip:+49900123@a.example", true},
		{"49", "0", "0900", "sip:0900123@a.example", true},
		{"", "", "0900", "sip:0900123@a.example", true},
		{"", "", "0900", "sip:+49900123@a.example", false}, // nothing says which country
		{"", "", "00882", "sip:00-882-1@a.example", true},
	} {
		s := table(t, blocking(c.country, c.national, c.entry)).Snapshot()
		if v := judge(t, s, ask{uri: c.uri}, s.Blocklist); v.Refused() != c.want {
			t.Errorf("%+v: %+v", c, v)
		}
	}
}

// TestBlocklistTally: what an entry has matched is found by the entry, and stays while it stays.
func TestBlocklistTally(t *testing.T) {
	a := blocking("39", "", "040", "041@b.example", "00")
	table := table(t, a)
	s := table.Snapshot()
	for _, uri := range []string{"sip:040123@a.example", "sip:040124@b.example", "sip:041123@b.example", "sip:+441@a.example", "sip:0421@a.example"} {
		judge(t, s, ask{uri: uri}, s.Blocklist)
	}
	a.Blocklist = append(a.Blocklist, tenant.BlocklistEntry{ID: 9, Customer: 1, Prefix: "042"})
	if err := table.Put(a); err != nil {
		t.Fatal(err)
	}
	c := table.Snapshot().Customer(1)
	for i, want := range []uint64{2, 1, 1, 0} {
		if got := c.BlocklistTally(&a.Blocklist[i]); got.Hits != want || (got.Sample != nil) != (want > 0) {
			t.Errorf("entry %d: %+v, want %d", i+1, got, want)
		}
	}
	if got := c.BlocklistTally(&a.Blocklist[0]); got.Sample.Value != "+39040123" {
		t.Errorf("%+v", got.Sample)
	}
	for _, other := range []tenant.BlocklistEntry{{ID: 8, Prefix: "040"}, {ID: 1, Prefix: "045"}, {ID: 1, Prefix: "040", Domain: "c.example"}, {ID: 1, Prefix: "040", Domain: "?"}} {
		if got := c.BlocklistTally(&other); got.Hits != 0 {
			t.Errorf("%+v is not in force and has %+v", other, got)
		}
	}
}

// TestBlocklistMonitor: an entry that only counts lets calls pass, but never one that another entry refuses,
// and it counts a call once.
func TestBlocklistMonitor(t *testing.T) {
	a := blocking("39", "")
	a.Blocklist = []tenant.BlocklistEntry{
		{ID: 1, Customer: 1, Prefix: "040"}, {ID: 2, Customer: 1, Prefix: "04012", Mode: "monitor"}, {ID: 3, Customer: 1, Prefix: "050", Mode: "monitor"},
	}
	s := table(t, a).Snapshot()
	for number, want := range map[string]struct {
		refused tenant.RuleID
		spared  []tenant.RuleID
	}{
		"0401234567": {1, []tenant.RuleID{2}}, "0409999999": {1, nil}, "0501234567": {0, []tenant.RuleID{3}}, "0611111111": {0, nil},
	} {
		var spared []tenant.RuleID
		v := judge(t, s, ask{uri: "sip:" + number + "@a.example"}, func(r *policy.Request, id *policy.Identity) policy.Verdict {
			v := s.Blocklist(r, id)
			s.Blocklist(r, id) // as the number is looked up again, rewritten
			for _, would := range id.Spared() {
				spared = append(spared, would.Rule)
			}
			return v
		})
		if v.Rule != want.refused || !slices.Equal(spared, want.spared) {
			t.Errorf("%s: refused by %d, would be by %v; want %+v", number, v.Rule, spared, want)
		}
	}
	if got := s.Customer(1).BlocklistTally(&a.Blocklist[2]); got.Hits != 1 {
		t.Errorf("one call has hit %d times", got.Hits)
	}
}

func BenchmarkBlocklist(b *testing.B) {
	a := blocking("39", "")
	for i := range 100_000 {
		a.Blocklist = append(a.Blocklist, tenant.BlocklistEntry{ID: tenant.EntryID(i + 1), Customer: 1, Prefix: fmt.Sprintf("00%d", 4400000000+i*7)})
	}
	s := table(b, a).Snapshot()
	r := ask{uri: "sip:+393331234567@a.example"}.request(b)
	var id policy.Identity
	s.Identify(r, &id)
	r.Source = netip.MustParseAddrPort("203.0.113.9:5060")
	b.ReportAllocs()
	for b.Loop() {
		if s.Blocklist(r, &id).Refused() {
			b.Fatal("refused")
		}
	}
}

// TestAccepting: of a request that passes it is told which rule let it in.
func TestAccepting(t *testing.T) {
	s := table(t, walled(
		firewallRule(1, 10, "user-agent", "word", "yealink", "accept", "enforce"),
		firewallRule(2, 99, "user-agent", "regex", ".*", "drop", "enforce"),
	)).Snapshot()
	for agent, want := range map[string]tenant.RuleID{"Yealink T46": 1, "scanner": 0} {
		var got tenant.RuleID
		judge(t, s, ask{headers: []string{"User-Agent: " + agent}}, func(r *policy.Request, id *policy.Identity) policy.Verdict {
			got = id.Customer.Accepting(r)
			return policy.Verdict{}
		})
		if got != want {
			t.Errorf("%s: rule %d, want %d", agent, got, want)
		}
	}
}
