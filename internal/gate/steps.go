package gate

import (
	"tollgate/internal/call"
	"tollgate/internal/dialog"
	"tollgate/internal/live"
	"tollgate/internal/policy"
	"tollgate/internal/relay"
	"tollgate/internal/tenant"
	"tollgate/internal/transaction"
	"tollgate/sip"
)

// validate gives the verdict of RFC 3261 and RFC 4475.
func (g *Gate) validate(_ *transaction.Shard, p *passage) (policy.Verdict, bool) {
	v := sip.Validate(p.msg)
	if v.Status == 0 {
		return policy.Verdict{}, false
	}
	return policy.Verdict{Status: v.Status, Reason: policy.BadMessage, Detail: v.Reason}, false
}

// hops ends what has come too far, and notes what came round in a circle (RFC 3261
// 16.3), which ends too unless it is for a phone.
func (g *Gate) hops(sh *transaction.Shard, p *passage) (policy.Verdict, bool) {
	if p.msg.MaxForwards() == 0 {
		return policy.Refuse(policy.MaxForwards), false
	}
	p.looped = g.layer.Looped(p.msg) || sh != nil && g.cfg.Calls.Looped(sh, p.msg)
	return policy.Verdict{}, false
}

func (g *Gate) identify(_ *transaction.Shard, p *passage) (policy.Verdict, bool) {
	return g.cfg.Table.Snapshot().Identify(&p.req, &p.id), false
}

// banned drops what the customer hears nothing of.
func (g *Gate) banned(_ *transaction.Shard, p *passage) (policy.Verdict, bool) {
	if g.cfg.Banned != nil && g.cfg.Banned(p.id.Customer.Settings.ID, p.req.Source.Addr(), p.req.Dry) {
		return policy.Refuse(policy.Banned), false
	}
	return policy.Verdict{}, false
}

// serve refuses what we do not know how to carry.
func (g *Gate) serve(_ *transaction.Shard, p *passage) (policy.Verdict, bool) {
	switch p.msg.Method() {
	case sip.INVITE, sip.OPTIONS, sip.MESSAGE, sip.REGISTER, sip.SUBSCRIBE, sip.NOTIFY, sip.PUBLISH, sip.REFER, sip.INFO:
	default:
		return policy.Refuse(policy.MethodNotServed), false
	}
	if len(p.msg.Value(sip.HdrProxyRequire)) > 0 {
		return policy.Refuse(policy.BadExtension), false // RFC 3261 16.3 step 5
	}
	if g.draining.Load() && p.msg.Method() == sip.INVITE {
		return policy.Refuse(policy.Draining), false
	}
	if g.full.Load() && (p.msg.Method() == sip.INVITE || p.msg.Method() == sip.REGISTER) {
		return policy.Refuse(policy.ResourceExhausted), false
	}
	return policy.Verdict{}, false
}

func (g *Gate) firewall(_ *transaction.Shard, p *passage) (policy.Verdict, bool) {
	return g.cfg.Table.Snapshot().Firewall(&p.req, &p.id), false
}

func (g *Gate) blocklist(_ *transaction.Shard, p *passage) (policy.Verdict, bool) {
	return g.cfg.Table.Snapshot().Blocklist(&p.req, &p.id), false
}

func (g *Gate) route(_ *transaction.Shard, p *passage) (policy.Verdict, bool) {
	switch {
	case len(p.phones) > 0, p.registers():
		p.list = policy.Candidates{}
		return policy.Verdict{}, false
	case p.looped:
		return policy.Refuse(policy.Loop), false
	}
	return g.cfg.Table.Snapshot().Route(&p.req, &p.id, &p.list), false
}

// reserve takes a place in each limit that counts this call, all or nothing.
func (g *Gate) reserve(sh *transaction.Shard, p *passage) (policy.Verdict, bool) {
	p.stable = dialog.NewStable()
	if p.msg.Method() != sip.INVITE {
		return policy.Verdict{}, false
	}
	p.lease = live.Reservation{Call: leaseOf(p.stable)}
	g.limits(&p.lease, &p.id)
	if p.req.Dry {
		return g.foresee(p), false
	}
	return g.ask(sh, p)
}

func leaseOf(id dialog.Stable) (c live.CallID) {
	copy(c[:], id[:])
	return c
}

// Hold takes the places of a call that a restart has kept, whatever the limits are now.
// An urgent one counts among the emergency calls beyond the limits again.
func (g *Gate) Hold(id dialog.Stable, customer *policy.Customer, user tenant.SIPUserID, urgent bool, switches ...tenant.SwitchID) {
	r := live.Reservation{Call: leaseOf(id)}
	g.ordinary(&r, &policy.Identity{Customer: customer, User: customer.UserByID(user)})
	if urgent {
		r.Add(live.Limit{Scope: live.Scope{Kind: live.Emergency, ID: int64(customer.Settings.ID)}})
	}
	for _, sw := range switches {
		if sw != 0 {
			r.Add(live.Limit{Scope: scopeOf(sw)})
		}
	}
	for i := range r.N {
		r.Limits[i].Calls, r.Limits[i].CPS = 0, 0
	}
	g.cfg.Live.Reserve(&r, held{}, 0)
}

