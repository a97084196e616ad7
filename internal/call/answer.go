package call

import (
	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/internal/uac"
	"tollgate/sip"
)

// Response takes a response to any request that calls have sent.
func (c *Calls) Response(sh *transaction.Shard, id transaction.ID, ref uint64, m *sip.Message, f transport.Flow) {
	switch kind, _, _ := refParts(ref); kind {
	case refSetup:
		call := c.call(sh, ref)
		switch {
		case call != nil && c.atHand(sh, call, id):
			c.setupResponse(sh, call, m, f)
		case call == nil && m.CSeqMethod() == sip.INVITE && m.StatusCode() >= 200 && m.StatusCode() < 300:
			c.end2xx(sh, m, f) // another fork answers a call that is over
		}
	case refExchange:
		if x := c.exchange(sh, ref); x != nil {
			c.exchangeResponse(sh, x, m)
		}
	case refOwn, refProbeCaller, refProbeCallee, refPingCaller, refPingCallee:
		if call := c.call(sh, ref); call != nil && m.StatusCode() >= 200 {
			kind, _, _ := refParts(ref)
			c.ownOver(sh, call, kind, m.StatusCode())
		}
	}
}

// setupResponse takes a response to the request that makes the call or subscription.
func (c *Calls) setupResponse(sh *transaction.Shard, call *Call, m *sip.Message, f transport.Flow) {
	code := m.StatusCode()
	if code < 200 || code >= 300 {
		if call.state != calling {
			return
		}
		if c.ringing(sh, call) == nil {
			sh.Stop(&call.initial) // else it is for those that are silent
		}
	}
	if uac.Challenge(code) && c.challenged(sh, call, m, f) {
		return
	}
	if c.cfg.Answered != nil && call.state == calling && call.direction == policy.Inbound && code > 100 {
		c.cfg.Answered(sh, call.server, call.customer, m)
	}
	switch {
	case code == 100:
	case code < 300 && !c.hear(sh, call):
		c.unwanted(sh, call, m, f)
	case code < 300 && c.muteAnswer(sh, call, m, f):
	case code < 200:
		c.provisional(sh, call, m, f)
	case code < 300 && call.method == sip.INVITE:
		c.answer(sh, call, m, f)
	case code < 300:
		c.subscribed(sh, call, m, f)
	default:
		c.failed(sh, call, m)
	}
}

func (c *Calls) provisional(sh *transaction.Shard, call *Call, m *sip.Message, f transport.Flow) {
	c.progress(sh, call, false)
	s := c.setup(sh, call)
	s.early = s.early || len(m.Body()) > 0
	fork := call.forks // none
	if len(m.ToTag()) > 0 {
		var ok bool
		if fork, ok = c.fork(sh, call, m, f); !ok {
			return
		}
	}
	c.back(sh, call, fork, m, 0)
}

// fork finds the dialog that a response's To-tag names, or makes it (RFC 3261
// 12.1.2); false when a call has too many of them.
func (c *Calls) fork(sh *transaction.Shard, call *Call, m *sip.Message, f transport.Flow) (uint8, bool) {
	i, ok := c.forkOf(call, m.ToTag()), true
	if i == call.forks {
		flow, _ := sh.ClientFlow(call.branch)
		if !flow.Remote.IsValid() {
			flow = f
		}
		i, ok = c.newFork(sh, call, m.ToTag(), flow)
	}
	return i, ok && c.refresh(sh, call, i, dialog.Callee, m) && c.routed(sh, call, i, m)
}

// forkOf gives the dialog of the branch at hand that has a callee's tag; call.forks
// when there is none.
func (c *Calls) forkOf(call *Call, tag []byte) uint8 {
	for i := call.mine; i < call.forks; i++ {
		if d := call.dialog(i); d.Way == call.way && string(call.text(d.Callee.Tag)) == string(tag) {
			return i
		}
	}
	return call.forks
}

// newFork makes the dialog with a callee who is reached over a flow.
func (c *Calls) newFork(sh *transaction.Shard, call *Call, calleeTag []byte, flow transport.Flow) (uint8, bool) {
	const most = 16 // forks have four bits in an identifier
	if call.forks == most || call.tags == refusalTag-1 {
		return 0, false
	}
	n := call.forks
	if n > 0 {
		call.more = append(call.more, dialog.Dialog{})
	}
	call.forks++
	d := call.dialog(n)
	*d = dialog.Dialog{Way: call.way}
	d.Seq[dialog.Caller] = dialog.Seq{Last: call.cseq, Shift: uint32(call.again), InviteIn: call.cseq, InviteOut: call.cseq + uint32(call.again)}
	tag, err := call.texts.Add(calleeTag)
	d.Callee = dialog.Leg{
		CallID: call.out.callID, Tag: tag, LocalTag: call.out.tag,
		Remote: call.out.to, Local: call.out.from, Flow: flow, Forced: call.forced(dialog.Callee),
	}
	if to := c.ringing(sh, call); to != nil {
		d.Callee.Outside, d.Callee.Binding, d.Callee.Seen = true, to.contact.Binding, markOf(to.contact.Flow)
	} else if n > call.mine {
		// As the branch's other dialogs: a phone is one also once it has answered.
		other := &call.dialog(call.mine).Callee
		d.Callee.Outside, d.Callee.Binding, d.Callee.Seen = other.Outside, other.Binding, other.Seen
	}
	d.CallerTag = tag
	if call.hidden && err == nil {
		call.tags++
		sh.Out = appendTag(sh.Out[:0], call.id, call.tags)
		d.CallerTag, err = call.texts.Add(sh.Out)
	}
	if err != nil {
		return 0, false
	}
	c.index(sh, call, n)
	return n, true
}

