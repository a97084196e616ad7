package srtp

// maxStreams is how many SSRCs one direction knows at a time. A party has one
// for each m= line's packets and a new one now and then.
const maxStreams = 8

// Highest indexes: ROC and sequence number are 48 bits, SRTCP has 31 (RFC 3711
// 9.2). After them the key is spent.
const (
	maxRTPIndex  = 1<<48 - 1
	maxRTCPIndex = 1<<31 - 1
)

// stream is what is known of one SSRC.
type stream struct {
	ssrc      uint32
	used      uint64 // streams.clock when it had its last packet
	rtp, rtcp track
}

// streams are the SSRCs of one direction. A ninth takes the place of the one
// that has been silent longest.
type streams struct {
	list  []stream
	clock uint64
}

// find is nil for an SSRC that is not known.
func (t *streams) find(ssrc uint32) *stream {
	for i := range t.list {
		if t.list[i].ssrc == ssrc {
			return &t.list[i]
		}
	}
	return nil
}

// use is the stream of an SSRC, made if it is not known.
func (t *streams) use(ssrc uint32) *stream {
	t.clock++
	s := t.find(ssrc)
	switch {
	case s != nil:
	case len(t.list) < maxStreams:
		t.list = append(t.list, stream{ssrc: ssrc})
		s = &t.list[len(t.list)-1]
	default:
		s = &t.list[0]
		for i := range t.list {
			if t.list[i].used < s.used {
				s = &t.list[i]
			}
		}
		*s = stream{ssrc: ssrc}
	}
	s.used = t.clock
	return s
}

// window is how far behind the highest index a packet may come.
const window = 128

// track is which indexes of one SSRC have been, for RTP or for RTCP. The zero
// value has seen nothing.
type track struct {
	high  uint64    // the highest index
	seen  [2]uint64 // bit n of the 128: high-n has been
	begun bool      // there was a packet
	// sure: the rollover counter in high is the other side's. It is not before
	// the first packet, nor after a restart, when some may have been missed.
	sure bool
}

// guess is the index of a sequence number: the one nearest to high (RFC 3711
// 3.3.1). It is false when the rollover counter has no room for it.
func (t *track) guess(seq uint16) (uint64, bool) {
	if !t.begun {
		return uint64(seq), true
	}
	index := int64(t.high) + int64(int16(seq-uint16(t.high)))
	if index < 0 { // there is nothing before 0: a leap ahead
		index += 1 << 16
	}
	return uint64(index), index <= maxRTPIndex
}

// has tells whether index has been, or is too old to tell.
func (t *track) has(index uint64) bool {
	if !t.begun || index > t.high {
		return false
	}
	back := t.high - index
	return back >= window || t.seen[back/64]&(1<<(back%64)) != 0
}

// mark records index, which is authentic and has not been.
func (t *track) mark(index uint64) {
	if !t.begun || index > t.high {
		t.shift(index - t.high)
		t.high = index
	}
	back := t.high - index
	t.seen[back/64] |= 1 << (back % 64)
	t.begun, t.sure = true, true
}

// shift makes room for n newer indexes. A shift by 64 and more is 0 in Go.
func (t *track) shift(n uint64) {
	if n >= 64 {
		t.seen[1], t.seen[0] = t.seen[0], 0
		n -= 64
	}
	t.seen[1] = t.seen[1]<<n | t.seen[0]>>(64-n)
	t.seen[0] <<= n
}
