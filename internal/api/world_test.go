package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tollgate/internal/antifraud"
	"tollgate/internal/api"
	"tollgate/internal/ban"
	"tollgate/internal/call"
	"tollgate/internal/cdr"
	"tollgate/internal/feed"
	"tollgate/internal/live"
	"tollgate/internal/peer"
	"tollgate/internal/policy"
	"tollgate/internal/registrar"
	"tollgate/internal/relay"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
	"tollgate/internal/threat"
	"tollgate/internal/trace"
	"tollgate/internal/uac"
	"tollgate/sip"
)

// fakeNode is the edge as the API sees it.
type fakeNode struct {
	sent      []string // messages
	answers   []int    // of phones, to each of them
	mu        sync.Mutex
	calls     []call.Summary
	bindings  []registrar.Summary // in order
	cases     []trace.Decision
	strangers []threat.Stranger

	thresholds []antifraud.Report
	reopened   []string
	clashes    map[tenant.DestinationID]api.Clash
	states     map[tenant.DestinationID]peer.State
	ours       map[tenant.SwitchID]uac.State // our registrations
	rules      map[tenant.RuleID]policy.Tally
	entries    map[tenant.EntryID]policy.Tally
	applied    int64
	explain    policy.Explanation
	backup     string
	bans       *ban.Table
	letters    int64 // what RetryDeadLetters gives
	slowness   error // what Applied and Backup give
	feed       feed.Feed
	events     []*feed.Event // told to whoever watches
	quiet      bool          // decisions do not end
}

func (n *fakeNode) Calls(keep func(tenant.CustomerID) bool) []call.Summary {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []call.Summary
	for _, c := range n.calls {
		if keep(c.Customer) {
			out = append(out, c)
		}
	}
	return out
}

func (n *fakeNode) Hangup(id string, allowed func(tenant.CustomerID) bool) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, c := range n.calls {
		if c.ID == id && allowed(c.Customer) {
			n.calls = append(n.calls[:i:i], n.calls[i+1:]...)
			return true
		}
	}
	return false
}

func (n *fakeNode) Bindings(keep func(tenant.CustomerID) bool, text string, after registrar.Place, most int) (out []registrar.Summary) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, b := range n.bindings {
		if keep(b.Customer) && strings.Contains(strings.ToLower(b.AOR+" "+b.Source), strings.ToLower(text)) && b.Place().Compare(after) > 0 && (most == 0 || len(out) < most) {
			out = append(out, b)
		}
	}
	return out
}

func (n *fakeNode) Binding(id string) (registrar.Summary, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, b := range n.bindings {
		if b.ID == id {
			return b, true
		}
	}
	return registrar.Summary{}, false
}

func (n *fakeNode) Unbind(id string, allowed func(tenant.CustomerID) bool) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, b := range n.bindings {
		if b.ID == id && allowed(b.Customer) {
			n.bindings = append(n.bindings[:i:i], n.bindings[i+1:]...)
			return true
		}
	}
	return false
}

func (n *fakeNode) Message(_ context.Context, _ tenant.CustomerID, _ tenant.SIPUserID, from, text string) (list []relay.Delivery) {
	n.sent = append(n.sent, from+": "+text)
	for _, status := range n.answers {
		list = append(list, relay.Delivery{Contact: registrar.Contact{URI: "sip:alice@10.0.0.5"}, Status: status})
	}
	return list
}

func (n *fakeNode) Antifraud(customers []tenant.CustomerID) (rows []antifraud.Report) {
	for _, r := range n.thresholds {
		if slices.Contains(customers, r.Customer) {
			rows = append(rows, r)
		}
	}
	return rows
}

func (n *fakeNode) OpenAntifraud(customer tenant.CustomerID, m sip.Method, from, to string) int {
	n.reopened = append(n.reopened, fmt.Sprint(customer, m, from, to))
	return 1
}

func (n *fakeNode) RetryDeadLetters(context.Context) (int64, error) { return n.letters, nil }

