package auth

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func TestAsked(t *testing.T) {
	n := harness.Start(t)
	for name, play := range map[string]func(*testing.T, *harness.Node){
		"a call": aCall, "each method": methods, "algorithms": algorithms, "who is not asked": notAsked,
		"relay asks nobody": relayed, "out by a switch": bySwitch, "user settings": settings, "channels": channels, "identity": identity,
		"rewriting": rewriting, "explain": explained, "credentials stay here": stripped, "retransmissions": retransmitted,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, n)
		})
	}
}

func TestKept(t *testing.T) {
	restarted(t, harness.Start(t))
}

// aCall: 407, the password, and the call is up; its later requests are asked nothing.
func aCall(t *testing.T, n *harness.Node) {
	for _, v := range []stage.Variant{stage.One()[0], {Hidden: true, Caller: stage.Leg{Proto: "tcp"}, Callee: stage.Leg{Proto: "udp"}}} {
		s := playOver(t, n, v, "")
		c, challenge := s.asked(s.Caller)
		if challenge.Has("WWW-Authenticate") || challenge.Has("Reason") || len(headers(challenge, "Proxy-Authenticate")) != 2 {
			t.Errorf("challenge:\n%s", challenge.Bytes())
		}
		c.Request("INVITE", s.from("1001"), peer.SDP(s.Caller, 1), digest{}.to(challenge))
		b := s.Callee.Accept("INVITE")
		b.Answer(200, peer.SDP(s.Callee, 1))
		c.Expect(200)
		c.Ack()
		b.Expect("ACK")
		c.Request("INFO")
		b.Reply(b.Expect("INFO"), 200)
		c.Expect("200 INFO")
		s.End(c, b)
	}
}

func headers(m *peer.Message, name string) (values []string) {
	for _, h := range m.Headers {
		if strings.EqualFold(h.Name, name) {
			values = append(values, h.Value)
		}
	}
	return values
}

func methods(t *testing.T, n *harness.Node) {
	s := play(t, n, "")
	for _, method := range []string{"MESSAGE", "PUBLISH", "SUBSCRIBE", "REFER"} {
		more := []peer.Option{s.from("1001"), peer.With("Event", "presence"), peer.With("Expires", "60"), peer.With("Refer-To", "<sip:1002@"+s.Domain+">")}
		c := s.Caller.Start(method, s.URI(), more...)
		challenge := c.Expect(407)
		c.Request(method, append(more, digest{}.to(challenge))...)
		s.Callee.Accept(method).Answer(488)
		c.Expect(488)
	}
	r := s.Caller.Registers("1001", s.Domain)
	r.Ask(60)
	challenge := r.Expect(401)
	if challenge.Has("Proxy-Authenticate") || !challenge.Has("WWW-Authenticate") {
		t.Errorf("a registrar's challenge:\n%s", challenge.Bytes())
	}
	o := s.Caller.Start("OPTIONS", s.URI(), s.from("1001"))
	s.Callee.Accept("OPTIONS").Answer(200)
	o.Expect(200)
}

// algorithms: in the customer's order, and no other.
func algorithms(t *testing.T, n *harness.Node) {
	s := play(t, n, "digest: [sha-512-256, sha-256, md5]\n")
	_, challenge := s.asked(s.Caller)
	var order []string
	for _, h := range headers(challenge, "Proxy-Authenticate") {
		_, a, _ := strings.Cut(h, "algorithm=")
		a, _, _ = strings.Cut(a, ",")
		order = append(order, a)
	}
	if got := fmt.Sprint(order); got != "[SHA-512-256 SHA-256 MD5]" {
		t.Errorf("offered %s", got)
	}
	for _, a := range order {
		c, challenge := s.asked(s.Caller)
		s.in(c, digest{algorithm: a}, challenge)
		c, challenge = s.asked(s.Caller)
		s.in(c, digest{algorithm: a, bare: true}, challenge)
	}
	c, challenge := s.asked(s.Caller)
	c.Request("INVITE", s.from("1001"), peer.With("Proxy-Authorization", `Digest username="x", realm="elsewhere", nonce="1", uri="x", response="2"`), digest{}.to(challenge))
	b := s.Callee.Accept("INVITE") // several: the one for our realm counts
	b.Answer(486)
	c.Expect(486)
	b.Expect("ACK")
	if got := headers(b.Incoming(), "Proxy-Authorization"); len(got) != 1 || !strings.Contains(got[0], "elsewhere") {
		t.Errorf("of another realm's credentials came %q", got)
	}
}

