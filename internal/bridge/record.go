package bridge

import (
	"encoding/binary"

	"tollgate/internal/media/srtp"
	"tollgate/sdp"
)

// recordVersion is the first byte of a session's record in the journal.
//
//	version, who made the last offer
//	by side: hash and version of what it was told
//	number of streams; each, by side: profile, rtcp-mux, tag, two keys
//	what the engine keeps
//
// Which payload types were listed the next descriptions say again.
const recordVersion = 1

// Append appends a session as the journal keeps it; nothing where there is none.
func (s *Session) Append(dst []byte, m Media) []byte {
	if s.id == 0 {
		return dst
	}
	w := binary.BigEndian
	dst = append(dst, recordVersion, byte(s.offerer))
	for _, t := range s.told {
		dst = w.AppendUint32(w.AppendUint64(dst, t.hash), t.version)
	}
	streams := s.streams
	if s.pending.before != nil {
		streams = s.pending.before
	}
	dst = append(dst, byte(len(streams)))
	for i := range streams {
		st := &streams[i]
		for side := range 2 {
			mux := byte(0)
			if st.mux[side] {
				mux = 1
			}
			dst = append(dst, byte(st.profile[side]), mux, st.tag[side])
			dst = appendKey(appendKey(dst, st.in[side]), st.out[side])
		}
	}
	return m.Append(dst, s.id)
}

// Restore takes a session of before a restart, for the call that is owner now.
func (s *Session) Restore(m Media, data []byte, owner uint64) error {
	if len(data) == 0 {
		return nil
	}
	r := reader{b: data}
	if r.byte() != recordVersion {
		return errNoSession
	}
	s.offerer = offerer(r.byte())
	for i := range s.told {
		s.told[i] = told{binary.BigEndian.Uint64(r.take(8)), binary.BigEndian.Uint32(r.take(4))}
	}
	s.streams = make([]stream, min(r.byte(), MaxStreams))
	for i := range s.streams {
		st := &s.streams[i]
		for side := range 2 {
			st.profile[side], st.mux[side], st.tag[side] = sdp.Profile(r.byte()), r.byte() == 1, r.byte()
			st.in[side], st.out[side] = r.key(), r.key()
		}
	}
	if r.bad || s.offerer > 2 {
		return errNoSession
	}
	s.agreed, s.settled = true, true // only calls that are up are kept
	var err error
	s.id, err = m.Restore(r.b, owner)
	return err
}

func appendKey(dst []byte, k srtp.Key) []byte {
	dst = append(dst, byte(k.Suite))
	if k.Suite == srtp.None {
		return dst
	}
	dst = binary.BigEndian.AppendUint64(append(dst, k.MKILen), k.MKI)
	return append(dst, k.Material[:]...)
}

// reader reads a record; after a fault all it gives is zero.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.bad, r.b = true, nil
		return make([]byte, n)
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) byte() byte { return r.take(1)[0] }

func (r *reader) key() (k srtp.Key) {
	if k.Suite = srtp.Suite(r.byte()); k.Suite != srtp.None {
		k.MKILen, k.MKI = r.byte(), binary.BigEndian.Uint64(r.take(8))
		copy(k.Material[:], r.take(len(k.Material)))
	}
	return k
}
