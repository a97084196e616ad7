package edge

import (
	"encoding/binary"
	"sync"

	"tollgate/internal/ban"
	"tollgate/internal/call"
	"tollgate/internal/overload"
	"tollgate/internal/policy"
	"tollgate/internal/registrar"
	"tollgate/internal/tenant"
	"tollgate/internal/trace"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// receiver is where bytes become messages (steps 2 and 3 of the way).
type receiver struct {
	layer     *transaction.Layer
	registrar *registrar.Registrar
	calls     *call.Calls
	bans      *ban.Table
	table     *policy.Table
	transport *transport.Transport
	traces    *trace.Recorder
	messages  sync.Pool // of *sip.Message
}

// Receive is transport.Handler. What cannot even be indexed gets no answer, unless it is a
// phone's STUN, and a response that is not right goes no further (RFC 3261 16.7, RFC 4475).
func (r *receiver) Receive(f transport.Flow, data []byte) {
	if r.bans.Dropped(f.Remote.Addr()) {
		r.transport.Refuse(f)
		return
	}
	m, _ := r.messages.Get().(*sip.Message)
	if m == nil {
		m = new(sip.Message)
	}
	defer r.messages.Put(m)
	if m.Parse(data) != nil || m.TopVia() == nil {
		r.registrar.Stun(f, data)
		return
	}
	if !m.IsRequest() && sip.Validate(m).Status != 0 {
		return
	}
	if !registration(m) {
		r.traces.Heard(f, m)
	}
	r.layer.Receive(m, f)
}

// Closed is transport.Handler: a phone's binding ends with its connection, while
// transactions find out when they send.
func (r *receiver) Closed(f transport.Flow, _ error) { r.registrar.Closed(f) }

// Unreachable is transport.Handler.
func (r *receiver) Unreachable(f transport.Flow, _ error) { r.layer.Unreachable(f.Remote) }

// Rank is transport.Config.Rank: the place of a request while there is too much, by its first
// line and source alone. A request within a dialog of a call goes first, as one of the customer whose call it is; what
// only says that it is one has the place of any other request.
func (r *receiver) Rank(f transport.Flow, l *overload.Look) overload.Rank {
	if r.bans.Dropped(f.Remote.Addr()) {
		return overload.Rank{Drop: true}
	}
	source := shareOf(f)
	if owner, ok := r.within(f, l); ok {
		return overload.Rank{Class: overload.Urgent, Share: spread(uint64(owner))}
	}
	b, registered := r.belongs(f, l)
	rank := overload.Rank{Class: overload.Rest, Share: source, ByHost: b.ByHost}
	if b.Customer != 0 {
		rank.Share = spread(uint64(b.Customer))
	}
	// A CANCEL stands behind its INVITE, in the same queue, and so never overtakes it.
	call := !l.InDialog && (l.Method == overload.INVITE || l.Method == overload.CANCEL)
	switch {
	case b.Customer == 0 && !b.Neighbour:
		rank.Class = overload.Unknown
	case call && b.Emergency:
		rank.Class = overload.Urgent
	case call:
		rank.Class = overload.Invite
	case l.Method == overload.REGISTER && registered, l.Method == overload.OPTIONS && b.Neighbour:
		rank.Class = overload.Refresh
	}
	return rank
}

// belongs says whose a request seems to be, and whether a phone that is registered sent it, where that counts.
func (r *receiver) belongs(f transport.Flow, l *overload.Look) (b policy.Belonging, registered bool) {
	b = r.table.Snapshot().Belongs(l.URI, f.Remote)
	if b.Customer == 0 || l.Method == overload.REGISTER {
		if _, owner, ok := r.registrar.Owner(f); ok {
			registered = true
			if b.Customer == 0 {
				b.Customer = owner
			}
		}
	}
	return b, registered
}

// Emergency is transport.Config.Emergency.
func (r *receiver) Emergency(f transport.Flow, l *overload.Look) []string {
	b, _ := r.belongs(f, l)
	if c := r.table.Snapshot().Customer(b.Customer); c != nil {
		return c.EmergencyNumbers()
	}
	return nil
}

// within says whose call a request belongs to.
func (r *receiver) within(f transport.Flow, l *overload.Look) (tenant.CustomerID, bool) {
	if !l.InDialog {
		return 0, false
	}
	m, _ := r.messages.Get().(*sip.Message)
	if m == nil {
		m = new(sip.Message)
	}
	defer r.messages.Put(m)
	if m.Parse(l.Message) != nil {
		return 0, false
	}
	return r.calls.Owner(m, f)
}

// shareOf is what requests of one source have in common.
func shareOf(f transport.Flow) uint64 {
	a := f.Remote.Addr().As16()
	return spread(binary.BigEndian.Uint64(a[:8]) ^ binary.BigEndian.Uint64(a[8:])<<16 ^ uint64(f.Remote.Port()))
}

// spread makes neighbouring numbers differ in their lowest bits.
func spread(n uint64) uint64 { return n * 0x9e3779b97f4a7c15 >> 32 }
