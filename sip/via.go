package sip

import (
	"errors"
	"net/netip"
)

// Via is one element of a Via header field; its slices alias what was parsed.
type Via struct {
	Transport []byte // "UDP", as it is written
	Host      []byte // sent-by, without the brackets of an IPv6 reference
	Params    []byte // raw, after the first ';'
	Branch    []byte // nil when absent
	Received  []byte // nil when absent; without brackets (RFC 5118 4.5)
	Elem      []byte // the whole element
	RPort     int32  // -1 absent, 0 present without a value (RFC 3581)
	Port      uint16 // 0 when absent
	IPv6      bool   // sent-by stood in brackets
	odd       bool   // a parameter that the grammar does not allow, or a second branch
}

// ErrVia says that an element is no via-parm (RFC 3261 25.1).
var ErrVia = errors.New("bad Via")

// ParseVia reads one element of a Via header field. White space and folds are
// allowed around every token. What is empty or odd among the parameters is no
// error here, so that an answer can still find its way back.
func ParseVia(elem []byte) (Via, error) {
	var v Via
	err := v.parse(elem)
	return v, err
}

func (v *Via) parse(elem []byte) error {
	*v = Via{Elem: elem, RPort: -1}
	b := trim(elem)
	i, ok := v.protocol(b)
	if !ok {
		return ErrVia
	}
	var sent URI // host and port of sent-by are written as in a URI
	n, err := sent.parseHost(b[i:])
	if err != nil {
		return ErrVia
	}
	v.Host, v.Port, v.IPv6 = sent.Host, sent.Port, sent.IPv6
	i = skipLWS(b, i+n)
	if !sent.HasPort && i < len(b) && b[i] == ':' { // LWS before and after the colon
		if i, ok = v.spacedPort(b, i+1); !ok {
			return ErrVia
		}
	}
	if i == len(b) {
		return nil
	}
	if b[i] != ';' {
		return ErrVia
	}
	v.Params = b[i+1:]
	v.parseParams()
	return nil
}

// protocol reads "SIP/2.0/UDP " and returns where sent-by starts. The fast path is
// what everybody writes.
func (v *Via) protocol(b []byte) (i int, ok bool) {
	if len(b) > 12 && string(b[:8]) == "SIP/2.0/" && b[11] == ' ' && is(b[8], clToken) && is(b[9], clToken) && is(b[10], clToken) {
		v.Transport = b[8:11]
		return skipLWS(b, 12), true
	}
	for part := range 3 {
		start := i
		if i += run(b[i:], clToken); i == start {
			return 0, false
		}
		v.Transport = b[start:i]
		end := i
		i = skipLWS(b, i)
		if part == 2 {
			return i, i > end
		}
		if i == len(b) || b[i] != '/' {
			return 0, false
		}
		i = skipLWS(b, i+1)
	}
	return 0, false
}

func (v *Via) spacedPort(b []byte, i int) (int, bool) {
	i = skipLWS(b, i)
	n := digits(b[i:])
	port, ok := ParseUint(b[i : i+n])
	if !ok || port > 65535 {
		return i, false
	}
	v.Port = uint16(port)
	return skipLWS(b, i+n), true
}

// parseParams picks the parameters that routing needs; the first of each counts.
func (v *Via) parseParams() {
	s := paramScan{b: v.Params}
	for s.next() {
		good := s.wellFormed()
		switch len(s.name) {
		case 5:
			if v.RPort < 0 && EqualFoldString(s.name, "rport") {
				v.RPort = number(s.value, 65535)
				good = good && (v.RPort >= 0 || s.value == nil)
				v.RPort = max(v.RPort, 0) // AppendVia overwrites what is no number
			}
		case 6:
			if EqualFoldString(s.name, "branch") {
				good = good && s.value != nil && v.Branch == nil && (s.plain || all(s.value, clToken))
				if v.Branch == nil {
					v.Branch = s.value
				}
			}
		case 8:
			if v.Received == nil && EqualFoldString(s.name, "received") {
				v.Received = unbracket(s.value)
			}
		}
		v.odd = v.odd || !good
	}
}

func unbracket(b []byte) []byte {
	if n := len(b); n >= 2 && b[0] == '[' && b[n-1] == ']' {
		return b[1 : n-1]
	}
	return b
}

// AppendVia appends the Via element via with received and rport set as the server
// that got it from src must (RFC 3261 18.2.1, RFC 3581 4). v is via, parsed. What a
// client wrote into received or rport itself is replaced: only we know.
func AppendVia(dst, via []byte, v *Via, src netip.AddrPort) []byte {
	addr := src.Addr().Unmap()
	sentBy, literal := parseAddr(v.Host)
	if v.RPort < 0 && v.Received == nil && literal && sentBy == addr {
		return append(dst, via...)
	}
	via = trim(via)
	tail := viaTail(via, v)
	dst = append(dst, via[:len(via)-len(tail)]...)
	s := paramScan{b: tail}
	for s.next() {
		switch {
		case EqualFoldString(s.name, "received"):
		case EqualFoldString(s.name, "rport"):
			dst = append(dst, ";rport="...)
			dst = appendUint(dst, uint64(src.Port()))
		default:
			dst = append(dst, s.whole()...)
		}
	}
	if v.RPort >= 0 || !literal || sentBy != addr {
		dst = append(dst, ";received="...)
		dst = addr.WithZone("").AppendTo(dst)
	}
	return dst
}

// viaTail returns the end of via, trimmed, from the first semicolon on. v may have
// been parsed from another copy of the same bytes.
func viaTail(via []byte, v *Via) []byte {
	off := len(via) - len(v.Params) - 1
	if v.Params == nil || off < 0 || via[off] != ';' {
		return nil
	}
	return via[off:]
}
