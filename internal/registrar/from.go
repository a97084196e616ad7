package registrar

import (
	"net/netip"

	"tollgate/internal/tenant"
)

// From says that a phone of a customer has registered from an address. It looks at all
// bindings: not for the hot path.
func (r *Registrar) From(customer tenant.CustomerID, addr netip.Addr) bool {
	if r.census.count(customer) == 0 {
		return false
	}
	for i := range r.stripes {
		if r.stripes[i].from(customer, addr) {
			return true
		}
	}
	return false
}

func (s *stripe) from(customer tenant.CustomerID, addr netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.byID {
		if b.customer == customer && b.flow.Remote.Addr() == addr {
			return true
		}
	}
	return false
}
