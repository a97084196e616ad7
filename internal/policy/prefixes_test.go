package policy_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// TestLongestPrefix holds the block list against the plain way of looking a prefix up, with
// prefixes as short and as long as may be written.
func TestLongestPrefix(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	digits := func(least, most int) string {
		var b strings.Builder
		for range least + rng.IntN(most-least+1) {
			b.WriteByte("0123456789*#"[rng.IntN(12)%(2+rng.IntN(11))])
		}
		return b.String()
	}
	a := blocking("", "")
	ids := make(map[string]tenant.RuleID)
	for i := 1; i <= 2000; i++ {
		prefix := digits(1, 3) + digits(0, 1+i%30)
		if len(prefix) > 32 || ids[prefix] != 0 {
			continue
		}
		ids[prefix] = tenant.RuleID(i)
		a.Blocklist = append(a.Blocklist, tenant.BlocklistEntry{ID: tenant.EntryID(i), Customer: 1, Prefix: prefix})
	}
	s := table(t, a).Snapshot()
	for i := range 20_000 {
		number := digits(1, 40)
		if i%2 == 0 { // begins as some entry does
			number = a.Blocklist[rng.IntN(len(a.Blocklist))].Prefix + digits(0, 4)
		}
		if number == "112" {
			continue // an emergency call passes
		}
		var want tenant.RuleID
		for n := len(number); n > 0 && want == 0; n-- {
			want = ids[number[:n]]
		}
		uri := fmt.Sprintf("sip:%s@a.example", strings.ReplaceAll(number, "#", "%23"))
		v := judge(t, s, ask{uri: uri}, func(r *policy.Request, id *policy.Identity) policy.Verdict { return s.Blocklist(r, id) })
		if v.Rule != want {
			t.Fatalf("%s: entry %d, want %d", number, v.Rule, want)
		}
	}
}
