package phones

import (
	"fmt"
	"net/url"
	"strings"

	"tollgate/test/peer"
	"tollgate/test/stage"
)

// transfers are REFER inside of calls, and Replaces (RFC 3515, 3891, 5589).
func transfers() []stage.Scenario {
	all := stage.Matrix("udp4-udp4", "tcp4-udp4", "udp4-tcp4", "tls4-tls4", "udp4-udp6")
	some := stage.Matrix("udp4-udp4", "tcp4-tls4")
	return []stage.Scenario{
		{Name: "the phone transfers blindly", Matrix: all, Play: phoneTransfers},
		{Name: "the PBX transfers the phone blindly", Matrix: all, Play: pbxTransfers},
		{Name: "the phone forwards its calls", Matrix: stage.One(), Play: phoneForwards},
		{Name: "a transfer to a hidden host", Matrix: stage.One(), Play: hiddenTarget},
		{Name: "a transfer that fails", Matrix: some, Play: transferFails},
		{Name: "progress after the BYE", Matrix: some, Play: progressAfterBye},
		{Name: "the phone transfers attended", Matrix: some, Play: phoneAttended},
		{Name: "the phone transfers while it rings", Matrix: some, Play: phoneEarly},
		{Name: "the PBX transfers attended", Matrix: some, Play: pbxAttended},
		{Name: "Replaces, Join and Target-Dialog of a call", Matrix: some, Play: namedDialogs},
		{Name: "Replaces that names no dialog of ours", Matrix: some, Play: unknownDialog},
		{Name: "REFER that names no dialog of ours", Matrix: stage.One(), Play: unknownReferred},
		{Name: "a key picks up a ringing call", Matrix: some, Play: pickup},
	}
}

// phoneCall is a call from a phone to a user of the PBX, answered.
func phoneCall(s *stage.Stage, user string) (a, b *peer.Call) {
	s.Helper()
	a = s.Caller.Invite("sip:"+user+"@"+s.Domain, from(s, "alice"))
	b = s.Callee.Accept("INVITE")
	b.Answer(180)
	a.Expect(180)
	b.Answer(200, peer.SDP(s.Callee, 1))
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	return a, b
}

// pbxCall is a call from the PBX to a phone, answered.
func pbxCall(s *stage.Stage, p *phone) (b, a *peer.Call) {
	s.Helper()
	b = sends(s, "INVITE", p.token)
	a = p.gets("INVITE")
	a.Answer(200, peer.SDP(p.UA, 1))
	b.Expect(200)
	b.Ack()
	a.Expect("ACK")
	return b, a
}

// phoneForwards: a phone sends its calls on to another user, as its owner has set it, and the PBX is told whom it is
// to call, be the phone hidden from it or not. Where that is a host of the phone's own, only a plain call says so, and no call says a header by which the PBX's
// next request would go elsewhere.
func phoneForwards(s *stage.Stage) {
	p := register(s, s.Caller, "alice")
	for contacts, shown := range map[string]bool{
		"<sip:carol@" + s.Domain + ">": true, "\"x\" <sip:+3940%31@" + s.Domain + ";user=phone>;q=0.9, <sip:voicemail@" + s.Domain + ">;q=0.1": true,
		"<sip:carol@" + s.Domain + ">, <sip:" + p.UA.Mark + "@" + p.UA.IP() + ">": false, "<tel:+3940123>": false,
		"<sip:carol@" + s.Domain + "?Route=%3Csip:192.0.2.1%3E>": false,
	} {
		b := sends(s, "INVITE", p.token)
		a := p.gets("INVITE")
		a.Answer(302, peer.With("Contact", contacts))
		a.Expect("ACK")
		if !shown && s.Hidden {
			b.Expect(480)
			continue
		}
		if strings.Contains(contacts, "?Route") {
			b.Expect(403)
			continue
		}
		if got := strings.Join(b.Expect(302).All("Contact"), ", "); got != contacts {
			s.Errorf("%s came as %s", contacts, got)
		}
	}
}

// refers has one side of a call ask the other to call somebody, and gives what arrived.
func refers(s *stage.Stage, a, b *peer.Call, to string, opts ...peer.Option) *peer.Message {
	s.Helper()
	a.Request("REFER", append([]peer.Option{peer.With("Refer-To", to), peer.With("Referred-By", "<sip:alice@"+s.Domain+">")}, opts...)...)
	m := b.Expect("REFER")
	if by := peer.URIOf(m.Get("Referred-By")); by != "sip:alice@"+s.Domain {
		s.Errorf("Referred-By came as %q", by)
	}
	b.Reply(m, 202)
	a.Expect("202 REFER")
	return m
}

