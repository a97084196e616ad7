package auth

import (
	"crypto/md5"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// TestFields plays the fields of a SIP user that are not played elsewhere; test/README.md says
// where each one is.
func TestFields(t *testing.T) {
	n := harness.Start(t)
	for name, play := range map[string]func(*testing.T, *harness.Node){
		"kinds of passwords": passwords, "protocol": protocols, "rate": rate, "profile": profiles, "extension block": block,
		"channels of an account": capacity, "realm": realms, "number rewriting": destinationRewritten, "voicemail": voicemail,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, n)
		})
	}
}

// applied gives what apply says of the customer as it stands, with more lines of the file.
func (s *scene) applied(more string) harness.Result {
	s.Helper()
	return s.Node.ApplyText(s.T, harness.Tenants(s.Customer)+more)
}

// refusedFile wants a fault in the customer with these users; he stays as he is.
func (s *scene) refusedFile(want, extra string, users ...string) {
	s.Helper()
	c := s.Customer
	c.Extra = "registration: local\n" + extra + "sip_users:\n" + strings.Join(users, "")
	if r := s.Node.TryApply(s.T, harness.Tenants(c)); r.Code != 1 || !strings.Contains(r.Stderr, want) {
		s.Errorf("want %q: %s", want, r)
	}
}

// passwords: given as text, as a hash, generated; each is right and all others are wrong.
func passwords(t *testing.T, n *harness.Node) {
	s := play(t, n, "digest: [md5, sha-256]\n")
	hash := fmt.Sprintf("%x", md5.Sum([]byte("2002:"+s.Domain+":"+other)))
	s.Customer.Extra += fmt.Sprintf("  - {username: \"2002\", password: {ha1: %q, realm: %q}}\n  - {username: \"2003\", password: generate}\n", hash, s.Domain)
	said := s.applied("").Stdout
	found := regexp.MustCompile(`password of sip-user 2003 of \S+, shown this once: (\S+)`).FindStringSubmatch(said)
	if found == nil {
		t.Fatalf("no password is shown:\n%s", said)
	}
	if len(found[1]) != 20 || strings.Contains(said, hash) {
		t.Errorf("apply says\n%s", said)
	}
	for _, u := range []digest{{user: "2002", password: other, algorithm: "MD5"}, {user: "2003", password: found[1]}, {user: "2003", password: found[1], algorithm: "SHA-256"}} {
		c, challenge := s.asked(s.Caller, s.from(u.user))
		s.in(c, u, challenge, s.from(u.user))
		u.password += "x"
		s.again407(c, u, challenge, false, s.from(u.user))
	}
	c, challenge := s.asked(s.Caller, s.from("2002")) // what an MD5 hash does not know
	s.again407(c, digest{user: "2002", password: other, algorithm: "SHA-256"}, challenge, false, s.from("2002"))
	if again := s.applied("").Stdout; strings.Contains(again, "shown this once") {
		t.Errorf("a password is made anew:\n%s", again)
	}
	s.refusedFile("password", "", user("1001", secret), user("2004", "short"))
}

// protocols: who is held to one is let in over it, and over no other.
func protocols(t *testing.T, n *harness.Node) {
	s := play(t, n, "", user("udp", secret, "protocol: udp"), user("tcp", secret, "protocol: tcp"), user("tls", secret, "protocol: tls"), user("any", secret, `protocol: ""`))
	for _, proto := range []string{"udp", "tcp", "tls"} {
		phone := s.Peer(stage.Leg{Proto: proto})
		for _, name := range []string{"udp", "tcp", "tls", "any"} {
			c, challenge := s.asked(phone, s.from(name))
			if name == proto || name == "any" {
				s.in(c, digest{user: name}, challenge, s.from(name))
			} else {
				s.again(c, 403, digest{user: name}, challenge, s.from(name))
			}
		}
	}
}

// rate: so many new calls a second, of one user; the others' go on.
func rate(t *testing.T, n *harness.Node) {
	s := play(t, n, "", user("1001", secret, "cps: 1"), user("1002", other))
	s.Loose = true // nobody awaits the PBX's ACKs
	s.Callee.Answering("INVITE", func() int { return 486 })
	_, challenge := s.asked(s.Caller)
	nc := 0
	harness.Eventually(t, patience, func() error { // a second may just be over
		nc++
		if got := s.Caller.Invite(s.URI(), s.from("1001"), digest{nc: nc}.to(challenge)).ExpectOneOf(486, 503); nc == 1 || got.Status != 503 {
			return fmt.Errorf("call %d: %s", nc, got.Start())
		}
		return nil
	})
	if counted(t, n, "rate_limit") == 0 {
		t.Error("rate_limit is not counted")
	}
	c, challenge := s.asked(s.Caller, s.from("1002"))
	c.Request("INVITE", s.from("1002"), digest{user: "1002", password: other}.to(challenge))
	c.Expect(486)
}

