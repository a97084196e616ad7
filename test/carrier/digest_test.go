package carrier

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func TestDigest(t *testing.T) {
	n := harness.Start(t)
	for name, play := range map[string]func(*testing.T, *harness.Node){
		"the strongest": strongest, "401 and 407": bothKinds, "stale": stale, "wrong password": wrong,
		"remembered realm": remembered, "canceled": canceled, "not an INVITE": notInvite, "a caller's own": callersOwn, "failover": failover,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, n)
		})
	}
	for name, play := range map[string]func(*testing.T, *harness.Node, stage.Variant){
		"changing nonce": changing, "foreign realm": foreignRealm, "from elsewhere": elsewhere, "within the call": withinCall, "our own BYE": ourBye,
	} {
		for _, v := range stage.Matrix("udp4-udp4", "tcp4-tcp4", "tls4-tls4") {
			t.Run(name+"/"+v.String(), func(t *testing.T) {
				t.Parallel()
				play(t, n, v)
			})
		}
	}
	t.Run("kept secret", func(t *testing.T) { secret(t, n) })
}

// strongest: of several challenges the strongest is answered, and the call is a call as any
// other, whatever its numbers on the two legs.
func strongest(t *testing.T, n *harness.Node) {
	for _, v := range stage.Matrix("udp4-udp4", "tcp4-tcp4", "tls4-udp4") {
		t.Run(v.String(), func(t *testing.T) {
			s := play(t, n, v, "realm: "+realm)
			a := s.Caller.Invite(s.number())
			b := s.Callee.Accept("INVITE")
			s.silent(b.Incoming())
			first, _ := b.Incoming().CSeq()
			b = s.again(b, 401, digest(realm, "n1", ", algorithm=MD5"), digest(realm, "n2", `, qop="auth", algorithm=SHA-512-256, opaque="o"`),
				digest(realm, "n3", `, qop="auth,auth-int", algorithm=SHA-256`))
			if second, _ := b.Incoming().CSeq(); second != first+1 {
				s.Errorf("CSeq %d after %d", second, first)
			}
			s.proves(b.Incoming(), "Authorization", "n2")
			b.Answer(180)
			a.Expect(180)
			b.Answer(200, peer.SDP(s.Callee, 1))
			a.Expect(200)
			a.Ack()
			ack := b.Expect("ACK")
			if number, _ := ack.CSeq(); number != first+1 {
				s.Errorf("the ACK has the number %d", number)
			}
			a.Request("INVITE", peer.SDP(s.Caller, 2)) // later requests keep their distance
			again := b.Expect("INVITE")
			s.silent(again)
			b.Reply(again, 200, peer.SDP(s.Callee, 2))
			a.Expect("200 INVITE")
			a.Ack()
			b.Expect("ACK")
			b.Request("INFO")
			a.Reply(a.Expect("INFO"), 200)
			b.Expect("200 INFO")
			s.End(a, b)
		})
	}
}

// bothKinds: a proxy and the switch behind it may ask one after the other.
func bothKinds(t *testing.T, n *harness.Node) {
	s := play(t, n, stage.One()[0], "realm: "+realm)
	a := s.Caller.Invite(s.number())
	b := s.again(s.Callee.Accept("INVITE"), 407, digest(realm, "p", `, qop="auth"`))
	s.proves(b.Incoming(), "Proxy-Authorization", "p")
	b = s.again(b, 401, digest(realm, "w", `, qop="auth"`))
	s.proves(b.Incoming(), "Authorization", "w")
	s.proves(b.Incoming(), "Proxy-Authorization", "p")
	if nc := answered(b.Incoming(), "Proxy-Authorization")["nc"]; nc != "00000002" {
		s.Errorf("a nonce used twice counts %s", nc)
	}
	b.Answer(486)
	a.Expect(486)
	b.Expect("ACK")
}

func stale(t *testing.T, n *harness.Node) {
	s := play(t, n, stage.One()[0], "realm: "+realm)
	a := s.Caller.Invite(s.number())
	b := s.again(s.Callee.Accept("INVITE"), 401, digest(realm, "n1", ""))
	b = s.again(b, 401, digest(realm, "n2", `, stale=true`))
	s.proves(b.Incoming(), "Authorization", "n2")
	b.Answer(486)
	a.Expect(486)
	b.Expect("ACK")
}

// changing: a switch that always has another nonce is answered twice.
func changing(t *testing.T, n *harness.Node, v stage.Variant) {
	s := play(t, n, v, "realm: "+realm)
	a := s.Caller.Invite(s.number())
	b := s.again(s.Callee.Accept("INVITE"), 401, digest(realm, "n1", ""))
	b = s.again(b, 401, digest(realm, "n2", ", stale=true"))
	s.gone(a, b, 401, digest(realm, "n3", ", stale=true"))
}

