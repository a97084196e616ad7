package threats

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

func TestThreats(t *testing.T) {
	n := harness.Start(t, harness.Settings{Bannable: true, Config: "never_ban: [127.9.9.9]\n"})
	t.Run("group", func(t *testing.T) {
		for name, play := range map[string]func(*testing.T, *harness.Node){
			"a stranger at the 21st": stranger, "a scanner at the 3rd": scanner, "IPv6": ipv6,
			"challenges are normal": challenges, "wrong passwords by REGISTER": wrongRegister,
			"wrong passwords by INVITE": wrongInvite, "an old nonce": oldNonce, "one user from many sources": attacked,
			"many users that do not exist": missingUsers,
			"a registered phone":           registered, "a live call": liveCall, "never_ban": never, "a destination": destination, "a switch": carrier,
			"a whitelist lifts": whitelist, "an entry lifts": entry, "hostile values": hostile,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				play(t, n)
			})
		}
	})
	t.Run("kept over a kill", func(t *testing.T) { kept(t, n) })
}

func stranger(t *testing.T, n *harness.Node) {
	s := setting(t, n)
	other := s.Peer(udp())
	strange(s, s.Caller, 20)
	spared(s, s.Caller.IP())
	heard(s, s.Caller)
	before := bansFor(t, n, "stranger")
	strange(s, s.Caller, 1, peer.With("User-Agent", "Deskphone"))
	b := banned(t, n, s.Caller.IP(), "more than 20 requests within 10 s")
	evidence, _ := b["evidence"].(string)
	if !strings.HasPrefix(evidence, "OPTIONS sip:100@nobody.invalid SIP/2.0\n") || !strings.Contains(evidence, "\nUser-Agent: Deskphone") {
		t.Errorf("evidence %q", evidence)
	}
	if bansFor(t, n, "stranger") == before {
		t.Error("not counted")
	}
	dropped(s, s.Caller)
	heard(s, other)
	if b = found(t, n, s.Caller.IP()); number(b["hits"]) < 1 || number(b["times"]) != 1 {
		t.Errorf("%v", b)
	}
	n.Must(t, "unban", s.Caller.IP())
	heard(s, s.Caller)
}

func scanner(t *testing.T, n *harness.Node) {
	s := setting(t, n)
	strange(s, s.Caller, 2, marked())
	spared(s, s.Caller.IP())
	strange(s, s.Caller, 1, marked())
	b := banned(t, n, s.Caller.IP(), "scanner")
	if evidence, _ := b["evidence"].(string); !strings.Contains(evidence, "User-Agent: friendly-scanner") {
		t.Errorf("evidence %q", evidence)
	}
	dropped(s, s.Caller)
	known := s.Peer(udp()) // asks for a domain that is served
	for range 3 {
		call := known.Start("OPTIONS", s.URI(), marked())
		s.Callee.Accept("OPTIONS").Answer(200)
		call.Expect("200 OPTIONS")
	}
	banned(t, n, known.IP(), "scanner")
	dropped(s, known)
}

func ipv6(t *testing.T, n *harness.Node) {
	s := stage.New(t, n, stage.Matrix("udp6-udp4")[0], nil)
	strange(s, s.Caller, 20)
	spared(s, "::/64")
	strange(s, s.Caller, 1)
	banned(t, n, "::/64", "A stranger")
	dropped(s, s.Caller)
	n.Must(t, "unban", "::/64")
	heard(s, s.Caller)
}

func challenges(t *testing.T, n *harness.Node) {
	s := setting(t, n)
	right := peer.Credentials{User: "alice", Password: "secret"}
	pbx(s, right)
	reg := s.Caller.Registers("alice", s.Domain)
	for range 50 {
		asks(s, reg, right, 200)
	}
	reg.AskAll()
	reg.Expect("401 REGISTER")
	spared(s, s.Caller.IP())
	// The same without a binding that would protect it.
	other := s.Peer(udp())
	reg = other.Registers("alice", s.Domain)
	for range 50 {
		reg.Ask(600)
		reg.Expect("401 REGISTER")
	}
	spared(s, other.IP())
}

func wrongRegister(t *testing.T, n *harness.Node) {
	s := setting(t, n)
	other := s.Peer(udp())
	pbx(s, peer.Credentials{User: "alice", Password: "secret"})
	for _, l := range []stage.Leg{udp(), tcp()} {
		u := s.Peer(l)
		reg, wrong := u.Registers("alice"+l.Proto, s.Domain), peer.Credentials{User: "alice" + l.Proto, Password: "guess"}
		for range 9 {
			asks(s, reg, wrong, 401)
		}
		spared(s, u.IP())
		asks(s, reg, wrong, 401)
		b := banned(t, n, u.IP(), "wrong passwords")
		evidence, _ := b["evidence"].(string)
		if !strings.Contains(evidence, `username="alice`+l.Proto+`"`) || strings.Contains(evidence, "response") {
			t.Errorf("evidence %q", evidence)
		}
		heard(s, other)
	}
}

