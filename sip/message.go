package sip

// MaxMessage is the size in bytes that no message may exceed: spans are uint16.
const MaxMessage = 65535

// MaxFields is how many header lines are indexed; a message with more is refused
// by Validate.
const MaxFields = 96

// Span is a half-open range of bytes in the message's buffer.
type Span struct{ Off, End uint16 }

// Len returns the number of bytes.
func (s Span) Len() int { return int(s.End) - int(s.Off) }

// Field is one header field. Line is the whole of it with its folds and the final
// CRLF; Name is without the colon; Value is trimmed, folds inside it are kept.
type Field struct {
	ID                HeaderID
	last              uint8 // in the first field of an id: the place of its last one, plus one
	Line, Name, Value Span
}

// Flaw is a set of things that are wrong with a message and were noted by Parse.
type Flaw uint16

// The flaws. Those of Tainted make two readers see two messages.
const (
	FlawBareCR    Flaw = 1 << iota // CR that ends no line, in the headers
	FlawBareLF                     // LF without CR before it, in the headers
	FlawControl                    // control character in the headers, outside of a quoted pair
	FlawBadLine                    // a line that is no header field
	FlawDuplicate                  // a second field where there may be one
	FlawLength                     // Content-Length is no number, or there are two of them
	FlawShort                      // the body is shorter than Content-Length
	FlawFields                     // more than MaxFields header lines
	FlawStartLine                  // start line not as in RFC 3261 7.1 and 7.2
	FlawVersion                    // a SIP version that is not 2.0
	FlawNoEnd                      // no empty line after the headers
	flawBits      = iota
)

// Message is an index over the bytes of one SIP message, which belong to the
// caller and must not change while it is used. The zero value is ready for Parse,
// and a Message is reused for the next one without allocation. It is 1.7 KB:
// pass it by pointer. It may be copied; after that, Move.
type Message struct {
	buf    []byte
	start  uint16 // first byte of the start line
	endHdr uint16 // offset of the empty line
	body   uint16 // first byte after it
	end    uint16 // end of the body

	startLine Span
	uri       Span // Request-URI, or the reason phrase of a response
	methodAt  Span
	callID    Span
	fromTag   Span
	toTag     Span
	cseqDigit Span

	status     int16 // 0 for requests, and for responses whose code is no code
	request    bool
	hasVia     bool
	cseqOK     bool
	fromOdd    bool // set where there is a From, as toOdd where there is a To
	toOdd      bool
	method     Method
	cseqMethod Method
	cseqName   Span
	flaws      Flaw

	cseq        uint32
	length      int32 // Content-Length: -1 absent, -2 bad
	maxForwards int32
	via         Via

	count  int
	first  [headerIDs]uint8 // index of the first field of an id, plus one
	flawAt [flawBits]uint16 // where a flaw was first seen
	fields [MaxFields]Field
}

// Move puts the same index over buf, which must hold a copy of the same bytes: for
// requests that are parked while their reader's buffer is used again.
func (m *Message) Move(buf []byte) {
	was := cap(m.buf)
	m.buf = buf
	move := func(b []byte) []byte {
		if b == nil {
			return nil
		}
		off := was - cap(b)
		return buf[off : off+len(b)]
	}
	v := &m.via
	v.Transport, v.Host, v.Params = move(v.Transport), move(v.Host), move(v.Params)
	v.Branch, v.Received, v.Elem = move(v.Branch), move(v.Received), move(v.Elem)
}

// Bytes returns the message from its start line through the end of its body; what
// a datagram holds beyond Content-Length is cut (RFC 3261 18.3).
func (m *Message) Bytes() []byte { return m.buf[m.start:m.end] }

// IsRequest tells requests from responses.
func (m *Message) IsRequest() bool { return m.request }

// Method returns the request's method, for a response that of its CSeq.
func (m *Message) Method() Method {
	if m.request {
		return m.method
	}
	return m.cseqMethod
}

// MethodBytes returns the method as it is written, for a response that of its CSeq.
func (m *Message) MethodBytes() []byte {
	if m.request {
		return m.Slice(m.methodAt)
	}
	return m.Slice(m.cseqName)
}

// RequestURI returns the Request-URI; nil for a response.
func (m *Message) RequestURI() []byte {
	if !m.request {
		return nil
	}
	return m.Slice(m.uri)
}

