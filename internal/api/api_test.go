package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestCRUD(t *testing.T) {
	w := newWorld(t)
	e := w.settle("alfa", 1)
	a := w.admin()
	for _, path := range append([]string{"companies", "customers"}, nounPaths...) {
		at := "/api/v1/" + path
		one := at + "/" + itoa(e.ids[path])
		got := a.must("GET", one, nil)
		if id(got) != e.ids[path] {
			t.Errorf("%s: %v", one, got)
		}
		// What was read can be sent back, whole, by both verbs, and changes nothing.
		for _, verb := range []string{"PATCH", "PUT"} {
			if again := a.must(verb, one, got); again["version"] != got["version"] {
				t.Errorf("%s %s changed something: %v, then %v", verb, one, got, again)
			}
		}
		list := a.must("GET", at+"?q=", nil)
		if len(list["items"].([]any)) == 0 {
			t.Errorf("%s lists nothing", at)
		}
	}
	for _, path := range []string{"dids", "sip-users", "routing-rules", "users", "domains"} {
		one := "/api/v1/" + path + "/" + itoa(e.ids[path])
		if r := a.do("DELETE", one, nil); r.code != 204 {
			t.Errorf("DELETE %s: %d %s", one, r.code, r.body)
		}
		if r := a.do("GET", one, nil); r.code != 404 {
			t.Errorf("GET %s after its deletion: %d", one, r.code)
		}
	}
	revision, err := w.store.Revision(t.Context())
	if err != nil || w.node.applied != revision {
		t.Errorf("the node was asked for revision %d, the store has %d, %v", w.node.applied, revision, err)
	}
}

func itoa(n int64) string { return strings.TrimSpace(strings.Trim(mustJSON(n), `"`)) }

func mustJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}

func TestPatchAndPut(t *testing.T) {
	w := newWorld(t)
	e := w.settle("alfa", 1)
	a := w.admin()
	one := "/api/v1/customers/" + itoa(e.customer)
	got := a.must("PATCH", one, object{"call_limit": 7, "antifraud": object{"invite": 3}, "timers": object{"initial": "2s"}})
	if got["call_limit"] != 7.0 || got["antifraud"].(object)["mode"] != "enforce" || got["timers"].(object)["initial"] != "2s" || got["timers"].(object)["invite"] != "2m" {
		t.Errorf("PATCH: %v", got)
	}
	got = a.must("PATCH", one, object{"timers": nil, "digest": []string{"md5"}})
	if got["timers"].(object)["initial"] != "5s" || len(got["digest"].([]any)) != 1 || got["call_limit"] != 7.0 {
		t.Errorf("PATCH null: %v", got)
	}
	got = a.must("PUT", one, object{"name": "alfa", "destination_groups_enabled": true})
	if got["call_limit"] != 0.0 || len(got["digest"].([]any)) != 2 {
		t.Errorf("PUT: %v", got)
	}
	// A list is replaced whole: nothing of an old item shines through.
	sw := "/api/v1/switches/" + itoa(e.ids["switches"])
	a.must("PATCH", sw, object{"rewrite": []object{{"what": "cli", "current": "0", "new": "39", "match": "prefix"}}})
	if r := a.do("PATCH", sw, object{"rewrite": []object{{"what": "cli", "current": "1"}}}); r.code != 422 {
		t.Errorf("a rewrite without its match took the old one's: %d %s", r.code, r.body)
	}
}

func TestOptimisticLocking(t *testing.T) {
	w := newWorld(t)
	e := w.settle("alfa", 1)
	a := w.admin()
	one := "/api/v1/customers/" + itoa(e.customer)
	read := a.do("GET", one, nil)
	tag := read.header.Get("ETag")
	if r := a.do("PATCH", one, object{"cps": 1}, "If-Match", tag); r.code != 200 || r.header.Get("ETag") == tag {
		t.Fatalf("%d %s", r.code, r.body)
	}
	for name, send := range map[string]func() answer{
		"If-Match": func() answer { return a.do("PATCH", one, object{"cps": 2}, "If-Match", tag) },
		"version":  func() answer { return a.request("PUT", one, "application/json", read.body) },
	} {
		r := send()
		if r.code != 409 || r.problem(t).Errors[0].Code != "changed" {
			t.Errorf("%s: %d %s", name, r.code, r.body)
		}
	}
	if r := a.do("PATCH", one, object{"cps": 2}, "If-Match", "nonsense"); r.code != 422 {
		t.Errorf("a bad If-Match: %d %s", r.code, r.body)
	}
}

