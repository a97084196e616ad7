package registrar

import (
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/peer"
	"tollgate/internal/policy"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// request is one REGISTER under way.
type request struct {
	gen, slot uint32
	used      bool
	hidden    bool
	silent    bool  // the last candidate gave no sign of life
	status    int16 // the last refusal that led on to another destination
	direction policy.Direction
	cseq      uint32
	customer  *policy.Customer
	source    transport.Flow
	server    transaction.ID
	client    transaction.ID
	initial   transaction.TimerID
	walk      peer.Walk
	mask      string
	by        policy.How         // how its sender was known
	domain    string             // that it named
	keys      [maxContacts]uint8 // of the tokens that were sent
	repeat    repeat
	sent      time.Duration // the first time, on the registrar's clock
}

// work is what one shard works with, so that nothing is allocated.
type work struct {
	wish   wish
	grants grants
	hiding dialog.Hiding
	out    dialog.Address // how the PBX's flow knows us
	next   [maxContacts]facts
	text   []byte
	reply  []byte // headers of an answer of ours
	date   []byte // the Date among them, as of second
	second int64  // Unix time

	branch [transaction.BranchLen]byte
	id     [dialog.IDLen]byte
	tag    [24]byte
	from   []byte
	to     []byte
}

func makeRef(q *request) uint64 { return uint64(q.gen)<<32 | uint64(q.slot) }

func (r *Registrar) request(sh *transaction.Shard, ref uint64) *request {
	q := r.requests[sh.Index].At(uint32(ref))
	if q == nil || !q.used || q.gen != uint32(ref>>32) {
		return nil
	}
	return q
}

// Start relays a REGISTER that passed the gate, or answers it where the customer's phones
// register here. m is the request of the server transaction. One that asks for what cannot be
// is left to the caller to answer, by the verdict's status with its detail as the reason phrase.
func (r *Registrar) Start(sh *transaction.Shard, server transaction.ID, id *policy.Identity, list *policy.Candidates, m *sip.Message) policy.Verdict {
	info, ok := sh.Server(server)
	if !ok {
		return policy.Verdict{}
	}
	if id.Customer.RegistersHere() {
		return r.answerHere(sh, server, id, m, info.Flow)
	}
	w := &r.work[sh.Index].wish
	no := r.read(w, m, id.Customer, nil, info.Flow)
	if !no.Refused() {
		no = r.room(w, id.Customer, m)
	}
	if no.Refused() {
		return no
	}
	slot, q := r.requests[sh.Index].Alloc()
	*q = request{
		gen: q.gen + 1, slot: slot, used: true, customer: id.Customer, direction: id.Direction,
		hidden: id.Customer.Hides(),
		cseq:   m.CSeq(), source: info.Flow, server: server, mask: id.Domain, by: id.By, domain: id.Domain, sent: r.nowOf(sh),
	}
	if q.mask == "" && len(id.Customer.Domains) > 0 {
		q.mask = id.Customer.Domains[0]
	}
	for i := range w.contacts[:w.n] {
		q.keys[i] = w.contacts[i].key
	}
	if !q.hidden { // else its head is needed anyway
		q.repeat = repeatOf(w, m, info.Flow)
	}
	var foreign transport.Target
	if list.Foreign {
		foreign, _ = peer.TargetOfURI(m.RequestURI())
	}
	q.walk.Start(list, foreign)
	sh.SetRef(server, r.user, makeRef(q))
	r.try(sh, q, m)
	return policy.Verdict{}
}

// again reads the kept request, which was judged before.
func (r *Registrar) again(sh *transaction.Shard, q *request) bool {
	if !sh.Request(q.server, &sh.Kept) {
		return false
	}
	w := &r.work[sh.Index].wish
	if r.read(w, &sh.Kept, q.customer, nil, q.source).Refused() {
		return false // our listeners have changed meanwhile
	}
	for i := range w.contacts[:w.n] {
		w.contacts[i].key = q.keys[i]
	}
	return true
}

// growth is about how many bytes we add to a REGISTER (RFC 3261 18.1.1).
const growth = 180

// try sends the request to the next address, or answers when none is left. m is nil
// where the work space no longer holds what the request asks for.
func (r *Registrar) try(sh *transaction.Shard, q *request, m *sip.Message) {
	if m == nil {
		if !r.again(sh, q) {
			r.answer(sh, q, 500, policy.Internal)
			return
		}
		m = &sh.Kept
	}
	for {
		flow, step := r.cfg.Router.Next(&q.walk, len(m.Bytes())+growth, r, sh.Index, makeRef(q))
		switch step {
		case peer.Waiting:
			return
		case peer.Exhausted:
			r.exhausted(sh, q)
			return
		case peer.Ready:
			if r.send(sh, q, m, flow) {
				return
			}
		}
	}
}

// exhausted answers as mission row C10 says: the last refusal, else 404 to the
// outside and 408 to the PBX.
func (r *Registrar) exhausted(sh *transaction.Shard, q *request) {
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

func (r *Registrar) close(sh *transaction.Shard, q *request) {
	sh.Stop(&q.initial)
	q.used, q.customer, q.walk = false, nil, peer.Walk{}
	r.requests[sh.Index].Release(q.slot)
}

func (r *Registrar) address(f transport.Flow) dialog.Address {
	host, port := r.cfg.Transport.Advertised(f)
	return dialog.Address{Proto: f.Proto, Host: host, Port: port}
}

// fromTag ends the tag that a PBX gets from us.
const fromTag = 0xff

// rename gives a hidden REGISTER its Call-ID and tag, which follow from the phone's, so
// that a refresh and the answer to a challenge fit to what went before (RFC 3261 10.2.4,
// 22.2), and From and To without what names the phone's network.
func (r *Registrar) rename(fwd *dialog.Forward, w *work, hide *dialog.Hiding) {
	m := fwd.Message
	far := r.cfg.Minter.Far(m.CallID(), m.FromTag())
	w.text = append(append(w.text[:0], far[:]...), fromTag)
	w.from = hide.AppendIdentity(w.from[:0], m.Value(sip.HdrFrom))
	w.to = hide.AppendIdentity(w.to[:0], m.Value(sip.HdrTo))
	fwd.Hide, fwd.From, fwd.To = hide, w.from, w.to
	fwd.FromTag = sip.AppendToken(w.tag[:0], w.text)
	fwd.CallID = r.cfg.Minter.AppendCallID(w.id[:0], m.CallID(), far)
}

// send writes and sends the request to one address; false when it could not.
func (r *Registrar) send(sh *transaction.Shard, q *request, m *sip.Message, flow transport.Flow) bool {
	if q.client = sh.NewClient(r.user, makeRef(q)); q.client == 0 {
		r.answer(sh, q, 503, policy.ResourceExhausted)
		return true
	}
	w := &r.work[sh.Index]
	w.out = r.address(flow)
	fwd := dialog.Forward{
		Message: m, Source: q.source.Remote, Out: w.out, CSeq: q.cseq,
		Branch: sh.AppendBranch(w.branch[:0], q.client, transaction.LoopHash(m)),
	}
	fwd.Changes = policy.Edits(nil, q.walk.Destination())
	var hide *dialog.Hiding
	if q.hidden {
		hide = w.hide(q, m)
		r.rename(&fwd, w, hide)
	}
	fwd.Edit(&sh.Edit)
	r.outward(&sh.Edit, m, w, hide)
	out, err := sh.Edit.Write(sh.Out[:0])
	if err != nil {
		sh.Forget(q.client)
		r.answer(sh, q, 513, policy.TooBig)
		return true
	}
	sh.Out = out
	if sh.SendRequest(q.client, sip.REGISTER, flow, out) != nil {
		q.client = 0
		return false
	}
	q.silent = false
	q.initial = sh.After(q.customer.Settings.Timers.Initial, r.user, 0, makeRef(q))
	return true
}

// hide prepares the hiding of a phone.
func (w *work) hide(q *request, m *sip.Message) *dialog.Hiding {
	h := &w.hiding
	h.Reset(q.mask, q.customer.Domains, q.source.Remote)
	h.OwnContacts = true
	h.Name(m.TopVia().Host)
	for i := range w.wish.contacts[:w.wish.n] {
		h.NameURI(w.wish.contacts[i].name.URI)
	}
	return h
}

// Response is transaction.User.
func (r *Registrar) Response(sh *transaction.Shard, id transaction.ID, ref uint64, m *sip.Message, f transport.Flow) {
	q := r.request(sh, ref)
	if q == nil || q.client != id {
		return
	}
	sh.Stop(&q.initial)
	code := m.StatusCode()
	if code == 100 {
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
	r.refused(sh, q, m, f)
	if !r.back(sh, q, m, f) {
		sh.RespondStatus(q.server, &sip.Response{Status: 500})
	}
	if code >= 200 {
		r.close(sh, q)
	}
}

// Failed is transaction.User.
func (r *Registrar) Failed(sh *transaction.Shard, id transaction.ID, ref uint64, _ transaction.Failure) {
	if q := r.request(sh, ref); q != nil && q.client == id {
		sh.Stop(&q.initial)
		q.silent = true
		r.try(sh, q, nil)
	}
}

// Unreachable is transaction.User: on to the next address, if there is one.
func (r *Registrar) Unreachable(sh *transaction.Shard, id transaction.ID, ref uint64) {
	if q := r.request(sh, ref); q != nil && q.client == id && q.walk.More() {
		sh.Stop(&q.initial)
		r.Timer(sh, 0, ref)
	}
}

// Timer is the initial timer (mission row C10): on to the next destination.
func (r *Registrar) Timer(sh *transaction.Shard, _ uint8, ref uint64) {
	if q := r.request(sh, ref); q != nil {
		q.initial = 0
		q.silent = true
		sh.Abandon(q.client)
		r.try(sh, q, nil)
	}
}

// Continue is peer.Waiter.
func (r *Registrar) Continue(shard uint8, ref uint64, apply func(*peer.Walk)) {
	r.layer.Do(shard, func(sh *transaction.Shard) {
		if q := r.request(sh, ref); q != nil {
			apply(&q.walk)
			r.try(sh, q, nil)
		}
	})
}

// Canceled is an INVITE's only.
func (r *Registrar) Canceled(*transaction.Shard, transaction.ID, uint64) {}

// Ended is an INVITE's only.
func (r *Registrar) Ended(*transaction.Shard, transaction.ID, uint64) {}