// held waits for no outcome: there is nothing to decide.
type held struct{}

func (held) Reserved(uint64, live.Outcome) {}

// Release gives back what a call holds.
func (g *Gate) Release(id dialog.Stable) { g.cfg.Live.Release(leaseOf(id)) }

// limits names every scope that the call is counted in, and lifts those of an emergency call.
func (g *Gate) limits(r *live.Reservation, id *policy.Identity) {
	g.ordinary(r, id)
	if id.Emergency {
		g.urgent(r, id.Customer)
	}
}

// ordinary names the scopes that any call is counted in.
func (g *Gate) ordinary(r *live.Reservation, id *policy.Identity) {
	platform, customer := g.cfg.Table.Snapshot().Platform(), id.Customer
	r.Add(live.Limit{Scope: live.Scope{Kind: live.Platform}, Calls: platform.Calls, CPS: platform.CPS})
	r.Add(live.Limit{
		Scope: live.Scope{Kind: live.Company, ID: int64(customer.Company.ID)},
		Calls: customer.Company.Channels, CPS: customer.Company.CPS,
	})
	limit := live.Limit{Scope: live.Scope{Kind: live.Customer, ID: int64(customer.Settings.ID)}, CPS: customer.Settings.CPS}
	if limit.Calls = customer.Settings.CallLimit; customer.Transparent && limit.Calls > 0 {
		if g.cfg.Live.Usage(limit.Scope).Calls >= limit.Calls {
			id.Spare(policy.Refuse(policy.CallLimit))
		}
		limit.Calls = 0
	}
	r.Add(limit)
	if id.Entry != nil {
		r.Add(limitOf(id.Entry))
	}
	if id.User != nil {
		r.Add(live.Limit{Scope: live.Scope{Kind: live.User, ID: int64(id.User.ID)}, Calls: id.User.Channels, CPS: id.User.CPS})
		if p := id.User.Profile; p != nil {
			r.Add(live.Limit{Scope: live.Scope{Kind: live.Profile, ID: int64(p.ID)}, Calls: p.Capacity})
		}
	}
}

// emergencies is how many emergency calls of one customer pass all limits at once; more are
// calls like any other (mission row E1).
const emergencies = 20

// urgent lifts the limits of an emergency call. It is counted in all of them.
func (g *Gate) urgent(r *live.Reservation, customer *policy.Customer) {
	own := live.Limit{Scope: live.Scope{Kind: live.Emergency, ID: int64(customer.Settings.ID)}, Calls: emergencies}
	if g.cfg.Live.Usage(own.Scope).Calls >= emergencies {
		return
	}
	for i := range r.N {
		r.Limits[i].Calls, r.Limits[i].CPS = 0, 0
	}
	r.Add(own)
}

// fullOf is the limit of a reservation that an outcome names.
func fullOf(r *live.Reservation, o live.Outcome) live.Limit {
	for _, l := range r.Limits[:r.N] {
		if !o.OK && l.Scope == o.Full {
			return l
		}
	}
	return live.Limit{}
}

func verdictOf(o live.Outcome) policy.Verdict {
	switch {
	case o.OK:
		return policy.Verdict{}
	case o.Err != nil:
		return policy.Refuse(policy.ResourceExhausted)
	case o.Rate:
		return policy.Refuse(policy.RateLimit)
	case o.Full.Kind == live.Platform:
		return policy.Refuse(policy.PlatformLimit)
	case o.Full.Kind == live.Company:
		return policy.Refuse(policy.CompanyLimit)
	case o.Full.Kind == live.Switch:
		return policy.Refuse(policy.SwitchLimit)
	case o.Full.Kind == live.User:
		return policy.Refuse(policy.UserLimit)
	case o.Full.Kind == live.Profile:
		return policy.Refuse(policy.ProfileLimit)
	}
	return policy.Refuse(policy.CallLimit)
}

// send opens the server transaction, if waiting has not done so yet, and hands the
// request to who carries it.
func (g *Gate) send(sh *transaction.Shard, p *passage) (policy.Verdict, bool) {
	invite := p.msg.Method() == sip.INVITE
	if p.server == 0 {
		if p.server = sh.NewServer(p.msg, p.flow, g.user, 0); p.server == 0 {
			if invite {
				g.Release(p.stable)
			}
			return policy.Refuse(policy.ResourceExhausted), false
		}
	}
	switch p.msg.Method() {
	case sip.INVITE, sip.SUBSCRIBE, sip.REFER:
		g.cfg.Calls.Start(sh, &call.Passed{
			Server: p.server, Stable: p.stable, Identity: &p.id, Candidates: &p.list, Phones: p.phones, Caller: p.caller,
			Urgent: p.urgent(), Known: p.alike.Known,
		}, p.msg)
	case sip.REGISTER:
		return g.cfg.Registrar.Start(sh, p.server, &p.id, &p.list, p.msg), false
	default:
		g.cfg.Relay.Start(sh, &relay.Passed{Server: p.server, Decision: p.stable, Identity: &p.id, Candidates: &p.list, Phones: p.phones}, p.msg)
	}
	return policy.Verdict{}, false
}
