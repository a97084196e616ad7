package wall

import (
	"strings"

	"tollgate/test/peer"
	"tollgate/test/stage"
)

// headers are every header with every kind of match, on the wire.
func headers() []scenario {
	return []scenario{
		{name: "Request-URI", matrix: plain(), play: func(sc *scene) {
			sc.matches("request-uri", nil, "regex", "^sip:bob@[^ ]*$", "word", "BOB@")
			sc.differs("request-uri", "regex", "^sip:bo@", "word", "sips:")
		}},
		{name: "source IP", matrix: plain(), play: func(sc *scene) {
			ip := sc.Caller.IP()
			sc.matches("source-ip", nil, "regex", "^"+strings.ReplaceAll(ip, ".", `\.`)+"$", "word", ip,
				"cidr", ip+"/32", "cidr", ip, "cidr", "127.0.0.0/8", "cidr", "0.0.0.0/0")
			sc.differs("source-ip", "regex", `^203\.`, "word", ":", "cidr", "203.0.113.0/24", "cidr", "::/0", "cidr", sc.Callee.IP())
		}},
		{name: "source IP, IPv6", matrix: stage.Matrix("udp6-udp4")[:1], play: func(sc *scene) {
			sc.matches("source-ip", nil, "regex", "^::1$", "word", "::", "cidr", "::1/128", "cidr", "::/0")
			sc.differs("source-ip", "cidr", "0.0.0.0/0", "cidr", "2001:db8::/32")
		}},
		{name: "User-Agent", matrix: plain(), play: func(sc *scene) {
			agent := []peer.Option{peer.With("User-Agent", "Friendly-Scanner v1")}
			sc.matches("user-agent", agent, "regex", "(?i)^friendly-sc", "regex", `v\d$`, "word", "friendly-SCANNER", "word", " ")
			sc.matches("user-agent", []peer.Option{peer.Without("User-Agent")}, "regex", "^$", "regex", ".*")
			sc.matches("user-agent", []peer.Option{peer.With("User-Agent", "a\r\n  b\r\n\tc")}, "regex", "^a b c$")
			sc.differs("user-agent", "regex", "^$", "regex", "^black$", "word", "scanner")
		}},
		{name: "From", matrix: plain(), play: func(sc *scene) {
			sc.matches("from", nil, "regex", "<sip:alice@", "word", "ALICE", "word", strings.ToUpper(sc.Caller.Mark))
			sc.differs("from", "regex", "^alice", "word", "bob")
		}},
		{name: "To", matrix: plain(), play: func(sc *scene) {
			sc.matches("to", nil, "regex", "bob@.*\\.test", "word", sc.Domain)
			sc.differs("to", "regex", "tag=", "word", "alice")
		}},
		{name: "Allow", matrix: plain(), play: func(sc *scene) {
			two := []peer.Option{peer.With("Allow", "INVITE"), peer.Also("Allow", "ACK,BYE")}
			sc.matches("allow", two, "regex", "^INVITE, ACK,BYE$", "word", "invite, ack")
			sc.matches("allow", nil, "regex", "^$")
			sc.differs("allow", "regex", "INVITE", "word", "x")
		}},
		{name: "Supported", matrix: plain(), play: func(sc *scene) {
			short := []peer.Option{peer.With("k", "timer, path")}
			sc.matches("supported", short, "regex", "^timer", "word", "PATH")
			sc.differs("supported", "word", "timer")
		}},
	}
}

// matches tries rules, given as match and value by turns, that must drop the request.
func (sc *scene) matches(header string, opts []peer.Option, pairs ...string) {
	sc.Helper()
	for i := 0; i < len(pairs); i += 2 {
		sc.walls(rule{name: "wall", header: header, match: pairs[i], value: pairs[i+1]})
		folded := len(opts) == 1 && header == "user-agent" && strings.Contains(pairs[i+1], "a b c")
		sc.judge(try{method: "MESSAGE", options: opts, want: silence, rule: "wall", unasked: folded})
	}
}

// differs tries rules that must let a plain request pass.
func (sc *scene) differs(header string, pairs ...string) {
	sc.Helper()
	for i := 0; i < len(pairs); i += 2 {
		sc.walls(rule{name: "wall", header: header, match: pairs[i], value: pairs[i+1]})
		sc.judge(try{method: "MESSAGE", want: passes})
	}
}

// orders are several rules, and which of them decides.
func orders() []scenario {
	return []scenario{
		{name: "priorities", matrix: plain(), play: priorities},
		{name: "only these User-Agents", matrix: stage.Matrix("udp4-udp4", "tcp4-udp4", "tls4-tcp4"), play: onlyThese},
		{name: "every method", matrix: plain(), play: everyMethod},
		{name: "monitor", matrix: plain(), play: monitor},
		{name: "a header of 60 KB", matrix: stage.Matrix("tcp4-udp4", "udp4-udp4"), play: longHeader},
	}
}

