package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// A noun of carlo's, of which nobody at verdi may learn anything.
type foreign struct {
	name string
	get  func(context.Context, tenant.Scope) error
	list func(context.Context, tenant.Scope) (int, error)
	edit func(*store.Tx) error
	drop func(*store.Tx) error
	make func(*store.Tx) error
}

func noun[T any, ID ~int64](name string, r store.Reader[T, ID], w func(*store.Tx) store.Writer[T, ID], v T, id ID) foreign {
	return foreign{
		name: name,
		get:  func(ctx context.Context, s tenant.Scope) error { _, err := r.Get(ctx, s, id); return err },
		list: func(ctx context.Context, s tenant.Scope) (int, error) {
			p, err := r.List(ctx, s, store.Query{})
			return len(p.Items), err
		},
		edit: func(tx *store.Tx) error { c := v; return w(tx).Update(context.Background(), &c) },
		drop: func(tx *store.Tx) error { return w(tx).Delete(context.Background(), id) },
		make: func(tx *store.Tx) error { c := v; return w(tx).Create(context.Background(), &c) },
	}
}

// fill gives carlo one of everything.
func (h *house) fill() []foreign {
	c := h.carlo.ID
	dom := tenant.Domain{Customer: c, Name: "carlo.example"}
	grp := tenant.DestinationGroup{Customer: c, Number: 2, Name: "two"}
	dst := destination(c, "pbx")
	rr := tenant.NewRoutingRule()
	rr.Customer, rr.Name, rr.Header, rr.Value = c, "r", "from", "x"
	fr := tenant.NewFirewallRule()
	fr.Customer, fr.Name, fr.Header, fr.Value, fr.Action = c, "f", "from", "x", "drop"
	bl := tenant.BlocklistEntry{Customer: c, Prefix: "00882"}
	wl := tenant.WhitelistEntry{Customer: c, CIDR: "192.0.2.1"}
	sw := ingress(c, "carrier")
	cli := tenant.NewCLI()
	cli.Customer, cli.Value = c, "0401234"
	su := tenant.SIPUser{Customer: c, Username: "1001"}
	usr := tenant.User{Email: "boss@rossi.example", Role: tenant.RoleCompany, Access: tenant.AccessAdmin, Company: h.rossi.ID}
	prf := tenant.NewProfile()
	prf.Name, prf.Company = "home", h.rossi.ID
	key := tenant.APIKey{Name: "k", Role: tenant.RoleCompany, Access: tenant.AccessAdmin, Company: h.rossi.ID}
	did := tenant.DID{Customer: c, Number: "39040555"}
	ctx := h.ctx
	h.write(func(tx *store.Tx) error {
		err := errors.Join(tx.Domains.Create(ctx, &dom), tx.Groups.Create(ctx, &grp), tx.Destinations.Create(ctx, &dst),
			tx.RoutingRules.Create(ctx, &rr), tx.FirewallRules.Create(ctx, &fr), tx.Blocklist.Create(ctx, &bl), tx.Whitelist.Create(ctx, &wl),
			tx.Switches.Create(ctx, &sw), tx.CLIs.Create(ctx, &cli), tx.SIPUsers.Create(ctx, &su), tx.SetSIPPassword(ctx, su.ID, "correct horse"),
			tx.Users.Create(ctx, &usr), tx.SIPProfiles.Create(ctx, &prf))
		did.SIPUser = su.ID
		_, keyErr := tx.NewAPIKey(ctx, &key)
		return errors.Join(err, tx.DIDs.Create(ctx, &did), keyErr)
	})
	return []foreign{
		noun("company", h.s.Companies, func(t *store.Tx) store.Writer[tenant.Company, tenant.CompanyID] { return t.Companies }, h.rossi, h.rossi.ID),
		noun("customer", h.s.Customers, func(t *store.Tx) store.Writer[tenant.Customer, tenant.CustomerID] { return t.Customers }, h.carlo, c),
		noun("user", h.s.Users, func(t *store.Tx) store.Writer[tenant.User, tenant.UserID] { return t.Users }, usr, usr.ID),
		noun("key", h.s.APIKeys, func(t *store.Tx) store.Writer[tenant.APIKey, tenant.KeyID] { return t.APIKeys }, key, key.ID),
		noun("profile", h.s.SIPProfiles, func(t *store.Tx) store.Writer[tenant.SIPProfile, tenant.ProfileID] { return t.SIPProfiles }, prf, prf.ID),
		noun("domain", h.s.Domains, func(t *store.Tx) store.Writer[tenant.Domain, tenant.DomainID] { return t.Domains }, dom, dom.ID),
		noun("group", h.s.Groups, func(t *store.Tx) store.Writer[tenant.DestinationGroup, tenant.GroupID] { return t.Groups }, grp, grp.ID),
		noun("destination", h.s.Destinations, func(t *store.Tx) store.Writer[tenant.Destination, tenant.DestinationID] { return t.Destinations }, dst, dst.ID),
		noun("routing", h.s.RoutingRules, func(t *store.Tx) store.Writer[tenant.RoutingRule, tenant.RuleID] { return t.RoutingRules }, rr, rr.ID),
		noun("firewall", h.s.FirewallRules, func(t *store.Tx) store.Writer[tenant.FirewallRule, tenant.RuleID] { return t.FirewallRules }, fr, fr.ID),
		noun("blocklist", h.s.Blocklist, func(t *store.Tx) store.Writer[tenant.BlocklistEntry, tenant.EntryID] { return t.Blocklist }, bl, bl.ID),
		noun("whitelist", h.s.Whitelist, func(t *store.Tx) store.Writer[tenant.WhitelistEntry, tenant.EntryID] { return t.Whitelist }, wl, wl.ID),
		noun("switch", h.s.Switches, func(t *store.Tx) store.Writer[tenant.Switch, tenant.SwitchID] { return t.Switches }, sw, sw.ID),
		noun("cli", h.s.CLIs, func(t *store.Tx) store.Writer[tenant.CLI, tenant.EntryID] { return t.CLIs }, cli, cli.ID),
		noun("did", h.s.DIDs, func(t *store.Tx) store.Writer[tenant.DID, tenant.EntryID] { return t.DIDs }, did, did.ID),
		noun("sip user", h.s.SIPUsers, func(t *store.Tx) store.Writer[tenant.SIPUser, tenant.SIPUserID] { return t.SIPUsers }, su, su.ID),
	}
}

