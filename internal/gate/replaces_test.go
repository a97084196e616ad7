package gate_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"tollgate/internal/tenant"
)

// Tests of requests that name other dialogs: Replaces, Join, Target-Dialog, and the
// Refer-To of attended transfers (RFC 3891, 3911, 4538).

// callID gives a Call-ID in the shard of another one, or in another shard.
func (r *rig) callID(name, other string, same bool) string {
	for i := range 1000 {
		id := name + itoa(i) + "@198.51.100.7"
		if (r.layer.ShardOf([]byte(id)) == r.layer.ShardOf([]byte(other))) == same {
			return id
		}
	}
	r.t.Fatal("no such Call-ID")
	return ""
}

// callsIn makes a call from a phone outside to a number of the PBX's.
func (r *rig) callsIn(callID, user string) (alice, bob *leg) {
	r.t.Helper()
	r.in(aliceAddr, strings.NewReplacer("call1@198.51.100.7", callID, "sip:3401@", "sip:"+user+"@", "z9hG4bKa1", "z9hG4bK"+callID[:4]+user).Replace(invite))
	inv := r.want(pbxAddr, "INVITE ")
	r.in(pbxAddr, as("b"+user, answer(inv, "200 OK", "Contact: <"+notifier("b"+user)+">\n")))
	alice, bob = uac(aliceAddr, r.want(aliceAddr, "SIP/2.0 200 ")), uas(pbxAddr, inv, "b"+user)
	r.in(aliceAddr, alice.next("ACK", ""))
	r.want(pbxAddr, "ACK ")
	alice.contact, bob.contact = "sip:alice@198.51.100.7:5062", notifier("b"+user)
	return alice, bob
}

// replaces names a dialog as the peer of a leg's party is to read it: his own tag is to.
func (l *leg) replaces() string {
	return l.callID + ";to-tag=" + tagOf(l.remote) + ";from-tag=" + tagOf(l.local)
}

// asPeer names it as the party itself shall read it.
func (l *leg) asPeer() string {
	return l.callID + ";to-tag=" + tagOf(l.local) + ";from-tag=" + tagOf(l.remote)
}

// replacesIn takes Replaces out of a Refer-To, unescaped, and the URI before it.
func replacesIn(t interface{ Fatalf(string, ...any) }, value string) (uri, replaces string) {
	uri, query, _ := strings.Cut(uriOf(value), "?")
	name, escapedValue, _ := strings.Cut(query, "=")
	plain, err := url.PathUnescape(escapedValue)
	if err != nil || !strings.EqualFold(name, "replaces") {
		t.Fatalf("Refer-To %s: %v", value, err)
	}
	return uri, plain
}

// acrossShards runs a test hidden with two calls in one shard, and in two.
func acrossShards(t *testing.T, f func(r *rig, second string)) {
	for _, same := range []bool{true, false} {
		t.Run(fmt.Sprintf("same=%v", same), func(t *testing.T) {
			run(t, true, func(r *rig) { f(r, r.callID("second", "first@198.51.100.7", same)) })
		})
	}
}

// settled lets what asks another shard have its tick.
func (r *rig) settled() { r.wait(50 * time.Millisecond) }

// TestAttendedTransfer: A refers the party of one call to that of another. What the PBX
// gets names the second dialog as the PBX knows it, at an address that it can call.
func TestAttendedTransfer(t *testing.T) {
	acrossShards(t, func(r *rig, second string) {
		a1, _ := r.callsIn("first@198.51.100.7", "3401")
		a2, b2 := r.callsIn(second, "3402")
		r.in(aliceAddr, a1.next("REFER", "Refer-To: <"+a2.target+"?Replaces="+escaped(a2.replaces()+";early-only")+">\n"))
		r.settled()
		refer := r.want(pbxAddr, "REFER ")
		uri, replaces := replacesIn(r.t, header(refer, "Refer-To"))
		if uri != "sip:3402@acme.test" || replaces != b2.asPeer()+";early-only" {
			r.t.Errorf("Refer-To\n%s\nReplaces\n%s, want\n%s", uri, replaces, b2.asPeer())
		}
		r.hides(refer, "198.51.100.7", "tag=alice", "tag%3Dalice", "second", "%3balice")
		r.in(pbxAddr, answer(refer, "202 Accepted", "Refer-Sub: false\n"))
		r.want(aliceAddr, "SIP/2.0 202 ")
		r.ends(a1, pbxAddr)
		r.ends(b2, aliceAddr)
		r.quiet()
	})
}

