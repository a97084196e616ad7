package gate_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tollgate/internal/live"
)

const invite = `INVITE sip:3401@acme.test SIP/2.0
Via: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bKa1
From: "Alice" <sip:0409@198.51.100.7>;tag=alice
To: <sip:3401@acme.test>
Call-ID: call1@198.51.100.7
CSeq: 7 INVITE
Contact: <sip:alice@198.51.100.7:5062>
Max-Forwards: 70
Content-Type: application/sdp

v=0
`

const bobContact = "Contact: <sip:bob@203.0.113.10:5060>\nContent-Type: application/sdp\n\nv=0\n"

// both runs a test plain and hidden.
func both(t *testing.T, f func(r *rig, hidden bool)) {
	for _, hidden := range []bool{false, true} {
		t.Run(fmt.Sprintf("hidden=%v", hidden), func(t *testing.T) {
			run(t, hidden, func(r *rig) { f(r, hidden) })
		})
	}
}

// dialogOf is a call that is up, as each side sees it.
type dialogOf struct {
	toBob   string // the INVITE that the PBX got
	toAlice string // the 200 that Alice got
}

func (r *rig) establish() dialogOf {
	r.t.Helper()
	r.in(aliceAddr, invite)
	d := dialogOf{toBob: r.want(pbxAddr, "INVITE sip:3401@acme.test SIP/2.0\r\n")}
	r.in(pbxAddr, answer(d.toBob, "180 Ringing", "Contact: <sip:bob@203.0.113.10:5060>"))
	r.want(aliceAddr, "SIP/2.0 180 ")
	r.in(pbxAddr, answer(d.toBob, "200 OK", bobContact))
	d.toAlice = r.want(aliceAddr, "SIP/2.0 200 ")
	r.in(aliceAddr, r.byAlice(d, "ACK", 7, "a2"))
	r.want(pbxAddr, "ACK sip:bob@203.0.113.10:5060 SIP/2.0\r\n")
	return d
}

// byAlice builds a request of Alice's within the dialog.
func (r *rig) byAlice(d dialogOf, method string, cseq int, branch string) string {
	routes := ""
	for _, v := range headers(d.toAlice, "Record-Route") {
		routes = "Route: " + v + "\n" + routes
	}
	return method + " " + uriOf(header(d.toAlice, "Contact")) + " SIP/2.0\n" +
		"Via: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bK" + branch + "\n" + routes +
		"From: " + header(d.toAlice, "From") + "\nTo: " + header(d.toAlice, "To") + "\n" +
		"Call-ID: call1@198.51.100.7\nCSeq: " + itoa(cseq) + " " + method + "\nMax-Forwards: 70\n"
}

// byBob builds a request of the PBX's within the dialog.
func (r *rig) byBob(d dialogOf, method string, cseq int, branch string) string {
	routes := ""
	for _, v := range headers(d.toBob, "Record-Route") {
		routes += "Route: " + v + "\n"
	}
	return method + " " + uriOf(header(d.toBob, "Contact")) + " SIP/2.0\n" +
		"Via: SIP/2.0/UDP 203.0.113.10:5060;branch=z9hG4bK" + branch + "\n" + routes +
		"From: " + header(d.toBob, "To") + ";tag=bob\nTo: " + header(d.toBob, "From") + "\n" +
		"Call-ID: " + header(d.toBob, "Call-ID") + "\nCSeq: " + itoa(cseq) + " " + method + "\nMax-Forwards: 70\n"
}

func TestBasicCall(t *testing.T) {
	both(t, func(r *rig, hidden bool) {
		d := r.establish()
		if r.calls.Live() != 1 {
			t.Fatalf("live calls: %d, want 1", r.calls.Live())
		}
		r.in(aliceAddr, r.byAlice(d, "BYE", 8, "a3"))
		bye := r.want(pbxAddr, "BYE sip:bob@203.0.113.10:5060 SIP/2.0\r\n")
		r.in(pbxAddr, answer(bye, "200 OK", ""))
		ok := r.want(aliceAddr, "SIP/2.0 200 ")
		if got := header(ok, "CSeq"); got != "8 BYE" {
			t.Errorf("CSeq of the answer: %q", got)
		}
		r.over(200)
		if !hidden {
			return
		}
		for _, text := range []string{d.toBob, bye} {
			if strings.Contains(text, "198.51.100.7") || strings.Contains(text, "tag=alice") {
				t.Errorf("the caller shows:\n%s", text)
			}
		}
		for _, text := range []string{d.toAlice, ok} {
			if strings.Contains(text, "203.0.113.10") || strings.Contains(text, "tag=bob") {
				t.Errorf("the callee shows:\n%s", text)
			}
		}
	})
}

