package gate_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

// Tests of subscriptions: SUBSCRIBE dialogs (RFC 6665), no call.

const subscribe = `SUBSCRIBE sip:3401@acme.test SIP/2.0
Via: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bKs1
From: "Alice" <sip:0409@acme.test>;tag=alice
To: <sip:3401@acme.test>
Call-ID: sub1@198.51.100.7
CSeq: 20 SUBSCRIBE
Contact: <sip:alice@198.51.100.7:5062>
Event: dialog
Expires: 600
Max-Forwards: 70
`

const (
	active = "Event: dialog\nSubscription-State: active;expires=600\n"
	ended  = "Event: dialog\nSubscription-State: terminated;reason=timeout\n"
)

func notifier(tag string) string { return "sip:" + tag + "@203.0.113.10:5060" }

// subscribes makes Alice subscribe; both dialogs are given.
func (r *rig) subscribes() (alice, bob *leg) {
	r.t.Helper()
	r.in(aliceAddr, subscribe)
	sub := r.want(pbxAddr, "SUBSCRIBE sip:3401@acme.test ")
	bob = uas(pbxAddr, sub, "bob")
	bob.contact = notifier("bob")
	r.in(pbxAddr, answer(sub, "200 OK", "Expires: 600\nContact: <"+notifier("bob")+">\n"))
	alice = uac(aliceAddr, r.want(aliceAddr, "SIP/2.0 200 "))
	alice.contact = "sip:alice@198.51.100.7:5062"
	return alice, bob
}

// terminates sends the last NOTIFY, and checks that nothing is left.
func (r *rig) terminates(bob *leg) {
	r.t.Helper()
	r.asks(bob, "NOTIFY", ended, aliceAddr, "200 OK")
	if n := r.calls.Subscriptions(); n != 0 {
		r.t.Errorf("%d subscriptions", n)
	}
	r.refused(bob, "NOTIFY", active, "481")
	r.quiet()
}

// TestSubscribe: 2xx, NOTIFYs, refreshes, the last NOTIFY; ids are each side's own.
func TestSubscribe(t *testing.T) {
	both(t, func(r *rig, hidden bool) {
		alice, bob := r.subscribes()
		if r.calls.Subscriptions() != 1 || r.calls.Live() != 0 {
			r.t.Fatalf("%d subscriptions, %d calls", r.calls.Subscriptions(), r.calls.Live())
		}
		for range 3 {
			notify, ok := r.asks(bob, "NOTIFY", active, aliceAddr, "200 OK")
			if header(notify, "Call-ID") != "sub1@198.51.100.7" || header(notify, "From") != alice.remote || header(notify, "To") != alice.local {
				t.Errorf("not Alice's dialog:\n%s", notify)
			}
			if header(ok, "Call-ID") != bob.callID || header(ok, "From") != bob.local || header(ok, "To") != bob.remote {
				t.Errorf("not the notifier's dialog:\n%s", ok)
			}
			if hidden {
				r.hides(notify, "203.0.113.10", "tag=bob")
				r.hides(bob.callID+bob.remote+bob.target+ok, "198.51.100.7", "alice@", "tag=alice", "sub1@")
			}
			r.wait(500 * time.Second)
			refresh := r.says(alice, "SUBSCRIBE", "Event: dialog\nExpires: 600\n", pbxAddr)
			if header(refresh, "CSeq") != itoa(alice.cseq)+" SUBSCRIBE" || header(refresh, "To") != bob.local {
				t.Errorf("not the dialog:\n%s", refresh)
			}
			r.in(pbxAddr, answer(refresh, "200 OK", "Expires: 600\nContact: <"+notifier("bob")+">\n"))
			r.want(aliceAddr, "SIP/2.0 200 ")
		}
		r.terminates(bob)
	})
}