// StatusCode returns the code of a response, 100 to 699; 0 for a request and for a
// code out of range.
func (m *Message) StatusCode() int { return int(m.status) }

// Reason returns the reason phrase of a response; nil for a request.
func (m *Message) Reason() []byte {
	if m.request {
		return nil
	}
	return m.Slice(m.uri)
}

// StartLine returns the request or status line without its CRLF.
func (m *Message) StartLine() Span { return m.startLine }

// CallID returns the value of Call-ID; nil when it is absent.
func (m *Message) CallID() []byte { return m.optional(m.callID) }

// FromTag returns the tag of From; nil when it has none.
func (m *Message) FromTag() []byte { return m.optional(m.fromTag) }

// ToTag returns the tag of To; nil when it has none.
func (m *Message) ToTag() []byte { return m.optional(m.toTag) }

// optional maps the zero span, which no header value can have, to nil.
func (m *Message) optional(s Span) []byte {
	if s.End == 0 {
		return nil
	}
	return m.Slice(s)
}

// CSeq returns the sequence number; 0 when CSeq is absent or bad.
func (m *Message) CSeq() uint32 { return m.cseq }

// CSeqMethod returns the method that CSeq names.
func (m *Message) CSeqMethod() Method { return m.cseqMethod }

// CSeqNumber returns where the digits of CSeq stand.
func (m *Message) CSeqNumber() Span { return m.cseqDigit }

// MaxForwards returns the value of Max-Forwards; -1 absent, -2 bad (over 255 too).
func (m *Message) MaxForwards() int { return int(m.maxForwards) }

// ContentLength returns the value of Content-Length; -1 absent, -2 bad.
func (m *Message) ContentLength() int { return int(m.length) }

// TopVia returns the first element of the first Via; nil when there is none or it
// is bad. It lives as long as the index.
func (m *Message) TopVia() *Via {
	if !m.hasVia {
		return nil
	}
	return &m.via
}

// Body returns the body, cut at Content-Length where that is given.
func (m *Message) Body() []byte { return m.buf[m.body:m.end] }

// HeadersEnd returns the offset of the empty line, where new headers are inserted.
func (m *Message) HeadersEnd() uint16 { return m.endHdr }

// Flaws returns what Parse found to be wrong.
func (m *Message) Flaws() Flaw { return m.flaws }

// Tainted reports whether another element may see another message than we do. Such
// a message must not be relayed.
func (m *Message) Tainted() bool { return m.flaws&^(FlawStartLine|FlawVersion) != 0 }

// FieldCount returns the number of header fields.
func (m *Message) FieldCount() int { return m.count }

// Field returns the header field at index i, 0 <= i < FieldCount.
func (m *Message) Field(i int) *Field { return &m.fields[i] }

// First returns the first header field of an id; nil when there is none.
func (m *Message) First(id HeaderID) *Field {
	if id >= headerIDs || m.first[id] == 0 {
		return nil
	}
	return &m.fields[m.first[id]-1]
}

// Value returns the value of the first header field of an id; nil when there is none.
func (m *Message) Value(id HeaderID) []byte {
	if f := m.First(id); f != nil {
		return m.Slice(f.Value)
	}
	return nil
}

// Only returns the value of the one header field of an id, nil when there is none; false
// when there are several.
func (m *Message) Only(id HeaderID) (value []byte, ok bool) {
	f := m.First(id)
	if f == nil {
		return nil, true
	}
	return m.Slice(f.Value), m.first[id] == f.last
}

// ValueOf returns the value of the first header field of that name, in any case
// and also where it is written in its compact form; nil when there is none.
func (m *Message) ValueOf(name string) []byte {
	var short [40]byte
	if len(name) <= len(short) {
		if id := ParseHeaderName(append(short[:0], name...)); id != HdrOther {
			return m.Value(id)
		}
	}
	for i := range m.fields[:m.count] {
		if f := &m.fields[i]; f.ID == HdrOther && EqualFoldString(m.Slice(f.Name), name) {
			return m.Slice(f.Value)
		}
	}
	return nil
}

// Slice returns the bytes of a span.
func (m *Message) Slice(s Span) []byte { return m.buf[s.Off:s.End] }

// SpanOf returns where b stands; b must alias the message's buffer. It is found by
// the capacities, which is why nothing in this package limits one while slicing.
func (m *Message) SpanOf(b []byte) Span {
	off := cap(m.buf) - cap(b)
	return Span{uint16(off), uint16(off + len(b))}
}
