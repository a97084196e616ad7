package policy

import (
	"bytes"
	"cmp"
	"slices"
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
	country, international := strings.TrimPrefix(c.CountryCode, "+"), c.InternationalPrefix
	text := country + international + c.NationalPrefix // in one piece; see headerRules
	before := len(country) + len(international)
	return NumberPlan{Country: text[:len(country)], International: text[len(country):before], National: text[before:]}
}

// maxNumber bounds what is taken for a number: E.164 has 15 digits, prefixes come to it.
// What is longer is no number, and only its beginning is compared.
const maxNumber = 64

// Append appends user, the user part of a SIP URI or the number of a tel: one, in the form
// in which numbers are compared, and reports whether it is a number at all: one that may be
// equal to another. What is none (letters, "*1", "040#") is appended so that it still begins
// as a number would that is dialled so.
//
// Escapes are resolved (RFC 3261 19.1.2), visual separators dropped (RFC 3966 5.1.1).
// context is the phone-context parameter; nil takes it from user itself, where SIP puts it
// ("sip:1234;phone-context=+39@host", RFC 3261 19.1.6). A global context goes before the
// number (RFC 3966 5.1.5), a domain as context says nothing.
func (p *NumberPlan) Append(dst, user, context []byte) ([]byte, bool) {
	var dialledBuf, contextBuf [maxNumber]byte
	user = user[telPrefix(user):]
	number, params, _ := bytes.Cut(user, []byte{';'})
	if context == nil && len(params) > 0 {
		context, _ = sip.FindParam(user[len(number):], "phone-context")
	}
	dialled, digits, ok := readNumber(dialledBuf[:0], number)
	if digits == 0 {
		return append(dst, dialled...), false
	}
	before, _, global := readNumber(contextBuf[:0], context)
	if global && before[0] == '+' && dialled[0] != '+' {
		dst = append(append(dst, before...), dialled[:digits]...)
	} else {
		dst = p.global(dst, dialled[:digits])
	}
	return append(dst, dialled[digits:]...), ok
}

// telPrefix is how long a "tel:" is that a user part begins with, escaped or not (RFC 3261 19.1.2).
func telPrefix(user []byte) int {
	at := 0
	for _, want := range []byte("tel:") {
		if at >= len(user) {
			return 0
		}
		c, n := user[at], 1
		if c == '%' && at+2 < len(user) {
			var one [3]byte
			if u := sip.AppendUnescaped(one[:0], user[at:at+3]); len(u) == 1 {
				c, n = u[0], 3
			}
		}
		if c != want && (want == ':' || c|0x20 != want) {
			return 0
		}
		at += n
	}
	if at == len(user) {
		return 0
	}
	return at
}

// AppendURI is Append for the number that a sip:, sips: or tel: URI calls.
func (p *NumberPlan) AppendURI(dst []byte, u *sip.URI) ([]byte, bool) {
	var context []byte
	if u.Scheme == sip.SchemeTEL {
		context, _ = u.Param("phone-context")
	}
	return p.Append(dst, u.User, context)
}

// global appends digits in E.164, as far as the plan tells. An international prefix or a
// trunk "0" behind a "+", as in "+49 (0) 40", is dropped: neither begins a country code or
// the number in one.
func (p *NumberPlan) global(dst, digits []byte) []byte {
	abroad := digits
	if digits[0] == '+' {
		abroad = digits[1:]
	}
	switch {
	case p.Country == "":
		return append(dst, digits...)
	case p.International != "" && hasPrefix(abroad, p.International) && (digits[0] != '+' || p.International[0] == '0'):
		digits = abroad[len(p.International):]
	case digits[0] == '+':
		digits = abroad
	case hasPrefix(digits, p.National): // "" is a prefix of all: every number is a national one
		return append(append(append(dst, '+'), p.Country...), digits[len(p.National):]...)
	default:
		return append(dst, digits...)
	}
	dst = append(dst, '+')
	if own := len(p.Country); p.National == "0" && hasPrefix(digits, p.Country) && hasPrefix(digits[own:], "0") {
		dst, digits = append(dst, p.Country...), digits[own+1:]
	}
	return append(dst, digits...)
}

func hasPrefix(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

// readNumber appends what a user part dials, without escapes and without what switches skip:
// visual separators and everything else that is neither a digit, a letter, "*" nor "#". It
// tells how many of the bytes are digits, with a "+" before them, 0 if it begins otherwise, and
// whether it is a number and nothing else. At most maxNumber bytes are read into dst.
func readNumber(dst, b []byte) (dialled []byte, digits int, ok bool) {
	start, ended, clean := len(dst), false, true
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c == '%' && i+2 < len(b) {
			var one [3]byte
			if u := sip.AppendUnescaped(one[:0], b[i:i+3]); len(u) == 1 {
				c, i = u[0], i+2
			}
		}
		switch {
		case c >= '0' && c <= '9', c == '+' && len(dst) == start:
		case c == '-' || c == '.' || c == '(' || c == ')' || c == ' ':
			continue
		case c|0x20 >= 'a' && c|0x20 <= 'z', c == '*', c == '#':
			clean, ended = false, true
		default:
			clean = false
			continue
		}
		if len(dst)-start == maxNumber {
			clean = false
			break
		}
		dst = append(dst, c)
		if !ended {
			digits++
		}
	}
	if digits == 1 && dst[start] == '+' {
		digits = 0
	}
	return dst, digits, clean && digits > 0
}

// EmergencyNumbers are the customer's, as they may be dialled: as they were typed, and as his plan writes them; the
// shortest first.
func (c *Customer) EmergencyNumbers() []string {
	all := slices.Concat(c.Settings.Emergency.Numbers, c.emergency)
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	return slices.Compact(all)
}

// isEmergency reports whether a Request-URI calls one of the customer's emergency numbers.
func (c *Customer) isEmergency(u *sip.URI) bool {
	if c.emergencyLongest == 0 || len(u.User) == 0 {
		return false
	}
	var buf [3 * maxNumber]byte
	number, ok := c.Plan.AppendURI(buf[:0], u)
	return ok && c.emergencyKey(number)
}

// isEmergencyNumber is isEmergency for a number by itself.
func (c *Customer) isEmergencyNumber(text []byte) bool {
	if c.emergencyLongest == 0 || len(text) == 0 {
		return false
	}
	var buf [3 * maxNumber]byte
	number, ok := c.Plan.Append(buf[:0], text, []byte{})
	return ok && c.emergencyKey(number)
}

// emergencyKey reports whether a number in the form in which they are compared is one of them.
func (c *Customer) emergencyKey(number []byte) bool {
	if len(number) > c.emergencyLongest {
		return false
	}
	for _, e := range c.emergency {
		if string(number) == e {
			return true
		}
	}
	return false
}
