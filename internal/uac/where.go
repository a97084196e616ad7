package uac

import (
	"net/netip"
	"slices"
	"time"

	"tollgate/internal/peer"
	"tollgate/internal/tenant"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
)

// lookAgain is after how long it is looked where the switches are; the resolver asks for a name
// as often as its records want.
const lookAgain = 30 * time.Second

// follow keeps up with names that lead elsewhere while a registration lasts.
func (r *Registrations) follow() {
	if now := time.Now(); now.Sub(r.looked) >= lookAgain {
		r.looked = now
		for id := range r.known {
			r.in(id, func(sh *transaction.Shard, id tenant.SwitchID) {
				if g := r.cells[sh.Index][id]; g != nil {
					r.locate(sh, g)
				}
			})
		}
	}
}

// locate looks from where a switch may call our Contact: where it is, and where the proxies are
// that it is called by. An address needs no looking up.
func (r *Registrations) locate(sh *transaction.Shard, g *registration) {
	if g.way.Literal && len(g.way.Proxies) == 0 {
		return
	}
	targets := peer.TargetsOf(g.way)
	if g.places == nil {
		g.places = make([][]netip.AddrPort, len(targets))
	}
	shard, ref := sh.Index, g.ref()
	for i, t := range targets {
		if hops, known := r.cfg.Router.Resolver.Lookup(t); known {
			r.located(g, i, hops)
			continue
		}
		r.cfg.Router.Resolver.Resolve(t, func(hops []transport.Hop, _ error) {
			r.layer.Do(shard, func(sh *transaction.Shard) {
				if g := r.of(sh, ref); g != nil {
					r.located(g, i, hops)
				}
			})
		})
	}
}

// located takes where one of a switch's targets is; what does not resolve stays where it was.
func (r *Registrations) located(g *registration, target int, hops []transport.Hop) {
	if len(hops) == 0 {
		return
	}
	g.places[target] = g.places[target][:0:0]
	for _, h := range hops {
		g.places[target] = append(g.places[target], h.Addr)
	}
	r.tell(g)
}

// tell has policy know the places of a switch, and that which has granted the registration.
func (r *Registrations) tell(g *registration) {
	if g.leaving {
		return
	}
	all := slices.Concat(g.places...)
	if g.home.IsValid() {
		all = append(all, g.home)
	}
	r.cfg.Table.RegisteredAt(g.way, all)
}
