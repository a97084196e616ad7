package auth

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

const (
	secret = "Correct-Horse-1"
	other  = "Other-Horse-2"
)

// scene is a customer whose phones register here, with the users 1001 and 1002.
type scene struct{ *stage.Stage }

func play(t *testing.T, n *harness.Node, extra string, users ...string) *scene {
	t.Helper()
	return playOver(t, n, stage.One()[0], extra, users...)
}

func playOver(t *testing.T, n *harness.Node, v stage.Variant, extra string, users ...string) *scene {
	t.Helper()
	if len(users) == 0 {
		users = []string{user("1001", secret), user("1002", other)}
	}
	return &scene{stage.New(t, n, v, func(c *harness.Customer) {
		c.Extra += "registration: local\n" + extra + "sip_users:\n" + strings.Join(users, "")
	})}
}

// user is a line of the list sip_users.
func user(name, password string, more ...string) string {
	line := fmt.Sprintf("  - {username: %q, password: %q", name, password)
	for _, m := range more {
		line += ", " + m
	}
	return line + "}\n"
}

// from names the caller: a user of the customer, or a whole URI.
func (s *scene) from(who string) peer.Option {
	if !strings.Contains(who, ":") {
		who = "sip:" + who + "@" + s.Domain
	}
	return func(m *peer.Message) { m.Set("From", "<"+who+">;tag="+m.Tag("From")) }
}

// digest answers a challenge; what it leaves out is right.
type digest struct {
	user, password, algorithm, nonce, uri, realm, header string
	nc                                                   int
	bare                                                 bool // RFC 2069
}

// param is a parameter of the challenge for an algorithm, or of the first one.
func param(challenge *peer.Message, algorithm, name string) string {
	for _, header := range []string{"WWW-Authenticate", "Proxy-Authenticate"} {
		for _, h := range challenge.Headers {
			if !strings.EqualFold(h.Name, header) || algorithm != "" && !strings.Contains(h.Value, "algorithm="+algorithm+",") {
				continue
			}
			for _, p := range strings.Split(strings.TrimPrefix(h.Value, "Digest "), ", ") {
				if key, v, _ := strings.Cut(p, "="); key == name {
					return strings.Trim(v, `"`)
				}
			}
		}
	}
	return ""
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// to is the option that answers a challenge. It must be the last one.
func (d digest) to(challenge *peer.Message) peer.Option {
	algorithm := or(d.algorithm, param(challenge, "", "algorithm"))
	realm, nonce := or(d.realm, param(challenge, "", "realm")), or(d.nonce, param(challenge, "", "nonce"))
	header := d.header
	if header == "" {
		header = "Proxy-Authorization"
		if challenge.Status == 401 {
			header = "Authorization"
		}
	}
	sum := func(parts ...string) string {
		text := []byte(strings.Join(parts, ":"))
		switch algorithm {
		case "SHA-256":
			return fmt.Sprintf("%x", sha256.Sum256(text))
		case "SHA-512-256":
			return fmt.Sprintf("%x", sha512.Sum512_256(text))
		}
		return fmt.Sprintf("%x", md5.Sum(text))
	}
	return func(m *peer.Message) {
		name, uri, nc := or(d.user, "1001"), or(d.uri, m.URI), fmt.Sprintf("%08x", max(d.nc, 1))
		a1, a2 := sum(name, realm, or(d.password, secret)), sum(m.Method, uri)
		value := fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", algorithm=%s`, name, realm, nonce, uri, algorithm)
		if d.bare {
			value += fmt.Sprintf(`, response="%s"`, sum(a1, nonce, a2))
		} else {
			value += fmt.Sprintf(`, qop=auth, nc=%s, cnonce="0a4f113b", response="%s"`, nc, sum(a1, nonce, nc, "0a4f113b", "auth", a2))
		}
		m.Add(header, value)
	}
}

// asked sends an INVITE and gives the challenge that it gets.
func (s *scene) asked(u *peer.UA, opts ...peer.Option) (*peer.Call, *peer.Message) {
	s.Helper()
	c := u.Invite(s.URI(), append([]peer.Option{s.from("1001")}, opts...)...)
	return c, c.Expect(407)
}

// again sends the INVITE of a call once more, with credentials, and wants this answer of the node.
func (s *scene) again(c *peer.Call, status int, d digest, challenge *peer.Message, opts ...peer.Option) *peer.Message {
	s.Helper()
	c.Request("INVITE", append(append([]peer.Option{s.from("1001")}, opts...), d.to(challenge))...)
	return c.Expect(status)
}

// in sends it and lets the PBX answer; it gives what the PBX got.
func (s *scene) in(c *peer.Call, d digest, challenge *peer.Message, opts ...peer.Option) *peer.Message {
	s.Helper()
	c.Request("INVITE", append(append([]peer.Option{s.from("1001")}, opts...), d.to(challenge))...)
	return s.busy(c)
}

// busy has the PBX refuse the call that comes.
func (s *scene) busy(c *peer.Call) *peer.Message {
	s.Helper()
	b := s.Callee.Accept("INVITE")
	b.Answer(486)
	c.Expect(486)
	b.Expect("ACK")
	return b.Incoming()
}

// counted is how often a verdict was given, by the metric.
func counted(t testing.TB, n *harness.Node, reason string) (count float64) {
	t.Helper()
	resp, err := http.Get("http://" + n.Metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "tollgate_") && strings.Contains(line, `reason="`+reason+`"`) {
			var one float64
			if _, err := fmt.Sscan(line[strings.LastIndexByte(line, ' ')+1:], &one); err == nil {
				count += one
			}
		}
	}
	return count
}
