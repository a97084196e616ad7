package call

import (
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/internal/transaction"
	"tollgate/sip"
)

// prack translates the INVITE's number in a RAck (RFC 3262 7.2).
func (c *Calls) prack(d *dialog.Dialog, x *exchange, m *sip.Message, f *dialog.Forward) {
	if n, ok := dialog.RAckNumber(m); ok {
		f.RAck = d.Seq[x.from].Invite(n)
	}
}

// refreshed takes a re-INVITE or UPDATE that was accepted: both targets may have
// moved (RFC 3261 12.2.1.2, RFC 3311 5), and the session goes on.
func (c *Calls) refreshed(sh *transaction.Shard, call *Call, x *exchange, m *sip.Message) {
	c.refresh(sh, call, x.fork, x.from.Other(), m)
	if sh.Request(x.server, &sh.Kept) {
		c.refresh(sh, call, x.fork, x.from, &sh.Kept)
	}
	c.sessionTimer(sh, call, m)
}

// sessionTimer starts the session's expiry anew from a 2xx (RFC 4028 8.2, 10): the
// parties refresh it, and where they stop doing so the call is ended. A 2xx
// without Session-Expires says that there is none.
func (c *Calls) sessionTimer(sh *transaction.Shard, call *Call, m *sip.Message) {
	if call.state != up {
		return
	}
	sh.Stop(&call.initial)
	value := m.Value(sip.HdrSessionExpires)
	end := 0
	for end < len(value) && value[end] >= '0' && value[end] <= '9' {
		end++
	}
	seconds, ok := sip.ParseUint(value[:end])
	if !ok || seconds == 0 || seconds > 1<<24 {
		return
	}
	call.initial = sh.After(time.Duration(seconds)*time.Second, c.user, timerSession, call.ref(refSetup))
}

// Timer takes the timers of row C10, of RFC 4028, and of our own requests.
func (c *Calls) Timer(sh *transaction.Shard, code uint8, ref uint64) {
	call := c.call(sh, ref)
	if call == nil {
		return
	}
	switch code {
	case timerInitial:
		call.initial = 0
		if call.state == calling {
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
	}
}

// branchTimeout goes on to the next address after one that gave no sign of life.
func (c *Calls) branchTimeout(sh *transaction.Shard, call *Call) {
	call.reason, call.status = policy.InitialTimeout, 0
	c.try(sh, call, nil)
}
