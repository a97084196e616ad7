// Package rewrites plays number rewriting: what of an entry's numbers a PBX sees, what of a
// call's a switch sees, and that the caller sees his own for the whole dialog; what the block
// list, explain and the tools of the API make of it.
//
// Who an entry is and how many calls it may send is package switches'.
package rewrites

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func TestMain(m *testing.M) {
	if harness.Control() {
		os.Exit(0) // a plain proxy rewrites nothing
	}
	harness.Main(m)
}

// entry is an egress entry as a line of tenants.yaml.
func entry(ip string, more ...string) string {
	return fmt.Sprintf("  - {name: dialer, direction: egress, addresses: [%q], %s}\n", ip, strings.Join(more, ", "))
}

// carrier is an ingress switch.
func carrier(name string, at netip.AddrPort, proto string, more ...string) string {
	return fmt.Sprintf("  - {name: %q, direction: ingress, host: %q, port: %d, protocol: %s, %s}\n", name, at.Addr(), at.Port(), proto, strings.Join(more, ", "))
}

// has makes the customer an Italian one with switches, and perhaps more lines before them.
func has(s *stage.Stage, extra string, lines ...string) {
	s.Helper()
	s.Customer.Extra = "country_code: \"39\"\n" + extra
	if len(lines) > 0 {
		s.Customer.Extra += "switches:\n" + strings.Join(lines, "")
	}
	s.Apply()
}

// from sets the caller's number.
func from(number string) peer.Option {
	return func(m *peer.Message) {
		m.Set("From", "<sip:"+number+"@trunk.invalid>;tag="+m.Tag("From"))
	}
}

// bare is a From or To without its tag.
func bare(value string) string {
	before, _, _ := strings.Cut(value, ";tag=")
	return before
}

// shows wants a request with these users in Request-URI, From and To.
func shows(s *stage.Stage, m *peer.Message, called, calling, to string) {
	s.Helper()
	got := []string{peer.User(m.URI), peer.User(peer.URIOf(m.Get("From"))), peer.User(peer.URIOf(m.Get("To")))}
	if want := []string{called, calling, to}; fmt.Sprint(got) != fmt.Sprint(want) {
		s.Errorf("shown %v, want %v:\n%s", got, want, m.Bytes())
	}
}

// own wants From and To of a message to a as a wrote them; of a request they are the other way
// round.
func own(s *stage.Stage, a *peer.Call, sent, m *peer.Message) {
	s.Helper()
	first, second := "From", "To"
	if m.Method != "" {
		first, second = second, first
	}
	if bare(m.Get(first)) != bare(sent.Get("From")) || bare(m.Get(second)) != bare(sent.Get("To")) {
		s.Errorf("%s wrote From %s and To %s, and gets\n%s", a.UA.Addr(), sent.Get("From"), sent.Get("To"), m.Bytes())
	}
}

// through takes a call that was answered through requests of both sides and to its end, by the
// caller or the callee; sent is the INVITE as the caller wrote it, and got as the callee got it.
func through(s *stage.Stage, a, b *peer.Call, sent, got *peer.Message, byCallee bool) {
	s.Helper()
	again := func(from, to *peer.Call, check func(*peer.Message)) {
		s.Helper()
		from.Request("INVITE", peer.SDP(from.UA, 2))
		m := to.Expect("INVITE")
		check(m)
		to.Reply(m, 200, peer.SDP(to.UA, 2))
		from.Expect(200)
		from.Ack()
		check(to.Expect("ACK"))
	}
	asCallee := func(m *peer.Message) {
		s.Helper()
		if bare(m.Get("From")) != bare(got.Get("From")) || bare(m.Get("To")) != bare(got.Get("To")) {
			s.Errorf("From or To is not that of the INVITE, %s and %s:\n%s", got.Get("From"), got.Get("To"), m.Bytes())
		}
	}
	again(a, b, asCallee)
	again(b, a, func(m *peer.Message) { s.Helper(); own(s, a, sent, m) })
	if byCallee {
		b.Request("BYE")
		bye := a.Expect("BYE")
		own(s, a, sent, bye)
		a.Reply(bye, 200)
		ok := b.Expect("200 BYE")
		if bare(ok.Get("To")) != bare(got.Get("From")) {
			s.Errorf("the callee's BYE is answered with other names:\n%s", ok.Bytes())
		}
		return
	}
	a.Request("BYE")
	bye := b.Expect("BYE")
	asCallee(bye)
	b.Reply(bye, 200)
	a.Expect("200 BYE")
}

// api sends a request to the node's API as a platform user.
func api(t *testing.T, n *harness.Node, key, method, path string, body any) map[string]any {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+n.HTTP+"/api/v1"+path, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	var o map[string]any
	if err != nil || resp.StatusCode/100 != 2 || json.Unmarshal(text, &o) != nil {
		t.Fatalf("%s %s: %d %s %v", method, path, resp.StatusCode, text, err)
	}
	return o
}
