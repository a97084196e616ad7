package auth

import (
	"bytes"

	"tollgate/sip"
)

// Credentials are the answer to a challenge (RFC 7616 3.4). They alias the message that they
// are of.
type Credentials struct {
	Username []byte // as it is written between the quotes

	realm, nonce, uri, response, cnonce, nc, qop, name []byte

	algorithm algorithm
	count     uint32 // nc
	counted   bool   // there is an nc: qop is "auth"
}

// maxCredentials bounds what is hashed of one answer, in bytes.
const maxCredentials = 1024

// Find reads the first credentials for a realm in a header of a request, Authorization or
// Proxy-Authorization. false: there are none, or none that can be understood. Others for the
// same realm are not looked at, since that would be several guesses for one request.
func (c *Credentials) Find(m *sip.Message, header sip.HeaderID, realm string) bool {
	for i := range m.FieldCount() {
		f := m.Field(i)
		if f.ID != header {
			continue
		}
		*c = Credentials{}
		if c.parse(m.Slice(f.Value)) && string(c.realm) == realm {
			return c.settle()
		}
	}
	return false
}

// For says that a header value is credentials for a realm, sound or not.
func For(value []byte, realm string) bool {
	var c Credentials
	c.parse(value)
	return string(c.realm) == realm
}

// parse reads the list of parameters; those that nobody knows are passed over.
func (c *Credentials) parse(value []byte) bool {
	s := scanner{b: value}
	if !sip.EqualFoldString(s.token(), "Digest") {
		return false
	}
	sound := true
	for {
		for s.blank() || s.skip(',') {
			continue // RFC 7230 7: a list may have empty elements
		}
		if len(s.b) == 0 {
			return sound
		}
		key := s.token()
		s.blank()
		if len(key) == 0 || !s.skip('=') {
			return false
		}
		s.blank()
		v, ok := s.value()
		if !ok {
			return false
		}
		if to := c.field(key); to != nil {
			sound = sound && *to == nil // one that is there twice means anything
			*to = v
		}
	}
}

// field is where a parameter is kept, nil where it is of no use. Their lengths tell most apart.
func (c *Credentials) field(key []byte) *[]byte {
	name, to := "", (*[]byte)(nil)
	switch len(key) {
	case 2:
		name, to = "nc", &c.nc
	case 3:
		if name, to = "uri", &c.uri; key[0]|0x20 == 'q' {
			name, to = "qop", &c.qop
		}
	case 5:
		if name, to = "nonce", &c.nonce; key[0]|0x20 == 'r' {
			name, to = "realm", &c.realm
		}
	case 6:
		name, to = "cnonce", &c.cnonce
	case 8:
		if name, to = "username", &c.Username; key[0]|0x20 == 'r' {
			name, to = "response", &c.response
		}
	case 9:
		name, to = "algorithm", &c.name
	}
	if to == nil || !sip.EqualFoldString(key, name) {
		return nil
	}
	return to
}

// settle checks what parse has found.
func (c *Credentials) settle() bool {
	if c.Username == nil || c.nonce == nil || c.uri == nil || c.response == nil {
		return false
	}
	if len(c.nonce)+len(c.uri)+len(c.cnonce)+len(c.nc)+len(c.qop) > maxCredentials {
		return false
	}
	c.algorithm = algorithmOf(c.name)
	if c.qop == nil {
		return c.nc == nil && c.cnonce == nil // RFC 2069 has neither
	}
	if !sip.EqualFoldString(c.qop, "auth") || len(c.cnonce) == 0 {
		return false
	}
	c.count, c.counted = parseCount(c.nc)
	return c.counted
}

// parseCount reads an nc, 8 hexadecimal digits (RFC 7616 3.4); it begins with 1.
func parseCount(b []byte) (n uint32, ok bool) {
	if len(b) != 8 {
		return 0, false
	}
	for _, c := range b {
		digit, ok := hexDigit(c)
		if !ok {
			return 0, false
		}
		n = n<<4 | uint32(digit)
	}
	return n, n > 0
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// scanner reads a header value from left to right.
type scanner struct{ b []byte }

// blank passes over white space, folds included; false where there is none.
func (s *scanner) blank() bool {
	n := 0
	for n < len(s.b) && (s.b[n] == ' ' || s.b[n] == '\t' || s.b[n] == '\r' || s.b[n] == '\n') {
		n++
	}
	s.b = s.b[n:]
	return n > 0
}

// skip passes over one byte if it is c.
func (s *scanner) skip(c byte) bool {
	if len(s.b) == 0 || s.b[0] != c {
		return false
	}
	s.b = s.b[1:]
	return true
}

// token reads up to what ends a token.
func (s *scanner) token() []byte {
	n := 0
	for n < len(s.b) && !endsToken(s.b[n]) {
		n++
	}
	t := s.b[:n:n]
	s.b = s.b[n:]
	return t
}

func endsToken(c byte) bool {
	switch c {
	case ' ', '\t', '\r', '\n', ',', '=', '"':
		return true
	}
	return false
}

// value reads a token, or what stands between quotes, escapes kept (RFC 7616 3.4.4 hashes it
// so). It is never nil.
func (s *scanner) value() (v []byte, ok bool) {
	if !s.skip('"') {
		v = s.token()
		return v, len(v) > 0
	}
	end := bytes.IndexByte(s.b, '"')
	if end >= 0 && bytes.IndexByte(s.b[:end], '\\') >= 0 {
		end = escapedEnd(s.b)
	}
	if end < 0 {
		return nil, false
	}
	v = s.b[:end:end]
	s.b = s.b[end+1:]
	return v, true
}

// escapedEnd finds the closing quote of a text with escapes in it, -1 where there is none.
func escapedEnd(b []byte) int {
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}
