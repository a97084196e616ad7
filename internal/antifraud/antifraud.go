// Package antifraud counts what is alike: calls that are up or ringing at once, REGISTER
// and OPTIONS within ten seconds, of one customer, one caller and nearly one number (mission
// row C9). At a customer's threshold it says so once, names the calls that are to end, and
// keeps the key shut for five minutes.
//
// What strangers choose the keys of is bounded: calls are counted only once somebody known
// has made or answered them, and of requests the keys that were idle longest are forgotten.
//
// It is not its job to end calls or to ban (internal/edge does), nor to identify.
package antifraud

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gaissmai/bart"

	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/internal/slab"
	"tollgate/internal/tenant"
	"tollgate/sip"
)

const (
	// Window is the time within which REGISTER and OPTIONS are counted, and for how long a
	// source goes on before it is banned though its key is shut.
	Window = 10 * time.Second
	// Block is how long a key is shut.
	Block = 5 * time.Minute
	// Most is how many keys of requests are counted at once, and how many are shut.
	Most = 32768
)

// Config says what a Guard works with.
type Config struct {
	Block time.Duration // how long a key is shut; 0 = Block
	// Neighbour says that an address is a destination of a customer.
	Neighbour func(addr netip.Addr, customer tenant.CustomerID) bool
	// Tripped is told of each threshold that was reached, and of each source that goes on
	// (Trip.Again), in the goroutine that asked, with nothing of the Guard locked: a shard may be.
	Tripped func(t *Trip)
}

// Trip is a threshold that was reached, or a source that goes on in spite of it.
type Trip struct {
	Customer *policy.Customer
	Method   sip.Method
	Source   netip.AddrPort // of the call or request that reached it
	From, To string         // the key, as Key.String has it
	Count    int            // how many there were, with this one
	Evidence []byte         // first line and From as they came, and what was counted
	Calls    []Call         // that are to end
	Again    bool           // the source goes on over TCP or TLS though its key is shut
	key      uint64
}

// Call is a call that counts, as its owner finds it again.
type Call struct {
	ID    dialog.Stable
	Shard uint8
	Slot  uint32
}

// Guard is all counters of a node. Its methods may be called from any goroutine.
type Guard struct {
	cfg   Config
	seed  maphash.Seed
	start time.Time
	shut  atomic.Int64 // keys that are shut

	friends friends
	numbers sync.Pool // *policy.Numbers: scratch of keyOf

	mu      sync.Mutex // guards what follows
	keys    map[uint64]uint32
	entries slab.Slab[entry]
	calls   slab.Slab[member]
	idle    list // keys of requests, the one idle longest first
	tripped list // keys of thresholds that were reached, the oldest first
	tallies map[tenant.CustomerID]*tallies
	totals  [kinds][2]uint64 // thresholds that were reached: enforced, only counted
}

// New makes a guard that has counted nothing.
func New(cfg Config) *Guard {
	if cfg.Block <= 0 {
		cfg.Block = Block
	}
	return &Guard{
		cfg: cfg, seed: maphash.MakeSeed(), start: time.Now(), keys: make(map[uint64]uint32),
		tallies: make(map[tenant.CustomerID]*tallies),
		friends: friends{of: make(map[tenant.CustomerID]*friend)},
		numbers: sync.Pool{New: func() any { return new(policy.Numbers) }},
	}
}

// clock is the guard's age at a time, never 0.
func (g *Guard) clock(now time.Time) time.Duration { return max(now.Sub(g.start), 1) }

// kind is a method that is counted.
type kind uint8

const (
	invite kind = iota
	register
	options
	kinds
)

// method is the kind's.
func (k kind) method() sip.Method { return [...]sip.Method{sip.INVITE, sip.REGISTER, sip.OPTIONS}[k] }

// threshold gives the kind of a method and the customer's threshold for it, 0 where it is not counted.
func threshold(m sip.Method, c *policy.Customer) (kind, int) {
	a := &c.Settings.Antifraud
	switch m {
	case sip.INVITE:
		return invite, a.Invite
	case sip.REGISTER:
		return register, a.Register
	case sip.OPTIONS:
		return options, a.Options
	}
	return 0, 0
}

// acts says that a customer's thresholds are enforced, not only counted.
func acts(c *policy.Customer) bool { return !c.Transparent && c.Settings.Antifraud.Mode != "monitor" }

// friends are, by customer, the ranges that antifraud leaves alone, and those of entries.
type friends struct {
	mu sync.RWMutex
	of map[tenant.CustomerID]*friend
}

type friend struct{ whitelist, entries bart.Lite }

// Accept sets the whitelist of a customer, and the addresses from which switches send him calls.
func (g *Guard) Accept(customer tenant.CustomerID, whitelist, entries []netip.Prefix) {
	f := new(friend)
	for _, p := range whitelist {
		f.whitelist.Insert(p.Masked())
	}
	for _, p := range entries {
		f.entries.Insert(p.Masked())
	}
	g.friends.mu.Lock()
	defer g.friends.mu.Unlock()
	if len(whitelist)+len(entries) == 0 {
		delete(g.friends.of, customer)
		return
	}
	g.friends.of[customer] = f
}

// Gone forgets customers. What is left of their keys goes with its time.
func (g *Guard) Gone(customers ...tenant.CustomerID) {
	g.friends.mu.Lock()
	for _, id := range customers {
		delete(g.friends.of, id)
	}
	g.friends.mu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, id := range customers {
		delete(g.tallies, id)
	}
}

// Entry says that an address is one from which a switch sends the customer calls.
func (g *Guard) Entry(customer tenant.CustomerID, addr netip.Addr) bool {
	f := g.friend(customer)
	return f != nil && f.entries.Contains(plain(addr))
}

func (g *Guard) friend(customer tenant.CustomerID) *friend {
	g.friends.mu.RLock()
	defer g.friends.mu.RUnlock()
	return g.friends.of[customer]
}

// spared says that a customer's antifraud leaves an address alone: it is on his whitelist, or
// one of his destinations.
func (g *Guard) spared(customer tenant.CustomerID, addr netip.Addr) bool {
	f := g.friend(customer)
	return f != nil && f.whitelist.Contains(addr) || g.cfg.Neighbour != nil && g.cfg.Neighbour(addr, customer)
}

func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }
