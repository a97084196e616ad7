package threat_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tollgate/internal/ban"
	"tollgate/internal/tenant"
	"tollgate/internal/threat"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// court is a guard with all that it works with.
type court struct {
	*threat.Guard
	t       *testing.T
	log     bytes.Buffer
	mu      sync.Mutex // guards bans
	bans    []ban.Wish
	known   []netip.Addr
	safe    netip.Addr // what ban.Table protects
	full    bool       // it has no room
	domains []string
	looks   int
	slow    time.Duration // that a look takes
}

func newCourt(t *testing.T) *court {
	c := &court{t: t}
	c.Guard = threat.New(threat.Config{
		Ban: c.ban, Banned: c.isBanned, Spared: func(a netip.Addr) bool { return a == c.safe },
		Domains: func(yield func(string) bool) { slices.Values(c.domains)(yield) }, Log: slog.New(slog.NewTextHandler(&c.log, nil)),
		Known: func(yield func(netip.Addr) bool) {
			c.looks++
			time.Sleep(c.slow)
			slices.Values(c.known)(yield)
		},
	})
	c.Run()
	t.Cleanup(c.Close)
	return c
}

func (c *court) ban(w ban.Wish) (ban.Ban, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.full {
		return ban.Ban{}, ban.ErrFull
	}
	w.Evidence = bytes.Clone(w.Evidence)
	c.bans = append(c.bans, w)
	return ban.Ban{Prefix: w.Prefix, Until: time.Now().Add(time.Hour), Times: 1}, nil
}

func (c *court) isBanned(a netip.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.bans, func(w ban.Wish) bool { return w.Prefix.Contains(a) })
}

// banned gives what was banned by now, and forgets it.
func (c *court) banned() string {
	c.t.Helper()
	time.Sleep(2 * time.Second) // of a bubble
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for _, w := range c.bans {
		if w.For != 0 || w.Customer != 0 || len(w.Evidence) == 0 {
			c.t.Errorf("%+v", w)
		}
		out = append(out, w.Prefix.String()+" "+word(w.Reason))
	}
	c.bans = nil
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func word(sentence string) string {
	for _, o := range threat.Offences() {
		if o.Sentence() == sentence {
			return o.Code()
		}
	}
	return sentence
}

func message(t testing.TB, text string) *sip.Message {
	t.Helper()
	m := new(sip.Message)
	if err := m.Parse([]byte(strings.ReplaceAll(text, "\n", "\r\n") + "\r\n\r\n")); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return m
}

func request(t testing.TB, line string, headers ...string) *sip.Message {
	method, _, _ := strings.Cut(line, " ")
	return message(t, line+" SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa\nFrom: <sip:a@b.test>;tag=1\nTo: <sip:"+
		"b@b.test>\nCall-ID: x\nCSeq: 1 "+method+strings.Join(append([]string{""}, headers...), "\n"))
}

func response(t testing.TB, status int, headers ...string) *sip.Message {
	return message(t, fmt.Sprintf("SIP/2.0 %d X\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa\nFrom: <sip:a@b.test>;tag=1\nTo: <sip:b@b.test>;tag=2\nCall-ID: x\nCSeq: 1 X", status)+
		strings.Join(append([]string{""}, headers...), "\n"))
}

func at(s string) netip.AddrPort { return netip.AddrPortFrom(netip.MustParseAddr(s), 5060) }

func (c *court) strange(source string, n int, m *sip.Message) {
	for range n {
		c.Stranger(time.Now(), at(source), transport.UDP, m)
	}
}

// TestStrangers: more than 20 requests within any 10 s, and no fewer.
func TestStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCourt(t)
		m := request(t, "OPTIONS sip:100@192.0.2.1", "User-Agent: Phone 1")
		c.strange("198.51.100.1", 20, m)
		c.strange("198.51.100.2", 21, m)
		if got := c.banned(); got != "198.51.100.2/32 stranger" {
			t.Errorf("%q", got)
		}
		for range 60 { // 2 a second for half a minute are 20 in 10 s
			c.strange("198.51.100.3", 1, m)
			time.Sleep(501 * time.Millisecond)
		}
		if got := c.banned(); got != "" {
			t.Errorf("too slow, but %q", got)
		}
		// The window slides: 10 s after the first of 20, each may come again, one by one.
		c.strange("198.51.100.4", 10, m)
		time.Sleep(9 * time.Second)
		c.strange("198.51.100.4", 10, m)
		time.Sleep(1100 * time.Millisecond)
		c.strange("198.51.100.4", 10, m)
		if got := c.banned(); got != "" {
			t.Errorf("20 in each 10 s, but %q", got)
		}
		c.strange("198.51.100.4", 1, m)
		if got := c.banned(); got != "198.51.100.4/32 stranger" {
			t.Errorf("the 21st: %q", got)
		}
	})
}

