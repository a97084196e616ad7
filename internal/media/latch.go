package media

import (
	"net/netip"
	"time"

	"tollgate/internal/media/rtp"
)

// How a party's source is learnt.
//
// A source is ranked by what the description says. The exact address and port is believed at
// once, and nothing replaces it. The address with another port is believed at once, too; the port
// with another address, or nothing in common, only after several packets that follow each other,
// and not in the first instant, in which the true source would come as well. For a window after
// signalling and after the first source, a better rank replaces a worse one; then it is locked.
// Nothing is learnt before both parties are known: until then nothing is passed, and a caller may
// be silent while it rings.
//
// A source that replaces another of the same rank (an address translator has changed its port),
// and with Handover any that replaces a locked one, must send several packets while the
// present one is silent. They count from when that was heard last, and no single burst of them
// does: after a pause of ours all that waits is read at once, and a stranger's may come first.
//
//	            exact  address  port  any   afterwards
//	Strict      yes    no       no    no    locked
//	Symmetric   yes    yes      (3)   (3)   locked after the window
//	Handover    yes    yes      (3)   (3)   (5, and the present one silent for 200 ms)
//
// SRTP is opened before any of this, so that only what the party has signed counts.
const (
	defaultWindow = 3 * time.Second
	// What a stranger's packets must be until they are believed.
	consistent     = 3
	consistentMove = 5
	consistentSpan = int64(15 * time.Millisecond)  // from the first to the last: no single burst
	truthFirst     = int64(100 * time.Millisecond) // since both parties are known
	silentMove     = int64(200 * time.Millisecond) // what the present source must have been silent
	// maxSeqStep is how far one packet's sequence number may be from the one before.
	maxSeqStep = 50
)

// rank is how well a source fits the description; more is better.
type rank uint8

const (
	rankNone rank = iota
	rankAny
	rankPort
	rankAddress
	rankExact
)

func rankOf(from, said netip.AddrPort) rank {
	switch {
	case from == said:
		return rankExact
	case from.Addr() == said.Addr():
		return rankAddress
	case from.Port() == said.Port():
		return rankPort
	}
	return rankAny
}

// candidate is a source that may come to be believed.
type candidate struct {
	from  netip.AddrPort
	ssrc  uint32
	seq   uint16
	n     uint16 // packets that follow each other
	first int64  // when the first of them came
}

// latch learns where one party sends from. The zero one has learnt nothing.
type latch struct {
	way    Latch
	rank   rank           // of source; rankNone: nothing learnt
	source netip.AddrPort // in use
	heard  int64          // when something came from it
	since  int64          // when both parties were known and signalling spoke last
	until  int64          // the window's end
	tries  [2]candidate   // two, so that one stranger does not keep the party from being learnt
}

// begin opens the window after signalling. What was learnt stays until something better comes,
// unless the party is another one or wants its media elsewhere.
func (l *latch) begin(way Latch, now, window int64, anew bool) {
	if anew {
		*l = latch{}
	}
	l.way, l.since, l.until = way, now, now+window
	l.tries = [2]candidate{}
}

// locked says that the source stays without signalling.
func (l *latch) locked(now int64) bool {
	return l.rank == rankExact || l.rank != rankNone && now >= l.until
}

// opinion is what a latch says to a source before its packet is looked into.
type opinion uint8

const (
	refused opinion = iota
	believed
	asked // to be tried
)

// judge looks at a source.
func (l *latch) judge(from, said netip.AddrPort, now int64) opinion {
	switch {
	case from == l.source:
		return believed
	case l.way == Strict && from != said:
		return refused
	case l.way == Handover || !l.locked(now):
		return asked
	}
	return refused
}

// try is for a packet of a source that was asked, once it is known to be a good one; it tells
// whether the source is believed from now on. A nil header: it is no RTP.
func (l *latch) try(from, said netip.AddrPort, h *rtp.Header, now, window int64) bool {
	r := rankOf(from, said)
	better := r > l.rank && !l.locked(now)
	if better && r >= rankAddress {
		l.take(from, r, now, window)
		return true
	}
	if r < l.rank && l.way != Handover {
		return false
	}
	c := l.follow(from, h, now)
	if better {
		if c.n < consistent || now-c.first < consistentSpan || now-l.since < truthFirst {
			return false
		}
	} else {
		if c.first <= l.heard { // what came before the present source was heard last says nothing
			c.n, c.first = 1, now
		}
		if c.n < consistentMove || now-c.first < consistentSpan || now-l.heard < silentMove {
			return false
		}
	}
	l.take(from, r, now, window)
	return true
}

// follow counts a candidate's packets. Who has the fewest gives way to a new one.
func (l *latch) follow(from netip.AddrPort, h *rtp.Header, now int64) *candidate {
	c := &l.tries[0]
	if l.tries[1].from == from || c.from != from && l.tries[1].n < c.n {
		c = &l.tries[1]
	}
	if c.from != from || h != nil && (h.SSRC != c.ssrc || h.Seq-c.seq-1 >= maxSeqStep) {
		*c = candidate{from: from, first: now}
	}
	if h != nil {
		c.ssrc, c.seq = h.SSRC, h.Seq
	}
	c.n = min(c.n+1, 1<<15)
	return c
}

func (l *latch) take(from netip.AddrPort, r rank, now, window int64) {
	if l.rank == rankNone {
		l.until = max(l.until, now+window)
	}
	l.source, l.rank, l.heard = from, r, now
	l.tries = [2]candidate{}
}
