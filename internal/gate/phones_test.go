package gate_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// Tests of calls to phones that have registered through us.

// phone is one that has registered: behind a NAT, its Contact is of no use.
type phone struct {
	user    string
	at      netip.AddrPort // where its NAT lets it out
	contact string
	token   string // what the PBX knows it by
	r       *rig
	n       int
}

// register makes a phone of acme.test register at the PBX.
func (r *rig) register(user string, n int) *phone {
	r.t.Helper()
	p := &phone{
		user: user, r: r,
		at:      netip.AddrPortFrom(netip.MustParseAddr("198.51.100."+itoa(20+n)), uint16(40000+n)),
		contact: fmt.Sprintf("sip:%s-%d@192.168.1.%d:5060", user, n, 20+n),
	}
	p.register(p.at, 3600)
	return p
}

// register sends a REGISTER from an address; expires 0 ends the binding.
func (p *phone) register(from netip.AddrPort, expires int) {
	p.r.t.Helper()
	p.n++
	p.at = from
	p.r.in(from, fmt.Sprintf("REGISTER sip:acme.test SIP/2.0\nVia: SIP/2.0/UDP 192.168.1.20:5060;rport;branch=z9hG4bK%s%d\n"+
		"From: <sip:%s@acme.test>;tag=r\nTo: <sip:%s@acme.test>\nCall-ID: reg-%s\nCSeq: %d REGISTER\nContact: <%s>;expires=%d\nMax-Forwards: 70\n",
		p.contact[4:12], p.n, p.user, p.user, p.contact[4:], p.n, p.contact, expires))
	reg := p.r.want(pbxAddr, "REGISTER ")
	p.token = uriOf(header(reg, "Contact"))
	contact := ""
	if expires > 0 {
		contact = "Contact: " + header(reg, "Contact") + "\n"
	}
	p.r.in(pbxAddr, answer(reg, "200 OK", contact))
	p.r.want(from, "SIP/2.0 200 ")
}

// fromPBX is an INVITE of the PBX's, or another request that makes a dialog.
func fromPBX(method, uri, callID string) string {
	text := method + " " + uri + ` SIP/2.0
Via: SIP/2.0/UDP 203.0.113.10:5060;branch=z9hG4bK` + callID + `
From: <sip:0409@acme.test>;tag=pbx
To: <sip:3401@acme.test>
Call-ID: ` + callID + `@203.0.113.10
CSeq: 5 ` + method + `
Contact: <sip:0409@203.0.113.10:5060>
Max-Forwards: 70
`
	if method == "INVITE" {
		text += "Content-Type: application/sdp\n\nv=0\n"
	}
	return text
}

// okOf answers an INVITE as a phone does.
func (p *phone) okOf(inv string) string {
	return as(p.tag(), answer(inv, "200 OK", "Contact: <"+p.contact+">\nContent-Type: application/sdp\n\nv=0\n"))
}

func (p *phone) tag() string { return p.contact[4:10] }

// wants takes the request that reaches a phone, by its own Contact.
func (p *phone) wants(method string) string {
	p.r.t.Helper()
	return p.r.want(p.at, method+" "+p.contact+" SIP/2.0\r\n")
}

// takes answers an INVITE of the PBX's, and gives both dialogs.
func (p *phone) takes(inv string) (pbx, own *leg) {
	p.r.t.Helper()
	p.r.in(p.at, p.okOf(inv))
	pbx, own = uac(pbxAddr, p.r.want(pbxAddr, "SIP/2.0 200 ")), uas(p.at, inv, p.tag())
	p.r.in(pbxAddr, pbx.next("ACK", ""))
	p.wants("ACK")
	return pbx, own
}

// noPhone checks that a phone hears nothing.
func (p *phone) silent() {
	p.r.t.Helper()
	p.r.nothing(p.at)
}

// canceled takes the CANCEL of a phone that rang, which then refuses its INVITE.
func (p *phone) canceled(inv string) {
	p.r.t.Helper()
	p.r.in(p.at, answer(p.wants("CANCEL"), "200 OK", ""))
	p.r.in(p.at, as(p.tag(), answer(inv, "487 Request Terminated", "")))
	p.wants("ACK")
}

