package store

import (
	"context"
	"crypto/md5" //nolint:gosec // RFC 2617 digests; SHA-256 is offered first
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/alexedwards/argon2id"
	"github.com/uptrace/bun"

	"tollgate/internal/tenant"
)

// The tables of sealed secrets; owner_id is the noun's id.
const (
	sipUserSecrets   = "sip_user_secrets"  // HA1 as JSON
	voicemailSecrets = "voicemail_secrets" // the PIN
	switchSecrets    = "switch_secrets"    // the password itself: we have to answer with it
	userSecrets      = "user_secrets"      // an Argon2id hash
	secondFactors    = "user_second_factors"
)

// HA1 is what is stored of a SIP user's password (RFC 8760), as lower-case hex; "" = not stored.
type HA1 struct {
	Realm     string `json:"realm"`
	MD5       string `json:"md5,omitempty"`
	SHA256    string `json:"sha256,omitempty"`
	SHA512256 string `json:"sha512256,omitempty"`
}

// MakeHA1 hashes "username:realm:password" for MD5 and SHA-256, which may be switched on any
// time, and for SHA-512-256 where the customer's digest list has it.
func MakeHA1(username, realm, password string, digest []string) HA1 {
	text := []byte(username + ":" + realm + ":" + password)
	m, s := md5.Sum(text), sha256.Sum256(text) //nolint:gosec // see the import
	h := HA1{Realm: realm, MD5: hex.EncodeToString(m[:]), SHA256: hex.EncodeToString(s[:])}
	if slices.Contains(digest, "sha-512-256") {
		x := sha512.Sum512_256(text)
		h.SHA512256 = hex.EncodeToString(x[:])
	}
	return h
}

// Holds says whether every hash that h has is that of the password.
func (h HA1) Holds(username, password string) bool {
	o := MakeHA1(username, h.Realm, password, []string{"sha-512-256"})
	return h != HA1{Realm: h.Realm} && (h.MD5 == "" || h.MD5 == o.MD5) && (h.SHA256 == "" || h.SHA256 == o.SHA256) && (h.SHA512256 == "" || h.SHA512256 == o.SHA512256)
}

// The characters of a generated password: none that looks like another one, or that a
// provisioning file or a shell would have to quote.
const (
	upperLetters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
	lowerLetters = "abcdefghijkmnopqrstuvwxyz"
	someDigits   = "23456789"
	someSymbols  = "-_.+="
)

// GeneratePassword gives a new password of 20 characters, more than 115 bits: an upper-case
// letter, a lower-case one, a digit and a symbol are always among them (mission row U2).
func GeneratePassword() string {
	const all = upperLetters + lowerLetters + someDigits + someSymbols
	out := make([]byte, 20)
	for {
		for i := range out {
			out[i] = all[randomBelow(len(all))]
		}
		// Drawn again as a whole where one is missing, so that no place is less random than another; a
		// symbol at the beginning would make it an option to a shell, and a formula to a spreadsheet.
		if v := string(out); strings.ContainsAny(v, upperLetters) && strings.ContainsAny(v, lowerLetters) &&
			strings.ContainsAny(v, someDigits) && strings.ContainsAny(v, someSymbols) && strings.IndexByte(someSymbols, v[0]) < 0 {
			return v
		}
	}
}

// randomBelow gives a number below n, which is at most 256, each equally often.
func randomBelow(n int) int {
	buf := make([]byte, 1)
	for {
		_, _ = rand.Read(buf)
		if v := int(buf[0]); v < 256/n*n {
			return v % n
		}
	}
}

// SetSIPPassword stores the hashes of a SIP user's new password under its customer's realm.
func (t *Tx) SetSIPPassword(ctx context.Context, id tenant.SIPUserID, password string) error {
	u, c, err := t.credentialOwner(ctx, id)
	if err != nil {
		return err
	}
	if f := tenant.CheckPassword(u.Username, password); f != nil {
		return named(tenant.Faults{f}, &u)
	}
	return t.setHA1(ctx, &u, MakeHA1(u.Username, c.Realm, password, c.Digest))
}

// SetSIPHA1 stores a hash brought from elsewhere: 32 hex digits are MD5, 64 are SHA-256. Its realm must be the customer's.
func (t *Tx) SetSIPHA1(ctx context.Context, id tenant.SIPUserID, realm, ha1 string) error {
	u, c, err := t.credentialOwner(ctx, id)
	if err != nil {
		return err
	}
	h, f := ParseHA1(realm, ha1)
	if f == nil && realm != c.Realm {
		f = WrongRealm(realm, c.Realm)
	}
	if f != nil {
		return named(tenant.Faults{f}, &u)
	}
	return t.setHA1(ctx, &u, h)
}

