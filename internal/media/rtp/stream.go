package rtp

import "time"

// MaxSources is how many SSRCs a Stream keeps apart. What comes from more replaces the one
// with the fewest packets, which then counts in the sums only.
const MaxSources = 4

// Stream is what one party sends on one stream. The zero value is ready. It has no lock.
type Stream struct {
	sources []source // at most MaxSources, each with its first packet; most parties have one
	current uint8    // the source heard last
	pt      uint8    // the last payload type that was media
	codec   Codec    // its codec
	ssrcs   uint32   // how many were seen

	packets, octets       uint64
	reordered, duplicates uint64
	restarts              uint32
	paused                bool
	goneExpected, goneGot uint64 // of sources that were replaced

	lastHeard int64 // ns; 0: never
	lastMedia int64 // the last packet that was no comfort noise, ns; 0: none
	gap       int64 // the longest, ns

	digits  digits
	drift   drift
	ratings ratings
	rtt     roundTrips
	far     farView
}

// State is what a program in the kernel starts from when it takes an SSRC over.
type State struct {
	ExtSeq    uint32 // the highest sequence number, RFC 3550 A.1: cycles above, number below
	Transit   uint32 // of the last packet, RTP units: Units(arrival) minus timestamp
	Jitter    uint32 // RTP units x 16, RFC 3550 A.8
	Timestamp uint32 // of the last packet
	Clock     uint32 // Hz, of all figures in RTP units
	Arrival   int64  // of the last packet, ns
}

// Delta is what a program in the kernel saw of one SSRC since it was asked the last time.
type Delta struct {
	SSRC       uint32
	Packets    uint64 // since the last time
	Octets     uint64 // since the last time, with RTP headers
	Reordered  uint64 // since the last time
	Duplicates uint64 // since the last time; they are among Packets
	ExtSeq     uint32 // the highest now, continued from State.ExtSeq
	Transit    uint32 // of the last packet, as in State
	Jitter     uint32 // now, RTP units x 16
	Timestamp  uint32 // of the last packet
	Gap        int64  // the longest between two packets, ns: since it began or since the last time
	Arrival    int64  // of the last packet, ns
}

// Units is a time in RTP units of a clock rate, modulo 2^32.
func Units(at int64, hz uint32) uint32 {
	const second = uint64(time.Second)
	return uint32(uint64(at)/second*uint64(hz) + uint64(at)%second*uint64(hz)/second)
}

// Receive counts a packet that came from the party: its header, its size with header in
// bytes, when it came, what its payload types are, and its payload without padding, which
// is looked at for digits only.
func (s *Stream) Receive(h Header, size int, at int64, c *Clocks, payload []byte) {
	src := s.source(h.SSRC)
	codec := c.Name(h.PayloadType)
	s.packets++
	s.octets += uint64(size)
	s.hear(src, h.PayloadType, codec, at)
	if src.packets++; src.packets == 1 {
		src.begin(h.Seq)
	} else {
		switch src.place(h.Seq) {
		case late:
			s.reordered++
		case duplicate:
			s.duplicates++
			return
		case stray:
			return
		case restarted:
			s.restarts++
			src.hadEvent = false
		}
	}
	src.arrival, src.bye = at, false
	if codec == TelephoneEvent {
		// An event's packets all bear the time it began: they say nothing of jitter.
		s.digits.take(src, h, payload)
		return
	}
	if codec != ComfortNoise {
		s.pt, s.codec = h.PayloadType, codec
	}
	if !src.arrive(h.Timestamp, at, c.Of(h.PayloadType)) {
		s.drift.forget()
	}
	s.drift.note(src, at)
}

// hear notes when something came. While a program in the kernel has the stream, what comes
// here in between does not know when the packet before it came.
func (s *Stream) hear(src *source, pt uint8, codec Codec, at int64) {
	if src.inKernel && pt == s.pt {
		src.inKernel = false
	}
	if s.lastHeard != 0 && !s.paused && !src.inKernel {
		s.gap = max(s.gap, at-s.lastHeard)
	}
	s.lastHeard, s.paused = at, false
	if codec != ComfortNoise {
		s.lastMedia = at
	}
}

// source finds an SSRC, or gives it the place of the one with the fewest packets.
func (s *Stream) source(ssrc uint32) *source {
	least := 0
	for i := range s.sources {
		src := &s.sources[i]
		if src.ssrc == ssrc {
			s.current = uint8(i)
			return src
		}
		if src.packets < s.sources[least].packets {
			least = i
		}
	}
	s.ssrcs++
	begun := source{ssrc: ssrc, next: noSeq}
	if len(s.sources) < MaxSources {
		s.sources = append(s.sources, begun)
		s.current = uint8(len(s.sources) - 1)
		return &s.sources[s.current]
	}
	src := &s.sources[least]
	expected, got := src.sums()
	s.goneExpected += expected
	s.goneGot += got
	*src, s.current = begun, uint8(least)
	return src
}

// heardLast is the source heard last; the zero one where nothing came yet.
func (s *Stream) heardLast() source {
	if len(s.sources) == 0 {
		return source{}
	}
	return s.sources[s.current]
}

// FromKernel merges what was counted in the kernel; at is when it was read. An SSRC that was
// not seeded counts too, its losses before the first Delta do not.
func (s *Stream) FromKernel(d Delta, at int64) {
	if d.Packets == 0 {
		return
	}
	if d.Arrival <= 0 || d.Arrival > at {
		d.Arrival = at
	}
	src := s.source(d.SSRC)
	if !src.fromKernel(d, d.Arrival) {
		s.drift.forget()
	}
	src.inKernel, src.bye = true, false
	s.packets += d.Packets
	s.octets += d.Octets
	s.reordered += d.Reordered
	s.duplicates += d.Duplicates
	s.gap = max(s.gap, d.Gap)
	s.lastHeard = max(s.lastHeard, d.Arrival)
	s.lastMedia = max(s.lastMedia, d.Arrival)
	s.paused = false
	if src.clock != 0 {
		s.drift.note(src, d.Arrival)
	}
}

// KernelSeed is what a program in the kernel continues from for an SSRC; false: none such,
// or nothing but digits came of it so far.
func (s *Stream) KernelSeed(ssrc uint32) (State, bool) {
	for i := range s.sources {
		src := &s.sources[i]
		if src.ssrc == ssrc && src.timed {
			src.inKernel = true
			return State{
				ExtSeq: src.ext, Transit: src.transit, Jitter: src.jitter,
				Timestamp: src.timestamp, Clock: src.clock, Arrival: src.arrival,
			}, true
		}
	}
	return State{}, false
}

// Pause says that silence is in order from now on (hold): the time until the next packet
// is no gap.
func (s *Stream) Pause() { s.paused = true }

// Clock is the clock rate of the media that the party sends, Hz; 0: nothing came.
func (s *Stream) Clock() uint32 { return s.heardLast().clock }

// SSRC is the one heard last; 0: none.
func (s *Stream) SSRC() uint32 { return s.heardLast().ssrc }

// sums are the packets that a source's numbers stand for and the different ones that came.
func (src *source) sums() (expected, got uint64) {
	if src.packets == 0 {
		return 0, 0
	}
	return uint64(src.earlierExpected) + uint64(src.expected()), uint64(src.earlierGot) + uint64(src.got)
}

// sums are those of all sources.
func (s *Stream) sums() (expected, got uint64) {
	expected, got = s.goneExpected, s.goneGot
	for i := range s.sources {
		e, g := s.sources[i].sums()
		expected += e
		got += g
	}
	return expected, got
}
