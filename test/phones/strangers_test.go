package phones

import (
	"fmt"
	"strings"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// strangers are third parties who know too much, and senders who want requests to go where
// they must not. What must not hear anything is an endpoint with an address of its own.
func strangers() []stage.Scenario {
	return []stage.Scenario{
		{Name: "a stranger who knows a token", Matrix: stage.Matrix("udp4-udp4", "tcp4-udp4", "udp4-tcp4"), Play: knownToken},
		{Name: "another customer's PBX that knows a token", Matrix: stage.One(), Play: othersPBX},
		{Name: "third parties in a phone's call", Matrix: stage.One(), Play: thirdParties},
		{Name: "Routes that a sender brings along", Matrix: stage.Matrix("udp4-udp4", "tcp4-tcp4"), Play: preloadedRoutes},
		{Name: "maddr", Matrix: stage.Matrix("udp4-udp4", "tcp4-tcp4"), Play: maddr},
		{Name: "overlong chains", Matrix: stage.Matrix("udp4-udp4", "tcp4-tcp4"), Play: overlongChains},
	}
}

// trap is where nothing may ever be sent: UDP and TCP on one address and port, or what is near it.
type trap struct{ udp, tcp *peer.UA }

func newTrap(s *stage.Stage) *trap {
	s.Helper()
	udp := peer.New(s.T, "udp", harness.IP(s.T))
	return &trap{udp: udp, tcp: peer.Open(s.T, "tcp", udp.Addr())}
}

func (tr *trap) at() string { return tr.udp.Addr().String() }

// untouched fails if the trap heard anything.
func (tr *trap) untouched(s *stage.Stage) {
	s.Helper()
	for _, u := range []*peer.UA{tr.udp, tr.tcp} {
		for _, e := range u.Entries() {
			s.Errorf("a third host got from %s:\n%s", e.Peer, e.Raw)
		}
		if u.Connections() > 0 {
			s.Errorf("a third host was connected to")
		}
	}
}

func knownToken(s *stage.Stage) {
	p := register(s, s.Caller, "alice")
	eve := []*peer.UA{s.Peer(udp4), s.Peer(stage.Leg{Proto: "tcp"})}
	for _, u := range eve {
		for _, method := range []string{"INVITE", "MESSAGE", "OPTIONS", "SUBSCRIBE", "NOTIFY", "REFER", "REGISTER", "PUBLISH", "INFO"} {
			u.Start(method, p.token)
			u.Start(method, p.token, from(s, "bob"), peer.With("To", "<sip:alice@"+s.Domain+">"))
		}
	}
	p.UA.Start("MESSAGE", p.token) // nor may the phone itself
	p.UA.Quiet(silence)
	for _, u := range eve {
		u.Quiet(silence / 4)
		if n := len(u.Received(100)); n != 0 {
			s.Errorf("a stranger was told 100 Trying %d times", n)
		}
	}
	s.Callee.Quiet(silence / 4)
	p.called()
}

func othersPBX(s *stage.Stage) {
	p := register(s, s.Caller, "alice")
	eve := s.Peer(udp4)
	s.Node.Apply(s.T, s.Customer, harness.Customer{
		Name: s.Customer.Name + "-other", Domains: []string{"other-" + s.Domain}, Outbound: "any", Hidden: s.Hidden,
		Destinations: []harness.Destination{{Addr: eve.Addr()}},
	})
	for _, method := range []string{"INVITE", "MESSAGE", "SUBSCRIBE"} {
		eve.Start(method, p.token)
		eve.Start(method, p.token, peer.With("From", "<sip:bob@other-"+s.Domain+">;tag="+eve.Mark))
	}
	eve.Quiet(silence)
	p.UA.Quiet(silence / 4)
	eve.Invite("sip:alice@"+s.Domain, peer.With("From", "<sip:bob@other-"+s.Domain+">;tag=t"+eve.Mark)) // by the domain: as anyone
	b := s.Callee.Accept("INVITE")
	b.Answer(486)
	b.Expect("ACK")
	p.UA.Quiet(silence / 4)
	eve.Drain()
	p.called()
}

// thirdParties guess tags and branches of a call between the PBX and a phone.
func thirdParties(s *stage.Stage) {
	p := register(s, s.Caller, "alice")
	b := sends(s, "INVITE", p.token)
	a := p.gets("INVITE")
	a.Answer(200, peer.SDP(p.UA, 1))
	b.Expect(200)
	b.Ack()
	a.Expect("ACK")
	eve := s.Peer(udp4)
	guess := func(side *peer.Call, local, remote string, routed bool) []peer.Option {
		opts := []peer.Option{
			peer.With("Call-ID", side.ID), peer.With("From", "<sip:x@"+s.Domain+">;tag="+local), peer.With("To", "<sip:y@"+s.Domain+">;tag="+remote),
		}
		if routed {
			opts = append(opts, func(m *peer.Message) { m.URI = side.Target })
			for _, r := range side.Routes {
				opts = append(opts, peer.Also("Route", r))
			}
		}
		return opts
	}
	for _, method := range []string{"BYE", "INVITE", "UPDATE", "INFO", "REFER", "CANCEL", "NOTIFY"} {
		for _, side := range []*peer.Call{a, b} {
			for _, opts := range [][]peer.Option{
				guess(side, side.LocalTag, "wrong", true), guess(side, "wrong", side.RemoteTag, true), guess(side, "wrong", "wrong", false),
				guess(side, side.LocalTag, "wrong", false), guess(side, side.LocalTag, side.RemoteTag, false),
			} {
				eve.Start(method, "sip:alice@"+s.Domain, append(opts, peer.With("CSeq", fmt.Sprintf("%d %s", 9000, method)))...)
			}
		}
	}
	p.UA.Quiet(silence)
	s.Callee.Quiet(silence / 4)
	for _, m := range eve.Drain() {
		if m.Status != 481 && m.Status != 100 {
			s.Errorf("a third party is answered\n%s", m.Bytes())
		}
	}
	inside(s, a, b)
}

// preloadedRoutes: nobody makes the node an open relay by a Route header.
func preloadedRoutes(s *stage.Stage) {
	s.Loose = true
	tr := newTrap(s)
	p := register(s, s.Caller, "alice")
	proto := ";transport=" + s.Caller.Proto()
	us, them := "<sip:"+s.Caller.Edge.String()+proto+";lr>", "<sip:"+tr.at()+proto+";lr>"
	for _, routes := range [][]string{{them}, {us, them}, {"<sip:" + tr.at() + ">"}, {us, us, them, us}} {
		for _, method := range []string{"INVITE", "MESSAGE", "SUBSCRIBE", "REGISTER"} {
			for _, sender := range []*peer.UA{p.UA, s.Peer(s.Variant.Caller)} {
				opts := []peer.Option{from(s, "alice"), peer.With("To", "<sip:alice@"+s.Domain+">")}
				for _, r := range routes {
					opts = append(opts, peer.Also("Route", r))
				}
				sender.Start(method, "sip:bob@"+s.Domain, opts...)
				sender.Start(method, "sip:bob@"+tr.at(), opts...)
			}
		}
	}
	refuseAll(s)
	tr.untouched(s)
	a, b := talk(s)
	for _, side := range []*peer.Call{a, b} {
		opts := []peer.Option{peer.Also("Route", them)} // after the node's own
		if len(side.Routes) == 0 {
			opts = append([]peer.Option{peer.Also("Route", us)}, opts...)
		}
		side.Request("INFO", opts...)
	}
	tr.untouched(s)
	a.UA.Drain()
	b.UA.Drain()
	tr.untouched(s)
}

// refuseAll has the PBX refuse what comes, until nothing comes any more.
func refuseAll(s *stage.Stage) {
	s.Helper()
	for {
		c := s.Callee.Next(silence)
		if c == nil {
			return
		}
		if c.Incoming().Method != "ACK" {
			c.Answer(404)
		}
	}
}

// talk is a call between a registered phone and the PBX.
func talk(s *stage.Stage) (a, b *peer.Call) {
	s.Helper()
	a = s.Caller.Invite("sip:bob@"+s.Domain, from(s, "alice"))
	b = s.Callee.Accept("INVITE")
	b.Answer(200, peer.SDP(s.Callee, 1))
	a.Await(200)
	a.Ack()
	b.Expect("ACK")
	return a, b
}

func maddr(s *stage.Stage) {
	s.Loose = true
	tr := newTrap(s)
	ip := tr.udp.IP()
	p := register(s, s.Caller, "alice")
	for _, uri := range []string{
		"sip:bob@" + s.Domain + ";maddr=" + ip, fmt.Sprintf("sip:bob@%s:%d;maddr=%s", s.Domain, tr.udp.Port(), ip),
		p.token + ";maddr=" + ip, "sip:bob@" + ip + ";maddr=" + s.Caller.Edge.Addr().String(),
	} {
		for _, sender := range []*peer.UA{s.Caller, s.Peer(s.Variant.Caller)} {
			sender.Start("MESSAGE", uri, from(s, "alice"))
			sender.Invite(uri, from(s, "alice"))
		}
	}
	refuseAll(s)
	tr.untouched(s)
	s.Caller.Drain()

	p = newPhone(s, s.Caller, "carol")
	p.Contact += fmt.Sprintf(";maddr=%s;ttl=1", ip)
	p.refresh(600)
	b := sends(s, "MESSAGE", p.token)
	p.gets("MESSAGE").Answer(200)
	b.Expect("200 MESSAGE")

	led := func(u *peer.UA) peer.Option {
		return func(m *peer.Message) {
			m.Set("Contact", strings.Replace(m.Get("Contact"), ">", fmt.Sprintf(";maddr=%s>", ip), 1))
		}
	}
	a := s.Caller.Invite("sip:bob@"+s.Domain, from(s, "carol"), led(s.Caller))
	b = s.Callee.Accept("INVITE")
	b.Answer(200, peer.SDP(s.Callee, 1))
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	s.End(b, a)
	tr.untouched(s)
}

// overlongChains: whatever becomes of them, they go nowhere else and what is well goes on.
func overlongChains(s *stage.Stage) {
	s.Loose = true
	tr := newTrap(s)
	p := register(s, s.Caller, "alice")
	chain := func(header, element string, count int) []peer.Option {
		return []peer.Option{from(s, "alice"), peer.With("To", "<sip:alice@"+s.Domain+">"), func(m *peer.Message) {
			for i := range count {
				m.Add(header, fmt.Sprintf(element, i))
			}
		}}
	}
	hop := "<sip:%d@" + tr.at() + ";lr>"
	for _, opts := range [][]peer.Option{
		chain("Via", "SIP/2.0/UDP "+tr.at()+";branch=z9hG4bK%d", 75), chain("Record-Route", hop, 90), chain("Route", hop, 90),
		chain("Contact", hop, 90), chain("Path", hop, 90), chain("Refer-To", hop, 90), chain("X-Anything", "%d", 300),
	} {
		for _, method := range []string{"REGISTER", "INVITE", "MESSAGE"} {
			p.UA.Start(method, "sip:"+s.Domain, opts...)
		}
	}
	refuseAll(s)
	tr.untouched(s)
	p.UA.Drain()
	p.called()
}
