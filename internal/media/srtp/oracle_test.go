package srtp_test

import (
	"bytes"
	"testing"

	"github.com/pion/rtp"
	pion "github.com/pion/srtp/v3"

	"tollgate/internal/media/srtp"
)

// oracle is pion's context for a key: another implementation of the same RFCs.
func oracle(tb testing.TB, k srtp.Key) *pion.Context {
	tb.Helper()
	profile := map[srtp.Suite]pion.ProtectionProfile{
		srtp.AESCM128HMACSHA180: pion.ProtectionProfileAes128CmHmacSha1_80,
		srtp.AESCM128HMACSHA132: pion.ProtectionProfileAes128CmHmacSha1_32,
		srtp.AES256CMHMACSHA180: pion.ProtectionProfileAes256CmHmacSha1_80,
		srtp.AES256CMHMACSHA132: pion.ProtectionProfileAes256CmHmacSha1_32,
		srtp.AEADAES128GCM:      pion.ProtectionProfileAeadAes128Gcm,
		srtp.AEADAES256GCM:      pion.ProtectionProfileAeadAes256Gcm,
	}[k.Suite]
	keyEnd := k.Suite.KeyLen()
	options := []pion.ContextOption{pion.SRTPReplayProtection(128), pion.SRTCPReplayProtection(128)}
	if k.MKILen > 0 {
		var mki []byte
		for i := int(k.MKILen) - 1; i >= 0; i-- {
			mki = append(mki, byte(k.MKI>>(8*i)))
		}
		options = append(options, pion.MasterKeyIndicator(mki))
	}
	c, err := pion.CreateContext(k.Material[:keyEnd], k.Material[keyEnd:keyEnd+k.Suite.SaltLen()], profile, options...)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// keysToTry is a key of each suite, without and with MKI.
func keysToTry() []srtp.Key {
	var keys []srtp.Key
	for _, suite := range suites {
		plain, marked := srtp.NewKey(suite), srtp.NewKey(suite)
		marked.MKI, marked.MKILen = 0x01020304, 4
		keys = append(keys, plain, marked)
	}
	return keys
}

// packetsToTry are of several shapes and lengths, RTP of two SSRCs, across a
// rollover, out of order.
func packetsToTry() (rtp, rtcp [][]byte) {
	for i, seq := range []uint16{0, 1, 3, 2, 40000, 65535, 0, 65534, 5, 65533, 30000, 60000, 2000} {
		rtp = append(rtp, rtpPacket(7, seq, i*31), rtpPacket(9, seq, 160))
	}
	withCSRC := rtpPacket(10, 1, 40)
	withCSRC[0] |= 2
	withExtension := rtpPacket(10, 2, 40)
	withExtension[0] |= 0x10
	copy(withExtension[12:], []byte{0xbe, 0xde, 0, 2})
	rtp = append(rtp, withCSRC, withExtension, rtpPacket(10, 3, 1400))
	for i := range 10 {
		rtcp = append(rtcp, rtcpPacket(7, 4*i), rtcpPacket(uint32(i), 52))
	}
	return rtp, rtcp
}

func TestOracleOpensWhatWeSend(t *testing.T) {
	rtp, rtcp := packetsToTry()
	for _, k := range keysToTry() {
		t.Run(k.String(), func(t *testing.T) {
			s, theirs := srtp.NewSender(k, new(srtp.Room)), oracle(t, k)
			for _, packet := range rtp {
				wire, err := s.RTP(nil, packet)
				if err != nil {
					t.Fatal(err)
				}
				got, err := theirs.DecryptRTP(nil, wire, nil)
				if err != nil || !bytes.Equal(got, packet) {
					t.Fatalf("RTP %x came as %x, %v", packet[:12], got, err)
				}
			}
			for _, packet := range rtcp {
				wire, err := s.RTCP(nil, packet)
				if err != nil {
					t.Fatal(err)
				}
				got, err := theirs.DecryptRTCP(nil, wire, nil)
				if err != nil || !bytes.Equal(got, packet) {
					t.Fatalf("RTCP %x came as %x, %v", packet[:8], got, err)
				}
			}
		})
	}
}

func TestWeOpenWhatTheOracleSends(t *testing.T) {
	rtp, rtcp := packetsToTry()
	for _, k := range keysToTry() {
		t.Run(k.String(), func(t *testing.T) {
			theirs, r := oracle(t, k), srtp.NewReceiver(k, new(srtp.Room))
			for _, packet := range rtp {
				wire, err := theirs.EncryptRTP(nil, packet, nil)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := r.RTP(wire[:0], wire); err != nil || !bytes.Equal(got, packet) {
					t.Fatalf("RTP %x came as %x, %v", packet[:12], got, err)
				}
			}
			for _, packet := range rtcp {
				wire, err := theirs.EncryptRTCP(nil, packet, nil)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := r.RTCP(wire[:0], wire); err != nil || !bytes.Equal(got, packet) {
					t.Fatalf("RTCP %x came as %x, %v", packet[:8], got, err)
				}
			}
		})
	}
}

// BenchmarkOracle is BenchmarkRTP with pion's implementation.
func BenchmarkOracle(b *testing.B) {
	for _, suite := range suites {
		k := srtp.NewKey(suite)
		for _, name := range []string{"send", "both"} {
			b.Run(name+"/"+suite.String(), func(b *testing.B) {
				s, r, buf, packet := oracle(b, k), oracle(b, k), make([]byte, 0, 256), rtpPacket(1, 0, 160)
				var header rtp.Header // else one is allocated for each packet
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					packet[2], packet[3] = byte(i>>8), byte(i)
					wire, err := s.EncryptRTP(buf, packet, &header)
					if err == nil && name == "both" {
						_, err = r.DecryptRTP(wire[:0], wire, &header)
					}
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
