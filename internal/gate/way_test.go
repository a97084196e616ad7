package gate_test

import (
	"strings"
	"testing"
	"time"

	"tollgate/internal/tenant"
)

// Tests of which way a call takes, and of ways that come back.

// viaPBX is what the PBX makes of an INVITE of ours when it sends it on as a proxy.
func viaPBX(inv, uri string) string {
	head, body, _ := strings.Cut(strings.ReplaceAll(inv, "\r\n", "\n"), "\n\n")
	_, rest, _ := strings.Cut(withoutHeader(head, "Content-Length"), "\n")
	return "INVITE " + uri + " SIP/2.0\nVia: SIP/2.0/UDP 203.0.113.10:5060;branch=z9hG4bKp1\nRecord-Route: <sip:203.0.113.10;lr>\n" + rest + "\n\n" + body
}

// TestLoop: a request that comes back as it left is refused (RFC 3261 16.3 step 4).
func TestLoop(t *testing.T) {
	run(t, false, func(r *rig) {
		r.in(aliceAddr, invite)
		inv := r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, viaPBX(inv, "sip:3401@acme.test"))
		r.want(pbxAddr, "SIP/2.0 482 ")
		if r.calls.Live() != 1 {
			t.Fatal("a loop makes a call")
		}
		r.in(pbxAddr, answer(inv, "482 Loop Detected", ""))
		r.want(pbxAddr, "ACK ")
		r.want(aliceAddr, "SIP/2.0 482 ")
		r.in(aliceAddr, ackOf(invite))
		r.over(482)
	})
}

// TestHiddenLoop: the same of a hidden call, which shows no Via to tell it by; with
// another Request-URI it passes, and comes back to a loop only later.
func TestHiddenLoop(t *testing.T) {
	run(t, true, func(r *rig) {
		r.in(aliceAddr, invite)
		inv := r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, viaPBX(inv, "sip:3401@acme.test"))
		r.want(pbxAddr, "SIP/2.0 482 ")
		again := viaPBX(inv, "sip:3402@acme.test")
		r.in(pbxAddr, strings.ReplaceAll(again, "z9hG4bKp1", "z9hG4bKp2"))
		second := r.want(pbx2Addr, "INVITE sip:3402@acme.test ")
		for i, uri := range []string{"sip:3402@acme.test", "sip:3401@acme.test"} {
			back := strings.ReplaceAll(viaPBX(second, uri), "203.0.113.10", "203.0.113.11")
			r.in(pbx2Addr, strings.ReplaceAll(back, "z9hG4bKp1", "z9hG4bKq"+itoa(i)))
			r.want(pbx2Addr, "SIP/2.0 482 ")
		}
		if r.calls.Live() != 2 {
			t.Errorf("%d calls, want 2", r.calls.Live())
		}
		r.in(aliceAddr, cancel())
		r.wait(2 * time.Minute)
		if r.calls.Live() != 0 {
			t.Errorf("%d calls are left", r.calls.Live())
		}
	})
}

// TestSpiral: with another Request-URI it is a call of its own, though Call-ID and tags
// are the same; what belongs to the first passes through both, in order.
func TestSpiral(t *testing.T) {
	run(t, false, func(r *rig) {
		r.in(aliceAddr, invite)
		first := r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, viaPBX(first, "sip:3402@acme.test"))
		second := r.want(pbx2Addr, "INVITE sip:3402@acme.test ")
		if got := len(headers(second, "Record-Route")); got != 3 {
			t.Fatalf("%d Record-Routes:\n%s", got, second)
		}
		r.in(pbx2Addr, answer(second, "200 OK", "Contact: <sip:bob@203.0.113.11:5060>\nContent-Type: application/sdp\n\nv=0\n"))
		r.in(pbxAddr, withoutTopVia(r.want(pbxAddr, "SIP/2.0 200 ")))
		d := dialogOf{second, r.want(aliceAddr, "SIP/2.0 200 ")}
		if r.calls.Live() != 2 {
			t.Fatalf("%d calls", r.calls.Live())
		}
		r.passSpiral(d, "ACK", 7, "a2")
		bye := r.passSpiral(d, "BYE", 8, "a3")
		// The 200 goes back the same way.
		r.in(pbx2Addr, answer(bye, "200 OK", ""))
		r.in(pbxAddr, withoutTopVia(r.want(pbxAddr, "SIP/2.0 200 ")))
		r.want(aliceAddr, "SIP/2.0 200 ")
		if r.calls.Live() != 0 || len(r.ended) != 2 {
			t.Fatalf("live %d, ended %d", r.calls.Live(), len(r.ended))
		}
	})
}

