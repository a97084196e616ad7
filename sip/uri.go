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
	err := u.parse(b)
	return u, err
}

func (u *URI) parse(b []byte) error {
	var rest []byte
	if len(b) > 4 && string(b[:4]) == "sip:" { // nearly always
		u.Scheme, rest = SchemeSIP, b[4:]
	} else {
		colon := bytes.IndexByte(b, ':')
		if colon <= 0 || !isScheme(b[:colon]) {
			return ErrURIScheme
		}
		rest = b[colon+1:]
		switch scheme := b[:colon]; {
		case EqualFoldString(scheme, "sip"):
			u.Scheme = SchemeSIP
		case EqualFoldString(scheme, "sips"):
			u.Scheme = SchemeSIPS
		case EqualFoldString(scheme, "tel"):
			u.Scheme = SchemeTEL
			return u.parseTel(rest)
		case len(rest) == 0 || !escaped(rest, clURI):
			return ErrURIChar
		default:
			return nil
		}
	}
	if at := bytes.IndexByte(rest, '@'); at >= 0 {
		if err := u.parseUser(rest[:at]); err != nil {
			return err
		}
		rest = rest[at+1:]
	}
	n, err := u.parseHost(rest)
	if err != nil || n == len(rest) {
		return err
	}
	return u.parseTail(rest[n:])
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

// parseUser reads user [":" password].
func (u *URI) parseUser(b []byte) error {
	n := escapedLen(b, clUser)
	u.User = b[:n]
	if n < len(b) && b[n] == ':' {
		u.Password = b[n+1:]
		n += 1 + escapedLen(u.Password, clUser|clTail)
	}
	if len(u.User) == 0 || n < len(b) {
		return ErrURIUser
	}
	return nil
}

// parseHost reads host [":" port] at the start of b and returns its length.
func (u *URI) parseHost(b []byte) (n int, err error) {
	if len(b) > 0 && b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		if end < 0 {
			return 0, ErrURIHost
		}
		if _, ok := parseIPv6(b[1:end]); !ok {
			return 0, ErrURIHost
		}
		u.Host, u.IPv6, n = b[1:end], true, end+1
	} else {
		if n = run(b, clHost); n == 0 {
			return 0, ErrURIHost
		}
		u.Host = b[:n]
	}
	if n == len(b) || b[n] != ':' {
		return n, nil
	}
	end := n + 1 + digits(b[n+1:])
	port, ok := ParseUint(b[n+1 : end])
	if !ok || port > 65535 {
		return 0, ErrURIPort
	}
	u.Port, u.HasPort = uint16(port), true
	return end, nil
}

// parseTail reads what follows host and port: [";" parameters] ["?" headers].
func (u *URI) parseTail(b []byte) error {
	n := 0
	if b[0] == ';' {
		n = escapedLen(b, clTail)
		u.Params = b[1:n]
	} else if b[0] != '?' {
		return ErrURIHost
	}
	if n < len(b) && b[n] == '?' {
		u.Headers = b[n+1:]
		n += 1 + escapedLen(u.Headers, clUser|clTail)
	}
	if n < len(b) {
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

// Param finds a URI parameter by name, in any case.
func (u *URI) Param(name string) (value []byte, ok bool) { return FindParam(u.Params, name) }

// Addr returns the host as an IP address, IPv4 in IPv6 unmapped; false when it is
// a name. It does not allocate.
func (u *URI) Addr() (netip.Addr, bool) { return parseAddr(u.Host) }
