package gate_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"tollgate/internal/policy"
)

// Tests of what else outlives the process, and of calls that nobody knows any more.

// probed takes the OPTIONS by which a silent call is asked, one to each party.
func (r *rig) probed() (toBob, toAlice string) {
	r.t.Helper()
	r.wait(59 * time.Second)
	r.nothing(pbxAddr)
	r.until(pbxAddr)
	return r.want(pbxAddr, "OPTIONS "), r.want(aliceAddr, "OPTIONS ")
}

// until waits for something that is due within a minute.
func (r *rig) until(to netip.AddrPort) {
	for range 62 * 5 {
		if r.wait(200 * time.Millisecond); r.inboxLen(to) > 0 {
			return
		}
	}
}

// afterRestart runs a test with a call that a restart has kept.
func afterRestart(t *testing.T, f func(n *rig, alice, bob *leg)) {
	t.Helper()
	both(t, func(r *rig, _ bool) {
		alice, bob := r.establish().legs()
		r.restart(0, func(n *rig) { f(n, alice, bob) })
	})
}

// TestProbeSilence: neither party says a word: the call is over.
func TestProbeSilence(t *testing.T) {
	afterRestart(t, func(n *rig, _, _ *leg) {
		n.probed()
		n.wait(33 * time.Second)
		for strings.HasPrefix(n.peek(pbxAddr), "OPTIONS ") {
			n.out(pbxAddr)
		}
		for strings.HasPrefix(n.peek(aliceAddr), "OPTIONS ") {
			n.out(aliceAddr)
		}
		n.gone(policy.PartiesGone)
	})
}

// TestProbeUnknown: one of the parties knows no such call.
func TestProbeUnknown(t *testing.T) {
	for _, caller := range []bool{false, true} {
		afterRestart(t, func(n *rig, _, _ *leg) {
			toBob, toAlice := n.probed()
			if caller {
				n.in(pbxAddr, answer(toBob, "200 OK", ""))
				n.in(aliceAddr, answer(toAlice, "481 No Call", ""))
			} else {
				n.in(pbxAddr, answer(toBob, "481 No Call", ""))
			}
			n.gone(policy.PartiesGone)
		})
	}
}

// TestProbeAlive: one party that is there keeps the call, whatever it says of OPTIONS;
// our question has its number in the dialog, also after another restart.
func TestProbeAlive(t *testing.T) {
	for _, caller := range []bool{false, true} {
		for _, status := range []string{"200 OK", "405 Not Allowed", "500 Oops"} {
			afterRestart(t, func(n *rig, alice, bob *leg) {
				toBob, toAlice := n.probed()
				if header(toBob, "Call-ID") != bob.callID || header(toBob, "To") != bob.local || header(toBob, "CSeq") != "8 OPTIONS" ||
					header(toAlice, "To") != alice.local || header(toAlice, "From") != alice.remote {
					n.t.Errorf("not the parties' dialogs:\n%s%s", toBob, toAlice)
				}
				if caller {
					n.in(aliceAddr, answer(toAlice, status, ""))
				} else {
					n.in(pbxAddr, answer(toBob, status, ""))
				}
				n.wait(10 * time.Minute)
				n.drain(pbxAddr)
				n.drain(aliceAddr)
				if n.calls.Live() != 1 {
					n.t.Fatal("the call has ended")
				}
				n.restart(0, func(n *rig) {
					info, _ := n.asks(alice, "INFO", "", pbxAddr, "200 OK")
					if header(info, "CSeq") != "9 INFO" {
						n.t.Errorf("CSeq %s after our own 8", header(info, "CSeq"))
					}
					n.ends(bob, aliceAddr)
					n.over(200)
				})
			})
		}
	}
}

