package sip

// Identifiers that we mint (branches, tags, Call-IDs, URI users) are base32hex
// in lower case: token characters only, safe where a peer folds case
// (RFC 3261 7.3.1), 8 characters for each 5 bytes, without padding.
const tokenDigits = "0123456789abcdefghijklmnopqrstuv"

// TokenLen is the number of characters that n bytes take.
func TokenLen(n int) int { return (n*8 + 4) / 5 }

// AppendToken appends raw in base32hex to dst.
func AppendToken(dst, raw []byte) []byte {
	var bits uint32
	n := 0
	for _, b := range raw {
		bits = bits<<8 | uint32(b)
		for n += 8; n >= 5; n -= 5 {
			dst = append(dst, tokenDigits[bits>>(n-5)&31])
		}
	}
	if n > 0 {
		dst = append(dst, tokenDigits[bits<<(5-n)&31])
	}
	return dst
}

// tokenValues holds the value of each digit, and 255 for what is none. A table, since
// no processor guesses whether a random digit is a letter. It is filled once.
var tokenValues = buildTokenValues()

func buildTokenValues() (t [256]uint8) {
	for c := range t {
		t[c] = 255
	}
	for v := range len(tokenDigits) {
		c := tokenDigits[v]
		t[c] = uint8(v)
		if c >= 'a' {
			t[c-'a'+'A'] = uint8(v)
		}
	}
	return t
}

// DecodeToken fills raw from exactly TokenLen(len(raw)) characters in either
// case; false when the length, a character or the spare bits are not what
// AppendToken writes.
func DecodeToken(raw, token []byte) bool {
	if len(token) != TokenLen(len(raw)) {
		return false
	}
	var bits uint32
	var bad uint8
	n, i := 0, 0
	for _, c := range token {
		v := tokenValues[c]
		bad |= v
		bits = bits<<5 | uint32(v)
		if n += 5; n >= 8 {
			n -= 8
			raw[i] = byte(bits >> n)
			i++
		}
	}
	return bad < 1<<5 && bits&(1<<n-1) == 0
}
