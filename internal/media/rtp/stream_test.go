package rtp_test

import (
	"math"
	"strings"
	"testing"
	"time"
	"unsafe"

	"tollgate/internal/media/rtp"
)

const ms = int64(time.Millisecond)

// rig is a Stream that packets come to, 20 ms apart where nothing else is said.
type rig struct {
	rtp.Stream
	clocks rtp.Clocks
	at     int64
}

func newRig() *rig {
	r := &rig{at: 1_000_000 * ms}
	r.clocks.SetEvent(101)
	r.clocks.Set(96, 48000)
	r.clocks.SetName(96, "opus")
	return r
}

// come receives a PCMU packet 20 ms after the one before.
func (r *rig) come(ssrc uint32, seq uint16) {
	r.at += 20 * ms
	r.packet(0, ssrc, seq, uint32(r.at/ms)*8)
}

func (r *rig) packet(pt uint8, ssrc uint32, seq uint16, timestamp uint32) {
	r.Receive(rtp.Header{PayloadType: pt, SSRC: ssrc, Seq: seq, Timestamp: timestamp, Payload: 12}, 172, r.at, &r.clocks, nil)
}

// play receives packets by a pattern: numbers relative to first.
func (r *rig) play(first uint16, numbers ...int) {
	for _, n := range numbers {
		r.come(7, first+uint16(n))
	}
}

func (r *rig) report() rtp.Report { return r.Report(r.at) }

func span(from, to int) []int {
	var out []int
	for i := from; i < to; i++ {
		out = append(out, i)
	}
	return out
}

func TestOrder(t *testing.T) {
	type want struct{ packets, expected, lost, reordered, duplicates, restarts int }
	for _, c := range []struct {
		name    string
		numbers []int
		want    want
	}{
		{"one", []int{0}, want{1, 1, 0, 0, 0, 0}},
		{"in order", span(0, 50), want{50, 50, 0, 0, 0, 0}},
		{"two lost", []int{0, 1, 3, 4, 6}, want{5, 7, 2, 0, 0, 0}},
		{"swapped", []int{0, 2, 1, 3}, want{4, 4, 0, 1, 0, 0}},
		{"first late", []int{1, 0, 2}, want{3, 3, 0, 1, 0, 0}},
		{"twice", []int{0, 1, 1, 2, 2, 2}, want{6, 3, 0, 0, 3, 0}},
		{"late twice", []int{0, 2, 1, 1, 3}, want{5, 4, 0, 1, 1, 0}},
		{"twice does not hide a loss", []int{0, 1, 1, 3}, want{4, 4, 1, 0, 1, 0}},
		{"far behind, but late", append(span(0, 90), -9), want{91, 99, 8, 1, 0, 0}},
		{"2999 ahead is a loss", []int{0, 2999}, want{2, 3000, 2998, 0, 0, 0}},
		{"one stray", []int{0, 1, 20000, 2, 3}, want{5, 4, 0, 0, 0, 0}},
		{"two strays apart", []int{0, 20000, 1, 20001, 2}, want{5, 3, 0, 0, 0, 0}},
		{"numbering anew", []int{0, 1, 3, 20000, 20001, 20002}, want{6, 7, 1, 0, 0, 1}},
		{"numbering anew backwards", []int{1000, 1001, 0, 1, 3}, want{5, 6, 1, 0, 0, 1}},
		{"numbering anew, swapped", []int{0, 20000, 20001, 20003, 20002}, want{5, 5, 0, 1, 0, 1}},
	} {
		for _, first := range []uint16{0, 1, 30000, 65530, 65535} { // most of them across a wrap
			r := newRig()
			r.play(first, c.numbers...)
			g := r.report()
			got := want{int(g.Packets), int(g.Expected), int(g.Lost), int(g.Reordered), int(g.Duplicates), int(g.Restarts)}
			if got != c.want {
				t.Errorf("%s from %d: %+v, want %+v", c.name, first, got, c.want)
			}
		}
	}
}

