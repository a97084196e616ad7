package auth

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func udp() stage.Leg { return stage.Leg{Proto: "udp"} }

// field is where an attack is played: a node that bans, and the transport that everybody outside
// speaks.
type field struct {
	node *harness.Node
	leg  stage.Leg
}

func (f field) play(t *testing.T, extra string, users ...string) *scene {
	t.Helper()
	return playOver(t, f.node, stage.Variant{Caller: f.leg, Callee: udp()}, extra, users...)
}

func TestAttacks(t *testing.T) {
	n := harness.Start(t, harness.Settings{Bannable: true})
	for name, play := range map[string]func(*testing.T, field){
		"an answer heard twice": replay, "an answer carried elsewhere": carried, "algorithm downgrade": downgrade,
		"another customer's user": crossed, "asking who there is": enumeration, "hostile answers": hostile,
		"brute force from one source": oneSource, "brute force from many": manySources, "who is no attacker": clumsy,
		"identity within a call": identityLater, "identity in answers": identityAnswered, "identity over a phone's connection": identityOverFlow, "another method's answer": otherMethod,
	} {
		for _, proto := range []string{"udp", "tcp", "tls"} {
			t.Run(name+"/"+proto, func(t *testing.T) {
				t.Parallel()
				play(t, field{n, stage.Leg{Proto: proto}})
			})
		}
	}
}

// again407 wants a new challenge that is stale or not.
func (s *scene) again407(c *peer.Call, d digest, challenge *peer.Message, stale bool, opts ...peer.Option) *peer.Message {
	s.Helper()
	r := s.again(c, 407, d, challenge, opts...)
	if got := param(r, "", "stale") == "true"; got != stale {
		s.Errorf("stale is %t, not %t:\n%s", got, stale, r.Bytes())
	}
	if param(r, "", "nonce") == param(challenge, "", "nonce") {
		s.Error("the same nonce again")
	}
	s.Callee.Quiet(time.Millisecond)
	return r
}

// replay: each answer is heard once, however it is sent again.
func replay(t *testing.T, f field) {
	s := f.play(t, "")
	_, challenge := s.asked(s.Caller)
	heard := func(d digest, challenge *peer.Message) {
		t.Helper()
		s.busy(s.Caller.Invite(s.URI(), s.from("1001"), d.to(challenge)))
	}
	refused := func(d digest, challenge *peer.Message) *peer.Message {
		t.Helper()
		r := s.Caller.Invite(s.URI(), s.from("1001"), d.to(challenge)).Expect(407)
		if param(r, "", "stale") != "true" {
			t.Errorf("a replay:\n%s", r.Bytes())
		}
		return r
	}
	before := counted(t, f.node, "replay")
	heard(digest{nc: 2}, challenge)
	refused(digest{nc: 2}, challenge)
	heard(digest{nc: 1}, challenge) // overtaken
	refused(digest{nc: 1}, challenge)
	heard(digest{nc: 500}, challenge)
	refused(digest{nc: 3}, challenge)               // too far behind to know
	fresh := refused(digest{bare: true}, challenge) // what does not count is heard once only
	if got := counted(t, f.node, "replay"); got < before+4 {
		t.Errorf("%v replays counted", got-before)
	}
	heard(digest{}, fresh) // whoever knows the password is let in by the new one
	_, challenge = s.asked(s.Caller)
	heard(digest{bare: true}, challenge)
	refused(digest{bare: true}, challenge)
	refused(digest{nc: 9}, challenge)
}

