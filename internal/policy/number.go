package policy

import (
	"bytes"
	"strings"

	"tollgate/internal/tenant"
	"tollgate/sip"
)

// NumberPlan is how a customer's people dial. Numbers are compared in E.164 with a "+"
// everywhere: block lists, emergency numbers, CLI, DID and search.
type NumberPlan struct {
	Country       string // country code, digits: "39"; "": numbers are compared as dialled
	International string // dialled before a country code: "00"
	National      string // dialled before a number of the own country, and dropped: "0"; "" = nothing is
}

func planOf(c *tenant.Customer) NumberPlan {
	return NumberPlan{
		Country:       strings.TrimPrefix(c.CountryCode, "+"),
		International: c.InternationalPrefix,
		National:      c.NationalPrefix,
	}
}

// maxNumber bounds what is taken for a number: E.164 has 15 digits, prefixes and
// separators come to it. Longer users are no numbers.
const maxNumber = 64

// Append appends user, the user part of a SIP URI or the number of a tel: one, in the form
// in which numbers are compared, and reports whether it is a number at all. What is none
// (letters, "*1") is appended unescaped and otherwise as it is.
//
// Escapes are resolved (RFC 3261 19.1.2), visual separators dropped (RFC 3966 5.1.1).
// context is the phone-context parameter; nil takes it from user itself, where SIP puts it
// ("sip:1234;phone-context=+39@host", RFC 3261 19.1.6). A global context goes before the
// number (RFC 3966 5.1.5), a domain as context says nothing.
func (p *NumberPlan) Append(dst, user, context []byte) ([]byte, bool) {
	var plainBuf, digitsBuf, contextBuf [maxNumber]byte
	if len(user) > 4 && sip.EqualFoldString(user[:4], "tel:") {
		user = user[4:]
	}
	number, params, _ := bytes.Cut(user, []byte{';'})
	if context == nil && len(params) > 0 {
		context, _ = sip.FindParam(user[len(number):], "phone-context")
	}
	if len(number) > maxNumber || len(context) > maxNumber {
		return sip.AppendUnescaped(dst, number), false
	}
	plain := sip.AppendUnescaped(plainBuf[:0], number)
	digits, ok := appendDigits(digitsBuf[:0], plain)
	if !ok {
		return append(dst, plain...), false
	}
	context, ok = appendDigits(contextBuf[:0], context)
	if ok && context[0] == '+' && digits[0] != '+' {
		dst = append(dst, context...)
		return append(dst, digits...), true
	}
	return p.global(dst, digits), true
}

// AppendURI is Append for the number that a sip:, sips: or tel: URI calls.
func (p *NumberPlan) AppendURI(dst []byte, u *sip.URI) ([]byte, bool) {
	var context []byte
	if u.Scheme == sip.SchemeTEL {
		context, _ = u.Param("phone-context")
	}
	return p.Append(dst, u.User, context)
}

// global appends digits in E.164, as far as the plan tells.
func (p *NumberPlan) global(dst, digits []byte) []byte {
	switch {
	case p.Country == "" || digits[0] == '+':
	case p.International != "" && hasPrefix(digits, p.International):
		dst, digits = append(dst, '+'), digits[len(p.International):]
	case hasPrefix(digits, p.National): // "" is a prefix of all: every number is a national one
		dst = append(append(dst, '+'), p.Country...)
		digits = digits[len(p.National):]
	}
	return append(dst, digits...)
}

func hasPrefix(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

// appendDigits appends a number without its visual separators, and reports whether it was
// one: digits, at least one, with at most a "+" before them.
func appendDigits(dst, b []byte) ([]byte, bool) {
	start := len(dst)
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			dst = append(dst, c)
		case c == '+' && len(dst) == start:
			dst = append(dst, c)
		case c == '-' || c == '.' || c == '(' || c == ')' || c == ' ':
		default:
			return dst, false
		}
	}
	n := len(dst) - start
	return dst, n > 1 || n == 1 && dst[start] != '+'
}

// isEmergency reports whether a Request-URI calls one of the customer's emergency numbers.
func (c *Customer) isEmergency(u *sip.URI) bool {
	if len(c.emergency) == 0 || len(u.User) == 0 {
		return false
	}
	var buf [3 * maxNumber]byte
	number, ok := c.Plan.AppendURI(buf[:0], u)
	if !ok {
		return false
	}
	for _, e := range c.emergency {
		if string(number) == e {
			return true
		}
	}
	return false
}
