package call

import (
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// grace is how long a subscription is known beyond its end, for the NOTIFY that
// tells of it (RFC 6665 4.1.2.4: timer N, 64*T1).
const grace = 64 * transaction.T1

// transferTime is how long a REFER may report when its response does not say.
const transferTime = 5 * time.Minute

// ofSubscription says which requests a dialog without a call may carry (RFC 5057 5.1).
func ofSubscription(m sip.Method) bool {
	switch m {
	case sip.SUBSCRIBE, sip.NOTIFY, sip.REFER, sip.INFO, sip.MESSAGE, sip.OPTIONS:
		return true
	}
	return false
}

// subscribed takes the 2xx to a SUBSCRIBE or REFER outside of dialogs: it makes the
// dialog, unless its NOTIFY was faster.
func (c *Calls) subscribed(sh *transaction.Shard, call *Call, m *sip.Message, f transport.Flow) {
	if call.state != calling {
		return
	}
	fork, ok := c.fork(sh, call, m, f)
	if !ok {
		c.refuse(sh, call, 500, policy.TooBig)
		return
	}
	d := call.dialog(fork)
	// Over by a NOTIFY that told so already, or never begun (RFC 4488).
	over := d.Acked || call.method == sip.REFER && withoutNotify(m)
	if !over && !d.Confirmed {
		d.Confirmed = true
		call.confirmed++
	}
	call.state, call.status, call.reason = watched, 0, policy.OK
	call.answered = max(sh.Since(), 1)
	c.expireSubscription(sh, call, m)
	c.keep(sh, call)
	if !c.back(sh, call, fork, m, 0) {
		sh.RespondStatus(call.server, &sip.Response{Status: 500})
	}
	call.branch = 0
	c.dropSetup(sh, call)
}

// expireSubscription starts a subscription's life anew, as its 2xx says. The end of one
// of several dialogs does not cut the others' time.
func (c *Calls) expireSubscription(sh *transaction.Shard, call *Call, m *sip.Message) {
	life := time.Hour
	if call.method == sip.REFER {
		life = transferTime
	}
	if seconds, ok := leadingSeconds(m.Value(sip.HdrExpires)); ok {
		life = time.Duration(seconds) * time.Second
	}
	left := call.session - sh.Since()
	switch {
	case call.confirmed == 0 && call.method != sip.INVITE:
		life = 0
	case call.confirmed > 1 && call.session != 0:
		life = max(life, left-grace)
	}
	c.expires(sh, call, life+grace)
}

// refreshSubscription takes the 2xx to a SUBSCRIBE within a dialog.
func (c *Calls) refreshSubscription(sh *transaction.Shard, call *Call, x *exchange, m *sip.Message) {
	c.moveTargets(sh, call, x, m)
	switch {
	case call.state == watched:
		c.expireSubscription(sh, call, m)
	case call.method == sip.INVITE:
		call.referred = true
	}
	c.keep(sh, call)
}

// linger keeps the dialogs of a call that has ended for a subscription within them.
func (c *Calls) linger(sh *transaction.Shard, call *Call) {
	call.state, call.confirmed = watched, 0
	c.expires(sh, call, transferTime)
	c.keep(sh, call)
}

// notified takes a NOTIFY of a notifier that is not known yet: it came before the
// 2xx to its SUBSCRIBE, or another fork of that sends it (RFC 6665 4.4.1).
func (c *Calls) notified(sh *transaction.Shard, call *Call, m *sip.Message, f transport.Flow) (found, bool) {
	if call.method == sip.INVITE || m.Method() != sip.NOTIFY || call.state != calling && call.state != watched ||
		string(m.ToTag()) != string(call.text(call.out.tag)) || len(m.FromTag()) == 0 {
		return found{}, false
	}
	fork, ok := c.newFork(sh, call, m.FromTag(), f)
	if !ok {
		return found{}, false
	}
	d := call.dialog(fork)
	d.Confirmed = true
	call.confirmed++
	if known := c.notifierFlow(sh, call); known.Remote.Addr() != f.Remote.Addr() {
		d.Callee.Outside = true // nobody whom the request was sent to: reached where it speaks from
	}
	sh.Out = dialog.RouteSetOfRequest(sh.Out[:0], m)
	ok = call.texts.Set(&d.Callee.Routes, sh.Out) == nil &&
		call.texts.Set(&d.Callee.Target, dialog.ContactURI(m)) == nil
	return found{call: call, fork: fork, side: dialog.Callee}, ok
}

// notifierFlow is where the request that makes a subscription went.
func (c *Calls) notifierFlow(sh *transaction.Shard, call *Call) transport.Flow {
	if s := c.setup(sh, call); s != nil {
		return s.flow
	}
	return call.dialog(call.mine).Callee.Flow
}
