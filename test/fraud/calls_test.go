package fraud

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// calls are calls that are up or ringing at once.
func calls() []scenario {
	return []scenario{
		{name: "the manual's example", thresholds: "invite: 10", more: "call_limit: 10\n", matrix: stage.Matrix("udp4-udp4", "tcp4-udp4", "udp4-tls4"), play: manual},
		{name: "one fewer", thresholds: "invite: 4", matrix: plain(), play: oneFewer},
		{name: "answered at once", thresholds: "invite: 2", matrix: stage.One(), play: answeredAtOnce},
		{name: "who is not acknowledged", thresholds: "invite: 2", matrix: stage.One(), play: unacknowledged},
		{name: "let in before", thresholds: "invite: 2", matrix: plain(), play: letInBefore},
		{name: "forged", thresholds: "invite: 3", matrix: plain(), play: forged},
		{name: "challenged", thresholds: "invite: 3", matrix: plain(), play: challenged},
		{name: "disguises", thresholds: "invite: 2", matrix: plain(), play: disguises},
		{name: "several sources", thresholds: "invite: 3", matrix: plain(), play: severalSources},
	}
}

// manual: ten calls of one caller to one hundred of numbers, some up, some ringing.
func manual(sc *scene) {
	var up, ringing []leg
	for i := range 5 {
		up = append(up, sc.talk(sc.Caller, fmt.Sprintf("34012345%02d", i), true))
		if i < 4 {
			ringing = append(ringing, sc.ring(sc.Caller, fmt.Sprintf("34012345%02d", 50+i)))
		}
	}
	source := sc.Caller.Addr()
	e := sc.Node.Must(sc.T, "explain", "--from", "sip:0409876543@x", "--to", sc.uri("3401234567"), "--source", sc.Peer(udp()).Addr().String()).Stdout
	if !strings.Contains(e, "9 of 10 calls with this key are up or ringing") {
		sc.Errorf("explain:\n%s", e)
	}
	key := sc.row("invite")["keys"].([]any)[0].(map[string]any)
	if key["from"] != "+390409876543" || key["to"] != "+3934012345" || key["count"] != 9.0 {
		sc.Errorf("key %v", key)
	}
	sc.reaches(sc.Caller, "3401234567")
	for _, l := range up {
		sc.torn(l)
	}
	for _, l := range ringing {
		l.a.Expect(480)
		sc.canceled(l.b)
	}
	b := sc.isBanned(sc.Caller)
	evidence, _ := b["evidence"].(string)
	for _, word := range []string{"INVITE " + sc.uri("3401234567") + " SIP/2.0", "From: <sip:0409876543@", "invite 10 of 10"} {
		if !strings.Contains(evidence, word) {
			sc.Errorf("evidence %q lacks %q", evidence, word)
		}
	}
	if b["reason"] != "antifraud" || b["times"] != 1.0 {
		sc.Errorf("ban %v", b)
	}
	sc.recorded(10)
	if list := sc.Node.JSON(sc.T, "calls", "--customer", sc.Customer.Name); len(list) != 0 {
		sc.Errorf("calls are left: %v", list)
	}
	// Every place is free again: ten calls of others fit into the limit of ten.
	other := sc.Peer(stage.Leg{Proto: "udp"})
	var more []leg
	for i := range 10 {
		more = append(more, sc.ring(other, fmt.Sprint(10+i)))
	}
	for _, l := range more {
		l.b.Answer(486)
		l.a.Expect(486)
		l.b.Expect("ACK")
	}
	sc.Node.Must(sc.T, "unban", source.Addr().String(), "--customer", sc.Customer.Name)
}

// recorded waits for the records of so many calls that antifraud has ended.
func (sc *scene) recorded(want int) {
	sc.Helper()
	harness.Eventually(sc.T, harness.Soon, func() error {
		n := 0
		for _, c := range sc.Node.JSON(sc.T, "cdrs", "--customer", sc.Customer.Name) {
			if c["reason"] == "antifraud" {
				n++
			}
		}
		if n != want {
			return fmt.Errorf("%d records say antifraud, want %d", n, want)
		}
		return nil
	})
}

// oneFewer: what is over does not count any more, however it ended.
func oneFewer(sc *scene) {
	for range 3 {
		hung, refused, canceled := sc.talk(sc.Caller, "3401234501", true), sc.ring(sc.Caller, "3401234502"), sc.ring(sc.Caller, "3401234503")
		sc.ends(hung)
		refused.b.Answer(486)
		refused.a.Expect(486)
		refused.b.Expect("ACK")
		canceled.a.Cancel()
		canceled.a.ExpectSet("200 CANCEL", 487)
		sc.canceled(canceled.b)
	}
	left := []leg{sc.talk(sc.Caller, "3401234501", true), sc.talk(sc.Caller, "3401234502", true), sc.talk(sc.Caller, "3401234503", true)}
	other := sc.talk(sc.Caller, "3401235503", true) // another hundred
	sc.quiet()
	for _, l := range append(left, other) {
		sc.ends(l)
	}
	sc.isHeard(sc.Caller)
}

// answeredAtOnce: a 200 without a ringing before it.
func answeredAtOnce(sc *scene) {
	up := sc.talk(sc.Caller, "3401234501", true)
	l := sc.reach(sc.Caller, "3401234502")
	l.b.Answer(200, peer.SDP(sc.Callee, 1))
	l.a.Expect(403)
	l.b.Expect("ACK")
	l.b.Reply(l.b.Expect("BYE"), 200)
	sc.torn(up)
	sc.isBanned(sc.Caller)
}

