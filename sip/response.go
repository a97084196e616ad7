package sip

import "net/netip"

// Response is an answer to be built from a request (RFC 3261 8.2.6).
type Response struct {
	Status      int
	Reason      string         // "": the standard phrase
	ToTag       []byte         // put into To unless that has one; not in a 100
	Received    netip.AddrPort // source of the request, for received and rport of the top Via; invalid: Vias as they came
	Headers     []byte         // whole lines with CRLF
	RecordRoute bool           // copy the Record-Routes
	ContentType string         // of Body
	Body        []byte
}

// Append appends the answer to req to dst: Vias, From, To, Call-ID and CSeq in
// this order, whatever of them is there, then the rest. A bare CR in a bad request
// is not sent back.
func (r *Response) Append(dst []byte, req *Message) []byte {
	dst = append(dst, "SIP/2.0 "...)
	dst = appendUint(dst, uint64(r.Status))
	dst = append(dst, ' ')
	if r.Reason == "" {
		dst = append(dst, ReasonPhrase(r.Status)...)
	} else {
		dst = append(dst, r.Reason...)
	}
	dst = append(dst, "\r\n"...)
	dst = r.appendVias(dst, req)
	dst = appendCopy(dst, req, HdrFrom)
	dst = r.appendTo(dst, req)
	dst = appendCopy(dst, req, HdrCallID)
	dst = appendCopy(dst, req, HdrCSeq)
	if r.Status == 100 { // RFC 3261 8.2.6.1
		dst = appendCopy(dst, req, HdrTimestamp)
	}
	if r.RecordRoute {
		dst = appendAll(dst, req, HdrRecordRoute, -1)
	}
	dst = append(dst, r.Headers...)
	if len(r.Body) > 0 && r.ContentType != "" {
		dst = append(dst, "Content-Type: "...)
		dst = append(dst, r.ContentType...)
		dst = append(dst, "\r\n"...)
	}
	dst = append(dst, "Content-Length: "...)
	dst = appendUint(dst, uint64(len(r.Body)))
	dst = append(dst, "\r\n\r\n"...)
	return append(dst, r.Body...)
}

func (r *Response) appendVias(dst []byte, req *Message) []byte {
	top := req.First(HdrVia)
	if top == nil || !req.hasVia || !r.Received.IsValid() {
		return appendAll(dst, req, HdrVia, -1)
	}
	dst = append(dst, "Via: "...)
	start := len(dst)
	dst = AppendVia(dst, req.via.Elem, &req.via, r.Received)
	if req.flaws&(FlawBareCR|FlawBareLF) != 0 {
		scrub(dst[start:])
	}
	rest := Span{req.SpanOf(req.via.Elem).End, top.Value.End}
	dst = appendClean(dst, req, rest)
	dst = append(dst, "\r\n"...)
	return appendAll(dst, req, HdrVia, int(req.first[HdrVia])-1)
}

func (r *Response) appendTo(dst []byte, req *Message) []byte {
	f := req.First(HdrTo)
	if f == nil {
		return dst
	}
	dst = append(dst, "To: "...)
	dst = appendClean(dst, req, f.Value)
	if req.toTag.End == 0 && len(r.ToTag) > 0 && r.Status != 100 {
		dst = append(dst, ";tag="...)
		dst = append(dst, r.ToTag...)
	}
	return append(dst, "\r\n"...)
}

// appendCopy appends the first field of id, if there is one.
func appendCopy(dst []byte, req *Message, id HeaderID) []byte {
	if f := req.First(id); f != nil {
		return appendField(dst, req, f)
	}
	return dst
}

// appendAll appends the fields of id behind the field at index after.
func appendAll(dst []byte, req *Message, id HeaderID, after int) []byte {
	if req.first[id] == 0 {
		return dst
	}
	first := int(req.first[id]) - 1
	for i := max(after+1, first); i < int(req.fields[first].last); i++ {
		if f := &req.fields[i]; f.ID == id {
			dst = appendField(dst, req, f)
		}
	}
	return dst
}

func appendField(dst []byte, req *Message, f *Field) []byte {
	dst = append(dst, f.ID.String()...)
	dst = append(dst, ": "...)
	dst = appendClean(dst, req, f.Value)
	return append(dst, "\r\n"...)
}

// appendClean appends a part of a request. Out of a request with bare CRs or LFs
// they go as spaces, so that nobody's parser sees a line in our answer that we do
// not see.
func appendClean(dst []byte, req *Message, s Span) []byte {
	start := len(dst)
	dst = append(dst, req.Slice(s)...)
	if req.flaws&(FlawBareCR|FlawBareLF) != 0 {
		scrub(dst[start:])
	}
	return dst
}

// scrub makes each CR and LF that is not part of a fold a space.
func scrub(b []byte) {
	for i := 0; i < len(b); i++ {
		if b[i] == '\r' && i+2 < len(b) && b[i+1] == '\n' && (b[i+2] == ' ' || b[i+2] == '\t') {
			i++
		} else if b[i] == '\r' || b[i] == '\n' {
			b[i] = ' '
		}
	}
}
