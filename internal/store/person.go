package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/login"
	"tollgate/internal/tenant"
)

// admins are the platform's administrators: all who are not disabled, and those of them who have a
// password.
type admins struct{ all, able int64 }

func countAdmins(ctx context.Context, db bun.IDB) (n admins, err error) {
	t := users()
	var rows []record
	if err := t.selectFrom(db).Where("company_id IS NULL").Where("customer_id IS NULL").Scan(ctx, &rows); err != nil {
		return n, err
	}
	list, err := t.decodeAll(rows)
	if err != nil {
		return n, err
	}
	var ids []int64
	for i := range list {
		if u := &list[i]; u.Role == tenant.RolePlatform && u.Access == tenant.AccessAdmin && !u.Disabled {
			ids = append(ids, int64(u.ID))
		}
	}
	if n.all = int64(len(ids)); n.all == 0 {
		return n, nil
	}
	n.able, err = db.NewSelect().TableExpr(userSecrets).Where("owner_id IN (?)", bun.List(ids)).Count(ctx)
	return n, err
}

// countAdmins notes how many there are before this transaction changes any user.
func (t *Tx) countAdmins(ctx context.Context) error {
	if t.touched.admins != nil {
		return nil
	}
	n, err := countAdmins(ctx, t.db)
	t.touched.admins = &n
	return err
}

// lastAdmin is the fault of a transaction that leaves nobody who may do everything, or nobody of
// those who can log in, where there was somebody.
func (t *Tx) lastAdmin(ctx context.Context) (*tenant.Fault, error) {
	was := t.touched.admins
	if was == nil || was.all == 0 {
		return nil, nil
	}
	is, err := countAdmins(ctx, t.db)
	if err != nil || is.all > 0 && (is.able > 0 || was.able == 0) {
		return nil, err
	}
	return &tenant.Fault{
		Code: tenant.CodeLastAdmin, Noun: tenant.KindUser,
		Message: "is the last administrator of the platform who can log in", Want: "another platform user with access: admin and a password first",
	}, nil
}

// NewLink makes a one-time link that sets a user's password, instead of any that he has, and gives its
// token: the only time that it is seen.
func (t *Tx) NewLink(ctx context.Context, id tenant.UserID) (token string, ends time.Time, err error) {
	v, err := t.Users.Get(ctx, id)
	if err != nil {
		return "", ends, err
	}
	if f := t.principal.MayWrite(tenant.KindUser, tenant.ActionLink); f != nil {
		return "", ends, f
	}
	if f := t.principal.MayGive(v.Role, v.Access); f != nil {
		return "", ends, tenant.Forbidden("his access is wider than your own", "ask somebody who has it")
	}
	if _, err := t.db.NewRaw("DELETE FROM user_links WHERE user_id = ?", int64(id)).Exec(ctx); err != nil {
		return "", ends, err
	}
	token, ends, err = insertLink(ctx, t.db, t.now, int64(id))
	t.recordUser(tenant.ActionLink, &v)
	return token, ends, err
}

// recordUser audits what is no change of the user's own fields.
func (t *Tx) recordUser(a tenant.Action, v *tenant.User) {
	t.record(AuditEntry{Action: a, Noun: tenant.KindUser, NounID: int64(v.ID), Name: v.Email, Company: v.Company, Customer: v.Customer})
}

func insertLink(ctx context.Context, db bun.IDB, now time.Time, user any) (token string, ends time.Time, err error) {
	token, hash := login.NewToken()
	ends = now.Add(login.Link).UTC()
	_, err = db.NewRaw("INSERT INTO user_links (hash, user_id, ends) VALUES (?, ?, ?)", hash, user, ends.UnixMicro()).Exec(ctx)
	return token, ends, err
}

// FirstLink makes the link by which the platform gets its first administrator, where none can log in
// yet; "" where one can. One that was made before ends.
func (s *Store) FirstLink(ctx context.Context) (token string, err error) {
	now := s.now()
	err = s.alone(ctx, func(db bun.Tx) error {
		if _, err := db.NewRaw("DELETE FROM user_links WHERE user_id IS NULL OR ends < ?", now.UnixMicro()).Exec(ctx); err != nil {
			return err
		}
		n, err := countAdmins(ctx, db)
		if err != nil || n.able > 0 {
			return err
		}
		token, _, err = insertLink(ctx, db, now, nil)
		return err
	})
	return token, s.explain(err)
}

// LinkUser gives whose password a link sets, by its token's hash: 0 is the platform's first
// administrator. tenant.ErrNotFound for one that is not known, was used, or has ended.
func (s *Store) LinkUser(ctx context.Context, hash string) (tenant.UserID, error) {
	id, err := linkUser(ctx, s.r, hash, s.now())
	return id, s.explain(err)
}

// UseLink is LinkUser, and ends the link: of two who use it at once one finds it.
func (t *Tx) UseLink(ctx context.Context, hash string) (tenant.UserID, error) {
	id, err := linkUser(ctx, t.db, hash, t.now)
	if err == nil {
		_, err = t.db.NewRaw("DELETE FROM user_links WHERE hash = ?", hash).Exec(ctx)
	}
	return id, err
}

