package call

import (
	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/internal/uac"
	"tollgate/sip"
)

// challenged takes a switch's challenge to the request that makes a call or subscription: it
// is sent once more with our credentials (RFC 3261 22.2), or the call ends, since no challenge
// that is meant for us may reach a caller. false: this one is not.
func (c *Calls) challenged(sh *transaction.Shard, call *Call, m *sip.Message, f transport.Flow) bool {
	if call.state != calling || c.ringing(sh, call) != nil || !asks(call.dest) {
		return false
	}
	call.branch = 0
	s := c.setup(sh, call)
	if s.answers == nil {
		s.answers = new(uac.Answers)
	}
	if f.Remote != s.flow.Remote || c.cfg.Agent == nil || !c.cfg.Agent.Take(s.answers, call.dest.Switch, m) {
		c.refuse(sh, call, policy.SwitchChallenge.Status(), policy.SwitchChallenge)
		return true
	}
	call.again++
	c.leaveDialogs(sh, call)
	if sh.Request(call.server, &sh.Kept) && !c.sendFirst(sh, call, s, &sh.Kept, nil) {
		c.try(sh, call, nil)
	}
	return true
}

// asks says that a destination is a switch whose challenges are for us; nil is none.
func asks(d *policy.Destination) bool { return d != nil && d.Switch.Asks() }

// credentials says that a request carries some. Few do, and whose they are stands far from all
// else that a request within a call is about.
func credentials(m *sip.Message) bool {
	return m.First(sip.HdrAuthorization) != nil || m.First(sip.HdrProxyAuthorization) != nil
}

// authorize gives a switch our credentials, as far as it has asked for them, in place of the
// caller's.
func (c *Calls) authorize(sh *transaction.Shard, call *Call, s *setup, to *phone, fwd *dialog.Forward) {
	if to != nil || !asks(call.dest) {
		return
	}
	fwd.Foreign = true
	if s.answers == nil {
		return
	}
	uri := fwd.Target
	if uri == nil {
		uri = fwd.Message.RequestURI()
	}
	w := &c.table(sh).work
	w.credentials = s.answers.Append(w.credentials[:0], call.dest.Switch, call.method, uri)
	fwd.Authorize = w.credentials
}

// challenged says that a switch has asked for our credentials within a call. It gets none:
// who could make us answer such a challenge would have a digest for what he likes.
func (x *exchange) challenged(call *Call, code int) bool {
	return x.from == dialog.Caller && uac.Challenge(code) && asks(call.dest)
}
