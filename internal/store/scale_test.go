package store_test

import (
	"fmt"
	"testing"
	"time"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// city fills a store with customers of rules routing rules each.
func city(tb testing.TB, s *store.Store, customers, rules int) {
	tb.Helper()
	ctx := tb.Context()
	_, err := s.Write(ctx, tenant.Local("bench"), tenant.Platform(), func(tx *store.Tx) error {
		company := tenant.Company{Name: "Verdi"}
		if err := tx.Companies.Create(ctx, &company); err != nil {
			return err
		}
		for i := range customers {
			if err := house(tb, tx, company.ID, i, rules); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
}

func house(tb testing.TB, tx *store.Tx, company tenant.CompanyID, i, rules int) error {
	tb.Helper()
	ctx := tb.Context()
	c := tenant.NewCustomer()
	c.Name, c.Company, c.DestinationGroupsEnabled = fmt.Sprintf("customer%05d", i), company, true
	if err := tx.Customers.Create(ctx, &c); err != nil {
		return err
	}
	if err := tx.Domains.Create(ctx, &tenant.Domain{Customer: c.ID, Name: fmt.Sprintf("c%05d.example.com", i)}); err != nil {
		return err
	}
	d := tenant.NewDestination()
	d.Customer, d.Name, d.Host = c.ID, "pbx", fmt.Sprintf("10.%d.%d.1", i/256, i%256)
	if err := tx.Destinations.Create(ctx, &d); err != nil {
		return err
	}
	for n := range rules {
		r := tenant.NewRoutingRule()
		r.Customer, r.Name, r.Header, r.Value, r.Priority = c.ID, fmt.Sprintf("rule %d", n), "user-agent", fmt.Sprintf("^Phone %d/%d", n, i), n
		if err := tx.RoutingRules.Create(ctx, &r); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkScale is 10,000 customers with 10 rules each: filling once, loading all at start-up,
// one change, and what a node does to follow it.
func BenchmarkScale(b *testing.B) {
	s, err := store.Open(b.Context(), store.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	start := time.Now()
	city(b, s, 10_000, 10)
	b.Logf("10,000 customers and 100,000 rules written in %v", time.Since(start).Round(time.Millisecond))
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			n := 0
			for _, err := range s.Accounts(b.Context()) {
				if err != nil {
					b.Fatal(err)
				}
				n++
			}
			if n != 10_000 {
				b.Fatalf("%d accounts", n)
			}
		}
	})
	b.Run("change", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			change(b, s, tenant.CustomerID(i%10_000+1), i)
		}
	})
	b.Run("follow", func(b *testing.B) {
		rev, err := s.Revision(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			c, err := s.Changes(b.Context(), rev-1)
			if err != nil || len(c.Customers) != 1 {
				b.Fatal(c, err)
			}
			if _, err := s.Account(b.Context(), c.Customers[0]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkLongList is a customer with 100,000 blocked prefixes: a change of something else, and what a
// node does to follow it.
func BenchmarkLongList(b *testing.B) {
	s, err := store.Open(b.Context(), store.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	city(b, s, 1, 0)
	_, err = s.Write(b.Context(), tenant.Local("bench"), tenant.Platform(), func(tx *store.Tx) error {
		for i := range 100_000 {
			if err := tx.Blocklist.Create(b.Context(), &tenant.BlocklistEntry{Customer: 1, Prefix: fmt.Sprint("00", 1_000_000+i)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("change", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			change(b, s, 1, i)
		}
	})
	b.Run("follow", func(b *testing.B) {
		for b.Loop() {
			if a, err := s.Account(b.Context(), 1); err != nil || len(a.Blocklist) != 100_000 {
				b.Fatal(err)
			}
		}
	})
}

func change(b *testing.B, s *store.Store, id tenant.CustomerID, i int) {
	b.Helper()
	_, err := s.Write(b.Context(), tenant.Local("bench"), tenant.Platform(), func(tx *store.Tx) error {
		v, err := tx.Customers.Get(b.Context(), id)
		if err != nil {
			return err
		}
		v.CallLimit = i + 1
		return tx.Customers.Update(b.Context(), &v)
	})
	if err != nil {
		b.Fatal(err)
	}
}
