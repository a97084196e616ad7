package rtp_test

import (
	"math"
	"testing"
	"time"

	"tollgate/internal/media/rtp"
)

// kernelFlow counts as a program in the kernel does: it keeps sums, and gives what was added.
type kernelFlow struct {
	rtp.State
	delta rtp.Delta
}

func (k *kernelFlow) packet(seq uint16, timestamp uint32, at int64) {
	ahead := seq - uint16(k.ExtSeq)
	switch {
	case ahead == 0:
		k.delta.Duplicates++
	case ahead < 1<<15:
		k.ExtSeq += uint32(ahead)
	default:
		k.delta.Reordered++
	}
	transit := rtp.Units(at, k.Clock) - timestamp
	d := transit - k.Transit
	d = min(d, -d)
	k.Jitter += d - (k.Jitter+8)>>4
	k.delta.Packets++
	k.delta.Octets += 172
	k.delta.Gap = max(k.delta.Gap, at-k.Arrival)
	k.Transit, k.Timestamp, k.Arrival = transit, timestamp, at
}

func (k *kernelFlow) take() rtp.Delta {
	d := k.delta
	d.ExtSeq, d.Transit, d.Jitter, d.Timestamp, d.Arrival = k.ExtSeq, k.Transit, k.Jitter, k.Timestamp, k.Arrival
	k.delta = rtp.Delta{SSRC: d.SSRC}
	return d
}

// sent is what a party sends, as it arrives: with loss, jitter, late ones and digits.
type sent struct {
	seq       uint16
	timestamp uint32
	at        int64
	event     bool
}

func conversation(start int64) []sent {
	var out []sent
	for i := range 3000 {
		p := sent{uint16(65000 + i), uint32(i) * 160, start + int64(i)*20*ms + int64(i*i%5)*ms, i > 1000 && i < 1020}
		switch {
		case i%37 == 5: // lost
		case i%50 == 7 && len(out) > 0:
			last := len(out) - 1
			p.at, out[last].at = out[last].at, p.at
			out = append(out[:last], p, out[last])
		default:
			out = append(out, p)
		}
	}
	return out
}

func (r *rig) hearSent(p sent) {
	r.at = p.at
	h := rtp.Header{SSRC: 7, Seq: p.seq, Timestamp: p.timestamp, Payload: 12}
	if p.event {
		h.PayloadType, h.Timestamp = 101, 160_000
		r.Receive(h, 172, p.at, &r.clocks, []byte{4, 10, 1, 1})
		return
	}
	r.Receive(h, 172, p.at, &r.clocks, nil)
}

// TestKernelCountsTheSame plays one conversation twice, all of it here, and most of it in the
// kernel while digits still come here: the reports must not differ.
// What is taken once an interval may, a little.
func TestKernelCountsTheSame(t *testing.T) {
	here, both := newRig(), newRig()
	var flow *kernelFlow
	read := int64(0)
	for i, p := range conversation(here.at) {
		here.hearSent(p)
		if flow == nil && i >= 50 && i < 2500 {
			seed, ok := both.KernelSeed(7)
			if !ok {
				t.Fatal("nothing to go on from")
			}
			flow, read = &kernelFlow{State: seed, delta: rtp.Delta{SSRC: 7}}, p.at
		}
		if flow == nil || p.event {
			both.hearSent(p)
		} else {
			flow.packet(p.seq, p.timestamp, p.at)
		}
		if flow != nil && (p.at-read > 1000*ms || i == 2500) {
			read = p.at
			both.FromKernel(flow.take(), p.at)
		}
		if i == 2500 {
			flow = nil
		}
		both.at = p.at
		if i%250 == 249 {
			here.Tick(p.at)
			both.Tick(p.at)
		}
	}
	want, got := here.report(), both.report()
	if want.Lost == 0 || want.Reordered == 0 || want.Jitter == 0 || want.DigitCount != 1 {
		t.Fatalf("a dull conversation: %+v", want)
	}
	if got.Gap > want.Gap+400*time.Millisecond { // in the kernel a digit's time is a gap
		t.Errorf("gap %v, want about %v", got.Gap, want.Gap)
	}
	// The kernel is asked once a second: intervals end up to a second late there.
	if math.Abs(got.MOS.Avg-want.MOS.Avg) > 0.02 || got.MOS.Intervals != want.MOS.Intervals {
		t.Errorf("MOS %+v, want about %+v", got.MOS, want.MOS)
	}
	if math.Abs(got.SkewPPM-want.SkewPPM) > 50 {
		t.Errorf("skew %f ppm, want about %f", got.SkewPPM, want.SkewPPM)
	}
	if (got.JitterMax - want.JitterMax).Abs() > time.Millisecond {
		t.Errorf("highest jitter %v, want about %v", got.JitterMax, want.JitterMax)
	}
	got.Gap, got.MOS, got.SkewPPM, got.JitterMax = want.Gap, want.MOS, want.SkewPPM, want.JitterMax
	if got != want {
		t.Errorf("\n%+v, want\n%+v", got, want)
	}
}