// TestAttendedTransferOutward: the PBX refers A to another party outside.
func TestAttendedTransferOutward(t *testing.T) {
	acrossShards(t, func(r *rig, second string) {
		a1, b1 := r.callsIn("first@198.51.100.7", "3401")
		a2, b2 := r.callsIn(second, "3402")
		r.in(pbxAddr, b1.next("REFER", "Refer-To: <"+b2.target+"?Replaces="+escaped(b2.replaces())+">\n"))
		r.settled()
		refer := r.want(aliceAddr, "REFER ")
		uri, replaces := replacesIn(r.t, header(refer, "Refer-To"))
		if uri != "sip:0409@198.51.100.7" || replaces != a2.asPeer() {
			r.t.Errorf("Refer-To %s, Replaces\n%s, want\n%s", uri, replaces, a2.asPeer())
		}
		r.hides(refer, "203.0.113.10", "b3402")
		r.in(aliceAddr, answer(refer, "603 Decline", ""))
		r.want(pbxAddr, "SIP/2.0 603 ")
		r.ends(a1, pbxAddr)
		r.ends(a2, pbxAddr)
		r.quiet()
	})
}

// replacing is an INVITE of Alice's that names other dialogs.
func replacing(n int, header, value string) string {
	return strings.NewReplacer("call1@198.51.100.7", "repl"+itoa(n), "z9hG4bKa1", "z9hG4bKr"+itoa(n),
		"tag=alice", "tag=a"+itoa(n), "Max-Forwards", header+": "+value+"\nMax-Forwards").Replace(invite)
}

// TestInviteReplaces: its own view of a dialog is translated for the PBX; the PBX's view,
// as its presence documents give it (BLF pickup), and what is unknown, is left alone.
func TestInviteReplaces(t *testing.T) {
	acrossShards(t, func(r *rig, second string) {
		r.change(func(a *tenant.Account) { a.Customer.CallLimit = 0 })
		a, b := r.callsIn(second, "3402")
		for i, c := range []struct{ header, given, want string }{
			{"Replaces", a.replaces(), b.asPeer()},
			{"Replaces", a.replaces() + ";early-only", b.asPeer() + ";early-only"},
			{"Replaces", a.callID + " ; from-tag=alice ;to-tag= " + tagOf(a.remote), b.callID + ";from-tag=" + tagOf(b.remote) + ";to-tag=b3402"},
			{"Replaces", b.asPeer(), b.asPeer()},
			{"Replaces", b.replaces(), b.replaces()},
			{"Join", a.replaces(), b.asPeer()},
			{"Replaces", "unknown@198.51.100.7;to-tag=x;from-tag=y;early-only", "unknown@198.51.100.7;to-tag=x;from-tag=y;early-only"},
			{"Replaces", a.callID + ";to-tag=x;from-tag=alice", a.callID + ";to-tag=x;from-tag=alice"},
			{"Replaces", a.callID, a.callID},
			{"Replaces", ";;;=", ";;;="},
		} {
			text := replacing(i, c.header, c.given)
			r.in(aliceAddr, text)
			r.settled()
			inv := r.want(pbxAddr, "INVITE ")
			if got := header(inv, c.header); got != c.want {
				r.t.Errorf("%s: %s\narrives as %s\nwant %s", c.header, c.given, got, c.want)
			}
			r.in(pbxAddr, answer(inv, "481 No", ""))
			r.want(aliceAddr, "SIP/2.0 481 ")
			r.in(aliceAddr, ackOf(text))
			r.want(pbxAddr, "ACK ")
		}
		r.ends(a, pbxAddr)
		r.quiet()
	})
}

// TestPBXReplaces: the same outward, in an INVITE to a phone.
func TestPBXReplaces(t *testing.T) {
	acrossShards(t, func(r *rig, second string) {
		p := r.register("3409", 1)
		a, b := r.callsIn(second, "3402")
		r.in(pbxAddr, strings.Replace(fromPBX("INVITE", p.token, "pr1"), "Max-F", "Replaces: "+b.replaces()+"\nMax-F", 1))
		r.settled()
		inv := p.wants("INVITE")
		if got := header(inv, "Replaces"); got != a.asPeer() {
			r.t.Errorf("Replaces %s\nwant %s", got, a.asPeer())
		}
		pbx, _ := p.takes(inv)
		r.ends(pbx, p.at)
		r.ends(a, pbxAddr)
		r.quiet()
	})
}

