package storetest

import (
	"errors"

	"tollgate/internal/login"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// people: sessions, links and second factors belong to one user, and end with what they stand on.
func people(h *house) {
	u := tenant.User{Email: "noc@platform.example", Role: tenant.RolePlatform, Access: tenant.AccessAdmin}
	h.write(func(tx *store.Tx) error {
		return errors.Join(tx.Users.Create(h.ctx, &u), tx.SetUserPassword(h.ctx, u.ID, password))
	})
	token, hash := login.NewToken()
	first, err := h.s.NewSession(h.ctx, u.ID, hash, "", "192.0.2.1", "browser")
	h.ok(err)
	if got, who, err := h.s.SessionOf(h.ctx, login.TokenHash(token)); err != nil || got.ID != first.ID || who.Email != u.Email {
		h.Errorf("%+v %+v %v", got, who, err)
	}
	if _, _, err := h.s.SessionOf(h.ctx, token); !errors.Is(err, tenant.ErrNotFound) {
		h.Errorf("the token itself is stored: %v", err)
	}
	if is, err := h.s.Familiar(h.ctx, u.ID, "192.0.2.1"); !is || err != nil {
		h.Errorf("not familiar where he logged in: %v", err)
	}
	if is, _ := h.s.Familiar(h.ctx, u.ID, "192.0.2.2"); is {
		h.Error("familiar elsewhere")
	}
	if err := h.s.EndSession(h.ctx, u.ID+1, first.ID); !errors.Is(err, tenant.ErrNotFound) {
		h.Errorf("somebody else ends it: %v", err)
	}
	for range 30 {
		_, hash := login.NewToken()
		_, err := h.s.NewSession(h.ctx, u.ID, hash, "", "192.0.2.1", "browser")
		h.ok(err)
	}
	if list, err := h.s.Sessions(h.ctx, u.ID); len(list) != 20 || err != nil {
		h.Errorf("%d sessions at once, %v", len(list), err)
	}
	h.write(func(tx *store.Tx) error { return tx.SetUserPassword(h.ctx, u.ID, password+"2") })
	if list, _ := h.s.Sessions(h.ctx, u.ID); len(list) != 0 {
		h.Errorf("%d sessions outlive the password", len(list))
	}
	h.refused(tenant.CodeLastAdmin, func(tx *store.Tx) error { return tx.Users.Delete(h.ctx, u.ID) })
	h.refused(tenant.CodeInvalid, func(tx *store.Tx) error { return tx.SetUserPassword(h.ctx, u.ID, "NOC@platform.example") })
	h.refusedTo(h.verdiAdmin, tenant.CodeNotFound, func(tx *store.Tx) error { _, _, err := tx.NewLink(h.ctx, u.ID); return err })
}

// requested: a customer asks for himself, his company sees it, and nobody else does.
func requested(h *house) {
	r := store.ChannelRequest{Customer: h.anna.ID, Channels: 30, Text: "please"}
	h.ok(h.as(h.annaOwn, func(tx *store.Tx) error { return tx.NewRequest(h.ctx, &r) }))
	h.refusedTo(h.annaOwn, tenant.CodeNotFound, func(tx *store.Tx) error {
		return tx.NewRequest(h.ctx, &store.ChannelRequest{Customer: h.bruno.ID, Channels: 1})
	})
	for scope, want := range map[tenant.Scope]int{
		tenant.Platform(): 1, tenant.OfCompany(h.verdi.ID): 1, tenant.OfCustomer(h.anna.ID): 1,
		tenant.OfCompany(h.rossi.ID): 0, tenant.OfCustomer(h.bruno.ID): 0, {}: 0,
	} {
		if page, err := h.s.Requests(h.ctx, scope, store.Query{}); len(page.Items) != want || err != nil {
			h.Errorf("%+v sees %d, %v; want %d", scope, len(page.Items), err, want)
		}
	}
	reader := h.annaOwn
	reader.Access = tenant.AccessReadOnly
	h.refusedTo(reader, tenant.CodeForbidden, func(tx *store.Tx) error { return tx.DeleteRequest(h.ctx, r.ID) })
	h.ok(h.as(h.verdiAdmin, func(tx *store.Tx) error { return tx.DeleteRequest(h.ctx, r.ID) }))
	h.refusedTo(h.verdiAdmin, tenant.CodeNotFound, func(tx *store.Tx) error { return tx.DeleteRequest(h.ctx, r.ID) })
}
