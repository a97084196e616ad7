package phones

import (
	"fmt"
	"strings"

	"tollgate/test/peer"
	"tollgate/test/stage"
)

// subscriptions are SUBSCRIBE, its NOTIFYs and what is like them (RFC 6665, 3515, 3903).
func subscriptions() []stage.Scenario {
	all := stage.Matrix("udp4-udp4", "tcp4-udp4", "tls4-udp4", "udp4-tcp4", "tcp4-tls4", "udp6-udp4", "udp4-udp6")
	some := stage.Matrix("udp4-udp4", "tcp4-tls4")
	return []stage.Scenario{
		{Name: "subscribe, refresh and un-subscribe", Matrix: all, Play: subscribes},
		{Name: "the subscriber is registered", Matrix: all, Play: registeredSubscriber},
		{Name: "subscriber and notifier move", Matrix: some, Play: movedParties},
		{Name: "NOTIFY before its 2xx", Matrix: some, Play: notifyFirst},
		{Name: "two notifiers", Matrix: some, Play: twoNotifiers},
		{Name: "the notifier ends it", Matrix: some, Play: notifierEnds},
		{Name: "the subscriber knows nothing of it", Matrix: stage.One(), Play: notifyRefused},
		{Name: "SUBSCRIBE refused and challenged", Matrix: some, Play: subscribeRefused},
		{Name: "third parties in a subscription", Matrix: stage.One(), Play: thirdPartyNotify},
		{Name: "the PBX subscribes", Matrix: some, Play: pbxSubscribes},
		{Name: "PUBLISH", Matrix: all, Play: publish},
		{Name: "REFER and INFO outside of calls", Matrix: some, Play: outside},
		{Name: "REFER without a subscription", Matrix: stage.One(), Play: norefersub},
	}
}

const dialogInfo = `<?xml version="1.0"?><dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="%d" state="full" entity="sip:bob@%s"/>`

// news is the body of a BLF NOTIFY.
func news(s *stage.Stage, version int) peer.Option {
	return peer.Body("application/dialog-info+xml", fmt.Sprintf(dialogInfo, version, s.Domain))
}

// follow has the outside subscribe to what bob does.
func follow(s *stage.Stage, opts ...peer.Option) (a, b *peer.Call) {
	s.Helper()
	a = s.Caller.Subscribe("sip:bob@"+s.Domain, "dialog", 600, append([]peer.Option{peer.With("Accept", "application/dialog-info+xml")}, opts...)...)
	b = s.Callee.Accept("SUBSCRIBE")
	if m := b.Incoming(); m.Get("Event") != "dialog" || m.Get("Expires") != "600" {
		s.Errorf("a subscription for 600 s came as\n%s", m.Bytes())
	}
	b.Answer(200, peer.With("Expires", "500"))
	if m := a.Expect("200 SUBSCRIBE"); m.Get("Expires") != "500" {
		s.Errorf("granted 500 s, the subscriber reads\n%s", m.Bytes())
	}
	return a, b
}

// told has a NOTIFY pass and be answered.
func told(s *stage.Stage, a, b *peer.Call, state string, version int) {
	s.Helper()
	sent := b.Notify("dialog", state, news(s, version))
	m := a.Expect("NOTIFY")
	if m.Body != sent.Body || m.Get("Subscription-State") != state || m.Get("Event") != "dialog" {
		s.Errorf("the news must pass as they are:\n%s", m.Bytes())
	}
	a.Reply(m, 200)
	b.Expect("200 NOTIFY")
}

func subscribes(s *stage.Stage) {
	a, b := follow(s)
	told(s, a, b, "active;expires=500", 1)
	for version := range 2 {
		a.Resubscribe("dialog", 600)
		b.Reply(b.Expect("SUBSCRIBE"), 200, peer.With("Expires", "400"))
		if m := a.Expect("200 SUBSCRIBE"); m.Get("Expires") != "400" {
			s.Errorf("granted 400 s, the subscriber reads\n%s", m.Bytes())
		}
		told(s, a, b, "active;expires=400", 2+version)
	}
	unfollow(s, a, b)
}

