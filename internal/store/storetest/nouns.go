package storetest

import (
	"errors"
	"slices"
	"strings"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

func revisions(h *house) {
	start := h.revision()
	d := destination(h.anna.ID, "pbx")
	rev := h.write(func(tx *store.Tx) error { return tx.Destinations.Create(h.ctx, &d) })
	if rev != start+1 || h.revision() != rev || d.Version != rev {
		h.Errorf("the write became revision %d, the store says %d, the noun %d; want %d", rev, h.revision(), d.Version, start+1)
	}
	c, err := h.s.Changes(h.ctx, start)
	h.ok(err)
	if c.Revision != rev || c.All || !slices.Equal(c.Customers, []tenant.CustomerID{h.anna.ID}) || c.Companies != nil || c.GoneCustomers != nil {
		h.Errorf("changes after %d: %+v, want anna alone", start, c)
	}
	if again := h.write(func(tx *store.Tx) error { return tx.Destinations.Update(h.ctx, &d) }); again != rev {
		h.Errorf("an update that changes nothing became revision %d, want %d", again, rev)
	}
	h.write(func(tx *store.Tx) error { return tx.Customers.Delete(h.ctx, h.anna.ID) })
	h.write(func(tx *store.Tx) error { h.verdi.Channels = 7; return tx.Companies.Update(h.ctx, &h.verdi) })
	c, err = h.s.Changes(h.ctx, rev)
	h.ok(err)
	if !slices.Equal(c.GoneCustomers, []tenant.CustomerID{h.anna.ID}) || !slices.Equal(c.Companies, []tenant.CompanyID{h.verdi.ID}) || c.Customers != nil {
		h.Errorf("changes after the deletion: %+v", c)
	}
	if c, err := h.s.Changes(h.ctx, c.Revision); err != nil || len(c.Customers)+len(c.GoneCustomers)+len(c.Companies) > 0 {
		h.Errorf("changes after the last revision: %+v, %v", c, err)
	}
	if c, err := h.s.Changes(h.ctx, c.Revision+1); err != nil || !c.All {
		h.Errorf("a revision from the future: %+v, %v; want All", c, err)
	}
}

func atomicity(h *house) {
	boom := errors.New("boom")
	before := h.revision()
	_, err := h.s.Write(h.ctx, h.platform, tenant.Platform(), func(tx *store.Tx) error {
		d := destination(h.anna.ID, "pbx")
		h.ok(tx.Destinations.Create(h.ctx, &d))
		return boom
	})
	if !errors.Is(err, boom) {
		h.Errorf("got %v, want the function's own error", err)
	}
	func() {
		defer func() { _ = recover() }()
		_, _ = h.s.Write(h.ctx, h.platform, tenant.Platform(), func(tx *store.Tx) error {
			d := destination(h.anna.ID, "pbx")
			h.ok(tx.Destinations.Create(h.ctx, &d))
			panic("boom")
		})
	}()
	err = h.s.Try(h.ctx, h.platform, tenant.Platform(), func(tx *store.Tx) error {
		d := destination(h.anna.ID, "pbx")
		return tx.Destinations.Create(h.ctx, &d)
	})
	h.ok(err)
	if a := h.account(h.anna.ID); len(a.Destinations) != 0 || h.revision() != before {
		h.Errorf("something stayed: %d destinations, revision %d, want %d", len(a.Destinations), h.revision(), before)
	}
	if page, err := h.s.Audit(h.ctx, tenant.Platform(), store.Query{Q: "pbx"}); err != nil || len(page.Items) != 0 {
		h.Errorf("the audit tells of what never was: %+v, %v", page.Items, err)
	}
}

func groupOne(h *house) {
	one := h.account(h.anna.ID).Groups
	if len(one) != 1 || one[0].Number != 1 || one[0].Name != "default" {
		h.Fatalf("a new customer has the groups %+v, want group 1 alone", one)
	}
	h.refused(tenant.CodeFixed, func(tx *store.Tx) error { return tx.Groups.Delete(h.ctx, one[0].ID) })
	h.refused(tenant.CodeFixed, func(tx *store.Tx) error {
		g := one[0]
		g.Name = "mine"
		return tx.Groups.Update(h.ctx, &g)
	})
	h.refused(tenant.CodeFixed, func(tx *store.Tx) error {
		return tx.Groups.Create(h.ctx, &tenant.DestinationGroup{Customer: h.anna.ID, Number: 1})
	})
	h.refused(tenant.CodeOutOfRange, func(tx *store.Tx) error {
		return tx.Groups.Create(h.ctx, &tenant.DestinationGroup{Customer: h.anna.ID, Number: 10})
	})
	two := tenant.DestinationGroup{Customer: h.anna.ID, Number: 2}
	h.write(func(tx *store.Tx) error { return tx.Groups.Create(h.ctx, &two) })
	h.refused(tenant.CodeFixed, func(tx *store.Tx) error { two.Number = 3; return tx.Groups.Update(h.ctx, &two) })
	h.refused(tenant.CodeInUse, func(tx *store.Tx) error {
		return tx.Groups.Create(h.ctx, &tenant.DestinationGroup{Customer: h.anna.ID, Number: 2})
	})
}

func groupsOff(h *house) {
	rule := tenant.NewRoutingRule()
	rule.Customer, rule.Name, rule.Header, rule.Value = h.anna.ID, "r", "from", "x"
	h.write(func(tx *store.Tx) error { return tx.RoutingRules.Create(h.ctx, &rule) })
	h.write(func(tx *store.Tx) error {
		h.anna.DestinationGroupsEnabled = false
		return tx.Customers.Update(h.ctx, &h.anna)
	})
	h.refused(tenant.CodeGroupsOff, func(tx *store.Tx) error {
		return tx.Groups.Create(h.ctx, &tenant.DestinationGroup{Customer: h.anna.ID, Number: 2})
	})
	h.refused(tenant.CodeGroupsOff, func(tx *store.Tx) error {
		other := rule
		other.ID, other.Name = 0, "other"
		return tx.RoutingRules.Create(h.ctx, &other)
	})
	if n := len(h.account(h.anna.ID).Routing); n != 1 {
		h.Errorf("%d rules are kept, want 1", n)
	}
}

func duplicates(h *house) {
	f := h.refusedTo(h.verdiAdmin, tenant.CodeInUse, func(tx *store.Tx) error {
		return tx.Domains.Create(h.ctx, &tenant.Domain{Customer: h.bruno.ID, Name: "ANNA.example"})
	})
	if f.Message != "in use by another customer" || strings.Contains(f.Want, "anna") {
		h.Errorf("the fault is %q", f.Error())
	}
	h.refused(tenant.CodeInUse, func(tx *store.Tx) error {
		return tx.Domains.Create(h.ctx, &tenant.Domain{Customer: h.carlo.ID, Name: "anna.example"})
	})
	f = h.refused(tenant.CodeInUse, func(tx *store.Tx) error {
		return tx.Domains.Create(h.ctx, &tenant.Domain{Customer: h.anna.ID, Name: "anna.example"})
	})
	if !strings.Contains(f.Message, "this customer") {
		h.Errorf("one's own duplicate: %q", f.Error())
	}
	h.refused(tenant.CodeInUse, func(tx *store.Tx) error {
		v := tenant.NewCustomer()
		v.Name, v.Company = "carlo", h.verdi.ID
		return tx.Customers.Create(h.ctx, &v)
	})
	a, b := destination(h.anna.ID, "a"), destination(h.anna.ID, "b")
	h.write(func(tx *store.Tx) error {
		return errors.Join(tx.Destinations.Create(h.ctx, &a), tx.Destinations.Create(h.ctx, &b))
	})
	h.refused(tenant.CodeInUse, func(tx *store.Tx) error { b.Name = "a"; return tx.Destinations.Update(h.ctx, &b) })
	same := destination(h.bruno.ID, "a") // a name is a customer's own
	h.write(func(tx *store.Tx) error { return tx.Destinations.Create(h.ctx, &same) })
	h.refused(tenant.CodeDuplicate, func(tx *store.Tx) error {
		if err := tx.SIPUsers.Create(h.ctx, &tenant.SIPUser{Customer: h.anna.ID, Username: "Rosa"}); err != nil {
			return err
		}
		return tx.SIPUsers.Create(h.ctx, &tenant.SIPUser{Customer: h.anna.ID, Username: "rosa"})
	})
}

func references(h *house) {
	h.refused(tenant.CodeReferenced, func(tx *store.Tx) error { return tx.Companies.Delete(h.ctx, h.verdi.ID) })
	two := tenant.DestinationGroup{Customer: h.anna.ID, Number: 2}
	d, sw := destination(h.anna.ID, "pbx"), ingress(h.anna.ID, "carrier")
	d.Group = 2
	h.refused(tenant.CodeUnknown, func(tx *store.Tx) error { return tx.Destinations.Create(h.ctx, &d) })
	via := tenant.NewDestination()
	via.Customer, via.Name = h.anna.ID, "via"
	h.write(func(tx *store.Tx) error {
		if err := errors.Join(tx.Groups.Create(h.ctx, &two), tx.Destinations.Create(h.ctx, &d), tx.Switches.Create(h.ctx, &sw)); err != nil {
			return err
		}
		via.Switch = sw.ID
		return tx.Destinations.Create(h.ctx, &via)
	})
	if f := h.refused(tenant.CodeReferenced, func(tx *store.Tx) error { return tx.Groups.Delete(h.ctx, two.ID) }); !strings.Contains(f.Message, "pbx") {
		h.Errorf("the group's fault does not say who uses it: %q", f.Message)
	}
	if f := h.refused(tenant.CodeReferenced, func(tx *store.Tx) error { return tx.Switches.Delete(h.ctx, sw.ID) }); !strings.Contains(f.Message, "via") {
		h.Errorf("the switch's fault does not say who uses it: %q", f.Message)
	}
	other := ingress(h.carlo.ID, "theirs")
	h.write(func(tx *store.Tx) error { return tx.Switches.Create(h.ctx, &other) })
	h.refused(tenant.CodeUnknown, func(tx *store.Tx) error { via.Switch = other.ID; return tx.Destinations.Update(h.ctx, &via) })
	h.write(func(tx *store.Tx) error { // both at once is fine, in any order
		return errors.Join(tx.Switches.Delete(h.ctx, sw.ID), tx.Destinations.Delete(h.ctx, via.ID))
	})
	h.write(func(tx *store.Tx) error { return tx.Customers.Delete(h.ctx, h.anna.ID) }) // takes all it owns along
	if _, err := h.s.Destinations.Get(h.ctx, tenant.Platform(), d.ID); !errors.Is(err, tenant.ErrNotFound) {
		h.Errorf("a deleted customer's destination: %v", err)
	}
}

func versions(h *house) {
	d := destination(h.anna.ID, "pbx")
	h.write(func(tx *store.Tx) error { return tx.Destinations.Create(h.ctx, &d) })
	stale := d
	h.write(func(tx *store.Tx) error { d.Port = 5070; return tx.Destinations.Update(h.ctx, &d) })
	stale.Port = 5080
	h.refused(tenant.CodeChanged, func(tx *store.Tx) error { return tx.Destinations.Update(h.ctx, &stale) })
	stale.Version = 0
	h.write(func(tx *store.Tx) error { return tx.Destinations.Update(h.ctx, &stale) })
}

func realm(h *house) {
	if got := h.account(h.anna.ID).Customer.Realm; got != "anna.example" {
		h.Errorf("the realm is %q, want the first domain", got)
	}
	h.write(func(tx *store.Tx) error {
		return tx.Domains.Create(h.ctx, &tenant.Domain{Customer: h.anna.ID, Name: "second.example"})
	})
	if got := h.account(h.anna.ID).Customer.Realm; got != "anna.example" {
		h.Errorf("a second domain made the realm %q", got)
	}
	u := tenant.SIPUser{Customer: h.anna.ID, Username: "1001"}
	h.write(func(tx *store.Tx) error {
		return errors.Join(tx.SIPUsers.Create(h.ctx, &u), tx.SetSIPPassword(h.ctx, u.ID, "correct horse"))
	})
	h.refused(tenant.CodeFixed, func(tx *store.Tx) error {
		v, err := tx.Customers.Get(h.ctx, h.anna.ID)
		v.Realm = "other.example"
		return errors.Join(err, tx.Customers.Update(h.ctx, &v))
	})
}

func provenDomains(h *house) {
	d := tenant.Domain{Customer: h.bruno.ID, Name: "bruno.example", Proven: true}
	h.ok(h.as(h.verdiAdmin, func(tx *store.Tx) error { return tx.Domains.Create(h.ctx, &d) }))
	if a := h.account(h.bruno.ID); d.Proven || len(a.Domains) != 0 {
		h.Errorf("a company's new domain works unproven: %+v", a.Domains)
	}
	full, err := h.s.FullAccounts(h.ctx, h.verdiAdmin.Scope(), []tenant.CustomerID{h.bruno.ID})
	h.ok(err)
	if len(full) != 1 || len(full[0].Domains) != 1 {
		h.Errorf("people do not see the unproven domain: %+v", full)
	}
	h.write(func(tx *store.Tx) error { d.Proven = true; return tx.Domains.Update(h.ctx, &d) })
	if a := h.account(h.bruno.ID); len(a.Domains) != 1 {
		h.Errorf("a proven domain does not work: %+v", a.Domains)
	}
	h.ok(h.as(h.verdiAdmin, func(tx *store.Tx) error { d.Name = "victim.example"; return tx.Domains.Update(h.ctx, &d) }))
	if a := h.account(h.bruno.ID); len(a.Domains) != 0 {
		h.Errorf("a renamed domain is still proven: %+v", a.Domains)
	}
}

func sharedAddresses(h *house) {
	mine, theirs := egress(h.anna.ID, "mine", "198.51.100.0/28"), egress(h.carlo.ID, "theirs", "198.51.100.8")
	make1 := func(v tenant.Switch) func(tx *store.Tx) error {
		return func(tx *store.Tx) error { return tx.Switches.Create(h.ctx, &v) }
	}
	h.write(make1(mine))
	carlo := tenant.Principal{Kind: tenant.PrincipalUser, Email: "carlo@rossi.example", Role: tenant.RoleCustomer, Access: tenant.AccessAdmin, Company: h.carlo.Company, Customer: h.carlo.ID}
	f := h.refusedTo(carlo, tenant.CodeInUse, make1(theirs))
	if strings.Contains(f.Error(), "anna") || strings.Contains(f.Error(), "mine") {
		h.Errorf("the fault names the other: %q", f.Error())
	}
	flagged := theirs
	flagged.CLIAuthentication = true
	h.refused(tenant.CodeConflict, make1(flagged))
	own := egress(h.anna.ID, "own", "198.51.100.1")
	own.CLIAuthentication = true
	h.refused(tenant.CodeConflict, make1(own))
	prefixed := theirs
	prefixed.TechPrefix = "77"
	h.refused(tenant.CodeInUse, make1(prefixed)) // mine has none, so it would take all that begins so
	a1, b1 := egress(h.anna.ID, "a1", "198.51.101.0/28"), egress(h.carlo.ID, "b1", "198.51.101.8")
	a1.TechPrefix, b1.TechPrefix = "77", "771"
	h.write(make1(a1))
	if f := h.refused(tenant.CodeInUse, make1(b1)); !strings.Contains(f.Error(), "customer anna") {
		h.Errorf("the platform is not told whose it is: %q", f.Error())
	}
	b1.TechPrefix = "78"
	h.write(make1(b1))
	sharedDIDs(h)
	six := egress(h.bruno.ID, "six", "2001:db8::/64")
	h.write(make1(six))
	h.refused(tenant.CodeInUse, make1(egress(h.carlo.ID, "six", "2001:db8::1")))

	a, b := egress(h.anna.ID, "a", "203.0.113.1"), egress(h.carlo.ID, "b", "203.0.113.0/24")
	a.CLIAuthentication, b.CLIAuthentication = true, true
	h.write(make1(a))
	h.write(make1(b))
	cli := func(c tenant.CustomerID) func(tx *store.Tx) error {
		return func(tx *store.Tx) error {
			return tx.CLIs.Create(h.ctx, &tenant.CLI{Customer: c, Match: "exact", Value: "0401234"})
		}
	}
	h.write(cli(h.anna.ID))
	h.refused(tenant.CodeInUse, cli(h.carlo.ID))
	h.refused(tenant.CodeInUse, func(tx *store.Tx) error { // a DID is a CLI, too
		return tx.CLIs.Create(h.ctx, &tenant.CLI{Customer: h.carlo.ID, Match: "exact", Value: "+39040333"})
	})
}

// sharedDIDs: DIDs tell two customers at one address apart as long as each has some of his own.
func sharedDIDs(h *house) {
	make1 := func(c tenant.CustomerID, name, address string) func(tx *store.Tx) error {
		return func(tx *store.Tx) error { v := egress(c, name, address); return tx.Switches.Create(h.ctx, &v) }
	}
	did := func(c tenant.CustomerID, number string) *tenant.DID {
		sw := tenant.NewSwitch()
		sw.Customer, sw.Name, sw.Direction, sw.Host = c, "to "+number, tenant.Ingress, "192.0.2.50"
		h.write(func(tx *store.Tx) error { return tx.Switches.Create(h.ctx, &sw) })
		return &tenant.DID{Customer: c, Number: number, Switch: sw.ID}
	}
	make2 := func(d *tenant.DID) func(tx *store.Tx) error {
		return func(tx *store.Tx) error { return tx.DIDs.Create(h.ctx, d) }
	}
	h.write(make1(h.anna.ID, "d1", "198.51.102.0/24"))
	mine, theirs := did(h.anna.ID, "39040111"), did(h.carlo.ID, "39040222")
	h.write(make2(mine))
	h.refused(tenant.CodeInUse, make1(h.carlo.ID, "d2", "198.51.102.1"))
	h.write(make2(theirs))
	h.write(make1(h.carlo.ID, "d2", "198.51.102.1"))
	h.refused(tenant.CodeInUse, make2(did(h.carlo.ID, "39040111")))
	h.refused(tenant.CodeInUse, func(tx *store.Tx) error { return tx.DIDs.Delete(h.ctx, mine.ID) })
	h.write(make2(did(h.anna.ID, "39040333")))
	h.write(func(tx *store.Tx) error { return tx.DIDs.Delete(h.ctx, mine.ID) })
}

// wideRanges: a range that many could be in is for the platform to give.
func wideRanges(h *house) {
	make1 := func(address string) func(tx *store.Tx) error {
		return func(tx *store.Tx) error {
			v := egress(h.anna.ID, address, address)
			return tx.Switches.Create(h.ctx, &v)
		}
	}
	for address, wide := range map[string]bool{"203.0.112.0/23": true, "203.0.113.0/24": false, "2001:db8::/47": true, "2001:db8::/48": false} {
		if wide {
			h.refusedTo(h.verdiAdmin, tenant.CodeForbidden, make1(address))
		} else {
			h.ok(h.as(h.verdiAdmin, make1(address)))
		}
	}
	h.write(make1("203.0.112.0/23"))
}

func evaluation(h *house) {
	names := []string{"late", "first", "second", "third"}
	h.write(func(tx *store.Tx) error {
		for i, name := range names {
			d := destination(h.anna.ID, name)
			if name == "late" {
				d.Priority = 20
			}
			if name == "third" {
				d.Position = 0 // no place of its own: after those that have one
			} else {
				d.Position = 10 - i
			}
			if err := tx.Destinations.Create(h.ctx, &d); err != nil {
				return err
			}
		}
		return nil
	})
	var got []string
	for _, d := range h.account(h.anna.ID).Destinations {
		got = append(got, d.Name)
	}
	if want := []string{"second", "first", "third", "late"}; !slices.Equal(got, want) {
		h.Errorf("order %v, want %v", got, want)
	}
}