func linkUser(ctx context.Context, db bun.IDB, hash string, now time.Time) (tenant.UserID, error) {
	var id int64
	err := db.NewSelect().TableExpr("user_links").ColumnExpr("COALESCE(user_id, 0)").
		Where("hash = ?", hash).Where("ends > ?", now.UnixMicro()).Scan(ctx, &id)
	if isNoRows(err) {
		return 0, tenant.NotFound("link")
	}
	if err != nil || id != 0 {
		return tenant.UserID(id), err
	}
	if n, err := countAdmins(ctx, db); err != nil || n.able > 0 { // somebody got in otherwise meanwhile
		return 0, orNotFound(err, "link")
	}
	return 0, nil
}

func orNotFound(err error, k tenant.Kind) error {
	if err != nil {
		return err
	}
	return tenant.NotFound(k)
}

// SecondFactor gives a user's second factor; the zero one where he has none.
func (s *Store) SecondFactor(ctx context.Context, id tenant.UserID) (login.SecondFactor, error) {
	f, err := s.secondFactor(ctx, s.r, id)
	return f, s.explain(err)
}

func (s *Store) secondFactor(ctx context.Context, db bun.IDB, id tenant.UserID) (f login.SecondFactor, err error) {
	text, err := s.secret(ctx, db, secondFactors, int64(id))
	if err != nil || text == "" {
		return f, err
	}
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		return f, fmt.Errorf("second factor of user %d: %w", id, err)
	}
	return f, nil
}

func (s *Store) sealSecondFactor(ctx context.Context, db bun.IDB, id tenant.UserID, f *login.SecondFactor) error {
	if f.Secret == "" {
		_, err := db.NewRaw("DELETE FROM ? WHERE owner_id = ?", bun.Ident(secondFactors), int64(id)).Exec(ctx)
		return err
	}
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	_, err = db.NewRaw("INSERT INTO ? (owner_id, sealed) VALUES (?, ?) ON CONFLICT (owner_id) DO UPDATE SET sealed = EXCLUDED.sealed",
		bun.Ident(secondFactors), int64(id), s.seal.seal(secondFactors, int64(id), text)).Exec(ctx)
	return err
}

// TakeCode says whether a code of a user's second factor is right now, and uses it up: of two who send
// the same code at once one is right.
func (s *Store) TakeCode(ctx context.Context, id tenant.UserID, code string) (ok bool, err error) {
	err = s.alone(ctx, func(db bun.Tx) error {
		f, err := s.secondFactor(ctx, db, id)
		if err != nil {
			return err
		}
		if ok = f.Confirmed && f.Take(code, s.now()); !ok {
			return nil
		}
		return s.sealSecondFactor(ctx, db, id, &f)
	})
	return ok, s.explain(err)
}

// BeginSecondFactor keeps one that is still to be confirmed; one that is in force is refused
// (tenant.CodeConflict).
func (s *Store) BeginSecondFactor(ctx context.Context, id tenant.UserID, f login.SecondFactor) error {
	err := s.alone(ctx, func(db bun.Tx) error {
		has, err := s.secondFactor(ctx, db, id)
		if err != nil {
			return err
		}
		if has.Confirmed {
			return &tenant.Fault{Code: tenant.CodeConflict, Message: "there is a second factor already", Want: "remove it first"}
		}
		return s.sealSecondFactor(ctx, db, id, &f)
	})
	return s.explain(err)
}

// ConfirmSecondFactor puts it in force with its first code, and gives the recovery codes, this once.
func (t *Tx) ConfirmSecondFactor(ctx context.Context, id tenant.UserID, code string) ([]string, error) {
	v, err := t.Users.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	f, err := t.s.secondFactor(ctx, t.db, id)
	if err != nil {
		return nil, err
	}
	codes, ok := f.Confirm(code, t.now)
	if !ok {
		return nil, &tenant.Fault{Code: tenant.CodeInvalid, Field: "code", Message: "is not right", Want: "the code that the authenticator shows now; this machine's clock must be right, too"}
	}
	t.recordUser(tenant.ActionSecond, &v)
	return codes, t.s.sealSecondFactor(ctx, t.db, id, &f)
}

// RemoveSecondFactor lets a user in by his password alone.
func (t *Tx) RemoveSecondFactor(ctx context.Context, id tenant.UserID) error {
	v, err := t.Users.Get(ctx, id)
	if err != nil {
		return err
	}
	if f := t.principal.MayWrite(tenant.KindUser, tenant.ActionSecond); f != nil {
		return f
	}
	if f := t.principal.MayGive(v.Role, v.Access); f != nil {
		return tenant.Forbidden("his access is wider than your own", "ask somebody who has it")
	}
	t.recordUser(tenant.ActionSecond, &v)
	return t.s.sealSecondFactor(ctx, t.db, id, &login.SecondFactor{})
}
