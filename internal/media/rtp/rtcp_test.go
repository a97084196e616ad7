package rtp_test

import (
	"encoding/binary"
	"reflect"
	"slices"
	"testing"
	"time"

	"tollgate/internal/media/rtp"
)

// word is a 32-bit number as it stands in RTCP.
func word(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// rtcp is one packet of a compound; its length is counted.
func rtcp(kind byte, count int, body ...[]byte) []byte {
	b := append([]byte{0x80 | byte(count), kind, 0, 0}, slices.Concat(body...)...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)/4-1))
	return b
}

// sr is a sender report without blocks; ntp is its time, RFC 3550 4.
func sr(ssrc uint32, ntp uint64) []byte {
	return rtcp(200, 0, word(ssrc), word(uint32(ntp>>32)), word(uint32(ntp)), word(1), word(2), word(3))
}

// block is a report block, RFC 3550 6.4.1.
func block(ssrc uint32, fraction uint8, lost int32, jitter, lsr, dlsr uint32) []byte {
	return slices.Concat(word(ssrc), word(uint32(fraction)<<24|uint32(lost)&0xffffff), word(99), word(jitter), word(lsr), word(dlsr))
}

// TestRoundTrip takes the example of RFC 3550 6.4.1, figure 2: a report with the NTP time
// b44d:b705:2000:0000 goes out, the answer says LSR b705:2000 and DLSR 0005:4000 (5.25 s), and
// comes 11.375 s after: 6.125 s.
func TestRoundTrip(t *testing.T) {
	var s rtp.Stream
	s.SentRTCP(sr(0x3e8, 0xb44d_b705_2000_0000), 1_000*ms, 8000)
	answer := rtcp(201, 1, word(0x4d2), block(0x3e8, 64, 12, 80, 0xb705_2000, 0x0005_4000))
	if !s.ReceiveRTCP(answer, 1_000*ms+11_375*ms) {
		t.Fatal("not read")
	}
	r := s.Report(20_000 * ms)
	want := rtp.RTT{Last: 6125 * time.Millisecond, Min: 6125 * time.Millisecond, Avg: 6125 * time.Millisecond, Max: 6125 * time.Millisecond, Samples: 1}
	if r.RTT != want {
		t.Errorf("%+v, want %+v", r.RTT, want)
	}
	if f := r.Far; !f.Known || f.LossPercent != 25 || f.Lost != 12 || f.Jitter != 10*time.Millisecond {
		t.Errorf("%+v", f)
	}
}

