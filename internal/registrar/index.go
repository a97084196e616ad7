package registrar

import (
	"encoding/binary"
	"iter"
	"math/bits"

	"tollgate/internal/dialog"
)

// index finds bindings by 64 bits that are spread evenly, as hashes with a secret key are. It is a
// table with open addressing: a look-up reads one place of it and then the binding, where a map
// reads four places one after the other, each a cache miss among a million bindings. The zero
// value is empty.
type index struct {
	slots []slot // a power of two, at most three quarters of them in use
	n     int
}

type slot struct {
	hash uint64
	b    *binding // nil: free
}

const leastSlots = 8

// home is the place at which a hash is looked for first. The upper bits say it: the lower ones may
// have chosen the stripe.
func (x *index) home(hash uint64) int {
	return int(hash >> (65 - bits.Len(uint(len(x.slots)))))
}

// first gives a binding with a hash, nil if there is none.
func (x *index) first(hash uint64) *binding {
	if x.n == 0 {
		return nil
	}
	for i := x.home(hash); ; i = x.after(i) {
		if s := &x.slots[i]; s.b == nil || s.hash == hash {
			return s.b
		}
	}
}

// of gives the binding with an id, in an index by hashOf.
func (x *index) of(id dialog.Stable) *binding {
	if x.n == 0 {
		return nil
	}
	hash := hashOf(id)
	for i := x.home(hash); ; i = x.after(i) {
		if s := &x.slots[i]; s.b == nil || s.hash == hash && s.b.id == id {
			return s.b
		}
	}
}

// hashOf is the part of an id that an index finds it by: its first bytes say the stripe and the
// turn of pings.
func hashOf(id dialog.Stable) uint64 { return binary.BigEndian.Uint64(id[4:]) }

func (x *index) after(i int) int { return (i + 1) & (len(x.slots) - 1) }

// swap puts a binding in the place of another one with the same hash. old nil: it gets a place of
// its own; now nil: the place goes. old must be there.
func (x *index) swap(hash uint64, old, now *binding) {
	if old == nil && 4*(x.n+1) > 3*len(x.slots) {
		x.grow()
	}
	i := x.home(hash)
	for x.slots[i].b != old {
		i = x.after(i)
	}
	if now == nil {
		x.remove(i)
		return
	}
	if old == nil {
		x.n++
	}
	x.slots[i] = slot{hash, now}
}

// remove frees a place, and moves up what stands behind it because it was taken.
func (x *index) remove(i int) {
	mask := len(x.slots) - 1
	for j := x.after(i); x.slots[j].b != nil; j = x.after(j) {
		if (j-x.home(x.slots[j].hash))&mask >= (j-i)&mask {
			x.slots[i] = x.slots[j]
			i = j
		}
	}
	x.slots[i] = slot{}
	x.n--
}

func (x *index) grow() {
	was := x.slots
	x.slots = make([]slot, max(2*len(was), leastSlots))
	for _, s := range was {
		if s.b == nil {
			continue
		}
		i := x.home(s.hash)
		for x.slots[i].b != nil {
			i = x.after(i)
		}
		x.slots[i] = s
	}
}

// all yields the bindings, in no order. The index must not change meanwhile.
func (x *index) all() iter.Seq[*binding] {
	return func(yield func(*binding) bool) {
		for i := range x.slots {
			if b := x.slots[i].b; b != nil && !yield(b) {
				return
			}
		}
	}
}
