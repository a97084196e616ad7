package registrar

import (
	"encoding/binary"
	"net/netip"
	"sync"

	"github.com/dchest/siphash"

	"tollgate/internal/tenant"
)

// homes is one lock, and how many phones there are at each address of a customer that belongs to
// it. Addresses are known by a keyed hash.
type homes struct {
	mu     sync.Mutex
	phones index[home]
}

// home is an address from which phones of a customer have registered.
type home struct {
	rest uint32 // of the hash
	n    uint32
}

// homeOf gives the homes that an address of a customer belongs to, and how it is known there.
func (r *Registrar) homeOf(customer tenant.CustomerID, addr netip.Addr) (h *homes, print, rest uint32) {
	var raw [24]byte
	binary.BigEndian.PutUint64(raw[:], uint64(customer))
	ip := addr.As16()
	copy(raw[8:], ip[:])
	hash := siphash.Hash(r.hash[1], r.hash[0], raw[:])
	return &r.homes[hash%stripes], uint32(hash >> 32), uint32(hash)
}

// find gives the cell of an address, -1 if no phone is there. The lock is held.
func (h *homes) find(print, rest uint32) int {
	i := h.phones.first(print)
	for i >= 0 && h.phones.cells[i].value.rest != rest {
		i = h.phones.after(print, i)
	}
	return i
}

// settles counts a binding where its phone is.
func (r *Registrar) settles(b *binding, n int) {
	h, print, rest := r.homeOf(b.owner, b.flow.Remote.Addr())
	h.mu.Lock()
	defer h.mu.Unlock()
	i := h.find(print, rest)
	if i < 0 {
		h.phones.add(print, home{rest, uint32(n)})
		return
	}
	at := &h.phones.cells[i].value
	if at.n += uint32(n); at.n == 0 {
		h.phones.remove(i)
	}
}

// From says that a phone of a customer has registered from an address.
func (r *Registrar) From(customer tenant.CustomerID, addr netip.Addr) bool {
	h, print, rest := r.homeOf(customer, addr)
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.find(print, rest) >= 0
}