// notAsked: entries, destinations, and who calls by domain from elsewhere.
func notAsked(t *testing.T, n *harness.Node) {
	s := play(t, n, "")
	c := s.Caller.Invite(s.URI(), s.from("sip:eve@elsewhere.test"))
	s.busy(c)
	s.asked(s.Caller, s.from("nobody")) // in the customer's domain, whether there is such a user or not
	s.asked(s.Caller, s.from("sip:eve@elsewhere.test"), peer.With("P-Asserted-Identity", "<sip:1001@"+s.Domain+">"))
	s.asked(s.Caller, s.from("sip:eve@elsewhere.test"), peer.With("P-Preferred-Identity", "<sip:1001@"+s.Domain+">"))

	in := s.Callee.Invite("sip:1001@"+s.Domain, s.from("1002")) // the PBX
	in.Expect(480)

	trunk := s.Peer(stage.Leg{Proto: "udp"})
	s.Customer.Extra += fmt.Sprintf("switches:\n  - {name: trunk, direction: egress, addresses: [%q], dial_pattern: raw}\n", trunk.IP()+"/32")
	s.Apply()
	s.busy(trunk.Invite(s.URI(), s.from("1001")))
}

// bySwitch: who has proven nothing goes out by no switch, neither first nor after the PBX; users,
// entries, DIDs and emergency calls do.
func bySwitch(t *testing.T, n *harness.Node) {
	s := play(t, n, "")
	carrier, trunk, eve := s.Peer(stage.Leg{Proto: "udp"}), s.Peer(stage.Leg{Proto: "udp"}), s.from("sip:eve@elsewhere.test")
	s.Customer.Destinations = append(s.Customer.Destinations, harness.Destination{Name: "out", Switch: "carrier", Priority: 9})
	s.Customer.Extra += fmt.Sprintf("switches:\n  - {name: carrier, direction: ingress, host: %q, port: %d, dial_pattern: raw}\n"+
		"  - {name: trunk, direction: egress, addresses: [%q], dial_pattern: raw}\ndids: [{number: \"390401111\", switch: carrier}]\n",
		carrier.IP(), carrier.Port(), trunk.IP()+"/32")
	s.Apply()
	out := func(c *peer.Call) {
		t.Helper()
		b := carrier.Accept("INVITE")
		b.Answer(486)
		c.Expect(486)
		b.Expect("ACK")
	}
	c := s.Caller.Invite(s.URI(), eve)
	b := s.Callee.Accept("INVITE")
	b.Answer(503)
	b.Expect("ACK")
	c.ExpectOneOf(500, 503)
	carrier.Quiet(50 * time.Millisecond)

	s.Customer.Destinations = s.Customer.Destinations[1:]
	s.Apply()
	before := counted(t, n, "destination_is_switch")
	s.Caller.Invite(s.URI(), eve).Expect(403)
	s.Caller.Invite("sip:00390404711@"+s.Domain, s.from("sip:anonymous@anonymous.invalid")).Expect(403)
	carrier.Quiet(50 * time.Millisecond)
	if got := counted(t, n, "destination_is_switch") - before; got < 2 {
		t.Errorf("%v counted", got)
	}
	out(s.Caller.Invite("sip:390401111@"+s.Domain, eve))
	out(s.Caller.Invite("sip:112@"+s.Domain, eve))
	out(trunk.Invite(s.URI(), eve))
	c, challenge := s.asked(s.Caller)
	c.Request("INVITE", s.from("1001"), digest{}.to(challenge))
	out(c)
}

