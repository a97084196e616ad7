package transaction

import (
	"strconv"

	"tollgate/sip"
)

// Why is what a CANCEL gives as its reason (RFC 3326): a SIP status, 200 where the call was answered
// elsewhere, so that a phone lists none that was missed, and a cause of Q.850. 0 is neither. Texts stay behind:
// they may name hosts, and no phone reads them.
type Why struct {
	SIP  uint16
	Q850 uint8
}

// whyOf reads the reason of a CANCEL.
func whyOf(m *sip.Message) (w Why) {
	elements := m.Elements(sip.HdrReason)
	for {
		elem, ok := elements.Next()
		if !ok {
			return w
		}
		end := 0
		for end < len(elem) && elem[end] > ' ' && elem[end] != ';' {
			end++
		}
		value, _ := sip.FindParam(elem[end:], "cause")
		n, ok := sip.ParseUint(value)
		switch protocol := elem[:end]; {
		case !ok:
		case sip.EqualFoldString(protocol, "SIP") && n >= 100 && n < 700:
			w.SIP = uint16(n)
		case sip.EqualFoldString(protocol, "Q.850") && n > 0 && n < 128:
			w.Q850 = uint8(n)
		}
	}
}

// appendTo appends the header lines that say it, each with the CRLF before it.
func (w Why) appendTo(dst []byte) []byte {
	if w.SIP != 0 {
		dst = strconv.AppendUint(append(dst, "\r\nReason: SIP;cause="...), uint64(w.SIP), 10)
		if w.SIP == 200 {
			dst = append(dst, `;text="Call completed elsewhere"`...)
		}
	}
	if w.Q850 != 0 {
		dst = strconv.AppendUint(append(dst, "\r\nReason: Q.850;cause="...), uint64(w.Q850), 10)
	}
	return dst
}