// WrongRealm is the fault of a hash that was made with another realm than the customer's.
func WrongRealm(realm, want string) *tenant.Fault {
	return &tenant.Fault{
		Code: tenant.CodeConflict, Field: "password.realm", Message: fmt.Sprintf("%q is not the customer's realm, so the hash would never match", realm),
		Want: fmt.Sprintf("%q, or the password itself", want),
	}
}

// ParseHA1 reads a hash brought from elsewhere.
func ParseHA1(realm, ha1 string) (HA1, *tenant.Fault) {
	ha1 = strings.ToLower(ha1)
	_, err := hex.DecodeString(ha1)
	switch {
	case err == nil && len(ha1) == 2*md5.Size:
		return HA1{Realm: realm, MD5: ha1}, nil
	case err == nil && len(ha1) == 2*sha256.Size:
		return HA1{Realm: realm, SHA256: ha1}, nil
	}
	return HA1{}, &tenant.Fault{
		Code: tenant.CodeInvalid, Field: "password.ha1", Message: "is no hash of a password",
		Want: "32 hex digits (MD5) or 64 (SHA-256) of user:realm:password",
	}
}

func (t *Tx) credentialOwner(ctx context.Context, id tenant.SIPUserID) (u tenant.SIPUser, c tenant.Customer, err error) {
	if f := t.principal.MayWrite(tenant.KindSIPUser, tenant.ActionPassword); f != nil {
		return u, c, f
	}
	if u, err = t.SIPUsers.Get(ctx, id); err != nil {
		return u, c, err
	}
	if c, err = t.customer(ctx, u.Customer); err != nil {
		return u, c, err
	}
	if c.Realm == "" {
		err = &tenant.Fault{
			Code: tenant.CodeRequired, Noun: tenant.KindSIPUser, Name: u.Username, Field: "password",
			Message: "the customer has no realm to hash it with", Want: "a domain of the customer first, whose name becomes the realm",
		}
	}
	return u, c, err
}

func (t *Tx) setHA1(ctx context.Context, u *tenant.SIPUser, h HA1) error {
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return t.setSecret(ctx, sipUserSecrets, int64(u.ID), u, u.Customer, string(text))
}

// SetVoicemailPIN seals the PIN of a SIP user's mailbox; "" forgets it.
func (t *Tx) SetVoicemailPIN(ctx context.Context, id tenant.SIPUserID, pin string) error {
	u, err := t.SIPUsers.Get(ctx, id)
	if err != nil {
		return err
	}
	if f := tenant.CheckPIN(pin); f != nil {
		return named(tenant.Faults{f}, &u)
	}
	return t.setSecret(ctx, voicemailSecrets, int64(id), &u, u.Customer, pin)
}

// SetSwitchPassword seals what we answer that switch's challenges with; "" forgets it.
func (t *Tx) SetSwitchPassword(ctx context.Context, id tenant.SwitchID, password string) error {
	v, err := t.Switches.Get(ctx, id)
	if err != nil {
		return err
	}
	return t.setSecret(ctx, switchSecrets, int64(id), &v, v.Customer, password)
}

// SetUserPassword stores the Argon2id hash of a panel user's password; "" locks him out.
func (t *Tx) SetUserPassword(ctx context.Context, id tenant.UserID, password string) error {
	hash := ""
	if password != "" {
		v, err := t.Users.Get(ctx, id)
		if err != nil {
			return err
		}
		if f := tenant.CheckUserPassword(v.Email, password); f != nil {
			return named(tenant.Faults{f}, &v)
		}
		if hash, err = argon2id.CreateHash(password, argon2id.DefaultParams); err != nil {
			return fmt.Errorf("hash a password: %w", err)
		}
	}
	return t.SetUserHash(ctx, id, hash, 0)
}

// SetUserHash stores the Argon2id hash of a panel user's password, "" locks him out, and ends his
// sessions but for one, 0: all, and the links that would set another. But 0 also ends his passkeys: it
// is not he himself who sets it, or he has lost what he had.
func (t *Tx) SetUserHash(ctx context.Context, id tenant.UserID, hash string, but int64) error {
	v, err := t.Users.Get(ctx, id)
	if err != nil {
		return err
	}
	if f := t.principal.MayGive(v.Role, v.Access); f != nil {
		return tenant.Forbidden("his access is wider than your own", "ask somebody who has it")
	}
	if err := t.countAdmins(ctx); err != nil {
		return err
	}
	if err := t.setSecret(ctx, userSecrets, int64(id), &v, 0, hash); err != nil {
		return err
	}
	if _, err := t.db.NewRaw("DELETE FROM user_links WHERE user_id = ?", int64(id)).Exec(ctx); err != nil {
		return err
	}
	if but == 0 {
		if err := t.endPasskeys(ctx, id); err != nil {
			return err
		}
	}
	return t.endSessions(ctx, id, but)
}

