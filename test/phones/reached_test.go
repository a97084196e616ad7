package phones

import (
	"slices"
	"strings"

	"tollgate/test/peer"
	"tollgate/test/stage"
)

// reached are calls and messages between a PBX and a phone that has registered.
func reached() []stage.Scenario {
	all := stage.Matrix("udp4-udp4", "tcp4-udp4", "tls4-udp4", "udp4-tcp4", "tcp4-tls4", "tls4-tls4", "udp6-udp4", "tcp6-udp4", "udp4-udp6")
	some := stage.Matrix("udp4-udp4", "tcp4-udp4")
	return []stage.Scenario{
		{Name: "the PBX calls the phone", Matrix: all, Play: pbxCalls},
		{Name: "MESSAGE and NOTIFY to the phone", Matrix: all, Play: pbxTells},
		{Name: "the phone calls", Matrix: all, Play: phoneCalls},
		{Name: "CANCEL and refusals", Matrix: some, Play: notTaken},
		{Name: "why a call is given up", Matrix: some, Play: givenUpFor},
		{Name: "re-INVITE and UPDATE from both sides", Matrix: some, Play: changes},
		{Name: "a phone with a private Contact", Matrix: stage.Matrix("udp4-udp4", "tcp4-udp4", "tls4-udp4"), Play: privateContact},
		{Name: "two lines over one flow", Matrix: some, Play: twoLines},
		{Name: "a connection that ended", Matrix: stage.Matrix("tcp4-udp4", "tls4-udp4"), Play: connectionEnded},
		{Name: "a PBX whose Record-Route stands above its Via", Matrix: some, Play: routeOrder},
		{Name: "the PBX calls nobody", Matrix: stage.One(), Play: pbxCallsNobody},
	}
}

func pbxCalls(s *stage.Stage) {
	p := register(s, s.Caller, "alice")
	p.called()
	p.refresh(600)
	p.called()
	p.refresh(0)
	p.lost()
}

func pbxTells(s *stage.Stage) {
	p := register(s, s.Caller, "alice")
	b := sends(s, "MESSAGE", p.token, peer.Body("text/plain", "ciao"))
	a := p.gets("MESSAGE")
	if a.Incoming().Body != "ciao" {
		s.Errorf("the text must pass:\n%s", a.Incoming().Bytes())
	}
	a.Answer(200)
	b.Expect("200 MESSAGE")
	b = sends(s, "NOTIFY", p.token, peer.With("Event", "message-summary"), peer.With("Subscription-State", "terminated"),
		peer.Body("application/simple-message-summary", "Messages-Waiting: yes\r\n"))
	a = p.gets("NOTIFY")
	if m := a.Incoming(); m.Get("Event") != "message-summary" || m.Body != "Messages-Waiting: yes\r\n" {
		s.Errorf("the news must pass:\n%s", m.Bytes())
	}
	a.Answer(200)
	b.Expect("200 NOTIFY")
	b = sends(s, "OPTIONS", p.token)
	p.gets("OPTIONS").Answer(486)
	b.Expect("486 OPTIONS")
	p.refresh(0)
	sends(s, "MESSAGE", p.token, peer.Body("text/plain", "ciao")).Expect("480 MESSAGE")
	p.UA.Quiet(silence / 4)
}

// phoneCalls: the PBX asks for a password, and the call that follows works in both directions.
func phoneCalls(s *stage.Stage) {
	register(s, s.Caller, "alice")
	secret := peer.Credentials{User: "alice", Password: "secret"}
	a := s.Caller.Invite("sip:bob@"+s.Domain, from(s, "alice"))
	b := s.Callee.Accept("INVITE")
	b.Answer(407, peer.With("Proxy-Authenticate", `Digest realm="pbx", nonce="1"`))
	b.Expect("ACK")
	challenge := a.Expect(407)
	a.Request("INVITE", from(s, "alice"), peer.SDP(s.Caller, 1), secret.Answer(challenge))
	b = b.AcceptAgain("INVITE")
	b.Answer(180)
	a.Expect(180)
	b.Answer(200, peer.SDP(s.Callee, 1))
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	inside(s, b, a)
}

func notTaken(s *stage.Stage) {
	p := register(s, s.Caller, "alice")
	for _, status := range []int{486, 480, 404, 603} {
		b := sends(s, "INVITE", p.token)
		a := p.gets("INVITE")
		a.Answer(status)
		a.Expect("ACK")
		b.Expect(status)
	}
	b := sends(s, "INVITE", p.token)
	a := p.gets("INVITE")
	a.Answer(180)
	b.Expect(180)
	b.Cancel()
	a.Reply(a.Expect("CANCEL"), 200)
	a.Answer(487)
	a.Expect("ACK")
	b.ExpectSet("200 CANCEL", 487)
}

// givenUpFor: a phone that is told of an answer elsewhere lists no missed call (RFC 3326 3.1), also where the
// CANCEL has to wait for its first sign of life.
func givenUpFor(s *stage.Stage) {
	p := register(s, s.Caller, "alice")
	const elsewhere = `SIP;cause=200;text="Call completed elsewhere"`
	for _, c := range []struct {
		early bool
		said  []string
		heard []string
	}{
		{said: []string{elsewhere}, heard: []string{elsewhere}},
		{early: true, said: []string{elsewhere}, heard: []string{elsewhere}},
		{said: []string{`Q.850 ;cause=26 ;text="from ` + s.Callee.Mark + `"`, "SIP;cause=603"}, heard: []string{"SIP;cause=603", "Q.850;cause=26"}},
		{said: []string{"SIP", "SIP;cause=9999", "Q.850;cause=x", "other;cause=1"}},
		{},
	} {
		b := sends(s, "INVITE", p.token)
		a := p.gets("INVITE")
		if !c.early {
			a.Answer(180)
			b.Expect(180)
		}
		var opts []peer.Option
		for _, reason := range c.said {
			opts = append(opts, peer.Also("Reason", reason))
		}
		b.Cancel(opts...)
		b.ExpectSet("200 CANCEL", 487)
		if c.early {
			a.Answer(180)
		}
		m := a.Expect("CANCEL")
		if got := m.All("Reason"); !slices.Equal(got, c.heard) {
			s.Errorf("the PBX gives up for %q, the phone is told %q", c.said, got)
		}
		a.Reply(m, 200)
		a.Answer(487)
		a.Expect("ACK")
	}
}

