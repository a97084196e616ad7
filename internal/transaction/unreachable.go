package transaction

import (
	"net/netip"
	"sync"
	"time"
)

// The bounds of looking for requests to addresses that are unreachable. A look walks all cells,
// and who sends from many ports that he has closed again has an error come for each answer.
const (
	lookAgain = 50 * time.Millisecond // from one look to the next
	maxNamed  = 1000                  // addresses in one look; of more nothing is told
)

// unreachables are the addresses that the next look is for.
type unreachables struct {
	mu     sync.Mutex
	named  map[netip.AddrPort]struct{}
	looked time.Time
}

// name adds an address.
func (u *unreachables) name(to netip.AddrPort) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.named == nil {
		u.named = make(map[netip.AddrPort]struct{})
	}
	if len(u.named) < maxNamed {
		u.named[to] = struct{}{}
	}
}

// due gives the addresses to look for now; nil: none, or not yet.
func (u *unreachables) due(now time.Time) map[netip.AddrPort]struct{} {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.named) == 0 || now.Sub(u.looked) < lookAgain {
		return nil
	}
	named := u.named
	u.named, u.looked = nil, now
	return named
}

// Unreachable tells the users of all requests to an address, as far as nothing
// answered them yet, that the network cannot deliver there (ICMP, RFC 3261
// 18.4): at once, or soon where others were unreachable just now. What they do about
// it is theirs: without a better address, a neighbour that restarts is still reached by
// the next retransmission.
func (l *Layer) Unreachable(to netip.AddrPort) {
	l.unreachables.name(to)
	l.lookForUnreachable()
}

// lookForUnreachable is one look, where one is due.
func (l *Layer) lookForUnreachable() {
	named := l.unreachables.due(time.Now())
	if named == nil {
		return
	}
	for _, sh := range l.shards {
		sh.lock()
		for slot := range sh.clients.End() {
			c := sh.clients.At(slot)
			if (c.state != clientCalling && c.state != clientTrying) || c.abandoned {
				continue
			}
			if _, here := named[c.flow.Remote]; here {
				sh.user(c.user).Unreachable(sh, makeID(c.gen, slot), c.ref)
			}
		}
		sh.unlock()
	}
}
