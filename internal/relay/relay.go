// Package relay carries requests that belong to no dialog and make none: OPTIONS,
// MESSAGE, PUBLISH, INFO and NOTIFY through to destinations, with failover, or to
// phones; plain or hidden.
//
// It is not its job to decide whether a request may pass (package gate), nor to
// know dialogs (package call).
//
// RFC 3261 16; RFC 3428 (MESSAGE); RFC 3903 (PUBLISH).
package relay

import (
	"net/netip"

	"tollgate/internal/dialog"
	"tollgate/internal/peer"
	"tollgate/internal/policy"
	"tollgate/internal/registrar"
	"tollgate/internal/slab"
	"tollgate/internal/trace"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/internal/uac"
	"tollgate/sip"
)

// Config says what a Relay is made of.
type Config struct {
	Router *peer.Router
	Minter *dialog.Minter
	Agent  *uac.Agent // answers switches; nil: none is answered
	// Advertised is how the peer of a flow knows us.
	Advertised func(f transport.Flow) (host string, port uint16)
	// Answered is told of each response to a request from outside, while that is still kept,
	// and may use the shard's Kept. nil: nobody is told.
	Answered func(sh *transaction.Shard, request transaction.ID, customer *policy.Customer, response *sip.Message)
	// Refused is told of each request that ends here though the gate let it through. nil: nobody is told.
	Refused func(r *Refusal)
}

// Refusal is a request that passed the gate and that nobody answered who may, and why.
type Refusal struct {
	ID       dialog.Stable // of the gate's decision
	Customer *policy.Customer
	Method   sip.Method
	Source   netip.AddrPort
	Verdict  policy.Verdict
}

// Relay is all requests under way, by shard; each shard's are guarded by its lock.
type Relay struct {
	cfg    Config
	layer  *transaction.Layer
	user   uint8
	shards []slab.Slab[request]
}

// request is one request under way.
type request struct {
	gen, slot uint32
	used      bool
	hidden    bool
	status    int16 // the last refusal that led on to another destination
	silent    bool  // the last candidate gave no sign of life
	direction policy.Direction
	method    sip.Method
	cseq      uint32
	customer  *policy.Customer
	decision  dialog.Stable // that let it pass
	known     bool          // its sender, as more than a caller by domain
	id        dialog.Stable // follows from Call-ID and From tag: a retry has the same
	source    transport.Flow
	phones    []phone
	best      []byte // the best refusal of the phones so far
	from      *phone // whose that is
	server    transaction.ID
	client    transaction.ID
	initial   transaction.TimerID
	walk      peer.Walk
	mask      string

	entry      *policy.Switch // that it came from; nil: none
	numbers    policy.Numbers // as the entry's rewriting left them
	emergency  bool
	to         transport.Flow // where it was sent last
	answers    *uac.Answers   // to the challenges of the switch at hand; nil: it has not asked
	again      uint16         // how often it was sent with credentials of ours
	renumbered bool           // From and To were written anew
}

// New makes the relay of a layer.
func New(cfg Config, layer *transaction.Layer) *Relay {
	r := &Relay{cfg: cfg, layer: layer, shards: make([]slab.Slab[request], layer.Shards())}
	r.user = layer.Register(r)
	return r
}

func makeRef(q *request) uint64 { return uint64(q.gen)<<32 | uint64(q.slot) }

func (r *Relay) request(sh *transaction.Shard, ref uint64) *request {
	q := r.shards[sh.Index].At(uint32(ref))
	if q == nil || !q.used || q.gen != uint32(ref>>32) {
		return nil
	}
	return q
}

// Used is how many requests are under way.
func (r *Relay) Used() (n int) {
	for i := range r.shards {
		r.layer.Do(uint8(i), func(sh *transaction.Shard) { n += r.shards[sh.Index].Used() })
	}
	return n
}

// Passed is a request that the gate let through.
type Passed struct {
	Server     transaction.ID
	Decision   dialog.Stable // the gate's, by which it is found
	Identity   *policy.Identity
	Candidates *policy.Candidates
	Phones     []registrar.Contact // instead of Candidates
}

// Start sends a request that passed the gate to its first destination, or to phones.
// m is the request of the server transaction.
func (r *Relay) Start(sh *transaction.Shard, p *Passed, m *sip.Message) {
	info, ok := sh.Server(p.Server)
	if !ok {
		return
	}
	id := p.Identity
	slot, q := r.shards[sh.Index].Alloc()
	*q = request{
		gen: q.gen + 1, slot: slot, used: true, customer: id.Customer, direction: id.Direction,
		hidden: id.Customer.Hides(),
		method: m.Method(), cseq: m.CSeq(), source: info.Flow, server: p.Server,
		decision: p.Decision, known: id.By != policy.ByDomain && id.By != policy.ByNothing,
		mask: id.Domain, entry: id.Entry, numbers: id.Numbers, emergency: id.Emergency,
	}
	if q.mask == "" && len(id.Customer.Domains) > 0 {
		q.mask = id.Customer.Domains[0]
	}
	q.id = r.cfg.Minter.Far(m.CallID(), m.FromTag())
	sh.SetRef(p.Server, r.user, makeRef(q))
	if len(p.Phones) > 0 {
		r.toPhones(sh, q, p.Phones, m)
		return
	}
	foreign, _ := peer.TargetOfURI(m.RequestURI())
	q.walk.Start(p.Candidates, foreign)
	r.try(sh, q, m)
}

