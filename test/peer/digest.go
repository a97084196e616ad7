package peer

import (
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Credentials are a user's, for digest authentication (RFC 7616, RFC 8760).
type Credentials struct{ User, Password string }

// Answer gives a request what a 401 or 407 asked for. It must be the last option, since
// the digest covers the method and the Request-URI.
func (c Credentials) Answer(challenge *Message) Option {
	header, name := "WWW-Authenticate", "Authorization"
	if challenge.Status == 407 {
		header, name = "Proxy-Authenticate", "Proxy-Authorization"
	}
	return func(m *Message) {
		asked := challenge.Get(header)
		algorithm := quotedParam(asked, "algorithm")
		if algorithm == "" {
			algorithm = "MD5"
		}
		realm, nonce := quotedParam(asked, "realm"), quotedParam(asked, "nonce")
		value := fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", algorithm=%s`, c.User, realm, nonce, m.URI, algorithm)
		if opaque := quotedParam(asked, "opaque"); opaque != "" {
			value += fmt.Sprintf(`, opaque="%s"`, opaque)
		}
		cnonce := ""
		if strings.Contains(asked, "qop=") {
			cnonce = fmt.Sprintf("c%x", len(m.Bytes()))
			value += fmt.Sprintf(`, qop=auth, nc=00000001, cnonce="%s"`, cnonce)
		}
		value += fmt.Sprintf(`, response="%s"`, c.response(algorithm, realm, nonce, cnonce, m.Method, m.URI))
		m.Set(name, value)
	}
}

// Challenge is the option that makes a 401 ask for a password, with a nonce of its own.
func Challenge(realm, algorithm string) Option {
	return With("WWW-Authenticate", fmt.Sprintf(`Digest realm="%s", nonce="%016x", qop="auth", algorithm=%s`, realm, rand.Uint64(), algorithm))
}

// Proves tells whether a request answers a challenge of Challenge rightly.
func (c Credentials) Proves(m *Message) bool {
	given := m.Get("Authorization")
	want := c.response(quotedParam(given, "algorithm"), quotedParam(given, "realm"), quotedParam(given, "nonce"),
		quotedParam(given, "cnonce"), m.Method, quotedParam(given, "uri"))
	return quotedParam(given, "username") == c.User && quotedParam(given, "response") == want
}

// response is the digest; without a cnonce it is that of RFC 2069.
func (c Credentials) response(algorithm, realm, nonce, cnonce, method, uri string) string {
	sum := func(parts ...string) string {
		h := md5.New()
		if strings.EqualFold(algorithm, "SHA-256") {
			h = sha256.New()
		}
		h.Write([]byte(strings.Join(parts, ":")))
		return fmt.Sprintf("%x", h.Sum(nil))
	}
	a1, a2 := sum(c.User, realm, c.Password), sum(method, uri)
	if cnonce == "" {
		return sum(a1, nonce, a2)
	}
	return sum(a1, nonce, "00000001", cnonce, "auth", a2)
}

// quotedParam is a parameter of a challenge or of its answer, without its quotes.
func quotedParam(value, name string) string {
	_, list, _ := strings.Cut(value, " ")
	for _, p := range splitList(list) {
		key, v, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.Trim(strings.TrimSpace(v), `"`)
		}
	}
	return ""
}
