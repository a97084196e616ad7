package api_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/internal/api"
	"tollgate/internal/registrar"
	"tollgate/internal/tenant"
)

// TestBindings: what is shown of one, and who may end it.
func TestBindings(t *testing.T) {
	w := newWorld(t)
	alfa, beta := w.settle("alfa", 1), w.settle("beta", 2)
	at := "/api/v1/bindings/" + alfa.binding
	for name, key := range map[string]string{"customer": alfa.key, "company": alfa.companyKey, "read-only": alfa.reader} {
		who := w.as(key)
		got := who.must("GET", at, nil)
		if got["aor"] != "x@alfa.example" || got["customer"] != "alfa" || got["customer_id"] != float64(alfa.customer) || got["user_agent"] != "alfa phone" {
			t.Errorf("%s: %v", name, got)
		}
		if list := who.must("GET", "/api/v1/bindings", nil)["items"].([]any); len(list) != 1 {
			t.Errorf("%s sees %v", name, list)
		}
	}
	if list := w.admin().must("GET", "/api/v1/bindings", nil)["items"].([]any); len(list) != 2 {
		t.Errorf("the platform sees %v", list)
	}
	if r := w.as(alfa.reader).do("DELETE", at, nil); r.code != 403 {
		t.Errorf("read-only: %d %s", r.code, r.body)
	}
	if r := w.as(beta.key).do("DELETE", at, nil); r.code != 404 || len(w.node.bindings) != 2 {
		t.Errorf("another customer: %d %s", r.code, r.body)
	}
	w.as(alfa.key).must("DELETE", at, nil)
	if r := w.as(alfa.key).do("DELETE", at, nil); r.code != 404 || len(w.node.bindings) != 1 {
		t.Errorf("twice: %d %s", r.code, r.body)
	}
	if !strings.Contains(w.log.String(), "binding ended") {
		t.Errorf("nobody is told who did it: %s", w.log)
	}
}

// TestBindingPages: every binding on exactly one page, whatever bytes an address of record holds.
func TestBindingPages(t *testing.T) {
	w := newWorld(t)
	alfa, beta := w.settle("alfa", 1), w.settle("beta", 2)
	w.node.bindings = nil
	for i := range 40 {
		for _, aor := range []string{"sales@x", "\xff.\x00@x", strings.Repeat("y", 520) + "@x"} {
			for _, e := range []*estate{alfa, beta} {
				w.node.bindings = append(w.node.bindings, registrar.Summary{ID: fmt.Sprintf("%02d", i), Customer: tenant.CustomerID(e.customer), AOR: aor, Source: "192.0.2." + itoa(int64(i))})
			}
		}
	}
	slices.SortFunc(w.node.bindings, func(a, b registrar.Summary) int {
		return cmp.Or(cmp.Compare(a.Customer, b.Customer), cmp.Compare(a.AOR, b.AOR), cmp.Compare(a.ID, b.ID))
	})
	for query, want := range map[string]int{"": 240, "&customer=" + itoa(beta.customer): 120, "&q=SALES": 80, "&q=192.0.2.7": 6} {
		seen, cursor := map[string]bool{}, ""
		for pages := 0; ; pages++ {
			page := w.admin().must("GET", "/api/v1/bindings?limit=7"+query+"&cursor="+cursor, nil)
			for _, item := range page["items"].([]any) {
				o := item.(object)
				seen[fmt.Sprint(o["customer_id"], o["aor"], o["id"])] = true
			}
			next, more := page["next"].(string)
			if !more || pages > 100 {
				break
			}
			cursor = next
		}
		if len(seen) != want {
			t.Errorf("%q: %d bindings on all pages, want %d", query, len(seen), want)
		}
	}
	for _, cursor := range []string{"!", "1", "1.2", "1.2.%2B", "x%2Fy.1.", "..", "1.a.b.c"} {
		if r := w.admin().do("GET", "/api/v1/bindings?cursor="+cursor, nil); r.code != 422 || r.problem(t).Errors[0].Field != "cursor" {
			t.Errorf("cursor %s: %d %s", cursor, r.code, r.body)
		}
	}
}

// TestClash: who sees both customers is told who they are and of what; the others, that there is one.
func TestClash(t *testing.T) {
	w := newWorld(t)
	alfa, beta := w.settle("alfa", 1), w.settle("beta", 2)
	one := "/api/v1/destinations/" + itoa(alfa.ids["destinations"])
	if got, shown := w.admin().must("GET", one, nil)["clash"]; got != nil || !shown {
		t.Errorf("there is none: %v", got)
	}
	w.node.clashes = map[tenant.DestinationID]api.Clash{tenant.DestinationID(alfa.ids["destinations"]): {
		Count: 3, Last: time.Unix(1000, 0).UTC(), From: "sip:12@secret.example", To: "sip:0401@secret.example", Sharers: []tenant.CustomerID{tenant.CustomerID(beta.customer)},
	}}
	got, _ := w.admin().must("GET", one, nil)["clash"].(object)
	if fmt.Sprintf("%v %v %v %v %v", got["count"], got["last"], got["from"], got["to"], got["customers"]) != "3 1970-01-01T00:16:40Z sip:12@secret.example sip:0401@secret.example [beta]" {
		t.Errorf("to the platform: %v", got)
	}
	for _, key := range []string{alfa.key, alfa.companyKey, alfa.reader} {
		r := w.as(key).do("GET", "/api/v1/destinations", nil)
		if text := string(r.body); strings.Contains(text, "beta") || strings.Contains(text, "secret.example") || !strings.Contains(text, `"customers":["another customer"]`) || !strings.Contains(text, `"count":3`) {
			t.Errorf("%d %s", r.code, text)
		}
	}
	// It can be sent back with the rest, and says nothing.
	w.admin().must("PUT", one, w.admin().must("GET", one, nil))
}
