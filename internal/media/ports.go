package media

import (
	"math/rand/v2"
	"time"
)

// pairList is a queue of pairs of ports, by index, from which any pair can be taken.
type pairList struct {
	head, tail int32 // -1: empty
	n          int
}

// Where a pair is.
const (
	pairUsed uint8 = iota
	pairReady
	pairResting
)

// pair is an even port and the odd one above it.
type pair struct {
	next, prev int32
	state      uint8
	since      int64 // when it was given back, ns
}

// pool gives out the pairs of ports of one local address. Each is used as seldom as can be: what
// was given back longest ago comes first, after a shuffle at the beginning, so that the next
// call's ports cannot be told from the last one's. The caller guards it.
type pool struct {
	first      uint16 // the first pair's even port
	pairs      []pair
	ready      pairList
	resting    pairList // oldest first
	used       int
	reserve    int // pairs that only emergency calls get
	quarantine int64
}

// reserved is how many of n pairs are kept for emergency calls: 5%, 4 at least, and never more
// than half of them.
func reserved(n int) int { return min(max(n/20, 4), n/2) }

// pairsOf gives the first even port of a range and how many pairs there are.
func pairsOf(first, last uint16) (even uint32, n int) {
	even = (uint32(first) + 1) &^ 1
	if uint32(last) > even {
		n = int(uint32(last)-even+1) / 2
	}
	return even, n
}

func newPool(first, last uint16, quarantine time.Duration) *pool {
	even, n := pairsOf(first, last)
	p := &pool{
		first: uint16(even), pairs: make([]pair, n), quarantine: int64(quarantine), reserve: reserved(n),
		ready: pairList{head: -1, tail: -1}, resting: pairList{head: -1, tail: -1},
	}
	for _, i := range rand.Perm(n) {
		p.push(&p.ready, int32(i), pairReady)
	}
	return p
}

func (p *pool) push(l *pairList, i int32, state uint8) {
	e := &p.pairs[i]
	e.next, e.prev, e.state = -1, l.tail, state
	if l.tail >= 0 {
		p.pairs[l.tail].next = i
	} else {
		l.head = i
	}
	l.tail = i
	l.n++
}

func (p *pool) remove(l *pairList, i int32) {
	e := &p.pairs[i]
	if e.prev >= 0 {
		p.pairs[e.prev].next = e.next
	} else {
		l.head = e.next
	}
	if e.next >= 0 {
		p.pairs[e.next].prev = e.prev
	} else {
		l.tail = e.prev
	}
	e.state = pairUsed
	l.n--
}

// wake makes ready what has rested long enough.
func (p *pool) wake(now int64) {
	for i := p.resting.head; i >= 0 && now-p.pairs[i].since >= p.quarantine; i = p.resting.head {
		p.remove(&p.resting, i)
		p.push(&p.ready, i, pairReady)
	}
}

// get gives a pair's even port; false: none is left for such a call.
func (p *pool) get(now int64, emergency bool) (port uint16, ok bool) {
	p.wake(now)
	if p.ready.n == 0 || p.ready.n <= p.reserve && !emergency {
		return 0, false
	}
	i := p.ready.head
	p.remove(&p.ready, i)
	p.used++
	return p.port(i), true
}

// take gives a certain pair, resting or not; false: it is in use, or none of the pool's.
func (p *pool) take(port uint16) bool {
	i := int32(port-p.first) / 2
	if port < p.first || port%2 != 0 || int(i) >= len(p.pairs) {
		return false
	}
	switch p.pairs[i].state {
	case pairReady:
		p.remove(&p.ready, i)
	case pairResting:
		p.remove(&p.resting, i)
	default:
		return false
	}
	p.used++
	return true
}

// put takes a pair back.
func (p *pool) put(port uint16, now int64) {
	i := int32(port-p.first) / 2
	p.used--
	p.pairs[i].since = now
	p.push(&p.resting, i, pairResting)
}

func (p *pool) port(i int32) uint16 { return p.first + uint16(2*i) }
