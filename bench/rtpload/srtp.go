package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // it is what RFC 3711 has
	"encoding/base64"
	"encoding/binary"
	"hash"
)

// sealer encrypts one stream, RFC 3711 with AES_CM_128_HMAC_SHA1_80. Sequence numbers do not get
// to their end in the time that a load takes.
type sealer struct {
	key   string // as a=crypto has it
	block cipher.Block
	salt  [14]byte
	mac   hash.Hash
	out   []byte
}

func newSealer() *sealer {
	master := make([]byte, 30)
	_, _ = rand.Read(master)
	s := &sealer{key: base64.StdEncoding.EncodeToString(master)}
	block, err := aes.NewCipher(master[:16])
	if err != nil {
		panic(err) // 16 bytes are a key
	}
	derive := func(label byte, n int) []byte {
		var iv [16]byte
		copy(iv[:], master[16:])
		iv[7] ^= label
		out := make([]byte, n)
		cipher.NewCTR(block, iv[:]).XORKeyStream(out, out)
		return out
	}
	if s.block, err = aes.NewCipher(derive(0, 16)); err != nil {
		panic(err)
	}
	copy(s.salt[:], derive(2, 14))
	s.mac = hmac.New(sha1.New, derive(1, 20))
	return s
}

// seal gives a packet as it is sent; it is valid until the next one.
func (s *sealer) seal(b []byte) []byte {
	var iv [16]byte
	copy(iv[:], s.salt[:])
	for i := range 4 {
		iv[4+i] ^= b[8+i]
	}
	iv[12] ^= b[2]
	iv[13] ^= b[3]
	s.out = append(s.out[:0], b...)
	cipher.NewCTR(s.block, iv[:]).XORKeyStream(s.out[header:], b[header:])
	s.mac.Reset()
	s.mac.Write(s.out)
	s.mac.Write(binary.BigEndian.AppendUint32(nil, 0))
	s.out = s.mac.Sum(s.out)[:len(b)+10]
	return s.out
}
