package tenantfile

import (
	"errors"
	"slices"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// planCompanies brings the companies to what the file says.
func (p *planner) planCompanies() error {
	if p.file.companies == nil {
		return nil
	}
	seen := map[string]place{}
	for _, it := range p.file.companies.items {
		var v tenant.Company
		it.apply(&v)
		if first, twice := seen[v.Name]; twice && !it.unread("name") {
			p.twice(it.find("name"), &v, first)
			continue
		}
		seen[v.Name] = it.at
		cur, ok := renamed(p, it, "company", v.Name, func(name string) *tenant.Company { return p.companies[name] })
		if !ok {
			continue
		}
		p.planCompany(it, v, cur)
	}
	return nil
}

func (p *planner) planCompany(it *item[tenant.Company], v tenant.Company, cur *tenant.Company) {
	fields := companyFields()
	if cur == nil {
		v.ID = tenant.CompanyID(p.newID())
	} else {
		delete(p.companies, cur.Name)
		v = *cur
		it.apply(&v)
	}
	p.validate(&v, it.finder())
	p.companies[v.Name], p.names.companies[v.ID], p.named[v.ID] = &v, v.Name, true
	o := op{phase: phaseCompany, noun: tenant.KindCompany, id: int64(v.ID), name: v.Name, company: v.ID, find: it.find}
	shown := Change{Noun: o.noun, Name: v.Name}
	if cur == nil {
		o.action, shown.Action = tenant.ActionCreate, tenant.ActionCreate
		o.changes = []Change{shown}
		o.run = func(a *applying) error {
			made := v
			made.ID, made.Stamp = 0, tenant.Stamp{}
			err := a.tx.Companies.Create(a.ctx, &made)
			a.real[int64(v.ID)] = int64(made.ID)
			return err
		}
		p.add(o)
		return
	}
	o.action, shown.Action, shown.Name = tenant.ActionUpdate, tenant.ActionUpdate, cur.Name
	if o.changes = differences(shown, showFields(fields, cur, p.names), showFields(fields, &v, p.names)); len(o.changes) > 0 {
		o.run = func(a *applying) error { v := v; v.Stamp = tenant.Stamp{}; return a.tx.Companies.Update(a.ctx, &v) }
		p.add(o)
	}
}

// companyNamed finds the company that an item names, else that which it has or may only have.
func (p *planner) companyNamed(refs map[string]reference, at place, has tenant.CompanyID, bad map[string]bool) tenant.CompanyID {
	ref, named := refs["company"]
	if !named || ref.name == "" {
		if has == 0 && p.opt.Scope.Role() == tenant.RoleCompany {
			has = p.opt.Scope.Company()
		}
		if has == 0 && !bad["company"] {
			p.fault(at, tenant.CodeRequired, "company", "is missing", "the name of the company that it belongs to")
			bad["company"] = true
		}
		return has
	}
	c := p.companies[ref.name]
	if c == nil {
		p.fault(ref.at, tenant.CodeUnknown, "company", "there is no company "+quote(ref.name), "one under companies, or one that is there already")
		bad["company"] = true
		return has
	}
	return c.ID
}

// planProfiles brings the SIP profiles to what the file says; the list is the whole list of the companies that the file names.
func (p *planner) planProfiles() error {
	standing, err := p.st.SIPProfiles.All(p.ctx, p.opt.Scope, store.Query{})
	if err != nil {
		return err
	}
	byKey := map[profileKey]*tenant.SIPProfile{}
	for i := range standing {
		v := &standing[i]
		byKey[profileKey{v.Company, v.Name}] = v
		p.profiles[profileKey{v.Company, v.Name}], p.profileOf[v.ID], p.names.profiles[v.ID] = v.ID, *v, v.Name
	}
	if p.file.profiles == nil {
		return nil
	}
	claimed, seen := map[tenant.ProfileID]bool{}, map[profileKey]place{}
	for _, it := range p.file.profiles.items {
		v := tenant.NewProfile()
		it.apply(&v)
		v.Company = p.companyNamed(it.refs, it.at, 0, it.bad)
		key := profileKey{v.Company, v.Name}
		if first, twice := seen[key]; twice && !it.unread("name") {
			p.twice(it.find("name"), &v, first)
			continue
		}
		seen[key] = it.at
		cur, ok := renamed(p, it, "SIP profile", v.Name, func(name string) *tenant.SIPProfile { return byKey[profileKey{v.Company, name}] })
		if !ok {
			continue
		}
		if cur != nil {
			claimed[cur.ID] = true
		}
		p.planProfile(it, v, cur)
	}
	p.nameCompanies()
	for i := range standing {
		if v := &standing[i]; !claimed[v.ID] && p.named[v.Company] {
			p.dropProfile(v)
		}
	}
	return nil
}

// nameCompanies notes the companies that profiles and customers of the file name.
func (p *planner) nameCompanies() {
	note := func(refs map[string]reference) {
		if c := p.companies[refs["company"].name]; c != nil {
			p.named[c.ID] = true
		}
	}
	for _, it := range p.file.profiles.items {
		note(it.refs)
	}
	if p.file.customers == nil {
		return
	}
	for _, it := range p.file.customers.items {
		note(it.refs)
	}
}

func (p *planner) planProfile(it *item[tenant.SIPProfile], v tenant.SIPProfile, cur *tenant.SIPProfile) {
	fields, company := profileFields(), v.Company
	if cur == nil {
		v.ID = tenant.ProfileID(p.newID())
	} else {
		delete(p.profiles, profileKey{cur.Company, cur.Name})
		v = *cur
		it.apply(&v)
		v.Company = company
	}
	p.validate(&v, it.finder())
	p.profiles[profileKey{v.Company, v.Name}], p.profileOf[v.ID], p.names.profiles[v.ID] = v.ID, v, v.Name
	o := op{phase: phaseProfile, noun: tenant.KindProfile, id: int64(v.ID), name: v.Name, company: v.Company, find: it.find}
	shown := Change{Noun: o.noun, Name: v.Name}
	if cur == nil {
		o.action, shown.Action = tenant.ActionCreate, tenant.ActionCreate
		o.changes = []Change{shown}
		o.run = func(a *applying) error {
			made := v
			made.ID, made.Stamp, made.Company = 0, tenant.Stamp{}, tenant.CompanyID(a.id(int64(v.Company)))
			err := a.tx.SIPProfiles.Create(a.ctx, &made)
			a.real[int64(v.ID)] = int64(made.ID)
			return err
		}
		p.add(o)
		return
	}
	o.action, shown.Action, shown.Name = tenant.ActionUpdate, tenant.ActionUpdate, cur.Name
	if o.changes = differences(shown, showFields(fields, cur, p.names), showFields(fields, &v, p.names)); len(o.changes) > 0 {
		o.run = func(a *applying) error { v := v; v.Stamp = tenant.Stamp{}; return a.tx.SIPProfiles.Update(a.ctx, &v) }
		p.add(o)
	}
}

func (p *planner) dropProfile(v *tenant.SIPProfile) {
	delete(p.profiles, profileKey{v.Company, v.Name})
	delete(p.profileOf, v.ID)
	id, at := v.ID, p.file.profiles.at
	p.add(op{
		phase: phaseDelete, action: tenant.ActionDelete, noun: tenant.KindProfile, id: int64(id), name: v.Name, company: v.Company,
		find:    func(string) place { return at },
		changes: []Change{{Action: tenant.ActionDelete, Noun: tenant.KindProfile, Name: v.Name}},
		run:     func(a *applying) error { return a.tx.SIPProfiles.Delete(a.ctx, id) },
	})
}

// manyCustomers is from where on all customers are read at once rather than each by its name.
const manyCustomers = 200

// planCustomers brings the customers and all that is theirs to what the file says.
func (p *planner) planCustomers() error {
	if p.file.customers == nil {
		return nil
	}
	standing, err := p.standingCustomers()
	if err != nil {
		return err
	}
	seen := map[string]place{}
	for _, it := range p.file.customers.items {
		v := tenant.NewCustomer()
		it.apply(&v)
		if first, twice := seen[v.Name]; twice && !it.unread("name") {
			p.twice(it.find("name"), &v, first)
			continue
		}
		seen[v.Name] = it.at
		before, ok := renamed(p, it, "customer", v.Name, func(name string) *tenant.Account { return standing[name] })
		if ok {
			p.planCustomer(it, before)
		}
	}
	return nil
}

// standingCustomers loads the customers that the file names, by name.
func (p *planner) standingCustomers() (map[string]*tenant.Account, error) {
	var ids []tenant.CustomerID
	wanted := map[string]bool{}
	for _, it := range p.file.customers.items {
		var v tenant.Customer
		it.apply(&v)
		wanted[v.Name] = true
		if it.was != nil {
			wanted[it.was.name] = true
		}
	}
	if len(wanted) > manyCustomers {
		list, err := p.st.Customers.All(p.ctx, p.opt.Scope, store.Query{})
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			if wanted[c.Name] {
				ids = append(ids, c.ID)
			}
		}
	} else {
		for name := range wanted {
			c, err := p.st.Customers.Find(p.ctx, p.opt.Scope, store.Query{}, name)
			if err == nil {
				ids = append(ids, c.ID)
			} else if !errors.Is(err, tenant.ErrNotFound) {
				return nil, err
			}
		}
	}
	out := map[string]*tenant.Account{}
	if len(ids) == 0 {
		return out, nil
	}
	accounts, err := p.st.FullAccounts(p.ctx, p.opt.Scope, ids)
	for _, a := range accounts {
		out[a.Customer.Name] = a
		p.names.account(a)
	}
	return out, err
}

