package registrar

import (
	"encoding/binary"
	"slices"
	"sync"
	"time"

	"github.com/dchest/siphash"

	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// stripes is in how many parts the table is locked. All bindings of an address of
// record are in one stripe, which the first byte of their ids names.
const stripes = 64

// slots is how many ticks an interval has; a binding's turn is the second byte of
// its id, which is a hash.
const slots = 256

// facts is what is known of a phone; all of it but missed is journalled.
type facts struct {
	texts
	customer tenant.CustomerID
	dest     tenant.DestinationID // the PBX that has the binding, 0 = a foreign host
	user     tenant.SIPUserID     // whose it is where it was made here, 0 = made by a PBX
	expires  time.Duration        // on the registrar's clock, as are kept and bound
	kept     time.Duration        // until when the journal keeps it: see keep
	bound    time.Duration        // the last 2xx
	since    int64                // Unix time in seconds
	call     uint64               // hash of the Call-ID that it was made with; of those made here
	cseq     uint32               // likewise
	q        uint16
	key      uint8 // of its token
	missed   uint8 // pings since it was last heard
	nat      bool
}

// binding is one phone at one address of record. What it is found by stands first, and together.
type binding struct {
	id       dialog.Stable
	self     place // never changes, nor does owner, so any lock will do
	owner    tenant.CustomerID
	flow     transport.Flow // changed only while it is in no list of a flow
	facts                   // guarded by the stripe's lock, as all but flowNext and flowPrev
	address  address
	nextAOR  place
	next     place // in its bucket
	prev     place
	flowNext place // guarded by the flow's lock
	flowPrev place
	due      uint8 // bucket of the wheel
}

// stripe is one lock and the bindings that it guards.
type stripe struct {
	mu    sync.Mutex
	byID  index[place]
	byAOR index[place] // the first of each address of record
	shelf shelf
	tick  int64        // the last that was served
	wheel [slots]place // by the tick at which they are looked at next
	room  []byte       // for records of the journal
}

// of gives the binding with an id, nil if there is none.
func (s *stripe) of(id dialog.Stable) *binding {
	print := printOf(id)
	for i := s.byID.first(print); i >= 0; i = s.byID.after(print, i) {
		if b := s.shelf.at(s.byID.cells[i].value); b.id == id {
			return b
		}
	}
	return nil
}

// bound gives the binding of a Contact, nil if it has none. It is looked for once: cells never move,
// and what stands in one says whose it is now.
func (s *stripe) bound(c *wanted) *binding {
	if c.was == nil || c.was.id != c.id {
		c.was = s.of(c.id)
	}
	return c.was
}

// printOf is the part of an id that an index finds it by: its first bytes say the stripe and the
// turn of pings.
func printOf(id dialog.Stable) uint32 { return binary.BigEndian.Uint32(id[4:]) }

// head gives the first binding of an address of record, nil if it has none; more gives the next.
func (s *stripe) head(a address) *binding {
	print := a.print()
	for i := s.byAOR.first(print); i >= 0; i = s.byAOR.after(print, i) {
		if b := s.shelf.at(s.byAOR.cells[i].value); b.address == a {
			return b
		}
	}
	return nil
}

func (s *stripe) more(b *binding) *binding { return s.shelf.at(b.nextAOR) }

// flows is one lock and the bindings of the flows that it guards.
type flows struct {
	mu    sync.Mutex
	heads index[place] // the first of each flow
}

// census counts bindings by something.
type census[K comparable] struct {
	mu sync.Mutex
	of map[K]int
}

func (c *census[K]) add(id K, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[id] += n; c.of[id] == 0 {
		delete(c.of, id)
	}
}

func (c *census[K]) count(id K) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.of[id]
}

// address is an address of record of a customer, as the table finds it: a keyed hash of it, as an
// id is one, so that two are the same address if these are the same.
type address struct {
	hash  uint64
	more  uint32
	first byte // of the ids of its bindings
}

// print finds an address within its stripe.
func (a address) print() uint32 { return uint32(a.hash >> 32) }

// appendAddress appends customer, user and domain as they are hashed.
func appendAddress(dst []byte, customer tenant.CustomerID, user []byte, domain string) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(customer))
	dst = sip.AppendUnescaped(dst, user)
	dst = append(dst, '@')
	return append(dst, domain...)
}

// customerLen is how much of what appendAddress writes is not the address itself.
const customerLen = 8

// appendUser appends customer and SIP user as they are hashed. No address of record begins
// with a control character.
func appendUser(dst []byte, customer tenant.CustomerID, user tenant.SIPUserID) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(customer))
	return binary.BigEndian.AppendUint64(append(dst, 0), uint64(user))
}

