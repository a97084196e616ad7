package media

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"tollgate/internal/media/rtp"
	"tollgate/internal/media/srtp"
)

// recordVersion is the first byte of a session's record. A record is what a restart needs so that
// media goes on, on the same ports; it holds keys. Numbers are big endian, addresses as
// netip.AddrPort has them in binary, and what varies begins with its length.
//
//	version, emergency, number of streams
//	each: its number, two sides
//	a side: flags (open, known); if open: our address (16 bytes, IPv4 mapped), port
//	  if known: RTP, RTCP, said, flags of the party, way of latching, payloads, clocks, keys,
//	  rank, source, source of RTCP, states of SRTP
//
// What was counted begins anew.
const recordVersion = 1

// Flags of a side and of its party.
const (
	sideOpen = 1 << iota
	sideKnown
)

const (
	partyMux = 1 << iota
	partySends
	partyReceives
	partyRTP
)

// Append appends what Restore takes to have a session again after a restart; nothing where there
// is no such session.
func (e *Engine) Append(dst []byte, id ID) []byte {
	s := e.session(id)
	if s == nil {
		return dst
	}
	defer s.mu.Unlock()
	dst = append(dst, recordVersion, flag(s.emergency, 1), 0)
	count := len(dst) - 1
	for n, st := range s.streams {
		if st == nil || st.sides[0].port == 0 && st.sides[1].port == 0 {
			continue
		}
		dst[count]++
		dst = append(dst, byte(n))
		for i := range st.sides {
			dst = st.sides[i].append(dst)
		}
	}
	return dst
}

func flag(set bool, bit byte) byte {
	if set {
		return bit
	}
	return 0
}

func (p *side) append(dst []byte) []byte {
	dst = append(dst, flag(p.port != 0, sideOpen)|flag(p.known, sideKnown))
	if p.port != 0 {
		bind := p.bind.As16()
		dst = binary.BigEndian.AppendUint16(append(dst, bind[:]...), p.port)
	}
	if !p.known {
		return dst
	}
	q := &p.party
	dst = appendAddr(appendAddr(appendAddr(dst, q.RTP), q.RTCP), p.said)
	dst = append(dst, flag(q.Mux, partyMux)|flag(q.Sends, partySends)|flag(q.Receives, partyReceives)|flag(q.RTPStream, partyRTP), byte(q.Latch))
	dst = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, q.Payloads[0]), q.Payloads[1])
	dst = appendKey(appendKey(appendClocks(dst, &q.Clocks), q.In), q.Out)
	dst = appendAddr(appendAddr(append(dst, byte(p.latch.rank)), p.latch.source), p.control)
	var state [2][]byte
	if p.in != nil {
		state[0] = p.in.AppendState(nil)
	}
	if p.out != nil {
		state[1] = p.out.AppendState(nil)
	}
	for _, b := range state {
		dst = append(binary.BigEndian.AppendUint16(dst, uint16(len(b))), b...)
	}
	return dst
}

func appendAddr(dst []byte, a netip.AddrPort) []byte {
	at := len(dst)
	dst, _ = a.AppendBinary(append(dst, 0)) // has no error to give
	dst[at] = byte(len(dst) - at - 1)
	return dst
}

func appendKey(dst []byte, k srtp.Key) []byte {
	if dst = append(dst, byte(k.Suite)); k.Suite == srtp.None {
		return dst
	}
	dst = binary.BigEndian.AppendUint64(append(dst, k.MKILen), k.MKI)
	return append(dst, k.Material[:]...)
}

// appendClocks appends the payload types that are not what nobody described: each with its codec
// and its clock rate.
func appendClocks(dst []byte, c *rtp.Clocks) []byte {
	var none rtp.Clocks
	dst = append(dst, 0)
	at := len(dst) - 1
	for pt := range uint8(128) {
		if c.Of(pt) != none.Of(pt) || c.Name(pt) != none.Name(pt) {
			dst[at]++
			dst = binary.BigEndian.AppendUint32(append(dst, pt, byte(c.Name(pt))), c.Of(pt))
		}
	}
	return dst
}

