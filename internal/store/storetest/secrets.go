package storetest

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

const password = "Correct-Horse-1"

// user makes a SIP user of anna's with a password.
func (h *house) user(name string, channels *int) error {
	_, err := h.s.Write(h.ctx, h.platform, tenant.Platform(), func(tx *store.Tx) error {
		u := tenant.SIPUser{Customer: h.anna.ID, Username: name, Channels: channels}
		if err := tx.SIPUsers.Create(h.ctx, &u); err != nil {
			return err
		}
		return tx.SetSIPPassword(h.ctx, u.ID, password)
	})
	return err
}

func sipPasswords(h *house) {
	u := tenant.SIPUser{Customer: h.anna.ID, Username: "1001"}
	h.refused(tenant.CodeRequired, func(tx *store.Tx) error { u := u; return tx.SIPUsers.Create(h.ctx, &u) })
	h.refused(tenant.CodeInvalid, func(tx *store.Tx) error {
		u := u
		return errors.Join(tx.SIPUsers.Create(h.ctx, &u), tx.SetSIPPassword(h.ctx, u.ID, "1234"))
	})
	h.ok(h.user("1001", nil))
	creds, err := h.s.SIPCredentials(h.ctx, h.anna.ID)
	h.ok(err)
	u = h.account(h.anna.ID).SIPUsers[0]
	// echo -n 1001:anna.example:Correct-Horse-1 | md5sum, sha256sum
	want := store.MakeHA1("1001", "anna.example", password, nil)
	if got := creds[u.ID]; got != want || len(got.MD5) != 32 || len(got.SHA256) != 64 || got.SHA512256 != "" || !got.Holds("1001", password) || got.Holds("1001", "other") {
		h.Errorf("credential %+v, want %+v", got, want)
	}
	if got := h.account(h.anna.ID).Credentials[u.ID]; !got.HasMD5 || !got.HasSHA256 || got.HasSHA512256 ||
		hex.EncodeToString(got.MD5[:]) != want.MD5 || hex.EncodeToString(got.SHA256[:]) != want.SHA256 {
		h.Errorf("the account has %+v of %+v", got.HasMD5, want.Realm)
	}
	if full, err := h.s.FullAccounts(h.ctx, tenant.Platform(), nil); err != nil || full[0].Credentials != nil {
		h.Errorf("what people see holds credentials, or %v", err)
	}
	if again := h.write(func(tx *store.Tx) error { return tx.SetSIPPassword(h.ctx, u.ID, password) }); again != h.revision() {
		h.Errorf("the same password changed something")
	}
	h.refused(tenant.CodeRequired, func(tx *store.Tx) error { u := u; u.Username = "1002"; return tx.SIPUsers.Update(h.ctx, &u) })
	u.Username = "1002"
	h.write(func(tx *store.Tx) error {
		return errors.Join(tx.SIPUsers.Update(h.ctx, &u), tx.SetSIPPassword(h.ctx, u.ID, password))
	})
	h.refused(tenant.CodeConflict, func(tx *store.Tx) error { return tx.SetSIPHA1(h.ctx, u.ID, "elsewhere", want.MD5) })
	h.refused(tenant.CodeInvalid, func(tx *store.Tx) error { return tx.SetSIPHA1(h.ctx, u.ID, "anna.example", "abc") })
	h.write(func(tx *store.Tx) error {
		return tx.SetSIPHA1(h.ctx, u.ID, "anna.example", strings.ToUpper(want.SHA256))
	})
	creds, err = h.s.SIPCredentials(h.ctx, h.anna.ID)
	h.ok(err)
	if got := creds[u.ID]; got.SHA256 != want.SHA256 || got.MD5 != "" {
		h.Errorf("an imported hash became %+v", got)
	}
	foreign := func(tx *store.Tx) error { return tx.SetSIPPassword(h.ctx, u.ID, password) }
	if err := h.as(tenant.Principal{Role: tenant.RoleCustomer, Access: tenant.AccessAdmin, Customer: h.carlo.ID}, foreign); !errors.Is(err, tenant.ErrNotFound) {
		h.Errorf("carlo sets anna's password: %v", err)
	}
	noRealm := tenant.SIPUser{Customer: h.bruno.ID, Username: "1"}
	h.refused(tenant.CodeRequired, func(tx *store.Tx) error {
		return errors.Join(tx.SIPUsers.Create(h.ctx, &noRealm), tx.SetSIPPassword(h.ctx, noRealm.ID, password))
	})
}

