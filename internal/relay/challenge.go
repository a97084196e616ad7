package relay

import (
	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/internal/uac"
	"tollgate/sip"
)

// asks gives the switch at hand, if its challenges are for us; else nil.
func (q *request) asks(to *phone) *policy.Switch {
	if d := q.destination(to); d != nil && d.Switch.Asks() {
		return d.Switch
	}
	return nil
}

// challenged takes a switch's challenge: the request is sent once more with our credentials,
// or refused, since no challenge that is meant for us may reach its sender. false: this one
// is not.
func (r *Relay) challenged(sh *transaction.Shard, q *request, m *sip.Message, f transport.Flow) bool {
	sw := q.asks(nil)
	if sw == nil {
		return false
	}
	if q.answers == nil {
		q.answers = new(uac.Answers)
	}
	q.client = 0
	if f.Remote != q.to.Remote || r.cfg.Agent == nil || !r.cfg.Agent.Take(q.answers, sw, m) {
		r.answer(sh, q, policy.SwitchChallenge.Status(), policy.SwitchChallenge)
		return true
	}
	q.again++
	if !sh.Request(q.server, &sh.Kept) {
		r.close(sh, q)
	} else if !r.send(sh, q, &sh.Kept, q.to, nil) {
		r.try(sh, q, nil)
	}
	return true
}

// authorize gives a switch our credentials, as far as it has asked for them, in place of the
// sender's.
func (q *request) authorize(to *phone, fwd *dialog.Forward) {
	sw := q.asks(to)
	if sw == nil {
		return
	}
	fwd.Foreign = true
	if q.answers == nil {
		return
	}
	uri := fwd.Target
	if uri == nil {
		uri = fwd.Message.RequestURI()
	}
	fwd.Authorize = q.answers.Append(nil, sw, q.method, uri)
}
