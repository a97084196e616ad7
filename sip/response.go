package sip

import (
	"bytes"
	"net/netip"
)

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
	dst = AppendVia(dst, req.via.Elem, &req.via, r.Received)
	rest := Span{req.SpanOf(req.via.Elem).End, top.Value.End}
	dst = appendClean(dst, req.Slice(rest))
	dst = append(dst, "\r\n"...)
	return appendAll(dst, req, HdrVia, int(req.first[HdrVia])-1)
}

func (r *Response) appendTo(dst []byte, req *Message) []byte {
	f := req.First(HdrTo)
	if f == nil {
		return dst
	}
	dst = append(dst, "To: "...)
	dst = appendClean(dst, req.Slice(f.Value))
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
	for i := max(after+1, int(req.first[id])-1); i < req.count; i++ {
		if f := &req.fields[i]; f.ID == id {
			dst = appendField(dst, req, f)
		}
	}
	return dst
}

func appendField(dst []byte, req *Message, f *Field) []byte {
	dst = append(dst, f.ID.String()...)
	dst = append(dst, ": "...)
	dst = appendClean(dst, req.Slice(f.Value))
	return append(dst, "\r\n"...)
}

// appendClean appends a value with each CR or LF that is no fold made a space, so
// that nobody's parser sees a line in it that we do not see.
func appendClean(dst, v []byte) []byte {
	if bytes.IndexByte(v, '\r') < 0 && bytes.IndexByte(v, '\n') < 0 {
		return append(dst, v...)
	}
	for i := 0; i < len(v); i++ {
		c := v[i]
		if c == '\r' && i+2 < len(v) && v[i+1] == '\n' && (v[i+2] == ' ' || v[i+2] == '\t') {
			dst = append(dst, "\r\n"...)
			i++
			continue
		}
		if c == '\r' || c == '\n' {
			c = ' '
		}
		dst = append(dst, c)
	}
	return dst
}
