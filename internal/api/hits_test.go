package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// TestHits: rules and entries say what they have matched, on every answer that shows one.
func TestHits(t *testing.T) {
	w := newWorld(t)
	alfa := w.settle("alfa", 1)
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.FixedZone("", 7200))
	tally := policy.Tally{Hits: 3, Last: at.UTC(), Sample: &policy.Sample{At: at, Source: "192.0.2.1:5060", Method: "INVITE", Value: "<b>\x1b[2J\xff\r\n\u202e=1+1"}}
	w.node.rules = map[tenant.RuleID]policy.Tally{
		tenant.RuleID(alfa.ids["firewall-rules"]): tally, tenant.RuleID(alfa.ids["routing-rules"]): tally,
	}
	w.node.entries = map[tenant.EntryID]policy.Tally{tenant.EntryID(alfa.ids["blocklist"]): tally}
	for _, path := range []string{"firewall-rules", "routing-rules", "blocklist"} {
		one := "/api/v1/" + path + "/" + itoa(alfa.ids[path])
		got := w.as(alfa.reader).must("GET", one, nil)
		list := w.as(alfa.key).must("GET", "/api/v1/"+path, nil)["items"].([]any)
		for how, o := range map[string]object{
			"get": got, "list": list[0].(object), "patch": w.as(alfa.key).must("PATCH", one, object{}), "put": w.as(alfa.key).must("PUT", one, got),
		} {
			sample, _ := o["last_sample"].(object)
			if s := fmt.Sprintf("%v %v %v %v %v", o["hits"], o["last_hit"], sample["at"], sample["source"], sample["method"]); s != "3 2030-01-02T01:04:05Z 2030-01-02T01:04:05Z 192.0.2.1:5060 INVITE" {
				t.Errorf("%s of %s: %s", how, path, s)
			}
			if sample["value"] != "<b>\x1b[2J\ufffd\r\n\u202e=1+1" {
				t.Errorf("%s of %s: %q", how, path, sample["value"])
			}
		}
		if r := w.as(alfa.key).do("GET", one, nil); strings.ContainsAny(strings.TrimSpace(string(r.body)), "<>\x1b\r\n") {
			t.Errorf("%s", r.body)
		}
		fresh := w.as(alfa.key).must("POST", "/api/v1/"+path, renamed(got))
		if _, shown := fresh["last_sample"]; shown || fresh["hits"] != 0.0 {
			t.Errorf("%s: a new one has matched nothing: %v", path, fresh)
		}
	}
}

// renamed is a noun's body for another of its kind.
func renamed(o object) object {
	delete(o, "id")
	for _, field := range []string{"name", "prefix"} {
		if v, ok := o[field].(string); ok {
			o[field] = v + "9"
		}
	}
	return o
}
