package edge

import (
	"tollgate/internal/call"
	"tollgate/internal/gate"
	"tollgate/internal/policy"
	"tollgate/internal/record"
	"tollgate/internal/registrar"
	"tollgate/internal/relay"
	"tollgate/internal/trace"
	"tollgate/sip"
)

// refusedWithin records a request within a call that is refused.
func (e *Edge) refusedWithin(r *call.Refusal) {
	id := trace.ID(r.ID)
	e.recorder.Decided(&record.Verdict{
		Method: r.Method, Verdict: r.Verdict, Source: r.Source, Customer: r.Customer.Settings.Name,
		CallID: r.CallID, Target: r.Target, Ref: id.Ref(),
	})
	e.traces.Refused(id, &trace.Within{Method: []byte(r.Method.String()), Verdict: r.Verdict})
}

// refusedBehind records a request that the gate let through and that ends here: nobody answered who may.
func (e *Edge) refusedBehind(r *relay.Refusal) {
	e.traces.Refused(trace.ID(r.ID), &trace.Within{Method: []byte(r.Method.String()), Verdict: r.Verdict})
}

// registersTold is how many REGISTERs that bound nothing are told a second: while a PBX is down all of its phones send some, and
// no message of a call should make room for them.
const registersTold = 100

// refusedRegister records a REGISTER that the gate let through and that bound nothing. It was counted there.
func (e *Edge) refusedRegister(r *registrar.Refusal) {
	if !e.registers.Allow() {
		return
	}
	id := policy.Identity{Customer: r.Customer, Direction: r.Direction, By: r.By, Domain: r.Domain}
	d := gate.Decision{
		ID: r.ID, Method: sip.REGISTER, Proto: r.Source.Proto, Source: r.Source.Remote, Local: r.Source.Local,
		Identity: &id, Verdict: r.Verdict, Message: r.Message, Passed: len(e.steps),
	}
	if r.Destination != nil {
		d.Candidates = &policy.Candidates{List: [policy.MaxCandidates]*policy.Destination{r.Destination}, N: 1, Group: r.Destination.Group}
	}
	e.recorder.Refused(&record.Verdict{
		Method: d.Method, Verdict: d.Verdict, Source: d.Source, Customer: r.Customer.Settings.Name,
		CallID: r.Message.CallID(), Target: r.Message.RequestURI(), Ref: trace.ID(r.ID).Ref(),
	})
	e.traceDecision(&d)
	if r.Answer != nil {
		e.traces.Heard(r.From, r.Answer)
	}
}
