package rtp

import "time"

// impairment is what a codec costs, ITU-T G.113 Appendix I.
type impairment struct {
	ie  float64 // equipment impairment factor without loss
	bpl float64 // how well it stands losses
}

// impairmentOf is false for codecs that nothing is known of, and for video.
//
// From G.113: G.711 with the concealment of its Appendix I, which a phone of today has (4.3
// without it), G.723.1, G.729A and GSM-EFR (AMR at 12.2 kbit/s is the same codec) with both
// figures; G.726, G.728 and GSM with Ie alone. The rest are figures of ours: Bpl where G.113
// has none is that of the nearest codec; the wideband codecs, which its narrowband scale
// cannot praise, lose nothing by themselves; Opus and iLBC conceal well.
func impairmentOf(c Codec) (impairment, bool) {
	switch c {
	case PCMU, PCMA, L16, G722:
		return impairment{0, 25.1}, true
	case G723:
		return impairment{15, 16.1}, true
	case G726, G728:
		return impairment{7, 25.1}, true
	case G729:
		return impairment{11, 19}, true
	case GSM:
		return impairment{20, 10}, true
	case GSMEFR, AMR:
		return impairment{5, 10}, true
	case AMRWB:
		return impairment{0, 10}, true
	case ILBC:
		return impairment{11, 32}, true
	case Opus:
		return impairment{0, 25.1}, true
	}
	return impairment{}, false
}

// rating is R of ITU-T G.107 with the default values of its Table 2, by which R is 93.2 less
// what loss and delay cost. loss is a fraction; delay is from mouth to ear. Losses count as
// random (BurstR = 1). The cost of delay is the two straight lines that Cole and Rosenbluth
// (Voice over IP performance monitoring, 2001) laid through 7.4 of it.
func rating(i impairment, loss float64, delay time.Duration) float64 {
	const (
		undisturbed = 93.2
		knee        = 177.3 // ms
	)
	percent := 100 * loss
	ms := delay.Seconds() * 1000
	cost := 0.024*ms + 0.11*max(ms-knee, 0)
	return undisturbed - cost - i.ie - (95-i.ie)*percent/(percent+i.bpl)
}

// opinion is MOS from R, ITU-T G.107 Annex B.
func opinion(r float64) float64 {
	switch {
	case r <= 0:
		return 1
	case r >= 100:
		return 4.5
	}
	return max(1, 1+0.035*r+r*(r-60)*(100-r)*7e-6)
}

// frameTime is what a phone collects before it sends: few send other than 20 ms.
const frameTime = 20 * time.Millisecond

// ratings is MOS over intervals.
type ratings struct {
	expected, got uint64 // sums when the last interval ended
	n             uint32
	low, high     float32
	sum           float64
	jitterMax     time.Duration
}

// minRated is how many packets an interval needs: of fewer, one loss would say too much. It
// goes on until it has them.
const minRated = 50

// rate is the MOS of the time since the last interval ended. The delay is taken for half of
// the round trip, a frame, and a jitter buffer of twice the jitter; that this discards nothing
// is a guess in the party's favour. It rates the way from the party to us: what happens between
// us and who listens is not in it. It is false where fewer than least packets are to be rated
// (hold, comfort noise, an outage: that counts once packets come again) or the codec has no
// figures.
func (s *Stream) rate(least uint64) (float64, bool) {
	i, ok := impairmentOf(s.codec)
	expected, got := s.sums()
	expected -= min(expected, s.ratings.expected)
	got -= min(got, s.ratings.got)
	if !ok || expected < least {
		return 0, false
	}
	delay := s.rtt.last/2 + frameTime + 2*s.jitter()
	return opinion(rating(i, lossOf(expected, got), delay)), true
}

func (r *ratings) add(mos float64) {
	if r.n == 0 || float32(mos) < r.low {
		r.low = float32(mos)
	}
	r.high = max(r.high, float32(mos))
	r.sum += mos
	r.n++
}

// Tick ends an interval of MOS, jitter and clock skew: to be called every 5 s.
func (s *Stream) Tick(int64) {
	r := &s.ratings
	if mos, ok := s.rate(minRated); ok {
		r.add(mos)
		r.expected, r.got = s.sums()
	}
	r.jitterMax = max(r.jitterMax, s.jitter())
	s.drift.tick()
}

// mos is the report of it, with the interval that has not ended where that has packets enough,
// or is the first.
func (s *Stream) mos() MOS {
	r, least := s.ratings, uint64(minRated)
	if r.n == 0 {
		least = 1
	}
	if mos, ok := s.rate(least); ok {
		r.add(mos)
	}
	if r.n == 0 {
		return MOS{}
	}
	return MOS{Min: float64(r.low), Avg: r.sum / float64(r.n), Max: float64(r.high), Intervals: r.n}
}
