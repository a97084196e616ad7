package transaction

import (
	"time"

	"tollgate/internal/slab"
)

// tick is the resolution of every SIP timer: RFC 3261's smallest is T1 = 500 ms.
const tick = 20 * time.Millisecond

const (
	wheelBits = 11 // buckets: 2048 ticks = 41 s, so timers B, F, H, J need one round
	wheelSize = 1 << wheelBits
	noTimer   = ^uint32(0)
)

// Long timers, such as those that forget a transaction, fall due together, so that the
// clock need not wake for each.
const (
	longTicks = int64(30 * time.Second / tick)
	longStep  = 4
)

// TimerID names a pending timer; the zero value names none, and a timer that
// has fired or was stopped is never mistaken for a later one in its place.
type TimerID uint64

// entry is a timer in a bucket's doubly linked list.
type entry struct {
	next, prev uint32
	gen        uint32
	user       uint8 // who is told; see Shard.fire
	code       uint8
	pending    bool
	at         int64 // tick
	ref        uint64
}

// wheel is a hashed timing wheel: start and stop are O(1), and a timer longer
// than a round is looked at once a round.
type wheel struct {
	entries slab.Slab[entry]
	heads   [wheelSize]uint32
	now     int64 // the last tick that was served
}

func (w *wheel) init() {
	for i := range w.heads {
		w.heads[i] = noTimer
	}
}

// start sets a timer to fire after d, not before.
func (w *wheel) start(d time.Duration, user, code uint8, ref uint64) TimerID {
	ticks := int64((d + tick - 1) / tick)
	if ticks < 1 {
		ticks = 1
	}
	slot, e := w.entries.Alloc()
	gen := nextGen(e.gen)
	at := w.now + ticks + 1
	if ticks >= longTicks {
		at = (at + longStep - 1) / longStep * longStep
	}
	*e = entry{gen: gen, user: user, code: code, ref: ref, pending: true, at: at}
	w.link(slot, e)
	return TimerID(uint64(gen)<<32 | uint64(slot))
}

func (w *wheel) link(slot uint32, e *entry) {
	head := &w.heads[e.at&(wheelSize-1)]
	e.next, e.prev = *head, noTimer
	if *head != noTimer {
		w.entries.At(*head).prev = slot
	}
	*head = slot
}

func (w *wheel) unlink(e *entry) {
	if e.prev != noTimer {
		w.entries.At(e.prev).next = e.next
	} else {
		w.heads[e.at&(wheelSize-1)] = e.next
	}
	if e.next != noTimer {
		w.entries.At(e.next).prev = e.prev
	}
}

// stop ends a timer and clears the id; a fired, stopped or zero one is left alone.
func (w *wheel) stop(id *TimerID) {
	slot, gen := uint32(*id), uint32(*id>>32)
	*id = 0
	if gen == 0 {
		return
	}
	e := w.entries.At(slot)
	if e == nil || e.gen != gen || !e.pending {
		return
	}
	w.unlink(e)
	e.pending = false
	w.entries.Release(slot)
}

// advance serves every tick up to now; fire may start and stop timers.
func (w *wheel) advance(now int64, fire func(user, code uint8, ref uint64)) {
	for w.now < now {
		w.now++
		w.serve(fire)
	}
}

// serve fires what is due in the current bucket. It starts over after each
// firing, since fire may have unlinked any neighbour; the due ones are few.
func (w *wheel) serve(fire func(user, code uint8, ref uint64)) {
	head := &w.heads[w.now&(wheelSize-1)]
	for slot := *head; slot != noTimer; {
		e := w.entries.At(slot)
		if e.at > w.now {
			slot = e.next
			continue
		}
		w.unlink(e)
		e.pending = false
		user, code, ref := e.user, e.code, e.ref
		w.entries.Release(slot)
		fire(user, code, ref)
		slot = *head
	}
}

// next is the next tick, of so many to come, at which something may be due; else the
// last of them.
func (w *wheel) next(ticks int64) int64 {
	for n := w.now + 1; n < w.now+ticks; n++ {
		if w.heads[n&(wheelSize-1)] != noTimer {
			return n
		}
	}
	return w.now + ticks
}
