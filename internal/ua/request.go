package ua

import (
	"crypto/rand"
	"strconv"
	"strings"

	"tollgate/sip"
)

const (
	allow     = "INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, OPTIONS, INFO, MESSAGE"
	supported = "100rel"
	sdpType   = "application/sdp"
)

// request is one to be written. The strings are ours, or came off a wire through
// cleanURI and oneLine.
type request struct {
	method   sip.Method
	uri      string
	branch   string
	routes   []string // elements of Route
	from, to string
	callID   string
	cseq     uint32
	headers  []string // whole lines without CRLF
	body     []byte   // a session description, or nil
}

// wire writes the request as it leaves through f.
func (r *request) wire(f *flow, agent string) []byte {
	var b strings.Builder
	line := func(parts ...string) {
		for _, p := range parts {
			b.WriteString(p)
		}
		b.WriteString("\r\n")
	}
	line(r.method.String(), " ", r.uri, " SIP/2.0")
	line("Via: SIP/2.0/", f.proto.via(), " ", f.local.String(), ";rport;branch=", r.branch)
	line("Max-Forwards: 70")
	for _, route := range r.routes {
		line("Route: ", route)
	}
	line("From: ", r.from)
	line("To: ", r.to)
	line("Call-ID: ", r.callID)
	line("CSeq: ", strconv.FormatUint(uint64(r.cseq), 10), " ", r.method.String())
	line("User-Agent: ", agent)
	for _, h := range r.headers {
		line(h)
	}
	if len(r.body) > 0 {
		line("Content-Type: ", sdpType)
	}
	line("Content-Length: ", strconv.Itoa(len(r.body)))
	line()
	b.Write(r.body)
	return []byte(b.String())
}

// newBranch gives a branch of RFC 3261 8.1.1.7.
func newBranch() string { return "z9hG4bK" + newToken() }

// newToken gives what nobody can guess: a tag, a Call-ID (RFC 3261 19.3).
func newToken() string { return strings.ToLower(rand.Text()) }

// contact is the Contact line of what leaves through f.
func contact(user string, f *flow) string {
	b := "Contact: <sip:"
	if user != "" {
		b += user + "@"
	}
	b += f.local.String()
	if f.proto.stream() {
		b += ";transport=" + string(f.proto)
	}
	return b + ">"
}

// oneLine gives a header's value without the folds that it may hold.
func oneLine(v []byte) string {
	return strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' {
			return ' '
		}
		return r
	}, string(v))
}

// hasToken tells whether a list such as Require names token.
func hasToken(m *message, id sip.HeaderID, token string) bool {
	for e := m.Elements(id); ; {
		elem, ok := e.Next()
		if !ok {
			return false
		}
		if sip.EqualFoldString(elem, token) {
			return true
		}
	}
}

// unsupported lists what the request requires and we do not have (RFC 3261 8.2.2.3).
func unsupported(m *message) []string {
	var names []string
	for e := m.Elements(sip.HdrRequire); ; {
		elem, ok := e.Next()
		if !ok {
			return names
		}
		if len(elem) > 0 && !sip.EqualFoldString(elem, supported) {
			names = append(names, oneLine(elem))
		}
	}
}

// rack is the RAck line for a reliable provisional response to an INVITE (RFC 3262
// 7.2).
func rack(rseq, cseq uint32) string {
	return "RAck: " + strconv.FormatUint(uint64(rseq), 10) + " " + strconv.FormatUint(uint64(cseq), 10) + " INVITE"
}