// TestSources: an IPv4 address however it is written, the /64 of an IPv6 address, unless
// somebody in it is known.
func TestSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCourt(t)
		m := request(t, "OPTIONS sip:100@192.0.2.1")
		c.strange("::ffff:198.51.100.1", 11, m)
		c.strange("198.51.100.1", 10, m)
		for i := range 21 {
			c.strange(fmt.Sprintf("2001:db8:1:1::%x", i+1), 1, m)
			c.strange(fmt.Sprintf("2001:db8:2:%x::1", i+1), 1, m)
		}
		if got := c.banned(); got != "198.51.100.1/32 stranger, 2001:db8:1:1::/64 stranger" {
			t.Errorf("%q", got)
		}
		c.known = []netip.Addr{netip.MustParseAddr("2001:db8:3:3::7")}
		c.strange("2001:db8:3:3::6", 21, m)
		if got := c.banned(); got != "2001:db8:3:3::6/128 stranger" {
			t.Errorf("beside a phone: %q", got)
		}
		c.strange("2001:db8:3:3::7", 21, m)
		if got := c.banned(); got != "" {
			t.Errorf("the phone: %q", got)
		}
	})
}

// TestKnown: what anybody can send in the name of a phone, or of whoever has a call, bans
// neither; wrong passwords over a connection do.
func TestKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCourt(t)
		c.known = []netip.Addr{netip.MustParseAddr("::ffff:198.51.100.1")}
		c.safe = netip.MustParseAddr("198.51.100.9")
		m := request(t, "OPTIONS sip:100@192.0.2.1", "User-Agent: friendly-scanner")
		wrong := request(t, "REGISTER sip:b.test", `Authorization: Digest username="u", realm="r"`)
		for _, proto := range []transport.Proto{transport.UDP, transport.TCP, transport.TLS} {
			for range 30 {
				c.Stranger(time.Now(), at("198.51.100.1"), proto, m)
				c.Marked(time.Now(), at("198.51.100.1"), proto, m)
			}
			for i := range 30 {
				c.Answered(time.Now(), at("198.51.100.1"), proto, 1, request(t, fmt.Sprintf("INVITE sip:%d@b.test", i)), response(t, 404))
			}
			if got := c.banned(); got != "" {
				t.Errorf("%v: %q", proto, got)
			}
			for range 10 {
				c.Answered(time.Now(), at("198.51.100.1"), proto, 2, wrong, response(t, 401, `WWW-Authenticate: Digest realm="r", nonce="2"`))
			}
			want := "198.51.100.1/32 wrong_passwords"
			if proto == transport.UDP {
				want = ""
			}
			if got := c.banned(); got != want {
				t.Errorf("%v: %q", proto, got)
			}
		}
		c.strange("198.51.100.9", 100, m)
		if got := c.banned(); got != "" || c.Bans(threat.Scanner) != 0 {
			t.Errorf("protected: %q", got)
		}
		if c.Bans(threat.WrongPasswords) != 2 {
			t.Errorf("%d counted", c.Bans(threat.WrongPasswords))
		}
	})
}

// TestMarks: three requests that say what they are.
func TestMarks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCourt(t)
		for i, header := range []string{
			"User-Agent: friendly-scanner", "User-Agent: sipcli/v1.8", "user-agent: VaxSIPUserAgent/3.1", "User-Agent: SIPVicious",
			`From: "sipvicious"<sip:100@1.1.1.1>;tag=3`, "User-Agent: sundayddr", "User-Agent: pplsip", "User-Agent: iWar", "User-Agent: Gulp",
		} {
			text := "OPTIONS sip:100@b.test SIP/2.0\n" + header
			m := message(t, text)
			source := fmt.Sprintf("198.51.100.%d", i+1)
			c.strange(source, 2, m)
			if got := c.banned(); got != "" {
				t.Errorf("%s: %q after two", header, got)
			}
			c.Marked(time.Now(), at(source), transport.UDP, m)
			if got := c.banned(); got != source+"/32 scanner" {
				t.Errorf("%s: %q", header, got)
			}
		}
		for _, agent := range []string{"sipsak 0.9.7", "SIPp", "Asterisk PBX", "snom320", "friendly phone", "Vax", "", "s"} {
			if threat.Marked(message(t, "OPTIONS sip:a@b.test SIP/2.0\nUser-Agent: "+agent)) {
				t.Errorf("%q is an honest one", agent)
			}
		}
	})
}

