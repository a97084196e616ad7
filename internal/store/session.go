package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"tollgate/internal/login"
	"tollgate/internal/tenant"
)

// Session is a panel user's log-in that stands.
type Session struct {
	ID    int64
	User  tenant.UserID
	Began time.Time
	Used  time.Time // the last act of the user himself
	From  string    // the address
	Agent string    // what the browser calls itself: hostile text
}

// Ends is when it ends, if the user does nothing more.
func (s *Session) Ends() time.Time { return login.Ends(s.Began, s.Used) }

type sessionRow struct {
	bun.BaseModel `bun:"table:sessions"`

	ID     int64 `bun:",pk,autoincrement"`
	UserID int64
	Hash   string
	Began  int64
	Used   int64
	Origin string
	Agent  string
}

func (r *sessionRow) session() Session {
	return Session{
		ID: r.ID, User: tenant.UserID(r.UserID), Began: time.UnixMicro(r.Began).UTC(), Used: time.UnixMicro(r.Used).UTC(),
		From: r.Origin, Agent: r.Agent,
	}
}

// maxSessions is how many a user has at once; the longest unused gives way.
const maxSessions = 20

// NewSession begins a session of a user for a token's hash, and ends the one that old is the hash of,
// "" for none: whoever knew a token from before the log-in has nothing (session fixation). The
// address counts as one of the user's from now on.
func (s *Store) NewSession(ctx context.Context, user tenant.UserID, hash, old, from, agent string) (Session, error) {
	now := s.now()
	row := sessionRow{UserID: int64(user), Hash: hash, Began: now.UnixMicro(), Used: now.UnixMicro(), Origin: from, Agent: agent}
	err := s.alone(ctx, func(db bun.Tx) error {
		if _, err := db.NewRaw("DELETE FROM sessions WHERE hash = ? OR used < ? OR began < ?", old,
			now.Add(-login.Idle).UnixMicro(), now.Add(-login.Absolute).UnixMicro()).Exec(ctx); err != nil {
			return err
		}
		if _, err := db.NewRaw("DELETE FROM sessions WHERE user_id = ? AND id NOT IN (SELECT id FROM sessions WHERE user_id = ? ORDER BY used DESC LIMIT ?)",
			int64(user), int64(user), maxSessions-1).Exec(ctx); err != nil {
			return err
		}
		if _, err := db.NewRaw("DELETE FROM user_origins WHERE at < ?", now.Add(-login.Familiar).UnixMicro()).Exec(ctx); err != nil {
			return err
		}
		if _, err := db.NewRaw("INSERT INTO user_origins (user_id, origin, at) VALUES (?, ?, ?) ON CONFLICT (user_id, origin) DO UPDATE SET at = EXCLUDED.at",
			int64(user), login.Origin(from), now.UnixMicro()).Exec(ctx); err != nil {
			return err
		}
		_, err := db.NewInsert().Model(&row).Returning("id").Exec(ctx)
		return err
	})
	return row.session(), s.explain(err)
}

// Familiar says whether somebody has logged in as this user from an address within login.Familiar.
func (s *Store) Familiar(ctx context.Context, user tenant.UserID, from string) (bool, error) {
	is, err := s.r.NewSelect().TableExpr("user_origins").Where("user_id = ?", int64(user)).Where("origin = ?", login.Origin(from)).
		Where("at > ?", s.now().Add(-login.Familiar).UnixMicro()).Exists(ctx)
	return is, s.explain(err)
}

// SessionOf finds the session of a token's hash, and its user; tenant.ErrNotFound where there is none,
// it has ended, or its user may not come in.
func (s *Store) SessionOf(ctx context.Context, hash string) (Session, tenant.User, error) {
	var row sessionRow
	if err := s.r.NewSelect().Model(&row).Where("hash = ?", hash).Scan(ctx); isNoRows(err) {
		return Session{}, tenant.User{}, tenant.NotFound(tenant.KindUser)
	} else if err != nil {
		return Session{}, tenant.User{}, s.explain(err)
	}
	found := row.session()
	if !s.now().Before(found.Ends()) {
		return Session{}, tenant.User{}, tenant.NotFound(tenant.KindUser)
	}
	u, err := s.Users.Get(ctx, tenant.Platform(), found.User)
	if err == nil && u.Disabled {
		err = tenant.NotFound(tenant.KindUser)
	}
	return found, u, err
}

// renewAfter spares the disk: a session that was used a moment ago is not written again.
const renewAfter = time.Second

