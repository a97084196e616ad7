package gate_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"tollgate/internal/tenant"
)

// Tests of transfers: REFER in calls and outside of them (RFC 3515).

// legs gives both dialogs of a call that is up.
func (d dialogOf) legs() (alice, bob *leg) {
	alice, bob = uac(aliceAddr, d.toAlice), uas(pbxAddr, d.toBob, "bob")
	alice.contact, bob.contact = "sip:alice@198.51.100.7:5062", "sip:bob@203.0.113.10:5060"
	return alice, bob
}

const (
	trying   = "Event: refer\nSubscription-State: active;expires=60\nContent-Type: message/sipfrag\n\nSIP/2.0 100 Trying\n"
	referred = "Event: refer\nSubscription-State: terminated;reason=noresource\nContent-Type: message/sipfrag\n\nSIP/2.0 200 OK\n"
)

// eachParty runs a test with the REFER of either party: who refers, and who is referred.
func eachParty(t *testing.T, f func(r *rig, from, to *leg)) {
	both(t, func(r *rig, _ bool) {
		alice, bob := r.establish().legs()
		f(r, alice, bob)
	})
	both(t, func(r *rig, _ bool) {
		alice, bob := r.establish().legs()
		f(r, bob, alice)
	})
}

const toCarol = "Refer-To: <sip:3402@acme.test>\n"

// TestRefer: NOTIFYs within the call, then the BYE.
func TestRefer(t *testing.T) {
	eachParty(t, func(r *rig, from, to *leg) {
		refer, _ := r.asks(from, "REFER", toCarol, to.at, "202 Accepted")
		if header(refer, "Refer-To") != "<sip:3402@acme.test>" {
			t.Errorf("Refer-To %s", header(refer, "Refer-To"))
		}
		notify, _ := r.asks(to, "NOTIFY", trying, from.at, "200 OK")
		if !strings.HasSuffix(notify, "\r\n\r\nSIP/2.0 100 Trying\r\n") {
			t.Errorf("no sipfrag in\n%s", notify)
		}
		r.asks(to, "NOTIFY", referred, from.at, "200 OK")
		r.ends(from, to.at)
		r.over(200)
	})
}

// TestReferOutlivesCall: the BYE comes while NOTIFYs are still to come; the call is over
// for its limits and lists, its dialog lasts until the last NOTIFY.
func TestReferOutlivesCall(t *testing.T) {
	eachParty(t, func(r *rig, from, to *leg) {
		r.asks(from, "REFER", toCarol, to.at, "202 Accepted")
		r.asks(to, "NOTIFY", trying, from.at, "200 OK")
		r.ends(from, to.at)
		if len(r.ended) != 1 || r.calls.Live() != 0 || len(r.book.kept) != 1 {
			t.Fatalf("%d ended, %d live, %d kept", len(r.ended), r.calls.Live(), len(r.book.kept))
		}
		r.asks(to, "NOTIFY", trying, from.at, "200 OK")
		r.refused(to, "BYE", "", "200") // it has crossed the other one, and ends no dialog
		r.asks(to, "NOTIFY", referred, from.at, "200 OK")
		r.over(200)
	})
}

// TestReferLastNotify: after the BYE, the last NOTIFY ends all, whoever refuses it too.
func TestReferLastNotify(t *testing.T) {
	for _, status := range []string{"200 OK", "481 Not Mine"} {
		eachParty(t, func(r *rig, from, to *leg) {
			r.asks(from, "REFER", toCarol, to.at, "202 Accepted")
			r.ends(to, from.at)
			r.asks(to, "NOTIFY", trying, from.at, "200 OK")
			r.refused(to, "INVITE", "", "481")
			r.asks(to, "NOTIFY", referred, from.at, status)
			r.refused(to, "NOTIFY", referred, "481")
			r.over(200)
		})
	}
}

// TestReferSilence: the last NOTIFY never comes; what is refreshed lives longer.
func TestReferSilence(t *testing.T) {
	eachParty(t, func(r *rig, from, to *leg) {
		r.asks(from, "REFER", toCarol, to.at, "202 Accepted")
		r.ends(to, from.at)
		r.wait(4 * time.Minute)
		refresh := r.says(from, "SUBSCRIBE", "Event: refer\nExpires: 600\n", to.at)
		r.in(to.at, answer(refresh, "200 OK", "Expires: 600\n"))
		r.want(from.at, "SIP/2.0 200 ")
		r.wait(9 * time.Minute)
		r.asks(to, "NOTIFY", trying, from.at, "200 OK")
		r.wait(2 * time.Minute)
		r.over(200)
	})
}

