package store

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"time"

	"tollgate/internal/tenant"
)

// What single nouns need beyond the generic code: the rules that compare before with after, and
// what a change brings along. Rules between the nouns of a customer are tenant.CheckAccount.

func beforeCustomer(c *change, before, after *tenant.Customer) error {
	if after != nil {
		var was time.Time
		if before != nil {
			was = before.TransparentUntil
		}
		if f := transparentEnd(after.Transparent, was, &after.TransparentUntil); f != nil {
			f.Noun, f.Name = tenant.KindCustomer, after.Name
			return f
		}
	}
	if before == nil || after == nil {
		return nil
	}
	if f := c.tx.principal.MayChange(before, after); f != nil {
		return f
	}
	if after.Realm == "" {
		after.Realm = before.Realm // "" is the default, and that was taken at creation
	}
	if before.Realm == "" || before.Realm == after.Realm {
		return nil
	}
	q := c.tx.db.NewSelect().TableExpr("sip_user_secrets").
		Where("owner_id IN (SELECT id FROM sip_users WHERE customer_id = ?)", c.id)
	if used, err := q.Exists(c.ctx); err != nil || !used {
		return err
	}
	return &tenant.Fault{
		Code: tenant.CodeFixed, Noun: tenant.KindCustomer, Name: after.Name, Field: "realm",
		Message: "is fixed at creation: the passwords of the SIP users are stored under " + before.Realm,
		Want:    before.Realm + ", or no SIP users with passwords",
	}
}

func afterCustomer(c *change, before, after *tenant.Customer) error {
	switch {
	case after == nil:
		return nil
	case before == nil:
		group := tenant.DestinationGroup{Customer: after.ID, Number: tenant.DefaultGroup, Name: "default"}
		return c.tx.Groups.insert(c.ctx, &group)
	}
	if before.CallLimit != after.CallLimit {
		c.tx.touched.limitLowered[after.ID] = true
	}
	if before.Company == after.Company {
		return nil
	}
	for _, t := range []string{"users", "api_keys"} { // those of the customer move with it
		if _, err := c.tx.db.NewUpdate().TableExpr(t).Set("company_id = ?", int64(after.Company)).Where("customer_id = ?", c.id).Exec(c.ctx); err != nil {
			return err
		}
	}
	return nil
}

func afterCompany(c *change, before, after *tenant.Company) error {
	if after == nil {
		c.tx.touched.deletedCompanies = append(c.tx.touched.deletedCompanies, *before)
	}
	return nil
}

func beforeUser(c *change, before, after *tenant.User) error {
	if before != nil {
		if err := c.tx.countAdmins(c.ctx); err != nil {
			return err
		}
	}
	if before != nil {
		if f := c.tx.principal.MayGive(before.Role, before.Access); f != nil {
			return tenant.Forbidden("his access is wider than your own", "ask somebody who has it")
		}
	}
	if after == nil {
		return nil
	}
	var was time.Time
	if before != nil {
		was = before.TransparentUntil
	}
	if f := transparentEnd(after.Transparent, was, &after.TransparentUntil); f != nil {
		f.Noun, f.Name = tenant.KindUser, after.Email
		return f
	}
	return c.tx.belong(c, tenant.KindUser, after.Role, after.Access, &after.Company, after.Customer)
}

// transparentEnd judges when transparent mode is to end: off it has no end, and a new one is
// still to come.
func transparentEnd(on bool, was time.Time, until *time.Time) *tenant.Fault {
	if !on {
		*until = time.Time{}
	}
	if until.IsZero() || until.Equal(was) || until.After(time.Now()) {
		return nil
	}
	return &tenant.Fault{
		Code: tenant.CodeInvalid, Field: "transparent_until",
		Message: until.UTC().Format(time.RFC3339) + " has passed", Want: "a time to come, or nothing: without an end",
	}
}

func beforeAPIKey(c *change, before, after *tenant.APIKey) error {
	if before != nil {
		if f := c.tx.principal.MayGive(before.Role, before.Access); f != nil {
			return tenant.Forbidden("its access is wider than your own", "ask somebody who has it")
		}
	}
	if after == nil {
		return nil
	}
	if before != nil {
		after.Hint = before.Hint
	}
	return c.tx.belong(c, tenant.KindAPIKey, after.Role, after.Access, &after.Company, after.Customer)
}

