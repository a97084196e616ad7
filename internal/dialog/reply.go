package dialog

import (
	"net/netip"

	"tollgate/sip"
)

// Reply is what changes in a response on its way back.
type Reply struct {
	Message *sip.Message
	Hide    *Hiding
	Status  int    // 0 keeps the code; else the response goes up as this one
	CSeq    uint32 // of the request, as its sender numbered it
	Unnamed bool   // what it says of who answers goes (RFC 3325 9.1)
	// Hidden: what the sender's request said of itself, and how we show ourselves.
	Head   *sip.Message // plain: where From and To were rewritten, else nil
	Source netip.AddrPort
	ToTag  []byte // plain: taken from Message
	Out    Address
	ID     []byte
}

// Write appends the response as the request's sender gets it to dst.
func (r *Reply) Write(e *sip.Edit, dst []byte) ([]byte, error) {
	r.Edit(e)
	return e.Write(dst)
}

// Edit is Write for who has more to change before he writes.
func (r *Reply) Edit(e *sip.Edit) {
	m := r.Message
	e.Reset(m)
	if r.Status != 0 && r.Status != m.StatusCode() {
		e.At(m.StartLine()).String("SIP/2.0 ").Uint(uint64(r.Status)).Byte(' ').String(sip.ReasonPhrase(r.Status))
	}
	if r.CSeq != m.CSeq() {
		e.At(m.CSeqNumber()).Uint(uint64(r.CSeq))
	}
	if r.Hide == nil {
		// RFC 3261 16.7 step 3: our Via goes, all else is the proxies' before us.
		for i := range m.FieldCount() {
			if m.Field(i).ID == sip.HdrVia {
				e.Delete(m.ElementDeletion(m.TopVia().Elem, i))
				break
			}
		}
		if r.Unnamed {
			unname(e, m)
		}
		if r.Head != nil {
			r.ToTag = m.ToTag()
			r.addresses(e)
		}
		return
	}
	if reason := m.Reason(); len(reason) > 0 && (r.Status == 0 || r.Status == m.StatusCode()) {
		r.Hide.MaskNames(e, m, m.SpanOf(reason))
	}
	r.head(e)
	r.Hide.Unnamed = r.Unnamed
	r.Hide.headers(e, m, r.Out, r.ID)
}

// unname takes away all that says who answers.
func unname(e *sip.Edit, m *sip.Message) {
	for i := range m.FieldCount() {
		switch f := m.Field(i); f.ID {
		case sip.HdrPAI, sip.HdrPPI, sip.HdrRPID:
			e.Delete(f.Line)
		}
	}
}

// head puts back what the sender must find again: Via, Record-Route, From, To
// and Call-ID as he wrote them.
func (r *Reply) head(e *sip.Edit) {
	m, h := r.Message, r.Head
	e.Insert(m.First(sip.HdrVia).Line.Off)
	top := h.TopVia()
	first := true
	for i := range h.FieldCount() {
		f := h.Field(i)
		switch {
		case f.ID == sip.HdrVia && first && !h.IsRequest():
			first = false
			e.Bytes(h.Slice(f.Line)) // an answer's Vias are marked already
		case f.ID == sip.HdrVia && first:
			first = false
			e.String("Via: ")
			var room [256]byte
			e.Bytes(sip.AppendVia(room[:0], top.Elem, top, r.Source))
			rest := h.Slice(sip.Span{Off: h.SpanOf(top.Elem).End, End: f.Value.End})
			e.Bytes(rest).String("\r\n")
		case f.ID == sip.HdrVia, f.ID == sip.HdrRecordRoute:
			e.Bytes(h.Slice(f.Line))
		}
	}
	r.addresses(e)
	if f := m.First(sip.HdrCallID); f != nil {
		e.At(f.Value).Bytes(h.CallID())
	}
}

// addresses puts back From and To as the sender wrote them.
func (r *Reply) addresses(e *sip.Edit) {
	m := r.Message
	if f := m.First(sip.HdrFrom); f != nil {
		e.At(f.Value).Bytes(r.Head.Value(sip.HdrFrom))
	}
	if f := m.First(sip.HdrTo); f != nil {
		r.to(e, f)
	}
}

// to writes the sender's To with our tag; an answer that serves as head carries
// a tag of another fork perhaps, which gives way.
func (r *Reply) to(e *sip.Edit, f *sip.Field) {
	value := r.Head.Value(sip.HdrTo)
	tag := r.Head.ToTag()
	if r.Head.IsRequest() && tag != nil {
		e.At(f.Value).Bytes(value)
		return
	}
	if tag != nil {
		value = WithoutTag(value)
	}
	e.At(f.Value).Bytes(value)
	if len(r.ToTag) > 0 {
		e.String(";tag=").Bytes(r.ToTag)
	}
}

// WithoutTag cuts a From or To value before its header parameters.
func WithoutTag(value []byte) []byte {
	na, err := sip.ParseNameAddr(value)
	if err != nil {
		return value
	}
	end := cap(value) - cap(na.URI) + len(na.URI)
	if na.Bracketed {
		end++
	}
	return value[:min(end, len(value))]
}
