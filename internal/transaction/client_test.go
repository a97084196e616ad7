package transaction_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

const ms = time.Millisecond

func seconds(list ...float64) (out []time.Duration) {
	for _, s := range list {
		out = append(out, time.Duration(s*float64(time.Second)))
	}
	return out
}

// TestTimersAB: RFC 3261 17.1.1.2: 7 INVITEs, then it is given up after 64*T1.
func TestTimersAB(t *testing.T) {
	run(t, func(r *rig) {
		r.send(sip.INVITE, far, 1)
		r.wait(31900 * ms)
		r.times("INVITE", 300*ms, seconds(0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5)...)
		r.want()
		r.wait(200 * ms)
		r.want("failed 1")
		r.empty()
	})
}

// TestTimersEF: RFC 3261 17.1.2.2: 11 requests, each at most T2 after the last.
func TestTimersEF(t *testing.T) {
	run(t, func(r *rig) {
		r.send(sip.OPTIONS, far, 1)
		r.wait(31900 * ms)
		r.times("OPTIONS", 500*ms, seconds(0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5)...)
		r.wait(200 * ms)
		r.want("failed 1")
		r.empty()
	})
}

// TestTimerEProceeding: after a provisional response T2 is the interval.
func TestTimerEProceeding(t *testing.T) {
	run(t, func(r *rig) {
		_, request := r.send(sip.OPTIONS, far, 1)
		r.in(far, answer(request, "100 Trying"))
		r.want("100 to 1") // a sign of life
		r.wait(9 * time.Second)
		r.times("OPTIONS", 200*ms, seconds(0, 0.5, 4.5, 8.5)...)
		r.in(far, answer(request, "182 Queued"))
		r.want("182 to 1")
		r.wait(24 * time.Second)
		r.want("failed 1")
		r.empty()
	})
}

func TestReliableIsNotRetransmitted(t *testing.T) {
	for _, proto := range []transport.Proto{transport.TCP, transport.TLS} {
		for _, method := range []sip.Method{sip.INVITE, sip.OPTIONS} {
			run(t, func(r *rig) {
				r.send(method, over(far, proto), 1)
				r.wait(31900 * ms)
				r.sends(method.String())
				r.wait(200 * ms)
				r.want("failed 1") // B and F run all the same
				r.empty()
			})
		}
	}
}

// TestTimerC: 100 starts it, each 18x starts it anew, 100 does not; then CANCEL, and
// 64*T1 for the end (RFC 3261 16.6 step 11, 16.8, 9.1).
func TestTimerC(t *testing.T) {
	run(t, func(r *rig) {
		_, invite := r.send(sip.INVITE, far, 1)
		r.in(far, answer(invite, "100 Trying"))
		r.want("100 to 1")
		r.wait(150 * time.Second)
		r.in(far, answer(invite, "180 Ringing"))
		r.want("180 to 1")
		r.wait(150 * time.Second)
		r.in(far, answer(invite, "100 Trying"))
		r.want("100 to 1")
		r.sends("INVITE") // no retransmission after a 1xx
		r.wait(34 * time.Second)
		r.sends()
		r.wait(1300 * ms)
		c := r.sends("CANCEL")[0]
		r.in(far, answer(c.text, "200 OK"))
		r.want()
		r.wait(33 * time.Second)
		r.want("failed 1")
		r.wait(40 * time.Second)
		r.empty()
	})
}