// belong sees that a user or key gets no more than its maker has, and a tenant that he sees.
func (t *Tx) belong(c *change, k tenant.Kind, r tenant.Role, a tenant.Access, company *tenant.CompanyID, customer tenant.CustomerID) error {
	if f := t.principal.MayGive(r, a); f != nil {
		f.Noun = k
		return f
	}
	switch r {
	case tenant.RoleCustomer:
		of, err := t.company(c.ctx, customer)
		*company = of
		return err
	case tenant.RoleCompany:
		_, err := get(c.ctx, t.db, companies(), t.scope, *company)
		return err
	}
	if !t.scope.IsPlatform() {
		return &tenant.Fault{Code: tenant.CodeForbidden, Noun: k, Field: "role", Message: "is wider than your own", Want: "a narrower role"}
	}
	return nil
}

// afterProfile: the values that a profile fills in are part of every account that names it.
func afterProfile(c *change, before, after *tenant.SIPProfile) error {
	if before == nil {
		return nil
	}
	var ids []int64
	err := c.tx.db.NewSelect().Distinct().TableExpr("sip_users").Column("customer_id").Where("profile_id = ?", c.id).Scan(c.ctx, &ids)
	for _, id := range ids {
		c.tx.touch(tenant.CustomerID(id), false)
	}
	switch {
	case after == nil:
		c.tx.deleted(0, tenant.RefProfile(before.ID), "SIP profile "+before.Name)
	case before.Capacity != after.Capacity || before.Channels != after.Channels:
		changed := c.tx.touched.profilesChanged
		changed[after.ID] = changed[after.ID] || before.Capacity != after.Capacity
	}
	return err
}

// beforeDomain: a domain works at once when the platform sets it, else once DNS proves it (mission row D1).
func beforeDomain(c *change, before, after *tenant.Domain) error {
	switch {
	case after == nil || c.tx.principal.Role == tenant.RolePlatform:
		if before == nil {
			after.Proven = true
		}
	case before == nil || before.Name != after.Name:
		after.Proven = false
	default:
		after.Proven = before.Proven
	}
	return nil
}

// afterDomain: the first domain is the realm, where none was given.
func afterDomain(c *change, before, after *tenant.Domain) error {
	if before != nil || after == nil {
		return nil
	}
	customer, err := c.tx.customer(c.ctx, after.Customer)
	if err != nil || customer.Realm != "" {
		return err
	}
	with := customer
	with.Realm = after.Name
	if err := c.tx.Customers.store(c.ctx, &customer, &with); err != nil {
		return err
	}
	return c.tx.Customers.note(c.ctx, &change{ctx: c.ctx, tx: c.tx, action: tenant.ActionUpdate, id: int64(customer.ID)}, &customer, &with)
}

func beforeGroup(c *change, before, after *tenant.DestinationGroup) error {
	fixed := func(g *tenant.DestinationGroup, message, want string) error {
		return &tenant.Fault{Code: tenant.CodeFixed, Noun: tenant.KindGroup, Name: g.Label(), Field: "number", Message: message, Want: want}
	}
	const first = "group 1 is made with the customer and cannot be edited or deleted"
	switch {
	case before != nil && before.Number == tenant.DefaultGroup:
		return fixed(before, first, "groups 2 to 9")
	case after == nil:
		c.tx.deleted(before.Customer, tenant.RefGroup(before.Number), "group "+before.Label())
		return nil
	case after.Number == tenant.DefaultGroup:
		return fixed(after, first, "groups 2 to 9")
	case before != nil && before.Number != after.Number:
		return fixed(after, "a group keeps its number", "another group, or "+before.Label())
	case before == nil:
		return c.tx.groupsOn(c, after.Customer, after)
	}
	return nil
}

func beforeRouting(c *change, before, after *tenant.RoutingRule) error {
	if before != nil || after == nil {
		return nil
	}
	return c.tx.groupsOn(c, after.Customer, after)
}

// groupsOn: while destination groups are off, groups and rules cannot be made (mission row C7).
func (t *Tx) groupsOn(c *change, id tenant.CustomerID, n tenant.Noun) error {
	customer, err := t.customer(c.ctx, id)
	if err != nil || customer.DestinationGroupsEnabled {
		return err
	}
	return tenant.GroupsOff(n)
}

