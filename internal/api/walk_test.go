package api_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/internal/trace"
)

// operation is one of the OpenAPI document.
type operation struct {
	method, path string
	parameters   []string
}

func (w *world) operations() []operation {
	w.t.Helper()
	var doc struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]map[string]struct {
			OperationID string `json:"operationId"`
			Parameters  []struct{ Name, In string }
		}
	}
	a := w.as("").do("GET", "/api/openapi.json", nil)
	if err := json.Unmarshal(a.body, &doc); err != nil || !strings.HasPrefix(doc.OpenAPI, "3.1") {
		w.t.Fatalf("%v: %.300s", err, a.body)
	}
	var list []operation
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(doc.Paths[path])) {
			o := operation{method: strings.ToUpper(method), path: path}
			for _, p := range doc.Paths[path][method].Parameters {
				o.parameters = append(o.parameters, p.Name)
			}
			list = append(list, o)
		}
	}
	if len(list) < 90 {
		w.t.Fatalf("only %d operations", len(list))
	}
	return list
}

// noun is the first part of a path after /api/v1/.
func (o operation) noun() string {
	noun, _, _ := strings.Cut(strings.TrimPrefix(o.path, "/api/v1/"), "/")
	return noun
}

// TestEveryOperationNeedsAKey: without one, and with a wrong one, the answer is 401, whatever the operation.
func TestEveryOperationNeedsAKey(t *testing.T) {
	w := newWorld(t)
	e := w.settle("alfa", 1)
	for _, o := range w.operations() {
		if o.noun() == "session" || o.noun() == "setup" { // how one becomes known: TestLogIn and the like
			continue
		}
		path := strings.NewReplacer("{id}", "1").Replace(o.path)
		for _, header := range []string{"", "Bearer", "Bearer ", "Bearer tg_wrong", "Basic " + e.companyKey, "Bearer " + strings.Repeat("x", 100_000), "Bearer ' OR 1=1 --"} {
			a := w.as("").do(o.method, path, object{}, "Authorization", header)
			if a.code != 401 || a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s %s with %.20q: %d %s", o.method, path, header, a.code, a.body)
			}
			a.problem(t)
		}
	}
}

// TestEveryOperationAcrossTenants lets the users of one tenant, and of its company, do every
// operation of the OpenAPI document to the objects of another, and to nobody's. Both look alike: 404.
func TestEveryOperationAcrossTenants(t *testing.T) {
	w := newWorld(t)
	alfa, beta := w.settle("alfa", 1), w.settle("beta", 2)
	w.node.explain = policy.Explanation{Customer: tenant.CustomerID(alfa.customer), CustomerName: "alfa"}
	before, err := w.store.Revision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]string{"customer": beta.key, "company": beta.companyKey, "read-only": beta.reader} {
		who := w.as(key)
		for _, o := range w.operations() {
			t.Run(name+" "+o.method+" "+o.path, func(t *testing.T) {
				in := *who
				in.t = t
				in.across(t, o, alfa, name)
			})
		}
	}
	after, err := w.store.Revision(t.Context())
	if err != nil || before != after {
		t.Errorf("revision %d became %d: something was written, %v", before, after, err)
	}
	if len(w.node.calls) != 2 {
		t.Error("a call was hung up")
	}
	if n := len(w.node.bans.List(func(tenant.CustomerID) bool { return true })); n != 2 {
		t.Errorf("%d bans stand", n)
	}
	if len(w.node.bindings) != 2 {
		t.Error("a binding was ended")
	}
}

