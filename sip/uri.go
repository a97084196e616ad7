package sip

import (
	"bytes"
	"errors"
	"net/netip"
)

// Scheme of a URI.
type Scheme uint8

// The schemes that are read; others are opaque.
const (
	SchemeOther Scheme = iota
	SchemeSIP
	SchemeSIPS
	SchemeTEL
)

// URI is a parsed sip:, sips: or tel: URI; all slices alias what was parsed and
// are still escaped. For tel: User is the number with its visual separators and
// Params its parameters. For SchemeOther all is empty.
type URI struct {
	Scheme   Scheme
	User     []byte // nil when there is no '@'
	Password []byte
	Host     []byte // without the brackets of an IPv6 reference
	Params   []byte // raw, after the first ';'
	Headers  []byte // raw, after the '?'
	Port     uint16
	HasPort  bool
	IPv6     bool // Host stood in brackets
}

// Errors of ParseURI; each says which part is wrong.
var (
	ErrURIScheme = errors.New("URI without a scheme")
	ErrURIChar   = errors.New("character not allowed in a URI")
	ErrURIUser   = errors.New("bad user part in URI")
	ErrURIHost   = errors.New("bad host in URI")
	ErrURIPort   = errors.New("bad port in URI")
	ErrURINumber = errors.New("bad number in tel URI")
)

// ParseURI reads a URI as it stands in a start line or between < and > (RFC 3261
// 19.1, RFC 3966). It is strict about what could be read in two ways: white
// space, a second '@', a broken escape, a bad port. Opaque URIs of other schemes
// are no error.
func ParseURI(b []byte) (URI, error) {
	var u URI
	colon := bytes.IndexByte(b, ':')
	if colon <= 0 || !isScheme(b[:colon]) {
		return u, ErrURIScheme
	}
	rest := b[colon+1:]
	switch scheme := b[:colon]; {
	case EqualFoldString(scheme, "sip"):
		u.Scheme = SchemeSIP
	case EqualFoldString(scheme, "sips"):
		u.Scheme = SchemeSIPS
	case EqualFoldString(scheme, "tel"):
		u.Scheme = SchemeTEL
		return u, u.parseTel(rest)
	default:
		if len(rest) == 0 || !escaped(rest, clURI) {
			return u, ErrURIChar
		}
		return u, nil
	}
	if at := bytes.IndexByte(rest, '@'); at >= 0 {
		if err := u.parseUser(rest[:at]); err != nil {
			return u, err
		}
		rest = rest[at+1:]
	}
	n, err := u.parseHost(rest)
	if err != nil {
		return u, err
	}
	return u, u.parseTail(rest[n:])
}

// isScheme: ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ).
func isScheme(b []byte) bool {
	if c := lower(b[0]); c < 'a' || c > 'z' {
		return false
	}
	for _, c := range b {
		if l := lower(c); (l < 'a' || l > 'z') && !isDigit(c) && c != '+' && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

func (u *URI) parseUser(b []byte) error {
	u.User = b
	if i := bytes.IndexByte(b, ':'); i >= 0 {
		u.User, u.Password = b[:i], b[i+1:]
	}
	if len(u.User) == 0 || !escaped(u.User, clUser) || !escaped(u.Password, clUser|clURI) {
		return ErrURIUser
	}
	return nil
}

// parseHost reads host [":" port] at the start of b and returns its length.
func (u *URI) parseHost(b []byte) (n int, err error) {
	if len(b) > 0 && b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		if end < 0 || !isIPv6Text(b[1:end]) {
			return 0, ErrURIHost
		}
		u.Host, u.IPv6, n = b[1:end], true, end+1
	} else {
		for n < len(b) && is(b[n], clHost) {
			n++
		}
		if n == 0 {
			return 0, ErrURIHost
		}
		u.Host = b[:n]
	}
	if n == len(b) || b[n] != ':' {
		return n, nil
	}
	start := n + 1
	for n++; n < len(b) && isDigit(b[n]); n++ {
	}
	port, ok := ParseUint(b[start:n])
	if !ok || port > 65535 {
		return 0, ErrURIPort
	}
	u.Port, u.HasPort = uint16(port), true
	return n, nil
}

// parseTail reads what follows host and port: parameters and headers.
func (u *URI) parseTail(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if b[0] != ';' && b[0] != '?' {
		return ErrURIHost
	}
	if q := bytes.IndexByte(b, '?'); q >= 0 {
		u.Headers = b[q+1:]
		if !escaped(u.Headers, clURI) {
			return ErrURIChar
		}
		b = b[:q]
	}
	if len(b) > 0 {
		u.Params = b[1:]
	}
	if bytes.IndexByte(u.Params, '@') >= 0 || !escaped(u.Params, clURI) {
		return ErrURIChar
	}
	return nil
}

func (u *URI) parseTel(b []byte) error {
	if i := bytes.IndexByte(b, ';'); i >= 0 {
		b, u.Params = b[:i], b[i+1:]
	}
	u.User = b
	digits := 0
	for i, c := range b {
		switch {
		case is(c, clHex) || c == '*' || c == '#':
			digits++
		case c == '-' || c == '.' || c == '(' || c == ')':
		case c == '+' && i == 0:
		default:
			return ErrURINumber
		}
	}
	if digits == 0 {
		return ErrURINumber
	}
	if !escaped(u.Params, clURI) {
		return ErrURIChar
	}
	return nil
}

// isIPv6Text is a cheap look at what stands in brackets; Addr says what it means.
func isIPv6Text(b []byte) bool {
	colons := 0
	for _, c := range b {
		switch {
		case c == ':':
			colons++
		case !is(c, clHex) && c != '.':
			return false
		}
	}
	return colons >= 2
}

// Param finds a URI parameter by name, in any case.
func (u *URI) Param(name string) (value []byte, ok bool) { return FindParam(u.Params, name) }

// Addr returns the host as an IP address, IPv4 in IPv6 unmapped; false when it is
// a name. It does not allocate.
func (u *URI) Addr() (netip.Addr, bool) { return parseAddr(u.Host) }
