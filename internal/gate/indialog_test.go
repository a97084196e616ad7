package gate_test

import (
	"strings"
	"testing"
	"time"

	"tollgate/internal/policy"
)

// Tests of what happens inside a call.

// byBobAs is byBob for a PBX whose From tag is another one.
func (r *rig) byBobAs(tag string, d dialogOf, method string, cseq int, branch string) string {
	return strings.Replace(r.byBob(d, method, cseq, branch), ";tag=bob\nTo", ";tag="+tag+"\nTo", 1)
}

// hangUp ends a call that is up, and checks that nothing is left.
func (r *rig) hangUp(d dialogOf, cseq int) {
	r.t.Helper()
	r.in(aliceAddr, r.byAlice(d, "BYE", cseq, "bye"))
	r.in(pbxAddr, answer(r.want(pbxAddr, "BYE "), "200 OK", ""))
	r.want(aliceAddr, "SIP/2.0 200 ")
	r.over(200)
}

const sdp = "Content-Type: application/sdp\n\nv=0\no=- 2 2 IN IP4 192.0.2.9\n"

// TestReliableProvisional: 100rel and PRACK pass, RAck names the INVITE as the callee
// knows it (RFC 3262).
func TestReliableProvisional(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, invite)
		inv := r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, answer(inv, "183 Session Progress", "Require: 100rel\nRSeq: 9001\nContact: <sip:bob@203.0.113.10:5060>\n"+sdp))
		progress := r.want(aliceAddr, "SIP/2.0 183 ")
		if header(progress, "RSeq") != "9001" || header(progress, "Require") != "100rel" {
			t.Errorf("not reliable any more:\n%s", progress)
		}
		d := dialogOf{inv, progress}
		r.in(aliceAddr, r.byAlice(d, "PRACK", 8, "p1")+"RAck: 9001 7 INVITE\n")
		prack := r.want(pbxAddr, "PRACK sip:bob@203.0.113.10:5060 ")
		number, _, _ := strings.Cut(header(inv, "CSeq"), " ")
		if header(prack, "RAck") != "9001 "+number+" INVITE" || header(prack, "CSeq") != "8 PRACK" {
			t.Errorf("RAck %q, CSeq %q", header(prack, "RAck"), header(prack, "CSeq"))
		}
		r.in(pbxAddr, answer(prack, "200 OK", ""))
		r.want(aliceAddr, "SIP/2.0 200 ")
		r.in(pbxAddr, answer(inv, "200 OK", "Contact: <sip:bob@203.0.113.10:5060>"))
		d.toAlice = r.want(aliceAddr, "SIP/2.0 200 ")
		if header(d.toAlice, "To") != header(progress, "To") {
			t.Error("one dialog has two To-tags")
		}
		r.in(aliceAddr, r.byAlice(d, "ACK", 7, "a2"))
		r.want(pbxAddr, "ACK ")
		r.hangUp(d, 9)
	})
}

// TestReinvite passes both ways, each with its own numbers, ACK and target refresh.
func TestReinvite(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		d := r.establish()
		r.in(aliceAddr, r.byAlice(d, "INVITE", 8, "re1")+"Contact: <sip:alice2@198.51.100.7:5062>\n"+sdp)
		re := r.want(pbxAddr, "INVITE sip:bob@203.0.113.10:5060 ")
		if header(re, "To") != header(d.toBob, "To")+";tag=bob" || header(re, "Call-ID") != header(d.toBob, "Call-ID") {
			t.Errorf("another dialog:\n%s", re)
		}
		r.in(pbxAddr, answer(re, "200 OK", "Contact: <sip:bob2@203.0.113.10:5060>\n"+sdp))
		first := r.want(aliceAddr, "SIP/2.0 200 ")
		r.in(pbxAddr, answer(re, "200 OK", "Contact: <sip:bob2@203.0.113.10:5060>\n"+sdp))
		if again := r.want(aliceAddr, "SIP/2.0 200 "); again != first {
			t.Error("a retransmitted 2xx differs")
		}
		r.in(aliceAddr, r.byAlice(d, "ACK", 8, "re1a"))
		if ack := r.want(pbxAddr, "ACK sip:bob2@203.0.113.10:5060 "); header(ack, "CSeq") != "8 ACK" {
			t.Errorf("CSeq %q", header(ack, "CSeq"))
		}
		// Now the callee, towards the caller's new target.
		r.in(pbxAddr, r.byBob(d, "INVITE", 1, "re2")+"Contact: <sip:bob3@203.0.113.10:5060>\n"+sdp)
		re = r.want(aliceAddr, "INVITE sip:alice2@198.51.100.7:5062 ")
		r.in(aliceAddr, answer(re, "200 OK", "Contact: <sip:alice3@198.51.100.7:5062>\n"+sdp))
		r.want(pbxAddr, "SIP/2.0 200 ")
		r.in(pbxAddr, r.byBob(d, "ACK", 1, "re2a"))
		if ack := r.want(aliceAddr, "ACK sip:alice3@198.51.100.7:5062 "); header(ack, "CSeq") != "1 ACK" {
			t.Errorf("CSeq %q", header(ack, "CSeq"))
		}
		r.in(aliceAddr, r.byAlice(d, "INFO", 9, "info"))
		r.in(pbxAddr, answer(r.want(pbxAddr, "INFO sip:bob3@203.0.113.10:5060 "), "200 OK", ""))
		r.want(aliceAddr, "SIP/2.0 200 ")
		r.hangUp(d, 10)
	})
}

