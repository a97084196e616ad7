package sip

import (
	"bytes"
	"fmt"
)

// ParseError says why bytes are no SIP message at all, and where.
type ParseError struct {
	What string
	Off  int
}

func (e *ParseError) Error() string {
	return fmt.Sprintf("no SIP message: %s at byte %d", e.What, e.Off)
}

// Parsing garbage must not cost an allocation either.
var (
	errTooLarge  = &ParseError{What: "more than 65535 bytes"}
	errEmpty     = &ParseError{What: "nothing in it"}
	errStartLine = &ParseError{What: "neither a request nor a status line"}
)

// Parse indexes the one message in buf, which belongs to the caller and must stay
// as it is while m is used. CRLFs before the start line are skipped (RFC 3261 7.5).
// An error (*ParseError) means that there is nothing to index; everything else that
// is wrong becomes a flaw for Validate to judge.
func (m *Message) Parse(buf []byte) error {
	if len(buf) > MaxMessage {
		return errTooLarge
	}
	m.reset(buf)
	pos := 0
	for pos < len(buf) && (buf[pos] == '\r' || buf[pos] == '\n') {
		pos++
	}
	if pos == len(buf) {
		return errEmpty
	}
	m.start = uint16(pos)
	end, next := m.line(pos, false)
	m.startLine = Span{uint16(pos), uint16(end)}
	if !m.parseStartLine(buf[pos:end]) {
		return errStartLine
	}
	m.parseHeaders(next)
	m.findBody()
	return nil
}

// reset leaves the fields and flawAt as they are: count, first and flaws guard them.
func (m *Message) reset(buf []byte) {
	m.buf = buf
	m.start, m.endHdr, m.body, m.end = 0, 0, 0, 0
	m.uri, m.methodAt, m.callID, m.fromTag, m.toTag = Span{}, Span{}, Span{}, Span{}, Span{}
	m.cseqDigit, m.cseqName = Span{}, Span{}
	m.status, m.request, m.hasVia, m.cseqOK = 0, false, false, false
	m.method, m.cseqMethod, m.flaws = MethodOther, MethodOther, 0
	m.cseq, m.length, m.maxForwards = 0, -1, -1
	m.count = 0
	m.first = [headerIDs]uint8{}
}

// flaw notes a flaw and where it was first seen.
func (m *Message) flaw(f Flaw, off int) {
	if m.flaws&f == 0 {
		m.flaws |= f
		m.flawAt[f.index()] = uint16(off)
	}
}

// line finds the end of the line that starts at pos: end is the offset of its CRLF,
// next that of the line after it. With fold, lines that start with white space
// belong to it (RFC 3261 7.3.1). A bare LF ends a line too, so that a bad request
// can still be answered; a bare CR does not.
func (m *Message) line(pos int, fold bool) (end, next int) {
	b, controls := m.buf, false
	i := pos
scan:
	for {
		i = nextControl(b, i)
		if i == len(b) {
			end, next = i, i
			break
		}
		switch c := b[i]; {
		case c == '\r' && i+1 < len(b) && b[i+1] == '\n':
			if fold && i+2 < len(b) && (b[i+2] == ' ' || b[i+2] == '\t') {
				i += 3
				continue
			}
			end, next = i, i+2
			break scan
		case c == '\r':
			m.flaw(FlawBareCR, i)
		case c == '\n':
			m.flaw(FlawBareLF, i)
			if fold && i+1 < len(b) && (b[i+1] == ' ' || b[i+1] == '\t') {
				break
			}
			end, next = i, i+1
			break scan
		case c != '\t':
			controls = true
		}
		i++
	}
	if controls {
		m.strayControl(pos, end)
	}
	return end, next
}

// strayControl notes a control character that is not the second byte of a quoted
// pair: "BEL:\<07>" is legal (RFC 4475 3.1.1.2).
func (m *Message) strayControl(pos, end int) {
	quoted := false
	for i := pos; i < end; i++ {
		switch c := m.buf[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c < 0x20 && c != '\t' && c != '\r' && c != '\n', c == 0x7f:
			m.flaw(FlawControl, i)
			return
		}
	}
}

