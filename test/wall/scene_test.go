package wall

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// scenario is a conversation at the wall, and the variants that it is played in.
type scenario struct {
	name     string
	matrix   []stage.Variant
	play     func(*scene)
	customer func(*harness.Customer) // changes the customer before it is applied; may be nil
}

// plain is the one variant of what only the wall decides.
func plain() []stage.Variant { return stage.One()[:1] }

// scene is a stage whose customer has walls.
type scene struct {
	*stage.Stage
	w        *wall
	customer int64
	ids      map[string]map[int64]string // of a list: the names of what is in it
}

func (w *wall) scene(t *testing.T, v stage.Variant, change func(*harness.Customer)) *scene {
	t.Helper()
	w.applying.Lock()
	defer w.applying.Unlock()
	s := stage.New(t, w.node, v, change)
	sc := &scene{Stage: s, w: w, ids: map[string]map[int64]string{firewall: {}, blocklist: {}}}
	list := w.must(t, "GET", "/customers?q="+s.Customer.Name, nil)["items"].([]any)
	sc.customer = int64(list[0].(object)["id"].(float64))
	return sc
}

// Apply is the stage's, while nobody changes anything.
func (sc *scene) Apply() {
	sc.Helper()
	sc.w.applying.Lock()
	defer sc.w.applying.Unlock()
	sc.Stage.Apply()
}

// rule is a firewall rule as a scenario writes it.
type rule struct {
	name, header, match, value, action string
	priority                           int
	monitor                            bool
}

// walls makes these the customer's firewall rules, in force at once.
func (sc *scene) walls(rules ...rule) {
	sc.Helper()
	for _, old := range sc.w.list(sc.T, "/firewall-rules", sc.customer) {
		sc.w.must(sc.T, "DELETE", fmt.Sprintf("/firewall-rules/%.0f", old["id"]), nil)
	}
	for _, r := range rules {
		mode := "enforce"
		if r.monitor {
			mode = "monitor"
		}
		made := sc.w.must(sc.T, "POST", "/firewall-rules", object{
			"customer_id": sc.customer, "name": r.name, "header": r.header, "match": r.match, "value": r.value,
			"priority": max(r.priority, 1), "action": or(r.action, "drop"), "mode": mode,
		})
		sc.ids[firewall][int64(made["id"].(float64))] = r.name
	}
}

// forbids makes these prefixes, or prefix@domain, the customer's block list.
func (sc *scene) forbids(prefixes ...string) {
	sc.Helper()
	for _, old := range sc.w.list(sc.T, "/blocklist", sc.customer) {
		sc.w.must(sc.T, "DELETE", fmt.Sprintf("/blocklist/%.0f", old["id"]), nil)
	}
	for _, p := range prefixes {
		prefix, domain, _ := strings.Cut(p, "@")
		made := sc.w.must(sc.T, "POST", "/blocklist", object{"customer_id": sc.customer, "prefix": prefix, "domain": domain})
		sc.ids[blocklist][int64(made["id"].(float64))] = p
	}
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// counts is what each rule or entry has matched, by its name; 0 is left out.
func (sc *scene) counts(path string) map[string]int {
	sc.Helper()
	out := map[string]int{}
	for _, item := range sc.w.list(sc.T, path, sc.customer) {
		if n := int(item["hits"].(float64)); n > 0 {
			out[sc.ids[path][int64(item["id"].(float64))]] = n
		}
	}
	return out
}

// sample is the last sample of a rule.
func (sc *scene) sample(path, name string) object {
	sc.Helper()
	for _, item := range sc.w.list(sc.T, path, sc.customer) {
		if sc.ids[path][int64(item["id"].(float64))] == name {
			o, _ := item["last_sample"].(object)
			return o
		}
	}
	return nil
}

// The ways in which a request ends at the wall.
const (
	passes  = 0
	silence = -1
)

// The lists that count.
const (
	firewall  = "/firewall-rules"
	blocklist = "/blocklist"
)

// try is a request and what must become of it.
type try struct {
	from    *peer.UA // nil: the caller
	method  string   // INVITE
	uri     string   // sip:bob at the domain; "%" is the domain
	options []peer.Option
	at      string   // firewall or blocklist: what decides
	want    int      // passes, silence or a status
	reason  string   // of a refusal; the list's own where empty
	rule    string   // that decides
	counted []string // rules that count it, beside the one that decides
	unasked bool     // explain cannot be asked: the request is not what it builds
}

// judge sends the request, and holds what happens, what was counted, the log and explain to
// what must become of it.
func (sc *scene) judge(c try) {
	sc.Helper()
	if c.from == nil {
		c.from = sc.Caller
	}
	c.method = or(c.method, "INVITE")
	if c.at == "" {
		c.at = firewall
	}
	if c.want != passes && c.reason == "" {
		c.reason = map[string]string{firewall: "firewall", blocklist: "blocklist"}[c.at]
	}
	want := sc.counts(c.at)
	for _, name := range append(slices.Clone(c.counted), c.rule) {
		if name != "" {
			want[name]++
		}
	}
	call, sent := sc.send(&c)
	switch c.want {
	case passes:
		sc.through(&c, call)
	case silence:
	default:
		call.Expect(c.want)
	}
	sc.counted(c.at, want)
	if c.want == silence {
		c.from.Quiet(20 * time.Millisecond)
	}
	if c.want != passes {
		sc.logged(&c, sent)
	}
	if !c.unasked {
		sc.explained(&c, sent)
		sc.counted(c.at, want)
	}
}

func (sc *scene) send(c *try) (*peer.Call, *peer.Message) {
	sc.Helper()
	if c.method == "REGISTER" {
		r := c.from.Registers("carol", sc.Domain)
		return r.Call, r.Ask(600, c.options...)
	}
	uri := strings.ReplaceAll(or(c.uri, "sip:bob@%"), "@%", "@"+sc.Domain)
	var sent *peer.Message
	opts := append(slices.Clone(c.options), func(m *peer.Message) { sent = m })
	if c.method == "INVITE" {
		return c.from.Invite(uri, opts...), sent
	}
	return c.from.Start(c.method, uri, opts...), sent
}

// through has the PBX refuse what reached it.
func (sc *scene) through(c *try, call *peer.Call) {
	sc.Helper()
	b := sc.Callee.Accept(c.method)
	b.Answer(480)
	call.Expect("480 " + c.method)
	if c.method == "INVITE" {
		b.Expect("ACK")
	}
}

// counted waits for the counters: a refusal in silence tells nobody when it is done.
func (sc *scene) counted(path string, want map[string]int) {
	sc.Helper()
	harness.Eventually(sc.T, harness.Soon, func() error {
		if got := sc.counts(path); fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("counted %v, want %v", got, want)
		}
		return nil
	})
}

