package registrar

import (
	"net/netip"

	"tollgate/internal/tenant"
)

// home is an address from which phones of a customer have registered.
type home struct {
	customer tenant.CustomerID
	addr     netip.Addr
}

func homeOf(b *binding) home { return home{b.owner, b.flow.Remote.Addr().Unmap().WithZone("")} }

// From says that a phone of a customer has registered from an address.
func (r *Registrar) From(customer tenant.CustomerID, addr netip.Addr) bool {
	return r.homes.count(home{customer, addr}) > 0
}
