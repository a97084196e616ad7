package media

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"tollgate/test/peer"
	"tollgate/test/stage"
)

// description is a session description as a test sees it.
type description struct {
	text    string
	id      string // of o=
	version int
	origin  netip.Addr
	session []string // lines before the first m=
	streams []section
}

// section is one m= line and those behind it.
type section struct {
	kind, proto string
	port        int
	formats     []string
	addr        netip.Addr // of its c=, else the session's
	lines       []string   // without the m= line
}

// read takes a description apart. It is strict: what an edge sends must be clean.
func read(s *stage.Stage, text string) description {
	s.Helper()
	if !strings.HasSuffix(text, "\r\n") {
		s.Fatalf("no description: %q", text)
	}
	d := description{text: text}
	var common netip.Addr
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\r\n"), "\r\n") {
		f := strings.Fields(line)
		switch {
		case len(line) < 2 || line[1] != '=':
			s.Fatalf("line %q of a description:\n%s", line, text)
		case line[0] == 'm':
			d.streams = append(d.streams, section{
				kind: f[0][2:], port: number(s, f[1]), proto: f[2], formats: f[3:], addr: common,
			})
			continue
		case line[0] == 'o':
			d.id, d.version, d.origin = f[1], number(s, f[2]), netip.MustParseAddr(f[5])
		}
		lines := &d.session
		if n := len(d.streams); n > 0 {
			lines = &d.streams[n-1].lines
		}
		*lines = append(*lines, line)
		if line[0] == 'c' {
			addr := netip.MustParseAddr(f[2])
			if n := len(d.streams); n > 0 {
				d.streams[n-1].addr = addr
			} else {
				common = addr
			}
		}
	}
	return d
}

func number(s *stage.Stage, text string) int {
	s.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		s.Fatalf("a description's number: %v", err)
	}
	return n
}

// value is what an attribute says, and whether it is there.
func (sec *section) value(name string) (value string, ok bool) {
	for _, line := range sec.lines {
		if key, value, _ := strings.Cut(strings.TrimPrefix(line, "a="), ":"); line[0] == 'a' && key == name {
			return value, true
		}
	}
	return "", false
}

// has wants lines to stand in a stream's description as they are.
func (sec *section) has(s *stage.Stage, lines ...string) {
	s.Helper()
	for _, line := range lines {
		if !slices.Contains(sec.lines, line) {
			s.Errorf("expected the line %q among\n%s", line, strings.Join(sec.lines, "\n"))
		}
	}
}

// family is an address as c= and o= have it.
func family(a netip.Addr) string {
	if a.Is6() {
		return "IN IP6 " + a.String()
	}
	return "IN IP4 " + a.String()
}

// wire makes a body of a description.
func wire(text string) peer.Option { return peer.Body("application/sdp", text) }

// example is an address that nobody has.
var example = netip.MustParseAddr("192.0.2.1")

// session writes a description of an endpoint; sections are m= lines and what follows them.
func session(at netip.Addr, version int, sections ...string) string {
	return fmt.Sprintf("v=0\r\no=phone 7 %d %s\r\ns=call\r\nc=%s\r\nt=0 0\r\n%s\r\n",
		version, family(at), family(at), strings.Join(sections, "\r\n"))
}

// sealed wants no description that came to either side, in whatever message, to name the other
// one's address, over all that was said.
func sealed(s *stage.Stage) {
	s.Helper()
	for _, pair := range [][2]*peer.UA{{s.Caller, s.Callee}, {s.Callee, s.Caller}} {
		reader, secret := pair[0], pair[1].Addr().Addr()
		if secret == reader.Addr().Addr() || secret == reader.Edge.Addr() {
			continue // all are at ::1
		}
		for _, e := range reader.Entries() {
			if e.Out || e.Msg == nil || !strings.Contains(e.Msg.Get("Content-Type"), "sdp") {
				continue
			}
			for _, word := range strings.FieldsFunc(e.Msg.Body, func(r rune) bool { return strings.ContainsRune(" \r\n/=;,", r) }) {
				if word == secret.String() {
					s.Errorf("%s is told the other side's address:\n%s", reader.Addr(), e.Raw)
				}
			}
		}
	}
}
