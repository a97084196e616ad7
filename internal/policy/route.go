package policy

import (
	"fmt"
	"slices"

	"tollgate/internal/tenant"
	"tollgate/sip"
)

// routing is a customer's compiled routing rules.
type routing struct {
	match    ruleSet
	rules    []tenant.RoutingRule // by rank
	hits     []*Hits              // likewise
	given    []tenant.RoutingRule // as they came, to see whether they changed
	patterns *patterns
}

// compileRouting compiles routing rules; what did not change is taken over from was, which
// may be nil.
func compileRouting(given []tenant.RoutingRule, was *routing) (*routing, error) {
	if was != nil && slices.Equal(given, was.given) {
		return was, nil
	}
	out := &routing{given: slices.Clone(given)}
	if len(given) == 0 {
		return out, nil
	}
	out.rules = ranked(given, func(r *tenant.RoutingRule) *tenant.HeaderRule { return &r.HeaderRule })
	headers := make([]*tenant.HeaderRule, len(out.rules))
	for i := range out.rules {
		r := &out.rules[i]
		if r.Group < 1 || r.Group > maxGroup {
			return nil, fmt.Errorf("rule %q: group %d: write 1 to %d", r.Name, r.Group, maxGroup)
		}
		headers[i] = &r.HeaderRule
		out.hits = append(out.hits, was.hitsOf(r))
	}
	var old *patterns
	if was != nil {
		old = was.patterns
	}
	var err error
	out.patterns, err = out.match.compile(headers, old)
	return out, err
}

// Route finds where an identified request goes (step 13): the group, and the destinations
// of it in the order in which they are to be tried.
func (s *Snapshot) Route(r *Request, id *Identity, out *Candidates) Verdict {
	out.reset()
	if id.Customer == nil {
		out.Verdict = Refuse(Internal) // not identified: the caller's fault, no stranger's
		return out.Verdict
	}
	out.Verdict = s.route(r, id, out)
	if out.Verdict.Refused() {
		out.Verdict.Rule, out.Verdict.Name = out.Rule, out.RuleName
	}
	return out.Verdict
}

func (s *Snapshot) route(r *Request, id *Identity, out *Candidates) Verdict {
	c := id.Customer
	if id.Emergency {
		if group := c.emergencyGroup(); id.Direction == Inbound || group != tenant.DefaultGroup {
			out.Group = group
			if v := fill(r, id, out, c.groups[group]); !v.Refused() || id.Direction == Inbound {
				return v
			}
			out.reset() // the PBX's own emergency call takes whatever way there is
		}
	}
	if id.Smart() {
		return c.class5(r, id, out)
	}
	foreign := id.Direction == Outbound && s.foreign(r, c)
	if !foreign {
		if way := c.didWay(r, id, out); way != nil {
			return fill(r, id, out, way)
		}
	}
	if v := c.applyRules(r, out); v.Refused() {
		return v
	}
	if foreign && out.Rule == 0 {
		return outside(c, out)
	}
	v := fill(r, id, out, c.groups[out.Group])
	if foreign && v.Refused() && v.Reason != MediaEncryptionUnavailable {
		return outside(c, out)
	}
	return v
}

// outside is the way of a request of the PBX to a foreign host.
func outside(c *Customer, out *Candidates) Verdict {
	out.Group = 0
	if c.Settings.Outbound != "any" {
		return Refuse(ForeignHost)
	}
	out.Foreign = true
	return Verdict{}
}

// emergencyGroup is the group of emergency calls; an empty one never loses such a call.
func (c *Customer) emergencyGroup() int {
	g := c.Settings.Emergency.Group
	if !c.grouped || len(c.Group(g)) == 0 {
		return tenant.DefaultGroup
	}
	return g
}

// applyRules chooses the group: that of the first rule that matches, else group 1. With
// groups switched off the rules are kept and ignored (mission row C7).
func (c *Customer) applyRules(r *Request, out *Candidates) Verdict {
	out.Group = tenant.DefaultGroup
	if !c.grouped || c.routing.match.none() {
		return Verdict{}
	}
	rank, v := c.routing.match.first(r)
	if v.Refused() || rank < 0 {
		return v
	}
	c.routing.note(r, rank)
	rule := &c.routing.rules[rank]
	out.Rule, out.RuleName, out.Group = rule.ID, rule.Name, rule.Group
	return Verdict{}
}

// foreign reports whether the host of the Request-URI is neither a domain of the customer
// nor this node; a tel: number has no host.
func (s *Snapshot) foreign(r *Request, c *Customer) bool {
	uri, err := sip.ParseURI(r.Msg.RequestURI())
	if err != nil || uri.Scheme == sip.SchemeTEL {
		return false
	}
	if s.Here(r, &uri) {
		return false
	}
	named := s.domainOf(&uri)
	return !named.of(c.Settings.ID)
}

// fill lists the candidates of a group of destinations.
func fill(r *Request, id *Identity, out *Candidates, group []*Destination) Verdict {
	if len(group) == 0 {
		return Refuse(NoRoute)
	}
	p := picker{r: r, id: id, out: out, health: r.Health}
	if id.Customer.Transparent {
		p.health = nil // destinations marked down become usable (mission row T3)
	}
	if p.balanced = id.Customer.balanced; p.balanced {
		p.key = balanceKey(r.Msg)
	}
	for _, d := range group {
		p.consider(d)
	}
	if out.N == 0 && p.down > 0 {
		p.retryDown(group)
	}
	switch {
	case out.N > 0:
		return Verdict{}
	case p.media > 0:
		return Refuse(MediaEncryptionUnavailable)
	case p.unproven > 0:
		return Refuse(DestinationIsSwitch)
	default:
		return Refuse(NoDestination)
	}
}