// TestTargetDialog: a REFER outside of dialogs that names one (RFC 4538).
func TestTargetDialog(t *testing.T) {
	acrossShards(t, func(r *rig, second string) {
		a, b := r.callsIn(second, "3402")
		more := toCarol + "Target-Dialog: " + a.callID + ";local-tag=" + tagOf(a.remote) + ";remote-tag=" + tagOf(a.local) + "\n"
		r.in(aliceAddr, strings.Replace(strings.ReplaceAll(subscribe, "SUBSCRIBE", "REFER"), "Event: dialog\nExpires: 600\n", more, 1))
		r.settled()
		refer := r.want(pbxAddr, "REFER ")
		if got, want := header(refer, "Target-Dialog"), b.callID+";local-tag="+tagOf(b.local)+";remote-tag="+tagOf(b.remote); got != want {
			r.t.Errorf("Target-Dialog %s, want %s", got, want)
		}
		r.in(pbxAddr, answer(refer, "603 Decline", ""))
		r.want(aliceAddr, "SIP/2.0 603 ")
		r.ends(a, pbxAddr)
		r.quiet()
	})
}

// TestEarlyTransfer: the second call only rings; its early dialog is named.
func TestEarlyTransfer(t *testing.T) {
	acrossShards(t, func(r *rig, second string) {
		a1, _ := r.callsIn("first@198.51.100.7", "3401")
		text := strings.NewReplacer("call1@198.51.100.7", second, "z9hG4bKa1", "z9hG4bKearly").Replace(invite)
		r.in(aliceAddr, text)
		inv := r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, answer(inv, "180 Ringing", bobRings))
		a2, b2 := uac(aliceAddr, r.want(aliceAddr, "SIP/2.0 180 ")), uas(pbxAddr, inv, "bob")
		r.in(aliceAddr, a1.next("REFER", "Refer-To: <sip:3401@acme.test?Replaces="+escaped(a2.replaces()+";early-only")+">\n"))
		r.settled()
		refer := r.want(pbxAddr, "REFER ")
		if uri, got := replacesIn(r.t, header(refer, "Refer-To")); uri != "sip:3401@acme.test" || got != b2.asPeer()+";early-only" {
			r.t.Errorf("%s, Replaces %s", uri, got)
		}
		r.in(pbxAddr, answer(refer, "603 Decline", ""))
		r.want(aliceAddr, "SIP/2.0 603 ")
		r.in(aliceAddr, cancelOf(text))
		r.drain(aliceAddr)
		r.in(aliceAddr, ackOf(text))
		r.in(pbxAddr, answer(r.want(pbxAddr, "CANCEL "), "200 OK", ""))
		r.in(pbxAddr, answer(inv, "487 Request Terminated", ""))
		r.want(pbxAddr, "ACK ")
		r.ends(a1, pbxAddr)
		r.quiet()
	})
}

// TestReplacesUnknown: a transfer that names a dialog of others passes untouched, to the
// byte; escapes and other headers of the URI stay as they are also where it is known.
func TestReplacesUnknown(t *testing.T) {
	acrossShards(t, func(r *rig, second string) {
		a1, _ := r.callsIn("first@198.51.100.7", "3401")
		a2, b2 := r.callsIn(second, "3402")
		for _, c := range []struct{ given, want string }{
			{"<sip:3402@acme.test?Replaces=other%40x%3bto-tag%3d1%3bfrom-tag%3d2>", ""},
			{"\"C\" <sip:3402@acme.test;user=phone?Subject=a%20b&Replaces=other%40x%3bto-tag%3d1%3bfrom-tag%3d2&Priority=urgent>;x=y", ""},
			{"<sip:3402@acme.test?Replaces=broken>", ""},
			{"<sip:3402@acme.test?Replaces>", ""},
			{
				"\"C\" <sip:3402@acme.test;user=phone?Subject=a%20b&replaces=" + escaped(a2.replaces()) + "&Priority=urgent>;x=y",
				"\"C\" <sip:3402@acme.test;user=phone?Subject=a%20b&replaces=" + escaped(b2.asPeer()) + "&Priority=urgent>;x=y",
			},
			{
				"<sip:3402@acme.test?Join=" + strings.ToLower(escaped(a2.replaces())) + ">",
				"<sip:3402@acme.test?Join=" + escaped(b2.asPeer()) + ">",
			},
		} {
			if c.want == "" {
				c.want = c.given
			}
			r.in(aliceAddr, a1.next("REFER", "Refer-To: "+c.given+"\n"))
			r.settled()
			refer := r.want(pbxAddr, "REFER ")
			if got := header(refer, "Refer-To"); got != c.want {
				r.t.Errorf("Refer-To: %s\narrives as %s\nwant %s", c.given, got, c.want)
			}
			r.in(pbxAddr, answer(refer, "603 Decline", ""))
			r.want(aliceAddr, "SIP/2.0 603 ")
		}
		r.ends(a1, pbxAddr)
		r.ends(a2, pbxAddr)
		r.quiet()
	})
}

