package tenantfile

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// Options say for whom and how a file is applied.
type Options struct {
	Principal tenant.Principal            // who applies; Via becomes "apply"
	Scope     tenant.Scope                // zero: all that the principal sees
	Prune     bool                        // also delete customers, companies and their users that the file does not name
	Overwrite bool                        // also what others changed since the last apply
	LiveCalls func(tenant.CustomerID) int // for the diff of deletions; nil = not told
	Until     time.Time                   // when all of it goes back unless it is confirmed; zero: it stays
}

// Change is one line of the diff.
type Change struct {
	Action   tenant.Action `json:"action"`
	Noun     tenant.Kind   `json:"noun"`
	Name     string        `json:"name"`
	Customer string        `json:"customer,omitempty"` // whose noun it is
	Field    string        `json:"field,omitempty"`    // of an update
	Before   string        `json:"before,omitempty"`   // as the file would write it
	After    string        `json:"after,omitempty"`
	Calls    int           `json:"calls,omitempty"` // live ones that a deletion hits
}

// String is the line: "+ customer X", "~ customer X call_limit 10 -> 20", "- customer X destination pbx1".
func (c Change) String() string {
	mark := map[tenant.Action]string{tenant.ActionCreate: "+", tenant.ActionDelete: "-"}[c.Action]
	if mark == "" {
		mark = "~"
	}
	var b strings.Builder
	b.WriteString(mark)
	if c.Customer != "" && c.Noun != tenant.KindCustomer {
		b.WriteString(" customer " + c.Customer)
	}
	b.WriteString(" " + string(c.Noun) + " " + c.Name)
	switch {
	case c.Action == tenant.ActionPassword:
		b.WriteString(" " + c.Field + " (" + c.After + ")")
	case c.Field != "":
		b.WriteString(" " + c.Field + " " + c.Before + " -> " + c.After)
	}
	if c.Calls > 0 {
		fmt.Fprintf(&b, " (hits %d live calls)", c.Calls)
	}
	return b.String()
}

// Plan is what a file would change in a store.
type Plan struct {
	Revision int64    // of the store that it was made against
	Changes  []Change // empty: the store is as the file says

	file      *File
	opt       Options
	ops       []op
	customers []*customerPlan
	companies []tenant.CompanyID // that the file names; 0: platform users
}

// String is the diff, one change a line; "no changes" where there are none.
func (p *Plan) String() string {
	if len(p.Changes) == 0 {
		return "no changes\n"
	}
	var b strings.Builder
	for _, c := range p.Changes {
		b.WriteString(c.String() + "\n")
	}
	return b.String()
}

// New compares a file with a store. An error is Faults (all that is wrong, of reading too) or the
// store's own; in both cases nothing was changed, nor is it by a plan without faults.
func New(ctx context.Context, st *store.Store, f *File, opt Options) (*Plan, error) {
	plan, err := compare(ctx, st, f, opt)
	if err != nil || len(plan.ops) == 0 {
		return plan, err
	}
	if len(plan.ops) > tryLimit {
		return plan, nil
	}
	// What only the store can judge, it judges now rather than after the diff was shown.
	return plan, plan.try(ctx, st)
}

// tryLimit is how many changes are tried before they are made; with more, the store would be kept
// from other writes for seconds, twice.
const tryLimit = 5000

// compare is New without asking the store to try.
func compare(ctx context.Context, st *store.Store, f *File, opt Options) (*Plan, error) {
	if !f.additive {
		opt.Principal.Via = via
	}
	if opt.Scope.Role() == "" {
		opt.Scope = opt.Principal.Scope()
	}
	p := &planner{ctx: ctx, st: st, file: f, opt: opt, faults: slices.Clone(f.faults), names: newNames(), plan: &Plan{file: f, opt: opt}}
	for _, step := range []func() error{p.begin, p.planCompanies, p.planProfiles, p.planCustomers, p.planUsers, p.planPrune, p.judge} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	if len(p.faults) > 0 {
		return nil, p.faults.err()
	}
	slices.SortStableFunc(p.plan.ops, func(a, b op) int { return a.phase - b.phase })
	if err := p.conflicts(); err != nil {
		return nil, err
	}
	if len(p.faults) > 0 {
		return nil, p.faults.err()
	}
	for _, o := range p.plan.ops {
		p.plan.Changes = append(p.plan.Changes, o.changes...)
	}
	return p.plan, nil
}

// via is how the audit tells what files do from what people do.
const via = "apply"

// The phases of an apply: what is deleted makes way, what is named comes before who names it.
const (
	phaseDelete = iota
	phaseDeleteCustomer
	phaseDeleteCompany
	phaseCompany
	phaseProfile
	phaseCustomer
	phaseNouns // + the index of the section
	phaseUsers = phaseNouns + 32
)

// op is one change with what it takes to make it.
type op struct {
	phase    int
	action   tenant.Action
	noun     tenant.Kind
	id       int64 // of what stands; below 0 for what is made
	name     string
	company  tenant.CompanyID  // whose noun it is; 0 and customer 0: the platform's
	customer tenant.CustomerID // below 0: made by this plan
	find     func(field string) place
	changes  []Change
	run      func(*applying) error
}

// planner makes a plan.
type planner struct {
	ctx  context.Context
	st   *store.Store
	file *File
	opt  Options
	plan *Plan

	faults    Faults
	names     *names
	lastID    int64
	companies map[string]*tenant.Company // as the file leaves them
	profiles  map[profileKey]tenant.ProfileID
	profileOf map[tenant.ProfileID]tenant.SIPProfile
	standing  []tenant.Company
	customers map[string]*customerPlan // by the name that the file gives
	named     map[tenant.CompanyID]bool
	kept      map[tenant.CustomerID]bool // customers that the file names
	changed   map[tenant.CustomerID]bool // customers whose SIP users change
	deleted   []store.AuditEntry         // customers and companies that others deleted; nil: not asked yet
	claimed   map[any]place              // what stands and was found by name, by its pointer
	creds     map[tenant.CustomerID]map[tenant.SIPUserID]store.HA1
}

