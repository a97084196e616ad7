package gate_test

import (
	"strings"
	"testing"
	"time"
)

// Tests of a forking proxy behind us: several callees answer one INVITE.

// contactOf names a fork's Contact.
func contactOf(tag string) string { return "Contact: <sip:" + tag + "@203.0.113.10:5060>\n" }

// ring makes a fork of the INVITE ring, and gives its dialog as Alice sees it.
func (r *rig) ring(inv, tag string) dialogOf {
	r.t.Helper()
	r.in(pbxAddr, as(tag, answer(inv, "180 Ringing", contactOf(tag))))
	return dialogOf{inv, r.want(aliceAddr, "SIP/2.0 180 ")}
}

// pick makes a fork answer; Alice ACKs.
func (r *rig) pick(inv, tag, branch string) dialogOf {
	r.t.Helper()
	r.in(pbxAddr, as(tag, answer(inv, "200 OK", contactOf(tag)+"Content-Type: application/sdp\n\nv=0\n")))
	d := dialogOf{inv, r.want(aliceAddr, "SIP/2.0 200 ")}
	r.in(aliceAddr, r.byAlice(d, "ACK", 7, branch))
	r.want(pbxAddr, "ACK sip:"+tag+"@203.0.113.10:5060 ")
	return d
}

// TestForkedRinging: two callees ring, each in a dialog of its own; one answers.
func TestForkedRinging(t *testing.T) {
	both(t, func(r *rig, hidden bool) {
		r.in(aliceAddr, invite)
		inv := r.want(pbxAddr, "INVITE ")
		bob, carol := r.ring(inv, "bob"), r.ring(inv, "carol")
		if header(bob.toAlice, "To") == header(carol.toAlice, "To") {
			t.Fatal("two callees in one dialog")
		}
		if again := r.ring(inv, "bob"); header(again.toAlice, "To") != header(bob.toAlice, "To") {
			t.Error("a callee rings again in another dialog")
		}
		// Each early dialog is reached by itself.
		for i, d := range []dialogOf{bob, carol} {
			tag := []string{"bob", "carol"}[i]
			r.in(aliceAddr, r.byAlice(d, "UPDATE", 8+i, "u"+tag))
			up := r.want(pbxAddr, "UPDATE sip:"+tag+"@203.0.113.10:5060 ")
			if !strings.HasSuffix(header(up, "To"), ";tag="+tag) {
				t.Errorf("To %s", header(up, "To"))
			}
			r.in(pbxAddr, answer(up, "200 OK", contactOf(tag)))
			r.want(aliceAddr, "SIP/2.0 200 ")
		}
		up := r.pick(inv, "carol", "a2")
		if header(up.toAlice, "To") != header(carol.toAlice, "To") {
			t.Error("the answer is of another dialog than the ringing")
		}
		r.in(pbxAddr, r.byBobAs("carol", up, "INFO", 1, "i1"))
		info := r.want(aliceAddr, "INFO ")
		if header(info, "From") != header(up.toAlice, "To") || hidden && strings.Contains(info, "carol") {
			t.Errorf("not of the dialog that Alice knows:\n%s", info)
		}
		r.in(aliceAddr, answer(info, "200 OK", ""))
		r.want(pbxAddr, "SIP/2.0 200 ")
		r.hangUp(up, 10)
	})
}

// TestTwoAnswers: both forks answer; the caller ends one of them (RFC 3261 13.2.2.4),
// the call lives with the other, each 2xx retransmitted by itself.
func TestTwoAnswers(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, invite)
		inv := r.want(pbxAddr, "INVITE ")
		r.ring(inv, "bob")
		bob, carol := r.pick(inv, "bob", "a2"), r.pick(inv, "carol", "a3")
		for tag, d := range map[string]dialogOf{"bob": bob, "carol": carol} {
			r.in(pbxAddr, as(tag, answer(inv, "200 OK", contactOf(tag)+"Content-Type: application/sdp\n\nv=0\n")))
			if again := r.want(aliceAddr, "SIP/2.0 200 "); again != d.toAlice {
				t.Errorf("%s: another 200 than before:\n%s\n%s", tag, again, d.toAlice)
			}
		}
		r.in(aliceAddr, r.byAlice(bob, "BYE", 8, "x1"))
		r.in(pbxAddr, answer(r.want(pbxAddr, "BYE sip:bob@203.0.113.10:5060 "), "200 OK", ""))
		r.want(aliceAddr, "SIP/2.0 200 ")
		if r.calls.Live() != 1 || len(r.ended) != 0 {
			t.Fatal("the call ended with one of its dialogs")
		}
		r.in(pbxAddr, r.byBobAs("carol", carol, "INFO", 1, "i1"))
		r.in(aliceAddr, answer(r.want(aliceAddr, "INFO "), "200 OK", ""))
		r.want(pbxAddr, "SIP/2.0 200 ")
		r.in(aliceAddr, r.byAlice(carol, "BYE", 8, "x2"))
		r.in(pbxAddr, answer(r.want(pbxAddr, "BYE sip:carol@203.0.113.10:5060 "), "200 OK", ""))
		r.want(aliceAddr, "SIP/2.0 200 ")
		r.over(200)
	})
}

// TestHangUpTwoAnswers: our own end of such a call tells each party of each dialog.
func TestHangUpTwoAnswers(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, invite)
		inv := r.want(pbxAddr, "INVITE ")
		r.pick(inv, "bob", "a2")
		r.pick(inv, "carol", "a3")
		r.endAll(0)
		seen := ""
		for range 2 {
			bye := r.want(pbxAddr, "BYE ")
			seen += uriOf("<" + strings.Fields(bye)[1] + ">")
			r.in(pbxAddr, answer(bye, "200 OK", ""))
			r.in(aliceAddr, answer(r.want(aliceAddr, "BYE "), "200 OK", ""))
		}
		if !strings.Contains(seen, "bob@") || !strings.Contains(seen, "carol@") {
			t.Errorf("BYE to %s", seen)
		}
		r.over(200)
	})
}

// TestTooManyForks: a callee that answers with ever new tags fills nothing.
func TestTooManyForks(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, invite)
		inv := r.want(pbxAddr, "INVITE ")
		for i := range 100 {
			r.in(pbxAddr, as("t"+itoa(i), answer(inv, "180 Ringing", contactOf("bob"))))
		}
		if got := r.inboxLen(aliceAddr); got > 16 {
			t.Errorf("%d dialogs", got)
		}
		r.drain(aliceAddr)
		r.in(pbxAddr, as("t1", answer(inv, "486 Busy Here", "")))
		r.want(aliceAddr, "SIP/2.0 486 ")
		r.in(aliceAddr, ackOf(invite))
		r.over(486)
	})
}

// TestForkRefuses: a refusal that carries the tag of no early dialog.
func TestForkRefuses(t *testing.T) {
	both(t, func(r *rig, hidden bool) {
		r.in(aliceAddr, invite)
		inv := r.want(pbxAddr, "INVITE ")
		r.ring(inv, "bob")
		r.in(pbxAddr, as("proxy", answer(inv, "603 Decline", "Server: at 203.0.113.10\n")))
		r.want(pbxAddr, "ACK ")
		no := r.want(aliceAddr, "SIP/2.0 603 ")
		if hidden && (strings.Contains(no, "203.0.113.10") || strings.Contains(no, "tag=proxy")) {
			t.Errorf("the callee shows:\n%s", no)
		}
		if !strings.Contains(header(no, "To"), ";tag=") {
			t.Error("no To-tag")
		}
		r.in(aliceAddr, ackOf(invite))
		r.wait(time.Second)
		r.over(603)
	})
}