// TestReinviteRefused: the call goes on, as it was.
func TestReinviteRefused(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		d := r.establish()
		re := r.byAlice(d, "INVITE", 8, "re1") + "Contact: <sip:elsewhere@198.51.100.7:5062>\n" + sdp
		r.in(aliceAddr, re)
		r.in(pbxAddr, answer(r.want(pbxAddr, "INVITE "), "488 Not Acceptable Here", ""))
		r.want(pbxAddr, "ACK ")
		r.want(aliceAddr, "SIP/2.0 488 ")
		r.in(aliceAddr, ackOf(re))
		r.in(pbxAddr, r.byBob(d, "INFO", 1, "info"))
		r.in(aliceAddr, answer(r.want(aliceAddr, "INFO sip:alice@198.51.100.7:5062 "), "200 OK", ""))
		r.want(pbxAddr, "SIP/2.0 200 ")
		r.hangUp(d, 9)
	})
}

// TestReinviteCanceled: its CANCEL passes, the call goes on.
func TestReinviteCanceled(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		d := r.establish()
		re := r.byAlice(d, "INVITE", 8, "re1")
		r.in(aliceAddr, re)
		inv := r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, answer(inv, "180 Ringing", ""))
		r.want(aliceAddr, "SIP/2.0 180 ")
		r.in(aliceAddr, cancelOf(re))
		r.want(aliceAddr, "SIP/2.0 200 ")
		r.in(pbxAddr, answer(r.want(pbxAddr, "CANCEL "), "200 OK", ""))
		r.in(pbxAddr, answer(inv, "487 Request Terminated", ""))
		r.want(pbxAddr, "ACK ")
		r.want(aliceAddr, "SIP/2.0 487 ")
		r.in(aliceAddr, ackOf(re))
		r.hangUp(d, 9)
	})
}

// TestGlare: two re-INVITEs cross; each party refuses the other's with 491, which passes
// (RFC 3261 14.2).
func TestGlare(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		d := r.establish()
		byAlice, byBob := r.byAlice(d, "INVITE", 8, "g1")+sdp, r.byBob(d, "INVITE", 1, "g2")+sdp
		r.in(aliceAddr, byAlice)
		r.in(pbxAddr, byBob)
		toBob, toAlice := r.want(pbxAddr, "INVITE "), r.want(aliceAddr, "INVITE ")
		r.in(pbxAddr, answer(toBob, "491 Request Pending", ""))
		r.in(aliceAddr, answer(toAlice, "491 Request Pending", ""))
		r.want(pbxAddr, "ACK ")
		r.want(pbxAddr, "SIP/2.0 491 ")
		r.want(aliceAddr, "SIP/2.0 491 ")
		r.want(aliceAddr, "ACK ")
		r.in(aliceAddr, ackOf(byAlice))
		r.in(pbxAddr, ackOf(byBob))
		// The second try of one of them.
		r.in(pbxAddr, r.byBob(d, "INVITE", 2, "g3")+sdp)
		toAlice = r.want(aliceAddr, "INVITE ")
		r.in(aliceAddr, answer(toAlice, "200 OK", "Contact: <sip:alice@198.51.100.7:5062>\n"+sdp))
		r.want(pbxAddr, "SIP/2.0 200 ")
		r.in(pbxAddr, r.byBob(d, "ACK", 2, "g3a"))
		r.want(aliceAddr, "ACK ")
		r.hangUp(d, 9)
	})
}

