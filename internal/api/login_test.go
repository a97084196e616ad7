package api_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"tollgate/internal/api"
	"tollgate/internal/login"
)

const secretWord = "Correct-Horse-Battery-9"

// person makes a panel user with a password.
func (w *world) person(email, role, access string, company, customer int64) int64 {
	w.t.Helper()
	body := object{"email": email, "name": "Anna", "role": role, "access": access, "password": secretWord}
	if company != 0 {
		body["company_id"] = company
	}
	if customer != 0 {
		body["customer_id"] = customer
	}
	return id(w.admin().must("POST", "/api/v1/users", body))
}

// enter logs in and gives the Cookie header of the session.
func (w *world) enter(email, password, code string, headers ...string) (cookie string, a answer) {
	w.t.Helper()
	body := object{"email": email, "password": password}
	if code != "" {
		body["code"] = code
	}
	a = w.as("").do("POST", "/api/v1/session", body, headers...)
	if a.code != 200 {
		return "", a
	}
	cookie, _, _ = strings.Cut(a.header.Get("Set-Cookie"), ";")
	return cookie, a
}

// browser sends as a page of ours does.
func (w *world) browser(cookie, method, path string, body any, headers ...string) answer {
	w.t.Helper()
	return w.as("").do(method, path, body, append([]string{"Cookie", cookie, "Sec-Fetch-Site", "same-origin"}, headers...)...)
}

func TestLogIn(t *testing.T) {
	w := newWorld(t)
	w.person("anna@platform.example", "platform", "operator", 0, 0)
	if a := w.as("").do("GET", "/api/v1/session", nil); a.code != 401 {
		t.Errorf("nobody: %d", a.code)
	}
	planted := "tollgate_session=" + strings.Repeat("A", login.TokenLength)
	cookie, a := w.enter(" Anna@Platform.example ", secretWord, "", "Cookie", planted)
	if a.code != 200 || cookie == planted || !strings.Contains(string(a.body), `"email":"anna@platform.example"`) {
		t.Fatalf("%d %s", a.code, a.body)
	}
	set := a.header.Get("Set-Cookie")
	for _, want := range []string{"HttpOnly", "SameSite=Strict", "Path=/"} {
		if !strings.Contains(set, want) {
			t.Errorf("%s is not in %s", want, set)
		}
	}
	if strings.Contains(set, "Secure") {
		t.Errorf("Secure without TLS: %s", set)
	}
	if a := w.browser(planted, "GET", "/api/v1/customers", nil); a.code != 401 {
		t.Errorf("the planted token: %d", a.code)
	}
	if a := w.browser(cookie, "GET", "/api/v1/customers", nil); a.code != 200 || a.header.Get("X-Tollgate-Session-Seconds") == "" {
		t.Errorf("%d %v", a.code, a.header)
	}
	again, _ := w.enter("anna@platform.example", secretWord, "", "Cookie", cookie)
	if a := w.browser(cookie, "GET", "/api/v1/me", nil); a.code != 401 {
		t.Errorf("a session outlives the log-in that replaced it: %d", a.code)
	}
	if a := w.browser(again, "DELETE", "/api/v1/session", nil); a.code != 204 || !strings.Contains(a.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("log-out: %d %s", a.code, a.header.Get("Set-Cookie"))
	}
	if a := w.browser(again, "GET", "/api/v1/me", nil); a.code != 401 {
		t.Errorf("a session outlives its log-out: %d", a.code)
	}
	if strings.Contains(w.log.String(), secretWord) {
		t.Error("the log holds a password")
	}
}

// TestSecureCookie: a proxy's word for TLS counts only where the proxy is trusted.
func TestSecureCookie(t *testing.T) {
	for _, c := range []struct {
		name, from string
		want       bool
	}{{"a trusted proxy", "192.0.2.1:443", true}, {"anybody", "198.51.100.9:40000", false}} {
		w := newWorld(t)
		w.person("anna@platform.example", "platform", "admin", 0, 0)
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/api/v1/session", strings.NewReader(`{"email":"anna@platform.example","password":"`+secretWord+`"}`))
		r.RemoteAddr = c.from
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Forwarded-Proto", "https")
		rec := httptest.NewRecorder()
		w.handler.ServeHTTP(rec, r)
		h := rec.Result().Header
		if rec.Code != 200 || strings.Contains(h.Get("Set-Cookie"), "Secure") != c.want || (h.Get("Strict-Transport-Security") != "") != c.want {
			t.Errorf("%s: %d %v", c.name, rec.Code, h)
		}
	}
}

