// Package registrar relays REGISTER to the customers' PBXs, or answers it for customers
// whose phones register here, and keeps the bindings that either makes: where each
// phone is reached, through its own flow.
//
// A PBX gets a Contact of ours, whose user is a token that stays the same for an
// address of record and instance (or Contact) over refreshes, changes of a NAT's
// port and our restarts, so that PBXs do not collect contacts. A binding that was made
// here is its SIP user's, under whichever of the customer's domains he registers. Bindings
// are kept in this node's memory and journalled; pings keep NATs open and find dead flows.
//
// Locks: a shard of the transaction layer may hold, then a stripe of bindings, then
// a stripe of flows; never the other way round. With a stripe locked nothing else of
// the Config is called than Customer and the Journal.
//
// It is not its job to authenticate (the PBX does, or the gate), nor to carry calls.
//
// RFC 3261 10; RFC 3327 (Path); RFC 5626 (instances, keepalive); RFC 8489 (STUN, as
// a phone's keepalive); RFC 3581 (rport).
package registrar

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/peer"
	"tollgate/internal/policy"
	"tollgate/internal/slab"
	"tollgate/internal/tenant"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// Bounds of what phones and PBXs may ask for.
const (
	maxLife        = 7200 * time.Second // of a binding without a refresh
	usualLife      = 3600 * time.Second // where nobody says one (RFC 3261 10.2.1.1)
	maxContacts    = 8                  // of one REGISTER
	maxPerAOR      = 32                 // live bindings of an address of record
	maxPerCustomer = 200_000            // so that no customer's PBX fills this node's memory
	maxURI         = 512                // bytes of a Contact's URI, and of To's
	maxPath        = 1024               // bytes of all Path headers
	maxInstance    = 128
	maxAgent       = 128 // what is kept of a User-Agent
	maxTexts       = 2*maxURI + maxInstance + maxPath + maxAgent
)

// Contact is where a binding leads: all that a request to a phone needs.
type Contact struct {
	Binding  dialog.Stable
	Customer tenant.CustomerID
	User     tenant.SIPUserID // whose it is where it was made here, 0 = made by a PBX
	AOR      string           // user@domain: the user unescaped, the domain canonical
	URI      string           // as the phone wrote it: the Request-URI that it wants
	Path     string           // Route value through the proxies before it, "" = none
	Flow     transport.Flow   // where it is reached; may be a connection that is gone
	Q        uint16           // preference, 0 to 1000
}

// Journal keeps bindings over a restart. Put returns once the record would survive
// this process; what it is given is copied. Both are called with the binding locked.
type Journal interface {
	Put(id dialog.Stable, data []byte) error
	Delete(id dialog.Stable)
}

// Transport is what a registrar needs of the sockets.
type Transport interface {
	Alive(f transport.Flow) bool
	Advertised(f transport.Flow) (host string, port uint16)
	Send(f transport.Flow, data []byte) error
	// Adopt makes a flow of an earlier process one of this: its Listener is the one
	// that has the protocol and local address now. false: there is none any more.
	Adopt(f transport.Flow) (transport.Flow, bool)
}

// Config says what a Registrar is made of.
type Config struct {
	Router    *peer.Router
	Minter    *dialog.Minter
	Transport Transport
	Journal   Journal // nil: nothing is kept over a restart
	// Customer gives the settings in force; nil when the customer is gone.
	Customer func(tenant.CustomerID) *policy.Customer
	Interval time.Duration // between two pings of a phone; 0 = 30 s
	// Ended is told of bindings that end otherwise than by a REGISTER or Remove:
	// policy.BindingExpired, policy.BindingDead, policy.PhoneSilent. It may be called with a
	// shard locked.
	// nil: nobody is told.
	Ended func(c Contact, why policy.Reason)
	// Answered is told of each response to a REGISTER from outside, while its request is still
	// kept, and may use the shard's Kept. nil: nobody is told.
	Answered func(sh *transaction.Shard, request transaction.ID, customer *policy.Customer, response *sip.Message)
	// Refused is told of each REGISTER that is relayed and binds nothing, but for challenges. nil: nobody is told.
	Refused func(r *Refusal)
}

// Registrar is all bindings of a node. It is safe for concurrent use.
type Registrar struct {
	cfg      Config
	layer    *transaction.Layer
	user     uint8
	requests []slab.Slab[request] // by shard, guarded by its lock
	work     []work               // likewise

	start   time.Time // the clock of expiries and pings
	tick    time.Duration
	hash    [2]uint64 // keys the hash of flows
	stripes [stripes]stripe
	flows   [stripes]flows
	census  census[tenant.CustomerID]
	homes   [stripes]homes
	live    atomic.Int64

	served int64 // tick; with found, of the layer's clock alone
	found  round

	running atomic.Bool
	closed  atomic.Bool
}

// New makes the registrar of a layer.
func New(cfg Config, layer *transaction.Layer) *Registrar {
	if cfg.Interval == 0 {
		cfg.Interval = 30 * time.Second
	}
	r := &Registrar{
		cfg: cfg, layer: layer, start: time.Now(), tick: cfg.Interval / slots,
		requests: make([]slab.Slab[request], layer.Shards()), work: make([]work, layer.Shards()),
		hash: [2]uint64{rand.Uint64(), rand.Uint64()},
	}
	r.census.of = make(map[tenant.CustomerID]int)
	r.user = layer.Register(r)
	layer.Every(r.beat)
	return r
}

// now is the age of the registrar.
func (r *Registrar) now() time.Duration { return time.Since(r.start) }

// nowOf is the age of the registrar at the message that a shard serves.
func (r *Registrar) nowOf(sh *transaction.Shard) time.Duration { return sh.Now().Sub(r.start) }

// wall gives a time of the registrar's clock as the wall clock has it now.
func (r *Registrar) wall(at time.Duration) time.Time { return time.Now().Add(at - r.now()) }

// Len is the number of live bindings.
func (r *Registrar) Len() int { return int(r.live.Load()) }