// TestUpdate passes in an early dialog and in the call, both ways (RFC 3311).
func TestUpdate(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, invite)
		inv := r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, answer(inv, "183 Session Progress", bobContact))
		d := dialogOf{inv, r.want(aliceAddr, "SIP/2.0 183 ")}
		r.in(aliceAddr, r.byAlice(d, "UPDATE", 8, "u1")+sdp)
		r.in(pbxAddr, answer(r.want(pbxAddr, "UPDATE sip:bob@203.0.113.10:5060 "), "200 OK", sdp))
		r.want(aliceAddr, "SIP/2.0 200 ")
		r.in(pbxAddr, r.byBob(d, "UPDATE", 1, "u2")+sdp)
		r.in(aliceAddr, answer(r.want(aliceAddr, "UPDATE sip:alice@198.51.100.7:5062 "), "200 OK", sdp))
		r.want(pbxAddr, "SIP/2.0 200 ")
		r.in(pbxAddr, answer(inv, "200 OK", "Contact: <sip:bob@203.0.113.10:5060>"))
		r.want(aliceAddr, "SIP/2.0 200 ")
		r.in(aliceAddr, r.byAlice(d, "ACK", 7, "a2"))
		if ack := r.want(pbxAddr, "ACK "); header(ack, "CSeq") != "7 ACK" {
			t.Errorf("CSeq %q: an ACK has its INVITE's number", header(ack, "CSeq"))
		}
		r.hangUp(d, 9)
	})
}

// TestAckAgain: the ACK that answers a 2xx sent again is on the far side the same request again, as its sender means it; the
// ACK of a re-INVITE is another.
func TestAckAgain(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, invite)
		inv := r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, answer(inv, "200 OK", bobContact))
		d := dialogOf{inv, r.want(aliceAddr, "SIP/2.0 200 ")}
		r.in(aliceAddr, r.byAlice(d, "ACK", 7, "a2"))
		first := r.want(pbxAddr, "ACK ")
		r.in(pbxAddr, answer(inv, "200 OK", bobContact))
		r.want(aliceAddr, "SIP/2.0 200 ")
		r.in(aliceAddr, r.byAlice(d, "ACK", 7, "a2"))
		if again := r.want(pbxAddr, "ACK "); again != first {
			t.Errorf("the ACK went as\n%s\nand then as\n%s", first, again)
		}
		r.in(aliceAddr, r.byAlice(d, "INVITE", 8, "re")+sdp)
		re := r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, answer(re, "200 OK", bobContact))
		r.want(aliceAddr, "SIP/2.0 200 ")
		r.in(aliceAddr, r.byAlice(d, "ACK", 8, "rea"))
		if next := r.want(pbxAddr, "ACK "); header(next, "Via") == header(first, "Via") {
			t.Errorf("two ACKs have one branch:\n%s", next)
		}
		r.hangUp(d, 9)
	})
}

// TestLateOffer: an INVITE without SDP, the offer in the 2xx, the answer in the ACK.
func TestLateOffer(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, withoutOffer(invite))
		inv := r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, answer(inv, "200 OK", bobContact))
		d := dialogOf{inv, r.want(aliceAddr, "SIP/2.0 200 ")}
		r.nothing(pbxAddr) // a 2xx with the offer is never ACKed by us
		r.in(aliceAddr, r.byAlice(d, "ACK", 7, "a2")+sdp)
		if ack := r.want(pbxAddr, "ACK "); !strings.HasSuffix(ack, "\r\n\r\nv=0\r\no=- 2 2 IN IP4 192.0.2.9\r\n") {
			t.Errorf("no answer in\n%s", ack)
		}
		r.hangUp(d, 8)
	})
}

