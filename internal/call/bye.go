package call

import (
	"time"

	"tollgate/internal/policy"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// byePatience is how long an answer to a BYE is waited for before the call is told to
// be over: an end is on record within a second of the BYE.
const byePatience = 500 * time.Millisecond

// sent notes what a request within a call has set going.
func (c *Calls) sent(sh *transaction.Shard, call *Call, x *exchange) {
	if x.method != sip.BYE || call.state != up { // else the INVITE's final response says how it ended
		return
	}
	call.ended(policy.OK, 200, x.from)
	if call.confirmed == 1 && call.hungUp == 0 {
		call.hungUp = sh.Since()
		call.bye = sh.After(byePatience, c.user, timerBye, call.ref(refSetup))
	}
}

// final draws the conclusions of a final response within a call.
func (c *Calls) final(sh *transaction.Shard, call *Call, x *exchange, m *sip.Message) {
	code := m.StatusCode()
	switch {
	case x.method == sip.BYE:
		// The sender comes back with credentials, unless the call is on record as over:
		// nobody talks on unseen by having a BYE refused late.
		if (code == 401 || code == 407) && !call.told {
			sh.Stop(&call.bye)
			call.status, call.hungUp = 0, 0
			c.keep(sh, call)
			return
		}
		c.byeDone(sh, call, x, policy.OK)
	case code < 300 && (x.method == sip.INVITE || x.method == sip.UPDATE):
		c.refreshed(sh, call, x, m)
	case x.method == sip.NOTIFY:
		if code < 300 && c.moveTargets(sh, call, x, m) {
			c.keep(sh, call)
		}
		if code == 481 || sh.Request(x.server, &sh.Kept) && terminated(&sh.Kept) {
			c.usageOver(sh, call, x.fork)
		}
	case code < 300 && x.method == sip.SUBSCRIBE:
		c.refreshSubscription(sh, call, x, m)
	case code == 481 && x.method == sip.SUBSCRIBE:
		c.usageOver(sh, call, x.fork)
	case code < 300 && x.method == sip.REFER:
		c.moveTargets(sh, call, x, m)
		c.transferring(sh, call, m)
	}
}

// byeDone ends the dialog of a BYE that was answered, or that nobody answers: it
// is gone for its sender either way (RFC 3261 15.1.1).
func (c *Calls) byeDone(sh *transaction.Shard, call *Call, x *exchange, why policy.Reason) {
	d := call.dialog(x.fork)
	if d.Confirmed {
		d.Confirmed = false
		call.confirmed--
		call.speaks = call.up()
	}
	if call.confirmed == 0 && call.state == up {
		call.ended(why, 200, x.from)
		c.remember(sh, call, x.fork, x.from.Other())
		c.finish(sh, call)
		return
	}
	c.keep(sh, call)
}

// whileEnding answers what crosses our own BYEs: a BYE is right, too.
func (c *Calls) whileEnding(sh *transaction.Shard, m *sip.Message, f transport.Flow) {
	status := 481
	if m.Method() == sip.BYE {
		status = 200
	}
	sh.Reply(m, f, &sip.Response{Status: status})
}