// Restore opens a session again: on the same ports, with what was learnt. Errors as of Stream,
// and ErrRecord.
func (e *Engine) Restore(data []byte, owner uint64) (ID, error) {
	r := &reader{b: data}
	if version := r.byte(); version != recordVersion {
		return 0, fmt.Errorf("%w: version %d", ErrRecord, version)
	}
	id, err := e.Open(owner, r.byte() != 0)
	if err != nil {
		return 0, err
	}
	s := e.session(id)
	if s == nil {
		return 0, ErrGone
	}
	err = e.restore(s, r)
	s.mu.Unlock()
	if err != nil {
		e.Shut(id)
		return 0, err
	}
	return id, nil
}

func (e *Engine) restore(s *session, r *reader) error {
	for range r.byte() {
		n := int(r.byte())
		if r.failed || n >= MaxStreams || s.streams[n] != nil {
			return ErrRecord
		}
		st := e.stream(s, n)
		for i := range st.sides {
			if err := e.restoreSide(s, n, Side(i), r); err != nil {
				return err
			}
		}
	}
	if r.failed || len(r.b) != 0 {
		return ErrRecord
	}
	return nil
}

func (e *Engine) restoreSide(s *session, n int, side Side, r *reader) error {
	p := &s.streams[n].sides[side]
	flags := r.byte()
	if flags&sideOpen != 0 {
		at, port := netip.AddrFrom16([16]byte(r.take(16))).Unmap(), r.uint16()
		if r.failed || port == 0 {
			return ErrRecord
		}
		if err := e.openPorts(s, n, side, at, port); err != nil {
			return err
		}
	}
	if flags&sideKnown == 0 {
		return nil
	}
	party, said := r.party()
	k := rank(r.byte())
	source, control := r.addr(), r.addr()
	states := [2][]byte{r.take(int(r.uint16())), r.take(int(r.uint16()))}
	if r.failed || k > rankExact || (k == rankNone) == source.IsValid() {
		return ErrRecord
	}
	p.describe(party, e.now(), e.window, &s.loop.room)
	p.said, p.control = said, control
	p.latch.rank, p.latch.source = k, source
	if k != rankNone {
		p.latch.until = e.now() // it was learnt before
	}
	return p.restoreStates(states)
}

func (p *side) restoreStates(states [2][]byte) error {
	if p.in != nil {
		if err := p.in.Restore(states[0]); err != nil {
			return fmt.Errorf("%w: %w", ErrRecord, err)
		}
	}
	if p.out != nil {
		if err := p.out.Restore(states[1]); err != nil {
			return fmt.Errorf("%w: %w", ErrRecord, err)
		}
	}
	return nil
}

// reader takes a record apart. After its end it gives zeros, and failed is set.
type reader struct {
	b      []byte
	failed bool
}

func (r *reader) take(n int) []byte {
	if len(r.b) < n {
		r.failed, r.b = true, nil
		return make([]byte, n)
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) byte() byte     { return r.take(1)[0] }
func (r *reader) uint16() uint16 { return binary.BigEndian.Uint16(r.take(2)) }
func (r *reader) uint64() uint64 { return binary.BigEndian.Uint64(r.take(8)) }

func (r *reader) addr() (a netip.AddrPort) {
	b := r.take(int(r.byte()))
	if len(b) == 0 {
		return a
	}
	r.failed = r.failed || a.UnmarshalBinary(b) != nil || a.Addr().Zone() != ""
	return a
}

func (r *reader) party() (q Party, said netip.AddrPort) {
	q.RTP, q.RTCP, said = r.addr(), r.addr(), r.addr()
	flags := r.byte()
	q.Mux, q.Sends = flags&partyMux != 0, flags&partySends != 0
	q.Receives, q.RTPStream = flags&partyReceives != 0, flags&partyRTP != 0
	q.Latch = Latch(r.byte())
	r.failed = r.failed || q.Latch > Handover
	q.Payloads = [2]uint64{r.uint64(), r.uint64()}
	for range r.byte() {
		pt, codec := r.byte(), rtp.Codec(r.byte())
		q.Clocks.Set(pt, binary.BigEndian.Uint32(r.take(4)))
		q.Clocks.SetName(pt, codec.String())
	}
	q.In, q.Out = r.key(), r.key()
	return q, said
}

func (r *reader) key() (k srtp.Key) {
	if k.Suite = srtp.Suite(r.byte()); k.Suite == srtp.None {
		return k
	}
	k.MKILen, k.MKI = r.byte(), r.uint64()
	copy(k.Material[:], r.take(len(k.Material)))
	r.failed = r.failed || k.Suite > srtp.AEADAES256GCM || k.MKILen > 8
	return k
}
