package networks

import (
	"fmt"

	"tollgate/test/harness"
	"tollgate/test/peer"
)

// phoneCalls: from outside to the PBX, renegotiated from both sides, ended from each.
func phoneCalls(s *scene) {
	for _, pbxEnds := range []bool{false, true} {
		a := s.phone.Invite("sip:bob@" + s.domain)
		b := s.pbx.Accept("INVITE")
		s.talk(a, b)
		s.inside(a, b, pbxEnds)
	}
}

// talk has b answer the call of a.
func (s *scene) talk(a, b *peer.Call) {
	s.Helper()
	b.Answer(180)
	a.Expect(180)
	b.Answer(200, peer.SDP(b.UA, 1))
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	s.routed(a, b)
}

// inside has both sides of a call change and ask things, and ends it. Requests go along the route
// sets and Contacts that were given out, which so are found to lead through the router.
func (s *scene) inside(a, b *peer.Call, calleeEnds bool) {
	s.Helper()
	for i, pair := range [][2]*peer.Call{{a, b}, {b, a}} {
		from, to := pair[0], pair[1]
		from.Request("INVITE", peer.SDP(from.UA, 2+i))
		to.Reply(to.Expect("INVITE"), 200, peer.SDP(to.UA, 2+i))
		from.Expect("200 INVITE")
		from.Ack()
		to.Expect("ACK")
		from.Request("OPTIONS")
		to.Reply(to.Expect("OPTIONS"), 200)
		from.Expect("200 OPTIONS")
	}
	if calleeEnds {
		a, b = b, a
	}
	a.Request("BYE")
	b.Reply(b.Expect("BYE"), 200)
	a.Expect("200 BYE")
}

// register has the phone register, and gives the URI that the PBX has for it.
func (s *scene) register() (reg *peer.Registration, token string) {
	s.Helper()
	reg = s.phone.Registers("alice", s.domain)
	reg.Ask(600)
	b := s.pbx.Accept("REGISTER")
	token = peer.URIOf(b.Incoming().Get("Contact"))
	b.Answer(200, peer.With("Contact", fmt.Sprintf("<%s>;expires=600", token)))
	if got := peer.Granted(reg.Expect("200 REGISTER"), reg.Contact); got != 600 {
		s.Errorf("the phone was granted %d s", got)
	}
	return reg, token
}

// unregister ends a registration.
func (s *scene) unregister(reg *peer.Registration) {
	s.Helper()
	reg.Ask(0)
	b := s.pbx.Next(peer.Patience)
	b.Answer(200, peer.Without("Contact"))
	reg.Expect("200 REGISTER")
}

// pbxCalls: to a phone that has registered, by what the PBX was given for it.
func pbxCalls(s *scene) {
	reg, token := s.register()
	for _, phoneEnds := range []bool{false, true} {
		b := s.pbx.Invite(token)
		a := s.phone.Accept("INVITE")
		if uri := a.Incoming().URI; uri != reg.Contact {
			s.Errorf("the phone registered %s and is called as %s", reg.Contact, uri)
		}
		s.talk(b, a)
		s.inside(b, a, phoneEnds)
	}
	for _, method := range []string{"MESSAGE", "OPTIONS"} {
		b := s.pbx.Start(method, token)
		s.phone.Accept(method).Answer(200)
		b.Expect("200 " + method)
	}
	s.unregister(reg)
}

// pbxCallsOut: to who is no customer's, by address.
func pbxCallsOut(s *scene) {
	s.dialled = true
	b := s.pbx.Invite(s.phone.URI("carol"))
	a := s.phone.Accept("INVITE")
	s.talk(b, a)
	s.inside(b, a, true)
}

// subscriptions of both sides, and their news.
func subscriptions(s *scene) {
	reg, token := s.register()
	for _, pair := range []struct {
		from, to *peer.UA
		uri      string
	}{{s.phone, s.pbx, "sip:bob@" + s.domain}, {s.pbx, s.phone, token}} {
		a := pair.from.Subscribe(pair.uri, "dialog", 600)
		b := pair.to.Accept("SUBSCRIBE")
		b.Answer(200, peer.With("Expires", "600"))
		a.Expect("200 SUBSCRIBE")
		s.routed(a, b)
		told(a, b, "active;expires=600")
		for _, seconds := range []int{600, 0} {
			a.Resubscribe("dialog", seconds)
			b.Reply(b.Expect("SUBSCRIBE"), 200, peer.With("Expires", fmt.Sprint(seconds)))
			a.Expect("200 SUBSCRIBE")
		}
		told(a, b, "terminated;reason=timeout")
	}
	s.unregister(reg)
}

func told(a, b *peer.Call, state string) {
	b.Notify("dialog", state)
	a.Reply(a.Expect("NOTIFY"), 200)
	b.Expect("200 NOTIFY")
}

// requests that make no dialog, from outside.
func requests(s *scene) {
	for _, method := range []string{"MESSAGE", "OPTIONS", "PUBLISH"} {
		a := s.phone.Start(method, "sip:bob@"+s.domain)
		s.pbx.Accept(method).Answer(200)
		a.Expect("200 " + method)
	}
}

// connections that ended within a call are opened again from the right side.
func connections(s *scene) {
	a := s.phone.Invite("sip:bob@" + s.domain)
	b := s.pbx.Accept("INVITE")
	s.talk(a, b)
	for _, pair := range [][2]*peer.Call{{a, b}, {b, a}} {
		from, to := pair[0], pair[1]
		s.disconnect(to.UA)
		from.Request("INFO")
		to.Reply(to.Expect("INFO"), 200)
		from.Expect("200 INFO")
	}
	s.disconnect(s.phone)
	s.disconnect(s.pbx)
	s.inside(a, b, false)
}

// disconnect ends an endpoint's connections, and waits until the node has let go of them.
func (s *scene) disconnect(u *peer.UA) {
	s.Helper()
	harness.Eventually(s.T, peer.Patience, func() error {
		u.CloseConnections()
		out, err := s.cloud.Edge.Command("ss", "-Htn", "state", "established", "state", "close-wait", "dst", "["+u.IP()+"]").CombinedOutput()
		if err != nil {
			return fmt.Errorf("ss: %w: %s", err, out)
		}
		if len(out) > 0 {
			return fmt.Errorf("still connected: %s", out)
		}
		return nil
	})
}
