package api_test

import (
	"fmt"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"tollgate/internal/api"
	"tollgate/internal/ban"
	"tollgate/internal/peer"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// slowest is the most server time that a page may take (of a fast machine's: the bench prints it).
const slowest = 300 * time.Millisecond

// BenchmarkBrowse is 10,000 customers of one company browsed: each list, the overview and the
// search, for the platform, the company and one customer. It prints the times of all, and fails
// where one is over 300 ms. `go test ./internal/api -run xxx -bench Browse -benchtime 1x`
func BenchmarkBrowse(b *testing.B) {
	for b.Loop() {
		browse(b)
	}
}

func browse(b *testing.B) {
	kept, err := store.Open(b.Context(), store.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = kept.Close() }()
	node := &fakeNode{bans: ban.New(ban.Config{}), states: map[tenant.DestinationID]peer.State{}}
	handler := api.New(api.Config{Store: kept, Node: node, Log: slog.New(slog.DiscardHandler)})
	company := bigCompany(b, kept, 10_000)
	scopes := []struct{ name, query string }{
		{"platform", ""}, {"company", "company=" + itoa(company)}, {"customer", "customer=5000"},
	}
	for _, path := range []string{
		"overview?", "customers?", "customers?q=customer09999", "domains?", "sip-users?", "sip-users?q=99991", "destinations?", "routing-rules?", "firewall-rules?",
		"blocklist?", "switches?", "dids?", "limits?", "audit?", "calls?", "bindings?", "bans?", "decisions?", "cdrs?", "antifraud?", "find?q=customer09999", "find?q=0409999", "find?q=192.0.2.1", "find?q=nowhere",
	} {
		line := fmt.Sprintf("%-28s", path)
		for _, s := range scopes {
			r := httptest.NewRequestWithContext(api.WithLocal(b.Context(), "root"), "GET", "/api/v1/"+path+"&"+s.query, nil)
			rec := httptest.NewRecorder()
			start := time.Now()
			handler.ServeHTTP(rec, r)
			took := time.Since(start)
			line += fmt.Sprintf("  %s %6.1f ms", s.name, float64(took.Microseconds())/1000)
			if rec.Code != 200 || took > slowest {
				b.Errorf("%s of a %s: %d after %v: %.200s", path, s.name, rec.Code, took, rec.Body)
			}
		}
		b.Log(line)
	}
}

func bigCompany(b *testing.B, s *store.Store, customers int) (id int64) {
	ctx := b.Context()
	_, err := s.Write(ctx, tenant.Local("bench"), tenant.Platform(), func(tx *store.Tx) error {
		company := tenant.Company{Name: "Verdi"}
		if err := tx.Companies.Create(ctx, &company); err != nil {
			return err
		}
		id = int64(company.ID)
		for i := range customers {
			if err := bigCustomer(b, tx, company.ID, i); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return id
}

// bigCustomer has one of each noun that pages list, and ten SIP users.
func bigCustomer(b *testing.B, tx *store.Tx, company tenant.CompanyID, i int) error {
	ctx := b.Context()
	c := tenant.NewCustomer()
	c.Name, c.Company, c.DestinationGroupsEnabled = fmt.Sprintf("customer%05d", i), company, true
	if err := tx.Customers.Create(ctx, &c); err != nil {
		return err
	}
	d := tenant.NewDestination()
	d.Customer, d.Name, d.Host = c.ID, "pbx", fmt.Sprintf("10.%d.%d.1", i/256, i%256)
	f := tenant.NewFirewallRule()
	f.Customer, f.Name, f.Header, f.Value, f.Action = c.ID, "scanner", "user-agent", "friendly", "drop"
	r := tenant.NewRoutingRule()
	r.Customer, r.Name, r.Header, r.Value = c.ID, "fax", "to", "99"
	for _, err := range []error{
		tx.Domains.Create(ctx, &tenant.Domain{Customer: c.ID, Name: fmt.Sprintf("c%05d.example.com", i)}),
		tx.Destinations.Create(ctx, &d), tx.FirewallRules.Create(ctx, &f), tx.RoutingRules.Create(ctx, &r),
		tx.Blocklist.Create(ctx, &tenant.BlocklistEntry{Customer: c.ID, Prefix: "00882"}),
	} {
		if err != nil {
			return err
		}
	}
	for n := range 10 {
		u := tenant.SIPUser{Customer: c.ID, Username: fmt.Sprintf("%05d%d", i, n)}
		if err := tx.SIPUsers.Create(ctx, &u); err != nil {
			return err
		}
		if err := tx.SetSIPPassword(ctx, u.ID, "Correct-Horse-1"); err != nil {
			return err
		}
		if n == 0 {
			if err := tx.DIDs.Create(ctx, &tenant.DID{Customer: c.ID, Number: fmt.Sprintf("39040%07d", i), SIPUser: u.ID}); err != nil {
				return err
			}
		}
	}
	return nil
}