// rings makes a phone ring.
func (p *phone) rings(inv string) {
	p.r.t.Helper()
	p.r.in(p.at, as(p.tag(), answer(inv, "180 Ringing", "Contact: <"+p.contact+">\n")))
	p.r.want(pbxAddr, "SIP/2.0 180 ")
}

const aor = "sip:3401@acme.test"

// TestByToken: the phone that the PBX names by its token rings, no other, by its own
// Contact.
func TestByToken(t *testing.T) {
	both(t, func(r *rig, hidden bool) {
		one, two := r.register("3401", 1), r.register("3401", 2)
		if one.token == two.token {
			t.Fatal("two phones have one token")
		}
		r.in(pbxAddr, fromPBX("INVITE", two.token, "t1"))
		inv := two.wants("INVITE")
		one.silent()
		if hidden {
			r.hides(inv, "203.0.113.10", "tag=pbx", "t1@")
		}
		pbx, own := two.takes(inv)
		if info, _ := r.asks(pbx, "INFO", "", two.at, "200 OK"); !strings.HasPrefix(info, "INFO "+two.contact+" ") {
			t.Errorf("not to its Contact:\n%s", info)
		}
		r.ends(own, pbxAddr)
		r.over(200)
	})
}

// TestByAddress: all phones of an address of record ring at once; the first answer wins,
// the others get CANCEL; one that answers all the same gets ACK and BYE.
func TestByAddress(t *testing.T) {
	both(t, func(r *rig, hidden bool) {
		one, two, three := r.register("3401", 1), r.register("3401", 2), r.register("3401", 3)
		other := r.register("3402", 4)
		r.in(pbxAddr, fromPBX("INVITE", aor, "a1"))
		first, second, third := one.wants("INVITE"), two.wants("INVITE"), three.wants("INVITE")
		other.silent()
		one.rings(first)
		two.rings(second)
		// The third has said nothing yet: no CANCEL before a provisional response.
		r.in(two.at, two.okOf(second))
		ok := r.want(pbxAddr, "SIP/2.0 200 ")
		if hidden {
			r.hides(ok, two.contact, two.at.Addr().String(), "tag="+two.tag())
		}
		pbx := uac(pbxAddr, ok)
		r.in(pbxAddr, pbx.next("ACK", ""))
		two.wants("ACK")
		one.canceled(first)
		three.silent()
		r.in(three.at, three.okOf(third))
		three.wants("ACK")
		bye := three.wants("BYE")
		r.in(three.at, answer(bye, "200 OK", ""))
		r.nothing(pbxAddr)
		if n := r.calls.Live(); n != 1 {
			t.Fatalf("%d calls", n)
		}
		r.ends(pbx, two.at)
		r.over(200)
	})
}

// TestByNumberHere: a PBX that knows us as a trunk calls numbers at our address.
func TestByNumberHere(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		one := r.register("3401", 1)
		r.in(pbxAddr, fromPBX("INVITE", "sip:3401@192.0.2.1:5060", "h1"))
		pbx, _ := one.takes(one.wants("INVITE"))
		r.ends(pbx, one.at)
		r.over(200)
	})
}

// TestBestRefusal: of several refusals the best one goes back, when the last has come
// (RFC 3261 16.7 step 6).
func TestBestRefusal(t *testing.T) {
	for _, c := range []struct{ one, two, want string }{
		{"486", "480", "486"}, // as good: the first
		{"486", "503", "486"},
		{"503", "486", "486"},
		{"503", "500", "500"}, // a 503 would tell the PBX to avoid us
		{"404", "407", "407"},
		{"302", "486", "302"},
	} {
		t.Run(c.one+"-"+c.two, func(t *testing.T) {
			both(t, func(r *rig, hidden bool) {
				if hidden && c.want == "302" {
					c.want = "480"
				}
				one, two := r.register("3401", 1), r.register("3401", 2)
				text := fromPBX("INVITE", aor, "b1")
				r.in(pbxAddr, text)
				first, second := one.wants("INVITE"), two.wants("INVITE")
				no := func(p *phone, inv, status string) {
					r.in(p.at, as(p.tag(), answer(inv, status+" No", "Server: at "+p.at.Addr().String()+"\n")))
					p.wants("ACK")
				}
				no(one, first, c.one)
				r.nothing(pbxAddr)
				no(two, second, c.two)
				got := r.want(pbxAddr, "SIP/2.0 "+c.want+" ")
				if hidden {
					r.hides(got, one.at.Addr().String(), two.at.Addr().String(), "tag="+one.tag(), "tag="+two.tag())
				}
				r.in(pbxAddr, ackOf(text))
				status := 0
				_, _ = fmt.Sscan(c.want, &status)
				r.over(status)
			})
		})
	}
}

