package media

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	pion "github.com/pion/srtp/v3"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// suite is a way to encrypt: its name in descriptions, and that of the implementation beside.
type suite struct {
	name      string
	profile   pion.ProtectionProfile
	key, salt int
}

var suites = []suite{
	{"AES_CM_128_HMAC_SHA1_80", pion.ProtectionProfileAes128CmHmacSha1_80, 16, 14},
	{"AES_CM_128_HMAC_SHA1_32", pion.ProtectionProfileAes128CmHmacSha1_32, 16, 14},
	{"AES_256_CM_HMAC_SHA1_80", pion.ProtectionProfileAes256CmHmacSha1_80, 32, 14},
	{"AES_256_CM_HMAC_SHA1_32", pion.ProtectionProfileAes256CmHmacSha1_32, 32, 14},
	{"AEAD_AES_128_GCM", pion.ProtectionProfileAeadAes128Gcm, 16, 12},
	{"AEAD_AES_256_GCM", pion.ProtectionProfileAeadAes256Gcm, 32, 12},
}

func (x suite) context(p *phone, material []byte) *pion.Context {
	p.Helper()
	if len(material) != x.key+x.salt {
		p.Fatalf("%s wants a key of %d bytes, got %d", x.name, x.key+x.salt, len(material))
	}
	c, err := pion.CreateContext(material[:x.key], material[x.key:], x.profile)
	if err != nil {
		p.Fatal(err)
	}
	return c
}

// secures makes a phone encrypt what it sends, with a key of its own.
func (p *phone) secures(x suite) {
	p.Helper()
	material := make([]byte, x.key+x.salt)
	_, _ = rand.Read(material)
	p.suite, p.key, p.out = x, base64.StdEncoding.EncodeToString(material), x.context(p, material)
	p.secured(1)
}

// secured writes the lines that describe it, with a tag for the key.
func (p *phone) secured(tag int) {
	p.plain = []string{
		"m=audio PORT RTP/SAVP 0 101", "a=rtpmap:101 telephone-event/8000",
		fmt.Sprintf("a=crypto:%d %s inline:%s", tag, p.suite.name, p.key),
	}
}

// keyed takes from a description the key that the phone will hear, of its own suite; it gives its
// tag and its text.
func (p *phone) keyed(d description) (tag int, key string) {
	p.Helper()
	sec := &d.streams[p.n]
	if sec.proto != "RTP/SAVP" {
		p.Fatalf("wanted RTP/SAVP, is told\n%s", d.text)
	}
	for _, line := range sec.lines {
		value, ok := strings.CutPrefix(line, "a=crypto:")
		if f := strings.Fields(value); ok && len(f) >= 3 && f[1] == p.suite.name {
			key, _, _ = strings.Cut(strings.TrimPrefix(f[2], "inline:"), "|")
			material, err := base64.StdEncoding.DecodeString(key)
			if err != nil {
				p.Fatal(err)
			}
			if key != p.heard { // else its counters go on
				p.heard, p.in = key, p.suite.context(p, material)
			}
			return number(p.Stage, f[0]), key
		}
	}
	p.Fatalf("nothing of %s in\n%s", p.suite.name, d.text)
	return 0, ""
}

// seal and unseal are what is on the wire for what the phone says and hears.
func (p *phone) seal(b []byte) []byte {
	p.Helper()
	if p.out == nil {
		return b
	}
	var err error
	if control(b) {
		b, err = p.out.EncryptRTCP(nil, b, nil)
	} else {
		b, err = p.out.EncryptRTP(nil, b, nil)
	}
	if err != nil {
		p.Fatal(err)
	}
	return b
}

func (p *phone) unseal(b []byte) []byte {
	p.Helper()
	if p.in == nil {
		return b
	}
	var err error
	var plain []byte
	if control(b) {
		plain, err = p.in.DecryptRTCP(nil, b, nil)
	} else {
		plain, err = p.in.DecryptRTP(nil, b, nil)
	}
	if err != nil {
		p.Fatalf("what was heard cannot be opened: %v: % x", err, b)
	}
	return plain
}