func wrongInvite(t *testing.T, n *harness.Node) {
	s := setting(t, n)
	guess := peer.Credentials{User: "bob", Password: "guess"}
	for i := range 10 {
		a := s.Caller.Invite(s.URI())
		b := s.Callee.Accept("INVITE")
		b.Answer(407, peer.With("Proxy-Authenticate", `Digest realm="x", nonce="1"`))
		challenge := a.Expect("407 INVITE")
		b.Expect("ACK")
		a.Request("INVITE", guess.Answer(challenge))
		b = b.AcceptAgain("INVITE")
		b.Answer(403+4*(i%2), peer.With("Proxy-Authenticate", `Digest realm="x", nonce="1"`))
		a.Expect(403 + 4*(i%2))
		b.Expect("ACK")
	}
	banned(t, n, s.Caller.IP(), "wrong passwords")
	dropped(s, s.Caller)
}

func oldNonce(t *testing.T, n *harness.Node) {
	s := setting(t, n)
	reg, right := s.Caller.Registers("alice", s.Domain), peer.Credentials{User: "alice", Password: "secret"}
	reg.Ask(0)
	asked := s.Callee.Accept("REGISTER")
	asked.Answer(401, peer.Challenge(s.Domain, "MD5"))
	challenge := reg.Expect("401 REGISTER")
	for range 15 {
		reg.Ask(0, right.Answer(challenge))
		asked.AcceptAgain("REGISTER").Answer(401, peer.With("WWW-Authenticate", `Digest realm="x", nonce="2", stale=true`))
		reg.Expect("401 REGISTER")
	}
	spared(s, s.Caller.IP())
}

// attacked: ten wrong passwords for one user, each from another source; the last one is
// banned, and whoever fails after it.
func attacked(t *testing.T, n *harness.Node) {
	s := setting(t, n)
	guess, right := peer.Credentials{User: "victim", Password: "guess"}, peer.Credentials{User: "victim", Password: "secret"}
	pbx(s, right)
	var last *peer.UA
	for i := range 10 {
		last = s.Peer(udp())
		asks(s, last.Registers("victim", s.Domain), guess, 401)
		if i == 8 {
			spared(s, last.IP())
		}
	}
	banned(t, n, last.IP(), "one user")
	next, fine := s.Peer(udp()), s.Peer(udp())
	asks(s, next.Registers("victim", s.Domain), guess, 401)
	asks(s, fine.Registers("victim", s.Domain), right, 200)
	banned(t, n, next.IP(), "one user")
	heard(s, fine)
	spared(s, fine.IP())
}

func missingUsers(t *testing.T, n *harness.Node) {
	s := setting(t, n)
	ask := func(u *peer.UA, user string) {
		call := u.Start("OPTIONS", "sip:"+user+"@"+s.Domain)
		s.Callee.Accept("OPTIONS").Answer(404)
		call.Expect("404 OPTIONS")
	}
	for i := range 9 {
		ask(s.Caller, fmt.Sprint(100+i))
		ask(s.Caller, "100")
		ask(s.Caller, "100")
	}
	spared(s, s.Caller.IP())
	ask(s.Caller, "109")
	banned(t, n, s.Caller.IP(), "10 users")
}

// registered: who sends in the name of a phone's address does not get it banned.
func registered(t *testing.T, n *harness.Node) {
	s := setting(t, n)
	right := peer.Credentials{User: "alice", Password: "secret"}
	pbx(s, right)
	asks(s, s.Caller.Registers("alice", s.Domain), right, 200)
	spoofs(s, s.Caller)
	spared(s, s.Caller.IP())
	heard(s, s.Caller)
}

// spoofs does over UDP all that anybody can do in the name of u's address.
func spoofs(s *stage.Stage, u *peer.UA) {
	s.Helper()
	strange(s, u, 60, marked())
	reg := u.Registers("mallory", s.Domain)
	for range 12 {
		asks(s, reg, peer.Credentials{User: "mallory", Password: "guess"}, 401)
	}
}

func liveCall(t *testing.T, n *harness.Node) {
	s := setting(t, n)
	pbx(s, peer.Credentials{User: "alice", Password: "secret"})
	a, b := s.Talk()
	spoofs(s, s.Caller)
	spared(s, s.Caller.IP())
	s.End(a, b)
	strange(s, s.Caller, 21)
	banned(t, n, s.Caller.IP(), "A stranger")
}

func never(t *testing.T, n *harness.Node) {
	s := setting(t, n)
	u := peer.New(t, "udp", "127.9.9.9")
	u.Edge = n.Addr("udp", u.Addr().Addr())
	strange(s, u, 60, marked())
	spared(s, u.IP())
	heard(s, u)
}

func destination(t *testing.T, n *harness.Node) {
	s := setting(t, n)
	u := peer.New(t, "udp", s.Callee.IP()) // another port: a stranger at the PBX's address
	u.Edge = n.Addr("udp", u.Addr().Addr())
	strange(s, u, 60, marked())
	spared(s, u.IP())
	heard(s, s.Caller)
}

