package dialog

import (
	"bytes"
	"strconv"
	"strings"

	"tollgate/sip"
)

// Numbers is what a receiver is shown in place of the numbers that a request was sent with,
// and of their hosts. The zero value changes nothing.
type Numbers struct {
	Called   []byte // in Request-URI, and in To where that has the same number; nil keeps them
	Calling  []byte // in P-Asserted-Identity and From, where they have the number that calls; nil keeps them
	From     []byte // in From, in place of Calling, whatever it has
	Asserted bool   // the number that calls is that of P-Asserted-Identity, else of From
	Global   bool   // Called is E.164 without a "+"
	Host     string // of Request-URI, From and To: a switch's own; "" keeps them
	Port     uint16 // of the Request-URI, where Host is set; 0: none
}

// Changes says that there is something to write anew.
func (n *Numbers) Changes() bool {
	return n.Called != nil || n.Calling != nil || n.From != nil || n.Host != ""
}

// AppendTarget appends the Request-URI that the receiver gets in place of uri.
func (n *Numbers) AppendTarget(dst, uri []byte) []byte {
	return n.appendURI(dst, uri, n.Called, n.Host, n.Port, n.Global)
}

// AppendTo appends a To value without its tag as the receiver gets it; uri is the Request-URI
// that came with it.
func (n *Numbers) AppendTo(dst, value, uri []byte) []byte {
	called := n.Called
	if !sameUser(userOf(uri), userIn(value)) {
		called = nil
	}
	return n.appendAddress(dst, value, called, n.Global)
}

// AppendFrom is AppendTo for From; m is the message that it came in. An anonymous caller
// stays at anonymous.invalid (RFC 3323 4.1.1.3).
func (n *Numbers) AppendFrom(dst, value []byte, m *sip.Message) []byte {
	calling := n.From
	if calling == nil && (!n.Asserted || sameUser(n.caller(m), userIn(value))) {
		calling = n.Calling
	}
	return n.appendAddress(dst, value, calling, false)
}

// caller is the user part that the number that calls was read from.
func (n *Numbers) caller(m *sip.Message) []byte {
	if n.Asserted {
		it := m.Elements(sip.HdrPAI)
		elem, _ := it.Next()
		return userIn(elem)
	}
	return userIn(m.Value(sip.HdrFrom))
}

// Asserts appends the edits that give each P-Asserted-Identity with the number that calls the
// new one.
func (n *Numbers) Asserts(dst []Rename, m *sip.Message) []Rename {
	if n.Calling == nil || m.First(sip.HdrPAI) == nil {
		return dst
	}
	const most = 4 // RFC 3325 9.1 allows two
	was := n.caller(m)
	it := m.Elements(sip.HdrPAI)
	for range most {
		elem, ok := it.Next()
		if !ok {
			break
		}
		if user := userIn(elem); len(user) > 0 && sameUser(was, user) {
			dst = append(dst, Rename{m.SpanOf(user), appendUser(nil, n.Calling)})
		}
	}
	return dst
}

// appendAddress appends name-addr with another number and host.
func (n *Numbers) appendAddress(dst, value, number []byte, global bool) []byte {
	na, err := sip.ParseNameAddr(value)
	if err != nil || number == nil && n.Host == "" {
		return append(dst, value...)
	}
	host := n.Host
	if u, err := sip.ParseURI(na.URI); err == nil && sip.EqualFoldString(u.Host, "anonymous.invalid") {
		host = ""
	}
	switch before := value[:max(cap(value)-cap(na.URI), 0)]; {
	case !na.Bracketed:
		dst = append(dst, '<')
	case number != nil && len(na.Display) > 0 && sameUser(na.Display, userOf(na.URI)):
		dst = appendDisplay(dst, number)
	default:
		dst = append(dst, before...)
	}
	return append(n.appendURI(dst, na.URI, number, host, 0, global), '>')
}

