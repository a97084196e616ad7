package transaction

import (
	"net/netip"
	"sync"
	"time"
)

// lookAgain is how long after a look for one unreachable address the next may
// follow: looking walks all cells, and a dead neighbour is reported for each packet.
const lookAgain = 50 * time.Millisecond

// unreachables bounds that.
type unreachables struct {
	mu   sync.Mutex
	last map[netip.AddrPort]time.Time
}

// due says whether an address is to be looked for now.
func (u *unreachables) due(to netip.AddrPort, now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if now.Sub(u.last[to]) < lookAgain {
		return false
	}
	if u.last == nil || len(u.last) > 1000 {
		u.last = make(map[netip.AddrPort]time.Time)
	}
	u.last[to] = now
	return true
}

// Unreachable tells the users of all requests to an address, as far as nothing
// answered them yet, that the network cannot deliver there (ICMP, RFC 3261
// 18.4). What they do about it is theirs: without a better address, a neighbour
// that restarts is still reached by the next retransmission.
func (l *Layer) Unreachable(to netip.AddrPort) {
	if !l.unreachables.due(to, time.Now()) {
		return
	}
	for _, sh := range l.shards {
		sh.lock()
		for slot := range sh.clients.End() {
			c := sh.clients.At(slot)
			if (c.state == clientCalling || c.state == clientTrying) && c.flow.Remote == to && !c.abandoned {
				sh.user(c.user).Unreachable(sh, makeID(c.gen, slot), c.ref)
			}
		}
		sh.unlock()
	}
}