// TestProbeNotNeeded: something was heard of the call, of either party.
func TestProbeNotNeeded(t *testing.T) {
	for _, caller := range []bool{false, true} {
		afterRestart(t, func(n *rig, alice, bob *leg) {
			if caller {
				n.asks(alice, "INFO", "", pbxAddr, "200 OK")
			} else {
				n.asks(bob, "INFO", "", aliceAddr, "200 OK")
			}
			n.wait(10 * time.Minute)
			n.nothing(pbxAddr)
			n.nothing(aliceAddr)
			n.ends(alice, pbxAddr)
			n.over(200)
		})
	}
}

// TestProbeUnsendable: nothing can be sent to one party, or to both.
func TestProbeUnsendable(t *testing.T) {
	afterRestart(t, func(n *rig, alice, _ *leg) {
		n.unsendable(true, aliceAddr)
		n.wait(time.Minute)
		n.until(pbxAddr)
		n.in(pbxAddr, answer(n.want(pbxAddr, "OPTIONS "), "200 OK", ""))
		n.wait(time.Minute)
		n.unsendable(false, aliceAddr)
		n.drain(pbxAddr)
		n.ends(alice, pbxAddr)
		n.over(200)
	})
	afterRestart(t, func(n *rig, _, _ *leg) {
		n.unsendable(true, aliceAddr, pbxAddr)
		n.wait(2 * time.Minute)
		if len(n.ended) != 1 || n.ended[0].Reason != policy.PartiesGone {
			n.t.Errorf("ended as %+v", n.ended)
		}
		n.over(200)
	})
}

func (r *rig) peek(a interface{ String() string }) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, v := range r.inbox {
		if k.String() == a.String() && len(v) > 0 {
			return v[0]
		}
	}
	return ""
}

// TestRestartSubscription: after its 2xx, a NOTIFY, a refresh and an un-subscribe.
func TestRestartSubscription(t *testing.T) {
	for i, do := range []func(r *rig, alice, bob *leg){
		func(*rig, *leg, *leg) {},
		func(r *rig, _, bob *leg) { r.asks(bob, "NOTIFY", active, aliceAddr, "200 OK") },
		func(r *rig, alice, _ *leg) {
			r.wait(5 * time.Minute)
			refresh := r.says(alice, "SUBSCRIBE", "Event: dialog\nExpires: 600\n", pbxAddr)
			r.in(pbxAddr, answer(refresh, "200 OK", "Expires: 600\n"))
			r.want(aliceAddr, "SIP/2.0 200 ")
		},
	} {
		t.Run(itoa(i), func(t *testing.T) {
			both(t, func(r *rig, _ bool) {
				alice, bob := r.subscribes()
				do(r, alice, bob)
				r.wait(5 * time.Minute)
				r.restart(time.Second, func(n *rig) {
					if n.calls.Subscriptions() != 1 || n.calls.Live() != 0 || n.live.Usage(customerScope).Calls != 0 {
						n.t.Fatalf("%d subscriptions, %d calls", n.calls.Subscriptions(), n.calls.Live())
					}
					n.wait(280 * time.Second) // and no probe, no end before its time
					n.nothing(pbxAddr)
					n.asks(bob, "NOTIFY", active, aliceAddr, "200 OK")
					n.asks(alice, "SUBSCRIBE", "Event: dialog\nExpires: 600\n", pbxAddr, "200 OK")
					n.terminates(bob)
				})
				r.restart(20*time.Minute, func(n *rig) {
					n.wait(time.Second)
					n.refused(bob, "NOTIFY", active, "481")
					n.quiet()
				})
			})
		})
	}
}

// TestRestartBeforeSubscribed: a NOTIFY came, the 2xx not yet: nothing is kept, since
// nobody could say how long it lasts.
func TestRestartBeforeSubscribed(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, subscribe)
		bob := uas(pbxAddr, r.want(pbxAddr, "SUBSCRIBE "), "bob")
		r.asks(bob, "NOTIFY", active, aliceAddr, "200 OK")
		r.restart(0, func(n *rig) {
			n.refused(bob, "NOTIFY", active, "481")
			n.quiet()
		})
	})
}

