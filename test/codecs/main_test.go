// Package codecs plays restricted codecs: what of an offer and an answer reaches the other
// side where an entry, a switch or a SIP user restricts some, and what happens when nothing is
// left. How a description is read and edited is tested in package sdp.
package codecs

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func TestMain(m *testing.M) {
	if harness.Control() {
		os.Exit(0) // a plain proxy restricts nothing
	}
	harness.Main(m)
}

// between restricts codecs of the side outside and of the PBX. Inbound both are switches:
// the caller is an entry, the PBX a switch among the destinations. Outbound the PBX is a
// destination and an entry, and nothing is known of who is called.
func between(s *stage.Stage, outside, pbx string) {
	s.Helper()
	if s.Outbound {
		s.Customer.Extra += "switches:\n" + entry("pbx", s.Caller, pbx)
	} else {
		s.Customer.Destinations = []harness.Destination{{Switch: "pbx"}}
		s.Customer.Extra += "switches:\n" + entry("trunk", s.Caller, outside) + fmt.Sprintf(
			"  - {name: pbx, direction: ingress, host: %q, port: %d, protocol: %s, dial_pattern: raw, restricted_codecs: [%s]}\n",
			s.Callee.Addr().Addr(), s.Callee.Port(), s.Callee.Proto(), pbx)
	}
	s.Apply()
}

func entry(name string, u *peer.UA, codecs string) string {
	return fmt.Sprintf("  - {name: %s, direction: egress, addresses: [%q], dial_pattern: raw, restricted_codecs: [%s]}\n", name, u.IP(), codecs)
}

// media is a session description of an endpoint; its lines follow the session's.
func media(u *peer.UA, lines ...string) peer.Option {
	return peer.Body("application/sdp", text(u, lines...))
}

func text(u *peer.UA, lines ...string) string {
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n%s\r\n", u.IP(), u.IP(), strings.Join(lines, "\r\n"))
}

// has wants a message to carry what an endpoint would have written with these lines, where media
// is bridged but for who and where it is.
func has(s *stage.Stage, m *peer.Message, u *peer.UA, lines ...string) {
	s.Helper()
	want, got := text(u, lines...), m.Body
	if bridges(s) {
		if strings.Contains(got, u.IP()) {
			s.Errorf("media is bridged, but %s is named:\n%s", u.IP(), m.Bytes())
		}
		want, got = anybodys(want), anybodys(got)
	}
	if got != want {
		s.Errorf("expected the description\n%sgot\n%s", want, m.Bytes())
	}
}

func bridged(c *harness.Customer) { c.Extra += "rtp_bridging: true\n" }

func bridges(s *stage.Stage) bool { return strings.Contains(s.Customer.Extra, "rtp_bridging: true") }

// anybodys is a description without what tells whose it is.
func anybodys(text string) string {
	text = whose.ReplaceAllString(text, "$1")
	return ports.ReplaceAllString(text, "${1}PORT ")
}

var (
	whose = regexp.MustCompile(`(?m)^([oc]=).*\n`)
	ports = regexp.MustCompile(`(?m)^(m=\w+ )[1-9]\d* `)
)

// warned wants a refusal to say what was wrong, as codes and words of its Warning.
func warned(s *stage.Stage, m *peer.Message, code string, words ...string) {
	s.Helper()
	got := m.Get("Warning")
	if !strings.HasPrefix(got, code+" ") {
		s.Errorf("expected a Warning %s, got %q", code, got)
	}
	for _, w := range words {
		if !strings.Contains(got, w) {
			s.Errorf("the Warning does not say %q: %s", w, got)
		}
	}
}
