package sdp

import (
	"bytes"
	"net/netip"
	"strings"
)

// Face is what the other side is told instead of where its peer is: ports of a relay.
type Face struct {
	Addr    netip.Addr
	Port    uint16
	RTCP    uint16   // for a=rtcp; 0: no such line, it is at Port+1
	Mux     bool     // a=rtcp-mux
	Profile Profile  // written where both it and the stream's are RTP
	Crypto  [][]byte // values of the a=crypto lines, all of each
}

// Origin rewrites the o= line, or adds it: no user's name, session id, version and address
// (RFC 8866 5.2). The session's own name stays.
func (e *Edit) Origin(id, version uint64, addr netip.Addr) {
	first := e.first(e.d.Session(), 'o')
	after := (*Line)(nil)
	if first == nil {
		after = &e.d.lines[0]
		e.begin(after).String("o=")
	} else {
		e.At(first.Value)
	}
	e.String("- ").Uint(id).String(" ").Uint(version).String(" ").address(addr).end(after)
}

// Connection rewrites the session's c= line, where there is one. It comes before Bridge,
// which gives streams a c= line of their own where this one does not say what they need.
// 0.0.0.0 stays, for it is hold.
func (e *Edit) Connection(addr netip.Addr) {
	l := e.first(e.d.Session(), 'c')
	if l == nil {
		return
	}
	e.session = e.held(l, addr)
	e.At(l.Value).address(e.session)
}

// Bridge rewrites a stream so that it names the face, once for each stream: port (a count
// behind it goes), profile, c=, a=rtcp, a=rtcp-mux and a=crypto. What would lead media past
// the face goes: ICE, keys of other kinds, DTLS where the face is none, capabilities (RFC
// 5939), bundling. The first call takes the like out of the session's lines, the first
// with a face of RTP without DTLS what is of DTLS there. A stream with port 0 stays off, one
// that is bundle-only (RFC 9143 6) too. All else stays.
func (e *Edit) Bridge(m *Media, f Face) {
	if !e.bridged {
		e.bridged = true
		e.sweep(e.d.Session())
	}
	if !e.port(m, f.Port) {
		f.RTCP, f.Mux, f.Crypto = 0, false, nil
	}
	e.profile(m, f.Profile)
	e.connection(m, f.Addr)
	lines := e.d.Lines(m)
	e.sweep(lines)
	e.without(ice, lines)
	if f.Profile.RTP() && f.Profile != DTLS {
		e.without(dtls, lines)
		if !e.plain {
			e.plain = true
			e.without(dtls, e.d.Session())
		}
	}
	e.attributes(lines, f)
}

// WithoutICE takes the session's ICE attributes out; those of streams go with Bridge.
func (e *Edit) WithoutICE() { e.without(ice, e.d.Session()) }

// Off turns a stream off: port 0 (RFC 3264 6). Bridge is what takes addresses and keys out
// of it; it may come before, but only behind Off it leaves out what is of the face.
func (e *Edit) Off(m *Media) { e.port(m, 0) }

// port writes a port; once it is 0 it stays so. on: it is not 0.
func (e *Edit) port(m *Media, n uint16) (on bool) {
	if m.Number == 0 {
		return false
	}
	s := m.Port
	for !blank(e.d.body[s.End]) { // the protocol follows
		s.End++
	}
	for i := range e.ops {
		o := &e.ops[i]
		if o.span != s {
			continue
		}
		if n == 0 {
			e.arena = append(e.arena, '0')
			o.lit, o.end = len(e.arena)-1, len(e.arena)
		}
		return string(e.arena[o.lit:o.end]) != "0"
	}
	e.At(s).Uint(uint64(n))
	return n != 0
}

func (e *Edit) profile(m *Media, want Profile) {
	if is := e.d.Profile(m); is != want && is.RTP() && want.RTP() {
		e.At(m.Proto).String(want.String())
	}
}

// connection rewrites a stream's c= line, or gives it one where the session's says
// something else. Several (RFC 8866 5.7: layers of multicast) become one.
func (e *Edit) connection(m *Media, addr netip.Addr) {
	lines := e.d.Lines(m)
	if l := e.first(lines, 'c'); l != nil {
		e.At(l.Value).address(e.held(l, addr))
		return
	}
	addr = e.held(Find(e.d.Session(), 'c'), addr)
	if addr == e.session {
		return
	}
	after := head(lines, "mi")
	e.begin(after).String("c=").address(addr).end(after)
}

// held is addr, or nobody's of its family where the line at hand says nobody: who is on
// hold is told so in the words that the other side has chosen.
func (e *Edit) held(l *Line, addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if l != nil {
		if was, fault := e.d.address(e.d.Fields(l.Value)); fault == "" && was.IsUnspecified() {
			return unspecified(addr.Is6())
		}
	}
	return addr
}

// sweep takes out lines that name keys or places of which a face has none.
func (e *Edit) sweep(lines []Line) {
	for i := range lines {
		l := &lines[i]
		name, value := e.d.Attribute(l)
		if l.Type == 'k' || elsewhere(name) || string(name) == "group" && bundle(e.d.Slice(value)) {
			e.Delete(l.Span)
		}
	}
}

