package cdrs

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// TestEnds plays each way in which an attempt can end.
func TestEnds(t *testing.T) {
	node := harness.Start(t)
	r := newReader(t, node)
	short := func(c *harness.Customer) { c.Initial, c.Invite = "1s", "2s" }
	rule := func(c *harness.Customer) {
		c.Extra = "firewall_rules:\n  - {name: nobody, header: to, value: blocked, match: regex, priority: 1, action: drop}\n" +
			"blocklist:\n  - {prefix: \"00882\"}\n"
	}
	two := func(c *harness.Customer) { c.Extra = "call_limit: 1\n" }
	play := func(f func(theater)) func(*stage.Stage) {
		return func(s *stage.Stage) { f(theater{s, &reader{s.T, r.node, r.key}}) }
	}
	stage.Play(t, node, []stage.Scenario{
		{Name: "the caller hangs up", Matrix: stage.Some(), Play: play(callerHangsUp)},
		{Name: "the callee hangs up", Matrix: stage.One(), Play: play(calleeHangsUp)},
		{Name: "an operator hangs up", Matrix: stage.One(), Play: play(operatorHangsUp)},
		{Name: "a BYE that nobody answers", Matrix: stage.One(), Play: play(silentBye)},
		{Name: "busy", Matrix: stage.One(), Play: play(busy)},
		{Name: "unknown user", Matrix: stage.One(), Play: play(unknown)},
		{Name: "no answer", Matrix: stage.One(), Customer: short, Play: play(noAnswer)},
		{Name: "nobody there", Matrix: stage.One(), Customer: short, Play: play(nobodyThere)},
		{Name: "cancelled", Matrix: stage.One(), Play: play(canceled)},
		{Name: "an entry, by its name", Matrix: stage.One(), Play: play(named)},
		{Name: "failover", Matrix: stage.One(), Play: play(failover)},
		{Name: "challenged", Matrix: stage.One(), Play: play(challenged)},
		{Name: "the limit", Matrix: stage.One(), Customer: two, Play: play(limit)},
		{Name: "firewall, silent", Matrix: stage.One(), Customer: rule, Play: play(firewalled)},
		{Name: "firewall, a phone", Matrix: stage.One(), Customer: rule, Play: play(firewalledPhone)},
		{Name: "block list, again and again", Matrix: stage.One(), Customer: rule, Play: play(blocklisted)},
	})
}

func callerHangsUp(t theater) {
	a, b := t.Talk()
	t.End(a, b)
	c := t.one(200, "ok", "caller")
	switch {
	case c.Answered.IsZero(), c.CallID != a.ID, c.FarCallID != b.ID, c.Hidden != t.Hidden, t.Hidden == (c.CallID == c.FarCallID):
		t.Errorf("not this call: %+v", c)
	case t.Callee.Proto() == "udp" && c.Target != t.Callee.Addr().String():
		t.Errorf("not this callee: %+v", c)
	case !t.Outbound && c.Destination != "d1":
		t.Errorf("destination %q", c.Destination)
	}
}

func calleeHangsUp(t theater) {
	a, b := t.Talk()
	t.End(b, a)
	t.one(200, "ok", "callee")
}

func operatorHangsUp(t theater) {
	a, b := t.Talk()
	id := ""
	for _, c := range t.reader.node.JSON(t.Stage.T, "calls") {
		if c["call_id"] == a.ID {
			id = fmt.Sprint(c["id"])
		}
	}
	t.reader.node.Must(t.Stage.T, "hangup", id)
	byeA, byeB := a.Expect("BYE"), b.Expect("BYE")
	c := t.one(200, "hung_up", "tollgate") // although neither is answered
	if c.ID != id {
		t.Errorf("the record is of %s, the call was %s", c.ID, id)
	}
	a.Reply(byeA, 200)
	b.Reply(byeB, 200)
}

