// Package storetest is the contract of package store as tests: every backend has to pass it.
package storetest

import (
	"context"
	"errors"
	"testing"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// Opener gives an empty store that is closed at the end of the test.
type Opener func(t *testing.T) *store.Store

// Run runs the whole suite, each test on a store of its own.
func Run(t *testing.T, open Opener) {
	t.Helper()
	for _, c := range []struct {
		name string
		fn   func(*house)
	}{
		{"revision and changes", revisions},
		{"nothing half-written", atomicity},
		{"group 1", groupOne},
		{"groups off", groupsOff},
		{"duplicates never name the other", duplicates},
		{"references", references},
		{"versions", versions},
		{"realm", realm},
		{"domains prove themselves", provenDomains},
		{"another tenant's is not found", crossTenant},
		{"nobody moves a noun to another tenant", noMoving},
		{"rights", rights},
		{"no scope, no query", noScope},
		{"audit without secrets", audited},
		{"SIP passwords", sipPasswords},
		{"switch passwords", switchPasswords},
		{"panel passwords and PINs", otherSecrets},
		{"channel capacity", capacity},
		{"channel capacity, many at once", capacityRace},
		{"channels move within a customer", channelsMove},
		{"an account becomes limited", capacityBegins},
		{"generated passwords", generatedPasswords},
		{"shared addresses", sharedAddresses},
		{"wide ranges", wideRanges},
		{"API keys", apiKeys},
		{"people in the panel", people},
		{"requests for channels", requested},
		{"lists", lists},
		{"long lists", longLists},
		{"hostile text", hostile},
		{"accounts", accounts},
		{"order of evaluation", evaluation},
		{"profiles", profiles},
		{"capacity of a profile", profileCapacity},
		{"a file's marks", applied},
		{"an apply goes back", wentBack},
		{"an apply is confirmed", confirmed},
		{"an apply goes back around others", othersStay},
		{"call records", cdrs},
		{"many call records", manyCDRs},
		{"call records that are old", oldCDRs},
		{"call records that nobody wants", deadCDRs},
	} {
		t.Run(c.name, func(t *testing.T) { c.fn(newHouse(t, open(t))) })
	}
}

// house is a store with two companies and three customers, two of them of the first company.
type house struct {
	*testing.T
	s                   *store.Store
	ctx                 context.Context
	verdi, rossi        tenant.Company
	anna, bruno, carlo  tenant.Customer // anna and bruno are verdi's, carlo is rossi's
	annaDomain          tenant.Domain
	platform            tenant.Principal
	verdiAdmin, annaOwn tenant.Principal
}

func newHouse(t *testing.T, s *store.Store) *house {
	h := &house{T: t, s: s, ctx: t.Context(), platform: tenant.Local("test")}
	h.verdi, h.rossi = tenant.Company{Name: "Verdi"}, tenant.Company{Name: "Rossi"}
	h.write(func(tx *store.Tx) error {
		if err := errors.Join(tx.Companies.Create(h.ctx, &h.verdi), tx.Companies.Create(h.ctx, &h.rossi)); err != nil {
			return err
		}
		for _, c := range []struct {
			v    *tenant.Customer
			name string
			of   tenant.CompanyID
		}{{&h.anna, "anna", h.verdi.ID}, {&h.bruno, "bruno", h.verdi.ID}, {&h.carlo, "carlo", h.rossi.ID}} {
			*c.v = tenant.NewCustomer()
			c.v.Name, c.v.Company, c.v.DestinationGroupsEnabled = c.name, c.of, true
			if err := tx.Customers.Create(h.ctx, c.v); err != nil {
				return err
			}
		}
		h.annaDomain = tenant.Domain{Customer: h.anna.ID, Name: "Anna.Example."}
		return tx.Domains.Create(h.ctx, &h.annaDomain)
	})
	h.verdiAdmin = tenant.Principal{Kind: tenant.PrincipalUser, Email: "ops@verdi.example", Role: tenant.RoleCompany, Access: tenant.AccessAdmin, Company: h.verdi.ID, From: "192.0.2.1", Via: "panel"}
	h.annaOwn = tenant.Principal{Kind: tenant.PrincipalUser, Email: "anna@verdi.example", Role: tenant.RoleCustomer, Access: tenant.AccessAdmin, Company: h.verdi.ID, Customer: h.anna.ID, From: "192.0.2.2", Via: "panel"}
	return h
}

// write writes as the platform; an error ends the test.
func (h *house) write(fn func(tx *store.Tx) error) int64 {
	h.Helper()
	rev, err := h.s.Write(h.ctx, h.platform, tenant.Platform(), fn)
	if err != nil {
		h.Fatalf("write: %v", err)
	}
	return rev
}

// as writes as somebody else, in all that he sees.
func (h *house) as(p tenant.Principal, fn func(tx *store.Tx) error) error {
	_, err := h.s.Write(h.ctx, p, p.Scope(), fn)
	return err
}

// refused wants a write of the platform to fail with a fault of that code, and gives it.
func (h *house) refused(code tenant.Code, fn func(tx *store.Tx) error) *tenant.Fault {
	h.Helper()
	return h.refusedTo(h.platform, code, fn)
}

// refusedTo wants the same of somebody else, and that nothing has changed.
func (h *house) refusedTo(p tenant.Principal, code tenant.Code, fn func(tx *store.Tx) error) *tenant.Fault {
	h.Helper()
	before := h.revision()
	err := h.as(p, fn)
	if h.revision() != before {
		h.Errorf("a refused write bumped the revision")
	}
	faults := tenant.FaultsOf(err)
	for _, f := range faults {
		if f.Code == code {
			return f
		}
	}
	h.Fatalf("got %v, want a fault of code %s", err, code)
	return nil
}

func (h *house) revision() int64 {
	h.Helper()
	n, err := h.s.Revision(h.ctx)
	h.ok(err)
	return n
}

func (h *house) ok(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *house) account(id tenant.CustomerID) *tenant.Account {
	h.Helper()
	a, err := h.s.Account(h.ctx, id)
	h.ok(err)
	return a
}

func ptr[T any](v T) *T { return &v }

func destination(c tenant.CustomerID, name string) tenant.Destination {
	d := tenant.NewDestination()
	d.Customer, d.Name, d.Host = c, name, "192.0.2.7"
	return d
}

func egress(c tenant.CustomerID, name string, addresses ...string) tenant.Switch {
	v := tenant.NewSwitch()
	v.Customer, v.Name, v.Direction, v.Addresses = c, name, tenant.Egress, addresses
	return v
}

func ingress(c tenant.CustomerID, name string) tenant.Switch {
	v := tenant.NewSwitch()
	v.Customer, v.Name, v.Direction, v.Host = c, name, tenant.Ingress, "sip.carrier.example"
	return v
}