// parseStartLine reads "METHOD uri SIP/2.0" or "SIP/2.0 code reason". False: it is
// neither. What is only badly written becomes a flaw: the URI is then all that
// stands between the first and the last word.
func (m *Message) parseStartLine(b []byte) bool {
	if len(b) > 4 && EqualFoldString(b[:4], "SIP/") {
		return m.parseStatusLine(b)
	}
	sp := bytes.IndexByte(b, ' ')
	if sp <= 0 || !all(b[:sp], clToken) {
		return false
	}
	line := b
	for line[len(line)-1] == ' ' || line[len(line)-1] == '\t' {
		line = line[:len(line)-1]
	}
	last := bytes.LastIndexByte(line, ' ')
	if last <= sp || len(line)-last < 6 || !EqualFoldString(line[last+1:last+5], "SIP/") {
		return false
	}
	uri := b[sp+1 : last]
	m.request = true
	m.method = ParseMethod(b[:sp])
	m.methodAt, m.uri = m.SpanOf(b[:sp]), m.SpanOf(uri)
	if len(line) != len(b) || len(uri) == 0 || uri[0] == ' ' || uri[len(uri)-1] == ' ' {
		m.flaw(FlawStartLine, int(m.uri.Off))
	}
	m.checkVersion(line[last+1:])
	return true
}

func (m *Message) parseStatusLine(b []byte) bool {
	sp := bytes.IndexByte(b, ' ')
	if sp < 0 {
		return false
	}
	m.checkVersion(b[:sp])
	code := b[sp+1:]
	if len(code) >= 3 {
		if n, ok := ParseUint(code[:3]); ok && n >= 100 && n <= 699 {
			m.status = int16(n)
		}
	}
	switch {
	case m.status != 0 && len(code) > 3 && code[3] == ' ':
		m.uri = m.SpanOf(code[4:])
	case m.status != 0 && len(code) == 3: // no SP behind the code: not legal, but clear
		m.uri = m.SpanOf(code[3:])
	default:
		m.status = 0
		m.uri = m.SpanOf(code)
		m.flaw(FlawStartLine, int(m.uri.Off))
	}
	return true
}

// checkVersion notes a version other than 2.0, and one that is no version.
func (m *Message) checkVersion(b []byte) {
	if EqualFoldString(b, "SIP/2.0") {
		return
	}
	dot := bytes.IndexByte(b, '.')
	if dot > 4 {
		_, major := ParseUint(b[4:dot])
		_, minor := ParseUint(b[dot+1:])
		if major && minor {
			m.flaw(FlawVersion, int(m.SpanOf(b).Off))
			return
		}
	}
	m.flaw(FlawStartLine, int(m.SpanOf(b).Off))
}

// parseHeaders indexes lines until the empty one.
func (m *Message) parseHeaders(pos int) {
	b := m.buf
	for pos < len(b) {
		switch {
		case b[pos] == '\r' && pos+1 < len(b) && b[pos+1] == '\n':
			m.endHdr, m.body = uint16(pos), uint16(pos+2)
			return
		case b[pos] == '\n':
			m.flaw(FlawBareLF, pos)
			m.endHdr, m.body = uint16(pos), uint16(pos+1)
			return
		}
		end, next := m.line(pos, true)
		if m.count == MaxFields {
			m.flaw(FlawFields, pos)
		} else {
			m.parseField(pos, end, next)
		}
		pos = next
	}
	m.flaw(FlawNoEnd, len(b))
	m.endHdr, m.body = uint16(len(b)), uint16(len(b))
}

