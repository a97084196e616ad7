package policy

import (
	"fmt"
	"slices"

	"tollgate/internal/tenant"
)

// firewall is a customer's compiled firewall rules (mission row F1): those that act, and
// those that only count. A counting rule decides nothing, so the rules after it go on.
type firewall struct {
	acting  filter
	counted filter
	given   []tenant.FirewallRule // as they came, to see whether they changed
}

// filter is rules of one mode in order.
type filter struct {
	match    ruleSet
	rules    []tenant.FirewallRule
	hits     []*Hits
	patterns *patterns
}

// compileFirewall compiles firewall rules; what did not change is taken over from was, which
// may be nil, with what it has counted.
func compileFirewall(given []tenant.FirewallRule, was *firewall) (*firewall, error) {
	if was != nil && slices.Equal(given, was.given) {
		return was, nil
	}
	out := &firewall{given: slices.Clone(given)}
	if len(given) == 0 {
		return out, nil
	}
	for _, r := range ranked(given, func(r *tenant.FirewallRule) *tenant.HeaderRule { return &r.HeaderRule }) {
		if r.Action != "accept" && r.Action != "drop" {
			return nil, fmt.Errorf("firewall rule %q: action %q: write accept or drop", r.Name, r.Action)
		}
		into := &out.acting
		if r.Mode == "monitor" {
			into = &out.counted
		}
		into.rules = append(into.rules, r)
		into.hits = append(into.hits, was.hitsOf(&r))
	}
	var err error
	for _, f := range [...]*filter{&out.acting, &out.counted} {
		if err = f.compile(was); err != nil {
			return nil, fmt.Errorf("firewall: %w", err)
		}
	}
	return out, nil
}

func (f *filter) compile(was *firewall) (err error) {
	if len(f.rules) == 0 {
		return nil
	}
	headers := make([]*tenant.HeaderRule, len(f.rules))
	for i := range f.rules {
		headers[i] = &f.rules[i].HeaderRule
	}
	var old *patterns
	if was != nil {
		old = was.acting.patterns
		if f.rules[0].Mode == "monitor" {
			old = was.counted.patterns
		}
	}
	f.patterns, err = f.match.compile(headers, old)
	return err
}

// hitsOf takes over what a rule has counted as long as it matches the same.
func (f *firewall) hitsOf(r *tenant.FirewallRule) *Hits {
	if f == nil {
		return new(Hits)
	}
	for _, list := range [...]*filter{&f.acting, &f.counted} {
		for i := range list.rules {
			if o := &list.rules[i]; o.ID == r.ID && o.Header == r.Header && o.Value == r.Value && o.Match == r.Match {
				return list.hits[i]
			}
		}
	}
	return new(Hits)
}

// Firewall lets a request from outside pass or not (step 8): the first rule that matches
// decides, and where none does it passes. Emergency calls and transparent customers only
// count. A caller who is known only by the domain that he calls gets silence.
func (s *Snapshot) Firewall(r *Request, id *Identity) Verdict {
	f := id.Customer.firewall
	if id.Direction != Inbound || f.acting.match.none() && f.counted.match.none() {
		return Verdict{}
	}
	lenient := id.Emergency || id.Customer.Transparent
	act, v := f.acting.first(r)
	if v.Refused() {
		if lenient {
			id.Spare(v)
			return Verdict{}
		}
		return v
	}
	if count, _ := f.counted.first(r); count >= 0 && (act < 0 || f.before(count, act)) {
		f.counted.note(r, count)
		if rule := &f.counted.rules[count]; rule.Action == "drop" {
			id.Spare(refusalOf(rule))
		}
	}
	if act < 0 {
		return Verdict{}
	}
	f.acting.note(r, act)
	rule := &f.acting.rules[act]
	if rule.Action == "accept" {
		return Verdict{}
	}
	if lenient {
		id.Spare(refusalOf(rule))
		return Verdict{}
	}
	refused := refusalOf(rule)
	if id.By == ByDomain {
		refused.Status = Drop
	}
	return refused
}

func refusalOf(rule *tenant.FirewallRule) Verdict {
	v := Refuse(Firewalled)
	v.Rule, v.Name = rule.ID, rule.Name
	return v
}

// before says that a counting rule comes before an acting one.
func (f *firewall) before(counted, acting int) bool {
	c, a := &f.counted.rules[counted].HeaderRule, &f.acting.rules[acting].HeaderRule
	if c.Priority != a.Priority {
		return c.Priority < a.Priority
	}
	if c.Position != a.Position {
		return place(c.Position) < place(a.Position)
	}
	return c.ID < a.ID
}

// first is the place of the first rule that matches, noMatch if none does.
func (f *filter) first(r *Request) (int, Verdict) {
	return f.match.first(r)
}

// note counts a match.
func (f *filter) note(r *Request, at int) {
	if r.Dry {
		return
	}
	buf, _ := f.match.rooms.Get().(*scratch)
	defer f.match.rooms.Put(buf)
	h, _ := headerOf(f.rules[at].Header)
	value, _ := buf.value(r, h)
	f.hits[at].note(r, value)
}

// FirewallHits gives what each of a customer's firewall rules has matched.
func (c *Customer) FirewallHits() map[tenant.RuleID]Tally {
	all := make(map[tenant.RuleID]Tally)
	for _, f := range [...]*filter{&c.firewall.acting, &c.firewall.counted} {
		for i := range f.rules {
			all[f.rules[i].ID] = f.hits[i].Tally()
		}
	}
	return all
}

// firewall tells what the firewall found, for an explanation.
func (l Language) firewall(id *Identity, v Verdict) string {
	f := id.Customer.firewall
	switch {
	case len(f.given) == 0:
		return ""
	case id.Direction != Inbound:
		return l.Say("It comes from the customer's own PBX, which the firewall leaves alone.")
	case v.Rule != 0:
		for i := range f.acting.rules {
			if r := &f.acting.rules[i]; r.ID == v.Rule {
				return l.Say("Firewall rule %q (%s, %s %q) drops it.", r.Name, r.Header, r.Match, r.Value)
			}
		}
	case v.Refused():
		return v.Reason.In(l)
	case id.Emergency:
		return l.Say("An emergency call passes the firewall.")
	case id.Customer.Transparent:
		return l.Say("The customer is transparent: the firewall only counts.")
	}
	return l.Say("None of %d firewall rules drops it.", len(f.given))
}
