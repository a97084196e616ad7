package call

import (
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/transaction"
	"tollgate/sip"
)

// refreshed takes a re-INVITE or UPDATE that was accepted: both targets may have
// moved (RFC 3261 12.2.1.2, RFC 3311 5), and the session goes on.
func (c *Calls) refreshed(sh *transaction.Shard, call *Call, x *exchange, m *sip.Message) {
	c.moveTargets(sh, call, x, m)
	c.sessionTimer(sh, call, m)
	c.keep(sh, call)
}

// moveTargets takes the targets that a request within a dialog and its 2xx give: those of INVITE,
// UPDATE, SUBSCRIBE, NOTIFY and REFER do (RFC 3261 12.2.1.2, RFC 3311 5.1, RFC 6141 4, RFC 5057 5.4).
// moved says that one is another than before. No route set follows from them.
func (c *Calls) moveTargets(sh *transaction.Shard, call *Call, x *exchange, m *sip.Message) (moved bool) {
	moved = c.moves(call, x.fork, x.from.Other(), m)
	c.refresh(sh, call, x.fork, x.from.Other(), m)
	if sh.Request(x.server, &sh.Kept) {
		moved = moved || c.moves(call, x.fork, x.from, &sh.Kept)
		c.refresh(sh, call, x.fork, x.from, &sh.Kept)
	}
	return moved
}

// moves says that a party's message gives another target than its last one.
func (c *Calls) moves(call *Call, fork uint8, side dialog.Side, m *sip.Message) bool {
	uri := dialog.ContactURI(m)
	return uri != nil && string(uri) != string(call.text(call.leg(call.dialog(fork), side).Target))
}

// sessionTimer starts the session's expiry anew from a 2xx (RFC 4028 8.2, 10): the
// parties refresh it, and where they stop doing so the call is ended. A 2xx
// without Session-Expires says that there is none.
func (c *Calls) sessionTimer(sh *transaction.Shard, call *Call, m *sip.Message) {
	if call.state != up {
		return
	}
	sh.Stop(&call.initial)
	if call.session = sessionEnd(sh, m); call.session != 0 {
		c.expires(sh, call, call.session-sh.Since())
	}
}

// sessionEnd is when a session ends by its 2xx; 0: never.
func sessionEnd(sh *transaction.Shard, m *sip.Message) time.Duration {
	seconds, ok := leadingSeconds(m.Value(sip.HdrSessionExpires))
	if !ok || seconds == 0 {
		return 0
	}
	return sh.Since() + time.Duration(seconds)*time.Second
}

// expires starts the timer that ends a session or subscription.
func (c *Calls) expires(sh *transaction.Shard, call *Call, after time.Duration) {
	sh.Stop(&call.initial)
	call.session = sh.Since() + after
	call.initial = sh.After(after, c.user, timerSession, call.ref(refSetup))
}

// leadingSeconds reads a delta-seconds before parameters; false where there is none,
// or more than half a year.
func leadingSeconds(value []byte) (uint32, bool) {
	end := 0
	for end < len(value) && value[end] >= '0' && value[end] <= '9' {
		end++
	}
	n, ok := sip.ParseUint(value[:end])
	return n, ok && n <= 1<<24
}
