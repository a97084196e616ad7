package policy

import (
	"errors"
	"fmt"
	"hash/maphash"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"tollgate/internal/tenant"
)

// ErrDomainTaken means that a domain belongs to another customer, which is not named.
var ErrDomainTaken = errors.New("in use by another customer")

// Table is the writer's side: it compiles what changed and publishes the next Snapshot.
// Safe for use by several goroutines. A change is in force when its method returns.
type Table struct {
	mu       sync.Mutex // held by writers; guards resolved
	current  atomic.Pointer[Snapshot]
	resolved map[tenant.DestinationID]resolution
}

// resolution is where a name led when it was last resolved. The host is kept because a
// destination that gets another host must not inherit the addresses of the old one.
type resolution struct {
	host  string
	addrs []netip.AddrPort
}

// NewTable is a table without customers.
func NewTable() *Table {
	t := &Table{resolved: make(map[tenant.DestinationID]resolution)}
	t.current.Store(&Snapshot{seed: maphash.MakeSeed()})
	return t
}

// Snapshot is the configuration in force.
func (t *Table) Snapshot() *Snapshot { return t.current.Load() }

// SetPlatform sets what holds for the whole node.
func (t *Table) SetPlatform(p Platform) {
	p.Local = slices.Clone(p.Local)
	local := make(map[string]struct{}, len(p.Local))
	for _, host := range p.Local {
		if name, err := CanonicalDomain(host); err == nil {
			local[name] = struct{}{}
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	next := *t.current.Load()
	next.platform, next.local = p, local
	t.current.Store(&next)
}

// PutCompany adds a company or changes it, and gives its customers the new ceilings;
// nothing of them is compiled again.
func (t *Table) PutCompany(c tenant.Company) {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := *t.current.Load()
	company := &Company{ID: c.ID, Name: c.Name, Channels: c.Channels, CPS: c.CPS}
	next.companies = next.companies.with(hashID(c.ID), c.ID, company)
	next.rehome(company)
	t.current.Store(&next)
}

// RemoveCompany forgets a company; its customers, if any are left, have its ceilings no more.
func (t *Table) RemoveCompany(id tenant.CompanyID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := *t.current.Load()
	next.companies = next.companies.without(hashID(id), id)
	next.rehome(&Company{ID: id})
	t.current.Store(&next)
}

// rehome points a company's customers to its new self.
func (s *Snapshot) rehome(company *Company) {
	for old := range s.Customers {
		if old.Settings.Company == company.ID {
			customer := *old
			customer.Company = company
			s.renew(&customer)
		}
	}
}

// renew puts a customer in the place of himself, whose particulars are the same.
func (s *Snapshot) renew(c *Customer) {
	s.customers = s.customers.with(hashID(c.Settings.ID), c.Settings.ID, c)
	for _, name := range c.Domains {
		s.domains = s.domains.with(s.hashText([]byte(name)), name, c)
	}
}

// Put adds or replaces customers, all of them or, on an error, none. A domain may move
// between customers within one Put.
func (t *Table) Put(accounts ...*tenant.Account) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := *t.current.Load()
	compiled := make([]*Customer, 0, len(accounts))
	var faults []error
	for _, a := range accounts {
		c, err := t.compile(&next, a)
		if err != nil {
			faults = append(faults, fmt.Errorf("customer %q: %w", a.Customer.Name, err))
			continue
		}
		compiled = append(compiled, c)
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	if err := eachOnce(compiled); err != nil {
		return err
	}
	var gone []*Destination
	for _, c := range compiled {
		gone = append(gone, next.remove(c.Settings.ID)...)
	}
	for _, c := range compiled {
		if err := next.add(c); err != nil {
			faults = append(faults, fmt.Errorf("customer %q: %w", c.Settings.Name, err))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	t.current.Store(&next)
	t.forget(&next, gone)
	return nil
}

// eachOnce: 0 is no customer, and of two with one id it is not known which is meant.
func eachOnce(customers []*Customer) error {
	seen := make(map[tenant.CustomerID]bool, len(customers))
	for _, c := range customers {
		id := c.Settings.ID
		if id == 0 || seen[id] {
			return fmt.Errorf("customer %q: id %d: must be one of its own, not 0", c.Settings.Name, id)
		}
		seen[id] = true
	}
	return nil
}

// Remove forgets customers; an id that there is not is none of its concern.
func (t *Table) Remove(ids ...tenant.CustomerID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := *t.current.Load()
	var gone []*Destination
	for _, id := range ids {
		gone = append(gone, next.remove(id)...)
	}
	t.current.Store(&next)
	t.forget(&next, gone)
}

// Resolved tells to which addresses the name of a destination led, so that a source there
// is known as that destination. A port of 0 means the destination's own or its default.
// The addresses replace those told before.
func (t *Table) Resolved(id tenant.DestinationID, addrs []netip.AddrPort) {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := *t.current.Load()
	old := next.Destination(id)
	if old == nil {
		return
	}
	addrs = listening(old, addrs)
	if slices.Equal(addrs, old.Addrs) {
		return
	}
	t.resolved[id] = resolution{old.Host, addrs}
	moved := *old
	moved.Addrs = addrs
	customer := next.Customer(old.Customer).moved(&moved)
	next.remove(old.Customer)
	// The domains are those that were just removed, so add cannot find them taken.
	if err := next.add(customer); err == nil {
		t.current.Store(&next)
	}
}

// forget drops the resolutions of destinations that are gone.
func (t *Table) forget(s *Snapshot, gone []*Destination) {
	for _, d := range gone {
		if _, still := s.destinations.get(hashID(d.ID), d.ID); !still {
			delete(t.resolved, d.ID)
		}
	}
}

// add indexes a customer that is not in the snapshot yet.
func (s *Snapshot) add(c *Customer) error {
	id := c.Settings.ID
	s.customers = s.customers.with(hashID(id), id, c)
	for _, name := range c.Domains {
		hash := s.hashText([]byte(name))
		if other, taken := s.domains.get(hash, name); taken && other.Settings.ID != id {
			return fmt.Errorf("domain %q: %w", name, ErrDomainTaken)
		}
		s.domains = s.domains.with(hash, name, c)
	}
	for _, d := range c.Destinations {
		hash := hashID(d.ID)
		if other, taken := s.destinations.get(hash, d.ID); taken && other != id {
			return fmt.Errorf("destination id %d: %w", d.ID, ErrDomainTaken)
		}
		s.destinations = s.destinations.with(hash, d.ID, id)
	}
	s.addSources(c)
	s.addEntries(c)
	s.countReceivers(c, 1)
	return nil
}

func (s *Snapshot) addSources(c *Customer) {
	for _, d := range c.Destinations {
		for _, key := range d.keys() {
			hash := s.hashKey(key)
			here, known := s.sources.get(hash, key)
			if slices.Contains(here, d) {
				continue // a whole address stands for several ports of one destination
			}
			s.sources = s.sources.with(hash, key, append(slices.Clip(here), d))
			if known {
				continue
			}
			at := s.hashSource(key.at)
			o, _ := s.owners.get(at, key.at)
			s.owners = s.owners.with(at, key.at, o.with(c))
		}
	}
}

// remove takes a customer out of every index, and tells which destinations went with him.
func (s *Snapshot) remove(id tenant.CustomerID) []*Destination {
	c := s.Customer(id)
	if c == nil {
		return nil
	}
	s.customers = s.customers.without(hashID(id), id)
	for _, name := range c.Domains {
		s.domains = s.domains.without(s.hashText([]byte(name)), name)
	}
	for _, d := range c.Destinations {
		s.destinations = s.destinations.without(hashID(d.ID), d.ID)
		for _, key := range d.keys() {
			s.removeSource(key)
		}
	}
	s.removeEntries(c)
	s.countReceivers(c, -1)
	return c.Destinations
}

func (s *Snapshot) removeSource(key sourceKey) {
	hash := s.hashKey(key)
	if _, known := s.sources.get(hash, key); !known {
		return
	}
	s.sources = s.sources.without(hash, key)
	at := s.hashSource(key.at)
	o, _ := s.owners.get(at, key.at)
	if o.count <= 1 {
		s.owners = s.owners.without(at, key.at)
		return
	}
	s.owners = s.owners.with(at, key.at, o.without(key.customer))
}

// keys is where requests of the destination come from. A switch that receives calls from
// us has none: what it sends needs an entry of its own (mission row A1).
func (d *Destination) keys() []sourceKey {
	if d.Switch != nil {
		return nil
	}
	keys := make([]sourceKey, 0, 2*len(d.Addrs))
	for _, a := range d.Addrs {
		keys = append(keys, sourceKey{a, d.Customer}, sourceKey{netip.AddrPortFrom(a.Addr(), 0), d.Customer})
	}
	return keys
}