func switchPasswords(h *house) {
	v := ingress(h.anna.ID, "carrier")
	v.Username = "acct1"
	h.refused(tenant.CodeRequired, func(tx *store.Tx) error { v := v; return tx.Switches.Create(h.ctx, &v) })
	h.write(func(tx *store.Tx) error {
		return errors.Join(tx.Switches.Create(h.ctx, &v), tx.SetSwitchPassword(h.ctx, v.ID, "secret"))
	})
	got, err := h.s.SwitchPassword(h.ctx, v.ID)
	h.ok(err)
	if got != "secret" {
		h.Errorf("the switch's password is %q", got)
	}
	h.write(func(tx *store.Tx) error { return tx.SetSwitchPassword(h.ctx, v.ID, "") })
	if got, err := h.s.SwitchPassword(h.ctx, v.ID); got != "" || err != nil {
		h.Errorf("a forgotten password is %q, %v", got, err)
	}
}

func otherSecrets(h *house) {
	h.ok(h.user("1001", nil))
	u := h.account(h.anna.ID).SIPUsers[0]
	h.refused(tenant.CodeInvalid, func(tx *store.Tx) error { return tx.SetVoicemailPIN(h.ctx, u.ID, "12") })
	h.write(func(tx *store.Tx) error { return tx.SetVoicemailPIN(h.ctx, u.ID, "4711") })
	if pin, err := h.s.VoicemailPIN(h.ctx, u.ID); pin != "4711" || err != nil {
		h.Errorf("the PIN is %q, %v", pin, err)
	}
	p := tenant.User{Email: "NOC@platform.example", Role: tenant.RolePlatform, Access: tenant.AccessAdmin}
	h.write(func(tx *store.Tx) error {
		return errors.Join(tx.Users.Create(h.ctx, &p), tx.SetUserPassword(h.ctx, p.ID, password))
	})
	for try, want := range map[string]bool{password: true, "other": false, "": false} {
		if got, err := h.s.UserPasswordIs(h.ctx, p.ID, try); got != want || err != nil {
			h.Errorf("password %q: %t, %v; want %t", try, got, err, want)
		}
	}
}

// audited: every change has its entry, who and where from, and no secret is in any of them.
func audited(h *house) {
	d := tenant.NewDestination()
	d.Customer, d.Name, d.Host = h.anna.ID, "pbx", "192.0.2.7"
	h.ok(h.as(h.annaOwn, func(tx *store.Tx) error { return tx.Destinations.Create(h.ctx, &d) }))
	d.Port = 5099
	h.ok(h.as(h.annaOwn, func(tx *store.Tx) error { return tx.Destinations.Update(h.ctx, &d) }))
	h.ok(h.user("1001", nil))
	page, err := h.s.Audit(h.ctx, h.annaOwn.Scope(), store.Query{Q: "PBX"})
	h.ok(err)
	if len(page.Items) != 2 || page.Items[0].Action != tenant.ActionUpdate {
		h.Fatalf("entries %+v, want the update and the creation", page.Items)
	}
	e := page.Items[0]
	if e.Who != "anna@verdi.example" || e.From != "192.0.2.2" || e.Via != "panel" || e.NounID != int64(d.ID) || e.Customer != h.anna.ID || e.Company != h.verdi.ID || e.At.IsZero() {
		h.Errorf("the entry is %+v", e)
	}
	if !strings.Contains(e.Before, `"port":0`) || !strings.Contains(e.After, `"port":5099`) {
		h.Errorf("before %s after %s", e.Before, e.After)
	}
	all, err := h.s.Audit(h.ctx, tenant.Platform(), store.Query{Limit: 1000})
	h.ok(err)
	passwords := 0
	for _, e := range all.Items {
		if strings.Contains(fmt.Sprint(e), password) {
			h.Errorf("the audit holds a password: %+v", e)
		}
		if e.Action == tenant.ActionPassword {
			passwords++
		}
	}
	if passwords != 1 {
		h.Errorf("%d passwords were set by the audit, want 1", passwords)
	}
}

