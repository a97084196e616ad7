package srtp_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"tollgate/internal/media/srtp"
)

// The key of RFC 4568's own examples.
const inline = "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"

func TestParseCrypto(t *testing.T) {
	key256 := base64.StdEncoding.EncodeToString(make([]byte, 46))
	for _, tt := range []struct {
		line   string
		tag    int
		suite  srtp.Suite
		mki    uint64
		mkiLen uint8
		err    error
	}{
		{line: "1 AES_CM_128_HMAC_SHA1_80 " + inline, tag: 1, suite: srtp.AESCM128HMACSHA180},
		{line: "1 AES_CM_128_HMAC_SHA1_80 " + inline + "|2^20|1:32", tag: 1, err: srtp.ErrUnsupported},
		{line: "1 AES_CM_128_HMAC_SHA1_80 " + inline + "|2^20|1:4", tag: 1, suite: srtp.AESCM128HMACSHA180, mki: 1, mkiLen: 4},
		{line: "12 AES_CM_128_HMAC_SHA1_32 " + inline + "|2^31", tag: 12, suite: srtp.AESCM128HMACSHA132},
		{line: "12 AES_CM_128_HMAC_SHA1_32 " + inline + "|1048576", tag: 12, suite: srtp.AESCM128HMACSHA132},
		{line: "999999999 AES_CM_128_HMAC_SHA1_32 " + inline + "|255:1", tag: 999999999, suite: srtp.AESCM128HMACSHA132, mki: 255, mkiLen: 1},
		{line: "2 AES_CM_128_HMAC_SHA1_32 " + inline + "|18446744073709551615:8", tag: 2, suite: srtp.AESCM128HMACSHA132, mki: 1<<64 - 1, mkiLen: 8},
		{line: "1  AES_256_CM_HMAC_SHA1_80  inline:" + key256 + "  ", tag: 1, suite: srtp.AES256CMHMACSHA180},
		{line: "1 AES_256_CM_HMAC_SHA1_32 inline:" + strings.TrimRight(key256, "="), tag: 1, suite: srtp.AES256CMHMACSHA132},
		{line: "1 AEAD_AES_128_GCM inline:" + base64.StdEncoding.EncodeToString(make([]byte, 28)), tag: 1, suite: srtp.AEADAES128GCM},
		{line: "1 AEAD_AES_256_GCM inline:" + base64.StdEncoding.EncodeToString(make([]byte, 44)), tag: 1, suite: srtp.AEADAES256GCM},
		{line: "1 AES_CM_128_HMAC_SHA1_80 " + inline + " WSH=64 KDR=0 FEC_ORDER=FEC_SRTP -later=x", tag: 1, suite: srtp.AESCM128HMACSHA180},

		{line: "1 AES_CM_128_HMAC_SHA1_80 " + inline + " KDR=1", tag: 1, err: srtp.ErrUnsupported},
		{line: "1 AES_CM_128_HMAC_SHA1_80 " + inline + " KDR", tag: 1, err: srtp.ErrUnsupported},
		{line: "1 AES_CM_128_HMAC_SHA1_80 " + inline + " UNENCRYPTED_SRTP", tag: 1, err: srtp.ErrUnsupported},
		{line: "1 AES_CM_128_HMAC_SHA1_80 " + inline + " WSH=64 UNENCRYPTED_SRTCP", tag: 1, err: srtp.ErrUnsupported},
		{line: "1 AES_CM_128_HMAC_SHA1_80 " + inline + " UNAUTHENTICATED_SRTP", tag: 1, err: srtp.ErrUnsupported},
		{line: "1 AES_CM_128_HMAC_SHA1_80 " + inline + " FEC_KEY=" + inline, tag: 1, err: srtp.ErrUnsupported},
		{line: "1 AES_CM_128_HMAC_SHA1_80 " + inline + " later=x", tag: 1, err: srtp.ErrUnsupported},
		{line: "1 AES_CM_128_HMAC_SHA1_80 " + inline + " =", tag: 1, err: srtp.ErrUnsupported},
		{line: "1 AES_CM_128_HMAC_SHA1_80 " + inline + "|2^20|1:4;" + inline + "|2^20|2:4", tag: 1, err: srtp.ErrUnsupported},
		{line: "1 F8_128_HMAC_SHA1_80 " + inline, tag: 1, err: srtp.ErrUnsupported},
		{line: "1 aes_cm_128_hmac_sha1_80 " + inline, tag: 1, err: srtp.ErrUnsupported},
		{line: "1 AES_CM_128_HMAC_SHA1_80 uri:https://example.com", tag: 1, err: srtp.ErrUnsupported},

		{line: "", err: srtp.ErrSyntax},
		{line: "1 AES_CM_128_HMAC_SHA1_80", err: srtp.ErrSyntax},
		{line: "x AES_CM_128_HMAC_SHA1_80 " + inline, err: srtp.ErrSyntax},
		{line: "-1 AES_CM_128_HMAC_SHA1_80 " + inline, err: srtp.ErrSyntax},
		{line: "1234567890 AES_CM_128_HMAC_SHA1_80 " + inline, err: srtp.ErrSyntax},
		{line: "1 AES_CM_128_HMAC_SHA1_80 inline:", tag: 1, err: srtp.ErrSyntax},
		{line: "1 AES_CM_128_HMAC_SHA1_80 " + inline[:len(inline)-4], tag: 1, err: srtp.ErrSyntax},
		{line: "1 AES_CM_128_HMAC_SHA1_80 " + inline + "AAAA", tag: 1, err: srtp.ErrSyntax},
		{line: "1 AES_CM_128_HMAC_SHA1_80 " + inline[:len(inline)-1] + "!", tag: 1, err: srtp.ErrSyntax},
		{line: "1 AEAD_AES_128_GCM " + inline, tag: 1, err: srtp.ErrSyntax},
		{line: "1 AES_CM_128_HMAC_SHA1_80 " + inline + "|2^49", tag: 1, err: srtp.ErrSyntax},
		{line: "1 AES_CM_128_HMAC_SHA1_80 " + inline + "|2^20|1", tag: 1, err: srtp.ErrSyntax},
		{line: "1 AES_CM_128_HMAC_SHA1_80 " + inline + "|1:4|2^20", tag: 1, err: srtp.ErrSyntax},
		{line: "1 AES_CM_128_HMAC_SHA1_80 " + inline + "|2^20|256:1", tag: 1, err: srtp.ErrSyntax},
		{line: "1 AES_CM_128_HMAC_SHA1_80 " + inline + "|2^20|1:0", tag: 1, err: srtp.ErrSyntax},
		{line: "1 AES_CM_128_HMAC_SHA1_80 " + inline + "|2^20|+1:4", tag: 1, err: srtp.ErrSyntax},
		{line: "1 AES_CM_128_HMAC_SHA1_80 " + inline + "|2^20|1:4|x", tag: 1, err: srtp.ErrSyntax},
	} {
		tag, k, err := srtp.ParseCrypto([]byte(tt.line))
		if !errors.Is(err, tt.err) || tag != tt.tag || k.Suite != tt.suite || k.MKI != tt.mki || k.MKILen != tt.mkiLen {
			t.Errorf("%s:\n%d %q MKI %d:%d, %v", tt.line, tag, k.Suite, k.MKI, k.MKILen, err)
		}
		if err != nil && (k != srtp.Key{} || strings.Contains(err.Error(), "d0Rm")) {
			t.Errorf("%s: with an error there is no key, not in the error either: %v", tt.line, err)
		}
	}
}

