package switches

import (
	"strings"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// TestHeaders plays what is added to requests, removed and replaced: for a destination, a switch, an entry.
func TestHeaders(t *testing.T) {
	stage.Play(t, harness.Start(t), []stage.Scenario{
		{Name: "in a call", Matrix: stage.Matrix("udp4-udp4", "tls4-tcp6"), Play: headersInCall, OwnOnly: true},
		{Name: "outside of calls", Matrix: stage.One(), Play: headersOutside, OwnOnly: true},
		{Name: "entry, switch and destination", Matrix: stage.One(), Play: headersOfAll, OwnOnly: true},
		{Name: "each destination its own", Matrix: stage.One(), Play: headersOfEach, OwnOnly: true},
		{Name: "grown over 1300 bytes", Matrix: stage.One(), Play: headersGrown, OwnOnly: true},
		{Name: "changed", Matrix: stage.One()[:1], Play: headersChanged, OwnOnly: true},
	})
}

// account is a list that does each thing once.
const account = `[{action: add, name: X-Account, value: "acme, 7"}, {action: remove, name: x-probe}, {action: replace, name: User-Agent, value: gate}]`

// probe is what a phone says that the PBX is not to hear.
func probe(m *peer.Message) {
	m.Add("X-Probe", "one")
	m.Add("X-Kept", "kept")
	m.Add("X-PROBE", "two")
}

// isChanged wants a request to be as the list account makes it.
func isChanged(t *testing.T, m *peer.Message) {
	t.Helper()
	shows(t, m, "X-Account", "acme, 7")
	shows(t, m, "X-Probe", "")
	shows(t, m, "X-Kept", "kept")
	shows(t, m, "User-Agent", "gate")
}

// isSame wants a message to be as its sender wrote it.
func isSame(t *testing.T, m *peer.Message) {
	t.Helper()
	shows(t, m, "X-Account", "")
	shows(t, m, "X-Probe", "one|two")
	shows(t, m, "X-Kept", "kept")
}

// shows wants the lines of a header to have these values.
func shows(t *testing.T, m *peer.Message, name, want string) {
	t.Helper()
	var got []string
	for _, h := range m.Headers {
		if strings.EqualFold(h.Name, name) {
			got = append(got, h.Value)
		}
	}
	if all := strings.Join(got, "|"); all != want {
		t.Errorf("%s has %s %q, want %q", m.Start(), name, all, want)
	}
}

// arrives places a call, gives its INVITE as it came to an endpoint, and ends it there.
func arrives(s *stage.Stage, at *peer.UA, uri string, opts ...peer.Option) *peer.Message {
	s.Helper()
	a := s.Caller.Invite(uri, opts...)
	b := at.Accept("INVITE")
	b.Answer(486)
	a.Expect(486)
	b.Expect("ACK")
	return b.Incoming()
}

// headersInCall: in all requests that go there, and in nothing that comes from there.
func headersInCall(s *stage.Stage) {
	s.Customer.Destinations[0].Headers = account
	s.Apply()
	a := s.Caller.Invite(s.URI(), probe)
	b := s.Callee.Accept("INVITE")
	isChanged(s.T, b.Incoming())
	b.Answer(200, peer.SDP(s.Callee, 1), probe)
	isSame(s.T, a.Expect(200))
	a.Ack(probe)
	isChanged(s.T, b.Expect("ACK"))
	a.Request("INFO", probe)
	info := b.Expect("INFO")
	isChanged(s.T, info)
	b.Reply(info, 200)
	a.Expect("200 INFO")
	b.Request("INFO", probe)
	info = a.Expect("INFO")
	isSame(s.T, info)
	a.Reply(info, 200)
	b.Expect("200 INFO")
	s.End(b, a)
}

// headersOutside: in a MESSAGE, and in a REGISTER that is passed on.
func headersOutside(s *stage.Stage) {
	s.Customer.Destinations[0].Headers = account
	s.Apply()
	a := s.Caller.Start("MESSAGE", s.URI(), peer.Body("text/plain", "hello"), probe)
	b := s.Callee.Accept("MESSAGE")
	isChanged(s.T, b.Incoming())
	b.Answer(202)
	a.Expect(202)
	r := s.Caller.Registers("1001", s.Domain)
	r.Ask(300, probe)
	reg := s.Callee.Accept("REGISTER")
	isChanged(s.T, reg.Incoming())
	reg.Answer(403)
	r.Expect(403)
}

// headersOfAll: first the entry's that sends the call, then the switch's that gets it, then the destination's.
func headersOfAll(s *stage.Stage) {
	sc := &scene{s}
	s.Customer.Destinations = []harness.Destination{{
		Name: "pstn", Switch: "carrier",
		Headers: "[{action: replace, name: X-Last, value: destination}, {action: remove, name: X-Gone}, {action: add, name: X-Way, value: destination}]",
	}}
	sc.has(
		entry("office", s.Caller.IP(), "headers: [{action: add, name: X-Way, value: entry}, {action: add, name: X-Gone, value: entry}]"),
		carrier("carrier", s.Callee.Addr(), "headers: [{action: add, name: X-Way, value: switch}, {action: add, name: X-Last, value: switch}]"),
	)
	got := arrives(s, s.Callee, number(s.Caller, "0401234567"), from("0409876543"))
	shows(s.T, got, "X-Way", "entry|switch|destination")
	shows(s.T, got, "X-Last", "destination")
	shows(s.T, got, "X-Gone", "")
}

// headersOfEach: after a failure the next one gets its own.
func headersOfEach(s *stage.Stage) {
	first := s.Peer(stage.Leg{Proto: "udp"})
	s.Customer.Destinations = []harness.Destination{
		{Name: "first", Addr: first.Addr(), Headers: "[{action: add, name: X-Way, value: first}]"},
		{Name: "second", Addr: s.Callee.Addr(), Headers: "[{action: add, name: X-Other, value: second}]"},
	}
	s.Apply()
	a := s.Caller.Invite(s.URI())
	b := first.Accept("INVITE")
	shows(s.T, b.Incoming(), "X-Way", "first")
	b.Answer(503)
	b.Expect("ACK")
	b = s.Callee.Accept("INVITE")
	shows(s.T, b.Incoming(), "X-Way", "")
	shows(s.T, b.Incoming(), "X-Other", "second")
	b.Answer(486)
	a.Expect(486)
	b.Expect("ACK")
}

// headersGrown: a request that they make larger than 1300 bytes goes by TCP, where that is taken (RFC 3261 18.1.1).
func headersGrown(s *stage.Stage) {
	pbx := s.Peer(stage.Leg{Proto: "tcp"})
	s.Customer.Destinations = []harness.Destination{{
		Addr: pbx.Addr(), Proto: "udp",
		Headers: "[{action: add, name: X-A, value: " + strings.Repeat("a", 500) + "}, {action: add, name: X-B, value: " + strings.Repeat("b", 500) + "}]",
	}}
	s.Apply()
	shows(s.T, arrives(s, pbx, s.URI()), "X-B", strings.Repeat("b", 500))
}

// headersChanged: another list holds from the next request on; what depends on a header cannot be changed, and nothing
// of a file that asks for it is taken.
func headersChanged(s *stage.Stage) {
	call := func(want string) {
		s.Helper()
		shows(s.T, arrives(s, s.Callee, s.URI()), "X-Account", want)
	}
	call("")
	d := &s.Customer.Destinations[0]
	d.Headers = "[{action: add, name: X-Account, value: one}]"
	s.Apply()
	call("one")
	for list, want := range map[string]string{
		"[{action: add, name: Via, value: x}]":                                         "headers[0].name",
		"[{action: remove, name: f}]":                                                  "headers[0].name",
		"[{action: set, name: X-A, value: x}]":                                         "one of add, remove, replace",
		"[{action: add, name: X-A, value: x}, {action: add, name: \"X A\", value: x}]": "headers[1].name",
		"[{action: add, name: X-A, value: \"x\\r\\nVia: y\"}]":                         "headers[0].value",
		"[{action: remove, name: X-A, value: x}]":                                      "headers[0].value",
	} {
		d.Headers = list
		if r := s.Node.TryApply(s.T, harness.Tenants(s.Customer)); r.Code == 0 || !strings.Contains(r.Stdout+r.Stderr, want) {
			s.Errorf("%s: %d %s%s", list, r.Code, r.Stdout, r.Stderr)
		}
	}
	call("one")
}