func capacity(h *house) {
	h.write(func(tx *store.Tx) error { h.anna.CallLimit = 3; return tx.Customers.Update(h.ctx, &h.anna) })
	h.ok(h.user("1001", ptr(2)))
	h.ok(h.user("1002", nil)) // at least one where the account is limited
	faults := tenant.FaultsOf(h.user("1003", nil))
	if len(faults) != 1 || faults[0].Message != "No channel capacity available for your account." || faults[0].Field != "channels" {
		h.Errorf("one too many: %v", faults)
	}
	f := h.refused(tenant.CodeNoCapacity, func(tx *store.Tx) error {
		lower := h.anna
		lower.CallLimit = 2
		return tx.Customers.Update(h.ctx, &lower)
	})
	if !strings.Contains(f.Message, "1001 (2)") || !strings.Contains(f.Message, "1002 (1)") || f.Field != "call_limit" {
		h.Errorf("lowering the limit: %q", f.Error())
	}
	both := make(chan error, 2)
	h.write(func(tx *store.Tx) error { h.anna.CallLimit = 4; return tx.Customers.Update(h.ctx, &h.anna) })
	for _, name := range []string{"1003", "1004"} {
		go func() { both <- h.user(name, ptr(1)) }()
	}
	if a, b := <-both, <-both; (a == nil) == (b == nil) {
		h.Errorf("two at once for one channel: %v, %v", a, b)
	}
}

func apiKeys(h *house) {
	k := tenant.APIKey{Name: "billing", Role: tenant.RoleCompany, Access: tenant.AccessReadOnly, Company: h.verdi.ID}
	var key string
	h.ok(h.as(h.verdiAdmin, func(tx *store.Tx) (err error) { key, err = tx.NewAPIKey(h.ctx, &k); return err }))
	p, _, err := h.s.Authenticate(h.ctx, key, netip.Addr{})
	h.ok(err)
	if p.Kind != tenant.PrincipalKey || p.Role != tenant.RoleCompany || p.Access != tenant.AccessReadOnly || p.Company != h.verdi.ID || p.Email != "key billing" {
		h.Errorf("the key is %+v", p)
	}
	list, err := h.s.APIKeys.All(h.ctx, h.verdiAdmin.Scope(), store.Query{})
	h.ok(err)
	if len(list) != 1 || !strings.HasPrefix(key, list[0].Hint) || len(list[0].Hint) > len(key)/3 {
		h.Errorf("keys %+v", list)
	}
	for _, wrong := range []string{"", "tg_", key + "0", strings.ToUpper(key)} {
		if _, _, err := h.s.Authenticate(h.ctx, wrong, netip.Addr{}); !errors.Is(err, tenant.ErrNotFound) {
			h.Errorf("key %q: %v", wrong, err)
		}
	}
	wider := tenant.APIKey{Name: "root", Role: tenant.RolePlatform, Access: tenant.AccessAdmin}
	h.refusedTo(h.verdiAdmin, tenant.CodeForbidden, func(tx *store.Tx) error { _, err := tx.NewAPIKey(h.ctx, &wider); return err })
	h.refused(tenant.CodeForbidden, func(tx *store.Tx) error { return tx.APIKeys.Create(h.ctx, &wider) })
	h.ok(h.as(h.verdiAdmin, func(tx *store.Tx) error { return tx.APIKeys.Delete(h.ctx, k.ID) }))
	if _, _, err := h.s.Authenticate(h.ctx, key, netip.Addr{}); !errors.Is(err, tenant.ErrNotFound) {
		h.Errorf("a deleted key: %v", err)
	}
}