// crossTenant walks every noun and every operation from the other company and from a customer of it.
func crossTenant(h *house) {
	nouns := h.fill()
	for _, p := range []tenant.Principal{h.verdiAdmin, h.annaOwn} {
		for _, n := range nouns {
			label := fmt.Sprintf("%s as %s", n.name, p.Role)
			if err := n.get(h.ctx, p.Scope()); !errors.Is(err, tenant.ErrNotFound) {
				h.Errorf("get %s: %v, want not found", label, err)
			}
			for what, fn := range map[string]func(*store.Tx) error{"edit": n.edit, "drop": n.drop} {
				if err := h.as(p, fn); !errors.Is(err, tenant.ErrNotFound) {
					h.Errorf("%s %s: %v, want not found", what, label, err)
				}
			}
			err := h.as(p, n.make)
			if !errors.Is(err, tenant.ErrNotFound) && !errors.Is(err, tenant.ErrForbidden) {
				h.Errorf("make %s: %v, want not found or forbidden", label, err)
			}
			for _, name := range []string{"arlo", "ossi"} {
				if err != nil && n.name != "domain" && strings.Contains(err.Error(), name) {
					h.Errorf("make %s names the other tenant: %v", label, err)
				}
			}
		}
		for _, q := range []store.Query{{Customer: h.carlo.ID}, {Company: h.rossi.ID}} {
			if _, err := h.s.Destinations.List(h.ctx, p.Scope(), q); !errors.Is(err, tenant.ErrNotFound) {
				h.Errorf("list of %+v as %s: %v, want not found", q, p.Role, err)
			}
		}
		if page, err := h.s.Audit(h.ctx, p.Scope(), store.Query{Q: "carlo"}); err != nil || len(page.Items) > 0 {
			h.Errorf("the audit shows %d entries of another tenant to %s (%v)", len(page.Items), p.Role, err)
		}
	}
	h.noForeignItems()
}

// noForeignItems: what verdi lists is its own.
func (h *house) noForeignItems() {
	h.Helper()
	scope := h.verdiAdmin.Scope()
	list, err := h.s.Customers.All(h.ctx, scope, store.Query{})
	h.ok(err)
	if len(list) != 2 {
		h.Errorf("verdi sees %d customers, want 2", len(list))
	}
	full, err := h.s.FullAccounts(h.ctx, h.annaOwn.Scope(), []tenant.CustomerID{h.anna.ID, h.bruno.ID, h.carlo.ID})
	h.ok(err)
	if len(full) != 1 || full[0].Customer.ID != h.anna.ID {
		h.Errorf("anna sees %d accounts, want her own", len(full))
	}
}

