package store

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/login"
	"tollgate/internal/tenant"
)

// maxPasskeys is how many a user has at once.
const maxPasskeys = 20

// kindPasskey is what is not found where there is no such passkey.
const kindPasskey tenant.Kind = "passkey"

type passkeyRow struct {
	bun.BaseModel `bun:"table:user_passkeys"`

	ID         int64 `bun:",pk,autoincrement"`
	UserID     int64
	Credential string
	PublicKey  string
	Host       string
	SignCount  int64
	Flags      int64
	Name       string
	Added      int64
	Used       int64
	Handle     string `bun:",scanonly"` // of user_handles
}

func (r *passkeyRow) passkey() (p login.Passkey, err error) {
	p = login.Passkey{
		ID: r.ID, Name: r.Name, Host: r.Host, Count: uint32(r.SignCount), Flags: uint8(r.Flags), //nolint:gosec // written from these kinds
		Added: time.UnixMicro(r.Added).UTC(),
	}
	if r.Used != 0 {
		p.Used = time.UnixMicro(r.Used).UTC()
	}
	for text, to := range map[*string]*[]byte{&r.Credential: &p.Credential, &r.PublicKey: &p.Key, &r.Handle: &p.Handle} {
		if *to, err = base64.RawURLEncoding.DecodeString(*text); err != nil {
			return p, fmt.Errorf("passkey %d: %w", r.ID, err)
		}
	}
	return p, nil
}

