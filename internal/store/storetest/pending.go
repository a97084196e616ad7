package storetest

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// dump is all that is configured, with secrets, without stamps.
func (h *house) dump() string {
	h.Helper()
	var b strings.Builder
	add := func(v any, err error) {
		h.ok(err)
		text, err := json.Marshal(v)
		h.ok(err)
		b.Write(append(text, '\n'))
	}
	companies, err := h.s.Companies.All(h.ctx, tenant.Platform(), store.Query{})
	for i := range companies {
		companies[i].Stamp = tenant.Stamp{}
	}
	add(companies, err)
	users, err := h.s.Users.All(h.ctx, tenant.Platform(), store.Query{})
	for i := range users {
		users[i].Stamp = tenant.Stamp{}
		hash, err := h.s.UserHash(h.ctx, users[i].ID)
		add(hash, err)
	}
	add(users, err)
	for a, err := range h.s.Accounts(h.ctx) {
		h.ok(err)
		b.WriteString(unstamped(a.Customer.Name, a) + "\n")
		creds, err := h.s.SIPCredentials(h.ctx, a.Customer.ID)
		add(creds, err)
		add(a.Passwords, nil)
		for id, secret := range a.Passwords {
			b.WriteString(a.Customer.Name + string(rune(id)) + string(secret) + "\n")
		}
	}
	return b.String()
}

// unstamped is an account as JSON without versions and times.
func unstamped(name string, a *tenant.Account) string {
	text, _ := json.Marshal(a)
	var v any
	_ = json.Unmarshal(text, &v)
	var strip func(any)
	strip = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			delete(v, "version")
			delete(v, "updated_at")
			for _, x := range v {
				strip(x)
			}
		case []any:
			for _, x := range v {
				strip(x)
			}
		}
	}
	strip(v)
	text, _ = json.Marshal(v)
	return name + ": " + string(text)
}

// scenery gives anna and bruno some of each noun.
type scenery struct {
	dialer, carrier tenant.Switch
	joe, ann, bob   tenant.SIPUser
	did             tenant.DID
	one, two        tenant.Destination
	ops             tenant.User
	profile         tenant.SIPProfile
}

func (h *house) furnish() *scenery {
	h.Helper()
	s := &scenery{dialer: egress(h.anna.ID, "dialer", "198.51.100.0/28"), carrier: ingress(h.anna.ID, "carrier")}
	s.carrier.Username = "acct"
	s.one, s.two = destination(h.anna.ID, "one"), destination(h.anna.ID, "two")
	s.profile = tenant.NewProfile()
	s.profile.Name, s.profile.Company = "office", h.verdi.ID
	user := func(v *tenant.SIPUser, c tenant.CustomerID, name string) {
		*v = tenant.SIPUser{}
		v.Customer, v.Username = c, name
	}
	user(&s.joe, h.anna.ID, "1001")
	user(&s.ann, h.anna.ID, "1002")
	user(&s.bob, h.bruno.ID, "2001")
	s.ops = tenant.User{Email: "bruno@verdi.example", Role: tenant.RoleCustomer, Access: tenant.AccessAdmin, Company: h.verdi.ID, Customer: h.bruno.ID}
	h.write(func(tx *store.Tx) error {
		if err := errors.Join(
			tx.Switches.Create(h.ctx, &s.dialer), tx.Switches.Create(h.ctx, &s.carrier), tx.SetSwitchPassword(h.ctx, s.carrier.ID, "to the carrier"),
			tx.Destinations.Create(h.ctx, &s.one), tx.Destinations.Create(h.ctx, &s.two), tx.SIPProfiles.Create(h.ctx, &s.profile),
			tx.Domains.Create(h.ctx, &tenant.Domain{Customer: h.bruno.ID, Name: "bruno.example"}),
		); err != nil {
			return err
		}
		s.joe.Profile = s.profile.ID
		if err := errors.Join(
			tx.SIPUsers.Create(h.ctx, &s.joe), tx.SetSIPPassword(h.ctx, s.joe.ID, password),
			tx.SIPUsers.Create(h.ctx, &s.ann), tx.SetSIPPassword(h.ctx, s.ann.ID, password+"2"),
			tx.SIPUsers.Create(h.ctx, &s.bob), tx.SetSIPPassword(h.ctx, s.bob.ID, password+"3"),
			tx.Users.Create(h.ctx, &s.ops), tx.SetUserPassword(h.ctx, s.ops.ID, password),
		); err != nil {
			return err
		}
		s.did = tenant.DID{Customer: h.anna.ID, Number: "390401", SIPUser: s.joe.ID}
		return tx.DIDs.Create(h.ctx, &s.did)
	})
	return s
}

