package fraud

import (
	"fmt"
	"strings"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// left are those whom antifraud leaves alone, or treats otherwise.
func left() []scenario {
	all := "invite: 2, register: 2, options: 2"
	return []scenario{
		{name: "off", thresholds: "invite: 0, register: 0, options: 0", matrix: plain(), play: func(sc *scene) { sc.alone(0) }},
		{name: "monitor", thresholds: all + ", mode: monitor", matrix: plain(), play: func(sc *scene) { sc.alone(2) }},
		{name: "transparent", thresholds: all, more: "transparent: true\n", matrix: plain(), play: func(sc *scene) { sc.alone(2) }},
		{name: "whitelist", thresholds: all, matrix: plain(), play: whitelist},
		{name: "emergency", thresholds: "invite: 2", matrix: plain(), play: emergency},
		{name: "calls of the PBX", thresholds: all, matrix: stage.Out(stage.One()), play: outbound},
		{name: "a registered phone", thresholds: all, matrix: stage.One(), play: phone},
		{name: "a registered phone that goes on", thresholds: "options: 2", matrix: stage.Matrix("tcp4-udp4")[:1], play: goesOn},
		{name: "an entry", thresholds: "invite: 3", matrix: plain(), play: entry},
		{name: "the numbers of entries", thresholds: "invite: 3", matrix: plain(), play: entryNumbers},
	}
}

// alone plays far more of everything than the thresholds allow; they are reached that often.
func (sc *scene) alone(would int) {
	sc.Helper()
	var up []leg
	for i := range 4 {
		up = append(up, sc.talk(sc.Caller, fmt.Sprintf("34012345%02d", i), true))
		sc.register(sc.Caller, "alice", 404)
		call := sc.Caller.Start("OPTIONS", sc.uri("3401234501"), sc.from)
		sc.Callee.Accept("OPTIONS").Answer(200)
		call.Expect("200 OPTIONS")
	}
	sc.quiet()
	sc.isHeard(sc.Caller)
	for _, l := range up {
		sc.ends(l)
	}
	if would == 0 {
		return
	}
	for _, method := range []string{"invite", "register", "options"} {
		r := sc.row(method)
		sample, _ := r["last_sample"].(map[string]any)
		if r["would"] != float64(would) || r["triggered"] != 0.0 || r["mode"] != "monitor" || sample["source"] != sc.Caller.Addr().String() {
			sc.Errorf("%v", r)
		}
	}
	text := sc.Node.Must(sc.T, "antifraud", "--customer", sc.Customer.Name).Stdout
	for _, word := range []string{"WOULD HAVE", "INVITE from " + sc.Caller.Addr().String()} {
		if !strings.Contains(text, word) {
			sc.Errorf("%q is not said by\n%s", word, text)
		}
	}
}

// whitelist: whom it has is not counted, and is forgiven at once.
func whitelist(sc *scene) {
	sc.register(sc.Caller, "alice", 404)
	sc.register(sc.Caller, "alice", 0)
	sc.isBanned(sc.Caller)
	sc.Customer.Extra += fmt.Sprintf("whitelist: [%q]\n", sc.Caller.IP())
	sc.Apply()
	sc.alone(0)
}

func emergency(sc *scene) {
	var up []leg
	for _, user := range []string{"112", "1-1-2", "112", "%3112"} {
		up = append(up, sc.talk(sc.Caller, user, true))
	}
	sc.quiet()
	for _, l := range up {
		sc.ends(l)
	}
	sc.isHeard(sc.Caller)
}

// outbound: what the PBX calls is not counted.
func outbound(sc *scene) {
	var up []leg
	for range 4 {
		a, b := sc.Talk(sc.from)
		up = append(up, leg{a, b})
	}
	sc.quiet()
	for _, l := range up {
		sc.ends(l)
	}
}

// phone: where phones have registered the key is shut, and the address is not banned.
func phone(sc *scene) {
	sc.register(sc.Caller, "alice", 200)
	up := sc.talk(sc.Caller, "3401234501", true)
	sc.reaches(sc.Caller, "3401234502")
	sc.torn(up)
	sc.isHeard(sc.Caller)
	other := sc.Peer(udp())
	for _, u := range []*peer.UA{sc.Caller, other} {
		u.Invite(sc.uri("3401234503"), sc.from).Expect(403) // never reaches the PBX
	}
	sc.ends(sc.talk(sc.Caller, "3401235503", true)) // another key
	e := sc.Node.Must(sc.T, "explain", "--from", "sip:0409876543@x", "--to", sc.uri("3401234504"), "--source", other.Addr().String()).Stdout
	if !strings.Contains(e, "antifraud") || !strings.Contains(e, "the key is shut for") {
		sc.Errorf("explain:\n%s", e)
	}
	if r := sc.row("invite"); r["refused"] != 2.0 || r["triggered"] != 1.0 || r["keys"].([]any)[0].(map[string]any)["shut_until"] == nil {
		sc.Errorf("%v", r)
	}
	sc.Customer.Extra = strings.Replace(sc.Customer.Extra, "invite: 2", "invite: 0", 1)
	sc.Apply()
	sc.ends(sc.talk(sc.Caller, "3401234503", true)) // switched off: open at once
}

// goesOn: over TCP, where nobody can forge an address, ten seconds more are too many.
func goesOn(sc *scene) {
	sc.register(sc.Caller, "alice", 200)
	ask := func() *peer.Call { return sc.Caller.Start("OPTIONS", sc.uri("3401234501"), sc.from) }
	first := ask()
	sc.Callee.Accept("OPTIONS").Answer(200)
	first.Expect("200 OPTIONS")
	begin := time.Now()
	ask().Expect("403 OPTIONS")
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for sc.banned(sc.Caller) == nil {
		<-tick.C
		if time.Since(begin) > 10*time.Second+harness.Soon {
			sc.Fatalf("not banned after %v", time.Since(begin))
		}
		if sc.Caller.Connections() > 0 {
			ask().AwaitWithin(300*time.Millisecond, "403 OPTIONS")
		}
	}
	if d := time.Since(begin); d < 10*time.Second {
		sc.Errorf("banned after %v", d)
	}
	sc.Loose = true
}

// entry: its calls count at once, answered or not; its address is not banned.
func entry(sc *scene) {
	trunk := sc.Peer(udp())
	sc.Customer.Extra += fmt.Sprintf("switches:\n  - {name: trunk, direction: egress, addresses: [%q]}\n", trunk.IP()+"/32")
	sc.Apply()
	up, asked := sc.talk(trunk, "3401234501", true), sc.reach(trunk, "3401234502")
	third := trunk.Invite(sc.uri("3401234503"), sc.from)
	third.Expect(403)
	sc.torn(up)
	asked.a.Expect(480)
	asked.b.Answer(180) // a CANCEL needs that something was heard (RFC 3261 9.1)
	sc.canceled(asked.b)
	harness.Eventually(sc.T, harness.Soon, func() error {
		if sc.row("invite")["triggered"] != 1.0 {
			return fmt.Errorf("not counted")
		}
		return nil
	})
	trunk.Invite(sc.uri("3401234504"), sc.from).Expect(403)
	sc.isHeard(trunk)
	sc.Callee.Quiet(50 * time.Millisecond)
}

// entryNumbers: what an entry puts before a number, and the pattern in which it dials, make no other
// number of it, and none of what dials otherwise.
func entryNumbers(sc *scene) {
	tech, plain := sc.Peer(udp()), sc.Peer(udp())
	const line = "  - {name: %s, direction: egress, addresses: [%q], dial_pattern: %s%s}\n"
	sc.Customer.Extra += "switches:\n" + fmt.Sprintf(line, "tech", tech.IP(), `"00"`, `, tech_prefix: "77", cli_prefix: "88"`) +
		fmt.Sprintf(line, "plain", plain.IP(), "e164", "")
	sc.Apply()
	dial := func(u *peer.UA, user, from string) *peer.Call {
		return u.Invite(sc.uri(user), func(m *peer.Message) { m.Set("From", "<sip:"+from+"@h>;tag="+m.Tag("From")) })
	}
	rings := func(a *peer.Call) leg {
		l := leg{a, sc.Callee.Accept("INVITE")}
		l.b.Answer(180)
		l.a.Expect(180)
		return l
	}
	one := rings(dial(tech, "7700393401234501", "88+390409876543"))
	two := rings(dial(plain, "393401234502", "0409876543"))
	other := rings(dial(plain, "7700393401234503", "0409876543")) // where nothing is put before it, it is another number
	dial(tech, "7700393401234504", "0409876543").Expect(403)
	for _, l := range []leg{one, two} {
		l.a.Expect(480)
		sc.canceled(l.b)
	}
	other.b.Answer(486)
	other.a.Expect(486)
	other.b.Expect("ACK")
}
