package why

import (
	"fmt"
	"strings"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
)

const scanners = "firewall_rules:\n  - {name: no-scanners, header: user-agent, match: word, value: friendly-scanner, priority: 1, action: drop}\n"

func refusals() []scenario {
	blocked := "blocklist:\n  - {prefix: \"00882\"}\n"
	return []scenario{
		{"firewall, by an entry", scanners, plain(), firewallEntry},
		{"firewall, by domain", scanners, plain(), firewallDomain},
		{"block list", blocked, plain(), blocklist},
		{"call limit, by an entry", "call_limit: 1\n", plain(), limitEntry},
		{"call limit, by domain", "call_limit: 1\n", plain(), limitDomain},
		{"channels of an entry", "", plain(), channels},
		{"rate, by the PBX", "cps: 1\noutbound: any\n", plain(), rate},
		{"antifraud", "antifraud: {invite: 2}\n", plain(), antifraud},
		{"antifraud, by domain", "antifraud: {options: 2}\n", plain(), antifraudDomain},
		{"a stranger", "", plain(), strangers},
		{"banned by the customer", "", plain(), banned},
		{"banned by the platform", "", plain(), bannedEverywhere},
		{"a reference that is a number too", blocked, plain(), likeReference},
		{"hostile names", blocked, plain(), hostile},
	}
}

func scanner() peer.Option { return peer.With("User-Agent", "friendly-scanner") }

// refused wants a request of a caller who may be told why to be explained.
func (sc *scene) refused(a *peer.Call, status int, reason string) (string, decision) {
	sc.Helper()
	ref := sc.told(a.Expect(status), reason)
	text, d := sc.of(a.ID)
	if ref == "" || ref != d.Ref {
		sc.Errorf("the caller was told the reference %q, and it is %q", ref, d.Ref)
	}
	sc.decided(text, &d, status, reason)
	sc.foundBy(&d, ref, strings.ToLower(ref))
	return text, d
}

// bare is refused for who is known only by the domain that he calls.
func (sc *scene) bare(a *peer.Call, status int, reason string) (string, decision) {
	sc.Helper()
	if m := a.Expect(status); m.Has("Reason") {
		sc.Errorf("a caller by domain is told %q", m.Get("Reason"))
	}
	text, d := sc.of(a.ID)
	sc.decided(text, &d, status, reason)
	return text, d
}

// decided wants a refusal with all that every one must have.
func (sc *scene) decided(text string, d *decision, status int, reason string) {
	sc.Helper()
	if !d.Refused || d.Status != status || d.Reason != reason || d.Sentence == "" || d.CustomerName != sc.Customer.Name || d.Ended.IsZero() {
		sc.Errorf("%+v", d)
	}
	sc.says(text, d.Ref, d.Sentence, d.RuleName, fmt.Sprintf("refused with %d", status), sc.Customer.Name, reason+": "+d.Sentence, "INVITE")
	sc.consistent(d, "INVITE")
}

func firewallEntry(sc *scene) {
	sc.entry("")
	user := "user-" + sc.Customer.Name
	a := sc.Caller.Invite(number(sc.Caller, "0612345678"), scanner(), func(m *peer.Message) {
		m.Set("From", "<sip:"+user+"@trunk.invalid>;tag="+m.Tag("From"))
	})
	text, d := sc.refused(a, 403, "firewall")
	sc.says(text, "no-scanners", "friendly-scanner", "dialer", "passed        validate, hops, identify, banned, serve")
	if d.RuleName != "no-scanners" {
		sc.Errorf("%+v", d)
	}
	sc.foundBy(&d, sc.Caller.Addr().String(), sc.Caller.IP(), user, strings.ToUpper(user))
}

func firewallDomain(sc *scene) {
	a := sc.Caller.Invite(sc.URI(), scanner())
	var d decision
	var text string
	harness.Eventually(sc.T, harness.Soon, func() error {
		r := sc.Node.Command(sc.T, "why", a.ID)
		if r.Code != 0 {
			return fmt.Errorf("%s", r)
		}
		return nil
	})
	text, d = sc.of(a.ID)
	if d.Status != -1 || d.Reason != "firewall" || d.RuleName != "no-scanners" || !d.Refused {
		sc.Errorf("%+v", d)
	}
	sc.says(text, "no answer", d.Sentence, "no-scanners", "refused without an answer")
	sc.consistent(&d, "INVITE")
	sc.Caller.Quiet(50 * time.Millisecond)
}

func blocklist(sc *scene) {
	digits := fmt.Sprintf("882%09d", time.Now().UnixNano()%1e9)
	a := sc.Caller.Invite("sip:00" + digits + "@" + sc.Domain)
	text, d := sc.bare(a, 403, "blocklist")
	sc.says(text, "00882", "known by")
	if d.RuleName != "00882" {
		sc.Errorf("%+v", d)
	}
	sc.foundBy(&d, "00"+digits, "+"+digits, digits, "+"+digits[:3]+" "+digits[3:6]+"-"+digits[6:], sc.Domain, sc.Caller.IP(), d.Ref)
	if r := sc.Node.Command(sc.T, "why", "+"+digits+"1"); r.Code != 1 || !strings.Contains(r.Stderr, "nothing is known") {
		sc.Errorf("another number: %s", r)
	}
}