// relayed: without registration: local it is the PBX that asks.
func relayed(t *testing.T, n *harness.Node) {
	s := &scene{stage.New(t, n, stage.One()[0], func(c *harness.Customer) {
		c.Extra += "sip_users:\n" + user("1001", secret)
	})}
	c := s.Caller.Invite(s.URI(), s.from("1001"))
	s.busy(c)
	c = s.Caller.Invite(s.URI(), s.from("1001"), peer.With("Proxy-Authorization", `Digest username="1001", realm="`+s.Domain+`", nonce="1", uri="x", response="2"`))
	if got := s.busy(c); !got.Has("Proxy-Authorization") {
		t.Error("the PBX does not get the answer to its own challenge")
	}
}

func settings(t *testing.T, n *harness.Node) {
	s := play(t, n, "", user("1001", secret, `allow_from: ["203.0.113.0/24"]`), user("1002", other, "protocol: tcp"), user("1003", secret, `allow_from: ["127.0.0.0/8"]`, "protocol: udp"))
	c, challenge := s.asked(s.Caller)
	s.again(c, 403, digest{}, challenge)
	c, challenge = s.asked(s.Caller)
	s.again(c, 403, digest{user: "1002", password: other}, challenge, s.from("1002"))
	c, challenge = s.asked(s.Caller)
	s.in(c, digest{user: "1003"}, challenge, s.from("1003"))
	for _, reason := range []string{"user_address", "user_protocol"} {
		if counted(t, n, reason) < 1 {
			t.Errorf("%s is not counted", reason)
		}
	}
}

// channels: a user's own, over which no other one's calls go.
func channels(t *testing.T, n *harness.Node) {
	s := play(t, n, "", user("1001", secret, "channels: 1"), user("1002", other))
	a, b := s.up(digest{})
	c, challenge := s.asked(s.Caller)
	if r := s.again(c, 480, digest{}, challenge); !strings.Contains(r.Get("Reason"), "user limit") {
		t.Errorf("Reason %q", r.Get("Reason"))
	}
	a2, b2 := s.up(digest{user: "1002", password: other})
	s.End(a, b)
	a, b = s.up(digest{})
	s.End(a, b)
	s.End(a2, b2)
}

// restarted: a call that a kill has kept still counts as its user's.
func restarted(t *testing.T, n *harness.Node) {
	s := play(t, n, "", user("1001", secret, "channels: 1"))
	c, b := s.up(digest{})
	_, challenge := s.asked(s.Caller)
	n.Signal(t, syscall.SIGKILL)
	n.Exited(5 * time.Second)
	n.Up(t)
	again := s.Caller.Invite(s.URI(), s.from("1001"), digest{nc: 2}.to(challenge)) // of before
	fresh := again.Expect(407)
	if param(fresh, "", "stale") != "true" {
		t.Errorf("a nonce of before the restart:\n%s", fresh.Bytes())
	}
	s.again(again, 480, digest{}, fresh)
	s.End(c, b)
	again, challenge = s.asked(s.Caller)
	s.in(again, digest{}, challenge)
}

// identity: who has proven who he is is nobody else.
func identity(t *testing.T, n *harness.Node) {
	s := play(t, n, "country_code: \"39\"\nnational_prefix: \"\"\n", user("1001", secret), user("1002", other))
	s.Customer.Extra += "dids:\n  - {number: \"+390401234\", sip_user: \"1001\"}\n  - {number: \"+390405678\", sip_user: \"1002\"}\n"
	s.Apply()
	for _, own := range []peer.Option{
		s.from("1001"), s.from("0401234"), s.from("sip:anonymous@" + s.Domain),
		peer.With("P-Preferred-Identity", "<sip:1001@"+s.Domain+">"), peer.With("P-Asserted-Identity", "<tel:+390401234>"),
	} {
		c, challenge := s.asked(s.Caller)
		s.in(c, digest{}, challenge, own)
	}
	before := counted(t, n, "identity_not_owned")
	foreign := []peer.Option{
		s.from("1002"), s.from("0405678"), s.from("nobody"),
		peer.With("P-Asserted-Identity", "<sip:1002@"+s.Domain+">"), peer.With("P-Preferred-Identity", "<tel:+390405678>"),
		peer.With("P-Asserted-Identity", "<sip:1001@"+s.Domain+">, <tel:+390405678>"), peer.With("P-Asserted-Identity", "<sip:1001@elsewhere.test>"),
		peer.With("Remote-Party-ID", "<sip:1002@"+s.Domain+">"),
	}
	for _, o := range foreign {
		c, challenge := s.asked(s.Caller)
		s.again(c, 403, digest{}, challenge, o)
	}
	if got := counted(t, n, "identity_not_owned"); got < before+float64(len(foreign)) {
		t.Errorf("%v counted", got-before)
	}
}