func withoutOffer(text string) string {
	head, _, _ := strings.Cut(text, "\n\n")
	return withoutHeader(head, "Content-Type") + "\n"
}

// TestStrayOffer: a 2xx nobody wants any more is ACKed and ended; where it carries the
// offer the ACK answers it with all ports 0 (RFC 3261 13.2.2.4, RFC 3264 6).
func TestStrayOffer(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, withoutOffer(invite))
		inv := r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, answer(inv, "180 Ringing", ""))
		r.want(aliceAddr, "SIP/2.0 180 ")
		r.in(aliceAddr, cancelOf(withoutOffer(invite)))
		r.want(aliceAddr, "SIP/2.0 200 ")
		r.want(aliceAddr, "SIP/2.0 487 ")
		r.in(aliceAddr, ackOf(withoutOffer(invite)))
		r.want(pbxAddr, "CANCEL ")
		r.in(pbxAddr, answer(inv, "200 OK", "Contact: <sip:bob@203.0.113.10:5060>\nContent-Type: application/sdp\n\n"+
			"v=0\no=- 1 1 IN IP4 203.0.113.10\ns=-\nc=IN IP4 203.0.113.10\nt=0 0\nm=audio 4000 RTP/AVP 8 0\na=sendrecv\nm=video 4002/2 RTP/AVP 99\n"))
		ack := r.want(pbxAddr, "ACK sip:bob@203.0.113.10:5060 ")
		_, body, _ := strings.Cut(ack, "\r\n\r\n")
		want := "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 0 RTP/AVP 8 0\r\nm=video 0 RTP/AVP 99\r\n"
		if body != want || header(ack, "Content-Type") != "application/sdp" || header(ack, "CSeq") != "7 ACK" {
			t.Errorf("ACK\n%s", ack)
		}
		bye := r.want(pbxAddr, "BYE sip:bob@203.0.113.10:5060 ")
		if header(bye, "CSeq") != "8 BYE" || header(bye, "To") != header(ack, "To") || header(bye, "From") != header(inv, "From") {
			t.Errorf("BYE\n%s", bye)
		}
		r.in(pbxAddr, answer(bye, "200 OK", ""))
		r.over(487)
	})
}

// TestStrayAnswer: where the INVITE carried the offer the ACK has no body.
func TestStrayAnswer(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, invite)
		inv := r.want(pbxAddr, "INVITE ")
		r.in(aliceAddr, cancel())
		r.in(pbxAddr, answer(inv, "200 OK", bobContact))
		if ack := r.want(pbxAddr, "ACK "); !strings.HasSuffix(ack, "\r\n\r\n") || header(ack, "Content-Type") != "" {
			t.Errorf("a body in\n%s", ack)
		}
		r.in(pbxAddr, answer(r.want(pbxAddr, "BYE "), "200 OK", ""))
		r.in(aliceAddr, ackOf(invite))
		r.over(487)
	})
}

// TestCrossingByes: both hang up at once; each BYE gets its 200.
func TestCrossingByes(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		d := r.establish()
		r.in(aliceAddr, r.byAlice(d, "BYE", 8, "x1"))
		r.in(pbxAddr, r.byBob(d, "BYE", 1, "x2"))
		toBob, toAlice := r.want(pbxAddr, "BYE "), r.want(aliceAddr, "BYE ")
		r.in(pbxAddr, answer(toBob, "200 OK", ""))
		r.want(aliceAddr, "SIP/2.0 200 ")
		r.in(aliceAddr, answer(toAlice, "200 OK", ""))
		r.want(pbxAddr, "SIP/2.0 200 ")
		r.over(200)
	})
}

// TestByeCrossesOurs: a party hangs up while our own BYEs are out.
func TestByeCrossesOurs(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		d := r.establish()
		r.endAll(policy.HungUp)
		toBob, toAlice := r.want(pbxAddr, "BYE "), r.want(aliceAddr, "BYE ")
		r.in(pbxAddr, r.byBob(d, "BYE", 1, "x2"))
		r.want(pbxAddr, "SIP/2.0 200 ")
		r.in(aliceAddr, r.byAlice(d, "INFO", 8, "x3"))
		r.want(aliceAddr, "SIP/2.0 481 ")
		r.in(pbxAddr, answer(toBob, "481 Call Does Not Exist", ""))
		r.in(aliceAddr, answer(toAlice, "200 OK", ""))
		r.over(200)
	})
}

