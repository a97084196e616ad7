package sip

import "bytes"

// Elements walks the comma-separated elements of all header fields of one id, in
// the order of the message; commas in quotes and in < > do not separate. It is a
// value: copy it to look ahead. Do not use it for headers whose commas mean
// something else (Date, WWW-Authenticate).
type Elements struct {
	m     *Message
	id    HeaderID
	next  int // the next field to look at
	end   int // where there are none any more
	field int // the field of the last element
	rest  []byte
	more  bool // rest is to be read, though it may be empty
}

// Elements starts a walk over the fields of id.
func (m *Message) Elements(id HeaderID) Elements {
	e := Elements{m: m, id: id, field: -1}
	if id < headerIDs && m.first[id] != 0 {
		e.next = int(m.first[id]) - 1
		e.end = int(m.fields[e.next].last)
	}
	return e
}

// Next returns the next element, trimmed; it may be empty (",,"), which no
// grammar but that of Accept and Supported allows.
func (e *Elements) Next() (elem []byte, ok bool) {
	for !e.more {
		if e.next >= e.end {
			return nil, false
		}
		f := &e.m.fields[e.next]
		if f.ID == e.id {
			e.field, e.rest, e.more = e.next, e.m.Slice(f.Value), true
		}
		e.next++
	}
	n := elementLen(e.rest)
	elem, e.more = trim(e.rest[:n]), n < len(e.rest)
	if e.more {
		e.rest = e.rest[n+1:]
	}
	return elem, true
}

// Field returns the index of the field in which the last element stands.
func (e *Elements) Field() int { return e.field }

// elementLen returns the length of the first element of b, up to its comma.
func elementLen(b []byte) int {
	comma := bytes.IndexByte(b, ',')
	if comma < 0 { // nearly always
		return len(b)
	}
	if bytes.IndexByte(b[:comma], '"') < 0 && bytes.IndexByte(b[:comma], '<') < 0 {
		return comma
	}
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case ',':
			return i
		case '"':
			if i = closingQuote(b, i); i < 0 {
				return len(b)
			}
		case '<':
			for i < len(b) && b[i] != '>' {
				i++
			}
		}
	}
	return len(b)
}

// ElementDeletion returns what to delete so that just this element of the field
// goes: the whole line when it stands alone, else the element with its comma. Two
// neighbours deleted one by one in one Edit are merged there; to delete all of a
// line's elements use Edit.DeleteElements, or an empty line stays.
func (m *Message) ElementDeletion(elem []byte, field int) Span {
	f := &m.fields[field]
	s := m.SpanOf(elem)
	before, after := m.comma(s.Off, f.Value.Off, -1), m.comma(s.End, f.Value.End, 1)
	switch {
	case after >= 0: // through the white space behind the comma
		end := uint16(after + 1)
		for end < f.Value.End && is(m.buf[end], clLWS) {
			end++
		}
		return Span{s.Off, end}
	case before >= 0:
		return Span{uint16(before), s.End}
	}
	return f.Line
}

// comma looks from off towards limit for a comma, over white space only; -1 when
// there is none.
func (m *Message) comma(off, limit uint16, step int) int {
	i := int(off)
	if step < 0 {
		i--
	}
	for ; (step > 0 && i < int(limit)) || (step < 0 && i >= int(limit)); i += step {
		if m.buf[i] == ',' {
			return i
		}
		if !is(m.buf[i], clLWS) {
			return -1
		}
	}
	return -1
}
