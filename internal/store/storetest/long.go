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
	l := long{h}
	h.write(func(tx *store.Tx) error {
		for i := range many {
			e := l.entry(i)
			if err := tx.Blocklist.Create(h.ctx, &e); err != nil {
				return err
			}
		}
		return nil
	})
	list := l.same("at first")
	list[0].Prefix = "changed by whoever asked" // his own copy
	l.same("once read")
	h.write(func(tx *store.Tx) error {
		h.anna.CallLimit++
		return tx.Customers.Update(h.ctx, &h.anna)
	})
	l.same("something else changed")
	h.write(func(tx *store.Tx) error {
		e, first := l.entry(many), list[1]
		first.Prefix = "0099"
		return errors.Join(tx.Blocklist.Create(h.ctx, &e), tx.Blocklist.Update(h.ctx, &first), tx.Blocklist.Delete(h.ctx, list[2].ID))
	})
	if list = l.same("changed"); len(list) != many || list[1].Prefix != "0099" {
		h.Errorf("%d entries, the second one %+v", len(list), list[1])
	}
	l.takenBack(list[3].ID)
	h.write(func(tx *store.Tx) error {
		for _, e := range list[:many-10] {
			if err := tx.Blocklist.Delete(h.ctx, e.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if list = l.same("short"); len(list) != 10 {
		h.Errorf("%d entries are left", len(list))
	}
}

// long is a customer's long block list.
type long struct{ *house }

func (l long) entry(i int) tenant.BlocklistEntry {
	return tenant.BlocklistEntry{Customer: l.anna.ID, Prefix: fmt.Sprint("00", 100_000+i)}
}

// same gives the list, which the account must hold as well.
func (l long) same(when string) []tenant.BlocklistEntry {
	l.Helper()
	account, err := l.s.Account(l.ctx, l.anna.ID)
	l.ok(err)
	listed, err := l.s.Blocklist.All(l.ctx, tenant.Platform(), store.Query{Customer: l.anna.ID})
	l.ok(err)
	slices.SortFunc(listed, func(a, b tenant.BlocklistEntry) int { return int(a.ID - b.ID) })
	if !slices.Equal(account.Blocklist, listed) {
		l.Errorf("%s: the account holds %d entries, not the %d that are listed", when, len(account.Blocklist), len(listed))
	}
	return listed
}

// takenBack deletes an entry in a write that fails, and in one that is only tried.
func (l long) takenBack(id tenant.EntryID) {
	l.Helper()
	taken := errors.New("taken back")
	_, err := l.s.Write(l.ctx, l.platform, tenant.Platform(), func(tx *store.Tx) error {
		return errors.Join(tx.Blocklist.Delete(l.ctx, id), taken)
	})
	if !errors.Is(err, taken) {
		l.Errorf("a write that fails: %v", err)
	}
	l.ok(l.s.Try(l.ctx, l.platform, tenant.Platform(), func(tx *store.Tx) error { return tx.Blocklist.Delete(l.ctx, id) }))
	l.same("taken back")
}
