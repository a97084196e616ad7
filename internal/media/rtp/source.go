package rtp

// RFC 3550 A.1.
const (
	maxDropout  = 3000 // packets ahead that are a loss; more are a new numbering
	maxMisorder = 100  // packets behind that are late; more are a new numbering
	noSeq       = 1 << 16
)

// order is where a packet stands among those of its source.
type order uint8

const (
	inOrder   order = iota
	late            // after one with a higher number
	duplicate       // the number came before
	stray           // far off the others: counts for nothing unless the next one follows it
	restarted       // the second in a row that is far off: the numbering began anew
)

// source is one SSRC of a Stream. A packet does not wait for a second one to be believed, as
// in RFC 3550 A.1: who may send is decided before.
type source struct {
	ssrc      uint32
	clock     uint32 // Hz
	base, ext uint32 // the first and highest numbers with their cycles; cycles begin at 1, so that a number below base exists
	got       uint32 // different packets since base
	next      uint32 // the number that proves that the numbering began anew; noSeq: none
	seen      uint64 // bit i: ext-i came

	earlierExpected, earlierGot uint32 // before the numbering began anew

	packets   uint64
	arrival   int64  // of the last packet, ns
	timestamp uint32 // of the last packet
	transit   uint32 // of the last packet, RTP units
	jitter    uint32 // RTP units x 16

	eventAt   uint32 // timestamp of the last event, RFC 4733
	eventCode uint8

	timed    bool // transit is known
	inKernel bool // packets of the media's type are counted there
	bye      bool
	hadEvent bool
}

// begin starts the numbering at seq.
func (src *source) begin(seq uint16) {
	src.base = noSeq | uint32(seq)
	src.ext, src.got, src.seen, src.next = src.base, 1, 1, noSeq
}

// beginAnew starts it again: seq came, and the one before it.
func (src *source) beginAnew(seq uint16) {
	src.earlierExpected += src.expected()
	src.earlierGot += src.got
	src.begin(seq)
	src.base, src.got, src.seen, src.timed = src.ext-1, 2, 3, false
}

// expected is how many packets the numbers since base stand for, RFC 3550 A.3.
func (src *source) expected() uint32 { return src.ext - src.base + 1 }

// place counts a packet by its number, RFC 3550 A.1.
func (src *source) place(seq uint16) order {
	ahead := seq - uint16(src.ext)
	behind := -ahead
	switch {
	case ahead == 0:
		return duplicate
	case ahead < maxDropout:
		src.ext += uint32(ahead)
		src.seen = src.seen<<ahead | 1
		src.got++
		src.next = noSeq
		return inOrder
	case behind < maxMisorder:
		return src.placeLate(uint32(behind))
	case uint32(seq) == src.next:
		src.beginAnew(seq)
		return restarted
	}
	src.next = uint32(seq + 1)
	return stray
}

// placeLate counts a packet that is behind the highest. Of those further behind than seen
// reaches nobody knows whether they came before.
func (src *source) placeLate(behind uint32) order {
	if behind < 64 {
		if src.seen>>behind&1 != 0 {
			return duplicate
		}
		src.seen |= 1 << behind
	}
	if int32(src.ext-behind-src.base) < 0 {
		src.base = src.ext - behind
	}
	src.got++
	return late
}

// clockLeap is how many seconds a transit time may change by at once: more means that the
// sender set its timestamps anew, which is no jitter.
const clockLeap = 2

// arrive takes a packet's times, RFC 3550 A.8. It is false where they cannot be compared
// with those before.
func (src *source) arrive(timestamp uint32, at int64, hz uint32) bool {
	transit := Units(at, hz) - timestamp
	comparable := src.timed && src.clock == hz
	if comparable {
		d := transit - src.transit
		d = min(d, -d)
		if comparable = d < clockLeap*hz; comparable {
			src.jitter += d - (src.jitter+8)>>4
		}
	}
	src.setClock(hz)
	src.timed, src.transit, src.timestamp = true, transit, timestamp
	return comparable
}

// setClock changes the clock rate; jitter stays what it was in time.
func (src *source) setClock(hz uint32) {
	if src.clock != hz && src.clock != 0 {
		src.jitter = uint32(uint64(src.jitter) * uint64(hz) / uint64(src.clock))
	}
	src.clock = hz
}

// fromKernel merges a Delta; its packets are at least 1. It is false as arrive is.
func (src *source) fromKernel(d Delta, arrival int64) bool {
	different := uint32(d.Packets - min(d.Duplicates, d.Packets))
	if src.packets == 0 {
		src.ext, src.base, src.next = d.ExtSeq, d.ExtSeq-max(different, 1)+1, noSeq
	}
	src.packets += d.Packets
	most := int64(maxDropout) + int64(different)
	switch ahead := int64(int32(d.ExtSeq - src.ext)); {
	case ahead > most || ahead < -most:
		src.earlierExpected += src.expected()
		src.earlierGot += src.got
		src.ext, src.base, src.got = d.ExtSeq, d.ExtSeq-max(different, 1)+1, 0
		src.seen = 1
	case ahead > 0:
		src.ext, src.seen = d.ExtSeq, 1
	}
	src.got += different
	return src.arriveInKernel(d, arrival)
}

// arriveInKernel takes a Delta's times. It is false where they cannot be compared with those
// before; jitter that holds a leap of the clock is then not taken.
func (src *source) arriveInKernel(d Delta, arrival int64) bool {
	if arrival < src.arrival {
		return true
	}
	leap := clockLeap * src.clock
	change := d.Transit - src.transit
	comparable := src.timed && min(change, -change) < leap
	if d.Jitter/jitterScale < leap {
		src.jitter = d.Jitter
	}
	src.arrival, src.timestamp, src.transit, src.timed = arrival, d.Timestamp, d.Transit, true
	return comparable
}
