package api_test

import (
	"strings"
	"testing"
)

// TestRoutingPicture: rules in order, where they lead, and which of them can never match.
func TestRoutingPicture(t *testing.T) {
	w := newWorld(t)
	alfa := w.settle("alfa", 1)
	admin := w.as(alfa.key)
	all := id(admin.must("POST", "/api/v1/routing-rules", object{"customer_id": alfa.customer, "name": "all", "header": "to", "value": ".*", "priority": 5}))
	admin.must("POST", "/api/v1/destinations", object{"customer_id": alfa.customer, "name": "second", "host": "192.0.2.88", "group": 2, "priority": 1})
	one := "/api/v1/routing/" + itoa(alfa.customer)
	got := w.as(alfa.reader).must("GET", one, nil)
	rules, groups := got["rules"].([]any), got["groups"].([]any)
	first, second := rules[0].(object), rules[1].(object)
	if len(rules) != 2 || id(first) != all || first["never"] != nil || second["never"].(object)["why"] != "catch_all" || second["never"].(object)["by"] != "all" || second["hits"] != 0.0 {
		t.Errorf("rules: %v", rules)
	}
	if len(groups) != 2 || groups[0].(object)["number"] != 1.0 || groups[1].(object)["rules"] != 1.0 {
		t.Errorf("groups: %v", groups)
	}
	if list := groups[1].(object)["destinations"].([]any); len(list) != 1 || list[0].(object)["state"].(object)["status"] != "unknown" {
		t.Errorf("group 2: %v", list)
	}
	w.admin().must("PATCH", "/api/v1/customers/"+itoa(alfa.customer), object{"destination_groups_enabled": false})
	rules = admin.must("GET", one, nil)["rules"].([]any)
	if why := rules[0].(object)["never"].(object)["why"]; why != "groups_disabled" {
		t.Errorf("groups off: %v", why)
	}
}

// TestSetup: what to type into the other side; secrets are not among it.
func TestSetup(t *testing.T) {
	w := newWorld(t)
	alfa := w.settle("alfa", 1)
	admin := w.as(alfa.key)
	ingress := id(admin.must("POST", "/api/v1/switches", object{
		"customer_id": alfa.customer, "name": "Carrier [x]\u00e9", "direction": "ingress", "host": "203.0.113.5", "username": "acme", "password": "Correct-Horse-1", "register": true,
	}))
	led := id(admin.must("POST", "/api/v1/destinations", object{"customer_id": alfa.customer, "name": "carrier", "switch_id": ingress}))
	for path, wants := range map[string][]string{
		"sip-users/" + itoa(alfa.ids["sip-users"]):       {"alfa-1001", "alfa.example", "127.0.0.1:5060", "baresip"},
		"switches/" + itoa(alfa.ids["switches"]):         {"198.51.1.0/24", "127.0.0.1:5060", "pjsip", "[alfa-switch]", "FreeSWITCH"},
		"switches/" + itoa(ingress):                      {"acme", "[carrier-x]", "match=127.0.0.1"},
		"destinations/" + itoa(alfa.ids["destinations"]): {"alfa.example", "match=127.0.0.1", "OPTIONS"},
		"destinations/" + itoa(led):                      {"acme"},
	} {
		r := w.as(alfa.reader).do("GET", "/api/v1/"+path+"/setup", nil)
		for _, want := range wants {
			if r.code != 200 || !strings.Contains(string(r.body), want) {
				t.Errorf("%s: %d, no %q in %s", path, r.code, want, r.body)
			}
		}
		if strings.Contains(string(r.body), "Correct-Horse") {
			t.Errorf("%s tells a password: %s", path, r.body)
		}
	}
}
