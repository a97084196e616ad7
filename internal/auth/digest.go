package auth

import (
	"crypto/md5" //nolint:gosec // RFC 7616 3.3: what old phones know; a customer can switch it off
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"

	"tollgate/internal/tenant"
	"tollgate/sip"
)

// algorithm is a digest algorithm.
type algorithm uint8

const (
	unknown algorithm = iota
	algMD5
	algSHA256
	algSHA512256
)

// names is how customers list an algorithm, and how it stands in headers. Read-only.
var names = [...]struct{ listed, wire string }{
	algMD5: {MD5, "MD5"}, algSHA256: {SHA256, "SHA-256"}, algSHA512256: {SHA512256, "SHA-512-256"},
}

// algorithmOf reads the algorithm of credentials; none stands for MD5 (RFC 7616 3.3).
func algorithmOf(name []byte) algorithm {
	if name == nil {
		return algMD5
	}
	for a := algMD5; int(a) < len(names); a++ {
		if sip.EqualFoldString(name, names[a].wire) {
			return a
		}
	}
	return unknown
}

func wireName(listed string) (string, bool) {
	for a := algMD5; int(a) < len(names); a++ {
		if names[a].listed == listed {
			return names[a].wire, true
		}
	}
	return "", false
}

// maxSum is the size of the longest digest, in bytes.
const maxSum = sha256.Size

// sum is the digest of text, of as many bytes as the algorithm has.
func (a algorithm) sum(out *[maxSum]byte, text []byte) []byte {
	switch a {
	case algSHA256:
		*out = sha256.Sum256(text)
		return out[:]
	case algSHA512256:
		*out = sha512.Sum512_256(text)
		return out[:]
	default:
		s := md5.Sum(text) //nolint:gosec // see the import
		return out[:copy(out[:], s[:])]
	}
}

// secret is what is kept of a password for the algorithm; false where it is not.
func (a algorithm) secret(h *tenant.HA1) ([]byte, bool) {
	switch a {
	case algSHA256:
		return h.SHA256[:], h.HasSHA256
	case algSHA512256:
		return h.SHA512256[:], h.HasSHA512256
	default:
		return h.MD5[:], h.HasMD5
	}
}

// proves says that credentials were made with a user's password. For a user who is not there
// (nil), or whose hash for the algorithm is not, it does the same work for nothing.
func (a *Authenticator) proves(c *Credentials, ha1 *tenant.HA1, method []byte) bool {
	if ha1 == nil {
		ha1 = &a.nobody
	}
	secret, known := c.algorithm.secret(ha1)
	if !known {
		secret, _ = c.algorithm.secret(&a.nobody)
	}
	var want, given [2 * maxSum]byte
	text := c.answer(want[:0], secret, method)
	for i := range copy(given[:], c.response) {
		given[i] |= 0x20 // hexadecimal in either case
	}
	same := len(text) == len(c.response) && subtle.ConstantTimeCompare(text, given[:len(text)]) == 1
	return same && known
}

// answer appends the response that the holder of a password gives (RFC 7616 3.4.1), in
// hexadecimal; without a qop that of RFC 2069 2.1.2.
func (c *Credentials) answer(dst, secret, method []byte) []byte {
	var room [maxCredentials + 512]byte
	var digest [maxSum]byte
	text := append(append(append(room[:0], method...), ':'), c.uri...)
	request := c.algorithm.sum(&digest, text)
	var requestText [2 * maxSum]byte
	a2 := hex.AppendEncode(requestText[:0], request)

	text = append(hex.AppendEncode(room[:0], secret), ':')
	text = append(append(text, c.nonce...), ':')
	if c.counted {
		text = append(append(text, c.nc...), ':')
		text = append(append(text, c.cnonce...), ':')
		text = append(append(text, c.qop...), ':')
	}
	return hex.AppendEncode(dst, c.algorithm.sum(&digest, append(text, a2...)))
}