// TestUnsubscribe: Expires 0, then the last NOTIFY.
func TestUnsubscribe(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		alice, bob := r.subscribes()
		r.asks(bob, "NOTIFY", active, aliceAddr, "200 OK")
		bye := r.says(alice, "SUBSCRIBE", "Event: dialog\nExpires: 0\n", pbxAddr)
		r.in(pbxAddr, answer(bye, "200 OK", "Expires: 0\n"))
		r.want(aliceAddr, "SIP/2.0 200 ")
		if r.calls.Subscriptions() != 1 {
			t.Error("gone before its last NOTIFY")
		}
		r.terminates(bob)
	})
}

// TestUnsubscribeSilence: the last NOTIFY never comes.
func TestUnsubscribeSilence(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		alice, _ := r.subscribes()
		bye := r.says(alice, "SUBSCRIBE", "Event: dialog\nExpires: 0\n", pbxAddr)
		r.in(pbxAddr, answer(bye, "200 OK", "Expires: 0\n"))
		r.want(aliceAddr, "SIP/2.0 200 ")
		r.wait(40 * time.Second)
		r.quiet()
	})
}

// TestPoll: a SUBSCRIBE with Expires 0 fetches the state once (RFC 6665 4.4.3).
func TestPoll(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, strings.Replace(subscribe, "Expires: 600", "Expires: 0", 1))
		sub := r.want(pbxAddr, "SUBSCRIBE ")
		bob := uas(pbxAddr, sub, "bob")
		r.in(pbxAddr, answer(sub, "200 OK", "Expires: 0\nContact: <"+notifier("bob")+">\n"))
		r.want(aliceAddr, "SIP/2.0 200 ")
		r.terminates(bob)
	})
}

// TestSubscriptionExpires: nobody says a word any more: it is known until its end and
// for the last NOTIFY a little longer.
func TestSubscriptionExpires(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		_, bob := r.subscribes()
		r.wait(600 * time.Second)
		r.asks(bob, "NOTIFY", active, aliceAddr, "200 OK")
		r.wait(40 * time.Second)
		r.refused(bob, "NOTIFY", ended, "481")
		r.quiet()
	})
}

// TestNotifyFirst: the NOTIFY overtakes the 2xx, which belongs to the same dialog.
func TestNotifyFirst(t *testing.T) {
	both(t, func(r *rig, hidden bool) {
		r.in(aliceAddr, subscribe)
		sub := r.want(pbxAddr, "SUBSCRIBE ")
		bob := uas(pbxAddr, sub, "bob")
		bob.contact = notifier("bob")
		notify := r.says(bob, "NOTIFY", active, aliceAddr)
		alice := uas(aliceAddr, notify, "")
		if hidden {
			r.hides(notify, "203.0.113.10", "tag=bob")
		}
		r.in(aliceAddr, answer(notify, "200 OK", "Contact: <sip:alice@198.51.100.7:5062>\n"))
		r.want(pbxAddr, "SIP/2.0 200 ")
		r.in(pbxAddr, answer(sub, "200 OK", "Expires: 600\nContact: <"+notifier("bob")+">\n"))
		ok := r.want(aliceAddr, "SIP/2.0 200 ")
		if header(ok, "To") != header(notify, "From") {
			t.Errorf("two dialogs: %s, %s", header(ok, "To"), header(notify, "From"))
		}
		// The dialog of the NOTIFY leads to the notifier, as RFC 6665 4.4.1 makes it.
		alice.cseq = 20
		refresh := r.says(alice, "SUBSCRIBE", "Event: dialog\nExpires: 600\n", pbxAddr)
		if !strings.HasPrefix(refresh, "SUBSCRIBE "+notifier("bob")+" ") {
			t.Errorf("to another:\n%s", refresh)
		}
		r.in(pbxAddr, answer(refresh, "200 OK", "Expires: 600\n"))
		r.want(aliceAddr, "SIP/2.0 200 ")
		r.terminates(bob)
	})
}

