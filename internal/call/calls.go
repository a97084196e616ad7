// Package call carries dialogs: calls, that is an INVITE and all that follows inside
// its dialogs, and subscriptions, which may share a dialog with a call (RFC 5057). A
// caller's leg is joined with one or more callees' legs, plain or hidden by the same
// mechanism (package dialog); each SIP verb has a file.
//
// It is not its job to decide whether a call may be (package gate), where it may
// go (policy, peer), nor to retransmit (transaction).
//
// RFC 3261 9, 12 to 16; RFC 3262, 3311, 3515, 3891, 4028, 6026, 6665.
package call

import (
	"hash/maphash"
	"sync/atomic"
	"time"

	"tollgate/internal/bridge"
	"tollgate/internal/dialog"
	"tollgate/internal/media"
	"tollgate/internal/peer"
	"tollgate/internal/policy"
	"tollgate/internal/registrar"
	"tollgate/internal/slab"
	"tollgate/internal/tenant"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/internal/uac"
	"tollgate/sip"
)

// Transport is what calls need of the sockets.
type Transport interface {
	peer.Network
	Alive(f transport.Flow) bool
	Adopt(f transport.Flow) (transport.Flow, bool)
	Advertised(f transport.Flow) (host string, port uint16)
	NetworkOf(f transport.Flow) string
}

// Phones is what calls need of the registrar.
type Phones interface {
	ByID(id dialog.Stable) (registrar.Contact, bool)
}

// Config says what Calls is made of.
type Config struct {
	Router    *peer.Router // to destinations
	Minter    *dialog.Minter
	Transport Transport
	Phones    Phones
	Agent     *uac.Agent // answers switches; nil: none is answered
	Journal   Journal    // nil: nothing is kept over a restart
	// Media relays the media of the calls of customers who want that; nil: of none.
	// MediaPlace says where we are for the party of a flow.
	Media      bridge.Media
	MediaPlace func(f transport.Flow) media.Place
	// MediaLost is told of a call that a restart has kept without its media; nil: nobody is.
	MediaLost func(id dialog.Stable, customer tenant.CustomerID, err error)
	// Customer gives the settings in force; nil when the customer is gone.
	Customer func(tenant.CustomerID) *policy.Customer
	// ProbeAfter is when a call that a restart has kept is asked whether it still
	// is, unless something was heard of it; 0 = a minute.
	ProbeAfter time.Duration
	// PingEvery is the time between two pings of a party, where the customer wants them; 0 = 30 s.
	PingEvery time.Duration
	// Hold takes the places of a call that a restart has kept, whatever the limits.
	Hold func(id dialog.Stable, customer *policy.Customer, user tenant.SIPUserID, urgent bool, switches ...tenant.SwitchID)
	// Swap gives a call's place at one switch for one at another, 0 and nil for none. Where
	// that is not known now, done is told it, from a goroutine that holds no shard's lock.
	Swap func(id dialog.Stable, from tenant.SwitchID, to *policy.Switch, done func(ok bool)) (ok, now bool)
	// Heard is told of each call that somebody is known to want, once, under its shard's lock.
	// counted comes back as Ending.Counted; without ok the call is refused. nil: all are fine.
	Heard func(now time.Time, h *Heard) (counted uint64, ok bool)
	// Refused is told of each request within a call that is refused, under its shard's lock. nil: nobody is told.
	Refused func(r *Refusal)
	// Progress is told of each call once when its callee rings or answers, and once when it is
	// answered, with the time since its INVITE, under its shard's lock. nil: nobody is told.
	Progress func(now time.Time, customer *policy.Customer, answered bool, after time.Duration)
	// Release gives a call's lease back.
	Release func(id dialog.Stable)
	// Ended is told of each call once, under its shard's lock: with its final answer, with
	// our own BYE, or with the answer to a party's BYE, which is waited for half a second.
	Ended func(e Ending)
	// Answered is told of each response to a request from outside that makes a call or
	// subscription, while that is still kept, and may use the shard's Kept. nil: nobody is told.
	Answered func(sh *transaction.Shard, request transaction.ID, customer *policy.Customer, response *sip.Message)
}

// Calls is all calls of a node, by shard; each shard's table is guarded by the
// shard's lock.
type Calls struct {
	cfg    Config
	inside *peer.Router // to where dialogs lead
	layer  *transaction.Layer
	user   uint8
	seed   maphash.Seed // of dialog keys
	tables []table
	live   atomic.Int64 // calls
	subs   atomic.Int64 // subscriptions that no call made
	lost   lost         // phones whose calls are to end
}

// table is the calls of one shard.
type table struct {
	calls     slab.Slab[Call]
	setups    slab.Slab[setup]
	exchanges slab.Slab[exchange]
	bridges   slab.Slab[bridge.Session]
	// byDialog finds a dialog for peers that send no identifier of ours: see placeOf.
	byDialog slab.Index
	// byStable finds calls of before a restart, whose identifiers name other slots.
	byStable map[dialog.Stable]uint32
	lately   *lately
	work     scratch
}

// scratch is what building one message takes; it lives in the table so that
// nothing is allocated for a message.
type scratch struct {
	branch [transaction.BranchLen]byte
	id     [dialog.IDLen]byte
	tag    [32]byte
	hiding dialog.Hiding
	fwd    dialog.Forward
	reply  dialog.Reply
	ack    exchange
	heard  Heard
	record []byte

	numbers policy.Numbers // of numbered
	target  []byte

	credentials []byte // of authorize
	session     session
	quality     []media.Quality
	figures     []media.Figures
}

