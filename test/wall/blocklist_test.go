package wall

import (
	"fmt"
	"strings"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// numbers are calls to numbers on the block list, in every disguise.
func numbers() []scenario {
	dials := func(country, national string) func(*harness.Customer) {
		return func(c *harness.Customer) {
			c.Extra += fmt.Sprintf("country_code: %q\nnational_prefix: %q\n", country, national)
		}
	}
	return []scenario{
		{name: "disguises", matrix: stage.One(), play: disguises, customer: dials("39", "")},
		{name: "disguises of a phone", matrix: stage.One(), play: phoneDisguises, customer: dials("39", "")},
		{name: "phones by their tokens", matrix: stage.One(), play: tokens, customer: dials("39", "")},
		{name: "referred", matrix: stage.One(), play: referred, customer: dials("39", "")},
		{name: "redirected", matrix: plain(), play: redirected, customer: dials("39", "")},
		{name: "prefixes", matrix: plain(), play: prefixes, customer: dials("39", "")},
		{name: "domains", matrix: plain(), play: domains, customer: dials("39", "")},
		{name: "calls of the PBX", matrix: stage.One(), play: pbxCalls, customer: dials("39", "")},
		{name: "a long list", matrix: plain(), play: longList, customer: dials("39", "")},
		{name: "a trunk prefix", matrix: plain(), play: trunkPrefix, customer: dials("49", "0")},
		{name: "no country", matrix: plain(), play: noCountry},
	}
}

func disguises(sc *scene) {
	sc.forbids("040")
	for _, user := range []string{
		"040123", "+39040123", "0039040123", "%30%34%30123", "%2B39040123", "+39-040-(12).3", "0.4.0.1", "(040)123", "0%20%2040",
		"040123;phone-context=+39", "123;phone-context=+39040", "40123;phone-context=%2B390", "040123;x=y", "+0039040123", "040123%23",
		strings.Repeat("-", 100) + "040", "%E2%80%AA040123", "0%0940123", "0_40", "040123:secret",
	} {
		for _, suffix := range []string{"", ";user=phone"} {
			if suffix == "" || user == "040123" {
				sc.judge(try{at: blocklist, uri: "sip:" + user + "@%" + suffix, want: 403, rule: "040"})
			}
		}
	}
	sc.judge(try{at: blocklist, uri: "sips:040123@%", want: 403, rule: "040"})
	for _, user := range []string{"041123", "0040123", "+40040123", "39040123", "alice040", "bob", "*040", "04"} {
		sc.judge(try{at: blocklist, uri: "sip:" + user + "@%", want: passes})
	}
	sc.judge(try{at: blocklist, method: "MESSAGE", uri: "sip:040123@%", want: passes}) // it calls nobody
}

// phoneDisguises: a phone may name no domain.
func phoneDisguises(sc *scene) {
	sc.registered("alice")
	sc.forbids("040", "041@"+sc.Domain)
	for uri, entry := range map[string]string{
		"tel:040123": "040", "tel:+39-040-123": "040", "tel:0123;phone-context=+3904": "040", "sip:040123@%": "040",
		"tel:041123": "041", "sip:041123@" + sc.Caller.Edge.Addr().String(): "041",
	} {
		if entry == "041" {
			entry += "@" + sc.Domain
		}
		sc.judge(try{at: blocklist, uri: uri, want: 403, rule: entry})
	}
	sc.judge(try{at: blocklist, uri: "tel:042123", want: passes})
}

// tokens: what the PBX calls a phone by begins with digits, and is no number.
func tokens(sc *scene) {
	phone, token := sc.registered("alice")
	sc.forbids("0", "04", "040", peer.User(token)[:8])
	sc.explained(&try{from: sc.Callee, at: blocklist}, sc.ringsBy(token, phone))
	sc.counted(blocklist, map[string]int{})
}

// ringsBy has the PBX call a phone, which refuses.
func (sc *scene) ringsBy(token string, phone *peer.Registration) (sent *peer.Message) {
	sc.Helper()
	b := sc.Callee.Invite(token, func(m *peer.Message) { sent = m })
	a := phone.UA.Accept("INVITE")
	a.Answer(486)
	a.Expect("ACK")
	b.Expect(486)
	return sent
}

// referred: a phone that may not call a number may not have the PBX call it either, neither within a call nor outside.
func referred(sc *scene) {
	sc.registered("alice")
	sc.forbids("040", "041@"+sc.Domain)
	a, b := sc.Talk()
	for uri, entry := range map[string]string{
		"sip:040123@" + sc.Domain: "040", "sip:+39-040%31@" + sc.Domain + ";user=phone": "040", "tel:+39040123": "040",
		"sip:041123@" + sc.Domain: "041@" + sc.Domain, "tel:041": "041@" + sc.Domain,
	} {
		sc.judge(try{at: blocklist, method: "REFER", options: []peer.Option{peer.With("Refer-To", "<"+uri+">")}, want: 403, rule: entry, unasked: sc.Caller.Proto() != "udp"})
		want := sc.counts(blocklist)
		want[entry]++
		a.Request("REFER", peer.With("r", "\"x\" <"+uri+">"))
		a.Expect("403 REFER")
		sc.counted(blocklist, want)
	}
	passing := func() {
		for _, uri := range []string{"sip:112@" + sc.Domain, "sip:042@" + sc.Domain, "sip:bob@" + sc.Domain} {
			a.Request("REFER", peer.With("Refer-To", "<"+uri+">"))
			b.Reply(b.Expect("REFER"), 603)
			a.Expect("603 REFER")
		}
	}
	passing()
	b.Request("REFER", peer.With("Refer-To", "<sip:040123@"+sc.Domain+">")) // the phone will ask us
	a.Reply(a.Expect("REFER"), 603)
	b.Expect("603 REFER")
	sc.forbids()
	passing()
	sc.End(a, b)
}

// redirected: nor may a phone that the PBX calls send it on to such a number.
func redirected(sc *scene) {
	phone, token := sc.registered("alice")
	sc.forbids("040", "041@"+sc.Domain)
	redirects := func(want int, contacts string) *peer.Call {
		b := sc.Callee.Invite(token)
		a := phone.UA.Accept("INVITE")
		a.Answer(302, peer.With("Contact", contacts))
		a.Expect("ACK")
		b.Expect(want)
		return b
	}
	redirects(302, "<sip:bob@"+sc.Domain+">")
	redirects(302, "<sip:112@"+sc.Domain+">")
	redirects(302, "<sip:bob@"+sc.Domain+"?Subject=x>")
	redirects(403, "<sip:bob@"+sc.Domain+">, <sip:bob@"+sc.Domain+"?%52oute=%3Csip:192.0.2.1%3Blr%3E>")
	b := redirects(403, "<sip:042@"+sc.Domain+">;q=0.9, \"x\" <sip:+39-040%31@"+sc.Domain+";user=phone>")
	sc.counted(blocklist, map[string]int{"040": 1})
	redirects(403, "<tel:041123>")
	sc.counted(blocklist, map[string]int{"040": 1, "041@" + sc.Domain: 1})
	harness.Eventually(sc.T, harness.Soon, func() error {
		for _, r := range sc.w.list(sc.T, "/cdrs", sc.customer) {
			if r["call_id"] == b.ID && r["status"] == 403.0 && r["reason"] == "blocklist" {
				return nil
			}
		}
		return fmt.Errorf("no record of the call %s says that it was the block list", b.ID)
	})
}

func prefixes(sc *scene) {
	sc.forbids("04", "040", "+39040123", "00", "0088", "*21", "0039-06")
	for user, entry := range map[string]string{
		"041": "04", "040": "040", "0401": "040", "04012": "040", "040123": "+39040123", "0401234": "+39040123",
		"+390401234": "+39040123", "+4412": "00", "004412": "00", "00881": "0088", "+88": "0088", "*21*040": "*21", "%2A2145": "*21",
		"06123": "0039-06", "+3906": "0039-06",
	} {
		sc.judge(try{at: blocklist, uri: "sip:" + user + "@%", want: 403, rule: entry})
	}
	for _, user := range []string{"05", "+39333", "*20", "bob"} {
		sc.judge(try{at: blocklist, uri: "sip:" + user + "@%", want: passes})
	}
}

func domains(sc *scene) {
	other := "other-" + sc.Domain
	sc.Customer.Domains = append(sc.Customer.Domains, other)
	sc.Apply()
	sc.forbids("040@"+sc.Domain, "0401@"+other, "041")
	for uri, entry := range map[string]string{
		"sip:040123@" + sc.Domain: "040@" + sc.Domain, "sip:040123@" + strings.ToUpper(sc.Domain) + ".:5060": "040@" + sc.Domain,
		"sip:040123@" + other: "0401@" + other, "sip:041@" + sc.Domain: "041", "sip:041@" + other: "041",
	} {
		sc.judge(try{at: blocklist, uri: uri, want: 403, rule: entry})
	}
	sc.judge(try{at: blocklist, uri: "sip:04055@" + other, want: passes})
}

// pbxCalls: entries without a domain hold for what the PBX calls, too.
func pbxCalls(sc *scene) {
	phone, _ := sc.registered("040123")
	sc.forbids("040", "041@"+sc.Domain)
	sc.judge(try{at: blocklist, from: sc.Callee, uri: "sip:040123@%", want: 403, rule: "040"})
	sc.judge(try{at: blocklist, from: sc.Callee, uri: "sip:+39040123@" + sc.Callee.Edge.String(), want: 403, rule: "040"})
	sc.judge(try{at: blocklist, from: sc.Callee, uri: "tel:+39040123", want: 403, rule: "040"})
	sc.judge(try{at: blocklist, from: sc.Callee, uri: "sip:041123@%", want: 404, reason: "no_destination"})
	b := sc.Callee.Start("MESSAGE", "sip:040123@"+sc.Domain) // no call
	phone.UA.Accept("MESSAGE").Answer(200)
	b.Expect("200 MESSAGE")
}

// longList: one of thousands, and a file of them.
func longList(sc *scene) {
	var b strings.Builder
	b.WriteString("blocklist:\n")
	for i := range 10_000 {
		fmt.Fprintf(&b, "  - {prefix: \"00%d\"}\n", 440000+i*7)
	}
	sc.Customer.Extra += b.String()
	sc.Apply()
	at := func(user string) *peer.Call { return sc.Caller.Invite("sip:" + user + "@" + sc.Domain) }
	for _, i := range []int{0, 4711, 9999} {
		at(fmt.Sprintf("+%d99", 440000+i*7)).Expect(403)
	}
	page := sc.w.must(sc.T, "GET", fmt.Sprintf("/blocklist?customer=%d&q=00%d", sc.customer, 440000+4711*7), nil)
	if item := page["items"].([]any)[0].(object); item["hits"] != 1.0 || item["last_hit"] == nil {
		sc.Errorf("%v", item)
	}
	call := at("+440001")
	call2 := sc.Callee.Accept("INVITE")
	call2.Answer(480)
	call.Expect(480)
	call2.Expect("ACK")
}

func trunkPrefix(sc *scene) {
	sc.forbids("0900", "00")
	for user, entry := range map[string]string{
		"0900123": "0900", "+49900123": "0900", "0049900123": "0900", "+49(0)900-123": "0900", "00490900123": "0900", "+390": "00", "0039": "00",
	} {
		sc.judge(try{at: blocklist, uri: "sip:" + user + "@%", want: 403, rule: entry})
	}
	for _, user := range []string{"900123", "+4940", "110"} {
		sc.judge(try{at: blocklist, uri: "sip:" + user + "@%", want: passes})
	}
}

// noCountry: numbers are compared as they are dialled.
func noCountry(sc *scene) {
	sc.forbids("0900", "+49900")
	for user, entry := range map[string]string{"0900123": "0900", "0-9%3000": "0900", "+49 900": "+49900"} {
		sc.judge(try{at: blocklist, uri: "sip:" + strings.ReplaceAll(user, " ", "%20") + "@%", want: 403, rule: entry})
	}
	sc.judge(try{at: blocklist, uri: "sip:0049900@%", want: passes})
}
