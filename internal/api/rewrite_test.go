package api_test

import (
	"fmt"
	"strings"
	"testing"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// TestRewriteTool: typed rules and a saved switch's, with every step.
func TestRewriteTool(t *testing.T) {
	w := newWorld(t)
	e := w.settle("alfa", 1)
	who := w.as(e.reader)
	sw := e.ids["switches"]
	w.as(e.key).must("PATCH", "/api/v1/customers/"+itoa(e.ids["customers"]), object{"country_code": "39", "international_prefix": "00"})
	w.as(e.key).must("PATCH", "/api/v1/switches/"+itoa(sw), object{
		"dial_pattern": "00", "tech_prefix": "77", "rewrite": []object{{"what": "cli", "current": "0", "new": "390", "match": "prefix"}},
	})
	user := e.ids["sip-users"]
	w.as(e.key).must("PATCH", "/api/v1/sip-users/"+itoa(user), object{"rewrite": []object{{"what": "cli", "current": "1", "new": "390401", "match": "prefix"}}})
	for _, c := range []struct {
		body object
		want string // destination, cli, from, and of each step by and whether it changed something
	}{
		{
			object{"switch_id": sw, "destination": "7700390401234567", "cli": "0409876543"},
			"390401234567 390409876543 390409876543 tech_prefix true rule true dial_pattern true",
		},
		{
			object{"switch_id": sw, "rewrite": []object{}, "destination": "1001", "cli": "alice"},
			"1001 alice alice tech_prefix false dial_pattern false",
		},
		{
			object{"sip_user_id": user, "destination": "00390401234567", "cli": "1001"},
			"00390401234567 390401001 390401001 rule true",
		},
		{
			object{"sip_user_id": user, "rewrite": []object{}, "destination": "1001", "cli": "1001"},
			"1001 1001 1001",
		},
		{
			object{"rewrite": []object{{"what": "destination", "current": `^\+`, "new": "", "match": "regex"}, {"what": "destination", "current": "39", "new": "0039", "match": "prefix"}}, "destination": "+39040"},
			"0039040   rule true rule true",
		},
		{
			object{"customer_id": e.ids["customers"], "direction": "ingress", "dial_pattern": "+e164", "tech_prefix": "9", "cli_prefix": "8", "force_from": "main", "destination": "0401234567", "cli": "1"},
			"9+390401234567 81 main dial_pattern true tech_prefix true cli_prefix true force_from true",
		},
		{object{"direction": "ingress", "dial_pattern": "+e164", "destination": "0401234567"}, "0401234567   dial_pattern false"},
		{object{"destination": "%30401"}, "0401  "},
	} {
		got := who.must("POST", "/api/v1/tools/rewrite", c.body)
		text := fmt.Sprintf("%v %v %v", got["destination"], got["cli"], got["from"])
		for _, s := range got["steps"].([]any) {
			step := s.(object)
			text += fmt.Sprintf(" %v %v", step["by"], step["changed"])
			if step["text"] == "" {
				t.Errorf("%v says nothing", step)
			}
		}
		if text != c.want {
			t.Errorf("%v: %q, want %q", c.body, text, c.want)
		}
	}
	made := who.must("POST", "/api/v1/tools/rewrite", object{"examples": []string{"0401234567", "0409876543"}, "counter_examples": []string{"0651234567"}})
	if list := fmt.Sprint(made["regexes"]); list != "[^040([19][28][37][46]5[46][37])$ ^040([0-9]{7})$ ^040([0-9]+)$]" {
		t.Errorf("made %s", list)
	}
}

// TestRewriteToolRefuses what could not be saved, and what is another's.
func TestRewriteToolRefuses(t *testing.T) {
	w := newWorld(t)
	e, other := w.settle("alfa", 1), w.settle("beta", 2)
	for _, c := range []struct {
		body  object
		code  int
		field string
	}{
		{object{"switch_id": other.ids["switches"]}, 404, ""},
		{object{"customer_id": other.ids["customers"]}, 404, ""},
		{object{"sip_user_id": other.ids["sip-users"]}, 404, ""},
		{object{"sip_user_id": e.ids["sip-users"], "switch_id": e.ids["switches"]}, 422, "sip_user_id"},
		{object{"rewrite": []object{{"what": "destination", "current": "(", "new": "", "match": "regex"}}}, 422, "rewrite[0].current"},
		{object{"rewrite": []object{{"what": "destination", "current": "x", "new": "$1", "match": "regex"}}}, 422, "rewrite[0].new"},
		{object{"rewrite": []object{{"what": "from", "current": "1", "new": "2", "match": "prefix"}}}, 422, "rewrite[0].what"},
		{object{"dial_pattern": "e165"}, 422, "dial_pattern"},
		{object{"tech_prefix": "a"}, 422, "tech_prefix"},
		{object{"direction": "both"}, 422, ""},
		{object{"examples": []string{"1"}, "counter_examples": []string{"1"}}, 422, "counter_examples"},
		{object{"examples": []string{""}}, 422, "examples"},
		{object{"destination": strings.Repeat("1", 257)}, 422, ""},
	} {
		a := w.as(e.key).do("POST", "/api/v1/tools/rewrite", c.body)
		if a.code != c.code || c.field != "" && (len(a.problem(t).Errors) == 0 || a.problem(t).Errors[0].Field != c.field) {
			t.Errorf("%v: %d %s", c.body, a.code, a.body)
		}
	}
}

// TestCIDRTool: what a range is, and what it meets of what one may see.
func TestCIDRTool(t *testing.T) {
	w := newWorld(t)
	e, other := w.settle("alfa", 1), w.settle("beta", 2)
	switches := "/api/v1/switches/"
	w.as(e.key).must("PATCH", switches+itoa(e.ids["switches"]), object{"addresses": []string{"198.51.100.0/28", "2001:db8::/64"}})
	w.as(other.key).must("PATCH", switches+itoa(other.ids["switches"]), object{"addresses": []string{"198.51.100.16/28"}})
	for cidr, want := range map[string]string{
		"198.51.100.0/24": "198.51.100.0/24 4 24 198.51.100.0 198.51.100.255 256 255.255.255.0",
		"198.51.100.7":    "198.51.100.7/32 4 32 198.51.100.7 198.51.100.7 1 255.255.255.255",
		"0.0.0.0/0":       "0.0.0.0/0 4 0 0.0.0.0 255.255.255.255 4.294967296e+09 0.0.0.0",
		"2001:db8::/64":   "2001:db8::/64 6 64 2001:db8:: 2001:db8::ffff:ffff:ffff:ffff 1.8446744073709552e+19 <nil>",
		"::/0":            "::/0 6 0 :: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 3.402823669209385e+38 <nil>",
	} {
		for _, got := range []object{
			w.as(e.reader).must("POST", "/api/v1/tools/cidr", object{"cidr": cidr}),
			w.as(e.reader).must("GET", "/api/v1/tools/cidr?cidr="+cidr, nil),
		} {
			r := got["range"].(object)
			if text := fmt.Sprint(r["cidr"], " ", r["version"], " ", r["bits"], " ", r["first"], " ", r["last"], " ", r["size"], " ", r["netmask"]); text != want {
				t.Errorf("%s: %s, want %s", cidr, text, want)
			}
		}
	}
	overlaps := func(who *world, cidr string) string {
		var list []string
		for _, o := range who.must("POST", "/api/v1/tools/cidr", object{"cidr": cidr})["overlaps"].([]any) {
			one := o.(object)
			list = append(list, fmt.Sprint(one["kind"], " ", one["customer"], " ", one["addresses"]))
		}
		return strings.Join(list, ", ")
	}
	w.admin().must("POST", "/api/v1/bans", object{"address": "198.51.100.9"})
	for _, c := range []struct {
		who        *world
		cidr, want string
	}{
		{w.as(e.reader), "198.51.100.0/24", "switch alfa [198.51.100.0/28]"},
		{w.as(e.reader), "198.51.100.16/28", ""},
		{w.as(e.reader), "2001:db8::5", "switch alfa [2001:db8::/64]"},
		{w.admin(), "198.51.100.0/24", "switch alfa [198.51.100.0/28], switch beta [198.51.100.16/28], ban <nil> [198.51.100.9/32]"},
		{w.admin(), "203.0.113.0/24", ""},
	} {
		if got := overlaps(c.who, c.cidr); got != c.want {
			t.Errorf("%s overlaps %q, want %q", c.cidr, got, c.want)
		}
	}
	for _, bad := range []string{"", "198.51.100.1/24", "x", "198.51.100.0/33"} {
		if a := w.as(e.reader).do("POST", "/api/v1/tools/cidr", object{"cidr": bad}); a.code != 422 {
			t.Errorf("%q: %d %s", bad, a.code, a.body)
		}
	}
}

// TestCIDRAdmission: as whom an address gets in, and nothing of another's.
func TestCIDRAdmission(t *testing.T) {
	w := newWorld(t)
	e, other := w.settle("alfa", 1), w.settle("beta", 2)
	ask := func(who *world) string {
		got := who.must("POST", "/api/v1/tools/cidr", object{"cidr": "198.51.100.7"})["admission"].(object)
		return fmt.Sprint(got["known"], " ", got["customer"], " ", got["by"], " ", got["banned"], " ", got["reason"])
	}
	w.node.explain = policy.Explanation{Customer: tenant.CustomerID(e.customer), CustomerName: "alfa", By: policy.ByEntry, Steps: []policy.Step{{Name: "identify", Text: "Customer alfa."}}}
	for who, want := range map[*world]string{
		w.as(e.reader): "true alfa entry false ok", w.admin(): "true alfa entry false ok", w.as(other.reader): "false <nil> <nil> false stranger_source",
	} {
		if got := ask(who); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	w.node.explain.Steps = append(w.node.explain.Steps, policy.Step{Name: "banned", Verdict: policy.Refuse(policy.Banned), Text: "The source is banned."})
	if got := ask(w.admin()); got != "true alfa entry true banned" {
		t.Errorf("banned: %q", got)
	}
	w.node.explain = policy.Explanation{Steps: []policy.Step{{Name: "identify", Verdict: policy.Refuse(policy.StrangerSource)}}}
	if got := ask(w.admin()); got != "false <nil> <nil> false stranger_source" {
		t.Errorf("a stranger: %q", got)
	}
	if got := w.admin().must("POST", "/api/v1/tools/cidr", object{"cidr": "198.51.100.0/24"}); got["admission"] != nil {
		t.Errorf("of a range: %v", got["admission"])
	}
}