func silentBye(t theater) {
	a, b := t.Talk()
	at := time.Now()
	a.Request("BYE")
	bye := b.Expect("BYE")
	c := t.one(200, "ok", "caller")
	if c.Ended.Before(at.Add(-5 * time.Millisecond)) { // nor later than now, before which nobody has answered the BYE
		t.Errorf("it ended at %v, the BYE went out at %v", c.Ended, at)
	}
	b.Reply(bye, 200)
	a.Expect("200 BYE")
	t.want(t.Stage.Customer.Name, 1)
}

// refused has the callee refuse.
func (t theater) refused(status int) {
	t.Helper()
	a := t.Caller.Invite(t.URI())
	b := t.Callee.Accept("INVITE")
	b.Answer(status)
	b.Expect("ACK")
	a.Expect(status)
	c := t.one(status, "ok", "callee")
	if !c.Answered.IsZero() || c.CallID != a.ID || c.Switch != "" || c.SwitchID != 0 || c.User != "" {
		t.Errorf("%+v", c)
	}
	if c.Sentence == "" || t.Callee.Proto() == "udp" && c.Target != t.Callee.Addr().String() {
		t.Errorf("who refused is not told: %+v", c)
	}
}

// named: what an entry sends is told by its name, although it never came to a destination, too.
func named(t theater) {
	entry := t.Peer(stage.Leg{Proto: "udp"})
	t.Stage.Customer.Extra += fmt.Sprintf("switches:\n  - {name: trunk, direction: egress, addresses: [%q]}\n", entry.IP()) +
		"blocklist:\n  - {prefix: \"00882\"}\n"
	t.Apply()
	entry.Invite("sip:00882123@" + t.Domain).Expect(403)
	a := entry.Invite("sip:200@" + t.Domain)
	b := t.Callee.Accept("INVITE")
	b.Answer(486)
	b.Expect("ACK")
	a.Expect(486)
	for i, c := range t.want(t.Stage.Customer.Name, 2) {
		if c.Switch != "trunk" || c.SwitchID == 0 || (c.Target != "") != (i == 1) {
			t.Errorf("%+v", c)
		}
	}
}

func busy(t theater)    { t.refused(486) }
func unknown(t theater) { t.refused(404) }

func noAnswer(t theater) {
	a, b := t.Ring()
	b.Reply(b.Expect("CANCEL"), 200)
	b.Answer(487)
	b.Expect("ACK")
	a.Expect(404)
	if c := t.one(404, "invite_timeout", "tollgate"); c.Setup < 1.9 {
		t.Errorf("after %v s", c.Setup)
	}
}

func nobodyThere(t theater) {
	t.Loose = true
	a := t.Caller.Invite(t.URI())
	a.Expect(404)
	t.one(404, "initial_timeout", "tollgate")
}

func canceled(t theater) {
	a, b := t.Ring()
	a.Cancel()
	a.Expect("200 CANCEL")
	a.Expect(487)
	b.Reply(b.Expect("CANCEL"), 200)
	b.Answer(487)
	b.Expect("ACK")
	t.one(487, "canceled", "caller")
}

func failover(t theater) {
	second := t.Peer(stage.Leg{Proto: "udp"})
	t.Stage.Customer.Destinations = []harness.Destination{{Addr: t.Callee.Addr()}, {Addr: second.Addr()}}
	t.Apply()
	a := t.Caller.Invite(t.URI())
	first := t.Callee.Accept("INVITE")
	first.Answer(503)
	first.Expect("ACK")
	b := second.Accept("INVITE")
	b.Answer(200, peer.SDP(second, 1))
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	t.End(a, b)
	if c := t.one(200, "ok", "caller"); c.Destination != "d2" || c.Target != second.Addr().String() {
		t.Errorf("it went to %s, %s", c.Destination, c.Target)
	}
}

// challenged: the retry with credentials is the attempt.
func challenged(t theater) {
	a := t.Caller.Invite(t.URI())
	b := t.Callee.Accept("INVITE")
	b.Answer(407, peer.With("Proxy-Authenticate", `Digest realm="x", nonce="1"`))
	b.Expect("ACK")
	a.Expect(407)
	again := t.Caller.Invite(t.URI(), peer.With("Proxy-Authorization", `Digest username="a", realm="x", nonce="1"`))
	b = t.Callee.Accept("INVITE")
	b.Answer(486)
	b.Expect("ACK")
	again.Expect(486)
	if c := t.one(486, "ok", "callee"); c.CallID != again.ID {
		t.Errorf("%+v", c)
	}
}

