package edge

import (
	"sync"

	"tollgate/internal/ban"
	"tollgate/internal/registrar"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// receiver is where bytes become messages (steps 2 and 3 of the way).
type receiver struct {
	layer     *transaction.Layer
	registrar *registrar.Registrar
	bans      *ban.Table
	transport *transport.Transport
	messages  sync.Pool // of *sip.Message
}

// Receive is transport.Handler. What cannot even be indexed gets no answer, and a
// response that is not right goes no further (RFC 3261 16.7, RFC 4475).
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
		return
	}
	if !m.IsRequest() && sip.Validate(m).Status != 0 {
		return
	}
	r.layer.Receive(m, f)
}

// Closed is transport.Handler: a phone's binding ends with its connection, while
// transactions find out when they send.
func (r *receiver) Closed(f transport.Flow, _ error) { r.registrar.Closed(f) }

// Unreachable is transport.Handler.
func (r *receiver) Unreachable(f transport.Flow, _ error) { r.layer.Unreachable(f.Remote) }
