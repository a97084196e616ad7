package policy

import (
	"slices"

	"tollgate/internal/tenant"
)

// Spared is a refusal that did not happen: a rule that only counts, a transparent customer
// or an emergency let the request pass.
type Spared struct {
	Reason Reason        `json:"reason"`
	Rule   tenant.RuleID `json:"rule,omitempty"`      // 0 = none
	Name   string        `json:"rule_name,omitempty"` // of the rule; the prefix of a blocked number
}

// maxWould is how many of them are noted of one request: one for each step that can.
const maxWould = 6

// Spare notes a refusal that did not happen; false where that was noted already.
func (id *Identity) Spare(v Verdict) bool {
	s := Spared{v.Reason, v.Rule, v.Name}
	if slices.Contains(id.Spared(), s) {
		return false
	}
	if id.spares < maxWould {
		id.spared[id.spares] = s
		id.spares++
	}
	return true
}

// Spared is the refusals that did not happen, in the order of the steps; it aliases id.
func (id *Identity) Spared() []Spared { return id.spared[:id.spares] }

// transparency is who is transparent beside those customers that are by their own setting
// (mission row T3: the switch over all that a user manages).
type transparency struct {
	all       bool
	companies []tenant.CompanyID
	customers []tenant.CustomerID
}

func (t *transparency) of(c *tenant.Customer) bool {
	return c.Transparent || t.all || slices.Contains(t.companies, c.Company) || slices.Contains(t.customers, c.ID)
}

// SetTransparent switches all customers transparent, all of some companies, and some
// customers, beside those that are by their own setting, which it leaves alone.
func (t *Table) SetTransparent(all bool, companies []tenant.CompanyID, customers []tenant.CustomerID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := *t.current.Load()
	if was := &next.transparent; was.all == all && slices.Equal(was.companies, companies) && slices.Equal(was.customers, customers) {
		return
	}
	next.transparent = transparency{all, slices.Clone(companies), slices.Clone(customers)}
	var changed []*Customer
	for c := range next.Customers {
		if is := next.transparent.of(&c.Settings); is != c.Transparent {
			copied := *c
			copied.Transparent = is
			changed = append(changed, &copied)
		}
	}
	for _, c := range changed {
		next.renew(c)
	}
	t.current.Store(&next)
}

// Hides says that the customer's requests hide who is behind them.
func (c *Customer) Hides() bool { return c.Settings.TopologyHiding && !c.Transparent }
