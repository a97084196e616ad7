package policy_test

import (
	"strings"
	"testing"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

func TestRuleFind(t *testing.T) {
	for _, c := range []struct {
		match, value, in string
		want             string // what matched; "-": nothing
		at               int
	}{
		{"regex", "b+", "abbbc", "bbb", 1},
		{"regex", "(?i)YEA", "my yealink", "yea", 3},
		{"regex", "^$", "", "", 0},
		{"regex", "x", "abc", "-", 0},
		{"regex", "\\s+", "\u00e8 x", " ", 2},
		{"word", "SCAN", "friendly-Scanner", "Scan", 9},
		{"word", "aab", "aAaAb", "aAb", 2},
		{"word", "\u00c8", "caff\u00e8", "\u00e8", 4},
		{"word", "x", "abc", "-", 0},
		{"cidr", "192.0.2.0/24", "192.0.2.7", "192.0.2.7", 0},
		{"cidr", "192.0.2.0/24", "::ffff:192.0.2.7", "::ffff:192.0.2.7", 0},
		{"cidr", "192.0.2.0/24", "192.0.3.7", "-", 0},
		{"cidr", "192.0.2.0/24", "none", "-", 0},
	} {
		header := "user-agent"
		if c.match == "cidr" {
			header = "source-ip"
		}
		r, err := policy.CompileRule(&tenant.HeaderRule{Header: header, Match: c.match, Value: c.value})
		if err != nil {
			t.Fatal(err)
		}
		start, end, ok, v := r.Find(c.in)
		switch {
		case ok != (c.want != "-") || v.Refused():
			t.Errorf("%s %q on %q: %v %+v", c.match, c.value, c.in, ok, v)
		case ok && (start != c.at || c.in[start:end] != c.want):
			t.Errorf("%s %q on %q: %d to %d, want %q at %d", c.match, c.value, c.in, start, end, c.want, c.at)
		}
		if _, _, ok, v := r.Find(strings.Repeat("x", 1025)); ok || v.Reason != policy.HeaderTooLong {
			t.Errorf("%s %q: a long value is refused unseen: %v %+v", c.match, c.value, ok, v)
		}
	}
}

// FuzzRuleFind: a place is told exactly where traffic would match.
func FuzzRuleFind(f *testing.F) {
	f.Add("word", "Scan", "friendly-sCANNER")
	f.Add("regex", "(?i)a|b*", "xxAb")
	f.Add("word", "\u212a", "K k")
	f.Fuzz(func(t *testing.T, match, value, in string) {
		r, err := policy.CompileRule(&tenant.HeaderRule{Header: "from", Match: match, Value: value})
		if err != nil {
			return
		}
		matches, _ := r.Match(in)
		start, end, ok, _ := r.Find(in)
		if ok != matches || start < 0 || end < start || end > len(in) {
			t.Errorf("%s %q on %q: matches %v, found %v from %d to %d", match, value, in, matches, ok, start, end)
		}
	})
}
