package registrar

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"tollgate/internal/transport"
)

// STUN as keepalive of a UDP flow (RFC 5626 8, RFC 8489 5): one question, without attributes that matter.
const (
	stunHead     = 20
	stunQuestion = 0x0001 // Binding request
	stunAnswer   = 0x0101
	stunMapped   = 0x0020 // XOR-MAPPED-ADDRESS
)

var stunCookie = []byte{0x21, 0x12, 0xa4, 0x42}

// Stun answers a phone that asks by STUN whether its flow stands, as phones do that hold to RFC 5626
// over UDP: without an answer they take it for dead and register anew. Data that is no such question is
// nobody's, and so is one from where no phone is registered: strangers get silence.
func (r *Registrar) Stun(f transport.Flow, data []byte) {
	if f.Proto != transport.UDP || len(data) < stunHead || binary.BigEndian.Uint16(data) != stunQuestion ||
		!bytes.Equal(data[4:8], stunCookie) || int(binary.BigEndian.Uint16(data[2:]))+stunHead != len(data) {
		return
	}
	if _, _, ok := r.Owner(f); ok {
		var room [stunHead + 24]byte
		_ = r.cfg.Transport.Send(f, appendStun(room[:0], data[4:stunHead], f.Remote)) // it asks again
	}
}

// appendStun appends the answer to a question with a cookie and transaction id: where it came from, so that a phone
// notices when its NAT has moved it.
func appendStun(dst, id []byte, from netip.AddrPort) []byte {
	addr, family := from.Addr().Unmap().AsSlice(), byte(1)
	if len(addr) == 16 {
		family = 2
	}
	dst = binary.BigEndian.AppendUint16(dst, stunAnswer)
	dst = binary.BigEndian.AppendUint16(dst, uint16(8+len(addr)))
	dst = append(dst, id...)
	dst = binary.BigEndian.AppendUint16(dst, stunMapped)
	dst = binary.BigEndian.AppendUint16(dst, uint16(4+len(addr)))
	dst = append(dst, 0, family)
	dst = binary.BigEndian.AppendUint16(dst, from.Port()^binary.BigEndian.Uint16(id))
	for i, b := range addr {
		dst = append(dst, b^id[i])
	}
	return dst
}