// TestDeclined: a 6xx speaks for all phones (RFC 3261 16.7 step 5).
func TestDeclined(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		one, two := r.register("3401", 1), r.register("3401", 2)
		text := fromPBX("INVITE", aor, "d1")
		r.in(pbxAddr, text)
		first, second := one.wants("INVITE"), two.wants("INVITE")
		one.rings(first)
		r.in(two.at, as(two.tag(), answer(second, "603 Decline", "")))
		two.wants("ACK")
		r.want(pbxAddr, "SIP/2.0 603 ")
		r.in(pbxAddr, ackOf(text))
		one.canceled(first)
		r.over(603)
	})
}

// TestSilentPhones: 408 after the initial timeout.
func TestSilentPhones(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		one, two := r.register("3401", 1), r.register("3401", 2)
		text := fromPBX("INVITE", aor, "s1")
		r.in(pbxAddr, text)
		one.wants("INVITE")
		two.wants("INVITE")
		r.wait(5100 * time.Millisecond)
		r.want(pbxAddr, "SIP/2.0 100 ")
		r.want(pbxAddr, "SIP/2.0 408 ")
		r.in(pbxAddr, ackOf(text))
		r.over(408)
	})
}

// TestSilentAndBusy: a phone that is out of reach holds nobody up: what the other says
// goes back after the initial timeout.
func TestSilentAndBusy(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		one, two := r.register("3401", 1), r.register("3401", 2)
		text := fromPBX("INVITE", aor, "sb1")
		r.in(pbxAddr, text)
		one.wants("INVITE")
		r.in(two.at, as(two.tag(), answer(two.wants("INVITE"), "486 Busy Here", "")))
		two.wants("ACK")
		r.nothing(pbxAddr)
		r.wait(5100 * time.Millisecond)
		r.want(pbxAddr, "SIP/2.0 100 ")
		r.want(pbxAddr, "SIP/2.0 486 ")
		r.in(pbxAddr, ackOf(text))
		r.over(486)
	})
}

// TestSilentAndRinging: one that rings is not stopped by another that is silent.
func TestSilentAndRinging(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		one, two := r.register("3401", 1), r.register("3401", 2)
		r.in(pbxAddr, fromPBX("INVITE", aor, "sr1"))
		one.wants("INVITE")
		inv := two.wants("INVITE")
		two.rings(inv)
		r.wait(30 * time.Second)
		pbx, _ := two.takes(inv)
		r.drain(one.at)
		r.ends(pbx, two.at)
		r.over(200)
	})
}

// TestCancelPhones: the PBX's CANCEL reaches every phone.
func TestCancelPhones(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		one, two := r.register("3401", 1), r.register("3401", 2)
		text := fromPBX("INVITE", aor, "c1")
		r.in(pbxAddr, text)
		first, second := one.wants("INVITE"), two.wants("INVITE")
		one.rings(first)
		two.rings(second)
		r.in(pbxAddr, cancelOf(text))
		r.want(pbxAddr, "SIP/2.0 200 ")
		r.want(pbxAddr, "SIP/2.0 487 ")
		r.in(pbxAddr, ackOf(text))
		one.canceled(first)
		two.canceled(second)
		r.over(487)
	})
}

