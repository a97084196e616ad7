package call

import (
	"tollgate/internal/transaction"
	"tollgate/sip"
)

// usageOver ends the subscription of a dialog: a NOTIFY told of its end, or one of its
// parties knows nothing of it (RFC 6665 4.1.2.2, 4.1.3, 4.2.2).
func (c *Calls) usageOver(sh *transaction.Shard, call *Call, fork uint8) {
	if call.method == sip.INVITE && call.state != watched {
		call.referred = false
		c.keep(sh, call)
		return
	}
	d := call.dialog(fork)
	d.Acked = true // a 2xx that comes after this does not begin it anew
	if d.Confirmed {
		d.Confirmed = false
		call.confirmed--
	}
	if call.state == watched && call.confirmed == 0 {
		c.finish(sh, call)
		return
	}
	c.keep(sh, call)
}

// terminated reads Subscription-State (RFC 6665 8.2.3).
func terminated(m *sip.Message) bool {
	const word = "terminated"
	v := m.Value(sip.HdrSubscriptionState)
	return len(v) >= len(word) && sip.EqualFoldString(v[:len(word)], word)
}