// carrier: who sends in the name of a switch that receives calls from us, or of its proxy, has it not banned.
func carrier(t *testing.T, n *harness.Node) {
	for _, where := range []string{"host: %[1]s, port: %[2]d", "host: carrier.example, outbound_proxies: [\"%[1]s:%[2]d\"]"} {
		s := setting(t, n)
		there := s.Peer(udp())
		u := peer.New(t, "udp", there.IP())
		u.Edge = n.Addr("udp", u.Addr().Addr())
		s.Customer.Destinations = []harness.Destination{{Name: "carrier", Switch: "carrier"}}
		s.Customer.Extra = "switches:\n  - {name: carrier, direction: ingress, dial_pattern: raw, " + fmt.Sprintf(where, there.IP(), there.Port()) + "}\n"
		s.Apply()
		strange(s, u, 60, marked())
		spared(s, u.IP())
		call := s.Caller.Start("OPTIONS", s.URI())
		there.Accept("OPTIONS").Answer(200)
		call.Expect("200 OPTIONS")
	}
}

func whitelist(t *testing.T, n *harness.Node) {
	s := setting(t, n)
	strange(s, s.Caller, 21)
	banned(t, n, s.Caller.IP(), "A stranger")
	dropped(s, s.Caller)
	s.Customer.Extra = fmt.Sprintf("whitelist: [%q]\n", s.Caller.IP())
	s.Apply()
	heard(s, s.Caller)
	if b := found(t, n, s.Caller.IP()); b != nil {
		t.Errorf("not lifted: %v", b)
	}
	strange(s, s.Caller, 60)
	spared(s, s.Caller.IP())
	heard(s, s.Caller)
}

func entry(t *testing.T, n *harness.Node) {
	s := setting(t, n)
	strange(s, s.Caller, 21)
	banned(t, n, s.Caller.IP(), "A stranger")
	dropped(s, s.Caller)
	s.Customer.Extra = fmt.Sprintf("switches:\n  - {name: dialer, direction: egress, addresses: [%q]}\n", s.Caller.IP())
	s.Apply()
	if b := found(t, n, s.Caller.IP()); b != nil {
		t.Errorf("not lifted: %v", b)
	}
	heard(s, s.Caller)
}

// hostile: what came from the wire is shown as it is, and harms nobody.
func hostile(t *testing.T, n *harness.Node) {
	s := setting(t, n)
	s.Loose = true // it is answered with 400
	agent := "friendly-scanner \x1b[31m<b>'; DROP TABLE x--=cmd|'/c calc'!A1 " + strings.Repeat("y", 3000)
	strange(s, s.Caller, 3, peer.With("User-Agent", agent))
	b := banned(t, n, s.Caller.IP(), "scanner")
	if evidence, _ := b["evidence"].(string); !strings.Contains(evidence, "\x1b[31m<b>';") || len(evidence) > 1024 {
		t.Errorf("evidence %q", evidence)
	}
	if text := n.Must(t, "bans", s.Caller.IP()).Stdout; strings.Contains(text, "\x1b") || strings.Count(text, "\n") > 3 {
		t.Errorf("raw text on a terminal: %q", text)
	}
}

func kept(t *testing.T, n *harness.Node) {
	s := setting(t, n)
	strange(s, s.Caller, 21)
	before := banned(t, n, s.Caller.IP(), "A stranger")
	n.Signal(t, syscall.SIGKILL)
	n.Exited(5 * time.Second)
	n.Up(t)
	dropped(s, s.Caller)
	after := found(t, n, s.Caller.IP())
	for _, key := range []string{"id", "until", "reason", "evidence", "times"} {
		if after[key] != before[key] {
			t.Errorf("%s: %v, was %v", key, after[key], before[key])
		}
	}
}

// TestDoubling: each ban is twice as long as the one before it.
func TestDoubling(t *testing.T) {
	t.Parallel()
	n := harness.Start(t, harness.Settings{Bannable: true, Env: []string{"TOLLGATE_TEST_BAN=1s"}}) // a busy machine must be able to see the first one
	s := setting(t, n)
	for times, length := range []time.Duration{1, 2, 4} {
		strange(s, s.Caller, 21)
		var lasted time.Duration
		harness.Eventually(t, patience, func() error {
			b := found(t, n, s.Caller.IP())
			if b == nil || number(b["times"]) != float64(times+1) {
				return fmt.Errorf("not banned for the %d. time", times+1)
			}
			since, _ := time.Parse(time.RFC3339Nano, fmt.Sprint(b["since"]))
			until, _ := time.Parse(time.RFC3339Nano, fmt.Sprint(b["until"]))
			lasted = until.Sub(since)
			return nil
		})
		if want := length * time.Second; lasted != want {
			t.Errorf("ban %d lasts %v, want %v", times+1, lasted, want)
		}
		harness.Eventually(t, patience, func() error {
			if found(t, n, s.Caller.IP()) != nil {
				return fmt.Errorf("not over")
			}
			return nil
		})
		heard(s, s.Caller)
	}
}