// TestGuessing: unknown names and wrong passwords look alike, guessing has to wait, and who has
// logged in from elsewhere does not.
func TestGuessing(t *testing.T) {
	w := newWorld(t)
	w.person("anna@platform.example", "platform", "admin", 0, 0)
	home := []string{"X-Forwarded-For", "203.0.113.77"}
	fromHome := func(password string) answer {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/api/v1/session", strings.NewReader(`{"email":"anna@platform.example","password":"`+password+`"}`))
		r.RemoteAddr = "192.0.2.1:1"
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(home[0], home[1])
		rec := httptest.NewRecorder()
		w.handler.ServeHTTP(rec, r)
		return answer{rec.Code, rec.Result().Header, rec.Body.Bytes()}
	}
	if a := fromHome(secretWord); a.code != 200 {
		t.Fatalf("%d %s", a.code, a.body)
	}
	_, wrong := w.enter("anna@platform.example", "wrong-password", "")
	_, unknown := w.enter("nobody@platform.example", "wrong-password", "")
	if wrong.code != 401 || unknown.code != 401 || string(wrong.body) != string(unknown.body) {
		t.Errorf("%d %s\n%d %s", wrong.code, wrong.body, unknown.code, unknown.body)
	}
	var refused answer
	for range 6 {
		if _, refused = w.enter("anna@platform.example", "wrong-password", ""); refused.code == 429 {
			break
		}
	}
	if seconds, err := strconv.Atoi(refused.header.Get("Retry-After")); refused.code != 429 || err != nil || seconds < 1 {
		t.Errorf("guessing: %d %v", refused.code, refused.header)
	}
	refused.problem(t)
	if _, a := w.enter("anna@platform.example", secretWord, ""); a.code != 429 {
		t.Errorf("the right password at once after: %d", a.code)
	}
	if a := fromHome(secretWord); a.code != 200 {
		t.Errorf("Anna at home: %d %s", a.code, a.body)
	}
}

// TestCrossSite: no page of another site changes anything with a user's cookie.
func TestCrossSite(t *testing.T) {
	w := newWorld(t)
	w.person("anna@platform.example", "platform", "admin", 0, 0)
	cookie, _ := w.enter("anna@platform.example", secretWord, "")
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
		for name, headers := range map[string][]string{
			"by fetch metadata": {"Sec-Fetch-Site", "cross-site"}, "by origin": {"Origin", "https://evil.example"}, "a sibling": {"Sec-Fetch-Site", "same-site"},
		} {
			a := w.as("").do(method, "/api/v1/companies", object{"name": "evil"}, append(headers, "Cookie", cookie)...)
			if a.code != 403 {
				t.Errorf("%s %s: %d %s", method, name, a.code, a.body)
			}
		}
	}
	if _, a := w.enter("anna@platform.example", secretWord, "", "Sec-Fetch-Site", "cross-site"); a.code != 403 {
		t.Errorf("log-in from another site: %d", a.code)
	}
	if a := w.browser(cookie, "POST", "/api/v1/companies", object{"name": "fine"}); a.code != 201 {
		t.Errorf("our own page: %d %s", a.code, a.body)
	}
}

// TestSessionEnds: after ten idle minutes, which polling does not put off, and after twelve hours.
func TestSessionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.person("anna@platform.example", "platform", "admin", 0, 0)
		status := func(cookie string, act ...string) int {
			return w.browser(cookie, "GET", "/api/v1/me", nil, act...).code
		}
		cookie, _ := w.enter("anna@platform.example", secretWord, "")
		for range 9 {
			time.Sleep(time.Minute)
			if status(cookie) != 200 {
				t.Fatal("ended early")
			}
		}
		time.Sleep(59 * time.Second)
		if code := status(cookie); code != 200 {
			t.Errorf("after 9:59: %d", code)
		}
		time.Sleep(2 * time.Second)
		if code := status(cookie, "X-Tollgate-Action", "1"); code != 401 {
			t.Errorf("after 10:01 of polling: %d", code)
		}
		cookie, _ = w.enter("anna@platform.example", secretWord, "")
		began := time.Now()
		for status(cookie, "X-Tollgate-Action", "1") == 200 {
			time.Sleep(9 * time.Minute)
		}
		if up := time.Since(began); up < 12*time.Hour || up > 12*time.Hour+9*time.Minute {
			t.Errorf("a session in use ended after %s", up)
		}
	})
}