// passSpiral takes a request of Alice's through the first call, the PBX as proxy, and
// the second call, and gives what arrives at the end.
func (r *rig) passSpiral(d dialogOf, method string, cseq int, branch string) string {
	r.t.Helper()
	r.in(aliceAddr, r.byAlice(d, method, cseq, branch))
	mid := r.want(pbxAddr, method+" sip:bob@203.0.113.11:5060 ")
	routes := headers(mid, "Route")
	if len(routes) != 1 || !strings.HasPrefix(routes[0], "<sip:203.0.113.10;lr>, <sip:") {
		r.t.Fatalf("Route %q", routes)
	}
	mid = strings.Replace(strings.ReplaceAll(mid, "\r\n", "\n"), "Route: <sip:203.0.113.10;lr>, ", "Route: ", 1)
	mid = strings.Replace(withoutHeader(mid, "Content-Length"), "\nVia: ", "\nVia: SIP/2.0/UDP 203.0.113.10:5060;branch=z9hG4bKp"+branch+"\nVia: ", 1)
	r.in(pbxAddr, mid)
	return r.want(pbx2Addr, method+" sip:bob@203.0.113.11:5060 ")
}

func withoutTopVia(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	before, after, _ := strings.Cut(text, "\nVia: ")
	_, rest, _ := strings.Cut(after, "\n")
	return withoutHeader(before+"\n"+rest, "Content-Length")
}

func TestMaxForwardsZero(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, strings.Replace(invite, "Max-Forwards: 70", "Max-Forwards: 0", 1))
		r.want(aliceAddr, "SIP/2.0 483 ")
		r.nothing(pbxAddr)
		if r.calls.Live() != 0 {
			t.Error("a call")
		}
	})
}

func TestMaxForwardsCounts(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, strings.Replace(invite, "Max-Forwards: 70", "Max-Forwards: 1", 1))
		if inv := r.want(pbxAddr, "INVITE "); header(inv, "Max-Forwards") != "0" {
			t.Errorf("Max-Forwards %s", header(inv, "Max-Forwards"))
		}
		r.in(aliceAddr, cancel())
		r.wait(time.Minute)
	})
}

// TestLoadBalancing: evenly by Call-ID, priorities ignored; the retry after a challenge
// reaches the PBX that asked.
func TestLoadBalancing(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.change(func(a *tenant.Account) {
			a.Customer.DestinationMode, a.Customer.CallLimit = tenant.ModeLoadBalancing, 0
		})
		got := map[bool]int{}
		for i := range 100 {
			one := strings.NewReplacer("call1@", "call"+itoa(i)+"@", "z9hG4bKa1", "z9hG4bKa1x"+itoa(i)).Replace(invite)
			r.in(aliceAddr, one)
			to := pbxAddr
			if r.inboxLen(pbxAddr) == 0 {
				to = pbx2Addr
			}
			got[to == pbxAddr]++
			inv := r.want(to, "INVITE ")
			r.in(to, answer(inv, "407 Proxy Authentication Required", "Proxy-Authenticate: Digest realm=\"acme.test\", nonce=\"1\"\n"))
			r.want(to, "ACK ")
			r.want(aliceAddr, "SIP/2.0 407 ")
			r.in(aliceAddr, ackOf(one))
			again := strings.NewReplacer("z9hG4bKa1x", "z9hG4bKa1y", "CSeq: 7", "Proxy-Authorization: Digest x=y\nCSeq: 8").Replace(one)
			r.in(aliceAddr, again)
			inv = r.want(to, "INVITE ")
			if header(inv, "CSeq") != "8 INVITE" {
				t.Errorf("CSeq %s", header(inv, "CSeq"))
			}
			r.in(to, answer(inv, "486 Busy Here", ""))
			r.want(to, "ACK ")
			r.want(aliceAddr, "SIP/2.0 486 ")
			r.in(aliceAddr, ackOf(again))
		}
		if got[true] < 30 || got[false] < 30 {
			t.Errorf("%d and %d of 100", got[true], got[false])
		}
		r.wait(time.Minute)
	})
}

// TestRedirection: plain passes it, hidden answers 480; it is never followed.
func TestRedirection(t *testing.T) {
	both(t, func(r *rig, hidden bool) {
		r.in(aliceAddr, invite)
		inv := r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, answer(inv, "302 Moved Temporarily", "Contact: <sip:carol@203.0.113.77>, <sip:dave@203.0.113.78>\n"))
		r.want(pbxAddr, "ACK ")
		r.nothing(pbx2Addr)
		if hidden {
			if no := r.want(aliceAddr, "SIP/2.0 480 Temporarily Unavailable\r\n"); strings.Contains(no, "203.0.113.") {
				t.Errorf("the new place shows:\n%s", no)
			}
		} else if moved := r.want(aliceAddr, "SIP/2.0 302 "); header(moved, "Contact") != "<sip:carol@203.0.113.77>, <sip:dave@203.0.113.78>" {
			t.Errorf("Contact %s", header(moved, "Contact"))
		}
		r.in(aliceAddr, ackOf(invite))
		r.over(map[bool]int{true: 480, false: 302}[hidden])
	})
}

// byPBX is a call of the PBX's to a foreign host.
const byPBX = `INVITE sip:0401234@203.0.113.200 SIP/2.0
Via: SIP/2.0/UDP 203.0.113.10:5060;branch=z9hG4bKo1
From: <sip:3401@acme.test>;tag=pbx
To: <sip:0401234@203.0.113.200>
Call-ID: out1@203.0.113.10
CSeq: 1 INVITE
Contact: <sip:3401@203.0.113.10:5060>
Max-Forwards: 70
Content-Type: application/sdp

v=0
`