func TestManyWraps(t *testing.T) {
	r := newRig()
	for i := range 300_000 {
		if i%100 != 99 {
			r.come(7, uint16(i))
		}
	}
	if g := r.report(); g.Expected != 299_999 || g.Lost != 2_999 || math.Abs(g.LossPercent-1) > 0.01 {
		t.Errorf("%d expected, %d lost, %f %%", g.Expected, g.Lost, g.LossPercent)
	}
}

// TestJitter computes RFC 3550 A.8 by hand: at 8000 Hz packets of 160 units come 0, 20, 45, 60
// and 80 ms after the first. D = 0, 40, 40, 0 units; J (times 16) = 0, 40, 40-3+40 = 77, and
// 77-5 = 72: 4.5 units, 0.5625 ms.
func TestJitter(t *testing.T) {
	r := newRig()
	start := r.at
	for i, after := range []int64{0, 20, 45, 60, 80} {
		r.at = start + after*ms
		r.packet(0, 7, uint16(i), uint32(i)*160-320) // timestamps wrap, too
	}
	if g := r.report(); g.Jitter != 562500*time.Nanosecond {
		t.Errorf("jitter %v", g.Jitter)
	}
}

// TestSteadyJitter: packets that come 5 ms early and late in turn change their transit time by
// 10 ms each time, so that is where J ends.
func TestSteadyJitter(t *testing.T) {
	for _, c := range []struct {
		pt   uint8
		unit uint32 // of 20 ms
	}{{0, 160}, {96, 960}} {
		r := newRig()
		start := r.at
		for i := range 500 {
			r.at = start + int64(i)*20*ms + int64(i%2)*10*ms
			r.packet(c.pt, 7, uint16(i), uint32(i)*c.unit)
		}
		if g := r.report(); (g.Jitter - 10*time.Millisecond).Abs() > 200*time.Microsecond {
			t.Errorf("type %d: jitter %v", c.pt, g.Jitter)
		}
	}
}

func TestClockSetAnewIsNoJitter(t *testing.T) {
	r := newRig()
	r.play(0, span(0, 50)...)
	for i := range 50 {
		r.at += 20 * ms
		r.packet(0, 7, uint16(50+i), 0xdead_0000+uint32(i)*160)
	}
	if g := r.report(); g.Jitter != 0 || g.Lost != 0 {
		t.Errorf("jitter %v, %d lost", g.Jitter, g.Lost)
	}
}

func TestSources(t *testing.T) {
	r := newRig()
	for ssrc := range uint32(4) {
		for i := range 10 * (int(ssrc) + 1) {
			if i != 5 {
				r.come(ssrc+1, uint16(i))
			}
		}
	}
	g := r.report()
	if g.SSRCs != 4 || g.SSRC != 4 || g.Expected != 100 || g.Lost != 4 {
		t.Errorf("%+v", g)
	}
	for i, s := range g.Sources {
		if s.SSRC != uint32(i+1) || s.Expected != uint64(10*(i+1)) || s.Lost != 1 || s.Packets != s.Expected-1 {
			t.Errorf("source %d: %+v", i, s)
		}
	}
	// A fifth replaces the first, the least used, and the sums stay.
	r.come(5, 1000)
	r.come(5, 1002)
	g = r.report()
	if g.Sources[0].SSRC != 5 || g.SSRCs != 5 || g.Expected != 103 || g.Lost != 5 || g.Packets != 98 {
		t.Errorf("%+v", g)
	}
	// Many of one packet each never displace what counts.
	for ssrc := range uint32(1000) {
		r.come(100+ssrc, 1)
	}
	if g = r.report(); g.Sources[1].SSRC != 2 || g.Sources[3].SSRC != 4 || g.Lost != 5 || g.SSRCs != 1005 {
		t.Errorf("%+v", g)
	}
}

