package auth

import (
	"math"
	"sync"
)

// The nonces that were used rightly, in a table of a fixed size. Only who knows a password gets
// in. A bucket that is full gives up the oldest, and takes none as old as that any more: who
// comes with one is asked again, which is all the harm.
const (
	buckets = 16384 // 4.5 MB, of 131,072 nonces
	ways    = 8
)

type used struct{ table [buckets]bucket }

type bucket struct {
	mu    sync.Mutex // guards what follows
	floor int64      // those made until then, and not in list, may have been here
	n     int
	list  [ways]use
}

// use is how far a nonce was counted (RFC 7616 3.4, nc).
type use struct {
	nonce

	window  uint64 // bit i: highest-i was used
	highest uint32
}

func newUsed() *used { return new(used) }

// take notes that a nonce was used with a count, which must be new. Without a count it can be
// used just once (RFC 2069 counts nothing).
func (t *used) take(n nonce, count uint32, counted bool) Outcome {
	b := &t.table[n.mac%buckets]
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.list[:b.n] {
		if u := &b.list[i]; u.nonce == n {
			return u.count(count, counted)
		}
	}
	if n.made <= b.floor {
		return Stale
	}
	u := use{nonce: n, highest: count, window: 1}
	if !counted {
		u.highest, u.window = math.MaxUint32, math.MaxUint64
	}
	b.put(u)
	return OK
}

// put adds a use in place of the oldest if there is no room.
func (b *bucket) put(u use) {
	if b.n < ways {
		b.list[b.n] = u
		b.n++
		return
	}
	oldest := 0
	for i := range b.list {
		if b.list[i].made < b.list[oldest].made {
			oldest = i
		}
	}
	b.floor = max(b.floor, b.list[oldest].made)
	b.list[oldest] = u
}

// windowSize is how far behind the highest count a late one may be: requests overtake each
// other over UDP.
const windowSize = 64

// count takes one more count.
func (u *use) count(count uint32, counted bool) Outcome {
	switch ahead := int64(count) - int64(u.highest); {
	case !counted || ahead <= -windowSize:
		return Replay
	case ahead <= 0:
		if bit := uint64(1) << -ahead; u.window&bit == 0 {
			u.window |= bit
			return OK
		}
		return Replay
	default:
		u.window = u.window<<min(ahead, windowSize) | 1 // a shift by 64 leaves nothing
		u.highest = count
		return OK
	}
}
