package policy_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/sip"
)

// lively is a configuration in which much can happen.
func lively(t testing.TB) *policy.Table {
	a := account(1, "a.example 192.0.2.1 2001:db8::1",
		dest("one 10.0.0.1:5060/udp 1 10"), dest("two [2001:db8::5]:5060/tcp 1 20"), dest("shared 10.0.0.9:5060/udp 2 10"),
		dest("srtp 10.0.0.3:5061/tls+srtp 3 10"))
	a.Routing = []tenant.RoutingRule{
		rule(1, 1, "user-agent", "regex", "(?i)cisco|yealink", 2), rule(2, 2, "source-ip", "cidr", "198.51.100.0/24", 3),
		rule(3, 3, "from", "word", "anonymous", 4), rule(4, 4, "allow", "regex", "^$", 1), rule(5, 5, "request-uri", "regex", `^sip:\+`, 2),
	}
	b := account(2, "b.example", dest("shared 10.0.0.9:5060/udp 1 10"), dest("other 10.0.0.8:5060/udp 1 10"))
	b.Customer.DestinationMode, b.Customer.Outbound = tenant.ModeLoadBalancing, "any"
	return table(t, a, b)
}

func FuzzDecide(f *testing.F) {
	seed := func(lines ...string) []byte { return []byte(strings.Join(lines, "\r\n") + "\r\n\r\n") }
	for _, source := range []string{"10.0.0.9", "10.0.0.1", "198.51.100.7", "2001:db8::5"} {
		ip := netip.MustParseAddr(source).AsSlice()
		f.Add(seed("INVITE sip:1@a.example SIP/2.0", "From: <sip:x@b.example>;tag=1", "User-Agent: Cisco", "Call-ID: 1"), ip, uint16(5060), uint8(0))
		f.Add(seed("REGISTER sip:[2001:db8::1] SIP/2.0", "To: <sip:%62@b.example>", "Allow: a,\r\n b", "Allow:"), ip, uint16(5060), uint8(1))
		f.Add(seed("INVITE tel:+39;phone-context=x SIP/2.0", "f: anonymous", "P-Asserted-Identity: <sip:1@a.example>, tel:1"), ip, uint16(5060), uint8(6))
		f.Add(seed("PUBLISH sip:1%31%32@b.example. SIP/2.0", "t: \"a"), ip, uint16(5060), uint8(3))
	}
	s := lively(f).Snapshot()
	f.Fuzz(func(t *testing.T, packet, ip []byte, port uint16, flags uint8) {
		if len(packet) > 65535 {
			return
		}
		m := new(sip.Message)
		if m.Parse(packet) != nil || !m.IsRequest() {
			return
		}
		addr, _ := netip.AddrFromSlice(ip)
		r := &policy.Request{Msg: m, Source: netip.AddrPortFrom(addr, port), Local: addr, Transport: []string{"udp", "tcp", "tls", ""}[flags%4], Bound: tenant.CustomerID(flags & 4)}
		if flags&8 != 0 {
			r.Health = downs{"one", "other"}
		}
		check(t, s, r)
	})
}

// check asserts what holds for every decision.
func check(t *testing.T, s *policy.Snapshot, r *policy.Request) {
	var id policy.Identity
	var c policy.Candidates
	v := s.Identify(r, &id)
	if !v.Refused() {
		if id.Customer == nil || id.By == policy.ByNothing && id.Direction == policy.Outbound {
			t.Fatalf("identified as %+v", id)
		}
		if (id.Direction == policy.Outbound) != (id.Source != nil) {
			t.Fatalf("%v with source %+v", id.Direction, id.Source)
		}
		v = s.Route(r, &id, &c)
		if v.Refused() == (c.N > 0 || c.Foreign) {
			t.Fatalf("%+v with %d candidates, foreign %v", v, c.N, c.Foreign)
		}
		for i, d := range c.All() {
			if d.Customer != id.Customer.Settings.ID || d.Disabled || d.Encrypted && !id.Customer.Settings.RTPBridging && r.Msg.Method() == sip.INVITE || slices.Contains(c.List[:i], d) {
				t.Fatalf("candidate %+v", d)
			}
		}
	}
	e := s.Explain(r)
	if e.Verdict != v {
		t.Fatalf("explained as %+v, decided as %+v", e.Verdict, v)
	}
	if _, err := json.Marshal(e); err != nil {
		t.Fatal(err)
	}
}

