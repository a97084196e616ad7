package users

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func TestCalls(t *testing.T) {
	number := "dids: [{number: \"390401234567\", sip_user: bob}]\ncountry_code: \"39\"\n"
	play(t, []stage.Scenario{
		{Name: "user to user", Play: userToUser, Matrix: stage.Matrix("udp4-udp4", "tls4-udp4")},
		{Name: "from outside and from the PBX", Play: fromElsewhere},
		{Name: "to the PBX", Play: toPBX},
		{Name: "all ring, one answers", Play: allRing},
		{Name: "by preference", Play: byPreference},
		{Name: "a late 6xx", Play: declined},
		{Name: "not registered", Play: notRegistered},
		{Name: "OPTIONS asks nobody out", Play: optionsAlike},
		{Name: "a number", Play: byNumber, Customer: local(number)},
		{Name: "a number that stays", Play: numberStays, Customer: local(number, user("alice"), user("bob", "retain_did: true"))},
		{Name: "smart extension", Play: smart, Customer: local("", user("alice", "smart_extension: true"), user("bob"))},
		{Name: "other methods", Play: otherMethods},
		{Name: "counted once", Play: countedOnce, Customer: local("call_limit: 2\n", user("alice"), user("bob"))},
	})
}

// userToUser: both are outside, and neither the PBX nor, in a hidden call, the other sees them.
func userToUser(s *stage.Stage) {
	alice, bob := newPhone(s, s.Caller, "alice"), register(s, "bob")
	alice.in(600)
	c := alice.calls("INVITE", at(s, "bob"), peer.SDP(alice.UA, 1))
	b := bob.answers(c)
	if m := b.Incoming(); m.Has("Proxy-Authorization") {
		s.Errorf("bob is shown alice's digest:\n%s", m.Bytes())
	}
	c.Request("INFO")
	b.Reply(b.Expect("INFO"), 200)
	c.Expect("200 INFO")
	s.End(b, c)
	s.Callee.Quiet(silence)
}

// fromElsewhere: who calls by domain, and the PBX, by name at the domain and at our address.
func fromElsewhere(s *stage.Stage) {
	bob := register(s, "bob")
	c := s.Caller.Invite(at(s, "bob"), peer.SDP(s.Caller, 1))
	s.End(c, bob.answers(c))
	for _, uri := range []string{at(s, "bob"), "sip:bob@" + s.Callee.Edge.String()} {
		c = s.Callee.Invite(uri, peer.SDP(s.Callee, 1))
		b := bob.answers(c)
		s.End(b, c)
	}
	c = s.Callee.Invite("sip:bob@elsewhere.test") // no user of the customer's
	c.Expect(403)
}

// toPBX: whom no user is called goes to the PBX.
func toPBX(s *stage.Stage) {
	alice := register(s, "alice")
	c := alice.calls("INVITE", at(s, "5551234"), peer.SDP(alice.UA, 1))
	b := s.Callee.Accept("INVITE")
	if m := b.Incoming(); m.URI != at(s, "5551234") || m.Has("Proxy-Authorization") {
		s.Errorf("the PBX is given\n%s", m.Bytes())
	}
	b.Answer(200, peer.SDP(s.Callee, 1))
	c.Expect(200)
	c.Ack()
	b.Expect("ACK")
	s.End(c, b)
}

func allRing(s *stage.Stage) {
	one, two, other := register(s, "bob"), register(s, "bob"), register(s, "carol")
	c := s.Caller.Invite(at(s, "bob"), peer.SDP(s.Caller, 1))
	first, second := one.rings(), two.rings()
	first.Answer(180)
	c.Expect(180)
	second.Answer(200, peer.SDP(two.UA, 1))
	c.Expect(200)
	c.Ack()
	second.Expect("ACK")
	first.Reply(first.Expect("CANCEL"), 200)
	first.Answer(487)
	first.Expect("ACK")
	s.End(c, second)
	other.UA.Quiet(silence)
}

// byPreference: those of the highest q first; when all of them have refused, the next.
func byPreference(s *stage.Stage) {
	low := newPhone(s, s.Peer(udp4), "bob")
	low.Params = ";q=0.2"
	low.in(600)
	one, two := newPhone(s, s.Peer(udp4), "bob"), newPhone(s, s.Peer(udp4), "bob")
	one.Params, two.Params = ";q=0.7", ";q=0.7"
	one.in(600)
	two.in(600)
	c := s.Caller.Invite(at(s, "bob"), peer.SDP(s.Caller, 1))
	a, b := one.rings(), two.rings()
	a.Answer(486)
	a.Expect("ACK")
	low.UA.Quiet(silence)
	b.Answer(480)
	b.Expect("ACK")
	s.End(c, low.answers(c))

	c = s.Caller.Invite(at(s, "bob")) // all refuse: the best of all
	for _, p := range []*phone{one, two, low} {
		in := p.rings()
		in.Answer(map[*phone]int{one: 486, two: 404, low: 500}[p])
		in.Expect("ACK")
	}
	c.ExpectOneOf(486, 404)
}

