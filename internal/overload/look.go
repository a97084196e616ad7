package overload

import "bytes"

// Method is what of a request's method matters here.
type Method uint8

// The methods.
const (
	Other Method = iota
	INVITE
	REGISTER
	OPTIONS
	CANCEL
	ACK
)

// Look is what a request shows at a glance. It aliases the datagram.
type Look struct {
	Method   Method
	URI      []byte // Request-URI
	Host     []byte // of it, with its port
	InDialog bool   // its To has a tag
	Message  []byte // all of it
}

// maxLook is how far into a datagram it is looked, in bytes.
const maxLook = 8 << 10

// Read looks at a datagram; false where it is no request, or none that could be parsed.
// Wrong guesses about malformed requests cost them their place, no more.
func Read(data []byte) (l Look, ok bool) {
	for len(data) > 0 && (data[0] == '\r' || data[0] == '\n') {
		data = data[1:]
	}
	l.Message, data = data, data[:min(len(data), maxLook)]
	line, rest, ok := bytes.Cut(data, []byte{'\n'})
	if !ok {
		return l, false
	}
	method, line, ok := bytes.Cut(line, []byte{' '})
	if !ok || len(method) > 0 && bytes.HasPrefix(method, []byte("SIP/")) {
		return l, false
	}
	l.Method = methodOf(method)
	if l.URI, _, ok = bytes.Cut(line, []byte{' '}); !ok {
		return l, false
	}
	l.Host = hostOf(l.URI)
	l.headers(rest)
	return l, true
}

func methodOf(b []byte) Method {
	switch string(b) {
	case "INVITE":
		return INVITE
	case "REGISTER":
		return REGISTER
	case "OPTIONS":
		return OPTIONS
	case "CANCEL":
		return CANCEL
	case "ACK":
		return ACK
	}
	return Other
}

// hostOf is what stands after the scheme and the user.
func hostOf(uri []byte) []byte {
	_, host, ok := bytes.Cut(uri, []byte{':'})
	if !ok {
		return nil
	}
	if at := bytes.IndexByte(host, '@'); at >= 0 {
		host = host[at+1:]
	}
	for i, c := range host {
		if c == ';' || c == '?' {
			return host[:i]
		}
	}
	return host
}

// headers looks for To.
func (l *Look) headers(rest []byte) {
	for len(rest) > 1 && rest[0] != '\r' {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			return
		}
		line := rest[:end]
		for end+1 < len(rest) && (rest[end+1] == ' ' || rest[end+1] == '\t') { // folded
			more := bytes.IndexByte(rest[end+1:], '\n')
			if more < 0 {
				return
			}
			end += 1 + more
			line = rest[:end]
		}
		rest = rest[end+1:]
		if len(line) == 0 { // a bare LF ends the headers, too
			return
		}
		if v, ok := to(line); ok {
			l.InDialog = tagged(v)
			return
		}
	}
}

// to gives a line's value if it is To, by its name or the compact form of it.
func to(line []byte) ([]byte, bool) {
	if line[0]|0x20 != 't' {
		return nil, false
	}
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return nil, false
	}
	if is := bytes.TrimRight(line[:colon], " \t"); len(is) != 1 && !equalFold(is, "to") {
		return nil, false
	}
	return bytes.TrimSpace(line[colon+1:]), true
}

func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// tagged says that a To has a tag: a parameter after the angle brackets, or where
// there are none after the URI.
func tagged(v []byte) bool {
	if end := bytes.LastIndexByte(v, '>'); end >= 0 {
		v = v[end:]
	}
	for {
		semicolon := bytes.IndexByte(v, ';')
		if semicolon < 0 {
			return false
		}
		v = bytes.TrimLeft(v[semicolon+1:], " \t\r\n")
		if len(v) >= 3 && equalFold(v[:3], "tag") && bytes.HasPrefix(bytes.TrimLeft(v[3:], " \t"), []byte{'='}) {
			return true
		}
	}
}