// TestRefusal: each retransmission of a refusal is ACKed again, for timer D (32 s);
// only the first is told.
func TestRefusal(t *testing.T) {
	run(t, func(r *rig) {
		_, invite := r.send(sip.INVITE, far, 1)
		r.sends("INVITE")
		r.in(far, answer(invite, "486 Busy Here"))
		r.want("486 to 1")
		ack := r.sends("ACK sip:bob@b.test SIP/2.0\r\n")[0].text
		for _, line := range []string{tagged + "\r\n", "Route: <sip:p.test;lr>\r\n", "CSeq: 7 ACK\r\n", "Call-ID: c1\r\n", "From: <sip:a@a.test>;tag=a\r\n"} {
			if !strings.Contains(ack, line) {
				t.Errorf("no %q in\n%s", line, ack)
			}
		}
		if strings.Count(ack, "Via: ") != 1 || viaOf(ack) != viaOf(strings.ReplaceAll(invite, "\n", "\r\n")) {
			t.Error("the ACK's branch must be the INVITE's (RFC 3261 17.1.1.3)")
		}
		r.wait(31 * time.Second)
		r.in(far, answer(invite, "486 Busy Here"))
		r.in(far, answer(invite, "180 Ringing"))
		r.in(far, answer(invite, "200 OK"))
		r.want()
		r.sends("ACK")
		r.wait(2 * time.Second)
		r.empty()
	})
}

func viaOf(text string) string {
	_, rest, _ := strings.Cut(text, "Via: ")
	line, _, _ := strings.Cut(rest, "\r\n")
	return line
}

// TestReliableEndsAtOnce: timers D and K are 0.
func TestReliableEndsAtOnce(t *testing.T) {
	run(t, func(r *rig) {
		_, invite := r.send(sip.INVITE, over(far, transport.TCP), 1)
		r.in(far, answer(invite, "486 Busy Here"))
		r.want("486 to 1")
		r.sends("INVITE", "ACK")
		r.empty()
		_, options := r.send(sip.OPTIONS, over(far, transport.TLS), 2)
		r.in(far, answer(options, "200 OK"))
		r.want("200 to 2")
		r.empty()
	})
}

// TestTimerK: a retransmitted final response is absorbed, though nothing waits for it.
func TestTimerK(t *testing.T) {
	run(t, func(r *rig) {
		_, options := r.send(sip.OPTIONS, far, 1)
		r.in(far, answer(options, "404 Not Found"))
		r.want("404 to 1")
		r.empty()
		r.in(far, answer(options, "404 Not Found"))
		r.in(far, answer(options, "200 OK"))
		r.want() // no stray: that is an INVITE's only
		r.wait(40 * time.Second)
		r.want()
	})
}

// TestTimerM: every 2xx to an INVITE is told, of whichever fork, for 64*T1 after the
// first (RFC 6026 7.2, 8.4); a refusal behind a 2xx is not.
func TestTimerM(t *testing.T) {
	for _, proto := range []transport.Proto{transport.UDP, transport.TCP} {
		run(t, func(r *rig) {
			_, invite := r.send(sip.INVITE, over(far, proto), 1)
			r.in(far, answer(invite, "200 OK"))
			r.in(far, answer(invite, "200 OK"))
			r.in(far, answer(invite, "180 Ringing"))
			r.in(far, answer(invite, "486 Busy Here"))
			r.wait(31900 * ms)
			r.in(far, answer(invite, "200 OK"))
			r.want("200 to 1", "200 to 1", "200 to 1")
			r.sends("INVITE")
			r.wait(200 * ms)
			r.want("ended 1")
			r.empty()
			r.in(far, answer(invite, "200 OK"))
			r.want("stray 200")
		})
	}
}

// TestCancelWaits: no CANCEL before a provisional response (RFC 3261 9.1).
func TestCancelWaits(t *testing.T) {
	run(t, func(r *rig) {
		id, invite := r.send(sip.INVITE, far, 1)
		r.do(func(sh *transaction.Shard) { sh.Cancel(id) })
		r.sends("INVITE")
		r.in(far, answer(invite, "100 Trying"))
		c := r.sends("CANCEL sip:bob@b.test SIP/2.0\r\n")[0].text
		if viaOf(c) != viaOf(strings.ReplaceAll(invite, "\n", "\r\n")) || !strings.Contains(c, "Route: <sip:p.test;lr>\r\n") ||
			!strings.Contains(c, "CSeq: 7 CANCEL\r\n") || strings.Contains(c, "tag=b") {
			t.Errorf("not as RFC 3261 9.1 has it:\n%s", c)
		}
		r.do(func(sh *transaction.Shard) { sh.Cancel(id) }) // once is enough
		r.in(far, answer(c, "200 OK"))
		r.in(far, answer(invite, "487 Request Terminated"))
		r.want("487 to 1")
		r.sends("ACK")
		r.wait(40 * time.Second)
		r.sends()
		r.empty()
	})
}

