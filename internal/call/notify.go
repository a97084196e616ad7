package call

import (
	"tollgate/internal/transaction"
	"tollgate/sip"
)

// notifyDone takes the final response to a NOTIFY: one that told of the end, or that
// its subscriber knows nothing of, ends the subscription (RFC 6665 4.1.3, 4.2.2).
func (c *Calls) notifyDone(sh *transaction.Shard, call *Call, x *exchange, m *sip.Message) {
	if m.StatusCode() != 481 && !(sh.Request(x.server, &sh.Kept) && terminated(&sh.Kept)) {
		return
	}
	if call.method == sip.INVITE && call.state != watched {
		call.referred = false
		return
	}
	d := call.dialog(x.fork)
	d.Acked = true // a 2xx that comes after this does not begin it anew
	if d.Confirmed {
		d.Confirmed = false
		call.confirmed--
	}
	if call.state == watched && call.confirmed == 0 {
		c.finish(sh, call)
	}
}

// terminated reads Subscription-State (RFC 6665 8.2.3).
func terminated(m *sip.Message) bool {
	const word = "terminated"
	v := m.Value(sip.HdrSubscriptionState)
	return len(v) >= len(word) && sip.EqualFoldString(v[:len(word)], word)
}