func phoneTransfers(s *stage.Stage) {
	register(s, s.Caller, "alice")
	a, b := phoneCall(s, "bob")
	m := refers(s, a, b, "<sip:carol@"+s.Domain+">")
	if to := peer.URIOf(m.Get("Refer-To")); to != "sip:carol@"+s.Domain {
		s.Errorf("Refer-To came as %q", to)
	}
	progress(s, a, b, "SIP/2.0 100 Trying", "active;expires=60")
	progress(s, a, b, "SIP/2.0 200 OK", "terminated;reason=noresource")
	s.End(a, b)
}

// pbxTransfers: the phone calls whom it is sent to, through the node, and leaves the first call.
func pbxTransfers(s *stage.Stage) {
	p := register(s, s.Caller, "alice")
	b, a := pbxCall(s, p)
	m := refers(s, b, a, "<sip:carol@"+s.Domain+">")
	progress(s, b, a, "SIP/2.0 100 Trying", "active;expires=60")
	follows(s, peer.URIOf(m.Get("Refer-To")), m.Get("Referred-By"))
	progress(s, b, a, "SIP/2.0 200 OK", "terminated;reason=noresource")
	s.End(b, a)
}

// follows has the phone call whom a REFER named, and the PBX take the call.
func follows(s *stage.Stage, uri, by string) {
	s.Helper()
	a := s.Caller.Invite(uri, from(s, "alice"), peer.With("Referred-By", by))
	b := s.Callee.Accept("INVITE")
	if user := peer.User(b.Incoming().URI); user != "carol" {
		s.Errorf("the phone was sent to %s and the PBX is asked for %s", uri, b.Incoming().URI)
	}
	b.Answer(200, peer.SDP(s.Callee, 1))
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	s.End(a, b)
}

// hiddenTarget: the PBX names somebody at its own address, as many do. Hidden, the phone must not
// read that address, and its call must arrive all the same.
func hiddenTarget(s *stage.Stage) {
	p := register(s, s.Caller, "alice")
	b, a := pbxCall(s, p)
	m := refers(s, b, a, "<sip:carol@"+s.Callee.Addr().String()+">")
	if s.Hidden {
		follows(s, peer.URIOf(m.Get("Refer-To")), m.Get("Referred-By"))
	}
	s.End(b, a)
}

func transferFails(s *stage.Stage) {
	register(s, s.Caller, "alice")
	a, b := phoneCall(s, "bob")
	a.Request("REFER", peer.With("Refer-To", "<sip:carol@"+s.Domain+">"))
	b.Reply(b.Expect("REFER"), 603)
	a.Expect("603 REFER")
	refers(s, a, b, "<sip:carol@"+s.Domain+">")
	progress(s, a, b, "SIP/2.0 486 Busy Here", "terminated;reason=noresource")
	inside(s, a, b)
}

// progressAfterBye: the call is over, the REFER's subscription is not (RFC 5057).
func progressAfterBye(s *stage.Stage) {
	register(s, s.Caller, "alice")
	a, b := phoneCall(s, "bob")
	refers(s, a, b, "<sip:carol@"+s.Domain+">")
	progress(s, a, b, "SIP/2.0 100 Trying", "active;expires=60")
	s.End(a, b)
	progress(s, a, b, "SIP/2.0 180 Ringing", "active;expires=50")
	progress(s, a, b, "SIP/2.0 200 OK", "terminated;reason=noresource")
}

// replaces names a dialog for whoever is on the other side of it (RFC 3891 3).
func replaces(c *peer.Call) string {
	return fmt.Sprintf("%s;to-tag=%s;from-tag=%s", c.ID, c.RemoteTag, c.LocalTag)
}

// names fails unless a Replaces names this very dialog as its owner knows it.
func names(s *stage.Stage, value string, c *peer.Call) {
	s.Helper()
	id, _, _ := strings.Cut(value, ";")
	if id != c.ID || peer.HeaderParam(value, "to-tag") != c.LocalTag || peer.HeaderParam(value, "from-tag") != c.RemoteTag {
		s.Errorf("%q does not name the dialog %s, local tag %s, remote tag %s", value, c.ID, c.LocalTag, c.RemoteTag)
	}
}

// inURI is a Refer-To with a Replaces in its URI, and inside reads it again.
func inURI(uri, value string) string { return "<" + uri + "?Replaces=" + url.QueryEscape(value) + ">" }