// TestCancelIsRetransmitted until it is answered, and times out by itself.
func TestCancelIsRetransmitted(t *testing.T) {
	run(t, func(r *rig) {
		id, invite := r.send(sip.INVITE, far, 1)
		r.in(far, answer(invite, "180 Ringing"))
		r.do(func(sh *transaction.Shard) { sh.Cancel(id) })
		r.wait(2 * time.Second)
		r.sends("INVITE", "CANCEL", "CANCEL", "CANCEL")
		r.in(far, answer(strings.ReplaceAll(invite, "INVITE", "CANCEL"), "200 OK"))
		r.wait(29 * time.Second)
		r.sends()
		r.want("180 to 1")
		r.wait(2 * time.Second)
		r.want("failed 1")
		r.wait(10 * time.Second)
		r.empty()
	})
}

// TestCancelMeetsAnswer: the 2xx of a cancelled INVITE is its user's to end.
func TestCancelMeetsAnswer(t *testing.T) {
	run(t, func(r *rig) {
		id, invite := r.send(sip.INVITE, far, 1)
		r.in(far, answer(invite, "180 Ringing"))
		r.do(func(sh *transaction.Shard) { sh.Cancel(id) })
		r.in(far, answer(invite, "200 OK"))
		r.want("180 to 1", "200 to 1")
		r.wait(40 * time.Second)
		r.want("ended 1")
		r.empty()
	})
}

// TestAbandonedInvite is not sent again, is cancelled, and its 2xx is a stray.
func TestAbandonedInvite(t *testing.T) {
	run(t, func(r *rig) {
		id, invite := r.send(sip.INVITE, far, 1)
		r.do(func(sh *transaction.Shard) { sh.Abandon(id) })
		r.wait(10 * time.Second)
		r.sends("INVITE")
		r.in(far, answer(invite, "180 Ringing"))
		r.sends("CANCEL")
		r.in(far, answer(invite, "200 OK"))
		r.in(far, answer(invite, "200 OK"))
		r.want("stray 200", "stray 200")
		r.wait(40 * time.Second)
		r.want()
		r.empty()
	})
}

// TestAbandonedSilent: one that nothing ever answers ends without a word.
func TestAbandonedSilent(t *testing.T) {
	run(t, func(r *rig) {
		id, _ := r.send(sip.INVITE, far, 1)
		r.do(func(sh *transaction.Shard) { sh.Abandon(id) })
		r.wait(33 * time.Second)
		r.want()
		r.empty()
	})
}

// TestAbandonedMessage went on to another destination: it must not be delivered by both.
func TestAbandonedMessage(t *testing.T) {
	for _, provisional := range []bool{false, true} {
		run(t, func(r *rig) {
			id, message := r.send(sip.MESSAGE, far, 1)
			if provisional {
				r.in(far, answer(message, "100 Trying"))
				r.want("100 to 1")
			}
			r.do(func(sh *transaction.Shard) { sh.Abandon(id) })
			r.wait(20 * time.Second)
			r.sends("MESSAGE")
			r.in(far, answer(message, "200 OK"))
			r.wait(20 * time.Second)
			r.want()
			r.empty()
		})
	}
}

