package policy

import "tollgate/internal/tenant"

// hitsOf takes over what a rule has counted as long as it matches the same.
func (o *routing) hitsOf(r *tenant.RoutingRule) *Hits {
	if o == nil {
		return new(Hits)
	}
	for i := range o.rules {
		if was := &o.rules[i]; was.ID == r.ID && was.Header == r.Header && was.Value == r.Value && was.Match == r.Match {
			return o.hits[i]
		}
	}
	return new(Hits)
}

// note counts a match.
func (o *routing) note(r *Request, rank int) {
	if r.Dry {
		return
	}
	buf, _ := o.match.rooms.Get().(*scratch)
	defer o.match.rooms.Put(buf)
	h, _ := headerOf(o.rules[rank].Header)
	value, _ := buf.value(r, h)
	o.hits[rank].note(r, value)
}

// RoutingHits gives what each of a customer's routing rules has matched.
func (c *Customer) RoutingHits() map[tenant.RuleID]Tally {
	all := make(map[tenant.RuleID]Tally, len(c.routing.rules))
	for i := range c.routing.rules {
		all[c.routing.rules[i].ID] = c.routing.hits[i].Tally()
	}
	return all
}
