package registrar

import (
	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/internal/trace"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// Refusal is a REGISTER that passed the gate and bound nothing: its PBX refused it, or none answered. It is valid
// only while it is told.
type Refusal struct {
	ID          dialog.Stable
	Message     *sip.Message // the REGISTER
	Source      transport.Flow
	Answer      *sip.Message   // the PBX's; nil: it gave none
	From        transport.Flow // where that came from
	Customer    *policy.Customer
	Direction   policy.Direction
	By          policy.How
	Domain      string
	Destination *policy.Destination // nil: none was reached
	Verdict     policy.Verdict
}

// refused tells of a REGISTER whose answer binds nothing. A challenge, and an expiry that is too brief, are asked for
// again by every phone: they are none.
func (r *Registrar) refused(sh *transaction.Shard, q *request, m *sip.Message, f transport.Flow) {
	switch code := m.StatusCode(); code {
	case 401, 407, 423:
	default:
		if code >= 300 {
			r.report(sh, q, dialog.NewStable(), policy.Verdict{Status: code, Reason: policy.RegistrationRefused}, m, f)
		}
	}
}

// answer ends a REGISTER with a status of ours, and says why (mission row C2).
func (r *Registrar) answer(sh *transaction.Shard, q *request, status int, why policy.Reason) {
	id, response := dialog.NewStable(), sip.Response{Status: status}
	r.report(sh, q, id, policy.Verdict{Status: status, Reason: why}, nil, transport.Flow{})
	if q.by != policy.ByDomain && q.by != policy.ByNothing {
		response.Headers = why.AppendHeader(nil, status, trace.ID(id).Ref())
	}
	sh.RespondStatus(q.server, &response)
	r.close(sh, q)
}

func (r *Registrar) report(sh *transaction.Shard, q *request, id dialog.Stable, v policy.Verdict, answer *sip.Message, from transport.Flow) {
	if r.cfg.Refused == nil || !sh.Request(q.server, &sh.Kept) {
		return
	}
	r.cfg.Refused(&Refusal{
		ID: id, Message: &sh.Kept, Source: q.source, Answer: answer, From: from, Customer: q.customer, Direction: q.direction,
		By: q.by, Domain: q.domain, Destination: q.walk.Destination(), Verdict: v,
	})
}