// TestNotifyEndsFirst: even the last NOTIFY comes before the 2xx.
func TestNotifyEndsFirst(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, subscribe)
		sub := r.want(pbxAddr, "SUBSCRIBE ")
		bob := uas(pbxAddr, sub, "bob")
		r.asks(bob, "NOTIFY", ended, aliceAddr, "200 OK")
		r.in(pbxAddr, answer(sub, "200 OK", "Expires: 600\nContact: <"+notifier("bob")+">\n"))
		r.want(aliceAddr, "SIP/2.0 200 ")
		r.wait(40 * time.Second)
		r.quiet()
	})
}

// TestForkedNotifiers: each one that answers has a dialog of its own, by its NOTIFY
// (RFC 6665 4.4.1); the subscription lives as long as one of them.
func TestForkedNotifiers(t *testing.T) {
	both(t, func(r *rig, hidden bool) {
		r.in(aliceAddr, subscribe)
		sub := r.want(pbxAddr, "SUBSCRIBE ")
		bob, carol := uas(pbxAddr, sub, "bob"), uas(pbxAddr, sub, "carol")
		bob.contact, carol.contact = notifier("bob"), notifier("carol")
		r.in(pbxAddr, answer(sub, "200 OK", "Expires: 600\nContact: <"+notifier("bob")+">\n"))
		alice := uac(aliceAddr, r.want(aliceAddr, "SIP/2.0 200 "))
		second := r.says(carol, "NOTIFY", active, aliceAddr)
		aliceToo := uas(aliceAddr, second, "")
		if header(second, "From") == alice.remote {
			t.Error("two notifiers in one dialog")
		}
		if hidden {
			r.hides(second, "203.0.113.10", "carol")
		}
		r.in(aliceAddr, answer(second, "200 OK", ""))
		r.want(pbxAddr, "SIP/2.0 200 ")
		r.asks(bob, "NOTIFY", active, aliceAddr, "200 OK")
		// The one that Alice does not want is ended, the other one stays for its time.
		aliceToo.cseq = 20
		end := r.says(aliceToo, "SUBSCRIBE", "Event: dialog\nExpires: 0\n", pbxAddr)
		if !strings.HasPrefix(end, "SUBSCRIBE "+notifier("carol")+" ") {
			t.Errorf("to another:\n%s", end)
		}
		r.in(pbxAddr, answer(end, "200 OK", "Expires: 0\n"))
		r.want(aliceAddr, "SIP/2.0 200 ")
		r.asks(carol, "NOTIFY", ended, aliceAddr, "200 OK")
		r.wait(5 * time.Minute)
		if r.calls.Subscriptions() != 1 {
			r.t.Fatal("it ended with one of its dialogs")
		}
		r.asks(bob, "NOTIFY", active, aliceAddr, "200 OK")
		r.terminates(bob)
	})
}

// TestForkEndsFirst: the notifier of the 2xx ends before that comes; another fork lives on.
func TestForkEndsFirst(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, subscribe)
		sub := r.want(pbxAddr, "SUBSCRIBE ")
		bob, carol := uas(pbxAddr, sub, "bob"), uas(pbxAddr, sub, "carol")
		r.asks(carol, "NOTIFY", active, aliceAddr, "200 OK")
		r.asks(bob, "NOTIFY", ended, aliceAddr, "200 OK")
		r.in(pbxAddr, answer(sub, "200 OK", "Expires: 600\nContact: <"+notifier("bob")+">\n"))
		r.want(aliceAddr, "SIP/2.0 200 ")
		r.wait(time.Minute)
		r.asks(carol, "NOTIFY", active, aliceAddr, "200 OK")
		r.terminates(carol)
	})
}

