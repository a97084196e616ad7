package rtp

import (
	"encoding/binary"
	"time"
)

// RTCP packet types and sizes, RFC 3550 6.4.
const (
	senderReport   = 200
	receiverReport = 201
	bye            = 203

	rtcpHead   = 4  // version, count, type, length
	senderInfo = 24 // with the sender's SSRC
	reportSize = 24
	ssrcSize   = 4
)

const (
	keptReports = 4 // sender reports that an answer may still come to
	longestRTT  = 10 * time.Second
	// An answer's delay is told in units of 15 us by another clock: the difference may come out
	// a little below 0.
	rttTolerance = time.Millisecond
)

// passedReport is a sender report that was sent to the party.
type passedReport struct {
	ssrc, middle uint32 // middle 32 bits of its NTP time: what the answer names
	at           int64  // ns; 0: none
}

// roundTrips are the times between us and the party. Standing in the middle, we see the other
// party's sender report pass towards it, and its answer come back (RFC 3550 6.4.1): what lies
// between, less the time that the party says it took, is the way there and back.
type roundTrips struct {
	passed               [keptReports]passedReport
	next                 uint8
	n                    uint32
	last, low, high, sum time.Duration
}

// farView is what the party says of what it gets.
type farView struct {
	known    bool
	fraction uint8  // lost, of 256
	lost     int32  // since its beginning
	jitter   uint32 // RTP units
	clock    uint32 // Hz of what is sent to it; 0: nobody said
}

// rtcpPacket is one of a compound.
type rtcpPacket struct {
	kind  uint8
	count int
	body  []byte // behind the first four bytes, without padding
}

// cut takes the first packet off a compound, RFC 3550 6.4.1 and A.2. It is false where its
// length or count does not fit. Packets that begin with another type than a report are taken
// too (RFC 5506).
func cut(b []byte) (p rtcpPacket, rest []byte, ok bool) {
	if len(b) < rtcpHead || b[0]>>6 != 2 || b[1] < 192 || b[1] > 223 {
		return rtcpPacket{}, nil, false
	}
	size := rtcpHead + 4*int(binary.BigEndian.Uint16(b[2:]))
	if size > len(b) {
		return rtcpPacket{}, nil, false
	}
	p = rtcpPacket{kind: b[1], count: int(b[0] & 0x1f), body: b[rtcpHead:size]}
	rest = b[size:]
	if b[0]&0x20 != 0 {
		padding := int(b[size-1])
		if len(rest) > 0 || padding == 0 || padding%4 != 0 || padding > len(p.body) {
			return rtcpPacket{}, nil, false
		}
		p.body = p.body[:len(p.body)-padding]
	}
	return p, rest, p.fits()
}

// fits reports whether a packet is as long as its count says.
func (p rtcpPacket) fits() bool {
	switch p.kind {
	case senderReport:
		return len(p.body) >= senderInfo+p.count*reportSize
	case receiverReport:
		return len(p.body) >= ssrcSize+p.count*reportSize
	case bye:
		return len(p.body) >= p.count*ssrcSize
	}
	return true
}

// wellFormed reports whether all of a compound can be read.
func wellFormed(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	for len(b) > 0 {
		_, rest, ok := cut(b)
		if !ok {
			return false
		}
		b = rest
	}
	return true
}

// ReceiveRTCP reads what the party sent by RTCP, in clear. It is false where that is malformed;
// nothing of it counts then.
func (s *Stream) ReceiveRTCP(b []byte, at int64) bool {
	if !wellFormed(b) {
		return false
	}
	for len(b) > 0 {
		var p rtcpPacket
		p, b, _ = cut(b)
		switch p.kind {
		case senderReport:
			s.readReports(p, senderInfo, at)
		case receiverReport:
			s.readReports(p, ssrcSize, at)
		case bye:
			s.readBye(p)
		}
	}
	return true
}

// readReports reads the report blocks that begin at an offset. Where there are several, the
// last one stands for what the party gets.
func (s *Stream) readReports(p rtcpPacket, offset int, at int64) {
	for i := range p.count {
		block := p.body[offset+i*reportSize:][:reportSize]
		s.far.known = true
		s.far.fraction = block[4]
		s.far.lost = int32(binary.BigEndian.Uint32(block[4:])<<8) >> 8
		s.far.jitter = binary.BigEndian.Uint32(block[12:])
		s.rtt.answer(block, at)
	}
}

func (s *Stream) readBye(p rtcpPacket) {
	for i := range p.count {
		ssrc := binary.BigEndian.Uint32(p.body[i*ssrcSize:])
		for j := range s.sources {
			if src := &s.sources[j]; src.ssrc == ssrc {
				src.bye = true
			}
		}
	}
}

// answer measures by a report block that answers a report which passed.
func (r *roundTrips) answer(block []byte, at int64) {
	ssrc, middle := binary.BigEndian.Uint32(block), binary.BigEndian.Uint32(block[16:])
	for _, p := range r.passed {
		if p.at == 0 || p.ssrc != ssrc || p.middle != middle {
			continue
		}
		held := time.Duration(uint64(binary.BigEndian.Uint32(block[20:])) * uint64(time.Second) >> 16)
		r.add(time.Duration(at-p.at) - held)
		return
	}
}

func (r *roundTrips) add(rtt time.Duration) {
	if rtt < -rttTolerance || rtt > longestRTT {
		return
	}
	rtt = max(rtt, 0)
	if r.n == 0 || rtt < r.low {
		r.low = rtt
	}
	r.high = max(r.high, rtt)
	r.last = rtt
	r.sum += rtt
	r.n++
}

// report is the times as a Report has them.
func (r *roundTrips) report() RTT {
	if r.n == 0 {
		return RTT{}
	}
	return RTT{Last: r.last, Min: r.low, Avg: r.sum / time.Duration(r.n), Max: r.high, Samples: r.n}
}

// SentRTCP notes what is sent to the party by RTCP (the other party's, as it passes), in clear:
// the party's answer to a sender report tells the round-trip time. hz is the clock rate of what
// is sent to it, the other Stream's Clock.
func (s *Stream) SentRTCP(b []byte, at int64, hz uint32) {
	s.far.clock = hz
	for len(b) > 0 {
		p, rest, ok := cut(b)
		if !ok {
			return
		}
		if p.kind == senderReport {
			s.rtt.passed[s.rtt.next] = passedReport{
				ssrc: binary.BigEndian.Uint32(p.body), middle: binary.BigEndian.Uint32(p.body[6:]), at: at,
			}
			s.rtt.next = (s.rtt.next + 1) % keptReports
		}
		b = rest
	}
}
