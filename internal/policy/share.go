package policy

import (
	"net/netip"

	"tollgate/internal/tenant"
	"tollgate/sip"
)

// Belonging is whose a request seems to be, at a glance.
type Belonging struct {
	Customer  tenant.CustomerID // 0: not known, or several share its source
	ByHost    bool              // the host of the Request-URI says so
	Neighbour bool              // it comes from somebody's destination or entry
	Emergency bool
}

// Belongs tells whose a request over UDP is by its Request-URI and source alone, as
// Identify would find in nearly all cases. It decides nothing but the place of the request
// among others that wait.
func (s *Snapshot) Belongs(requestURI []byte, source netip.AddrPort) (b Belonging) {
	at := netip.AddrPortFrom(source.Addr().Unmap(), source.Port())
	here, is := s.owners.get(s.hashSource(at), at)
	b.Neighbour = is
	uri, err := sip.ParseURI(requestURI)
	var c *Customer
	if err == nil {
		if c = s.domainOf(&uri).customer; c != nil {
			b.Customer, b.ByHost = c.Settings.ID, true
		}
	}
	if b.Customer == 0 && here.count == 1 {
		b.Customer = here.sum
	}
	if b.Customer == 0 && !is {
		var held claim
		h := s.holders(at.Addr())
		for list := h.next(); list != nil; list = h.next() {
			for _, sw := range list {
				held.add(sw.Customer)
			}
		}
		b.Customer, b.Neighbour = held.one(), held.customer != 0
	}
	if c == nil {
		c = s.Customer(b.Customer)
	}
	if c != nil && err == nil {
		b.Emergency = c.isEmergency(&uri)
	}
	return b
}