// TestPhonesUnsendable: nothing can be sent to any; and to one of two.
func TestPhonesUnsendable(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		one, two := r.register("3401", 1), r.register("3401", 2)
		r.unsendable(true, one.at)
		r.in(pbxAddr, fromPBX("INVITE", aor, "u1"))
		pbx, _ := two.takes(two.wants("INVITE"))
		r.ends(pbx, two.at)
		r.unsendable(true, two.at)
		text := fromPBX("INVITE", aor, "u2")
		r.in(pbxAddr, text)
		r.want(pbxAddr, "SIP/2.0 480 ")
		r.in(pbxAddr, ackOf(text))
		r.quiet()
	})
}

// TestTokenEnded: the token of a binding that has ended is 480 to the PBX and silence to
// a stranger; so is a token that was never given out.
func TestTokenEnded(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		one := r.register("3401", 1)
		one.register(one.at, 0)
		r.in(pbxAddr, fromPBX("INVITE", one.token, "e1"))
		r.want(pbxAddr, "SIP/2.0 480 ")
		r.in(carrierAddr, strings.ReplaceAll(fromPBX("INVITE", one.token, "e2"), "203.0.113.10", "203.0.113.200"))
		r.nothing(carrierAddr)
		r.nothing(pbxAddr)
		one.silent()
		r.quiet()
	})
}

// TestTokenOfAnother: a stranger, and another phone, use a token: silence.
func TestTokenOfAnother(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		one, two := r.register("3401", 1), r.register("3402", 2)
		for i, from := range []netip.AddrPort{carrierAddr, two.at, netip.AddrPortFrom(pbxAddr.Addr(), 5099)} {
			r.in(from, strings.ReplaceAll(fromPBX("INVITE", one.token, "f"+itoa(i)), "203.0.113.10:5060", from.String()))
			r.nothing(from)
		}
		one.silent()
		r.nothing(pbxAddr)
		r.quiet()
	})
}

// TestOwnPhoneLeftOut: a call to one's own address of record rings at the others.
func TestOwnPhoneLeftOut(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		one := r.register("3401", 1)
		own := &phone{user: "3401", r: r, contact: "sip:3401-pbx2@203.0.113.200:5060"}
		own.register(carrierAddr, 3600)
		r.change(func(a *tenant.Account) {
			a.Destinations = append(a.Destinations, tenant.Destination{
				ID: 3, Customer: 1, Name: "pbx3", Group: 1, Host: "203.0.113.200", Port: 5060, Protocol: "udp", Priority: 30,
			})
		})
		r.in(carrierAddr, strings.ReplaceAll(fromPBX("INVITE", aor, "o1"), "203.0.113.10", "203.0.113.200"))
		inv := one.wants("INVITE")
		own.silent()
		r.in(one.at, as(one.tag(), answer(inv, "486 Busy Here", "")))
		one.wants("ACK")
		r.want(carrierAddr, "SIP/2.0 486 ")
		one.register(one.at, 0)
		r.in(carrierAddr, strings.ReplaceAll(fromPBX("INVITE", aor, "o2"), "203.0.113.10", "203.0.113.200"))
		r.want(carrierAddr, "SIP/2.0 404 ")
		own.silent()
		r.wait(time.Minute)
		if len(r.ended) != 1 || r.ended[0].Reason != policy.OK {
			t.Errorf("%+v", r.ended)
		}
	})
}

// TestManyPhones: more phones ring than a call has dialogs for; the last of them
// answers all the same.
func TestManyPhones(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		var list []*phone
		var invs []string
		for i := range 20 {
			list = append(list, r.register("3401", i))
		}
		r.in(pbxAddr, fromPBX("INVITE", aor, "m1"))
		for _, p := range list {
			invs = append(invs, p.wants("INVITE"))
			r.in(p.at, as(p.tag(), answer(invs[len(invs)-1], "180 Ringing", "Contact: <"+p.contact+">\n")))
		}
		r.drain(pbxAddr)
		last := list[len(list)-1]
		pbx, own := last.takes(invs[len(list)-1])
		for i, p := range list[:len(list)-1] {
			p.canceled(invs[i])
		}
		r.asks(own, "INFO", "", pbxAddr, "200 OK")
		r.ends(pbx, last.at)
		r.over(200)
	})
}
