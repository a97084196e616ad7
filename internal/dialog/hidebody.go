package dialog

import (
	"bytes"

	"tollgate/sdp"
	"tollgate/sip"
)

// maskBody masks known names in a body that tells of dialogs, presence, mailboxes or
// registrations, whose URIs name the hosts of who wrote them. A session description of a
// call is left alone: its addresses are where the media goes.
func (h *Hiding) maskBody(e *sip.Edit, m *sip.Message) {
	body, kind := m.Body(), m.Value(sip.HdrContentType)
	if len(body) == 0 || h.named == 0 {
		return
	}
	if parts(kind, body) {
		h.MaskNames(e, m, m.SpanOf(kind)) // its start names a part, as "<1@host>" perhaps
	} else if !h.maskable(kind) {
		return
	}
	if at, _ := h.find(body); at < 0 {
		return
	}
	e.At(m.SpanOf(body))
	length := len(body)
	for rest := body; ; {
		at, n := h.find(rest)
		if at < 0 {
			e.Bytes(rest)
			break
		}
		e.Bytes(rest[:at]).String(h.Mask)
		length += len(h.Mask) - n
		rest = rest[at+n:]
	}
	if f := m.First(sip.HdrContentLength); f != nil {
		e.At(f.Value).Uint(uint64(length))
	}
}

// parts says that a body has several parts and none of them is a session description, such as the
// states of a list (RFC 4662 5.2).
func parts(contentType, body []byte) bool {
	const kind = "multipart/"
	if len(contentType) < len(kind) || !sip.EqualFoldString(contentType[:len(kind)], kind) {
		return false
	}
	_, described := sdp.Locate(contentType, body)
	return !described
}

// maskable says which content types are text that names hosts.
func (h *Hiding) maskable(contentType []byte) bool {
	kind, _, _ := bytes.Cut(contentType, []byte{';'})
	kind = bytes.TrimSpace(kind)
	for _, known := range [...]string{
		"application/simple-message-summary", "message/sipfrag", "text/plain", "message/cpim", "application/xml", "text/xml",
	} {
		if sip.EqualFoldString(kind, known) {
			return true
		}
	}
	const xml = "+xml"
	return h.NoCall && sip.EqualFoldString(kind, "application/sdp") || len(kind) > len(xml) && sip.EqualFoldString(kind[len(kind)-len(xml):], xml)
}
