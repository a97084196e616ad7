package srtp

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"hash"
)

// transform is a suite with its session keys, for RTP or for RTCP.
//
// Both kinds of packets look alike to it: a head of h bytes that stays
// readable, a body, and a 48-bit index, which is ROC and sequence number for
// RTP and the 31-bit SRTCP index for RTCP.
type transform interface {
	// overhead is how many bytes longer a protected packet is.
	overhead() int
	// seal protects out, which has room for the overhead behind it.
	seal(out []byte, h int, ssrc uint32, index uint64) []byte
	// open writes the packet that packet protects to out, which is overhead
	// bytes shorter and may begin where packet does. On ErrAuth out holds
	// nothing of use; counterMode has not touched it then, gcm has.
	open(out, packet []byte, h int, ssrc uint32, index uint64) error
	// indexIn is the word with E flag and index in a protected RTCP packet.
	indexIn(packet []byte) uint32
}

// encrypted is the E flag before an SRTCP index, RFC 3711 3.4.
const encrypted = 1 << 31

// indexWord is what is authenticated of an index besides the head: the ROC of
// RTP, which is on no wire, and E flag and index of RTCP, which are.
func indexWord(index uint64, rtcp bool) uint32 {
	if rtcp {
		return encrypted | uint32(index)
	}
	return uint32(index >> 16)
}

// counterMode is AES-CM with HMAC-SHA1: RFC 3711 4.1.1, 4.2.1, RFC 6188.
//
//	RTP:  head | body encrypted | MKI | tag           (and the ROC in the tag)
//	RTCP: head | body encrypted | E, index | MKI | tag
type counterMode struct {
	block cipher.Block
	mac   hash.Hash
	salt  [14]byte
	tag   int
	mki   []byte
	rtcp  bool

	// Room that would be allocated for each packet if it were on the stack:
	// it goes through interfaces.
	iv     [aes.BlockSize]byte
	stream [8 * aes.BlockSize]byte
	word   [4]byte
	sum    [sha1.Size]byte
}

func (c *counterMode) overhead() int {
	n := len(c.mki) + c.tag
	if c.rtcp {
		n += len(c.word)
	}
	return n
}

func (c *counterMode) seal(out []byte, h int, ssrc uint32, index uint64) []byte {
	c.xor(out[h:], out[h:], ssrc, index)
	binary.BigEndian.PutUint32(c.word[:], indexWord(index, c.rtcp))
	tag := c.authenticate(out)
	if c.rtcp {
		out = append(out, c.word[:]...)
	}
	out = append(out, c.mki...)
	return append(out, tag...)
}

func (c *counterMode) open(out, packet []byte, h int, ssrc uint32, index uint64) error {
	signed, trailer := packet[:len(out)], packet[len(out):]
	if c.rtcp {
		trailer = trailer[len(c.word):]
	}
	binary.BigEndian.PutUint32(c.word[:], indexWord(index, c.rtcp))
	tag := c.authenticate(signed)
	mki, got := trailer[:len(c.mki)], trailer[len(c.mki):]
	if subtle.ConstantTimeCompare(tag, got) != 1 || !bytes.Equal(mki, c.mki) {
		return ErrAuth
	}
	copy(out[:h], packet[:h])
	c.xor(out[h:], signed[h:], ssrc, index)
	return nil
}

func (c *counterMode) indexIn(packet []byte) uint32 {
	return binary.BigEndian.Uint32(packet[len(packet)-c.overhead():])
}

// authenticate is the tag of b and c.word. For RTP and RTCP alike the word
// comes last (RFC 3711 4.2).
func (c *counterMode) authenticate(b []byte) []byte {
	c.mac.Reset()
	c.mac.Write(b)
	c.mac.Write(c.word[:])
	return c.mac.Sum(c.sum[:0])[:c.tag]
}

// xor writes src XOR the key stream of RFC 3711 4.1.1 to dst. cipher.NewCTR
// would do the same and allocate for each packet.
func (c *counterMode) xor(dst, src []byte, ssrc uint32, index uint64) {
	c.iv = [aes.BlockSize]byte{}
	copy(c.iv[:], c.salt[:])
	mixIndex(c.iv[4:14], ssrc, index)
	for counter := 0; len(src) > 0; {
		n := min(len(src), len(c.stream))
		for i := 0; i < n; i += aes.BlockSize {
			binary.BigEndian.PutUint16(c.iv[14:], uint16(counter))
			c.block.Encrypt(c.stream[i:], c.iv[:])
			counter++
		}
		subtle.XORBytes(dst, src[:n], c.stream[:n])
		dst, src = dst[n:], src[n:]
	}
}

// mixIndex XORs SSRC and index into the 10 bytes where both modes have them.
func mixIndex(iv []byte, ssrc uint32, index uint64) {
	var b [10]byte
	binary.BigEndian.PutUint64(b[2:], index)
	binary.BigEndian.PutUint32(b[:], ssrc)
	subtle.XORBytes(iv, iv, b[:])
}

// gcm is AES-GCM, RFC 7714.
//
//	RTP:  head | body encrypted, tag | MKI
//	RTCP: head | body encrypted, tag | E, index | MKI
type gcm struct {
	aead cipher.AEAD
	salt [12]byte
	mki  []byte
	rtcp bool

	nonce [12]byte
	aad   [12]byte // of RTCP: head, E and index
}

func (g *gcm) overhead() int {
	n := g.aead.Overhead() + len(g.mki)
	if g.rtcp {
		n += 4
	}
	return n
}

func (g *gcm) seal(out []byte, h int, ssrc uint32, index uint64) []byte {
	g.nonceOf(ssrc, index)
	body := g.aead.Seal(out[h:h], g.nonce[:], out[h:], g.aadOf(out[:h], index))
	out = out[:h+len(body)]
	if g.rtcp {
		out = binary.BigEndian.AppendUint32(out, indexWord(index, true))
	}
	return append(out, g.mki...)
}

func (g *gcm) open(out, packet []byte, h int, ssrc uint32, index uint64) error {
	end := len(packet) - len(g.mki)
	if !bytes.Equal(packet[end:], g.mki) {
		return ErrAuth
	}
	g.nonceOf(ssrc, index)
	sealed := packet[h : len(out)+g.aead.Overhead()]
	if _, err := g.aead.Open(out[h:h], g.nonce[:], sealed, g.aadOf(packet[:h], index)); err != nil {
		return ErrAuth
	}
	copy(out[:h], packet[:h])
	return nil
}

func (g *gcm) indexIn(packet []byte) uint32 {
	return binary.BigEndian.Uint32(packet[len(packet)-len(g.mki)-4:])
}

// nonceOf is the IV of RFC 7714 8.1 and 9.1.
func (g *gcm) nonceOf(ssrc uint32, index uint64) {
	g.nonce = g.salt
	mixIndex(g.nonce[2:], ssrc, index)
}

// aadOf is what is authenticated and not encrypted: RFC 7714 8.2, 9.2.
func (g *gcm) aadOf(head []byte, index uint64) []byte {
	if !g.rtcp {
		return head
	}
	copy(g.aad[:8], head)
	binary.BigEndian.PutUint32(g.aad[8:], indexWord(index, true))
	return g.aad[:]
}
