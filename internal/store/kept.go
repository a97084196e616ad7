package store

import (
	"context"
	"slices"
	"sync"

	"github.com/uptrace/bun"

	"tollgate/internal/tenant"
)

// A customer may have a hundred thousand blocked prefixes, and reading them takes half a second.
// They are read whenever anything of that customer changes: once to judge the change and once to
// bring it in force. So long lists are kept, with the revision at which a noun of theirs changed last.

// keepFrom is how long a list is that is kept.
const keepFrom = 1000

// listID names one customer's nouns of one kind.
type listID struct {
	kind     tenant.Kind
	customer tenant.CustomerID
}

// changeKind is the list's kind in the table changes.
func (l listID) changeKind() string { return listChanges + string(l.kind) }

// listChanges begins the kinds of those rows of changes that are about lists.
const listChanges = "list "

// keptLists are long lists as they were read, each with its revision.
type keptLists struct {
	mu    sync.Mutex
	lists map[listID]keptList
}

type keptList struct {
	revision int64
	nouns    any // []T; nobody changes it
}

func (k *keptLists) get(id listID) (keptList, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	l, ok := k.lists[id]
	return l, ok
}

func (k *keptLists) put(id listID, l keptList) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.lists == nil {
		k.lists = make(map[listID]keptList)
	}
	k.lists[id] = l
}

func (k *keptLists) forget(id listID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.lists, id)
}

// source is where accounts are read from: a moment of the database, and the lists that are kept.
type source struct {
	db      bun.IDB
	kept    *keptLists
	changed map[listID]bool // by the write that reads: not as they are kept
}

// listRevision is the revision at which a noun of the list changed last, 0 before there was one.
func (s *source) listRevision(ctx context.Context, id listID) (n int64, err error) {
	err = s.db.NewSelect().TableExpr("changes").Column("revision").
		Where("kind = ? AND id = ?", id.changeKind(), int64(id.customer)).Scan(ctx, &n)
	if isNoRows(err) {
		return 0, nil
	}
	return n, err
}

// loadLong is load for nouns of which a customer may have very many.
func loadLong[T any, ID ~int64](l *loader, t *table[T, ID], into func(*tenant.Account) *[]T) {
	all := l.ids
	l.ids = slices.DeleteFunc(slices.Clone(all), func(id int64) bool {
		return l.err == nil && takeKept(l, listID{t.kind, tenant.CustomerID(id)}, into)
	})
	load(l, t, func(a *tenant.Account, v T) {
		list := into(a)
		*list = append(*list, v)
	})
	for _, id := range l.ids {
		if a := l.accounts[tenant.CustomerID(id)]; a != nil && l.err == nil && len(*into(a)) >= keepFrom {
			keepList(l, listID{t.kind, a.Customer.ID}, *into(a))
		}
	}
	l.ids = all
}

// takeKept gives an account the list that is kept, if it still stands.
func takeKept[T any](l *loader, id listID, into func(*tenant.Account) *[]T) bool {
	kept, ok := l.kept.get(id)
	a := l.accounts[id.customer]
	if !ok || a == nil || l.changed[id] {
		return false
	}
	n, err := l.listRevision(l.ctx, id)
	if err != nil {
		l.err = err
		return false
	}
	if n != kept.revision {
		if n > kept.revision {
			l.kept.forget(id)
		}
		return false
	}
	nouns, _ := kept.nouns.([]T)
	*into(a) = slices.Clone(nouns)
	return true
}

// keepList keeps a list that was read, unless the write that reads it has changed it.
func keepList[T any](l *loader, id listID, nouns []T) {
	if l.changed[id] {
		return
	}
	n, err := l.listRevision(l.ctx, id)
	if err != nil {
		l.err = err
		return
	}
	l.kept.put(id, keptList{revision: n, nouns: slices.Clone(nouns)})
}
