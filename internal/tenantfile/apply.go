package tenantfile

import (
	"context"
	"errors"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// Generated is a password that apply made: it is shown once and kept nowhere.
type Generated struct {
	Noun     tenant.Kind `json:"noun"`
	Name     string      `json:"name"`
	Customer string      `json:"customer,omitempty"`
	Password string      `json:"password"`
}

// Result is what an apply did.
type Result struct {
	Revision  int64       `json:"revision"` // once traffic obeys it, it obeys the file
	Changes   []Change    `json:"changes"`
	Generated []Generated `json:"generated,omitempty"`
	NewUsers  []string    `json:"new_users,omitempty"` // panel users without a password, who need a one-time link
}

// ErrChanged is given where the store changed so after the plan was made that another diff would be shown.
var ErrChanged = errors.New("the configuration was changed meanwhile: look at the new diff and apply again")

// errMoved: the store is no longer at the plan's revision.
var errMoved = errors.New("moved")

// Apply makes the store as the plan says, all or nothing, in one transaction. An error is Faults,
// ErrChanged or the store's own.
func (p *Plan) Apply(ctx context.Context, st *store.Store) (*Result, error) {
	plan := p
	for range 3 {
		var done *applying
		revision, err := st.Write(ctx, plan.opt.Principal, plan.opt.Scope, func(tx *store.Tx) error {
			if tx.Base() != plan.Revision {
				return errMoved
			}
			if err := plan.alone(ctx, tx); err != nil {
				return err
			}
			done = &applying{ctx: ctx, tx: tx, real: map[int64]int64{}}
			return plan.run(done)
		})
		if err == nil {
			return &Result{Revision: revision, Changes: plan.Changes, Generated: done.generated, NewUsers: done.newUsers}, nil
		}
		if !errors.Is(err, errMoved) {
			return nil, plan.placed(err, done)
		}
		if plan, err = compare(ctx, st, p.file, p.opt); err != nil {
			return nil, err
		}
		if plan.String() != p.String() {
			return nil, ErrChanged
		}
	}
	return nil, ErrChanged
}

// alone refuses to apply a file of the platform's while another one waits to be confirmed, and has
// this one wait for it if it is to. Those of others and imports go on: what they change stays then.
func (p *Plan) alone(ctx context.Context, tx *store.Tx) error {
	switch {
	case p.file.additive || !p.opt.Scope.IsPlatform():
		return nil
	case p.opt.Until.IsZero():
		return tx.Unhindered(ctx)
	}
	return tx.Provisional(ctx, p.file.name, p.opt.Until)
}

// try does all that Apply does and takes it back.
func (p *Plan) try(ctx context.Context, st *store.Store) error {
	var done *applying
	err := st.Try(ctx, p.opt.Principal, p.opt.Scope, func(tx *store.Tx) error {
		done = &applying{ctx: ctx, tx: tx, real: map[int64]int64{}}
		return p.run(done)
	})
	return p.placed(err, done)
}

// applying is a plan that is being applied.
type applying struct {
	ctx       context.Context
	tx        *store.Tx
	real      map[int64]int64 // of the plan's own ids
	current   *op
	generated []Generated
	newUsers  []string
}

// id gives the id of a noun: its own, or that which it got when the plan made it.
func (a *applying) id(id int64) int64 {
	if id < 0 {
		return a.real[id]
	}
	return id
}

func (p *Plan) run(a *applying) error {
	for i := range p.ops {
		a.current = &p.ops[i]
		if err := p.ops[i].run(a); err != nil {
			return err
		}
	}
	a.current = nil
	if p.file.additive {
		return nil
	}
	var companies []tenant.CompanyID
	var customers []tenant.CustomerID
	for _, id := range p.companies {
		companies = append(companies, tenant.CompanyID(a.id(int64(id))))
	}
	for _, c := range p.customers {
		customers = append(customers, tenant.CustomerID(a.id(int64(c.after.Customer.ID))))
	}
	a.tx.MarkApplied(companies, customers)
	return nil
}

// placed gives the store's faults their places in the file; an error of another kind stays as it is.
func (p *Plan) placed(err error, a *applying) error {
	faults := tenant.FaultsOf(err)
	if len(faults) == 0 {
		return err
	}
	var out Faults
	for _, f := range faults {
		field, whose := fileField(f), p.whose(f, a)
		at, message := whose.find(field), whose.message(f)
		if f.Code == tenant.CodeNotFound {
			message = string(f.Noun) + " " + message
		}
		out = append(out, &Fault{p.file.name, at.line, at.column, f.Code, field, message, f.Want})
	}
	return out.err()
}

// whose finds the place of a store's fault: that of the operation at work, else of the noun that it names.
func (p *Plan) whose(f *tenant.Fault, a *applying) finder {
	if a != nil && a.current != nil {
		return finder{find: a.current.find}
	}
	for _, c := range p.customers {
		id := int64(c.after.Customer.ID)
		if a != nil {
			id = a.id(id)
		}
		if id == int64(f.Owner) {
			return c.finderOf(f)
		}
	}
	for i := range p.ops {
		if o := &p.ops[i]; o.noun == f.Noun && o.name == f.Name {
			return finder{find: o.find, around: o.action == tenant.ActionDelete}
		}
	}
	return around(place{1, 1})
}
