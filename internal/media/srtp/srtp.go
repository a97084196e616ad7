// Package srtp protects RTP and RTCP of one direction of a call, and opens
// what is protected, with keys that SDP carries (SDES).
//
//	RTP:   V=2, CC, M, PT, seq, timestamp, SSRC, CSRCs, extension | payload
//	SRTP:  the same head                  | payload, encrypted | MKI? | tag
//	RTCP:  8 bytes with the first SSRC    | everything else
//	SRTCP: the same 8 bytes | all else, encrypted | E, index | MKI? | tag
//
// A Sender or a Receiver is made for a Key and lives as long as that key is in
// use: over a re-INVITE the caller keeps it while the Key is equal, because a
// new one would begin its rollover counters at 0 again, out of step with the
// other side, and would encrypt twice with one key stream. A new Key is a new
// Sender.
//
// Nothing is sent twice under one index: a Sender refuses a packet of an SSRC
// and sequence number that it has had, for its key stream would be used twice
// (RFC 3711 9.1; with GCM that gives away the key of the tags, RFC 7714 13.2).
//
// Not its job: sockets, which suite is chosen, where keys are stored, telling
// RTP from RTCP. Calls with a key derivation rate, with encrypted header
// extensions (RFC 6904, RFC 9335) and unprotected parts are not made.
//
// RFC 3711, RFC 4568 (SDES), RFC 6188 (AES-256), RFC 7714 (GCM).
package srtp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// What a packet, an a=crypto line or a stored state is refused with.
var (
	ErrShort       = errors.New("srtp: not a whole packet")
	ErrAuth        = errors.New("srtp: wrong authentication tag")
	ErrReplay      = errors.New("srtp: packet had before, or too old to tell")
	ErrSpent       = errors.New("srtp: the key has no index left")
	ErrUnsupported = errors.New("srtp: not supported")
	ErrSyntax      = errors.New("srtp: malformed a=crypto")
	ErrState       = errors.New("srtp: malformed state")
)

// Overhead is the most that protection adds to a packet, in bytes: tag, SRTCP
// index and MKI.
const Overhead = 16 + 4 + maxMKILen

// Sender protects the packets of one direction. Calls are not concurrent, nor with those of others
// that share its Room: the caller holds a lock.
type Sender struct {
	rtp, rtcp transform // nil for a Key that cannot be used
	streams   streams
}

// NewSender makes a Sender. For a Key that cannot be used, such as one of no
// suite, it is one that refuses every packet with ErrUnsupported.
func NewSender(k Key, room *Room) *Sender {
	if !k.usable() {
		return &Sender{}
	}
	return &Sender{rtp: newTransform(k, false, room), rtcp: newTransform(k, true, room)}
}

// RTP appends the SRTP packet of an RTP packet to dst. It allocates where dst
// has no room, and for an SSRC that is new.
//
// packet and the end of dst may be the same memory, beginning at the same
// byte: RTP(buf[:0], buf[:n]) works in place in a buf with Overhead bytes of
// room behind n. Otherwise they must not overlap.
//
// Errors are ErrShort, ErrReplay for a sequence number that was sent or is
// more than 127 behind, ErrSpent and ErrUnsupported; dst is returned as it
// was.
func (s *Sender) RTP(dst, packet []byte) ([]byte, error) {
	if s.rtp == nil {
		return dst, ErrUnsupported
	}
	h := rtpHead(packet)
	if h == 0 {
		return dst, ErrShort
	}
	ssrc := binary.BigEndian.Uint32(packet[8:])
	t := &s.streams.use(ssrc).rtp
	index, ok := t.guess(binary.BigEndian.Uint16(packet[2:]))
	if !ok {
		return dst, ErrSpent
	}
	if t.has(index) {
		return dst, ErrReplay
	}
	t.mark(index)
	return protect(s.rtp, dst, packet, h, ssrc, index), nil
}

// RTCP appends the SRTCP packet of a compound RTCP packet to dst; as RTP does
// otherwise, but that it allocates where the Room has forgotten the schedule of the key.
func (s *Sender) RTCP(dst, packet []byte) ([]byte, error) {
	if s.rtcp == nil {
		return dst, ErrUnsupported
	}
	if !isRTCP(packet) {
		return dst, ErrShort
	}
	ssrc := binary.BigEndian.Uint32(packet[4:])
	t := &s.streams.use(ssrc).rtcp
	index := uint64(0) // RFC 3711 3.4: 0 before the first packet
	if t.begun {
		index = t.high + 1
	}
	if index > maxRTCPIndex {
		return dst, ErrSpent
	}
	t.mark(index)
	return protect(s.rtcp, dst, packet, rtcpHead, ssrc, index), nil
}

func protect(t transform, dst, packet []byte, h int, ssrc uint32, index uint64) []byte {
	dst = slices.Grow(dst, len(packet)+t.overhead())
	start := len(dst)
	out := dst[start : start+len(packet) : cap(dst)]
	copy(out, packet)
	out = t.seal(out, h, ssrc, index)
	return dst[:start+len(out)]
}

// Format says what it is: no key material is printed by mistake.
func (s *Sender) Format(f fmt.State, _ rune) { io.WriteString(f, "srtp.Sender") } //nolint:errcheck // fmt's own writer

// Receiver opens the packets of one direction. Calls are not concurrent, nor with those of others
// that share its Room: the caller holds a lock.
type Receiver struct {
	rtp, rtcp transform // nil for a Key that cannot be used
	streams   streams
}