// TestAnswers: what counts as a wrong password, and what does not.
func TestAnswers(t *testing.T) {
	const register, invite = "REGISTER sip:b.test", "INVITE sip:1@b.test"
	mine := `Authorization: Digest username="u", realm="r", nonce="1"`
	proxy := `Proxy-Authorization: Digest realm="r",username="u"`
	for name, one := range map[string]struct {
		request, response *sip.Message
		want              string
	}{
		"a challenge":            {request(t, register), response(t, 401, `WWW-Authenticate: Digest realm="r"`), ""},
		"another challenge":      {request(t, invite), response(t, 407, `Proxy-Authenticate: Digest realm="r"`), ""},
		"wrong":                  {request(t, register, mine), response(t, 401, `WWW-Authenticate: Digest realm="r", nonce="1"`), "wrong_passwords"},
		"wrong for the proxy":    {request(t, invite, proxy), response(t, 407, `Proxy-Authenticate: Digest realm="r", stale=false`), "wrong_passwords"},
		"stale":                  {request(t, register, mine), response(t, 401, `WWW-Authenticate: Digest realm="r", stale=true, nonce="2"`), ""},
		"stale, the second":      {request(t, register, mine), response(t, 401, "WWW-Authenticate: Digest realm=\"r\"\nWWW-Authenticate: Digest algorithm=MD5, realm=\"r\",\n STALE=\"TRUE\""), ""},
		"stale in a quoted text": {request(t, register, mine), response(t, 401, `WWW-Authenticate: Digest realm="a, stale=true, \"b", nonce="1"`), "wrong_passwords"},
		"asked by another":       {request(t, invite, proxy), response(t, 401, `WWW-Authenticate: Digest realm="r"`), ""},
		"refused":                {request(t, register, mine), response(t, 403), "wrong_passwords"},
		"refused a call":         {request(t, invite, proxy), response(t, 403), "wrong_passwords"},
		"refused without":        {request(t, register), response(t, 403), ""},
		"busy":                   {request(t, invite, proxy), response(t, 486), ""},
		"unreadable":             {request(t, register, "Authorization: x"), response(t, 401), "wrong_passwords"},
		"one number":             {request(t, invite), response(t, 404), ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCourt(t)
				tell := func(n int) {
					for range n {
						c.Answered(time.Now(), at("198.51.100.1"), transport.UDP, 1, one.request, one.response)
					}
				}
				tell(9)
				if got := c.banned(); got != "" {
					t.Errorf("after nine: %q", got)
				}
				time.Sleep(time.Minute)
				tell(9)
				if got := c.banned(); got != "" {
					t.Errorf("nine in a minute: %q", got)
				}
				tell(1)
				want := one.want
				if want != "" {
					want = "198.51.100.1/32 " + want
				}
				if got := c.banned(); got != want {
					t.Errorf("after ten: %q", got)
				}
			})
		})
	}
}

// TestUsers: 10 different users, that do not exist or whose password was wrong, but not one
// user ten times; and 10 wrong passwords for one user, from anywhere.
func TestUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCourt(t)
		missing := func(source, user string) {
			c.Answered(time.Now(), at(source), transport.UDP, 1, request(t, "INVITE sip:"+user+"@b.test"), response(t, 404))
		}
		wrong := func(source, user string, customer int) {
			c.Answered(time.Now(), at(source), transport.UDP, tenant.CustomerID(customer),
				request(t, "REGISTER sip:b.test", `Authorization: Digest username="`+user+`"`), response(t, 401))
		}
		for range 30 {
			missing("198.51.100.1", "100")
			missing("198.51.100.1", "101")
		}
		for i := range 9 {
			for range 5 {
				missing("198.51.100.1", fmt.Sprint(100+i))
			}
		}
		if got := c.banned(); got != "" {
			t.Errorf("nine users: %q", got)
		}
		wrong("198.51.100.1", "another", 1)
		if got := c.banned(); got != "198.51.100.1/32 many_users" {
			t.Errorf("ten users: %q", got)
		}
		for i := range 9 {
			wrong(fmt.Sprintf("198.51.100.%d", 10+i), "bob", 1)
			wrong(fmt.Sprintf("198.51.100.%d", 50+i), "bob", 2) // another customer's
		}
		if got := c.banned(); got != "" {
			t.Errorf("nine wrong passwords: %q", got)
		}
		wrong("198.51.100.30", "bob", 1)
		wrong("198.51.100.11", "bob", 1)
		wrong("198.51.100.31", "alice", 1)
		if got := c.banned(); got != "198.51.100.11/32 user_attacked, 198.51.100.30/32 user_attacked" {
			t.Errorf("ten wrong passwords of one user: %q", got)
		}
	})
}

