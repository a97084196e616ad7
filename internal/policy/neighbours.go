package policy

import "net/netip"

// Neighbours gives the addresses of all destinations, each once.
func (s *Snapshot) Neighbours(yield func(netip.Addr) bool) {
	s.owners.all(func(at netip.AddrPort, _ owners) bool { return at.Port() != 0 || yield(at.Addr()) })
}
