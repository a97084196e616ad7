package rtp

import (
	"math"
	"testing"
	"time"
)

func near(a, b, by float64) bool { return math.Abs(a-b) <= by }

// TestOpinion has points of ITU-T G.107 Annex B, table B.1: R and its MOS.
func TestOpinion(t *testing.T) {
	for _, c := range []struct{ r, mos float64 }{
		{93.2, 4.41},
		{90, 4.34},
		{80, 4.03},
		{70, 3.60},
		{60, 3.10},
		{50, 2.58},
		{0, 1},
		{-20, 1},
		{3, 1},
		{100, 4.5},
		{120, 4.5},
	} {
		if got := opinion(c.r); !near(got, c.mos, 0.007) {
			t.Errorf("R %.1f: %.3f, want %.2f", c.r, got, c.mos)
		}
	}
}

// TestRating computes by hand with G.107 7.5: Ie-eff = Ie + (95-Ie) Ppl/(Ppl+Bpl).
func TestRating(t *testing.T) {
	for _, c := range []struct {
		codec  Codec
		loss   float64
		delay  time.Duration
		r, mos float64
	}{
		{PCMU, 0, 0, 93.2, 4.41},
		{PCMA, 0.01, 0, 93.2 - 95/26.1, 4.33},
		{PCMA, 0.05, 0, 93.2 - 475/30.1, 3.93},
		{PCMA, 0.20, 0, 93.2 - 1900/45.1, 2.63},
		{PCMA, 1, 0, 93.2 - 9500/125.1, 1.17},
		{G729, 0, 0, 82.2, 4.11},
		{G729, 0.05, 0, 82.2 - 84*5/24.0, 3.34},
		{GSM, 0, 0, 73.2, 3.74},
		{PCMU, 0, 100 * time.Millisecond, 90.8, 4.36},
		{PCMU, 0, 150 * time.Millisecond, 89.6, 4.33},
		{PCMU, 0, 400 * time.Millisecond, 93.2 - 9.6 - 0.11*222.7, 3.05},
	} {
		i, ok := impairmentOf(c.codec)
		r := rating(i, c.loss, c.delay)
		if !ok || !near(r, c.r, 0.001) || !near(opinion(r), c.mos, 0.01) {
			t.Errorf("%s, loss %.2f, delay %v: R %.3f MOS %.3f, want %.3f %.2f", c.codec, c.loss, c.delay, r, opinion(r), c.r, c.mos)
		}
	}
	// Without concealment, G.113 says 4.3 for G.711.
	if r := rating(impairment{0, 4.3}, 0.01, 0); !near(r, 75.28, 0.01) {
		t.Errorf("R %.2f", r)
	}
	if r := rating(impairment{0, 4.3}, 0.05, 0); !near(r, 42.12, 0.01) {
		t.Errorf("R %.2f", r)
	}
}

// TestIntervals: a good interval, one with 4% loss, an outage that nobody rates until it ends.
func TestIntervals(t *testing.T) {
	var s Stream
	var c Clocks
	at, seq := int64(time.Hour), 0
	hear := func(n int, lost func(i int) bool) {
		for i := range n {
			at += int64(20 * time.Millisecond)
			if !lost(i) {
				s.Receive(Header{Seq: uint16(seq), Timestamp: uint32(seq) * 160, SSRC: 1}, 172, at, &c, nil)
			}
			seq++
		}
		s.Tick(at)
	}
	never := func(int) bool { return false }
	hear(250, never)
	good := s.Report(at).MOS
	if good.Intervals != 1 || !near(good.Avg, opinion(93.2-0.024*20), 0.001) {
		t.Errorf("%+v", good)
	}
	hear(250, func(i int) bool { return i%25 == 10 })
	bad := s.Report(at).MOS
	if bad.Intervals != 2 || !near(bad.Min, opinion(93.2-0.024*20-380/29.1), 0.001) || bad.Max != good.Max {
		t.Errorf("%+v", bad)
	}
	if want := (bad.Min + bad.Max) / 2; !near(bad.Avg, want, 0.001) {
		t.Errorf("average %f, want %f", bad.Avg, want)
	}
	hear(250, func(int) bool { return true })
	if m := s.Report(at).MOS; m != bad {
		t.Errorf("an outage is rated while it lasts: %+v", m)
	}
	hear(250, never)
	if m := s.Report(at).MOS; m.Intervals != 3 || m.Min > 2 {
		t.Errorf("an outage is not rated: %+v", m)
	}
}

func TestShortAndUnknown(t *testing.T) {
	var s Stream
	var c Clocks
	if m := s.Report(1).MOS; m != (MOS{}) {
		t.Errorf("nothing has a MOS: %+v", m)
	}
	for i := range 49 {
		s.Tick(1)
		s.Receive(Header{Seq: uint16(i), Timestamp: uint32(i) * 160}, 172, int64(i+1)*int64(20*time.Millisecond), &c, nil)
	}
	if m := s.Report(1).MOS; m.Intervals != 1 || m.Avg < 4.3 {
		t.Errorf("less than a second, whatever ticks: %+v", m)
	}
	var video Stream
	c.Set(97, 90000)
	video.Receive(Header{PayloadType: 97, Seq: 1}, 900, 1, &c, nil)
	video.Tick(2)
	if m := video.Report(2).MOS; m != (MOS{}) {
		t.Errorf("video has a MOS: %+v", m)
	}
}

func TestCodecNames(t *testing.T) {
	for c := CodecUnknown; c < codecs; c++ {
		if CodecOf(c.String()) != c {
			t.Errorf("%d is named %q", c, c.String())
		}
	}
	if CodecOf("g729") != G729 || CodecOf("x") != CodecUnknown || Codec(200).String() != "" {
		t.Error("names")
	}
}
