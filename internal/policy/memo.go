package policy

import (
	"hash/maphash"
	"sync/atomic"
)

// memo remembers the rank of the rule that values matched, so that a phone model's
// User-Agent costs its regexes once. It is a fixed number of slots without locks or
// allocation. A value is known by two hashes with secret seeds, of which 112 bits are
// compared: nobody who sends values can make one pass for another.
type memo struct {
	seeds [2]maphash.Seed
	slots atomic.Pointer[[memoSlots]memoSlot] // made by the first value, since most customers are idle
}

// memoSlots is how many values are remembered, a power of two.
const memoSlots = 64

// memoSlot holds one value. The words are written one after the other, so a reader could
// see halves of two values; check is key XOR data, which such halves do not fulfil.
type memoSlot struct {
	check atomic.Uint64
	data  atomic.Uint64 // the upper 48 bits of the second hash, then rank+memoRankBase in 16 bits; 0 = empty
}

// memoKey is the two hashes of a value.
type memoKey [2]uint64

const (
	memoRankBits = 16
	memoRankMask = 1<<memoRankBits - 1
	memoRankBase = 3 // tooCostly and noMatch are remembered too, and no data is 0
)

// seed makes a memo ready for use.
func (m *memo) seed() { m.seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()} }

func (m *memo) key(value []byte) memoKey {
	return memoKey{maphash.Bytes(m.seeds[0], value), maphash.Bytes(m.seeds[1], value)}
}

// get finds the rank for a value.
func (m *memo) get(k memoKey) (rank int, ok bool) {
	slots := m.slots.Load()
	if slots == nil {
		return 0, false
	}
	slot := &slots[k[0]%memoSlots]
	data := slot.data.Load()
	if data == 0 || slot.check.Load()^data != k[0] || (data^k[1])&^memoRankMask != 0 {
		return 0, false
	}
	return int(data&memoRankMask) - memoRankBase, true
}

// put remembers the rank for a value in place of what the slot held.
func (m *memo) put(k memoKey, rank int) {
	if rank+memoRankBase > memoRankMask {
		return
	}
	slots := m.slots.Load()
	if slots == nil {
		slots = new([memoSlots]memoSlot)
		if !m.slots.CompareAndSwap(nil, slots) {
			slots = m.slots.Load()
		}
	}
	data := k[1]&^memoRankMask | uint64(rank+memoRankBase)
	slot := &slots[k[0]%memoSlots]
	slot.data.Store(data)
	slot.check.Store(k[0] ^ data)
}