func unfollow(s *stage.Stage, a, b *peer.Call) {
	s.Helper()
	a.Resubscribe("dialog", 0)
	b.Reply(b.Expect("SUBSCRIBE"), 200, peer.With("Expires", "0"))
	a.Expect("200 SUBSCRIBE")
	told(s, a, b, "terminated;reason=timeout", 9)
}

// registeredSubscriber: news must take the phone's own flow, whatever its Contact says.
func registeredSubscriber(s *stage.Stage) {
	home := behindNAT(s.Caller)
	register(s, s.Caller, "alice")
	a, b := follow(s, from(s, "alice"), home)
	for version := range 2 {
		b.Notify("dialog", "active;expires=500", news(s, version))
		m := a.Expect("NOTIFY")
		if m.Source() != s.Caller.Edge {
			s.Errorf("the NOTIFY came from %s, the phone's flow leads to %s", m.Source(), s.Caller.Edge)
		}
		a.Reply(m, 200)
		b.Expect("200 NOTIFY")
		a.Resubscribe("dialog", 600, home)
		b.Reply(b.Expect("SUBSCRIBE"), 200, peer.With("Expires", "600"))
		a.Expect("200 SUBSCRIBE")
	}
	unfollow(s, a, b)
}

// movedParties: SUBSCRIBE and NOTIFY refresh the target of who sends them (RFC 6665 4.4.1, RFC 5057 5.4),
// as after a new address at home.
func movedParties(s *stage.Stage) {
	a, b := follow(s)
	for version := range 2 {
		a.MoveContact()
		sent := a.Resubscribe("dialog", 600)
		b.Reply(b.Expect("SUBSCRIBE"), 200, peer.With("Expires", "600"))
		a.Expect("200 SUBSCRIBE")
		b.MoveContact()
		b.Notify("dialog", "active;expires=600", news(s, version))
		m := a.Expect("NOTIFY")
		if at := peer.URIOf(sent.Get("Contact")); m.URI != at {
			s.Errorf("the subscriber is at %s since its refresh, and is told of news as\n%s", at, m.Bytes())
		}
		a.Reply(m, 200)
		b.Expect("200 NOTIFY")
	}
	at := peer.URIOf(b.Notify("dialog", "active;expires=600", news(s, 3)).Get("Contact"))
	a.Reply(a.Expect("NOTIFY"), 200)
	b.Expect("200 NOTIFY")
	a.Resubscribe("dialog", 0)
	m := b.Expect("SUBSCRIBE")
	if m.URI != at {
		s.Errorf("the notifier is at %s since its last news, and is asked as\n%s", at, m.Bytes())
	}
	b.Reply(m, 200, peer.With("Expires", "0"))
	a.Expect("200 SUBSCRIBE")
	told(s, a, b, "terminated;reason=timeout", 9)
}

// notifyFirst: the NOTIFY makes the dialog, and its 2xx changes nothing (RFC 6665 4.4.1).
func notifyFirst(s *stage.Stage) {
	a := s.Caller.Subscribe("sip:bob@"+s.Domain, "dialog", 600)
	b := s.Callee.Accept("SUBSCRIBE")
	told(s, a, b, "active;expires=600", 1)
	b.Answer(200, peer.With("Expires", "600"))
	a.Expect("200 SUBSCRIBE")
	told(s, a, b, "active;expires=500", 2)
	a.Resubscribe("dialog", 600)
	b.Reply(b.Expect("SUBSCRIBE"), 200, peer.With("Expires", "600"))
	a.Expect("200 SUBSCRIBE")
	unfollow(s, a, b)
}

// twoNotifiers: one SUBSCRIBE, two dialogs, each refreshed and ended alone.
func twoNotifiers(s *stage.Stage) {
	a := s.Caller.Subscribe("sip:bob@"+s.Domain, "dialog", 600)
	b := s.Callee.Accept("SUBSCRIBE")
	other := b.AnswerAs()
	b.Answer(200, peer.With("Expires", "600"))
	a.Expect("200 SUBSCRIBE")
	told(s, a, b, "active;expires=600", 1)
	other.Notify("dialog", "active;expires=600", news(s, 1))
	forked, m := a.ForkedNotify()
	forked.Reply(m, 200)
	other.Expect("200 NOTIFY")
	for _, d := range []struct{ a, b *peer.Call }{{forked, other}, {a, b}} {
		d.a.Resubscribe("dialog", 300)
		d.b.Reply(d.b.Expect("SUBSCRIBE"), 200, peer.With("Expires", "300"))
		d.a.Expect("200 SUBSCRIBE")
		told(s, d.a, d.b, "active;expires=300", 2)
	}
	unfollow(s, forked, other)
	told(s, a, b, "active;expires=250", 3)
	unfollow(s, a, b)
}

