package gate_test

import (
	"strings"
	"testing"
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/live"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// Tests of calls that outlive the process: after each step of a call another node starts
// from the journal, and the call goes on there as if nothing had been.

// reinvites refreshes the session with a new Contact of the sender.
func (r *rig) reinvites(from, to *leg) {
	r.t.Helper()
	from.contact = strings.Replace(from.contact, "@", "2@", 1)
	inv := r.says(from, "INVITE", sdp, to.at)
	r.in(to.at, answer(inv, "200 OK", "Contact: <"+to.contact+">\n"+sdp))
	r.want(from.at, "SIP/2.0 200 ")
	r.in(from.at, from.next("ACK", ""))
	if ack := r.want(to.at, "ACK "+to.contact+" "); header(ack, "CSeq") != strings.Replace(header(inv, "CSeq"), "INVITE", "ACK", 1) {
		r.t.Errorf("CSeq %s of the ACK, %s of its INVITE", header(ack, "CSeq"), header(inv, "CSeq"))
	}
}

// steps of a call: what each leaves in the journal must be enough.
var steps = []struct {
	name string
	do   func(r *rig, alice, bob *leg)
}{
	{"acknowledged", func(*rig, *leg, *leg) {}},
	{"re-INVITE of the caller", func(r *rig, alice, bob *leg) { r.reinvites(alice, bob) }},
	{"re-INVITE of the callee", func(r *rig, alice, bob *leg) { r.reinvites(bob, alice) }},
	{"UPDATE", func(r *rig, alice, bob *leg) {
		bob.contact = "sip:bobby@203.0.113.10:5060"
		r.in(pbxAddr, bob.next("UPDATE", ""))
		r.in(aliceAddr, answer(r.want(aliceAddr, "UPDATE "), "200 OK", "Contact: <"+alice.contact+">\n"))
		r.want(pbxAddr, "SIP/2.0 200 ")
	}},
	{"INFO", func(r *rig, alice, bob *leg) {
		r.asks(alice, "INFO", "", pbxAddr, "200 OK")
		r.asks(bob, "INFO", "", aliceAddr, "200 OK")
	}},
	{"BYE challenged", func(r *rig, alice, _ *leg) { r.asks(alice, "BYE", "", pbxAddr, "407 Proxy Authentication Required") }},
}

// checked checks that all works in a call: both parties' requests, their numbers and
// targets, the places that it holds.
func (r *rig) checked(alice, bob *leg) {
	r.t.Helper()
	if u := r.live.Usage(live.Scope{Kind: live.Customer, ID: 1}); u.Calls != 1 || r.calls.Live() != 1 {
		r.t.Fatalf("%d places, %d calls", u.Calls, r.calls.Live())
	}
	list := r.calls.List(func(tenant.CustomerID) bool { return true })
	if len(list) != 1 || list[0].State != "up" || list[0].Answered.IsZero() || list[0].Destination != "pbx" {
		r.t.Errorf("listed as %+v", list)
	}
	for _, method := range []string{"OPTIONS", "INFO", "MESSAGE"} {
		for _, way := range [][2]*leg{{alice, bob}, {bob, alice}} {
			got, _ := r.asks(way[0], method, "", way[1].at, "200 OK")
			if !strings.HasPrefix(got, method+" "+way[1].contact+" ") || header(got, "CSeq") != itoa(way[0].cseq)+" "+method {
				r.t.Errorf("not to %s, or not CSeq %d:\n%s", way[1].contact, way[0].cseq, got)
			}
			if header(got, "Call-ID") != way[1].callID || header(got, "From") != way[1].remote || header(got, "To") != way[1].local {
				r.t.Errorf("another dialog:\n%s", got)
			}
		}
	}
	r.reinvites(alice, bob)
	r.reinvites(bob, alice)
}

// TestRestart: whatever the last step was, the next node carries the call to its end, by
// either party.
func TestRestart(t *testing.T) {
	for _, s := range steps {
		t.Run(s.name, func(t *testing.T) {
			for _, byCallee := range []bool{false, true} {
				both(t, func(r *rig, _ bool) {
					alice, bob := r.establish().legs()
					r.wait(10 * time.Minute)
					s.do(r, alice, bob)
					r.restart(time.Second, func(n *rig) {
						n.checked(alice, bob)
						if byCallee {
							n.ends(bob, aliceAddr)
						} else {
							n.ends(alice, pbxAddr)
						}
						n.over(200)
						if e := n.ended[0]; !e.Answered || e.Duration < 10*time.Minute || e.Duration > 11*time.Minute || e.Setup > time.Minute {
							n.t.Errorf("ended as %+v", e)
						}
					})
				})
			}
		})
	}
}

// TestRestartAtOnce: the BYE is the first that the next node hears.
func TestRestartAtOnce(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		alice, bob := r.establish().legs()
		r.restart(0, func(n *rig) {
			n.restart(0, func(n *rig) { n.ends(bob, aliceAddr); n.over(200) })
		})
		r.restart(0, func(n *rig) {
			n.ends(alice, pbxAddr)
			n.over(200)
		})
	})
}

// TestRestartBeforeAck: the 200 went out, its ACK comes to the next node.
func TestRestartBeforeAck(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, invite)
		inv := r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, answer(inv, "200 OK", "Session-Expires: 90\n"+bobContact))
		alice, _ := dialogOf{inv, r.want(aliceAddr, "SIP/2.0 200 ")}.legs()
		r.restart(0, func(n *rig) {
			n.in(aliceAddr, alice.next("ACK", ""))
			n.want(pbxAddr, "ACK sip:bob@203.0.113.10:5060 ")
			if list := n.calls.List(func(tenant.CustomerID) bool { return true }); len(list) != 1 {
				n.t.Fatal("no call")
			}
			n.wait(85 * time.Second)
			n.nothing(pbxAddr)
			n.wait(6 * time.Second)
			n.gone(policy.SessionExpired)
		})
	})
}