func limitEntry(sc *scene) {
	sc.entry("")
	a := sc.Caller.Invite(number(sc.Caller, "0612345"))
	b := sc.Callee.Accept("INVITE")
	b.Answer(180)
	a.Expect(180)
	text, d := sc.refused(sc.Caller.Invite(number(sc.Caller, "0612346")), 480, "call_limit")
	if d.LimitMax != 1 || d.Limit != "customer "+sc.Customer.Name+", 1 call" {
		sc.Errorf("%+v", d)
	}
	sc.says(text, d.Limit, "screen")
	sc.uses("customer", sc.Customer.Name, 1, 1)
	b.Answer(486)
	b.Expect("ACK")
	a.Expect(486)
	sc.uses("customer", sc.Customer.Name, 0, 1)
}

// uses wants `limits` to list so many calls.
func (sc *scene) uses(scope, name string, calls, most int) {
	sc.Helper()
	for _, l := range sc.Node.JSON(sc.T, "limits") {
		if l["scope"] == scope && l["name"] == name {
			if got := fmt.Sprint(l["calls"], l["max_calls"]); got != fmt.Sprint(calls, most) {
				sc.Errorf("%s %s: %s, want %d of %d", scope, name, got, calls, most)
			}
			return
		}
	}
	sc.Errorf("%s %s is none of the limits", scope, name)
}

func limitDomain(sc *scene) {
	a, b := sc.Talk()
	_, d := sc.bare(sc.Caller.Invite(sc.URI()), 480, "call_limit")
	if d.LimitMax != 1 {
		sc.Errorf("%+v", d)
	}
	sc.End(a, b)
}

func channels(sc *scene) {
	sc.entry(", channels: 1")
	a := sc.Caller.Invite(number(sc.Caller, "0612345"))
	b := sc.Callee.Accept("INVITE")
	_, d := sc.refused(sc.Caller.Invite(number(sc.Caller, "0612346")), 480, "switch_limit")
	if d.LimitMax != 1 || !strings.HasPrefix(d.Limit, "switch ") {
		sc.Errorf("%+v", d)
	}
	b.Answer(486)
	b.Expect("ACK")
	a.Expect(486)
}

func rate(sc *scene) {
	call := func() *peer.Call { return sc.Callee.Invite(sc.Caller.URI("bob")) }
	a := call()
	second := call()
	text, d := sc.refused(second, 503, "rate_limit")
	if d.LimitMax != 1 {
		sc.Errorf("%+v", d)
	}
	sc.says(text, "known by      destination, d1")
	b := sc.Caller.Accept("INVITE")
	b.Answer(486)
	b.Expect("ACK")
	a.Expect(486)
}

// antifraud: the second call reaches the threshold, so the first ends, and a third meets a key
// that is shut.
func antifraud(sc *scene) {
	sc.entry("")
	uri := number(sc.Caller, "0698765432")
	from := func(m *peer.Message) { m.Set("From", "<sip:0409876543@trunk.invalid>;tag="+m.Tag("From")) }
	a := sc.Caller.Invite(uri, from)
	b := sc.Callee.Accept("INVITE")
	b.Answer(180)
	a.Expect(180)
	second := sc.Caller.Invite(uri, from)
	second.Expect(403)
	b.Reply(b.Expect("CANCEL"), 200)
	b.Answer(487)
	b.Expect("ACK")
	a.Expect(480)
	for _, id := range []string{second.ID, a.ID} {
		if _, d := sc.of(id); d.Reason != "antifraud" || d.Refused || d.EndedBy != "tollgate" {
			sc.Errorf("a call that was ended: %+v", d)
		}
	}
	text, d := sc.refused(sc.Caller.Invite(uri, from), 403, "antifraud")
	if d.Counter != "invite 2 of 2" {
		sc.Errorf("%+v", d)
	}
	sc.says(text, "counter", "invite 2 of 2")
}

func antifraudDomain(sc *scene) {
	first := sc.Caller.Start("OPTIONS", sc.URI())
	sc.Callee.Accept("OPTIONS").Answer(200)
	first.Expect("200 OPTIONS")
	second := sc.Caller.Start("OPTIONS", sc.URI())
	if m := second.Expect("403 OPTIONS"); m.Has("Reason") {
		sc.Errorf("a caller by domain is told %q", m.Get("Reason"))
	}
	text, d := sc.of(second.ID)
	if d.Counter != "options 2 of 2" || d.Reason != "antifraud" || !d.Refused {
		sc.Errorf("%+v", d)
	}
	sc.says(text, "options 2 of 2", d.Sentence)
	sc.consistent(&d, "OPTIONS")
	harness.Eventually(sc.T, harness.Soon, func() error {
		if _, found := sc.ask(sc.Caller.IP()); len(found.Bans) == 0 || found.Bans[0].Customer != sc.Customer.Name {
			return fmt.Errorf("no ban of the customer's: %+v", found.Bans)
		}
		return nil
	})
}