func notifierEnds(s *stage.Stage) {
	a, b := follow(s)
	told(s, a, b, "terminated;reason=noresource", 1)
	a.Resubscribe("dialog", 600)
	if _, m := peer.Either(a, "481 SUBSCRIBE", b, "SUBSCRIBE"); m != nil { // the node may have forgotten it, or not
		b.Reply(m, 481)
		a.Expect("481 SUBSCRIBE")
	}
}

func notifyRefused(s *stage.Stage) {
	a, b := follow(s)
	b.Notify("dialog", "active;expires=500", news(s, 1))
	a.Reply(a.Expect("NOTIFY"), 481)
	b.Expect("481 NOTIFY")
}

func subscribeRefused(s *stage.Stage) {
	a := s.Caller.Subscribe("sip:bob@"+s.Domain, "nonsense", 600)
	s.Callee.Accept("SUBSCRIBE").Answer(489, peer.With("Allow-Events", "dialog"))
	if m := a.Expect(489); m.Get("Allow-Events") != "dialog" {
		s.Errorf("Allow-Events must pass:\n%s", m.Bytes())
	}
	secret := peer.Credentials{User: "alice", Password: "secret"}
	a = s.Caller.Subscribe("sip:bob@"+s.Domain, "dialog", 600)
	b := s.Callee.Accept("SUBSCRIBE")
	b.Answer(401, peer.Challenge(s.Domain, "MD5"))
	challenge := a.Expect(401)
	a.Resubscribe("dialog", 600, secret.Answer(challenge))
	b = b.AcceptAgain("SUBSCRIBE")
	if !secret.Proves(b.Incoming()) {
		s.Errorf("the PBX cannot check the password:\n%s", b.Incoming().Bytes())
	}
	b.Answer(200, peer.With("Expires", "600"))
	a.Expect("200 SUBSCRIBE")
	told(s, a, b, "active;expires=600", 1)
	unfollow(s, a, b)
}

func thirdPartyNotify(s *stage.Stage) {
	a, b := follow(s)
	told(s, a, b, "active;expires=500", 1)
	eve := s.Peer(udp4)
	for _, method := range []string{"NOTIFY", "SUBSCRIBE"} {
		for _, side := range []*peer.Call{a, b} {
			for _, tags := range [][2]string{{side.LocalTag, "wrong"}, {"wrong", "wrong"}} { // another From tag alone is a fork
				opts := []peer.Option{
					peer.With("Call-ID", side.ID), peer.With("CSeq", "9000 "+method), peer.With("Event", "dialog"),
					peer.With("Subscription-State", "terminated"), peer.With("Expires", "0"),
					peer.With("From", "<sip:x@"+s.Domain+">;tag="+tags[0]), peer.With("To", "<sip:y@"+s.Domain+">;tag="+tags[1]),
				}
				for _, r := range side.Routes {
					opts = append(opts, peer.Also("Route", r))
				}
				eve.Start(method, side.Target, opts...)
				eve.Start(method, "sip:bob@"+s.Domain, opts[:7]...)
			}
		}
	}
	s.Caller.Quiet(silence)
	s.Callee.Quiet(silence / 4)
	for _, m := range eve.Drain() {
		if m.Status != 481 && m.Status != 100 {
			s.Errorf("a third party is answered\n%s", m.Bytes())
		}
	}
	told(s, a, b, "active;expires=400", 2)
	unfollow(s, a, b)
}

