package tenantfile

import (
	"errors"
	"fmt"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// planUsers brings the panel users to what the file says: the platform's at its top, a company's under it.
func (p *planner) planUsers() error {
	if p.file.users == nil && p.file.companies == nil {
		return nil
	}
	list, err := p.st.Users.All(p.ctx, p.opt.Scope, store.Query{})
	if err != nil {
		return err
	}
	standing := map[string]*tenant.User{}
	for i := range list {
		standing[list[i].Email] = &list[i]
	}
	seen, kept := map[string]place{}, map[tenant.UserID]bool{}
	if p.file.users != nil {
		p.named[0] = true
		if err := p.planUserList(p.file.users, nil, standing, seen, kept); err != nil {
			return err
		}
	}
	if p.file.companies == nil {
		return nil
	}
	for _, it := range p.file.companies.items {
		var v tenant.Company
		it.apply(&v)
		company := p.companies[v.Name]
		if it.users == nil || company == nil {
			continue
		}
		if err := p.planUserList(it.users, company, standing, seen, kept); err != nil {
			return err
		}
		p.pruneUsers(it.users, company.ID, list, kept)
	}
	return nil
}

// planUserList plans one list of users; company is nil for those of the platform.
func (p *planner) planUserList(l *list[tenant.User], company *tenant.Company, standing map[string]*tenant.User, seen map[string]place, kept map[tenant.UserID]bool) error {
	for _, it := range l.items {
		var v tenant.User
		it.apply(&v)
		v.Normalize()
		if first, twice := seen[v.Email]; twice && !it.unread("email") {
			p.twice(it.find("email"), &v, first)
			continue
		}
		seen[v.Email] = it.at
		cur, ok := renamed(p, it, "user", v.Email, func(email string) *tenant.User { return standing[email] })
		if !ok {
			continue
		}
		if cur != nil {
			kept[cur.ID] = true
		}
		if err := p.planUser(it, company, cur); err != nil {
			return err
		}
	}
	return nil
}

func (p *planner) planUser(it *item[tenant.User], company *tenant.Company, cur *tenant.User) error {
	v := tenant.NewUser()
	if company == nil {
		v.Role = tenant.RolePlatform
	} else {
		v.Role = tenant.RoleCompany
	}
	if cur != nil {
		v = *cur
	}
	it.apply(&v)
	if err := p.placeUser(it, company, &v); err != nil {
		return err
	}
	p.validate(&v, it.finder())
	if cur == nil {
		v.ID = tenant.UserID(p.newID())
	}
	p.emitUser(it, v, cur)
	return p.userSecret(it, &v, cur)
}

// placeUser gives the user the company that he stands under and the customer that he names.
func (p *planner) placeUser(it *item[tenant.User], company *tenant.Company, v *tenant.User) error {
	if company == nil {
		if v.Role != tenant.RolePlatform && !it.unread("role") {
			p.fault(it.find("role"), tenant.CodeConflict, "role", fmt.Sprintf("a user at the top of the file is the platform's, not %s", quote(string(v.Role))), "role: platform, or the user under its company")
			it.bad["role"], it.bad["company"] = true, true
		}
		v.Company, v.Customer = 0, 0
		return nil
	}
	v.Company = company.ID
	if v.Role == tenant.RolePlatform {
		p.fault(it.find("role"), tenant.CodeConflict, "role", "a company's user is not the platform's", "role: company or customer, or the user under users: at the top")
		it.bad["role"] = true
	}
	ref, ok := it.refs["customer"]
	if !ok || ref.name == "" {
		return nil
	}
	if c := p.customers[ref.name]; c != nil && (c.after.Customer.Company == company.ID || c.it.unread("company")) {
		v.Customer = c.after.Customer.ID
		return nil
	}
	c, err := p.st.Customers.Find(p.ctx, p.opt.Scope, store.Query{}, ref.name)
	if err != nil && !errors.Is(err, tenant.ErrNotFound) {
		return err
	}
	if err != nil || c.Company != company.ID {
		p.fault(ref.at, tenant.CodeUnknown, "customer", fmt.Sprintf("the company %s has no customer %s", quote(company.Name), quote(ref.name)), "one of its customers")
		it.bad["customer"] = true
		return nil
	}
	v.Customer, p.names.customers[c.ID] = c.ID, c.Name
	return nil
}

func (p *planner) emitUser(it *item[tenant.User], v tenant.User, cur *tenant.User) {
	fields := append(userFields(true), named("company", func(*tenant.User) {}, func(v *tenant.User, n *names) any { return orNothing(n.companies[v.Company]) }))
	o := op{phase: phaseUsers, noun: tenant.KindUser, id: int64(v.ID), name: v.Email, company: v.Company, customer: v.Customer, find: it.find}
	shown := Change{Noun: o.noun, Name: v.Email}
	real := func(a *applying) tenant.User {
		made := v
		made.Stamp, made.Company, made.Customer = tenant.Stamp{}, tenant.CompanyID(a.id(int64(v.Company))), tenant.CustomerID(a.id(int64(v.Customer)))
		return made
	}
	if cur == nil {
		o.action, shown.Action = tenant.ActionCreate, tenant.ActionCreate
		o.changes = []Change{shown}
		o.run = func(a *applying) error {
			made := real(a)
			made.ID = 0
			err := a.tx.Users.Create(a.ctx, &made)
			a.real[int64(v.ID)] = int64(made.ID)
			if it.secret == nil {
				a.newUsers = append(a.newUsers, v.Email)
			}
			return err
		}
		p.add(o)
		return
	}
	if p.names.customers[cur.Customer] == "" && cur.Customer != 0 {
		p.names.customers[cur.Customer] = fmt.Sprintf("customer %d", cur.Customer)
	}
	o.action, shown.Action, shown.Name = tenant.ActionUpdate, tenant.ActionUpdate, cur.Email
	if o.changes = differences(shown, showFields(fields, cur, p.names), showFields(fields, &v, p.names)); len(o.changes) > 0 {
		o.run = func(a *applying) error { made := real(a); return a.tx.Users.Update(a.ctx, &made) }
		p.add(o)
	}
}

// pruneUsers deletes those of a company's users that its list leaves out, where that is asked for.
func (p *planner) pruneUsers(l *list[tenant.User], company tenant.CompanyID, users []tenant.User, kept map[tenant.UserID]bool) {
	if !p.opt.Prune {
		return
	}
	for _, u := range users {
		if u.Company != company || kept[u.ID] || u.Role == tenant.RolePlatform {
			continue
		}
		p.add(op{
			phase: phaseDelete, action: tenant.ActionDelete, noun: tenant.KindUser, id: int64(u.ID), name: u.Email, company: u.Company, customer: u.Customer,
			find:    func(string) place { return l.at },
			changes: []Change{{Action: tenant.ActionDelete, Noun: tenant.KindUser, Name: u.Email}},
			run:     func(a *applying) error { return a.tx.Users.Delete(a.ctx, u.ID) },
		})
	}
}