func replacesOf(s *stage.Stage, referTo string) string {
	s.Helper()
	_, query, ok := strings.Cut(peer.URIOf(referTo), "?Replaces=")
	value, err := url.PathUnescape(query)
	if !ok || err != nil {
		s.Fatalf("no Replaces in Refer-To %q", referTo)
	}
	return value
}

// phoneAttended: the phone has two calls and joins the others to each other. The PBX must find both
// dialogs under the names that it knows.
func phoneAttended(s *stage.Stage) {
	register(s, s.Caller, "alice")
	a1, b1 := phoneCall(s, "bob")
	a2, b2 := phoneCall(s, "carol")
	m := refers(s, a1, b1, inURI("sip:carol@"+s.Domain, replaces(a2)))
	names(s, replacesOf(s, m.Get("Refer-To")), b2)
	progress(s, a1, b1, "SIP/2.0 200 OK", "terminated;reason=noresource")
	s.End(b2, a2)
	s.End(a1, b1)
}

// phoneEarly: the second call still rings, and its target takes it over (RFC 5589 7.6).
func phoneEarly(s *stage.Stage) {
	register(s, s.Caller, "alice")
	a1, b1 := phoneCall(s, "bob")
	a2 := s.Caller.Invite("sip:carol@"+s.Domain, from(s, "alice"))
	b2 := s.Callee.Accept("INVITE")
	b2.Answer(180)
	a2.Expect(180)
	m := refers(s, a1, b1, inURI("sip:carol@"+s.Domain, replaces(a2)+";early-only"))
	value := replacesOf(s, m.Get("Refer-To"))
	names(s, value, b2)
	if !strings.Contains(value, ";early-only") {
		s.Errorf("early-only is lost: %q", value)
	}
	b2.Answer(487)
	b2.Expect("ACK")
	a2.Expect(487)
	s.End(a1, b1)
}

// pbxAttended: a user of the PBX talks to two phones and joins them. The first phone calls with the
// Replaces it was given; the PBX, and then the second phone, must find their own dialogs in it.
func pbxAttended(s *stage.Stage) {
	alice := register(s, s.Caller, "alice")
	carol := register(s, s.Peer(s.Variant.Caller), "carol")
	b1, a1 := pbxCall(s, alice)
	b2, c2 := pbxCall(s, carol)
	m := refers(s, b1, a1, inURI("sip:carol@"+s.Domain, replaces(b2)))
	given := replacesOf(s, m.Get("Refer-To"))

	uri, _, _ := strings.Cut(peer.URIOf(m.Get("Refer-To")), "?")
	a3 := s.Caller.Invite(uri, from(s, "alice"), peer.With("Replaces", given), peer.With("Require", "replaces"))
	at := s.Callee.Accept("INVITE")
	passed := at.Incoming().Get("Replaces")
	if passed != replaces(b2) {
		s.Errorf("the PBX knows the dialog as %q and is asked to replace %q", replaces(b2), passed)
	}
	b3 := sends(s, "INVITE", carol.token, peer.With("Replaces", passed), peer.With("Require", "replaces"))
	c3 := carol.gets("INVITE")
	names(s, c3.Incoming().Get("Replaces"), c2)
	c3.Answer(200, peer.SDP(carol.UA, 1))
	b3.Expect(200)
	b3.Ack()
	c3.Expect("ACK")
	at.Answer(200, peer.SDP(s.Callee, 1))
	a3.Expect(200)
	a3.Ack()
	at.Expect("ACK")
	s.End(c2, b2)
	progress(s, b1, a1, "SIP/2.0 200 OK", "terminated;reason=noresource")
	s.End(b1, a1)
	s.End(c3, b3)
	s.End(at, a3)
}