// provisionally writes what goes back unless it is confirmed, and gives what waits then.
func (h *house) provisionally(fn func(tx *store.Tx) error) *store.Pending {
	h.Helper()
	h.write(func(tx *store.Tx) error {
		if err := tx.Provisional(h.ctx, "tenants.yaml", time.Now().Add(time.Hour)); err != nil {
			return err
		}
		return fn(tx)
	})
	p, err := h.s.Pending(h.ctx)
	h.ok(err)
	if p == nil {
		h.Fatal("nothing waits to be confirmed")
	}
	return p
}

// upheaval makes, changes, renames, moves and deletes some of all.
func (h *house) upheaval(s *scenery) func(tx *store.Tx) error {
	return func(tx *store.Tx) error {
		company := tenant.Company{Name: "Bianchi"}
		if err := tx.Companies.Create(h.ctx, &company); err != nil {
			return err
		}
		fresh := tenant.NewCustomer()
		fresh.Name, fresh.Company = "dora", company.ID
		if err := errors.Join(tx.DIDs.Delete(h.ctx, s.did.ID), tx.SIPUsers.Delete(h.ctx, s.joe.ID), tx.Customers.Delete(h.ctx, h.bruno.ID), tx.Customers.Create(h.ctx, &fresh)); err != nil {
			return err
		}
		anna, carlo, one, two, dialer := h.anna, h.carlo, s.one, s.two, s.dialer
		anna.Name, anna.CPS, carlo.Company = "bruno", 50, company.ID
		one.Name, two.Name, dialer.Addresses = "two", "other", []string{"198.51.100.64/28"}
		d, u := destination(fresh.ID, "new"), tenant.User{Email: "new@bianchi.example", Role: tenant.RoleCompany, Access: tenant.AccessAdmin, Company: company.ID}
		anna.Version, carlo.Version, one.Version, two.Version, dialer.Stamp.Version = 0, 0, 0, 0, 0
		return errors.Join(
			tx.Customers.Update(h.ctx, &anna), tx.Customers.Update(h.ctx, &carlo), tx.Destinations.Update(h.ctx, &two), tx.Destinations.Update(h.ctx, &one),
			tx.Switches.Update(h.ctx, &dialer), tx.SetSwitchPassword(h.ctx, s.carrier.ID, "another"), tx.SetSIPPassword(h.ctx, s.ann.ID, password+"9"),
			tx.Destinations.Create(h.ctx, &d), tx.Users.Create(h.ctx, &u),
		)
	}
}

