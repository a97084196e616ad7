package policy_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

func TestRuleMatch(t *testing.T) {
	tests := []struct {
		header, match, value, in string
		want                     bool
	}{
		{"user-agent", "regex", "^Cisco", "Cisco-CP", true},
		{"user-agent", "regex", "^Cisco", "cisco-CP", false},
		{"user-agent", "regex", "(?i)yealink|cisco", "SIP YEALINK", true},
		{"user-agent", "regex", "(?i)k", "\u212A", true}, // the Kelvin sign folds to k
		{"user-agent", "regex", "(?i)s", "\u017F", true}, // and the long s to s
		{"user-agent", "regex", "(?i)asterisk", "a\u017Fteri\u017F\u212A", true},
		{"user-agent", "regex", "(?i)ÀB", "àb", true},
		{"user-agent", "regex", "\uFFFD", "\xff", true}, // to RE2 a bad byte is U+FFFD
		{"user-agent", "regex", "x\uFFFDy", "x\xffy", true},
		{"user-agent", "regex", "", "", true},
		{"user-agent", "regex", "^$", "", true},
		{"user-agent", "regex", ".", "", false},
		{"user-agent", "", "a+b", "xaab", true},
		{"user-agent", "word", "SipVicious", "friendly sipvicious/1", true},
		{"user-agent", "word", "a.c", "abc", false},
		{"user-agent", "word", "àÉ", "ÀÉ", true},
		{"user-agent", "word", "x", "", false},
		{"source-ip", "cidr", "192.0.2.0/24", "192.0.2.7", true},
		{"source-ip", "cidr", "192.0.2.0/24", "::ffff:192.0.2.7", true},
		{"source-ip", "cidr", "192.0.2.0/24", "192.0.3.7", false},
		{"source-ip", "cidr", "192.0.2.7", "192.0.2.7", true},
		{"source-ip", "cidr", "2001:db8::/32", "2001:db8:1::1", true},
		{"source-ip", "regex", `^192\.0\.2\.`, "192.0.2.7", true},
		{"source-ip", "word", "2.7", "192.0.2.7", true},
	}
	for _, test := range tests {
		r, err := policy.CompileRule(&tenant.HeaderRule{Header: test.header, Match: test.match, Value: test.value})
		if err != nil {
			t.Errorf("%s %q: %v", test.match, test.value, err)
			continue
		}
		for range 2 { // the second time from the memo
			if got, v := r.Match(test.in); got != test.want || v.Refused() {
				t.Errorf("%s %s %q on %q: %v", test.header, test.match, test.value, test.in, got)
			}
		}
		if got, v := r.Match(long(1025)); got || v.Status != 400 {
			t.Errorf("on a value of 1025 bytes: %v %+v", got, v)
		}
	}
}