// setSecret seals a secret, or forgets it where it is "". What is stored already changes nothing.
func (t *Tx) setSecret(ctx context.Context, table string, id int64, n tenant.Noun, customer tenant.CustomerID, secret string) error {
	if f := t.principal.MayWrite(n.Kind(), tenant.ActionPassword); f != nil {
		return f
	}
	stored, err := t.s.secret(ctx, t.db, table, id)
	if err != nil || stored == secret {
		return err
	}
	if err := t.keep(ctx, n.Kind(), id, nil); err != nil {
		return err
	}
	q := t.db.NewRaw("DELETE FROM ? WHERE owner_id = ?", bun.Ident(table), id)
	if secret != "" {
		q = t.db.NewRaw("INSERT INTO ? (owner_id, sealed) VALUES (?, ?) ON CONFLICT (owner_id) DO UPDATE SET sealed = EXCLUDED.sealed",
			bun.Ident(table), id, t.s.seal.seal(table, id, []byte(secret)))
	}
	if _, err := q.Exec(ctx); err != nil {
		return err
	}
	e := AuditEntry{Action: tenant.ActionPassword, Noun: n.Kind(), NounID: id, Name: n.Label(), Customer: customer}
	if customer != 0 {
		t.touch(customer, false)
		if e.Company, err = t.company(ctx, customer); err != nil {
			return err
		}
	} else if u, ok := n.(*tenant.User); ok {
		e.Company, e.Customer = u.Company, u.Customer
	}
	t.record(e)
	return nil
}

// secret opens a sealed secret, "" where there is none.
func (s *Store) secret(ctx context.Context, db bun.IDB, table string, id int64) (string, error) {
	var sealed string
	err := db.NewSelect().TableExpr("?", bun.Ident(table)).Column("sealed").Where("owner_id = ?", id).Scan(ctx, &sealed)
	if isNoRows(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	text, err := s.seal.open(table, id, sealed)
	if err != nil {
		return "", fmt.Errorf("%s %d: %w", table, id, err)
	}
	return string(text), nil
}

// SIPCredentials gives the HA1s of a customer's SIP users as they are stored: no scope.
func (s *Store) SIPCredentials(ctx context.Context, c tenant.CustomerID) (map[tenant.SIPUserID]HA1, error) {
	var rows []struct {
		OwnerID int64
		Sealed  string
	}
	err := s.r.NewSelect().TableExpr(sipUserSecrets).Column("owner_id", "sealed").
		Where("owner_id IN (SELECT id FROM sip_users WHERE customer_id = ?)", int64(c)).Scan(ctx, &rows)
	if err != nil {
		return nil, s.explain(err)
	}
	out := make(map[tenant.SIPUserID]HA1, len(rows))
	for _, r := range rows {
		h, err := s.openHA1(r.OwnerID, r.Sealed)
		if err != nil {
			return nil, err
		}
		out[tenant.SIPUserID(r.OwnerID)] = h
	}
	return out, nil
}

// SwitchPassword gives what a switch asks of us, for the node's own digest answers; "" where none is set.
func (s *Store) SwitchPassword(ctx context.Context, id tenant.SwitchID) (string, error) {
	v, err := s.secret(ctx, s.r, switchSecrets, int64(id))
	return v, s.explain(err)
}

// VoicemailPIN gives the PIN of a mailbox, "" where none is set.
func (s *Store) VoicemailPIN(ctx context.Context, id tenant.SIPUserID) (string, error) {
	v, err := s.secret(ctx, s.r, voicemailSecrets, int64(id))
	return v, s.explain(err)
}

// HasUserPassword says whether a panel user has any password.
func (s *Store) HasUserPassword(ctx context.Context, id tenant.UserID) (bool, error) {
	hash, err := s.secret(ctx, s.r, userSecrets, int64(id))
	return hash != "", s.explain(err)
}

// UserHash gives the Argon2id hash of a panel user's password, "" where he has none.
func (s *Store) UserHash(ctx context.Context, id tenant.UserID) (string, error) {
	hash, err := s.secret(ctx, s.r, userSecrets, int64(id))
	return hash, s.explain(err)
}

// UserPasswordIs says whether a panel user has this password. It takes some 50 ms (Argon2id).
func (s *Store) UserPasswordIs(ctx context.Context, id tenant.UserID, password string) (bool, error) {
	hash, err := s.secret(ctx, s.r, userSecrets, int64(id))
	if err != nil || hash == "" {
		return false, s.explain(err)
	}
	return argon2id.ComparePasswordAndHash(password, hash)
}