// namedDialogs: a new request from outside names a call that is up.
func namedDialogs(s *stage.Stage) {
	register(s, s.Caller, "alice")
	a, b := phoneCall(s, "bob")
	for _, header := range []string{"Replaces", "Join"} {
		c := s.Caller.Invite("sip:bob@"+s.Domain, from(s, "alice"), peer.With(header, replaces(a)))
		d := s.Callee.Accept("INVITE")
		names(s, d.Incoming().Get(header), b)
		d.Answer(486)
		d.Expect("ACK")
		c.Expect(486)
	}
	target := fmt.Sprintf("%s;local-tag=%s;remote-tag=%s", a.ID, a.RemoteTag, a.LocalTag)
	c := s.Caller.Start("REFER", "sip:bob@"+s.Domain, from(s, "alice"), peer.With("Target-Dialog", target),
		peer.With("Require", "tdialog"), peer.With("Refer-To", "<sip:carol@"+s.Domain+">"))
	d := s.Callee.Accept("REFER")
	got := d.Incoming().Get("Target-Dialog")
	if id, _, _ := strings.Cut(got, ";"); id != b.ID || peer.HeaderParam(got, "local-tag") != b.LocalTag || peer.HeaderParam(got, "remote-tag") != b.RemoteTag {
		s.Errorf("Target-Dialog %q came as %q; the PBX knows the dialog as %s, local tag %s, remote tag %s", target, got, b.ID, b.LocalTag, b.RemoteTag)
	}
	d.Answer(603)
	c.Expect(603)
	inside(s, a, b)
}

// unknownDialog: what a BLF key has learned from the PBX itself is the PBX's own name for the dialog.
func unknownDialog(s *stage.Stage) {
	register(s, s.Caller, "alice")
	const theirs = "7e1b2c@inside.pbx.test;to-tag=t-1;from-tag=f-2;early-only"
	for _, header := range []string{"Replaces", "Join"} {
		c := s.Caller.Invite("sip:bob@"+s.Domain, from(s, "alice"), peer.With(header, theirs))
		d := s.Callee.Accept("INVITE")
		if got := d.Incoming().Get(header); got != theirs {
			s.Errorf("%s of a dialog that is none of ours must stay, got %q", header, got)
		}
		d.Answer(486)
		d.Expect("ACK")
		c.Expect(486)
	}
}

func unknownReferred(s *stage.Stage) {
	register(s, s.Caller, "alice")
	a, b := phoneCall(s, "bob")
	const theirs = "7e1b2c@inside.pbx.test;to-tag=t-1;from-tag=f-2"
	m := refers(s, a, b, inURI("sip:carol@"+s.Domain, theirs))
	if got := replacesOf(s, m.Get("Refer-To")); got != theirs {
		s.Errorf("Replaces of a dialog that is none of ours must stay, got %q", got)
	}
	s.End(a, b)
}

// ringing is dialog-info of a call that rings at bob's desk phone, as a PBX tells of it (RFC 4235).
const ringing = `<?xml version="1.0"?>
<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="1" state="full" entity="sip:bob@%[1]s">
<dialog id="as7d900as8" call-id="%[2]s" local-tag="%[3]s" remote-tag="%[4]s" direction="recipient"><state>early</state>
<local><identity>sip:bob@%[1]s</identity><target uri="sip:bob@%[5]s"/></local></dialog></dialog-info>
`

// pickup: a phone reads of a call inside and takes it. Hidden, it reads nothing of the PBX's
// addresses, and the PBX must know its own dialog again.
func pickup(s *stage.Stage) {
	register(s, s.Caller, "alice")
	a, b := follow(s, from(s, "alice"))
	id, local, remote := "7d8f09aa-desk@"+s.Callee.IP(), "to-1928301774", "from-a6c85cf"
	b.Notify("dialog", "active;expires=500", peer.Body("application/dialog-info+xml",
		fmt.Sprintf(ringing, s.Domain, id, local, remote, s.Callee.Addr())))
	m := a.Expect("NOTIFY")
	a.Reply(m, 200)
	b.Expect("200 NOTIFY")
	read := func(name string) string {
		_, rest, _ := strings.Cut(m.Body, name+`="`)
		value, _, ok := strings.Cut(rest, `"`)
		if !ok || value == "" {
			s.Fatalf("the phone reads no %s in\n%s", name, m.Body)
		}
		return value
	}
	c := s.Caller.Invite("sip:bob@"+s.Domain, from(s, "alice"), peer.With("Replaces",
		fmt.Sprintf("%s;to-tag=%s;from-tag=%s;early-only", read("call-id"), read("local-tag"), read("remote-tag"))))
	d := s.Callee.Accept("INVITE")
	if got, want := d.Incoming().Get("Replaces"), fmt.Sprintf("%s;to-tag=%s;from-tag=%s;early-only", id, local, remote); got != want {
		s.Errorf("the phone picks up the call %q, the PBX is asked for %q", want, got)
	}
	d.Answer(200, peer.SDP(s.Callee, 1))
	c.Expect(200)
	c.Ack()
	d.Expect("ACK")
	s.End(c, d)
	unfollow(s, a, b)
}
