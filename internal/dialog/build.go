package dialog

import (
	"strconv"

	"tollgate/sip"
)

// Build is a request of our own inside a dialog: a BYE, an OPTIONS, or the ACK
// of a 2xx that nobody else will acknowledge.
type Build struct {
	Method  sip.Method
	Target  []byte // Request-URI
	Routes  []byte
	Out     Address
	Branch  []byte
	From    []byte
	FromTag []byte
	To      []byte
	ToTag   []byte
	CallID  []byte
	CSeq    uint32
	Headers string // whole lines with CRLF
	Type    string // of Body
	Body    []byte
}

// Append appends the request to dst.
func (b *Build) Append(dst []byte) []byte {
	method := b.Method.String()
	dst = append(dst, method...)
	dst = append(dst, ' ')
	dst = append(dst, b.Target...)
	dst = append(dst, " SIP/2.0\r\nVia: SIP/2.0/"...)
	dst = append(dst, b.Out.Proto.Via()...)
	dst = append(dst, ' ')
	dst = append(dst, b.Out.Host...)
	dst = append(dst, ':')
	dst = strconv.AppendUint(dst, uint64(b.Out.Port), 10)
	dst = append(dst, ";branch="...)
	dst = append(dst, b.Branch...)
	dst = append(dst, ";rport"...)
	if len(b.Routes) > 0 {
		dst = append(dst, "\r\nRoute: "...)
		dst = append(dst, b.Routes...)
	}
	dst = appendAddress(dst, "\r\nFrom: ", b.From, b.FromTag)
	dst = appendAddress(dst, "\r\nTo: ", b.To, b.ToTag)
	dst = append(dst, "\r\nCall-ID: "...)
	dst = append(dst, b.CallID...)
	dst = append(dst, "\r\nCSeq: "...)
	dst = strconv.AppendUint(dst, uint64(b.CSeq), 10)
	dst = append(dst, ' ')
	dst = append(dst, method...)
	dst = append(dst, "\r\nMax-Forwards: 70\r\n"...)
	dst = append(dst, b.Headers...)
	if len(b.Body) > 0 {
		dst = append(dst, "Content-Type: "...)
		dst = append(dst, b.Type...)
		dst = append(dst, "\r\n"...)
	}
	dst = append(dst, "Content-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(b.Body)), 10)
	dst = append(dst, "\r\n\r\n"...)
	return append(dst, b.Body...)
}

func appendAddress(dst []byte, name string, value, tag []byte) []byte {
	dst = append(dst, name...)
	dst = append(dst, value...)
	if len(tag) > 0 {
		dst = append(dst, ";tag="...)
		dst = append(dst, tag...)
	}
	return dst
}