// without takes out attributes by their names.
func (e *Edit) without(which func(name []byte) bool, lines []Line) {
	for i := range lines {
		if name, _ := e.d.Attribute(&lines[i]); which(name) {
			e.Delete(lines[i].Span)
		}
	}
}

// attributes writes a=rtcp, a=rtcp-mux and a=crypto: where they stand, else before all
// other attributes.
func (e *Edit) attributes(lines []Line, f Face) {
	rtcp, mux, crypto := f.RTCP != 0, f.Mux, len(f.Crypto) > 0
	for i := range lines {
		l := &lines[i]
		switch name, _ := e.d.Attribute(l); string(name) {
		case "rtcp":
			if rtcp {
				e.At(l.Value).String("rtcp:").Uint(uint64(f.RTCP))
				rtcp = false
				continue
			}
		case "rtcp-mux", "rtcp-mux-only": // RFC 8858
			if f.Mux {
				mux = mux && len(name) > len("rtcp-mux")
				continue
			}
		case "crypto":
			if crypto {
				e.At(l.Value).crypto(f.Crypto, e.eol(l))
				crypto = false
				continue
			}
		default:
			continue
		}
		e.Delete(l.Span)
	}
	after := head(lines, "micb")
	if rtcp {
		e.begin(after).String("a=rtcp:").Uint(uint64(f.RTCP)).end(after)
	}
	if mux {
		e.begin(after).String("a=rtcp-mux").end(after)
	}
	if crypto {
		e.begin(after).String("a=").crypto(f.Crypto, e.eol(after)).end(after)
	}
}

// crypto appends a=crypto lines without the "a=" of the first and the end of the last.
func (e *Edit) crypto(values [][]byte, eol []byte) *Edit {
	for i, value := range values {
		if i > 0 {
			e.Bytes(eol).String("a=")
		}
		e.String("crypto:").Bytes(value)
	}
	return e
}

// elsewhere reports whether an attribute would have media go past the face, or what comes from the face
// be thrown away: other keys (RFC 4567), addresses to choose from (RFC 6947), sources to listen to (RFC 4570), capabilities that
// change the transport (RFC 5939, RFC 6871, RFC 7006), streams in another's port (RFC 9143).
func elsewhere(name []byte) bool {
	switch string(name) {
	case "key-mgmt", "altc", "tcap", "acap", "ccap", "pcfg", "lcfg", "acfg", "bundle-only", "source-filter":
		return true
	}
	return false
}

// ice reports whether an attribute is of ICE (RFC 8839 5).
func ice(name []byte) bool {
	switch string(name) {
	case "candidate", "end-of-candidates", "remote-candidates":
		return true
	}
	return bytes.HasPrefix(name, []byte("ice-"))
}

// dtls reports whether an attribute is of DTLS (RFC 8122, RFC 4145, RFC 8842).
func dtls(name []byte) bool {
	switch string(name) {
	case "fingerprint", "setup", "tls-id":
		return true
	}
	return false
}

// bundle reports whether the value of a=group is of streams in one port (RFC 9143).
func bundle(value []byte) bool {
	kind, _, _ := bytes.Cut(value, []byte{' '})
	return string(kind) == "BUNDLE"
}

// first returns the first line of a kind, nil if there is none, and deletes the others.
func (e *Edit) first(lines []Line, kind byte) (l *Line) {
	for i := range lines {
		switch {
		case lines[i].Type != kind:
		case l == nil:
			l = &lines[i]
		default:
			e.Delete(lines[i].Span)
		}
	}
	return l
}

// head returns the last of the lines of some types that a stream begins with; of several
// c= the first counts, for it stays. Line order is that of RFC 8866 5.
func head(lines []Line, types string) *Line {
	last, connected := &lines[0], false
	for i := range lines {
		kind := lines[i].Type
		if kind == 'a' {
			break
		}
		if strings.IndexByte(types, kind) >= 0 && !(kind == 'c' && connected) {
			last = &lines[i]
		}
		connected = connected || kind == 'c'
	}
	return last
}

// begin starts a new line behind another one, end ends it. The last line of a body has no
// end perhaps; the new one has none then either.
func (e *Edit) begin(after *Line) *Edit {
	e.Insert(after.Span.End)
	if after.Span.End == after.Value.End {
		e.Bytes(e.eol(after))
	}
	return e
}

func (e *Edit) end(after *Line) {
	if after != nil && after.Span.End > after.Value.End {
		e.Bytes(e.eol(after))
	}
}

// eol is how a line ends: as it does itself, else as the first line does.
func (e *Edit) eol(l *Line) []byte {
	for _, l := range [...]*Line{l, &e.d.lines[0]} {
		if l.Span.End > l.Value.End {
			return e.d.Slice(Span{l.Value.End, l.Span.End})
		}
	}
	return []byte("\r\n")
}

// address appends "IN IP4 192.0.2.1"; of none it is 0.0.0.0.
func (e *Edit) address(addr netip.Addr) *Edit {
	if addr = addr.Unmap().WithZone(""); !addr.IsValid() {
		addr = unspecified(false)
	}
	if addr.Is4() {
		e.String("IN IP4 ")
	} else {
		e.String("IN IP6 ")
	}
	e.arena = addr.AppendTo(e.arena)
	return e.grown()
}
