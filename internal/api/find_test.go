package api_test

import (
	"slices"
	"testing"
)

// TestFind: one box finds all kinds, and each finds only his own.
func TestFind(t *testing.T) {
	w := newWorld(t)
	alfa := w.settle("alfa", 1)
	w.settle("beta", 2)
	kinds := func(who *world, q string) (list []string) {
		for _, item := range who.must("GET", "/api/v1/find?q="+q, nil)["items"].([]any) {
			if o := item.(object); !slices.Contains(list, o["kind"].(string)) {
				list = append(list, o["kind"].(string))
			}
		}
		return list
	}
	all := []string{"customer", "domain", "sip-user", "switch", "destination", "user", "call", "binding", "ban", "decision", "cdr"}
	for name, who := range map[string]*world{"platform": w.admin(), "company": w.as(alfa.companyKey), "customer": w.as(alfa.key)} {
		if got := kinds(who, "alfa"); !slices.Equal(got, all) {
			t.Errorf("%s finds %q", name, got)
		}
		if got := kinds(who, ""); len(got) != 0 {
			t.Errorf("%s finds %q without asking", name, got)
		}
	}
	if got := kinds(w.as(alfa.key), "beta"); !slices.Equal(got, []string{"decision"}) { // the fake node looks at no text
		t.Errorf("of another: %q", got)
	}
	if got := kinds(w.admin(), "%2B390401234561"); !slices.Contains(got, "did") {
		t.Errorf("a number: %q", got)
	}
	if got := kinds(w.admin(), alfa.traced.Ref()); !slices.Contains(got, "decision") {
		t.Errorf("a reference: %q", got)
	}
}