func (n *fakeNode) Bans(keep func(tenant.CustomerID) bool) []ban.Ban { return n.bans.List(keep) }
func (n *fakeNode) Ban(w ban.Wish) (ban.Ban, error)                  { return n.bans.Add(w) }
func (n *fakeNode) Unban(id ban.ID, allowed func(tenant.CustomerID) bool) bool {
	return n.bans.Lift(id, allowed)
}

func (n *fakeNode) Decisions(_ context.Context, q trace.Query) (list []trace.Decision, next trace.Place, err error) {
	for _, d := range n.cases {
		if q.Keep(d.Customer) && (q.Ref == "" || d.Ref == q.Ref) && (q.Reason == "" || d.Reason == q.Reason) {
			list = append(list, d)
		}
	}
	if len(list) > q.Limit {
		return list[:q.Limit], trace.Place{Segment: 1, Offset: 2}, nil
	}
	return list, trace.Place{}, nil
}

func (n *fakeNode) Trace(_ context.Context, id trace.ID) (trace.Decision, []trace.Message, error) {
	for _, d := range n.cases {
		if d.ID == id {
			return d, []trace.Message{{In: true, Transport: "udp", Data: []byte("OPTIONS sip:\xff SIP/2.0\r\n\r\n")}}, nil
		}
	}
	return trace.Decision{}, nil, trace.ErrNotFound
}

func (n *fakeNode) WatchDecisions(filter func(*trace.Decision) bool) (<-chan *trace.Decision, func()) {
	events := make(chan *trace.Decision, len(n.cases))
	for i := range n.cases {
		if filter(&n.cases[i]) {
			events <- &n.cases[i]
		}
	}
	if !n.quiet {
		close(events)
	}
	return events, func() {}
}

func (n *fakeNode) Usage(s live.Scope) live.Usage { return live.Usage{Calls: int(s.ID), Peak: 9} }
func (n *fakeNode) Ceiling() (calls, cps int)     { return 1000, 50 }

func (n *fakeNode) Strangers() []threat.Stranger                           { return n.strangers }
func (n *fakeNode) Clashes() map[tenant.DestinationID]api.Clash            { return n.clashes }
func (n *fakeNode) DestinationStates() map[tenant.DestinationID]peer.State { return n.states }
func (n *fakeNode) Registrations() map[tenant.SwitchID]uac.State           { return n.ours }
func (n *fakeNode) FirewallHits(rules []tenant.FirewallRule) (out []policy.Tally) {
	for _, r := range rules {
		out = append(out, n.rules[r.ID])
	}
	return out
}

func (n *fakeNode) BlocklistHits(entries []tenant.BlocklistEntry) (out []policy.Tally) {
	for _, e := range entries {
		out = append(out, n.entries[e.ID])
	}
	return out
}

func (n *fakeNode) DomainDNS(_ context.Context, name string) api.DNSState {
	return api.DNSState{LeadsHere: name == "here.example"}
}

func (n *fakeNode) Explain(api.ExplainQuery, policy.Language) policy.Explanation { return n.explain }

func (n *fakeNode) Applied(_ context.Context, revision int64) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.applied = max(n.applied, revision)
	return n.slowness
}

// Backup gives what it was told to, and then fails if it was told to.
func (n *fakeNode) Backup(_ context.Context, w io.Writer) error {
	if n.backup != "" {
		_, _ = io.WriteString(w, n.backup)
	}
	return n.slowness
}

func (n *fakeNode) Info() api.Info {
	return api.Info{Version: "test", Calls: len(n.calls), Listeners: []api.ListenerInfo{{URL: "udp://127.0.0.1:5060"}}}
}

// world is a store with two companies, a node and an API.
type world struct {
	t       *testing.T
	store   *store.Store
	node    *fakeNode
	handler http.Handler
	log     *bytes.Buffer
	local   bool // requests come by the node's own socket
	key     string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	w := &world{t: t, store: s, node: &fakeNode{bans: ban.New(ban.Config{}), states: map[tenant.DestinationID]peer.State{}}, log: &bytes.Buffer{}}
	w.handler = api.New(api.Config{
		Store: s, Node: w.node, Log: slog.New(slog.NewTextHandler(w.log, nil)),
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
	})
	return w
}

// as gives the same world for another key; "" is nobody.
func (w world) as(key string) *world {
	w.key, w.local = key, false
	return &w
}

