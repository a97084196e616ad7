package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/sip"
)

// rewriting is a switch in words: "egress" or "ingress", its dial pattern, then "tech=",
// "cli=", "from=" and rules "destination:prefix:00:39" or "cli:regex:^0:39".
func rewriting(text string) tenant.Switch {
	words := strings.Split(text, " ")
	sw := tenant.Switch{Direction: words[0], DialPattern: words[1]}
	for _, w := range words[2:] {
		key, value, _ := strings.Cut(w, "=")
		switch parts := strings.Split(w, ":"); {
		case len(parts) == 4:
			sw.Rewrite = append(sw.Rewrite, tenant.Rewrite{What: parts[0], Match: parts[1], Current: parts[2], New: parts[3]})
		case key == "tech":
			sw.TechPrefix = value
		case key == "cli":
			sw.CLIPrefix = value
		case key == "from":
			sw.ForceFrom = value
		}
	}
	return sw
}

var plans = map[string]tenant.Customer{
	"it":   {CountryCode: "39", InternationalPrefix: "00", Emergency: tenant.Emergency{Numbers: []string{"112"}}},
	"de":   {CountryCode: "49", InternationalPrefix: "00", NationalPrefix: "0", Emergency: tenant.Emergency{Numbers: []string{"112"}}},
	"us":   {CountryCode: "1", InternationalPrefix: "011", NationalPrefix: "1"},
	"es":   {CountryCode: "34", InternationalPrefix: "00"},
	"none": {InternationalPrefix: "00", Emergency: tenant.Emergency{Numbers: []string{"112"}}},
}

// rewritten is "called calling" of "called calling", "-" for what there is none of, and
// "from=" where From is forced.
func rewritten(t testing.TB, plan, rules, in string) (string, []policy.RewriteStep) {
	t.Helper()
	settings := plans[plan]
	c, err := policy.Dialling(&settings)
	if err != nil {
		t.Fatal(err)
	}
	sw := rewriting(rules)
	w, err := policy.CompileRewriter(&sw)
	if err != nil {
		t.Fatalf("%s: %v", rules, err)
	}
	called, calling, _ := strings.Cut(in, " ")
	n, steps := c.TryRewrite(w, called, calling)
	out := string(n.Called.Bytes())
	if calling != "" || len(n.Calling.Bytes()) > 0 {
		out += " " + string(n.Calling.Bytes())
	}
	if from := n.From.Bytes(); len(from) > 0 {
		out += " from=" + string(from)
	}
	return out, steps
}