func strangers(sc *scene) {
	u := sc.Peer(udp())
	typo := strings.Replace(sc.Domain, "c", "cc", 1)
	a := u.Invite("sip:bob@" + typo)
	u.Quiet(50 * time.Millisecond)
	text, found := sc.ask(u.IP())
	if len(found.Decisions) != 1 || len(found.Strangers) != 1 || found.Strangers[0].DidYouMean != sc.Domain {
		sc.Fatalf("%+v", found)
	}
	d := found.Decisions[0]
	if d.Reason != "unknown_domain" || d.Status != -1 || d.CallID != a.ID || d.CustomerName != "" {
		sc.Errorf("%+v", d)
	}
	sc.says(text, "no answer", "did you mean "+sc.Domain+"?", d.Sentence, "is a stranger")
	sc.consistent(&d, "INVITE")
	sc.foundBy(&d, typo, a.ID, d.Ref)
	if r := sc.Node.Must(sc.T, "strangers"); !strings.Contains(r.Stdout, "did you mean "+sc.Domain) {
		sc.Errorf("%s", r)
	}
}

func banned(sc *scene) {
	sc.Node.Must(sc.T, "ban", sc.Caller.IP(), "--for", "1h", "--customer", sc.Customer.Name)
	a := sc.Caller.Invite(sc.URI())
	sc.Caller.Quiet(50 * time.Millisecond)
	text, found := sc.ask(sc.Caller.IP())
	if len(found.Decisions) != 1 || len(found.Bans) != 1 {
		sc.Fatalf("%+v", found)
	}
	if d := found.Decisions[0]; d.Reason != "banned" || d.Status != -1 || d.CallID != a.ID {
		sc.Errorf("%+v", d)
	}
	sc.says(text, "is banned for "+sc.Customer.Name, "tollgate unban "+sc.Caller.IP(), "no answer")
	sc.consistent(&found.Decisions[0], "INVITE")
	sc.Loose = true // it comes again
}

// bannedEverywhere is dropped before anybody reads it: there is no decision, only the ban.
func bannedEverywhere(sc *scene) {
	u := sc.Peer(udp())
	sc.Node.Must(sc.T, "ban", u.IP(), "--for", "1h")
	u.Invite(sc.URI())
	u.Quiet(50 * time.Millisecond)
	text, found := sc.ask(u.IP())
	if len(found.Decisions) != 0 || len(found.Bans) != 1 {
		sc.Errorf("%+v", found)
	}
	sc.says(text, u.IP()+" is banned for everybody", "tollgate unban "+u.IP())
}

// likeReference: five digits may be somebody's reference, and are a number here.
func likeReference(sc *scene) {
	digits := fmt.Sprintf("4%04d", time.Now().UnixNano()%1e4)
	a := sc.through("sip:"+digits+"@"+sc.Domain, 486)
	_, d := sc.of(a.ID)
	sc.foundBy(&d, digits)
}

// hostile: what the wire brings is shown, and obeyed by no terminal.
func hostile(sc *scene) {
	evil := "\x1b[2J\u202e\u0085x"
	harmless := evil[4:] // a control character of ASCII is no SIP
	for status, words := range map[int]string{400: evil, 403: harmless} {
		a := sc.Caller.Invite("sip:00882123@"+sc.Domain, peer.With("User-Agent", "Phone"+words), func(m *peer.Message) {
			m.Set("From", "\"=cmd"+words+"\" <sip:eve@evil.invalid>;tag="+m.Tag("From"))
		})
		a.Expect(status)
		_, d := sc.of(a.ID)
		for _, args := range [][]string{
			{"why", a.ID}, {"why", a.ID, "-o", "json"}, {"why", a.ID, "-o", "yaml"}, {"trace", a.ID}, {"trace", d.Ref, "-o", "json"}, {"decisions", a.ID},
		} {
			r := sc.Node.Must(sc.T, args...)
			if strings.ContainsAny(r.Stdout, "\x1b\u202e\u0085") || args[0] == "why" && !strings.Contains(r.Stdout, "Phone") {
				sc.Errorf("%q", r.Stdout)
			}
		}
	}
	if r := sc.Node.Command(sc.T, "why", "nobody"+evil); r.Code != 1 || strings.ContainsAny(r.Stderr, "\x1b\u202e") {
		sc.Errorf("%q", r.Stderr)
	}
	if r := sc.Node.Command(sc.T, "why", strings.Repeat("x", 5000)+"@long"); r.Code != 1 {
		sc.Errorf("%s", r)
	}
	if r := sc.Node.Command(sc.T, "why", " "); r.Code != 2 {
		sc.Errorf("%s", r)
	}
}
