package cli

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// registered is a phone for a user of the scene, whom the PBX lets in for so many seconds; token
// is what the PBX knows it by.
func registered(s *stage.Stage, user string, seconds int) (phone *peer.Registration, token string) {
	s.Helper()
	phone = s.Caller.Registers(user, s.Domain)
	phone.Ask(seconds)
	pbx := s.Callee.Accept("REGISTER")
	token = peer.URIOf(pbx.Incoming().Get("Contact"))
	pbx.Answer(200, peer.With("Contact", fmt.Sprintf("<%s>;expires=%d", token, seconds)))
	phone.Expect("200 REGISTER")
	return phone, token
}

// customerKey makes an API key of a customer's.
func customerKey(t *testing.T, node *harness.Node, customer, access string) string {
	t.Helper()
	return strings.TrimSpace(node.Must(t, "api-keys", "create", access+" of "+customer,
		"--role", "customer", "--company", "Black Box", "--customer", customer, "--access", access).Stdout)
}

// ask sends a request to the node's API and gives its status and body.
func ask(t *testing.T, node *harness.Node, key, method, path string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+node.HTTP+"/api/v1"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// TestBindings lists phones that have registered, to their customer and to nobody else, and ends one.
func TestBindings(t *testing.T) {
	t.Parallel()
	s := scene(t)
	other := harness.Customer{Name: s.Customer.Name + "-other", Domains: []string{"other-" + s.Domain}, Destinations: s.Customer.Destinations}
	s.Node.Apply(t, s.Customer, other)
	if list := s.Node.JSON(t, "bindings"); len(list) != 0 {
		t.Errorf("nobody has registered: %v", list)
	}
	alice, _ := registered(s, "alice", 600)
	bob, _ := registered(s, "bob", 500)

	text := s.Node.Must(t, "bindings")
	says(t, text, "AOR", "CONTACT", "SOURCE", "TRANSPORT", "NAT", "REACHABLE", "EXPIRES IN", "USER AGENT",
		"alice@"+s.Domain, "bob@"+s.Domain, alice.Contact, s.Caller.Addr().String(), "udp", "9m", "blackbox")
	says(t, s.Node.Must(t, "bindings", "-o", "yaml"), "aor: bob@"+s.Domain)
	list := s.Node.JSON(t, "bindings", "--customer", s.Customer.Name)
	if len(list) != 2 || list[0]["aor"] != "alice@"+s.Domain || list[0]["customer"] != s.Customer.Name || list[1]["contact"] != bob.Contact {
		t.Fatalf("%v", list)
	}
	if at, err := time.Parse(time.RFC3339, fmt.Sprint(list[0]["expires"])); err != nil || time.Until(at) < 550*time.Second || time.Until(at) > 601*time.Second {
		t.Errorf("expires %v", list[0]["expires"])
	}
	for _, args := range [][]string{{"bindings", "--customer", other.Name}, {"bindings", "carol"}} {
		if list := s.Node.JSON(t, args...); len(list) != 0 {
			t.Errorf("%v: %v", args, list)
		}
	}
	if list := s.Node.JSON(t, "bindings", "ALICE"); len(list) != 1 {
		t.Errorf("found by its text: %v", list)
	}
	bindingsApart(t, s, other.Name, fmt.Sprint(list[0]["id"]))
}

// bindingsApart: the API shows a binding to who may see it, and lets those end it who may.
func bindingsApart(t *testing.T, s *stage.Stage, other, id string) {
	t.Helper()
	one := "/bindings/" + id
	stranger := customerKey(t, s.Node, other, "admin")
	if code, body := ask(t, s.Node, stranger, "GET", "/bindings"); code != 200 || strings.Contains(body, s.Domain) {
		t.Errorf("another customer: %d %s", code, body)
	}
	for _, method := range []string{"GET", "DELETE"} {
		if code, body := ask(t, s.Node, stranger, method, one); code != 404 {
			t.Errorf("%s by another customer: %d %s", method, code, body)
		}
	}
	if code, body := ask(t, s.Node, customerKey(t, s.Node, s.Customer.Name, "read-only"), "DELETE", one); code != 403 {
		t.Errorf("read-only: %d %s", code, body)
	}
	if metrics := metric(t, s.Node, "tollgate_bindings"); metrics != "2" {
		t.Errorf("tollgate_bindings %s", metrics)
	}
	own := customerKey(t, s.Node, s.Customer.Name, "operator")
	if code, body := ask(t, s.Node, own, "GET", one); code != 200 || !strings.Contains(body, "alice@"+s.Domain) {
		t.Errorf("its own customer: %d %s", code, body)
	}
	if code, body := ask(t, s.Node, own, "DELETE", one); code != 204 {
		t.Errorf("an operator ends it: %d %s", code, body)
	}
	if list := s.Node.JSON(t, "bindings"); len(list) != 1 || list[0]["aor"] != "bob@"+s.Domain {
		t.Errorf("bob's is left: %v", list)
	}
}

// metric is a metric's value.
func metric(t *testing.T, node *harness.Node, name string) string {
	t.Helper()
	resp, err := http.Get("http://" + node.Metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(body)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+" "); ok {
			return value
		}
	}
	return "is missing"
}

