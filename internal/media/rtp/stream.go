package rtp

// MaxSources is how many SSRCs a Stream keeps apart.
const MaxSources = 4

// Stream is what one party sends on one stream. The zero value is ready.
type Stream struct{}

// State is what a program in the kernel starts from when it takes an SSRC over.
type State struct {
	ExtSeq    uint32 // the highest sequence number, RFC 3550 A.1: cycles above, number below
	Transit   uint32 // of the last packet, RTP units: arrival (Units) minus timestamp
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
	Duplicates uint64 // since the last time; among Packets
	ExtSeq     uint32 // the highest now, continued from State.ExtSeq
	Transit    uint32 // now, as in State
	Jitter     uint32 // now, RTP units x 16
	Timestamp  uint32 // of the last packet
	Gap        int64  // the longest between two packets, ns, since it began or since the last time
	Arrival    int64  // of the last packet, ns; 0: none came
}

// Units is a time in RTP units of a clock rate, modulo 2^32, as Transit is counted.
func Units(at int64, hz uint32) uint32 {
	const second = 1_000_000_000
	return uint32(uint64(at/second)*uint64(hz) + uint64(at%second)*uint64(hz)/second)
}

// Receive counts a packet that came from the party: its header, its size with header in
// bytes, when it came, and its payload without padding, which is looked at for digits only.
func (s *Stream) Receive(h Header, size int, at int64, c *Clocks, payload []byte) {}

// FromKernel merges what was counted in the kernel. An SSRC that was not seeded is counted too.
func (s *Stream) FromKernel(d Delta, at int64) {}

// KernelSeed is what a program in the kernel continues from for an SSRC; false: none such.
func (s *Stream) KernelSeed(ssrc uint32) (State, bool) { return State{}, false }

// Pause says that silence is in order from now on (hold): the time until the next packet
// is no gap.
func (s *Stream) Pause() {}

// Clock is the clock rate of what the party sends, Hz; 0: nothing came.
func (s *Stream) Clock() uint32 { return 0 }

// SSRC is the one heard last.
func (s *Stream) SSRC() uint32 { return 0 }

// ReceiveRTCP reads what the party sent by RTCP, in clear. It is false where that is malformed;
// nothing of it counts then.
func (s *Stream) ReceiveRTCP(b []byte, at int64) bool { return false }

// SentRTCP notes what is sent to the party by RTCP (the other party's, as it passes), in clear:
// its answer to a sender report tells the round-trip time. hz is the clock rate of what is sent
// to it: the other Stream's Clock.
func (s *Stream) SentRTCP(b []byte, at int64, hz uint32) {}

// Tick ends an interval of MOS and skew; to be called every 5 s.
func (s *Stream) Tick(at int64) {}

// Report is all that is known at a time.
func (s *Stream) Report(now int64) Report { return Report{} }
