package auth

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
)

// enumeration: a name that there is not is answered as a wrong password is, to the byte.
func enumeration(t *testing.T, f field) {
	s := f.play(t, "")
	for _, method := range []string{"REGISTER", "INVITE", "MESSAGE", "SUBSCRIBE", "PUBLISH", "REFER"} {
		exists, missing := s.guessed(method, "1001"), s.guessed(method, "1009")
		if exists != missing || !strings.Contains(exists, "algorithm=SHA-256") {
			t.Errorf("%s: a user who exists is told from one who does not:\n%s\n%s", method, exists, missing)
		}
	}
}

// guessed is all that somebody is answered who tries a wrong password, without what is of his own
// making, the nonces and the tags.
func (s *scene) guessed(method, name string) string {
	s.Helper()
	u := s.Peer(s.Variant.Caller)
	status := 407
	if method == "REGISTER" {
		status = 401
	}
	more := []peer.Option{
		s.from(name), peer.With("To", "<sip:"+name+"@"+s.Domain+">"), peer.With("Event", "presence"), peer.With("Expires", "60"),
		peer.With("Refer-To", "<sip:1002@"+s.Domain+">"),
	}
	c := u.Start(method, "sip:"+s.Domain, more...)
	first := c.Expect(status)
	last := c.Request(method, append(more, digest{user: name, password: "guess-guess"}.to(first))...)
	text := ""
	for _, m := range []*peer.Message{first, c.Expect(status)} {
		one := string(m.Bytes())
		for _, own := range []string{
			param(m, "", "nonce"), m.Tag("To"), m.Tag("From"), m.Get("Call-ID"), peer.HeaderParam(m.Get("Via"), "branch"), name,
			u.Addr().String(), u.IP(), fmt.Sprint(u.Port()), peer.HeaderParam(m.Get("Via"), "rport"),
		} {
			one = strings.ReplaceAll(one, own, "-")
		}
		text += one
	}
	if strings.Contains(text, peer.HeaderParam(last.Get("Via"), "branch")) {
		s.Errorf("what is the guesser's own is left in\n%s", text)
	}
	return text
}

// TestAlikeInTime: nor does the time that an answer takes tell whether there is such a user. Where
// much else runs a median may be anywhere once, but not five times.
func TestAlikeInTime(t *testing.T) {
	s := play(t, harness.Start(t), "")
	for _, proto := range []string{"udp", "tcp", "tls"} {
		for _, method := range []string{"REGISTER", "INVITE"} {
			t.Run(proto+"/"+method, func(t *testing.T) {
				g, before := newGuesser(t, s, proto, method), counted(t, s.Node, "wrong_password")
				const tries, rounds, most = 1000, 5, 0.05
				for range rounds {
					exists, missing := g.round(tries)
					if guesses := counted(t, s.Node, "wrong_password") - before; guesses < 2*tries {
						t.Fatalf("of %d guesses %v count as such", 2*tries, guesses)
					}
					off := float64(missing-exists) / float64(exists)
					if off <= most && off >= -most {
						return
					}
					t.Logf("median of %d tries: %v where there is such a user, %v where there is none", tries, exists, missing)
				}
				t.Errorf("%d times of %d the medians differed by more than %.0f%%", rounds, rounds, 100*most)
			})
		}
	}
}

// guesser tries wrong passwords as fast as it is answered, over a plain socket or one connection.
type guesser struct {
	*testing.T
	conn                  net.Conn
	proto, method, domain string
	nonce                 string
	serial                int
	room                  [4096]byte
	got                   int // bytes in room that were not looked at yet
}

func newGuesser(t *testing.T, s *scene, proto, method string) *guesser {
	t.Helper()
	var local net.Addr = &net.TCPAddr{IP: net.ParseIP(harness.IP(t))}
	network := "tcp"
	if proto == "udp" {
		network, local = "udp", &net.UDPAddr{IP: net.ParseIP(harness.IP(t))}
	}
	dialer := net.Dialer{LocalAddr: local}
	conn, err := dialer.DialContext(t.Context(), network, s.Node.Addr(proto, netip.MustParseAddr("127.0.0.1")).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if proto == "tls" {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	}
	g := &guesser{T: t, conn: conn, proto: proto, method: method, domain: s.Domain}
	challenge, _ := g.asks("1001", "")
	_, g.nonce, _ = strings.Cut(challenge, `nonce="`)
	g.nonce, _, _ = strings.Cut(g.nonce, `"`)
	return g
}

// round guesses that often at users who exist and at ones who do not, in any order, and gives the
// median time of an answer to each.
func (g *guesser) round(tries int) (exists, missing time.Duration) {
	g.Helper()
	header := "Proxy-Authorization"
	if g.method == "REGISTER" {
		header = "Authorization"
	}
	took := map[bool][]time.Duration{}
	for range tries {
		first := rand.N(2) == 0
		for _, there := range []bool{first, !first} {
			name := map[bool]string{true: "100", false: "900"}[there] + fmt.Sprint(1+rand.N(2))
			answer, d := g.asks(name, fmt.Sprintf(`%s: Digest username="%s", realm="%s", nonce="%s", uri="sip:%s", algorithm=SHA-256, qop=auth, nc=00000001, cnonce="x", response="%064x"`+"\r\n",
				header, name, g.domain, g.nonce, g.domain, rand.Uint64()))
			if strings.Contains(answer, "stale=true") {
				g.Fatalf("a guess is stale:\n%s", answer)
			}
			took[there] = append(took[there], d)
		}
	}
	for _, list := range took {
		slices.Sort(list)
	}
	return took[true][tries/2], took[false][tries/2]
}

// asks sends a request with one more header line, and gives its answer and the time it took.
func (g *guesser) asks(name, more string) (answer string, took time.Duration) {
	g.Helper()
	g.serial++
	branch := fmt.Sprintf("z9hG4bK%s%d", g.method, g.serial)
	request := func(method string) []byte {
		return fmt.Appendf(nil, "%s sip:%s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=%s\r\nMax-Forwards: 70\r\nFrom: <sip:%s@%s>;tag=t%d\r\n"+
			"To: <sip:%s@%s>\r\nCall-ID: c%s\r\nCSeq: 1 %s\r\nContact: <sip:%s@%s>\r\n%sContent-Length: 0\r\n\r\n",
			method, g.domain, strings.ToUpper(g.proto), g.conn.LocalAddr(), branch, name, g.domain, g.serial, name, g.domain, branch, method, name, g.conn.LocalAddr(), more)
	}
	text := request(g.method)
	began := time.Now()
	if _, err := g.conn.Write(text); err != nil {
		g.Fatal(err)
	}
	_ = g.conn.SetReadDeadline(began.Add(peer.Patience))
	for {
		var err error
		answer, err = g.read()
		if took = time.Since(began); err != nil {
			g.Fatalf("no answer to\n%s%v", text, err)
		}
		if strings.Contains(answer, branch+"\r\n") && strings.Contains(answer, "-Authenticate: ") {
			break
		}
	}
	if g.method == "INVITE" {
		_, _ = g.conn.Write(request("ACK"))
	}
	return answer, took
}

// read gives the next answer, of which none has a body.
func (g *guesser) read() (string, error) {
	for {
		if end := bytes.Index(g.room[:g.got], []byte("\r\n\r\n")) + 4; end >= 4 {
			answer := string(g.room[:end])
			g.got = copy(g.room[:], g.room[end:g.got])
			return answer, nil
		}
		n, err := g.conn.Read(g.room[g.got:])
		if err != nil {
			return "", err
		}
		g.got += n
	}
}
