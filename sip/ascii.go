package sip

import (
	"encoding/binary"
	"math/bits"
	"strings"
)

// Character classes of RFC 3261 25.1, one bit each.
const (
	clToken uint8 = 1 << iota // token
	clUser                    // user and password of a SIP URI, without escapes
	clURI                     // anything that may stand in a URI, without escapes
	clTail                    // parameters and headers of a SIP URI, but for the question mark, without escapes
	clHost                    // hostname; the underscore is no RFC's but is met
	clHex                     // hexadecimal digit
	clLWS                     // space, tab, and the CR LF of a fold
	clPlain                   // what may stand in a parameter without looking twice
)

// classes is filled once and never written again. A byte each: the letters share one
// cache line.
var classes = buildClasses()

func buildClasses() (t [256]uint8) {
	const alnum = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	const mark = "-_.!~*'()"
	for _, c := range []struct {
		bit   uint8
		chars string
	}{
		{clToken, alnum + "-.!%*_+`'~"},
		{clUser, alnum + mark + "&=+$,;?/" + "#[]"}, // # and [] are not legal there but are dialled
		{clURI, alnum + mark + ";/?:@&=+$,[]#"},
		{clTail, alnum + mark + ";/:&=+$,[]#"},
		{clHost, alnum + "-._"},
		{clHex, "0123456789abcdefABCDEF"},
		{clLWS, " \t\r\n"},
	} {
		for i := range len(c.chars) {
			t[c.chars[i]] |= c.bit
		}
	}
	for c := '!'; c < 256; c++ {
		if !strings.ContainsRune("\";=,<>\x7f", c) {
			t[c] |= clPlain
		}
	}
	return t
}

func is(c byte, class uint8) bool { return classes[c]&class != 0 }

// run returns how many bytes of b, from its start, are of the class.
func run(b []byte, class uint8) int {
	for i, c := range b {
		if classes[c]&class == 0 {
			return i
		}
	}
	return len(b)
}

// digits returns how many bytes of b, from its start, are decimal digits.
func digits(b []byte) int {
	for i, c := range b {
		if !isDigit(c) {
			return i
		}
	}
	return len(b)
}

// all reports whether b is not empty and every byte of it is of the class.
func all(b []byte, class uint8) bool { return len(b) > 0 && run(b, class) == len(b) }

func isDigit(c byte) bool { return c-'0' < 10 }

func lower(c byte) byte {
	if c-'A' < 26 {
		return c | 0x20
	}
	return c
}

// EqualFold reports whether a and b are equal, ASCII letters in any case.
func EqualFold(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i, c := range a {
		if c != b[i] && lower(c) != lower(b[i]) {
			return false
		}
	}
	return true
}

// EqualFoldString is EqualFold against a string. Nearly always the two are the same.
func EqualFoldString(a []byte, s string) bool {
	if string(a) == s {
		return true
	}
	if len(a) != len(s) {
		return false
	}
	for i, c := range a {
		if c != s[i] && lower(c) != lower(s[i]) {
			return false
		}
	}
	return true
}

// ParseUint reads decimal digits, nothing else. False when there is no digit,
// another byte, or a value over 2^32-1. Leading zeros are allowed (RFC 4475 3.1.1.1).
func ParseUint(b []byte) (uint32, bool) {
	var n uint64
	for _, c := range b {
		if !isDigit(c) {
			return 0, false
		}
		if n = n*10 + uint64(c-'0'); n > 1<<32-1 {
			return 0, false
		}
	}
	return uint32(n), len(b) > 0
}

// skipLWS returns the index of the first byte at or after i that is no white
// space; folds count as white space.
func skipLWS(b []byte, i int) int {
	for i < len(b) && is(b[i], clLWS) {
		i++
	}
	return i
}

// trim cuts white space and folds at both ends, keeping the capacity, so that
// SpanOf still works.
func trim(b []byte) []byte {
	for len(b) > 0 && is(b[0], clLWS) {
		b = b[1:]
	}
	for len(b) > 0 && is(b[len(b)-1], clLWS) {
		b = b[:len(b)-1]
	}
	return b
}

// nextControl returns the index of the first byte at or after i that is below
// 0x20 or is DEL; len(b) when there is none. Eight bytes at a time: a borrow can
// only raise false alarms above a true one, so the lowest hit is exact.
func nextControl(b []byte, i int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		del := x ^ 0x7f*ones
		hit := ((x-0x20*ones)&^x | (del-ones)&^del) & tops
		if hit != 0 {
			return i + bits.TrailingZeros64(hit)>>3
		}
	}
	for ; i < len(b); i++ {
		if b[i] < 0x20 || b[i] == 0x7f {
			return i
		}
	}
	return len(b)
}

// closingQuote returns the index of the quote that ends the quoted string that
// starts at b[i]; -1 when it is not ended. A backslash escapes any byte.
func closingQuote(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}