// NewReceiver makes a Receiver. For a Key that cannot be used, such as one of
// no suite, it is one that refuses every packet with ErrUnsupported.
func NewReceiver(k Key, room *Room) *Receiver {
	if !k.usable() {
		return &Receiver{}
	}
	return &Receiver{rtp: newTransform(k, false, room), rtcp: newTransform(k, true, room)}
}

// RTP appends the RTP packet that is in an SRTP packet to dst. It allocates
// where dst has no room, and for an SSRC that is new.
//
// The first packet of an SSRC here, and the first after Restore, may be up to
// two rollovers behind what is known: the tag says which.
//
// packet and the end of dst may be the same memory, beginning at the same
// byte: RTP(buf[:0], buf[:n]) works in place. Otherwise they must not overlap.
//
// Errors are ErrShort, ErrAuth, ErrReplay (it was had, or is more than 127
// behind), ErrSpent and ErrUnsupported; none changes any state. dst is returned as it was, but what
// lies behind its length may be overwritten, which is packet itself in place.
func (r *Receiver) RTP(dst, packet []byte) ([]byte, error) {
	if r.rtp == nil {
		return dst, ErrUnsupported
	}
	h := rtpHead(packet)
	n := len(packet) - r.rtp.overhead()
	if h == 0 || n < h {
		return dst, ErrShort
	}
	dst = slices.Grow(dst, n)
	out := dst[len(dst) : len(dst)+n]
	ssrc, seq := binary.BigEndian.Uint32(packet[8:]), binary.BigEndian.Uint16(packet[2:])
	var t track
	if s := r.streams.find(ssrc); s != nil {
		t = s.rtp
	}
	index, err := r.openRTP(t, out, packet, h, ssrc, seq)
	if err != nil {
		return dst, err
	}
	r.streams.use(ssrc).rtp.mark(index)
	return dst[:len(dst)+n], nil
}

// openRTP opens a packet and says its index.
func (r *Receiver) openRTP(t track, out, packet []byte, h int, ssrc uint32, seq uint16) (uint64, error) {
	if !t.sure {
		return r.openUnsure(t, out, packet, h, ssrc, seq)
	}
	index, ok := t.guess(seq)
	if !ok {
		return 0, ErrSpent
	}
	if t.has(index) {
		return 0, ErrReplay
	}
	return index, r.rtp.open(out, packet, h, ssrc, index)
}

// rollovers is how many rollover counters are tried where none is sure.
const rollovers = 3

// openUnsure tries the rollover counter that is known last and those after it.
// That is safe: the tag covers the counter. The first packet of an SSRC may be
// behind a rollover, when those before it were lost or came before the key.
func (r *Receiver) openUnsure(t track, out, packet []byte, h int, ssrc uint32, seq uint16) (uint64, error) {
	if g, clears := r.rtp.(*gcm); clears {
		g.room.spare = append(g.room.spare[:0], packet...)
		packet = g.room.spare
	}
	refused := ErrAuth
	for i := range uint64(rollovers) {
		index := (t.high>>16+i)<<16 | uint64(seq)
		if t.has(index) {
			refused = ErrReplay // unless it is of a later rollover
			continue
		}
		if index <= maxRTPIndex && r.rtp.open(out, packet, h, ssrc, index) == nil {
			return index, nil
		}
	}
	return 0, refused
}

// RTCP appends the RTCP packet that is in an SRTCP packet to dst; as RTP does
// otherwise. A packet that says it is not encrypted is ErrAuth: that was not
// agreed on.
func (r *Receiver) RTCP(dst, packet []byte) ([]byte, error) {
	if r.rtcp == nil {
		return dst, ErrUnsupported
	}
	n := len(packet) - r.rtcp.overhead()
	if !isRTCP(packet) || n < rtcpHead {
		return dst, ErrShort
	}
	ssrc := binary.BigEndian.Uint32(packet[4:])
	word := r.rtcp.indexIn(packet)
	if word&encrypted == 0 {
		return dst, ErrAuth
	}
	index := uint64(word &^ encrypted)
	if s := r.streams.find(ssrc); s != nil && s.rtcp.has(index) {
		return dst, ErrReplay
	}
	dst = slices.Grow(dst, n)
	if err := r.rtcp.open(dst[len(dst):len(dst)+n], packet, rtcpHead, ssrc, index); err != nil {
		return dst, err
	}
	r.streams.use(ssrc).rtcp.mark(index)
	return dst[:len(dst)+n], nil
}

// Format says what it is: no key material is printed by mistake.
func (r *Receiver) Format(f fmt.State, _ rune) { io.WriteString(f, "srtp.Receiver") } //nolint:errcheck // fmt's own writer

// rtcpHead is how much of RTCP stays readable, in bytes: RFC 3711 3.4.
const rtcpHead = 8

func isRTCP(b []byte) bool { return len(b) >= rtcpHead && b[0]>>6 == 2 }

// rtpHead is the length of an RTP packet's fixed header, CSRCs and extension
// (RFC 3550 5.1), in bytes; 0 for what is no RTP or not all there.
func rtpHead(b []byte) int {
	if len(b) < 12 || b[0]>>6 != 2 {
		return 0
	}
	h := 12 + 4*int(b[0]&0x0f)
	if b[0]&0x10 != 0 {
		if len(b) < h+4 {
			return 0
		}
		h += 4 + 4*int(binary.BigEndian.Uint16(b[h+2:]))
	}
	if len(b) < h {
		return 0
	}
	return h
}
