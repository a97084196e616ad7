package srtp_test

import (
	"encoding/binary"

	"tollgate/internal/media/srtp"
)

var suites = []srtp.Suite{
	srtp.AESCM128HMACSHA180, srtp.AESCM128HMACSHA132,
	srtp.AES256CMHMACSHA180, srtp.AES256CMHMACSHA132,
	srtp.AEADAES128GCM, srtp.AEADAES256GCM,
}

// rtpPacket has a payload of n bytes that tell the packet.
func rtpPacket(ssrc uint32, seq uint16, n int) []byte {
	b := []byte{0x80, 0x08}
	b = binary.BigEndian.AppendUint16(b, seq)
	b = binary.BigEndian.AppendUint32(b, 160*uint32(seq))
	b = binary.BigEndian.AppendUint32(b, ssrc)
	for i := range n {
		b = append(b, byte(i)^byte(seq))
	}
	return b
}

// rtcpPacket is a head and n bytes that look like a report.
func rtcpPacket(ssrc uint32, n int) []byte {
	b := []byte{0x80, 200, 0, byte(n/4 + 1)}
	b = binary.BigEndian.AppendUint32(b, ssrc)
	for i := range n {
		b = append(b, byte(i))
	}
	return b
}
