package rtp

import "time"

// minDriftSpan is for how long clocks must be watched before anything is said of them.
const minDriftSpan = 10 * time.Second

// drift compares the sender's clock with ours: a line of least squares through the shortest
// transit time of each interval, the packets that waited for nothing. A route that changes
// its delay reads as drift until enough intervals went by.
type drift struct {
	ssrc, clock uint32
	begun       int64  // ns; 0: no packet yet
	zero        uint32 // transit of the first packet, RTP units

	low      int32 // the interval's shortest transit above zero
	lowAt    int64 // when, ns
	measured bool  // the interval has one

	first, last     int64 // when the first and last points are, ns
	n, x, y, xx, xy float64
}

// forget starts anew: the sender's clock was set, or it is another one.
func (d *drift) forget() { *d = drift{} }

// note takes a source's last packet.
func (d *drift) note(src *source, at int64) {
	if d.begun == 0 || d.ssrc != src.ssrc || d.clock != src.clock {
		*d = drift{ssrc: src.ssrc, clock: src.clock, begun: at, zero: src.transit}
	}
	above := int32(src.transit - d.zero)
	if !d.measured || above < d.low {
		d.low, d.lowAt, d.measured = above, at, true
	}
}

// tick ends an interval.
func (d *drift) tick() {
	if !d.measured {
		return
	}
	d.measured = false
	x, y := time.Duration(d.lowAt-d.begun).Seconds(), float64(d.low)
	if d.n == 0 {
		d.first = d.lowAt
	}
	d.last = d.lowAt
	d.n++
	d.x += x
	d.y += y
	d.xx += x * x
	d.xy += x * y
}

// ppm is how much faster the sender's clock runs than ours, parts per million.
func (d *drift) ppm() (float64, bool) {
	spread := d.n*d.xx - d.x*d.x
	if d.n < 3 || d.last-d.first <= int64(minDriftSpan) || spread <= 0 {
		return 0, false
	}
	slope := (d.n*d.xy - d.x*d.y) / spread // RTP units a second by which packets come later
	return -slope / float64(d.clock) * 1e6, true
}
