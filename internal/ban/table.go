package ban

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gaissmai/bart"

	"tollgate/internal/tenant"
)

// Journal keeps bans over a restart.
type Journal interface {
	Put(id ID, data []byte) error
	Delete(id ID)
}

// Config says what a Table works with.
type Config struct {
	Journal Journal        // nil: nothing is kept
	Never   []netip.Prefix // is never banned
	// Neighbour says that an address is a destination of a customer, or of anyone with 0. It is
	// asked on the hot path, where a ban was found. nil: there are none.
	Neighbour func(addr netip.Addr, customer tenant.CustomerID) bool
	// NeighbourIn says that any address of a range is anyone's destination. nil: there are none.
	NeighbourIn func(p netip.Prefix) bool
	First       time.Duration // how long Tollgate bans for the first time; 0 = 5 minutes
}

// Table is all bans of a node. Its methods may be called from any goroutine.
type Table struct {
	cfg      Config
	never    bart.Lite
	platform atomic.Pointer[bart.Table[*entry]]
	narrow   atomic.Int64 // bans of customers
	dropped  atomic.Uint64

	mu        sync.RWMutex // guards what follows, and writing to platform
	customers map[tenant.CustomerID]*bart.Table[*entry]
	entries   map[key]*entry // those that are over but remembered, too
	cleared   time.Time      // when room looked last
	accepted  guests
	kernel    Kernel // nil: there is none

	sooner chan struct{} // a ban ends before the next sweep, and the kernel does not know
	stop   chan struct{}
	done   sync.WaitGroup
}

// New makes a table without bans.
func New(cfg Config) *Table {
	if cfg.First <= 0 {
		cfg.First = firstBan
	}
	t := &Table{
		cfg: cfg, customers: make(map[tenant.CustomerID]*bart.Table[*entry]), entries: make(map[key]*entry),
		accepted: newGuests(), sooner: make(chan struct{}, 1), stop: make(chan struct{}),
	}
	t.platform.Store(new(bart.Table[*entry]))
	for _, p := range cfg.Never {
		t.never.Insert(canonical(p))
	}
	return t
}

// sweepEvery is how often bans that are over are taken out, or sooner where the kernel drops
// for one.
const sweepEvery = 5 * time.Second

// Run takes out what is over until Close.
func (t *Table) Run() {
	t.done.Go(func() {
		next := time.NewTimer(sweepEvery)
		defer next.Stop()
		for {
			select {
			case <-t.stop:
				return
			case <-t.sooner:
			case <-next.C:
			}
			next.Reset(t.sweep(time.Now()))
		}
	})
}

// Close ends Run. It is called once.
func (t *Table) Close() {
	close(t.stop)
	t.done.Wait()
}

// Dropped says that nothing of an address is to be heard, whoever it is for, and counts it.
// A source that a customer accepts is left to Refused.
func (t *Table) Dropped(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	e := standing(t.platform.Load(), addr)
	if e == nil || t.spared(addr, 0) {
		return false
	}
	e.hits.Add(1)
	t.dropped.Add(1)
	return true
}

// Refused says that a customer hears nothing of an address: by his own ban, or by the
// platform's where he does not accept the source himself. With dry nothing is counted.
func (t *Table) Refused(customer tenant.CustomerID, addr netip.Addr, dry bool) bool {
	addr = addr.Unmap().WithZone("")
	e := standing(t.platform.Load(), addr)
	if e == nil && t.narrow.Load() > 0 {
		t.mu.RLock()
		if tree := t.customers[customer]; tree != nil {
			e = standing(tree, addr)
		}
		t.mu.RUnlock()
	}
	if e == nil || t.spared(addr, customer) {
		return false
	}
	if !dry {
		e.hits.Add(1)
		t.dropped.Add(1)
	}
	return true
}

// standing is the ban of a tree that holds an address now. One that is over may hide a
// wider one that is not.
func standing(tree *bart.Table[*entry], addr netip.Addr) *entry {
	e, ok := tree.Lookup(addr)
	if !ok {
		return nil
	}
	now := time.Now()
	if e.until.After(now) {
		return e
	}
	for _, wider := range tree.Supernets(netip.PrefixFrom(addr, addr.BitLen())) {
		if wider.until.After(now) {
			return wider
		}
	}
	return nil
}

