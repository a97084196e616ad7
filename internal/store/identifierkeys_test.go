package store_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"tollgate/internal/store"
)

const day = 24 * time.Hour

// clock is a time that a test turns.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func openAt(t *testing.T, dir string, c *clock) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Dir: dir, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func identifierKeys(t *testing.T, s *store.Store) store.IdentifierKeys {
	t.Helper()
	k, err := s.IdentifierKeys(t.Context())
	if err != nil || len(k.Keys) == 0 || k.Root == [16]byte{} {
		t.Fatalf("keys %+v, %v", k, err)
	}
	return k
}

func ids(k store.IdentifierKeys) (out []uint8) {
	for _, key := range k.Keys {
		out = append(out, key.ID)
	}
	return out
}

// TestIdentifierKeysRotate: each step is a start of the node so many days after the last one.
func TestIdentifierKeysRotate(t *testing.T) {
	dir, c := t.TempDir(), &clock{time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	first := identifierKeys(t, openAt(t, dir, c))
	for _, step := range []struct {
		days int
		want []uint8
	}{
		{0, []uint8{1}},
		{30, []uint8{1}},
		{1, []uint8{2, 1}},
		{31, []uint8{3, 2, 1}},
		{31, []uint8{4, 3, 2, 1}},
		{338, []uint8{5, 4, 3, 2, 1}}, // 1's successor is 400 days old
		{1, []uint8{5, 4, 3, 2}},
		{720, []uint8{6, 5}}, // a node ran all the time, with 5: what it made is still read
		{401, []uint8{7, 6}},
	} {
		c.at = c.at.Add(time.Duration(step.days) * day)
		s := openAt(t, dir, c)
		k := identifierKeys(t, s)
		if got := ids(k); !slices.Equal(got, step.want) {
			t.Fatalf("after %d more days: keys %v, want %v", step.days, got, step.want)
		}
		if k.Root != first.Root {
			t.Error("the root changed")
		}
		if again := identifierKeys(t, s); !slices.Equal(again.Keys, k.Keys) {
			t.Errorf("asked again: %+v, before %+v", again.Keys, k.Keys)
		}
		if n, err := s.Revision(t.Context()); n != 0 || err != nil {
			t.Errorf("revision %d, %v: keys are no tenant's change", n, err)
		}
	}
}

// TestIdentifierKeysWrap: ids go around without 0, and past those in use.
func TestIdentifierKeysWrap(t *testing.T) {
	c := &clock{time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	s := openAt(t, t.TempDir(), c)
	last := identifierKeys(t, s)
	for range 300 {
		c.at = c.at.Add(31 * day)
		k := identifierKeys(t, s)
		if want := last.Keys[0].ID%255 + 1; k.Keys[0].ID != want || k.Keys[1] != last.Keys[0] || len(k.Keys) > 15 {
			t.Fatalf("keys %v after %v, want %d first", ids(k), ids(last), want)
		}
		last = k
	}
}

// TestIdentifierKeysAtOnce: two processes start on one new database.
func TestIdentifierKeysAtOnce(t *testing.T) {
	dir, c := t.TempDir(), &clock{time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	stores := []*store.Store{openAt(t, dir, c), openAt(t, dir, c)}
	got := make([]store.IdentifierKeys, 8)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() { got[i], _ = stores[i%2].IdentifierKeys(t.Context()) })
	}
	wg.Wait()
	for _, k := range got {
		if k.Root != got[0].Root || !slices.Equal(k.Keys, got[0].Keys) || len(k.Keys) != 1 {
			t.Errorf("%+v, another has %+v", k, got[0])
		}
	}
}

// TestIdentifierKeysSealed: no file of the data folder shows one.
func TestIdentifierKeysSealed(t *testing.T) {
	dir, c := t.TempDir(), &clock{time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	s := openAt(t, dir, c)
	k := identifierKeys(t, s)
	grep := func() {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil || len(files) < 2 {
			t.Fatal(files, err)
		}
		for _, f := range files {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range [][16]byte{k.Root, k.Keys[0].Key} {
				for _, form := range []string{string(key[:]), hex.EncodeToString(key[:]), base64.StdEncoding.EncodeToString(key[:])} {
					if bytes.Contains(data, []byte(form)) {
						t.Errorf("%s holds a key as %q", f, form)
					}
				}
			}
		}
	}
	grep() // the write-ahead log
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	grep() // the database
}
