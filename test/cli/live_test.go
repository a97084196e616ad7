package cli

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// TestCalls lists what is up, in words and as JSON.
func TestCalls(t *testing.T) {
	t.Parallel()
	s := scene(t)
	if list := s.Node.JSON(t, "calls"); len(list) != 0 {
		t.Errorf("no call is up: %v", list)
	}
	a, b := s.Ring()
	if list := s.Node.JSON(t, "calls"); len(list) != 1 || list[0]["customer"] != s.Customer.Name {
		t.Errorf("one call rings: %v", list)
	}
	b.Answer(200, peer.SDP(s.Callee, 1))
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	says(t, s.Node.Must(t, "calls"), s.Customer.Name, "bob")
	list := s.Node.JSON(t, "calls")
	if len(list) != 1 || list[0]["call_id"] != a.ID || list[0]["destination"] != "d1" {
		t.Errorf("one call is up: %v", list)
	}
	s.End(a, b)
	harness.Eventually(t, harness.Soon, func() error { return noCalls(t, s.Node) })
}

type callsUp int

func (n callsUp) Error() string { return "calls are still listed" }

func noCalls(t *testing.T, node *harness.Node) error {
	t.Helper()
	if list := node.JSON(t, "calls"); len(list) > 0 {
		return callsUp(len(list))
	}
	return nil
}

// TestHangup ends a call on both sides, also one that rings.
func TestHangup(t *testing.T) {
	t.Parallel()
	node := harness.Start(t)
	for _, v := range stage.One() {
		t.Run(v.String(), func(t *testing.T) {
			s := stage.New(t, node, v, nil)
			a, b := s.Talk()
			node.Must(t, "hangup", callID(t, node))
			byeA, byeB := a.Expect("BYE"), b.Expect("BYE")
			a.Reply(byeA, 200)
			b.Reply(byeB, 200)
			harness.Eventually(t, harness.Soon, func() error { return noCalls(t, node) })
			a, b = s.Ring()
			node.Must(t, "hangup", callID(t, node))
			b.Reply(b.Expect("CANCEL"), 200)
			b.Answer(487)
			b.Expect("ACK")
			a.Expect(480)
			harness.Eventually(t, harness.Soon, func() error { return noCalls(t, node) })
		})
	}
	if r := node.Command(t, "hangup", "no-such-call"); r.Code != 1 {
		t.Errorf("a call that is not there: expected exit 1\n%s", r)
	}
}

func callID(t *testing.T, node *harness.Node) string {
	t.Helper()
	list := node.JSON(t, "calls")
	if len(list) != 1 {
		t.Fatalf("expected one call, got %v", list)
	}
	id, _ := list[0]["id"].(string)
	return id
}

// TestProbe places a real call and prints its ladder with times.
func TestProbe(t *testing.T) {
	t.Parallel()
	s := scene(t)
	answer := func(final int) harness.Result {
		result := s.Node.Begin(t, "probe", "sip:probe@"+s.Domain)
		b := s.Callee.Accept("INVITE")
		b.Answer(180)
		b.Answer(final, peer.SDP(s.Callee, 1))
		b.Expect("ACK")
		if final == 200 {
			b.Reply(b.Expect("BYE"), 200)
		}
		return result()
	}
	r := answer(200)
	if r.Code != 0 {
		t.Fatalf("%s", r)
	}
	says(t, r, "INVITE", "180", "200", "ACK", "BYE")
	if !regexp.MustCompile(`\d(\.\d+)? ?(ms|s|µs|us)\b`).MatchString(r.Stdout) {
		t.Errorf("no times in\n%s", r)
	}
	r = answer(486)
	if r.Code != 1 {
		t.Errorf("a refused probe: expected exit 1\n%s", r)
	}
	says(t, r, "486")
	if r := s.Node.Command(t, "probe", "sip:x@unknown.test"); r.Code != 1 {
		t.Errorf("a probe to nobody: expected exit 1\n%s", r)
	}
}

// TestExplain says beforehand what then happens.
func TestExplain(t *testing.T) {
	t.Parallel()
	s := scene(t)
	second := s.Peer(stage.Leg{Proto: "udp"})
	s.Customer.Groups = []int{2}
	s.Customer.Destinations = []harness.Destination{
		{Name: "old-pbx", Addr: s.Callee.Addr()}, {Name: "new-pbx", Addr: second.Addr(), Group: 2},
	}
	s.Customer.Rules = []harness.Rule{{Header: "user-agent", Value: "^Cisco", Group: 2}}
	s.Apply()
	explain := func(to string, more ...string) harness.Result {
		args := []string{"explain", "--from", "sip:alice@x.test", "--to", to, "--source", s.Caller.Addr().String()}
		return s.Node.Must(t, append(args, more...)...)
	}
	says(t, explain(s.URI()), s.Customer.Name, "old-pbx")
	says(t, explain(s.URI(), "--header", "User-Agent: Cisco 79"), "new-pbx", "rule0")
	says(t, explain("sip:bob@unknown.test"), "unknown.test")
	var any map[string]any
	if r := explain(s.URI(), "-o", "json"); json.Unmarshal([]byte(r.Stdout), &any) != nil || !strings.Contains(r.Stdout, "old-pbx") {
		t.Errorf("no JSON object about old-pbx\n%s", r)
	}
	for _, c := range []struct {
		agent string
		ua    *peer.UA
	}{{"Yealink", s.Callee}, {"Cisco 79", second}} {
		a := s.Caller.Invite(s.URI(), peer.With("User-Agent", c.agent))
		b := c.ua.Accept("INVITE")
		b.Answer(486)
		b.Expect("ACK")
		a.Expect(486)
	}
}

// TestDestinations lists them with their state.
func TestDestinations(t *testing.T) {
	t.Parallel()
	s := scene(t)
	list := s.Node.JSON(t, "destinations")
	if len(list) != 1 || list[0]["name"] != "d1" {
		t.Errorf("one destination: %v", list)
	}
	says(t, s.Node.Must(t, "destinations"), "d1", s.Callee.IP())
}

// TestVersion, and help, need no node.
func TestVersion(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, args := range [][]string{{"version"}, {"--help"}} {
		if r := harness.Run(t, dir, nil, args...); r.Code != 0 || strings.TrimSpace(r.Stdout) == "" {
			t.Errorf("%s", r)
		}
	}
}

// TestNoNode: a command without a running node says so in one sentence.
func TestNoNode(t *testing.T) {
	t.Parallel()
	node := harness.New(t)
	for _, command := range []string{"calls", "destinations", "export"} {
		oneSentence(t, node.Command(t, command), "node")
	}
}