// unacknowledged calls end at once, too.
func unacknowledged(sc *scene) {
	sc.Loose = true // the 200 is sent again until the BYE
	up := sc.talk(sc.Caller, "3401234501", false)
	sc.reaches(sc.Caller, "3401234502")
	sc.torn(up)
	sc.isBanned(sc.Caller)
}

// letInBefore: calls that had passed when the threshold was reached do not ring after it.
func letInBefore(sc *scene) {
	first, second, third := sc.reach(sc.Caller, "3401234501"), sc.reach(sc.Caller, "3401234502"), sc.reach(sc.Caller, "3401234503")
	first.b.Answer(180)
	first.a.Expect(180)
	second.b.Answer(180)
	second.a.Expect(403)
	first.a.Expect(480)
	sc.canceled(first.b)
	sc.canceled(second.b)
	sc.isBanned(sc.Caller)
	third.b.Answer(180)
	third.a.Expect(403)
	sc.canceled(third.b)
}

// forged INVITEs, which nobody wants, end nobody's calls.
func forged(sc *scene) {
	up := []leg{sc.talk(sc.Caller, "3401234501", true), sc.ring(sc.Caller, "3401234502")}
	forger := sc.Peer(udp())
	for i := range 12 {
		l := sc.reach(forger, "3401234503")
		switch i % 3 {
		case 0:
			l.b.Answer(100)
			l.b.Answer(403)
			l.a.Expect(403)
		case 1:
			l.b.Answer(407, peer.With("Proxy-Authenticate", `Digest realm="x", nonce="y"`))
			l.a.Expect(407)
		default:
			l.b.Answer(480)
			l.a.Expect(480)
		}
		l.b.Expect("ACK")
	}
	sc.quiet()
	sc.isHeard(forger)
	sc.isHeard(sc.Caller)
	up[1].b.Answer(486)
	up[1].a.Expect(486)
	up[1].b.Expect("ACK")
	sc.ends(up[0])
}

// challenged: a call and its retry with credentials are one.
func challenged(sc *scene) {
	talk := func(user string, last bool) leg {
		a := sc.Caller.Invite(sc.uri(user), sc.from)
		b := sc.Callee.Accept("INVITE")
		b.Answer(407, peer.With("Proxy-Authenticate", `Digest realm="x", nonce="y"`))
		a.Expect(407)
		b.Expect("ACK")
		a.Request("INVITE", sc.from, peer.SDP(sc.Caller, 1), peer.With("Proxy-Authorization", `Digest username="x"`))
		b = b.AcceptAgain("INVITE")
		b.Answer(180)
		if last {
			a.Expect(403)
			sc.canceled(b)
			return leg{a, b}
		}
		a.Expect(180)
		b.Answer(200, peer.SDP(sc.Callee, 1))
		a.Expect(200)
		a.Ack()
		b.Expect("ACK")
		return leg{a, b}
	}
	up := []leg{talk("3401234501", false), talk("3401234502", false)}
	sc.quiet()
	talk("3401234503", true)
	for _, l := range up {
		sc.torn(l)
	}
	sc.isBanned(sc.Caller)
}

// disguises of caller and number are one key.
func disguises(sc *scene) {
	for _, d := range []struct{ user, from string }{
		{"+393401234599", "<sip:0409876543@h>"},
		{"00393401234599", "<sip:+390409876543@h>"},
		{"340-(123)4599", "<sip:00390409876543@h>"},
		{"%33%34%30123%34599", "\"somebody\" <sip:%30409876543@h>"},
		{"3401234599;phone-context=+39", "<tel:+39-040-9876543>"},
	} {
		up, u := sc.ring(sc.Caller, "3401234501"), sc.Peer(udp())
		a := u.Invite(sc.uri(d.user), func(m *peer.Message) { m.Set("From", d.from+";tag="+m.Tag("From")) })
		b := sc.Callee.Accept("INVITE")
		b.Answer(180)
		a.Expect(403)
		up.a.Expect(480)
		for _, b := range []*peer.Call{up.b, b} {
			sc.canceled(b)
		}
		sc.isBanned(u)
	}
	sc.isHeard(sc.Caller)
}

// severalSources: the key holds whatever their addresses; the one that reaches it is banned.
func severalSources(sc *scene) {
	second, third := sc.Peer(udp()), sc.Peer(udp())
	up := []leg{sc.talk(sc.Caller, "3401234501", true), sc.talk(second, "3401234502", true)}
	sc.reaches(third, "3401234503")
	for _, l := range up {
		sc.torn(l)
	}
	sc.isBanned(third)
	sc.isHeard(sc.Caller)
	sc.isHeard(second)
	sc.ends(sc.talk(second, "3401234501", true)) // the key is open for others
}

// restart: calls that a kill leaves up count in the next process.
func restart(t *testing.T, n *harness.Node) {
	s := stage.New(t, n, plain()[0], func(c *harness.Customer) { c.Extra += "antifraud: {invite: 3}\n" })
	sc := &scene{s}
	up := []leg{sc.talk(sc.Caller, "3401234501", true), sc.talk(sc.Caller, "3401234502", true)}
	n.Signal(t, syscall.SIGKILL)
	n.Exited(5 * time.Second)
	n.Up(t)
	sc.reaches(sc.Caller, "3401234503")
	for _, l := range up {
		sc.torn(l)
	}
	sc.isBanned(sc.Caller)
}