func TestRewriteDialPatterns(t *testing.T) {
	tests := []struct{ plan, rules, in, want string }{
		// What arrives.
		{"it", "egress e164", "390401234567", "390401234567"},
		{"it", "egress e164", "+390401234567", "+390401234567"},
		{"it", "egress e164", "00390401234567", "00390401234567"},
		{"it", "egress e164", "1001", "1001"},
		{"it", "egress +e164", "+390401234567", "390401234567"},
		{"it", "egress +e164", "+39-040.1234567", "390401234567"},
		{"it", "egress +e164", "%2B390401234567", "390401234567"},
		{"it", "egress +e164", "390401234567", "390401234567"},
		{"it", "egress +e164", "+1001", "+1001"},
		{"it", "egress 00", "00390401234567", "390401234567"},
		{"us", "egress 00", "0012025550123", "12025550123"},
		{"it", "egress 00", "000390401234", "000390401234"},
		{"it", "egress 00", "0401234567", "0401234567"},
		{"it", "egress national", "0401234567", "390401234567"},
		{"it", "egress national", "004940123456", "4940123456"},
		{"it", "egress national", "+4940123456", "4940123456"},
		{"it", "egress national", "3331234567", "393331234567"},
		{"it", "egress national", "3912345678", "393912345678"},
		{"it", "egress national", "390401234567", "390401234567"},
		{"it", "egress national", "1001", "1001"},
		{"it", "egress national", "112", "112"},
		{"de", "egress national", "040123456", "4940123456"},
		{"de", "egress national", "40123456", "40123456"},
		{"de", "egress national", "1001", "1001"},
		{"us", "egress national", "12025550123", "12025550123"},
		{"us", "egress national", "01139040123456", "39040123456"},
		{"none", "egress national", "0401234567", "0401234567"},
		{"none", "egress national", "0039040123456", "39040123456"},
		{"it", "egress raw", "00390401234567", "00390401234567"},
		{"it", "egress national", "alice", "alice"},
		{"it", "egress national", "040123456789012345", "040123456789012345"},
		// What is sent.
		{"it", "ingress e164", "0401234567", "390401234567"},
		{"it", "ingress e164", "+390401234567", "390401234567"},
		{"it", "ingress e164", "390401234567", "390401234567"},
		{"es", "ingress e164", "34912345678", "34912345678"},
		{"it", "ingress +e164", "0401234567", "+390401234567"},
		{"it", "ingress +e164", "004940123456", "+4940123456"},
		{"it", "ingress 00", "0401234567", "00390401234567"},
		{"it", "ingress 00", "+4940123456", "004940123456"},
		{"it", "ingress national", "+390401234567", "0401234567"},
		{"it", "ingress national", "+4940123456", "004940123456"},
		{"de", "ingress national", "+4940123456", "040123456"},
		{"us", "ingress national", "+12025550123", "12025550123"},
		{"us", "ingress national", "+39040123456", "01139040123456"},
		{"none", "ingress national", "+39040123456", "+39040123456"},
		{"none", "ingress e164", "+39040123456", "39040123456"},
		{"none", "ingress e164", "040123456", "040123456"},
		{"it", "ingress raw", "0401234567", "0401234567"},
		{"it", "ingress +e164", "1001", "1001"},
		{"it", "ingress +e164", "112", "112"},
		{"it", "ingress 00", "alice", "alice"},
		{"it", "ingress +e164", "*21#", "*21#"},
	}
	for _, test := range tests {
		if got, _ := rewritten(t, test.plan, test.rules, test.in); got != test.want {
			t.Errorf("%s, %s: %q became %q, want %q", test.plan, test.rules, test.in, got, test.want)
		}
	}
}

