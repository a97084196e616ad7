package tenantfile

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// owned is a customer, or a company's own nouns (customer 0), or the platform's (both 0).
type owned struct {
	company  tenant.CompanyID
	customer tenant.CustomerID
}

// conflicts refuses what others changed since the file was last applied, with who and when, so
// that a file does not undo what the panel did. What the file would not touch is no conflict.
func (p *planner) conflicts() error {
	if p.opt.Overwrite || p.file.additive {
		return nil
	}
	since := map[owned][]store.AuditEntry{}
	for i := range p.plan.ops {
		o := &p.plan.ops[i]
		of := o.owned()
		entries, known := since[of]
		if !known {
			var err error
			if entries, err = p.since(of); err != nil {
				return err
			}
			since[of] = entries
		}
		for j := len(entries) - 1; j >= 0; j-- {
			if field, clash := o.undoes(&entries[j]); clash {
				p.clash(o, field, &entries[j])
				break
			}
		}
	}
	return nil
}

// owned says under whose mark the operation is.
func (o *op) owned() owned {
	if o.customer != 0 {
		return owned{0, o.customer}
	}
	return owned{o.company, 0}
}

// since lists what others did there after the last apply; nothing where no file ever was.
func (p *planner) since(of owned) ([]store.AuditEntry, error) {
	if of.company < 0 || of.customer < 0 {
		return p.deletedTenants()
	}
	revision, ok, err := p.st.Applied(p.ctx, of.company, of.customer)
	if err != nil || !ok {
		return nil, err
	}
	return p.st.AuditSince(p.ctx, of.company, of.customer, revision, via)
}

// deletedTenants: a customer or company that the file makes may be one that somebody deleted after a file was applied to it.
func (p *planner) deletedTenants() (_ []store.AuditEntry, err error) {
	if p.deleted == nil {
		if p.deleted, err = p.st.DeletedSinceApplied(p.ctx, via); p.deleted == nil {
			p.deleted = []store.AuditEntry{}
		}
	}
	return p.deleted, err
}

// undoes says whether the operation takes back what the entry did, and of which field.
func (o *op) undoes(e *store.AuditEntry) (field string, clash bool) {
	if e.Noun != o.noun {
		return "", false
	}
	if o.action == tenant.ActionCreate {
		return "", e.Action == tenant.ActionDelete && e.Name == o.name
	}
	if e.NounID != o.id {
		return "", false
	}
	switch {
	case o.action == tenant.ActionDelete:
		return "", true
	case o.action == tenant.ActionPassword:
		return "password", e.Action == tenant.ActionPassword
	case e.Action != tenant.ActionUpdate:
		return "", false
	}
	theirs := changedFields(e)
	for _, c := range o.changes {
		top, _, _ := strings.Cut(c.Field, ".")
		if slices.Contains(theirs, top) {
			return c.Field, true
		}
	}
	return "", false
}

// changedFields gives the fields that an update changed, by their names in the file.
func changedFields(e *store.AuditEntry) []string {
	var before, after map[string]json.RawMessage
	if json.Unmarshal([]byte(e.Before), &before) != nil || json.Unmarshal([]byte(e.After), &after) != nil {
		return nil
	}
	var out []string
	for k, v := range after {
		if string(before[k]) != string(v) {
			out = append(out, strings.TrimSuffix(k, "_id"))
		}
	}
	for k := range before {
		if _, there := after[k]; !there {
			out = append(out, strings.TrimSuffix(k, "_id"))
		}
	}
	return out
}

// clash tells who did what and when.
func (p *planner) clash(o *op, field string, e *store.AuditEntry) {
	who := e.Who
	if e.From != "" {
		who += " (" + e.From + ")"
	}
	did := map[tenant.Action]string{tenant.ActionCreate: "made", tenant.ActionDelete: "deleted", tenant.ActionUpdate: "changed", tenant.ActionPassword: "changed"}[e.Action]
	message := fmt.Sprintf("%s %s was %s by %s on %s, after the last apply", o.noun, quote(o.name), did, who, e.At.UTC().Format("2006-01-02 15:04:05 MST"))
	p.fault(o.find(field), tenant.CodeChanged, field, message, "take the change over into the file, or apply with --overwrite")
}
