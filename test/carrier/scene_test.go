// Package carrier plays calls out to a switch that asks who we are: its challenges, ours to
// it alone, and what must never be answered.
package carrier

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"strings"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

const (
	user     = "trunk-4711"
	password = "s3cret Passw0rd"
	realm    = "carrier.example"
)

// scene is a stage whose callee is a carrier that knows us by a password.
type scene struct{ *stage.Stage }

// play runs a scenario on a customer whose only destination is that carrier; more are further
// fields of its entry.
func play(t *testing.T, n *harness.Node, v stage.Variant, more ...string) *scene {
	t.Helper()
	s := &scene{stage.New(t, n, v, nil)}
	at := s.Callee.Addr()
	s.Customer.Destinations = []harness.Destination{{Name: "carrier", Switch: "carrier", Priority: 1}}
	s.Customer.Extra = fmt.Sprintf("switches:\n  - {name: carrier, direction: ingress, host: %q, port: %d, protocol: %s, dial_pattern: raw, username: %s, password: %q",
		at.Addr(), at.Port(), s.Callee.Proto(), user, password)
	for _, m := range more {
		s.Customer.Extra += ", " + m
	}
	s.Customer.Extra += "}\n"
	s.Apply()
	return s
}

// number is a URI of a number in the customer's domain.
func (s *scene) number() string { return "sip:0401234@" + s.Domain }

// asks is the challenge of a 401 or 407.
func asks(status int, challenges ...string) peer.Option {
	name := "WWW-Authenticate"
	if status == 407 {
		name = "Proxy-Authenticate"
	}
	return func(m *peer.Message) {
		for _, c := range challenges {
			m.Add(name, c)
		}
	}
}

func digest(realm, nonce, more string) string {
	return fmt.Sprintf(`Digest realm="%s", nonce="%s"%s`, realm, nonce, more)
}

// again answers the request at hand with a challenge and takes its next try.
func (s *scene) again(b *peer.Call, status int, challenges ...string) *peer.Call {
	s.Helper()
	_, method := b.Incoming().CSeq()
	b.Answer(status, asks(status, challenges...))
	if method == "INVITE" {
		b.Expect("ACK")
	}
	return b.AcceptAgain(method)
}

// answered tells the credentials in a request by the names of their parameters.
func answered(m *peer.Message, header string) map[string]string {
	all := make(map[string]string)
	_, list, _ := strings.Cut(m.Get(header), " ")
	for _, p := range strings.Split(list, ", ") {
		name, value, _ := strings.Cut(p, "=")
		all[name] = strings.Trim(value, `"`)
	}
	return all
}

// proves checks the credentials that a request carries.
func (s *scene) proves(m *peer.Message, header, nonce string) {
	s.Helper()
	given := answered(m, header)
	kind := map[string]func() hash.Hash{"": md5.New, "MD5": md5.New, "SHA-256": sha256.New, "SHA-512-256": sha512.New512_256}[given["algorithm"]]
	sum := func(parts ...string) string {
		h := kind()
		h.Write([]byte(strings.Join(parts, ":")))
		return fmt.Sprintf("%x", h.Sum(nil))
	}
	a1, a2 := sum(user, realm, password), sum(m.Method, m.URI)
	want := sum(a1, nonce, a2)
	if given["qop"] != "" {
		want = sum(a1, nonce, given["nc"], given["cnonce"], "auth", a2)
	}
	if given["response"] != want || given["uri"] != m.URI || given["username"] != user || given["nonce"] != nonce {
		s.Errorf("%s of %s: %q, want response %s", header, m.Start(), m.Get(header), want)
	}
}

// silent checks that a request carries no credentials.
func (s *scene) silent(m *peer.Message) {
	s.Helper()
	if m.Has("Authorization") || m.Has("Proxy-Authorization") {
		s.Errorf("credentials in\n%s", m.Bytes())
	}
}
