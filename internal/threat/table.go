package threat

import "time"

// ways is how many places a key may be in.
const ways = 8

// heated is what a table keeps: how much it did lately, and when it was last heard of.
type heated interface {
	heat(now moment) int
	last() moment
}

// table is a cache of a fixed size: a key has its place in one of a bucket's cells. A new
// one takes the place of the quietest there, so that sources which come once, however many,
// take each other's places and never that of one which goes on.
type table[T any] struct {
	buckets [][ways]cell[T]
}

type cell[T any] struct {
	key   uint64 // 0 = free
	value T
}

func newTable[T any](size int) *table[T] {
	return &table[T]{buckets: make([][ways]cell[T], size/ways)}
}

func (t *table[T]) bucket(key uint64) *[ways]cell[T] {
	return &t.buckets[key>>1%uint64(len(t.buckets))]
}

// find gives what is kept under a key; nil when there is nothing.
func (t *table[T]) find(key uint64) *T {
	b := t.bucket(key)
	for i := range b {
		if b[i].key == key {
			return &b[i].value
		}
	}
	return nil
}

// take gives what is kept under a key, new if need be.
func take[T any, P interface {
	*T
	heated
}](t *table[T], key uint64, now moment) *T {
	if v := t.find(key); v != nil {
		return v
	}
	b := t.bucket(key)
	quietest, heat := 0, 0
	for i := range b {
		if b[i].key == 0 {
			quietest = i
			break
		}
		v := P(&b[i].value)
		h := v.heat(now)
		if i == 0 || h < heat || h == heat && now-v.last() > now-P(&b[quietest].value).last() {
			quietest, heat = i, h
		}
	}
	b[quietest] = cell[T]{key: key}
	return &b[quietest].value
}

// ring is when something happened the last times.
type ring struct {
	at [strangerMost]moment
	n  uint8 // how many there are
	to uint8 // where the next one goes
}

func (r *ring) add(now moment) {
	r.at[r.to] = now
	r.to = (r.to + 1) % uint8(len(r.at))
	r.n = min(r.n+1, uint8(len(r.at)))
}

// recent counts those of the last d.
func (r *ring) recent(now moment, d time.Duration) (n int) {
	for _, at := range r.at[:r.n] {
		if now.within(at, d) {
			n++
		}
	}
	return n
}

func (r *ring) heat(now moment) int { return r.recent(now, failSpan) }

func (r *ring) last() moment {
	return r.at[(int(r.to)+len(r.at)-1)%len(r.at)]
}
