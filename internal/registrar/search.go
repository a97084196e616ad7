package registrar

import (
	"net/netip"
	"strings"

	"tollgate/internal/dialog"
	"tollgate/internal/tenant"
)

// Search gives bindings that keep takes, in no order, at most so many, whose address of record
// holds a text or whose phone has that address. It makes no list of all to find some.
func (r *Registrar) Search(keep func(tenant.CustomerID) bool, text string, most int) (out []Summary) {
	addr, err := netip.ParseAddr(text)
	addr = addr.Unmap()
	text = strings.ToLower(text)
	var ids []dialog.Stable
	for i := range r.stripes {
		s := &r.stripes[i]
		s.mu.Lock()
		for b := range s.shelf.all() {
			if len(ids) == most {
				break
			}
			if (err == nil && b.flow.Remote.Addr().Unmap() == addr || err != nil && strings.Contains(strings.ToLower(b.aor()), text)) && keep(b.customer) {
				ids = append(ids, b.id)
			}
		}
		s.mu.Unlock()
	}
	for _, id := range ids {
		if s, ok := r.Find(id); ok {
			out = append(out, s)
		}
	}
	return out
}
