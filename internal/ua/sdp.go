package ua

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"tollgate/sip"
)

// description is what we look at in a session description (RFC 8866): its first
// audio stream over plain RTP that takes u-law.
type description struct {
	rtp        netip.AddrPort // where they listen; invalid or port 0: nowhere
	send, recv bool           // what they do with it
	chosen     int            // the index of that stream; -1: there is none
	streams    []string       // the values of all m= lines
	timing     string         // the value of t=
}

// maxStreamLines bounds the m= lines that are answered.
const maxStreamLines = 16

// parseDescription reads a description; false when it is none or too long.
func parseDescription(body []byte) (description, bool) {
	d := description{chosen: -1, timing: "0 0", send: true, recv: true}
	var session, stream netip.Addr
	direction, streamDirection := "sendrecv", ""
	inChosen := false
	first := true
	for line := range bytes.Lines(body) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) < 2 || line[1] != '=' || (first && string(line) != "v=0") {
			return d, false
		}
		first = false
		value := string(line[2:])
		switch line[0] {
		case 't':
			d.timing = digitsOnly(value)
		case 'm':
			if len(d.streams) == maxStreamLines {
				return d, false
			}
			inChosen = d.addStream(value)
		case 'c':
			if inChosen {
				stream = connection(value)
			} else if d.streams == nil {
				session = connection(value)
			}
		case 'a':
			if !isDirection(value) {
				continue
			}
			if inChosen {
				streamDirection = value
			} else if d.streams == nil {
				direction = value
			}
		}
	}
	if stream.IsValid() {
		session = stream
	}
	if streamDirection != "" {
		direction = streamDirection
	}
	d.rtp = netip.AddrPortFrom(session, d.rtp.Port())
	d.send = direction == "sendrecv" || direction == "sendonly"
	d.recv = direction == "sendrecv" || direction == "recvonly"
	return d, !first && d.streams != nil
}

// addStream takes an m= line; true when its stream is the one to use.
func (d *description) addStream(value string) bool {
	value = printable(value)
	d.streams = append(d.streams, value)
	f := strings.Fields(value)
	if d.chosen >= 0 || len(f) < 4 || f[0] != "audio" || f[2] != "RTP/AVP" {
		return false
	}
	port, err := strconv.ParseUint(f[1], 10, 16)
	if err != nil || port == 0 {
		return false
	}
	for _, format := range f[3:] {
		if format == "0" {
			d.chosen = len(d.streams) - 1
			d.rtp = netip.AddrPortFrom(netip.Addr{}, uint16(port))
			return true
		}
	}
	return false
}

// usable says whether RTP may be sent to where they listen.
func (d *description) usable() bool {
	a := d.rtp.Addr()
	return d.recv && a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() && d.rtp.Port() != 0
}

// connection reads the address of a c= line; invalid when it is none.
func connection(value string) netip.Addr {
	f := strings.Fields(value)
	if len(f) != 3 || f[0] != "IN" {
		return netip.Addr{}
	}
	a, _ := netip.ParseAddr(f[2])
	return a.Unmap().WithZone("")
}

func isDirection(value string) bool {
	return value == "sendrecv" || value == "sendonly" || value == "recvonly" || value == "inactive"
}

// digitsOnly keeps a t= line from carrying anything else into our answer.
func digitsOnly(value string) string {
	if strings.Trim(value, "0123456789 ") != "" || value == "" {
		return "0 0"
	}
	return value
}

// session is our side of the offers and answers of one call (RFC 3264).
type session struct {
	media   *media
	id      uint64
	version uint64
	last    string // what was described last, without o=
	offered bool   // our offer has no answer yet
	settled bool   // an answer was given or taken
}

func newSession(m *media) *session {
	var id [8]byte
	_, _ = rand.Read(id[:])
	return &session{media: m, id: binary.BigEndian.Uint64(id[:]) >> 2} // numbers of SDP are often kept signed
}

// offer describes all that we can do.
func (s *session) offer() []byte {
	s.offered = true
	return s.write("0 0", []string{s.stream()}, "sendrecv")
}

// answer answers the offer in m, or says with which status to refuse it.
func (s *session) answer(m *message) (body []byte, status int) {
	if !isSDP(m) {
		return nil, 415
	}
	d, ok := parseDescription(m.Body())
	if !ok || d.chosen < 0 {
		return nil, 488
	}
	streams := make([]string, len(d.streams))
	for i, value := range d.streams {
		streams[i] = declined(value)
	}
	streams[d.chosen] = s.stream()
	s.apply(&d)
	return s.write(d.timing, streams, direction(d.recv, d.send)), 0
}

// accept takes the answer to our offer out of m; one that we cannot use means that
// nothing is sent.
func (s *session) accept(m *message) {
	s.offered = false
	d, ok := parseDescription(m.Body())
	if ok && isSDP(m) {
		s.apply(&d)
	}
}

func (s *session) apply(d *description) {
	s.settled = true
	if d.chosen >= 0 && d.usable() {
		s.media.sendTo(d.rtp)
	} else {
		s.media.sendTo(netip.AddrPort{})
	}
}

func (s *session) stream() string {
	return "audio " + strconv.Itoa(int(s.media.local.Port())) + " RTP/AVP 0"
}

// write writes a description; its version grows when it says something new.
func (s *session) write(timing string, streams []string, direction string) []byte {
	family := "IP4"
	if s.media.local.Addr().Is6() {
		family = "IP6"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "s=-\r\nc=IN %s %s\r\nt=%s\r\n", family, s.media.local.Addr(), timing)
	for _, value := range streams {
		fmt.Fprintf(&b, "m=%s\r\n", value)
		if value == s.stream() {
			fmt.Fprintf(&b, "a=rtpmap:0 PCMU/8000\r\na=ptime:20\r\na=%s\r\n", direction)
		}
	}
	if b.String() != s.last {
		s.last = b.String()
		s.version++
	}
	return fmt.Appendf(nil, "v=0\r\no=tollgate %d %d IN %s %s\r\n%s", s.id, s.version, family, s.media.local.Addr(), s.last)
}

// declined is the m= line that refuses a stream: with port 0 (RFC 3264 6).
func declined(value string) string {
	f := strings.Fields(value)
	if len(f) < 4 {
		return "audio 0 RTP/AVP 0"
	}
	f[1] = "0"
	return strings.Join(f, " ")
}

func direction(send, recv bool) string {
	switch {
	case send && recv:
		return "sendrecv"
	case send:
		return "sendonly"
	case recv:
		return "recvonly"
	}
	return "inactive"
}

// isSDP tells whether the body of m is a session description.
func isSDP(m *message) bool {
	v, _, _ := bytes.Cut(m.Value(sip.HdrContentType), []byte(";"))
	return sip.EqualFoldString(bytes.TrimSpace(v), sdpType)
}
