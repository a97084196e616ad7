package call

import (
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/peer"
	"tollgate/internal/policy"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// exchange is a request within a call on its way from one leg to the other, and
// its responses on their way back.
type exchange struct {
	gen, slot uint32
	used      bool
	done      bool                // its final response has gone back
	offered   bool                // bridged media waits for what is answered to its offer
	muted     bool                // its answer did not go back: the 2xx is acknowledged here
	again     transaction.TimerID // our own answer, until its ACK
	after     time.Duration
	since     time.Duration
	call      uint32
	fork      uint8
	from      dialog.Side
	method    sip.Method
	cseq      uint32 // as the sender numbered it
	out       uint32 // and the receiver knows it
	server    transaction.ID
	client    transaction.ID
	walk      *peer.Walk      // only where the way to the receiver has to be looked up
	names     []dialog.Rename // of dialogs that it names
}

func (c *Calls) exchange(sh *transaction.Shard, ref uint64) *exchange {
	_, gen, slot := refParts(ref)
	x := c.table(sh).exchanges.At(slot)
	if x == nil || !x.used || x.gen&0xfffffff != gen {
		return nil
	}
	return x
}

func (x *exchange) ref() uint64 { return makeRef(refExchange, x.gen, x.slot) }

// mostPending bounds the requests that a call carries at once, so that one party
// cannot fill the node by asking what the other does not answer. What is beyond it gets a 500 that leaves no
// state (RFC 3261 8.2.7): unlike 408, 481 and a 503 without Retry-After it ends no dialog and says nothing of
// others. The number of such a request is never used towards the other side, which may see a gap (12.2.2); sent
// again, it passes when there is room by then, and its sender, who has his answer, ignores the second one.
const mostPending = 64

var retryAfter = []byte("Retry-After: 5\r\n") // RFC 3261 14.2

// Request takes a request that carries a To-tag; false when no dialog of ours is
// meant, which is the caller's to answer (481).
func (c *Calls) Request(sh *transaction.Shard, m *sip.Message, f transport.Flow) bool {
	hit, ok := c.find(sh, m, f)
	if !ok || hit.call.state == over || hit.call.state == watched && !ofSubscription(m.Method()) {
		return c.crossed(sh, m, f)
	}
	call := hit.call
	switch {
	case m.MaxForwards() == 0:
		c.refuseAtOnce(sh, hit, m, f, policy.Verdict{Status: 483, Reason: policy.MaxForwards}, nil)
		return true
	case call.state == ending:
		c.whileEnding(sh, m, f)
		return true
	}
	if call.pending >= mostPending && (m.Method() != sip.BYE || call.pending >= 2*mostPending) {
		c.refuseAtOnce(sh, hit, m, f, policy.Verdict{Status: 500, Reason: policy.ResourceExhausted}, retryAfter)
		return true
	}
	server := sh.NewServer(m, f, c.user, 0)
	if server == 0 {
		c.refuseAtOnce(sh, hit, m, f, policy.Verdict{Status: 503, Reason: policy.ResourceExhausted}, nil)
		return true
	}
	t := c.table(sh)
	slot, x := t.exchanges.Alloc()
	*x = exchange{
		gen: x.gen + 1, slot: slot, used: true, call: call.slot, fork: hit.fork, from: hit.side,
		method: m.Method(), cseq: m.CSeq(), server: server, walk: nil,
	}
	x.out = call.dialog(hit.fork).Seq[hit.side].Pass(m)
	sh.SetRef(server, c.user, x.ref())
	call.pending++
	c.moved(call, hit, f)
	if call.restored = false; x.method != sip.BYE {
		c.keep(sh, call) // its numbers have changed
	}
	switch {
	case x.method != sip.BYE && !call.himself(hit.side, m):
		c.refuseExchange(sh, x, policy.Refuse(policy.IdentityNotOwned))
	case !c.intercept(sh, call, x, m) && c.renamed(sh, call, x, m):
		c.forward(sh, x, m)
	}
	return true
}

// moved follows a party whose requests come over another connection than before; a
// phone also to another address, as its NAT or its network changes. Who knows the
// dialog's tags and the identifier that we gave out is its party.
func (c *Calls) moved(call *Call, hit found, f transport.Flow) {
	leg := &call.dialog(hit.fork).Callee
	if hit.side == dialog.Caller {
		leg = &call.caller
	}
	same := leg.Flow.Remote.Addr() == f.Remote.Addr()
	if leg.Flow == f || !(leg.Outside && hit.named || same && f.Proto.Reliable()) {
		return
	}
	leg.Flow = f
	if to, ok := c.cfg.Phones.ByID(leg.Binding); ok {
		leg.Seen = markOf(to.Flow)
	}
}

// forward sends an exchange's request to the other leg. m is the request where it
// is at hand, nil else.
func (c *Calls) forward(sh *transaction.Shard, x *exchange, m *sip.Message) {
	call := c.table(sh).calls.At(x.call)
	if m == nil {
		if !sh.Request(x.server, &sh.Kept) {
			c.close(sh, x)
			return
		}
		m = &sh.Kept
	}
	if c.muteExchange(sh, call, x, m) {
		return
	}
	c.late(sh, call, m)
	for {
		flow, step := c.wayTo(sh, call, x)
		if step == peer.Waiting {
			return
		}
		if step == peer.Exhausted {
			c.undelivered(sh, x, policy.TransportFailed, 408)
			return
		}
		if x.client = sh.NewClient(c.user, x.ref()); x.client == 0 {
			c.refuseExchange(sh, x, policy.Refuse(policy.ResourceExhausted))
			return
		}
		if why := c.write(sh, call, x, m, flow); why != policy.OK {
			sh.Forget(x.client)
			c.undelivered(sh, x, why, why.Status())
			return
		}
		if sh.SendRequest(x.client, x.method, flow, sh.Out) == nil {
			c.sent(sh, call, x)
			return
		}
		x.client = 0
		if x.walk == nil {
			c.startWalk(call, x)
		}
	}
}

// write builds the request as the other leg gets it, into sh.Out; a reason other than
// policy.OK is why it cannot.
func (c *Calls) write(sh *transaction.Shard, call *Call, x *exchange, m *sip.Message, flow transport.Flow) policy.Reason {
	d := call.dialog(x.fork)
	from, to := call.leg(d, x.from), call.leg(d, x.from.Other())
	w := &c.table(sh).work
	fwd := &w.fwd
	*fwd = dialog.Forward{
		Message: m, Source: from.Flow.Remote, Out: c.address(flow), CSeq: x.out,
		Target: call.text(to.Target), Routes: call.text(to.Routes),
	}
	if x.client != 0 {
		fwd.Branch = sh.AppendBranch(w.branch[:0], x.client, 0)
	} else {
		fwd.Branch = sh.AppendAckBranch(w.branch[:0])
	}
	if len(fwd.Target) == 0 {
		fwd.Target = nil
	}
	if fwd.Names = x.names; credentials(m) {
		fwd.Realm, fwd.Foreign = call.customer.AsksIn(), x.from == dialog.Caller && asks(call.dest)
	}
	if x.from == dialog.Caller {
		fwd.Changes = policy.Edits(call.sender(), call.dest)
	}
	if x.method == sip.NOTIFY && !call.hidden {
		fwd.ID = c.mint(w.id[:0], sh, call, dialog.InRoute, 0)
		c.records(fwd, from.Flow, flow) // RFC 6665 4.3: it may make the dialog
	}
	if x.method == sip.PRACK {
		c.prack(d, x, m, fwd)
	}
	if call.hidden {
		c.hideLeg(&w.hiding, call, x.fork, x.from, from, m)
		part := dialog.ToCallee
		if x.from == dialog.Callee {
			part = dialog.ToCaller
		}
		fwd.Hide, fwd.ID = &w.hiding, c.mint(w.id[:0], sh, call, part, x.fork)
		fwd.CallID, fwd.From, fwd.FromTag = call.text(to.CallID), call.text(to.Local), call.text(to.LocalTag)
		fwd.To, fwd.ToTag = call.text(to.Remote), call.text(to.Tag)
	} else {
		call.renumber(&from, &to, fwd)
	}
	fwd.Edit(&sh.Edit)
	out, err := c.compose(sh, call, m, bound{x.from, x.fork, flow})
	sh.Out = out
	own := c.bridged(sh, call)
	x.offered = own != nil && describes(m) && own.Offered(side(x.from))
	return fault(err)
}

// hideLeg prepares the hiding of one leg from the other.
func (c *Calls) hideLeg(h *dialog.Hiding, call *Call, fork uint8, side dialog.Side, hidden dialog.Leg, m *sip.Message) {
	mask, _ := c.cfg.Transport.Advertised(call.leg(call.dialog(fork), side.Other()).Flow)
	h.Reset(mask, call.customer.Domains, hidden.Flow.Remote)
	h.NameURI(call.text(hidden.Target))
	if side == dialog.Callee && call.dest != nil {
		h.NameString(call.dest.Host)
	}
	if via := m.TopVia(); m.IsRequest() && via != nil {
		h.Name(via.Host)
	}
}

// exchangeResponse passes a response back to the exchange's sender.
func (c *Calls) exchangeResponse(sh *transaction.Shard, x *exchange, m *sip.Message) {
	code := m.StatusCode()
	if code == 100 {
		return
	}
	call := c.table(sh).calls.At(x.call)
	if x.done {
		switch {
		case code < 200 || code >= 300 || x.method != sip.INVITE:
		case x.muted:
			c.ackHere(sh, call, x, m.CSeq(), nil)
		default:
			sh.Resend(x.server)
		}
		return
	}
	if x.challenged(call, code) {
		c.refuseExchange(sh, x, policy.Refuse(policy.SwitchChallenge))
		return
	}
	if c.muteReply(sh, call, x, m) {
		return
	}
	if code >= 200 {
		c.final(sh, call, x, m)
	}
	if code >= 300 {
		c.withdraw(sh, call, x)
	}
	if !c.backExchange(sh, call, x, m) {
		sh.RespondStatus(x.server, &sip.Response{Status: 500})
	}
	if code >= 200 {
		if call.bridge != 0 && describes(m) {
			c.keep(sh, call) // with what its media was told
		}
		x.done = true
		if x.method != sip.INVITE || code >= 300 {
			c.close(sh, x)
		}
	}
}

func (c *Calls) backExchange(sh *transaction.Shard, call *Call, x *exchange, m *sip.Message) bool {
	w := &c.table(sh).work
	r := &w.reply
	*r = dialog.Reply{Message: m, CSeq: x.cseq, Status: upward(m.StatusCode(), call.hidden), Unnamed: !call.himself(x.from.Other(), m)}
	if call.hidden || call.renumbered() || call.userAt(x.from.Other()) != 0 {
		if !sh.Head(x.server, &sh.Kept) {
			return false
		}
		r.Head = &sh.Kept
	}
	d := call.dialog(x.fork)
	sender := call.leg(d, x.from)
	if call.hidden {
		c.hideLeg(&w.hiding, call, x.fork, x.from.Other(), call.leg(d, x.from.Other()), m)
		part := dialog.ToCaller
		if x.from == dialog.Callee {
			part = dialog.ToCallee
		}
		r.Hide, r.Source = &w.hiding, sender.Flow.Remote
		r.Out, r.ID = c.address(sender.Flow), c.mint(w.id[:0], sh, call, part, x.fork)
	}
	r.Edit(&sh.Edit)
	out, err := c.compose(sh, call, m, bound{x.from.Other(), x.fork, sender.Flow})
	if err != nil {
		return false
	}
	sh.Out = out
	sh.Respond(x.server, r.Status, out)
	return true
}

// undelivered ends an exchange whose request cannot go on as it is. The sender of a BYE is gone
// all the same, so the other party gets one of ours.
func (c *Calls) undelivered(sh *transaction.Shard, x *exchange, why policy.Reason, status int) {
	call := c.table(sh).calls.At(x.call)
	if x.method == sip.BYE && call.dialog(x.fork).Confirmed {
		if s := c.bridged(sh, call); s != nil && call.confirmed == 1 && call.state == up {
			call.ended(policy.TransportFailed, 200, x.from)
			c.tell(sh, call, transport.Flow{}) // how its media was
			s.Shut(c.cfg.Media)                // before anybody knows of the end
		}
		c.bye(sh, call, x.fork, x.from.Other(), why)
	}
	if x.method == sip.BYE {
		c.answerExchange(sh, x, status)
		return
	}
	c.refuseExchange(sh, x, policy.Verdict{Status: status, Reason: why})
}

// answerExchange ends an exchange with a status of ours that is no refusal.
func (c *Calls) answerExchange(sh *transaction.Shard, x *exchange, status int) {
	c.endExchange(sh, x, &sip.Response{Status: status})
}

func (c *Calls) endExchange(sh *transaction.Shard, x *exchange, r *sip.Response) {
	sh.RespondStatus(x.server, r)
	call := c.table(sh).calls.At(x.call)
	c.withdraw(sh, call, x)
	x.done = true
	if x.method == sip.BYE {
		c.byeDone(sh, call, x, policy.TransportFailed)
	}
	c.close(sh, x)
}

// close lets an exchange go; the last one frees a call that is over.
func (c *Calls) close(sh *transaction.Shard, x *exchange) {
	t := c.table(sh)
	call := t.calls.At(x.call)
	x.used, x.walk, x.names = false, nil, nil
	t.exchanges.Release(x.slot)
	call.pending--
	c.reap(sh, call)
}

// Failed takes a client transaction that ended without a final response.
func (c *Calls) Failed(sh *transaction.Shard, id transaction.ID, ref uint64, why transaction.Failure) {
	switch kind, _, _ := refParts(ref); kind {
	case refSetup:
		if call := c.call(sh, ref); call != nil && call.state == calling && c.atHand(sh, call, id) {
			call.branch = 0
			c.branchTimeout(sh, call)
		}
	case refExchange:
		if x := c.exchange(sh, ref); x != nil {
			c.answerExchange(sh, x, 408)
		}
	case refOwn, refProbeCaller, refProbeCallee, refPingCaller, refPingCallee:
		if call := c.call(sh, ref); call != nil {
			c.ownOver(sh, call, kind, 0)
		}
	}
}

// Unreachable goes on to the next address of a call that is being set up, if
// there is one; else the retransmissions may still get through.
func (c *Calls) Unreachable(sh *transaction.Shard, id transaction.ID, ref uint64) {
	if kind, _, _ := refParts(ref); kind != refSetup {
		return
	}
	call := c.call(sh, ref)
	if call == nil || call.branch != id || call.state != calling || call.setup == 0 || !c.setup(sh, call).walk.More() {
		return
	}
	sh.Stop(&call.initial)
	c.Timer(sh, timerInitial, ref)
}

// Ended takes the end of an answered INVITE: no 2xx can come any more.
func (c *Calls) Ended(sh *transaction.Shard, id transaction.ID, ref uint64) {
	switch kind, _, _ := refParts(ref); kind {
	case refSetup:
		if call := c.call(sh, ref); call != nil && call.branch == id {
			call.branch = 0
			c.reap(sh, call)
		}
	case refExchange:
		if x := c.exchange(sh, ref); x != nil {
			c.close(sh, x)
		}
	}
}
