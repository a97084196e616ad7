package carrier

import (
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// TestKamailio: the carrier is a Kamailio that keeps no password but its hash, asks for it at
// each call and registration, and has the scenario's callee as its subscriber.
func TestKamailio(t *testing.T) {
	n := harness.Start(t)
	for name, play := range map[string]func(*trunkLine){
		"calls out": callsOut, "calls back": callsBack, "refreshed": refreshed, "a wrong password": wrongThere,
	} {
		for i, v := range stage.Matrix("udp4-udp4", "tcp4-tcp4", "tls4-tls4") {
			algorithm := []string{"MD5", "SHA-256", "SHA-256", "MD5", "MD5", "SHA-256"}[i] // each plain, hidden, by UDP, TCP and TLS
			t.Run(name+"/"+v.String()+"/"+algorithm, func(t *testing.T) {
				t.Parallel()
				play(newTrunkLine(t, n, v, algorithm))
			})
		}
	}
}

// trunkLine is a customer between his PBX, the stage's caller, and a Kamailio that leads to the
// stage's callee.
type trunkLine struct {
	*scene
	carrier string   // host:port of the Kamailio
	heard   *peer.UA // gets a copy of each INVITE and REGISTER that comes to it
}

// granted is how many seconds the carrier lets us in for.
const granted = 8

func newTrunkLine(t *testing.T, n *harness.Node, v stage.Variant, algorithm string) *trunkLine {
	t.Helper()
	l := &trunkLine{scene: &scene{stage.New(t, n, v, nil)}, heard: peer.New(t, "udp", harness.IP(t))}
	l.heard.Handle(func(*peer.Message) bool { return true }) // it counts, and answers nothing
	ip, plain, secure := harness.IP(t), harness.Port(t), harness.Port(t)
	port := plain
	if v.Callee.Proto == "tls" {
		port = secure
	}
	l.carrier = fmt.Sprintf("%s:%d", ip, port)
	cert, key := peer.WriteCertificate(t, t.TempDir(), realm)
	text := []byte(user + ":" + realm + ":" + password)
	hash := fmt.Sprintf("%x", md5.Sum(text))
	if algorithm == "SHA-256" {
		hash = fmt.Sprintf("%x", sha256.Sum256(text))
	}
	harness.Kamailio(t, strings.NewReplacer("@PLAIN@", fmt.Sprintf("%s:%d", ip, plain), "@SECURE@", fmt.Sprintf("%s:%d", ip, secure), "@CERT@", cert, "@KEY@", key, "@REALM@", realm, "@USER@", user, "@HASH@", hash, "@ALGORITHM@", algorithm,
		"@SUBSCRIBER@", fmt.Sprintf("%s;transport=%s", l.Callee.Addr(), l.Callee.Proto()), "@SUBSCRIBERIP@", l.Callee.IP(), "@GRANTED@", fmt.Sprint(granted),
		"@HEARD@", l.heard.Addr().String()).Replace(kamailioConfig), plain)
	l.Customer.Destinations = []harness.Destination{
		{Name: "carrier", Switch: "carrier", Priority: 1},
		{Name: "pbx", Addr: l.Caller.Addr(), Proto: l.Caller.Proto(), Priority: 2},
	}
	l.Customer.Extra = fmt.Sprintf("switches:\n  - {name: carrier, direction: ingress, host: %q, port: %d, protocol: %s, dial_pattern: raw, username: %s, password: %q, realm: %s, register: false}\n",
		ip, port, v.Callee.Proto, user, password, realm)
	l.Apply()
	return l
}

// change replaces a word of the carrier's entry.
func (l *trunkLine) change(from, to string) {
	l.Helper()
	l.Customer.Extra = strings.Replace(l.Customer.Extra, from, to, 1)
	l.Apply()
}

// came waits until so many requests have come to the carrier, so many of them with credentials,
// and checks that no more do.
func (l *trunkLine) came(method string, all, proven int) {
	l.Helper()
	count := func() (a, p int) {
		seen := map[string]bool{} // or what comes again counted twice, as it does where a machine is busy
		for _, m := range l.heard.Received(method) {
			id := m.Get("Call-ID") + m.Get("CSeq")
			if seen[id] {
				continue
			}
			seen[id] = true
			if a++; m.Has("Authorization") || m.Has("Proxy-Authorization") {
				p++
			}
		}
		return a, p
	}
	harness.Eventually(l.T, 3*granted*time.Second, func() error {
		if a, p := count(); a < all || p < proven {
			return fmt.Errorf("%d %s came to the carrier, %d with credentials; want %d and %d", a, method, p, all, proven)
		}
		return nil
	})
	l.heard.Quiet(100 * time.Millisecond)
	if a, p := count(); a != all || p != proven {
		l.Errorf("%d %s came to the carrier, %d with credentials; want %d and %d", a, method, p, all, proven)
	}
}

// talks ends a call after requests of both sides within it, which the carrier asks nothing.
func (l *trunkLine) talks(a, b *peer.Call) {
	l.Helper()
	b.Answer(180)
	a.Expect(180)
	b.Answer(200, peer.SDP(b.UA, 1))
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	a.Request("INVITE", peer.SDP(a.UA, 2))
	b.Reply(b.Expect("INVITE"), 200, peer.SDP(b.UA, 2))
	a.Expect("200 INVITE")
	a.Ack()
	b.Expect("ACK")
	b.Request("INFO")
	a.Reply(a.Expect("INFO"), 200)
	b.Expect("200 INFO")
	l.End(b, a)
}

func callsOut(l *trunkLine) {
	a := l.Caller.Invite(l.number())
	b := l.Callee.Accept("INVITE")
	l.silent(b.Incoming()) // Kamailio takes them out: they are proven to it, and to nobody behind it
	l.talks(a, b)
	a = l.Caller.Start("MESSAGE", l.number(), peer.Body("text/plain", "x"))
	l.Callee.Accept("MESSAGE").Answer(200)
	a.Expect(200)
	l.came("INVITE", 3, 1) // asked, let in, and the re-INVITE
}

// callsBack: what a subscriber of the carrier calls comes to our Contact there, and on to the PBX.
func callsBack(l *trunkLine) {
	l.change("register: false", "register: true")
	l.shown("Registered at carrier of " + l.Customer.Name)
	invite := func() *peer.Call {
		return l.Callee.Start("INVITE", "sip:0409999@"+l.carrier, peer.SDP(l.Callee, 1))
	}
	l.Callee.Edge = peer.AddrPort(l.carrier)
	a := invite()
	b := l.Caller.Accept("INVITE")
	if got := peer.User(b.Incoming().URI); got != "0409999" {
		l.Errorf("the PBX is asked for %q", got)
	}
	l.talks(a, b)
	a = invite()
	b = l.Caller.Accept("INVITE")
	b.Answer(180)
	a.Expect(180)
	a.Cancel()
	a.ExpectSet("200 CANCEL", 487)
	b.Reply(b.Expect("CANCEL"), 200)
	b.Answer(487)
	b.Expect("ACK")
}

// refreshed: before a registration ends it is made anew, with the same Contact; and it is taken back.
func refreshed(l *trunkLine) {
	l.change("register: false", "register: true")
	l.shown("Registered at carrier of " + l.Customer.Name)
	l.came("REGISTER", 4, 2)
	list := l.heard.Received("REGISTER")
	for _, m := range list[1:] {
		if m.Get("Contact") != list[0].Get("Contact") || m.Get("Call-ID") != list[0].Get("Call-ID") {
			l.Errorf("registered as\n%s\nand refreshed as\n%s", list[0].Bytes(), m.Bytes())
		}
	}
	l.shown("Registered at carrier of " + l.Customer.Name)
	l.change("register: true", "register: false")
	harness.Eventually(l.T, peer.Patience, func() error {
		if list = l.heard.Received("REGISTER"); list[len(list)-1].Get("Expires") != "0" {
			return fmt.Errorf("%d REGISTERs, and none takes it back", len(list))
		}
		return nil
	})
}

// wrongThere: two answers, each to a nonce of its own, and no more; the caller hears of no
// challenge.
func wrongThere(l *trunkLine) {
	l.change(password, "another Passw0rd")
	a := l.Caller.Invite(l.number())
	if got := a.Expect(403); got.Has("Proxy-Authenticate") || got.Has("WWW-Authenticate") {
		l.Errorf("a challenge went to the caller:\n%s", got.Bytes())
	}
	l.came("INVITE", 3, 2)
	l.change("register: false", "register: true")
	l.shown(fmt.Sprintf("Not registered at carrier of %s: answered 401", l.Customer.Name))
	l.came("REGISTER", 3, 2)
	l.Callee.Quiet(time.Millisecond)
}

const kamailioConfig = `#!KAMAILIO
debug=1
log_stderror=yes
children=2
tcp_children=1
auto_aliases=no
enable_tls=yes
listen=udp:@PLAIN@
listen=tcp:@PLAIN@
listen=tls:@SECURE@
loadmodule "tls.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "corex.so"
loadmodule "auth.so"
modparam("tls", "private_key", "@KEY@")
modparam("tls", "certificate", "@CERT@")
modparam("tls", "tls_force_run", 1)
modparam("tls", "tls_method", "TLSv1.2+")
modparam("auth", "algorithm", "@ALGORITHM@")
modparam("auth", "nonce_count", 1)
modparam("auth", "qop", "auth")
modparam("usrloc", "db_mode", 0)
modparam("usrloc", "timer_interval", 1)
modparam("registrar", "min_expires", 1)
modparam("registrar", "max_expires", @GRANTED@)
modparam("tm", "failure_reply_mode", 3)
request_route {
  if (!mf_process_maxfwd_header("70")) { sl_send_reply("483", "Too Many Hops"); exit; }
  if (is_method("INVITE|REGISTER")) send_udp("@HEARD@");
  if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); else sl_send_reply("481", "No"); exit; }
  if (has_totag()) {
    if (loose_route()) { t_relay(); exit; }
    if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
    sl_send_reply("481", "No");
    exit;
  }
  t_check_trans();
  if (is_method("REGISTER")) {
    if ($au != "@USER@" || !pv_www_authenticate("@REALM@", "@HASH@", "1")) { auth_challenge("@REALM@", "1"); exit; }
    if ($tU != "@USER@") { sl_send_reply("403", "Not your number"); exit; }
    save("location");
    exit;
  }
  if (is_method("INVITE")) record_route();
  if ($si == "@SUBSCRIBERIP@") {
    if (!lookup("location", "sip:@USER@@$Ri")) { sl_send_reply("480", "Not registered"); exit; }
  } else {
    if ($au != "@USER@" || !pv_proxy_authenticate("@REALM@", "@HASH@", "1")) { auth_challenge("@REALM@", "1"); exit; }
    consume_credentials();
    $du = "sip:@SUBSCRIBER@";
  }
  if (!t_relay()) sl_reply_error();
}
`
