package panelapi

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/test/harness"
)

func people() []scenario {
	return []scenario{
		{"people: log in and out", "", inAndOut},
		{"people: another site's page", "", otherSite},
		{"keys: from where, and until when", "", narrowKeys},
		{"keys: a screen on a wall", "", wall},
	}
}

// password is everybody's.
const password = "Correct-Horse-Battery-9"

// person makes a user of the panel, and gives his name.
func (c *client) person(email, role, access string) string {
	c.t.Helper()
	c.must("POST", "/users", object{"email": email, "name": "Anna", "role": role, "access": access, "password": password})
	return email
}

// enter logs in, and gives the browser that did.
func (c *client) enter(email string) *client {
	c.t.Helper()
	a := c.browser("").try("POST", "/session", object{"email": email, "password": password})
	cookie, attributes, _ := strings.Cut(a.header.Get("Set-Cookie"), ";")
	if a.code != 200 || !strings.HasPrefix(cookie, "tollgate_session=") || !strings.Contains(attributes, "HttpOnly") || !strings.Contains(attributes, "SameSite=Strict") {
		c.t.Fatalf("log-in: %s %s", a, a.header.Get("Set-Cookie"))
	}
	if strings.Contains(string(a.body), strings.TrimPrefix(cookie, "tollgate_session=")) {
		c.t.Errorf("scripts can read the cookie: %s", a)
	}
	return c.browser(cookie)
}

// kill ends the node as a crash does, and starts it again.
func kill(t *testing.T, n *harness.Node) {
	t.Helper()
	n.Signal(t, syscall.SIGKILL)
	if code := n.Exited(harness.Stopping); code != -1 {
		t.Fatalf("killed, it exits with %d", code)
	}
	n.Up(t)
}

// address is an e-mail address of the scene's own.
func (sc *scene) address(name string) string { return name + "@" + sc.Domain }

// inAndOut: a session is there until its log-out, and what it watches ends with it.
func inAndOut(sc *scene) {
	email := sc.api.person(sc.address("anna"), "platform", "operator")
	nobody := sc.api.browser("")
	nobody.refused(401, "GET", "/session", nil)
	nobody.refused(401, "GET", "/calls", nil)
	nobody.refused(401, "POST", "/session", object{"email": email, "password": "Wrong-Horse-Battery-9"})
	in := sc.api.enter(email)
	if who := in.must("GET", "/session", nil); who["email"] != email || who["role"] != "platform" || who["kind"] != "user" {
		sc.Errorf("%v", who)
	}
	w := in.watch("kinds=calls")
	other := sc.api.enter(email) // another browser of his stays in
	made := in.must("POST", "/blocklist", object{"customer_id": sc.id, "prefix": "00885"})
	if a := in.try("DELETE", "/session", nil); a.code != 204 || !strings.Contains(a.header.Get("Set-Cookie"), "Max-Age=0") {
		sc.Errorf("log-out: %s %s", a, a.header.Get("Set-Cookie"))
	}
	in.refused(401, "GET", "/session", nil)
	in.refused(401, "DELETE", fmt.Sprintf("/blocklist/%d", id(made)), nil)
	w.ends()
	other.must("GET", "/calls", nil)
	planted := sc.api.browser("tollgate_session=" + strings.Repeat("A", 43))
	planted.refused(401, "GET", "/calls", nil)
	if log := sc.Node.LogSince(0, password, "Wrong-Horse"); log != "" {
		sc.Errorf("the log has a password:\n%s", log)
	}
}

// otherSite: what another site's page makes a browser send is refused, with the session's cookie and
// without; the same from a page of ours works.
func otherSite(sc *scene) {
	email := sc.api.person(sc.address("carla"), "platform", "admin")
	in := sc.api.enter(email)
	wish := object{"customer_id": sc.id, "prefix": "00886"}
	for _, evil := range []*client{
		in.also("Sec-Fetch-Site", "cross-site"),
		in.also("Sec-Fetch-Site", "same-site"),
		in.also("Sec-Fetch-Site", "").also("Origin", "https://evil.example"),
		in.also("Sec-Fetch-Site", "").also("Origin", "null"),
	} {
		evil.refused(403, "POST", "/blocklist", wish)
		evil.refused(403, "DELETE", "/session", nil)
		evil.refused(403, "POST", "/calls/hangup", object{"ids": []string{"x"}})
		evil.refused(403, "POST", "/session", object{"email": email, "password": password})
	}
	if list := sc.api.items(sc.list("blocklist")); len(list) != 0 {
		sc.Errorf("%v", list)
	}
	in.also("Origin", "http://"+sc.Node.HTTP).must("POST", "/blocklist", wish)
	a := in.try("GET", "/overview", nil)
	if a.header.Get("Access-Control-Allow-Origin") != "" || a.header.Get("Cache-Control") != "no-store" || a.header.Get("X-Frame-Options") != "DENY" {
		sc.Errorf("%v", a.header)
	}
}

func narrowKeys(sc *scene) {
	key := func(name string, more object) (*client, object) {
		more["name"], more["role"], more["access"] = name+" of "+sc.Customer.Name, "platform", "read-only"
		return sc.key(more)
	}
	here, _ := key("here", object{"allow_from": []string{"127.0.0.0/8", "::1/128"}})
	here.must("GET", "/overview", nil)
	here.refused(403, "POST", "/blocklist", object{"customer_id": sc.id, "prefix": "00887"})
	there, made := key("there", object{"allow_from": []string{"192.0.2.0/24"}})
	there.refused(401, "GET", "/overview", nil)
	there.also("X-Forwarded-For", "192.0.2.7").refused(401, "GET", "/overview", nil) // nobody's proxy
	sc.api.must("PATCH", fmt.Sprintf("/api-keys/%d", id(made)), object{"allow_from": []string{"127.0.0.1"}})
	there.must("GET", "/overview", nil)
	brief, _ := key("brief", object{"expires": time.Now().Add(5 * time.Second).UTC().Format(time.RFC3339Nano)})
	brief.must("GET", "/overview", nil)
	w := brief.watch("kinds=calls")
	harness.Eventually(sc.T, 2*soon, func() error {
		if a := brief.try("GET", "/overview", nil); a.code != 401 {
			return fmt.Errorf("%s", a)
		}
		return nil
	})
	w.ends()
	for _, k := range sc.api.items("/api-keys?q=" + sc.Customer.Name) {
		if k["key"] != nil {
			sc.Errorf("a key is shown again: %v", k)
		}
	}
}

// wall: a screen on a wall reads four pages, and nothing else.
func wall(sc *scene) {
	screen, key := sc.key(object{"name": "wall of " + sc.Customer.Name, "role": "platform", "access": "read-only", "only": "wall"})
	a, b := sc.Talk()
	for _, path := range []string{"/overview", "/calls", "/destinations", "/session"} {
		screen.must("GET", path, nil)
	}
	w := screen.watch("kinds=calls,call,destination")
	sc.End(a, b)
	w.follows("end", a.ID)
	for _, path := range []string{"/customers", "/cdrs", "/decisions", "/sip-users", "/find?q=x", "/api-keys", "/audit", fmt.Sprintf("/routing/%d", sc.id)} {
		screen.refused(403, "GET", path, nil)
	}
	screen.refused(403, "POST", "/calls/hangup", object{"ids": []string{"x"}})
	screen.refused(403, "POST", "/blocklist", object{"customer_id": sc.id, "prefix": "00888"})
	sc.api.must("DELETE", fmt.Sprintf("/api-keys/%d", id(key)), nil)
	screen.refused(401, "GET", "/overview", nil)
	w.ends()
}