// admin gives the same world through the node's own socket.
func (w world) admin() *world {
	w.key, w.local = "", true
	return &w
}

// answer is an HTTP answer with its body read.
type answer struct {
	code   int
	header http.Header
	body   []byte
}

// problem is what an error says.
type problem struct {
	Title  string
	Status int
	Detail string
	Errors []struct {
		Code, Field, Message, Want, Noun, Name, File string
		Offset                                       any
		OffsetChar                                   any `json:"offset_char"`
		ID                                           int64
	}
}

func (a answer) problem(t *testing.T) problem {
	t.Helper()
	var p problem
	if err := json.Unmarshal(a.body, &p); err != nil || a.header.Get("Content-Type") != "application/problem+json" || p.Status != a.code {
		t.Fatalf("%d %s is no problem: %s", a.code, a.header.Get("Content-Type"), a.body)
	}
	return p
}

func (w *world) request(method, path, contentType string, body []byte, headers ...string) answer {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), method, path, bytes.NewReader(body))
	r.RemoteAddr = "198.51.100.9:40000"
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if w.key != "" {
		r.Header.Set("Authorization", "Bearer "+w.key)
	}
	if w.local {
		r = r.WithContext(api.WithLocal(r.Context(), "root"))
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	data, _ := io.ReadAll(rec.Result().Body)
	return answer{rec.Code, rec.Result().Header, data}
}

// do sends body as JSON, nil: none.
func (w *world) do(method, path string, body any, headers ...string) answer {
	w.t.Helper()
	if body == nil {
		return w.request(method, path, "", nil, headers...)
	}
	data, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.request(method, path, "application/json", data, headers...)
}

type object = map[string]any

// must sends and wants a status of 2xx; it gives the body.
func (w *world) must(method, path string, body any) object {
	w.t.Helper()
	a := w.do(method, path, body)
	var o object
	if a.code/100 != 2 || len(a.body) > 0 && json.Unmarshal(a.body, &o) != nil {
		w.t.Fatalf("%s %s: %d %s", method, path, a.code, a.body)
	}
	return o
}

func id(o object) int64 { return int64(o["id"].(float64)) }

// estate is everything of one tenant: a company, a customer, and one of each noun. All names hold the marker.
type estate struct {
	traced            trace.ID
	marker            string
	company, customer int64
	ids               map[string]int64 // by path: the noun of that path
	items             map[string]object
	companyKey, key   string // of its admins
	reader            string // of a read-only user of its customer
	call              string // the id of a live call
	binding           string // the id of a phone's binding
	ban               string // the id of a ban
	entry, request    int64  // the ids of an audit entry and of a request for channels
}

// paths of the nouns, in an order in which they can be made.
var nounPaths = []string{
	"sip-profiles", "domains", "destination-groups", "switches", "destinations", "routing-rules", "firewall-rules",
	"blocklist", "whitelist", "clis", "sip-users", "dids", "users",
}