func TestParseCryptoReadsTheMaterial(t *testing.T) {
	_, k, err := srtp.ParseCrypto([]byte("1 AES_CM_128_HMAC_SHA1_80 " + inline))
	want, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(inline, "inline:"))
	if err != nil || string(k.Material[:30]) != string(want) || k.Material[30] != 0 {
		t.Error("another key than the line's", err)
	}
}

func TestAppendCryptoIsRead(t *testing.T) {
	for _, k := range keysToTry() {
		line := k.AppendCrypto([]byte("a=crypto:"), 7)
		tag, got, err := srtp.ParseCrypto(line[len("a=crypto:"):])
		if err != nil || tag != 7 || got != k {
			t.Errorf("%v: %d, %v", k, tag, err)
		}
	}
}

// FuzzParseCrypto: what is taken is written the same way again.
func FuzzParseCrypto(f *testing.F) {
	f.Add([]byte("1 AES_CM_128_HMAC_SHA1_80 " + inline + "|2^31|1:4 WSH=64 KDR=0"))
	f.Add([]byte("1 AES_CM_128_HMAC_SHA1_32 " + inline + "|1:4;" + inline + " UNENCRYPTED_SRTP"))
	f.Add([]byte("1 AEAD_AES_256_GCM inline:"))
	for _, k := range keysToTry() {
		f.Add(k.AppendCrypto(nil, 1))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		tag, k, err := srtp.ParseCrypto(line)
		if err != nil {
			return
		}
		tag2, k2, err := srtp.ParseCrypto(k.AppendCrypto(nil, tag))
		if err != nil || tag2 != tag || k2 != k {
			t.Fatalf("%q: %d and %d, %v", line, tag, tag2, err)
		}
		if _, err := srtp.NewSender(k, new(srtp.Room)).RTP(nil, rtpPacket(1, 1, 1)); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	})
}
