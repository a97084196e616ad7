package cdr

import "time"

const (
	// retransmitted is how long an INVITE may be sent again (RFC 3261 17.1.1.2: 64 * T1), and as
	// long again.
	retransmitted = 64 * time.Second
	// mostRecent is how many refusals are known; what is refused beyond that and sent again counts twice.
	mostRecent = 50_000
)

// recent knows the attempts that were refused a moment ago: a refusal leaves no state, so an
// INVITE that is sent again is decided again, and is no other attempt.
type recent struct {
	now, before map[ID]struct{}
	turned      time.Time // when now became before
}

func newRecent() recent { return recent{now: map[ID]struct{}{}, before: map[ID]struct{}{}} }

// again says that an attempt is one of them, and notes it.
func (r *recent) again(id ID, now time.Time) bool {
	if age := now.Sub(r.turned); age >= retransmitted {
		r.now, r.before, r.turned = r.before, r.now, now
		clear(r.now)
		if age >= 2*retransmitted {
			clear(r.before)
		}
	}
	if _, is := r.now[id]; is {
		return true
	}
	if _, is := r.before[id]; is {
		return true
	}
	if len(r.now) < mostRecent {
		r.now[id] = struct{}{}
	}
	return false
}