func bytesText(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// PasskeyHandle gives what authenticators know a user by; the same from the first time on.
func (s *Store) PasskeyHandle(ctx context.Context, user tenant.UserID) (handle []byte, err error) {
	var text string
	err = s.alone(ctx, func(db bun.Tx) error {
		if _, err := db.NewRaw("INSERT INTO user_handles (user_id, handle) VALUES (?, ?) ON CONFLICT (user_id) DO NOTHING",
			int64(user), bytesText(login.NewHandle())).Exec(ctx); err != nil {
			return err
		}
		return db.NewSelect().TableExpr("user_handles").Column("handle").Where("user_id = ?", int64(user)).Scan(ctx, &text)
	})
	if err != nil {
		return nil, s.explain(err)
	}
	return base64.RawURLEncoding.DecodeString(text)
}

// Passkeys gives those of a user, the oldest first.
func (s *Store) Passkeys(ctx context.Context, user tenant.UserID) (list []login.Passkey, err error) {
	var rows []passkeyRow
	if err := passkeys(s.r, &rows).Where("passkey_row.user_id = ?", int64(user)).OrderExpr("passkey_row.id").Scan(ctx); err != nil {
		return nil, s.explain(err)
	}
	for i := range rows {
		p, err := rows[i].passkey()
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

func passkeys(db bun.IDB, into any) *bun.SelectQuery {
	return db.NewSelect().Model(into).ColumnExpr("passkey_row.*").ColumnExpr("h.handle").
		Join("JOIN user_handles AS h ON h.user_id = passkey_row.user_id")
}

// PasskeyOf finds the passkey with this id of the authenticator's, and whose it is; tenant.ErrNotFound
// where there is none, or its user may not come in.
func (s *Store) PasskeyOf(ctx context.Context, credential []byte) (login.Passkey, tenant.User, error) {
	var row passkeyRow
	if err := passkeys(s.r, &row).Where("credential = ?", bytesText(credential)).Scan(ctx); isNoRows(err) {
		return login.Passkey{}, tenant.User{}, tenant.NotFound(kindPasskey)
	} else if err != nil {
		return login.Passkey{}, tenant.User{}, s.explain(err)
	}
	u, err := s.Users.Get(ctx, tenant.Platform(), tenant.UserID(row.UserID))
	if err == nil && u.Disabled {
		err = tenant.NotFound(kindPasskey)
	}
	if err != nil {
		return login.Passkey{}, tenant.User{}, err
	}
	p, err := row.passkey()
	return p, u, err
}

// UsePasskey notes a log-in with the count and flags that it came with; false where another with that
// count or a later one came first, or the passkey is gone.
func (s *Store) UsePasskey(ctx context.Context, p *login.Passkey) (ok bool, err error) {
	err = s.alone(ctx, func(db bun.Tx) error {
		done, err := db.NewRaw("UPDATE user_passkeys SET sign_count = ?, flags = ?, used = ? WHERE id = ? AND (sign_count < ? OR sign_count = 0 AND ? = 0)",
			int64(p.Count), int64(p.Flags), s.now().UnixMicro(), p.ID, int64(p.Count), int64(p.Count)).Exec(ctx)
		if err != nil {
			return err
		}
		n, err := done.RowsAffected()
		ok = n == 1
		return err
	})
	return ok, s.explain(err)
}

// AddPasskey gives a user one more, and it an id.
func (t *Tx) AddPasskey(ctx context.Context, user tenant.UserID, p *login.Passkey) error {
	v, err := t.Users.Get(ctx, user)
	if err != nil {
		return err
	}
	if f := t.principal.MayWrite(tenant.KindUser, tenant.ActionPasskey); f != nil {
		return f
	}
	if faults := tenant.CheckName("name", p.Name); faults != nil {
		return faults
	}
	has, err := t.db.NewSelect().TableExpr("user_passkeys").Where("user_id = ?", int64(user)).Count(ctx)
	if err != nil {
		return err
	}
	known, err := t.db.NewSelect().TableExpr("user_passkeys").Where("credential = ?", bytesText(p.Credential)).Exists(ctx)
	switch {
	case err != nil:
		return err
	case known:
		return &tenant.Fault{Code: tenant.CodeInUse, Field: "credential", Message: "is known here already", Want: "another passkey"}
	case has >= maxPasskeys:
		return &tenant.Fault{Code: tenant.CodeConflict, Message: fmt.Sprintf("there are %d passkeys, which is the most", maxPasskeys), Want: "one of them deleted first"}
	}
	p.Added = t.now.UTC()
	row := passkeyRow{
		UserID: int64(user), Credential: bytesText(p.Credential), PublicKey: bytesText(p.Key), Host: p.Host,
		SignCount: int64(p.Count), Flags: int64(p.Flags), Name: p.Name, Added: p.Added.UnixMicro(),
	}
	if _, err := t.db.NewInsert().Model(&row).Returning("id").Exec(ctx); err != nil {
		return err
	}
	p.ID = row.ID
	return t.recordPasskey(&v, "", p.Name)
}

// DeletePasskey takes one from a user; tenant.ErrNotFound where he has no such passkey.
func (t *Tx) DeletePasskey(ctx context.Context, user tenant.UserID, id int64) error {
	v, err := t.Users.Get(ctx, user)
	if err != nil {
		return err
	}
	if f := t.principal.MayWrite(tenant.KindUser, tenant.ActionPasskey); f != nil {
		return f
	}
	var name string
	err = t.db.NewRaw("DELETE FROM user_passkeys WHERE id = ? AND user_id = ? RETURNING name", id, int64(user)).Scan(ctx, &name)
	if isNoRows(err) {
		return tenant.NotFound(kindPasskey)
	}
	if err != nil {
		return err
	}
	return t.recordPasskey(&v, name, "")
}

// recordPasskey audits that a user has one more, or one less; "" is none.
func (t *Tx) recordPasskey(v *tenant.User, before, after string) error {
	image := func(name string) (string, error) {
		if name == "" {
			return "", nil
		}
		text, err := json.Marshal(map[string]string{"passkey": name})
		return string(text), err
	}
	was, err := image(before)
	if err != nil {
		return err
	}
	is, err := image(after)
	t.record(AuditEntry{
		Action: tenant.ActionPasskey, Noun: tenant.KindUser, NounID: int64(v.ID), Name: v.Email,
		Company: v.Company, Customer: v.Customer, Before: was, After: is,
	})
	return err
}

// endPasskeys takes all from a user.
func (t *Tx) endPasskeys(ctx context.Context, user tenant.UserID) error {
	_, err := t.db.NewRaw("DELETE FROM user_passkeys WHERE user_id = ?", int64(user)).Exec(ctx)
	return err
}