// declined: a 6xx is for all of a user's phones, also those not tried yet.
func declined(s *stage.Stage) {
	low, high := newPhone(s, s.Peer(udp4), "bob"), register(s, "bob")
	low.Params = ";q=0.2"
	low.in(600)
	c := s.Caller.Invite(at(s, "bob"))
	in := high.rings()
	in.Answer(603)
	in.Expect("ACK")
	c.Expect(603)
	low.UA.Quiet(silence)
}

func notRegistered(s *stage.Stage) {
	alice := register(s, "alice")
	c := alice.calls("INVITE", at(s, "bob"))
	no := c.Expect(480)
	if !strings.Contains(no.Get("Reason"), "user not registered") {
		s.Errorf("the caller is told\n%s", no.Bytes())
	}
	text := s.Node.Must(s.T, "explain", "--from", "sip:x@elsewhere.test", "--to", at(s, "bob"), "--source", s.Caller.Addr().String()).Stdout
	if !strings.Contains(text, "No phone of the SIP user is registered.") {
		s.Error(text)
	}
	c = alice.calls("INVITE", at(s, "alice")) // herself, and she has one phone
	c.Expect(404)
	s.Callee.Quiet(silence)
}

// byNumber: in each way that the customer's plan writes it, from outside and from the PBX.
func byNumber(s *stage.Stage) {
	bob := register(s, "bob")
	for _, number := range []string{"390401234567", "+390401234567", "00390401234567"} {
		for _, from := range []*peer.UA{s.Caller, s.Callee} {
			c := from.Invite(at(s, number))
			bob.busy(c)
		}
	}
}

func numberStays(s *stage.Stage) {
	bob := register(s, "bob")
	for user, want := range map[string]string{"+390401234567": "sip:+390401234567@" + bob.UA.Addr().String(), "bob": bob.Contact} {
		c := s.Caller.Invite(at(s, user))
		in := bob.UA.Accept("INVITE")
		if got := in.Incoming().URI; got != want {
			s.Errorf("called %s, and the phone as %s, want %s", user, got, want)
		}
		in.Answer(486)
		c.Expect(486)
		in.Expect("ACK")
	}
}

// smart: what a smart extension calls goes to the destination marked class 5, other users' calls
// do not; while none is marked it is refused.
func smart(s *stage.Stage) {
	alice, bob := register(s, "alice"), register(s, "bob")
	alice.calls("INVITE", at(s, "bob")).Expect(404)
	class5 := s.Peer(udp4)
	d := harness.Destination{Addr: class5.Addr(), Priority: 99}
	s.Customer.Destinations = append(s.Customer.Destinations, d)
	text := harness.Tenants(s.Customer)
	at99 := strings.LastIndex(text, "priority: 99")
	s.Node.ApplyText(s.T, text[:at99]+"class5: true, "+text[at99:])
	for _, to := range []string{"bob", "5551234"} {
		c := alice.calls("INVITE", at(s, to))
		in := class5.Accept("INVITE")
		in.Answer(486)
		c.Expect(486)
		in.Expect("ACK")
	}
	c := bob.calls("INVITE", at(s, "alice"))
	alice.busy(c)
	c = class5.Invite(at(s, "bob")) // and what class 5 makes of it rings
	bob.busy(c)
}

// optionsAlike: OPTIONS is not asked for a password, so from outside it does not tell a user
// without a phone from one that there is not. Who is registered himself is told.
func optionsAlike(s *stage.Stage) {
	for _, from := range []string{"sip:x@elsewhere.test", at(s, "alice")} {
		for _, user := range []string{"bob", "nobody"} { // no phone, no user: the PBX answers
			c := s.Caller.Start("OPTIONS", at(s, user), peer.With("From", "<"+from+">;tag=1"))
			s.Callee.Accept("OPTIONS").Answer(404)
			c.Expect(404)
		}
	}
	alice := register(s, "alice")
	alice.UA.Start("OPTIONS", at(s, "bob"), alice.as()).Expect(480)
}