// profiles: what a user leaves empty is the profile's, and follows it; what he says himself, be it
// that there is none, stays.
func profiles(t *testing.T, n *harness.Node) {
	s := play(t, n, "")
	profile := func(protocol string, channels int) {
		t.Helper()
		s.applied(fmt.Sprintf("sip_profiles:\n  - {name: %q, company: Black Box, protocol: %q, channels: %d}\n", s.Domain, protocol, channels))
	}
	profile("tcp", 1)
	with := "profile: " + s.Domain
	s.Customer.Extra += user("3001", secret, with) + user("3002", secret, with, `protocol: ""`, "channels: 2")
	s.Apply()
	c, challenge := s.asked(s.Caller, s.from("3001"))
	s.again(c, 403, digest{user: "3001"}, challenge, s.from("3001"))
	a, b := s.up(digest{user: "3002"})
	a2, b2 := s.up(digest{user: "3002"})
	s.End(a, b)
	s.End(a2, b2)
	profile("udp", 1)
	a, b = s.up(digest{user: "3001"})
	c, challenge = s.asked(s.Caller, s.from("3001"))
	s.again(c, 480, digest{user: "3001"}, challenge, s.from("3001"))
	s.End(a, b)
	s.refusedFile("profile", "", user("1001", secret, "profile: nobody's"))
}

// up is a call of a user that the PBX has answered.
func (s *scene) up(d digest) (a, b *peer.Call) {
	s.Helper()
	who := s.from(or(d.user, "1001"))
	c, challenge := s.asked(s.Caller, who)
	c.Request("INVITE", who, peer.SDP(s.Caller, 1), d.to(challenge))
	b = s.Callee.Accept("INVITE")
	b.Answer(200, peer.SDP(s.Callee, 1))
	c.Expect(200)
	c.Ack()
	b.Expect("ACK")
	return c, b
}

// block: with an extension block nobody is called otherwise, and the refusal names what is free.
func block(t *testing.T, n *harness.Node) {
	s := play(t, n, "extension_block: \"1000-1002\"\n")
	c, challenge := s.asked(s.Caller)
	s.in(c, digest{}, challenge)
	s.refusedFile("a free extension: 1000", "extension_block: \"1000-1002\"\n", user("1001", secret), user("1002", other), user("1003", secret))
	s.refusedFile("1000-1002", "extension_block: \"1000-1002\"\n", user("1001", secret), user("1002", other), user("alice", secret))
	s.refusedFile("block", "extension_block: \"1002-1000\"\n", user("1001", secret))
	c, challenge = s.asked(s.Caller, s.from("1003"))
	s.again407(c, digest{user: "1003"}, challenge, false, s.from("1003"))
}

// capacity: users cannot be promised more channels than the account has, nor the account left with
// fewer than they were promised.
func capacity(t *testing.T, n *harness.Node) {
	const none = "No channel capacity available for your account."
	s := play(t, n, "call_limit: 3\n", user("1001", secret, "channels: 2"), user("1002", other))
	s.refusedFile(none, "call_limit: 3\n", user("1001", secret, "channels: 3"), user("1002", other))
	s.refusedFile(none, "call_limit: 3\n", user("1001", secret, "channels: 2"), user("1002", other), user("1003", secret))
	s.refusedFile("call_limit", "call_limit: 2\n", user("1001", secret, "channels: 2"), user("1002", other))
	a, b := s.up(digest{user: "1002", password: other})
	c, challenge := s.asked(s.Caller, s.from("1002")) // one where the account is limited
	s.again(c, 480, digest{user: "1002", password: other}, challenge, s.from("1002"))
	s.End(a, b)
}

// realms: passwords are asked for in the customer's realm; an answer for his domain is none.
func realms(t *testing.T, n *harness.Node) {
	s := play(t, n, "realm: voice.example\n")
	c, challenge := s.asked(s.Caller)
	if got := param(challenge, "", "realm"); got != "voice.example" {
		t.Errorf("asked in the realm %q", got)
	}
	s.again407(c, digest{realm: s.Domain}, challenge, false)
	s.in(c, digest{}, challenge)
}

// destinationRewritten: a user's rules change the number that he calls; they are not for others.
func destinationRewritten(t *testing.T, n *harness.Node) {
	s := play(t, n, "", user("1001", secret, `rewrite: [{what: destination, current: "9", new: "", match: prefix}]`), user("1002", other))
	for name, want := range map[string]string{"1001": "040123", "1002": "9040123"} {
		c := s.Caller.Invite("sip:9040123@"+s.Domain, s.from(name))
		challenge := c.Expect(407)
		c.Request("INVITE", s.from(name), digest{user: name, password: map[string]string{"1001": secret, "1002": other}[name]}.to(challenge))
		if got := peer.User(s.busy(c).URI); got != want {
			t.Errorf("%s calls 9040123, and the PBX %q; want %q", name, got, want)
		}
	}
}

// voicemail is kept and decides nothing yet; its PIN is shown to nobody.
func voicemail(t *testing.T, n *harness.Node) {
	s := play(t, n, "", user("1001", secret, `voicemail: {enabled: true, email: "anna@mail.example", pin: "73914682"}`))
	export := n.Must(t, "export").Stdout
	if !strings.Contains(export, "anna@mail.example") || strings.Contains(export, "73914682") {
		t.Errorf("exported is\n%s", export)
	}
	s.refusedFile("email", "", user("1001", secret, `voicemail: {enabled: true, email: "no address", pin: "1234"}`))
	c, challenge := s.asked(s.Caller)
	s.in(c, digest{}, challenge)
}
