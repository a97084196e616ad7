package registrar

import (
	"tollgate/internal/transport"
	"tollgate/sip"
)

// behindNAT says whether a phone is behind a NAT that it does not know of: what it
// says of its own address is not where it speaks from (RFC 3581 for the Via; a private
// or carrier's address in the Contact is the usual case). Where there are proxies
// before us (Path) that tells nothing.
func behindNAT(m *sip.Message, contact []byte, f transport.Flow) bool {
	if m.First(sip.HdrPath) != nil {
		return false
	}
	if via := m.TopVia(); via != nil {
		host := sip.URI{Host: via.Host}
		if a, ok := host.Addr(); ok && a != f.Remote.Addr() {
			return true
		}
	}
	u, err := sip.ParseURI(contact)
	if err != nil {
		return false
	}
	a, ok := u.Addr()
	return ok && (a != f.Remote.Addr() || !f.Proto.Reliable() && portOf(&u) != f.Remote.Port())
}