func TestSecondFactor(t *testing.T) {
	w := newWorld(t)
	w.person("anna@platform.example", "platform", "read-only", 0, 0)
	cookie, _ := w.enter("anna@platform.example", secretWord, "")
	begun := w.browser(cookie, "POST", "/api/v1/me/totp", nil)
	secret := field(t, begun.body, "secret")
	if _, a := w.enter("anna@platform.example", secretWord, ""); a.code != 200 {
		t.Errorf("before it is confirmed: %d %s", a.code, a.body)
	}
	now := time.Now()
	code, err := login.Code(secret, now)
	if err != nil {
		t.Fatal(err)
	}
	if a := w.browser(cookie, "POST", "/api/v1/me/totp/confirm", object{"code": "abcdef"}); a.code != 422 {
		t.Errorf("a wrong code: %d %s", a.code, a.body)
	}
	confirmed := w.browser(cookie, "POST", "/api/v1/me/totp/confirm", object{"code": code})
	if confirmed.code != 200 {
		t.Fatalf("%d %s", confirmed.code, confirmed.body)
	}
	_, rest, _ := strings.Cut(string(confirmed.body), `"recovery_codes":["`)
	recovery, _, _ := strings.Cut(rest, `"`)
	if _, a := w.enter("anna@platform.example", secretWord, ""); a.code != 401 || a.problem(t).Errors[0].Field != "code" || a.problem(t).Errors[0].Code != "required" {
		t.Errorf("without a code: %d %s", a.code, a.body)
	}
	if _, a := w.enter("anna@platform.example", secretWord, code); a.code != 401 {
		t.Errorf("the code that confirmed, again: %d", a.code)
	}
	next, _ := login.Code(secret, now.Add(30*time.Second))
	if _, a := w.enter("anna@platform.example", secretWord, next); a.code != 200 {
		t.Errorf("the next code: %d %s", a.code, a.body)
	}
	if _, a := w.enter("anna@platform.example", secretWord, next); a.code != 401 {
		t.Errorf("replayed: %d", a.code)
	}
	if _, a := w.enter("anna@platform.example", secretWord, recovery); a.code != 200 {
		t.Errorf("a recovery code: %d %s", a.code, a.body)
	}
	if a := w.browser(cookie, "POST", "/api/v1/me/totp/disable", object{"password": "wrong-password"}); a.code != 422 {
		t.Errorf("disabled without the password: %d", a.code)
	}
	if a := w.browser(cookie, "POST", "/api/v1/me/totp/disable", object{"password": secretWord}); a.code != 204 {
		t.Errorf("%d %s", a.code, a.body)
	}
}

// TestOwnPassword: what a read-only user may do with what is his own, and what ends with it.
func TestOwnPassword(t *testing.T) {
	w := newWorld(t)
	me := w.person("anna@platform.example", "platform", "read-only", 0, 0)
	here, _ := w.enter("anna@platform.example", secretWord, "")
	there, _ := w.enter("anna@platform.example", secretWord, "")
	for what, body := range map[string]object{
		"a wrong old one": {"old": "wrong-password", "new": "Another-Horse-8"}, "a short one": {"old": secretWord, "new": "short"},
		"his own address": {"old": secretWord, "new": "anna@platform.example"},
	} {
		if a := w.browser(here, "PUT", "/api/v1/me/password", body); a.code != 422 {
			t.Errorf("%s: %d %s", what, a.code, a.body)
		}
	}
	if a := w.browser(here, "PUT", "/api/v1/me/password", object{"old": secretWord, "new": "Another-Horse-8"}); a.code != 204 {
		t.Fatalf("%d %s", a.code, a.body)
	}
	if a, b := w.browser(here, "GET", "/api/v1/me/sessions", nil), w.browser(there, "GET", "/api/v1/me", nil); a.code != 200 || strings.Count(string(a.body), `"id"`) != 1 || b.code != 401 {
		t.Errorf("%d %s, the other session: %d", a.code, a.body, b.code)
	}
	if a := w.browser(here, "PATCH", "/api/v1/me", object{"name": "Anna B.", "theme": "dark", "language": "it"}); a.code != 200 || !strings.Contains(string(a.body), `"theme":"dark"`) {
		t.Errorf("%d %s", a.code, a.body)
	}
	if a := w.browser(here, "PATCH", "/api/v1/users/"+itoa(me), object{"access": "admin"}); a.code != 403 {
		t.Errorf("a read-only user makes himself admin: %d", a.code)
	}
	if a := w.browser(here, "PATCH", "/api/v1/me", object{"access": "admin"}); a.code != 422 {
		t.Errorf("and by his own details: %d", a.code)
	}
}