func (w *world) settle(marker string, net int) *estate {
	w.t.Helper()
	a := w.admin()
	e := &estate{marker: marker, ids: map[string]int64{}, items: map[string]object{}}
	add := func(path string, body object) object {
		o := a.must("POST", "/api/v1/"+path, body)
		e.ids[path], e.items[path] = id(o), o
		return o
	}
	e.company = id(add("companies", object{"name": marker + " company"}))
	e.customer = id(add("customers", object{"name": marker, "company_id": e.company, "destination_groups_enabled": true}))
	bodies := e.bodies(net)
	for _, path := range nounPaths {
		if path == "dids" {
			bodies[path]["sip_user_id"] = e.ids["sip-users"]
		}
		if path == "sip-users" {
			bodies[path]["profile_id"] = e.ids["sip-profiles"]
		}
		add(path, bodies[path])
	}
	key := func(role, access string) string {
		body := object{"name": marker + " " + role, "role": role, "access": access, "company_id": e.company}
		if role == "customer" {
			body["customer_id"] = e.customer
		}
		return add("api-keys", body)["key"].(string)
	}
	e.entry = w.anyEntry(e.customer)
	e.companyKey, e.reader, e.key = key("company", "admin"), key("customer", "read-only"), key("customer", "admin")
	e.request = id(w.as(e.key).must("POST", "/api/v1/me/requests", object{"channels": 30, "text": marker}))
	e.call = "call-of-" + marker
	w.node.calls = append(w.node.calls, call.Summary{
		ID: e.call, Customer: tenant.CustomerID(e.customer), Name: marker, From: "sip:x@" + marker, Started: time.Unix(int64(net), 0),
	})
	e.binding = "binding-of-" + marker
	w.node.bindings = append(w.node.bindings, registrar.Summary{
		ID: e.binding, Customer: tenant.CustomerID(e.customer), AOR: "x@" + marker + ".example", Contact: "sip:x@192.0.2.99", UserAgent: marker + " phone",
	})
	e.traced = trace.ID{byte(net), 1}
	w.node.cases = append(w.node.cases, trace.Decision{
		ID: e.traced, Ref: e.traced.Ref(), Customer: tenant.CustomerID(e.customer), CustomerName: marker, Method: "INVITE",
		From: "<sip:x@" + marker + ">", Refused: true, Status: 403, Reason: "firewall", RuleName: marker + " rule", Messages: 2,
	})
	w.node.strangers = append(w.node.strangers, threat.Stranger{Source: fmt.Sprintf("198.51.100.%d:5060", net), DidYouMean: marker + ".example", Last: time.Unix(int64(net), 0)})
	e.items["transparent"] = object{"customer_id": e.customer, "on": true}
	e.items["bans"] = object{"address": fmt.Sprintf("203.0.%d.7", net), "customer_id": e.customer, "reason": marker}
	e.ban = a.must("POST", "/api/v1/bans", e.items["bans"])["id"].(string)
	w.record(cdr.CDR{
		ID: "cdr-of-" + marker, Company: tenant.CompanyID(e.company), Customer: tenant.CustomerID(e.customer), CustomerName: marker,
		From: "<sip:x@" + marker + ">", Status: 200, Reason: "ok", Direction: "inbound", EndedBy: "caller",
		Started: time.Unix(int64(net), 0), Ended: time.Unix(int64(net)+1, 0),
	})
	return e
}

// record stores what calls have left, as an upgrade does: in words.
func (w *world) record(list ...cdr.CDR) {
	w.t.Helper()
	rows := make([]store.CDR, len(list))
	for i, c := range list {
		said, err := json.Marshal(c)
		if err != nil {
			w.t.Fatal(err)
		}
		rows[i].Record = append(store.AppendCDRHead(nil, c.Company, c.Customer, c.Ended), said...)
	}
	if err := w.store.AddCDRs(w.t.Context(), rows, false); err != nil {
		w.t.Fatal(err)
	}
}

func (e *estate) bodies(net int) map[string]object {
	m := e.marker
	of := func(o object) object {
		o["customer_id"] = e.customer
		return o
	}
	return map[string]object{
		"sip-profiles":       {"name": m + " profile", "company_id": e.company},
		"domains":            of(object{"name": m + ".example"}),
		"destination-groups": of(object{"number": 2, "name": m + " group"}),
		"switches":           of(object{"name": m + " switch", "direction": "egress", "addresses": []string{fmt.Sprintf("198.51.%d.0/24", net)}}),
		"destinations":       of(object{"name": m + " pbx", "host": fmt.Sprintf("192.0.2.%d", net)}),
		"routing-rules":      of(object{"name": m + " rule", "header": "to", "value": "x", "group": 2}),
		"firewall-rules":     of(object{"name": m + " wall", "header": "to", "value": "x", "action": "drop"}),
		"blocklist":          of(object{"prefix": "0088" + fmt.Sprint(net)}),
		"whitelist":          of(object{"cidr": fmt.Sprintf("203.0.113.%d/32", net)}),
		"clis":               of(object{"value": fmt.Sprintf("04098765%d", net)}),
		"sip-users":          of(object{"username": m + "-1001", "password": "Correct-Horse-1"}),
		"dids":               of(object{"number": fmt.Sprintf("39040123456%d", net)}),
		"users":              of(object{"email": m + "@example.com", "name": m, "role": "customer", "access": "operator"}),
	}
}
