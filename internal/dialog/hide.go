package dialog

import (
	"bytes"
	"net/netip"
	"strings"

	"tollgate/sip"
)

// Hiding is what topology hiding needs to know of the side that shall not show.
type Hiding struct {
	// Mask is the host that stands where the hidden side's hosts stood.
	Mask string
	bare string // Mask without the brackets of an IPv6 address
	// Domains are the customer's own, which both sides know and need.
	Domains []string
	// OwnContacts leaves the Contacts to who calls Edit: those of a REGISTER are no
	// dialog's, and there are several.
	OwnContacts bool
	// NoCall says that no media follows from a description in the message, as in what OPTIONS
	// is answered: its addresses are masked, too.
	NoCall bool
	// Unnamed takes away what says who sends a response (see Reply).
	Unnamed bool
	// Spellings of the hidden side that are cut out of any header.
	names  [8][]byte
	folded [8]bool // the name has letters, which may come in the other case
	named  int
	arena  [640]byte // the names, so that they outlive the message
	used   int
	short  [64]byte

	renamed []Rename // of the request at hand: parts that are written already
}

// Reset prepares h for a message that came from src.
func (h *Hiding) Reset(mask string, domains []string, src netip.AddrPort) {
	h.Mask, h.bare, h.Domains, h.named, h.used, h.renamed = mask, mask, domains, 0, 0, nil
	h.OwnContacts, h.NoCall, h.Unnamed = false, false, false
	switch {
	case strings.HasPrefix(mask, "["):
		h.bare = mask[1 : len(mask)-1]
	case strings.IndexByte(mask, ':') >= 0: // an IPv6 address: a domain, too
		h.Mask = "[" + mask + "]"
	}
	h.keep(len(src.Addr().AppendTo(h.arena[:0])))
}

// Name adds a host that must not show. Too short ones are left out, since they
// stand in many harmless words. An IPv6 address is also known by its shortest spelling.
func (h *Hiding) Name(host []byte) {
	h.add(host)
	if u := (sip.URI{Host: host}); bytes.IndexByte(host, ':') >= 0 {
		if a, ok := u.Addr(); ok {
			h.add(a.AppendTo(h.short[:0]))
		}
	}
}

// NameString is Name for a string.
func (h *Hiding) NameString(host string) {
	if h.used+len(host) <= len(h.arena) {
		n := copy(h.arena[h.used:], host)
		h.Name(h.arena[h.used : h.used+n])
	}
}

func (h *Hiding) add(name []byte) {
	if h.used+len(name) <= len(h.arena) {
		h.keep(copy(h.arena[h.used:], name))
	}
}

// keep takes the next n bytes of the arena as a name, unless it is of no use: what
// is part of a name that may show is no secret, and cutting it out would break that.
func (h *Hiding) keep(n int) {
	name := h.arena[h.used : h.used+n]
	if n < 4 || h.named == len(h.names) || h.partOfOwn(name) {
		return
	}
	for _, have := range h.names[:h.named] {
		if sip.EqualFold(have, name) {
			return
		}
	}
	h.names[h.named], h.folded[h.named] = name, hasLetter(name)
	h.named++
	h.used += n
}

func (h *Hiding) partOfOwn(name []byte) bool {
	for _, d := range h.Domains {
		if indexFold(d, name) >= 0 {
			return true
		}
	}
	return indexFold(h.Mask, name) >= 0
}

// hasLetter says that a name can be written in two cases.
func hasLetter(name []byte) bool {
	for _, c := range name {
		if c|0x20 >= 'a' && c|0x20 <= 'z' {
			return true
		}
	}
	return false
}

// indexFold is bytes.Index without regard to the case of ASCII letters.
func indexFold[T string | []byte](s T, name []byte) int {
	for i := 0; i+len(name) <= len(s); i++ {
		if s[i]|0x20 != name[0]|0x20 {
			continue
		}
		n := 1
		for n < len(name) && lower(s[i+n]) == lower(name[n]) {
			n++
		}
		if n == len(name) && lower(s[i]) == lower(name[0]) {
			return i
		}
	}
	return -1
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
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
	return sip.EqualFoldString(host, h.bare)
}

// AppendIdentity appends a From or To value without its tag, its host masked, and
// known names in the rest of it: the display name, the user.
func (h *Hiding) AppendIdentity(dst, value []byte) []byte {
	value = WithoutTag(value)
	from, to := len(value), len(value)
	if na, err := sip.ParseNameAddr(value); err == nil {
		if u, err := sip.ParseURI(na.URI); err == nil && len(u.Host) > 0 {
			from, to = hostSpan(value, &u)
			if h.Own(u.Host) {
				dst = h.AppendMasked(dst, value[:from])
				dst = append(dst, value[from:to]...)
				return h.AppendMasked(dst, value[to:])
			}
		}
	}
	dst = h.AppendMasked(dst, value[:from])
	if from < to {
		dst = append(dst, h.Mask...)
	}
	return h.AppendMasked(dst, value[to:])
}