func TestPages(t *testing.T) {
	w := newWorld(t)
	e := w.settle("alfa", 1)
	a := w.admin()
	for i := range 7 {
		a.must("POST", "/api/v1/blocklist", object{"customer_id": e.customer, "prefix": "00" + itoa(int64(i))})
	}
	seen, cursor := 0, ""
	for range 10 {
		page := a.must("GET", "/api/v1/blocklist?limit=3&customer="+itoa(e.customer)+"&cursor="+cursor, nil)
		seen += len(page["items"].([]any))
		next, more := page["next"].(string)
		if !more {
			break
		}
		cursor = next
	}
	if seen != 8 {
		t.Errorf("%d entries on all pages, want 8", seen)
	}
	w.node.calls = nil
	if body := string(a.do("GET", "/api/v1/calls", nil).body); body != "{\"items\":[]}\n" {
		t.Errorf("an empty list: %s", body)
	}
}

// TestManyCompanies: each of more companies than a page holds is told with its own use.
func TestManyCompanies(t *testing.T) {
	a := newWorld(t).admin()
	const many = 1005
	for i := range many {
		a.must("POST", "/api/v1/companies", object{"name": fmt.Sprintf("company %d", i)})
	}
	seen := map[int64]bool{}
	for path := "/api/v1/companies?limit=1000"; path != ""; {
		page := a.must("GET", path, nil)
		for _, item := range page["items"].([]any) {
			o := item.(object)
			if seen[id(o)] = true; int64(o["use"].(object)["calls"].(float64)) != id(o) {
				t.Fatalf("%v uses %v", o["name"], o["use"])
			}
		}
		path = ""
		if next, ok := page["next"].(string); ok && next != "" {
			path = "/api/v1/companies?limit=1000&cursor=" + next
		}
	}
	if len(seen) < many {
		t.Errorf("%d companies", len(seen))
	}
}

// TestCustomersAtAGlance: a list of customers tells their use, and can be narrowed to the transparent ones.
func TestCustomersAtAGlance(t *testing.T) {
	w := newWorld(t)
	alfa, beta := w.settle("alfa", 1), w.settle("beta", 2)
	a := w.admin()
	names := func(path string) (list []string) {
		for _, item := range a.must("GET", "/api/v1/"+path, nil)["items"].([]any) {
			o := item.(object)
			list = append(list, o["name"].(string))
			if use, ok := o["use"].(object); ok && int64(use["calls"].(float64)) != id(o) {
				t.Errorf("%v uses %v", o["name"], use)
			}
		}
		return list
	}
	if got := names("customers?limit=10"); len(got) != 2 {
		t.Errorf("customers %v", got)
	}
	if got := names("companies"); len(got) < 2 {
		t.Errorf("companies %v", got)
	}
	if use := w.as(alfa.companyKey).must("GET", "/api/v1/companies/"+itoa(alfa.company), nil)["use"]; use == nil {
		t.Error("a company is not told its own use")
	}
	if one := w.as(alfa.key).do("GET", "/api/v1/companies/"+itoa(alfa.company), nil); strings.Contains(string(one.body), `"use"`) {
		t.Errorf("a customer is told his company's use: %s", one.body)
	}
	if got := names("switches"); len(got) == 0 {
		t.Error("no switch")
	}
	if got := a.must("GET", "/api/v1/transparent", nil)["customers"]; got != 2.0 {
		t.Errorf("the mode for all is about %v", got)
	}
	for _, key := range []string{alfa.companyKey, alfa.key} {
		if got := w.as(key).must("GET", "/api/v1/transparent", nil)["customers"]; got != 1.0 {
			t.Errorf("the mode for all is about %v of one", got)
		}
	}
	a.must("POST", "/api/v1/transparent", object{"customer_id": beta.customer, "on": true})
	for path, want := range map[string]int{
		"customers?transparent=1": 1, "customers?transparent=true&q=bet": 1, "customers?transparent=1&q=alfa": 0, "customers?transparent=0": 2,
		"users?transparent=1": 0, "customers?transparent=1&company=" + itoa(alfa.company): 0,
	} {
		if got := names(path); len(got) != want {
			t.Errorf("%s: %v, want %d", path, got, want)
		}
	}
	a.must("PATCH", "/api/v1/customers/"+itoa(beta.customer), object{"call_limit": 4})
	whole := a.must("GET", "/api/v1/customers/"+itoa(beta.customer), nil)
	a.must("PUT", "/api/v1/customers/"+itoa(beta.customer), whole) // with its use, as it was read
}

