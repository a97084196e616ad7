package uac

import (
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/internal/transaction"
)

// change takes new settings of a switch. What stands there for the same user is refreshed: to take
// it back meanwhile would lose calls, and the Contact is the same (RFC 3261 10.2.4: so are Call-ID
// and the order of CSeq).
func (r *Registrations) change(sh *transaction.Shard, id tenant.SwitchID, way *policy.Destination) {
	was := r.cells[sh.Index][id]
	if was == nil || !same(was.way, way) {
		r.leave(sh, id)
		r.begin(sh, id, way)
		return
	}
	r.stop(sh, was)
	r.start(sh, id, &registration{
		way: way, callID: was.callID, tag: was.tag, cseq: was.cseq, expires: was.expires, flow: was.flow, contact: was.contact,
		state: was.state, home: was.home,
	})
}

// same says that two ways lead to one registrar, for one address of record.
func same(a, b *policy.Destination) bool {
	return a.Host == b.Host && a.Port == b.Port && a.Protocol == b.Protocol && a.Via == b.Via && a.Network == b.Network &&
		a.Switch.Username == b.Switch.Username
}

// stop ends what a registration waits for.
func (r *Registrations) stop(sh *transaction.Shard, g *registration) {
	sh.Stop(&g.timer)
	if g.client != 0 {
		sh.Abandon(g.client)
	}
}

// leave forgets a registration; what stands at the switch is taken back, where it was granted and
// with the password if it wants it once more.
func (r *Registrations) leave(sh *transaction.Shard, id tenant.SwitchID) {
	g := r.cells[sh.Index][id]
	if g == nil {
		return
	}
	r.stop(sh, g)
	delete(r.cells[sh.Index], id)
	r.cfg.Table.RegisteredAt(g.way, nil)
	r.mu.Lock()
	delete(r.states, id)
	r.mu.Unlock()
	if !g.state.Registered {
		return
	}
	g.expires, g.leaving, g.answers = 0, true, Answers{}
	r.gone[sh.Index][g.ref()] = g
	if !r.send(sh, g) {
		r.left(sh, g)
	}
}

// left is the end of a registration that was taken back, or could not be.
func (r *Registrations) left(sh *transaction.Shard, g *registration) {
	sh.Stop(&g.timer)
	delete(r.gone[sh.Index], g.ref())
}
