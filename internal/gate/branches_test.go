package gate_test

import (
	"strings"
	"testing"
	"time"

	"tollgate/internal/tenant"
)

// Tests of what a branch leaves behind that was given up for another one.

const bobRings = "Contact: <sip:bob@203.0.113.10:5060>"

// as gives an answer another To-tag than answer does: that of another fork.
func as(tag, response string) string { return strings.ReplaceAll(response, ";tag=bob", ";tag="+tag) }

func ackOf(invite string) string { return strings.Replace(cancelOf(invite), "CANCEL", "ACK", 2) }

func cancelOf(invite string) string {
	head, _, _ := strings.Cut(invite, "\n\n")
	return strings.Replace(strings.Replace(head, "INVITE sip", "CANCEL sip", 1), " INVITE", " CANCEL", 1)
}

// TestLeftDialogIsForgotten: the early dialog of a branch that failed is known no
// more once its call is over, and whoever still names it is told so.
func TestLeftDialogIsForgotten(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, invite)
		inv := r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, answer(inv, "180 Ringing", bobRings))
		d := dialogOf{inv, r.want(aliceAddr, "SIP/2.0 180 ")}
		r.in(pbxAddr, answer(inv, "503 Service Unavailable", ""))
		r.want(pbxAddr, "ACK ")
		second := r.want(pbx2Addr, "INVITE ")
		r.in(pbx2Addr, as("other", answer(second, "180 Ringing", "")))
		r.want(aliceAddr, "SIP/2.0 180 ")
		r.in(pbx2Addr, as("other", answer(second, "486 Busy Here", "")))
		r.want(pbx2Addr, "ACK ")
		r.want(aliceAddr, "SIP/2.0 486 ")
		r.in(aliceAddr, ackOf(invite))
		// Without Route and Contact of ours: found by Call-ID and tags only.
		late := strings.Replace(r.byAlice(d, "BYE", 8, "late"), "BYE "+uriOf(header(d.toAlice, "Contact")), "BYE sip:3401@acme.test", 1)
		r.in(aliceAddr, withoutHeader(late, "Route"))
		r.want(aliceAddr, "SIP/2.0 481 ")
		r.over(486)
	})
}

func withoutHeader(text, name string) string {
	var kept []string
	for _, line := range strings.Split(text, "\n") {
		if !strings.HasPrefix(line, name+":") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}

// TestRequestOutlivesItsBranch: a request within the second early dialog is under
// way when the call moves on to another destination.
func TestRequestOutlivesItsBranch(t *testing.T) {
	for _, method := range []string{"UPDATE", "BYE", "PRACK"} {
		t.Run(method, func(t *testing.T) {
			both(t, func(r *rig, _ bool) {
				r.in(aliceAddr, invite)
				inv := r.want(pbxAddr, "INVITE ")
				r.in(pbxAddr, as("one", answer(inv, "180 Ringing", bobRings)))
				r.want(aliceAddr, "SIP/2.0 180 ")
				r.in(pbxAddr, as("two", answer(inv, "180 Ringing", bobRings)))
				d := dialogOf{inv, r.want(aliceAddr, "SIP/2.0 180 ")}
				r.in(aliceAddr, r.byAlice(d, method, 8, "inner")+"RAck: 1 7 INVITE\n")
				inner := r.want(pbxAddr, method+" ")
				r.in(pbxAddr, answer(inv, "503 Service Unavailable", ""))
				r.want(pbxAddr, "ACK ")
				second := r.want(pbx2Addr, "INVITE ")
				r.in(pbxAddr, answer(inner, "200 OK", bobRings))
				r.want(aliceAddr, "SIP/2.0 200 ")
				r.in(pbx2Addr, answer(second, "486 Busy Here", ""))
				r.want(aliceAddr, "SIP/2.0 486 ")
				r.in(aliceAddr, ackOf(invite))
				r.over(486)
			})
		})
	}
}

// TestNextBranchIsAnotherDialog: RSeq starts anew with each destination, so a
// hidden caller must see another To-tag, or he drops its reliable 18x.
func TestNextBranchIsAnotherDialog(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, invite)
		inv := r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, as("one", answer(inv, "180 Ringing", bobRings)))
		first := r.want(aliceAddr, "SIP/2.0 180 ")
		r.in(pbxAddr, answer(inv, "503 Service Unavailable", ""))
		second := r.want(pbx2Addr, "INVITE ")
		r.in(pbx2Addr, as("two", answer(second, "200 OK", "Contact: <sip:bob@203.0.113.11:5060>")))
		ok := r.want(aliceAddr, "SIP/2.0 200 ")
		if header(first, "To") == header(ok, "To") {
			r.t.Errorf("both destinations are %s", header(ok, "To"))
		}
		d := dialogOf{second, ok}
		r.in(aliceAddr, r.byAlice(d, "ACK", 7, "a2"))
		r.want(pbx2Addr, "ACK ")
		r.in(aliceAddr, r.byAlice(d, "BYE", 8, "a3"))
		r.in(pbx2Addr, answer(r.want(pbx2Addr, "BYE "), "200 OK", ""))
		r.over(200)
	})
}