// AppendMasked appends b with the mask in place of each known name.
func (h *Hiding) AppendMasked(dst, b []byte) []byte {
	for {
		at, n := h.find(b)
		if at < 0 {
			return append(dst, b...)
		}
		dst = append(dst, b[:at]...)
		dst = append(dst, h.Mask...)
		b = b[at+n:]
	}
}

// find gives the place and length of the first known name in b, -1 if there is none.
func (h *Hiding) find(b []byte) (at, n int) {
	at = -1
	for i, name := range h.names[:h.named] {
		var found int
		if h.folded[i] {
			found = indexFold(b, name)
		} else {
			found = bytes.Index(b, name)
		}
		if found >= 0 && (at < 0 || found < at || found == at && len(name) > n) {
			at, n = found, len(name)
		}
	}
	return at, n
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

// headers walks all header lines of a sender: what is a hop's goes, what names a host
// is masked, and nothing else is touched.
func (h *Hiding) headers(e *sip.Edit, m *sip.Message, out Address, id []byte) {
	contacted := false
	for i := range m.FieldCount() {
		f := m.Field(i)
		switch f.ID {
		case sip.HdrVia, sip.HdrRoute, sip.HdrRecordRoute, sip.HdrInReplyTo,
			sip.HdrPath, sip.HdrServiceRoute: // a registration's route sets (RFC 3327, RFC 3608)
			e.Delete(f.Line)
		case sip.HdrContact:
			if h.OwnContacts {
				continue
			}
			if contacted {
				e.Delete(f.Line)
				continue
			}
			contacted = true
			e.At(f.Value).Byte('<')
			out.AppendURI(e, id)
			e.Byte('>')
			if focus(m.Slice(f.Value)) {
				e.String(";isfocus")
			}
		case sip.HdrFrom, sip.HdrTo, sip.HdrCallID, sip.HdrCSeq, sip.HdrMaxForwards, sip.HdrContentLength,
			sip.HdrContentType, sip.HdrAllow, sip.HdrSupported, sip.HdrRequire, sip.HdrExpires,
			sip.HdrSessionExpires, sip.HdrMinSE, sip.HdrRAck, sip.HdrRSeq, sip.HdrReplaces, sip.HdrJoin, sip.HdrTargetDialog:
			// written elsewhere, or no host stands in them
		case sip.HdrPAI, sip.HdrPPI, sip.HdrRPID:
			if h.Unnamed {
				e.Delete(f.Line)
				continue
			}
			h.maskURIs(e, m, f.Value)
		case sip.HdrDiversion, sip.HdrHistoryInfo,
			sip.HdrReferredBy, sip.HdrReplyTo:
			h.maskURIs(e, m, f.Value)
		case sip.HdrReferTo:
			h.maskReferTo(e, m, f.Value)
		case sip.HdrCallInfo, sip.HdrErrorInfo, sip.HdrAlertInfo:
			// The path stays: <http://host/Bellcore-dr2> is how phones are told to ring.
			if host, ok := urlHost(m, f.Value); ok {
				e.At(host).String(h.Mask)
				continue
			}
			h.maskURIs(e, m, f.Value)
		case sip.HdrWWWAuthenticate, sip.HdrProxyAuthenticate, sip.HdrAuthorization, sip.HdrProxyAuthorization:
			// A realm is part of what is hashed on both sides (RFC 8760, RFC 7616 3.4.2):
			// another one could never be answered.
		case sip.HdrWarning: // below, element by element
		default:
			h.MaskNames(e, m, f.Value)
		}
	}
	h.maskWarnings(e, m)
	h.maskBody(e, m)
}

// focus says that a Contact is a conference's (RFC 4579 4): without that word no phone subscribes to
// who is in it. All else that a Contact says of its device stays behind.
func focus(contact []byte) bool {
	na, err := sip.ParseNameAddr(contact)
	if err != nil {
		return false
	}
	_, is := sip.FindParam(na.Params, "isfocus")
	return is
}

// maskReferTo masks the host of a Refer-To's URI. The headers in it stay: the dialog
// that they name is named right, or is none of ours.
func (h *Hiding) maskReferTo(e *sip.Edit, m *sip.Message, s sip.Span) {
	na, err := sip.ParseNameAddr(m.Slice(s))
	u, bad := sip.ParseURI(na.URI)
	if err != nil || bad != nil || len(u.Host) == 0 {
		h.MaskNames(e, m, s)
		return
	}
	uri := m.SpanOf(na.URI)
	from, to := hostSpan(na.URI, &u)
	h.MaskNames(e, m, sip.Span{Off: s.Off, End: uri.Off})
	if !startsAt(h.renamed, uri.Off) && !h.Own(u.Host) {
		e.At(sip.Span{Off: uri.Off + uint16(from), End: uri.Off + uint16(to)}).String(h.Mask)
	}
	h.MaskNames(e, m, sip.Span{Off: uri.End, End: s.End})
}

// urlHost finds the host, with its port, of a URL such as http://host:port/path.
func urlHost(m *sip.Message, s sip.Span) (sip.Span, bool) {
	value := m.Slice(s)
	i := bytes.Index(value, []byte("://"))
	if i < 0 {
		return s, false
	}
	i += 3
	n := bytes.IndexAny(value[i:], "/>?#;, \t\r\n")
	if n < 0 {
		n = len(value) - i
	}
	return sip.Span{Off: s.Off + uint16(i), End: s.Off + uint16(i+n)}, n > 0
}

// maskURIs masks the host of every SIP URI in a span, and known names besides.
func (h *Hiding) maskURIs(e *sip.Edit, m *sip.Message, s sip.Span) {
	for at := s.Off; ; {
		uri, u, ok := nextURI(m, sip.Span{Off: at, End: s.End})
		if !ok {
			h.maskAround(e, m, s)
			return
		}
		at = uri.End
		from, to := hostSpan(m.Slice(uri), &u)
		host := sip.Span{Off: uri.Off + uint16(from), End: uri.Off + uint16(to)}
		h.maskAround(e, m, sip.Span{Off: s.Off, End: host.Off})
		if !h.Own(u.Host) {
			e.At(host).String(h.Mask)
		}
		s.Off = host.End
	}
}

// maskAround replaces known names in a span, but for what is written already.
func (h *Hiding) maskAround(e *sip.Edit, m *sip.Message, s sip.Span) {
	for i := range h.renamed {
		if at := h.renamed[i].At; at.Off >= s.Off && at.End <= s.End {
			h.MaskNames(e, m, sip.Span{Off: s.Off, End: at.Off})
			s.Off = at.End
		}
	}
	h.MaskNames(e, m, s)
}

// nextURI finds the next sip: or sips: URI in a span that has a host.
func nextURI(m *sip.Message, s sip.Span) (sip.Span, sip.URI, bool) {
	value := m.Slice(s)
	for at := 0; ; {
		i := indexFold(value[at:], []byte("sip"))
		if i < 0 {
			return s, sip.URI{}, false
		}
		i += at
		at = i + 3
		end := i + uriLen(value[i:], i > 0 && value[i-1] == '<')
		u, err := sip.ParseURI(value[i:end])
		if err == nil && len(u.Host) > 0 && (u.Scheme == sip.SchemeSIP || u.Scheme == sip.SchemeSIPS) {
			return sip.Span{Off: s.Off + uint16(i), End: s.Off + uint16(end)}, u, true
		}
	}
}

// uriLen is how much of b may be a URI: in brackets all up to the closing one, else
// no comma and no question mark, which end it (RFC 3261 20.10).
func uriLen(b []byte, bracketed bool) int {
	ends := ">\" \t\r\n,?"
	if bracketed {
		ends = ">"
	}
	if n := bytes.IndexAny(b, ends); n >= 0 {
		return n
	}
	return len(b)
}

// maskWarnings masks each warn-agent (RFC 3261 20.43: code, agent, quoted text) and
// known names in the text.
func (h *Hiding) maskWarnings(e *sip.Edit, m *sip.Message) {
	it := m.Elements(sip.HdrWarning)
	for {
		elem, ok := it.Next()
		if !ok {
			return
		}
		s := m.SpanOf(elem)
		from := wordEnd(elem, 0)
		for from < len(elem) && elem[from] <= ' ' {
			from++
		}
		to := wordEnd(elem, from)
		if from == to {
			h.MaskNames(e, m, s)
			continue
		}
		e.At(sip.Span{Off: s.Off + uint16(from), End: s.Off + uint16(to)}).String(h.Mask)
		h.MaskNames(e, m, sip.Span{Off: s.Off + uint16(to), End: s.End})
	}
}

func wordEnd(b []byte, i int) int {
	for i < len(b) && b[i] > ' ' {
		i++
	}
	return i
}

// MaskNames replaces each known name in a span.
func (h *Hiding) MaskNames(e *sip.Edit, m *sip.Message, s sip.Span) {
	for s.Off < s.End {
		at, n := h.find(m.Slice(s))
		if at < 0 {
			return
		}
		s.Off += uint16(at)
		e.At(sip.Span{Off: s.Off, End: s.Off + uint16(n)}).String(h.Mask)
		s.Off += uint16(n)
	}
}