func changes(s *stage.Stage) {
	p := register(s, s.Caller, "alice")
	b := sends(s, "INVITE", p.token)
	a := p.gets("INVITE")
	a.Answer(200, peer.SDP(p.UA, 1))
	b.Expect(200)
	b.Ack()
	a.Expect("ACK")
	for i, side := range []struct{ from, to *peer.Call }{{a, b}, {b, a}, {a, b}} {
		side.from.Request("INVITE", peer.SDP(side.from.UA, 2+i))
		side.to.Expect("INVITE")
		side.to.Answer(200, peer.SDP(side.to.UA, 2+i))
		side.from.Expect(200)
		side.from.Ack()
		side.to.Expect("ACK")
		side.from.Request("UPDATE")
		side.to.Reply(side.to.Expect("UPDATE"), 200)
		side.from.Expect("200 UPDATE")
	}
	inside(s, b, a)
}

// behindNAT makes a phone name itself by the address that it has at home.
func behindNAT(u *peer.UA) peer.Option {
	return func(m *peer.Message) {
		for i, h := range m.Headers {
			switch {
			case h.Name == "Contact", h.Name == "Via" && m.Status == 0 && i == 0:
				m.Headers[i].Value = strings.ReplaceAll(h.Value, u.Addr().String(), "192.168.1.5:5062")
			}
		}
	}
}

// privateContact: what the phone calls itself leads nowhere, so everything must go where it came from.
func privateContact(s *stage.Stage) {
	home := behindNAT(s.Caller)
	p := newPhone(s, s.Caller, "alice")
	p.Contact = strings.ReplaceAll(p.Contact, s.Caller.Addr().String(), "192.168.1.5:5062")
	p.refresh(600, home)
	if row := p.listed(); row == nil || row["nat"] != true {
		s.Errorf("a private Contact is a phone behind NAT, listed as %v", row)
	}
	b := sends(s, "INVITE", p.token)
	a := p.gets("INVITE")
	a.Answer(180, home)
	b.Expect(180)
	a.Answer(200, peer.SDP(p.UA, 1), home)
	b.Expect(200)
	b.Ack()
	a.Expect("ACK")
	b.Request("INFO")
	a.Reply(a.Expect("INFO"), 200)
	b.Expect("200 INFO")
	s.End(b, a)

	a = s.Caller.Invite("sip:bob@"+s.Domain, from(s, "alice"), home)
	b = s.Callee.Accept("INVITE")
	b.Answer(200, peer.SDP(s.Callee, 1))
	a.Expect(200)
	a.Ack(home)
	b.Expect("ACK")
	b.Request("INVITE", peer.SDP(s.Callee, 2))
	a.Expect("INVITE")
	a.Answer(200, peer.SDP(s.Caller, 2), home)
	b.Expect(200)
	b.Ack()
	a.Expect("ACK")
	s.End(b, a)
}

// twoLines: each line has a token and is called by its own name.
func twoLines(s *stage.Stage) {
	first, second := register(s, s.Caller, "alice"), register(s, s.Caller, "carol")
	if first.token == second.token {
		s.Fatalf("two lines have the token %s", first.token)
	}
	first.called()
	second.called()
	first.refresh(0)
	first.lost()
	second.called()
}

// connectionEnded: a phone whose connection is gone cannot be reached until it comes back, and
// comes back with the same token.
func connectionEnded(s *stage.Stage) {
	p := register(s, s.Caller, "alice")
	s.Caller.CloseConnections()
	p.gone(peer.Patience)
	sends(s, "INVITE", p.token).Expect(480)
	p.refresh(600)
	p.called()
}

func pbxCallsNobody(s *stage.Stage) {
	p := register(s, s.Caller, "alice")
	forged := strings.Replace(p.token, peer.User(p.token), flip(peer.User(p.token)), 1)
	for _, uri := range []string{forged, "sip:nobody@" + s.Domain} {
		b := sends(s, "INVITE", uri)
		if m := b.ExpectOneOf(404, 480, 403); m == nil {
			s.Errorf("%s was called", uri)
		}
	}
	p.UA.Quiet(silence)
	p.called()
}

// routeOrder: Kamailio writes its Record-Route before all Vias; ours stands above it all the same
// (RFC 3261 16.6 step 4), or the phone would leave us out.
func routeOrder(s *stage.Stage) {
	p := register(s, s.Caller, "alice")
	theirs := "sip:" + s.Callee.Addr().String() + ";lr"
	b := sends(s, "INVITE", p.token, func(m *peer.Message) { m.Prepend("Record-Route", "<"+theirs+">") })
	a := p.gets("INVITE")
	routes := a.Incoming().All("Record-Route")
	if !s.Hidden && (len(routes) < 2 || peer.URIOf(routes[len(routes)-1]) != theirs) {
		s.Errorf("the PBX's Record-Route must stand last, got %q", routes)
	}
	a.Answer(486)
	a.Expect("ACK")
	b.Expect(486)
}