// TestReferSubFalse: no NOTIFY is promised (RFC 4488), so the call's end is the end; nor
// is anything kept for a REFER that was refused.
func TestReferSubFalse(t *testing.T) {
	eachParty(t, func(r *rig, from, to *leg) {
		r.asks(from, "REFER", toCarol, to.at, "603 Decline")
		refer := r.says(from, "REFER", toCarol+"Refer-Sub: false\n", to.at)
		r.in(to.at, answer(refer, "202 Accepted", "Refer-Sub: false\n"))
		r.want(from.at, "SIP/2.0 202 ")
		r.ends(from, to.at)
		r.refused(to, "NOTIFY", trying, "481")
		r.over(200)
	})
}

// TestReferOutside: a REFER that makes its own dialog, and its NOTIFYs.
func TestReferOutside(t *testing.T) {
	both(t, func(r *rig, hidden bool) {
		r.in(aliceAddr, strings.Replace(strings.ReplaceAll(subscribe, "SUBSCRIBE", "REFER"), "Event: dialog\nExpires: 600\n", toCarol, 1))
		refer := r.want(pbxAddr, "REFER ")
		bob := uas(pbxAddr, refer, "bob")
		r.in(pbxAddr, answer(refer, "202 Accepted", "Contact: <"+notifier("bob")+">\n"))
		r.want(aliceAddr, "SIP/2.0 202 ")
		notify, _ := r.asks(bob, "NOTIFY", trying, aliceAddr, "200 OK")
		if hidden {
			r.hides(notify, "203.0.113.10", "tag=bob")
			r.hides(refer, "tag=alice", "198.51.100.7")
		}
		r.terminates(bob)
	})
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, strings.Replace(strings.ReplaceAll(subscribe, "SUBSCRIBE", "REFER"), "Event: dialog\nExpires: 600\n", toCarol, 1))
		refer := r.want(pbxAddr, "REFER ")
		r.in(pbxAddr, answer(refer, "202 Accepted", "Refer-Sub: false\nContact: <"+notifier("bob")+">\n"))
		r.want(aliceAddr, "SIP/2.0 202 ")
		r.wait(40 * time.Second)
		r.quiet()
	})
}

// TestReferToPhone: the PBX refers a phone (click to dial), by token.
func TestReferToPhone(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		p := r.register("3401", 1)
		r.in(pbxAddr, fromPBX("REFER", p.token, "rp1")+"Refer-To: <sip:0401@acme.test>\n")
		refer := p.wants("REFER")
		r.in(p.at, as(p.tag(), answer(refer, "202 Accepted", "Contact: <"+p.contact+">\n")))
		r.want(pbxAddr, "SIP/2.0 202 ")
		own := uas(p.at, refer, p.tag())
		r.asks(own, "NOTIFY", trying, pbxAddr, "200 OK")
		r.asks(own, "NOTIFY", referred, pbxAddr, "200 OK")
		r.quiet()
	})
}

// where a REFER from outside may lead, where the customer's PBX may not call any host.
var referTargets = []struct {
	to string
	ok bool
}{
	{"<sip:3402@acme.test>", true},
	{"<sip:3402@ACME.test;transport=tcp>", true},
	{"sip:3402@acme.test", true},
	{"<tel:+49301234>", true},
	{"<sip:3402@192.0.2.1>", true},
	{"<sip:3402@192.0.2.1:5060>", true},
	{"<sip:3402@203.0.113.10>", true},
	{"<sip:3402@203.0.113.11:5060>", true},
	{"<sip:0900@203.0.113.200>", false},
	{"<sip:0900@carrier.example>", false},
	{"sip:0900@carrier.example", false},
	{"<sip:0900@acme.test;maddr=203.0.113.200>", false},
	{"<sip:0900@acme.test.example>", false},
	{"<sips:0900@203.0.113.200>", false},
	{"<http://acme.test/>", false},
	{"<mailto:a@acme.test>", false},
	{"nonsense", false},
}

