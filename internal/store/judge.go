package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"tollgate/internal/tenant"
)

// deletedRef is a noun that is gone, within its customer (0: of no customer).
type deletedRef struct {
	customer tenant.CustomerID
	ref      tenant.Ref
}

// need is a secret that must be there at the end of the transaction.
type need struct {
	table string
	id    int64
	owner tenant.CustomerID
	kind  tenant.Kind
	name  string
}

func (t *Tx) deleted(c tenant.CustomerID, ref tenant.Ref, label string) {
	t.touched.deleted[deletedRef{c, ref}] = label
}

func (t *Tx) needSecret(table string, id int64, owner tenant.CustomerID, n tenant.Noun) {
	t.touched.needs = append(t.touched.needs, need{table, id, owner, n.Kind(), n.Label()})
}

// touch notes that a customer's account has changed, for good where it is gone.
func (t *Tx) touch(id tenant.CustomerID, gone bool) {
	t.touched.customers[id] = gone || t.touched.customers[id]
}

// standing gives the touched customers that still exist, in order.
func (t *Tx) standing() []tenant.CustomerID {
	var ids []tenant.CustomerID
	for id, gone := range t.touched.customers {
		if !gone {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// judge gives what is wrong with everything that was touched, as it stands at the end.
func (t *Tx) judge(ctx context.Context) (tenant.Faults, error) {
	var faults tenant.Faults
	if f, err := t.lastAdmin(ctx); err != nil {
		return nil, err
	} else if f != nil {
		faults = append(faults, f)
	}
	for _, c := range t.touched.deletedCompanies {
		n, err := t.db.NewSelect().TableExpr("customers").Where("company_id = ?", int64(c.ID)).Count(ctx)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			faults = append(faults, &tenant.Fault{
				Code: tenant.CodeReferenced, Noun: tenant.KindCompany, Name: c.Name,
				Message: fmt.Sprintf("still has %d customers", n), Want: "delete or move them first",
			})
		}
	}
	full := limitedProfiles{}
	err := eachAccount(ctx, &source{db: t.db, kept: &t.s.kept, changed: t.touched.lists}, t.standing(), nil, func(a *tenant.Account) {
		for _, f := range tenant.CheckAccount(a) {
			faults = append(faults, t.inContext(f, a))
		}
		full.learn(t, a)
	})
	if err != nil {
		return nil, err
	}
	for _, check := range []func(context.Context) (tenant.Faults, error){t.missingSecrets, t.sharedRanges, full.judge(t)} {
		more, err := check(ctx)
		if err != nil {
			return nil, err
		}
		faults = append(faults, more...)
	}
	return faults, nil
}

// inContext words a fault by what was done: a reference that hangs because its noun was just
// deleted is the deletion's fault, and a sum that no longer fits is that of the side that moved.
func (t *Tx) inContext(f *tenant.Fault, a *tenant.Account) *tenant.Fault {
	if f.Code == tenant.CodeNoCapacity {
		switch id := a.Customer.ID; {
		case t.touched.limitLowered[id] && !t.touched.usersChanged[id]:
			return tenant.LimitTooLow(a)
		case !t.touched.limitLowered[id]:
			f.Name = "" // of the users together: who was changed is not known here
		}
		return f
	}
	if f.Ref == (tenant.Ref{}) {
		return f
	}
	label, ok := t.touched.deleted[deletedRef{a.Customer.ID, f.Ref}]
	if !ok {
		label, ok = t.touched.deleted[deletedRef{0, f.Ref}]
	}
	if !ok {
		return f
	}
	return &tenant.Fault{
		Code: tenant.CodeReferenced, Noun: f.Ref.Kind, Message: fmt.Sprintf("%s is used by %s %s", label, f.Noun, f.Name),
		Want: "change or delete that first", Ref: f.Ref, Owner: a.Customer.ID,
	}
}

// missingSecrets finds new SIP users and switches that came without the password that they need.
func (t *Tx) missingSecrets(ctx context.Context) (tenant.Faults, error) {
	var faults tenant.Faults
	for _, n := range t.touched.needs {
		there, err := t.db.NewSelect().TableExpr(n.table).Where("owner_id = ?", n.id).Exists(ctx)
		if err != nil {
			return nil, err
		}
		owner := "sip_users"
		if n.table == switchSecrets {
			owner = "switches"
		}
		if !there { // and not deleted again meanwhile
			if there, err = t.db.NewSelect().TableExpr(owner).Where("id = ?", n.id).Exists(ctx); err != nil {
				return nil, err
			}
			there = !there
		}
		if !there {
			f := tenant.PasswordMissing(n.kind, n.name)
			f.Owner = n.owner
			faults = append(faults, f)
		}
	}
	return faults, nil
}

// neighbour is another customer's switch that shares addresses with one of ours.
type neighbour struct {
	Mine   int64
	Theirs int64
}

// sharedRanges: entries of two customers that share addresses must be told apart (mission row A12).
func (t *Tx) sharedRanges(ctx context.Context) (tenant.Faults, error) {
	var faults tenant.Faults
	for _, id := range t.standing() {
		if !t.touched.sharing[id] {
			continue
		}
		var pairs []neighbour
		err := t.db.NewSelect().Distinct().TableExpr("switch_ranges AS m").
			Join("JOIN switch_ranges AS o ON o.low <= m.high AND o.high >= m.low AND o.customer_id <> m.customer_id").
			ColumnExpr("m.switch_id AS mine, o.switch_id AS theirs").
			Where("m.customer_id = ?", int64(id)).OrderExpr("mine, theirs").Limit(100).Scan(ctx, &pairs)
		if err != nil {
			return nil, err
		}
		for _, p := range pairs {
			f, err := t.toldApart(ctx, p)
			if err != nil {
				return nil, err
			}
			if f != nil {
				faults = append(faults, f)
			}
		}
	}
	return faults, nil
}

// toldApart judges one pair of entries. The other customer is named to the platform only.
func (t *Tx) toldApart(ctx context.Context, p neighbour) (*tenant.Fault, error) {
	mine, err := get(ctx, t.db, switches(), tenant.Platform(), tenant.SwitchID(p.Mine))
	if err != nil {
		return nil, err
	}
	theirs, err := get(ctx, t.db, switches(), tenant.Platform(), tenant.SwitchID(p.Theirs))
	if err != nil {
		return nil, err
	}
	other, err := t.otherName(ctx, theirs.Customer)
	if err != nil {
		return nil, err
	}
	fault := func(code tenant.Code, field, message, want string) *tenant.Fault {
		return &tenant.Fault{Code: code, Noun: tenant.KindSwitch, Name: mine.Name, Owner: mine.Customer, Field: field, Message: message, Want: want}
	}
	shared := tenant.SharedRange(&mine, &theirs)
	switch {
	case mine.CLIAuthentication != theirs.CLIAuthentication:
		return fault(tenant.CodeConflict, "cli_authentication", "must be the same on all entries that share an address, and "+other+" has "+shared+" too",
			fmt.Sprintf("cli_authentication: %t, or other addresses", theirs.CLIAuthentication)), nil
	case mine.CLIAuthentication:
		value, err := t.sameNumber(ctx, mine.Customer, theirs.Customer, true)
		if err != nil || value == "" {
			return nil, err
		}
		return fault(tenant.CodeInUse, "cli_authentication", fmt.Sprintf("the CLI %s is in use by %s, who shares %s", value, other, shared), "CLIs that nobody else at these addresses has"), nil
	case mine.TechPrefix != "" && theirs.TechPrefix != "":
		if !strings.HasPrefix(mine.TechPrefix, theirs.TechPrefix) && !strings.HasPrefix(theirs.TechPrefix, mine.TechPrefix) {
			return nil, nil
		}
		return fault(tenant.CodeInUse, "tech_prefix", fmt.Sprintf("numbers with %s may be meant for %s, who shares %s", mine.TechPrefix, other, shared), "one that neither begins with the other's nor the other way round"), nil
	}
	if both, err := t.haveDIDs(ctx, mine.Customer, theirs.Customer); err != nil {
		return nil, err
	} else if !both || mine.TechPrefix != theirs.TechPrefix {
		return fault(tenant.CodeInUse, "addresses", shared+" is in use by "+other,
			"other addresses; or DIDs, a tech_prefix, or cli_authentication on all entries that share it"), nil
	}
	value, err := t.sameNumber(ctx, mine.Customer, theirs.Customer, false)
	if err != nil || value == "" {
		return nil, err
	}
	return fault(tenant.CodeInUse, "addresses", fmt.Sprintf("the DID %s is in use by %s, who shares %s", value, other, shared), "DIDs that nobody else at these addresses has"), nil
}

// otherName is how another customer is called in a fault.
func (t *Tx) otherName(ctx context.Context, id tenant.CustomerID) (string, error) {
	if t.principal.Role != tenant.RolePlatform {
		return "another customer", nil
	}
	c, err := get(ctx, t.db, customers(), tenant.Platform(), id)
	return "customer " + c.Name, err
}

// The numbers by which a customer's calls are told apart: DIDs by those that are called, both
// by those that call. A number is compared without its "+", a regex as it is written.
const (
	didNumbers = "SELECT 'exact ' || natural_key AS n FROM dids WHERE customer_id = ?"
	cliNumbers = "SELECT CASE WHEN natural_key LIKE 'exact +%' THEN 'exact ' || substr(natural_key, 8) ELSE natural_key END AS n FROM clis WHERE customer_id = ?"
)

// sameNumber gives a number or regex that both of two customers have, "" where there is none.
// callers asks for those that call, else for those that are called.
func (t *Tx) sameNumber(ctx context.Context, a, b tenant.CustomerID, callers bool) (string, error) {
	query, args := didNumbers+" INTERSECT "+didNumbers+" LIMIT 1", []any{int64(a), int64(b)}
	if callers {
		const one = "SELECT n FROM (" + didNumbers + " UNION ALL " + cliNumbers + ") AS "
		query = one + "x INTERSECT " + one + "y LIMIT 1"
		args = []any{int64(a), int64(a), int64(b), int64(b)}
	}
	var same []string
	if err := t.db.NewRaw(query, args...).Scan(ctx, &same); err != nil || len(same) == 0 {
		return "", err
	}
	_, number, _ := strings.Cut(same[0], " ")
	return number, nil
}

func (t *Tx) haveDIDs(ctx context.Context, ids ...tenant.CustomerID) (bool, error) {
	for _, id := range ids {
		has, err := t.db.NewSelect().TableExpr("dids").Where("customer_id = ?", int64(id)).Exists(ctx)
		if err != nil || !has {
			return false, err
		}
	}
	return true, nil
}
