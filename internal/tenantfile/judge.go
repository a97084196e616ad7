package tenantfile

import (
	"errors"
	"fmt"
	"slices"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// judge tells what is wrong between nouns: within each customer, and between customers.
func (p *planner) judge() error {
	for _, c := range p.plan.customers {
		p.place(p.checkAccount(c), c.finderOf)
	}
	for id := range p.named {
		p.plan.companies = append(p.plan.companies, id)
	}
	return p.domains()
}

// checkAccount judges the customer as the file leaves it. A sum that no longer fits is told of the side that moved.
func (p *planner) checkAccount(c *customerPlan) tenant.Faults {
	faults := tenant.CheckAccount(c.after)
	if p.file.additive {
		return eachUnfit(c, faults)
	}
	for i, f := range faults {
		if f.Code == tenant.CodeNoCapacity && c.before != nil && !p.changed[c.after.Customer.ID] && c.before.Customer.CallLimit != c.after.Customer.CallLimit {
			faults[i] = tenant.LimitTooLow(c.after)
		}
	}
	return faults
}

// eachUnfit tells of every row that does not fit into the account's channels, not of the first one only.
func eachUnfit(c *customerPlan, faults tenant.Faults) tenant.Faults {
	at := slices.IndexFunc(faults, func(f *tenant.Fault) bool { return f.Code == tenant.CodeNoCapacity })
	if at < 0 {
		return faults
	}
	first := faults[at]
	out := slices.Delete(faults, at, at+1)
	for _, u := range tenant.Unfit(c.after) {
		f := *first
		f.Name = u.Username
		out = append(out, &f)
	}
	return out
}

// finderOf finds the item of the customer that a fault is about; the customer itself where the file does not name it.
func (c *customerPlan) finderOf(f *tenant.Fault) finder {
	if own, ok := c.find[string(f.Noun)+" "+f.Name]; ok {
		return own
	}
	return around(c.it.at)
}

// around is the place of what the file does not name.
func around(at place) finder {
	return finder{find: func(string) place { return at }, unread: func(string) bool { return false }, around: true}
}

// domains: a domain belongs to one customer, in the file and beside it.
func (p *planner) domains() error {
	type owner struct {
		c  *customerPlan
		at place
	}
	owners := map[string]owner{}
	for _, c := range p.plan.customers {
		for i := range c.after.Domains {
			d := &c.after.Domains[i]
			at := c.finderOf(&tenant.Fault{Noun: tenant.KindDomain, Name: d.Name}).find("")
			first, taken := owners[d.Name]
			if !taken {
				owners[d.Name] = owner{c, at}
				continue
			}
			if first.c != c { // twice in one customer is told by its own check
				later, other := at, first
				if later.line < other.at.line {
					later, other.at = other.at, later
				}
				p.fault(later, tenant.CodeInUse, "", fmt.Sprintf("%s is in use by another customer, in line %d", quote(d.Name), other.at.line), "a domain belongs to one customer")
			}
		}
	}
	for name, o := range owners {
		if err := p.freeDomain(name, o.c, o.at); err != nil {
			return err
		}
	}
	return nil
}

// freeDomain tells of a domain that a customer has whom the file leaves as he is; he is not named.
func (p *planner) freeDomain(name string, c *customerPlan, at place) error {
	if c.before != nil {
		for i := range c.before.Domains {
			if c.before.Domains[i].Name == name {
				return nil
			}
		}
	}
	d, err := p.st.Domains.Find(p.ctx, tenant.Platform(), store.Query{}, name)
	if errors.Is(err, tenant.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, o := range p.plan.ops { // he is deleted, or gives it away
		if o.action == tenant.ActionDelete && (o.noun == tenant.KindDomain && o.id == int64(d.ID) || o.noun == tenant.KindCustomer && o.id == int64(d.Customer)) {
			return nil
		}
	}
	p.fault(at, tenant.CodeInUse, "", quote(name)+" is in use by another customer", "a domain belongs to one customer")
	return nil
}
