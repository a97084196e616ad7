package sdp

import (
	"bytes"
	"net/netip"
)

// Profile is what a media description's packets are (RFC 8866 5.14).
type Profile uint8

// The profiles. Other is everything that a UDP relay cannot carry or does not know, TCP
// first of all.
const (
	Other Profile = iota
	AVP           // RTP/AVP
	AVPF          // RTP/AVPF, RFC 4585
	SAVP          // RTP/SAVP, RFC 3711
	SAVPF         // RTP/SAVPF, RFC 5124
	DTLS          // UDP/TLS/RTP/SAVP and SAVPF, RFC 5764
	UDPTL         // udptl: T.38
	UDP           // udp, and all of UDP/... that is none of the above
)

// String is the protocol field; of Other it is "other".
func (p Profile) String() string {
	return [...]string{"other", "RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "udptl", "udp"}[p]
}

// RTP reports whether it is RTP over UDP, secured or not.
func (p Profile) RTP() bool { return p >= AVP && p <= DTLS }

// Plain is the profile without SRTP: AVP or AVPF for SAVP or SAVPF, any other as it is.
func (p Profile) Plain() Profile {
	if p == SAVP || p == SAVPF {
		return p - (SAVP - AVP)
	}
	return p
}

// Secure is the profile with SRTP by SDES: SAVP or SAVPF for AVP or AVPF, any other as it
// is.
func (p Profile) Secure() Profile {
	if p == AVP || p == AVPF {
		return p + (SAVP - AVP)
	}
	return p
}

// Profile reads the protocol of a media description, in any case.
func (d *Description) Profile(m *Media) Profile {
	proto := d.Slice(m.Proto)
	for p := AVP; p <= UDP; p++ {
		if equalFold(proto, p.String()) {
			return p
		}
	}
	if equalFold(proto, "UDP/TLS/RTP/SAVPF") {
		return DTLS
	}
	if first, _, more := bytes.Cut(proto, []byte{'/'}); more && equalFold(first, "udp") {
		return UDP
	}
	return Other
}

// Transport is where and how a media description wants its media (RFC 8866 5.7 and 5.14,
// RFC 3605, RFC 5761, RFC 4568). The zero value is ready; one that is used again does not
// allocate.
type Transport struct {
	Addr      netip.Addr // of the stream or of the session; invalid: there is none. 0.0.0.0 and :: are hold
	Port      uint16     // 0: the stream is off
	RTCP      uint16     // that of a=rtcp, else Port+1; 0: none (no RTP, or Port is 65535)
	RTCPAddr  netip.Addr // where a=rtcp names another address; else invalid
	Mux       bool       // a=rtcp-mux; it holds when both sides say so (RFC 5761 5.1.1)
	Profile   Profile
	Direction Direction // as its writer sees it; on hold by 0.0.0.0 it is SendOnly or Inactive
	Crypto    []Span    // values of the a=crypto lines in order; in t's own memory
	Audio     bool
}

// Transport reads what a media description says of its transport into t. An error is a
// *Fault: an address that is a name, of many (multicast) or none at all, a port that is no
// number. What is off or of no use to a relay (port 0, Other) has no faults: nothing is sent.
func (d *Description) Transport(m *Media, t *Transport) error {
	*t = Transport{
		Port: m.Number, Profile: d.Profile(m), Direction: d.Direction(m), Crypto: t.Crypto[:0], Audio: d.Is(m, "audio"),
	}
	err := d.connection(m, t)
	lines := d.Lines(m)
	for i := range lines {
		switch name, value := d.Attribute(&lines[i]); string(name) {
		case "rtcp-mux":
			t.Mux = true
		case "crypto":
			t.Crypto = append(t.Crypto, value)
		}
	}
	if t.Profile.RTP() && err == nil {
		err = d.rtcp(m, t)
	}
	if t.Port == 0 || t.Profile == Other {
		return nil
	}
	return err
}

// connection reads the c= line that holds for a media description. 0.0.0.0 in it is the
// hold of RFC 2543: its writer wants to be sent nothing (RFC 3264 8.4).
func (d *Description) connection(m *Media, t *Transport) error {
	l := d.connectionLine(m)
	if l == nil {
		return nil
	}
	addr, what := d.address(d.Fields(l.Value))
	if what != "" {
		return &Fault{d.number(l), what}
	}
	if t.Addr = addr; !addr.IsUnspecified() {
		return nil
	}
	switch t.Direction {
	case SendRecv:
		t.Direction = SendOnly
	case RecvOnly:
		t.Direction = Inactive
	}
	return nil
}

// rtcp reads the first a=rtcp line: a port, and an address perhaps (RFC 3605 2.1).
func (d *Description) rtcp(m *Media, t *Transport) error {
	l, value := d.FindAttribute(d.Lines(m), "rtcp")
	if l == nil {
		if t.Port != 0 {
			t.RTCP = t.Port + 1 // of 65535 it is 0, which is none
		}
		return nil
	}
	f := d.Fields(value)
	first, _ := f.Next()
	port, ok := parseUint(d.Slice(first), 65535)
	if !ok || port == 0 {
		return &Fault{d.number(l), "the port of a=rtcp is no number from 1 to 65535"}
	}
	t.RTCP = uint16(port)
	if rest := f; !more(&rest) {
		return nil
	}
	addr, what := d.address(f)
	if what != "" {
		return &Fault{d.number(l), what}
	}
	if addr != t.Addr {
		t.RTCPAddr = addr
	}
	return nil
}

func more(f *Fields) bool { _, ok := f.Next(); return ok }

// address reads "IN IP4 192.0.2.1". What two hosts would take for two addresses is refused:
// zones, IPv4 in IPv6, a family that is not the address's. A name below .invalid stands for
// no address (RFC 6157).
func (d *Description) address(f Fields) (addr netip.Addr, fault string) {
	netType, _ := f.Next()
	family, _ := f.Next()
	text, ok := f.Next()
	six := equalFold(d.Slice(family), "IP6")
	if !ok || more(&f) || !equalFold(d.Slice(netType), "IN") || !six && !equalFold(d.Slice(family), "IP4") {
		return addr, "expected IN IP4 or IN IP6 and one address"
	}
	b, _, _ := bytes.Cut(d.Slice(text), []byte{'/'})
	const nowhere = ".invalid"
	if n := len(b) - len(nowhere); n > 0 && equalFold(b[n:], nowhere) {
		return unspecified(six), ""
	}
	if addr, ok = parseAddr(b); !ok {
		return addr, "expected an IP address: names are not looked up"
	}
	switch {
	case addr.Is4() == six, addr.Is4In6(), addr.Zone() != "":
		return netip.Addr{}, "the address is not of its family"
	case addr.IsMulticast():
		return netip.Addr{}, "the address is a multicast one"
	}
	return addr, ""
}

// parseAddr reads an address; an IPv4 one without an allocation.
func parseAddr(b []byte) (netip.Addr, bool) {
	const longest = 64 // a zone may be any length
	if len(b) == 0 || len(b) > longest {
		return netip.Addr{}, false
	}
	if bytes.IndexByte(b, ':') >= 0 {
		addr, err := netip.ParseAddr(string(b))
		return addr, err == nil
	}
	var four [4]byte
	for i := range four {
		part, rest, dot := bytes.Cut(b, []byte{'.'})
		n, ok := parseUint(part, 255)
		if !ok || dot != (i < 3) || len(part) > 1 && part[0] == '0' { // 010 is 8 to some
			return netip.Addr{}, false
		}
		four[i], b = byte(n), rest
	}
	return netip.AddrFrom4(four), true
}

// unspecified is the address of nobody: hold.
func unspecified(six bool) netip.Addr {
	if six {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

// number is where a line stands, from 1.
func (d *Description) number(l *Line) int {
	n := 1
	for i := range d.lines {
		if d.lines[i].Span.Off < l.Span.Off {
			n++
		}
	}
	return n
}
