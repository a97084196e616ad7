package call

import (
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/internal/transaction"
	"tollgate/sip"
)

// pingEvery is the time between two pings of a party (mission row P1).
const pingEvery = 30 * time.Second

// pings says whether a side of the call is asked every now and then whether it is still there.
func (c *Call) pings(side dialog.Side) bool {
	if c.customer.Transparent {
		return false
	}
	switch c.customer.Settings.InCallPing {
	case "both":
		return true
	case "caller":
		return side == dialog.Caller
	case "callee":
		return side == dialog.Callee
	}
	return false
}

// nextPing starts the time to the next ping, where the customer wants any.
func (c *Calls) nextPing(sh *transaction.Shard, call *Call) {
	if call.state != up || call.probe != 0 || !call.pings(dialog.Caller) && !call.pings(dialog.Callee) {
		return
	}
	every := c.cfg.PingEvery
	if every == 0 {
		every = pingEvery
	}
	call.probe = sh.After(every, c.user, timerProbe, call.ref(refSetup))
}

// ping asks by OPTIONS within the call (RFC 3261 11), each side that has answered the last one.
func (c *Calls) ping(sh *transaction.Shard, call *Call) {
	for i := range call.forks {
		if !call.dialog(i).Confirmed {
			continue
		}
		for _, side := range [...]dialog.Side{dialog.Caller, dialog.Callee} {
			if call.state != up || !call.pings(side) || call.asked[side] {
				continue
			}
			call.asked[side] = true
			if !c.own(sh, call, i, side, sip.OPTIONS, pingOf(side), "") {
				call.asked[side] = false // no room for it: the next one may have
			}
		}
		if call.state == up {
			c.keep(sh, call) // our requests have numbers, too
		}
		return
	}
}

func pingOf(side dialog.Side) refKind {
	if side == dialog.Caller {
		return refPingCaller
	}
	return refPingCallee
}

// pinged takes what a side says, 0 when it says nothing: who is gone, or knows no such call,
// ends it for both.
func (c *Calls) pinged(sh *transaction.Shard, call *Call, side dialog.Side, code int) {
	call.asked[side] = false
	if call.state == up && (code == 0 || code == 408 || code == 481) {
		c.end(sh, call, policy.PingUnanswered, policy.PingUnanswered.Status())
	}
}
