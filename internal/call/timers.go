package call

import (
	"tollgate/internal/policy"
	"tollgate/internal/transaction"
)

// Timer codes.
const (
	timerInvite uint8 = iota
	timerInitial
	timerMaxCall
	timerSession // or the subscription's
	timerProbe
	timerBye
	timerAnswer // of an exchange: our own answer is sent again
)

// Timer takes the timers of row C10, of RFC 4028, and of our own requests.
func (c *Calls) Timer(sh *transaction.Shard, code uint8, ref uint64) {
	if code == timerAnswer {
		if x := c.exchange(sh, ref); x != nil {
			c.unacknowledged(sh, x)
		}
		return
	}
	call := c.call(sh, ref)
	if call == nil {
		return
	}
	switch code {
	case timerInitial:
		call.initial = 0
		switch {
		case call.state != calling:
		case len(c.setup(sh, call).phones) > 0:
			c.silentPhones(sh, call)
		default:
			sh.Abandon(call.branch)
			call.branch = 0
			c.branchTimeout(sh, call)
		}
	case timerInvite:
		call.invite = 0
		c.end(sh, call, policy.InviteTimeout, 404)
	case timerMaxCall:
		call.invite = 0
		c.end(sh, call, policy.MaxCall, 404)
	case timerSession:
		call.initial = 0
		c.end(sh, call, policy.SessionExpired, 404)
	case timerBye:
		call.bye = 0
		c.tell(sh, call, c.tried(sh, call))
	case timerProbe:
		if call.probe = 0; call.restored {
			c.askParties(sh, call)
			call.restored = false // it is asked once
		} else {
			c.ping(sh, call)
		}
		c.nextPing(sh, call)
	}
}

// branchTimeout goes on to the next address after one that gave no sign of life.
func (c *Calls) branchTimeout(sh *transaction.Shard, call *Call) {
	if s := c.setup(sh, call); len(s.phones) > 0 {
		c.phoneSilent(sh, call, s)
		return
	}
	sh.Stop(&call.initial)
	call.reason, call.status = policy.InitialTimeout, 0
	c.try(sh, call, nil)
}
