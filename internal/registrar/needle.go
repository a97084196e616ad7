package registrar

import (
	"bytes"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// needle is what somebody looks for in a list. Nothing of a binding is copied to look into it.
type needle struct {
	text      string // in lower case; "" is in all
	capital   string // in upper case; "" where that is the same
	plain     bool   // it is ASCII
	id, where bool   // it may stand in an id, in an address
}

// newNeedle reads a text as somebody has typed it.
func newNeedle(text string) *needle {
	n := &needle{text: strings.ToLower(strings.TrimSpace(text))}
	n.plain = strings.IndexFunc(n.text, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
	if capital := strings.ToUpper(n.text); capital != n.text {
		n.capital = capital
	}
	n.id = strings.Trim(n.text, "0123456789abcdef") == ""
	n.where = strings.ContainsRune(n.text, '%') || strings.Trim(n.text, "0123456789abcdef.:[]") == ""
	return n
}

// in says that the text stands in one of the columns that a list shows of a binding.
func (n *needle) in(b *binding) bool {
	if strings.Contains(b.flow.Proto.String(), n.text) { // as in all where it is empty
		return true
	}
	if n.said(b.all) { // which the texts are parts of, in one search
		for _, i := range []int{textAOR, textURI, textInstance, textAgent} {
			if n.said(b.text(i)) {
				return true
			}
		}
	}
	var room [80]byte // of an IPv6 address with a zone and a port
	return n.id && bytes.Contains(hex.AppendEncode(room[:0], b.id[:]), []byte(n.text)) ||
		n.where && bytes.Contains(b.flow.Remote.AppendTo(room[:0]), []byte(n.text))
}

// said finds the text in s, capital or not.
func (n *needle) said(s string) bool {
	switch {
	case n.plain && n.capital == "": // nothing of it has two forms
		return strings.Contains(s, n.text)
	case !n.plain:
		return strings.Contains(strings.ToLower(s), n.text)
	}
	small, capital, rest := n.text[0], n.capital[0], n.text[1:]
	for i := range len(s) - len(rest) {
		if c := s[i]; (c == small || c == capital) && sameFold(s[i+1:i+1+len(rest)], rest) {
			return true
		}
	}
	return false
}

// sameFold compares ASCII of the same length, of which b is in lower case.
func sameFold(a, b string) bool {
	for i := range len(b) {
		c := a[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != b[i] {
			return false
		}
	}
	return true
}