// TestLateCrossingBye: the BYE of who hung up, too, comes when the call is over for Tollgate already. It gets its 200,
// as often as it comes; nothing else does, nor a BYE long after.
func TestLateCrossingBye(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		d := r.establish()
		r.in(aliceAddr, r.byAlice(d, "BYE", 8, "x1"))
		r.in(pbxAddr, answer(r.want(pbxAddr, "BYE "), "200 OK", ""))
		r.want(aliceAddr, "SIP/2.0 200 ")
		for range 2 {
			r.in(pbxAddr, r.byBob(d, "BYE", 1, "x2"))
			r.want(pbxAddr, "SIP/2.0 200 ")
		}
		for what, text := range map[string]string{
			"the BYE again":    r.byAlice(d, "BYE", 9, "x3"),
			"with another tag": r.byBobAs("eve", d, "BYE", 2, "x4"),
			"what is no BYE":   r.byBob(d, "INFO", 3, "x5"),
			"a re-INVITE":      r.byBob(d, "INVITE", 4, "x6"),
		} {
			from := pbxAddr
			if what == "the BYE again" {
				from = aliceAddr
			}
			r.in(from, text)
			if got := r.want(from, "SIP/2.0 "); !strings.HasPrefix(got, "SIP/2.0 481 ") {
				t.Errorf("%s: %s", what, got)
			}
		}
		r.over(200)
		r.wait(33 * time.Second)
		r.in(pbxAddr, r.byBob(d, "BYE", 5, "x7"))
		r.want(pbxAddr, "SIP/2.0 481 ")
	})
}

// TestByesAfterOurs: both parties' BYEs come after those of Tollgate's own were answered.
func TestByesAfterOurs(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		d := r.establish()
		r.endAll(policy.HungUp)
		r.in(pbxAddr, answer(r.want(pbxAddr, "BYE "), "200 OK", ""))
		r.in(aliceAddr, answer(r.want(aliceAddr, "BYE "), "200 OK", ""))
		r.in(pbxAddr, r.byBob(d, "BYE", 1, "x2"))
		r.want(pbxAddr, "SIP/2.0 200 ")
		r.in(aliceAddr, r.byAlice(d, "BYE", 8, "x3"))
		r.want(aliceAddr, "SIP/2.0 200 ")
		r.over(200)
	})
}

// TestByeUnanswered: a BYE that nobody answers ends the call all the same.
func TestByeUnanswered(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		d := r.establish()
		r.in(aliceAddr, r.byAlice(d, "BYE", 8, "x1"))
		r.want(pbxAddr, "BYE ")
		r.wait(33 * time.Second)
		r.drain(pbxAddr)
		r.want(aliceAddr, "SIP/2.0 408 ")
		r.over(200)
	})
}

// TestOursUnanswered: neither answers our BYEs.
func TestOursUnanswered(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.establish()
		r.endAll(policy.HungUp)
		r.wait(33 * time.Second)
		r.over(200)
	})
}

// TestByeChallenged: the call lives until the BYE with credentials.
func TestByeChallenged(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		d := r.establish()
		r.in(aliceAddr, r.byAlice(d, "BYE", 8, "x1"))
		r.in(pbxAddr, answer(r.want(pbxAddr, "BYE "), "407 Proxy Authentication Required", "Proxy-Authenticate: Digest realm=\"x\", nonce=\"y\"\n"))
		if got := r.want(aliceAddr, "SIP/2.0 407 "); header(got, "Proxy-Authenticate") != `Digest realm="x", nonce="y"` {
			t.Errorf("the challenge is lost:\n%s", got)
		}
		if r.calls.Live() != 1 {
			t.Fatal("the call has ended")
		}
		r.hangUp(d, 9)
	})
}