func TestRefusals(t *testing.T) {
	w := newWorld(t)
	e := w.settle("alfa", 1)
	customer := itoa(e.customer)
	for _, c := range []struct {
		name, method, path, body string
		code                     int
		field, message, want     string
	}{
		{"no JSON", "POST", "customers", "{", 400, "", "the body is not JSON", "one JSON object"},
		{"a list", "POST", "customers", "[]", 422, "body", "is not of the right kind", "object"},
		{"null", "POST", "customers", "null", 422, "body", "is not of the right kind", "object"},
		{"unknown key", "POST", "customers", `{"full_name":"x"}`, 422, "full_name", "is not known", "a field of /api/openapi.json"},
		{"wrong case", "POST", "customers", `{"Name":"x"}`, 422, "Name", "is not known", "a field of /api/openapi.json"},
		{"wrong kind", "PATCH", "customers/" + customer, `{"call_limit":"5"}`, 422, "call_limit", "is not of the right kind", "integer"},
		{"nested kind", "PATCH", "customers/" + customer, `{"antifraud":{"invite":true}}`, 422, "antifraud.invite", "is not of the right kind", "integer"},
		{"nested unknown", "PATCH", "customers/" + customer, `{"timers":{"first":"1s"}}`, 422, "timers.first", "is not known", "a field of /api/openapi.json"},
		{"huge number", "PATCH", "customers/" + customer, `{"call_limit":1e300}`, 422, "call_limit", "is not of the right kind", "a whole number in range"},
		{"fraction", "PATCH", "customers/" + customer, `{"call_limit":1.5}`, 422, "call_limit", "is not of the right kind", "integer"},
		{"bad timer", "PATCH", "customers/" + customer, `{"timers":{"initial":"soon"}}`, 422, "timers.initial", `"soon" is not a time`, "a number and its unit, such as 500ms, 5s, 2m or 12h"},
		{"out of range", "PATCH", "customers/" + customer, `{"call_limit":-1}`, 422, "call_limit", "-1 is out of range", "0 (unlimited) to 1000000"},
		{"no name", "POST", "companies", `{}`, 422, "name", "is missing", "a name of 1 to 64 characters"},
		{"taken", "POST", "companies", `{"name":"alfa company"}`, 409, "name", "in use already", "another name"},
		{"bad id", "GET", "customers/x", "", 422, "id", "is not a whole number", "a whole number"},
		{"id 0", "GET", "customers/0", "", 422, "id", "is not of the right kind", "number >= 1"},
		{"bad limit", "GET", "customers?limit=1001", "", 422, "limit", "is not of the right kind", "number <= 1000"},
		{"bad cursor", "GET", "customers?cursor=!", "", 422, "cursor", "is not one that a list gave", "the next of the page before"},
		{"bad call cursor", "GET", "calls?cursor=!", "", 422, "cursor", "is not one that a list gave", "the next of the page before"},
		{"unknown filter", "GET", "customers?custmer=1", "", 422, "custmer", "is not known", "a field of /api/openapi.json"},
		{"no such customer", "GET", "domains?customer=999", "", 404, "", "not found", ""},
		{"group 10", "POST", "destination-groups", `{"customer_id":` + customer + `,"number":10}`, 422, "number", "there is no group 10", "1 to 9"},
		{"two secrets", "POST", "sip-users", `{"customer_id":` + customer + `,"username":"9","password":"abcdef","generate_password":true}`, 422, "generate_password", "password and generate_password exclude each other", "one of them"},
	} {
		r := w.admin().request(c.method, "/api/v1/"+c.path, "application/json", []byte(c.body))
		if r.code != c.code {
			t.Errorf("%s: %d, want %d: %s", c.name, r.code, c.code, r.body)
			continue
		}
		p := r.problem(t)
		if len(p.Errors) != 1 || p.Errors[0].Field != c.field || p.Errors[0].Message != c.message || p.Errors[0].Want != c.want {
			t.Errorf("%s: %s", c.name, r.body)
		}
	}
}