// carried: an answer is worth nothing from another address, for another request, method or
// customer, nor one to a nonce that we never made.
func carried(t *testing.T, f field) {
	s, b := f.play(t, ""), f.play(t, "")
	c, challenge := s.asked(s.Caller)
	thief := s.Peer(f.leg)
	stolen := thief.Invite(s.URI(), s.from("1001"), digest{}.to(challenge))
	fresh := stolen.Expect(407)
	if param(fresh, "", "stale") != "true" {
		t.Errorf("from another address:\n%s", fresh.Bytes())
	}
	if r := s.again(c, 400, digest{uri: "sip:9999@" + s.Domain}, challenge); r.Has("Proxy-Authenticate") {
		t.Errorf("for another number:\n%s", r.Bytes())
	}
	s.again407(c, digest{nonce: strings.Repeat("0", 32)}, challenge, true)
	s.again407(c, digest{nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093"}, challenge, true)
	s.again407(c, digest{realm: b.Domain}, challenge, false)
	s.again407(c, digest{header: "Authorization"}, challenge, false) // 407 is answered elsewhere
	s.in(c, digest{}, challenge)

	same := b.Caller.Invite(b.URI(), b.from("1001"))
	theirs := same.Expect(407)
	b.again407(same, digest{nonce: param(challenge, "", "nonce")}, theirs, true)
	s.Loose = true // what the thief left open
}

// downgrade: what the customer has not listed is refused, though the hash is stored.
func downgrade(t *testing.T, f field) {
	s := f.play(t, "digest: [sha-256]\n")
	c, challenge := s.asked(s.Caller)
	if got := headers(challenge, "Proxy-Authenticate"); len(got) != 1 || !strings.Contains(got[0], "algorithm=SHA-256") {
		t.Errorf("offered %q", got)
	}
	before := counted(t, f.node, "digest_algorithm")
	for _, a := range []string{"MD5", "SHA-512-256", "MD5-sess", "token"} {
		s.again407(c, digest{algorithm: a}, challenge, false)
	}
	if got := counted(t, f.node, "digest_algorithm"); got < before+4 {
		t.Errorf("%v counted", got-before)
	}
	s.in(c, digest{}, challenge)
}

// crossed: a user of one customer is nobody at another, though name and password are the same.
func crossed(t *testing.T, f field) {
	a := f.play(t, "", user("1001", secret), user("1002", other))
	b := f.play(t, "", user("2001", secret))
	c := b.Caller.Invite(b.URI(), b.from("1001"))
	challenge := c.Expect(407)
	c.Request("INVITE", b.from("1001"), digest{}.to(challenge))
	if r := c.Expect(407); param(r, "", "stale") != "" {
		t.Errorf("another customer's user:\n%s", r.Bytes())
	}
	c, challenge = a.asked(a.Caller) // his own customer's, in the other's name
	a.again(c, 403, digest{}, challenge, func(m *peer.Message) { m.Set("From", "<sip:2001@"+b.Domain+">;tag="+m.Tag("From")) }, peer.With("P-Asserted-Identity", "<sip:1001@"+a.Domain+">"))
	r := b.Caller.Registers("1001", b.Domain)
	r.Ask(60)
	challenge = r.Expect(401)
	r.Ask(60, digest{realm: a.Domain}.to(challenge))
	if got := r.Expect(401); param(got, "", "realm") != b.Domain {
		t.Errorf("asked in the realm %q", param(got, "", "realm"))
	}
}

// identityLater: who has proven who he is when he called cannot become another within the call, and
// neither can whom he called.
func identityLater(t *testing.T, f field) {
	for _, hidden := range []bool{false, true} {
		s := playOver(t, f.node, stage.Variant{Hidden: hidden, Caller: f.leg, Callee: udp()}, "")
		a, b := s.up(digest{})
		mallory := "<sip:1002@" + s.Domain + ">"
		for _, method := range []string{"INVITE", "UPDATE", "INFO", "MESSAGE", "REFER"} {
			more := peer.With("Refer-To", "<sip:5551234@"+s.Domain+">")
			a.Request(method, more, peer.With("P-Asserted-Identity", mallory))
			a.Expect("403 " + method)
			a.Request(method, more, peer.With("P-Asserted-Identity", "<sip:1001@"+s.Domain+">"), peer.With("P-Preferred-Identity", "<tel:+390405678>"))
			a.Expect("403 " + method)
			a.Request(method, more, s.from("1002")) // RFC 4916 lets From change
			a.Expect("403 " + method)
		}
		a.Request("INFO", peer.With("P-Asserted-Identity", "<sip:1001@"+s.Domain+">"))
		b.Reply(b.Expect("INFO"), 200)
		a.Expect("200 INFO")
		b.Request("INFO", peer.With("P-Asserted-Identity", mallory)) // the PBX says who speaks there
		a.Reply(a.Expect("INFO"), 200)
		b.Expect("200 INFO")
		s.End(a, b)

		phone, c := s.Peer(f.leg), s.registered("1002", other)
		out := phone.Invite("sip:1002@"+s.Domain, s.from("sip:x@elsewhere.test"))
		in := c.Accept("INVITE")
		in.Answer(180, peer.With("P-Asserted-Identity", "<sip:1001@"+s.Domain+">"), peer.With("P-Preferred-Identity", mallory))
		unnamed(s, out.Expect(180))
		in.Answer(183, peer.With("P-Asserted-Identity", mallory))
		if m := out.Expect(183); !m.Has("P-Asserted-Identity") {
			s.Errorf("his own name is taken from him:\n%s", m.Bytes())
		}
		in.Answer(200, peer.SDP(c, 1), peer.With("Remote-Party-ID", "<sip:1001@"+s.Domain+">;party=called"))
		unnamed(s, out.Expect(200))
		out.Ack()
		in.Expect("ACK")
		in.Request("UPDATE", peer.With("P-Asserted-Identity", "<sip:1001@"+s.Domain+">"))
		in.Expect("403 UPDATE")
		in.Request("UPDATE", peer.With("P-Asserted-Identity", mallory))
		out.Reply(out.Expect("UPDATE"), 200)
		in.Expect("200 UPDATE")
		out.Request("INFO")
		in.Reply(in.Expect("INFO"), 200, peer.With("P-Asserted-Identity", "<sip:1001@"+s.Domain+">"))
		unnamed(s, out.Expect("200 INFO"))
		s.End(in, out)
	}
}

// identityAnswered: outside of calls too who is asked answers as himself, and as who he was called.
func identityAnswered(t *testing.T, f field) {
	for _, hidden := range []bool{false, true} {
		s := playOver(t, f.node, stage.Variant{Hidden: hidden, Caller: f.leg, Callee: udp()}, "")
		phone, asker := s.registered("1002", other), s.Peer(f.leg)
		own, foreign := "<sip:1002@"+s.Domain+">", "<sip:1001@"+s.Domain+">"
		posing := func(m *peer.Message) {
			m.Set("From", foreign+";tag="+m.Tag("From"))
			m.Set("To", foreign+";tag="+m.Tag("To"))
		}
		for _, method := range []string{"MESSAGE", "OPTIONS", "INFO", "PUBLISH", "SUBSCRIBE", "REFER", "INVITE"} {
			for _, status := range []int{200, 486} {
				c := asker.Start(method, "sip:1002@"+s.Domain, s.from("sip:x@elsewhere.test"), peer.With("Event", "presence"), peer.With("Refer-To", own))
				in := phone.Accept(method)
				if method == "INVITE" {
					in.Answer(180, peer.With("P-Asserted-Identity", foreign), posing)
					s.asCalled(c, c.Expect(180))
				}
				in.Answer(status, peer.With("P-Asserted-Identity", foreign), peer.With("Remote-Party-ID", foreign), posing)
				m := c.Expect(status)
				unnamed(s, m)
				s.asCalled(c, m)
				if method == "INVITE" && status == 200 {
					c.Ack()
				}
				if method == "INVITE" {
					in.Expect("ACK")
				}
			}
		}
		c := asker.Start("MESSAGE", "sip:1002@"+s.Domain, s.from("sip:x@elsewhere.test"))
		phone.Accept("MESSAGE").Answer(200, peer.With("P-Asserted-Identity", own))
		if m := c.Expect(200); !m.Has("P-Asserted-Identity") {
			s.Errorf("his own name is taken from him:\n%s", m.Bytes())
		}
		s.Loose = true // subscriptions that nobody serves
	}
}

// asCalled wants a response to say who asked whom as the request did.
func (s *scene) asCalled(c *peer.Call, m *peer.Message) {
	s.Helper()
	if from, to := peer.URIOf(m.Get("From")), peer.URIOf(m.Get("To")); from != "sip:x@elsewhere.test" || to != "sip:1002@"+s.Domain {
		s.Errorf("%s of %s to %s is answered\n%s", c.ID, "sip:x@elsewhere.test", "sip:1002@"+s.Domain, m.Bytes())
	}
}

// unnamed wants a response to say nothing of who answers.
func unnamed(s *scene, m *peer.Message) {
	s.Helper()
	for _, name := range []string{"P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID"} {
		if m.Has(name) {
			s.Errorf("somebody answers in another's name:\n%s", m.Bytes())
		}
	}
}

// registered is a phone of a user that has registered.
func (s *scene) registered(name, password string) *peer.UA {
	s.Helper()
	u := s.Peer(s.Variant.Caller)
	s.registers(u, name, password)
	return u
}

// registers registers a phone for ten minutes.
func (s *scene) registers(u *peer.UA, name, password string) {
	s.Helper()
	r := u.Registers(name, s.Domain)
	r.Ask(600)
	r.Ask(600, digest{user: name, password: password}.to(r.Expect(401)))
	r.Expect(200)
}

// identityOverFlow: over a connection over which a phone has registered each request is asked for a
// password, whoever it says it is from, and a password is its owner's only.
func identityOverFlow(t *testing.T, f field) {
	s := f.play(t, "")
	u := s.Peer(f.leg)
	s.registers(u, "1001", secret)
	for who, status := range map[string]int{"1002": 403, "sip:eve@elsewhere.test": 403, "1001": 486} {
		c := u.Invite(s.URI(), s.from(who))
		challenge := c.Expect(407)
		c.Request("INVITE", s.from(who), digest{}.to(challenge))
		if status == 486 {
			s.busy(c)
			continue
		}
		c.Expect(status)
	}
}

// otherMethod: an answer proves one method only, and one header is where it counts.
func otherMethod(t *testing.T, f field) {
	s := f.play(t, "")
	c, challenge := s.asked(s.Caller)
	stolen := func(m *peer.Message) {
		method := m.Method
		m.Method = "MESSAGE"
		digest{}.to(challenge)(m)
		m.Method = method
	}
	c.Request("INVITE", s.from("1001"), stolen)
	if r := c.Expect(407); param(r, "", "stale") != "" {
		t.Errorf("an answer for a MESSAGE:\n%s", r.Bytes())
	}
	s.Callee.Quiet(time.Millisecond)
	s.in(c, digest{}, challenge)
}

// hostile answers are no answers: the question stands.
func hostile(t *testing.T, f field) {
	s := f.play(t, "")
	_, challenge := s.asked(s.Caller)
	nonce := param(challenge, "", "nonce")
	for _, value := range []string{
		"", "Digest", "Digest ,,,", "Basic MTAwMTp4", `Digest username="1001`, `Digest realm="` + s.Domain + `"`,
		`Digest username="1001", realm="` + s.Domain + `", nonce="` + nonce + `", uri="` + s.URI() + `", response=""`,
		`Digest username="1001", realm="` + s.Domain + `", nonce="` + nonce + `", uri="` + s.URI() + `", response="` + strings.Repeat("0", 32) + `", qop=auth-int, nc=00000001, cnonce="x"`,
		`Digest username="1001", realm="` + s.Domain + `", nonce="` + nonce + `", uri="` + s.URI() + `", qop=auth, nc=ffffffffff, cnonce="x", response="1"`,
		`Digest username="1001", username="1002", realm="` + s.Domain + `", nonce="` + nonce + `", uri="` + s.URI() + `", response="0"`,
		`Digest username="` + strings.Repeat("9", 8000) + `", realm="` + s.Domain + `", nonce="` + nonce + `", uri="` + s.URI() + `", response="` + strings.Repeat("0", 32) + `"`,
		`Digest username="<script>%00';--", realm="` + s.Domain + `", nonce="` + nonce + `", uri="` + s.URI() + `", response="` + strings.Repeat("0", 32) + `"`,
	} {
		u := s.Peer(f.leg)
		c := u.Invite(s.URI(), s.from("1001"), peer.With("Proxy-Authorization", value))
		c.Expect(407)
	}
	s.Callee.Quiet(time.Millisecond)
}

// guess gives a wrong password.
func (s *scene) guess(u *peer.UA, name string, i int) {
	s.Helper()
	r := u.Registers(name, s.Domain)
	r.Ask(60)
	challenge := r.Expect(401)
	r.Ask(60, digest{user: name, password: fmt.Sprintf("guess-%d", i)}.to(challenge))
	if r.Expect(401); param(challenge, "", "stale") != "" {
		s.Error("a guess is stale")
	}
}

const patience = harness.Soon

func (s *scene) banned(u *peer.UA) {
	s.Helper()
	harness.Eventually(s.T, patience, func() error {
		for _, b := range s.Node.JSON(s.T, "bans") {
			if b["address"] == u.IP() {
				return nil
			}
		}
		return fmt.Errorf("%s is not banned", u.IP())
	})
}

// isBanned is now.
func (s *scene) isBanned(u *peer.UA) bool {
	s.Helper()
	for _, b := range s.Node.JSON(s.T, "bans") {
		if b["address"] == u.IP() {
			return true
		}
	}
	return false
}

func oneSource(t *testing.T, f field) {
	s := f.play(t, "")
	u := s.Peer(f.leg)
	for i := range 9 {
		s.guess(u, "1001", i)
	}
	c, challenge := s.asked(u) // 9 are not 10: the right one is heard, and clears them
	s.in(c, digest{}, challenge)
	for i := range 10 {
		if s.isBanned(u) {
			t.Fatalf("banned after %d", i)
		}
		s.guess(u, []string{"1002", "1009"}[i%2], i) // users who exist and who do not count alike
	}
	s.banned(u)
	c, challenge = s.asked(s.Caller) // others never notice
	s.in(c, digest{}, challenge)
}

func manySources(t *testing.T, f field) {
	s := f.play(t, "")
	for i := range 9 {
		s.guess(s.Peer(f.leg), "1001", i)
	}
	last := s.Peer(f.leg)
	if s.isBanned(last) {
		t.Fatal("banned before it came")
	}
	s.guess(last, "1001", 9)
	s.banned(last)
	c, challenge := s.asked(s.Caller) // the user himself is not locked out
	s.in(c, digest{}, challenge)
}

// clumsy: normal rounds, old nonces and replays are no failures.
func clumsy(t *testing.T, f field) {
	s := f.play(t, "")
	u := s.Peer(f.leg)
	c, challenge := s.asked(u)
	s.in(c, digest{}, challenge)
	for range 15 {
		s.asked(u)
		s.again407(c, digest{}, challenge, true)
		s.again407(c, digest{nonce: strings.Repeat("v", 31) + "0"}, challenge, true)
	}
	attacker := s.Peer(f.leg) // what it did later was judged
	for i := range 10 {
		s.guess(attacker, "1002", i)
	}
	s.banned(attacker)
	if s.isBanned(u) {
		t.Error("banned for what is normal")
	}
}