// over checks that a call has left nothing behind.
func (r *rig) over(status int) {
	r.t.Helper()
	if r.calls.Live() != 0 || len(r.ended) != 1 || r.ended[0].Status != status {
		r.t.Fatalf("live %d, ended %+v, want one with status %d", r.calls.Live(), r.ended, status)
	}
	if u := r.live.Usage(live.Scope{Kind: live.Customer, ID: 1}); u.Calls != 0 {
		r.t.Fatalf("leases left: %+v", u)
	}
	r.wait(70 * time.Second) // the last timers
	for i := range r.layer.Shards() {
		s := r.layer.Stats(i)
		if s.Servers != 0 || s.Clients != 0 {
			r.t.Fatalf("shard %d keeps %d server and %d client transactions", i, s.Servers, s.Clients)
		}
	}
	r.forgotten()
}

func TestCalleeHangsUp(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		d := r.establish()
		r.in(pbxAddr, r.byBob(d, "BYE", 1, "b1"))
		bye := r.want(aliceAddr, "BYE sip:alice@198.51.100.7:5062 SIP/2.0\r\n")
		r.in(aliceAddr, answer(bye, "200 OK", ""))
		r.want(pbxAddr, "SIP/2.0 200 ")
		r.over(200)
	})
}

func TestBusy(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, invite)
		inv := r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, answer(inv, "486 Busy Here", ""))
		r.want(pbxAddr, "ACK ")
		busy := r.want(aliceAddr, "SIP/2.0 486 Busy Here\r\n")
		r.nothing(pbx2Addr)
		r.in(aliceAddr, strings.Replace(strings.Replace(invite, "INVITE sip", "ACK sip", 1), "7 INVITE", "7 ACK", 1))
		if header(busy, "Call-ID") != "call1@198.51.100.7" {
			t.Error("Call-ID not restored")
		}
		r.over(486)
	})
}

func cancel() string {
	c := strings.Replace(strings.Replace(invite, "INVITE sip", "CANCEL sip", 1), "7 INVITE", "7 CANCEL", 1)
	head, _, _ := strings.Cut(c, "\n\n")
	return head
}

func TestCancelWhileRinging(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, invite)
		inv := r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, answer(inv, "180 Ringing", ""))
		r.want(aliceAddr, "SIP/2.0 180 ")
		r.in(aliceAddr, cancel())
		r.want(aliceAddr, "SIP/2.0 200 ")
		r.want(aliceAddr, "SIP/2.0 487 ")
		c := r.want(pbxAddr, "CANCEL ")
		r.in(pbxAddr, answer(c, "200 OK", ""))
		r.in(pbxAddr, answer(inv, "487 Request Terminated", ""))
		r.want(pbxAddr, "ACK ")
		r.in(aliceAddr, strings.Replace(cancel(), "CANCEL", "ACK", 2))
		r.over(487)
	})
}

func TestCancelBeforeAnyAnswer(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, invite)
		inv := r.want(pbxAddr, "INVITE ")
		r.in(aliceAddr, cancel())
		r.want(aliceAddr, "SIP/2.0 200 ")
		r.want(aliceAddr, "SIP/2.0 487 ")
		r.nothing(pbxAddr) // RFC 3261 9.1: no CANCEL before a provisional response
		r.in(pbxAddr, answer(inv, "100 Trying", ""))
		r.want(pbxAddr, "CANCEL ")
		// The callee answers in the same moment: the call is ended at once.
		r.in(pbxAddr, answer(inv, "200 OK", bobContact))
		r.want(pbxAddr, "ACK sip:bob@203.0.113.10:5060")
		bye := r.want(pbxAddr, "BYE sip:bob@203.0.113.10:5060")
		r.in(pbxAddr, answer(bye, "200 OK", ""))
		r.in(aliceAddr, strings.Replace(cancel(), "CANCEL", "ACK", 2))
		r.over(487)
	})
}

func TestThirdPartyCancel(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, invite)
		r.want(pbxAddr, "INVITE ")
		mallory := pbx2Addr
		r.in(mallory, cancel())
		r.want(mallory, "SIP/2.0 481 ")
		if r.calls.Live() != 1 {
			t.Fatal("the call did not survive")
		}
		r.in(aliceAddr, cancel())
		r.wait(time.Minute)
	})
}

func TestFailover(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, invite)
		inv := r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, answer(inv, "503 Service Unavailable", ""))
		r.want(pbxAddr, "ACK ")
		r.nothing(aliceAddr)
		second := r.want(pbx2Addr, "INVITE ")
		r.in(pbx2Addr, answer(second, "503 Service Unavailable", ""))
		r.want(aliceAddr, "SIP/2.0 500 ")
		r.in(aliceAddr, strings.Replace(cancel(), "CANCEL", "ACK", 2))
		r.over(500)
	})
}

func TestInitialTimeout(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, invite)
		inv := r.want(pbxAddr, "INVITE ")
		r.wait(6 * time.Second)
		for r.inboxLen(pbxAddr) > 0 {
			r.want(pbxAddr, "INVITE ") // retransmissions
		}
		r.want(aliceAddr, "SIP/2.0 100 ")
		r.want(pbx2Addr, "INVITE ")
		// The first one wakes up late: it is ended, the call goes on.
		r.in(pbxAddr, answer(inv, "200 OK", bobContact))
		r.want(pbxAddr, "ACK ")
		r.want(pbxAddr, "BYE ")
		r.wait(6 * time.Second)
		r.want(aliceAddr, "SIP/2.0 404 ")
		r.in(aliceAddr, strings.Replace(cancel(), "CANCEL", "ACK", 2))
		r.over(404)
	})
}

