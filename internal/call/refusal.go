package call

import (
	"net/netip"

	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/internal/trace"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// Refusal is a request within a call that goes no further, and why. It is valid only while it is told.
type Refusal struct {
	ID       dialog.Stable // the call's: a refusal within it has its reference
	Customer *policy.Customer
	Method   sip.Method
	CallID   []byte // as its sender has it
	Target   []byte // that the call was to
	Source   netip.AddrPort
	Verdict  policy.Verdict
}

// refuse ends a call that is being set up with a status of ours.
func (c *Calls) refuse(sh *transaction.Shard, call *Call, status int, why policy.Reason) {
	call.ended(why, status, dialog.Callee)
	sh.RespondStatus(call.server, &sip.Response{Status: status, Headers: c.because(call, dialog.Caller, call.caller, why, status)})
	c.finish(sh, call)
}

// because is the Reason header of a refusal of ours, with the call's reference, for a party that is known as more than
// a caller by domain; others get the bare code (mission row C2).
func (c *Calls) because(call *Call, side dialog.Side, leg dialog.Leg, why policy.Reason, status int) []byte {
	if leg.Outside && leg.Binding == (dialog.Stable{}) && call.userAt(side) == 0 && call.switchOf(side) == nil {
		return nil
	}
	return why.AppendHeader(nil, status, trace.ID(call.id).Ref())
}

// refuseExchange ends an exchange whose request the policy forbids.
func (c *Calls) refuseExchange(sh *transaction.Shard, x *exchange, v policy.Verdict) {
	call := c.table(sh).calls.At(x.call)
	c.endExchange(sh, x, &sip.Response{Status: v.Status, Headers: c.refused(sh, call, x, v)})
}

// refused tells of an exchange whose request is refused, and gives the headers of its answer.
func (c *Calls) refused(sh *transaction.Shard, call *Call, x *exchange, v policy.Verdict) []byte {
	leg := call.leg(call.dialog(x.fork), x.from)
	c.tellRefused(call, leg.Flow.Remote, x.method, call.text(leg.CallID), v)
	return c.because(call, x.from, leg, v.Reason, v.Status)
}

func (c *Calls) tellRefused(call *Call, source netip.AddrPort, method sip.Method, callID []byte, v policy.Verdict) {
	if c.cfg.Refused != nil {
		c.cfg.Refused(&Refusal{
			ID: call.id, Customer: call.customer, Method: method, CallID: callID, Target: call.text(call.uri), Source: source, Verdict: v,
		})
	}
}

// refuseAtOnce answers a request within a call that gets no exchange, and so leaves no state.
func (c *Calls) refuseAtOnce(sh *transaction.Shard, hit found, m *sip.Message, f transport.Flow, v policy.Verdict, more []byte) {
	call := hit.call
	c.tellRefused(call, f.Remote, m.Method(), m.CallID(), v)
	leg := call.leg(call.dialog(hit.fork), hit.side)
	sh.Reply(m, f, &sip.Response{Status: v.Status, Headers: append(c.because(call, hit.side, leg, v.Reason, v.Status), more...)})
}
