package gate

import (
	"tollgate/internal/dialog"
	"tollgate/internal/live"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/internal/transaction"
)

// ask takes the places of a call together with one at the first candidate that has room;
// those before it are left out. The lease holds what does not depend on the candidate.
func (g *Gate) ask(sh *transaction.Shard, p *passage) (policy.Verdict, bool) {
	for {
		r, own := &p.lease, p.lease.N
		p.addFirst()
		slot, park := g.parked[sh.Index].Alloc()
		ref := uint64(sh.Index)<<56 | uint64((park.gen+1)&0xffffff)<<32 | uint64(slot)
		o, now := g.cfg.Live.Reserve(r, g, ref)
		if !now {
			g.park(sh, p, park, ref)
			return policy.Verdict{}, true
		}
		g.parked[sh.Index].Release(slot)
		switch {
		case g.demote(p, o):
			continue
		case g.passOver(p, o):
			r.N = own
			continue
		}
		p.full = fullOf(r, o)
		return verdictOf(o), false
	}
}

// addFirst adds the first candidate's limit to the lease, if it has one; an emergency call's has
// none.
func (p *passage) addFirst() {
	r := &p.lease
	to := p.firstSwitch()
	if to == nil {
		return
	}
	limit := limitOf(to)
	if p.urgent() {
		limit.Calls, limit.CPS = 0, 0
	}
	r.Add(limit)
}

// urgent says that the call asks for a place among the emergency calls that pass limits.
func (p *passage) urgent() bool {
	for _, l := range p.lease.Limits[:p.lease.N] {
		if l.Scope.Kind == live.Emergency {
			return true
		}
	}
	return false
}

// demote has an emergency call ask as a call like any other where others took the last of the
// places beyond the limits after it had looked; false where that is not why it got none.
func (g *Gate) demote(p *passage, o live.Outcome) bool {
	if o.OK || o.Err != nil || o.Full.Kind != live.Emergency {
		return false
	}
	p.lease = live.Reservation{Call: p.lease.Call}
	g.ordinary(&p.lease, &p.id)
	return true
}

// asked goes on with the answer to a reservation; parked says that another one is asked for.
func (g *Gate) asked(sh *transaction.Shard, p *passage, o live.Outcome) (v policy.Verdict, parked bool) {
	switch {
	case g.demote(p, o):
	case g.passOver(p, o):
		p.lease.N-- // the place at the candidate
	default:
		p.full = fullOf(&p.lease, o)
		return verdictOf(o), false
	}
	p.next--
	if v, parked = g.ask(sh, p); !parked {
		p.next++
	}
	return v, parked
}

// passOver leaves out the first candidate if it is a switch that has no room; false where
// nothing is left to try, or where it is not the switch that is full.
func (g *Gate) passOver(p *passage, o live.Outcome) bool {
	if o.OK || o.Err != nil || p.list.N == 0 || p.list.List[0].Switch == nil ||
		o.Full != scopeOf(p.list.List[0].Switch.ID) {
		return false
	}
	if p.list.N == 1 {
		return false
	}
	p.list.PassOver(policy.SwitchLimit)
	return true
}

// foresee is ask for who only wants to know: it takes nothing. What it cannot tell is the rate
// of new calls, since only taking one tells whether it was too many. Candidates behind the first
// that have no room are left out, as they are at failover; an emergency call has room everywhere then.
func (g *Gate) foresee(p *passage) policy.Verdict {
	r, own := &p.lease, p.lease.N
	for {
		p.addFirst()
		o := g.room(r)
		if g.passOver(p, o) {
			r.N = own
			continue
		}
		if p.full = fullOf(r, o); !o.OK {
			return verdictOf(o)
		}
		break
	}
	for i, holds := 1, p.firstSwitch(); i < p.list.N; i++ {
		to := p.list.List[i].Switch
		if to != nil && to != holds && !p.id.Emergency && !g.fits(limitOf(to)) {
			p.list.PassOverAt(i, policy.SwitchLimit)
			i--
			continue
		}
		holds = to
	}
	return policy.Verdict{}
}

// firstSwitch is the first candidate's switch, nil if it is none.
func (p *passage) firstSwitch() *policy.Switch {
	if p.list.N == 0 {
		return nil
	}
	return p.list.List[0].Switch
}

// room is the outcome that a reservation would have now, but for rates.
func (g *Gate) room(r *live.Reservation) live.Outcome {
	for _, l := range r.Limits[:r.N] {
		if !g.fits(l) {
			return live.Outcome{Full: l.Scope}
		}
	}
	return live.Outcome{OK: true}
}

func (g *Gate) fits(l live.Limit) bool {
	return l.Calls == 0 || g.cfg.Live.Usage(l.Scope).Calls < l.Calls
}

func scopeOf(id tenant.SwitchID) live.Scope { return live.Scope{Kind: live.Switch, ID: int64(id)} }

func limitOf(sw *policy.Switch) live.Limit {
	return live.Limit{Scope: scopeOf(sw.ID), Calls: sw.Channels, CPS: sw.CPS}
}

// Swap gives a call's place at one switch for one at another; 0 and nil mean none. Where the
// outcome is not known now, done is told it later, from a goroutine of its own.
func (g *Gate) Swap(id dialog.Stable, from tenant.SwitchID, to *policy.Switch, done func(ok bool)) (ok, now bool) {
	x := live.Exchange{Call: leaseOf(id)}
	if from != 0 {
		x.From = scopeOf(from)
	}
	if to != nil {
		x.To = limitOf(to)
	}
	o, now := g.cfg.Live.Swap(&x, swapped(done), 0)
	return o.OK, now
}

// swapped tells the outcome of a Swap.
type swapped func(ok bool)

// Reserved is live.Waiter.
func (done swapped) Reserved(_ uint64, o live.Outcome) { done(o.OK) }
