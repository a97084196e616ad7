package srtp_test

import (
	"testing"

	"tollgate/internal/media/srtp"
)

// BenchmarkRTP measures packets of 172 bytes, 20 ms of G.711: protecting one,
// and protecting and opening one in place.
func BenchmarkRTP(b *testing.B) {
	for _, suite := range suites {
		k := srtp.NewKey(suite)
		b.Run("send/"+suite.String(), func(b *testing.B) {
			s, buf, packet := srtp.NewSender(k, new(srtp.Room)), make([]byte, 0, 256), rtpPacket(1, 0, 160)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				packet[2], packet[3] = byte(i>>8), byte(i)
				if _, err := s.RTP(buf, packet); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("both/"+suite.String(), func(b *testing.B) {
			s, r := srtp.NewSender(k, new(srtp.Room)), srtp.NewReceiver(k, new(srtp.Room))
			packet, buf := rtpPacket(1, 0, 160), make([]byte, 0, 256)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				packet[2], packet[3] = byte(i>>8), byte(i)
				wire, err := s.RTP(buf, packet)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := r.RTP(wire[:0], wire); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
