package uac

import (
	"bytes"

	"tollgate/sip"
)

// algorithm is a hash that a challenge asks for; the larger, the stronger.
type algorithm uint8

const (
	unknown algorithm = iota
	md5Sum
	sha256Sum
	sha512Sum // SHA-512-256
)

// names of the algorithms, as they are written (RFC 7616 3.3).
var names = [...]string{md5Sum: "MD5", sha256Sum: "SHA-256", sha512Sum: "SHA-512-256"}

// challenge is one WWW-Authenticate or Proxy-Authenticate. Texts are as they stand between
// their quotes, escapes kept, since they go back so.
type challenge struct {
	realm, nonce, opaque string
	algorithm            algorithm
	named                bool // it names its algorithm: the answer does so, too
	opaqued              bool // it has an opaque, which may be empty
	qop                  bool // auth is offered; else none is wanted (RFC 2069)
}

// longest bounds each text of a challenge, in bytes.
const longest = 1024

// parseChallenge reads the value of a challenge header; false where there is none that we can
// answer. All of it may be hostile, and some of it is sent back.
func parseChallenge(value []byte) (c challenge, ok bool) {
	value = bytes.TrimLeft(value, blank)
	scheme, rest, _ := bytes.Cut(value, []byte(" "))
	if !sip.EqualFoldString(scheme, "Digest") {
		return c, false
	}
	c.algorithm = md5Sum
	fine, qops := true, false
	for len(rest) > 0 {
		key, after, found := bytes.Cut(rest, []byte("="))
		if !found {
			break
		}
		v, quoted, left := cutValue(bytes.TrimLeft(after, blank))
		rest = left
		key = bytes.Trim(key, blank+",")
		switch {
		case sip.EqualFoldString(key, "realm"):
			c.realm = text(v, quoted, &fine)
		case sip.EqualFoldString(key, "nonce"):
			c.nonce = text(v, quoted, &fine)
		case sip.EqualFoldString(key, "opaque"):
			c.opaque, c.opaqued = text(v, quoted, &fine), true
		case sip.EqualFoldString(key, "algorithm"):
			c.algorithm, c.named = algorithmOf(v), true
		case sip.EqualFoldString(key, "qop"):
			qops, c.qop = true, offers(v, "auth")
		}
	}
	return c, fine && c.nonce != "" && c.realm != "" && c.algorithm != unknown && qops == c.qop
}

// text is a quoted value that may be sent back; fine turns false where it must not be.
func text(v []byte, quoted bool, fine *bool) string {
	if !quoted || len(v) > longest {
		*fine = false
		return ""
	}
	for _, c := range v {
		if c < ' ' || c == 0x7f {
			*fine = false
			return ""
		}
	}
	return string(v)
}

func algorithmOf(v []byte) algorithm {
	for a := md5Sum; int(a) < len(names); a++ {
		if sip.EqualFoldString(v, names[a]) {
			return a
		}
	}
	return unknown
}

// offers says that a list with commas has a word.
func offers(list []byte, word string) bool {
	for len(list) > 0 {
		var one []byte
		one, list, _ = bytes.Cut(list, []byte(","))
		if sip.EqualFoldString(bytes.Trim(one, blank), word) {
			return true
		}
	}
	return false
}

// blank is the white space of header values, folds included.
const blank = " \t\r\n"

// cutValue gives the value that stands first in b, without its quotes, and what follows its
// comma. A quoted string that does not end is no value, and nothing follows it.
func cutValue(b []byte) (value []byte, quoted bool, rest []byte) {
	if len(b) == 0 || b[0] != '"' {
		value, rest, _ = bytes.Cut(b, []byte(","))
		return bytes.TrimRight(value, blank), false, rest
	}
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			_, rest, _ = bytes.Cut(b[i:], []byte(","))
			return b[1:i], true, rest
		}
	}
	return nil, false, nil
}