// TestExplainPhones: beforehand, as it then happens; on a node that listens on all addresses.
func TestExplainPhones(t *testing.T) {
	t.Parallel()
	s := stage.New(t, harness.Start(t, harness.Settings{Hosts: []string{"0.0.0.0"}}), stage.One()[0], nil)
	_, token := registered(s, "alice", 600)
	pbx, stranger := s.Callee.Addr().String(), s.Peer(stage.Leg{Proto: "udp"}).Addr().String()
	explain := func(source, method, to string) harness.Result {
		return s.Node.Must(t, "explain", "--from", "sip:x@y.test", "--to", to, "--source", source, "--method", method)
	}
	phone := "It goes to the phone of alice@" + s.Domain
	says(t, explain(pbx, "INVITE", token), phone)
	says(t, explain(pbx, "NOTIFY", "sip:alice@"+s.Domain), phone)
	says(t, explain(pbx, "INVITE", fmt.Sprintf("sip:alice@127.0.0.1:%d", s.Node.Port)), phone)
	says(t, explain(pbx, "INVITE", "sip:alice@127.0.0.1"), phone)
	says(t, explain(stranger, "INVITE", token), "silence", "does not come from one of his destinations")
	says(t, explain(s.Caller.Addr().String(), "REGISTER", "sip:"+s.Domain), "one of his registered phones", "d1")
	says(t, explain(pbx, "REGISTER", "sip:"+s.Domain), "403", "only phones register here")
}

// TestClash: a PBX of two customers calls without saying whose; both are told, neither whom with.
func TestClash(t *testing.T) {
	t.Parallel()
	s := scene(t)
	second := harness.Customer{Name: "second-" + s.Customer.Name, Domains: []string{"second-" + s.Domain}, Destinations: s.Customer.Destinations}
	s.Node.Apply(t, s.Customer, second)
	for range 2 {
		s.Callee.Invite("sip:0401@carrier.test").Expect(403)
	}
	text := s.Node.Must(t, "destinations")
	says(t, text, "Clash at d1 of "+s.Customer.Name+": "+second.Name+" has the same address", "2 requests", "to sip:0401@carrier.test",
		"It helps if the PBX puts the customer's domain into Request-URI, From or P-Asserted-Identity")
	for _, row := range s.Node.JSON(t, "destinations") {
		if clash, _ := row["clash"].(map[string]any); clash["count"] != 2.0 {
			t.Errorf("%v", row)
		}
	}
	r := remotely(t, s.Node, customerKey(t, s.Node, second.Name, "read-only"), "destinations")
	says(t, r, "another customer has the same address")
	if strings.Contains(r.Stdout, "carrier.test") || strings.Contains(strings.ReplaceAll(r.Stdout, second.Name, ""), s.Customer.Name) {
		t.Errorf("a customer is told of another\n%s", r)
	}
	s.Node.Apply(t, harness.Customer{Name: second.Name, Domains: second.Domains, Destinations: []harness.Destination{{Addr: s.Caller.Addr()}}})
	for _, row := range s.Node.JSON(t, "destinations") {
		if row["clash"] != nil {
			t.Errorf("the address is one customer's now: %v", row)
		}
	}
}