// TestLinks: a link works once, ends what was before, and nobody makes one for somebody wider.
func TestLinks(t *testing.T) {
	w := newWorld(t)
	e := w.settle("alfa", 1)
	root := w.person("root@platform.example", "platform", "admin", 0, 0)
	own := w.person("own@alfa.example", "customer", "operator", e.company, e.customer)
	session, _ := w.enter("own@alfa.example", secretWord, "")
	if a := w.as(e.companyKey).do("POST", "/api/v1/users/"+itoa(root)+"/link", nil); a.code != 404 {
		t.Errorf("a company makes a link for the platform's admin: %d", a.code)
	}
	if a := w.as(e.reader).do("POST", "/api/v1/users/"+itoa(own)+"/link", nil); a.code != 403 {
		t.Errorf("a reader makes a link: %d", a.code)
	}
	made := w.as(e.companyKey).must("POST", "/api/v1/users/"+itoa(own)+"/link", nil)
	_, token, _ := strings.Cut(made["url"].(string), "/#/setup/")
	use := func(token, password string) answer {
		return w.as("").do("POST", "/api/v1/setup", object{"token": token, "password": password, "email": "root@platform.example"})
	}
	if a := use(token, "short"); a.code != 422 {
		t.Errorf("a short password: %d", a.code)
	}
	if a := use(string(token[0]^1)+token[1:], "Another-Horse-8"); a.code != 404 {
		t.Errorf("another token: %d", a.code)
	}
	if a := use(token, "Another-Horse-8"); a.code != 200 || !strings.Contains(string(a.body), "own@alfa.example") {
		t.Fatalf("%d %s", a.code, a.body)
	}
	if a := use(token, "Third-Horse-888"); a.code != 404 {
		t.Errorf("used twice: %d", a.code)
	}
	if a := w.browser(session, "GET", "/api/v1/me", nil); a.code != 401 {
		t.Errorf("a session outlives the password: %d", a.code)
	}
	if token, err := w.store.FirstLink(t.Context()); token != "" || err != nil {
		t.Errorf("a first link though an admin can log in: %q, %v", token, err)
	}
}

// TestFirstLink: an empty platform gets its first administrator, and by one link only.
func TestFirstLink(t *testing.T) {
	w := newWorld(t)
	old, _ := w.store.FirstLink(t.Context())
	token, err := w.store.FirstLink(t.Context())
	if err != nil || token == "" {
		t.Fatal(err)
	}
	for _, c := range []struct {
		token, email string
		want         int
	}{{old, "root@platform.example", 404}, {token, "no address", 422}, {token, "root@platform.example", 200}, {token, "second@platform.example", 404}} {
		if a := w.as("").do("POST", "/api/v1/setup", object{"token": c.token, "email": c.email, "name": "Root", "password": secretWord}); a.code != c.want {
			t.Errorf("%s: %d %s, want %d", c.email, a.code, a.body, c.want)
		}
	}
	if _, a := w.enter("root@platform.example", secretWord, ""); a.code != 200 || !strings.Contains(string(a.body), `"access":"admin"`) {
		t.Errorf("%d %s", a.code, a.body)
	}
}

