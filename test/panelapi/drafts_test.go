package panelapi

import (
	"fmt"
	"strings"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
)

const withPhones = "registration: local\nsip_users:\n  - {username: \"2001\", password: \"" + phoneSecret + "\"}\n  - {username: \"2002\", password: \"" + phoneSecret + "\"}\n"

func drafts() []scenario {
	return []scenario{
		{"drafts: a firewall rule", withPhones, draftedFirewall},
		{"drafts: a blocked prefix", withPhones, draftedPrefix},
		{"drafts: what only the message holds", "", draftedWhole},
		{"drafts: a routing rule", "", draftedRouting},
		{"explain: a request that was refused", "", replayed},
	}
}

// previewed is what a draft would have done.
type previewed struct {
	Requests, Matched, Group int

	Drops   int `json:"would_drop"`
	Passes  int `json:"would_pass"`
	Phones  int `json:"of_registered_phones"`
	Samples []struct {
		Decision  string `json:"decision_id"`
		UserAgent string `json:"user_agent"`
		Phone     bool   `json:"registered_phone"`
	}
}

// preview tries a draft of the customer's.
func (sc *scene) preview(kind string, rule object) (p previewed) {
	sc.Helper()
	sc.api.read("POST", "/tools/"+kind+"-preview", object{"customer_id": sc.id, "rule": rule}, &p)
	return p
}

// offered has the PBX refuse a call that reaches it.
func (sc *scene) offered(from, pbx *peer.UA, uri string, opts ...peer.Option) *peer.Call {
	sc.Helper()
	a := from.Invite(uri, opts...)
	b := pbx.Accept("INVITE")
	b.Answer(486)
	b.Expect("ACK")
	a.Expect(486)
	return a
}

// silenced is a call to which nothing is said.
func (sc *scene) silenced(from *peer.UA, opts ...peer.Option) *peer.Call {
	sc.Helper()
	a := from.Invite(sc.URI(), opts...)
	if m := a.AwaitWithin(300*time.Millisecond, "INVITE"); m != nil {
		sc.Errorf("answered:\n%s", m.Bytes())
	}
	sc.Loose = true // it is sent again
	return a
}

// calls has a phone that is registered call another number, which the PBX refuses.
func (sc *scene) calls(phone *peer.UA, opts ...peer.Option) {
	sc.Helper()
	opts = append(opts, func(m *peer.Message) { m.Set("From", "<sip:2001@"+sc.Domain+">;tag="+m.Tag("From")) }, peer.SDP(phone, 1))
	a := phone.Start("INVITE", sc.number("0612345678"), opts...)
	challenge := a.Expect(407)
	a.Request("INVITE", append(opts, peer.Credentials{User: "2001", Password: phoneSecret}.Answer(challenge))...)
	b := sc.Callee.Accept("INVITE")
	b.Answer(486)
	b.Expect("ACK")
	a.Expect(486)
}