func TestGap(t *testing.T) {
	r := newRig()
	r.play(0, 0, 1, 2)
	r.at += 380 * ms
	r.play(0, 3)
	if g := r.report(); g.Gap != 400*time.Millisecond {
		t.Errorf("gap %v", g.Gap)
	}
	r.Pause()
	r.at += 60_000 * ms
	r.play(0, 4, 5)
	if g := r.report(); g.Gap != 400*time.Millisecond {
		t.Errorf("hold is a gap: %v", g.Gap)
	}
}

func TestSound(t *testing.T) {
	r := newRig()
	expect := func(want rtp.Sound) {
		t.Helper()
		if g := r.report(); g.Sound != want {
			t.Errorf("%s, want %s", g.Sound, want)
		}
	}
	expect(rtp.NeverHeard)
	r.packet(13, 7, 0, 0)
	expect(rtp.OnlyNoise)
	r.play(1, span(0, 3)...)
	expect(rtp.Heard)
	for i := range 60 {
		r.at += 100 * ms
		r.packet(13, 7, uint16(4+i), uint32(r.at/ms)*8)
	}
	expect(rtp.OnlyNoise)
	if g := r.report(); g.Codec != rtp.PCMU {
		t.Errorf("noise is the codec: %s", g.Codec)
	}
	r.at += 5001 * ms
	expect(rtp.Stopped)
}

// press sends an event as phones do: begin with a marker, go on, end three times.
func (r *rig) press(seq *uint16, code byte, timestamp uint32, packets int) {
	for i := range packets + 3 {
		r.at += 20 * ms
		payload := []byte{code, 10, 0, byte(i + 1)}
		if i >= packets {
			payload[1] |= 0x80
		}
		h := rtp.Header{PayloadType: 101, Marker: i == 0, SSRC: 7, Seq: *seq, Timestamp: timestamp, Payload: 12}
		r.Receive(h, 16, r.at, &r.clocks, payload)
		*seq++
	}
}

func TestDigits(t *testing.T) {
	r := newRig()
	r.play(0, 0, 1)
	seq := uint16(2)
	for i, code := range []byte{1, 1, 0, 10, 11, 15, 16, 255} {
		r.press(&seq, code, uint32(i)*1600-3200, 5) // across a wrap of timestamps
	}
	g := r.report()
	if g.Digits != "110*#D" || g.DigitCount != 6 || g.Lost != 0 || g.PayloadType != 0 {
		t.Errorf("%q, %d, %d lost, type %d", g.Digits, g.DigitCount, g.Lost, g.PayloadType)
	}
	if g.Jitter > time.Millisecond {
		t.Errorf("events are jitter: %v", g.Jitter)
	}
}

func TestDigitOddities(t *testing.T) {
	event := func(r *rig, seq uint16, marker bool, timestamp uint32, payload ...byte) {
		r.at += 20 * ms
		r.Receive(rtp.Header{PayloadType: 101, Marker: marker, SSRC: 7, Seq: seq, Timestamp: timestamp}, 16, r.at, &r.clocks, payload)
	}
	for _, c := range []struct {
		name string
		play func(r *rig)
		want string
	}{
		{"only its ends arrive", func(r *rig) {
			event(r, 1, false, 100, 5, 0x8a, 1, 0)
			event(r, 2, false, 100, 5, 0x8a, 1, 0)
		}, "5"},
		{"an end after the next began", func(r *rig) {
			event(r, 1, true, 100, 5, 10, 1, 0)
			event(r, 3, true, 900, 6, 10, 0, 1)
			event(r, 2, false, 100, 5, 0x8a, 1, 0)
			event(r, 4, false, 900, 6, 10, 0, 1)
		}, "56"},
		{"longer than 8 s", func(r *rig) {
			event(r, 1, true, 100, 5, 10, 0xff, 0xff)
			event(r, 2, false, 100+0xffff, 5, 10, 1, 0)
			event(r, 3, false, 100+2*0xffff, 5, 10, 1, 0)
		}, "5"},
		{"the same key again, marker lost", func(r *rig) {
			event(r, 1, true, 100, 5, 10, 1, 0)
			event(r, 2, false, 1700, 5, 10, 1, 0)
		}, "55"},
		{"three bytes", func(r *rig) { event(r, 1, true, 100, 5, 10, 1) }, ""},
		{"nothing", func(r *rig) { event(r, 1, true, 100) }, ""},
		{"a duplicate", func(r *rig) {
			event(r, 1, true, 100, 5, 10, 1, 0)
			event(r, 1, true, 100, 5, 10, 1, 0)
		}, "5"},
		{"numbering anew", func(r *rig) {
			event(r, 1, true, 100_000, 5, 10, 1, 0)
			r.come(7, 30000)
			r.come(7, 30001)
			event(r, 30002, true, 100, 5, 10, 1, 0)
		}, "55"},
		{"too many", func(r *rig) {
			for i := range 50 {
				event(r, uint16(i), true, uint32(100*i), byte(i%10), 10, 0, 80)
			}
		}, strings.Repeat("0123456789", 5)[18:]},
	} {
		r := newRig()
		c.play(r)
		if g := r.report(); g.Digits != c.want {
			t.Errorf("%s: %q, want %q", c.name, g.Digits, c.want)
		}
	}
}

