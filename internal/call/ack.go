package call

import (
	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// Ack passes the ACK of a 2xx on: it belongs to its dialog and to no transaction
// (RFC 3261 13.2.2.4, 17.1.1.3), and carries the number of its INVITE. One that
// fits no dialog dies.
func (c *Calls) Ack(sh *transaction.Shard, m *sip.Message, f transport.Flow) {
	hit, ok := c.find(sh, m, f)
	if !ok || m.MaxForwards() == 0 {
		return
	}
	call, d := hit.call, hit.call.dialog(hit.fork)
	if call.method != sip.INVITE || call.state == watched {
		return // of an INVITE that we refused
	}
	if passed := d.Seq[hit.side].InviteIn; passed != 0 && m.CSeq() > passed {
		return // of a re-INVITE that was answered without a transaction: it ends here (RFC 3261 17.1.1.3)
	}
	if c.swallow(sh, call, hit, m) {
		return
	}
	x := &c.table(sh).work.ack
	*x = exchange{call: call.slot, fork: hit.fork, from: hit.side, method: sip.ACK}
	x.out = d.Seq[hit.side].Pass(m)
	if call.restored = false; !d.Acked {
		d.Acked = true
		c.keep(sh, call)
	}
	if c.muteAck(sh, call, x, m) {
		return
	}
	flow, sure := c.quickWay(call.leg(d, hit.side.Other()), call)
	if !sure {
		c.ackSlowly(sh, call, x, m)
		return
	}
	if c.write(sh, call, x, m, flow) == policy.OK {
		_ = sh.Send(flow, sh.Out) // a lost ACK is asked for by the next 2xx
	}
}

// ackSlowly sends an ACK whose way has to be looked up first.
func (c *Calls) ackSlowly(sh *transaction.Shard, call *Call, x *exchange, m *sip.Message) {
	leg := call.leg(call.dialog(x.fork), x.from.Other())
	if c.write(sh, call, x, m, leg.Flow) == policy.OK {
		c.sendSlowly(sh, call, leg)
	}
}

// sendSlowly sends what stands in sh.Out once the way to a leg is known.
func (c *Calls) sendSlowly(sh *transaction.Shard, call *Call, leg dialog.Leg) {
	data := append([]byte(nil), sh.Out...)
	shard := sh.Index
	flow, ok := c.reach(call, leg, func(flow transport.Flow, ok bool) {
		if ok {
			c.layer.Do(shard, func(sh *transaction.Shard) { _ = sh.Send(flow, data) })
		}
	})
	if ok {
		_ = sh.Send(flow, data)
	}
}

// ackHere acknowledges a 2xx for who asked, with the number that its INVITE has on that leg and an
// answer that turns all off where it has made an offer.
func (c *Calls) ackHere(sh *transaction.Shard, call *Call, x *exchange, number uint32, offer []byte) {
	leg := call.leg(call.dialog(x.fork), x.from.Other())
	flow, sure := c.quickWay(leg, call)
	if !sure {
		flow = leg.Flow
	}
	var branch [transaction.BranchLen]byte
	b := dialog.Build{
		Method: sip.ACK, Target: call.text(leg.Target), Routes: call.text(leg.Routes),
		Out: c.address(flow), Branch: sh.AppendFreeBranch(branch[:0]),
		From: call.text(leg.Local), FromTag: call.text(leg.LocalTag),
		To: call.text(leg.Remote), ToTag: call.text(leg.Tag),
		CallID: call.text(leg.CallID), CSeq: number,
	}
	if len(b.Target) == 0 {
		b.Target = []byte("sip:" + flow.Remote.String())
	}
	if len(offer) > 0 {
		b.Type, b.Body = "application/sdp", rejectAll(offer)
	}
	if sh.Out = b.Append(sh.Out[:0]); sure {
		_ = sh.Send(flow, sh.Out)
		return
	}
	c.sendSlowly(sh, call, leg)
}
