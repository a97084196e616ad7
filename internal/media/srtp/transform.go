package srtp

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"crypto/subtle"
	"encoding"
	"encoding/binary"
	"hash"
)

// Room is what work on a packet needs, and nothing keeps afterwards: whoever has many Senders and
// Receivers and uses one at a time has one Room for all. It would be allocated for each packet if it
// were on the stack, since it goes through interfaces. The zero value is ready.
//
// The schedules of SRTCP's keys, which are as large as all else that a direction has, are kept here
// for those that were used last: a party sends a packet every few seconds. The schedule of a key that
// is over stays until its place is needed.
type Room struct {
	digest hash.Hash
	bytes  [stateSize]byte // key stream, or a state of digest
	iv     [aes.BlockSize]byte
	nonce  [12]byte
	aad    [12]byte // of RTCP by gcm: head, E and index
	word   [4]byte
	sum    [sha1.Size]byte
	spare  []byte // a copy of a packet that is opened with more than one rollover counter

	tickets   uint64 // how many schedules were made
	schedules []schedule
}

// maxSchedules is how many schedules of SRTCP's keys a Room keeps, of 0.5 to 0.8 KB each. Beyond so
// many parties that send SRTCP at the same time they are made for each packet.
const maxSchedules = 256

// schedule is what is prepared of an SRTCP key. The session that has its ticket is the one it is of.
type schedule struct {
	ticket uint64
	block  cipher.Block
	aead   cipher.AEAD
}

// scheduleOf is the schedule of a ticket, nil where its place was needed for another. 0 is no ticket.
func (r *Room) scheduleOf(ticket uint64) *schedule {
	if n := ticket % maxSchedules; ticket != 0 && r.schedules[n].ticket == ticket {
		return &r.schedules[n]
	}
	return nil
}

// keep gives the oldest schedule's place to a new one.
func (r *Room) keep(s schedule) *schedule {
	if r.schedules == nil {
		r.schedules = make([]schedule, maxSchedules)
	}
	r.tickets++
	s.ticket = r.tickets
	place := &r.schedules[s.ticket%maxSchedules]
	*place = s
	return place
}

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
	session
	block cipher.Block // of RTP
	mac   mac
	salt  [14]byte
	tag   uint8
}

// session is what both modes keep of a key. That of RTP keeps the key's schedule, too; that of RTCP has
// it in the room.
type session struct {
	room   *Room
	key    []byte // of RTCP
	ticket uint64 // of RTCP: of its schedule
	mki    []byte
	rtcp   bool
}

// prepared is the schedule of SRTCP's key; aead: that of gcm.
func (s *session) prepared(aead bool) *schedule {
	if kept := s.room.scheduleOf(s.ticket); kept != nil {
		return kept
	}
	made := schedule{block: mustAES(s.key)}
	if aead {
		made = schedule{aead: mustGCM(made.block)}
	}
	kept := s.room.keep(made)
	s.ticket = kept.ticket
	return kept
}

func (c *counterMode) cipher() cipher.Block {
	if c.block != nil {
		return c.block
	}
	return c.prepared(false).block
}

func (c *counterMode) overhead() int {
	n := len(c.mki) + int(c.tag)
	if c.rtcp {
		n += wordSize
	}
	return n
}

func (c *counterMode) seal(out []byte, h int, ssrc uint32, index uint64) []byte {
	c.xor(out[h:], out[h:], ssrc, index)
	tag := c.authenticate(out, indexWord(index, c.rtcp))
	if c.rtcp {
		out = append(out, c.room.word[:]...)
	}
	out = append(out, c.mki...)
	return append(out, tag...)
}

