package registrar

import (
	"net/netip"

	"tollgate/internal/transport"
	"tollgate/sip"
)

// behindNAT says whether a phone is behind a NAT that it does not know of: what it
// says of its own address is not where it speaks from (RFC 3581 for the Via; a private
// or carrier's address in the Contact is the usual case). Where there are proxies
// before us (Path) that tells nothing.
func behindNAT(m *sip.Message, contact netip.AddrPort, f transport.Flow) bool {
	if m.First(sip.HdrPath) != nil {
		return false
	}
	if via := m.TopVia(); via != nil {
		host := sip.URI{Host: via.Host}
		if a, ok := host.Addr(); ok && a != f.Remote.Addr() {
			return true
		}
	}
	return contact.IsValid() && (contact.Addr() != f.Remote.Addr() || !f.Proto.Reliable() && contact.Port() != f.Remote.Port())
}
