package trace

import (
	"bytes"

	"tollgate/sip"
)

// What gives a password or a key away is overwritten by as many x's, so that lengths and
// checksums of a capture stay right: digest responses (RFC 7616 3.4.1: who has one, the
// nonce and time can guess the password), credentials of any other scheme, and media keys
// in SDP (RFC 4568 9.1, RFC 4567, RFC 4566 5.12).

// mask masks what is secret in a message, in place.
func mask(data []byte) {
	pos := 0
	for pos < len(data) && (data[pos] == '\r' || data[pos] == '\n') {
		pos++
	}
	_, pos = lineAt(data, pos)
	eachField(data, &pos, func(id sip.HeaderID, name, value []byte) {
		if isSecret(id, name) {
			maskCredentials(value)
		}
	})
	maskBody(data[pos:])
}

// maskCredentials masks the value of one Authorization, Proxy-Authorization,
// Authentication-Info or Proxy-Authentication-Info. It masks too much rather than too
// little: within a quoted string, too, since what follows its end may be meant.
func maskCredentials(value []byte) {
	value = bytes.TrimLeft(value, " \t\r\n")
	scheme := 0
	for scheme < len(value) && isToken(value[scheme]) {
		scheme++
	}
	if scheme < len(value) && value[scheme] != '=' && !sip.EqualFoldString(value[:scheme], "Digest") {
		cover(bytes.TrimLeft(value[scheme:], " \t\r\n"))
		return
	}
	for _, name := range [...]string{"response", "rspauth"} {
		maskParam(value, name)
	}
}

// maskParam masks the values of all parameters of a name.
func maskParam(b []byte, name string) {
	for pos := 0; pos+len(name) < len(b); {
		i := indexFold(b[pos:], name)
		if i < 0 {
			return
		}
		at := pos + i
		pos = at + len(name)
		if at > 0 && isToken(b[at-1]) {
			continue
		}
		after := bytes.TrimLeft(b[pos:], " \t\r\n")
		if len(after) == 0 || after[0] != '=' {
			continue
		}
		after = bytes.TrimLeft(after[1:], " \t\r\n")
		n := valueLen(after)
		cover(after[:n])
		pos = len(b) - len(after) + n
	}
}

// valueLen is the length of a parameter's value; a quoted string that does not end is all
// that follows.
func valueLen(b []byte) int {
	if len(b) == 0 || b[0] != '"' {
		return len(token(b))
	}
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

// cover overwrites all but what gives a text its shape.
func cover(b []byte) {
	for i, c := range b {
		switch c {
		case '"', ' ', '\t', '\r', '\n':
		default:
			b[i] = 'x'
		}
	}
}

func isToken(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
}

// secretBody says that a body has keys: that maskBody would mask something.
func secretBody(b []byte) bool {
	for pos := 0; pos < len(b); {
		end, next := lineAt(b, pos)
		if secretLine(b[pos:end]) {
			return true
		}
		pos = next
	}
	return false
}

// secretLine says that a line of SDP has a key.
func secretLine(line []byte) bool {
	if len(line) < 4 || line[1] != '=' {
		return false
	}
	switch line[0] | 0x20 {
	case 'k':
		return true
	case 'a':
		return hasFold(line, "a=crypto:") || hasFold(line, "a=key-mgmt:")
	}
	return false
}

// maskBody masks keys in each line of a body that is SDP, or has SDP among its parts.
func maskBody(b []byte) {
	for pos := 0; pos < len(b); {
		end, next := lineAt(b, pos)
		line := b[pos:end]
		pos = next
		switch {
		case !secretLine(line):
		case line[0]|0x20 == 'k':
			coverAfter(line, ':')
		case line[2]|0x20 == 'k':
			coverAfter(line, ' ')
		default:
			maskInline(line)
		}
	}
}

func coverAfter(line []byte, mark byte) {
	if i := bytes.IndexByte(line, mark); i > 0 {
		cover(line[i+1:])
	}
}

// maskInline masks the keys of a crypto line; what follows a key (lifetime, MKI) stays.
func maskInline(line []byte) {
	for {
		i := indexFold(line, "inline:")
		if i < 0 {
			return
		}
		line = line[i+len("inline:"):]
		n := bytes.IndexAny(line, "|; \t")
		if n < 0 {
			n = len(line)
		}
		cover(line[:n])
		line = line[n:]
	}
}