func (p *planner) planCustomer(it *item[tenant.Customer], before *tenant.Account) {
	if before == nil && p.file.additive {
		p.fault(it.at, tenant.CodeUnknown, "", "there is no customer "+quote(p.nameOf(it)), "one that is there already")
		return
	}
	c := &customerPlan{it: it, before: before, after: &tenant.Account{Customer: tenant.NewCustomer()}, find: map[string]finder{}, vague: map[string]bool{}}
	if before == nil {
		c.after.Customer.ID = tenant.CustomerID(p.newID())
		c.after.Groups = []tenant.DestinationGroup{{Customer: c.after.Customer.ID, Number: tenant.DefaultGroup, Name: "default", ID: tenant.GroupID(p.newID())}}
	} else {
		after := *before
		c.after = &after
		p.kept[before.Customer.ID] = true
	}
	v := &c.after.Customer
	it.apply(v)
	if before != nil && v.Realm == "" {
		v.Realm = before.Customer.Realm // "" is the default, and that was taken at creation
	}
	v.Company = p.companyNamed(it.refs, it.at, v.Company, it.bad)
	p.validate(v, it.finder())
	p.names.customers[v.ID] = v.Name
	c.find[string(tenant.KindCustomer)+" "+v.Name] = it.finder()
	p.customers[v.Name] = c
	p.plan.customers = append(p.plan.customers, c)
	p.emitCustomer(c)
	for _, s := range sections() {
		s.merge(p, c)
	}
	c.after.Profiles = p.profilesOf(c.after)
}