// addressOf hashes what appendAddress or appendUser wrote. It follows from the minter's root, so
// that ids are the same after a restart.
func (r *Registrar) addressOf(key []byte) address {
	s := r.cfg.Minter.Derive(key)
	return address{first: s[0], more: binary.BigEndian.Uint32(s[0:]), hash: binary.BigEndian.Uint64(s[4:])}
}

func (r *Registrar) stripe(first byte) *stripe { return &r.stripes[first%stripes] }

func (b *binding) contact() Contact {
	return Contact{
		Binding: b.id, Customer: b.customer, User: b.user, AOR: b.aor(), URI: b.uri(), Path: b.path(), Flow: b.flow, Q: b.q,
	}
}

// ByID gives a live binding by the stable id of its token.
func (r *Registrar) ByID(id dialog.Stable) (Contact, bool) {
	s := r.stripe(id[0])
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.of(id); b != nil {
		return b.contact(), true
	}
	return Contact{}, false
}

// ByAOR appends the live bindings of an address of record, the most preferred
// first. user is as a URI has it, escapes included; domain is canonical.
func (r *Registrar) ByAOR(dst []Contact, customer tenant.CustomerID, user []byte, domain string) []Contact {
	var room [customerLen + maxURI]byte
	key := appendAddress(room[:0], customer, user, domain)
	at := r.addressOf(key)
	n := len(dst)
	s := r.stripe(at.first)
	s.mu.Lock()
	for b := s.head(at); b != nil; b = s.more(b) {
		if b.customer == customer && b.user == 0 {
			dst = append(dst, b.contact())
		}
	}
	s.mu.Unlock()
	sortByQ(dst[n:])
	return dst
}

// ByUser appends the live bindings of a SIP user that were made here, the most preferred
// first.
func (r *Registrar) ByUser(dst []Contact, customer tenant.CustomerID, user tenant.SIPUserID) []Contact {
	var room [customerLen + 9]byte
	at := r.addressOf(appendUser(room[:0], customer, user))
	n := len(dst)
	s := r.stripe(at.first)
	s.mu.Lock()
	for b := s.head(at); b != nil; b = s.more(b) {
		if b.customer == customer && b.user == user {
			dst = append(dst, b.contact())
		}
	}
	s.mu.Unlock()
	sortByQ(dst[n:])
	return dst
}

func sortByQ(list []Contact) {
	slices.SortStableFunc(list, func(a, b Contact) int { return int(b.Q) - int(a.Q) })
}

// ByFlow gives the binding that was made over a flow: whose phone a request comes
// from. Over UDP a flow is the peer's address and port. Of several, such as the lines
// of one phone, it is the one that came last.
func (r *Registrar) ByFlow(f transport.Flow) (Contact, bool) {
	l, print := r.flowOf(&f)
	l.mu.Lock()
	b := r.headOf(l, print, &f)
	if b == nil {
		l.mu.Unlock()
		return Contact{}, false
	}
	id, s := b.id, r.stripe(b.self.stripe())
	l.mu.Unlock()
	s.mu.Lock() // it comes before the other
	defer s.mu.Unlock()
	if b.id != id || !sameFlow(&b.flow, &f) { // it has ended or moved meanwhile
		return Contact{}, false
	}
	return b.contact(), true
}

// Owner is ByFlow for who wants to know no more than whose phone it is.
func (r *Registrar) Owner(f transport.Flow) (id dialog.Stable, customer tenant.CustomerID, ok bool) {
	l, print := r.flowOf(&f)
	l.mu.Lock()
	defer l.mu.Unlock()
	b := r.headOf(l, print, &f)
	if b == nil {
		return id, 0, false
	}
	return b.id, b.owner, true
}

// headOf gives the first binding of a flow, nil if it has none. The lock of l is held.
func (r *Registrar) headOf(l *flows, print uint32, f *transport.Flow) *binding {
	for i := l.heads.first(print); i >= 0; i = l.heads.after(print, i) {
		if b := r.at(l.heads.cells[i].value); sameFlow(&b.flow, f) {
			return b
		}
	}
	return nil
}

// sameFlow says whether two flows lead to one peer through one NAT's hole, or are
// one connection.
func sameFlow(a, b *transport.Flow) bool {
	if a.Proto != b.Proto || a.Proto.Reliable() {
		return a.Proto == b.Proto && a.Conn == b.Conn
	}
	return a.Remote == b.Remote
}