// gone takes our own BYEs.
func (r *rig) gone(why policy.Reason) {
	r.t.Helper()
	toBob, toAlice := r.want(pbxAddr, "BYE "), r.want(aliceAddr, "BYE ")
	r.in(pbxAddr, answer(toBob, "200 OK", ""))
	r.in(aliceAddr, answer(toAlice, "481 Gone", ""))
	if len(r.ended) != 1 || r.ended[0].Reason != why || !r.ended[0].Answered {
		r.t.Errorf("ended as %+v, want %s", r.ended, why)
	}
	r.over(200)
}

// TestRestartOrder: a call is in the journal before its caller can know of its answer,
// and out of it when it is over.
func TestRestartOrder(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		alice, _ := r.establish().legs()
		log := strings.Join(r.book.log, ", ")
		put, ok := strings.Index(log, "put"), strings.Index(log, "SIP/2.0 200")
		if put < 0 || ok < 0 || put > ok || strings.Index(log, "SIP/2.0 180") > put {
			r.t.Errorf("order: %s", log)
		}
		r.ends(alice, pbxAddr)
		if n := len(r.book.log); len(r.book.kept) != 0 || r.book.log[n-2] != "delete" {
			r.t.Errorf("%d kept, order: %v", len(r.book.kept), r.book.log)
		}
		r.over(200)
	})
}

// TestRestartUnanswered: what only rang is not kept; who names it is told so.
func TestRestartUnanswered(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, invite)
		inv := r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, answer(inv, "183 Session Progress", bobContact))
		alice, bob := dialogOf{inv, r.want(aliceAddr, "SIP/2.0 183 ")}.legs()
		r.asks(alice, "UPDATE", sdp, pbxAddr, "200 OK")
		if len(r.book.kept) != 0 {
			r.t.Error("kept")
		}
		r.restart(0, func(n *rig) {
			n.refused(alice, "UPDATE", "", "481")
			n.refused(bob, "BYE", "", "481")
			n.quiet()
		})
	})
}

// TestRestartTimers: max_call and the session end a call when they would have ended it,
// or at once where that time has passed.
func TestRestartTimers(t *testing.T) {
	const life, before = 10 * time.Minute, 5 * time.Minute
	timed := func(r *rig, bob *leg, down time.Duration, why policy.Reason) {
		r.wait(before)
		r.restart(down, func(n *rig) {
			if left := life - before - down; left > 0 {
				n.asks(bob, "INFO", "", aliceAddr, "200 OK") // so that it is not asked
				n.wait(left - time.Second)
				n.nothing(pbxAddr)
			}
			n.wait(2 * time.Second)
			n.gone(why)
		})
	}
	for _, down := range []time.Duration{0, 2 * time.Minute, 20 * time.Minute} {
		both(t, func(r *rig, _ bool) {
			r.change(func(a *tenant.Account) { a.Customer.Timers.MaxCall = life })
			_, bob := r.establish().legs()
			timed(r, bob, down, policy.MaxCall)
		})
		both(t, func(r *rig, _ bool) {
			alice, bob := r.establish().legs()
			up := r.says(alice, "UPDATE", sdp, pbxAddr)
			r.in(pbxAddr, answer(up, "200 OK", "Session-Expires: 600\nContact: <"+bob.contact+">\n"))
			r.want(aliceAddr, "SIP/2.0 200 ")
			timed(r, bob, down, policy.SessionExpired)
		})
	}
}

// TestRestartLimits: a call that was kept counts, also beyond a limit that is lower now.
func TestRestartLimits(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		alice, _ := r.establish().legs()
		r.change(func(a *tenant.Account) { a.Customer.CallLimit = 1 })
		r.restart(0, func(n *rig) {
			n.in(aliceAddr, strings.NewReplacer("call1", "call2", "z9hG4bKa1", "z9hG4bKa9").Replace(invite))
			n.want(aliceAddr, "SIP/2.0 480 ")
			n.in(aliceAddr, ackOf(strings.NewReplacer("call1", "call2", "z9hG4bKa1", "z9hG4bKa9").Replace(invite)))
			n.ends(alice, pbxAddr)
			n.over(200)
		})
	})
}

// TestRestartTwoAnswers: a call with two dialogs, one of which has ended.
func TestRestartTwoAnswers(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, invite)
		inv := r.want(pbxAddr, "INVITE ")
		one, two := r.pick(inv, "bob", "a2"), r.pick(inv, "carol", "a3")
		first, second := uac(aliceAddr, one.toAlice), uac(aliceAddr, two.toAlice)
		r.ends(first, pbxAddr)
		r.restart(0, func(n *rig) {
			n.asks(second, "INFO", "", pbxAddr, "200 OK")
			n.ends(second, pbxAddr)
			n.over(200)
		})
	})
}

// TestCheckpoint puts all that stands, and nothing else.
func TestCheckpoint(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		alice, bob := r.establish().legs()
		r.subscribes()
		r.in(aliceAddr, strings.NewReplacer("call1", "call2", "z9hG4bKa1", "z9hG4bKa9").Replace(invite))
		r.book.kept = map[dialog.Stable][]byte{}
		if err := r.calls.Checkpoint(); err != nil || len(r.book.kept) != 2 {
			r.t.Fatalf("%d kept: %v", len(r.book.kept), err)
		}
		r.restart(0, func(n *rig) {
			n.checked(alice, bob)
			if n.calls.Subscriptions() != 1 {
				n.t.Errorf("%d subscriptions", n.calls.Subscriptions())
			}
		})
	})
}
