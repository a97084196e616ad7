package call

import (
	"tollgate/internal/transaction"
	"tollgate/sip"
)

// progress tells how a call comes along: that it rings, once, and that it is up. One that is
// answered at once has rung at that moment (RFC 6076 4.3 counts it so).
func (c *Calls) progress(sh *transaction.Shard, call *Call, answered bool) {
	if c.cfg.Progress == nil || call.method != sip.INVITE {
		return
	}
	after := sh.Since() - call.started
	if !call.rang {
		call.rang = true
		c.cfg.Progress(sh.Now(), call.customer, false, after)
	}
	if answered {
		c.cfg.Progress(sh.Now(), call.customer, true, after)
	}
}