var refusedLine = regexp.MustCompile(`msg=refused reason=(\S+) status=(\S+) .*\brule=(\d+)`)

// logged holds the log to the verdict, where it has the request.
func (sc *scene) logged(c *try, sent *peer.Message) {
	sc.Helper()
	line := refusedLine.FindStringSubmatch(sc.Node.LogSince(0, sent.Get("Call-ID")))
	if line == nil {
		return
	}
	sc.w.compared.Add(1)
	id, _ := strconv.ParseInt(line[3], 10, 64)
	if line[1] != c.reason || line[2] != strconv.Itoa(c.want) || sc.ids[c.at][id] != c.rule {
		sc.Errorf("the log says %q (rule %q), want %s %d by %q", line[0], sc.ids[c.at][id], c.reason, c.want, c.rule)
	}
}

// explained holds `tollgate explain` to the verdict.
func (sc *scene) explained(c *try, sent *peer.Message) {
	sc.Helper()
	e := sc.w.must(sc.T, "POST", "/tools/explain", question(c.from, sent))
	v := e["verdict"].(object)
	id, _ := v["rule"].(float64)
	got := fmt.Sprintf("%v %v %q", v["reason"], v["status"], sc.ids[c.at][int64(id)])
	want := fmt.Sprintf("%s %d %q", or(c.reason, "ok"), c.want, c.rule)
	if c.want == passes {
		want = `ok 0 ""`
	}
	if got != want {
		text, _ := json.Marshal(e)
		sc.Errorf("%s %s: explain says %s, want %s\n%s", sent.Method, sent.URI, got, want, text)
	}
}

// question is a message as explain is asked about it.
func question(from *peer.UA, m *peer.Message) object {
	headers := []string{}
	for _, h := range m.Headers {
		if !slices.Contains([]string{"Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq", "Content-Type"}, h.Name) {
			headers = append(headers, h.Name+": "+h.Value)
		}
	}
	return object{
		"from": peer.URIOf(m.Get("From")), "to": m.URI, "source": from.Addr().String(),
		"method": m.Method, "transport": from.Proto(), "headers": headers,
	}
}

// registered is a phone of the caller's endpoint that the PBX has let in; what it gives is the
// URI by which the PBX calls it.
func (sc *scene) registered(user string) (phone *peer.Registration, token string) {
	sc.Helper()
	phone = sc.Caller.Registers(user, sc.Domain)
	phone.Ask(600)
	pbx := sc.Callee.Accept("REGISTER")
	token = peer.URIOf(pbx.Incoming().Get("Contact"))
	pbx.Answer(200, peer.With("Contact", fmt.Sprintf("<%s>;expires=600", token)))
	phone.Expect("200 REGISTER")
	return phone, token
}