// draftedFirewall: what is said of a draft is what the rule then does, counting first and dropping then.
func draftedFirewall(sc *scene) {
	phone := sc.registered("2001", agent("desk/1"))
	rule := object{"header": "user-agent", "value": "^(scan|desk)/", "match": "regex", "action": "drop"}
	// A phone that has only registered would be locked out, too: what it registered with is no decision.
	p := sc.preview("firewall", rule)
	if p.Requests != 1 || p.Drops != 1 || p.Phones != 1 || len(p.Samples) != 1 || p.Samples[0].Decision != "" || !p.Samples[0].Phone {
		sc.Errorf("a phone that has registered: %+v", p)
	}
	if p = sc.preview("firewall", object{"header": "from", "value": "sip:2001@" + sc.Domain, "match": "word", "action": "drop"}); p.Drops != 1 {
		sc.Errorf("by its name: %+v", p)
	}
	if p = sc.preview("routing", object{"header": "from", "value": "sip:2001@", "group": 1}); p.Requests != 0 {
		sc.Errorf("no destination gets a registration that is answered here: %+v", p)
	}
	sc.calls(phone, agent("desk/1"))
	for _, from := range []string{"desk/1", "scan/1", "scan/2", "other"} {
		sc.offered(sc.Caller, sc.Callee, sc.URI(), agent(from))
	}
	harness.Eventually(sc.T, soon, func() error {
		if p = sc.preview("firewall", rule); p.Requests < 6 {
			return fmt.Errorf("%+v", p)
		}
		return nil
	})
	if p.Phones != 2 || p.Drops != 5 || p.Matched != p.Drops || p.Passes != 0 || len(p.Samples) != p.Matched {
		sc.Errorf("five calls, one of them by the phone, which has registered: %+v", p)
	}
	for _, s := range p.Samples {
		if !strings.HasPrefix(s.UserAgent, "scan/") && !strings.HasPrefix(s.UserAgent, "desk/") {
			sc.Errorf("%+v", s)
		}
	}
	if none := sc.preview("firewall", object{"header": "user-agent", "value": "nothing like it", "action": "drop"}); none.Matched != 0 || none.Requests != p.Requests {
		sc.Errorf("another draft: %+v", none)
	}
	sc.api.refused(422, "POST", "/tools/firewall-preview", object{"customer_id": sc.id, "rule": object{"header": "user-agent", "value": "(", "action": "drop"}})
	sc.another().customerKey().refused(404, "POST", "/tools/firewall-preview", object{"customer_id": sc.id, "rule": rule})

	rule["name"], rule["mode"] = "scanners", "monitor"
	made := sc.own("firewall-rules", rule)
	sc.offered(sc.Caller, sc.Callee, sc.URI(), agent("scan/3")) // is only counted
	path := fmt.Sprintf("/firewall-rules/%d", id(made))
	harness.Eventually(sc.T, soon, func() error {
		if got := sc.api.must("GET", path, nil); got["hits"] != 1.0 {
			return fmt.Errorf("%v", got)
		}
		return nil
	})
	sc.api.must("PATCH", path, object{"mode": "enforce"})
	sc.decision(sc.silenced(sc.Caller, agent("scan/4")).ID)
	sc.silenced(phone, agent("desk/1"))
	sc.offered(sc.Caller, sc.Callee, sc.URI(), agent("other"))

	// And a draft that lets through what the saved one drops.
	gentle := sc.preview("firewall", object{"header": "user-agent", "value": "^scan/4", "action": "accept", "priority": 1})
	if gentle.Passes != 1 || gentle.Drops != 0 {
		sc.Errorf("a draft that accepts: %+v", gentle)
	}
}

// draftedPrefix: which calls a prefix would have refused, in whatever form; then it counts, then it refuses.
func draftedPrefix(sc *scene) {
	phone := sc.registered("2001", agent("desk/1"))
	sc.calls(phone) // to 0612345678
	for _, number := range []string{"+39061", "0039 061", "0501"} {
		sc.offered(sc.Caller, sc.Callee, sc.number(strings.ReplaceAll(number, " ", "")))
	}
	entry := object{"prefix": "06"}
	var p previewed
	harness.Eventually(sc.T, soon, func() error {
		if p = sc.preview("blocklist", entry); p.Requests < 4 {
			return fmt.Errorf("%+v", p)
		}
		return nil
	})
	if p.Matched != 3 || p.Drops != 3 || p.Phones != 1 || len(p.Samples) != 3 {
		sc.Errorf("three calls of four, one of them a phone's: %+v", p)
	}
	if none := sc.preview("blocklist", object{"prefix": "07"}); none.Matched != 0 || none.Requests != p.Requests {
		sc.Errorf("another draft: %+v", none)
	}
	sc.api.refused(422, "POST", "/tools/blocklist-preview", object{"customer_id": sc.id, "rule": object{"prefix": "x"}})
	sc.another().customerKey().refused(404, "POST", "/tools/blocklist-preview", object{"customer_id": sc.id, "rule": entry})

	entry["mode"] = "monitor"
	made := sc.own("blocklist", entry)
	sc.offered(sc.Caller, sc.Callee, sc.number("0619")) // is only counted
	path := fmt.Sprintf("/blocklist/%d", id(made))
	harness.Eventually(sc.T, soon, func() error {
		if got := sc.api.must("GET", path, nil); got["hits"] != 1.0 {
			return fmt.Errorf("%v", got)
		}
		return nil
	})
	sc.api.must("PATCH", path, object{"mode": "enforce"})
	sc.Caller.Invite(sc.number("0619")).Expect(403)
}

