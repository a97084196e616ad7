package api_test

import (
	"fmt"
	"testing"
)

// TestBulk: many are changed and deleted at once, all or none.
func TestBulk(t *testing.T) {
	w := newWorld(t)
	alfa, beta := w.settle("alfa", 1), w.settle("beta", 2)
	admin := w.as(alfa.key)
	var ids []int64
	for i := range 5 {
		ids = append(ids, id(admin.must("POST", "/api/v1/firewall-rules", object{
			"customer_id": alfa.customer, "name": fmt.Sprint("rule ", i), "header": "to", "value": "x", "action": "drop",
		})))
	}
	count := func(o object) any { return o["count"] }
	if got := admin.must("PATCH", "/api/v1/firewall-rules", object{"ids": append(ids, ids[0]), "patch": object{"mode": "monitor", "version": 1}}); count(got) != 5.0 {
		t.Errorf("changed: %v", got)
	}
	for _, one := range ids {
		if got := admin.must("GET", "/api/v1/firewall-rules/"+itoa(one), nil); got["mode"] != "monitor" || got["value"] != "x" {
			t.Errorf("%v", got)
		}
	}
	before, err := w.store.Revision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, method, path string
		body               object
		code               int
		id                 int64 // of the fault; 0: none is told
	}{
		{"one is another's", "PATCH", "firewall-rules", object{"ids": []int64{ids[0], beta.ids["firewall-rules"]}, "patch": object{"mode": "enforce"}}, 404, beta.ids["firewall-rules"]},
		{"a bad value", "PATCH", "firewall-rules", object{"ids": ids, "patch": object{"header": "via"}}, 422, ids[0]},
		{"two with one name", "PATCH", "firewall-rules", object{"ids": ids, "patch": object{"name": "same"}}, 409, 0},
		{"an unknown field", "PATCH", "firewall-rules", object{"ids": ids, "patch": object{"colour": "red"}}, 422, 0},
		{"no ids", "PATCH", "firewall-rules", object{"ids": []int64{}, "patch": object{}}, 422, 0},
		{"a fraction", "POST", "firewall-rules/delete", object{"ids": []float64{1.5}}, 422, 0},
		{"too many", "POST", "firewall-rules/delete", object{"ids": make([]int64, 1001)}, 422, 0},
		{"one password for all", "PATCH", "sip-users", object{"ids": []int64{alfa.ids["sip-users"]}, "patch": object{"password": "Correct-Horse-2"}}, 422, 0},
		{"one PIN for all", "PATCH", "sip-users", object{"ids": []int64{alfa.ids["sip-users"]}, "patch": object{"voicemail": object{"enabled": true, "pin": "1234"}}}, 422, 0},
		{"one is not there", "POST", "firewall-rules/delete", object{"ids": []int64{ids[0], 999999}}, 404, 999999},
	} {
		r := admin.do(c.method, "/api/v1/"+c.path, c.body)
		if r.code != c.code {
			t.Errorf("%s: %d %s", c.name, r.code, r.body)
			continue
		}
		if p := r.problem(t); c.id != 0 && p.Errors[0].ID != c.id {
			t.Errorf("%s: %s", c.name, r.body)
		}
	}
	if r := w.as(alfa.reader).do("PATCH", "/api/v1/firewall-rules", object{"ids": ids, "patch": object{"mode": "enforce"}}); r.code != 403 {
		t.Errorf("read-only: %d", r.code)
	}
	if after, err := w.store.Revision(t.Context()); err != nil || after != before {
		t.Errorf("something was written: %d, %d, %v", before, after, err)
	}
	if got := admin.must("POST", "/api/v1/firewall-rules/delete", object{"ids": ids}); count(got) != 5.0 {
		t.Errorf("deleted: %v", got)
	}
	if left := admin.must("GET", "/api/v1/firewall-rules", nil)["items"].([]any); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}

// TestOrder: what was dragged stands where it was dropped, for traffic as for lists.
func TestOrder(t *testing.T) {
	w := newWorld(t)
	alfa := w.settle("alfa", 1)
	admin := w.as(alfa.key)
	ids := []int64{alfa.ids["routing-rules"]}
	for i, priority := range []int{5, 5, 20} {
		ids = append(ids, id(admin.must("POST", "/api/v1/routing-rules", object{
			"customer_id": alfa.customer, "name": fmt.Sprint("rule ", i), "header": "to", "value": "x", "priority": priority,
		})))
	}
	wish := []int64{ids[3], ids[0], ids[2], ids[1]}
	admin.must("PUT", "/api/v1/routing-rules/order", object{"customer_id": alfa.customer, "ids": wish})
	last := -1.0
	for i, one := range wish {
		got := admin.must("GET", "/api/v1/routing-rules/"+itoa(one), nil)
		if p := got["priority"].(float64); p < last || got["position"] != float64(i+1) {
			t.Errorf("rule %d: priority %v after %v, position %v", i, p, last, got["position"])
		}
		last = got["priority"].(float64)
	}
	for name, list := range map[string][]int64{"one is missing": wish[1:], "one twice": append(wish, wish[0])} {
		if r := admin.do("PUT", "/api/v1/routing-rules/order", object{"customer_id": alfa.customer, "ids": list}); r.code != 409 && r.code != 404 {
			t.Errorf("%s: %d %s", name, r.code, r.body)
		}
	}
	other := id(admin.must("POST", "/api/v1/destinations", object{"customer_id": alfa.customer, "name": "b", "host": "192.0.2.77"}))
	apart := id(admin.must("POST", "/api/v1/destinations", object{"customer_id": alfa.customer, "name": "c", "host": "192.0.2.78", "group": 2}))
	first := alfa.ids["destinations"]
	admin.must("PUT", "/api/v1/destinations/order", object{"customer_id": alfa.customer, "ids": []int64{other, first}})
	if got := admin.must("GET", "/api/v1/destinations/"+itoa(other), nil); got["position"] != 1.0 {
		t.Errorf("%v", got)
	}
	if r := admin.do("PUT", "/api/v1/destinations/order", object{"customer_id": alfa.customer, "ids": []int64{other, first, apart}}); r.code != 409 {
		t.Errorf("two groups at once: %d %s", r.code, r.body)
	}
}

// TestHangUpMany: those that are there end, the others are told.
func TestHangUpMany(t *testing.T) {
	w := newWorld(t)
	alfa, beta := w.settle("alfa", 1), w.settle("beta", 2)
	wish := object{"ids": []string{alfa.call, beta.call, "gone"}, "reason": "toll fraud\n"}
	if r := w.as(alfa.reader).do("POST", "/api/v1/calls/hangup", wish); r.code != 403 {
		t.Errorf("read-only: %d %s", r.code, r.body)
	}
	got := w.as(alfa.key).must("POST", "/api/v1/calls/hangup", wish)
	if got["count"] != 1.0 || len(got["gone"].([]any)) != 2 {
		t.Errorf("%v", got)
	}
	if left := w.admin().must("GET", "/api/v1/calls", nil)["items"].([]any); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}