func control(b []byte) bool { return len(b) > 1 && b[1] >= 200 && b[1] <= 207 }

// encrypted has a call with SRTP on the caller's side, the callee's, or both; nil: none there.
func encrypted(s *stage.Stage, caller, callee *suite) *conversation {
	s.Helper()
	a, b := parties(s)
	if caller != nil {
		a.secures(*caller)
	}
	if callee != nil {
		s.Customer.Destinations[0].Proto = "tls+srtp"
		s.Apply()
		b.secures(*callee)
	}
	a.call = s.Caller.Invite(s.URI(), a.sdp())
	return a.answeredSecurely(b)
}

// answeredSecurely has the callee answer the call that it was just offered; a side that encrypts
// must be told of keys, another one must not.
func (a *side) answeredSecurely(b *side) *conversation {
	a.Helper()
	b.call = b.ua.Accept("INVITE")
	offered := b.told(b.call.Incoming())
	if b.key != "" {
		tag, _ := b.keyed(offered)
		b.secured(tag)
	} else if strings.Contains(offered.text, "crypto") || offered.streams[0].proto != "RTP/AVP" {
		a.Errorf("a plain party is told of encryption:\n%s", offered.text)
	}
	b.call.Answer(200, b.sdp())
	answered := a.told(a.call.Expect(200))
	if a.key != "" {
		if tag, _ := a.keyed(answered); tag != 1 || strings.Count(answered.text, "a=crypto:") != 1 {
			a.Errorf("one key was offered, and answered is\n%s", answered.text)
		}
	} else if strings.Contains(answered.text, "crypto") {
		a.Errorf("a plain party is told of encryption:\n%s", answered.text)
	}
	a.call.Ack()
	b.call.Expect("ACK")
	for _, p := range []*side{a, b} {
		if p.key != "" && strings.Contains(offered.text+answered.text, p.key) {
			a.Errorf("a key is told to the other side:\n%s%s", offered.text, answered.text)
		}
	}
	return &conversation{a.Stage, a, b}
}

func TestSRTP(t *testing.T) { paths(t, srtpSuite) }

func srtpSuite(t *testing.T, n *harness.Node) {
	caller, callee, both := map[string]func(*stage.Stage){}, map[string]func(*stage.Stage){}, map[string]func(*stage.Stage){}
	for i := range suites {
		x, y := &suites[i], &suites[(i+1)%len(suites)]
		caller["caller has "+x.name] = func(s *stage.Stage) { secureTalk(encrypted(s, x, nil)) }
		if x.name != "AES_256_CM_HMAC_SHA1_32" { // this one we do not offer
			callee["callee has "+x.name] = func(s *stage.Stage) { secureTalk(encrypted(s, nil, x)) }
			both["both have "+x.name] = func(s *stage.Stage) { secureTalk(encrypted(s, x, x)) }
			both["callee has "+x.name+", caller another"] = func(s *stage.Stage) { secureTalk(encrypted(s, y, x)) }
		}
	}
	for name, scene := range map[string]func(c *conversation){
		"damaged and repeated": damaged, "a re-INVITE keeps keys": keepsKeys, "a new key": newKey,
		"injected": injectedSecure, "on hold": secureHold,
	} {
		caller[name] = func(s *stage.Stage) { scene(encrypted(s, &suites[0], nil)) }
		both[name] = func(s *stage.Stage) { scene(encrypted(s, &suites[5], &suites[0])) }
	}
	play(t, n, stage.Matrix("tls4-udp4")[1:], caller)
	play(t, n, stage.Matrix("udp4-tls4"), callee)
	play(t, n, stage.Matrix("tls4-tls4")[1:], both)
}

