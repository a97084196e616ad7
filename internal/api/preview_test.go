package api_test

import (
	"testing"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// TestPreviewAndReplay: a draft is tried on his own requests only, and what was recorded is explained again.
func TestPreviewAndReplay(t *testing.T) {
	w := newWorld(t)
	alfa, beta := w.settle("alfa", 1), w.settle("beta", 2)
	rule := object{"header": "to", "value": "x", "action": "drop"}
	got := w.as(alfa.reader).must("POST", "/api/v1/tools/firewall-preview", object{"customer_id": alfa.customer, "rule": rule})
	if got["requests"] != 1.0 || got["matched"] != 1.0 || got["would_drop"] != 1.0 || got["of_registered_phones"] != 1.0 || len(got["samples"].([]any)) != 1 {
		t.Errorf("firewall: %v", got)
	}
	got = w.as(alfa.key).must("POST", "/api/v1/tools/routing-preview", object{"customer_id": alfa.customer, "rule": object{"header": "to", "value": "x", "group": 2}})
	if got["group"] != 2.0 || got["matched"] != 1.0 {
		t.Errorf("routing: %v", got)
	}
	for name, body := range map[string]object{
		"a bad regex":  {"customer_id": alfa.customer, "rule": object{"header": "to", "value": "(", "action": "drop"}},
		"a bad action": {"customer_id": alfa.customer, "rule": object{"header": "to", "value": "x", "action": "shoot"}},
	} {
		if r := w.as(alfa.key).do("POST", "/api/v1/tools/firewall-preview", body); r.code != 422 {
			t.Errorf("%s: %d %s", name, r.code, r.body)
		}
	}
	w.node.explain = policy.Explanation{Customer: tenant.CustomerID(alfa.customer), CustomerName: "alfa"}
	if got := w.as(alfa.key).must("POST", "/api/v1/tools/explain", object{"decision": alfa.traced.String()}); got["customer"] != "alfa" {
		t.Errorf("replay: %v", got)
	}
	for _, id := range []string{alfa.traced.String(), "000000000000000000000000", "x"} {
		if r := w.as(beta.key).do("POST", "/api/v1/tools/explain", object{"decision": id}); r.code != 404 {
			t.Errorf("another's replay of %s: %d %s", id, r.code, r.body)
		}
	}
	if r := w.as(alfa.key).do("POST", "/api/v1/tools/explain", object{}); r.code != 422 {
		t.Errorf("neither typed nor recorded: %d %s", r.code, r.body)
	}
}
