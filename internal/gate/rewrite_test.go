package gate_test

import (
	"strings"
	"testing"
	"time"

	"tollgate/internal/tenant"
)

// called is Alice's call, from an entry, in the form that her switch dials.
const called = `INVITE sip:7700390401234567@acme.test SIP/2.0
Via: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bKa1
From: "0409876543" <sip:0409876543@198.51.100.7>;tag=alice
To: <sip:7700390401234567@acme.test>
Call-ID: call1@198.51.100.7
CSeq: 7 INVITE
Contact: <sip:alice@198.51.100.7:5062>
Max-Forwards: 70
Content-Type: application/sdp

v=0
`

// switched makes Alice's address an entry and both PBXs switches with rewriting of their own;
// pbx2 is the first.
func switched(a *tenant.Account) {
	a.Customer.CountryCode = "39"
	a.Switches = []tenant.Switch{
		{
			ID: 1, Name: "dialer", Direction: tenant.Egress, Addresses: []string{"198.51.100.7/32"}, DialPattern: "00", TechPrefix: "77",
			Rewrite: []tenant.Rewrite{{What: "cli", Match: "prefix", Current: "0", New: "390"}},
		},
		{
			ID: 2, Name: "first", Direction: tenant.Ingress, Host: "203.0.113.11", Port: 5060, Protocol: "udp", DialPattern: "+e164",
			Rewrite: []tenant.Rewrite{{What: "cli", Match: "regex", Current: "^39(.*)$", New: "+39$1"}},
		},
		{
			ID: 3, Name: "second", Direction: tenant.Ingress, Host: "203.0.113.10", Port: 5060, Protocol: "udp", DialPattern: "national",
			CLIPrefix: "88", TechPrefix: "9#",
		},
	}
	a.Destinations = []tenant.Destination{
		{ID: 1, Customer: 1, Name: "pbx", Group: 1, Switch: 3, Priority: 10},
		{ID: 2, Customer: 1, Name: "pbx2", Group: 1, Switch: 2, Priority: 5},
	}
}

// TestRewrittenCall: each switch is shown the numbers as it wants them, and the caller his own,
// for the whole dialog, and after a restart.
func TestRewrittenCall(t *testing.T) {
	both(t, func(r *rig, hidden bool) {
		r.change(switched)
		r.in(aliceAddr, called)
		one := r.want(pbx2Addr, "INVITE sip:+390401234567@203.0.113.11 SIP/2.0\r\n")
		if from, to := header(one, "From"), header(one, "To"); !strings.HasPrefix(from, `"+390409876543" <sip:+390409876543@203.0.113.11>;tag=`) ||
			to != "<sip:+390401234567@203.0.113.11>" {
			t.Errorf("From: %s\nTo: %s", from, to)
		}
		r.in(pbx2Addr, answer(one, "180 Ringing", "Contact: <sip:x@203.0.113.11>\n"))
		ringing := r.want(aliceAddr, "SIP/2.0 180 ")
		if header(ringing, "From") != header(strings.ReplaceAll(called, "\n", "\r\n"), "From") || !strings.HasPrefix(header(ringing, "To"), "<sip:7700390401234567@acme.test>;tag=") {
			t.Errorf("From or To changed:\n%s", ringing)
		}
		r.in(pbx2Addr, answer(one, "503 Service Unavailable", ""))
		r.want(pbx2Addr, "ACK ")
		two := r.want(pbxAddr, "INVITE sip:9%230401234567@203.0.113.10 SIP/2.0\r\n")
		if from, to := header(two, "From"), header(two, "To"); !strings.HasPrefix(from, `"88390409876543" <sip:88390409876543@203.0.113.10>;tag=`) ||
			to != "<sip:9%230401234567@203.0.113.10>" {
			t.Errorf("From: %s\nTo: %s", from, to)
		}
		r.in(pbxAddr, answer(two, "200 OK", bobContact))
		ok := r.want(aliceAddr, "SIP/2.0 200 ")
		if header(ok, "From") != header(ringing, "From") || !strings.HasPrefix(header(ok, "To"), "<sip:7700390401234567@acme.test>;tag=") {
			t.Errorf("From or To changed:\n%s", ok)
		}
		r.in(pbxAddr, answer(two, "200 OK", bobContact)) // its ACK is late
		if again := r.want(aliceAddr, "SIP/2.0 200 "); again != ok {
			t.Errorf("the retransmission is another answer:\n%s", again)
		}
		alice, bob := dialogOf{two, ok}.legs()
		r.in(aliceAddr, alice.next("ACK", ""))
		if ack := r.want(pbxAddr, "ACK "); header(ack, "From") != header(two, "From") || header(ack, "To") != bob.local {
			t.Errorf("another dialog's ACK:\n%s", ack)
		}
		r.checked(alice, bob)
		r.restart(time.Second, func(n *rig) {
			n.checked(alice, bob)
			n.ends(bob, aliceAddr)
			n.over(200)
		})
		r.ends(alice, pbxAddr)
		r.over(200)
	})
}

// TestOursRewritten: our own BYE goes to each side by the names that it knows.
func TestOursRewritten(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.change(switched)
		r.change(func(a *tenant.Account) { a.Destinations = a.Destinations[:1] })
		r.in(aliceAddr, called)
		inv := r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, answer(inv, "200 OK", bobContact))
		alice, bob := dialogOf{inv, r.want(aliceAddr, "SIP/2.0 200 ")}.legs()
		r.in(aliceAddr, alice.next("ACK", ""))
		r.want(pbxAddr, "ACK ")
		r.endAll(0)
		for _, l := range []*leg{alice, bob} {
			bye := r.want(l.at, "BYE ")
			if header(bye, "From") != l.remote || header(bye, "To") != l.local {
				t.Errorf("another dialog:\n%s", bye)
			}
			r.in(l.at, answer(bye, "200 OK", ""))
		}
	})
}

