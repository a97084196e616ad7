package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// identifierKeys is the table of the sealed keys of identifiers.
const identifierKeys = "identifier_keys"

const (
	rootKeyID = 0 // its row in the table; the keys that are rotated are 1 to 255
	// identifierKeyUse is how long new identifiers are made with a key, as long as somebody asks for keys.
	identifierKeyUse = 30 * 24 * time.Hour
	// identifierKeyRest is how long a key is known after its successor was made: longer than a phone
	// refreshes its binding without a break, whose token must stay the same meanwhile. A node that
	// runs for months asks for keys only when it starts, so a key's age alone does not say that
	// nobody uses it.
	identifierKeyRest = 400 * 24 * time.Hour
)

// IdentifierKeys are what all nodes on this database make and read SIP identifiers with.
type IdentifierKeys struct {
	Root [16]byte        // the same for ever
	Keys []IdentifierKey // newest first, at least one: new identifiers are made with the first
}

// IdentifierKey is one of the keys that are rotated.
type IdentifierKey struct {
	ID      uint8 // 1 to 255
	Key     [16]byte
	Created time.Time
}

// IdentifierKeys gives the keys of identifiers. The first call makes them. A call that finds the
// newest older than 30 days adds one, and a key is dropped 400 days after the next one was added.
func (s *Store) IdentifierKeys(ctx context.Context) (IdentifierKeys, error) {
	keys, err := s.readIdentifierKeys(ctx, s.r)
	if err != nil || !keys.due(s.now()) {
		return keys, s.explain(err)
	}
	err = s.alone(ctx, func(db bun.Tx) error {
		if keys, err = s.readIdentifierKeys(ctx, db); err != nil {
			return err
		}
		return s.rotateIdentifierKeys(ctx, db, &keys)
	})
	return keys, s.explain(err)
}

// alone runs fn in a transaction while nobody else writes: for what is no tenant's and needs neither
// audit nor revision.
func (s *Store) alone(ctx context.Context, fn func(db bun.Tx) error) error {
	select {
	case s.writer <- struct{}{}:
		defer func() { <-s.writer }()
	case <-ctx.Done():
		return ctx.Err()
	}
	db, err := s.w.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := fn(db); err != nil {
		return errors.Join(err, rollback(db))
	}
	return s.commit(db)
}

// readIdentifierKeys gives what is stored: no keys where there are none yet.
func (s *Store) readIdentifierKeys(ctx context.Context, db bun.IDB) (keys IdentifierKeys, err error) {
	var rows []struct {
		ID        int64
		Sealed    string
		CreatedAt int64
	}
	if err := db.NewSelect().TableExpr(identifierKeys).Column("id", "sealed", "created_at").OrderExpr("created_at DESC, id").Scan(ctx, &rows); err != nil {
		return keys, err
	}
	for _, r := range rows {
		text, err := s.seal.open(identifierKeys, r.ID, r.Sealed)
		if err == nil && len(text) != len(keys.Root) {
			err = fmt.Errorf("%d bytes", len(text))
		}
		if err != nil {
			return keys, fmt.Errorf("identifier key %d: %w", r.ID, err)
		}
		if r.ID == rootKeyID {
			keys.Root = [16]byte(text)
			continue
		}
		keys.Keys = append(keys.Keys, IdentifierKey{ID: uint8(r.ID), Key: [16]byte(text), Created: time.UnixMicro(r.CreatedAt).UTC()})
	}
	return keys, nil
}

// due says whether a key has to be added or dropped.
func (k *IdentifierKeys) due(now time.Time) bool {
	return k.Root == [16]byte{} || len(k.Keys) == 0 || now.Sub(k.Keys[0].Created) > identifierKeyUse || k.known(now) < len(k.Keys)
}

// known is how many keys are still needed: all that are followed by one younger than identifierKeyRest, and the newest.
func (k *IdentifierKeys) known(now time.Time) int {
	n := 1
	for n < len(k.Keys) && now.Sub(k.Keys[n-1].Created) <= identifierKeyRest {
		n++
	}
	return n
}

// rotateIdentifierKeys adds and drops what is due.
func (s *Store) rotateIdentifierKeys(ctx context.Context, db bun.Tx, k *IdentifierKeys) error {
	now := s.now().UTC().Truncate(time.Microsecond)
	if k.Root == [16]byte{} {
		_, _ = rand.Read(k.Root[:]) // never fails (crypto/rand)
		if err := s.addIdentifierKey(ctx, db, rootKeyID, k.Root, now); err != nil {
			return err
		}
	}
	if len(k.Keys) == 0 || now.Sub(k.Keys[0].Created) > identifierKeyUse {
		fresh := IdentifierKey{ID: k.nextID(), Created: now}
		_, _ = rand.Read(fresh.Key[:])
		if err := s.addIdentifierKey(ctx, db, int64(fresh.ID), fresh.Key, now); err != nil {
			return err
		}
		k.Keys = slices.Insert(k.Keys, 0, fresh)
	}
	needed := k.known(now)
	for _, old := range k.Keys[needed:] {
		if _, err := db.NewDelete().TableExpr(identifierKeys).Where("id = ?", int64(old.ID)).Exec(ctx); err != nil {
			return err
		}
	}
	k.Keys = k.Keys[:needed]
	return nil
}

// nextID follows the newest id, around from 255 to 1, past those that are in use.
func (k *IdentifierKeys) nextID() uint8 {
	if len(k.Keys) == 0 {
		return 1
	}
	id := k.Keys[0].ID
	for {
		id = id%255 + 1
		if !slices.ContainsFunc(k.Keys, func(o IdentifierKey) bool { return o.ID == id }) {
			return id
		}
	}
}

func (s *Store) addIdentifierKey(ctx context.Context, db bun.Tx, id int64, key [16]byte, now time.Time) error {
	_, err := db.NewRaw("INSERT INTO ? (id, sealed, created_at) VALUES (?, ?, ?)",
		bun.Ident(identifierKeys), id, s.seal.seal(identifierKeys, id, key[:]), now.UnixMicro()).Exec(ctx)
	return err
}