// TestReplacesPlain: nothing is hidden, so nothing is to be translated.
func TestReplacesPlain(t *testing.T) {
	run(t, false, func(r *rig) {
		a1, _ := r.callsIn("first@198.51.100.7", "3401")
		a2, b2 := r.callsIn("second@198.51.100.7", "3402")
		value := "<" + a2.target + "?Replaces=" + escaped(a2.replaces()) + ">"
		r.in(aliceAddr, a1.next("REFER", "Refer-To: "+value+"\n"))
		r.settled()
		refer := r.want(pbxAddr, "REFER ")
		if got := header(refer, "Refer-To"); got != value || a2.replaces() != b2.asPeer() {
			r.t.Errorf("Refer-To %s, want %s", got, value)
		}
		r.in(pbxAddr, answer(refer, "603 Decline", ""))
		r.want(aliceAddr, "SIP/2.0 603 ")
		r.ends(a1, pbxAddr)
		r.ends(b2, aliceAddr)
		r.quiet()
	})
}

// TestReplacesOfAnotherCustomer: whoever guesses the ids of another customer's call
// learns nothing by them.
func TestReplacesOfAnotherCustomer(t *testing.T) {
	acrossShards(t, func(r *rig, second string) {
		a, _ := r.callsIn(second, "3402")
		other := tenant.Account{
			Customer:     r.account.Customer,
			Domains:      []tenant.Domain{{ID: 2, Customer: 2, Name: "other.test"}},
			Destinations: []tenant.Destination{{ID: 9, Customer: 2, Name: "o", Group: 1, Host: "203.0.113.200", Port: 5060, Protocol: "udp", Priority: 10}},
		}
		other.Customer.ID, other.Customer.Name = 2, "other"
		if err := r.table.Put(&other); err != nil {
			r.t.Fatal(err)
		}
		text := strings.ReplaceAll(replacing(1, "Replaces", a.replaces()), "acme.test", "other.test")
		r.in(aliceAddr, text)
		r.settled()
		inv := r.want(carrierAddr, "INVITE ")
		if got := header(inv, "Replaces"); got != a.replaces() {
			r.t.Errorf("Replaces %s", got)
		}
		r.in(carrierAddr, answer(inv, "481 No", ""))
		r.want(aliceAddr, "SIP/2.0 481 ")
		r.in(aliceAddr, ackOf(text))
		r.ends(a, pbxAddr)
		r.quiet()
	})
}

// TestCancelWhileAsking: the INVITE is cancelled, or the REFER's call ends, before
// another shard has said what is meant.
func TestCancelWhileAsking(t *testing.T) {
	run(t, true, func(r *rig) {
		second := r.callID("second", "repl1", false)
		a, b := r.callsIn(second, "3402")
		text := replacing(1, "Replaces", a.replaces())
		r.in(aliceAddr, text)
		r.in(aliceAddr, cancelOf(text))
		r.want(aliceAddr, "SIP/2.0 200 ")
		r.want(aliceAddr, "SIP/2.0 487 ")
		r.in(aliceAddr, ackOf(text))
		r.settled()
		r.nothing(pbxAddr)
		a1, _ := r.callsIn(r.callID("first", second, false), "3401")
		r.in(aliceAddr, a1.next("REFER", "Refer-To: <sip:3402@acme.test?Replaces="+escaped(a.replaces())+">\n"))
		r.nothing(pbxAddr)
		r.ends(b, aliceAddr) // the dialog that is meant is gone when it is asked for
		r.settled()
		refer := r.want(pbxAddr, "REFER ")
		r.in(pbxAddr, answer(refer, "481 No", ""))
		r.want(aliceAddr, "SIP/2.0 481 ")
		r.ends(a1, pbxAddr)
		r.quiet()
	})
}
