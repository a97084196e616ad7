package call

import (
	"tollgate/internal/dialog"
	"tollgate/internal/peer"
	"tollgate/internal/policy"
	"tollgate/internal/transaction"
	"tollgate/sip"
)

// Canceled takes the CANCEL of an INVITE (RFC 3261 9.2, 16.10). One that makes a
// call is answered 487 at once, and its branch is given up: should the callee
// answer all the same, Stray ends it. One within a call is passed on.
func (c *Calls) Canceled(sh *transaction.Shard, _ transaction.ID, ref uint64) {
	switch kind, _, _ := refParts(ref); kind {
	case refSetup:
		if call := c.call(sh, ref); call != nil && call.state == calling {
			call.status = 0
			call.ended(policy.Canceled, 487, dialog.Caller)
			sh.RespondStatus(call.server, &sip.Response{Status: 487})
			c.finish(sh, call)
		}
	case refExchange:
		x := c.exchange(sh, ref)
		switch {
		case x == nil:
		case x.client == 0: // its way is still being looked up
			c.answerExchange(sh, x, 487)
		default:
			sh.Cancel(x.client)
		}
	}
}

// Continue goes on with a walk that had to wait for a name or a connection.
func (c *Calls) Continue(shard uint8, ref uint64, apply func(*peer.Walk)) {
	c.layer.Do(shard, func(sh *transaction.Shard) {
		switch kind, _, _ := refParts(ref); kind {
		case refSetup:
			if call := c.call(sh, ref); call != nil && call.state == calling {
				apply(&c.setup(sh, call).walk)
				c.try(sh, call, nil)
			}
		case refExchange:
			if x := c.exchange(sh, ref); x != nil && x.walk != nil {
				apply(x.walk)
				c.forward(sh, x, nil)
			}
		}
	})
}