func TestSkew(t *testing.T) {
	for _, ppm := range []float64{0, 50, -50, 200, -500} {
		r := newRig()
		start := r.at
		for i := range 3000 { // a minute, with some jitter
			r.at = start + int64(float64(i)*20e6) + int64(i*i%7)*ms
			sent := float64(i) * 160 * (1 + ppm/1e6)
			r.packet(0, 7, uint16(i), uint32(int64(sent)))
			if i%250 == 249 {
				r.Tick(r.at)
			}
		}
		if g := r.report(); !g.SkewKnown || math.Abs(g.SkewPPM-ppm) > 5 {
			t.Errorf("%.1f ppm %t, want %.1f", g.SkewPPM, g.SkewKnown, ppm)
		}
	}
	r := newRig()
	r.play(0, span(0, 200)...)
	if g := r.report(); g.SkewKnown {
		t.Error("skew known after 4 s")
	}
}

func TestUnits(t *testing.T) {
	for _, c := range []struct {
		at   int64
		hz   uint32
		want uint32
	}{
		{0, 8000, 0},
		{125_000, 8000, 1},
		{124_999, 8000, 0},
		{1_000_000_000, 90000, 90000},
		{int64(1) << 62, 48000, uint32((uint64(1<<62)/1e9*48000 + uint64(1<<62)%1e9*48000/1e9) & 0xffffffff)},
	} {
		if got := rtp.Units(c.at, c.hz); got != c.want {
			t.Errorf("%d ns at %d Hz: %d, want %d", c.at, c.hz, got, c.want)
		}
	}
}

func TestSize(t *testing.T) {
	if n := unsafe.Sizeof(rtp.Stream{}); n > 1024 {
		t.Errorf("a Stream is %d bytes", n)
	}
	if n := unsafe.Sizeof(rtp.Clocks{}); n > 160 {
		t.Errorf("Clocks are %d bytes", n)
	}
}

func TestNoAllocation(t *testing.T) {
	r := newRig()
	seq, b := uint16(0), packet(0, 0, 0, 7)
	if n := testing.AllocsPerRun(1000, func() {
		h, _ := rtp.Parse(b)
		h.Seq, seq = seq, seq+1
		r.at += 20 * ms
		r.Receive(h, len(b), r.at, &r.clocks, b[h.Payload:])
		r.press(&seq, byte(seq%16), uint32(seq), 1)
		r.Tick(r.at)
	}); n != 0 {
		t.Errorf("%f allocations", n)
	}
}

func BenchmarkReceive(b *testing.B) {
	r := newRig()
	p := packet(0, 0, 0, 7)
	for i := 0; b.Loop(); i++ {
		h, _ := rtp.Parse(p)
		h.Seq, h.Timestamp = uint16(i), uint32(i)*160
		r.at += 20 * ms
		r.Receive(h, len(p), r.at, &r.clocks, p[h.Payload:])
	}
}