// pbxSubscribes: the PBX follows what a phone of it does.
func pbxSubscribes(s *stage.Stage) {
	p := register(s, s.Caller, "alice")
	b := sends(s, "SUBSCRIBE", p.token, peer.With("Event", "dialog"), peer.With("Expires", "600"))
	a := p.gets("SUBSCRIBE")
	a.Answer(200, peer.With("Expires", "600"))
	b.Expect("200 SUBSCRIBE")
	told(s, b, a, "active;expires=600", 1)
	unfollow(s, b, a)
}

// publish: the state's name goes back and forth, and is refused where it is stale.
func publish(s *stage.Stage) {
	body := peer.Body("application/pidf+xml", "<presence/>")
	a := s.Caller.Start("PUBLISH", "sip:alice@"+s.Domain, from(s, "alice"), peer.With("Event", "presence"), peer.With("Expires", "600"), body)
	b := s.Callee.Accept("PUBLISH")
	if m := b.Incoming(); m.Body != "<presence/>" || m.Get("Event") != "presence" || m.Get("Expires") != "600" {
		s.Errorf("the state must pass:\n%s", m.Bytes())
	}
	b.Answer(200, peer.With("SIP-ETag", "dx200xyz"), peer.With("Expires", "300"))
	if m := a.Expect("200 PUBLISH"); m.Get("SIP-ETag") != "dx200xyz" || m.Get("Expires") != "300" {
		s.Errorf("the state's name must pass:\n%s", m.Bytes())
	}
	a = s.Caller.Start("PUBLISH", "sip:alice@"+s.Domain, from(s, "alice"), peer.With("Event", "presence"), peer.With("SIP-If-Match", "old"))
	b = s.Callee.Accept("PUBLISH")
	if got := b.Incoming().Get("SIP-If-Match"); got != "old" {
		s.Errorf("SIP-If-Match came as %q", got)
	}
	b.Answer(412)
	a.Expect("412 PUBLISH")
}

// outside: a REFER makes a subscription of its own; an INFO is simply relayed.
func outside(s *stage.Stage) {
	a := s.Caller.Start("REFER", "sip:bob@"+s.Domain, peer.With("Refer-To", "<sip:carol@"+s.Domain+">"))
	b := s.Callee.Accept("REFER")
	if to := b.Incoming().Get("Refer-To"); peer.URIOf(to) != "sip:carol@"+s.Domain {
		s.Errorf("Refer-To came as %q", to)
	}
	b.Answer(202)
	a.Expect("202 REFER")
	progress(s, a, b, "SIP/2.0 100 Trying", "active;expires=60")
	progress(s, a, b, "SIP/2.0 200 OK", "terminated;reason=noresource")

	a = s.Caller.Start("INFO", "sip:bob@"+s.Domain, peer.Body("application/dtmf-relay", "Signal=1"))
	s.Callee.Accept("INFO").Answer(405, peer.With("Allow", "INVITE, ACK, BYE"))
	if allow := a.Expect("405 INFO").Get("Allow"); !strings.Contains(allow, "BYE") {
		s.Errorf("the PBX's Allow came as %q", allow)
	}
}

// progress is a NOTIFY of how a REFER goes (RFC 3515 2.4.5), from b to a.
func progress(s *stage.Stage, a, b *peer.Call, line, state string) {
	s.Helper()
	b.Notify("refer", state, peer.Body("message/sipfrag;version=2.0", line+"\r\n"))
	m := a.Expect("NOTIFY")
	if m.Body != line+"\r\n" || m.Get("Subscription-State") != state || m.Get("Event") != "refer" {
		s.Errorf("progress must pass as it is:\n%s", m.Bytes())
	}
	a.Reply(m, 200)
	b.Expect("200 NOTIFY")
}

func norefersub(s *stage.Stage) {
	a := s.Caller.Start("REFER", "sip:bob@"+s.Domain, peer.With("Refer-To", "<sip:carol@"+s.Domain+">"),
		peer.With("Supported", "norefersub"), peer.With("Refer-Sub", "false"))
	b := s.Callee.Accept("REFER")
	if got := b.Incoming().Get("Refer-Sub"); got != "false" {
		s.Errorf("Refer-Sub came as %q", got)
	}
	b.Answer(200, peer.With("Refer-Sub", "false"))
	a.Expect("200 REFER")
}