func TestRoundTrips(t *testing.T) {
	ntp := func(i int) uint64 { return uint64(i) << 32 }
	lsr := func(i int) uint32 { return uint32(i) << 16 }
	for _, c := range []struct {
		name string
		play func(s *rtp.Stream)
		want rtp.RTT
	}{
		{"two answers", func(s *rtp.Stream) {
			s.SentRTCP(sr(9, ntp(1)), 1000*ms, 8000)
			s.SentRTCP(sr(9, ntp(2)), 6000*ms, 8000)
			s.ReceiveRTCP(rtcp(201, 1, word(1), block(9, 0, 0, 0, lsr(1), 1<<16)), 2040*ms)
			s.ReceiveRTCP(rtcp(200, 1, word(1), word(0), word(0), word(0), word(0), word(0), block(9, 0, 0, 0, lsr(2), 0)), 6080*ms)
		}, rtp.RTT{Last: 80 * time.Millisecond, Min: 40 * time.Millisecond, Avg: 60 * time.Millisecond, Max: 80 * time.Millisecond, Samples: 2}},
		{"another SSRC", func(s *rtp.Stream) {
			s.SentRTCP(sr(9, ntp(1)), 1000*ms, 8000)
			s.ReceiveRTCP(rtcp(201, 1, word(1), block(8, 0, 0, 0, lsr(1), 0)), 1040*ms)
		}, rtp.RTT{}},
		{"no report was seen", func(s *rtp.Stream) {
			s.ReceiveRTCP(rtcp(201, 1, word(1), block(0, 0, 0, 0, 0, 0)), 1040*ms)
		}, rtp.RTT{}},
		{"held longer than it took", func(s *rtp.Stream) {
			s.SentRTCP(sr(9, ntp(1)), 1000*ms, 8000)
			s.ReceiveRTCP(rtcp(201, 1, word(1), block(9, 0, 0, 0, lsr(1), 0xffff_ffff)), 1040*ms)
		}, rtp.RTT{}},
		{"held half a millisecond longer", func(s *rtp.Stream) {
			s.SentRTCP(sr(9, ntp(1)), 1000*ms, 8000)
			s.ReceiveRTCP(rtcp(201, 1, word(1), block(9, 0, 0, 0, lsr(1), 1<<16+32)), 2000*ms)
		}, rtp.RTT{Samples: 1}},
		{"an hour later", func(s *rtp.Stream) {
			s.SentRTCP(sr(9, ntp(1)), 1000*ms, 8000)
			s.ReceiveRTCP(rtcp(201, 1, word(1), block(9, 0, 0, 0, lsr(1), 0)), 3_600_000*ms)
		}, rtp.RTT{}},
		{"the report before four others", func(s *rtp.Stream) {
			for i := range 5 {
				s.SentRTCP(sr(9, ntp(i+1)), 1000*ms, 8000)
			}
			s.ReceiveRTCP(rtcp(201, 1, word(1), block(9, 0, 0, 0, lsr(1), 0)), 1040*ms)
		}, rtp.RTT{}},
	} {
		var s rtp.Stream
		c.play(&s)
		if got := s.Report(0).RTT; got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestFarLossIsSigned(t *testing.T) {
	var s rtp.Stream
	s.ReceiveRTCP(rtcp(201, 1, word(1), block(9, 255, -3, 0, 0, 0)), ms)
	if f := s.Report(ms).Far; f.Lost != -3 || f.Jitter != 0 || f.LossPercent < 99 {
		t.Errorf("%+v", f)
	}
}

func TestBye(t *testing.T) {
	r := newRig()
	r.play(0, 0, 1)
	r.ReceiveRTCP(slices.Concat(rtcp(201, 0, word(7)), rtcp(203, 2, word(8), word(7), []byte("\x03bye"))), r.at)
	if !r.report().Bye {
		t.Error("BYE not noted")
	}
	r.play(0, 2)
	if r.report().Bye {
		t.Error("BYE stays although media comes")
	}
}

func TestMalformedRTCP(t *testing.T) {
	good := rtcp(201, 1, word(1), block(9, 128, 5, 0, 0, 0))
	change := func(at int, to byte) []byte {
		b := slices.Clone(good)
		b[at] = to
		return b
	}
	for _, c := range []struct {
		name string
		in   []byte
		ok   bool
	}{
		{"good", good, true},
		{"compound", slices.Concat(good, rtcp(202, 1, word(1), word(0))), true},
		{"XR is passed over", slices.Concat(good, rtcp(207, 0, word(1))), true},
		{"feedback alone, RFC 5506", rtcp(205, 1, word(1), word(2), word(3)), true},
		{"an empty BYE", slices.Concat(good, rtcp(203, 0)), true},
		{"profile extension behind the blocks", rtcp(201, 1, word(1), block(9, 0, 0, 0, 0, 0), word(1)), true},
		{"padding", append(change(0, 0xa1)[:2:2], append([]byte{0, 8}, append(slices.Clone(good[4:]), 0, 0, 0, 4)...)...), true},
		{"nothing", nil, false},
		{"three bytes", good[:3], false},
		{"version 1", change(0, 0x41), false},
		{"type of RTP", change(1, 96), false},
		{"more blocks than bytes", change(0, 0x82), false},
		{"31 blocks", change(0, 0x9f), false},
		{"length beyond the end", change(3, 8), false},
		{"length before the end", change(3, 6), false},
		{"longest length", change(2, 0xff), false},
		{"a sender report as long as a receiver's", change(1, 200), false},
		{"padding of 0", change(0, 0xa1), false},
		{"rubbish behind it", append(slices.Clone(good), 0x80), false},
		{"a good one before a bad one", slices.Concat(good, change(3, 9)), false},
		{"BYE without its SSRC", slices.Concat(rtcp(203, 1)), false},
	} {
		var s rtp.Stream
		if ok := s.ReceiveRTCP(c.in, ms); ok != c.ok {
			t.Errorf("%s: %t", c.name, ok)
		}
		if !c.ok && !reflect.DeepEqual(s, rtp.Stream{}) {
			t.Errorf("%s: something of it counts", c.name)
		}
		s.SentRTCP(c.in, ms, 8000)
	}
}

func TestPaddingWithinCompound(t *testing.T) {
	padded := rtcp(201, 0, word(1), word(4))
	padded[0] |= 0x20
	var s rtp.Stream
	if !s.ReceiveRTCP(padded, ms) || s.ReceiveRTCP(slices.Concat(padded, rtcp(203, 0)), ms) {
		t.Error("padding is for the last packet alone, RFC 3550 6.4.1")
	}
}

func TestRTCPDoesNotAllocate(t *testing.T) {
	var s rtp.Stream
	out := slices.Concat(sr(9, 1<<32), rtcp(202, 1, word(1), word(0)))
	in := slices.Concat(rtcp(201, 1, word(1), block(9, 128, 5, 0, 1<<16, 0)), rtcp(203, 1, word(1)))
	if n := testing.AllocsPerRun(100, func() {
		s.SentRTCP(out, ms, 8000)
		s.ReceiveRTCP(in, 2*ms)
	}); n != 0 {
		t.Errorf("%f allocations", n)
	}
}

func FuzzRTCP(f *testing.F) {
	f.Add(slices.Concat(sr(9, 1<<32), rtcp(202, 1, word(1), word(0))))
	f.Add(slices.Concat(rtcp(201, 1, word(1), block(9, 128, 5, 0, 1<<16, 0)), rtcp(203, 1, word(7))))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := newRig()
		r.play(0, 0, 1)
		r.SentRTCP(b, r.at, 8000)
		r.ReceiveRTCP(b, r.at+ms)
		if rtt := r.report().RTT; rtt.Min < 0 || rtt.Max > 10*time.Second {
			t.Fatalf("%+v", rtt)
		}
	})
}