// nameOf is the name that an item gives a customer.
func (p *planner) nameOf(it *item[tenant.Customer]) string {
	var v tenant.Customer
	it.apply(&v)
	return v.Name
}

// profilesOf gives the profiles that the account's SIP users name, as the file leaves them.
func (p *planner) profilesOf(a *tenant.Account) []tenant.SIPProfile {
	var out []tenant.SIPProfile
	seen := map[tenant.ProfileID]bool{}
	for i := range a.SIPUsers {
		id := a.SIPUsers[i].Profile
		if v, ok := p.profileOf[id]; ok && !seen[id] {
			out = append(out, v)
			seen[id] = true
		}
	}
	return out
}

func (p *planner) emitCustomer(c *customerPlan) {
	v := c.after.Customer
	o := op{phase: phaseCustomer, noun: tenant.KindCustomer, id: int64(v.ID), name: v.Name, company: v.Company, customer: v.ID, find: c.it.find}
	shown := Change{Noun: o.noun, Name: v.Name}
	real := func(a *applying) tenant.Customer {
		made := v
		made.Stamp, made.Company = tenant.Stamp{}, tenant.CompanyID(a.id(int64(v.Company)))
		return made
	}
	if c.before == nil {
		o.action, shown.Action = tenant.ActionCreate, tenant.ActionCreate
		o.changes = []Change{shown}
		o.run = func(a *applying) error {
			made := real(a)
			made.ID = 0
			err := a.tx.Customers.Create(a.ctx, &made)
			a.real[int64(v.ID)] = int64(made.ID)
			return err
		}
		p.add(o)
		return
	}
	was, fields := c.before.Customer, customerFields()
	o.action, shown.Action, shown.Name = tenant.ActionUpdate, tenant.ActionUpdate, was.Name
	if o.changes = differences(shown, showFields(fields, &was, p.names), showFields(fields, &v, p.names)); len(o.changes) > 0 {
		o.run = func(a *applying) error { made := real(a); return a.tx.Customers.Update(a.ctx, &made) }
		p.add(o)
	}
}

// planPrune deletes what the file does not name, where that is asked for. Platform users never are.
func (p *planner) planPrune() error {
	if !p.opt.Prune {
		return nil
	}
	if p.file.customers != nil {
		list, err := p.st.Customers.All(p.ctx, p.opt.Scope, store.Query{})
		if err != nil {
			return err
		}
		for _, c := range list {
			if !p.kept[c.ID] {
				p.pruneCustomer(c)
			}
		}
	}
	if p.file.companies == nil {
		return nil
	}
	for _, c := range p.standing {
		if p.named[c.ID] || p.isNamed(c.ID) {
			continue
		}
		id, at := c.ID, p.file.companies.at
		p.add(op{
			phase: phaseDeleteCompany, action: tenant.ActionDelete, noun: tenant.KindCompany, id: int64(id), name: c.Name, company: id,
			find:    func(string) place { return at },
			changes: []Change{{Action: tenant.ActionDelete, Noun: tenant.KindCompany, Name: c.Name}},
			run:     func(a *applying) error { return a.tx.Companies.Delete(a.ctx, id) },
		})
	}
	return nil
}

// isNamed says whether a customer of the file belongs to the company.
func (p *planner) isNamed(id tenant.CompanyID) bool {
	return slices.ContainsFunc(p.plan.customers, func(c *customerPlan) bool { return c.after.Customer.Company == id })
}

func (p *planner) pruneCustomer(c tenant.Customer) {
	calls := 0
	if p.opt.LiveCalls != nil {
		calls = p.opt.LiveCalls(c.ID)
	}
	id, at := c.ID, p.file.customers.at
	p.add(op{
		phase: phaseDeleteCustomer, action: tenant.ActionDelete, noun: tenant.KindCustomer, id: int64(id), name: c.Name, company: c.Company, customer: id,
		find:    func(string) place { return at },
		changes: []Change{{Action: tenant.ActionDelete, Noun: tenant.KindCustomer, Name: c.Name, Calls: calls}},
		run:     func(a *applying) error { return a.tx.Customers.Delete(a.ctx, id) },
	})
}
