package api_test

import "testing"

// TestBans: who may ban what, and the list.
func TestBans(t *testing.T) {
	w := newWorld(t)
	alfa := w.settle("alfa", 1)
	own, company, reader, admin := w.as(alfa.key), w.as(alfa.companyKey), w.as(alfa.reader), w.admin()
	for _, c := range []struct {
		name string
		who  *world
		body object
		code int
	}{
		{"his own", own, object{"address": "192.0.2.1"}, 201},
		{"a /24", own, object{"address": "192.0.2.0/24", "for": "7d"}, 201},
		{"a /23", own, object{"address": "192.0.2.0/23"}, 403},
		{"a company for everybody", company, object{"address": "192.0.2.1"}, 403},
		{"a company for a customer", company, object{"address": "192.0.2.2", "customer_id": alfa.customer}, 201},
		{"a reader", reader, object{"address": "192.0.2.1"}, 403},
		{"the platform", admin, object{"address": "0.0.0.0/8"}, 201},
		{"no address", admin, object{"address": "example.com"}, 422},
		{"no time", admin, object{"address": "192.0.2.1", "for": "0s"}, 422},
		{"nobody", admin, object{"address": "192.0.2.1", "customer_id": 99}, 404},
	} {
		if a := c.who.do("POST", "/api/v1/bans", c.body); a.code != c.code {
			t.Errorf("%s: %d %s", c.name, a.code, a.body)
		}
	}
	for who, want := range map[*world]int{own: 4, company: 4, reader: 4, admin: 5} {
		if items := who.must("GET", "/api/v1/bans", nil)["items"].([]any); len(items) != want {
			t.Errorf("%d bans, want %d", len(items), want)
		}
	}
	page := own.must("GET", "/api/v1/bans?limit=3", nil)
	rest := own.must("GET", "/api/v1/bans?cursor="+page["next"].(string), nil)["items"].([]any)
	if len(page["items"].([]any)) != 3 || len(rest) != 1 {
		t.Errorf("%v, then %v", page, rest)
	}
	found := own.must("GET", "/api/v1/bans?q=192.0.2.1", nil)["items"].([]any)
	if len(found) != 2 {
		t.Errorf("%v", found) // the address, and the range that holds it
	}
	at := "/api/v1/bans/" + found[0].(object)["id"].(string)
	for _, c := range []struct {
		who  *world
		path string
		code int
	}{{reader, at, 403}, {own, "/api/v1/bans/x", 404}, {own, at, 204}, {own, at, 404}} {
		if a := c.who.do("DELETE", c.path, nil); a.code != c.code {
			t.Errorf("DELETE %s: %d %s", c.path, a.code, a.body)
		}
	}
	audit := own.must("GET", "/api/v1/audit?limit=1", nil)["items"].([]any)[0].(object)
	if audit["noun"] != "ban" || audit["action"] != "delete" || audit["name"] == "" {
		t.Errorf("audit: %v", audit)
	}
}