func wrong(t *testing.T, n *harness.Node) {
	s := play(t, n, stage.One()[0], "realm: "+realm)
	a := s.Caller.Invite(s.number())
	b := s.again(s.Callee.Accept("INVITE"), 401, digest(realm, "n1", ""))
	s.gone(a, b, 401, digest(realm, "n1", ""))
}

// gone answers with a challenge that is not taken up: the caller hears of none.
func (s *scene) gone(a, b *peer.Call, status int, challenges ...string) {
	s.Helper()
	b.Answer(status, asks(status, challenges...))
	b.Expect("ACK")
	if got := a.Expect(403); got.Has("WWW-Authenticate") || got.Has("Proxy-Authenticate") {
		s.Errorf("a challenge went to the caller:\n%s", got.Bytes())
	}
	s.Callee.Quiet(50 * time.Millisecond)
}

func foreignRealm(t *testing.T, n *harness.Node, v stage.Variant) {
	s := play(t, n, v, "realm: "+realm)
	for _, status := range []int{401, 407} {
		a := s.Caller.Invite(s.number())
		s.gone(a, s.Callee.Accept("INVITE"), status, digest("bank.example", "n1", ""))
	}
}

// remembered: without a realm in the entry the first one that is asked for is the switch's.
func remembered(t *testing.T, n *harness.Node) {
	s := play(t, n, stage.One()[0])
	a := s.Caller.Invite(s.number())
	b := s.again(s.Callee.Accept("INVITE"), 401, digest(realm, "n1", ""))
	s.proves(b.Incoming(), "Authorization", "n1")
	b.Answer(486)
	a.Expect(486)
	b.Expect("ACK")
	a = s.Caller.Invite(s.number())
	s.gone(a, s.Callee.Accept("INVITE"), 401, digest("bank.example", "n2", ""))
}

// elsewhere: a challenge that comes from another socket than the request went to.
func elsewhere(t *testing.T, n *harness.Node, v stage.Variant) {
	s := play(t, n, v, "realm: "+realm)
	other := s.Peer(v.Callee)
	a := s.Caller.Invite(s.number())
	b := s.Callee.Accept("INVITE")
	m := b.Incoming()
	text := fmt.Sprintf("SIP/2.0 401 Unauthorized\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=x\r\nCall-ID: %s\r\nCSeq: %s\r\nWWW-Authenticate: %s\r\nContent-Length: 0\r\n\r\n",
		strings.Join(m.All("Via"), ", "), m.Get("From"), m.Get("To"), m.Get("Call-ID"), m.Get("CSeq"), digest(realm, "n1", ""))
	other.Raw([]byte(text))
	b.Expect("ACK")
	a.Expect(403)
	s.Callee.Quiet(50 * time.Millisecond)
}

// withinCall: nothing is proven to a switch within a call, neither for the caller's requests
// nor for his BYE, which ends the call all the same.
func withinCall(t *testing.T, n *harness.Node, v stage.Variant) {
	s := play(t, n, v, "realm: "+realm)
	a, b := s.up()
	for _, method := range []string{"INFO", "UPDATE"} {
		a.Request(method)
		b.Reply(b.Expect(method), 401, asks(401, digest(realm, "n2", "")))
		a.Expect("403 " + method)
	}
	a.Request("INVITE", peer.SDP(s.Caller, 2))
	b.Reply(b.Expect("INVITE"), 407, asks(407, digest(realm, "n3", "")))
	b.Expect("ACK")
	a.Expect("403 INVITE")
	a.Request("BYE")
	b.Reply(b.Expect("BYE"), 401, asks(401, digest(realm, "n4", "")))
	a.Expect("403 BYE")
	s.Callee.Quiet(50 * time.Millisecond)
}

// up places a call that the carrier has answered.
func (s *scene) up() (a, b *peer.Call) {
	s.Helper()
	a = s.Caller.Invite(s.number())
	b = s.again(s.Callee.Accept("INVITE"), 401, digest(realm, "n1", ""))
	b.Answer(200, peer.SDP(s.Callee, 1))
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	return a, b
}

// ourBye: an operator ends a call, and the carrier challenges our own BYE.
func ourBye(t *testing.T, n *harness.Node, v stage.Variant) {
	s := play(t, n, v, "realm: "+realm)
	a, b := s.up()
	for _, c := range n.JSON(t, "calls") {
		if c["call_id"] == a.ID {
			n.Must(t, "hangup", fmt.Sprint(c["id"]))
		}
	}
	a.Reply(a.Expect("BYE"), 200)
	bye := b.Expect("BYE")
	s.silent(bye)
	b.Reply(bye, 401, asks(401, digest(realm, "n9", "")))
	s.Callee.Quiet(50 * time.Millisecond)
}

