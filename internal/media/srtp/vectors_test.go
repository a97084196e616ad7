package srtp

import (
	"bytes"
	"crypto/aes"
	"encoding/hex"
	"strings"
	"testing"
)

// The vectors of the RFCs begin at session keys, which only the inside has.

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestKeyDerivation: RFC 3711 B.3 and RFC 6188 7.2.
func TestKeyDerivation(t *testing.T) {
	for _, tt := range []struct {
		name, master, salt          string
		wantKey, wantSalt, wantAuth string
	}{
		{
			name:     "RFC 3711 B.3",
			master:   "E1F97A0D3E018BE0D64FA32C06DE4139",
			salt:     "0EC675AD498AFEEBB6960B3AABE6",
			wantKey:  "C61E7A93744F39EE10734AFE3FF7A087",
			wantSalt: "30CBBC08863D8C85D49DB34A9AE1",
			wantAuth: `CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA48F0A0ACF3C34E2359E6CDBCE
				E049646C43D9327AD175578EF7227098 6371C10C9A369AC2F94A8C5FBCDDDC25
				6D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2`,
		},
		{
			name:     "RFC 6188 7.2",
			master:   "f0f04914b513f2763a1b1fa130f10e29 98f6f6e43e4309d1e622a0e332b9f1b6",
			salt:     "3b04803de51ee7c96423ab5b78d2",
			wantKey:  "5ba1064e30ec51613cad926c5a28ef73 1ec7fb397f70a960653caf06554cd8c4",
			wantSalt: "fa31791685ca444a9e07c6c64e93",
			wantAuth: "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			block, err := aes.NewCipher(unhex(t, tt.master))
			if err != nil {
				t.Fatal(err)
			}
			for label, want := range map[byte]string{labelCipher: tt.wantKey, labelSalt: tt.wantSalt, labelAuth: tt.wantAuth} {
				got := make([]byte, len(unhex(t, want)))
				derive(block, unhex(t, tt.salt), label, got)
				if !bytes.Equal(got, unhex(t, want)) {
					t.Errorf("label %d: %x, want %s", label, got, want)
				}
			}
		})
	}
}

// TestCounterModeKeyStream: RFC 3711 B.2 and RFC 6188 7.1, SSRC and index 0.
func TestCounterModeKeyStream(t *testing.T) {
	for _, tt := range []struct{ name, key, want string }{
		{
			"RFC 3711 B.2", "2B7E151628AED2A6ABF7158809CF4F3C",
			"E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0",
		},
		{
			"RFC 6188 7.1", "57f82fe3613fd170a85ec93c40b1f092 2ec4cb0dc025b58272147cc438944a98",
			"92bdd28a93c3f52511c677d08b5515a4 9da71b2378a854f67050756ded165bac 63c4868b7096d88421b563b8c94c9a31",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &counterMode{session: session{room: new(Room)}, block: mustAES(unhex(t, tt.key))}
			copy(c.salt[:], unhex(t, "F0F1F2F3F4F5F6F7F8F9FAFBFCFD"))
			got := make([]byte, 48)
			c.xor(got, got, 0, 0)
			if !bytes.Equal(got, unhex(t, tt.want)) {
				t.Errorf("%x, want %s", got, tt.want)
			}
		})
	}
}

// TestCounterModeFarBlocks: RFC 3711 B.2 gives the blocks around 0xff00, too;
// they show that the counter is 16 bits and lies behind the index.
func TestCounterModeFarBlocks(t *testing.T) {
	c := &counterMode{session: session{room: new(Room)}, block: mustAES(unhex(t, "2B7E151628AED2A6ABF7158809CF4F3C"))}
	copy(c.salt[:], unhex(t, "F0F1F2F3F4F5F6F7F8F9FAFBFCFD"))
	got := make([]byte, 0xff02*16)
	c.xor(got, got, 0, 0)
	want := unhex(t, "EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE 6A2CC3787889374FBEB4C81B17BA6C44")
	if !bytes.Equal(got[0xfeff*16:], want) {
		t.Errorf("%x, want %x", got[0xfeff*16:], want)
	}
}

// TestGCM: RFC 7714 16.1.1, 16.2.1, 17.1 and 17.2, both directions.
func TestGCM(t *testing.T) {
	const (
		key  = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
		rtp  = "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573"
		rtcp = `81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
			deadbeef deadbeef deadbeef deadbeef deadbeef`
	)
	for _, tt := range []struct {
		name        string
		keyLen      int
		rtcp        bool
		h           int
		ssrc        uint32
		index       uint64
		plain, want string
	}{
		{"128 RTP", 16, false, 12, 0x5501a0b2, 0xf17b, rtp, `8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca
			be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce`},
		{"256 RTP", 32, false, 12, 0x5501a0b2, 0xf17b, rtp, `8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa
			b1801238 9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13`},
		{"128 RTCP", 16, true, 8, 0x4d617273, 0x5d4, rtcp, `81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7
			6c06f32d c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4`},
		{"256 RTCP", 32, true, 8, 0x4d617273, 0x5d4, rtcp, `81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d
			bffe0a50 a2eaa5c1 110555be 8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := &gcm{session: session{room: new(Room), rtcp: tt.rtcp}, aead: mustGCM(mustAES(unhex(t, key)[:tt.keyLen]))}
			copy(g.salt[:], unhex(t, "517569642070726f2071756f"))
			plain, want := unhex(t, tt.plain), unhex(t, tt.want)
			room := append(make([]byte, 0, 128), plain...)
			if got := g.seal(room, tt.h, tt.ssrc, tt.index); !bytes.Equal(got, want) {
				t.Fatalf("sealed %x, want %x", got, want)
			}
			out := make([]byte, len(plain))
			if err := g.open(out, want, tt.h, tt.ssrc, tt.index); err != nil || !bytes.Equal(out, plain) {
				t.Fatalf("opened %x, %v", out, err)
			}
		})
	}
}
