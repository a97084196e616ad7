package api_test

import (
	"strings"
	"testing"

	"tollgate/internal/tenant"
	"tollgate/internal/trace"
)

// TestDecisions: who sees which cases, how they are asked for, and in which forms one is given.
func TestDecisions(t *testing.T) {
	w := newWorld(t)
	alfa, _ := w.settle("alfa", 1), w.settle("beta", 2)
	w.node.cases = append(w.node.cases, trace.Decision{ID: trace.ID{7}, Reason: "unknown_domain", Status: -1, Refused: true})
	own, admin := w.as(alfa.key), w.admin()
	items := func(who *world, query string) []any {
		return who.must("GET", "/api/v1/decisions"+query, nil)["items"].([]any)
	}
	for _, c := range []struct {
		name, query string
		who         *world
		want        int
	}{
		{"his own", "", own, 1},
		{"the platform, strangers too", "", admin, 3},
		{"one customer's", "?customer=" + itoa(alfa.customer), admin, 1},
		{"a reason", "?reason=unknown_domain", admin, 1},
		{"a reason of another's", "?reason=unknown_domain", own, 0},
		{"a reference", "?ref=" + alfa.traced.Ref(), own, 1},
	} {
		if list := items(c.who, c.query); len(list) != c.want {
			t.Errorf("%s: %v", c.name, list)
		}
	}
	if list := w.admin().must("GET", "/api/v1/traces", nil)["items"].([]any); len(list) != 2 {
		t.Errorf("traces without messages: %v", list)
	}
	if page := admin.must("GET", "/api/v1/decisions?limit=1", nil); page["next"] != "1.2" {
		t.Errorf("no next page: %v", page)
	}
	for _, query := range []string{"?ref=1", "?since=yesterday", "?cursor=x", "?cursor=1.-2", "?status=9999"} {
		if a := own.do("GET", "/api/v1/decisions"+query, nil); a.code != 422 {
			t.Errorf("%s: %d %s", query, a.code, a.body)
		}
	}
	at := "/api/v1/traces/" + alfa.traced.String()
	m := own.must("GET", at, nil)["messages"].([]any)[0].(map[string]any)
	if m["received"] != true || !strings.Contains(m["text"].(string), "sip:\ufffd") {
		t.Errorf("message %v", m)
	}
	for path, media := range map[string]string{at + "/ladder": "text/plain; charset=utf-8", at + "/pcap": "application/vnd.tcpdump.pcap"} {
		if a := own.do("GET", path, nil); a.code != 200 || a.header.Get("Content-Type") != media || len(a.body) == 0 {
			t.Errorf("%s: %d %v %.100s", path, a.code, a.header, a.body)
		}
	}
	if a := own.do("GET", "/api/v1/events", nil); strings.Count(string(a.body), "event: decision") != 1 || a.header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("events: %s", a.body)
	}
}

// TestStrangersList: the platform sees all, a customer those that may have meant his domain.
func TestStrangersList(t *testing.T) {
	w := newWorld(t)
	alfa, _ := w.settle("alfa", 1), w.settle("beta", 2)
	if list := w.admin().must("GET", "/api/v1/strangers", nil)["items"].([]any); len(list) != 2 {
		t.Errorf("the platform: %v", list)
	}
	for name, key := range map[string]string{"customer": alfa.key, "company": alfa.companyKey} {
		list := w.as(key).must("GET", "/api/v1/strangers", nil)["items"].([]any)
		if len(list) != 1 || list[0].(map[string]any)["did_you_mean"] != "alfa.example" {
			t.Errorf("%s: %v", name, list)
		}
	}
}

