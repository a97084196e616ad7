// Package tenantfile is the declarative file, tenants.yaml: it reads it strictly, tells what it
// would change in a store, changes that, and writes a store as such a file.
//
// A file is read whole and all its faults are told at once, one line each, with line and column.
// It is known by names, never by ids; what it does not name stays as it is. No name is resolved
// in DNS, and nothing is changed unless all of it can be.
//
// It is not its job to store (package store) or to know what makes a noun valid (package tenant).
package tenantfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tollgate/internal/tenant"
)

// Fault is one thing that is wrong with a file.
type Fault struct {
	File    string      `json:"file"`
	Line    int         `json:"line"`
	Column  int         `json:"column"`
	Code    tenant.Code `json:"code"`
	Field   string      `json:"field,omitempty"` // the key at which it stands
	Message string      `json:"message"`
	Want    string      `json:"want,omitempty"`
}

// Error is one line: file:line:col: what is wrong; what would be right.
func (f *Fault) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: ", f.File, f.Line, f.Column)
	if f.Field != "" {
		b.WriteString(f.Field + ": ")
	}
	b.WriteString(f.Message)
	if f.Want != "" {
		b.WriteString("; " + f.Want)
	}
	return b.String()
}

// Faults is all that is wrong with a file, in order of place.
type Faults []*Fault

// Error gives the faults, one a line.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// err sorts the faults; nil where there are none.
func (fs Faults) err() error {
	if len(fs) == 0 {
		return nil
	}
	slices.SortStableFunc(fs, func(a, b *Fault) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column)) })
	return slices.CompactFunc(fs, func(a, b *Fault) bool { return *a == *b })
}

// File is a file as it was read. Faults of reading do not keep it from being planned, so that
// those of its content are told together with them; then nothing of it can be applied.
type File struct {
	name      string
	faults    Faults
	users     *list[tenant.User] // platform users; nil = absent
	companies *list[tenant.Company]
	profiles  *list[tenant.SIPProfile]
	customers *list[tenant.Customer]
	additive  bool // of rows: what they do not name stays
}

// Err gives the faults of reading, as Faults; nil where there are none.
func (f *File) Err() error { return slices.Clone(f.faults).err() }

// place is where something stands; lines and columns count from 1.
type place struct{ line, column int }

// list is a list of the file that is there, perhaps empty.
type list[T any] struct {
	at    place
	items []*item[T]
}

// item is one noun as the file has it: what it sets, and where.
type item[T any] struct {
	at     place
	set    []func(*T)
	places map[string]place     // of each key that is there, by its path within the noun
	bad    map[string]bool      // keys whose value could not be read: no more is said of them
	refs   map[string]reference // names of other nouns, by key
	was    *reference           // the name that it had
	secret *secret              // password:
	pin    *reference           // voicemail.pin
	users  *list[tenant.User]   // of a company
	lists  map[string]any       // of a customer: *list[...] by key
}

// reference is the name of another noun.
type reference struct {
	name string
	at   place
}

// has says whether the file gives this key of the noun.
func (it *item[T]) has(key string) bool {
	_, ok := it.places[key]
	return ok
}

// apply sets what the file gives on a noun that stands or that holds the defaults.
func (it *item[T]) apply(v *T) {
	for _, set := range it.set {
		set(v)
	}
}

// find gives the place of a fault's field: its own key, else the nearest one around it, else the item.
func (it *item[T]) find(field string) place {
	for path := field; path != ""; path = outer(path) {
		if at, ok := it.places[path]; ok {
			return at
		}
	}
	return it.at
}

// unread says whether a fault of that field follows from a value that could not be read.
func (it *item[T]) unread(field string) bool {
	for bad := range it.bad {
		if bad == field || strings.HasPrefix(bad, field+".") || strings.HasPrefix(bad, field+"[") {
			return true
		}
	}
	for path := field; path != ""; path = outer(path) {
		if it.bad[path] {
			return true
		}
	}
	return false
}

// outer gives what a path is within: a.b of a.b[2], a of a.b, "" of a.
func outer(path string) string { return path[:max(0, strings.LastIndexAny(path, ".["))] }
