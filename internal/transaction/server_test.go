package transaction_test

import (
	"strings"
	"testing"
	"time"

	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// TestTrying: a 100 goes out when nothing else does within 200 ms (RFC 3261 17.2.1),
// with received, without a tag, and answers retransmissions.
func TestTrying(t *testing.T) {
	run(t, func(r *rig) {
		r.in(near, inviteText)
		r.want("request INVITE")
		r.in(near, inviteText) // absorbed, not answered yet
		r.want()
		r.sends()
		r.wait(200 * ms)
		trying := r.sends("SIP/2.0 100 ")[0]
		if strings.Contains(trying.text, ";tag=b") || trying.to != near.Remote {
			t.Errorf("100 to %s:\n%s", trying.to, trying.text)
		}
		r.in(near, inviteText)
		r.sends("SIP/2.0 100 ")
		r.want()
	})
}

func TestNoTryingAfterRinging(t *testing.T) {
	run(t, func(r *rig) {
		r.in(near, inviteText)
		r.respond(180, "180 Ringing")
		r.wait(5 * time.Second)
		r.in(near, inviteText)
		r.sends("SIP/2.0 180 ", "SIP/2.0 180 ")
	})
}

// TestTimersGH: RFC 3261 17.2.1: a refusal is sent again until its ACK comes, for 64*T1.
func TestTimersGH(t *testing.T) {
	run(t, func(r *rig) {
		r.in(near, inviteText)
		r.respond(486, "")
		r.wait(31900 * ms)
		r.times("SIP/2.0 486", 500*ms, seconds(0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5)...)
		r.in(near, inviteText)
		r.sends("SIP/2.0 486")
		r.wait(200 * ms)
		r.empty()
		r.want("request INVITE")
	})
}

// TestTimerI: an ACK ends the retransmissions, and absorbs its own for T4.
func TestTimerI(t *testing.T) {
	run(t, func(r *rig) {
		r.in(near, inviteText)
		r.respond(486, "")
		r.in(near, asMethod("ACK"))
		r.wait(4900 * ms)
		r.sends("SIP/2.0 486")
		r.in(near, asMethod("ACK"))
		r.in(near, inviteText) // confirmed: nothing any more
		r.sends()
		r.wait(200 * ms)
		r.empty()
		r.want("request INVITE")
	})
}

// TestReliableServer: timers G, I and J are 0; H is not.
func TestReliableServer(t *testing.T) {
	run(t, func(r *rig) {
		tcp := over(near, transport.TCP)
		r.in(tcp, inviteText)
		r.respond(486, "")
		r.wait(31 * time.Second)
		r.sends("SIP/2.0 486")
		r.in(tcp, asMethod("ACK"))
		r.empty()
		r.in(tcp, asMethod("OPTIONS"))
		r.respond(200, "200 OK")
		r.empty()
		r.in(tcp, strings.Replace(inviteText, "z9hG4bKa", "z9hG4bKb", 1))
		r.respond(486, "")
		r.wait(33 * time.Second)
		r.empty()
		r.want("request INVITE", "request OPTIONS", "request INVITE")
	})
}

// TestTimerL: after a 2xx the INVITE is absorbed without an answer, further 2xx pass,
// and an ACK with the INVITE's own branch goes to the core (RFC 6026 7.1, 8.7).
func TestTimerL(t *testing.T) {
	for _, proto := range []transport.Proto{transport.UDP, transport.TCP} {
		run(t, func(r *rig) {
			f := over(near, proto)
			r.in(f, inviteText)
			r.respond(200, "200 OK")
			r.in(f, inviteText)
			r.respond(200, "200 OK")
			r.respond(486, "")
			r.sends("SIP/2.0 200", "SIP/2.0 200")
			r.in(f, asMethod("ACK"))
			r.want("request INVITE", "ack")
			r.do(func(sh *transaction.Shard) { sh.Resend(r.server) })
			r.sends("SIP/2.0 200")
			r.do(func(sh *transaction.Shard) { sh.DropAnswer(r.server); sh.Resend(r.server) })
			r.wait(31 * time.Second)
			r.sends()
			r.wait(2 * time.Second)
			r.empty()
		})
	}
}

// TestTimerJ: a non-INVITE is answered again for 64*T1 (RFC 3261 17.2.2).
func TestTimerJ(t *testing.T) {
	run(t, func(r *rig) {
		r.in(near, asMethod("OPTIONS"))
		r.in(near, asMethod("OPTIONS"))
		r.wait(time.Second)
		r.sends() // no 100, no answer to what is not answered
		r.respond(200, "200 OK")
		r.wait(31 * time.Second)
		r.in(near, asMethod("OPTIONS"))
		r.respond(404, "")
		r.sends("SIP/2.0 200", "SIP/2.0 200")
		r.wait(2 * time.Second)
		r.empty()
		r.want("request OPTIONS")
	})
}

// TestCancel: answered 200 with the tag of the 487; told once; the user ends the INVITE.
func TestCancel(t *testing.T) {
	run(t, func(r *rig) {
		r.in(near, inviteText)
		r.in(near, asMethod("CANCEL"))
		r.in(near, asMethod("CANCEL"))
		r.want("request INVITE", "canceled 42")
		r.respond(487, "")
		list := r.sends("SIP/2.0 200", "SIP/2.0 200", "SIP/2.0 487")
		if tagOf(list[0].text) == "" || tagOf(list[0].text) != tagOf(list[2].text) {
			t.Errorf("tags %q and %q differ (RFC 3261 9.2)", tagOf(list[0].text), tagOf(list[2].text))
		}
		r.in(near, asMethod("ACK"))
		r.in(near, asMethod("CANCEL")) // too late, but known
		r.sends("SIP/2.0 200")
		r.wait(10 * time.Second)
		r.empty()
		r.want()
	})
}

func tagOf(text string) string {
	_, rest, _ := strings.Cut(text, "To: <sip:bob@b.test>;tag=")
	tag, _, _ := strings.Cut(rest, "\r\n")
	return tag
}

// TestCancelForged: another source, branch or sent-by ends nobody's call, and gets 481.
func TestCancelForged(t *testing.T) {
	run(t, func(r *rig) {
		r.in(near, inviteText)
		r.in(other, asMethod("CANCEL"))
		r.in(near, strings.Replace(asMethod("CANCEL"), "z9hG4bKa", "z9hG4bKb", 1))
		r.in(near, strings.Replace(asMethod("CANCEL"), "198.51.100.7:5062", "198.51.100.7:5063", 1))
		r.in(near, strings.Replace(asMethod("CANCEL"), "Via: SIP/2.0/UDP 198.51.100.7", "Via: SIP/2.0/UDP 198.51.100.8", 1))
		r.want("request INVITE")
		r.sends("SIP/2.0 481", "SIP/2.0 481", "SIP/2.0 481", "SIP/2.0 481")
	})
}

// TestCancelAfterAnswer has no effect (RFC 3261 9.2).
func TestCancelAfterAnswer(t *testing.T) {
	run(t, func(r *rig) {
		r.in(near, inviteText)
		r.respond(200, "200 OK")
		r.in(near, asMethod("CANCEL"))
		r.sends("SIP/2.0 200", "SIP/2.0 200")
		r.want("request INVITE")
	})
}

// TestOldClients: without a magic cookie a request is matched by Call-ID, From tag, CSeq
// and top Via (RFC 3261 17.2.3).
func TestOldClients(t *testing.T) {
	old := func(text string) string { return strings.Replace(text, ";branch=z9hG4bKa", ";branch=1", 1) }
	run(t, func(r *rig) {
		r.in(near, old(inviteText))
		r.in(near, old(inviteText))
		r.want("request INVITE")
		r.in(near, strings.Replace(old(inviteText), "CSeq: 7", "CSeq: 8", 1))
		r.want("request INVITE")
		r.in(near, old(asMethod("CANCEL")))
		r.want("canceled 42")
		r.respond(487, "")
	})
}

// TestSentByIsFolded: host names are compared without regard to case, branches too.
func TestSentByIsFolded(t *testing.T) {
	run(t, func(r *rig) {
		named := strings.Replace(inviteText, "UDP 198.51.100.7", "UDP Phone.Test", 1)
		r.in(near, named)
		r.in(near, strings.Replace(named, "Phone.Test", "pHONE.tEST", 1))
		r.want("request INVITE")
	})
}

// TestAckNobodyWaitsFor goes to the core: it may be a 2xx's.
func TestAckNobodyWaitsFor(t *testing.T) {
	run(t, func(r *rig) {
		r.in(near, asMethod("ACK"))
		r.want("ack")
		r.sends()
		r.empty()
	})
}

// TestStateless: what is answered without a transaction leaves nothing and says the
// same each time.
func TestStateless(t *testing.T) {
	run(t, func(r *rig) {
		r.accept = false
		for range 2 {
			r.in(near, inviteText)
		}
		r.do(func(sh *transaction.Shard) {
			var m sip.Message
			if err := m.Parse([]byte(strings.ReplaceAll(inviteText, "\n", "\r\n"))); err != nil {
				t.Fatal(err)
			}
			sh.Reply(&m, near, &sip.Response{Status: 403})
			sh.Reply(&m, near, &sip.Response{Status: 403})
		})
		list := r.sends("SIP/2.0 403", "SIP/2.0 403")
		if list[0].text != list[1].text || tagOf(list[0].text) == "" {
			t.Error("two answers, or no tag")
		}
		r.empty()
	})
}

// TestFullOfServers: a full shard says so, and the user can answer without state.
func TestFullOfServers(t *testing.T) {
	run(t, func(r *rig) {
		for i := range 9 {
			r.in(near, strings.Replace(asMethod("OPTIONS"), "z9hG4bKa", "z9hG4bKa"+string(rune('a'+i)), 1))
		}
		if r.server != 0 {
			t.Error("a ninth server transaction of eight")
		}
		if got := r.layer.Stats(0).Servers; got != 8 {
			t.Errorf("%d cells", got)
		}
	})
}

// TestUserTimer fires once, not before its time, and not after Stop.
func TestUserTimer(t *testing.T) {
	run(t, func(r *rig) {
		var id transaction.TimerID
		r.do(func(sh *transaction.Shard) {
			sh.After(time.Second, r.user, 3, 7)
			id = sh.After(time.Second, r.user, 4, 8)
		})
		r.wait(999 * ms)
		r.do(func(sh *transaction.Shard) { sh.Stop(&id) })
		r.want()
		r.wait(50 * ms)
		r.want("timer 3 7")
		r.wait(time.Minute)
		r.want()
	})
}

// TestEndedIsForgotten: once its transaction has ended, what looks like it is a new request, also
// where the cell is free still.
func TestEndedIsForgotten(t *testing.T) {
	run(t, func(r *rig) {
		for range 3 {
			r.in(near, asMethod("OPTIONS"))
			r.want("request OPTIONS")
			r.respond(200, "200 OK")
			r.in(near, asMethod("OPTIONS"))
			r.want()
			r.wait(33 * time.Second)
			r.empty()
		}
	})
}