// TestLimitsList: widest first, each with its use; page by page as at once.
func TestLimitsList(t *testing.T) {
	w := newWorld(t)
	alfa, _ := w.settle("alfa", 1), w.settle("beta", 2)
	all := w.admin().must("GET", "/api/v1/limits", nil)["items"].([]any)
	var scopes []string
	for _, item := range all {
		scopes = append(scopes, item.(map[string]any)["scope"].(string))
	}
	if got := strings.Join(scopes, " "); !strings.HasPrefix(got, "platform company company customer customer") {
		t.Errorf("scopes %s", got)
	} else if !strings.HasSuffix(got, "switch profile profile") {
		t.Errorf("the last scopes are %s", got)
	}
	if first := all[0].(map[string]any); first["max_calls"] != 1000.0 || first["cps"] != 50.0 || first["peak"] != 9.0 {
		t.Errorf("platform %v", first)
	}
	cursor, paged := "", 0
	for {
		page := w.admin().must("GET", "/api/v1/limits?limit=1&cursor="+cursor, nil)
		paged += len(page["items"].([]any))
		next, more := page["next"].(string)
		if !more {
			break
		}
		cursor = next
	}
	if paged != len(all) {
		t.Errorf("%d page by page, %d at once", paged, len(all))
	}
	for _, item := range w.as(alfa.key).must("GET", "/api/v1/limits", nil)["items"].([]any) {
		if l := item.(map[string]any); l["scope"] == "platform" || l["scope"] == "company" || l["scope"] == "profile" {
			t.Errorf("a customer sees %v", l)
		}
	}
	for key, told := range map[string]bool{alfa.companyKey: true, alfa.key: false} { // others' calls are in it
		p := w.as(key).must("GET", "/api/v1/sip-profiles", nil)["items"].([]any)[0].(map[string]any)
		if use, ok := p["use"].(map[string]any); ok != told || told && use["calls"] != p["id"] {
			t.Errorf("a profile as %v, told %t", p, told)
		}
	}
}

// TestTransparent: one customer's mode, for a while; all of a user's only by that user.
func TestTransparent(t *testing.T) {
	w := newWorld(t)
	alfa := w.settle("alfa", 1)
	own := w.as(alfa.key)
	customer := func() tenant.Customer {
		c, err := w.store.Customers.Get(t.Context(), tenant.Platform(), tenant.CustomerID(alfa.customer))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if got := own.must("POST", "/api/v1/transparent", object{"customer_id": alfa.customer, "on": true, "for": "30m"}); got["on"] != true || got["until"] == nil {
		t.Errorf("%v", got)
	}
	if c := customer(); !c.Transparent || c.TransparentUntil.IsZero() {
		t.Errorf("%v until %v", c.Transparent, c.TransparentUntil)
	}
	if n, err := w.store.EndTransparency(t.Context(), customer().TransparentUntil); n != 1 || err != nil {
		t.Errorf("%d ended, %v", n, err)
	}
	if c := customer(); c.Transparent || !c.TransparentUntil.IsZero() {
		t.Errorf("after its end: %v until %v", c.Transparent, c.TransparentUntil)
	}
	own.must("POST", "/api/v1/transparent", object{"customer_id": alfa.customer, "on": true})
	own.must("PATCH", "/api/v1/customers/"+itoa(alfa.customer), object{"transparent": false})
	for name, body := range map[string]object{
		"nobody's":     {"on": true},
		"both":         {"on": true, "all": true, "customer_id": alfa.customer},
		"all by a key": {"on": true, "all": true},
		"no time":      {"on": true, "customer_id": alfa.customer, "for": "soon"},
		"ten years":    {"on": true, "customer_id": alfa.customer, "for": "87600h"},
	} {
		if a := own.do("POST", "/api/v1/transparent", body); a.code != 422 {
			t.Errorf("%s: %d %s", name, a.code, a.body)
		}
	}
	if a := own.do("PATCH", "/api/v1/customers/"+itoa(alfa.customer), object{"transparent": true, "transparent_until": "2020-01-01T00:00:00Z"}); a.code != 422 {
		t.Errorf("an end that has passed: %d %s", a.code, a.body)
	}
	if list, err := w.store.Switchers(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("switchers %v, %v", list, err)
	}
	w.admin().must("PATCH", "/api/v1/users/"+itoa(alfa.ids["users"]), object{"transparent": true})
	list, err := w.store.Switchers(t.Context())
	if err != nil || len(list) != 1 || int64(list[0].ID) != alfa.ids["users"] {
		t.Errorf("switchers %v, %v", list, err)
	}
}
