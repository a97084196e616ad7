package gate_test

import (
	"net/netip"
	"strings"
	"testing"

	"tollgate/internal/policy"
	"tollgate/internal/registrar"
	"tollgate/internal/tenant"
	"tollgate/sip"
)

// explain asks what would happen to a request from an address.
func (r *rig) explain(from netip.AddrPort, method, uri string) policy.Explanation {
	r.t.Helper()
	text := method + " " + uri + " SIP/2.0\nVia: SIP/2.0/UDP " + from.String() + ";branch=z9hG4bKe\nMax-Forwards: 70\n" +
		"From: <sip:me@x.test>;tag=e\nTo: <" + uri + ">\nCall-ID: e\nCSeq: 1 " + method + "\nContent-Length: 0\n\n"
	var m sip.Message
	if err := m.Parse([]byte(strings.ReplaceAll(text, "\n", "\r\n"))); err != nil {
		r.t.Fatal(err)
	}
	ask := &policy.Request{Msg: &m, Source: from, Local: edgeAddr.Addr(), Transport: "udp"}
	e := r.gate.Explain(ask, policy.English)
	r.alsoInItalian(&e, r.gate.Explain(ask, policy.Italian))
	return e
}

// alsoInItalian holds an explanation against itself in Italian: the same, and no text of it is English.
func (r *rig) alsoInItalian(e *policy.Explanation, italian policy.Explanation) {
	r.t.Helper()
	if stepNames(e) != stepNames(&italian) || len(e.Candidates) != len(italian.Candidates) {
		r.t.Errorf("%+v\n%+v", e, italian)
		return
	}
	for i := range e.Steps {
		if e.Steps[i].Text == italian.Steps[i].Text {
			r.t.Errorf("not in Italian: %s", e.Steps[i].Text)
		}
	}
	for i := range e.Candidates {
		if e.Candidates[i].Text == italian.Candidates[i].Text {
			r.t.Errorf("not in Italian: %s", e.Candidates[i].Text)
		}
	}
}

// comesAs3401 has a phone at an address register as 3401, and gives the URI that the PBX got for it.
func (r *rig) comesAs3401(from netip.AddrPort, contact string) string {
	r.t.Helper()
	r.in(from, "REGISTER sip:acme.test SIP/2.0\nVia: SIP/2.0/UDP "+from.String()+";branch=z9hG4bKr"+contact+
		"\nMax-Forwards: 70\nFrom: <sip:3401@acme.test>;tag=r\nTo: <sip:3401@acme.test>\nCall-ID: reg-"+contact+
		"\nCSeq: 1 REGISTER\nContact: <sip:"+contact+"@"+from.String()+">;expires=600\n")
	req := r.want(pbxAddr, "REGISTER ")
	r.in(pbxAddr, answer(req, "200 OK", "Expires: 600\n"))
	r.want(from, "SIP/2.0 200 ")
	return uriOf(header(req, "Contact"))
}

// stepNames lists the steps of an explanation.
func stepNames(e *policy.Explanation) string {
	names := make([]string, len(e.Steps))
	for i, s := range e.Steps {
		names[i] = s.Name
	}
	return strings.Join(names, " ")
}

func anyone(tenant.CustomerID) bool { return true }

// unmade is a token with one character changed.
func unmade(token string) string {
	at := strings.IndexByte(token, '@') - 1
	c := "0"
	if token[at] == '0' {
		c = "1"
	}
	return token[:at] + c + token[at+1:]
}