func otherMethods(s *stage.Stage) {
	alice, bob, second := register(s, "alice"), register(s, "bob"), register(s, "bob")
	c := alice.calls("MESSAGE", at(s, "bob"), peer.Body("text/plain", "hello"))
	for _, p := range []*phone{bob, second} {
		in := p.UA.Accept("MESSAGE")
		if in.Incoming().URI != p.Contact {
			s.Errorf("%s registered, and gets\n%s", p.Contact, in.Incoming().Bytes())
		}
		in.Answer(200)
	}
	c.Expect(200)
	c = alice.UA.Start("OPTIONS", at(s, "bob"), alice.as())
	in := peer.AcceptAny("OPTIONS", bob.UA, second.UA)
	in.Answer(200)
	c.Expect(200)
	second.in(0)
	c = alice.calls("SUBSCRIBE", at(s, "bob"), peer.With("Event", "dialog"), peer.With("Expires", "300"))
	in = bob.UA.Accept("SUBSCRIBE")
	in.Answer(200, peer.With("Expires", "300"))
	c.Expect(200)
	n := s.Callee.Start("NOTIFY", at(s, "bob"), peer.With("Event", "message-summary"), peer.With("Subscription-State", "active"))
	mwi := bob.UA.Accept("NOTIFY")
	mwi.Answer(200)
	n.Expect(200)
	s.Loose = true
}

// countedOnce: a call between two users is one of the account's.
func countedOnce(s *stage.Stage) {
	alice, bob := register(s, "alice"), register(s, "bob")
	c := alice.calls("INVITE", at(s, "bob"), peer.SDP(alice.UA, 1))
	b := bob.answers(c)
	second := s.Caller.Invite(at(s, "5551234"))
	in := s.Callee.Accept("INVITE")
	in.Answer(180)
	second.Expect(180)
	s.Caller.Invite(at(s, "5559999")).Expect(480)
	in.Answer(486)
	second.Expect(486)
	in.Expect("ACK")
	s.End(c, b)
}

// TestPings: mission row U4, with a ping each second in place of each minute.
func TestPings(t *testing.T) {
	pinged := func(mode string) func(*harness.Customer) {
		return local("", user("alice", "nat_ping: "+mode), user("bob", "nat_ping: disabled"))
	}
	play(t, []stage.Scenario{
		{Name: "timeout", Play: phoneDies, Customer: pinged("timeout"), Matrix: stage.Matrix("udp4-udp4", "tcp4-udp4")},
		{Name: "enabled", Play: phoneStays, Customer: pinged("enabled")},
	}, "TOLLGATE_TEST_KEEPALIVE=500ms")
}

// phoneDies: three pings without an answer end the registration and the phone's call.
func phoneDies(s *stage.Stage) {
	alice, bob := newPhone(s, s.Caller, "alice"), register(s, "bob")
	s.Loose = true
	alice.UA.Answering("OPTIONS", func() int { return 200 })
	alice.in(600)
	c := alice.calls("INVITE", at(s, "bob"), peer.SDP(alice.UA, 1))
	b := bob.answers(c)
	b.UA.Quiet(4 * time.Second) // she answers: nothing happens
	alice.UA.Answering("OPTIONS", func() int { return 0 })
	bye := b.ExpectWithin(10*time.Second, "BYE")
	b.Reply(bye, 200)
	if !strings.Contains(bye.Get("Reason"), "phone_silent") {
		s.Errorf("bob is told\n%s", bye.Bytes())
	}
	c.Reply(c.Await("BYE"), 200)
	if rows := s.Node.JSON(s.T, "bindings", "alice@"+s.Domain); len(rows) != 0 {
		s.Errorf("still bound: %v", rows)
	}
	harness.Eventually(s.T, harness.Soon, func() error {
		rows := s.Node.JSON(s.T, "cdrs", "--customer", s.Customer.Name)
		if len(rows) != 1 || rows[0]["reason"] != "phone_silent" {
			return fmt.Errorf("%v", rows)
		}
		return nil
	})
}

// phoneStays: who does not answer is asked again and again, and that is all.
func phoneStays(s *stage.Stage) {
	alice := newPhone(s, s.Caller, "alice")
	var pings atomic.Int64
	alice.UA.Answering("OPTIONS", func() int { pings.Add(1); return 0 })
	alice.in(600)
	harness.Eventually(s.T, 20*time.Second, func() error {
		if n := pings.Load(); n < 6 {
			return fmt.Errorf("%d pings", n)
		}
		return nil
	})
	if rows := s.Node.JSON(s.T, "bindings", "alice@"+s.Domain); len(rows) != 1 {
		s.Errorf("bound: %v", rows)
	}
}