func priorities(sc *scene) {
	all := rule{name: "all", header: "to", match: "word", value: "bob", priority: 20}
	ours := rule{name: "ours", header: "source-ip", match: "cidr", value: sc.Caller.IP(), action: "accept", priority: 10}
	sc.walls(all, ours)
	sc.judge(try{want: passes, rule: "ours"})
	ours.priority = 30
	sc.walls(all, ours)
	sc.judge(try{want: silence, rule: "all"})
	ours.priority = 20 // equal: in the order in which they were made
	sc.walls(all, ours)
	sc.judge(try{want: silence, rule: "all"})
	sc.walls(ours, all)
	sc.judge(try{want: passes, rule: "ours"})
	none := rule{name: "none", header: "user-agent", match: "word", value: "nobody", priority: 1}
	first := rule{name: "first", header: "user-agent", match: "word", value: "black", priority: 2}
	second := rule{name: "second", header: "user-agent", match: "regex", value: "box$", priority: 3, action: "accept"}
	sc.walls(second, first, none)
	sc.judge(try{want: silence, rule: "first"})
	sc.walls() // what no rule matches passes
	sc.judge(try{want: passes})
}

func onlyThese(sc *scene) {
	sc.walls(
		rule{name: "ours", header: "user-agent", match: "regex", value: "(?i)yealink|^cisco", action: "accept", priority: 10},
		rule{name: "nobody else", header: "user-agent", match: "regex", value: ".*", priority: 99})
	with := func(agent string) []peer.Option { return []peer.Option{peer.With("User-Agent", agent)} }
	for _, agent := range []string{"YEALINK SIP-T46G", "Cisco/8841", "my yealink"} {
		sc.judge(try{options: with(agent), want: passes, rule: "ours"})
	}
	for _, agent := range []string{"friendly-scanner", "A Cisco", "sipvicious", ""} {
		sc.judge(try{options: with(agent), want: silence, rule: "nobody else"})
	}
	sc.judge(try{options: []peer.Option{peer.Without("User-Agent")}, want: silence, rule: "nobody else"})
}

func everyMethod(sc *scene) {
	sc.walls(rule{name: "wall", header: "user-agent", match: "word", value: "blackbox"})
	methods := []string{"INVITE", "OPTIONS", "MESSAGE", "SUBSCRIBE", "PUBLISH", "NOTIFY", "REFER", "INFO", "REGISTER"}
	for _, method := range methods {
		opts := map[string][]peer.Option{
			"SUBSCRIBE": {peer.With("Event", "dialog")}, "NOTIFY": {peer.With("Event", "x"), peer.With("Subscription-State", "active")},
			"PUBLISH": {peer.With("Event", "presence")}, "REFER": {peer.With("Refer-To", "<sip:x@"+sc.Domain+">")},
		}[method]
		sc.judge(try{method: method, options: opts, want: silence, rule: "wall", unasked: method == "REGISTER"})
	}
	sc.walls()
	for _, method := range []string{"OPTIONS", "MESSAGE", "REGISTER"} {
		sc.judge(try{method: method, want: passes, unasked: method == "REGISTER"})
	}
}

// monitor counts and keeps a sample, and decides nothing.
func monitor(sc *scene) {
	sc.walls(
		rule{name: "watch", header: "user-agent", match: "word", value: "scanner", priority: 1, monitor: true},
		rule{name: "wall", header: "user-agent", match: "word", value: "evil", priority: 2})
	sc.judge(try{options: []peer.Option{peer.With("User-Agent", "scanner 1")}, want: passes, counted: []string{"watch"}})
	sc.judge(try{options: []peer.Option{peer.With("User-Agent", "evil scanner")}, want: silence, rule: "wall", counted: []string{"watch"}})
	sc.judge(try{want: passes})
	if got := sc.sample(firewall, "wall"); got["value"] != "evil scanner" || got["source"] != sc.Caller.Addr().String() || got["method"] != "INVITE" {
		sc.Errorf("sample %v", got)
	}
	sc.walls(rule{name: "accept", header: "user-agent", match: "word", value: "x", action: "accept", priority: 1},
		rule{name: "late", header: "user-agent", match: "word", value: "black", priority: 2, monitor: true})
	sc.judge(try{want: passes, rule: "accept"}) // it would not have come to the second
}

// longHeader is refused before any rule looks at it, unless none would.
func longHeader(sc *scene) {
	long := []peer.Option{peer.With("User-Agent", strings.Repeat("a", 60_000)), peer.NoBody()}
	sc.walls(rule{name: "wall", header: "user-agent", match: "regex", value: "(?i)(a+)+b$"})
	sc.judge(try{options: long, want: 400, reason: "header_too_long", unasked: true})
	sc.judge(try{uri: "sip:112@%", options: []peer.Option{peer.With("User-Agent", strings.Repeat("a", 2000))}, want: passes})
	sc.judge(try{options: []peer.Option{peer.With("User-Agent", strings.Repeat("a", 1025))}, want: 400, reason: "header_too_long"})
	sc.judge(try{options: []peer.Option{peer.With("User-Agent", strings.Repeat("a", 1023)+"b")}, want: silence, rule: "wall"})
	sc.walls(rule{name: "wall", header: "allow", match: "word", value: "x"})
	sc.judge(try{options: []peer.Option{peer.With("User-Agent", strings.Repeat("a", 2000))}, want: passes})
}