// across does one operation to alfa's objects; role is who does it.
func (w *world) across(t *testing.T, o operation, alfa *estate, role string) {
	switch {
	case w.acrossPanel(t, o, alfa):
	case w.acrossLogin(t, o, alfa):
	case o.path == "/api/v1/node", o.path == "/api/v1/apply", o.path == "/api/v1/export":
		w.wholeNode(t, o, alfa)
	case strings.HasPrefix(o.path, "/api/v1/apply/pending"): // nobody but the platform learns of it
		w.isNotFound(t, w.do(o.method, strings.Replace(o.path, "{id}", "1", 1), nil), alfa)
	case o.path == "/api/v1/transparent" && o.method == "GET":
		if a := w.do(o.method, o.path, nil); a.code != 200 || !strings.Contains(string(a.body), `"customers":1`) {
			t.Errorf("%d %s: whoever is not alfa manages one customer", a.code, a.body)
		}
	case o.path == "/api/v1/backup", strings.HasPrefix(o.path, "/api/v1/cdrs/dead-letters"):
		if a := w.do(o.method, o.path, nil); a.code != 403 || len(a.body) > 1000 {
			t.Errorf("%d %.300s", a.code, a.body)
		}
	case o.path == "/api/v1/tools/explain":
		a := w.do(o.method, o.path, object{"from": "sip:a@b", "to": "sip:100@alfa.example", "source": "192.0.2.1:5060"})
		w.isNotFound(t, a, alfa)
	case o.path == "/api/v1/antifraud/open":
		for _, id := range []int64{alfa.customer, 999999} {
			w.isNotFound(t, w.do(o.method, o.path, object{"customer_id": id, "method": "invite", "from": "x", "to": "y"}), alfa)
		}
	case o.path == "/api/v1/tools/regex": // it knows nothing but what it is sent
		if a := w.do(o.method, o.path, object{"value": "x", "strings": []string{"x"}}); a.code != 200 {
			t.Errorf("%d %s", a.code, a.body)
		}
	case o.path == "/api/v1/tools/rewrite":
		w.isNotFound(t, w.do(o.method, o.path, object{"switch_id": alfa.ids["switches"]}), alfa)
		w.isNotFound(t, w.do(o.method, o.path, object{"customer_id": alfa.customer}), alfa)
	case o.path == "/api/v1/tools/headers":
		w.isNotFound(t, w.do(o.method, o.path, object{"switch_id": alfa.ids["switches"], "request": ""}), alfa)
		w.isNotFound(t, w.do(o.method, o.path, object{"destination_id": alfa.ids["destinations"], "request": ""}), alfa)
	case o.path == "/api/v1/tools/cidr":
		for _, cidr := range []string{"0.0.0.0/0", "::/0", "192.0.2.1"} {
			a := w.do("GET", o.path+"?cidr="+cidr, nil)
			if o.method == "POST" {
				a = w.do(o.method, o.path, object{"cidr": cidr})
			}
			if a.code != 200 || strings.Contains(string(a.body), alfa.marker) {
				t.Errorf("%d %s", a.code, a.body)
			}
		}
	case strings.HasPrefix(o.path, "/api/v1/traces/{id}"), o.path == "/api/v1/decisions/{id}":
		for _, id := range []string{alfa.traced.String(), trace.ID{9}.String(), "x"} {
			w.isNotFound(t, w.do(o.method, strings.Replace(o.path, "{id}", id, 1), nil), alfa)
		}
	case o.path == "/api/v1/calls/{id}":
		w.isNotFound(t, w.do(o.method, "/api/v1/calls/"+alfa.call, nil), alfa)
	case o.path == "/api/v1/bindings/{id}":
		w.isNotFound(t, w.do(o.method, "/api/v1/bindings/"+alfa.binding, nil), alfa)
	case o.path == "/api/v1/bans/{id}":
		w.isNotFound(t, w.do(o.method, "/api/v1/bans/"+alfa.ban, nil), alfa)
	case o.path == "/api/v1/import/{preset}":
		for _, id := range []string{itoa(alfa.customer), "999999"} {
			w.isNotFound(t, w.request(o.method, "/api/v1/import/users?customer="+id, "text/csv", []byte("username,password\n77,Correct-Horse-1\n")), alfa)
		}
	case slices.Contains(o.parameters, "customer"):
		w.lists(t, o, alfa)
	case strings.Contains(o.path, "{id}"):
		one, ok := alfa.ids[o.noun()]
		if !ok {
			t.Fatalf("no object of %s in the test's world: add one", o.noun())
		}
		for _, id := range []string{itoa(one), "999999"} {
			path := strings.Replace(o.path, "{id}", id, 1)
			var body any
			switch {
			case strings.HasSuffix(o.path, "/password"):
				body = object{}
			case strings.HasSuffix(o.path, "/messages"):
				body = object{"text": "hello"}
			case o.method == "PATCH", o.method == "PUT":
				body = alfa.items[o.noun()]
			}
			w.isNotFound(t, w.do(o.method, path, body), alfa)
		}
	case o.method == "POST":
		w.creates(t, o, alfa, role)
	default:
		t.Fatal("this operation is new: say here what it may show to another tenant")
	}
}

// lists: nothing of alfa's without a filter; its customer and company do not exist.
func (w *world) lists(t *testing.T, o operation, alfa *estate) {
	a := w.do(o.method, o.path, nil)
	if a.code != 200 || strings.Contains(string(a.body), alfa.marker) {
		t.Errorf("%d %s", a.code, a.body)
	}
	w.isNotFound(t, w.do(o.method, o.path+"?customer="+itoa(alfa.customer), nil), alfa)
	w.isNotFound(t, w.do(o.method, o.path+"?company="+itoa(alfa.company), nil), alfa)
	w.isNotFound(t, w.do(o.method, o.path+"?customer=999999", nil), alfa)
}

// creates: a noun for alfa. Where the principal may make no such noun at all, 403 tells him nothing of alfa.
func (w *world) creates(t *testing.T, o operation, alfa *estate, role string) {
	item, ok := alfa.items[o.noun()]
	if !ok {
		t.Fatalf("no object of %s in the test's world: add one", o.noun())
	}
	body := maps.Clone(item)
	delete(body, "id")
	for _, field := range []string{"name", "email", "username"} {
		if v, ok := body[field].(string); ok {
			body[field] = "new-" + v
		}
	}
	if o.noun() == "sip-users" {
		body["password"] = "Correct-Horse-1"
	}
	a := w.do(o.method, o.path, body)
	never := role == "read-only" || o.noun() == "companies" || role == "customer" && (o.noun() == "customers" || o.noun() == "sip-profiles")
	if never {
		if a.code != 403 {
			t.Errorf("%d %s", a.code, a.body)
		}
		a.problem(t)
		return
	}
	w.isNotFound(t, a, alfa)
}

// wholeNode: what is about all of a node holds nothing of alfa's.
func (w *world) wholeNode(t *testing.T, o operation, alfa *estate) {
	var a answer
	if o.method == "POST" {
		a = w.request(o.method, o.path+"?dry_run=true", "application/yaml", []byte("customers:\n  - name: alfa\n    call_limit: 3\n"))
	} else {
		a = w.do(o.method, o.path, nil)
	}
	if strings.Contains(strings.ReplaceAll(string(a.body), `"alfa"`, ""), alfa.marker+" ") || strings.Contains(string(a.body), alfa.marker+".example") {
		t.Errorf("%d %s", a.code, a.body)
	}
}

// isNotFound wants a 404 that names nothing of alfa's.
func (w *world) isNotFound(t *testing.T, a answer, alfa *estate) {
	t.Helper()
	if a.code != 404 {
		t.Errorf("%d %s", a.code, a.body)
		return
	}
	p := a.problem(t)
	if strings.Contains(p.Detail, "no such operation") || strings.Contains(string(a.body), alfa.marker) {
		t.Errorf("%s", a.body)
	}
}