// TestSecretsAreNotEchoed: whatever is wrong with a body that holds a secret, the answer and the log do not.
func TestSecretsAreNotEchoed(t *testing.T) {
	w := newWorld(t)
	e := w.settle("alfa", 1)
	const secret = "Hunter2-Hunter2"
	customer := itoa(e.customer)
	for _, body := range []string{
		`{"password":"` + secret + `"`,
		`{"password":"` + secret + `","x":1}`,
		`{"password":{"text":"` + secret + `"}}`,
		`{"password":["` + secret + `"]}`,
		`{"Password":"` + secret + `"}`,
		`{"customer_id":` + customer + `,"username":"` + strings.Repeat("u", 100) + `","password":"` + secret + `"}`,
		`{"customer_id":` + customer + `,"username":"7","password":"` + secret + "\\u0001" + `"}`,
		`{"customer_id":` + customer + `,"username":"7","password":"` + strings.Repeat(secret, 20) + `"}`,
		`{"customer_id":` + customer + `,"username":"7","voicemail":{"pin":"` + secret + `"},"password":"Correct-Horse-1"}`,
		`"` + secret + `"`,
		secret,
	} {
		for _, path := range []string{"sip-users", "switches", "users", "sip-users/" + itoa(e.ids["sip-users"]) + "/password"} {
			r := w.admin().request("POST", "/api/v1/"+path, "application/json", []byte(body))
			if r.code < 400 && strings.HasSuffix(path, "/password") {
				continue
			}
			if r.code < 400 || strings.Contains(string(r.body), secret) {
				t.Errorf("%s %s: %d %s", path, body, r.code, r.body)
			}
		}
		r := w.admin().request("POST", "/api/v1/sip-users", "text/"+secret, []byte(body))
		if r.code != 415 || strings.Contains(string(r.body), secret) {
			t.Errorf("%d %s", r.code, r.body)
		}
	}
	if strings.Contains(w.log.String(), secret) {
		t.Errorf("the log holds a secret: %s", w.log)
	}
}

func TestSecretsAreShownOnce(t *testing.T) {
	w := newWorld(t)
	e := w.settle("alfa", 1)
	a := w.admin()
	made := a.must("POST", "/api/v1/sip-users", object{"customer_id": e.customer, "username": "42", "generate_password": true, "voicemail": object{"enabled": true, "pin": "471108154711"}})
	generated, _ := made["password"].(string)
	if len(generated) < 12 {
		t.Fatalf("%v", made)
	}
	again := a.must("POST", "/api/v1/sip-users/"+itoa(id(made))+"/password", object{})
	if p, _ := again["password"].(string); len(p) < 12 || p == generated {
		t.Errorf("%v", again)
	}
	if set := a.must("POST", "/api/v1/sip-users/"+itoa(id(made))+"/password", object{"password": "Battery-Staple-9"}); set["password"] != nil {
		t.Errorf("a given password is shown: %v", set)
	}
	a.must("PATCH", "/api/v1/switches/"+itoa(e.ids["switches"]), object{"direction": "ingress", "addresses": nil, "host": "192.0.2.77", "username": "u", "password": "sw-secret-1"})
	all := ""
	for _, path := range []string{"sip-users", "api-keys", "switches", "users", "audit"} {
		all += string(a.do("GET", "/api/v1/"+path, nil).body)
	}
	for _, secret := range []string{generated, "Battery-Staple-9", "Correct-Horse-1", "sw-secret-1", "471108154711", e.key, `"key":`, `"password":`} {
		if strings.Contains(all, secret) {
			t.Errorf("%q is shown again", secret)
		}
	}
}