// FuzzReceive plays numbers, times and types of a party that means no good.
func FuzzReceive(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 1, 1, 0, 1, 0, 1, 13, 200, 200, 3, 1, 101, 0, 9, 2, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := newRig()
		for i := 0; len(b) >= 5; i, b = i+1, b[5:] {
			h := rtp.Header{
				PayloadType: b[0] & 0x7f, Marker: b[0] > 127, Seq: uint16(b[1])<<8 | uint16(b[2]),
				Timestamp: uint32(b[3]) << 24, SSRC: uint32(b[4] % 6),
			}
			r.at += int64(b[3]) * ms
			r.Receive(h, 172, r.at, &r.clocks, b)
			if seed, ok := r.KernelSeed(h.SSRC); ok && b[0]%8 == 0 {
				r.FromKernel(rtp.Delta{SSRC: h.SSRC, Packets: uint64(b[1]), Duplicates: uint64(b[2]), ExtSeq: seed.ExtSeq + uint32(b[4])<<b[0]%24, Arrival: r.at}, r.at)
			}
			if i%10 == 9 {
				r.Tick(r.at)
			}
		}
		g := r.report()
		if g.Lost > g.Expected || g.LossPercent < 0 || g.LossPercent > 100 || g.Jitter < 0 || g.Gap < 0 {
			t.Fatalf("%+v", g)
		}
		if m := g.MOS; m.Intervals > 0 && (m.Min < 1 || m.Max > 4.5 || m.Min > m.Max+0.001) {
			t.Fatalf("%+v", m)
		}
	})
}
