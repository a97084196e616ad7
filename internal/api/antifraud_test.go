package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tollgate/internal/antifraud"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/sip"
)

// TestAntifraud: thresholds with what they have counted, for who may see the customer.
func TestAntifraud(t *testing.T) {
	w := newWorld(t)
	alfa, beta := w.settle("alfa", 1), w.settle("beta", 2)
	hostile := "<b>\x1b[2J\xff\r\n=1+1"
	w.node.thresholds = []antifraud.Report{
		{
			Customer: tenant.CustomerID(alfa.customer), Method: sip.INVITE, Of: 10,
			Keys:  []antifraud.Key{{From: hostile, To: "34012345", Count: 3}, {From: "x", Left: time.Minute}},
			Tally: antifraud.Tally{Triggered: 2, Refused: 5, Last: time.Unix(1000, 0), Sample: &policy.Sample{Source: "192.0.2.1:5060", Value: hostile}},
		},
		{Customer: tenant.CustomerID(beta.customer), Method: sip.OPTIONS, Of: 7, Monitor: true, Tally: antifraud.Tally{Would: 1}},
	}
	rows := func(key, query string) []any {
		t.Helper()
		return w.as(key).must("GET", "/api/v1/antifraud"+query, nil)["items"].([]any)
	}
	one := rows(alfa.reader, "")
	if len(one) != 1 {
		t.Fatalf("%v", one)
	}
	r := one[0].(object)
	got := fmt.Sprintf("%v %v %v %v %v %v %v %v", r["customer"], r["method"], r["threshold"], r["mode"], r["triggered"], r["would"], r["refused"], r["last_hit"])
	if got != "alfa invite 10 enforce 2 0 5 1970-01-01T00:16:40Z" {
		t.Errorf("%s", got)
	}
	keys := r["keys"].([]any)
	if k := keys[0].(object); k["from"] != "<b>\x1b[2J\ufffd\r\n=1+1" || k["count"] != 3.0 || k["shut_until"] != nil {
		t.Errorf("%v", k)
	}
	if k := keys[1].(object); k["shut_until"] == nil {
		t.Errorf("%v", k)
	}
	if two := rows(beta.key, ""); len(two) != 1 || two[0].(object)["mode"] != "monitor" || len(two[0].(object)["keys"].([]any)) != 0 {
		t.Errorf("%v", two)
	}
	if a := w.as(alfa.reader).do("GET", "/api/v1/antifraud", nil); strings.ContainsAny(strings.TrimSpace(string(a.body)), "<>\x1b\r\n") {
		t.Errorf("%s", a.body)
	}
	if len(w.admin().must("GET", "/api/v1/antifraud?q=alfa", nil)["items"].([]any)) != 1 || len(w.admin().must("GET", "/api/v1/antifraud", nil)["items"].([]any)) != 2 {
		t.Error("the platform's list")
	}
}

// TestOpenAntifraud: who may write opens a key of his own customer; it is audited.
func TestOpenAntifraud(t *testing.T) {
	w := newWorld(t)
	alfa := w.settle("alfa", 1)
	wish := object{"customer_id": alfa.customer, "method": "register", "from": "+39040", "to": "1"}
	if a := w.as(alfa.reader).do("POST", "/api/v1/antifraud/open", wish); a.code != 403 || len(w.node.reopened) != 0 {
		t.Errorf("a reader: %d %s", a.code, a.body)
	}
	if got := w.as(alfa.key).must("POST", "/api/v1/antifraud/open", wish); got["opened"] != 1.0 {
		t.Errorf("%v", got)
	}
	if want := fmt.Sprint(tenant.CustomerID(alfa.customer), sip.REGISTER, "+39040", "1"); len(w.node.reopened) != 1 || w.node.reopened[0] != want {
		t.Errorf("%v, not %s", w.node.reopened, want)
	}
	entry := w.as(alfa.key).must("GET", "/api/v1/audit?limit=1", nil)["items"].([]any)[0].(object)
	if entry["noun"] != "antifraud key" || entry["name"] != "register +39040 1" || entry["undoable"] == true {
		t.Errorf("%v", entry)
	}
	wish["method"] = "bye"
	if a := w.as(alfa.key).do("POST", "/api/v1/antifraud/open", wish); a.code != 422 {
		t.Errorf("%d %s", a.code, a.body)
	}
}