func TestLastAdmin(t *testing.T) {
	w := newWorld(t)
	a := w.admin()
	root := "/api/v1/users/" + itoa(w.person("root@platform.example", "platform", "admin", 0, 0))
	a.must("POST", "/api/v1/users", object{"email": "helpless@platform.example", "role": "platform", "access": "admin"})
	for _, try := range []struct {
		method string
		body   any
	}{{"DELETE", nil}, {"PATCH", object{"access": "operator"}}, {"PATCH", object{"disabled": true}}, {"PATCH", object{"password": ""}}} {
		got := a.do(try.method, root, try.body)
		if got.code != 409 || got.problem(t).Errors[0].Code != "last_admin" {
			t.Errorf("%s %v: %d %s", try.method, try.body, got.code, got.body)
		}
	}
	w.person("second@platform.example", "platform", "admin", 0, 0)
	if got := a.do("PATCH", root, object{"disabled": true}); got.code != 200 {
		t.Errorf("one of two: %d %s", got.code, got.body)
	}
	if _, got := w.enter("root@platform.example", secretWord, ""); got.code != 401 {
		t.Errorf("a disabled user logs in: %d", got.code)
	}
}

func TestUndo(t *testing.T) {
	w := newWorld(t)
	e := w.settle("alfa", 1)
	beta := w.settle("beta", 2)
	a := w.as(e.key)
	latest := func() int64 { return w.anyEntry(e.customer) }
	undo := func(entry int64) answer {
		return a.do("POST", "/api/v1/audit/"+itoa(entry)+"/undo", nil)
	}
	rule := "/api/v1/firewall-rules/" + itoa(e.ids["firewall-rules"])
	a.must("PATCH", rule, object{"value": "changed"})
	change := latest()
	if got := w.as(beta.key).do("POST", "/api/v1/audit/"+itoa(change)+"/undo", nil); got.code != 404 {
		t.Errorf("another tenant undoes it: %d", got.code)
	}
	if got := w.as(e.reader).do("POST", "/api/v1/audit/"+itoa(change)+"/undo", nil); got.code != 403 {
		t.Errorf("a reader undoes it: %d", got.code)
	}
	if got := undo(change); got.code != 200 || a.must("GET", rule, nil)["value"] != "x" {
		t.Errorf("a change: %d %s", got.code, got.body)
	}
	if got := undo(change); got.code != 409 || !strings.Contains(string(got.body), "was changed by key alfa customer 0 s ago") {
		t.Errorf("undone twice: %d %s", got.code, got.body)
	}
	a.must("DELETE", rule, nil)
	if got := undo(latest()); got.code != 200 {
		t.Errorf("a deletion: %d %s", got.code, got.body)
	}
	made := latest()
	if got := undo(made); got.code != 200 || !strings.Contains(string(got.body), `"action":"delete"`) {
		t.Errorf("a creation: %d %s", got.code, got.body)
	}
	user := "/api/v1/sip-users/" + itoa(e.ids["sip-users"])
	a.must("DELETE", "/api/v1/dids/"+itoa(e.ids["dids"]), nil)
	a.must("DELETE", user, nil)
	if got := undo(latest()); got.code != 200 || len(field(t, got.body, "password")) != 20 {
		t.Errorf("a SIP user: %d %s", got.code, got.body)
	}
	key := w.admin().must("POST", "/api/v1/api-keys", object{"name": "gone", "role": "customer", "access": "admin", "customer_id": e.customer})
	a.must("DELETE", "/api/v1/api-keys/"+itoa(id(key)), nil)
	if got := undo(latest()); got.code != 422 {
		t.Errorf("a key: %d %s", got.code, got.body)
	}
}

// TestIfMatch: two who edit the same thing: the second is told who was first.
func TestIfMatch(t *testing.T) {
	w := newWorld(t)
	e := w.settle("alfa", 1)
	path := "/api/v1/customers/" + itoa(e.customer)
	read := w.admin().do("GET", path, nil)
	w.as(e.companyKey).must("PATCH", path, object{"call_limit": 9})
	a := w.admin().do("PATCH", path, object{"call_limit": 10}, "If-Match", read.header.Get("ETag"))
	if a.code != 409 || !strings.Contains(a.problem(t).Detail, "was changed by key alfa company 0 s ago") {
		t.Errorf("%d %s", a.code, a.body)
	}
	if a := w.admin().do("PATCH", path, object{"call_limit": 10}, "If-Match", w.admin().do("GET", path, nil).header.Get("ETag")); a.code != 200 {
		t.Errorf("%d %s", a.code, a.body)
	}
}