// New makes the calls of a layer.
func New(cfg Config, layer *transaction.Layer) *Calls {
	c := &Calls{cfg: cfg, seed: maphash.MakeSeed(), layer: layer, tables: make([]table, layer.Shards())}
	c.inside = &peer.Router{Network: cfg.Transport, Resolver: cfg.Router.Resolver, Forbidden: cfg.Router.Forbidden, Inside: true}
	for i := range c.tables {
		c.tables[i].byStable = make(map[dialog.Stable]uint32)
		c.tables[i].lately = new(lately)
	}
	c.user = layer.Register(c)
	return c
}

// Live is the number of calls that are up or being set up.
func (c *Calls) Live() int { return int(c.live.Load()) }

// Subscriptions is the number of subscriptions that stand, but for those of REFER
// within calls.
func (c *Calls) Subscriptions() int { return int(c.subs.Load()) }

// Used is how many cells and index entries are held: 0 once nothing is going on.
func (c *Calls) Used() (n int) {
	for i := range c.tables {
		c.layer.Do(uint8(i), func(sh *transaction.Shard) {
			t := c.table(sh)
			n += t.calls.Used() + t.setups.Used() + t.exchanges.Used() + t.bridges.Used() + t.byDialog.Len() + len(t.byStable)
		})
	}
	return n
}

func (c *Calls) table(sh *transaction.Shard) *table { return &c.tables[sh.Index] }

// refKind says what a transaction's ref names.
type refKind uint8

const (
	refSetup       refKind = 1 + iota // the INVITE that makes a call: its server side and its branches
	refExchange                       // a request within a call
	refOwn                            // a BYE of our own
	refProbeCaller                    // an OPTIONS of our own
	refProbeCallee
	refPingCaller // likewise, of a call that is pinged
	refPingCallee
)

// makeRef packs kind, generation and slot.
func makeRef(k refKind, gen, slot uint32) uint64 {
	return uint64(k)<<60 | uint64(gen&0xfffffff)<<32 | uint64(slot)
}

func refParts(ref uint64) (refKind, uint32, uint32) {
	return refKind(ref >> 60), uint32(ref>>32) & 0xfffffff, uint32(ref)
}

// call gives the call that a ref of kind refSetup or refOwn names.
func (c *Calls) call(sh *transaction.Shard, ref uint64) *Call {
	_, gen, slot := refParts(ref)
	call := c.table(sh).calls.At(slot)
	if call == nil || call.gen&0xfffffff != gen || call.state == free {
		return nil
	}
	return call
}

func (c *Calls) newCall(sh *transaction.Shard, method sip.Method) *Call {
	t := c.table(sh)
	slot, call := t.calls.Alloc()
	gen := call.gen + 1
	*call = Call{gen: gen, slot: slot, method: method, state: calling, more: call.more[:0]}
	c.count(call, 1)
	return call
}

// count counts a call or subscription that begins or ends.
func (c *Calls) count(call *Call, n int64) {
	if call.method == sip.INVITE {
		c.live.Add(n)
	} else {
		c.subs.Add(n)
	}
}

// Ending is how a call was. Its texts are valid only while it is told.
type Ending struct {
	ID          dialog.Stable
	Customer    *policy.Customer
	Direction   policy.Direction
	Hidden      bool
	Reason      policy.Reason
	Status      int         // the final one: 200 for a call that was answered
	By          dialog.Side // who ended it, where it was a party
	Answered    bool
	Setup       time.Duration // until answered or refused
	Duration    time.Duration // from the answer to the end
	Started     time.Time
	CallID      []byte // the caller's
	FarCallID   []byte // the callee's: another one where hidden
	URI         []byte // what was called
	From, To    []byte // as the caller wrote them, without tags
	Source      transport.Flow
	Destination *policy.Destination // tried last or taken; nil: a phone or a foreign host
	Target      transport.Flow      // the callee's, or who was tried last; zero where nobody was
	Switch      *policy.Switch      // that it came from, nil: none, or none any more
	User        *policy.User        // that called; nil likewise
	Called      *policy.User        // whose phones rang; nil likewise
	Counted     uint64              // what Config.Heard gave
	Media       []media.Figures     // of each stream and side, where bridged; valid while it is told
}

// Summary is what is known of a call for lists and records; its texts are valid
// only while the shard is locked.
type Summary struct {
	ID          string            `json:"id"`
	Customer    tenant.CustomerID `json:"customer_id"`
	Name        string            `json:"customer"`
	Direction   string            `json:"direction"`
	State       string            `json:"state"`
	Hidden      bool              `json:"hidden"`
	CallID      string            `json:"call_id"`
	From        string            `json:"from"`
	To          string            `json:"to"`
	Source      string            `json:"source"`
	Destination string            `json:"destination"`
	Target      string            `json:"target"`
	Started     time.Time         `json:"started"`
	Answered    time.Time         `json:"answered,omitzero"`
	Seconds     int               `json:"seconds"`
	Reason      policy.Reason     `json:"reason"`
	Status      int               `json:"status,omitempty"`
	By          string            `json:"ended_by,omitempty"`
	Media       []media.Figures   `json:"media,omitempty" nullable:"false" doc:"How each stream of each side does, as in call records; absent where media is not bridged."`
	OneWay      bool              `json:"one_way,omitempty" doc:"One-way audio: one side is heard, and the other never was."`
}
