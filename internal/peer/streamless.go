package peer

import (
	"net/netip"
	"sync"
	"time"
)

// streamlessFor is how long a neighbour that took no TCP is not offered it again.
const streamlessFor = 10 * time.Minute

// streamless remembers neighbours that take large requests over UDP only, so that
// RFC 3261 18.1.1's change to TCP costs their callers a connection attempt once.
type streamless struct {
	mu    sync.Mutex // guards until
	until map[netip.AddrPort]time.Time
}

func (s *streamless) add(a netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.until == nil || len(s.until) > 10000 {
		s.until = make(map[netip.AddrPort]time.Time)
	}
	s.until[a] = time.Now().Add(streamlessFor)
}

func (s *streamless) has(a netip.AddrPort) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.until) > 0 && time.Now().Before(s.until[a])
}