// appendURI appends a URI with another number, unless that is nil, and another host, unless
// that is empty. Of the parameters of a URI that gets another host only user=phone is of use
// there.
func (n *Numbers) appendURI(dst, uri, number []byte, host string, port uint16, global bool) []byte {
	u, err := sip.ParseURI(uri)
	switch {
	case err != nil || u.Scheme == sip.SchemeOther || number == nil && host == "":
		return append(dst, uri...)
	case host == "" && u.Scheme == sip.SchemeTEL:
		return appendTel(dst, &u, number, global)
	case host == "" && len(u.User) > 0:
		from := cap(uri) - cap(u.User)
		dst = appendUser(append(dst, uri[:from]...), number)
		return append(dst, uri[from+len(u.User):]...)
	case host == "":
		colon := bytes.IndexByte(uri, ':') + 1
		dst = appendUser(append(dst, uri[:colon]...), number)
		return append(append(dst, '@'), uri[colon:]...)
	case u.Scheme == sip.SchemeSIPS:
		dst = append(dst, "sips:"...)
	default:
		dst = append(dst, "sip:"...)
	}
	switch {
	case number != nil:
		dst = append(appendUser(dst, number), '@')
	case len(u.User) > 0:
		if dst = append(dst, u.User...); u.Scheme == sip.SchemeTEL && len(u.Params) > 0 {
			dst = append(append(dst, ';'), u.Params...) // RFC 3261 19.1.6
		}
		dst = append(dst, '@')
	}
	dst = appendHostPort(dst, host, port)
	if kind, _ := u.Param("user"); u.Scheme == sip.SchemeTEL || sip.EqualFoldString(kind, "phone") {
		dst = append(dst, ";user=phone"...)
	}
	return dst
}

// appendTel appends a tel: URI with another number; one that is no global number keeps the
// parameters, which say where it holds (RFC 3966 5.1.5).
func appendTel(dst []byte, u *sip.URI, number []byte, global bool) []byte {
	dst = append(dst, "tel:"...)
	switch {
	case global && number[0] != '+':
		dst = append(dst, '+')
	case !global && number[0] != '+' && len(u.Params) > 0:
		dst = append(appendUser(dst, number), ';')
		return append(dst, u.Params...)
	}
	return appendUser(dst, number)
}

// appendDisplay begins a name-addr whose display name was its number, which would give the old
// one away. What is more than digits gets none.
func appendDisplay(dst, number []byte) []byte {
	for _, c := range number {
		if (c < '0' || c > '9') && c != '+' && c != '*' && c != '#' {
			return append(dst, '<')
		}
	}
	return append(append(append(dst, '"'), number...), `" <`...)
}

// appendHostPort appends a host, an IPv6 address in brackets, and a port that is not 0.
func appendHostPort(dst []byte, host string, port uint16) []byte {
	if strings.IndexByte(host, ':') >= 0 {
		dst = append(append(append(dst, '['), host...), ']')
	} else {
		dst = append(dst, host...)
	}
	if port == 0 {
		return dst
	}
	return strconv.AppendUint(append(dst, ':'), uint64(port), 10)
}

// appendUser appends text as the user part of a URI (RFC 3261 25.1).
func appendUser(dst, text []byte) []byte {
	const hex = "0123456789ABCDEF"
	for _, c := range text {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', bytes.IndexByte([]byte("-_.!~*'()&=+$,/"), c) >= 0:
			dst = append(dst, c)
		default:
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
	}
	return dst
}

func userOf(uri []byte) []byte {
	u, err := sip.ParseURI(uri)
	if err != nil {
		return nil
	}
	return u.User
}

// userIn is the user part of the URI in a From, To or P-Asserted-Identity.
func userIn(value []byte) []byte {
	na, err := sip.ParseNameAddr(value)
	if err != nil {
		return nil
	}
	return userOf(na.URI)
}

// sameUser says that two user parts are one number or name, however they are written:
// escapes, separators, a first "+" and parameters do not count.
func sameUser(a, b []byte) bool {
	var x, y [128]byte
	p, q := appendBare(x[:0], a), appendBare(y[:0], b)
	return len(p) > 0 && string(p) == string(q)
}

// appendBare appends at most 64 bytes of a user part, without what sameUser does not count.
func appendBare(dst, user []byte) []byte {
	user, _, _ = bytes.Cut(user, []byte{';'})
	if len(user) > 64 {
		return append(dst, user[:64]...)
	}
	var plain [64]byte
	for _, c := range sip.AppendUnescaped(plain[:0], user) {
		switch c {
		case '-', '.', '(', ')', ' ':
		case '+':
			if len(dst) > 0 {
				dst = append(dst, c)
			}
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