// TestNotifyOfStranger: who does not know the subscriber's tag makes no dialog; one who
// does, but speaks from elsewhere, is reached there only, whatever his Contact says.
func TestNotifyOfStranger(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		alice, bob := r.subscribes()
		forged := *bob
		forged.at, forged.local = carrierAddr, strings.Replace(bob.local, "tag=bob", "tag=m", 1)
		forged.contact = "sip:victim@198.51.100.200:5060"
		known := forged.remote
		forged.remote += "x"
		r.refused(&forged, "NOTIFY", active, "481")
		forged.remote = known
		notify := r.says(&forged, "NOTIFY", active, aliceAddr)
		there := uas(aliceAddr, notify, "")
		r.in(aliceAddr, answer(notify, "200 OK", ""))
		r.want(carrierAddr, "SIP/2.0 200 ")
		r.asks(there, "SUBSCRIBE", "Event: dialog\nExpires: 0\n", carrierAddr, "200 OK")
		r.nothing(netip.MustParseAddrPort("198.51.100.200:5060"))
		r.asks(&forged, "NOTIFY", ended, aliceAddr, "200 OK")
		r.asks(alice, "SUBSCRIBE", "Event: dialog\nExpires: 600\n", pbxAddr, "200 OK")
		r.terminates(bob)
	})
}

// TestTooManyNotifiers: ever new tags fill nothing.
func TestTooManyNotifiers(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		_, bob := r.subscribes()
		for i := range 40 {
			one := *bob
			one.local = strings.Replace(bob.local, "tag=bob", "tag=n"+itoa(i), 1)
			r.in(pbxAddr, one.next("NOTIFY", active))
			if got := r.out(aliceAddr); got != "" {
				r.in(aliceAddr, answer(got, "481 Not Mine", ""))
			}
		}
		if n := r.inboxLen(pbxAddr); n != 40 {
			t.Errorf("%d answers", n)
		}
		r.drain(pbxAddr)
		r.terminates(bob)
	})
}

// TestNotifyRefused: a subscriber that knows nothing of it ends it (RFC 6665 4.1.3),
// as does a notifier (4.1.2.2); another refusal does not.
func TestNotifyRefused(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		alice, bob := r.subscribes()
		r.asks(bob, "NOTIFY", active, aliceAddr, "500 Later")
		r.asks(alice, "SUBSCRIBE", "Event: dialog\nExpires: 600\n", pbxAddr, "500 Later")
		if r.calls.Subscriptions() != 1 {
			r.t.Fatal("ended")
		}
		r.asks(bob, "NOTIFY", active, aliceAddr, "481 Not Mine")
		r.quiet()
	})
	both(t, func(r *rig, _ bool) {
		alice, _ := r.subscribes()
		r.asks(alice, "SUBSCRIBE", "Event: dialog\nExpires: 600\n", pbxAddr, "481 Not Mine")
		r.quiet()
	})
}

// TestSubscribeChallenged: the retry with the next CSeq is the same subscriber to the PBX.
func TestSubscribeChallenged(t *testing.T) {
	for _, status := range []string{"401", "407"} {
		both(t, func(r *rig, _ bool) {
			r.in(aliceAddr, subscribe)
			first := r.want(pbxAddr, "SUBSCRIBE ")
			r.in(pbxAddr, answer(first, status+" No", "WWW-Authenticate: Digest realm=\"acme.test\", nonce=\"1\"\n"))
			no := r.want(aliceAddr, "SIP/2.0 "+status+" ")
			if header(no, "WWW-Authenticate") != `Digest realm="acme.test", nonce="1"` || r.calls.Subscriptions() != 0 {
				t.Errorf("%d subscriptions, and\n%s", r.calls.Subscriptions(), no)
			}
			r.in(aliceAddr, strings.NewReplacer("z9hG4bKs1", "z9hG4bKs2", "CSeq: 20", "CSeq: 21").Replace(subscribe))
			sub := r.want(pbxAddr, "SUBSCRIBE ")
			if header(sub, "CSeq") != "21 SUBSCRIBE" || header(sub, "Call-ID") != header(first, "Call-ID") || header(sub, "From") != header(first, "From") {
				t.Errorf("another subscriber:\n%s", sub)
			}
			bob := uas(pbxAddr, sub, "bob")
			r.in(pbxAddr, answer(sub, "202 Accepted", "Expires: 600\nContact: <"+notifier("bob")+">\n"))
			alice := uac(aliceAddr, r.want(aliceAddr, "SIP/2.0 202 "))
			r.asks(bob, "NOTIFY", active, aliceAddr, "200 OK")
			r.asks(alice, "SUBSCRIBE", "Event: dialog\nExpires: 600\n", pbxAddr, status+" No")
			r.asks(alice, "SUBSCRIBE", "Event: dialog\nExpires: 600\n", pbxAddr, "200 OK")
			r.terminates(bob)
		})
	}
}