func TestRuleFaults(t *testing.T) {
	tests := []struct{ header, match, value, want string }{
		{"user-agent", "regex", "a[b", `character 2: missing closing ]; close the class with "]"`},
		{"user-agent", "regex", "à(b", `character 2: missing closing ); close the group`},
		{"user-agent", "regex", "(a)(b(c)", `character 4: missing closing )`},
		{"user-agent", "regex", "[)](a", `character 4: missing closing )`},
		{"user-agent", "regex", "a)b", `character 2: unexpected ); remove the ")"`},
		{"user-agent", "regex", `(\))[]()])`, `character 10: unexpected )`},
		{"user-agent", "regex", "*a", `character 1: missing argument to repetition operator; put what is to be repeated before it, or write "\*"`},
		{"user-agent", "regex", "ab**", `character 3: invalid nested repetition operator`},
		{"user-agent", "regex", "a{2000}", `character 2: invalid repeat count; write a count of at most 1000`},
		{"user-agent", "regex", "[z-a]", `character 2: invalid character class range; write the smaller character first`},
		{"user-agent", "regex", `(a)\1`, `character 4: invalid escape sequence; back-references are not known`},
		{"user-agent", "regex", `a\y`, `character 2: invalid escape sequence; write "\\"`},
		{"user-agent", "regex", `ab\`, `character 3: trailing backslash`},
		{"user-agent", "regex", "a(?=b)", `character 2: invalid or unsupported Perl syntax; write groups`},
		{"user-agent", "regex", "ab\xff", `character 3: invalid UTF-8; write the regex in UTF-8`},
		{"user-agent", "regex", "a(b{100}){6}", `character 4: the regex compiles to`},
		{"user-agent", "regex", "a((b{100}){100}){100}", `character 5: invalid repeat count; write a count of at most 1000, the smaller one first; a count within a count multiplies`},
		{"user-agent", "regex", long(1025), `1025 bytes are too many; write at most 1024`},
		{"user-agent", "word", "", `write the word`},
		{"user-agent", "glob", "x", `match "glob": write regex, word or cidr`},
		{"user-agent", "cidr", "192.0.2.0/24", `write source-ip`},
		{"subject", "regex", "x", `header "subject": write request-uri, source-ip`},
		{"source-ip", "cidr", "192.0.2.0/33", `not an address range; write one like`},
		{"source-ip", "cidr", "192.0.2.1/24", `bits are set behind /24; write 192.0.2.0/24`},
	}
	for _, test := range tests {
		err := policy.ValidateRule(&tenant.HeaderRule{Header: test.header, Match: test.match, Value: test.value})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %q:\ngot  %v\nwant %s", test.match, test.value, err, test.want)
		}
	}
}

// TestRulesTooCostly: many expensive regexes look at short values only.
func TestRulesTooCostly(t *testing.T) {
	a := account(1, "a.example", dest("pbx 10.0.0.1:5060/udp 1 10"))
	for i := range 10 {
		a.Routing = append(a.Routing, rule(tenant.RuleID(i+1), i, "user-agent", "regex", fmt.Sprintf(`(?:\w?){%d}[!?]`, 200+i), 2))
	}
	s := table(t, a).Snapshot()
	for range 2 {
		if got := decide(t, s, ask{headers: []string{"User-Agent: " + long(60)}}); got != "customer1 inbound: pbx" {
			t.Errorf("a short value: %s", got)
		}
		if got := decide(t, s, ask{headers: []string{"User-Agent: " + long(1000)}}); got != "customer1 inbound: 400 header_too_long" {
			t.Errorf("a long value: %s", got)
		}
	}
}

// TestRulesAgainstPlainLoop compares the compiled set with rules tried one by one.
func TestRulesAgainstPlainLoop(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	words := []string{"cisco", "Yealink", "k", "s", "a|b", "(?i)SIP", "ph[o0]ne", "x+y", "^v", "1$", "(?:ab|cd)e", "\u212A", "", ".*z", "(foo)?bar", "a{2,3}"}
	pick := func() string { return words[random.IntN(len(words))] }
	for range 60 {
		var rules []tenant.RoutingRule
		var plain []*regexp.Regexp
		for i := range 1 + random.IntN(900) {
			value := pick() + pick()
			re, err := regexp.Compile(value)
			if err != nil {
				continue
			}
			if i > 2 && random.IntN(50) > 0 {
				value, re = value+"never", regexp.MustCompile(value+"never")
			}
			rules = append(rules, rule(tenant.RuleID(len(rules)+1), 10, "user-agent", "regex", value, 2))
			plain = append(plain, re)
		}
		a := account(1, "a.example", dest("pbx 10.0.0.1:5060/udp 1 10"), dest("two 10.0.0.2:5060/udp 2 10"))
		a.Routing = rules
		s := table(t, a).Snapshot()
		for range 20 {
			value := strings.Repeat(pick(), random.IntN(3)) + pick() + pick()
			if strings.ContainsAny(value, "\r\n") || strings.TrimSpace(value) != value {
				continue
			}
			want := tenant.RuleID(0)
			for i, re := range plain {
				if re.MatchString(value) {
					want = tenant.RuleID(i + 1)
					break
				}
			}
			if got := ruleOf(t, s, value); got != want {
				t.Fatalf("%q: rule %d, want %d", value, got, want)
			}
		}
	}
}

func ruleOf(t *testing.T, s *policy.Snapshot, agent string) tenant.RuleID {
	t.Helper()
	var id policy.Identity
	var c policy.Candidates
	r := ask{headers: []string{"User-Agent: " + agent}}.request(t)
	s.Identify(r, &id)
	s.Route(r, &id, &c)
	return c.Rule
}

func TestRulesOverlappingRanges(t *testing.T) {
	a := account(1, "a.example", dest("pbx 10.0.0.1:5060/udp 1 10"))
	for i, cidr := range []string{"10.1.0.0/16", "10.1.2.3", "10.0.0.0/8", "10.2.3.0/24", "0.0.0.0/0"} {
		a.Routing = append(a.Routing, rule(tenant.RuleID(i+1), i, "source-ip", "cidr", cidr, 1))
	}
	s := table(t, a).Snapshot()
	for source, want := range map[string]tenant.RuleID{
		"10.1.2.3:9": 1, "10.1.9.9:9": 1, "10.2.3.4:9": 3, "10.9.9.9:9": 3, "192.0.2.1:9": 5, "[2001:db8::1]:9": 0,
	} {
		var id policy.Identity
		var c policy.Candidates
		r := ask{source: source}.request(t)
		s.Identify(r, &id)
		s.Route(r, &id, &c)
		if c.Rule != want {
			t.Errorf("%s: rule %d, want %d", source, c.Rule, want)
		}
	}
}

func TestRulesReadWholeValue(t *testing.T) {
	for _, test := range []struct {
		header, regex string
		lines         []string
	}{
		{"allow", "^INVITE, ACK, BYE$", []string{"Allow: INVITE", "Allow: ACK,\r\n\t BYE"}},
		{"allow", "^$", nil},
		{"allow", "^$", []string{"Allow:"}},
		{"supported", "^a, b$", []string{"k: a", "Supported: b"}},
		{"supported", "^, b$", []string{"k:", "Supported: b"}},
		{"to", `^<sip:100@a\.example>$`, nil},
		{"from", `tag=1$`, nil},
		{"request-uri", `^sip:100@a\.example$`, nil},
		{"user-agent", `^one two$`, []string{"user-AGENT :  one  \r\n\t\r\n  two  "}},
	} {
		a := account(1, "a.example", dest("pbx 10.0.0.1:5060/udp 2 10"))
		a.Routing = []tenant.RoutingRule{rule(1, 1, test.header, "regex", test.regex, 2)}
		if got := decide(t, table(t, a).Snapshot(), ask{headers: test.lines}); got != "customer1 inbound: pbx" {
			t.Errorf("%s %s in %q: %s", test.header, test.regex, test.lines, got)
		}
	}
}

// FuzzRegex: whatever compiles here compiles in RE2, matches the same, and a fault has an
// offset within the text.
func FuzzRegex(f *testing.F) {
	for _, seed := range []string{"^Cisco", "(?i)yealink|cisco", "a[b", `\p{Greek}`, "(a|b|(c))+", "x{3}", "(?i)ſK"} {
		f.Add(seed, "SIP Cisco/1")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		err := policy.ValidateRegex(text)
		var fault *policy.RegexError
		if errors.As(err, &fault) {
			what, want := fault.In(policy.Italian)
			if fault.Offset < 0 || fault.Offset > len(text) || what == "" || want == "" || strings.Contains(what+want, "%!") {
				t.Fatalf("%q: %d %q %q", text, fault.Offset, what, want)
			}
		}
		if err != nil || len(value) > 1024 {
			return
		}
		r, err := policy.CompileRule(&tenant.HeaderRule{Header: "user-agent", Match: "regex", Value: text})
		if err != nil {
			t.Fatalf("%q is valid and does not compile: %v", text, err)
		}
		want := regexp.MustCompile(text).MatchString(value)
		if got, _ := r.Match(value); got != want {
			t.Fatalf("%q on %q: %v, RE2 says %v", text, value, got, want)
		}
		if again, _ := r.Match(value); again != want {
			t.Fatalf("%q on %q: the memo says %v", text, value, again)
		}
	})
}