// TestKeyBounds: an API key ends, works from where it may, and a wall board's reads four things.
func TestKeyBounds(t *testing.T) {
	w := newWorld(t)
	make := func(more object) (int64, string) {
		body := object{"name": "k", "role": "platform", "access": "read-only"}
		for k, v := range more {
			body[k] = v
		}
		o := w.admin().must("POST", "/api/v1/api-keys", body)
		return id(o), o["key"].(string)
	}
	one, fine := make(object{"allow_from": []string{"198.51.100.0/24"}, "expires": time.Now().Add(time.Hour)})
	_, elsewhere := make(object{"allow_from": []string{"203.0.113.0/24"}})
	_, over := make(object{"expires": time.Now().Add(-time.Hour)})
	for key, want := range map[string]int{fine: 200, elsewhere: 401, over: 401} {
		if a := w.as(key).do("GET", "/api/v1/customers", nil); a.code != want {
			t.Errorf("%d, want %d", a.code, want)
		}
	}
	if o := w.admin().must("GET", "/api/v1/api-keys/"+itoa(one), nil); o["last_used"] == nil {
		t.Errorf("%v was never used", o)
	}
	_, wall := make(object{"only": "wall"})
	for path, want := range map[string]int{"calls": 200, "destinations": 200, "session": 200, "customers": 403, "cdrs": 403, "audit": 403, "export": 403} {
		if a := w.as(wall).do("GET", "/api/v1/"+path, nil); a.code != want {
			t.Errorf("a wall board reads %s: %d, want %d", path, a.code, want)
		}
	}
	if a := w.admin().do("POST", "/api/v1/api-keys", object{"name": "k", "role": "platform", "access": "admin", "only": "wall"}); a.code != 422 {
		t.Errorf("a wall board that may change things: %d", a.code)
	}
}

// TestRoles: what each access and role may do, by the operations that tell them apart.
func TestRoles(t *testing.T) {
	w := newWorld(t)
	e := w.settle("alfa", 1)
	w.admin().must("PATCH", "/api/v1/customers/"+itoa(e.customer), object{"call_limit": 2})
	key := func(role, access string) string {
		body := object{"name": role + access, "role": role, "access": access, "company_id": e.company}
		if role == "customer" {
			body["customer_id"] = e.customer
		}
		return w.admin().must("POST", "/api/v1/api-keys", body)["key"].(string)
	}
	user := "/api/v1/sip-users/" + itoa(e.ids["sip-users"])
	who := map[string]string{
		"company admin": e.companyKey, "company operator": key("company", "operator"), "company reader": key("company", "read-only"),
		"customer admin": e.key, "customer operator": key("customer", "operator"), "customer reader": e.reader,
	}
	for _, c := range []struct {
		method, path string
		body         object
		may          string
	}{
		{"POST", user + "/password", object{}, "company admin, company operator, customer admin, customer operator"},
		{"POST", "/api/v1/transparent", object{"customer_id": e.customer, "on": false}, "company admin, company operator, customer admin, customer operator"},
		{"PATCH", "/api/v1/firewall-rules/" + itoa(e.ids["firewall-rules"]), object{"value": "y"}, "company admin, company operator, customer admin, customer operator"},
		{"POST", "/api/v1/users/" + itoa(e.ids["users"]) + "/link", object{}, "company admin, customer admin"},
		{"PATCH", "/api/v1/users/" + itoa(e.ids["users"]), object{"name": "z"}, "company admin, customer admin"},
		{"PATCH", "/api/v1/customers/" + itoa(e.customer), object{"call_limit": 3}, "company admin, company operator"},
		{"PATCH", "/api/v1/companies/" + itoa(e.company), object{"channels": 5}, ""},
	} {
		for name, key := range who {
			a := w.as(key).do(c.method, c.path, c.body)
			if c.path[len(c.path)-5:] == "/link" {
				a = w.as(key).do(c.method, c.path, nil)
			}
			if may := strings.Contains(c.may, name); may != (a.code/100 == 2) || !may && a.code != 403 && a.code != 404 {
				t.Errorf("%s: %s %s: %d %s", name, c.method, c.path, a.code, a.body)
			}
			w.admin().must("PATCH", "/api/v1/customers/"+itoa(e.customer), object{"call_limit": 2})
		}
	}
	a := w.as(e.key).do("POST", "/api/v1/sip-users", object{"customer_id": e.customer, "username": "9", "password": secretWord, "channels": 2})
	if a.code != 422 || a.problem(t).Errors[0].Message != "No channel capacity available for your account." {
		t.Errorf("%d %s", a.code, a.body)
	}
	if a := w.as(e.companyKey).do("POST", "/api/v1/me/requests", object{"channels": 9}); a.code != 403 {
		t.Errorf("a company asks itself: %d", a.code)
	}
	if a := w.as(e.reader).do("POST", "/api/v1/me/requests", object{"channels": 9}); a.code != 403 {
		t.Errorf("a reader asks: %d", a.code)
	}
	list := w.as(e.companyKey).must("GET", "/api/v1/requests", nil)["items"].([]any)
	if len(list) != 1 || list[0].(object)["customer"] != "alfa" {
		t.Errorf("%v", list)
	}
	w.as(e.companyKey).must("DELETE", "/api/v1/requests/"+itoa(e.request), nil)
}

