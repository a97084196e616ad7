package trace

import (
	"bytes"
	"encoding/binary"

	"tollgate/sip"
)

// skimmed is what is looked at of a message: enough to know whose it is. It aliases the
// message.
type skimmed struct {
	request bool
	late    bool // ACK or CANCEL: it belongs to a request before
	inside  bool // a request that has a To-tag
	secret  bool // something in it may have to be masked
	callID  []byte
	fromTag []byte // of a request that came
	via     []byte // value of the first Via, where branch is not read yet
	branch  []byte // of the top Via
}

// indexed is skim for a message that came, of which all is known.
func indexed(m *sip.Message) (s skimmed) {
	s.callID, s.fromTag = m.CallID(), m.FromTag()
	if s.request = m.IsRequest(); s.request {
		s.late = m.Method() == sip.ACK || m.Method() == sip.CANCEL
		s.inside = m.ToTag() != nil
	}
	if v := m.TopVia(); v != nil {
		s.branch = v.Branch
	}
	s.secret = m.Flaws() != 0 || secretBody(m.Body()) // with a flaw, the index may lack a field
	for i := range m.FieldCount() {
		f := m.Field(i)
		s.secret = s.secret || isSecret(f.ID, m.Slice(f.Name))
	}
	return s
}

// What a record says of a message.
const (
	flagIndexed = 1 << iota // by package sip
	flagRequest
	flagLate
	flagInside
	flagSecret
)

func (s *skimmed) flags() (f byte) {
	for _, b := range [...]struct {
		is   bool
		flag byte
	}{{s.request, flagRequest}, {s.late, flagLate}, {s.inside, flagInside}, {s.secret, flagSecret}} {
		if b.is {
			f |= b.flag
		}
	}
	return f
}

// skimRecord reads the record of a message, and masks what is secret in it, in place.
func skimRecord(rec []byte) (s skimmed, m said) {
	f := rec[0]
	if f&flagIndexed == 0 {
		m = said(rec[1:])
		s = skim(m.data())
	} else {
		m = said(rec[1+indexedHeader:])
		s.request, s.late, s.inside, s.secret = f&flagRequest != 0, f&flagLate != 0, f&flagInside != 0, f&flagSecret != 0
		for i, part := range [...]*[]byte{&s.callID, &s.fromTag, &s.branch} {
			at, n := binary.BigEndian.Uint16(rec[1+4*i:]), binary.BigEndian.Uint16(rec[3+4*i:])
			*part = m.data()[at:][:n]
		}
	}
	if s.secret {
		mask(m.data())
	}
	return s, m
}

// skim reads a message that leaves.
func skim(data []byte) (s skimmed) {
	pos := 0
	for pos < len(data) && (data[pos] == '\r' || data[pos] == '\n') {
		pos++
	}
	end, next := lineAt(data, pos)
	start := data[pos:end]
	s.request = !hasFold(start, "SIP/2.0 ")
	s.late = hasPrefix(start, "ACK ") || hasPrefix(start, "CANCEL ")
	eachField(data, &next, s.field)
	s.secret = s.secret || secretBody(data[next:])
	return s
}

// eachField visits the header lines from *pos on, with their folds (RFC 3261 7.3.1), that skimming or masking
// may want; *pos is where the body begins in the end.
func eachField(data []byte, pos *int, visit func(id sip.HeaderID, name, value []byte)) {
	for at := *pos; at < len(data); at = *pos {
		end, next := lineAt(data, at)
		*pos = next
		if end == at {
			return
		}
		for next < len(data) && (data[next] == ' ' || data[next] == '\t') {
			end, next = lineAt(data, next)
		}
		*pos = next
		if line := data[at:end]; len(line) >= 2 && wantedName(line[0]|0x20, line[1]|0x20) {
			if colon := bytes.IndexByte(line, ':'); colon >= 0 {
				name := bytes.TrimRight(line[:colon], " \t")
				visit(sip.ParseHeaderName(name), name, line[colon+1:])
			}
		}
	}
}

// top is the branch of the top Via.
func (s *skimmed) top() []byte {
	if s.branch == nil {
		s.branch = branchOf(s.via)
	}
	return s.branch
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
// may be one that is looked at: Via, Call-ID, To and the four of digest, or a compact
// form (RFC 3261 7.3.3).
func wantedName(first, second byte) bool {
	if second == ':' || second == ' ' || second == '\t'|0x20 {
		return first == 'v' || first == 'i' || first == 't'
	}
	switch first {
	case 'v':
		return second == 'i'
	case 'c', 'a':
		return second == 'a' || second == 'u'
	case 'p':
		return second == 'r'
	case 't':
		return second == 'o'
	}
	return false
}

// proxyInfo is the one of digest's fields that package sip does not tell apart.
const proxyInfo = "Proxy-Authentication-Info"

// field takes what is wanted of one header field. Only the first of each counts.
func (s *skimmed) field(id sip.HeaderID, name, value []byte) {
	switch id {
	case sip.HdrVia:
		if s.via == nil {
			s.via = value
		}
	case sip.HdrCallID:
		if s.callID == nil {
			s.callID = bytes.TrimSpace(value)
		}
	case sip.HdrTo:
		s.inside = s.request && (s.inside || tagOf(value) != nil)
	default:
		s.secret = s.secret || isSecret(id, name)
	}
}

// isSecret says that a field has credentials, or what follows from them.
func isSecret(id sip.HeaderID, name []byte) bool {
	switch id {
	case sip.HdrAuthorization, sip.HdrProxyAuthorization, sip.HdrAuthenticationInfo:
		return true
	case sip.HdrOther:
		return sip.EqualFoldString(name, proxyInfo)
	}
	return false
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