func (c *counterMode) open(out, packet []byte, h int, ssrc uint32, index uint64) error {
	signed, trailer := packet[:len(out)], packet[len(out):]
	if c.rtcp {
		trailer = trailer[wordSize:]
	}
	tag := c.authenticate(signed, indexWord(index, c.rtcp))
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

// authenticate is the tag of b and a word, which it leaves in its room. For RTP and RTCP alike the
// word comes last (RFC 3711 4.2).
func (c *counterMode) authenticate(b []byte, word uint32) []byte {
	binary.BigEndian.PutUint32(c.room.word[:], word)
	return c.mac.sum(c.room, b, c.room.word[:])[:c.tag]
}

// xor writes src XOR the key stream of RFC 3711 4.1.1 to dst. cipher.NewCTR
// would do the same and allocate for each packet.
func (c *counterMode) xor(dst, src []byte, ssrc uint32, index uint64) {
	block, iv, stream := c.cipher(), c.room.iv[:], c.room.bytes[:]
	clear(iv)
	copy(iv, c.salt[:])
	mixIndex(iv[4:14], ssrc, index)
	for counter := 0; len(src) > 0; {
		n := min(len(src), len(stream))
		for i := 0; i < n; i += aes.BlockSize {
			binary.BigEndian.PutUint16(iv[14:], uint16(counter))
			block.Encrypt(stream[i:], iv)
			counter++
		}
		subtle.XORBytes(dst, src[:n], stream[:n])
		dst, src = dst[n:], src[n:]
	}
}

// mac is HMAC-SHA1 (RFC 2104) with a key: what the digest's state is when it has read the key's
// inner and outer block. hash.Hash of crypto/hmac would keep ten times as much.
type mac struct{ inner, outer [sha1.Size]byte }

// The state of a digest as crypto/sha1 marshals it: a mark, five words, a block that is not full, and
// how many bytes were read.
const (
	stateMark = "sha\x01"
	stateSize = len(stateMark) + sha1.Size + sha1.BlockSize + 8
	wordSize  = 4
)

func newMAC(key []byte) (m mac) {
	for pad, state := range map[byte]*[sha1.Size]byte{0x36: &m.inner, 0x5c: &m.outer} {
		var block [sha1.BlockSize]byte
		copy(block[:], key)
		for i := range block {
			block[i] ^= pad
		}
		digest := sha1.New()
		digest.Write(block[:])
		text, err := digest.(encoding.BinaryMarshaler).MarshalBinary()
		if err != nil || len(text) != stateSize {
			panic("srtp: the state of a digest is not as expected")
		}
		copy(state[:], text[len(stateMark):])
	}
	return m
}

// sum is that of two pieces of a text.
func (m *mac) sum(r *Room, text, end []byte) []byte {
	r.resume(&m.inner)
	r.digest.Write(text)
	r.digest.Write(end)
	inner := r.digest.Sum(r.sum[:0])
	r.resume(&m.outer)
	r.digest.Write(inner)
	return r.digest.Sum(r.sum[:0])
}

// resume has the digest go on from where it had read one block.
func (r *Room) resume(state *[sha1.Size]byte) {
	if r.digest == nil {
		r.digest = sha1.New()
	}
	clear(r.bytes[:])
	copy(r.bytes[:], stateMark)
	copy(r.bytes[len(stateMark):], state[:])
	r.bytes[stateSize-1] = sha1.BlockSize
	if err := r.digest.(encoding.BinaryUnmarshaler).UnmarshalBinary(r.bytes[:]); err != nil {
		panic("srtp: " + err.Error()) // never: newMAC has made the state
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
	session
	aead cipher.AEAD // of RTP
	salt [12]byte
}

// gcmTag is how long a tag is, in bytes.
const gcmTag = 16

func (g *gcm) cipher() cipher.AEAD {
	if g.aead != nil {
		return g.aead
	}
	return g.prepared(true).aead
}

func (g *gcm) overhead() int {
	n := gcmTag + len(g.mki)
	if g.rtcp {
		n += 4
	}
	return n
}

func (g *gcm) seal(out []byte, h int, ssrc uint32, index uint64) []byte {
	g.nonceOf(ssrc, index)
	body := g.cipher().Seal(out[h:h], g.room.nonce[:], out[h:], g.aadOf(out[:h], index))
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
	sealed := packet[h : len(out)+gcmTag]
	if _, err := g.cipher().Open(out[h:h], g.room.nonce[:], sealed, g.aadOf(packet[:h], index)); err != nil {
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
	g.room.nonce = g.salt
	mixIndex(g.room.nonce[2:], ssrc, index)
}

// aadOf is what is authenticated and not encrypted: RFC 7714 8.2, 9.2.
func (g *gcm) aadOf(head []byte, index uint64) []byte {
	if !g.rtcp {
		return head
	}
	copy(g.room.aad[:8], head)
	binary.BigEndian.PutUint32(g.room.aad[8:], indexWord(index, true))
	return g.room.aad[:]
}
