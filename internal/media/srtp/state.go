package srtp

import (
	"encoding/binary"
	"fmt"
)

// A state is a number of streams and, for each, in bytes:
//
//	SSRC 4 | what has begun 1 | highest RTP index (ROC, seq) 6 | SRTCP index 4
//
// It says nothing secret. The stream that was silent longest comes first.
const streamState = 4 + 1 + 6 + 4

// stateLead is how far a restored Sender's SRTCP index leaps: what was sent
// between the last state and the end of the process must not be sent again,
// and 2^31 has room for 2^15 restarts.
const stateLead = 1 << 16

const (
	begunRTP byte = 1 << iota
	begunRTCP
)

// AppendState appends what Restore takes, at most 121 bytes. A state is good
// for the next 32,767 packets of each SSRC (11 minutes at 50 a second): with
// an older one, a rollover in between would go unnoticed.
func (s *Sender) AppendState(dst []byte) []byte { return s.streams.appendState(dst) }

// Restore takes the state of the Sender that had this key before a restart.
// What it had sent until then is refused from now on. The error is ErrState;
// the Sender has not changed then.
func (s *Sender) Restore(b []byte) error {
	if err := s.streams.restore(b); err != nil {
		return err
	}
	for i := range s.streams.list {
		if t := &s.streams.list[i].rtcp; t.begun {
			t.high = min(t.high+stateLead, maxRTCPIndex)
		}
	}
	return nil
}

// AppendState appends what Restore takes, at most 121 bytes.
func (r *Receiver) AppendState(dst []byte) []byte { return r.streams.appendState(dst) }

// Restore takes the state of the Receiver that had this key before a restart.
// What that had received is refused from now on. The state may be up to two
// rollovers old: see RTP. The error is ErrState; the Receiver has not changed
// then.
func (r *Receiver) Restore(b []byte) error { return r.streams.restore(b) }

func (t *streams) appendState(dst []byte) []byte {
	dst = append(dst, byte(len(t.list)))
	after := uint64(0)
	for range t.list {
		s := t.nextUsed(after)
		after = s.used
		begun := byte(0)
		if s.rtp.begun {
			begun |= begunRTP
		}
		if s.rtcp.begun {
			begun |= begunRTCP
		}
		dst = binary.BigEndian.AppendUint32(dst, s.ssrc)
		dst = append(dst, begun)
		dst = binary.BigEndian.AppendUint32(dst, uint32(s.rtp.high>>16))
		dst = binary.BigEndian.AppendUint16(dst, uint16(s.rtp.high))
		dst = binary.BigEndian.AppendUint32(dst, uint32(s.rtcp.high))
	}
	return dst
}

// nextUsed is the stream that was used first of those used after a time.
func (t *streams) nextUsed(after uint64) *stream {
	var next *stream
	for i := range t.list {
		s := &t.list[i]
		if s.used > after && (next == nil || s.used < next.used) {
			next = s
		}
	}
	return next
}

func (t *streams) restore(b []byte) error {
	if len(b) == 0 || b[0] > maxStreams || len(b) != 1+int(b[0])*streamState {
		return fmt.Errorf("%w: %d bytes", ErrState, len(b))
	}
	var restored streams
	for b = b[1:]; len(b) > 0; b = b[streamState:] {
		ssrc, begun := binary.BigEndian.Uint32(b), b[4]
		rtp := uint64(binary.BigEndian.Uint32(b[5:]))<<16 | uint64(binary.BigEndian.Uint16(b[9:]))
		rtcp := uint64(binary.BigEndian.Uint32(b[11:]))
		if begun > begunRTP|begunRTCP || rtcp > maxRTCPIndex || restored.find(ssrc) != nil {
			return fmt.Errorf("%w: a stream", ErrState)
		}
		s := restored.use(ssrc)
		if begun&begunRTP != 0 {
			s.rtp = trackUpTo(rtp)
		}
		if begun&begunRTCP != 0 {
			s.rtcp = trackUpTo(rtcp)
		}
	}
	*t = restored
	return nil
}

// trackUpTo has seen everything up to index: what was received within the
// window is not stored, and none of it must come twice.
func trackUpTo(index uint64) track {
	return track{high: index, seen: [2]uint64{^uint64(0), ^uint64(0)}, begun: true}
}
