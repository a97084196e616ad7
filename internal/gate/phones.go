package gate

import (
	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/internal/registrar"
	"tollgate/internal/tenant"
	"tollgate/internal/transaction"
	"tollgate/sip"
)

// learn notes what the registrar knows of a request: whether it comes over a phone's
// flow, and whether it names a phone by its token.
func (g *Gate) learn(p *passage) {
	p.phones, p.caller, p.token = p.phones[:0], dialog.Stable{}, false
	p.req.Ours = g.ours
	if binding, owner, ok := g.cfg.Registrar.Owner(p.flow); ok {
		p.req.Bound, p.caller = owner, binding
	}
	id, ok := g.cfg.Minter.Of(p.msg.RequestURI())
	if ours := id.Ours(); ok && ours.Switch != 0 {
		p.req.Registered = policy.Registered{Customer: tenant.CustomerID(ours.Customer), Switch: tenant.SwitchID(ours.Switch)}
	}
	if !ok || id.Part != dialog.ToPhone {
		return
	}
	p.token = true
	if to, ok := g.cfg.Registrar.ByID(id.Stable); ok {
		p.req.Token = to.Customer
		p.phones = append(p.phones, to)
	}
}

// locate finds the phones that a request is for: those of a SIP user, or, for one of the PBX,
// the one whose token it names, else those that have registered as its address of record
// (step 13).
func (g *Gate) locate(_ *transaction.Shard, p *passage) (policy.Verdict, bool) {
	if v, done := g.toUser(p); done {
		return v, false
	}
	if p.id.Direction != policy.Outbound {
		p.phones = p.phones[:0]
		return policy.Verdict{}, false
	}
	switch {
	case p.msg.Method() == sip.REGISTER:
		return policy.Refuse(policy.RegisterFromDestination), false
	case p.token && p.req.Token == 0:
		return policy.Refuse(policy.PhoneUnreachable), false
	case !p.token:
		g.registered(p)
	}
	found := len(p.phones)
	p.phones = p.others(p.phones)
	if found > 0 && len(p.phones) == 0 {
		return policy.Refuse(policy.PhoneIsSource), false
	}
	return policy.Verdict{}, false
}

// registered lists the phones of the Request-URI's address of record. A number at our
// own address, as a PBX calls that knows us as a trunk, is one in any domain of the customer.
func (g *Gate) registered(p *passage) {
	u, err := sip.ParseURI(p.msg.RequestURI())
	if err != nil || len(u.User) == 0 || u.Scheme == sip.SchemeTEL {
		return
	}
	c := p.id.Customer
	here := g.cfg.Table.Snapshot().Here(&p.req, &u)
	for _, d := range c.Domains {
		if len(p.phones) == 0 && (here || policy.IsHost(&u, d)) {
			p.phones = g.cfg.Registrar.ByAOR(p.phones, c.Settings.ID, u.User, d)
		}
	}
}

// others leaves out the phone that the request came from.
func (p *passage) others(list []registrar.Contact) []registrar.Contact {
	kept := list[:0]
	for _, to := range list {
		if to.Flow.Proto != p.flow.Proto || to.Flow.Remote != p.flow.Remote || to.Flow.Conn != p.flow.Conn {
			kept = append(kept, to)
		}
	}
	return kept
}