// refresh takes the target that a party's message gives (RFC 3261 12.1.2, 12.2.1.2).
func (c *Calls) refresh(sh *transaction.Shard, call *Call, fork uint8, side dialog.Side, m *sip.Message) bool {
	leg := &call.dialog(fork).Callee
	if side == dialog.Caller {
		leg = &call.caller
	}
	if uri := dialog.ContactURI(m); uri != nil && string(uri) != string(call.text(leg.Target)) {
		return call.texts.Set(&leg.Target, uri) == nil
	}
	return true
}

// routed takes the route set of a callee from a response to the request that makes the dialog,
// until that is confirmed (RFC 3261 12.1.2, 13.2.2.4). No response within the dialog changes it.
func (c *Calls) routed(sh *transaction.Shard, call *Call, fork uint8, m *sip.Message) bool {
	d := call.dialog(fork)
	if d.Confirmed {
		return true
	}
	sh.Out = c.cfg.Minter.RouteSetOfResponse(sh.Out[:0], m, call.id)
	return call.texts.Set(&d.Callee.Routes, sh.Out) == nil
}

// answer takes a 2xx: the first makes the call, one with the same tag is a
// retransmission, one with another tag is another callee (RFC 3261 13.2.2.4).
func (c *Calls) answer(sh *transaction.Shard, call *Call, m *sip.Message, f transport.Flow) {
	if call.state == over || call.state == ending {
		c.end2xx(sh, m, f)
		return
	}
	fork, ok := c.fork(sh, call, m, f)
	if !ok && call.state == calling { // more phones ring than a call has dialogs for
		c.leaveDialogs(sh, call)
		fork, ok = c.fork(sh, call, m, f)
	}
	if !ok {
		c.end2xx(sh, m, f)
		return
	}
	d := call.dialog(fork)
	if d.Confirmed {
		c.again(sh, call, fork, m)
		return
	}
	// Kept before the caller can know of it: a call that has its ACK is never lost.
	d.Confirmed = true
	if call.session = sessionEnd(sh, m); call.state == calling {
		call.answered = max(sh.Since(), 1) // 0 means never
	}
	c.keep(sh, call)
	if !c.back(sh, call, fork, m, 0) {
		d.Confirmed = false
		c.end2xx(sh, m, f)
		if call.state == calling {
			call.answered = 0
			c.refuse(sh, call, 500, policy.Internal)
			return
		}
		c.keep(sh, call)
		return
	}
	if call.confirmed++; call.confirmed == 1 {
		call.speaks = fork
		c.settle(sh, call)
	}
	if call.state == calling {
		c.establish(sh, call)
	}
	if call.bridge != 0 {
		c.keep(sh, call) // with what its media was told
	}
	c.sessionTimer(sh, call, m)
	if !call.hidden && !call.renumbered() {
		sh.DropAnswer(call.server)
	}
}

// again passes a retransmitted 2xx: its ACK was lost on one of the legs.
func (c *Calls) again(sh *transaction.Shard, call *Call, fork uint8, m *sip.Message) {
	if (call.hidden || call.renumbered()) && call.forks == 1 {
		sh.Resend(call.server)
		return
	}
	c.back(sh, call, fork, m, 0)
}

// establish turns a call that is being set up into one that is up.
func (c *Calls) establish(sh *transaction.Shard, call *Call) {
	sh.Stop(&call.invite)
	sh.Stop(&call.initial)
	c.stopOthers(sh, call, 200)
	c.dropSetup(sh, call)
	call.state, call.status, call.reason = up, 0, policy.OK
	c.progress(sh, call, true)
	if limit := call.customer.Settings.Timers.MaxCall; limit > 0 {
		call.invite = sh.After(limit, c.user, timerMaxCall, call.ref(refSetup))
	}
	c.nextPing(sh, call)
}

func (c *Calls) dropSetup(sh *transaction.Shard, call *Call) {
	if s := c.setup(sh, call); s != nil {
		sh.Free(&s.best)
		clear(s.phones)
		*s = setup{phones: s.phones[:0]}
		c.table(sh).setups.Release(call.setup - 1)
		call.setup = 0
	}
}

// setup gives what a call needs while it is being set up, nil after that.
func (c *Calls) setup(sh *transaction.Shard, call *Call) *setup {
	if call.setup == 0 {
		return nil
	}
	return c.table(sh).setups.At(call.setup - 1)
}