func beforeWhitelist(c *change, _, after *tenant.WhitelistEntry) error {
	if after == nil || c.tx.principal.Role == tenant.RolePlatform || !tenant.Wide(after.CIDR) {
		return nil
	}
	return &tenant.Fault{
		Code: tenant.CodeForbidden, Noun: tenant.KindWhitelist, Name: after.CIDR, Field: "cidr",
		Message: "is wider than /24 (IPv6: /48), which only the platform may whitelist", Want: "narrower ranges",
	}
}

// beforeSwitch: a range as wide as many customers' is for the platform to give.
func beforeSwitch(c *change, _, after *tenant.Switch) error {
	if after == nil || c.tx.principal.Role == tenant.RolePlatform {
		return nil
	}
	for i, a := range after.Addresses {
		if tenant.Wide(a) {
			return &tenant.Fault{
				Code: tenant.CodeForbidden, Noun: tenant.KindSwitch, Name: after.Name, Field: fmt.Sprintf("addresses[%d]", i),
				Message: a + " is wider than /24 (IPv6: /48), which only the platform may enter", Want: "narrower ranges",
			}
		}
	}
	return nil
}

// afterSwitch keeps the ranges by which the entries of two customers are found to overlap.
func afterSwitch(c *change, before, after *tenant.Switch) error {
	if after == nil {
		c.tx.touched.sharing[before.Customer] = true
		c.tx.deleted(before.Customer, tenant.RefSwitch(before.ID), "switch "+before.Name)
		return nil
	}
	c.tx.touched.sharing[after.Customer] = true
	if after.Username != "" && (before == nil || before.Username == "") {
		c.tx.needSecret(switchSecrets, c.id, after.Customer, after)
	}
	if before != nil {
		if _, err := c.tx.db.NewDelete().TableExpr("switch_ranges").Where("switch_id = ?", c.id).Exec(c.ctx); err != nil {
			return err
		}
	}
	if after.Direction != tenant.Egress {
		return nil
	}
	for _, a := range after.Addresses {
		low, high := bounds(a)
		q := c.tx.db.NewRaw("INSERT INTO switch_ranges (switch_id, customer_id, low, high) VALUES (?, ?, ?, ?)", c.id, int64(after.Customer), low, high)
		if _, err := q.Exec(c.ctx); err != nil {
			return err
		}
	}
	return nil
}

// bounds gives the first and last address of a range, as hex digits of IPv6 that sort as the addresses do.
func bounds(cidr string) (low, high string) {
	p, err := netip.ParsePrefix(tenant.CanonicalCIDR(cidr))
	if err != nil {
		return "", ""
	}
	first := p.Addr().As16()
	last := first
	bits := p.Bits()
	if p.Addr().Is4() {
		bits += 96
	}
	for i := bits; i < 128; i++ {
		last[i/8] |= 0x80 >> (i % 8)
	}
	return hex.EncodeToString(first[:]), hex.EncodeToString(last[:])
}

func afterCLI(c *change, before, after *tenant.CLI) error {
	if after != nil {
		c.tx.touched.sharing[after.Customer] = true
	}
	return nil
}

// afterDID: where customers share an address, DIDs may be what tells them apart.
func afterDID(c *change, before, after *tenant.DID) error {
	if before != nil {
		c.tx.touched.sharing[before.Customer] = true
	}
	if after != nil {
		c.tx.touched.sharing[after.Customer] = true
	}
	return nil
}

func beforeSIPUser(c *change, before, after *tenant.SIPUser) error {
	if after == nil {
		c.tx.deleted(before.Customer, tenant.RefSIPUser(before.ID), "SIP user "+before.Username)
	}
	return nil
}

// afterSIPUser: HA1 holds the user name, so a new name needs the password once more.
func afterSIPUser(c *change, before, after *tenant.SIPUser) error {
	if after == nil {
		return nil
	}
	c.tx.touched.usersChanged[after.Customer] = true
	if before != nil && before.Username == after.Username {
		return nil
	}
	if before != nil {
		if _, err := c.tx.db.NewDelete().TableExpr(sipUserSecrets).Where("owner_id = ?", c.id).Exec(c.ctx); err != nil {
			return err
		}
	}
	c.tx.needSecret(sipUserSecrets, c.id, after.Customer, after)
	return nil
}
