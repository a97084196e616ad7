package registrar

import (
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/sip"
)

// room says whether the address of record and the customer may have what a REGISTER
// asks for, and finds the keys that its tokens are made with: a live binding keeps
// its own, so that its token stays the same text.
func (r *Registrar) room(w *wish, c *policy.Customer, m *sip.Message) policy.Verdict {
	s := r.stripe(w.address.first)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range w.contacts[:w.n] {
		want := &w.contacts[i]
		want.key = r.cfg.Minter.Current()
		if b := s.bound(want); b != nil {
			want.key = b.key
			w.same = w.n == 1 && len(w.path) == 0 && b.says(want, m.Value(sip.HdrUserAgent))
		}
	}
	return r.fits(s, w, c)
}

// fits says whether there is room for what a REGISTER asks for. The stripe is locked.
func (r *Registrar) fits(s *stripe, w *wish, c *policy.Customer) policy.Verdict {
	switch fresh := s.fresh(w); {
	case fresh == 0: // as in a refresh
	case !s.holds(w.address, fresh):
		return crowded(policy.TooManyBindings.Status())
	case r.census.count(c.Settings.ID)+fresh > maxPerCustomer:
		return crowded(503)
	}
	return policy.Verdict{}
}

// crowded refuses a REGISTER as there is no room for what it asks for.
func crowded(status int) policy.Verdict {
	return policy.Verdict{Status: status, Reason: policy.TooManyBindings, Detail: "Too Many Bindings"}
}

// fresh counts the bindings that a REGISTER would add.
func (s *stripe) fresh(w *wish) (n int) {
	for i := range w.contacts[:w.n] {
		if c := &w.contacts[i]; c.granted > 0 && s.bound(c) == nil {
			n++
		}
	}
	return n
}

// holds says that an address of record has room for so many more bindings.
func (s *stripe) holds(a address, fresh int) bool {
	for b := s.head(a); b != nil; b = s.more(b) {
		fresh++
	}
	return fresh <= maxPerAOR
}

// outward writes the Contacts of a REGISTER for the PBX: our tokens in place of the
// phone's URIs, the parameters as they are. Its Path is kept here: a PBX sends what
// is for the phone to our Contact, which is all the path that it needs, and that is
// also why we add none of our own (RFC 3327 5.1), whatever the phone supports.
// hide is nil in a plain one.
func (r *Registrar) outward(e *sip.Edit, m *sip.Message, w *work, hide *dialog.Hiding) {
	var token [dialog.IDLen]byte
	for i := range w.wish.contacts[:w.wish.n] {
		c := &w.wish.contacts[i]
		elem, uri := m.SpanOf(c.elem), m.SpanOf(c.name.URI)
		mask(e, m, hide, sip.Span{Off: elem.Off, End: uri.Off})
		e.At(uri)
		if !c.name.Bracketed {
			e.Byte('<')
		}
		w.out.AppendURI(e, r.cfg.Minter.AppendToken(token[:0], c.id, c.key))
		if !c.name.Bracketed {
			e.Byte('>')
		}
		rest := sip.Span{Off: uri.End, End: elem.End}
		if c.over {
			value := m.SpanOf(c.value)
			mask(e, m, hide, sip.Span{Off: rest.Off, End: value.Off})
			e.At(value).Uint(uint64(maxLife / time.Second))
			rest.Off = value.End
		}
		mask(e, m, hide, rest)
	}
	if w.wish.over {
		e.At(m.First(sip.HdrExpires).Value).Uint(uint64(maxLife / time.Second))
	}
	deleteAll(e, m, sip.HdrPath)
}

func mask(e *sip.Edit, m *sip.Message, hide *dialog.Hiding, s sip.Span) {
	if hide != nil {
		hide.MaskNames(e, m, s)
	}
}

// deleteAll removes all lines of a header.
func deleteAll(e *sip.Edit, m *sip.Message, id sip.HeaderID) {
	if m.First(id) == nil {
		return
	}
	for i := range m.FieldCount() {
		if f := m.Field(i); f.ID == id {
			e.Delete(f.Line)
		}
	}
}

