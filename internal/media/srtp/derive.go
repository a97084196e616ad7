package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
)

// Labels of RFC 3711 4.3.1. Those of SRTCP (4.3.2) are three higher.
const (
	labelCipher byte = iota
	labelAuth
	labelSalt
	labelsOfRTCP
)

// derive fills out with the session key of a label: the AES-CM PRF of RFC 3711
// 4.3.3, with a key derivation rate of 0, under the master key in block. A
// salt of 12 bytes is padded on the right (RFC 7714 11).
func derive(block cipher.Block, salt []byte, label byte, out []byte) {
	iv := make([]byte, aes.BlockSize)
	copy(iv, salt)
	iv[7] ^= label // RFC 3711 4.3.1: label is the byte above a 48-bit index of 0
	cipher.NewCTR(block, iv).XORKeyStream(out, out)
}

// newTransform derives the session keys of one kind of packets. k is usable.
func newTransform(k Key, rtcp bool, room *Room) transform {
	master := mustAES(k.master())
	label := byte(0)
	if rtcp {
		label = labelsOfRTCP
	}
	key := make([]byte, k.Suite.KeyLen())
	derive(master, k.salt(), label+labelCipher, key)
	now := session{room: room, mki: k.mki(), rtcp: rtcp}
	if rtcp {
		now.key = key
	}
	if k.Suite.numbers().aead {
		g := &gcm{session: now}
		if !rtcp {
			g.aead = mustGCM(mustAES(key))
		}
		derive(master, k.salt(), label+labelSalt, g.salt[:])
		return g
	}
	c := &counterMode{session: now, tag: uint8(k.Suite.TagLen())}
	if rtcp {
		c.tag = 10 // RFC 4568 6.2.2, RFC 6188 4: never 4
	} else {
		c.block = mustAES(key)
	}
	derive(master, k.salt(), label+labelSalt, c.salt[:])
	var auth [sha1.Size]byte
	derive(master, k.salt(), label+labelAuth, auth[:])
	c.mac = newMAC(auth[:])
	return c
}

// mustAES takes a key of a length that a Suite gave.
func mustAES(key []byte) cipher.Block {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("srtp: " + err.Error())
	}
	return block
}

func mustGCM(block cipher.Block) cipher.AEAD {
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("srtp: " + err.Error())
	}
	return aead
}
