package wall

import (
	"fmt"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// callers are the kinds of callers, and how a firewall treats each.
func callers() []scenario {
	return []scenario{
		{name: "a phone is told 403", matrix: stage.Matrix("udp4-udp4", "tcp4-udp4", "tls4-udp4"), play: phone},
		{name: "the PBX's own", matrix: stage.One(), play: ownCalls},
		{name: "inside a call", matrix: stage.Matrix("udp4-udp4", "tcp4-tcp4"), play: inside},
		{name: "emergency", matrix: stage.One(), play: emergency},
		{name: "a transparent customer", matrix: plain(), play: transparent, customer: func(c *harness.Customer) {
			c.Extra += "transparent: true\ncountry_code: \"39\"\n"
		}},
	}
}

// everything drops all that it is asked about.
var everything = rule{name: "everything", header: "user-agent", match: "regex", value: ".*"}

func phone(sc *scene) {
	sc.registered("alice")
	sc.walls(everything)
	explains := sc.Caller.Proto() == "udp" // over a connection only the connection tells whose it is
	for _, method := range []string{"INVITE", "MESSAGE", "OPTIONS"} {
		sc.judge(try{method: method, want: 403, rule: "everything", unasked: !explains})
	}
	sc.judge(try{from: sc.Peer(stage.Leg{Proto: "udp"}), want: silence, rule: "everything"}) // a stranger beside it
}

// ownCalls: what comes from the PBX is not touched, and neither is what answers it.
func ownCalls(sc *scene) {
	phone, token := sc.registered("alice")
	sc.walls(everything)
	from := func(m *peer.Message) { m.Set("From", "<sip:bob@"+sc.Domain+">;tag="+m.Tag("From")) }
	for _, method := range []string{"MESSAGE", "OPTIONS"} {
		b := sc.Callee.Start(method, token, from)
		phone.UA.Accept(method).Answer(200)
		b.Expect("200 " + method)
	}
	b := sc.Callee.Invite(token, from)
	a := phone.UA.Accept("INVITE")
	a.Answer(200, peer.SDP(phone.UA, 1))
	b.Expect(200)
	b.Ack()
	a.Expect("ACK")
	a.Request("INFO") // of the phone, inside the PBX's call
	b.Reply(b.Expect("INFO"), 200)
	a.Expect("200 INFO")
	sc.End(b, a)
	sc.counted(firewall, map[string]int{})
}

// inside: a wall that is built while a call stands lets the call go on.
func inside(sc *scene) {
	sc.walls()
	a, b := sc.Talk()
	sc.walls(everything)
	a.Request("INFO")
	b.Reply(b.Expect("INFO"), 200)
	a.Expect("200 INFO")
	a.Request("INVITE", peer.SDP(sc.Caller, 2))
	b.Reply(b.Expect("INVITE"), 200, peer.SDP(sc.Callee, 2))
	a.Expect("200 INVITE")
	a.Ack()
	b.Expect("ACK")
	sc.End(a, b)
	sc.counted(firewall, map[string]int{})
	sc.judge(try{want: silence, rule: "everything"})
}

// emergency: nothing keeps such a call, and it is counted what would have.
func emergency(sc *scene) {
	sc.walls(everything)
	sc.forbids("1", "112")
	for _, uri := range []string{"sip:112@%", "sip:%31%312@%", "sip:1-1-2@%"} {
		sc.judge(try{uri: uri, want: passes, counted: []string{"everything"}})
	}
	if got := fmt.Sprint(sc.counts(blocklist)); got != "map[112:3]" {
		sc.Errorf("the block list has counted %s", got)
	}
	sc.judge(try{uri: "sip:1122@%", want: silence, rule: "everything"})
	sc.judge(try{uri: "sip:1%2112@%", want: silence, rule: "everything"}) // no number at all
}

// transparent: everything passes, and is counted.
func transparent(sc *scene) {
	sc.walls(everything)
	sc.forbids("040")
	for _, method := range []string{"INVITE", "MESSAGE"} {
		sc.judge(try{method: method, want: passes, counted: []string{"everything"}})
	}
	sc.judge(try{at: blocklist, uri: "sip:040123@%", want: passes, counted: []string{"040"}})
}