func limit(t theater) {
	a, b := t.Talk()
	second := t.Caller.Invite(t.URI())
	second.Expect(480)
	c := t.one(480, "call_limit", "tollgate")
	if c.CallID != second.ID || c.Destination != "d1" && !t.Outbound || c.Target != "" || c.Limit != "customer "+t.Stage.Customer.Name+", 1 call" {
		t.Errorf("%+v", c)
	}
	t.End(a, b)
	if list := t.want(t.Stage.Customer.Name, 2); list[1].CallID != a.ID || list[1].Seq <= list[0].Seq {
		t.Errorf("%+v", list)
	}
}

// firewalled: who calls by the domain gets silence, and sends again and again.
func firewalled(t theater) {
	a := t.Caller.Invite("sip:blocked@" + t.Domain)
	for range 5 {
		a.Resend()
	}
	if c := t.one(0, "firewall", "tollgate"); c.Rule == 0 {
		t.Errorf("no rule: %+v", c)
	}
	t.Caller.Quiet(50 * time.Millisecond)
}

func firewalledPhone(t theater) {
	phone := t.Caller.Registers("100", t.Domain)
	phone.Ask(600)
	b := t.Callee.Accept("REGISTER")
	b.Answer(200, peer.With("Contact", b.Incoming().Get("Contact")+";expires=600"))
	phone.Expect(200)
	a := t.Caller.Invite("sip:blocked@" + t.Domain)
	a.Expect(403)
	if c := t.one(403, "firewall", "tollgate"); c.Rule == 0 {
		t.Errorf("no rule: %+v", c)
	}
}

// blocklisted: the retransmissions of an INVITE are one attempt, another INVITE is another.
func blocklisted(t theater) {
	for range 3 {
		a := t.Caller.Invite("sip:00882123@" + t.Domain)
		a.Resend()
		a.Expect(403)
	}
	t.Caller.Drain() // the refusal of what was sent again
	list := t.want(t.Stage.Customer.Name, 3)
	ids := map[string]bool{}
	for _, c := range list {
		if ids[c.CallID] = true; c.Status != 403 || c.Reason != "blocklist" {
			t.Errorf("%+v", c)
		}
	}
	if len(ids) != 3 {
		t.Errorf("%v", ids)
	}
	decided := t.reader.node.JSON(t.Stage.T, "decisions", list[0].CallID)
	if c := list[0]; len(decided) != 1 || decided[0]["ref"] != c.Ref || decided[0]["rule_name"] != c.RuleName || c.RuleName != "00882" {
		t.Errorf("the decisions are %v, the record is %+v", decided, c)
	}
}

// TestListedSoon: within a second of the end.
func TestListedSoon(t *testing.T) {
	t.Parallel()
	s := stage.New(t, harness.Start(t), stage.One()[0], nil)
	r := newReader(t, s.Node)
	var took []time.Duration
	for n := range 5 {
		a, b := s.Talk()
		s.End(a, b)
		r.want(s.Customer.Name, n+1)
		took = append(took, time.Since(r.of(s.Customer.Name)[n].Ended))
	}
	slices.Sort(took)
	if t.Logf("listed after %v", took); took[2] > time.Second {
		t.Error("half of them took more than a second")
	}
}

// TestStrangers: who calls nobody's domain leaves no record.
func TestStrangers(t *testing.T) {
	t.Parallel()
	s := stage.New(t, harness.Start(t), stage.One()[0], nil)
	r := newReader(t, s.Node)
	s.Caller.Invite("sip:bob@unknown.test")
	a, b := s.Talk()
	s.End(a, b)
	r.want(s.Customer.Name, 1)
	if list, _ := r.page("0", ""); len(list) != 1 {
		t.Errorf("%+v", list)
	}
}