// TestForeignReferTo: the outside cannot make the PBX call a foreign host; the PBX may
// refer whom it likes to whom it likes.
func TestForeignReferTo(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.change(func(a *tenant.Account) { a.Customer.Outbound = "customer" })
		alice, bob := r.establish().legs()
		for i, c := range referTargets {
			more := "Refer-To: " + c.to + "\n"
			if !c.ok {
				r.refused(alice, "REFER", more, "403")
				// Naming one's own dialog changes nothing.
				r.refused(alice, "REFER", more+"Target-Dialog: "+alice.callID+";local-tag="+tagOf(alice.remote)+";remote-tag=alice\n", "403")
				r.nothing(pbxAddr)
			} else {
				r.asks(alice, "REFER", more, pbxAddr, "603 Decline")
			}
			if c.to != "nonsense" {
				r.asks(bob, "REFER", more, aliceAddr, "603 Decline")
			}
			outside := strings.Replace(strings.ReplaceAll(subscribe, "SUBSCRIBE", "REFER"), "Event: dialog\nExpires: 600\n", more, 1)
			r.in(aliceAddr, strings.NewReplacer("z9hG4bKs1", "z9hG4bKo"+itoa(i), "sub1", "out"+itoa(i)).Replace(outside))
			if !c.ok {
				r.want(aliceAddr, "SIP/2.0 403 ")
				r.nothing(pbxAddr)
				continue
			}
			r.in(pbxAddr, answer(r.want(pbxAddr, "REFER "), "603 Decline", ""))
			r.want(aliceAddr, "SIP/2.0 603 ")
		}
		r.ends(alice, pbxAddr)
		r.over(200)
	})
}

func tagOf(value string) string {
	_, tag, _ := strings.Cut(value, ";tag=")
	return tag
}

// TestForeignReferToWithReplaces: nor does naming a dialog of one's own open the way.
func TestForeignReferToWithReplaces(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.change(func(a *tenant.Account) { a.Customer.Outbound = "customer" })
		alice, _ := r.establish().legs()
		replaces := "?Replaces=" + escaped(alice.callID+";to-tag="+tagOf(alice.remote)+";from-tag=alice")
		r.refused(alice, "REFER", "Refer-To: <sip:0900@203.0.113.200"+replaces+">\n", "403")
		// The party of that dialog, as Alice knows it, is no foreign host.
		r.asks(alice, "REFER", "Refer-To: <"+alice.target+replaces+">\n", pbxAddr, "603 Decline")
		r.ends(alice, pbxAddr)
		r.over(200)
	})
}

// TestReferToHeaders: no Refer-To from outside says where the PBX's INVITE goes, or whose it is (RFC 3261 19.1.5),
// whatever hosts may be called; what names a dialog passes, and the PBX may say what it likes.
func TestReferToHeaders(t *testing.T) {
	for _, outbound := range []string{"customer", "any"} {
		both(t, func(r *rig, _ bool) {
			r.change(func(a *tenant.Account) { a.Customer.Outbound = outbound })
			alice, bob := r.establish().legs()
			for _, headers := range []string{
				"Route=%3Csip:203.0.113.200;lr%3E", "Require=replaces&route=x", "%52oute=x", "Via=x", "v=x", "Record-Route=x", "From=x", "P-Asserted-Identity=x",
			} {
				r.refused(alice, "REFER", "Refer-To: <sip:3402@acme.test?"+headers+">\n", "403")
				r.nothing(pbxAddr)
				r.asks(bob, "REFER", "Refer-To: <sip:3402@acme.test?"+headers+">\n", aliceAddr, "603 Decline")
			}
			own := "?Replaces=" + escaped(alice.callID+";to-tag="+tagOf(alice.remote)+";from-tag=alice")
			for headers, want := range map[string]string{own + "&Require=replaces": "&Require=replaces>", "?Referred-By=x&Subject=Route": "?Referred-By=x&Subject=Route>"} {
				refer, _ := r.asks(alice, "REFER", "Refer-To: <sip:3402@acme.test"+headers+">\n", pbxAddr, "603 Decline")
				if got := header(refer, "Refer-To"); !strings.HasSuffix(got, want) {
					t.Errorf("Refer-To %s", got)
				}
			}
			r.ends(alice, pbxAddr)
			r.over(200)
		})
	}
}

// TestAnyReferTo: with outbound "any" all pass.
func TestAnyReferTo(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		alice, _ := r.establish().legs()
		for _, c := range referTargets {
			if c.to != "nonsense" {
				r.asks(alice, "REFER", "Refer-To: "+c.to+"\n", pbxAddr, "603 Decline")
			}
		}
		r.ends(alice, pbxAddr)
		r.over(200)
	})
}

// TestForeignReferToOutbound: in a call of the PBX's to a phone, the phone is outside.
func TestForeignReferToOutbound(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		p := r.register("3401", 1)
		r.change(func(a *tenant.Account) { a.Customer.Outbound = "customer" })
		pbx, own := p.callTo("fo1")
		r.refused(own, "REFER", "Refer-To: <sip:0900@203.0.113.200>\n", "403")
		r.asks(own, "REFER", toCarol, pbxAddr, "603 Decline")
		r.asks(pbx, "REFER", "Refer-To: <sip:0900@203.0.113.200>\n", p.at, "603 Decline")
		r.nothing(netip.MustParseAddrPort("203.0.113.200:5060"))
		r.ends(pbx, p.at)
		r.over(200)
	})
}