// TestRewrittenRefusal: the caller's own From and To come back with a refusal, too, and a
// CANCEL repeats what the switch was sent.
func TestRewrittenRefusal(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.change(switched)
		r.change(func(a *tenant.Account) { a.Destinations = a.Destinations[:1] })
		r.in(aliceAddr, called)
		inv := r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, answer(inv, "486 Busy Here", ""))
		r.want(pbxAddr, "ACK ")
		busy := r.want(aliceAddr, "SIP/2.0 486 ")
		if header(busy, "From") != `"0409876543" <sip:0409876543@198.51.100.7>;tag=alice` || !strings.HasPrefix(header(busy, "To"), "<sip:7700390401234567@acme.test>;tag=") {
			t.Errorf("From or To changed:\n%s", busy)
		}
		r.in(aliceAddr, ackOf(called))
		next := strings.NewReplacer("z9hG4bKa1", "z9hG4bKa2", "call1", "call2").Replace(called)
		r.in(aliceAddr, next)
		inv = r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, answer(inv, "180 Ringing", bobContact))
		r.want(aliceAddr, "SIP/2.0 180 ")
		r.in(aliceAddr, strings.Replace(strings.Replace(strings.Split(next, "Contact")[0], "INVITE sip", "CANCEL sip", 1), "7 INVITE", "7 CANCEL", 1))
		if cancel := r.want(pbxAddr, "CANCEL "); header(cancel, "From") != header(inv, "From") || header(cancel, "To") != header(inv, "To") {
			t.Errorf("another CANCEL:\n%s", cancel)
		}
	})
}

// TestRewrittenMessage: what makes no dialog is rewritten alike.
func TestRewrittenMessage(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.change(switched)
		message := strings.Replace(strings.Replace(called, "INVITE sip", "MESSAGE sip", 1), "7 INVITE", "7 MESSAGE", 1)
		message = strings.Replace(message, "Contact: <sip:alice@198.51.100.7:5062>", `P-Asserted-Identity: "Alice" <sip:+0409876543@198.51.100.7>`, 1)
		r.in(aliceAddr, message)
		one := r.want(pbx2Addr, "MESSAGE sip:+390401234567@203.0.113.11 SIP/2.0\r\n")
		r.in(pbx2Addr, answer(one, "503 Service Unavailable", ""))
		two := r.want(pbxAddr, "MESSAGE sip:9%230401234567@203.0.113.10 SIP/2.0\r\n")
		if from, to := header(two, "From"), header(two, "To"); !strings.HasPrefix(from, `"88+0409876543" <sip:88+0409876543@203.0.113.10>;tag=`) || to != "<sip:9%230401234567@203.0.113.10>" {
			t.Errorf("From: %s\nTo: %s", from, to)
		}
		if pai := header(two, "P-Asserted-Identity"); !strings.HasPrefix(pai, `"Alice" <sip:88+0409876543@`) {
			t.Errorf("P-Asserted-Identity: %s", pai)
		}
		r.in(pbxAddr, answer(two, "200 OK", ""))
		ok := r.want(aliceAddr, "SIP/2.0 200 ")
		if header(ok, "From") != `"0409876543" <sip:0409876543@198.51.100.7>;tag=alice` || !strings.HasPrefix(header(ok, "To"), "<sip:7700390401234567@acme.test>;tag=") {
			t.Errorf("From or To changed:\n%s", ok)
		}
	})
}

// TestRewrittenBlocked: the number as received, as rewritten by the entry, and as a switch of
// the candidates would get it.
func TestRewrittenBlocked(t *testing.T) {
	for _, prefix := range []string{"7700390401", "0401", "00390401", "+39040"} {
		run(t, false, func(r *rig) {
			r.change(switched)
			r.change(func(a *tenant.Account) { a.Blocklist = []tenant.BlocklistEntry{{ID: 1, Prefix: prefix}} })
			r.in(aliceAddr, called)
			r.want(aliceAddr, "SIP/2.0 403 ")
			r.nothing(pbx2Addr)
		})
	}
	run(t, false, func(r *rig) { // the PBX at pbx dials a 9, which the switch at pbx2 takes off
		r.change(switched)
		r.change(func(a *tenant.Account) {
			a.Switches[1].Rewrite = []tenant.Rewrite{{What: "destination", Match: "prefix", Current: "9", New: ""}}
			a.Blocklist = []tenant.BlocklistEntry{{ID: 1, Prefix: "0401"}}
		})
		e := r.explain(pbxAddr, "INVITE", "sip:90401234567@acme.test")
		var texts []string
		for _, s := range e.Steps {
			texts = append(texts, s.Name+": "+s.Text)
		}
		got := strings.Join(texts, "\n")
		for _, want := range []string{
			`rewrite: To switch "first": destination "90401234567" becomes "0401234567", rule 1: prefix "9" -> "".`,
			`rewrite: To switch "first": destination "0401234567" becomes "+390401234567", dial_pattern: +e164.`,
			`blocklist: The number begins with "0401", which is on the block list.`,
		} {
			if !strings.Contains(got, want) {
				t.Errorf("explained as\n%s\nwithout %s", got, want)
			}
		}
		if e.Verdict.Status != 403 {
			t.Errorf("verdict %+v", e.Verdict)
		}
		r.in(pbxAddr, strings.NewReplacer("7700390401234567", "90401234567", "198.51.100.7:5062", "203.0.113.10:5060").Replace(called))
		r.want(pbxAddr, "SIP/2.0 403 ")
	})
}
