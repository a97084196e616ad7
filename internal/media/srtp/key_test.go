package srtp_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"tollgate/internal/media/srtp"
)

func TestSuites(t *testing.T) {
	for suite, want := range map[srtp.Suite]struct {
		name           string
		key, salt, tag int
	}{
		srtp.None:               {},
		srtp.AESCM128HMACSHA180: {"AES_CM_128_HMAC_SHA1_80", 16, 14, 10},
		srtp.AESCM128HMACSHA132: {"AES_CM_128_HMAC_SHA1_32", 16, 14, 4},
		srtp.AES256CMHMACSHA180: {"AES_256_CM_HMAC_SHA1_80", 32, 14, 10},
		srtp.AES256CMHMACSHA132: {"AES_256_CM_HMAC_SHA1_32", 32, 14, 4},
		srtp.AEADAES128GCM:      {"AEAD_AES_128_GCM", 16, 12, 16},
		srtp.AEADAES256GCM:      {"AEAD_AES_256_GCM", 32, 12, 16},
		srtp.Suite(200):         {},
	} {
		if suite.String() != want.name || suite.KeyLen() != want.key || suite.SaltLen() != want.salt || suite.TagLen() != want.tag {
			t.Errorf("%d: %q %d %d %d, want %v", suite, suite, suite.KeyLen(), suite.SaltLen(), suite.TagLen(), want)
		}
	}
}

func TestNewKeysDiffer(t *testing.T) {
	for _, suite := range suites {
		a, b := srtp.NewKey(suite), srtp.NewKey(suite)
		n := suite.KeyLen() + suite.SaltLen()
		if a == b || bytes.Count(a.Material[:n], []byte{0}) > 8 || bytes.Count(a.Material[n:], []byte{0}) != len(a.Material)-n {
			t.Errorf("%s: not random, or not as long as it should be", suite)
		}
	}
}

// holder has a Key where fmt, json and slog can ask it.
type holder struct {
	Name string
	Key  srtp.Key
	Ptr  *srtp.Key
}

func TestKeyIsNeverShown(t *testing.T) {
	for _, suite := range suites {
		k := srtp.NewKey(suite)
		for i := range suite.KeyLen() + suite.SaltLen() {
			k.Material[i] = 0xA7 // 167 in decimal, and nothing else has it
		}
		h := holder{Name: "leg", Key: k, Ptr: &k}
		var out strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b", "%T"} {
			for _, value := range []any{k, &k, h, &h, []srtp.Key{k}, map[string]srtp.Key{"a": k}, srtp.NewSender(k, new(srtp.Room)), srtp.NewReceiver(k, new(srtp.Room))} {
				fmt.Fprintf(&out, verb+"\n", value)
			}
		}
		fmt.Fprintln(&out, k, errors.New(k.String()), h)
		for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(handler).Info("key", "key", k, "ptr", &k, "holder", h, "keys", []srtp.Key{k}, "sender", srtp.NewSender(k, new(srtp.Room)))
		}
		for _, value := range []any{k, &k, h, map[string]any{"k": k}, srtp.NewSender(k, new(srtp.Room)), srtp.NewReceiver(k, new(srtp.Room))} {
			if err := json.NewEncoder(&out).Encode(value); err != nil {
				t.Fatal(err)
			}
		}
		if b, err := xml.Marshal(k); err != nil || !bytes.Contains(b, []byte(suite.String())) {
			t.Errorf("xml: %q, %v", b, err)
		}
		shown := strings.ToLower(out.String())
		three := []byte{0xA7, 0xA7, 0xA7}
		for _, secret := range []string{"167 167", "167,167", "167, 167", "0xa7", hex.EncodeToString(three), base64.StdEncoding.EncodeToString(three), "10100111", "247 247", string(three)} {
			if strings.Contains(shown, strings.ToLower(secret)) {
				t.Errorf("%s: shows %q", suite, secret)
			}
		}
		if !strings.Contains(shown, strings.ToLower(suite.String())) {
			t.Errorf("%s: the suite is not shown", suite)
		}
	}
}

// FuzzKeyOfAFile: a Key with any content protects, or refuses; no panic.
func FuzzKeyOfAFile(f *testing.F) {
	f.Add(byte(1), byte(0), uint64(0))
	f.Add(byte(6), byte(9), uint64(1))
	f.Add(byte(3), byte(1), uint64(256))
	f.Fuzz(func(t *testing.T, suite, mkiLen byte, mki uint64) {
		k := srtp.Key{Suite: srtp.Suite(suite), MKILen: mkiLen, MKI: mki}
		packet := rtpPacket(1, 1, 20)
		wire, err := srtp.NewSender(k, new(srtp.Room)).RTP(nil, packet)
		if err != nil {
			if !errors.Is(err, srtp.ErrUnsupported) {
				t.Fatal(err)
			}
			for _, receive := range []func(dst, packet []byte) ([]byte, error){srtp.NewReceiver(k, new(srtp.Room)).RTP, srtp.NewReceiver(k, new(srtp.Room)).RTCP, srtp.NewSender(k, new(srtp.Room)).RTCP} {
				if _, err := receive(nil, packet); !errors.Is(err, srtp.ErrUnsupported) {
					t.Fatal(err)
				}
			}
			return
		}
		if got, err := srtp.NewReceiver(k, new(srtp.Room)).RTP(nil, wire); err != nil || !bytes.Equal(got, packet) {
			t.Fatal(got, err)
		}
	})
}
