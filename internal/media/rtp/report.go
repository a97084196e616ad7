package rtp

import "time"

// Sound is what a party lets the other hear.
type Sound uint8

// The sounds.
const (
	NeverHeard Sound = iota // no packet ever came
	Heard                   // media comes
	OnlyNoise               // packets come, but nothing but comfort noise, RFC 3389
	Stopped                 // packets came, but none for 5 s
)

// String is the sound as the API names it.
func (s Sound) String() string {
	switch s {
	case Heard:
		return "heard"
	case OnlyNoise:
		return "comfort_noise"
	case Stopped:
		return "stopped"
	}
	return "never"
}

// Report is what is known of what one party sends.
type Report struct {
	Packets     uint64 // all that came, duplicates included
	Octets      uint64 // of them, with their RTP headers
	Expected    uint64 // by sequence numbers, RFC 3550 A.3
	Lost        uint64 // of those expected; duplicates do not make up for losses
	LossPercent float64
	Reordered   uint64 // came after one with a higher sequence number
	Duplicates  uint64
	Restarts    uint32 // how often the numbering began anew within an SSRC

	Jitter    time.Duration // RFC 3550 A.8, of the SSRC heard last
	JitterMax time.Duration // the highest at the end of an interval
	Gap       time.Duration // the longest time between two packets
	SkewPPM   float64       // how much faster the party's clock runs than ours, parts per million
	SkewKnown bool          // it was measured for more than 10 s
	RTT       RTT           // between us and the party
	MOS       MOS           // of what comes from the party, here

	PayloadType uint8 // the last one that was media
	Codec       Codec
	Clock       uint32 // Hz
	Digits      string // the last of them, at most 32 ("0-9*#A-D"); may be a PIN: not for logs
	DigitCount  uint32
	Sound       Sound
	Bye         bool   // an RTCP BYE came for the SSRC heard last, and nothing since
	LastHeard   int64  // when the last packet came; 0: never
	SSRCs       uint32 // how many were seen
	SSRC        uint32 // the one heard last
	Sources     [MaxSources]SourceReport
	Far         Far
}

// SourceReport is a Report's part for one SSRC.
type SourceReport struct {
	SSRC     uint32
	Packets  uint64 // 0: no source
	Expected uint64
	Lost     uint64
	Jitter   time.Duration
}

// RTT is round-trip times as RTCP told them.
type RTT struct {
	Last, Min, Avg, Max time.Duration
	Samples             uint32 // 0: unknown
}

// MOS is what listeners would say by ITU-T G.107, 1 to 4.5, over intervals.
type MOS struct {
	Min, Avg, Max float64
	Intervals     uint32 // 0: not known, for want of packets or because the codec has no figures
}

// Far is what the party itself says of what it gets from us, by its last report block.
type Far struct {
	Known       bool
	LossPercent float64 // since its report before
	Lost        int32   // since its beginning
	Jitter      time.Duration
}

// stoppedAfter is how long nothing comes from a party that stopped.
const stoppedAfter = int64(5 * time.Second)

// Report is all that is known at a time.
func (s *Stream) Report(now int64) Report {
	src := s.heardLast()
	r := Report{
		Packets: s.packets, Octets: s.octets, Reordered: s.reordered, Duplicates: s.duplicates, Restarts: s.restarts,
		Jitter: s.jitter(), Gap: time.Duration(s.gap), RTT: s.rtt.report(), MOS: s.mos(),
		PayloadType: s.pt, Codec: s.codec, Clock: src.clock,
		Digits: s.digits.String(), DigitCount: s.digits.count,
		Sound: s.sound(now), Bye: src.bye, LastHeard: s.lastHeard, SSRCs: s.ssrcs, SSRC: src.ssrc,
		Far: s.far.report(),
	}
	expected, got := s.sums()
	r.Expected, r.Lost = expected, lostOf(expected, got)
	r.LossPercent = 100 * lossOf(expected, got)
	r.JitterMax = max(s.ratings.jitterMax, r.Jitter)
	r.SkewPPM, r.SkewKnown = s.drift.ppm()
	for i := range s.sources {
		r.Sources[i] = s.sources[i].report()
	}
	return r
}

func (src *source) report() SourceReport {
	expected, got := src.sums()
	return SourceReport{
		SSRC: src.ssrc, Packets: src.packets, Expected: expected, Lost: lostOf(expected, got),
		Jitter: inTime(src.jitter, jitterScale*src.clock),
	}
}

// sound is what the other party hears at a time.
func (s *Stream) sound(now int64) Sound {
	switch {
	case s.lastHeard == 0:
		return NeverHeard
	case now-s.lastHeard > stoppedAfter:
		return Stopped
	case s.lastMedia == 0 || now-s.lastMedia > stoppedAfter:
		return OnlyNoise
	}
	return Heard
}

// jitter is that of the source heard last.
func (s *Stream) jitter() time.Duration {
	src := s.heardLast()
	return inTime(src.jitter, jitterScale*src.clock)
}

func (f *farView) report() Far {
	return Far{
		Known: f.known, LossPercent: float64(f.fraction) * 100 / 256, Lost: f.lost,
		Jitter: inTime(f.jitter, f.clock),
	}
}

// jitterScale is what jitter is kept times, RFC 3550 A.8.
const jitterScale = 16

// inTime is RTP units of a clock rate as time; 0 where that is not known.
func inTime(units, hz uint32) time.Duration {
	if hz == 0 {
		return 0
	}
	return time.Duration(uint64(units) * uint64(time.Second) / uint64(hz))
}

// lostOf is RFC 3550 A.3, never below 0.
func lostOf(expected, got uint64) uint64 { return expected - min(got, expected) }

// lossOf is the lost fraction.
func lossOf(expected, got uint64) float64 {
	if expected == 0 {
		return 0
	}
	return float64(lostOf(expected, got)) / float64(expected)
}