// TestProven: who is let in had no wrong password, just an old nonce; only his own failures
// are forgiven.
func TestProven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCourt(t)
		const source = "198.51.100.1"
		tell := func(user string, status int) {
			if c.Heeds(time.Now(), status, netip.MustParseAddr(source)) {
				c.Answered(time.Now(), at(source), transport.TCP, 1,
					request(t, "REGISTER sip:b.test", `Authorization: Digest username="`+user+`"`), response(t, status))
			}
		}
		if c.Heeds(time.Now(), 200, netip.MustParseAddr(source)) || c.Heeds(time.Now(), 100, netip.MustParseAddr(source)) {
			t.Error("heeds what cannot matter")
		}
		for i := range 100 { // an office whose PBX calls no nonce stale
			tell(fmt.Sprint(i), 401)
			tell(fmt.Sprint(i), 200)
		}
		if got := c.banned(); got != "" {
			t.Errorf("an office: %q", got)
		}
		for range 10 { // one who has a password himself
			tell("victim", 401)
			tell("mallory", 200)
		}
		if got := c.banned(); got != source+"/32 wrong_passwords" {
			t.Errorf("one who has a password himself: %q", got)
		}
	})
}

// TestOftenAndOnce: who is known is looked up a twentieth of the time at most, and a source
// is banned once for what it did before.
func TestOftenAndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCourt(t)
		c.slow = 20 * time.Millisecond
		m := request(t, "OPTIONS sip:100@192.0.2.1")
		c.strange("198.51.100.1", 100, m)
		synctest.Wait()
		for i := range 500 {
			c.strange(fmt.Sprintf("203.0.%d.%d", i/250, i%250), 21, m)
			time.Sleep(10 * time.Millisecond)
		}
		got := c.banned()
		if n := strings.Count(got, ","); n != 500 || c.looks > 15 {
			t.Errorf("%d bans, %d looks", n+1, c.looks)
		}
	})
}

// TestFull: without room for bans the log is not flooded, and nothing is forgotten.
func TestFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCourt(t)
		c.full = true
		m := request(t, "OPTIONS sip:100@192.0.2.1")
		for i := range 200 {
			c.strange(fmt.Sprintf("203.0.113.%d", i), 21, m)
		}
		c.banned()
		if n := strings.Count(c.log.String(), "\n"); n > 5 {
			t.Errorf("%d lines of log", n)
		}
		c.full = false
		c.strange("203.0.113.7", 21, m)
		if got := c.banned(); got != "203.0.113.7/32 stranger" {
			t.Errorf("%q", got)
		}
	})
}

// TestHotSourceStays: sources that come once, however many, do not hide one which goes on.
func TestHotSourceStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCourt(t)
		m := request(t, "OPTIONS sip:100@192.0.2.1")
		for i := range 21 {
			c.strange("198.51.100.1", 1, m)
			for j := range 1000 {
				c.strange(fmt.Sprintf("10.%d.%d.%d", i, j/250, j%250), 1, m)
			}
			time.Sleep(400 * time.Millisecond)
		}
		if got := c.banned(); got != "198.51.100.1/32 stranger" {
			t.Errorf("%q", got)
		}
		if n := len(c.Strangers()); n != 1000 {
			t.Errorf("%d strangers are shown", n)
		}
	})
}

// TestEvidence: the first line and what counted, never a digest, and no more than is kept.
func TestEvidence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCourt(t)
		for range 10 {
			c.Answered(time.Now(), at("198.51.100.1"), transport.UDP, 1,
				request(t, "REGISTER sip:b.test", `Authorization: Digest username="u", realm="r", nonce="n", response="5ecre7"`), response(t, 401))
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		c.mu.Lock()
		got := string(c.bans[0].Evidence)
		c.mu.Unlock()
		want := "REGISTER sip:b.test SIP/2.0\nFrom: <sip:a@b.test>;tag=1\nTo: <sip:b@b.test>\n" + `Authorization: Digest username="u", realm="r", ...`
		if got != want {
			t.Errorf("%q", got)
		}
		long := strings.Repeat("x", 9000)
		c.strange("198.51.100.2", 21, request(t, "OPTIONS sip:"+long+"@192.0.2.1", "User-Agent: "+long))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := len(c.bans[1].Evidence); n > ban.MaxEvidence {
			t.Errorf("%d bytes of evidence", n)
		}
		if !strings.Contains(c.log.String(), "reason=wrong_passwords") || strings.Contains(c.log.String(), "5ecre7") {
			t.Error(c.log.String())
		}
	})
}

// TestNothingIsAllocated by what any packet may cause.
func TestNothingIsAllocated(t *testing.T) {
	c := &court{t: t}
	c.Guard = threat.New(threat.Config{}) // nobody judges
	now := time.Now()
	m := request(t, "REGISTER sip:b.test", `Authorization: Digest username="u"`, "User-Agent: x")
	refused, n := response(t, 401, `WWW-Authenticate: Digest realm="r"`), uint32(0)
	if got := testing.AllocsPerRun(2000, func() {
		n++
		source := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), 5060)
		c.Stranger(now, source, transport.UDP, m)
		c.Heeds(now, 200, source.Addr())
		c.Answered(now, source, transport.UDP, tenant.CustomerID(n), m, refused)
		threat.Marked(m)
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}