// try sends the request to the next address, or answers when none is left.
func (r *Relay) try(sh *transaction.Shard, q *request, m *sip.Message) {
	if m == nil {
		if !sh.Request(q.server, &sh.Kept) {
			r.close(sh, q)
			return
		}
		m = &sh.Kept
	}
	for {
		flow, step := r.cfg.Router.Next(&q.walk, len(m.Bytes())+120+policy.Growth(q.entry, nil), r, sh.Index, makeRef(q))
		switch step {
		case peer.Waiting:
			return
		case peer.Exhausted:
			r.exhausted(sh, q)
			return
		case peer.Ready:
			q.answers = nil
			if r.send(sh, q, m, flow, nil) {
				return
			}
		}
	}
}

// exhausted answers as mission row C10 says: the last refusal, else 404 to the
// outside and 408 to the PBX.
func (r *Relay) exhausted(sh *transaction.Shard, q *request) {
	status, why := int(q.status), policy.AllDestinationsDown
	if status == 0 || q.silent {
		why = policy.InitialTimeout
	}
	switch {
	case status == 503 && !q.silent:
		status = 500
	case status != 0 && !q.silent:
	case q.direction == policy.Inbound:
		status = 404
	default:
		status = 408
	}
	r.answer(sh, q, status, why)
}

// answer ends a request with a status of ours, and says why (mission row C2).
func (r *Relay) answer(sh *transaction.Shard, q *request, status int, why policy.Reason) {
	response := sip.Response{Status: status}
	if q.known {
		response.Headers = why.AppendHeader(nil, status, trace.ID(q.decision).Ref())
	}
	sh.RespondStatus(q.server, &response)
	if r.cfg.Refused != nil {
		r.cfg.Refused(&Refusal{
			ID: q.decision, Customer: q.customer, Method: q.method, Source: q.source.Remote,
			Verdict: policy.Verdict{Status: status, Reason: why},
		})
	}
	r.close(sh, q)
}

func (r *Relay) close(sh *transaction.Shard, q *request) {
	sh.Stop(&q.initial)
	sh.Free(&q.best)
	q.used, q.customer, q.entry, q.walk, q.phones, q.from, q.answers = false, nil, nil, peer.Walk{}, nil, nil, nil
	r.shards[sh.Index].Release(q.slot)
}

func (r *Relay) address(f transport.Flow) dialog.Address {
	host, port := r.cfg.Advertised(f)
	return dialog.Address{Proto: f.Proto, Host: host, Port: port}
}

func (r *Relay) token(dst []byte, sh *transaction.Shard, q *request, part dialog.Part) []byte {
	return r.cfg.Minter.Append(dst, dialog.ID{Shard: sh.Index, Slot: q.slot, Stable: q.id, Part: part})
}

// send writes and sends the request to one address, or to a phone; false when it could not.
func (r *Relay) send(sh *transaction.Shard, q *request, m *sip.Message, flow transport.Flow, to *phone) bool {
	if q.client = sh.NewClient(r.user, makeRef(q)); q.client == 0 {
		r.answer(sh, q, 503, policy.ResourceExhausted)
		return true
	}
	var branch [transaction.BranchLen]byte
	var id, callID [dialog.IDLen]byte
	var fromRoom, toRoom [512]byte
	var hiding dialog.Hiding
	fwd := dialog.Forward{
		Message: m, Source: q.source.Remote, Out: r.address(flow),
		Branch: sh.AppendBranch(branch[:0], q.client, transaction.LoopHash(m)), CSeq: q.cseq + uint32(q.again),
		Realm: q.customer.AsksIn(),
	}
	fwd.Changes = policy.Edits(q.entry, q.destination(to))
	if to != nil {
		fwd.Target, fwd.Routes = []byte(to.contact.URI), []byte(to.contact.Path)
	}
	if q.hidden {
		hiding.Reset(q.mask, q.customer.Domains, q.source.Remote)
		hiding.NoCall = true
		hiding.NameURI(dialog.ContactURI(m))
		hiding.Name(m.TopVia().Host)
		fwd.Hide, fwd.ID = &hiding, r.token(id[:0], sh, q, dialog.ToCallee)
		fwd.CallID, fwd.FromTag = r.cfg.Minter.AppendCallID(callID[:0], m.CallID(), q.id), fwd.ID[len(fwd.ID)-16:]
		fwd.From = hiding.AppendIdentity(fromRoom[:0], m.Value(sip.HdrFrom))
		fwd.To = hiding.AppendIdentity(toRoom[:0], m.Value(sip.HdrTo))
	}
	var numbers policy.Numbers
	n := peer.Numbers(&numbers, &q.numbers, m, q.customer, q.destination(to), q.emergency)
	q.number(&n, m, &fwd)
	q.authorize(to, &fwd)
	out, err := fwd.Write(&sh.Edit, sh.Out[:0])
	if err != nil {
		sh.Forget(q.client)
		r.answer(sh, q, 513, policy.TooBig)
		return true
	}
	sh.Out = out
	if sh.SendRequest(q.client, q.method, flow, out) != nil {
		q.client = 0
		return false
	}
	q.silent, q.to = false, flow
	sh.Stop(&q.initial)
	q.initial = sh.After(q.customer.Settings.Timers.Initial, r.user, 0, makeRef(q))
	return true
}