// flowOf gives the flows that a flow belongs to, and its print there.
func (r *Registrar) flowOf(f *transport.Flow) (l *flows, print uint32) {
	var raw [19]byte
	n := 9
	if raw[0] = byte(f.Proto); f.Proto.Reliable() {
		binary.BigEndian.PutUint64(raw[1:], f.Conn)
	} else {
		addr := f.Remote.Addr().As16()
		copy(raw[1:], addr[:])
		binary.BigEndian.PutUint16(raw[17:], f.Remote.Port())
		n = len(raw)
	}
	hash := siphash.Hash(r.hash[0], r.hash[1], raw[:n])
	return &r.flows[hash%stripes], uint32(hash >> 32)
}

// linkFlow puts a binding at the head of its flow's list.
func (r *Registrar) linkFlow(b *binding) {
	r.settles(b, 1)
	l, print := r.flowOf(&b.flow)
	l.mu.Lock()
	defer l.mu.Unlock()
	b.flowPrev, b.flowNext = 0, 0
	head := r.headOf(l, print, &b.flow)
	if head == nil {
		l.heads.add(print, b.self)
		return
	}
	b.flowNext, head.flowPrev = head.self, b.self
	l.heads.swap(print, head.self, b.self)
}

func (r *Registrar) unlinkFlow(b *binding) {
	r.settles(b, -1)
	l, print := r.flowOf(&b.flow)
	l.mu.Lock()
	defer l.mu.Unlock()
	if before := r.at(b.flowPrev); before != nil {
		before.flowNext = b.flowNext
	} else {
		l.heads.swap(print, b.self, b.flowNext)
	}
	if after := r.at(b.flowNext); after != nil {
		after.flowPrev = b.flowPrev
	}
	b.flowNext, b.flowPrev = 0, 0
}

// add makes a new binding. The caller holds the stripe's lock, here and below.
func (r *Registrar) add(s *stripe, id dialog.Stable, a address, f *facts, flow transport.Flow) {
	b := s.shelf.take(id[0] % stripes)
	*b = binding{id: id, self: b.self, owner: f.customer, address: a, facts: *f, flow: flow}
	s.byID.add(printOf(id), b.self)
	if head := s.head(a); head != nil {
		b.nextAOR = head.self
		s.byAOR.swap(a.print(), head.self, b.self)
	} else {
		s.byAOR.add(a.print(), b.self)
	}
	r.linkFlow(b)
	r.schedule(s, b)
	r.census.add(b.customer, 1)
	r.live.Add(1)
}

// move gives a binding another flow.
func (r *Registrar) move(b *binding, f transport.Flow) {
	if b.flow == f {
		return
	}
	r.unlinkFlow(b)
	b.flow = f
	r.linkFlow(b)
}

// end removes a binding, from the journal too.
func (r *Registrar) end(s *stripe, b *binding) {
	r.unschedule(s, b)
	r.unlinkFlow(b)
	s.byID.swap(printOf(b.id), b.self, 0)
	if before := s.head(b.address); before == b {
		s.byAOR.swap(b.address.print(), b.self, b.nextAOR)
	} else {
		for before.nextAOR != b.self {
			before = s.more(before)
		}
		before.nextAOR = b.nextAOR
	}
	r.census.add(b.customer, -1)
	r.live.Add(-1)
	if r.cfg.Journal != nil {
		r.cfg.Journal.Delete(b.id)
	}
	s.shelf.giveBack(b)
}

// Closed ends the bindings of a connection that has ended. After Close it does
// nothing: connections that end with this process must not end what the journal keeps.
func (r *Registrar) Closed(f transport.Flow) {
	if !f.Proto.Reliable() || r.closed.Load() {
		return
	}
	l, print := r.flowOf(&f)
	var ids []dialog.Stable
	l.mu.Lock()
	for b := r.headOf(l, print, &f); b != nil; b = r.at(b.flowNext) {
		ids = append(ids, b.id)
	}
	l.mu.Unlock()
	for _, id := range ids {
		r.endIf(id, policy.BindingDead, func(b *binding) bool { return sameFlow(&b.flow, &f) })
	}
}

// endIf ends a binding that passes a test, and tells whoever wants to know.
func (r *Registrar) endIf(id dialog.Stable, why policy.Reason, test func(b *binding) bool) bool {
	s := r.stripe(id[0])
	s.mu.Lock()
	b := s.of(id)
	if b == nil || !test(b) {
		s.mu.Unlock()
		return false
	}
	c := b.contact()
	r.end(s, b)
	s.mu.Unlock()
	r.tell(c, why)
	return true
}

// tell reports the end of a binding; policy.OK is nobody's business.
func (r *Registrar) tell(c Contact, why policy.Reason) {
	if r.cfg.Ended != nil && why != policy.OK {
		r.cfg.Ended(c, why)
	}
}
