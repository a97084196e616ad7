package registrar

import "net/netip"

// Addresses gives where each live binding's phone is, several of them more than once. yield
// is called with a stripe locked.
func (r *Registrar) Addresses(yield func(netip.Addr) bool) {
	for i := range r.stripes {
		if !r.stripes[i].addresses(yield) {
			return
		}
	}
}

func (s *stripe) addresses(yield func(netip.Addr) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for b := range s.shelf.all() {
		if !yield(b.flow.Remote.Addr()) {
			return false
		}
	}
	return true
}