// back passes a response to the INVITE on to the caller, as status unless that is 0.
func (c *Calls) back(sh *transaction.Shard, call *Call, fork uint8, m *sip.Message, status int) bool {
	w := &c.table(sh).work
	r := &w.reply
	*r = dialog.Reply{Message: m, Status: status, CSeq: call.cseq, Unnamed: !call.himself(dialog.Callee, m)}
	if call.hidden || call.renumbered() || call.userAt(dialog.Callee) != 0 { // else he says who calls whom
		if !sh.Head(call.server, &sh.Kept) {
			return false
		}
		r.Head = &sh.Kept
	}
	if call.hidden {
		c.hideCallee(sh, &w.hiding, call, fork, m)
		w.hiding.OwnContacts = status >= 300 && status < 400 // they name nobody but the customer
		r.Hide, r.Source = &w.hiding, call.caller.Flow.Remote
		r.Out = c.address(call.caller.Flow)
		r.ID = c.mint(w.id[:0], sh, call, dialog.ToCaller, fork)
		switch {
		case fork < call.forks:
			r.ToTag = call.text(call.dialog(fork).CallerTag)
		case m.StatusCode() >= 200:
			r.ToTag = appendTag(w.tag[:0], call.id, refusalTag)
		}
	}
	r.Edit(&sh.Edit)
	out, err := c.compose(sh, call, m, bound{dialog.Callee, fork, call.caller.Flow})
	if err != nil {
		return false
	}
	sh.Out = out
	if status == 0 {
		status = m.StatusCode()
	}
	sh.Respond(call.server, status, out)
	return true
}

// hideCallee prepares the hiding of a callee's side. His mask is our own address
// as the caller knows it: a callee's host is no domain of the caller's.
func (c *Calls) hideCallee(sh *transaction.Shard, h *dialog.Hiding, call *Call, fork uint8, m *sip.Message) {
	host, _ := c.cfg.Transport.Advertised(call.caller.Flow)
	var flow transport.Flow
	if s := c.setup(sh, call); s != nil {
		flow = s.flow
	}
	if fork < call.forks {
		flow = call.dialog(fork).Callee.Flow
	}
	h.Reset(host, call.customer.Domains, flow.Remote)
	h.NameURI(dialog.ContactURI(m))
	if call.dest != nil {
		h.NameString(call.dest.Host)
	}
}

// failed takes a refusal: another destination, or the caller is told.
func (c *Calls) failed(sh *transaction.Shard, call *Call, m *sip.Message) {
	code := m.StatusCode()
	call.branch = 0
	s := c.setup(sh, call)
	if len(s.phones) > 0 {
		c.phoneRefused(sh, call, s, m)
		return
	}
	if !s.early && failsOver(code) {
		// m is not valid beyond this call: should nothing be left, the caller
		// gets this status of ours.
		call.status = int16(code)
		c.try(sh, call, nil)
		return
	}
	c.refuseWith(sh, call, m)
}

// failsOver says which refusals lead to the next destination (design: never 3xx,
// 401, 407, 404, 480, 486, 488, 6xx).
func failsOver(code int) bool { return code == 500 || code >= 502 && code <= 504 }

// upward is the status that goes up for one that came from behind: a 503 would
// tell the caller to avoid us (RFC 3261 16.7 step 6), and hidden calls show no
// redirection, unless it forwards.
func upward(code int, hidden bool) int {
	switch {
	case code == 503:
		return 500
	case hidden && code >= 300 && code < 400:
		return 480
	}
	return code
}

// refuseWith ends the call with a destination's refusal.
func (c *Calls) refuseWith(sh *transaction.Shard, call *Call, m *sip.Message) {
	if v := c.barredRedirection(sh, call, m); v.Refused() {
		call.status = 0
		c.refuse(sh, call, v.Status, v.Reason)
		return
	}
	code := upward(m.StatusCode(), call.hidden)
	if call.forwards(m) {
		code = m.StatusCode()
	}
	fork := c.forkOf(call, m.ToTag())
	call.status = 0
	call.ended(policy.OK, code, dialog.Callee)
	if !c.back(sh, call, fork, m, code) {
		sh.RespondStatus(call.server, &sip.Response{Status: code})
	}
	c.finish(sh, call)
}

// exhausted ends a call that nobody is left for: with the last refusal's status,
// or as row C10 says.
func (c *Calls) exhausted(sh *transaction.Shard, call *Call) {
	status, why := int(call.status), policy.TransportFailed
	call.status = 0
	switch {
	case status > 0:
		status = upward(status, call.hidden)
		why = policy.AllDestinationsDown
	case call.reason.Status() == 488:
		why, call.reason = call.reason, policy.OK
		c.refuseOffer(sh, call, why, c.setup(sh, call).warning)
		return
	case call.reason == policy.SwitchLimit:
		status, why = call.reason.Status(), call.reason
	case call.reason == policy.InitialTimeout && call.direction == policy.Inbound:
		status, why = 404, policy.InitialTimeout
	case call.reason == policy.InitialTimeout:
		status, why = 408, policy.InitialTimeout
	case call.direction == policy.Inbound:
		status = 404
	default:
		status = 408
	}
	call.reason = policy.OK
	c.refuse(sh, call, status, why)
}
