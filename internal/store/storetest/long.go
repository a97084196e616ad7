package storetest

import (
	"errors"
	"fmt"
	"slices"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// longLists: however long a list is, and whatever else of the customer has changed meanwhile, an
// account holds it as it stands.
func longLists(h *house) {
	const many = 2500
	entry := func(i int) tenant.BlocklistEntry {
		return tenant.BlocklistEntry{Customer: h.anna.ID, Prefix: fmt.Sprint("00", 100_000+i)}
	}
	h.write(func(tx *store.Tx) error {
		for i := range many {
			e := entry(i)
			if err := tx.Blocklist.Create(h.ctx, &e); err != nil {
				return err
			}
		}
		return nil
	})
	same := func(when string) []tenant.BlocklistEntry {
		h.Helper()
		account, err := h.s.Account(h.ctx, h.anna.ID)
		h.ok(err)
		listed, err := h.s.Blocklist.All(h.ctx, tenant.Platform(), store.Query{Customer: h.anna.ID})
		h.ok(err)
		byID := func(a, b tenant.BlocklistEntry) int { return int(a.ID - b.ID) }
		slices.SortFunc(listed, byID)
		if !slices.Equal(account.Blocklist, listed) {
			h.Errorf("%s: the account holds %d entries, not the %d that are listed", when, len(account.Blocklist), len(listed))
		}
		return listed
	}
	list := same("at first")
	list[0].Prefix = "changed by whoever asked" // his own copy
	same("once read")
	h.write(func(tx *store.Tx) error {
		h.anna.CallLimit++
		return tx.Customers.Update(h.ctx, &h.anna)
	})
	same("something else changed")
	h.write(func(tx *store.Tx) error {
		e := entry(many)
		first := list[1]
		first.Prefix = "0099"
		return errors.Join(tx.Blocklist.Create(h.ctx, &e), tx.Blocklist.Update(h.ctx, &first), tx.Blocklist.Delete(h.ctx, list[2].ID))
	})
	if list = same("changed"); len(list) != many || list[1].Prefix != "0099" {
		h.Errorf("%d entries, the second one %+v", len(list), list[1])
	}
	taken := errors.New("taken back")
	_, err := h.s.Write(h.ctx, h.platform, tenant.Platform(), func(tx *store.Tx) error {
		return errors.Join(tx.Blocklist.Delete(h.ctx, list[3].ID), taken)
	})
	if !errors.Is(err, taken) {
		h.Errorf("a write that fails: %v", err)
	}
	h.ok(h.s.Try(h.ctx, h.platform, tenant.Platform(), func(tx *store.Tx) error { return tx.Blocklist.Delete(h.ctx, list[3].ID) }))
	same("taken back")
	h.write(func(tx *store.Tx) error {
		for _, e := range list[:many-10] {
			if err := tx.Blocklist.Delete(h.ctx, e.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if list = same("short"); len(list) != 10 {
		h.Errorf("%d entries are left", len(list))
	}
}
