package tenantfile

import (
	"fmt"
	"slices"
	"strings"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// matched is one noun of a list: what stands, what the file makes of it.
type matched[T any] struct {
	it     *item[T]
	before *T // nil: new
	after  T
}

// merge brings one list of a customer to what the file says; a list that it leaves out stays.
func (s *listOf[T, ID]) merge(p *planner, c *customerPlan) {
	l, ok := c.it.lists[s.name].(*list[T])
	if !ok {
		return
	}
	before := s.get(c.after)
	pairs := s.match(p, c, l, before)
	claimed := map[ID]bool{}
	after := make([]T, 0, len(pairs))
	for i := range pairs {
		if pairs[i].before != nil {
			claimed[*s.id(pairs[i].before)] = true
		}
	}
	if p.file.additive { // what stands comes first: who no longer fits is one of the rows
		after = slices.DeleteFunc(slices.Clone(before), func(v T) bool { return s.claims(pairs, &v, claimed) })
	} else {
		s.reorder(pairs, before, claimed)
	}
	for i := range pairs {
		m := &pairs[i]
		s.emit(p, c, m)
		after = append(after, m.after)
	}
	if p.file.additive {
		s.put(c.after, after)
		return
	}
	for i := range before {
		v := &before[i]
		kept := s.claims(pairs, v, claimed)
		if s.fixed != nil && s.fixed(v) {
			if !kept {
				after = append(after, *v)
			}
			continue
		}
		if !kept {
			s.drop(p, c, l, v)
		}
	}
	s.put(c.after, after)
}

// claims says whether the file names what stands; whitelist entries have no id here and are known by key.
func (s *listOf[T, ID]) claims(pairs []matched[T], v *T, claimed map[ID]bool) bool {
	if id := *s.id(v); id != 0 {
		return claimed[id]
	}
	key := s.noun(v).Key()
	return slices.ContainsFunc(pairs, func(m matched[T]) bool { return m.before != nil && s.noun(m.before).Key() == key })
}

// match finds for each item what stands under its name, and sets what the file gives.
func (s *listOf[T, ID]) match(p *planner, c *customerPlan, l *list[T], before []T) []matched[T] {
	byKey := make(map[string]*T, len(before))
	for i := range before {
		byKey[s.noun(&before[i]).Key()] = &before[i]
	}
	var pairs []matched[T]
	seen := map[string]place{}
	for _, it := range l.items {
		c.vague[s.name] = c.vague[s.name] || it.unread(keyField(s.name))
		fresh := s.fresh()
		it.apply(&fresh)
		s.noun(&fresh).Normalize()
		key := s.noun(&fresh).Key()
		if first, twice := seen[key]; twice && !it.unread(keyField(s.name)) {
			p.twice(it.find(keyField(s.name)), s.noun(&fresh), first)
			continue
		}
		seen[key] = it.at
		cur, ok := renamed(p, it, s.of, key, func(k string) *T { return byKey[s.asKey(k)] })
		if !ok {
			continue
		}
		v := s.fresh()
		if cur != nil {
			v = *cur
		} else {
			*s.id(&v) = ID(p.newID())
		}
		it.apply(&v)
		*s.customer(&v) = c.after.Customer.ID
		if s.resolve != nil {
			s.resolve(p, c, it, &v)
		}
		p.validate(s.noun(&v), it.finder())
		c.find[string(s.noun(&v).Kind())+" "+s.noun(&v).Label()] = it.finder()
		pairs = append(pairs, matched[T]{it, cur, v})
	}
	return pairs
}

// asKey gives the key of a noun that was: names.
func (s *listOf[T, ID]) asKey(name string) string {
	if s.name == "sip_users" {
		return strings.ToLower(name)
	}
	return name
}

// keyField is the key by which the nouns of a list are known.
func keyField(list string) string {
	switch list {
	case "sip_users":
		return "username"
	case "dids":
		return "number"
	case "blocklist":
		return "prefix"
	case "clis":
		return "value"
	case "destination_groups":
		return "id"
	}
	return "name"
}

// twice tells of a second noun with the same name.
func (p *planner) twice(at place, n tenant.Noun, first place) {
	code, message := tenant.CodeInUse, fmt.Sprintf("%s is listed twice, first in line %d", quote(n.Label()), first.line)
	if n.Kind() == tenant.KindSIPUser {
		code, message = tenant.CodeDuplicate, fmt.Sprintf("%s: %s is first in line %d", tenant.DuplicateUser, quote(n.Label()), first.line)
	}
	p.fault(at, code, "", message, "each once")
}

// reorder gives the nouns places in the order of the file, unless what stands already is in that
// order with the new ones at its end: those come last without a place of their own.
func (s *listOf[T, ID]) reorder(pairs []matched[T], before []T, claimed map[ID]bool) {
	if s.position == nil {
		return
	}
	var standing []ID
	for _, v := range s.inPlace(before) {
		if id := *s.id(&v); claimed[id] {
			standing = append(standing, id)
		}
	}
	order := true
	for i := range pairs {
		if i < len(standing) {
			order = order && pairs[i].before != nil && *s.id(pairs[i].before) == standing[i]
		}
	}
	if order {
		return
	}
	for i := range pairs {
		*s.position(&pairs[i].after) = i + 1
	}
}

// inPlace sorts what stands by its place in the list, whatever its priority: no place is last, then in order of id.
func (s *listOf[T, ID]) inPlace(list []T) []T {
	out := slices.Clone(list)
	slices.SortStableFunc(out, func(a, b T) int {
		x, y := *s.position(&a), *s.position(&b)
		switch {
		case x != y && x == 0:
			return 1
		case x != y && y == 0:
			return -1
		case x != y:
			return x - y
		}
		return int(*s.id(&a) - *s.id(&b))
	})
	return out
}

// emit puts what the file makes of one noun into the plan.
func (s *listOf[T, ID]) emit(p *planner, c *customerPlan, m *matched[T]) {
	n := s.noun(&m.after)
	o := op{
		phase: phaseNouns + s.index(), noun: n.Kind(), id: int64(*s.id(&m.after)), name: n.Label(),
		company: c.after.Customer.Company, customer: c.after.Customer.ID, find: m.it.find,
	}
	shown := Change{Noun: o.noun, Name: o.name, Customer: c.after.Customer.Name}
	switch {
	case s.fixed != nil && s.fixed(&m.after):
		s.emitFixed(p, m)
	case m.before == nil:
		if f := p.groupsOff(c, n); f != nil {
			p.fault(m.it.at, f.Code, s.name, f.Message, f.Want)
			return
		}
		o.action, shown.Action = tenant.ActionCreate, tenant.ActionCreate
		o.changes = []Change{shown}
		o.run = s.create(m.after)
		p.add(o)
	default:
		o.action, shown.Action = tenant.ActionUpdate, tenant.ActionUpdate
		shown.Name = s.noun(m.before).Label()
		if o.changes = differences(shown, s.shown(m.before, p.names), s.shown(&m.after, p.names)); len(o.changes) > 0 {
			o.run = s.update(m.after)
			p.add(o)
		}
	}
	if s.name == "sip_users" && len(o.changes) > 0 {
		p.changed[c.after.Customer.ID] = true
	}
	if s.secrets != nil {
		s.secrets(p, c, m.it, m.before, &m.after)
	}
}

// emitFixed: group 1 may be listed as it is.
func (s *listOf[T, ID]) emitFixed(p *planner, m *matched[T]) {
	if m.before == nil || len(differences(Change{}, s.shown(m.before, p.names), s.shown(&m.after, p.names))) > 0 {
		p.fault(m.it.at, tenant.CodeFixed, "", "group 1 is made with the customer and cannot be edited or deleted", "groups 2 to 9; group 1 need not be listed")
	}
}

// groupsOff is the fault of a new group or rule where groups are off.
func (p *planner) groupsOff(c *customerPlan, n tenant.Noun) *tenant.Fault {
	if c.after.Customer.DestinationGroupsEnabled || (n.Kind() != tenant.KindGroup && n.Kind() != tenant.KindRouting) {
		return nil
	}
	return tenant.GroupsOff(n)
}

// shown gives a noun as the file writes it, with its place in the order.
func (s *listOf[T, ID]) shown(v *T, n *names) pairs {
	if s.bare != nil {
		return pairs{{"name", *s.bare(v)}}
	}
	out := showFields(s.fields(), v, n)
	if s.position != nil {
		out = append(out, pair{"position", *s.position(v)})
	}
	return out
}

func (s *listOf[T, ID]) index() int {
	for i, o := range sections() {
		if o.key() == s.name {
			return i
		}
	}
	return 0
}

func (s *listOf[T, ID]) create(v T) func(*applying) error {
	return func(a *applying) error {
		v, made := v, int64(*s.id(&v))
		s.real(a, &v)
		*s.id(&v) = 0
		if err := s.writer(a.tx).Create(a.ctx, &v); err != nil {
			return err
		}
		a.real[made] = int64(*s.id(&v))
		return nil
	}
}

func (s *listOf[T, ID]) update(v T) func(*applying) error {
	return func(a *applying) error {
		v := v
		s.real(a, &v)
		return s.writer(a.tx).Update(a.ctx, &v)
	}
}

// real puts in the ids that nouns of this plan got.
func (s *listOf[T, ID]) real(a *applying, v *T) {
	*s.customer(v) = tenant.CustomerID(a.id(int64(*s.customer(v))))
	if s.remap != nil {
		s.remap(v, a.id)
	}
	*s.noun(v).Meta() = tenant.Stamp{}
}

// drop deletes what the file's list leaves out.
func (s *listOf[T, ID]) drop(p *planner, c *customerPlan, l *list[T], v *T) {
	n := s.noun(v)
	id, key, customer := *s.id(v), n.Key(), c.after.Customer.ID
	if s.name == "sip_users" {
		p.changed[customer] = true
	}
	p.add(op{
		phase: phaseDelete, action: tenant.ActionDelete, noun: n.Kind(), id: int64(id), name: n.Label(),
		company: c.after.Customer.Company, customer: customer, find: func(string) place { return l.at },
		changes: []Change{{Action: tenant.ActionDelete, Noun: n.Kind(), Name: n.Label(), Customer: c.after.Customer.Name}},
		run: func(a *applying) error {
			w := s.writer(a.tx)
			if id == 0 {
				v, err := w.Find(a.ctx, store.Query{Customer: customer}, key)
				if err != nil {
					return err
				}
				return w.Delete(a.ctx, *s.id(&v))
			}
			return w.Delete(a.ctx, id)
		},
	})
}

// export gives the list as the file writes it.
func (s *listOf[T, ID]) export(a *tenant.Account, n *names) any {
	list := s.get(a)
	if s.position != nil {
		list = s.inPlace(list)
	}
	if s.bare != nil {
		out := make([]string, 0, len(list))
		for i := range list {
			out = append(out, *s.bare(&list[i]))
		}
		return out
	}
	out := []pairs{}
	for i := range list {
		if s.fixed == nil || !s.fixed(&list[i]) {
			out = append(out, showFields(s.fields(), &list[i], n))
		}
	}
	return out
}