// wentBack: what was applied goes back to the byte, ids and secrets of what was deleted with it.
func wentBack(h *house) {
	s := h.furnish()
	h.write(func(tx *store.Tx) error { tx.MarkApplied([]tenant.CompanyID{h.verdi.ID}, nil); return nil })
	mark, _, err := h.s.Applied(h.ctx, h.verdi.ID, 0)
	h.ok(err)
	before := h.dump()
	p := h.provisionally(func(tx *store.Tx) error {
		tx.MarkApplied([]tenant.CompanyID{h.verdi.ID, h.rossi.ID}, nil)
		return h.upheaval(s)(tx)
	})
	if h.dump() == before {
		h.Fatal("nothing was applied")
	}
	_, err = h.s.Write(h.ctx, h.platform, tenant.Platform(), func(tx *store.Tx) error { return tx.Provisional(h.ctx, "second.yaml", time.Now()) })
	if _, ok := errors.AsType[*store.PendingError](err); !ok || !strings.Contains(err.Error(), "tenants.yaml") {
		h.Errorf("a second one: %v", err)
	}
	revision := h.revision()
	done, err := h.s.GoBack(h.ctx, tenant.System("apply"), p.ID)
	h.ok(err)
	if len(done.Left) != 0 || done.Revision <= revision {
		h.Errorf("%+v", done)
	}
	if after := h.dump(); after != before {
		h.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	if n, _, err := h.s.Applied(h.ctx, h.verdi.ID, 0); n != mark || err != nil {
		h.Errorf("the mark of the last apply is %d, was %d, %v", n, mark, err)
	}
	if _, ok, _ := h.s.Applied(h.ctx, h.rossi.ID, 0); ok {
		h.Error("a mark of an apply that went back")
	}
	if _, err := h.s.GoBack(h.ctx, tenant.System("apply"), p.ID); !errors.Is(err, tenant.ErrNotFound) {
		h.Errorf("goes back twice: %v", err)
	}
	changes, err := h.s.Changes(h.ctx, revision)
	if len(changes.Customers) != 3 || len(changes.GoneCustomers) != 1 || len(changes.GoneCompanies) != 1 || err != nil {
		h.Errorf("the nodes are told of %+v, %v", changes, err)
	}
}

// confirmed: what is confirmed stays, and only some may decide.
func confirmed(h *house) {
	s := h.furnish()
	p := h.provisionally(h.upheaval(s))
	after := h.dump()
	operator := tenant.Principal{Kind: tenant.PrincipalUser, Email: "op@platform.example", Role: tenant.RolePlatform, Access: tenant.AccessOperator, Via: "panel"}
	for _, who := range []tenant.Principal{operator, h.verdiAdmin, h.annaOwn} {
		if _, err := h.s.Confirm(h.ctx, who, p.ID); err == nil {
			h.Errorf("%s confirms", who.Email)
		}
		if _, err := h.s.GoBack(h.ctx, who, p.ID); err == nil {
			h.Errorf("%s takes it back", who.Email)
		}
	}
	_, err := h.s.Confirm(h.ctx, h.platform, p.ID)
	h.ok(err)
	if left, err := h.s.Pending(h.ctx); left != nil || err != nil {
		h.Errorf("still waits: %v %v", left, err)
	}
	if h.dump() != after {
		h.Error("confirming changed something")
	}
	h.provisionally(func(tx *store.Tx) error { return tx.Destinations.Delete(h.ctx, s.two.ID) })
}

// othersStay: what others have changed or built on meanwhile is left, and named.
func othersStay(h *house) {
	s := h.furnish()
	var fresh tenant.SIPUser
	p := h.provisionally(func(tx *store.Tx) error {
		fresh = tenant.SIPUser{}
		fresh.Customer, fresh.Username = h.bruno.ID, "2002"
		one, anna := s.one, h.anna
		one.Host, one.Version, anna.CPS, anna.Version = "192.0.2.99", 0, 9, 0
		return errors.Join(tx.Destinations.Delete(h.ctx, s.two.ID), tx.Destinations.Update(h.ctx, &one), tx.Customers.Update(h.ctx, &anna),
			tx.SIPUsers.Create(h.ctx, &fresh), tx.SetSIPPassword(h.ctx, fresh.ID, password))
	})
	again := destination(h.anna.ID, "two")
	again.Host = "192.0.2.55"
	h.ok(h.as(h.verdiAdmin, func(tx *store.Tx) error {
		one, err := tx.Destinations.Get(h.ctx, s.one.ID)
		one.Priority = 77
		did := tenant.DID{Customer: h.bruno.ID, Number: "390402", SIPUser: fresh.ID}
		return errors.Join(err, tx.Destinations.Update(h.ctx, &one), tx.Destinations.Create(h.ctx, &again), tx.DIDs.Create(h.ctx, &did))
	}))
	done, err := h.s.GoBack(h.ctx, tenant.System("apply"), p.ID)
	h.ok(err)
	text, _ := json.Marshal(done.Left)
	for _, want := range []string{`"name":"one","customer":"anna","why":"ops@verdi.example has changed it`, `"name":"two","customer":"anna","why":"its name`, `"name":"2002","customer":"bruno","why":"what is there now`} {
		if !strings.Contains(string(text), want) {
			h.Errorf("%s is not named in %s", want, text)
		}
	}
	a := h.account(h.anna.ID)
	if len(done.Left) != 3 || a.Customer.CPS != h.anna.CPS || len(a.Destinations) != 2 || a.Destinations[0].Host != "192.0.2.55" || a.Destinations[1].Host != "192.0.2.99" {
		h.Errorf("%s\n%+v", text, a.Destinations)
	}
}