// TestByeInEarlyDialog ends that dialog; the INVITE gets its own final response
// (RFC 3261 15.1.1).
func TestByeInEarlyDialog(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, invite)
		inv := r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, answer(inv, "180 Ringing", bobRings))
		d := dialogOf{inv, r.want(aliceAddr, "SIP/2.0 180 ")}
		r.in(aliceAddr, r.byAlice(d, "BYE", 8, "x1"))
		r.in(pbxAddr, answer(r.want(pbxAddr, "BYE sip:bob@203.0.113.10:5060 "), "200 OK", ""))
		r.want(aliceAddr, "SIP/2.0 200 ")
		r.in(pbxAddr, answer(inv, "487 Request Terminated", ""))
		r.want(pbxAddr, "ACK ")
		r.want(aliceAddr, "SIP/2.0 487 ")
		r.in(aliceAddr, ackOf(invite))
		r.over(487)
	})
}

// TestInsideRequests: whatever asks within the dialog passes, its answer too.
func TestInsideRequests(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		d := r.establish()
		for i, method := range []string{"OPTIONS", "INFO", "MESSAGE", "REFER", "NOTIFY", "SUBSCRIBE", "X-OWN"} {
			r.in(aliceAddr, r.byAlice(d, method, 8+i, "q"+itoa(i))+"Content-Type: text/plain\n\nhello\n")
			got := r.want(pbxAddr, method+" sip:bob@203.0.113.10:5060 SIP/2.0\r\n")
			if header(got, "CSeq") != itoa(8+i)+" "+method || !strings.HasSuffix(got, "\r\n\r\nhello\r\n") {
				t.Errorf("CSeq %q or body lost:\n%s", header(got, "CSeq"), got)
			}
			r.in(pbxAddr, answer(got, "202 Accepted", ""))
			if ok := r.want(aliceAddr, "SIP/2.0 202 "); header(ok, "CSeq") != itoa(8+i)+" "+method {
				t.Errorf("CSeq of the answer: %q", header(ok, "CSeq"))
			}
			r.in(pbxAddr, r.byBob(d, method, 1+i, "r"+itoa(i)))
			r.in(aliceAddr, answer(r.want(aliceAddr, method+" sip:alice@198.51.100.7:5062 "), "403 Forbidden", ""))
			r.want(pbxAddr, "SIP/2.0 403 ")
		}
		// Else the call's dialog would stay for what SUBSCRIBE and REFER have begun.
		r.in(pbxAddr, r.byBob(d, "NOTIFY", 10, "last")+"Subscription-State: terminated\n")
		r.in(aliceAddr, answer(r.want(aliceAddr, "NOTIFY "), "200 OK", ""))
		r.want(pbxAddr, "SIP/2.0 200 ")
		r.hangUp(d, 20)
	})
}

// TestInsideUnanswered: a request within the call that nobody answers gets 408, the
// call goes on.
func TestInsideUnanswered(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		d := r.establish()
		r.in(aliceAddr, r.byAlice(d, "INFO", 8, "i1"))
		r.wait(33 * time.Second)
		r.drain(pbxAddr)
		r.want(aliceAddr, "SIP/2.0 408 ")
		r.hangUp(d, 9)
	})
}

// TestInsideMaxForwards: 483 within a call, too; an ACK that can go no further dies.
func TestInsideMaxForwards(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		d := r.establish()
		r.in(aliceAddr, strings.Replace(r.byAlice(d, "INFO", 8, "i1"), "Max-Forwards: 70", "Max-Forwards: 0", 1))
		r.want(aliceAddr, "SIP/2.0 483 ")
		r.in(aliceAddr, strings.Replace(r.byAlice(d, "ACK", 7, "i2"), "Max-Forwards: 70", "Max-Forwards: 0", 1))
		r.nothing(pbxAddr)
		r.hangUp(d, 9)
	})
}

// TestMaxCall: the longest call ends on both sides, with our BYEs.
func TestMaxCall(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.establish()
		r.wait(time.Hour - time.Second)
		r.nothing(pbxAddr)
		r.wait(2 * time.Second)
		toBob, toAlice := r.want(pbxAddr, "BYE "), r.want(aliceAddr, "BYE ")
		if !strings.Contains(header(toBob, "Reason"), "max_call") {
			t.Errorf("Reason %q", header(toBob, "Reason"))
		}
		r.in(pbxAddr, answer(toBob, "200 OK", ""))
		r.in(aliceAddr, answer(toAlice, "200 OK", ""))
		r.over(200)
		if r.ended[0].Reason != policy.MaxCall || r.ended[0].Duration < time.Hour {
			t.Errorf("ended %+v", r.ended[0])
		}
	})
}