// Renew notes that the user of a session did something.
func (s *Store) Renew(ctx context.Context, session *Session) error {
	now := s.now()
	if now.Sub(session.Used) < renewAfter {
		return nil
	}
	err := s.alone(ctx, func(db bun.Tx) error {
		_, err := db.NewRaw("UPDATE sessions SET used = ? WHERE id = ? AND used < ?", now.UnixMicro(), session.ID, now.UnixMicro()).Exec(ctx)
		return err
	})
	if err == nil {
		session.Used = now.UTC()
	}
	return s.explain(err)
}

// Sessions gives those of a user that stand, the latest used first.
func (s *Store) Sessions(ctx context.Context, user tenant.UserID) ([]Session, error) {
	var rows []sessionRow
	if err := s.r.NewSelect().Model(&rows).Where("user_id = ?", int64(user)).OrderExpr("used DESC, id DESC").Scan(ctx); err != nil {
		return nil, s.explain(err)
	}
	now := s.now()
	var out []Session
	for i := range rows {
		if v := rows[i].session(); now.Before(v.Ends()) {
			out = append(out, v)
		}
	}
	return out, nil
}

// EndSession ends one of a user's; tenant.ErrNotFound where he has no such session.
func (s *Store) EndSession(ctx context.Context, user tenant.UserID, id int64) error {
	var gone int64
	err := s.alone(ctx, func(db bun.Tx) error {
		done, err := db.NewRaw("DELETE FROM sessions WHERE id = ? AND user_id = ?", id, int64(user)).Exec(ctx)
		if err == nil {
			gone, err = done.RowsAffected()
		}
		return err
	})
	if err == nil && gone == 0 {
		err = tenant.NotFound("session")
	}
	return s.explain(err)
}

// endSessions ends those of a user, but for one; 0: all.
func (t *Tx) endSessions(ctx context.Context, user tenant.UserID, but int64) error {
	_, err := t.db.NewRaw("DELETE FROM sessions WHERE user_id = ? AND id <> ?", int64(user), but).Exec(ctx)
	return err
}

// Taste is how a user likes his panel.
type Taste struct{ Language, Theme string } // "" = as the browser says

// Taste gives what a user has chosen.
func (s *Store) Taste(ctx context.Context, user tenant.UserID) (t Taste, err error) {
	err = s.r.NewSelect().TableExpr("user_tastes").Column("language", "theme").Where("user_id = ?", int64(user)).Scan(ctx, &t.Language, &t.Theme)
	if isNoRows(err) {
		return t, nil
	}
	return t, s.explain(err)
}

// SetTaste notes what a user has chosen. It is no change of the configuration.
func (s *Store) SetTaste(ctx context.Context, user tenant.UserID, t Taste) error {
	return s.explain(s.alone(ctx, func(db bun.Tx) error {
		_, err := db.NewRaw("INSERT INTO user_tastes (user_id, language, theme) VALUES (?, ?, ?) ON CONFLICT (user_id) DO UPDATE SET language = EXCLUDED.language, theme = EXCLUDED.theme",
			int64(user), t.Language, t.Theme).Exec(ctx)
		return err
	}))
}

// NoteKeyUse notes that an API key was used now. While somebody else writes nothing is noted, since
// no request should wait for it.
func (s *Store) NoteKeyUse(ctx context.Context, id tenant.KeyID) error {
	select {
	case s.writer <- struct{}{}:
		defer func() { <-s.writer }()
	default:
		return nil
	}
	_, err := s.w.NewRaw("INSERT INTO api_key_uses (key_id, at) SELECT id, ? FROM api_keys WHERE id = ? ON CONFLICT (key_id) DO UPDATE SET at = EXCLUDED.at",
		s.now().UnixMicro(), int64(id)).Exec(ctx)
	return s.explain(err)
}

// KeyUses says when keys were last used, as far as they were.
func (s *Store) KeyUses(ctx context.Context, ids []tenant.KeyID) (map[tenant.KeyID]time.Time, error) {
	var rows []struct{ KeyID, At int64 }
	if err := s.r.NewSelect().TableExpr("api_key_uses").Column("key_id", "at").Where("key_id IN (?)", bun.List(plain(ids))).Scan(ctx, &rows); err != nil {
		return nil, s.explain(err)
	}
	out := make(map[tenant.KeyID]time.Time, len(rows))
	for _, r := range rows {
		out[tenant.KeyID(r.KeyID)] = time.UnixMicro(r.At).UTC()
	}
	return out, nil
}

// UserPrincipal is the principal of a user's session. From is the caller's to fill in.
func UserPrincipal(u *tenant.User) tenant.Principal {
	return tenant.Principal{
		Kind: tenant.PrincipalUser, UserID: u.ID, Email: u.Email, Role: u.Role, Access: u.Access,
		Company: u.Company, Customer: u.Customer, Via: "panel",
	}
}
