package antifraud

import "time"

// parts is in how many parts the window is counted. What is older than Window never counts;
// what is younger by less than one part may not.
const parts = 20

const part = Window / parts

// rate counts requests with one key within Window.
type rate struct {
	counts [parts]uint32
	part   int64 // the last that was counted in
	// firsts are attempts without credentials, whose retry counts with them.
	firsts [8]uint64
	turn   uint8
}

// add counts one request, unless it is a retry of one that counted, and gives how many there are.
func (r *rate) add(at time.Duration, attempt uint64, retry bool) int {
	r.advance(at)
	if retry && r.follows(attempt) {
		return r.sum()
	}
	if !retry {
		r.firsts[r.turn%uint8(len(r.firsts))] = attempt
		r.turn++
	}
	r.counts[r.part%parts]++
	return r.sum()
}

// at gives how many there are without counting one.
func (r *rate) at(at time.Duration) int {
	r.advance(at)
	return r.sum()
}

func (r *rate) advance(at time.Duration) {
	now := int64(at / part)
	for i := max(r.part+1, now-parts+1); i <= now; i++ {
		r.counts[i%parts] = 0
	}
	r.part = max(now, r.part)
}

func (r *rate) sum() (n int) {
	for _, c := range r.counts {
		n += int(c)
	}
	return n
}

// follows says that an attempt was counted, and takes it, so that each has one retry.
func (r *rate) follows(attempt uint64) bool {
	for i, first := range r.firsts {
		if first == attempt && attempt != 0 {
			r.firsts[i] = 0
			return true
		}
	}
	return false
}