// spared says that no ban holds an address: never_ban, or because the customer (0: any of
// them) accepts it.
func (t *Table) spared(addr netip.Addr, customer tenant.CustomerID) bool {
	if t.never.Contains(addr) || t.cfg.Neighbour != nil && t.cfg.Neighbour(addr, customer) {
		return true
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.accepted.hold(netip.PrefixFrom(addr, addr.BitLen()), customer)
}

// Spares says that no ban by Tollgate itself holds an address: never_ban, or because any
// customer accepts it.
func (t *Table) Spares(addr netip.Addr) bool { return t.spared(addr.Unmap().WithZone(""), 0) }

// protected says that a ban is not to be: of what never_ban covers, of what the customer
// accepts, and none by Tollgate itself of a source that any customer accepts. A person may
// ban that for the whole platform: it holds for all but those who accept it. The caller
// holds the lock.
func (t *Table) protected(k key, automatic bool) bool {
	if t.never.LookupPrefix(k.prefix) {
		return true
	}
	if k.customer == 0 && !automatic {
		return false
	}
	return t.accepted.hold(k.prefix, k.customer) ||
		k.prefix.IsSingleIP() && t.cfg.Neighbour != nil && t.cfg.Neighbour(k.prefix.Addr(), k.customer)
}

// Add bans, and returns once it is in force. One that stands for the same range is
// replaced. With ErrNotKept the ban is in force all the same.
func (t *Table) Add(w Wish) (Ban, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := key{canonical(w.Prefix), w.Customer}
	if t.protected(k, w.For <= 0) {
		return Ban{}, ErrProtected
	}
	old := t.entries[k]
	if old == nil && len(t.entries) >= Most && !t.room() {
		return Ban{}, ErrFull
	}
	now := time.Now().Round(0) // a restart knows the wall's clock only
	e := &entry{key: k, reason: w.Reason, evidence: slices.Clone(w.Evidence[:min(len(w.Evidence), MaxEvidence)]), since: now}
	if old != nil {
		e.hits.Store(old.hits.Load())
		e.blocked = old.blocked
	}
	length := w.For
	if length <= 0 {
		if e.times = 1; old != nil {
			e.times = old.times + 1
		}
		length = doubled(t.cfg.First, e.times)
	}
	e.until = now.Add(min(length, Longest))
	t.put(e)
	t.settle(e, now)
	t.hurry(e, now)
	if t.keep(e) != nil {
		return e.ban(), ErrNotKept
	}
	return e.ban(), nil
}

// put brings an entry into force. The caller holds the lock.
func (t *Table) put(e *entry) {
	t.entries[e.key] = e
	if e.customer == 0 {
		t.platform.Store(t.platform.Load().InsertPersist(e.prefix, e))
		return
	}
	tree := t.customers[e.customer]
	if tree == nil {
		tree = new(bart.Table[*entry])
		t.customers[e.customer] = tree
	}
	if _, known := tree.Get(e.prefix); !known {
		t.narrow.Add(1)
	}
	tree.Insert(e.prefix, e)
}

// take ends a ban's force; it stays remembered. The caller holds the lock.
func (t *Table) take(e *entry) {
	t.unblock(e)
	if e.customer == 0 {
		t.platform.Store(t.platform.Load().DeletePersist(e.prefix))
		return
	}
	tree := t.customers[e.customer]
	if tree == nil {
		return
	}
	if _, known := tree.Get(e.prefix); known {
		tree.Delete(e.prefix)
		t.narrow.Add(-1)
	}
	if tree.Size() == 0 {
		delete(t.customers, e.customer)
	}
}

// forget ends a ban and all memory of it. The caller holds the lock.
func (t *Table) forget(e *entry) {
	t.take(e)
	delete(t.entries, e.key)
	if t.cfg.Journal != nil {
		t.cfg.Journal.Delete(e.id())
	}
}

// room forgets all that is only remembered, and says whether that was anything. It looks once a
// second: who has many sources banned must not make each of them dear.
func (t *Table) room() bool {
	now := time.Now()
	if now.Sub(t.cleared) < time.Second {
		return false
	}
	t.cleared = now
	for _, e := range t.entries {
		if !e.until.After(now) {
			t.forget(e)
		}
	}
	return len(t.entries) < Most
}

// sweep ends what is over, forgets what was over long ago, and lifts what is protected by now.
// It says when to do so again.
func (t *Table) sweep(now time.Time) (next time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	next = sweepEvery
	for _, e := range t.entries {
		switch {
		case now.Sub(e.until) >= remembers || e.times == 0 && !e.until.After(now), t.protected(e.key, e.times > 0):
			t.forget(e)
		case !e.until.After(now):
			t.take(e)
		default:
			if t.settle(e, now); e.blocked {
				next = min(next, e.until.Sub(now))
			}
		}
	}
	return next
}

// Lift ends the ban with that ID if allowed takes its customer, 0 for everybody's. It
// returns once nothing is dropped any more; false where there is no such ban.
func (t *Table) Lift(id ID, allowed func(tenant.CustomerID) bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	for _, e := range t.entries {
		if e.id() == id && allowed(e.customer) && e.until.After(now) {
			t.forget(e)
			return true
		}
	}
	return false
}

// List gives the bans that stand and whose customer keep takes, 0 for everybody's; in no order.
func (t *Table) List(keep func(tenant.CustomerID) bool) []Ban {
	t.mu.RLock()
	defer t.mu.RUnlock()
	t.collect()
	now := time.Now()
	var out []Ban
	for _, e := range t.entries {
		if keep(e.customer) && e.until.After(now) {
			out = append(out, e.ban())
		}
	}
	return out
}

// Stats is how many bans there are, those over but remembered included, and what was
// dropped for them since the start.
func (t *Table) Stats() (bans int, dropped uint64) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	t.collect()
	return len(t.entries), t.dropped.Load()
}