func secureTalk(c *conversation) {
	c.settle()
	reports(c.a.phone, c.b.phone, c.a.rtcp, c.b.rtcp)
	c.a.seq, c.b.seq = 0xfff0, 0xfff8 // over the end of the sequence numbers
	talk(c.a.phone, c.b.phone, 40)
	reports(c.a.phone, c.b.phone, c.a.rtcp, c.b.rtcp)
	c.end()
}

// damaged: what fails its check, or comes twice, goes nowhere.
func damaged(c *conversation) {
	c.settle()
	for _, at := range []int{1, 3, 13, -1} {
		b := c.a.seal(c.a.packet("a good packet"))
		bad := append([]byte(nil), b...)
		bad[(at+len(bad))%len(bad)] ^= 1
		_, _ = c.a.rtp.WriteToUDPAddrPort(bad, c.a.to)
		c.b.hearsNothing()
	}
	plain := c.a.packet("in the clear")
	_, _ = c.a.rtp.WriteToUDPAddrPort(plain, c.a.to)
	c.b.hearsNothing()
	packet := c.a.packet("once")
	wire := c.a.seal(packet)
	for range 3 {
		_, _ = c.a.rtp.WriteToUDPAddrPort(wire, c.a.to)
	}
	c.b.hears(packet)
	c.b.hearsNothing()
	c.settle()
	c.end()
}

// keepsKeys: a re-INVITE with the same keys goes on where the counters were, from either side.
func keepsKeys(c *conversation) {
	c.settle()
	c.a.seq, c.b.seq = 0xfff0, 0xfff0
	talk(c.a.phone, c.b.phone, 40)
	for _, pair := range [][2]*side{{c.a, c.b}, {c.b, c.a}} {
		from, to := pair[0], pair[1]
		keys := [2]string{from.heard, to.heard}
		c.reinvites(from, to)
		if keys != [2]string{from.heard, to.heard} {
			c.Errorf("the keys have changed from %q to %q, %q", keys, from.heard, to.heard)
		}
		talk(c.a.phone, c.b.phone, 10)
		reports(c.a.phone, c.b.phone, c.a.rtcp, c.b.rtcp)
	}
	c.end()
}

// answers has a side answer an offer, with more lines if there are some; takes has it take an answer.
func (c *conversation) answers(to *side, m *peer.Message, more ...string) {
	c.Helper()
	if d := to.told(m); to.out != nil {
		tag, _ := to.keyed(d)
		to.secured(tag)
	}
	to.call.Reply(m, 200, to.sdp(slices.Concat(to.plain, more)...))
}

func (c *conversation) takes(from *side, m *peer.Message) {
	c.Helper()
	if d := from.told(m); from.out != nil {
		from.keyed(d)
	}
}

// reinvites has a side offer its stream anew, with more lines if there are some, and the other one
// answer with the same.
func (c *conversation) reinvites(from, to *side, more ...string) {
	c.Helper()
	from.call.Request("INVITE", from.sdp(slices.Concat(from.plain, more)...))
	c.answers(to, to.call.Expect("INVITE"), more...)
	c.takes(from, from.call.Expect("200 INVITE"))
	from.call.Ack()
	to.call.Expect("ACK")
}

// newKey: the caller takes another key with a re-INVITE.
func newKey(c *conversation) {
	c.settle()
	c.a.secures(c.a.suite)
	c.reinvites(c.a, c.b)
	c.settle()
	c.end()
}

// injectedSecure: nothing of somebody without the key is ever passed, and nothing is sent to him,
// before the party is heard, and where it is behind NAT.
func injectedSecure(c *conversation) {
	x := newAttacker(c.Stage, c.a.phone)
	x.shoot(c.a.to, 50)
	c.a.elsewhere()
	for range 50 { // 1 s and more: longer than anybody else needs to be believed
		x.shoot(c.a.to, 2)
		c.b.send(c.b.packet("to whom"))
		c.b.quietFor(c.b.rtp, 20*time.Millisecond)
	}
	if n := x.bled(); n != 0 {
		c.Errorf("%d packets went to somebody who has no key", n)
	}
	if n := heardWithin(c.a.phone, c.b.phone, 100); n == 0 {
		c.Errorf("the party itself is not heard")
	}
	hush(c.b.phone)
	c.settle()
	c.end()
}