// TestBareClients ignore Route and Contact: their requests are found by Call-ID and
// tags, from the address of their leg only.
func TestBareClients(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		d := r.establish()
		bare := func(cseq int, branch string) string {
			bye := withoutHeader(r.byAlice(d, "BYE", cseq, branch), "Route")
			_, rest, _ := strings.Cut(bye, " SIP/2.0\n")
			return "BYE sip:3401@acme.test SIP/2.0\n" + rest
		}
		r.in(pbx2Addr, bare(8, "m1"))
		r.want(pbx2Addr, "SIP/2.0 481 ")
		r.in(aliceAddr, bare(8, "m2"))
		r.in(pbxAddr, answer(r.want(pbxAddr, "BYE sip:bob@203.0.113.10:5060 "), "200 OK", ""))
		r.want(aliceAddr, "SIP/2.0 200 ")
		r.over(200)
	})
}

// TestBehindNAT: a private Contact of a party that speaks from a public address is not
// where it can be reached; nor does a loopback Contact lead us into our own host.
func TestBehindNAT(t *testing.T) {
	for _, host := range []string{"192.168.1.5:5060", "127.0.0.1:5060", "169.254.1.1", "100.64.0.9:5060", "0.0.0.0:5060", "239.1.2.3:5060"} {
		t.Run(host, func(t *testing.T) {
			both(t, func(r *rig, _ bool) {
				r.in(aliceAddr, strings.Replace(invite, "alice@198.51.100.7:5062", "alice@"+host, 1))
				inv := r.want(pbxAddr, "INVITE ")
				r.in(pbxAddr, answer(inv, "200 OK", bobContact))
				d := dialogOf{inv, r.want(aliceAddr, "SIP/2.0 200 ")}
				r.in(aliceAddr, r.byAlice(d, "ACK", 7, "a2"))
				r.want(pbxAddr, "ACK ")
				r.in(pbxAddr, r.byBob(d, "BYE", 1, "x1"))
				bye := r.want(aliceAddr, "BYE sip:alice@"+host+" ")
				r.in(aliceAddr, answer(bye, "200 OK", ""))
				r.want(pbxAddr, "SIP/2.0 200 ")
				r.over(200)
			})
		})
	}
}

// TestTooManyPending: of requests that the other side does not answer, 64 are carried at once. More are refused without
// ending the call, the ACK of a refused re-INVITE goes no further, and the call can be ended.
func TestTooManyPending(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		d := r.establish()
		var pending []string
		for i := range 64 {
			r.in(aliceAddr, r.byAlice(d, "INFO", 8+i, "many"+itoa(i)))
			pending = append(pending, r.want(pbxAddr, "INFO "))
		}
		for i, method := range []string{"INFO", "INVITE"} {
			branch := "beyond" + itoa(i)
			r.in(aliceAddr, r.byAlice(d, method, 72+i, branch))
			refused := r.want(aliceAddr, "SIP/2.0 500 ")
			if header(refused, "Retry-After") == "" {
				t.Errorf("a refusal for now without Retry-After:\n%s", refused)
			}
			if method == "INVITE" {
				r.in(aliceAddr, r.byAlice(d, "ACK", 72+i, branch))
			}
			r.nothing(pbxAddr)
		}
		for _, request := range pending[:2] {
			r.in(pbxAddr, answer(request, "200 OK", ""))
			r.want(aliceAddr, "SIP/2.0 200 ")
		}
		r.in(aliceAddr, r.byAlice(d, "INFO", 74, "again"))
		if info := r.want(pbxAddr, "INFO "); header(info, "CSeq") != "74 INFO" {
			t.Errorf("CSeq %q after requests that were refused", header(info, "CSeq"))
		}
		r.in(aliceAddr, r.byAlice(d, "BYE", 75, "bye"))
		r.in(pbxAddr, answer(r.want(pbxAddr, "BYE "), "200 OK", ""))
		r.want(aliceAddr, "SIP/2.0 200 ")
		for _, request := range pending[2:] {
			r.in(pbxAddr, answer(request, "481 Call/Transaction Does Not Exist", ""))
			r.want(aliceAddr, "SIP/2.0 481 ")
		}
	})
}