func TestKernelOddities(t *testing.T) {
	var empty rtp.Stream
	if _, ok := empty.KernelSeed(7); ok {
		t.Error("a seed of nothing")
	}
	for _, c := range []struct {
		name                    string
		delta                   rtp.Delta
		packets, expected, lost uint64
	}{
		{"nothing", rtp.Delta{SSRC: 7}, 10, 10, 0},
		{"ten more", rtp.Delta{SSRC: 7, Packets: 10, ExtSeq: 19}, 20, 20, 0},
		{"ten of twenty", rtp.Delta{SSRC: 7, Packets: 10, ExtSeq: 29}, 20, 30, 10},
		{"with duplicates", rtp.Delta{SSRC: 7, Packets: 12, Duplicates: 2, ExtSeq: 19}, 22, 20, 0},
		{"more duplicates than packets", rtp.Delta{SSRC: 7, Packets: 2, Duplicates: 5, ExtSeq: 9}, 12, 10, 0},
		{"late ones alone", rtp.Delta{SSRC: 7, Packets: 1, ExtSeq: 9}, 11, 10, 0},
		{"numbering anew", rtp.Delta{SSRC: 7, Packets: 5, ExtSeq: 30_000}, 15, 15, 0},
		{"an SSRC that nobody knew", rtp.Delta{SSRC: 8, Packets: 5, ExtSeq: 30_000}, 15, 15, 0},
	} {
		r := newRig()
		r.play(0, span(0, 10)...)
		seed, _ := r.KernelSeed(7)
		if c.delta.SSRC == 7 {
			c.delta.ExtSeq += seed.ExtSeq - 9
		}
		r.FromKernel(c.delta, r.at+100*ms)
		g := r.report()
		if g.Packets != c.packets || g.Expected != c.expected || g.Lost != c.lost {
			t.Errorf("%s: %d packets, %d expected, %d lost", c.name, g.Packets, g.Expected, g.Lost)
		}
		if c.delta.Packets > 0 && g.LastHeard != r.at+100*ms {
			t.Errorf("%s: last heard %d", c.name, g.LastHeard)
		}
	}
}

// TestKernelClockLeap: a sender that sets its clock while the kernel has it has no jitter of
// minutes for that.
func TestKernelClockLeap(t *testing.T) {
	r := newRig()
	r.play(0, span(0, 10)...)
	seed, _ := r.KernelSeed(7)
	r.FromKernel(rtp.Delta{
		SSRC: 7, Packets: 50, ExtSeq: seed.ExtSeq + 50, Transit: seed.Transit + 1<<30, Jitter: 1 << 28, Arrival: r.at + 1000*ms,
	}, r.at+1000*ms)
	if g := r.report(); g.Jitter != 0 || g.Lost != 0 {
		t.Errorf("jitter %v, %d lost", g.Jitter, g.Lost)
	}
}