func rewriting(t *testing.T, n *harness.Node) {
	s := play(t, n, "", user("1001", secret, `rewrite: [{what: cli, current: "1001", new: "0401234", match: prefix}]`))
	c, challenge := s.asked(s.Caller)
	if got := s.in(c, digest{}, challenge); peer.User(peer.URIOf(got.Get("From"))) != "0401234" {
		t.Errorf("From %q", got.Get("From"))
	}
}

func explained(t *testing.T, n *harness.Node) {
	s := play(t, n, "")
	ask := func(from, want string) {
		t.Helper()
		out := n.Must(t, "explain", "--from", "sip:"+from, "--to", s.URI(), "--source", s.Caller.Addr().String(), "--transport", "udp").Stdout
		if !strings.Contains(out, want) {
			t.Errorf("explain of %s says nothing of %q:\n%s", from, want, out)
		}
	}
	ask("1001@"+s.Domain, `What follows is for who gives that of SIP user "1001"`)
	ask("1009@"+s.Domain, "no password is right")
	ask("eve@elsewhere.test", "d1")
}

// stripped: what proves a user to us reaches nobody else, in a call's later requests either.
func stripped(t *testing.T, n *harness.Node) {
	for _, v := range []stage.Variant{stage.One()[0], {Hidden: true, Caller: stage.Leg{Proto: "udp"}, Callee: stage.Leg{Proto: "udp"}}} {
		s := playOver(t, n, v, "")
		c, challenge := s.asked(s.Caller)
		proof := digest{}.to(challenge)
		c.Request("INVITE", s.from("1001"), peer.SDP(s.Caller, 1), proof)
		b := s.Callee.Accept("INVITE")
		b.Answer(200, peer.SDP(s.Callee, 1))
		c.Expect(200)
		c.Ack(proof) // RFC 3261 13.2.2.4: with the credentials of its INVITE
		got := []*peer.Message{b.Incoming(), b.Expect("ACK")}
		c.Request("INFO", digest{nc: 2}.to(challenge), digest{nc: 2, header: "Authorization"}.to(challenge))
		info := b.Expect("INFO")
		b.Reply(info, 200)
		c.Expect("200 INFO")
		for _, m := range append(got, info) {
			if m.Has("Proxy-Authorization") || m.Has("Authorization") {
				t.Errorf("the PBX got\n%s", m.Bytes())
			}
		}
		s.End(c, b)
	}
}

// retransmitted: of what was let in and then refused, the retransmission is no replay.
func retransmitted(t *testing.T, n *harness.Node) {
	s := play(t, n, "blocklist: [{prefix: \"99\"}]\n")
	c := s.Caller.Invite("sip:9912@"+s.Domain, s.from("1001"))
	challenge := c.Expect(407)
	c.Request("INVITE", s.from("1001"), peer.With("To", "<sip:9912@"+s.Domain+">"), digest{}.to(challenge))
	c.Expect(403)
	m := c.Request("MESSAGE", s.from("1002"), digest{nc: 2}.to(challenge)) // not his identity
	c.Expect("403 MESSAGE")
	s.Caller.Retransmissions(true)
	s.Caller.Raw(m.Bytes())
	c.Expect("403 MESSAGE")
}
