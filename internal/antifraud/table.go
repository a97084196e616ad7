package antifraud

import (
	"net/netip"
	"time"

	"tollgate/internal/tenant"
)

// entry is one key.
type entry struct {
	key
	slot     uint32
	customer tenant.CustomerID
	kind     kind
	calls    int    // that are up or ringing
	first    uint32 // of them, as a link
	rate     rate   // of REGISTER and OPTIONS
	touched  time.Duration

	tripped time.Duration // when the threshold was last reached and enforced; 0 = never
	until   time.Duration // shut until then; 0 = open
	detail  string        // what was counted, for those that are refused
	source  netip.Addr    // that reached it
	going   time.Duration // since when that goes on over TCP or TLS, and when it last did
	lastTry time.Duration
	asked   bool // for a ban, since it did so for too long

	in         *list
	prev, next uint32 // links
}

// member is one call that counts.
type member struct {
	gen        uint32
	used       bool
	entry      uint32
	prev, next uint32 // links
	call       Call
}

// Links are slots plus 1, 0 is none.

// list is entries in order.
type list struct {
	first, last uint32
	n           int
}

// find gives the entry of a key, nil if there is none. The caller holds the lock, here and below.
func (g *Guard) find(hash uint64) *entry {
	if slot, ok := g.keys[hash]; ok {
		return g.entries.At(slot)
	}
	return nil
}

// take gives the entry of a key, a new one if there is none.
func (g *Guard) take(k *key, kd kind, customer tenant.CustomerID) *entry {
	if e := g.find(k.hash); e != nil {
		return e
	}
	slot, e := g.entries.Alloc()
	*e = entry{key: *k, slot: slot, customer: customer, kind: kd}
	g.keys[k.hash] = slot
	return e
}

// drop forgets a key that nothing is to be known of any more.
func (g *Guard) drop(e *entry) {
	g.open(e)
	g.leave(e)
	delete(g.keys, e.hash)
	e.detail = ""
	g.entries.Release(e.slot)
}

// settle drops a key of calls of which none is left.
func (g *Guard) settle(e *entry) {
	if e.kind == invite && e.calls == 0 && e.tripped == 0 {
		g.drop(e)
	}
}

// enter puts an entry at the end of a list; at most Most stay in it.
func (g *Guard) enter(l *list, e *entry) {
	g.leave(e)
	e.in, e.prev, e.next = l, l.last, 0
	if l.last != 0 {
		g.entries.At(l.last - 1).next = e.slot + 1
	} else {
		l.first = e.slot + 1
	}
	l.last = e.slot + 1
	if l.n++; l.n > Most {
		g.over(g.oldest(l))
	}
}

// leave takes an entry out of its list.
func (g *Guard) leave(e *entry) {
	l := e.in
	if l == nil {
		return
	}
	if e.prev != 0 {
		g.entries.At(e.prev - 1).next = e.next
	} else {
		l.first = e.next
	}
	if e.next != 0 {
		g.entries.At(e.next - 1).prev = e.prev
	} else {
		l.last = e.prev
	}
	l.n--
	e.in, e.prev, e.next = nil, 0, 0
}

// open ends that a key is shut.
func (g *Guard) open(e *entry) {
	if e.until != 0 {
		e.until = 0
		g.shut.Add(-1)
	}
}

// over forgets that a key was shut or counted; its calls go on to count.
func (g *Guard) over(e *entry) {
	g.open(e)
	g.leave(e)
	e.tripped = 0
	if e.calls == 0 {
		g.drop(e)
	}
}

// expire forgets what has had its time, not too much of it at once.
func (g *Guard) expire(at time.Duration) {
	const most = 64
	for range most {
		e := g.oldest(&g.tripped)
		if e == nil || at-e.tripped < g.cfg.Block {
			break
		}
		g.over(e)
	}
	for range most {
		e := g.oldest(&g.idle)
		if e == nil || at-e.touched < Window {
			break
		}
		g.over(e)
	}
}

func (g *Guard) oldest(l *list) *entry {
	if l.first == 0 {
		return nil
	}
	return g.entries.At(l.first - 1)
}

// add counts a call.
func (g *Guard) add(e *entry, c Call) (counted uint64) {
	slot, m := g.calls.Alloc()
	*m = member{gen: max(m.gen+1, 1), used: true, entry: e.slot, next: e.first, call: c}
	if e.first != 0 {
		g.calls.At(e.first - 1).prev = slot + 1
	}
	e.first = slot + 1
	e.calls++
	return uint64(m.gen)<<32 | uint64(slot)
}

// remove takes a call out of its key.
func (g *Guard) remove(slot uint32, m *member) {
	e := g.entries.At(m.entry)
	if m.prev != 0 {
		g.calls.At(m.prev - 1).next = m.next
	} else {
		e.first = m.next
	}
	if m.next != 0 {
		g.calls.At(m.next - 1).prev = m.prev
	}
	e.calls--
	m.used = false
	g.calls.Release(slot)
}

// clear takes all calls out of a key, and gives them.
func (g *Guard) clear(e *entry) []Call {
	all := make([]Call, 0, e.calls)
	for e.first != 0 {
		slot := e.first - 1
		m := g.calls.At(slot)
		all = append(all, m.call)
		g.remove(slot, m)
	}
	return all
}
