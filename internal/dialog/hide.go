package dialog

import (
	"bytes"
	"net/netip"

	"tollgate/sip"
)

// Hiding is what topology hiding needs to know of the side that shall not show.
type Hiding struct {
	// Mask is the host that stands where the hidden side's hosts stood.
	Mask string
	// Domains are the customer's own, which both sides know and need.
	Domains []string
	// Spellings of the hidden side that are cut out of any header.
	names [6][]byte
	named int
	arena [512]byte // the names, so that they outlive the message
	used  int
}

// Reset prepares h for a message that came from src.
func (h *Hiding) Reset(mask string, domains []string, src netip.AddrPort) {
	h.Mask, h.Domains, h.named, h.used = mask, domains, 0, 0
	h.keep(len(src.Addr().AppendTo(h.arena[:0])))
}

// Name adds a host that must not show. Too short ones are left out, since they
// stand in many harmless words.
func (h *Hiding) Name(host []byte) {
	if h.used+len(host) <= len(h.arena) {
		h.keep(copy(h.arena[h.used:], host))
	}
}

// NameString is Name for a string.
func (h *Hiding) NameString(host string) {
	if h.used+len(host) <= len(h.arena) {
		h.keep(copy(h.arena[h.used:], host))
	}
}

// keep takes the next n bytes of the arena as a name, unless it is of no use.
func (h *Hiding) keep(n int) {
	name := h.arena[h.used : h.used+n]
	if n < 4 || h.named == len(h.names) || h.Own(name) {
		return
	}
	for _, have := range h.names[:h.named] {
		if bytes.Equal(have, name) {
			return
		}
	}
	h.names[h.named] = name
	h.named++
	h.used += n
}

// NameURI adds the host of a URI.
func (h *Hiding) NameURI(uri []byte) {
	if u, err := sip.ParseURI(uri); err == nil {
		h.Name(u.Host)
	}
}

// Own says that a host is one of the customer's domains.
func (h *Hiding) Own(host []byte) bool {
	for _, d := range h.Domains {
		if sip.EqualFoldString(host, d) {
			return true
		}
	}
	return sip.EqualFoldString(host, h.Mask)
}

// AppendIdentity appends a From or To value without its tag, its host masked.
func (h *Hiding) AppendIdentity(dst, value []byte) []byte {
	value = WithoutTag(value)
	na, err := sip.ParseNameAddr(value)
	if err != nil {
		return append(dst, value...)
	}
	u, err := sip.ParseURI(na.URI)
	if err != nil || len(u.Host) == 0 || u.Scheme == sip.SchemeTEL || h.Own(u.Host) {
		return append(dst, value...)
	}
	from, to := hostSpan(value, &u)
	dst = append(dst, value[:from]...)
	dst = append(dst, h.Mask...)
	return append(dst, value[to:]...)
}

// hostSpan finds host and port of a URI, brackets included, within value.
func hostSpan(value []byte, u *sip.URI) (from, to int) {
	from = cap(value) - cap(u.Host)
	to = from + len(u.Host)
	if u.IPv6 {
		from, to = from-1, to+1
	}
	if u.HasPort {
		for to < len(value) && (value[to] == ':' || value[to] >= '0' && value[to] <= '9') {
			to++
		}
	}
	return max(from, 0), min(to, len(value))
}

// request hides the sender's side of a request; identities are done already.
func (h *Hiding) request(e *sip.Edit, m *sip.Message, out Address, id []byte) {
	h.headers(e, m, out, id, true)
}

// response hides the sender's side of a response.
func (h *Hiding) response(e *sip.Edit, m *sip.Message, out Address, id []byte) {
	h.headers(e, m, out, id, false)
}