// canceled: the CANCEL is of the INVITE that was sent last.
func canceled(t *testing.T, n *harness.Node) {
	s := play(t, n, stage.One()[0], "realm: "+realm)
	a := s.Caller.Invite(s.number())
	b := s.again(s.Callee.Accept("INVITE"), 401, digest(realm, "n1", ""))
	b.Answer(180)
	a.Expect(180)
	a.Cancel()
	cancel := b.Expect("CANCEL")
	if got, _ := cancel.CSeq(); fmt.Sprint(got, " INVITE") != b.Incoming().Get("CSeq") {
		s.Errorf("CANCEL %d of %s", got, b.Incoming().Get("CSeq"))
	}
	b.Reply(cancel, 200)
	b.Answer(487)
	b.Expect("ACK")
	a.Await(487)
	a.Await("200 CANCEL")
}

func notInvite(t *testing.T, n *harness.Node) {
	s := play(t, n, stage.One()[0], "realm: "+realm)
	for _, method := range []string{"MESSAGE", "OPTIONS", "PUBLISH"} {
		a := s.Caller.Start(method, s.number())
		b := s.again(s.Callee.Accept(method), 407, digest(realm, "n1", `, algorithm=SHA-256, qop="auth"`))
		s.proves(b.Incoming(), "Proxy-Authorization", "n1")
		b.Answer(200)
		a.Expect(200)
		a = s.Caller.Start(method, s.number())
		b = s.Callee.Accept(method)
		b.Answer(401, asks(401, digest("bank.example", "n2", "")))
		a.Expect(403)
	}
	a := s.Caller.Subscribe(s.number(), "presence", 600)
	b := s.again(s.Callee.Accept("SUBSCRIBE"), 401, digest(realm, "n1", ""))
	s.proves(b.Incoming(), "Authorization", "n1")
	b.Answer(403)
	a.Expect(403)
}

// callersOwn: what a caller knows of passwords is not for a carrier.
func callersOwn(t *testing.T, n *harness.Node) {
	s := play(t, n, stage.One()[0], "realm: "+realm)
	mine := peer.With("Authorization", `Digest username="alice", realm="home", nonce="x", uri="sip:x", response="0123456789abcdef0123456789abcdef"`)
	a := s.Caller.Invite(s.number(), mine)
	b := s.Callee.Accept("INVITE")
	s.silent(b.Incoming())
	b = s.again(b, 401, digest(realm, "n1", ""))
	s.proves(b.Incoming(), "Authorization", "n1")
	if len(b.Incoming().All("Authorization")) > 7 { // the parameters of one, at its commas
		s.Errorf("both credentials: %s", b.Incoming().Bytes())
	}
	b.Answer(486)
	a.Expect(486)
	b.Expect("ACK")
}

// failover: the next candidate gets a number of its own, and nothing that was meant for the
// one before.
func failover(t *testing.T, n *harness.Node) {
	s := play(t, n, stage.One()[0], "realm: "+realm)
	second := s.Peer(stage.Leg{Proto: "udp"})
	s.Customer.Destinations = append(s.Customer.Destinations, harness.Destination{Name: "second", Addr: second.Addr(), Priority: 2})
	s.Apply()
	a := s.Caller.Invite(s.number())
	b := s.again(s.Callee.Accept("INVITE"), 401, digest(realm, "n1", ""))
	b.Answer(503)
	b.Expect("ACK")
	c := second.Accept("INVITE")
	s.silent(c.Incoming())
	c.Answer(401, asks(401, digest(realm, "n1", ""))) // the PBX asks the caller himself
	if got := a.Expect(401); !got.Has("WWW-Authenticate") {
		s.Errorf("the caller's challenge is gone:\n%s", got.Bytes())
	}
	c.Expect("ACK")
}

// secret: the password stands in nothing that the node has written or tells, and no response
// to a challenge in its log.
func secret(t *testing.T, n *harness.Node) {
	for _, args := range [][]string{{"export"}, {"decisions", "-o", "json"}, {"cdrs", "-o", "json"}} {
		if r := n.Must(t, args...); strings.Contains(r.Stdout, password) {
			t.Errorf("%v tells the password", args)
		}
	}
	out, _ := exec.Command("grep", "-rlF", password, n.Dir).Output()
	for _, f := range strings.Fields(string(out)) {
		if text, _ := os.ReadFile(f); bytes.Contains(text, []byte(password)) && !strings.HasSuffix(f, "tenants.yaml") {
			t.Errorf("%s holds the password", f)
		}
	}
}