// draftedWhole: a rule that looks at what no list of decisions has is tried on the messages.
func draftedWhole(sc *scene) {
	sc.offered(sc.Caller, sc.Callee, sc.URI(), peer.With("Supported", "path, gruu"))
	sc.offered(sc.Caller, sc.Callee, sc.URI(), peer.With("Supported", "timer"))
	harness.Eventually(sc.T, soon, func() error {
		if p := sc.preview("firewall", object{"header": "supported", "value": "gruu", "action": "drop"}); p.Requests != 2 || p.Drops != 1 || p.Phones != 0 {
			return fmt.Errorf("%+v", p)
		}
		return nil
	})
}

// draftedRouting: the requests that a draft says it would match go the way that it says.
func draftedRouting(sc *scene) {
	second := sc.Peer(udp())
	sc.Customer.Groups = []int{2}
	sc.Customer.Destinations = append(sc.Customer.Destinations, harness.Destination{Name: "second", Addr: second.Addr(), Group: 2})
	sc.Apply()
	for _, number := range []string{"7001", "7002", "8001"} {
		sc.offered(sc.Caller, sc.Callee, sc.number(number))
	}
	rule := object{"header": "request-uri", "value": "^sip:7", "match": "regex", "group": 2}
	harness.Eventually(sc.T, soon, func() error {
		if p := sc.preview("routing", rule); p.Requests != 3 || p.Matched != 2 || p.Group != 2 || p.Drops != 0 {
			return fmt.Errorf("%+v", p)
		}
		return nil
	})
	rule["name"] = "sevens"
	sc.own("routing-rules", rule)
	sc.offered(sc.Caller, second, sc.number("7001"))
	sc.offered(sc.Caller, sc.Callee, sc.number("8001"))
}

// explained is what would happen to a request.
type explained struct {
	Customer   string
	Passed     []string
	Steps      []struct{ Name, Text string }
	Candidates []struct {
		Name  string
		Tried int
	}
	Verdict struct {
		Status int
		Reason string
		Name   string `json:"rule_name"`
	}
}

// replayed: a request that a rule refused is refused again while the rule is there, and passes after.
func replayed(sc *scene) {
	rule := sc.own("firewall-rules", object{"name": "too old", "header": "user-agent", "value": "blackbox", "match": "word", "action": "drop"})
	call := sc.silenced(sc.Caller)
	decision := sc.decision(call.ID)["id"]
	own := sc.customerKey()
	var e explained
	own.read("POST", "/tools/explain", object{"decision": decision}, &e)
	if e.Customer != sc.Customer.Name || e.Verdict.Reason != "firewall" || e.Verdict.Name != "too old" {
		sc.Errorf("while the rule is there: %+v", e)
	}
	sc.another().customerKey().refused(404, "POST", "/tools/explain", object{"decision": decision})
	own.refused(404, "POST", "/tools/explain", object{"decision": "AAAAAAAAAAAAAAAA"})
	sc.api.must("DELETE", fmt.Sprintf("/firewall-rules/%d", id(rule)), nil)
	e = explained{}
	own.read("POST", "/tools/explain", object{"decision": decision}, &e)
	if e.Verdict.Reason != "ok" || e.Verdict.Status != 0 || len(e.Candidates) != 1 || e.Candidates[0].Name != "d1" || e.Candidates[0].Tried != 1 {
		sc.Errorf("without the rule: %+v", e)
	}
	sc.Callee.Drain() // the caller sends it again until it is answered
}