func TestHostileStrings(t *testing.T) {
	w := newWorld(t)
	e := w.settle("alfa", 1)
	a := w.admin()
	for _, s := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `'; DROP TABLE customers; --`, `%`, `_`, `\`, "=1+1", "\x1b[31m", "a\r\nX: y", "\x00", "\u202e",
		"\xff\xfe", strings.Repeat("A", 60_000),
	} {
		r := a.do("POST", "/api/v1/routing-rules", object{"customer_id": e.customer, "name": s, "header": "to", "value": "x"})
		if r.code == 201 && len(s) > 64 {
			t.Errorf("%.20q was taken", s)
		}
		for _, html := range []string{"<script", "<img"} {
			if strings.Contains(string(r.body), html) {
				t.Errorf("markup in the answer: %s", r.body)
			}
		}
		list := a.request("GET", "/api/v1/routing-rules?q="+escape(s), "", nil)
		if list.code != 200 && list.code != 422 {
			t.Errorf("?q=%.20q: %d %s", s, list.code, list.body)
		}
		if strings.ContainsAny(string(list.body)+string(r.body), "\x1b\x00") {
			t.Errorf("control characters in an answer: %q", list.body)
		}
	}
	if got := a.must("GET", "/api/v1/customers", nil); len(got["items"].([]any)) != 1 {
		t.Errorf("%v", got)
	}
	// % and _ are no wildcards.
	if got := a.must("GET", "/api/v1/destinations?q=%25", nil); len(got["items"].([]any)) != 0 {
		t.Errorf("%v", got)
	}
}

func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteString("%" + string("0123456789ABCDEF"[s[i]>>4]) + string("0123456789ABCDEF"[s[i]&15]))
	}
	return b.String()
}

func TestBodyLimit(t *testing.T) {
	w := newWorld(t)
	body := `{"name":"` + strings.Repeat("x", 2<<20) + `"}`
	r := w.admin().request("POST", "/api/v1/companies", "application/json", []byte(body))
	if r.code != 413 || len(r.body) > 1000 {
		t.Errorf("%d %.200s", r.code, r.body)
	}
	// Nobody's body is read before he is known.
	if r := w.as("").request("POST", "/api/v1/companies", "application/json", []byte(body)); r.code != 401 {
		t.Errorf("%d", r.code)
	}
	deep := strings.Repeat(`{"antifraud":`, 50_000) + "1" + strings.Repeat("}", 50_000)
	if r := w.admin().request("POST", "/api/v1/customers", "application/json", []byte(deep)); r.code != 400 && r.code != 422 {
		t.Errorf("%d", r.code)
	}
}

func TestCrossOrigin(t *testing.T) {
	w := newWorld(t)
	e := w.settle("alfa", 1)
	for _, header := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}} {
		r := w.as(e.companyKey).do("DELETE", "/api/v1/domains/"+itoa(e.ids["domains"]), nil, header...)
		if r.code != 403 || r.problem(t).Detail == "" {
			t.Errorf("%v: %d %s", header, r.code, r.body)
		}
	}
	if r := w.as(e.companyKey).do("DELETE", "/api/v1/domains/"+itoa(e.ids["domains"]), nil, "Sec-Fetch-Site", "same-origin"); r.code != 204 {
		t.Errorf("%d %s", r.code, r.body)
	}
}

func TestReadOnly(t *testing.T) {
	w := newWorld(t)
	e := w.settle("alfa", 1)
	r := w.as(e.reader)
	for path, id := range e.ids {
		if path == "companies" {
			continue // a customer's own user sees none
		}
		one := "/api/v1/" + path + "/" + itoa(id)
		if got := r.do("GET", one, nil); got.code != 200 && path != "api-keys" {
			t.Errorf("GET %s: %d %s", one, got.code, got.body)
		}
		for _, method := range []string{"DELETE", "PATCH"} {
			got := r.do(method, one, object{"name": "x", "number": 3, "email": "x@example.com", "cidr": "192.0.2.9", "prefix": "1", "value": "1", "username": "x"})
			if method == "PATCH" && got.code == 422 { // the body does not fit this noun
				got = r.do(method, one, object{"customer_id": e.customer})
			}
			if got.code != 403 && got.code != 422 {
				t.Errorf("%s %s: %d %s", method, one, got.code, got.body)
			}
		}
	}
	if got := r.do("DELETE", "/api/v1/calls/"+e.call, nil); got.code != 403 {
		t.Errorf("%d %s", got.code, got.body)
	}
	revision, _ := w.store.Revision(t.Context())
	if w.node.applied != revision {
		t.Error("something was written")
	}
}

func TestNotAppliedYet(t *testing.T) {
	w := newWorld(t)
	w.node.slowness = errors.New("stuck")
	r := w.admin().do("POST", "/api/v1/companies", object{"name": "x"})
	if p := r.problem(t); r.code != 504 || !strings.Contains(p.Detail, "is stored") || !strings.Contains(w.log.String(), "stuck") {
		t.Errorf("%d %s", r.code, r.body)
	}
}

func TestAuditSaysWho(t *testing.T) {
	w := newWorld(t)
	e := w.settle("alfa", 1)
	w.as(e.key).must("PATCH", "/api/v1/destinations/"+itoa(e.ids["destinations"]), object{"priority": 5})
	r := httptest.NewRequestWithContext(t.Context(), "PATCH", "/api/v1/destinations/"+itoa(e.ids["destinations"]), strings.NewReader(`{"priority":6}`))
	r.RemoteAddr = "192.0.2.1:1"
	r.Header.Set("Authorization", "bearer "+e.key)
	r.Header.Set("X-Forwarded-For", "6.6.6.6, 203.0.113.50, 192.0.2.7")
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	items := w.as(e.key).must("GET", "/api/v1/audit?limit=2", nil)["items"].([]any)
	first, second := items[0].(object), items[1].(object)
	if first["from"] != "203.0.113.50" || second["from"] != "198.51.100.9" || first["via"] != "api" || first["who"] != "key alfa customer" {
		t.Errorf("%v\n%v", first, second)
	}
}

func TestPageAndHeaders(t *testing.T) {
	w := newWorld(t)
	r := w.as("").do("GET", "/", nil)
	body := string(r.body)
	if r.code != 200 || !strings.Contains(body, `name="name"`) || !strings.Contains(body, `type="password"`) || !strings.Contains(body, "make build") {
		t.Errorf("%d %s", r.code, body)
	}
	for header, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cache-Control": "no-store"} {
		if got := r.header.Get(header); got != want {
			t.Errorf("%s: %q", header, got)
		}
	}
	if r := w.as("").do("GET", "/elsewhere", nil); r.code != 404 {
		t.Errorf("%d", r.code)
	}
	for _, path := range []string{"/api/v2/x", "/api/"} {
		if r := w.as("").do("GET", path, nil); r.code != 404 || r.problem(t).Detail == "" {
			t.Errorf("%s: %d", path, r.code)
		}
	}
	if r := w.as("").do("GET", "/api/v1/nothing", nil); r.code != 401 {
		t.Errorf("%d", r.code)
	}
	if r := w.admin().do("POST", "/api/v1/node", nil); r.code != 404 || r.problem(t).Detail == "" {
		t.Errorf("%d", r.code)
	}
}