// parseField indexes one header line and reads the few values that every message
// needs.
func (m *Message) parseField(pos, end, next int) {
	b := m.buf
	f := &m.fields[m.count]
	f.ID, f.Line = HdrOther, Span{uint16(pos), uint16(next)}
	colon := end
	if i := bytes.IndexByte(b[pos:end], ':'); i >= 0 {
		colon = pos + i
	}
	nameEnd := colon
	for nameEnd > pos && (b[nameEnd-1] == ' ' || b[nameEnd-1] == '\t') { // HCOLON: *( SP / HTAB ) ":" SWS
		nameEnd--
	}
	f.Name = Span{uint16(pos), uint16(nameEnd)}
	if colon == end {
		f.Name.End = uint16(pos)
		colon = pos - 1
		m.flaw(FlawBadLine, pos)
	} else if f.ID = ParseHeaderName(b[pos:nameEnd]); f.ID == HdrOther && !all(b[pos:nameEnd], clToken) {
		m.flaw(FlawBadLine, pos)
	}
	from := skipLWS(b[:end], colon+1)
	for end > from && is(b[end-1], clLWS) {
		end--
	}
	f.Value = Span{uint16(from), uint16(end)}
	m.count++
	m.note(f)
}

// note remembers the first field of each id and reads what is wanted of all messages.
func (m *Message) note(f *Field) {
	first := m.first[f.ID]
	if first != 0 {
		m.fields[first-1].last = uint8(m.count)
		if single[f.ID] {
			m.flaw(FlawDuplicate, int(f.Line.Off))
		}
		if f.ID == HdrContentLength && !bytes.Equal(m.Slice(f.Value), m.Value(HdrContentLength)) {
			m.flaw(FlawLength, int(f.Value.Off))
		}
		return
	}
	m.first[f.ID], f.last = uint8(m.count), uint8(m.count)
	v := m.Slice(f.Value)
	switch f.ID {
	case HdrVia:
		m.hasVia = m.via.parse(trim(v[:elementLen(v)])) == nil
	case HdrFrom:
		m.fromTag, m.fromOdd = m.party(v)
	case HdrTo:
		m.toTag, m.toOdd = m.party(v)
	case HdrCallID:
		m.callID = f.Value
	case HdrCSeq:
		m.parseCSeq(v)
	case HdrContentLength:
		m.length = number(v, MaxMessage)
		if m.length < 0 {
			m.flaw(FlawLength, int(f.Value.Off))
		}
	case HdrMaxForwards:
		m.maxForwards = number(v, 255)
	}
}

// number reads a value of at most limit; -2 when it is none.
func number(v []byte, limit uint32) int32 {
	if n, ok := ParseUint(v); ok && n <= limit {
		return int32(n)
	}
	return -2
}

// party reads From or To once for both: its tag, of which an empty one is none, and
// whether Validate is to refuse it.
func (m *Message) party(v []byte) (tag Span, odd bool) {
	var n NameAddr
	if n.parse(v) != nil {
		return Span{}, true
	}
	t, good := n.tag()
	if len(t) > 0 {
		tag = m.SpanOf(t)
	}
	return tag, !good || !n.strict(v)
}

// parseCSeq reads 1*DIGIT LWS Method (RFC 3261 25.1).
func (m *Message) parseCSeq(v []byte) {
	i := digits(v)
	n, ok := ParseUint(v[:i])
	word := skipLWS(v, i)
	if !ok || word == i || !all(v[word:], clToken) {
		return
	}
	m.cseqOK, m.cseq = true, n
	m.cseqDigit, m.cseqName = m.SpanOf(v[:i]), m.SpanOf(v[word:])
	m.cseqMethod = ParseMethod(v[word:])
}

// findBody sets where the message ends: at Content-Length, or where the bytes end
// (RFC 3261 18.3).
func (m *Message) findBody() {
	rest := len(m.buf) - int(m.body)
	m.end = uint16(len(m.buf))
	switch {
	case m.length < 0 || m.flaws&FlawLength != 0:
	case int(m.length) > rest:
		m.flaw(FlawShort, int(m.body))
	default:
		m.end = m.body + uint16(m.length)
	}
}

func (f Flaw) index() int {
	i := 0
	for ; f > 1; f >>= 1 {
		i++
	}
	return i
}