func TestRewriteRulesAndPrefixes(t *testing.T) {
	tests := []struct{ rules, in, want string }{
		// Rules: each once, in order; the rest is kept.
		{"egress raw destination:prefix:00:39", "000040", "390040"},
		{"egress raw destination:prefix:00:39", "1000", "1000"},
		{"egress raw destination:regex:\\+:", "+39+040", "39+040"},
		{"egress raw destination:regex:0:1", "0400", "1400"},
		{"egress raw destination:regex:^(..)(.*)$:$2$1", "123456", "345612"},
		{"egress raw destination:regex:^9(.*)$:${1}0", "9123", "1230"},
		{"egress raw destination:regex:^(9)(x)?:$1$2$$", "9123", "9$123"},
		{"egress raw destination:regex:^(.):$1x", "9123", "9x123"},
		{"egress raw destination:prefix:1:2 destination:prefix:2:3 destination:prefix:1:9", "100", "300"},
		{"egress raw destination:prefix::39", "040", "39040"},
		{"egress raw destination:prefix::39", "alice", "alice"},
		{"egress raw destination:regex:^alice$:1001", "alice", "1001"},
		{"egress raw cli:prefix:0:390", "040 0409876543", "040 390409876543"},
		{"egress raw destination:prefix:0:390", "040 040", "39040 040"},
		{"egress raw cli:prefix:0:390", "040", "040"},
		{"egress raw destination:regex:^.*$:", "040", "040"},
		{"egress raw destination:regex:(.*):$1$1$1$1$1$1$1$1", "0401234567", "0401234567"},
		{"egress raw destination:regex:^(.*)$:$1$1$1$1$1$1", "0401234567", "040123456704012345670401234567040123456704012345670401234567"},
		// Emergency numbers stay, but for the prefix by which an account is known.
		{"egress e164 destination:prefix:1:39", "112", "112"},
		{"egress e164 tech=77 destination:prefix:1:39", "77112", "112"},
		{"ingress +e164 tech=77 destination:prefix:1:39", "112", "77112"},
		// Prefixes: off what arrives, before what is sent; From as told.
		{"egress 00 tech=77#", "77#00390401234567 0409876543", "390401234567 0409876543"},
		{"egress e164 tech=77", "390401234567", "390401234567"},
		{"egress e164 tech=77", "77", "77"},
		{"egress e164 cli=88", "390401234567 880409876543", "390401234567 0409876543"},
		{"egress e164 tech=77 destination:prefix:00:39", "77000401234567", "390401234567"},
		{"ingress e164 tech=77#", "0401234567 0409876543", "77#390401234567 0409876543"},
		{"ingress +e164 tech=77", "0401234567", "77+390401234567"},
		{"ingress e164 cli=88", "0401234567 0409876543", "390401234567 880409876543"},
		{"ingress e164 cli=88", "0401234567 anonymous", "390401234567 anonymous"},
		{"ingress e164 cli=88 from=39040", "0401234567 0409876543", "390401234567 880409876543 from=39040"},
		{"egress raw from=main", "0401234567", "0401234567 from=main"},
		{"ingress 00 destination:prefix:9:", "90401234567", "00390401234567"},
	}
	for _, test := range tests {
		if got, _ := rewritten(t, "it", test.rules, test.in); got != test.want && strings.TrimSpace(got) != test.want {
			t.Errorf("%s: %q became %q, want %q", test.rules, test.in, got, test.want)
		}
	}
}

