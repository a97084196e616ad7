package srtp_test

import (
	"testing"

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

// BenchmarkOracle is BenchmarkRTP with pion's implementation.
func BenchmarkOracle(b *testing.B) {
	for _, suite := range suites {
		k := srtp.NewKey(suite)
		b.Run("send/"+suite.String(), func(b *testing.B) {
			s, buf, packet := oracle(b, k), make([]byte, 0, 256), rtpPacket(1, 0, 160)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				packet[2], packet[3] = byte(i>>8), byte(i)
				if _, err := s.EncryptRTP(buf, packet, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