func TestPanelIsServed(t *testing.T) {
	w := newWorld(t)
	handler := api.New(api.Config{Store: w.store, Node: w.node, Log: slog.New(slog.DiscardHandler), Panel: fstest.MapFS{
		"index.html": {Data: []byte("<html>panel</html>")}, "assets/a-1.js": {Data: []byte("plain")}, "assets/a-1.js.gz": {Data: []byte("small")},
		".keep": {Data: []byte{}},
	}})
	for _, c := range []struct {
		path, accept, body string
		code               int
	}{
		{"/", "", "<html>panel</html>", 200},
		{"/assets/a-1.js", "", "plain", 200},
		{"/assets/a-1.js", "br, gzip", "small", 200},
		{"/assets/a-1.js", "gzip;q=0", "plain", 200},
		{"/customers", "", "404 page not found\n", 404},
		{"/assets/", "", "404 page not found\n", 404},
		{"/.keep", "", "404 page not found\n", 404},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", c.path, nil)
		r.Header.Set("Accept-Encoding", c.accept)
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, r)
		if rec.Code != c.code || rec.Body.String() != c.body {
			t.Errorf("%s (%s): %d %q", c.path, c.accept, rec.Code, rec.Body)
		}
		policy := rec.Header().Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "script-src 'self' 'unsafe") || rec.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", c.path, rec.Header())
		}
		if cached := strings.Contains(rec.Header().Get("Cache-Control"), "immutable"); cached != (c.code == 200 && c.path != "/") {
			t.Errorf("%s: %s", c.path, rec.Header().Get("Cache-Control"))
		}
	}
	a := w.as("").do("GET", "/", nil)
	if a.code != 200 || !strings.Contains(string(a.body), `type="password"`) {
		t.Errorf("without a panel: %d %s", a.code, a.body)
	}
}

// TestEventsEndWithTheSession: a stream that is open does not outlive the session that opened it.
func TestEventsEndWithTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.node.quiet = true
		w.person("anna@platform.example", "platform", "admin", 0, 0)
		cookie, _ := w.enter("anna@platform.example", secretWord, "")
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/events", nil)
		r.RemoteAddr = "198.51.100.9:40000"
		r.Header.Set("Cookie", cookie)
		r.Header.Set("X-Tollgate-Action", "1")
		began := time.Now()
		rec := httptest.NewRecorder()
		w.handler.ServeHTTP(rec, r)
		if up := time.Since(began); rec.Code != 200 || up < 10*time.Minute || up > 10*time.Minute+10*time.Second {
			t.Errorf("%d, ended after %s: %.200s", rec.Code, up, rec.Body)
		}
	})
}

// field is a text of a JSON object.
func field(t *testing.T, body []byte, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(string(body), `"`+name+`":"`)
	value, _, _ := strings.Cut(rest, `"`)
	if !ok {
		t.Fatalf("no %s in %s", name, body)
	}
	return value
}
