// Package panelapi asks a live node what its panel asks it: overview, events, search, calls to hang
// up, drafts of rules, log-ins and keys. What a person does by these operations is proved on the
// wire, and what the node tells is held to what happened there.
//
// The panel itself, in a browser, is package panel; each operation's own corners are package api's
// tests, over a node that is not there.
package panelapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/stage"
)

func TestMain(m *testing.M) {
	if harness.Control() {
		os.Exit(0) // a plain proxy has no panel
	}
	harness.Main(m)
}

const (
	// soon is how long a node may take to tell what has happened.
	soon = 5 * time.Second
	// ports is how many the node has for media.
	ports = 40
)

func TestPanelAPI(t *testing.T) {
	first := harness.Ports(t, ports+1)
	first += first % 2
	n := harness.Start(t, harness.Settings{
		Bannable: true, Env: []string{"TOLLGATE_TEST_KEEPALIVE=500ms"}, Config: fmt.Sprintf("media: {ports: %d-%d, kernel: \"off\"}\n", first, first+ports-1),
	})
	admin := newClient(t, n)
	t.Run("group", func(t *testing.T) {
		for _, list := range [][]scenario{overviews(), events(), finds(), records(), drafts(), rules(), people()} {
			for _, sc := range list {
				for _, v := range plain() {
					t.Run(sc.name, func(t *testing.T) {
						t.Parallel()
						s := stage.New(t, n, v, func(c *harness.Customer) { c.Extra += "country_code: \"39\"\n" + sc.extra })
						api := admin.of(t)
						sc.play(&scene{Stage: s, api: api, id: api.idOf("customers", s.Customer.Name)})
					})
				}
			}
		}
	})
	t.Run("a session outlives a kill", func(t *testing.T) { outlives(t, n, admin.of(t)) })
}

// scenario is one customer's evening at the panel.
type scenario struct {
	name  string
	extra string // lines of the customer
	play  func(*scene)
}

// scene is a stage beside which somebody asks the API.
type scene struct {
	*stage.Stage
	api *client // the platform's admin
	id  int64   // the customer's
}

func plain() []stage.Variant { return stage.One()[:1] }

func udp() stage.Leg { return stage.Leg{Proto: "udp"} }

// object is a JSON object.
type object = map[string]any

// client asks a node's API as somebody.
type client struct {
	t      testing.TB
	node   *harness.Node
	header http.Header // of each request: who asks
}

// newClient is the platform's admin, by an API key.
func newClient(t testing.TB, n *harness.Node) *client {
	t.Helper()
	key := strings.TrimSpace(n.Must(t, "api-keys", "create", "panel "+t.Name(), "--access", "admin").Stdout)
	return (&client{t: t, node: n}).with(key)
}

// with is the holder of an API key.
func (c *client) with(key string) *client {
	return &client{c.t, c.node, http.Header{"Authorization": {"Bearer " + key}}}
}

// browser is who has a cookie, "" for nobody, at a page of ours.
func (c *client) browser(cookie string) *client {
	h := http.Header{"Sec-Fetch-Site": {"same-origin"}}
	if cookie != "" {
		h.Set("Cookie", cookie)
	}
	return &client{c.t, c.node, h}
}

// of is the same for another test.
func (c *client) of(t testing.TB) *client { return &client{t, c.node, c.header} }

// also is the same with one more header.
func (c *client) also(name, value string) *client {
	h := c.header.Clone()
	h.Set(name, value)
	return &client{c.t, c.node, h}
}

// answer is what came back.
type answer struct {
	code   int
	header http.Header
	body   []byte
}

func (a answer) String() string { return fmt.Sprintf("%d %.2000s", a.code, a.body) }

// request is one of the API.
func (c *client) request(method, path string, body any) *http.Request {
	c.t.Helper()
	var text io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		text = bytes.NewReader(data)
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, "http://"+c.node.HTTP+"/api/v1"+path, text)
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header = c.header.Clone()
	r.Header.Set("Content-Type", "application/json")
	return r
}

// try does an operation, whatever comes of it.
func (c *client) try(method, path string, body any) answer {
	c.t.Helper()
	resp, err := http.DefaultClient.Do(c.request(method, path, body))
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, text}
}

// must does an operation that has to work.
func (c *client) must(method, path string, body any) object {
	c.t.Helper()
	var out object
	c.read(method, path, body, &out)
	return out
}

// read is must with a form for what comes back.
func (c *client) read(method, path string, body, out any) {
	c.t.Helper()
	a := c.try(method, path, body)
	if a.code/100 != 2 {
		c.t.Fatalf("%s %s: %s", method, path, a)
	}
	if len(a.body) == 0 {
		return
	}
	if err := json.Unmarshal(a.body, out); err != nil {
		c.t.Fatalf("%s %s: %v\n%s", method, path, err, a.body)
	}
}

// refused wants an operation to be refused with this status.
func (c *client) refused(status int, method, path string, body any) {
	c.t.Helper()
	if a := c.try(method, path, body); a.code != status {
		c.t.Errorf("%s %s: want %d, got %s", method, path, status, a)
	}
}

// items are those of a list.
func (c *client) items(path string) (list []object) {
	c.t.Helper()
	var page struct{ Items []object }
	c.read("GET", path, nil, &page)
	return page.Items
}

// idOf is that of a noun of this name.
func (c *client) idOf(noun, name string) int64 {
	c.t.Helper()
	for _, item := range c.items("/" + noun + "?q=" + url.QueryEscape(name)) {
		if item["name"] == name {
			return id(item)
		}
	}
	c.t.Fatalf("none of %s is named %s", noun, name)
	return 0
}

func id(o object) int64 {
	n, _ := o["id"].(float64)
	return int64(n)
}

// list is a path of the customer's own list.
func (sc *scene) list(noun string) string { return fmt.Sprintf("/%s?customer=%d", noun, sc.id) }

// own makes a noun of the customer.
func (sc *scene) own(noun string, body object) object {
	sc.Helper()
	body["customer_id"] = sc.id
	return sc.api.must("POST", "/"+noun, body)
}

// customerKey is an API key of the customer's.
func (sc *scene) customerKey() *client {
	sc.Helper()
	k := sc.api.must("POST", "/api-keys", object{"name": "of " + sc.Customer.Name, "role": "customer", "access": "admin", "customer_id": sc.id})
	return sc.api.with(k["key"].(string))
}

// key makes an API key, and gives who has it.
func (sc *scene) key(body object) (holder *client, made object) {
	sc.Helper()
	made = sc.api.must("POST", "/api-keys", body)
	return sc.api.with(made["key"].(string)), made
}

// number is a URI of a number at the customer's domain.
func (sc *scene) number(digits string) string { return "sip:" + digits + "@" + sc.Domain }
