package ban

import (
	"time"

	"tollgate/internal/tenant"
)

// Count is how many of the bans stand whose customer keep takes, 0 for everybody's.
func (t *Table) Count(keep func(tenant.CustomerID) bool) (n int) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	now := time.Now()
	for _, e := range t.entries {
		if keep(e.customer) && e.until.After(now) {
			n++
		}
	}
	return n
}