func (r *rig) inboxLen(a interface{ String() string }) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, v := range r.inbox {
		if k.String() == a.String() {
			return len(v)
		}
	}
	return 0
}

func TestInviteTimeout(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, invite)
		inv := r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, answer(inv, "180 Ringing", ""))
		r.want(aliceAddr, "SIP/2.0 180 ")
		r.wait(60*time.Second + 100*time.Millisecond)
		r.want(aliceAddr, "SIP/2.0 404 ")
		c := r.want(pbxAddr, "CANCEL ")
		r.in(pbxAddr, answer(c, "200 OK", ""))
		r.in(pbxAddr, answer(inv, "487 Request Terminated", ""))
		r.want(pbxAddr, "ACK ")
		r.in(aliceAddr, strings.Replace(cancel(), "CANCEL", "ACK", 2))
		r.over(404)
	})
}

func TestHangup(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.establish()
		r.endAll(0)
		toBob := r.want(pbxAddr, "BYE sip:bob@203.0.113.10:5060 ")
		toAlice := r.want(aliceAddr, "BYE sip:alice@198.51.100.7:5062 ")
		if header(toBob, "CSeq") != "8 BYE" || header(toAlice, "CSeq") != "1 BYE" {
			t.Errorf("CSeq: %q to the callee, %q to the caller", header(toBob, "CSeq"), header(toAlice, "CSeq"))
		}
		r.in(pbxAddr, answer(toBob, "200 OK", ""))
		r.in(aliceAddr, answer(toAlice, "481 Gone", ""))
		r.over(200)
	})
}

func TestRetransmittedAnswer(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, invite)
		inv := r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, answer(inv, "200 OK", bobContact))
		first := r.want(aliceAddr, "SIP/2.0 200 ")
		r.in(pbxAddr, answer(inv, "200 OK", bobContact))
		if again := r.want(aliceAddr, "SIP/2.0 200 "); again != first {
			t.Errorf("not the same again:\n%s", again)
		}
		d := dialogOf{inv, first}
		for range 2 { // the first ACK is lost behind us
			r.in(aliceAddr, r.byAlice(d, "ACK", 7, "a2"))
			r.want(pbxAddr, "ACK sip:bob@")
		}
		r.in(pbxAddr, answer(inv, "200 OK", bobContact))
		r.want(aliceAddr, "SIP/2.0 200 ")
		r.in(aliceAddr, r.byAlice(d, "BYE", 8, "a3"))
		r.in(pbxAddr, answer(r.want(pbxAddr, "BYE "), "200 OK", ""))
		r.over(200)
	})
}

func TestCallLimit(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		for i := range 4 {
			r.in(aliceAddr, strings.ReplaceAll(strings.ReplaceAll(invite, "call1", "call1"+itoa(i)), "z9hG4bKa1", "z9hG4bKa1"+itoa(i)))
		}
		r.want(aliceAddr, "SIP/2.0 480 ")
		if r.calls.Live() != 3 {
			t.Fatalf("live: %d", r.calls.Live())
		}
		r.wait(10 * time.Minute)
	})
}

func TestGuessedTags(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		d := r.establish()
		forged := strings.Replace(r.byAlice(d, "BYE", 9, "m1"), "tag=alice", "tag=malice", 1)
		r.in(aliceAddr, forged)
		r.want(aliceAddr, "SIP/2.0 481 ")
		r.nothing(pbxAddr)
		if r.calls.Live() != 1 {
			t.Fatal("the call did not survive")
		}
		r.endAll(0)
		r.wait(time.Minute)
	})
}

func TestSessionExpires(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, invite)
		inv := r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, answer(inv, "200 OK", "Session-Expires: 90;refresher=uac\n"+bobContact))
		d := dialogOf{inv, r.want(aliceAddr, "SIP/2.0 200 ")}
		r.in(aliceAddr, r.byAlice(d, "ACK", 7, "a2"))
		r.want(pbxAddr, "ACK ")
		r.wait(60 * time.Second)
		r.in(aliceAddr, r.byAlice(d, "UPDATE", 8, "a3"))
		up := r.want(pbxAddr, "UPDATE ")
		r.in(pbxAddr, answer(up, "200 OK", "Session-Expires: 90;refresher=uac\nContact: <sip:bob2@203.0.113.10:5060>"))
		r.want(aliceAddr, "SIP/2.0 200 ")
		r.wait(60 * time.Second)
		r.nothing(pbxAddr)
		r.wait(40 * time.Second)
		bye := r.want(pbxAddr, "BYE sip:bob2@203.0.113.10:5060 ")
		if got := header(bye, "CSeq"); got != "9 BYE" {
			t.Errorf("CSeq %q", got)
		}
		r.in(pbxAddr, answer(bye, "200 OK", ""))
		r.in(aliceAddr, answer(r.want(aliceAddr, "BYE "), "200 OK", ""))
		r.over(200)
	})
}
