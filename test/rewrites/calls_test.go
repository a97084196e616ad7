package rewrites

import (
	"strings"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func TestRewrites(t *testing.T) {
	n := harness.Start(t)
	key := strings.TrimSpace(n.Must(t, "api-keys", "create", "rewrites", "--role", "platform", "--access", "admin").Stdout)
	t.Run("calls", func(t *testing.T) {
		stage.Play(t, n, []stage.Scenario{
			{Name: "from an entry", Matrix: stage.Matrix("udp4-udp4", "tcp4-udp4", "udp4-tls4"), Play: fromEntry, OwnOnly: true},
			{Name: "to a switch", Matrix: stage.Some(), Play: toSwitch, OwnOnly: true},
			{Name: "asserted", Matrix: stage.One(), Play: asserted, OwnOnly: true},
			{Name: "failover", Matrix: stage.One(), Play: failover, OwnOnly: true},
			{Name: "refused and cancelled", Matrix: stage.One(), Play: refused, OwnOnly: true},
			{Name: "dial patterns", Matrix: stage.One(), Play: dialPatterns, OwnOnly: true},
			{Name: "outside of calls", Matrix: stage.One(), Play: outside, OwnOnly: true},
			{Name: "no entry", Matrix: stage.One(), Play: noEntry, OwnOnly: true},
			{Name: "block list", Matrix: stage.One(), Play: blocklist, OwnOnly: true},
			{Name: "emergency", Matrix: stage.One(), Play: emergency, OwnOnly: true},
			{Name: "transparent", Matrix: stage.One()[:1], Play: transparent, OwnOnly: true},
			{Name: "a rule that changes", Matrix: stage.One(), Play: changed, OwnOnly: true},
			{Name: "tools", Matrix: stage.One()[:1], Play: func(s *stage.Stage) { tools(s, key) }, OwnOnly: true},
		})
	})
}

// fromEntry: what arrives from an entry reaches the PBX in the form in which it is known here.
func fromEntry(s *stage.Stage) {
	has(s, "", entry(s.Caller.IP(), `dial_pattern: "00"`, `tech_prefix: "77"`, `rewrite: [{what: cli, current: "0", new: "390", match: prefix}]`))
	uri := "sip:7700390401234567@" + s.Domain
	for _, byCallee := range []bool{false, true} {
		a := s.Caller.Invite(uri, from("0409876543"))
		b := s.Callee.Accept("INVITE")
		got := b.Incoming()
		shows(s, got, "390401234567", "390409876543", "390401234567")
		if host, _ := peer.HostPort(got.URI); host != s.Domain {
			s.Errorf("a PBX gets its own domain, not %s", host)
		}
		b.Answer(180)
		own(s, a, a.Sent(), a.Expect(180))
		b.Answer(200, peer.SDP(s.Callee, 1))
		sent := a.Sent()
		own(s, a, sent, a.Expect(200))
		a.Ack()
		b.Expect("ACK")
		through(s, a, b, sent, got, byCallee)
	}
}

// toSwitch: a switch gets numbers as it wants them, and its own host.
func toSwitch(s *stage.Stage) {
	s.Customer.Destinations = []harness.Destination{{Name: "pstn", Switch: "carrier"}}
	has(s, "", carrier("carrier", s.Callee.Addr(), s.Callee.Proto(), `dial_pattern: +e164`, `tech_prefix: "9#"`, `cli_prefix: "88"`,
		`rewrite: [{what: destination, current: "^0(.*)$", new: "+390$1", match: regex}, {what: cli, current: "0", new: "390", match: prefix}]`))
	uri := "sip:0401234567@" + s.Domain + ";user=phone"
	for _, byCallee := range []bool{false, true} {
		a := s.Caller.Invite(uri, from("0409876543"), peer.Also("P-Asserted-Identity", "<sip:+0409876543@trunk.invalid>"))
		b := s.Callee.Accept("INVITE")
		got, sent := b.Incoming(), a.Sent()
		shows(s, got, "9%23+390401234567", "88390409876543", "9%23+390401234567")
		for _, u := range []string{got.URI, peer.URIOf(got.Get("From")), peer.URIOf(got.Get("To"))} {
			if host, _ := peer.HostPort(u); strings.Trim(host, "[]") != s.Callee.IP() {
				s.Errorf("a switch gets its own host, not that of %s", u)
			}
		}
		if pai := got.Get("P-Asserted-Identity"); !strings.HasPrefix(pai, "<sip:88390409876543@") {
			s.Errorf("P-Asserted-Identity: %s", pai)
		}
		b.Answer(200, peer.SDP(s.Callee, 1))
		own(s, a, sent, a.Expect(200))
		a.Ack()
		b.Expect("ACK")
		through(s, a, b, sent, got, byCallee)
	}
}

// asserted: the CLI of an entry is its P-Asserted-Identity, and an anonymous From stays so;
// where there is none, and from who is no entry, it is From.
func asserted(s *stage.Stage) {
	has(s, "", entry(s.Caller.IP(), "dial_pattern: raw", `rewrite: [{what: cli, current: "0", new: "390", match: prefix}]`))
	ring := func(opts ...peer.Option) *peer.Message {
		s.Helper()
		a := s.Caller.Invite("sip:bob@"+s.Domain, opts...)
		b := s.Callee.Accept("INVITE")
		b.Answer(486)
		a.Expect(486)
		b.Expect("ACK")
		return b.Incoming()
	}
	got := ring(from("anonymous"), peer.Also("P-Asserted-Identity", `"Alice" <sip:0409876543@trunk.invalid>, <tel:0409876543>`))
	shows(s, got, "bob", "anonymous", "bob")
	if pai := strings.Join(got.All("P-Asserted-Identity"), ", "); !strings.HasPrefix(pai, `"Alice" <sip:390409876543@`) || !strings.HasSuffix(pai, "<tel:390409876543>") {
		s.Errorf("P-Asserted-Identity: %s", pai)
	}
	shows(s, ring(from("0401"), peer.Also("P-Asserted-Identity", "<sip:0409876543@trunk.invalid>")), "bob", "0401", "bob")
	shows(s, ring(from("0409876543"), peer.Also("P-Asserted-Identity", "<sip:+0409876543@trunk.invalid>")), "bob", "0409876543", "bob")
	shows(s, ring(from("0409876543")), "bob", "390409876543", "bob")
	shows(s, ring(from("1409876543")), "bob", "1409876543", "bob")
}

// failover: each switch has rules of its own, and a PBX after them gets what the caller dialled.
func failover(s *stage.Stage) {
	one, two := s.Peer(stage.Leg{Proto: "udp"}), s.Peer(stage.Leg{Proto: "udp"})
	s.Customer.Destinations = append([]harness.Destination{{Name: "d-one", Switch: "one", Priority: 1}, {Name: "d-two", Switch: "two", Priority: 2}}, s.Customer.Destinations...)
	has(s, "", carrier("one", one.Addr(), "udp", "dial_pattern: +e164", `cli_prefix: "1"`), carrier("two", two.Addr(), "udp", `dial_pattern: "00"`, `force_from: "390400000"`))
	a := s.Caller.Invite("sip:0401234567@"+s.Domain, from("0409876543"))
	fails := func(u *peer.UA, called, calling string) {
		s.Helper()
		b := u.Accept("INVITE")
		shows(s, b.Incoming(), called, calling, called)
		b.Answer(503)
		b.Expect("ACK")
	}
	fails(one, "+390401234567", "10409876543")
	fails(two, "00390401234567", "390400000")
	b := s.Callee.Accept("INVITE")
	shows(s, b.Incoming(), "0401234567", "0409876543", "0401234567")
	b.Answer(200, peer.SDP(s.Callee, 1))
	own(s, a, a.Sent(), a.Expect(200))
	a.Ack()
	b.Expect("ACK")
	s.End(a, b)
}

// refused: a refusal comes with the caller's names, and a CANCEL goes out with the switch's.
func refused(s *stage.Stage) {
	s.Customer.Destinations = []harness.Destination{{Name: "pstn", Switch: "carrier"}}
	has(s, "", carrier("carrier", s.Callee.Addr(), "udp", "dial_pattern: +e164", `cli_prefix: "1"`))
	a := s.Caller.Invite("sip:0401234567@"+s.Domain, from("0409876543"))
	b := s.Callee.Accept("INVITE")
	b.Answer(486)
	own(s, a, a.Sent(), a.Expect(486))
	b.Expect("ACK")
	a = s.Caller.Invite("sip:0401234567@"+s.Domain, from("0409876543"))
	b = s.Callee.Accept("INVITE")
	b.Answer(180)
	own(s, a, a.Sent(), a.Expect(180))
	a.Cancel()
	a.ExpectSet("200 CANCEL", 487)
	cancel := b.Expect("CANCEL")
	shows(s, cancel, "+390401234567", "10409876543", "+390401234567")
	b.Reply(cancel, 200)
	b.Answer(487)
	b.Expect("ACK")
}

// dialPatterns: each of them, on the way in and on the way out.
func dialPatterns(s *stage.Stage) {
	pstn := s.Peer(stage.Leg{Proto: "udp"})
	s.Customer.Groups = []int{2}
	s.Customer.Destinations = append(s.Customer.Destinations, harness.Destination{Name: "pstn", Switch: "carrier", Group: 2})
	s.Customer.Rules = []harness.Rule{{Header: "from", Value: "out", Group: 2}}
	call := func(at *peer.UA, number, caller string) string {
		s.Helper()
		a := s.Caller.Invite("sip:"+number+"@"+s.Domain, from(caller))
		b := at.Accept("INVITE")
		b.Answer(486)
		a.Expect(486)
		b.Expect("ACK")
		return peer.User(b.Incoming().URI)
	}
	for _, pattern := range []struct {
		name    string
		arrives map[string]string
		sent    string // of +39 040 1234567
	}{
		{"e164", map[string]string{"390401234567": "390401234567", "+390401234567": "+390401234567", "1001": "1001"}, "390401234567"},
		{"+e164", map[string]string{"+390401234567": "390401234567", "%2B39-040-1234567": "390401234567", "1001": "1001"}, "+390401234567"},
		{"00", map[string]string{"00390401234567": "390401234567", "0401234567": "0401234567"}, "00390401234567"},
		{"national", map[string]string{"0401234567": "390401234567", "004940123456": "4940123456", "1001": "1001"}, "0401234567"},
		{"raw", map[string]string{"00390401234567": "00390401234567", "+39.040": "+39.040"}, "+390401234567"},
	} {
		line := "dial_pattern: \"" + pattern.name + "\""
		has(s, "", entry(s.Caller.IP(), line), carrier("carrier", pstn.Addr(), "udp", "dial_pattern: raw"))
		for number, want := range pattern.arrives {
			if got := call(s.Callee, number, "in"); got != want {
				s.Errorf("%s: %s arrives as %s, want %s", pattern.name, number, got, want)
			}
		}
		has(s, "", carrier("carrier", pstn.Addr(), "udp", line))
		if got := call(pstn, "+390401234567", "out"); got != pattern.sent {
			s.Errorf("%s: %s is sent, want %s", pattern.name, got, pattern.sent)
		}
		if got := call(pstn, "1001", "out"); got != "1001" {
			s.Errorf("%s: an extension is sent as %s", pattern.name, got)
		}
	}
}

// outside: requests that make no call, too.
func outside(s *stage.Stage) {
	s.Customer.Destinations = []harness.Destination{{Name: "pstn", Switch: "carrier"}}
	has(s, "", carrier("carrier", s.Callee.Addr(), "udp", "dial_pattern: +e164", `cli_prefix: "1"`), entry(s.Caller.IP(), `dial_pattern: "00"`))
	uri := "sip:00390401234567@" + s.Domain
	a := s.Caller.Start("MESSAGE", uri, from("0409876543"), peer.Body("text/plain", "hello"))
	b := s.Callee.Accept("MESSAGE")
	shows(s, s.Callee.Received("MESSAGE")[0], "+390401234567", "10409876543", "+390401234567")
	b.Answer(200)
	if ok := a.Expect(200); bare(ok.Get("From")) != "<sip:0409876543@trunk.invalid>" || bare(ok.Get("To")) != "<"+uri+">" {
		s.Errorf("From or To changed:\n%s", ok.Bytes())
	}
}

// noEntry: whoever else calls is not rewritten, whatever the customer's entries say.
func noEntry(s *stage.Stage) {
	has(s, "", entry(s.Peer(stage.Leg{Proto: "udp"}).IP(), `dial_pattern: "00"`, `rewrite: [{what: destination, current: "", new: "1", match: prefix}]`))
	a := s.Caller.Invite("sip:00390401234567@"+s.Domain, from("0409876543"))
	b := s.Callee.Accept("INVITE")
	shows(s, b.Incoming(), "00390401234567", "0409876543", "00390401234567")
	b.Answer(486)
	a.Expect(486)
	b.Expect("ACK")
}

// blocklist: the number as received and as rewritten, by an entry and by a switch that the call
// may go to.
func blocklist(s *stage.Stage) {
	own := `rewrite: [{what: destination, current: "9", new: "", match: prefix}]`
	blocked := func(uri string) {
		s.Helper()
		a := s.Caller.Invite(uri, from("0409876543"))
		a.Expect(403)
		r := s.Node.Must(s.T, "explain", "--from", "sip:0409876543@trunk.invalid", "--to", uri, "--source", s.Caller.Addr().String(), "-o", "json")
		if !strings.Contains(r.Stdout, `"blocklist"`) || !strings.Contains(r.Stdout, "is on the block list") {
			s.Errorf("explain says\n%s", r.Stdout)
		}
	}
	list := "blocklist: [{domain: \"\", prefix: \"040\"}, {domain: \"\", prefix: \"9065\"}]\n"
	has(s, list, entry(s.Caller.IP(), "dial_pattern: raw", own))
	for _, user := range []string{"0401234567", "90401234567", "9%30401234567", "9-040-1234567", "9+39040123", "90039040123", "90651234"} {
		blocked("sip:" + user + "@" + s.Domain)
	}
	a := s.Caller.Invite("sip:90611234567@" + s.Domain)
	b := s.Callee.Accept("INVITE")
	shows(s, b.Incoming(), "0611234567", "alice", "0611234567")
	b.Answer(486)
	a.Expect(486)
	b.Expect("ACK")

	s.Customer.Destinations = []harness.Destination{{Name: "pstn", Switch: "carrier"}}
	has(s, list, carrier("carrier", s.Callee.Addr(), "udp", "dial_pattern: +e164", `tech_prefix: "77"`, own))
	for _, user := range []string{"90401234567", "9%30401234567", "9-040-1234567", "90039040123", "90651234"} {
		blocked("sip:" + user + "@" + s.Domain)
	}
	s.Callee.Quiet(50 * time.Millisecond)
}

// emergency: neither rules nor pattern touch an emergency number, and what a prefix hid is one.
func emergency(s *stage.Stage) {
	has(s, "blocklist: [{domain: \"\", prefix: \"1\"}]\n",
		entry(s.Caller.IP(), "dial_pattern: national", `tech_prefix: "77"`, `rewrite: [{what: destination, current: "1", new: "391", match: prefix}]`))
	a := s.Caller.Invite("sip:77112@" + s.Domain)
	b := s.Callee.Accept("INVITE")
	shows(s, b.Incoming(), "112", "alice", "112")
	b.Answer(486)
	a.Expect(486)
	b.Expect("ACK")
}

// transparent: rewriting is no wall, so it stays.
func transparent(s *stage.Stage) {
	has(s, "transparent: true\n", entry(s.Caller.IP(), `dial_pattern: "00"`))
	a := s.Caller.Invite("sip:00390401234567@" + s.Domain)
	b := s.Callee.Accept("INVITE")
	shows(s, b.Incoming(), "390401234567", "alice", "390401234567")
	b.Answer(486)
	a.Expect(486)
	b.Expect("ACK")
}

// changed: a call that is up keeps the names that it began with.
func changed(s *stage.Stage) {
	has(s, "", entry(s.Caller.IP(), "dial_pattern: raw", `rewrite: [{what: cli, current: "0", new: "390", match: prefix}]`))
	a := s.Caller.Invite("sip:bob@"+s.Domain, from("0409876543"))
	b := s.Callee.Accept("INVITE")
	got, sent := b.Incoming(), a.Sent()
	b.Answer(200, peer.SDP(s.Callee, 1))
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	has(s, "", entry(s.Caller.IP(), "dial_pattern: raw", "rewrite: []"))
	through(s, a, b, sent, got, true)
}

// tools: explain and the API's tools show the steps that traffic takes.
func tools(s *stage.Stage, key string) {
	s.Customer.Destinations = []harness.Destination{{Name: "pstn", Switch: "carrier"}}
	has(s, "", entry(s.Caller.IP(), `dial_pattern: "00"`, `rewrite: [{what: cli, current: "0", new: "390", match: prefix}]`),
		carrier("carrier", s.Callee.Addr(), "udp", "dial_pattern: +e164", `tech_prefix: "9#"`))
	uri := "sip:00390401234567@" + s.Domain
	r := s.Node.Must(s.T, "explain", "--from", "sip:0409876543@trunk.invalid", "--to", uri, "--source", s.Caller.Addr().String())
	for _, want := range []string{
		`From switch "dialer": cli "0409876543" becomes "390409876543"`, `From switch "dialer": destination "00390401234567" becomes "390401234567"`,
		`To switch "carrier": destination "390401234567" becomes "+390401234567"`, `To switch "carrier": destination "+390401234567" becomes "9#+390401234567"`,
	} {
		if !strings.Contains(strings.Join(strings.Fields(r.Stdout), " "), want) {
			s.Errorf("explain says nothing of %s:\n%s", want, r.Stdout)
		}
	}
	a := s.Caller.Invite(uri, from("0409876543"))
	b := s.Callee.Accept("INVITE")
	shows(s, b.Incoming(), "9%23+390401234567", "390409876543", "9%23+390401234567")
	b.Answer(486)
	a.Expect(486)
	b.Expect("ACK")

	var id any
	for _, item := range api(s.T, s.Node, key, "GET", "/switches?limit=1000", nil)["items"].([]any) {
		sw := item.(map[string]any)
		if addresses, _ := sw["addresses"].([]any); len(addresses) == 1 && addresses[0] == s.Caller.IP()+"/32" {
			id = sw["id"]
		}
	}
	tried := api(s.T, s.Node, key, "POST", "/tools/rewrite", map[string]any{"switch_id": id, "destination": "00390401234567", "cli": "0409876543"})
	if tried["destination"] != "390401234567" || tried["cli"] != "390409876543" || len(tried["steps"].([]any)) != 2 {
		s.Errorf("tried: %v", tried)
	}
	range1 := api(s.T, s.Node, key, "GET", "/tools/cidr?cidr="+s.Caller.IP(), nil)
	admission := range1["admission"].(map[string]any)
	if admission["known"] != true || admission["customer"] != s.Customer.Name || admission["by"] != "entry" || len(range1["overlaps"].([]any)) != 1 {
		s.Errorf("the entry's address: %v", range1)
	}
	stranger := api(s.T, s.Node, key, "GET", "/tools/cidr?cidr=192.0.2.201", nil)["admission"].(map[string]any)
	if stranger["known"] != false || stranger["reason"] != "stranger_source" {
		s.Errorf("a stranger's address: %v", stranger)
	}
}
