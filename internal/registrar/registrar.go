// Package registrar relays REGISTER to the customers' PBXs and keeps the bindings
// that their 2xx make: where each phone is reached, through its own flow.
//
// A PBX gets a Contact of ours, whose user is a token that stays the same for an
// address of record and instance (or Contact) over refreshes, changes of a NAT's
// port and our restarts, so that PBXs do not collect contacts. Bindings are kept
// in this node's memory and journalled; pings keep NATs open and find dead flows.
//
// It is not its job to authenticate (the PBX does), nor to carry calls.
//
// RFC 3261 10; RFC 3327 (Path); RFC 5626 (instances); RFC 3581 (rport).
package registrar

import (
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/peer"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// Contact is where a binding leads: all that a request to a phone needs.
type Contact struct {
	Binding  dialog.Stable
	Customer tenant.CustomerID
	AOR      string         // user@domain: the user unescaped, the domain canonical
	URI      string         // as the phone wrote it: the Request-URI that it wants
	Path     string         // Route value through the proxies before it, "" = none
	Flow     transport.Flow // where it is reached; may be a connection that is gone
	Q        uint16         // preference, 0 to 1000
}

// Summary is a binding for lists.
type Summary struct {
	ID        string            `json:"id"`
	Customer  tenant.CustomerID `json:"customer_id"`
	AOR       string            `json:"aor"`
	Contact   string            `json:"contact"`
	Instance  string            `json:"instance,omitempty"`
	UserAgent string            `json:"user_agent,omitempty"`
	Transport string            `json:"transport"`
	Source    string            `json:"source"`
	NAT       bool              `json:"nat"`       // far-end NAT was found
	Reachable bool              `json:"reachable"` // false: its connection is gone
	Missed    int               `json:"missed"`    // pings in a row without an answer
	Expires   time.Time         `json:"expires"`
	Since     time.Time         `json:"since"`
}

// ByFlow gives the binding that was made over a flow: whose phone a request comes
// from. Over UDP a flow is the peer's address and port.
func (r *Registrar) ByFlow(f transport.Flow) (Contact, bool) { return Contact{}, false }

// ByID gives a live binding by the stable id of its token.
func (r *Registrar) ByID(id dialog.Stable) (Contact, bool) { return Contact{}, false }

// ByAOR appends the live bindings of an address of record, the most preferred
// first. user is as a URI has it, escapes included; domain is canonical.
func (r *Registrar) ByAOR(dst []Contact, customer tenant.CustomerID, user []byte, domain string) []Contact {
	return dst
}

// Start relays a REGISTER that passed the gate. m is the request of the server transaction.
func (r *Registrar) Start(sh *transaction.Shard, server transaction.ID, id *policy.Identity, list *policy.Candidates, m *sip.Message) {
}

// Pong takes the answer to a ping.
func (r *Registrar) Pong(m *sip.Message, f transport.Flow) {}

// Closed ends the bindings of a connection that has ended.
func (r *Registrar) Closed(f transport.Flow) {}

// Journal keeps bindings over a restart. Put returns once the record would survive
// this process; what it is given is copied.
type Journal interface {
	Put(id dialog.Stable, data []byte) error
	Delete(id dialog.Stable)
}

// Transport is what a registrar needs of the sockets.
type Transport interface {
	Alive(f transport.Flow) bool
	Advertised(f transport.Flow) (host string, port uint16)
	Send(f transport.Flow, data []byte) error
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
	// Ended is told of bindings that end otherwise than by their phone: expired, dead.
	Ended func(c Contact, why policy.Reason)
}

// Registrar is all bindings of a node. It is safe for concurrent use.
type Registrar struct{}

// New makes the registrar of a layer.
func New(cfg Config, layer *transaction.Layer) *Registrar { return &Registrar{} }

// Run sends pings and ends what expires until Close.
func (r *Registrar) Run() {}

// Close ends the pings and waits for them.
func (r *Registrar) Close() {}

// Restore takes a binding that the journal kept, before Run.
func (r *Registrar) Restore(id dialog.Stable, data []byte) error { return nil }

// Checkpoint puts every live binding into the journal again, a few at a time.
func (r *Registrar) Checkpoint() error { return nil }

// Len is the number of live bindings.
func (r *Registrar) Len() int { return 0 }

// List gives the bindings that keep takes.
func (r *Registrar) List(keep func(tenant.CustomerID) bool) []Summary { return nil }

// Remove ends a binding by the ID that List gives, if allowed takes its customer.
func (r *Registrar) Remove(id string, allowed func(tenant.CustomerID) bool) bool { return false }
