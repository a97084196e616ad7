package call

import (
	"tollgate/internal/transaction"
	"tollgate/sip"
)

// Looped says that an INVITE is one of ours which came back as it went in (RFC 3261
// 16.3 step 4). A hidden call shows no Via that would tell, but its Call-ID is ours
// and leads to the call that it left, and so on to the first one.
func (c *Calls) Looped(sh *transaction.Shard, m *sip.Message) bool {
	const most = 70 // what Max-Forwards allows
	id, ours := c.cfg.Minter.Parse(m.CallID())
	for n := 0; ours && n < most; n++ {
		call := c.table(sh).calls.At(id.Slot)
		if call == nil || call.state != calling || call.id != id.Stable {
			return false
		}
		if sh.Request(call.server, &sh.Kept) && string(sh.Kept.RequestURI()) == string(m.RequestURI()) {
			return true
		}
		id, ours = c.cfg.Minter.Parse(call.text(call.caller.CallID))
	}
	return false
}