// TestOutbound: with outbound "any" the PBX reaches foreign hosts through us, and no
// answer at all is 408 to it (row C10).
func TestOutbound(t *testing.T) {
	both(t, func(r *rig, hidden bool) {
		r.in(pbxAddr, byPBX)
		inv := r.want(carrierAddr, "INVITE sip:0401234@203.0.113.200 ")
		if hidden && strings.Contains(inv, "203.0.113.10") {
			t.Errorf("the PBX shows:\n%s", inv)
		}
		r.in(carrierAddr, as("c", answer(inv, "200 OK", "Contact: <sip:c@203.0.113.200:5060>")))
		d := dialogOf{inv, r.want(pbxAddr, "SIP/2.0 200 ")}
		ack := strings.NewReplacer("198.51.100.7:5062", "203.0.113.10:5060", "call1@198.51.100.7", "out1@203.0.113.10").Replace(r.byAlice(d, "ACK", 1, "o2"))
		r.in(pbxAddr, ack)
		r.want(carrierAddr, "ACK sip:c@203.0.113.200:5060 ")
		r.in(pbxAddr, strings.NewReplacer("ACK", "BYE", ": 1 ", ": 2 ", "bKo2", "bKo3").Replace(ack))
		r.in(carrierAddr, answer(r.want(carrierAddr, "BYE "), "200 OK", ""))
		r.want(pbxAddr, "SIP/2.0 200 ")
		r.over(200)
	})
}

func TestOutboundSilence(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(pbxAddr, byPBX)
		r.want(carrierAddr, "INVITE ")
		r.wait(6 * time.Second)
		r.want(pbxAddr, "SIP/2.0 100 ")
		r.want(pbxAddr, "SIP/2.0 408 ")
		r.in(pbxAddr, ackOf(byPBX))
		r.over(408)
	})
}

// TestSendingFails: what cannot even be sent goes to the next destination at once.
func TestSendingFails(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.refuses[pbxAddr] = true
		r.in(aliceAddr, invite)
		inv := r.want(pbx2Addr, "INVITE ")
		r.in(pbx2Addr, answer(inv, "486 Busy Here", ""))
		r.want(aliceAddr, "SIP/2.0 486 ")
		r.in(aliceAddr, ackOf(invite))
		r.over(486)
	})
}

// TestNowhere: no destination can be sent to.
func TestNowhere(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.refuses[pbxAddr], r.refuses[pbx2Addr] = true, true
		r.in(aliceAddr, invite)
		r.want(aliceAddr, "SIP/2.0 404 ")
		r.in(aliceAddr, ackOf(invite))
		r.over(404)
	})
}

// TestUnreachable: the network's word that nobody is there is as good as a timeout,
// where another destination is left; the last one is given its time.
func TestUnreachable(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, invite)
		r.want(pbxAddr, "INVITE ")
		r.layer.Unreachable(pbxAddr)
		r.want(pbx2Addr, "INVITE ")
		r.layer.Unreachable(pbx2Addr)
		r.nothing(aliceAddr)
		r.wait(time.Second)
		inv := r.want(pbx2Addr, "INVITE ") // it restarts, and hears the next one
		r.in(pbx2Addr, answer(inv, "486 Busy Here", ""))
		r.want(aliceAddr, "SIP/2.0 100 ")
		r.want(aliceAddr, "SIP/2.0 486 ")
		r.in(aliceAddr, ackOf(invite))
		r.over(486)
	})
}

// TestEarlyMediaHolds: no other destination once the caller has heard one.
func TestEarlyMediaHolds(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, invite)
		inv := r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, answer(inv, "183 Session Progress", bobContact))
		r.want(aliceAddr, "SIP/2.0 183 ")
		r.in(pbxAddr, answer(inv, "503 Service Unavailable", ""))
		r.want(aliceAddr, "SIP/2.0 500 ")
		r.nothing(pbx2Addr)
		r.in(aliceAddr, ackOf(invite))
		r.over(500)
	})
}

// TestFailoverStatuses: which refusals go on to the next destination, and which are the
// callee's word.
func TestFailoverStatuses(t *testing.T) {
	for status, next := range map[string]bool{
		"500": true, "502": true, "503": true, "504": true,
		"401": false, "407": false, "404": false, "480": false, "486": false, "488": false, "501": false, "505": false, "600": false, "603": false,
	} {
		t.Run(status, func(t *testing.T) {
			both(t, func(r *rig, _ bool) {
				r.in(aliceAddr, invite)
				inv := r.want(pbxAddr, "INVITE ")
				r.in(pbxAddr, answer(inv, status+" No", ""))
				r.want(pbxAddr, "ACK ")
				if next {
					r.want(pbx2Addr, "INVITE ")
					r.nothing(aliceAddr)
				} else {
					r.nothing(pbx2Addr)
					r.want(aliceAddr, "SIP/2.0 "+status+" ")
				}
				r.in(aliceAddr, cancel())
				r.wait(time.Minute)
			})
		})
	}
}
