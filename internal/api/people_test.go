package api_test

import (
	"slices"
	"strings"
	"testing"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// acrossLogin: what is of whoever asks, and those who ask are keys. false: it is another operation.
func (w *world) acrossLogin(t *testing.T, o operation, alfa *estate) bool {
	for part, one := range map[string]int64{"/api/v1/audit/{id}": alfa.entry, "/api/v1/requests/{id}": alfa.request} {
		if !strings.HasPrefix(o.path, part) {
			continue
		}
		for _, id := range []string{itoa(one), "999999"} {
			w.isNotFound(t, w.do(o.method, strings.Replace(o.path, "{id}", id, 1), nil), alfa)
		}
		return true
	}
	if !slices.Contains([]string{"me", "session", "setup"}, o.noun()) {
		return false
	}
	a := w.do(o.method, strings.Replace(o.path, "{id}", "1", 1), object{})
	if !slices.Contains([]int{200, 204, 403, 422}, a.code) || a.code < 300 && o.noun() != "session" || strings.Contains(string(a.body), alfa.marker) {
		t.Errorf("%d %s", a.code, a.body)
	}
	return true
}

// anyEntry is an entry of the audit about a customer.
func (w *world) anyEntry(customer int64) int64 {
	w.t.Helper()
	page, err := w.store.Audit(w.t.Context(), tenant.OfCustomer(tenant.CustomerID(customer)), store.Query{})
	if err != nil || len(page.Items) == 0 {
		w.t.Fatalf("no audit entry: %v", err)
	}
	return page.Items[0].ID
}
