package ban

import (
	"net/netip"
	"time"
)

// Kernel drops what a Table would drop for everybody, before this process sees it.
type Kernel interface {
	// Block drops a range from now on; what is blocked already stays. After an error the range
	// is left to the Table.
	Block(p netip.Prefix) error
	// Unblock returns once nothing of a range is dropped any more, with how many packets were
	// since Hits was last called.
	Unblock(p netip.Prefix) (packets uint64)
	// Hits tells how many packets were dropped for each range since it was last called.
	Hits(tell func(p netip.Prefix, packets uint64))
}

// Mirror has the kernel drop, from now on, what stands for everybody and what nobody accepts.
// With nil it is told to drop nothing any more.
func (t *Table) Mirror(k Kernel) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.entries {
		t.unblock(e)
	}
	t.kernel = k
	t.settleAll(time.Now())
}

// Settle is to be called when destinations have come or gone, or have other addresses, unless
// Accept or Gone is called then.
func (t *Table) Settle() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.settleAll(time.Now())
}

// settleAll brings the kernel to what holds now. The caller holds the lock.
func (t *Table) settleAll(now time.Time) {
	if t.kernel == nil {
		return
	}
	for _, e := range t.entries {
		t.settle(e, now)
	}
}

// settle brings the kernel to what holds now for one ban. The caller holds the lock.
func (t *Table) settle(e *entry, now time.Time) {
	if t.kernel == nil || e.customer != 0 {
		return
	}
	if !e.until.After(now) || t.visited(e.prefix) {
		t.unblock(e)
		return
	}
	if !e.blocked {
		e.blocked = t.kernel.Block(e.prefix) == nil
		t.hurry(e, now)
	}
}

// hurry has Run sweep anew where the kernel drops for a ban that ends before the next time. The
// caller holds the lock.
func (t *Table) hurry(e *entry, now time.Time) {
	if e.blocked && e.until.Before(now.Add(sweepEvery)) {
		select {
		case t.sooner <- struct{}{}:
		default: // it is about to
		}
	}
}

// unblock has the kernel drop a ban's range no more. The caller holds the lock.
func (t *Table) unblock(e *entry) {
	if e.blocked {
		e.blocked = false
		t.credit(e, t.kernel.Unblock(e.prefix))
	}
}

// visited says that a range has addresses which not everybody refuses: those of never_ban, of
// destinations, and those that a customer accepts. The kernel knows no exceptions, so such a ban
// is left to Dropped and Refused. The caller holds the lock.
func (t *Table) visited(p netip.Prefix) bool {
	if t.never.OverlapsPrefix(p) || t.accepted.any.OverlapsPrefix(p) {
		return true
	}
	if p.IsSingleIP() {
		return t.cfg.Neighbour != nil && t.cfg.Neighbour(p.Addr(), 0)
	}
	return t.cfg.NeighbourIn != nil && t.cfg.NeighbourIn(p)
}

// collect adds what the kernel has dropped. The caller holds the lock, for reading at least.
func (t *Table) collect() {
	if t.kernel == nil {
		return
	}
	t.kernel.Hits(func(p netip.Prefix, packets uint64) {
		if e := t.entries[key{prefix: p}]; e != nil {
			t.credit(e, packets)
		}
	})
}

func (t *Table) credit(e *entry, packets uint64) {
	e.hits.Add(packets)
	t.dropped.Add(packets)
}
