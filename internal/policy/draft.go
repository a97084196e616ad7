package policy

import "tollgate/internal/tenant"

// WithFirewall gives the customer as he would be with other firewall rules, to try them on
// requests: with the very code that decides, and without counting anything for the real ones.
func (c *Customer) WithFirewall(rules []tenant.FirewallRule) (*Customer, error) {
	f, err := compileFirewall(rules, nil)
	if err != nil {
		return nil, err
	}
	draft := *c
	draft.firewall = f
	return &draft, nil
}

// WithRouting gives the customer as he would be with other routing rules, likewise.
func (c *Customer) WithRouting(rules []tenant.RoutingRule) (*Customer, error) {
	r, err := compileRouting(rules, nil)
	if err != nil {
		return nil, err
	}
	draft := *c
	draft.routing = r
	return &draft, nil
}

// WithBlocklist gives the customer as he would be with another block list, likewise.
func (c *Customer) WithBlocklist(entries []tenant.BlocklistEntry) (*Customer, error) {
	l, err := compileBlocklist(entries, &c.Plan, nil, false)
	if err != nil {
		return nil, err
	}
	draft := *c
	draft.blocklist = l
	return &draft, nil
}

// GroupFor is the destination group that the routing rules choose for a request, and the rule.
func (c *Customer) GroupFor(r *Request) (group int, rule tenant.RuleID, v Verdict) {
	var out Candidates
	v = c.applyRules(r, &out)
	return out.Group, out.Rule, v
}

// Accepting gives the firewall rule that lets a request from outside in, 0 where none had to: a
// verdict names only rules that refuse.
func (c *Customer) Accepting(r *Request) tenant.RuleID {
	f := &c.firewall.acting
	act, v := f.first(r)
	if v.Refused() || act < 0 || f.rules[act].Action != "accept" {
		return 0
	}
	return f.rules[act].ID
}