func secureHold(c *conversation) {
	c.settle()
	c.reinvites(c.a, c.b, "a=inactive")
	unheard(c.a.phone, c.b.phone)
	unheard(c.b.phone, c.a.phone)
	c.reinvites(c.a, c.b)
	c.settle()
	c.end()
}

// TestSRTPRefused: who is to encrypt and offers no key, or one that anybody may have read.
func TestSRTPRefused(t *testing.T) {
	n := node(t, harness.Settings{}, "off", 100)
	play(t, n, stage.Matrix("tls4-udp4")[1:], map[string]func(*stage.Stage){
		"a switch that must": func(s *stage.Stage) {
			s.Customer.Extra += fmt.Sprintf("switches:\n  - {name: trunk, direction: egress, addresses: [%q], dial_pattern: raw, protocol: tls+srtp}\n", s.Caller.IP())
			s.Apply()
			a, _ := parties(s)
			s.Caller.Invite(s.URI(), a.sdp()).Expect(488)
			secureTalk(encrypted(s, &suites[0], nil))
		},
		"no suite that we have": func(s *stage.Stage) {
			s.Caller.Invite(s.URI(), wire(session(s.Caller.Addr().Addr(), 1, "m=audio 4000 RTP/SAVP 0", "a=crypto:1 F8_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"))).Expect(488)
		},
		"no key": func(s *stage.Stage) {
			s.Caller.Invite(s.URI(), wire(session(s.Caller.Addr().Addr(), 1, "m=audio 4000 RTP/SAVP 0"))).Expect(488)
		},
	})
	play(t, n, stage.Matrix("udp4-tls4")[1:], map[string]func(*stage.Stage){
		"a destination that answers in the clear": func(s *stage.Stage) {
			s.Customer.Destinations[0].Proto = "tls+srtp"
			s.Apply()
			a, b := parties(s)
			a.call = s.Caller.Invite(s.URI(), a.sdp())
			b.call = s.Callee.Accept("INVITE")
			b.call.Answer(200, b.sdp())
			a.call.Expect(488)
			b.call.Expect("ACK")
			b.call.Reply(b.call.Expect("BYE"), 200)
		},
	})
}

// TestSecrets: keys stand in no log, trace, record or list, and a killed node goes on with them.
func TestSecrets(t *testing.T) {
	t.Parallel()
	n := node(t, harness.Settings{}, "auto", 40)
	s := stage.New(t, n, stage.Matrix("tls4-tls4")[1], bridged)
	c := encrypted(s, &suites[0], &suites[1])
	keys := []string{c.a.key, c.b.key, c.a.heard, c.b.heard}
	c.a.seq, c.b.seq = 0xff00, 0xff00
	c.settle() // what was learnt is kept within a second
	talk(c.a.phone, c.b.phone, 100)
	shown := []string{n.Must(t, "calls", "-o", "json").Stdout, n.Must(t, "calls").Stdout}
	n.Signal(t, syscall.SIGKILL)
	n.Exited(harness.Stopping)
	n.Up(t)
	talk(c.a.phone, c.b.phone, 20)
	reports(c.a.phone, c.b.phone, c.a.rtcp, c.b.rtcp)
	s.Caller.CloseConnections()
	s.Callee.CloseConnections()
	c.end()
	shown = append(shown, n.Must(t, "trace", c.a.call.ID).Stdout, n.Must(t, "cdrs", "-o", "json").Stdout)
	if !strings.Contains(shown[2], "INVITE") {
		t.Errorf("the trace has no INVITE:\n%s", shown[2])
	}
	log, err := os.ReadFile(n.LogFile())
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range append(shown, string(log)) {
		for _, key := range keys {
			if strings.Contains(text, key) {
				t.Errorf("a key stands in output %d: %.400s", i, text[max(0, strings.Index(text, key)-200):])
			}
		}
	}
}