// homeward writes an answer's Contacts for the phone: its own URIs in place of our
// tokens. A token of no live binding goes, and so does what is not ours where the PBX
// is hidden. Service-Route always goes: a phone's requests come to us by its domain
// or outbound proxy anyway, and a route through the PBX would lead past us.
// A Path is told to the phone as it came (RFC 3327 5.3).
func (r *Registrar) homeward(e *sip.Edit, m, req *sip.Message, w *work, hide *dialog.Hiding) {
	if first := m.First(sip.HdrContact); first != nil {
		e.Insert(first.Line.Off)
		elements := m.Elements(sip.HdrContact)
		for {
			elem, ok := elements.Next()
			if !ok {
				break
			}
			r.contactHome(e, m, elem, w, hide)
		}
		deleteAll(e, m, sip.HdrContact)
	}
	deleteAll(e, m, sip.HdrServiceRoute)
	if _, over := seconds(m.Value(sip.HdrExpires)); over {
		e.At(m.First(sip.HdrExpires).Value).Uint(uint64(maxLife / time.Second))
	}
	if len(w.wish.path) > 0 && m.StatusCode()/100 == 2 {
		deleteAll(e, m, sip.HdrPath)
		e.Insert(m.HeadersEnd())
		for i := range req.FieldCount() {
			if f := req.Field(i); f.ID == sip.HdrPath {
				e.Bytes(req.Slice(f.Line))
			}
		}
	}
}

// tokenIn reads a Contact of an answer with a token of ours, unless its grant has been read already.
func (r *Registrar) tokenIn(m *sip.Message, elem []byte, read *grants) (na sip.NameAddr, id dialog.Stable, ours bool) {
	if g := read.at(m.SpanOf(elem)); g != nil {
		return g.name, g.id, true
	}
	na, err := sip.ParseNameAddr(elem)
	if err != nil {
		return na, id, false
	}
	token, ours := r.cfg.Minter.Of(na.URI)
	return na, token.Stable, ours && token.Part == dialog.ToPhone
}

// contactHome appends one Contact of an answer to the edit's last operation.
func (r *Registrar) contactHome(e *sip.Edit, m *sip.Message, elem []byte, w *work, hide *dialog.Hiding) {
	na, id, ours := r.tokenIn(m, elem, &w.grants)
	if !ours {
		if hide == nil && len(elem) > 0 {
			e.String("Contact: ").Bytes(elem).String("\r\n")
		}
		return
	}
	c, live := r.ByID(id)
	if !live || !w.wish.owns(&c) {
		return
	}
	uri := m.SpanOf(na.URI)
	start, end := m.SpanOf(elem).Off, m.SpanOf(elem).End
	e.String("Contact: ")
	w.masked(e, m.Slice(sip.Span{Off: start, End: uri.Off}), hide)
	if !na.Bracketed {
		e.Byte('<')
	}
	e.String(c.URI)
	if !na.Bracketed {
		e.Byte('>')
	}
	rest := sip.Span{Off: uri.End, End: end}
	if v, ok := sip.FindParam(na.Params, "expires"); ok {
		if n, over := seconds(v); over {
			value := m.SpanOf(v)
			w.masked(e, m.Slice(sip.Span{Off: rest.Off, End: value.Off}), hide)
			e.Uint(uint64(n))
			rest.Off = value.End
		}
	}
	w.masked(e, m.Slice(rest), hide)
	e.String("\r\n")
}

// owns says that a binding is one of the address of record that the REGISTER names:
// no PBX is told the phones of another.
func (w *wish) owns(c *Contact) bool {
	return c.Binding[0] == w.address.first && c.AOR == string(w.aor()) &&
		uint64(c.Customer) == w.customer()
}

func (w *work) masked(e *sip.Edit, b []byte, hide *dialog.Hiding) {
	if hide != nil {
		w.text = hide.AppendMasked(w.text[:0], b)
		b = w.text
	}
	e.Bytes(b)
}