type profileKey struct {
	company tenant.CompanyID
	name    string
}

// customerPlan is one customer of the file, before and after.
type customerPlan struct {
	it     *item[tenant.Customer]
	before *tenant.Account // nil: new
	after  *tenant.Account
	find   map[string]finder           // where the nouns stand that the file gives, by kind and label
	users  map[string]tenant.SIPUserID // by key, once it is asked for
	vague  map[string]bool             // lists with an item whose name could not be read: a reference may be to that one
}

// finder gives places of one item, and whether what is there could not even be read.
type finder struct {
	find   func(field string) place
	unread func(field string) bool
	around bool // the place is that of something around it: the message has to name the noun
}

// names are what ids are called, of what stands and of what the plan makes.
type names struct {
	companies map[tenant.CompanyID]string
	customers map[tenant.CustomerID]string
	profiles  map[tenant.ProfileID]string
	switches  map[tenant.SwitchID]string
	sipUsers  map[tenant.SIPUserID]string
}

func newNames() *names {
	return &names{
		companies: map[tenant.CompanyID]string{}, customers: map[tenant.CustomerID]string{}, profiles: map[tenant.ProfileID]string{},
		switches: map[tenant.SwitchID]string{}, sipUsers: map[tenant.SIPUserID]string{},
	}
}

// account learns the names within an account.
func (n *names) account(a *tenant.Account) {
	n.customers[a.Customer.ID] = a.Customer.Name
	for i := range a.Switches {
		n.switches[a.Switches[i].ID] = a.Switches[i].Name
	}
	for i := range a.SIPUsers {
		n.sipUsers[a.SIPUsers[i].ID] = a.SIPUsers[i].Username
	}
}

func (p *planner) fault(at place, code tenant.Code, field, message, want string) {
	p.faults = append(p.faults, &Fault{p.file.name, at.line, at.column, code, field, message, want})
}

// newID gives an id for what the plan makes: below 0, so that it is none of the store's.
func (p *planner) newID() int64 { p.lastID--; return p.lastID }

func (p *planner) begin() (err error) {
	p.companies, p.profiles = map[string]*tenant.Company{}, map[profileKey]tenant.ProfileID{}
	p.profileOf, p.customers = map[tenant.ProfileID]tenant.SIPProfile{}, map[string]*customerPlan{}
	p.named, p.kept, p.changed = map[tenant.CompanyID]bool{}, map[tenant.CustomerID]bool{}, map[tenant.CustomerID]bool{}
	p.claimed = map[any]place{}
	p.creds = map[tenant.CustomerID]map[tenant.SIPUserID]store.HA1{}
	if p.plan.Revision, err = p.st.Revision(p.ctx); err != nil {
		return err
	}
	if p.standing, err = p.st.Companies.All(p.ctx, p.opt.Scope, store.Query{}); err != nil {
		return err
	}
	for _, c := range p.standing {
		p.names.companies[c.ID] = c.Name
		p.companies[c.Name] = &c
	}
	return nil
}

// validate tells what is wrong with one noun by itself.
func (p *planner) validate(n tenant.Noun, f finder) {
	n.Normalize()
	faults := n.Validate()
	for _, f := range faults {
		f.Noun = n.Kind()
	}
	p.place(faults, func(*tenant.Fault) finder { return f })
}

// place gives the faults of nouns their places; what follows from an unread value is left out.
func (p *planner) place(faults tenant.Faults, whose func(*tenant.Fault) finder) {
	for _, f := range faults {
		at := whose(f)
		field := fileField(f)
		if at.unread(field) {
			continue
		}
		p.fault(at.find(field), f.Code, field, at.message(f), f.Want)
	}
}

// message names the noun where its place does not.
func (f finder) message(fault *tenant.Fault) string {
	if !f.around || fault.Name == "" {
		return fault.Message
	}
	return string(fault.Noun) + " " + quote(fault.Name) + ": " + fault.Message
}

// fileField is the key at which a fault's field stands in the file, where it is called otherwise.
func fileField(f *tenant.Fault) string {
	if f.Noun == tenant.KindGroup && f.Field == "number" {
		return "id"
	}
	return f.Field
}

func (it *item[T]) finder() finder { return finder{it.find, it.unread, false} }

func quote(v string) string { return strconv.Quote(shorten(v)) }

// add puts an operation into the plan; changes without any field are none.
func (p *planner) add(o op) { p.plan.ops = append(p.plan.ops, o) }

// renamed sorts out name and former name: what stands under which of them is meant. ok is false after a fault.
func renamed[T, S any](p *planner, it *item[T], of, name string, standing func(string) *S) (cur *S, ok bool) {
	cur = standing(name)
	if it.was != nil && it.was.name != name {
		old := standing(it.was.name)
		if cur != nil && old != nil {
			p.fault(it.was.at, tenant.CodeInUse, "was", fmt.Sprintf("there is both %s %s and %s", of, quote(it.was.name), quote(name)), "another name, or no was:")
			return nil, false
		}
		if cur == nil { // else it was renamed by an earlier apply
			cur = old
		}
	}
	if cur == nil {
		return nil, true
	}
	if first, twice := p.claimed[cur]; twice {
		p.fault(it.at, tenant.CodeInUse, "was", fmt.Sprintf("the same one is named in line %d", first.line), "each once, under its new name")
		return nil, false
	}
	p.claimed[cur] = it.at
	return cur, true
}