// TestRestartForkedSubscription: one of two notifiers has ended.
func TestRestartForkedSubscription(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		_, bob := r.subscribes()
		carol := *bob
		carol.local = strings.Replace(bob.local, "tag=bob", "tag=carol", 1)
		r.asks(&carol, "NOTIFY", active, aliceAddr, "200 OK")
		r.asks(&carol, "NOTIFY", ended, aliceAddr, "200 OK")
		r.restart(0, func(n *rig) { n.terminates(bob) })
	})
}

// TestRestartRefer: a REFER was accepted; its NOTIFYs may come after the BYE, and after
// the restart between the two.
func TestRestartRefer(t *testing.T) {
	eachParty(t, func(r *rig, from, to *leg) {
		r.asks(from, "REFER", toCarol, to.at, "202 Accepted")
		r.restart(0, func(n *rig) {
			n.ends(from, to.at)
			n.asks(to, "NOTIFY", trying, from.at, "200 OK")
			n.restart(0, func(n *rig) {
				if n.calls.Live() != 0 || n.calls.Subscriptions() != 0 || n.live.Usage(customerScope).Calls != 0 {
					n.t.Errorf("%d calls", n.calls.Live())
				}
				n.asks(to, "NOTIFY", referred, from.at, "200 OK")
				n.quiet()
			})
			n.restart(6*time.Minute, func(n *rig) {
				n.wait(time.Second)
				n.refused(to, "NOTIFY", referred, "481")
				n.quiet()
			})
		})
		r.asks(to, "NOTIFY", referred, from.at, "200 OK")
		r.restart(0, func(n *rig) {
			n.ends(from, to.at)
			n.refused(to, "NOTIFY", referred, "481")
			n.over(200)
		})
	})
}

// TestRestartReplaces: calls of before the restart are named as well.
func TestRestartReplaces(t *testing.T) {
	acrossShards(t, func(r *rig, second string) {
		a1, _ := r.callsIn("first@198.51.100.7", "3401")
		a2, b2 := r.callsIn(second, "3402")
		r.restart(0, func(n *rig) {
			n.in(aliceAddr, a1.next("REFER", "Refer-To: <"+a2.target+"?Replaces="+escaped(a2.replaces())+">\n"))
			n.settled()
			refer := n.want(pbxAddr, "REFER ")
			if uri, got := replacesIn(n.t, header(refer, "Refer-To")); uri != "sip:3402@acme.test" || got != b2.asPeer() {
				n.t.Errorf("%s, Replaces %s, want %s", uri, got, b2.asPeer())
			}
			n.in(pbxAddr, answer(refer, "603 Decline", ""))
			n.want(aliceAddr, "SIP/2.0 603 ")
			n.ends(a1, pbxAddr)
			n.ends(b2, aliceAddr)
			n.quiet()
		})
	})
}

// TestRestartPhones: calls to and from phones; one registers from elsewhere after the
// restart, another is silent.
func TestRestartPhones(t *testing.T) {
	for _, out := range []bool{false, true} {
		for _, moves := range []bool{false, true} {
			both(t, func(r *rig, _ bool) {
				p := r.register("3401", 1)
				var pbx *leg
				if out {
					_, pbx = p.callFrom("w1")
				} else {
					pbx, _ = p.callTo("w1")
				}
				token := p.token
				r.restart(0, func(n *rig) {
					p.r = n
					if moves {
						p.register(port(p.at, 45678), 3600)
						if p.token != token {
							n.t.Error("another token")
						}
					}
					n.asks(pbx, "INFO", "", p.at, "200 OK")
					n.ends(pbx, p.at)
					n.over(200)
				})
			})
		}
	}
}

// TestRestartCustomerGone: nobody's calls are not restored.
func TestRestartCustomerGone(t *testing.T) {
	run(t, false, func(r *rig) {
		r.establish()
		for id, data := range r.book.kept {
			n := newRig(t, false, 0)
			n.table.Remove(1)
			if err := n.calls.Restore(id, data); err == nil || n.calls.Used() != 0 || n.calls.Live() != 0 {
				t.Errorf("restored: %v, %d cells", err, n.calls.Used())
			}
		}
	})
}