func TestExplain(t *testing.T) {
	s := lively(t).Snapshot()
	for _, test := range []struct {
		ask  ask
		want []string
	}{
		{ask{uri: "sip:1@x.example"}, []string{`"steps":[{"name":"identify","verdict":{"status":-1,"reason":"unknown_domain"}`, "No customer has the domain"}},
		{ask{headers: []string{"User-Agent: Cisco"}}, []string{`Customer \"customer1\", by the domain \"a.example\"; it comes from outside.`, `Routing rule \"rule1\" (user-agent, regex \"(?i)cisco|yealink\") leads to group 2. 1 to try, by priority.`, `"address":"10.0.0.9:5060"`}},
		{ask{from: "<sip:anonymous@x>"}, []string{`leads to group 4. The destination group is empty.`, `"rule":3`}},
		{ask{headers: []string{"Allow: x"}, down: []string{"one"}}, []string{`None of 5 routing rules matches: group 1. `, `"reason":"destination_down","text":"Not tried. The destination is down."`, `"tried":1`}},
		{ask{headers: []string{"Allow: x"}, down: []string{"one", "two"}}, []string{`It is down, as all of them are.`}},
		{ask{uri: "sip:1@x.example", source: "10.0.0.8:5060"}, []string{`it comes from his destination \"other\", so it goes out`, `"foreign":true`, `the request goes there`}},
		{ask{uri: "sip:1@x.example", source: "10.0.0.1:5060", headers: []string{"Allow: x"}}, []string{`None of 5 routing rules matches. The PBX called a foreign host`, `"status":403`}},
		{ask{uri: "sip:112@b.example"}, []string{`it calls an emergency number`, `Emergency calls go to group 1. 2 to try, balanced.`}},
	} {
		text, err := json.Marshal(s.Explain(test.ask.request(t)))
		if err != nil {
			t.Fatal(err)
		}
		got := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(text))
		for _, want := range test.want {
			if !strings.Contains(got, want) {
				t.Errorf("%+v: no %s in\n%s", test.ask, want, got)
			}
		}
	}
}

// TestChangeWhileDeciding: readers see the old customer or the new one, never half of each.
func TestChangeWhileDeciding(t *testing.T) {
	version := func(n int) *tenant.Account {
		a := account(1, "a.example", dest(fmt.Sprintf("v%d 10.0.0.1:5060/udp 1 10", n%2)))
		a.Routing = []tenant.RoutingRule{rule(1, 1, "user-agent", "regex", fmt.Sprintf("^v%d$", n%2), 1), rule(2, 2, "user-agent", "regex", "v[01]", 2)}
		return a
	}
	tab := table(t, version(0))
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		wg.Go(func() {
			r := [2]*policy.Request{ask{headers: []string{"User-Agent: v0"}}.request(t), ask{headers: []string{"User-Agent: v1"}}.request(t)}
			var id policy.Identity
			var c policy.Candidates
			for {
				select {
				case <-stop:
					return
				default:
				}
				s := tab.Snapshot()
				for n := range r {
					s.Identify(r[n], &id)
					v := s.Route(r[n], &id, &c)
					right := id.Customer.Destinations[0].Name == fmt.Sprintf("v%d", n)
					if right != (v.Status == 0) || right != (c.Rule == 1) {
						t.Errorf("destination %s, rule %d: %+v", id.Customer.Destinations[0].Name, c.Rule, v)
						return
					}
				}
			}
		})
	}
	for n := range 300 {
		if err := tab.Put(version(n)); err != nil {
			t.Error(err)
		}
		tab.SetPlatform(policy.Platform{Calls: n})
	}
	close(stop)
	wg.Wait()
}

func TestReasons(t *testing.T) {
	seen := make(map[string]bool)
	for _, r := range policy.Reasons() {
		code := r.Code()
		if code == "" || seen[code] || strings.ToLower(code) != code || strings.ContainsAny(code, " -.") {
			t.Errorf("code of reason %d: %q", r, code)
		}
		seen[code] = true
		if !strings.HasSuffix(r.Sentence(), ".") {
			t.Errorf("%s has no sentence", code)
		}
		if s := r.Status(); s != 0 && s != policy.Drop && (s < 400 || s > 699) {
			t.Errorf("%s has status %d", code, s)
		}
	}
	if policy.Reason(255).Code() == "" || policy.Reason(255).Status() != 500 {
		t.Error("a reason that is none")
	}
}
