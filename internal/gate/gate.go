// Package gate is the way of a request that belongs to no dialog: one list of
// steps, each of which passes it on or ends it with a verdict (steps 6 to 14 of
// docs/architecture.md). A request that has to wait is parked with a copy of
// what it has come to, absorbs its retransmissions and obeys its CANCEL.
//
// It is not its job to carry what it lets through (packages call and relay).
package gate

import (
	"net/netip"
	"sync/atomic"

	"tollgate/internal/antifraud"
	"tollgate/internal/auth"
	"tollgate/internal/call"
	"tollgate/internal/dialog"
	"tollgate/internal/live"
	"tollgate/internal/policy"
	"tollgate/internal/registrar"
	"tollgate/internal/relay"
	"tollgate/internal/slab"
	"tollgate/internal/tenant"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// Config says what a Gate is made of.
type Config struct {
	Table  *policy.Table
	Health policy.Health
	Live   live.Live
	Calls  *call.Calls
	Relay  *relay.Relay
	// Registrar knows the phones, and Minter their tokens.
	Registrar *registrar.Registrar
	Minter    *dialog.Minter
	// Banned says that a customer hears nothing of an address; with dry it counts nothing.
	Banned    func(customer tenant.CustomerID, source netip.Addr, dry bool) bool
	Antifraud *antifraud.Guard // nil: nothing is too much
	Auth      *auth.Authenticator
	// Decided is told of each verdict, under the shard's lock.
	Decided func(sh *transaction.Shard, d *Decision)
}

// Gate decides requests; its parked ones are guarded by their shard's lock.
type Gate struct {
	cfg      Config
	layer    *transaction.Layer
	ours     func(uri []byte) bool // policy.Request.Ours
	user     uint8
	steps    []step
	passages []passage // one for each shard: the request at hand
	parked   []slab.Slab[parking]
	draining atomic.Bool
	full     atomic.Bool
}

// passage is a request on its way through the steps.
type passage struct {
	msg    *sip.Message
	flow   transport.Flow
	req    policy.Request
	id     policy.Identity
	list   policy.Candidates
	phones []registrar.Contact // that it is for, instead of list
	caller dialog.Stable       // the binding that it comes from
	token  bool                // it names a phone by a token of ours
	looped bool                // it was here before as it is now
	alike  antifraud.Standing  // how many like it there are
	answer auth.Credentials    // of it, in our realm; aliases msg
	lines  []byte              // of a challenge; its room is used again
	server transaction.ID
	stable dialog.Stable
	next   int // step

	full     live.Limit       // that has no room
	lease    live.Reservation // scratch of reserve
	decision Decision         // scratch of run and refuse
}

// parking is a passage that waits for an answer from elsewhere.
type parking struct {
	gen      uint32
	used     bool
	canceled bool
	passage
}

// step is one of the gate's: it gives a verdict, or parks the passage.
type step struct {
	name string
	run  func(g *Gate, sh *transaction.Shard, p *passage) (v policy.Verdict, parked bool)
	// tell says in an explanation what the step found; nil: the verdict's sentence.
	tell    func(e *policy.Explanation, p *passage, v policy.Verdict)
	changes bool // it changes something: an explanation ends before it
}

// New makes the gate of a layer.
func New(cfg Config, layer *transaction.Layer) *Gate {
	g := &Gate{cfg: cfg, layer: layer, ours: cfg.Minter.Wrote}
	g.steps = []step{
		{name: "validate", run: (*Gate).validate},
		{name: "hops", run: (*Gate).hops},
		{name: "identify", run: (*Gate).identify, tell: tellIdentity},
		{name: "banned", run: (*Gate).banned, tell: tellRefusal("banned")},
		{name: "serve", run: (*Gate).serve, tell: tellRefusal("serve")},
		{name: "firewall", run: (*Gate).firewall, tell: tellFirewall},
		{name: "authenticate", run: (*Gate).authenticate, tell: tellAuthenticate},
		{name: "antifraud", run: (*Gate).antifraud, tell: tellAntifraud},
		{name: "rewrite", run: (*Gate).rewrite, tell: tellRewrite},
		{name: "blocklist", run: (*Gate).blocklist, tell: tellBlocklist},
		{name: "phones", run: (*Gate).locate, tell: tellPhones},
		{name: "route", run: (*Gate).route, tell: tellRoute},
		{name: "screen", run: (*Gate).screen, tell: tellScreen},
		{name: "reserve", run: (*Gate).reserve, tell: tellReserve},
		{name: "send", run: (*Gate).send, changes: true},
	}
	g.passages = make([]passage, layer.Shards())
	g.parked = make([]slab.Slab[parking], layer.Shards())
	g.user = layer.Register(g)
	return g
}

// Drain lets no new calls in any more.
func (g *Gate) Drain() { g.draining.Store(true) }

// Draining says that Drain was called.
func (g *Gate) Draining() bool { return g.draining.Load() }

// Full lets no calls or registrations in while what must be kept of them cannot be.
func (g *Gate) Full(is bool) { g.full.Store(is) }

// Request takes a new request; it is part of transaction.Core.
func (g *Gate) Request(sh *transaction.Shard, m *sip.Message, f transport.Flow) {
	if len(m.ToTag()) > 0 {
		g.inDialog(sh, m, f)
		return
	}
	p := g.begin(sh, m, f)
	g.run(sh, p)
	p.msg = nil
}

// begin makes a shard's passage one of a request.
func (g *Gate) begin(sh *transaction.Shard, m *sip.Message, f transport.Flow) *passage {
	p := &g.passages[sh.Index]
	p.msg, p.flow, p.server, p.next = m, f, 0, 0
	p.looped, p.full, p.stable = false, live.Limit{}, dialog.Stable{}
	p.answer = auth.Credentials{}
	p.id = policy.Identity{}
	p.list.Group, p.list.Foreign, p.list.DID = 0, false, ""
	p.req = policy.Request{
		Msg: m, Source: f.Remote, Local: f.Local.Addr(), Transport: f.Proto.String(),
		Now: sh.Now(), Health: g.cfg.Health,
	}
	g.learn(p)
	return p
}

// inDialog hands a request with a To-tag to its call; one that fits none gets 481
// (RFC 3261 12.2.2), but for a stranger's.
func (g *Gate) inDialog(sh *transaction.Shard, m *sip.Message, f transport.Flow) {
	if v := sip.Validate(m); v.Status != 0 {
		if v.Status > 0 {
			sh.Reply(m, f, &sip.Response{Status: v.Status, Reason: v.Reason})
		}
		return
	}
	if !g.cfg.Calls.Request(sh, m, f) {
		g.noDialog(sh, m, f)
	}
}

// Cancel is part of transaction.Core.
func (g *Gate) Cancel(sh *transaction.Shard, m *sip.Message, f transport.Flow) {
	g.noDialog(sh, m, f)
}

// noDialog refuses what belongs to nothing that is known here. A To-tag or a CANCEL brings no stranger an
// answer: he hears nothing, as of all that he sends, unless he has an identifier that we gave out.
func (g *Gate) noDialog(sh *transaction.Shard, m *sip.Message, f transport.Flow) {
	p := g.begin(sh, m, f)
	v := g.cfg.Table.Snapshot().Identify(&p.req, &p.id)
	if p.id.Customer != nil || v.Status != policy.Drop || v.Reason != policy.ForeignToken && g.cfg.Calls.Names(m) {
		v = policy.Verdict{Status: 481, Reason: policy.NoDialog}
	}
	p.msg, p.id.Emergency = nil, false // it asks for no call
	id := g.refusalID(m, f)
	g.cfg.Decided(sh, &Decision{
		ID: id, Method: m.Method(), Proto: f.Proto, Source: f.Remote, Local: f.Local, Message: m,
		Identity: &p.id, Verdict: v,
	})
	if v.Status != policy.Drop {
		sh.Reply(m, f, &sip.Response{Status: v.Status, Headers: headersOf(v, &p.id, m, id)})
	}
}

// Ack is part of transaction.Core.
func (g *Gate) Ack(sh *transaction.Shard, m *sip.Message, f transport.Flow) {
	if sip.Validate(m).Status != 0 {
		return
	}
	g.cfg.Calls.Ack(sh, m, f)
}

// Stray is part of transaction.Core.
func (g *Gate) Stray(sh *transaction.Shard, m *sip.Message, f transport.Flow) {
	g.cfg.Calls.Stray(sh, m, f)
}

// Pong is part of transaction.Core.
func (g *Gate) Pong(_ *transaction.Shard, m *sip.Message, f transport.Flow) {
	g.cfg.Registrar.Pong(m, f)
}

// run takes a passage through the steps that are left.
func (g *Gate) run(sh *transaction.Shard, p *passage) {
	for p.next < len(g.steps) {
		v, parked := g.steps[p.next].run(g, sh, p)
		if parked {
			return
		}
		if v.Refused() {
			g.refuse(sh, p, v)
			return
		}
		p.next++
	}
	g.decided(sh, p, policy.Verdict{})
}
