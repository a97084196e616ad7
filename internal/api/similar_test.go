package api_test

import (
	"encoding/hex"
	"encoding/json"
	"testing"
	"time"

	"tollgate/internal/cdr"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// TestSimilar: the last good call to the same number stands beside a bad one, with what was other.
func TestSimilar(t *testing.T) {
	w := newWorld(t)
	alfa, beta := w.settle("alfa", 1), w.settle("beta", 2)
	at, last := time.Unix(2000, 0), byte(0)
	record := func(owner *estate, uri, source string, status int, answered bool) {
		c := cdr.CDR{
			Company: tenant.CompanyID(owner.company), Customer: tenant.CustomerID(owner.customer), CustomerName: owner.marker,
			URI: uri, Source: source, Status: status, Reason: "ok", Started: at, Ended: at.Add(time.Second), Destination: "pbx",
		}
		if answered {
			c.Answered, c.Duration = at, 30
		}
		at = at.Add(time.Minute)
		last++
		id := store.CDRID{last}
		c.ID = hex.EncodeToString(id[:])
		said, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		row := store.CDR{ID: id, Record: append(store.AppendCDRHead(nil, c.Company, c.Customer, c.Ended), said...)}
		if err := w.store.AddCDRs(t.Context(), []store.CDR{row}, false); err != nil {
			t.Fatal(err)
		}
	}
	record(alfa, "sip:0401234567@alfa.example", "192.0.2.1:5060", 200, true)
	record(alfa, "sip:+390401234567@alfa.example", "192.0.2.1:6000", 200, true)
	record(alfa, "sip:0409999999@alfa.example", "192.0.2.1:5060", 200, true)
	record(beta, "sip:0401234567@alfa.example", "192.0.2.9:5060", 200, true)
	record(alfa, "sip:0401234567@alfa.example", "192.0.2.77:5060", 403, false)
	list := w.admin().must("GET", "/api/v1/cdrs?limit=100", nil)["items"].([]any)
	bad := list[len(list)-1].(object)
	one := "/api/v1/cdrs/" + itoa(int64(bad["seq"].(float64)))
	if got := w.as(alfa.reader).must("GET", one, nil); got["status"] != 403.0 || got["seq"] != bad["seq"] {
		t.Errorf("%v", got)
	}
	if got := w.as(alfa.key).must("GET", "/api/v1/cdrs/"+bad["id"].(string), nil); got["id"] != bad["id"] {
		t.Errorf("by id: %v", got)
	}
	got := w.as(alfa.key).must("GET", one+"/similar", nil)
	if good := got["good"].(object); good["uri"] != "sip:+390401234567@alfa.example" || good["customer"] != "alfa" {
		t.Errorf("good: %v", good)
	}
	differ := map[string]string{}
	for _, d := range got["differences"].([]any) {
		o := d.(object)
		differ[o["field"].(string)] = o["good"].(string) + " " + o["bad"].(string)
	}
	if len(differ) != 3 || differ["source"] != "192.0.2.1 192.0.2.77" || differ["status"] != "200 403" || differ["duration_seconds"] != "30 0" {
		t.Errorf("%v", differ)
	}
	if first := w.as(alfa.key).must("GET", "/api/v1/cdrs/1/similar", nil); first["good"] != nil {
		t.Errorf("the first call has one before it: %v", first)
	}
	for _, path := range []string{one, one + "/similar", "/api/v1/cdrs/" + bad["id"].(string), "/api/v1/cdrs/x", "/api/v1/cdrs/0", "/api/v1/cdrs/999999"} {
		if r := w.as(beta.key).do("GET", path, nil); r.code != 404 {
			t.Errorf("%s of another: %d %s", path, r.code, r.body)
		}
	}
}
