package storetest

import (
	"strings"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// profileCapacity: the SIP users of a profile, whosever they are, fit into its capacity; two at once
// for its last channel cannot both win, and who lowers it is told who is in the way.
func profileCapacity(h *house) {
	p := tenant.NewProfile()
	p.Name, p.Company, p.Capacity = "home", h.verdi.ID, 3
	h.write(func(tx *store.Tx) error {
		if err := tx.Domains.Create(h.ctx, &tenant.Domain{Customer: h.bruno.ID, Name: "bruno.example"}); err != nil {
			return err
		}
		return tx.SIPProfiles.Create(h.ctx, &p)
	})
	add := func(of tenant.CustomerID, name string, channels *int) func(tx *store.Tx) error {
		return func(tx *store.Tx) error {
			u := tenant.SIPUser{Customer: of, Username: name, Profile: p.ID, Channels: channels}
			if err := tx.SIPUsers.Create(h.ctx, &u); err != nil {
				return err
			}
			return tx.SetSIPPassword(h.ctx, u.ID, password)
		}
	}
	h.write(add(h.anna.ID, "1001", ptr(1)))
	h.write(add(h.bruno.ID, "1001", nil)) // at least one where the profile is limited
	won := h.race(8, func(i int) error {
		return h.as(h.platform, add([]tenant.CustomerID{h.anna.ID, h.bruno.ID}[i%2], "200"+string(rune('0'+i)), ptr(0)))
	})
	if won != 1 {
		h.Errorf("%d users were made for one channel of the profile", won)
	}
	f := h.refusedTo(h.annaOwn, tenant.CodeNoCapacity, add(h.anna.ID, "3001", nil))
	if f.Message != tenant.NoChannelCapacity || f.Field != "channels" || f.Owner != h.anna.ID || !strings.Contains(f.Want, `at most 3 channels for all users of the SIP profile "home"`) {
		h.Errorf("one user too many: %v", f)
	}
	set := func(capacity, channels int) func(tx *store.Tx) error {
		return func(tx *store.Tx) error {
			with := p
			with.Capacity, with.Channels, with.Stamp = capacity, channels, tenant.Stamp{}
			return tx.SIPProfiles.Update(h.ctx, &with)
		}
	}
	f = h.refusedTo(h.verdiAdmin, tenant.CodeNoCapacity, set(2, 0))
	if f.Noun != tenant.KindProfile || f.Name != "home" || f.Field != "capacity" || !strings.Contains(f.Message, "2 is below the 3 channels") ||
		!strings.Contains(f.Message, "1001 of "+h.anna.Name+" (1)") || !strings.Contains(f.Message, "1001 of "+h.bruno.Name+" (1)") {
		h.Errorf("too low a capacity: %v", f)
	}
	f = h.refusedTo(h.verdiAdmin, tenant.CodeNoCapacity, set(3, 2))
	if f.Noun != tenant.KindProfile || f.Field != "channels" || f.Message != tenant.NoChannelCapacity {
		h.Errorf("more channels for each than there are: %v", f)
	}
	h.write(set(4, 2))
	h.write(set(0, 100))
	h.write(add(h.anna.ID, "3001", nil))
	h.refused(tenant.CodeNoCapacity, set(4, 2))
}