// TestSubscribeRefused leaves nothing; a destination that is down leads to the next, and
// a notifier that has spoken for the first is forgotten.
func TestSubscribeRefused(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, subscribe)
		r.in(pbxAddr, answer(r.want(pbxAddr, "SUBSCRIBE "), "489 Bad Event", "Allow-Events: x\n"))
		if no := r.want(aliceAddr, "SIP/2.0 489 "); header(no, "Allow-Events") != "x" {
			t.Errorf("Allow-Events is lost:\n%s", no)
		}
		r.quiet()
		r.in(aliceAddr, strings.ReplaceAll(subscribe, "s1", "s2"))
		sub := r.want(pbxAddr, "SUBSCRIBE ")
		r.asks(uas(pbxAddr, sub, "bob"), "NOTIFY", active, aliceAddr, "200 OK")
		r.in(pbxAddr, answer(sub, "503 Down", ""))
		sub = r.want(pbx2Addr, "SUBSCRIBE ")
		bob := uas(pbx2Addr, sub, "other")
		r.in(pbx2Addr, as("other", answer(sub, "200 OK", "Expires: 600\nContact: <sip:bob@203.0.113.11:5060>\n")))
		r.want(aliceAddr, "SIP/2.0 200 ")
		r.terminates(bob)
	})
	both(t, func(r *rig, _ bool) {
		r.in(aliceAddr, subscribe)
		r.wait(11 * time.Second)
		r.want(aliceAddr, "SIP/2.0 404 ")
		r.quiet()
	})
}

// TestWatchedMethods: a dialog without a call carries no BYE, re-INVITE or UPDATE
// (RFC 5057 5.1), and what it may carry passes.
func TestWatchedMethods(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		alice, bob := r.subscribes()
		for _, method := range []string{"BYE", "INVITE", "UPDATE", "PRACK"} {
			text := alice.next(method, "")
			r.in(aliceAddr, text)
			r.want(aliceAddr, "SIP/2.0 481 ")
			if method == "INVITE" {
				r.in(aliceAddr, ackOf(text))
			}
		}
		for _, method := range []string{"OPTIONS", "MESSAGE", "INFO", "REFER"} {
			more := "Refer-To: <sip:3402@acme.test>\n"
			r.asks(alice, method, more, pbxAddr, "200 OK")
			r.asks(bob, method, more, aliceAddr, "200 OK")
		}
		r.terminates(bob)
	})
}

// TestSubscribeToPhone: the PBX subscribes to a phone, by token.
func TestSubscribeToPhone(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		p := r.register("3401", 1)
		r.in(pbxAddr, fromPBX("SUBSCRIBE", p.token, "sp1")+"Event: ua-profile\nExpires: 300\n")
		sub := p.wants("SUBSCRIBE")
		own := uas(p.at, sub, p.tag())
		own.contact = p.contact
		r.in(p.at, as(p.tag(), answer(sub, "200 OK", "Expires: 300\nContact: <"+p.contact+">\n")))
		pbx := uac(pbxAddr, r.want(pbxAddr, "SIP/2.0 200 "))
		r.asks(own, "NOTIFY", active, pbxAddr, "200 OK")
		r.asks(pbx, "SUBSCRIBE", "Expires: 300\n", p.at, "200 OK")
		r.asks(own, "NOTIFY", ended, pbxAddr, "200 OK")
		r.quiet()
	})
}
