package storetest

import (
	"fmt"
	"strings"
	"sync"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// capacityRace: however many come at once for the last channels, as many win as there are
// (mission row K1), whether they make users, raise what users have, or raise a profile.
func capacityRace(h *house) {
	const channels, wishes = 5, 24
	p := tenant.NewProfile()
	p.Name, p.Company, p.Channels = "home", h.verdi.ID, 1
	h.write(func(tx *store.Tx) error {
		h.anna.CallLimit = channels
		if err := tx.Customers.Update(h.ctx, &h.anna); err != nil {
			return err
		}
		return tx.SIPProfiles.Create(h.ctx, &p)
	})
	won := h.race(wishes, func(i int) error { return h.user(fmt.Sprint(1000+i), ptr(1)) })
	if won != channels {
		h.Errorf("%d users were made for %d channels", won, channels)
	}
	a := h.account(h.anna.ID)
	if got := tenant.ChannelSum(a); got != channels {
		h.Errorf("the users have %d channels of %d", got, channels)
	}
	h.write(func(tx *store.Tx) error { h.anna.CallLimit = channels + 1; return tx.Customers.Update(h.ctx, &h.anna) })
	won = h.race(len(a.SIPUsers), func(i int) error {
		return h.as(h.platform, func(tx *store.Tx) error {
			u, err := tx.SIPUsers.Get(h.ctx, a.SIPUsers[i].ID)
			if err != nil {
				return err
			}
			u.Channels = ptr(2)
			return tx.SIPUsers.Update(h.ctx, &u)
		})
	})
	if won != 1 {
		h.Errorf("%d users were raised for one channel", won)
	}
}

// race runs wishes at once, gives how many were granted, and wants the mission's words of the others.
func (h *house) race(n int, wish func(i int) error) (won int) {
	h.Helper()
	results := make([]error, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			results[i] = wish(i)
		})
	}
	close(start)
	all.Wait()
	for _, err := range results {
		faults := tenant.FaultsOf(err)
		switch {
		case err == nil:
			won++
		case len(faults) != 1 || faults[0].Code != tenant.CodeNoCapacity || faults[0].Message != tenant.NoChannelCapacity:
			h.Errorf("refused with %v", err)
		}
	}
	return won
}

// channelsMove: a customer's own user moves channels between SIP users, and gets no more of them.
func channelsMove(h *house) {
	h.write(func(tx *store.Tx) error { h.anna.CallLimit = 4; return tx.Customers.Update(h.ctx, &h.anna) })
	h.ok(h.user("1001", ptr(3)))
	h.ok(h.user("1002", ptr(1)))
	users := h.account(h.anna.ID).SIPUsers
	set := func(tx *store.Tx, i, channels int) error {
		u := users[i]
		u.Channels, u.Stamp = ptr(channels), tenant.Stamp{}
		return tx.SIPUsers.Update(h.ctx, &u)
	}
	h.refusedTo(h.annaOwn, tenant.CodeNoCapacity, func(tx *store.Tx) error { return set(tx, 1, 2) })
	h.ok(h.as(h.annaOwn, func(tx *store.Tx) error { // in one write the order does not matter
		if err := set(tx, 1, 3); err != nil {
			return err
		}
		return set(tx, 0, 1)
	}))
	f := h.refusedTo(h.annaOwn, tenant.CodeForbidden, func(tx *store.Tx) error {
		c, err := tx.Customers.Get(h.ctx, h.anna.ID)
		if err != nil {
			return err
		}
		c.CallLimit = 100
		return tx.Customers.Update(h.ctx, &c)
	})
	if f.Field != "call_limit" || f.Want != "ask your company" {
		h.Errorf("a portal user who raises the limit is told %v", f)
	}
	h.ok(h.as(h.verdiAdmin, func(tx *store.Tx) error {
		c, err := tx.Customers.Get(h.ctx, h.anna.ID)
		if err != nil {
			return err
		}
		c.CallLimit = 5
		return tx.Customers.Update(h.ctx, &c)
	}))
	h.ok(h.as(h.annaOwn, func(tx *store.Tx) error { return set(tx, 0, 2) }))
	h.refusedTo(h.annaOwn, tenant.CodeForbidden, func(tx *store.Tx) error {
		p := tenant.NewProfile()
		p.Name, p.Company = "mine", h.verdi.ID
		return tx.SIPProfiles.Create(h.ctx, &p)
	})
}

// capacityBegins: where the account becomes limited, everybody takes at least one channel, and too
// low a limit names those who are in its way, and how many more there are.
func capacityBegins(h *house) {
	const users = 25
	h.ok(h.as(h.platform, func(tx *store.Tx) error {
		for i := range users {
			u := tenant.SIPUser{Customer: h.anna.ID, Username: fmt.Sprint(1000 + i), Channels: ptr(0)}
			if err := tx.SIPUsers.Create(h.ctx, &u); err != nil {
				return err
			}
			if err := tx.SetSIPPassword(h.ctx, u.ID, password); err != nil {
				return err
			}
		}
		return nil
	}))
	limit := func(n int) func(tx *store.Tx) error {
		return func(tx *store.Tx) error {
			c, err := tx.Customers.Get(h.ctx, h.anna.ID)
			if err != nil {
				return err
			}
			c.CallLimit = n
			return tx.Customers.Update(h.ctx, &c)
		}
	}
	f := h.refused(tenant.CodeNoCapacity, limit(users-1))
	if f.Field != "call_limit" || !strings.Contains(f.Message, "below the 25 channels") || !strings.Contains(f.Message, "1000 (1)") || !strings.Contains(f.Message, "and 5 more") {
		h.Errorf("too low a limit: %v", f)
	}
	h.write(limit(users))
	if err := tenant.FaultsOf(h.user("2000", nil)); len(err) != 1 || err[0].Message != tenant.NoChannelCapacity {
		h.Errorf("one more user: %v", err)
	}
	h.write(limit(0))
	h.ok(h.user("2000", nil))
}

// generatedPasswords are long enough, of every kind of character, and no two alike.
func generatedPasswords(h *house) {
	seen := map[string]bool{}
	for range 2000 {
		v := store.GeneratePassword()
		for _, set := range []string{"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", "0123456789", "-_.+="} {
			if !strings.ContainsAny(v, set) {
				h.Fatalf("a generated password without any of %s", set)
			}
		}
		if len(v) < 8 || seen[v] || tenant.CheckPassword("1001", v) != nil {
			h.Fatalf("a generated password of %d characters, seen before: %t", len(v), seen[v])
		}
		seen[v] = true
	}
	for _, bad := range []string{"Short-1", "1234567", "\xff\xff\xff\xff\xff\xff\xff\xff", "line\nbreak"} {
		if tenant.CheckPassword("1001", bad) == nil {
			h.Errorf("%q is taken for a password", bad)
		}
	}
}