// TestRewriteSteps: every step tells what it did, or why it did nothing.
func TestRewriteSteps(t *testing.T) {
	_, steps := rewritten(t, "it", `ingress +e164 tech=77 cli=88 from=me destination:prefix:9: cli:regex:^x:y`, "90401234567 0409876543")
	var got []string
	for i := range steps {
		got = append(got, steps[i].In(policy.English))
	}
	want := []string{
		`destination "90401234567" becomes "0401234567", rule 1: prefix "9" -> "".`,
		`cli "0409876543" stays, rule 2: regex "^x" -> "y", which does not match.`,
		`destination "0401234567" becomes "+390401234567", dial_pattern: +e164.`,
		`destination "+390401234567" becomes "77+390401234567", tech_prefix: added.`,
		`cli "0409876543" becomes "880409876543", cli_prefix: added.`,
		`from "880409876543" becomes "me", force_from: From is forced to it.`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestCompileRewriterRefuses(t *testing.T) {
	for rules, want := range map[string]string{
		"egress raw who:prefix:1:2":                      `what "who"`,
		"egress raw cli:word:1:2":                        `match "word"`,
		"egress raw cli:regex:(:2":                       "close the group",
		"egress raw cli:regex:x:$1":                      "names no group",
		"egress raw cli:regex:(x):${1":                   "close it",
		"egress raw cli:regex:x:$":                       "names no group",
		"egress raw cli:regex:(a{50}){20}:1":             "at most 500",
		"egress raw cli:regex:(x):$18446744073709551617": "names no group",
	} {
		sw := rewriting(rules)
		if _, err := policy.CompileRewriter(&sw); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", rules, err, want)
		}
	}
	many := tenant.Switch{Rewrite: make([]tenant.Rewrite, 101)}
	if _, err := policy.CompileRewriter(&many); err == nil {
		t.Error("101 rules were taken")
	}
	if w, err := policy.CompileRewrites(nil); w != nil || err != nil {
		t.Errorf("no rules: %v, %v", w, err)
	}
}

// TestRewriteStep: what an entry's calls are rewritten to, by which header, and what the block
// list and the emergency numbers make of it.
func TestRewriteStep(t *testing.T) {
	sw := rewriting("egress 00 tech=77 destination:prefix:9: cli:prefix:0:390")
	sw.Name, sw.Addresses = "dialer", []string{"198.51.100.0/28"}
	bare := sw
	bare.Name, bare.Addresses, bare.TechPrefix = "bare", []string{"198.51.100.16/28"}, ""
	a := with(account(1, "a.example", dest("pbx 127.0.0.1:5070 1 10")), sw, bare)
	a.Blocklist = []tenant.BlocklistEntry{{ID: 7, Prefix: "00882"}, {ID: 8, Prefix: "9999"}}
	s := table(t, a).Snapshot()
	tests := []struct {
		name, source, uri, from string
		headers                 []string
		want                    string
	}{
		{"prefix, zeros and From", "198.51.100.1:5060", "sip:7700390401234567@a.example", "<sip:0409876543@x.example>", nil, "390401234567 390409876543 global"},
		{"PAI is the CLI", "198.51.100.17:5060", "sip:00390401234567@a.example", "<sip:anonymous@anonymous.invalid>", []string{"P-Asserted-Identity: <sip:0409876543@x.example>"}, "390401234567 390409876543 asserted global"},
		{"a name in the PAI", "198.51.100.17:5060", "sip:00390401234567@a.example", "<sip:0409876543@x.example>", []string{"P-Asserted-Identity: <sip:x.example>"}, "390401234567 390409876543 global"},
		{"tel", "198.51.100.17:5060", "tel:00390401234567", "<tel:0409876543>", nil, "390401234567 390409876543 global"},
		{"nothing fits", "198.51.100.17:5060", "sip:1001@a.example", "<sip:alice@x.example>", nil, "1001 alice"},
		{"blocked as received", "198.51.100.17:5060", "sip:9999123@a.example", "<sip:alice@x.example>", nil, "blocklist 9999"},
		{"blocked as rewritten", "198.51.100.1:5060", "sip:7790088216123456@a.example", "<sip:alice@x.example>", nil, "blocklist 00882"},
		{"an emergency call behind the prefix", "198.51.100.1:5060", "sip:77112@a.example", "<sip:alice@x.example>", nil, "112 alice emergency"},
		{"no entry", "203.0.113.1:5060", "sip:7700390401234567@a.example", "<sip:0409876543@x.example>", nil, ""},
		{"a destination", "127.0.0.1:5070", "sip:7700390401234567@a.example", "<sip:0409876543@x.example>", nil, ""},
	}
	for _, test := range tests {
		r := ask{uri: test.uri, source: test.source, from: test.from, headers: test.headers}.request(t)
		var id policy.Identity
		if v := s.Identify(r, &id); v.Refused() {
			t.Errorf("%s: %v", test.name, v)
			continue
		}
		s.Rewrite(r, &id)
		got := strings.TrimSpace(string(id.Numbers.Called.Bytes()) + " " + string(id.Numbers.Calling.Bytes()))
		for word, is := range map[string]bool{" asserted": id.Numbers.Asserted, " emergency": id.Emergency} {
			if is {
				got += word
			}
		}
		if id.Numbers.Global {
			got += " global"
		}
		if v := s.Blocklist(r, &id); v.Refused() {
			got = v.Reason.Code() + " " + v.Name
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// TestScreen: a number that a switch would get by its own rules is held against the block list.
func TestScreen(t *testing.T) {
	sw := rewriting("ingress e164 tech=77 destination:prefix:9:")
	sw.ID, sw.Name, sw.Host, sw.Protocol = 5, "carrier", "127.0.0.9", "udp"
	a := with(account(1, "a.example", dest("pbx 127.0.0.1:5070 1 10"), tenant.Destination{Name: "out", Group: 1, Switch: 5, Priority: 20}), sw)
	a.Blocklist = []tenant.BlocklistEntry{{ID: 7, Prefix: "040"}}
	for uri, want := range map[string]string{
		"sip:90401234567@a.example":     "blocklist",
		"sip:9%30401234567@a.example":   "blocklist",
		"sip:9-040-1234567@a.example":   "blocklist",
		"sip:90039040123456@a.example":  "blocklist",
		"sip:90651234567@a.example":     "ok",
		"sip:77390651234567@a.example":  "ok",
		"sip:9040@a.example;user=phone": "blocklist",
		"sip:9:secret@a.example":        "ok",
		"sip:9040x@a.example":           "blocklist",
		"sip:%39%30%34%30123@a.example": "blocklist",
	} {
		s := table(t, a).Snapshot()
		r := ask{uri: uri, source: "127.0.0.1:5070"}.request(t)
		var id policy.Identity
		var list policy.Candidates
		if v := s.Identify(r, &id); v.Refused() {
			t.Fatal(v)
		}
		if v := s.Blocklist(r, &id); v.Refused() {
			t.Fatalf("%s: %v before the switch's rules", uri, v)
		}
		if v := s.Route(r, &id, &list); v.Refused() || list.N != 1 {
			t.Fatal(v, list.N)
		}
		if v := s.Screen(r, &id, &list); v.Reason.Code() != want {
			t.Errorf("%s: %v, want %s", uri, v.Reason, want)
		}
	}
}

// TestRewriteCostsNothing where there is nothing to rewrite, and allocates nothing without regexes.
func TestRewriteCostsNothing(t *testing.T) {
	plain, entry := account(1, "a.example", dest("pbx 127.0.0.1:5070 1 10")), rewriting("egress +e164 tech=77 destination:prefix:9:")
	entry.Addresses = []string{"198.51.100.0/28"}
	s := table(t, with(plain, entry)).Snapshot()
	for _, source := range []string{"203.0.113.1:5060", "198.51.100.1:5060"} {
		r := ask{uri: "sip:779+390401234567@a.example", source: source}.request(t)
		id := new(policy.Identity)
		if n := testing.AllocsPerRun(100, func() { s.Identify(r, id); s.Rewrite(r, id); s.Blocklist(r, id) }); n > 0 {
			t.Errorf("from %s: %v allocations", source, n)
		}
	}
}

func FuzzRewrite(f *testing.F) {
	for _, seed := range []string{"sip:77+390401234567@a.example", "tel:+39-040;phone-context=+39", "sip:%00%ff@b", "sip:*21#@c", "sip:a@d"} {
		f.Add(seed, "^(.)(.*)$", "$2$1", "+e164", true)
	}
	f.Fuzz(func(t *testing.T, uri, regex, with, pattern string, sends bool) {
		sw := tenant.Switch{Direction: tenant.Egress, DialPattern: pattern, TechPrefix: "77", CLIPrefix: "8", ForceFrom: "x"}
		if sends {
			sw.Direction = tenant.Ingress
		}
		sw.Rewrite = []tenant.Rewrite{
			{What: "destination", Match: "regex", Current: regex, New: with}, {What: "cli", Match: "prefix", Current: "0", New: "39"},
		}
		w, err := policy.CompileRewriter(&sw)
		if err != nil {
			return
		}
		m := new(sip.Message)
		if m.Parse([]byte("INVITE "+uri+" SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <"+uri+">;tag=1\r\nTo: <sip:b>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n")) != nil {
			return
		}
		settings := plans["it"]
		c, err := policy.Dialling(&settings)
		if err != nil {
			t.Fatal(err)
		}
		var n, again policy.Numbers
		var steps []policy.RewriteStep
		n.Read(m, true, false)
		again.Read(m, true, false)
		w.Apply(&n, c, &steps)
		w.Apply(&again, c, nil)
		if n != again {
			t.Errorf("telling the steps changes them: %v, %v", n, again)
		}
		if len(n.Called.Bytes()) > 64 || fmt.Sprint(steps) == "" {
			t.Error("too long")
		}
	})
}
