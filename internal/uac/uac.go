// Package uac is Tollgate as somebody's client: it answers the challenges of switches that ask
// who we are (RFC 3261 22.2, RFC 7616, RFC 8760), and registers at those that want it.
//
// A password is given to its own switch only: where the challenge came from the place that the
// request went to, and its realm is the one of the switch. Neither does anything within a
// dialog get an answer: who could make us answer a challenge to our BYE would have a
// digest for a request of his choice.
//
// It is not its job to check what others answer us, nor to send requests of calls.
package uac

import (
	"crypto/md5" //nolint:gosec // many carriers know no other digest
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/sip"
)

// Agent answers for all switches of a node. It is safe for concurrent use.
type Agent struct {
	mu     sync.Mutex // guards realms
	realms map[home]string
}

// home is a switch as long as it stays where it is.
type home struct {
	id   tenant.SwitchID
	host string
}

// NewAgent makes an agent that remembers no realm yet.
func NewAgent() *Agent { return &Agent{realms: make(map[home]string)} }

// Answers is what the challenges to one request were, and so what its next try carries. The
// zero value has answered nothing.
type Answers struct {
	given [2]given // to WWW-Authenticate, to Proxy-Authenticate
}

// given is the answer to one of them.
type given struct {
	challenge
	tries uint8  // how many nonces were answered
	count uint32 // how often this one was
}

// mostTries is how many nonces are answered for a request: the second one serves what went
// stale. A switch that always has another one does not want us.
const mostTries = 2

// Challenge says that a status asks for credentials.
func Challenge(status int) bool { return status == 401 || status == 407 }

// Take reads the challenge in a 401 or 407 of a switch, which has come from where the request
// went. true: the request is to be sent once more, with what Append gives.
func (a *Agent) Take(ans *Answers, sw *policy.Switch, m *sip.Message) bool {
	header, which := sip.HdrWWWAuthenticate, 0
	if m.StatusCode() == 407 {
		header, which = sip.HdrProxyAuthenticate, 1
	}
	if !sw.Asks() || sw.Password == "" {
		return false
	}
	c, ok := a.strongest(sw, m, header)
	if g := &ans.given[which]; !ok || g.tries == mostTries || g.tries > 0 && g.nonce == c.nonce {
		return false
	} else {
		g.challenge, g.count = c, 0
		g.tries++
	}
	return true
}

// strongest gives the challenge with the strongest algorithm among those of the switch's realm.
func (a *Agent) strongest(sw *policy.Switch, m *sip.Message, header sip.HeaderID) (best challenge, ok bool) {
	const most = 8 // of a hostile list
	seen := 0
	for i := range m.FieldCount() {
		f := m.Field(i)
		if f.ID != header {
			continue
		}
		if seen++; seen > most {
			break
		}
		c, fine := parseChallenge(m.Slice(f.Value))
		if fine && c.algorithm > best.algorithm && a.trusts(sw, c.realm) {
			best, ok = c, true
		}
	}
	return best, ok
}

// trusts says that a realm is the switch's: the one that is set, else its host, else the
// first one that it has asked for.
func (a *Agent) trusts(sw *policy.Switch, realm string) bool {
	if sw.Realm != "" {
		return realm == escape(sw.Realm)
	}
	if strings.EqualFold(realm, sw.Host) {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	at := home{sw.ID, sw.Host}
	known, ok := a.realms[at]
	if !ok {
		a.realms[at] = realm
		return true
	}
	return known == realm
}

// Append appends the header lines that a request to a URI carries, with CRLF; nothing where no
// challenge was answered. Each use counts (RFC 7616 3.4, nc).
func (ans *Answers) Append(dst []byte, sw *policy.Switch, method sip.Method, uri []byte) []byte {
	for i := range ans.given {
		g := &ans.given[i]
		if g.tries == 0 {
			continue
		}
		g.count++
		name := "Authorization"
		if i == 1 {
			name = "Proxy-Authorization"
		}
		dst = g.append(append(dst, name...), sw, method.String(), string(uri), newNonce())
	}
	return dst
}

func newNonce() string { return rand.Text() }

func (g *given) append(dst []byte, sw *policy.Switch, method, uri, cnonce string) []byte {
	nc := fmt.Sprintf("%08x", g.count)
	response := g.response(sw.Username, string(sw.Password), method, uri, nc, cnonce)
	dst = fmt.Appendf(dst, ": Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", response=\"%s\"",
		escape(sw.Username), g.realm, g.nonce, escape(uri), response)
	if g.named {
		dst = append(append(dst, ", algorithm="...), names[g.algorithm]...)
	}
	if g.qop {
		dst = fmt.Appendf(dst, ", qop=auth, nc=%s, cnonce=\"%s\"", nc, cnonce)
	}
	if g.opaqued {
		dst = fmt.Appendf(dst, ", opaque=\"%s\"", g.opaque)
	}
	return append(dst, "\r\n"...)
}

// response is the proof of RFC 7616 3.4.1.
func (c *challenge) response(username, password, method, uri, nc, cnonce string) string {
	ha1 := c.hash(username + ":" + unescape(c.realm) + ":" + password)
	ha2 := c.hash(method + ":" + uri)
	if !c.qop {
		return c.hash(ha1 + ":" + c.nonce + ":" + ha2)
	}
	return c.hash(ha1 + ":" + c.nonce + ":" + nc + ":" + cnonce + ":auth:" + ha2)
}

func (c *challenge) hash(text string) string {
	switch c.algorithm {
	case sha256Sum:
		sum := sha256.Sum256([]byte(text))
		return hex.EncodeToString(sum[:])
	case sha512Sum:
		sum := sha512.Sum512_256([]byte(text))
		return hex.EncodeToString(sum[:])
	default:
		sum := md5.Sum([]byte(text)) //nolint:gosec // see the import
		return hex.EncodeToString(sum[:])
	}
}

// escape writes a text for between quotes (RFC 3261 25.1, quoted-pair).
func escape(s string) string { return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) }

// unescape is the text that a quoted one means.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		out = append(out, s[i])
	}
	return string(out)
}
