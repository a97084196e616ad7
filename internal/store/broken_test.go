package store

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tollgate/internal/tenant"
)

func openIn(t *testing.T, dir string) (*Store, error) {
	t.Helper()
	return Open(t.Context(), Options{Dir: dir})
}

// good makes a database with one company in it and closes it.
func good(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	s, err := openIn(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := addCompany(t, s, "Verdi"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func addCompany(t *testing.T, s *Store, name string) (int64, error) {
	t.Helper()
	return s.Write(t.Context(), tenant.Local("test"), tenant.Platform(), func(tx *Tx) error {
		return tx.Companies.Create(t.Context(), &tenant.Company{Name: name})
	})
}

// damage makes a folder unfit in one way.
type damage func(t *testing.T, dir string)

func overwrite(name, text string) damage {
	return func(t *testing.T, dir string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func execute(query string) damage {
	return func(t *testing.T, dir string) {
		t.Helper()
		db, err := sql.Open("sqlite", dsn(filepath.Join(dir, FileName), ""))
		if err != nil {
			t.Fatal(err)
		}
		_, err = db.Exec(query)
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func remove(name string) damage {
	return func(t *testing.T, dir string) {
		t.Helper()
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBrokenOpen: what cannot be opened gives one sentence that says what to do, and is left as it was.
func TestBrokenOpen(t *testing.T) {
	garbage := strings.Repeat("this is no database at all\n", 400)
	for name, c := range map[string]struct {
		damage damage
		want   []string
		file   string
	}{
		"garbage":     {overwrite(FileName, garbage), []string{"damaged", "restore a backup"}, FileName},
		"newer":       {execute("INSERT INTO goose_db_version (version_id, is_applied) VALUES (900, 1)"), []string{"newer Tollgate", "900"}, FileName},
		"key missing": {remove(KeyFileName), []string{KeyFileName, "missing"}, FileName},
		"key broken":  {overwrite(KeyFileName, "abc"), []string{KeyFileName, "hex digits"}, KeyFileName},
		"other key":   {overwrite(KeyFileName, strings.Repeat("ab", 32)), []string{"not the key"}, KeyFileName},
	} {
		t.Run(name, func(t *testing.T) {
			dir := good(t)
			c.damage(t, dir)
			before, err := os.ReadFile(filepath.Join(dir, c.file))
			if err != nil {
				t.Fatal(err)
			}
			s, err := openIn(t, dir)
			if err == nil {
				t.Fatal(errors.Join(errors.New("it opened"), s.Close()))
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			if after, err := os.ReadFile(filepath.Join(dir, c.file)); err != nil || string(after) != string(before) {
				t.Errorf("the file was changed (%v)", err)
			}
		})
	}
}

func TestFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	overwrite("file", "x")(t, filepath.Dir(file))
	if _, err := openIn(t, file); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("a file as data folder: %v", err)
	}
	if _, err := Open(t.Context(), Options{Dir: t.TempDir(), URL: "postgres://u:hush@db/x"}); err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("PostgreSQL: %v", err)
	}
	dir := filepath.Join(good(t))
	for _, name := range []string{FileName, KeyFileName} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v (%v), want 0600", name, info.Mode().Perm(), err)
		}
	}
}

// TestFullDisk: a write that no longer fits changes nothing, says so, and the next one that fits works.
func TestFullDisk(t *testing.T) {
	s, err := openIn(t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	var pages int
	if err := s.w.QueryRow("PRAGMA page_count").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	limit := func(n int) {
		if err := s.w.QueryRow("PRAGMA max_page_count = ?", n).Scan(&pages); err != nil {
			t.Fatal(err)
		}
	}
	limit(pages)
	var full error
	last := int64(0)
	for i := 0; i < 1000 && full == nil; i++ {
		var rev int64
		if rev, full = addCompany(t, s, strings.Repeat("x", 50)+string(rune('0'+i%10))+string(rune('A'+i/10))); full == nil {
			last = rev
		}
	}
	var b *Broken
	if !errors.As(full, &b) || !strings.Contains(full.Error(), "is full") || strings.Contains(full.Error(), "\n") {
		t.Fatalf("a full disk says %q", full)
	}
	if rev, err := s.Revision(t.Context()); err != nil || rev != last {
		t.Errorf("revision %d (%v), want %d", rev, err, last)
	}
	limit(1 << 20)
	if _, err := addCompany(t, s, "Verdi"); err != nil {
		t.Errorf("with space again: %v", err)
	}
}

// TestRefusedCommit: where the database refuses at COMMIT, nothing stays and the next write works.
func TestRefusedCommit(t *testing.T) {
	s, err := openIn(t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Write(t.Context(), tenant.Local("test"), tenant.Platform(), func(tx *Tx) error {
		_, err := tx.db.Exec("INSERT INTO customers (company_id, natural_key, search, body, version, updated_at) VALUES (99, 'x', 'x', '{}', 1, 1)")
		return err
	})
	if err == nil {
		t.Error("a customer of no company was committed")
	}
	if rev, err := addCompany(t, s, "Verdi"); err != nil || rev != 1 {
		t.Errorf("the next write: revision %d, %v", rev, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = s.Write(ctx, tenant.Local("test"), tenant.Platform(), func(tx *Tx) error {
		cancel()
		return tx.Companies.Create(ctx, &tenant.Company{Name: "Rossi"})
	})
	if !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "\n") {
		t.Errorf("a write that was given up: %q", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := addCompany(t, s, "Bianchi"); err == nil {
		t.Error("a closed store was written")
	}
}

// TestKeepsAcrossRestart: what was committed is there after a new start, secrets too.
func TestKeepsAcrossRestart(t *testing.T) {
	dir := good(t)
	s, err := openIn(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.Companies.All(t.Context(), tenant.Platform(), Query{})
	if err != nil || len(list) != 1 || list[0].Name != "Verdi" {
		t.Errorf("companies %+v, %v", list, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestSeal: a sealed secret opens in its own place only.
func TestSeal(t *testing.T) {
	s, err := newSealer(make([]byte, keySize))
	if err != nil {
		t.Fatal(err)
	}
	sealed := s.seal("a", 1, []byte("hush"))
	if strings.Contains(sealed, "hush") || sealed == s.seal("a", 1, []byte("hush")) {
		t.Errorf("sealed as %q", sealed)
	}
	if got, err := s.open("a", 1, sealed); err != nil || string(got) != "hush" {
		t.Errorf("opened %q, %v", got, err)
	}
	for _, c := range []struct {
		table  string
		id     int64
		sealed string
	}{{"a", 2, sealed}, {"b", 1, sealed}, {"a", 1, sealed[:len(sealed)-8]}, {"a", 1, "hush"}, {"a", 1, "v1:AAAA"}, {"a", 1, ""}} {
		if got, err := s.open(c.table, c.id, c.sealed); err == nil {
			t.Errorf("%v opened as %q", c, got)
		}
	}
}
