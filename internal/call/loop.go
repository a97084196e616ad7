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
	callID := m.CallID()
	for range most {
		if _, ours := c.cfg.Minter.Parse(callID); !ours {
			return false
		}
		call := c.left(sh, callID)
		if call == nil {
			return false
		}
		if sh.Request(call.server, &sh.Kept) && string(sh.Kept.RequestURI()) == string(m.RequestURI()) {
			return true
		}
		callID = call.text(call.caller.CallID)
	}
	return false
}

// left finds the call that is being set up under a Call-ID of ours. It looks at all
// of the shard: only what comes back to us asks for it.
func (c *Calls) left(sh *transaction.Shard, callID []byte) *Call {
	t := c.table(sh)
	for slot := range t.calls.End() {
		call := t.calls.At(slot)
		if call.state == calling && call.hidden && string(call.text(call.out.callID)) == string(callID) {
			return call
		}
	}
	return nil
}
