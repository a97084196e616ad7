package storetest

import (
	"fmt"
	"slices"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

func lists(h *house) {
	h.write(func(tx *store.Tx) error {
		for i := range 25 {
			d := destination([]tenant.CustomerID{h.anna.ID, h.carlo.ID}[i%2], fmt.Sprintf("pbx%02d", i))
			if err := tx.Destinations.Create(h.ctx, &d); err != nil {
				return err
			}
		}
		return nil
	})
	var names []string
	q := store.Query{Limit: 10}
	for pages := 0; ; pages++ {
		p, err := h.s.Destinations.List(h.ctx, tenant.Platform(), q)
		h.ok(err)
		for _, d := range p.Items {
			names = append(names, d.Name)
		}
		if q.Cursor = p.Next; p.Next == "" || pages > 5 {
			break
		}
	}
	if len(names) != 25 || !slices.IsSorted(names) {
		h.Errorf("the pages hold %d items: %v", len(names), names)
	}
	for _, c := range []struct {
		scope tenant.Scope
		q     store.Query
		want  int
	}{
		{tenant.Platform(), store.Query{Customer: h.anna.ID}, 13},
		{tenant.Platform(), store.Query{Company: h.rossi.ID}, 12},
		{tenant.Platform(), store.Query{Q: "PBX1"}, 10},
		{tenant.Platform(), store.Query{Q: "%"}, 0},
		{tenant.Platform(), store.Query{Q: "_"}, 0},
		{tenant.OfCompany(h.verdi.ID), store.Query{}, 13},
		{tenant.OfCustomer(h.carlo.ID), store.Query{}, 12},
		{tenant.OfCustomer(h.bruno.ID), store.Query{}, 0},
	} {
		p, err := h.s.Destinations.List(h.ctx, c.scope, c.q)
		h.ok(err)
		if len(p.Items) != c.want {
			h.Errorf("%+v %+v gives %d items, want %d", c.scope, c.q, len(p.Items), c.want)
		}
	}
	h.found()
	if _, err := h.s.Destinations.List(h.ctx, tenant.Platform(), store.Query{Cursor: "'; --"}); tenant.FaultsOf(err) == nil {
		h.Errorf("a made-up cursor: %v", err)
	}
	d, err := h.s.Destinations.Find(h.ctx, tenant.Platform(), store.Query{Customer: h.anna.ID}, "pbx02")
	h.ok(err)
	if d.Name != "pbx02" || d.Customer != h.anna.ID {
		h.Errorf("found %+v", d)
	}
}

// found: what a noun is searched by follows what becomes of it, of short texts and long ones.
func (h *house) found() {
	want := func(q string, n int) {
		h.Helper()
		p, err := h.s.Destinations.List(h.ctx, tenant.OfCompany(h.verdi.ID), store.Query{Q: q})
		h.ok(err)
		if len(p.Items) != n {
			h.Errorf("%q finds %d destinations, want %d", q, len(p.Items), n)
		}
	}
	d := destination(h.anna.ID, `Nord"OVEST" AND è`)
	h.write(func(tx *store.Tx) error { return tx.Destinations.Create(h.ctx, &d) })
	for _, q := range []string{"n", "ES", "rd\"o", `D"OVEST" and`, `"`, `t" AND È`} {
		want(q, 1)
	}
	d.Name = "Sud"
	h.write(func(tx *store.Tx) error { return tx.Destinations.Update(h.ctx, &d) })
	want("ovest", 0)
	want("sud", 1)
	h.write(func(tx *store.Tx) error { return tx.Destinations.Delete(h.ctx, d.ID) })
	want("sud", 0)
}

// hostile: what comes from a form is text, never SQL, and control characters stay out.
func hostile(h *house) {
	for i, name := range []string{`'; DROP TABLE customers; --`, `a"b\c`, `?`, `{"name":1}`, "日本", `%s`, `?TableName`} {
		d := destination(h.anna.ID, name)
		h.write(func(tx *store.Tx) error { return tx.Destinations.Create(h.ctx, &d) })
		if got := h.account(h.anna.ID).Destinations[i].Name; got != name {
			h.Errorf("%q came back as %q", name, got)
		}
		if p, err := h.s.Destinations.List(h.ctx, tenant.Platform(), store.Query{Q: name}); err != nil || len(p.Items) == 0 {
			h.Errorf("%q is not found: %v", name, err)
		}
	}
	for _, name := range []string{"", "a\x00b", "a\nb", "\x1b[31m", "\xff", "a\u202eb", " a"} {
		d := destination(h.anna.ID, name)
		if _, err := h.s.Write(h.ctx, h.platform, tenant.Platform(), func(tx *store.Tx) error { return tx.Destinations.Create(h.ctx, &d) }); tenant.FaultsOf(err) == nil {
			h.Errorf("the name %q gives %v, want a fault", name, err)
		}
	}
	for _, q := range []string{"\x00", "a\x00b", "\xff\xfe", "'"} {
		if _, err := h.s.Destinations.List(h.ctx, tenant.Platform(), store.Query{Q: q}); err != nil {
			h.Errorf("searching %q: %v", q, err)
		}
		if _, err := h.s.Destinations.Find(h.ctx, tenant.Platform(), store.Query{}, q); tenant.FaultsOf(err) == nil {
			h.Errorf("finding %q: %v", q, err)
		}
		if _, err := h.s.Audit(h.ctx, tenant.Platform(), store.Query{Q: q}); err != nil {
			h.Errorf("searching the audit for %q: %v", q, err)
		}
	}
}

func accounts(h *house) {
	h.fill()
	var ids []tenant.CustomerID
	for a, err := range h.s.Accounts(h.ctx) {
		h.ok(err)
		ids = append(ids, a.Customer.ID)
		if a.Customer.ID != h.carlo.ID {
			continue
		}
		counts := []int{
			len(a.Domains), len(a.Groups) - 1, len(a.Destinations), len(a.Routing), len(a.Firewall), len(a.Blocklist),
			len(a.Whitelist), len(a.Switches), len(a.CLIs), len(a.DIDs), len(a.SIPUsers),
		}
		if slices.Min(counts) != 1 || slices.Max(counts) != 1 {
			h.Errorf("carlo's account holds %v of each, want one", counts)
		}
		if a.DIDs[0].SIPUser != a.SIPUsers[0].ID || a.Whitelist[0] != "192.0.2.1/32" {
			h.Errorf("did %+v whitelist %v", a.DIDs[0], a.Whitelist)
		}
	}
	if !slices.Equal(ids, []tenant.CustomerID{h.anna.ID, h.bruno.ID, h.carlo.ID}) {
		h.Errorf("accounts %v", ids)
	}
	for range h.s.Accounts(h.ctx) {
		break // stops without harm
	}
	if _, err := h.s.Account(h.ctx, 999); tenant.FaultsOf(err) == nil {
		h.Errorf("an account that is not there: %v", err)
	}
}

// profiles: what a profile fills in counts, and its change reloads those who name it.
func profiles(h *house) {
	p := tenant.NewProfile()
	p.Name, p.Company, p.Channels = "home", h.verdi.ID, 2
	foreign := tenant.NewProfile()
	foreign.Name, foreign.Company = "theirs", h.rossi.ID
	h.write(func(tx *store.Tx) error {
		h.anna.CallLimit = 4
		if err := tx.Customers.Update(h.ctx, &h.anna); err != nil {
			return err
		}
		if err := tx.SIPProfiles.Create(h.ctx, &foreign); err != nil {
			return err
		}
		return tx.SIPProfiles.Create(h.ctx, &p)
	})
	add := func(name string, profile tenant.ProfileID) func(tx *store.Tx) error {
		return func(tx *store.Tx) error {
			u := tenant.SIPUser{Customer: h.anna.ID, Username: name, Profile: profile}
			if err := tx.SIPUsers.Create(h.ctx, &u); err != nil {
				return err
			}
			return tx.SetSIPPassword(h.ctx, u.ID, password)
		}
	}
	h.write(add("1", p.ID))
	h.write(add("2", p.ID))
	h.refused(tenant.CodeNoCapacity, add("3", p.ID))
	h.refused(tenant.CodeUnknown, add("4", foreign.ID))
	before := h.revision()
	h.refused(tenant.CodeNoCapacity, func(tx *store.Tx) error { p := p; p.Channels = 3; return tx.SIPProfiles.Update(h.ctx, &p) })
	h.write(func(tx *store.Tx) error { p.Channels = 1; return tx.SIPProfiles.Update(h.ctx, &p) })
	c, err := h.s.Changes(h.ctx, before)
	h.ok(err)
	if !slices.Equal(c.Customers, []tenant.CustomerID{h.anna.ID}) || h.account(h.anna.ID).Profiles[0].Channels != 1 {
		h.Errorf("a profile's change reloads %v", c.Customers)
	}
	h.refused(tenant.CodeReferenced, func(tx *store.Tx) error { return tx.SIPProfiles.Delete(h.ctx, p.ID) })
}

func applied(h *house) {
	if _, ok, err := h.s.Applied(h.ctx, 0, h.anna.ID); ok || err != nil {
		h.Errorf("marked before any file: %t, %v", ok, err)
	}
	rev := h.revision()
	if got := h.write(func(tx *store.Tx) error {
		tx.MarkApplied([]tenant.CompanyID{0}, []tenant.CustomerID{h.anna.ID})
		return nil
	}); got != rev {
		h.Errorf("a mark alone became revision %d, want %d", got, rev)
	}
	if at, ok, err := h.s.Applied(h.ctx, 0, h.anna.ID); !ok || at != rev || err != nil {
		h.Errorf("the mark is at %d, %t, %v; want %d", at, ok, err, rev)
	}
	h.ok(h.as(h.annaOwn, func(tx *store.Tx) error {
		d := destination(h.anna.ID, "pbx")
		return tx.Destinations.Create(h.ctx, &d)
	}))
	list, err := h.s.AuditSince(h.ctx, 0, h.anna.ID, rev, "apply")
	h.ok(err)
	if len(list) != 1 || list[0].Name != "pbx" || list[0].Who != "anna@verdi.example" {
		h.Errorf("since the mark: %+v", list)
	}
}
