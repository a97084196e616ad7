package call

import (
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// end ends a call by ourselves: BYE to both sides of each dialog that is up, both
// queued before either is answered; an INVITE that is still under way is refused
// with status.
func (c *Calls) end(sh *transaction.Shard, call *Call, why policy.Reason, status int) {
	switch call.state {
	case calling:
		c.refuse(sh, call, status, why)
	case up:
		call.ended(why, 200, dialog.Callee)
		call.reason = why
		call.state = ending
		c.tell(sh, call, transport.Flow{})
		c.unheard(sh, call)
		if s := c.bridged(sh, call); s != nil {
			s.Shut(c.cfg.Media) // before anybody knows of the end, and whenever the BYEs are answered
		}
		call.byes = 1 // held until all are out
		for i := range call.forks {
			if d := call.dialog(i); d.Confirmed {
				c.bye(sh, call, i, dialog.Callee, why)
				c.bye(sh, call, i, dialog.Caller, why)
			}
		}
		c.ownDone(sh, call)
	case watched:
		c.finish(sh, call)
	}
}

// bye sends a BYE of our own to one side of a dialog (RFC 3261 15.1.1).
func (c *Calls) bye(sh *transaction.Shard, call *Call, fork uint8, to dialog.Side, why policy.Reason) {
	call.byes++
	if !c.own(sh, call, fork, to, sip.BYE, refOwn, "Reason: SIP;cause=200;text=\""+why.Code()+"\"\r\n") {
		call.byes--
	}
}

// own sends a request of our own to one side of a dialog; ownOver hears of its end,
// which can be within this call. False when there is no room for it.
func (c *Calls) own(sh *transaction.Shard, call *Call, fork uint8, to dialog.Side, method sip.Method, kind refKind, headers string) bool {
	d := call.dialog(fork)
	leg := call.leg(d, to)
	client := sh.NewClient(c.user, call.ref(kind))
	if client == 0 {
		return false
	}
	number := d.Seq[to.Other()].Own()
	send := func(sh *transaction.Shard, flow transport.Flow) {
		var branch [transaction.BranchLen]byte
		b := dialog.Build{
			Method: method, Target: call.text(leg.Target), Routes: call.text(leg.Routes),
			Out: c.address(flow), Branch: sh.AppendBranch(branch[:0], client, 0),
			From: call.text(leg.Local), FromTag: call.text(leg.LocalTag),
			To: call.text(leg.Remote), ToTag: call.text(leg.Tag),
			CallID: call.text(leg.CallID), CSeq: number, Headers: headers,
		}
		if len(b.Target) == 0 {
			b.Target = []byte("sip:" + flow.Remote.String())
		}
		sh.Out = b.Append(sh.Out[:0])
		if sh.SendRequest(client, method, flow, sh.Out) != nil {
			c.ownOver(sh, call, kind, 0)
		}
	}
	if flow, sure := c.quickWay(leg, call); sure {
		send(sh, flow)
		return true
	}
	shard, ref := sh.Index, call.ref(kind)
	flow, ok := c.reach(call, leg, func(flow transport.Flow, ok bool) {
		c.layer.Do(shard, func(sh *transaction.Shard) {
			switch {
			case c.call(sh, ref) != call:
				sh.Forget(client)
			case !ok:
				sh.Forget(client)
				c.ownOver(sh, call, kind, 0)
			default:
				send(sh, flow)
			}
		})
	})
	if ok {
		send(sh, flow)
	}
	return true
}

// ownDone counts a BYE of ours that is over.
func (c *Calls) ownDone(sh *transaction.Shard, call *Call) {
	if call.byes--; call.byes == 0 && call.state == ending {
		for i := range call.forks {
			if call.dialog(i).Confirmed {
				c.remember(sh, call, i, dialog.Caller)
				c.remember(sh, call, i, dialog.Callee)
			}
		}
		c.finish(sh, call)
	}
}

// finish ends the life of a call: its lease goes back, its record is written.
// Transactions that still name it may outlive it, and so may the subscription of a
// REFER, which tells how the transfer goes (RFC 3515 2.4.4).
func (c *Calls) finish(sh *transaction.Shard, call *Call) {
	if call.state == over {
		return
	}
	was := call.state
	tried := c.tried(sh, call)
	sh.Stop(&call.invite)
	sh.Stop(&call.initial)
	sh.Stop(&call.bye)
	sh.Stop(&call.probe)
	if was == calling {
		c.giveUp(sh, call)
	}
	c.unheard(sh, call)
	if call.method == sip.INVITE && was != watched {
		c.cfg.Release(call.id)
		c.count(call, -1)
		c.tell(sh, call, tried)
		c.hush(sh, call)
		if call.referred && was == up {
			c.linger(sh, call)
			return
		}
	}
	if call.method != sip.INVITE {
		c.count(call, -1)
	}
	call.state = over
	c.unindex(sh, call)
	sh.DropAnswer(call.server)
	c.drop(sh, call)
	c.reap(sh, call)
}

// tried is where the INVITE of a call that is being set up was sent last, zero where it was not.
func (c *Calls) tried(sh *transaction.Shard, call *Call) (to transport.Flow) {
	if s := c.setup(sh, call); s != nil {
		to = s.flow
	}
	return to
}

// tell says once how a call was; tried is who was, where nobody has a dialog. Its times are by the
// wall clock as it goes now: the layer knows only what that showed when it started.
func (c *Calls) tell(sh *transaction.Shard, call *Call, tried transport.Flow) {
	if call.method == sip.INVITE && !call.told {
		call.told = true
		e := call.ending(time.Now(), sh.Since())
		if e.Target.Proto == 0 {
			e.Target = tried
		}
		e.Media = c.quality(sh, call)
		c.cfg.Ended(e)
	}
}

// giveUp ends the branches of a call that is being set up.
func (c *Calls) giveUp(sh *transaction.Shard, call *Call) {
	if s := c.setup(sh, call); s != nil && len(s.phones) > 0 {
		call.branch = 0
		c.stopOthers(sh, call, 0)
	}
	c.dropSetup(sh, call)
	if call.branch != 0 {
		sh.Abandon(call.branch)
		call.branch = 0
	}
}

// reap frees a call that is over and that no transaction names any more.
func (c *Calls) reap(sh *transaction.Shard, call *Call) {
	if call.state != over || call.pending > 0 {
		return
	}
	call.state = free
	sh.Free(&call.texts.Buf)
	call.customer, call.dest = nil, nil
	c.table(sh).calls.Release(call.slot)
}
