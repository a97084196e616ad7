package policy

import (
	"net/netip"

	"tollgate/internal/tenant"
)

// Switches that receive calls from us are no sources, but no ban may hold what they answer (mission
// row X2). So their addresses are counted apart, for each customer and, under 0, for all.

// Receives says that a switch of a customer's is at an address, or a proxy that it is called by; 0
// asks for anyone's.
func (s *Snapshot) Receives(addr netip.Addr, customer tenant.CustomerID) bool {
	key := receiverKey(addr, customer)
	_, is := s.receivers.get(s.hashKey(key), key)
	return is
}

// Receivers gives the addresses for which Receives is true, each once.
func (s *Snapshot) Receivers(yield func(netip.Addr) bool) {
	s.receivers.all(func(key sourceKey, _ int) bool { return key.customer != 0 || yield(key.at.Addr()) })
}

func receiverKey(addr netip.Addr, customer tenant.CustomerID) sourceKey {
	return sourceKey{netip.AddrPortFrom(addr.Unmap(), 0), customer}
}

// countReceivers counts all of a customer's switches, by 1 or -1.
func (s *Snapshot) countReceivers(c *Customer, by int) {
	for _, d := range c.Destinations {
		s.countReceiver(d, by)
	}
	for _, d := range c.Registrations {
		s.countReceiver(d, by)
	}
	for _, way := range c.ways {
		for _, d := range way {
			s.countReceiver(d, by)
		}
	}
}

func (s *Snapshot) countReceiver(d *Destination, by int) {
	if d.Switch == nil {
		return
	}
	s.countAddrs(d.Customer, d.Addrs, by)
	for _, p := range d.Proxies {
		if addr, err := netip.ParseAddr(p.Host); err == nil {
			s.countAddrs(d.Customer, []netip.AddrPort{netip.AddrPortFrom(addr, 0)}, by)
		}
	}
}

func (s *Snapshot) countAddrs(customer tenant.CustomerID, addrs []netip.AddrPort, by int) {
	for _, a := range addrs {
		for _, key := range [...]sourceKey{receiverKey(a.Addr(), customer), receiverKey(a.Addr(), 0)} {
			hash := s.hashKey(key)
			n, _ := s.receivers.get(hash, key)
			if n += by; n > 0 {
				s.receivers = s.receivers.with(hash, key, n)
			} else {
				s.receivers = s.receivers.without(hash, key)
			}
		}
	}
}