// headers walks all header lines: what is a hop's goes, what names a host is
// masked, and nothing else is touched.
func (h *Hiding) headers(e *sip.Edit, m *sip.Message, out Address, id []byte, request bool) {
	contacted := false
	for i := range m.FieldCount() {
		f := m.Field(i)
		switch f.ID {
		case sip.HdrVia, sip.HdrRecordRoute, sip.HdrInReplyTo:
			e.Delete(f.Line)
		case sip.HdrRoute:
			if !request {
				e.Delete(f.Line)
			}
		case sip.HdrContact:
			if contacted {
				e.Delete(f.Line)
				continue
			}
			contacted = true
			e.At(f.Value).Byte('<')
			out.AppendURI(e, id)
			e.Byte('>')
		case sip.HdrFrom, sip.HdrTo, sip.HdrCallID, sip.HdrCSeq, sip.HdrMaxForwards, sip.HdrContentLength,
			sip.HdrContentType, sip.HdrAllow, sip.HdrSupported, sip.HdrRequire, sip.HdrExpires,
			sip.HdrSessionExpires, sip.HdrMinSE, sip.HdrRAck, sip.HdrRSeq, sip.HdrReplaces, sip.HdrJoin, sip.HdrTargetDialog:
			// written elsewhere, or no host stands in them
		case sip.HdrPAI, sip.HdrPPI, sip.HdrRPID, sip.HdrDiversion, sip.HdrHistoryInfo,
			sip.HdrReferredBy, sip.HdrCallInfo, sip.HdrReplyTo, sip.HdrErrorInfo, sip.HdrAlertInfo:
			h.maskURIs(e, m, f)
		case sip.HdrWarning:
			h.maskWarning(e, m, f)
		default:
			h.maskNames(e, m, f)
		}
	}
}

// maskURIs masks the host of every SIP URI in a header, and known names besides.
func (h *Hiding) maskURIs(e *sip.Edit, m *sip.Message, f *sip.Field) {
	value := m.Slice(f.Value)
	found := false
	for at := 0; at < len(value); {
		i := bytes.Index(value[at:], []byte("sip"))
		if i < 0 {
			break
		}
		i += at
		at = i + 3
		end := i
		for end < len(value) && !bytes.ContainsRune([]byte("<>\", \t\r\n?"), rune(value[end])) {
			end++
		}
		u, err := sip.ParseURI(value[i:end])
		if err != nil || u.Scheme != sip.SchemeSIP && u.Scheme != sip.SchemeSIPS {
			continue
		}
		found, at = true, end
		if h.Own(u.Host) {
			continue
		}
		from, to := hostSpan(value[:end], &u)
		e.At(sip.Span{Off: f.Value.Off + uint16(from), End: f.Value.Off + uint16(to)}).String(h.Mask)
	}
	if !found {
		h.maskNames(e, m, f)
	}
}

// maskWarning masks the warn-agent (RFC 3261 20.43: code, agent, quoted text) and
// known names in the text.
func (h *Hiding) maskWarning(e *sip.Edit, m *sip.Message, f *sip.Field) {
	value := m.Slice(f.Value)
	i := bytes.IndexByte(value, ' ')
	if i < 0 {
		return
	}
	end := bytes.IndexByte(value[i+1:], ' ')
	if end < 0 {
		end = len(value) - i - 1
	}
	e.At(sip.Span{Off: f.Value.Off + uint16(i+1), End: f.Value.Off + uint16(i+1+end)}).String(h.Mask)
	h.maskIn(e, sip.Span{Off: f.Value.Off + uint16(i+1+end), End: f.Value.End}, m)
}

func (h *Hiding) maskNames(e *sip.Edit, m *sip.Message, f *sip.Field) { h.maskIn(e, f.Value, m) }

// maskIn replaces each occurrence of a known name in a span.
func (h *Hiding) maskIn(e *sip.Edit, s sip.Span, m *sip.Message) {
	for s.Off < s.End {
		value := m.Slice(s)
		best, length := -1, 0
		for _, name := range h.names[:h.named] {
			if i := bytes.Index(value, name); i >= 0 && (best < 0 || i < best) {
				best, length = i, len(name)
			}
		}
		if best < 0 {
			return
		}
		at := s.Off + uint16(best)
		e.At(sip.Span{Off: at, End: at + uint16(length)}).String(h.Mask)
		s.Off = at + uint16(length)
	}
}
