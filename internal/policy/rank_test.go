package policy

import (
	"slices"
	"testing"

	"tollgate/internal/tenant"
)

// What has no position of its own stands behind what has one: a rule or a destination that is added
// later does not go before those that somebody has put in order.
func TestRankedByPosition(t *testing.T) {
	rule := func(id tenant.RuleID, priority, position int) *tenant.HeaderRule {
		return &tenant.HeaderRule{ID: id, Priority: priority, Position: position}
	}
	given := []*tenant.HeaderRule{rule(1, 10, 0), rule(2, 10, 2), rule(3, 10, 1), rule(4, 5, 0), rule(5, 10, 0)}
	var got []tenant.RuleID
	for _, r := range ranked(given, func(r **tenant.HeaderRule) *tenant.HeaderRule { return *r }) {
		got = append(got, r.ID)
	}
	if want := []tenant.RuleID{4, 3, 2, 1, 5}; !slices.Equal(got, want) {
		t.Errorf("ranked %v, want %v", got, want)
	}
}

func TestFirewallCountsInOrder(t *testing.T) {
	at := func(priority, position int, id tenant.RuleID) filter {
		return filter{rules: []tenant.FirewallRule{{HeaderRule: tenant.HeaderRule{ID: id, Priority: priority, Position: position}}}}
	}
	for _, c := range []struct {
		name            string
		counted, acting filter
		want            bool
	}{
		{"priority", at(5, 9, 2), at(10, 1, 1), true},
		{"position", at(10, 1, 2), at(10, 2, 1), true},
		{"none is last", at(10, 0, 1), at(10, 2, 2), false},
		{"before none", at(10, 2, 2), at(10, 0, 1), true},
		{"id", at(10, 0, 1), at(10, 0, 2), true},
	} {
		f := firewall{counted: c.counted, acting: c.acting}
		if got := f.before(0, 0); got != c.want {
			t.Errorf("%s: before is %t, want %t", c.name, got, c.want)
		}
	}
}
