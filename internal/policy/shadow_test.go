package policy_test

import (
	"fmt"
	"testing"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// TestShadows: a rule behind another that always matches first is named, and no other.
func TestShadows(t *testing.T) {
	type rule struct{ header, match, value string }
	for _, c := range []struct {
		earlier, later rule
		why            string
	}{
		{rule{"to", "regex", "^39"}, rule{"to", "regex", "^39"}, "same"},
		{rule{"to", "regex", "^39"}, rule{"from", "regex", "^39"}, ""},
		{rule{"to", "regex", ".*"}, rule{"user-agent", "word", "snom"}, "catch_all"},
		{rule{"user-agent", "regex", ""}, rule{"to", "word", "1"}, "catch_all"},
		{rule{"user-agent", "regex", "^.*$"}, rule{"to", "word", "1"}, "catch_all"},
		{rule{"user-agent", "regex", ".+"}, rule{"to", "word", "1"}, ""}, // it may be absent
		{rule{"to", "regex", ".+"}, rule{"to", "word", "1"}, "catch_all"},
		{rule{"to", "regex", "^(.+)$"}, rule{"to", "word", "1"}, ""}, // a capture is not looked into that far
		{rule{"to", "regex", "."}, rule{"to", "word", "1"}, "catch_all"},
		{rule{"to", "regex", "^.$"}, rule{"to", "word", "1"}, ""},
		{rule{"to", "regex", "..."}, rule{"to", "word", "1"}, ""},
		{rule{"to", "regex", "^$"}, rule{"to", "word", "1"}, ""},
		{rule{"to", "regex", "^a*$"}, rule{"to", "word", "1"}, ""},
		{rule{"to", "regex", "a*"}, rule{"to", "word", "1"}, "catch_all"},
		{rule{"to", "regex", "x|.*"}, rule{"to", "word", "1"}, "catch_all"},
		{rule{"to", "regex", "x|y"}, rule{"to", "word", "1"}, ""},
		{rule{"to", "regex", "["}, rule{"to", "word", "1"}, ""},
		{rule{"to", "word", "Snom"}, rule{"to", "word", "my snom 320"}, "wider"},
		{rule{"to", "word", "my snom"}, rule{"to", "word", "snom"}, ""},
		{rule{"source-ip", "cidr", "10.0.0.0/8"}, rule{"source-ip", "cidr", "10.1.0.0/16"}, "wider"},
		{rule{"source-ip", "cidr", "10.1.0.0/16"}, rule{"source-ip", "cidr", "10.0.0.0/8"}, ""},
		{rule{"source-ip", "cidr", "0.0.0.0/0"}, rule{"source-ip", "cidr", "2001:db8::/32"}, ""},
	} {
		of := func(id, priority int, r rule) *tenant.HeaderRule {
			return &tenant.HeaderRule{ID: tenant.RuleID(id), Header: r.header, Match: r.match, Value: r.value, Priority: priority}
		}
		got := policy.Shadows([]*tenant.HeaderRule{of(2, 20, c.later), of(1, 10, c.earlier)})
		want := "[]"
		if c.why != "" {
			want = fmt.Sprintf("[{2 1 %s}]", c.why)
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%v, then %v: %v, want %s", c.earlier, c.later, got, want)
		}
	}
}
