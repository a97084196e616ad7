package registrar

import (
	"encoding/binary"

	"tollgate/internal/policy"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// repeat is a REGISTER that says nothing new, as nearly all do: one Contact that is
// bound already, with texts that are known. Its answer can do without the request.
type repeat struct {
	on      bool
	nat     bool
	address address
	contact wanted // without what stands in the request
}

// says that a Contact, and who sends it, is what the binding knows already.
func (b *binding) says(c *wanted, agent []byte) bool {
	return b.uri() == string(c.name.URI) && b.path() == "" && b.instance() == string(c.instance) &&
		b.agent() == string(agent[:min(len(agent), maxAgent)])
}

// repeatOf notes what the answer to a REGISTER needs, where it says nothing new.
func repeatOf(w *wish, m *sip.Message, f transport.Flow) repeat {
	if !w.same {
		return repeat{}
	}
	c := &w.contacts[0]
	return repeat{
		on: true, nat: behindNAT(m, c.at, f), address: w.address,
		contact: wanted{id: c.id, was: c.was, asked: c.asked, granted: c.granted, q: c.q, key: c.key},
	}
}

// recall makes the wish of a REGISTER that says nothing new; false when its binding has
// ended meanwhile.
func (r *Registrar) recall(w *wish, rep *repeat, c *policy.Customer) bool {
	if !rep.on {
		return false
	}
	s := r.stripe(rep.address.first)
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.bound(&rep.contact)
	if b == nil {
		return false
	}
	w.key = append(binary.BigEndian.AppendUint64(w.key[:0], uint64(c.Settings.ID)), b.aor()...)
	w.address, w.contacts[0], w.n = rep.address, rep.contact, 1
	w.all, w.path, w.record, w.recalled = false, w.path[:0], w.record[:0], true
	return true
}

// refill makes a binding's facts those that it has, refreshed.
func (f *facts) refill(was *binding, c *wanted, nat bool) {
	*f = was.facts
	f.q, f.key, f.missed, f.nat = c.q, c.key, 0, nat
}
