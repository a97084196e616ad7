package policy

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"slices"

	"tollgate/internal/tenant"
)

// Snapshot is the whole configuration at one moment. Immutable; any number of goroutines
// decide with it at once.
type Snapshot struct {
	seed         maphash.Seed
	platform     Platform
	transparent  transparency
	local        map[string]struct{}
	companies    index[tenant.CompanyID, *Company]
	customers    index[tenant.CustomerID, *Customer]
	destinations index[tenant.DestinationID, tenant.CustomerID]
	domains      index[string, *Customer]
	owners       index[netip.AddrPort, owners]
	sources      index[sourceKey, []*Destination]
	entries      *entries
	receivers    index[sourceKey, int]
	registrars   map[tenant.SwitchID][]netip.AddrPort // where the switches are at which we register; not to be written to
}

// domain is whose a domain is, nil where it is nobody's; with the name, so that an Identity needs
// no copy.
type domain struct {
	name     string
	customer *Customer
}

// of says that a domain is a customer's; 0 is none.
func (d *domain) of(id tenant.CustomerID) bool {
	return d.customer != nil && d.customer.Settings.ID == id
}

// sourceKey is one customer's destinations at an address. With port 0 it stands for the
// whole address, which is how a TCP or TLS connection is known, since its port says nothing.
type sourceKey struct {
	at       netip.AddrPort
	customer tenant.CustomerID
}

// owners counts the customers that have a destination at an address. The sum of their ids
// is the id itself where there is one, however the others came and went; so one PBX
// shared by thousands costs no more than a PBX of one.
type owners struct {
	count   int
	sum     tenant.CustomerID
	tellers []tenant.CustomerID // those who can be told by the calling number, at most maxTellers
}

// maxTellers bounds what finding the customer of one call by its calling number can cost.
// Where more share an address, only domains tell.
const maxTellers = 1000

// with is the owners and one more; without, and one less.
func (o owners) with(c *Customer) owners {
	o.count, o.sum = o.count+1, o.sum+c.Settings.ID
	if c.callers.any() && len(o.tellers) < maxTellers {
		o.tellers = append(slices.Clip(o.tellers), c.Settings.ID)
	}
	return o
}

func (o owners) without(id tenant.CustomerID) owners {
	o.count, o.sum = o.count-1, o.sum-id
	if slices.Contains(o.tellers, id) {
		o.tellers = slices.DeleteFunc(slices.Clone(o.tellers), func(one tenant.CustomerID) bool { return one == id })
	}
	return o
}

// Platform is what holds for the whole node.
func (s *Snapshot) Platform() Platform { return s.platform }

// Customer finds a customer by id, nil if there is none.
func (s *Snapshot) Customer(id tenant.CustomerID) *Customer {
	c, _ := s.customers.get(hashID(id), id)
	return c
}

// Company finds a company by id, nil if there is none.
func (s *Snapshot) Company(id tenant.CompanyID) *Company {
	c, _ := s.companies.get(hashID(id), id)
	return c
}

// Destination finds a destination by id, nil if there is none.
func (s *Snapshot) Destination(id tenant.DestinationID) *Destination {
	owner, ok := s.destinations.get(hashID(id), id)
	if !ok {
		return nil
	}
	for _, d := range s.Customer(owner).Destinations {
		if d.ID == id {
			return d
		}
	}
	return nil
}

// CustomerByDomain finds the customer that has a domain, in any case; nil if none has.
func (s *Snapshot) CustomerByDomain(name string) *Customer {
	canonical, err := CanonicalDomain(name)
	if err != nil {
		return nil
	}
	return s.domain([]byte(canonical)).customer
}

// Customers yields every customer, in no order.
func (s *Snapshot) Customers(yield func(*Customer) bool) {
	s.customers.all(func(_ tenant.CustomerID, c *Customer) bool { return yield(c) })
}

// Len is the number of customers.
func (s *Snapshot) Len() int { return s.customers.n }

// domain finds a domain by its canonical name.
func (s *Snapshot) domain(name []byte) domain {
	hash := s.hashText(name)
	bucket := s.domains.bucket(hash)
	for i := range bucket {
		if bucket[i].hash == hash && bucket[i].key == string(name) {
			return domain{bucket[i].key, bucket[i].value}
		}
	}
	return domain{}
}

func (s *Snapshot) hashText(b []byte) uint64 { return maphash.Bytes(s.seed, b) }

func (s *Snapshot) hashSource(a netip.AddrPort) uint64 {
	var b [18]byte
	ip := a.Addr().As16()
	copy(b[:], ip[:])
	binary.BigEndian.PutUint16(b[16:], a.Port())
	return maphash.Bytes(s.seed, b[:])
}

func (s *Snapshot) hashKey(k sourceKey) uint64 {
	return s.hashSource(k.at) ^ hashID(k.customer)
}

// hashID spreads ids, which come from the store, not from strangers (splitmix64).
func hashID[T ~int64](id T) uint64 {
	x := uint64(id) + 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