// TestLongInitialTimeout: timer B ends a branch before a long initial timeout does,
// which must not be taken for the next branch's.
func TestLongInitialTimeout(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.change(func(a *tenant.Account) {
			a.Customer.Timers.Initial = 40 * time.Second
			a.Customer.Timers.Invite = 5 * time.Minute
		})
		r.in(aliceAddr, invite)
		r.want(pbxAddr, "INVITE ")
		r.wait(33 * time.Second)
		second := r.want(pbx2Addr, "INVITE ")
		r.wait(15 * time.Second)
		if got := len(r.ended); got != 0 {
			r.t.Fatal("the first branch's timer ended the second branch")
		}
		r.drain(aliceAddr)
		r.in(pbx2Addr, answer(second, "486 Busy Here", ""))
		r.want(aliceAddr, "SIP/2.0 486 ")
		r.in(aliceAddr, ackOf(invite))
		r.over(486)
	})
}

// TestLateFork: a second fork answers after the call with the first one has ended
// and its cell is gone: it is ended, never left.
func TestLateFork(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		d := r.establish()
		r.in(aliceAddr, r.byAlice(d, "BYE", 8, "a3"))
		r.in(pbxAddr, answer(r.want(pbxAddr, "BYE "), "200 OK", ""))
		r.want(aliceAddr, "SIP/2.0 200 ")
		r.in(pbxAddr, as("carol", answer(d.toBob, "200 OK", "Contact: <sip:carol@203.0.113.10:5060>")))
		r.want(pbxAddr, "ACK sip:carol@203.0.113.10:5060 ")
		bye := r.want(pbxAddr, "BYE sip:carol@203.0.113.10:5060 ")
		r.in(pbxAddr, as("carol", answer(bye, "200 OK", "")))
		r.over(200)
	})
}

// TestAnswerThatCannotPass: an answer of which no message for the caller can be
// built ends the call for both; nothing stays.
func TestAnswerThatCannotPass(t *testing.T) {
	both(t, func(r *rig, hidden bool) {
		if !hidden {
			return // plain changes too little to fail
		}
		r.in(aliceAddr, invite)
		inv := r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, answer(inv, "200 OK", strings.Repeat("Record-Route: <sip:p.example;lr>\n", 70)+bobContact))
		r.want(pbxAddr, "ACK ")
		bye := r.want(pbxAddr, "BYE ")
		r.in(pbxAddr, answer(bye, "200 OK", ""))
		r.want(aliceAddr, "SIP/2.0 500 ")
		r.in(aliceAddr, ackOf(invite))
		r.over(500)
	})
}

// TestFloodInDialog: one party cannot make a call carry requests without bound.
func TestFloodInDialog(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		d := r.establish()
		for i := range 300 {
			r.in(aliceAddr, r.byAlice(d, "INFO", 8+i, "flood"+itoa(i)))
		}
		if got := r.inboxLen(pbxAddr); got > 100 {
			r.t.Errorf("%d requests passed at once", got)
		}
		r.want(aliceAddr, "SIP/2.0 500 ")
		r.endAll(0)
		r.wait(2 * time.Minute)
		r.over(200)
	})
}