// Response is transaction.User.
func (r *Relay) Response(sh *transaction.Shard, id transaction.ID, ref uint64, m *sip.Message, f transport.Flow) {
	q := r.request(sh, ref)
	switch {
	case q == nil:
		return
	case len(q.phones) > 0:
		r.phoneAnswered(sh, q, id, m, f)
		return
	case q.client != id:
		return
	}
	sh.Stop(&q.initial)
	code := m.StatusCode()
	if code == 100 {
		return
	}
	if uac.Challenge(code) && r.challenged(sh, q, m, f) {
		return
	}
	if code == 500 || code >= 502 && code <= 504 {
		q.status = int16(code)
		r.try(sh, q, nil)
		return
	}
	if r.cfg.Answered != nil && q.direction == policy.Inbound {
		r.cfg.Answered(sh, q.server, q.customer, m)
	}
	if !r.back(sh, q, m, f, nil) {
		sh.RespondStatus(q.server, &sip.Response{Status: 500})
	}
	if code >= 200 {
		r.close(sh, q)
	}
}

// back passes a response on to the request's sender; by is nil where a destination answers.
func (r *Relay) back(sh *transaction.Shard, q *request, m *sip.Message, f transport.Flow, by *phone) bool {
	user := q.answerer(by)
	reply := dialog.Reply{Message: m, CSeq: q.cseq, Status: m.StatusCode(), Unnamed: user != nil && !q.customer.Himself(user, m, false)}
	if reply.Status == 503 { // a phone's: the PBX would avoid us (RFC 3261 16.7 step 6)
		reply.Status = 500
	}
	var id, tag [dialog.IDLen]byte
	var hiding dialog.Hiding
	if q.hidden || q.renumbered || user != nil {
		if !sh.Head(q.server, &sh.Kept) {
			return false
		}
		reply.Head = &sh.Kept
	}
	if q.hidden {
		if reply.Status >= 300 && reply.Status < 400 {
			reply.Status = 480
		}
		out := r.address(q.source)
		hiding.Reset(out.Host, q.customer.Domains, f.Remote)
		hiding.NoCall = true
		hiding.NameURI(dialog.ContactURI(m))
		if d := q.walk.Destination(); d != nil {
			hiding.NameString(d.Host)
		}
		reply.Hide, reply.Source, reply.Out = &hiding, q.source.Remote, out
		reply.ID = r.token(id[:0], sh, q, dialog.ToCaller)
		reply.ToTag = r.token(tag[:0], sh, q, dialog.ToCaller)[dialog.IDLen-16:]
	}
	data, err := reply.Write(&sh.Edit, sh.Out[:0])
	if err != nil {
		return false
	}
	sh.Out = data
	sh.Respond(q.server, reply.Status, data)
	return true
}

// Failed is transaction.User.
func (r *Relay) Failed(sh *transaction.Shard, id transaction.ID, ref uint64, _ transaction.Failure) {
	q := r.request(sh, ref)
	switch {
	case q == nil:
	case len(q.phones) > 0:
		r.phoneOver(sh, q, id)
	case q.client == id:
		sh.Stop(&q.initial)
		q.silent = true
		r.try(sh, q, nil)
	}
}

// Unreachable is transaction.User: on to the next address, if there is one.
func (r *Relay) Unreachable(sh *transaction.Shard, id transaction.ID, ref uint64) {
	if q := r.request(sh, ref); q != nil && q.client == id && q.walk.More() {
		sh.Stop(&q.initial)
		r.Timer(sh, 0, ref)
	}
}

// Timer is the initial timer (mission row C10): on to the next destination.
func (r *Relay) Timer(sh *transaction.Shard, _ uint8, ref uint64) {
	q := r.request(sh, ref)
	if q == nil {
		return
	}
	q.initial = 0
	if len(q.phones) > 0 {
		r.phonesSilent(sh, q)
		return
	}
	q.silent = true
	sh.Abandon(q.client)
	r.try(sh, q, nil)
}

// Continue is peer.Waiter.
func (r *Relay) Continue(shard uint8, ref uint64, apply func(*peer.Walk)) {
	r.layer.Do(shard, func(sh *transaction.Shard) {
		if q := r.request(sh, ref); q != nil {
			apply(&q.walk)
			r.try(sh, q, nil)
		}
	})
}

// Canceled and Ended are an INVITE's only.
func (r *Relay) Canceled(*transaction.Shard, transaction.ID, uint64) {}

// Ended is an INVITE's only.
func (r *Relay) Ended(*transaction.Shard, transaction.ID, uint64) {}
