package antifraud

import (
	"net/netip"
	"time"

	"tollgate/internal/policy"
	"tollgate/sip"
)

// Standing is how it stands with a request's key. Spared, From, To and Left are for explanations only.
type Standing struct {
	// Known says that a call counts before its destination answers: it is from an entry or a SIP user.
	Known    bool
	Spared   bool // by the whitelist, or as a destination
	Method   sip.Method
	Of       int // the threshold; 0: nothing is counted
	Count    int // with this one, unless Dry
	From, To string
	Left     time.Duration // until the key is open again; 0: it is
}

// Check counts a REGISTER or OPTIONS, and refuses what has a key that is shut or reaches the
// threshold. A call is counted when it is heard (Heard).
func (g *Guard) Check(r *policy.Request, id *policy.Identity) (s Standing, v policy.Verdict) {
	kd, of := threshold(r.Msg.Method(), id.Customer)
	if of == 0 || id.Direction != policy.Inbound || id.Emergency {
		return Standing{}, policy.Verdict{}
	}
	s = Standing{Method: r.Msg.Method(), Of: of}
	s.Known = id.Entry != nil || id.User != nil
	if kd == invite && g.shut.Load() == 0 && !r.Dry {
		return s, policy.Verdict{}
	}
	if s.Spared = g.spared(id.Customer.Settings.ID, plain(r.Source.Addr())); s.Spared {
		return s, policy.Verdict{}
	}
	w := id.Rewriter()
	if kd == register {
		w = nil // nothing of it is rewritten
	}
	k, emergency := g.keyOf(kd, id.Customer, w, r.Msg.Value(sip.HdrFrom), r.Dialled())
	if emergency {
		return Standing{}, policy.Verdict{}
	}
	var t *Trip
	if r.Dry {
		v = g.look(&k, r, id, &s)
	} else {
		v, t = g.judge(&k, kd, r, id, &s)
	}
	if t != nil && v.Refused() && g.cfg.Tripped != nil {
		g.cfg.Tripped(t)
	}
	return s, v
}

// refusal is the verdict over what is too much; detail says how much that is.
func refusal(detail string) policy.Verdict {
	v := policy.Refuse(policy.Antifraud)
	v.Detail = detail
	return v
}

// judge decides about a request and counts it.
func (g *Guard) judge(k *key, kd kind, r *policy.Request, id *policy.Identity, s *Standing) (policy.Verdict, *Trip) {
	g.mu.Lock()
	defer g.mu.Unlock()
	at, enforce := g.clock(r.Now), acts(id.Customer)
	g.expire(at)
	if e := g.find(k.hash); e != nil && e.until > at {
		g.tally(e).Refused++
		if enforce {
			return refusal(e.detail), g.persists(e, at, r, id)
		}
		id.Spare(refusal(""))
	}
	if kd == invite {
		return policy.Verdict{}, nil
	}
	e := g.take(k, kd, id.Customer.Settings.ID)
	e.touched = at
	if e.tripped == 0 {
		g.enter(&g.idle, e)
	}
	s.Count = e.rate.add(at, g.attempt(r.Msg), credentials(r.Msg))
	if s.Count < s.Of {
		return policy.Verdict{}, nil
	}
	t := g.trip(e, at, &reached{
		customer: id.Customer, source: r.Source, count: s.Count, of: s.Of, now: r.Now,
		from: r.Msg.Value(sip.HdrFrom), uri: r.Msg.RequestURI(),
	})
	if !enforce {
		id.Spare(refusal(""))
		return policy.Verdict{}, nil
	}
	return refusal(e.detail), t
}

// look is judge for who only asks.
func (g *Guard) look(k *key, r *policy.Request, id *policy.Identity, s *Standing) policy.Verdict {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := g.clock(r.Now)
	s.From, s.To = k.from.String(), k.to.String()
	detail := ""
	if e := g.find(k.hash); e != nil {
		s.Left, s.Count, detail = max(e.until-at, 0), e.count(at), e.detail
	}
	if s.Left == 0 {
		if s.Count+1 < s.Of || s.Method == sip.INVITE { // a call counts behind the gate: Reached
			return policy.Verdict{}
		}
		detail = detailOf(s.Method, s.Count+1, s.Of)
	}
	if !acts(id.Customer) {
		id.Spare(refusal(""))
		return policy.Verdict{}
	}
	return refusal(detail)
}

// Reached is the verdict over a call that passes the gate, and counts at once since it is from an
// entry: for explanations.
func (s *Standing) Reached(id *policy.Identity) policy.Verdict {
	if s.Method != sip.INVITE || !s.Known || s.Spared || s.Of == 0 || s.Count+1 < s.Of || !acts(id.Customer) {
		return policy.Verdict{}
	}
	return refusal(detailOf(s.Method, s.Count+1, s.Of))
}

// count is how many calls or requests with the key there are.
func (e *entry) count(at time.Duration) int {
	if e.kind == invite {
		return e.calls
	}
	return e.rate.at(at)
}

// persists gives a Trip, once, where the source of one goes on for Window over TCP or TLS, and
// so is surely where it says: then the address may be banned as well.
func (g *Guard) persists(e *entry, at time.Duration, r *policy.Request, id *policy.Identity) *Trip {
	if r.Transport == "udp" || plain(r.Source.Addr()) != e.source || e.asked {
		return nil
	}
	if at-e.lastTry > Window {
		e.going = at
	}
	if e.lastTry = at; at-e.going < Window {
		return nil
	}
	e.asked = true
	return &Trip{
		Customer: id.Customer, Method: r.Msg.Method(), Source: r.Source, From: e.from.String(), To: e.to.String(),
		Evidence: evidence(r.Msg.Method(), r.Msg.Value(sip.HdrFrom), r.Msg.RequestURI(), e.detail+", and on for 10 s"),
		Again:    true, key: e.hash,
	}
}

// Banned opens the key of a Trip again, since its source is banned instead.
func (g *Guard) Banned(t *Trip) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if e := g.find(t.key); e != nil {
		g.open(e)
	}
}

// shutFor shuts a key until then, since a source has reached its threshold.
func (e *entry) shutFor(addr netip.Addr, at, until time.Duration) {
	e.tripped, e.until, e.source = at, until, addr
	e.going, e.lastTry, e.asked = at, at, false
}