// TestForgedResponses: what does not carry a branch of ours to the letter, or another
// CSeq method, dies.
func TestForgedResponses(t *testing.T) {
	run(t, func(r *rig) {
		_, invite := r.send(sip.INVITE, far, 1)
		ok := answer(invite, "200 OK")
		_, rest, _ := strings.Cut(invite, "branch=")
		branch := rest[:transaction.BranchLen]
		for i := len("z9hG4bK"); i < len(branch); i++ {
			forged := []byte(branch)
			forged[i] ^= 1
			r.in(other, strings.Replace(ok, branch, string(forged), 1))
		}
		r.in(other, strings.Replace(ok, branch, "z9hG4bK", 1))
		r.in(other, strings.Replace(ok, branch, branch[:len(branch)-1], 1))
		r.in(other, strings.Replace(ok, "7 INVITE", "7 OPTIONS", 1))
		r.in(other, strings.Replace(ok, "7 INVITE", "7 CANCEL", 1))
		r.in(other, strings.Replace(ok, "SIP/2.0 200", "SIP/2.0 000", 1))
		r.in(other, strings.Replace(ok, "SIP/2.0 200", "SIP/2.0 999", 1))
		r.want()
		r.in(far, ok)
		r.want("200 to 1")
	})
}

// TestAckBranch: a 2xx that carries the branch of an ACK of ours answers nothing.
func TestAckBranch(t *testing.T) {
	run(t, func(r *rig) {
		var branch string
		r.do(func(sh *transaction.Shard) { branch = string(sh.AppendFreeBranch(nil)) })
		_, invite := r.send(sip.INVITE, far, 1)
		_, rest, _ := strings.Cut(invite, "branch=")
		r.in(far, answer(strings.Replace(invite, rest[:transaction.BranchLen], branch, 1), "200 OK"))
		r.want()
	})
}

// TestOldBranch: a cell's next owner hears nothing of what answers the last one.
func TestOldBranch(t *testing.T) {
	run(t, func(r *rig) {
		_, first := r.send(sip.OPTIONS, over(far, transport.TCP), 1)
		r.in(far, answer(first, "200 OK"))
		r.want("200 to 1")
		_, second := r.send(sip.OPTIONS, over(far, transport.TCP), 2)
		r.in(far, answer(first, "486 Busy Here"))
		r.want()
		r.in(far, answer(second, "200 OK"))
		r.want("200 to 2")
	})
}

func TestSendingFails(t *testing.T) {
	run(t, func(r *rig) {
		r.broken = true
		r.send(sip.INVITE, far, 1)
		r.want("not sent: broken")
		r.empty()
	})
}

// TestFull: a full shard takes no more, and is as good as new when it empties.
func TestFull(t *testing.T) {
	run(t, func(r *rig) {
		for range 8 {
			r.send(sip.OPTIONS, far, 1)
		}
		r.do(func(sh *transaction.Shard) {
			if id := sh.NewClient(r.user, 1); id != 0 {
				t.Error("a ninth cell of eight")
			}
		})
		r.wait(33 * time.Second)
		r.empty()
		r.do(func(sh *transaction.Shard) {
			id := sh.NewClient(r.user, 1)
			if id == 0 {
				t.Error("no cell")
			}
			sh.Forget(id)
			sh.Forget(id) // twice does no harm
		})
		r.empty()
	})
}

// TestUnreachable is told for what nothing has answered yet, once in a while.
func TestUnreachable(t *testing.T) {
	run(t, func(r *rig) {
		_, ringing := r.send(sip.INVITE, far, 1)
		r.in(far, answer(ringing, "180 Ringing"))
		r.want("180 to 1")
		r.send(sip.INVITE, far, 2)
		r.send(sip.MESSAGE, far, 3)
		r.send(sip.MESSAGE, other, 4)
		r.layer.Unreachable(far.Remote)
		r.layer.Unreachable(far.Remote)
		r.want("unreachable 2", "unreachable 3")
	})
}

// TestUnreachableTogether looks once for all that were named within a little while, for whoever
// has an error come from each of many ports must not have all requests looked through as often.
func TestUnreachableTogether(t *testing.T) {
	run(t, func(r *rig) {
		r.send(sip.MESSAGE, far, 1)
		r.send(sip.MESSAGE, other, 2)
		for port := range uint16(900) {
			r.layer.Unreachable(netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), 1+port))
		}
		r.layer.Unreachable(far.Remote)
		r.layer.Unreachable(other.Remote)
		r.want()
		time.Sleep(200 * time.Millisecond)
		r.want("unreachable 1", "unreachable 2")
	})
}