func noMoving(h *house) {
	d := destination(h.anna.ID, "pbx")
	h.write(func(tx *store.Tx) error { return tx.Destinations.Create(h.ctx, &d) })
	moved := d
	moved.Customer = h.carlo.ID
	h.refused(tenant.CodeFixed, func(tx *store.Tx) error { return tx.Destinations.Update(h.ctx, &moved) })
	customer := h.anna
	customer.Company = h.rossi.ID
	h.refusedTo(h.verdiAdmin, tenant.CodeNotFound, func(tx *store.Tx) error { return tx.Customers.Update(h.ctx, &customer) })
	h.write(func(tx *store.Tx) error { return tx.Customers.Update(h.ctx, &customer) }) // the platform may
	if _, err := h.s.Customers.Get(h.ctx, h.verdiAdmin.Scope(), h.anna.ID); !errors.Is(err, tenant.ErrNotFound) {
		h.Errorf("after the move verdi still sees anna: %v", err)
	}
}

func rights(h *house) {
	reader := h.verdiAdmin
	reader.Access = tenant.AccessReadOnly
	operator := h.verdiAdmin
	operator.Access = tenant.AccessOperator
	d := destination(h.anna.ID, "pbx")
	h.refusedTo(reader, tenant.CodeForbidden, func(tx *store.Tx) error { return tx.Destinations.Create(h.ctx, &d) })
	h.ok(h.as(operator, func(tx *store.Tx) error { return tx.Destinations.Create(h.ctx, &d) }))
	usr := tenant.User{Email: "a@b.example", Role: tenant.RoleCompany, Access: tenant.AccessAdmin, Company: h.verdi.ID}
	h.refusedTo(operator, tenant.CodeForbidden, func(tx *store.Tx) error { return tx.Users.Create(h.ctx, &usr) })
	usr.Role, usr.Company = tenant.RolePlatform, 0
	h.refusedTo(h.verdiAdmin, tenant.CodeForbidden, func(tx *store.Tx) error { return tx.Users.Create(h.ctx, &usr) })
	limit := h.anna
	limit.CallLimit = 5
	h.refusedTo(h.annaOwn, tenant.CodeForbidden, func(tx *store.Tx) error { return tx.Customers.Update(h.ctx, &limit) })
	h.ok(h.as(h.verdiAdmin, func(tx *store.Tx) error { return tx.Customers.Update(h.ctx, &limit) }))
	company := h.verdi
	company.Channels = 1000
	h.refusedTo(h.verdiAdmin, tenant.CodeForbidden, func(tx *store.Tx) error { return tx.Companies.Update(h.ctx, &company) })
	wide := tenant.WhitelistEntry{Customer: h.anna.ID, CIDR: "10.0.0.0/8"}
	h.refusedTo(h.annaOwn, tenant.CodeForbidden, func(tx *store.Tx) error { return tx.Whitelist.Create(h.ctx, &wide) })
	h.write(func(tx *store.Tx) error { return tx.Whitelist.Create(h.ctx, &wide) })
}

func noScope(h *house) {
	fn := func(tx *store.Tx) error { return tx.Customers.Delete(h.ctx, h.anna.ID) }
	if _, err := h.s.Write(h.ctx, h.platform, tenant.Scope{}, fn); err == nil {
		h.Error("a write without a scope went through")
	}
	if _, err := h.s.Write(h.ctx, tenant.Principal{}, tenant.Platform(), fn); err == nil {
		h.Error("a write without a principal went through")
	}
	for _, s := range []tenant.Scope{tenant.Platform(), tenant.OfCompany(h.rossi.ID), tenant.OfCustomer(h.carlo.ID)} {
		if _, err := h.s.Write(h.ctx, h.verdiAdmin, s, fn); !errors.Is(err, tenant.ErrNotFound) {
			h.Errorf("a write in a wider scope: %v, want not found", err)
		}
	}
	if _, err := h.s.Write(h.ctx, h.verdiAdmin, tenant.OfCustomer(h.bruno.ID), fn); !errors.Is(err, tenant.ErrNotFound) {
		h.Errorf("in bruno's scope anna is seen: %v", err)
	}
	page, err := h.s.Customers.List(h.ctx, tenant.Scope{}, store.Query{})
	if err != nil || len(page.Items) != 0 {
		h.Errorf("without a scope %d customers are listed (%v)", len(page.Items), err)
	}
	if _, err := h.s.Customers.Get(h.ctx, tenant.Scope{}, h.anna.ID); !errors.Is(err, tenant.ErrNotFound) {
		h.Errorf("get without a scope: %v", err)
	}
}