// TestExplainPhones: what is said beforehand about requests of and to phones is what the steps do.
func TestExplainPhones(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		const (
			stopped   = "validate hops identify"
			toPhones  = "validate hops identify phones"
			routed    = "validate hops identify route"
			notServed = "validate hops identify serve"
		)
		bob := netip.MustParseAddrPort("198.51.100.9:5064")
		token := r.comesAs3401(aliceAddr, "desk")
		gone := r.comesAs3401(bob, "gone")
		for _, b := range r.registrar.List(anyone, registrar.Place{}, 0) {
			if b.Source == bob.String() {
				r.registrar.Remove(b.ID, anyone)
			}
		}
		foreign := strings.Replace(token, "@192.0.2.1", "@203.0.113.99", 1)
		for name, c := range map[string]struct {
			from        netip.AddrPort
			method, uri string
			steps       string
			reason      policy.Reason
			says        string
		}{
			"a token by its PBX":                {pbxAddr, "INVITE", token, toPhones, policy.OK, "the phone of 3401@acme.test"},
			"a token by its other PBX":          {pbx2Addr, "NOTIFY", token, toPhones, policy.OK, "the phone of 3401@acme.test"},
			"a token at another host":           {pbxAddr, "MESSAGE", foreign, toPhones, policy.OK, "the phone of 3401@acme.test"},
			"a token by a stranger":             {carrierAddr, "INVITE", token, stopped, policy.ForeignToken, "not come from one of his destinations"},
			"a token by another phone":          {bob, "INVITE", token, stopped, policy.ForeignToken, "not come from one of his destinations"},
			"a token that is no one's now":      {pbxAddr, "INVITE", gone, toPhones, policy.PhoneUnreachable, "has ended"},
			"the same by a stranger":            {carrierAddr, "INVITE", gone, stopped, policy.UnknownDomain, "nobody's destination"},
			"a token that was never made":       {pbxAddr, "INVITE", unmade(token), routed, policy.OK, ""},
			"an address of record":              {pbxAddr, "INVITE", "sip:3401@acme.test", toPhones, policy.OK, "the phone of 3401@acme.test"},
			"its number at our address":         {pbxAddr, "INVITE", "sip:3401@192.0.2.1", toPhones, policy.OK, "the phone of 3401@acme.test"},
			"nobody's address of record":        {pbxAddr, "INVITE", "sip:3499@acme.test", routed, policy.OK, "to try"},
			"an address of record from outside": {carrierAddr, "INVITE", "sip:3401@acme.test", routed, policy.OK, "to try"},
			"a phone's REGISTER":                {bob, "REGISTER", "sip:acme.test", routed, policy.OK, "to try"},
			"a REGISTER of a PBX's":             {pbxAddr, "REGISTER", "sip:acme.test", toPhones, policy.RegisterFromDestination, "only phones register here"},
			"a phone's call":                    {aliceAddr, "INVITE", "sip:3402@acme.test", routed, policy.OK, "to try"},
			"a phone's call to a number":        {aliceAddr, "INVITE", "sip:0401@192.0.2.1", routed, policy.OK, "to try"},
			"what is not served":                {pbxAddr, "FOO", token, notServed, policy.MethodNotServed, "not served"},
		} {
			e := r.explain(c.from, c.method, c.uri)
			last := e.Steps[len(e.Steps)-1]
			if stepNames(&e) != c.steps || e.Verdict.Reason != c.reason || last.Verdict != e.Verdict || !strings.Contains(last.Text, c.says) {
				t.Errorf("%s: %s, %v: %s", name, stepNames(&e), e.Verdict, last.Text)
			}
			if c.steps != routed && (len(e.Candidates) > 0 || e.Foreign) {
				t.Errorf("%s: destinations beside phones: %+v", name, e)
			}
		}
	})
}

// TestExplainManyPhones: all of an address of record, but for the one that asks.
func TestExplainManyPhones(t *testing.T) {
	run(t, false, func(r *rig) {
		for i, contact := range []string{"desk", "mobile"} {
			r.comesAs3401(netip.AddrPortFrom(aliceAddr.Addr(), uint16(6000+i)), contact)
		}
		e := r.explain(pbxAddr, "INVITE", "sip:3401@acme.test")
		if text := e.Steps[len(e.Steps)-1].Text; text != "It goes to 2 phones of 3401@acme.test at once, in place of destinations." {
			t.Error(text)
		}
	})
}
