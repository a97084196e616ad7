package ua

import (
	"time"

	"tollgate/sip"
)

// clientTx is a request of ours until its final answer (RFC 3261 17.1). That of an
// INVITE lives as long as its call, since its final answers come again.
type clientTx struct {
	call   *call
	method sip.Method
	branch string
	wire   []byte
	flow   *flow
	got    func(*message) // each answer; of an INVITE also repeated ones
	failed func(error)    // no final answer came, or the request could not leave

	interval time.Duration
	resend   *alarm // timers A and E
	expire   *alarm // timers B and F
	final    bool
}

// send sends a request and sees to its repetition.
func (c *call) send(r *request, f *flow, got func(*message), failed func(error)) *clientTx {
	tx := &clientTx{
		call: c, method: r.method, branch: r.branch, wire: r.wire(f, c.agent.name), flow: f,
		got: got, failed: failed, interval: t1,
	}
	c.clients = append(c.clients, tx)
	if err := c.write(f, tx.wire); err != nil {
		tx.expire = c.after(0, func() { tx.fail(err) })
		return tx
	}
	tx.expire = c.after(giveUp, func() { tx.fail(errTimeout) })
	if !f.proto.stream() {
		tx.resend = c.after(tx.interval, tx.again)
	}
	return tx
}

// again is timer A or E.
func (tx *clientTx) again() {
	if err := tx.call.write(tx.flow, tx.wire); err != nil {
		tx.fail(err)
		return
	}
	tx.interval *= 2
	if tx.method != sip.INVITE {
		tx.interval = min(tx.interval, t2)
	}
	tx.resend = tx.call.after(tx.interval, tx.again)
}

func (tx *clientTx) fail(err error) {
	if !tx.final {
		tx.finish()
		tx.failed(err)
	}
}

// finish ends the sending; an INVITE stays to be found by repeated answers.
func (tx *clientTx) finish() {
	tx.final = true
	tx.resend.stop()
	tx.expire.stop()
	if tx.method != sip.INVITE {
		tx.call.forget(tx)
	}
}

// answer takes an answer. A provisional one stops timers A and B; of other requests
// than INVITE it slows timer E down (RFC 3261 17.1.2.2).
func (tx *clientTx) answer(m *message) {
	switch {
	case m.StatusCode() >= 200:
		tx.finish()
	case tx.method != sip.INVITE:
		tx.interval = t2
	case !tx.final:
		tx.resend.stop()
		tx.expire.stop()
	}
	tx.got(m)
}
