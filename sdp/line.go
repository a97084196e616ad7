package sdp

import (
	"bytes"
	"net/netip"
)

// Find returns the first of some lines that has a type, nil if none has.
func Find(lines []Line, kind byte) *Line {
	for i := range lines {
		if lines[i].Type == kind {
			return &lines[i]
		}
	}
	return nil
}

// Attribute returns name and value of an a= line: "sendonly" and nothing, or "rtcp"
// and "53020". Of another line it returns nothing.
func (d *Description) Attribute(l *Line) (name []byte, value Span) {
	if l.Type != 'a' {
		return nil, Span{}
	}
	b := d.Slice(l.Value)
	i := bytes.IndexByte(b, ':')
	if i < 0 {
		return bytes.TrimRight(b, " \t"), Span{l.Value.End, l.Value.End}
	}
	return b[:i], Span{l.Value.Off + uint16(i) + 1, l.Value.End}
}

// FindAttribute returns the first attribute of a name among some lines, and its value:
// "rtcp", "crypto", "candidate". Names are compared in their very case (RFC 8866 5.13).
func (d *Description) FindAttribute(lines []Line, name string) (*Line, Span) {
	for i := range lines {
		if n, value := d.Attribute(&lines[i]); string(n) == name {
			return &lines[i], value
		}
	}
	return nil, Span{}
}

// Origin is the o= line (RFC 8866 5.2).
type Origin struct {
	Username, ID, Version, NetType, AddrType, Address Span
}

// Origin reads the o= line; false where there is none or it has not all of its fields.
func (d *Description) Origin() (o Origin, ok bool) {
	l := Find(d.Session(), 'o')
	if l == nil {
		return o, false
	}
	f := d.Fields(l.Value)
	for _, to := range [...]*Span{&o.Username, &o.ID, &o.Version, &o.NetType, &o.AddrType, &o.Address} {
		*to, ok = f.Next()
	}
	return o, ok
}

// Connection is a c= line (RFC 8866 5.7). Address is without a TTL or number behind it.
type Connection struct {
	NetType, AddrType, Address Span
}

// Connection reads the c= line that holds for a media description: its own, else the
// session's. False where there is none or it has not all of its fields.
func (d *Description) Connection(m *Media) (c Connection, ok bool) {
	l := d.connectionLine(m)
	if l == nil {
		return c, false
	}
	f := d.Fields(l.Value)
	c.NetType, _ = f.Next()
	c.AddrType, _ = f.Next()
	c.Address, ok = f.Next()
	if i := bytes.IndexByte(d.Slice(c.Address), '/'); i >= 0 {
		c.Address.End = c.Address.Off + uint16(i)
	}
	return c, ok
}

func (d *Description) connectionLine(m *Media) *Line {
	if l := Find(d.Lines(m), 'c'); l != nil {
		return l
	}
	return Find(d.Session(), 'c')
}

// AddrPort returns where a media description wants its media; false where its address
// is a name or there is none.
func (d *Description) AddrPort(m *Media) (netip.AddrPort, bool) {
	c, ok := d.Connection(m)
	if !ok {
		return netip.AddrPort{}, false
	}
	addr, ok := parseAddr(d.Slice(c.Address))
	return netip.AddrPortFrom(addr, m.Number), ok
}

// Direction is which way media goes, as who wrote the description sees it.
type Direction uint8

// The directions (RFC 8866 6.7).
const (
	SendRecv Direction = iota
	SendOnly
	RecvOnly
	Inactive
)

// String is the attribute.
func (d Direction) String() string {
	return [...]string{"sendrecv", "sendonly", "recvonly", "inactive"}[d]
}

// Direction returns a media description's, else the session's, else SendRecv.
func (d *Description) Direction(m *Media) Direction {
	for _, lines := range [...][]Line{d.Lines(m), d.Session()} {
		for i := range lines {
			if is, ok := d.direction(&lines[i]); ok {
				return is
			}
		}
	}
	return SendRecv
}

// direction reads a line that says one.
func (d *Description) direction(l *Line) (Direction, bool) {
	switch name, _ := d.Attribute(l); string(name) {
	case "sendrecv":
		return SendRecv, true
	case "sendonly":
		return SendOnly, true
	case "recvonly":
		return RecvOnly, true
	case "inactive":
		return Inactive, true
	}
	return SendRecv, false
}

// RTP reports whether a media description is of RTP, over whatever it goes, so that
// its formats are payload types.
func (d *Description) RTP(m *Media) bool {
	for proto := d.Slice(m.Proto); len(proto) > 0; {
		var word []byte
		if word, proto, _ = bytes.Cut(proto, []byte{'/'}); bytes.EqualFold(word, []byte("RTP")) {
			return true
		}
	}
	return false
}

// Is reports whether a media description is of a kind, such as "audio".
func (d *Description) Is(m *Media, kind string) bool {
	return equalFold(d.Slice(m.Kind), kind)
}

// PayloadLine returns the payload type that an attribute of the form "name:<type> ..."
// speaks of: rtpmap, fmtp, rtcp-fb, imageattr. rest is what follows it. False for all
// other lines, and for "rtcp-fb:*".
func (d *Description) PayloadLine(l *Line) (name []byte, payload int, rest Span, ok bool) {
	name, value := d.Attribute(l)
	switch string(name) {
	case "rtpmap", "fmtp", "rtcp-fb", "imageattr":
	default:
		return name, 0, value, false
	}
	f := d.Fields(value)
	first, _ := f.Next()
	payload, ok = parseUint(d.Slice(first), maxPayload)
	return name, payload, Span{f.pos, value.End}, ok
}

// equalFold compares ASCII without case.
func equalFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i, c := range b {
		if lower(c) != lower(s[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c | 0x20
	}
	return c
}
