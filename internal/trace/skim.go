package trace

import (
	"bytes"

	"tollgate/sip"
)

// skimmed is what is looked at of a message: enough to know whose it is. It aliases the
// message. What package sip could not index never comes here.
type skimmed struct {
	request bool
	late    bool // ACK or CANCEL: it belongs to a request before
	inside  bool // it has a To-tag
	callID  []byte
	fromTag []byte
	branch  []byte // of the top Via
}

// skim reads a message, and masks what is secret in it, in place (mask.go).
func skim(data []byte) (s skimmed) {
	pos := 0
	for pos < len(data) && (data[pos] == '\r' || data[pos] == '\n') {
		pos++
	}
	end, next := lineAt(data, pos)
	start := data[pos:end]
	s.request = !hasFold(start, "SIP/2.0 ")
	s.late = hasPrefix(start, "ACK ") || hasPrefix(start, "CANCEL ")
	for pos = next; pos < len(data); pos = next {
		end, next = lineAt(data, pos)
		if end == pos {
			break
		}
		for next < len(data) && (data[next] == ' ' || data[next] == '\t') { // folded, RFC 3261 7.3.1
			end, next = lineAt(data, next)
		}
		s.field(data[pos:end])
	}
	if next < len(data) {
		maskBody(data[next:])
	}
	return s
}

// begins says that a message is a request outside of a dialog: one that is decided.
func (s *skimmed) begins() bool { return s.request && !s.late && !s.inside }

func hasPrefix(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

// lineAt gives the end of the line that starts at pos, and the start of the next one. As
// package sip reads lines: a bare LF ends one, a bare CR does not.
func lineAt(b []byte, pos int) (end, next int) {
	i := bytes.IndexByte(b[pos:], '\n')
	if i < 0 {
		return len(b), len(b)
	}
	end = pos + i
	if i > 0 && b[end-1] == '\r' {
		return end - 1, end + 1
	}
	return end, end + 1
}

// wantedName says by the first two bytes of a header line, letters in lower case, whether it
// may be one that is looked at: Via, Call-ID, From, To and the four of digest, or a compact
// form (RFC 3261 7.3.3).
func wantedName(first, second byte) bool {
	if second == ':' || second == ' ' || second == '\t'|0x20 {
		return first == 'v' || first == 'i' || first == 'f' || first == 't'
	}
	switch first {
	case 'v':
		return second == 'i'
	case 'c', 'a':
		return second == 'a' || second == 'u'
	case 'f', 'p':
		return second == 'r'
	case 't':
		return second == 'o'
	}
	return false
}

// field takes what is wanted of one header line. Only the first of each counts.
func (s *skimmed) field(line []byte) {
	if len(line) < 2 || !wantedName(line[0]|0x20, line[1]|0x20) {
		return
	}
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return
	}
	name, value := line[:colon], line[colon+1:]
	for len(name) > 0 && (name[len(name)-1] == ' ' || name[len(name)-1] == '\t') {
		name = name[:len(name)-1]
	}
	switch sip.ParseHeaderName(name) {
	case sip.HdrVia:
		if s.branch == nil {
			s.branch = branchOf(value)
		}
	case sip.HdrCallID:
		if s.callID == nil {
			s.callID = bytes.TrimSpace(value)
		}
	case sip.HdrTo:
		s.inside = s.inside || tagOf(value) != nil
	case sip.HdrFrom:
		if s.fromTag == nil {
			s.fromTag = tagOf(value)
		}
	case sip.HdrAuthorization, sip.HdrProxyAuthorization, sip.HdrAuthenticationInfo:
		maskCredentials(value)
	case sip.HdrOther:
		if sip.EqualFoldString(name, "Proxy-Authentication-Info") {
			maskCredentials(value)
		}
	}
}

// As nearly all write them; in any other case they are found, too.
const (
	branchName = "branch="
	tagName    = "tag="
)

// branchOf gives the branch parameter of the first Via in a header line.
func branchOf(value []byte) []byte {
	if i := indexName(value, branchName); i >= 0 {
		return token(value[i+len(branchName):])
	}
	return nil
}

// tagOf gives the tag parameter of From or To: behind the address, so that a URI's own
// parameters are none.
func tagOf(value []byte) []byte {
	if i := bytes.LastIndexByte(value, '>'); i >= 0 {
		value = value[i:]
	}
	for from := 0; ; {
		i := indexName(value[from:], tagName)
		if i < 0 {
			return nil
		}
		if at := from + i; at > 0 && !isToken(value[at-1]) {
			return token(value[at+len(tagName):])
		}
		from += i + len(tagName)
	}
}

// token gives what stands before the next separator.
func token(b []byte) []byte {
	for i, c := range b {
		if c == ';' || c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '>' {
			return b[:i]
		}
	}
	return b
}

// indexName finds a parameter that nearly all write in lower case.
func indexName(b []byte, name string) int {
	if i := bytes.Index(b, []byte(name)); i >= 0 {
		return i
	}
	return indexFold(b, name)
}

// hasFold says that b begins with a lower-case or upper-case form of prefix.
func hasFold(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && sip.EqualFoldString(b[:len(prefix)], prefix)
}

// indexFold is bytes.Index for a text whose first byte is no letter, or a letter, in any case.
func indexFold(b []byte, text string) int {
	first := text[0] | 0x20
	for i := 0; i+len(text) <= len(b); i++ {
		if b[i]|0x20 == first && sip.EqualFoldString(b[i:i+len(text)], text) {
			return i
		}
	}
	return -1
}
