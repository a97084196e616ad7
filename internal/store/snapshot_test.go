package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/internal/tenant"
)

// backTo6 takes the search tables away, with what keeps them.
func backTo6() (sql string) {
	for _, noun := range []string{"customers", "users", "domains", "destinations", "switches", "dids", "sip_users"} {
		sql += fmt.Sprintf("DROP TRIGGER %[1]s_search_insert; DROP TRIGGER %[1]s_search_delete; DROP TRIGGER %[1]s_search_update; DROP TABLE %[1]s_search; ", noun)
	}
	return sql + "DELETE FROM goose_db_version WHERE version_id > 6; "
}

// backTo5 makes a database what it was before anybody logged in to the panel.
const backTo5 = "DROP TABLE pending_nouns; DROP TABLE pending_apply; DROP TABLE user_passkeys; DROP TABLE user_handles; DROP TABLE sessions; DROP TABLE user_links; DROP TABLE user_origins; DROP TABLE user_tastes; DROP TABLE user_second_factors; " +
	"DROP TABLE api_key_uses; DROP TABLE channel_requests; DROP INDEX audit_noun; DELETE FROM goose_db_version WHERE version_id > 5; "

// backTo1 makes a database what the first release made of it.
const backTo1 = backTo5 + "DROP TABLE identifier_keys; DROP TABLE cdr_blocks; DROP TABLE cdr_parts; DROP TABLE cdr_state; DROP TABLE cdr_webhook; DROP TABLE cdr_dead_letters; DELETE FROM goose_db_version WHERE version_id > 1"

// before gives the names of the copies in a folder, newest first, and sees to their mode.
func copiesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	for _, c := range copiesBefore(filepath.Join(dir, FileName)) {
		info, err := os.Stat(c.file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v (%v), want 0600", c.file, info.Mode().Perm(), err)
		}
		names = append(names, filepath.Base(c.file))
	}
	return names
}

// companies opens the data folder and gives what it holds.
func companiesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	s, err := openIn(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.Companies.All(t.Context(), tenant.Platform(), Query{})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		names = append(names, c.Name)
	}
	return names
}

// TestCopyBeforeUpgrade: an older database is copied before it is migrated, and the copy, put back,
// is what was there, for the older program and for this one.
func TestCopyBeforeUpgrade(t *testing.T) {
	dir := good(t)
	if got := copiesIn(t, dir); got != nil {
		t.Errorf("a new database was copied: %v", got)
	}
	execute(backTo6()+backTo1)(t, dir)
	for range 2 { // the second start has nothing to do
		if got := companiesIn(t, dir); !slices.Equal(got, []string{"Verdi"}) {
			t.Errorf("after the upgrade: %v", got)
		}
		if got := copiesIn(t, dir); !slices.Equal(got, []string{FileName + ".before-2"}) {
			t.Errorf("copies %v", got)
		}
	}
	if err := os.Rename(filepath.Join(dir, FileName+".before-2"), filepath.Join(dir, FileName)); err != nil {
		t.Fatal(err)
	}
	if schema, err := Verify(t.Context(), dir, nil); schema != 1 || err != nil {
		t.Errorf("the copy has schema %d, %v", schema, err)
	}
	if got := companiesIn(t, dir); !slices.Equal(got, []string{"Verdi"}) {
		t.Errorf("with the copy put back: %v", got)
	}
}

// TestCopiesKept: the three newest, by when they were made.
func TestCopiesKept(t *testing.T) {
	dir := good(t)
	execute(backTo6()+backTo1)(t, dir)
	for i, name := range []string{"9", "7", "8", "notes", "6.new"} {
		overwrite(FileName+".before-"+name, "x")(t, dir)
		at := time.Now().Add(-time.Duration(i+1) * time.Hour)
		if err := os.Chtimes(filepath.Join(dir, FileName+".before-"+name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	companiesIn(t, dir)
	want := []string{FileName + ".before-2", FileName + ".before-9", FileName + ".before-7"}
	if got := copiesIn(t, dir); !slices.Equal(got, want) {
		t.Errorf("copies %v, want %v", got, want)
	}
	if _, err := os.Stat(filepath.Join(dir, FileName+".before-notes")); err != nil {
		t.Error("what is no copy was removed")
	}
}

// TestNoCopyNoUpgrade: where the copy cannot be made, nothing is migrated.
func TestNoCopyNoUpgrade(t *testing.T) {
	dir := good(t)
	execute(backTo6()+backTo1)(t, dir)
	if err := os.MkdirAll(filepath.Join(dir, FileName+".before-2.new", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := openIn(t, dir)
	if err == nil {
		t.Fatal(errors.Join(errors.New("it opened"), s.Close()))
	}
	if text := err.Error(); !strings.Contains(text, "is not upgraded") || strings.Contains(text, "\n") {
		t.Errorf("it says %q", text)
	}
	if schema, err := Verify(t.Context(), dir, nil); schema != 1 || err != nil {
		t.Errorf("schema %d, %v: something was migrated", schema, err)
	}
}

// TestOlderProgram: it names both versions and the copy that it could work with.
func TestOlderProgram(t *testing.T) {
	dir := good(t)
	known, err := knownSchema()
	if err != nil {
		t.Fatal(err)
	}
	before := func(schema int64) string { return fmt.Sprintf("%s.before-%d", FileName, schema) }
	execute(fmt.Sprintf("INSERT INTO goose_db_version (version_id, is_applied) VALUES (%d, 1)", known+1))(t, dir)
	overwrite(before(known+2), "what a later one left")(t, dir)
	overwrite(before(known+1), "what we could open")(t, dir)
	s, err := openIn(t, dir)
	if err == nil {
		t.Fatal(errors.Join(errors.New("it opened"), s.Close()))
	}
	want := fmt.Sprintf("was written by a newer Tollgate (schema %d, this one knows up to %d): run the newer tollgate, or put the copy %s in its place",
		known+1, known, filepath.Join(dir, before(known+1)))
	if text := err.Error(); !strings.Contains(text, want) || strings.Contains(text, "\n") {
		t.Errorf("it says %q", text)
	}
}

// TestSnapshot: a copy of one moment while others write, closed to others, that Verify accepts with
// the right key only.
func TestSnapshot(t *testing.T) {
	dir, to := good(t), t.TempDir()
	s, err := openIn(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := addCompany(t, s, "Rossi"); err != nil { // in the write-ahead log only
		t.Fatal(err)
	}
	file := filepath.Join(to, FileName)
	schema, err := Snapshot(t.Context(), dir, file)
	if known, _ := knownSchema(); err != nil || schema != known {
		t.Fatalf("schema %d, %v", schema, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := Snapshot(t.Context(), dir, file); err == nil {
		t.Error("a file that is there was overwritten")
	}
	if _, err := addCompany(t, s, "Bianchi"); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(dir, KeyFileName))
	if err != nil {
		t.Fatal(err)
	}
	overwrite(KeyFileName, string(key))(t, to)
	if _, err := Verify(t.Context(), to, nil); err != nil {
		t.Error(err)
	}
	if _, err := Verify(t.Context(), to, make([]byte, keySize)); err == nil || !strings.Contains(err.Error(), "not the key") {
		t.Errorf("another key: %v", err)
	}
	if got := companiesIn(t, to); !slices.Equal(got, []string{"Verdi", "Rossi"}) {
		t.Errorf("the copy has %v", got)
	}
	if _, err := Snapshot(t.Context(), t.TempDir(), filepath.Join(to, "x")); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("of no database: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	gone := filepath.Join(to, "gone")
	if _, err := Snapshot(ctx, dir, gone); err == nil {
		t.Error("one that was given up is there")
	}
	if _, err := os.Stat(gone); err == nil {
		t.Error("half a copy stays")
	}
}

// TestVerify: what is no sound database of ours is refused in a sentence, and left as it is.
func TestVerify(t *testing.T) {
	for name, c := range map[string]struct {
		damage damage
		want   string
	}{
		"sound":         {func(*testing.T, string) {}, ""},
		"older":         {execute(backTo6() + backTo1), ""},
		"garbage":       {overwrite(FileName, strings.Repeat("no database ", 1000)), "damaged"},
		"empty":         {overwrite(FileName, ""), "damaged"},
		"another's":     {execute("DROP TABLE goose_db_version"), "none of Tollgate's"},
		"no seal check": {execute("DELETE FROM meta"), "none of Tollgate's"},
		"newer":         {execute("INSERT INTO goose_db_version (version_id, is_applied) VALUES (900, 1)"), "schema 900"},
		"no key":        {remove(KeyFileName), "missing"},
		"other key":     {overwrite(KeyFileName, strings.Repeat("ab", keySize)), "not the key"},
		"torn":          {tear, "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := good(t)
			c.damage(t, dir)
			before, err := os.ReadFile(filepath.Join(dir, FileName))
			if err != nil {
				t.Fatal(err)
			}
			_, err = Verify(t.Context(), dir, nil)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n")) {
				t.Errorf("it says %v, want %q", err, c.want)
			}
			if after, err := os.ReadFile(filepath.Join(dir, FileName)); err != nil || string(after) != string(before) {
				t.Errorf("the file was changed (%v)", err)
			}
		})
	}
}

// tear cuts the end of the database off.
func tear(t *testing.T, dir string) {
	t.Helper()
	if err := os.Truncate(filepath.Join(dir, FileName), 30_000); err != nil {
		t.Fatal(err)
	}
}

// TestFieldOfLaterVersion: a noun that was written before it had a field has the field's default.
func TestFieldOfLaterVersion(t *testing.T) {
	dir := good(t)
	latching := func(fill func(tx *Tx) error) string {
		s, err := openIn(t, dir)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Write(t.Context(), tenant.Local("test"), tenant.Platform(), fill)
		list, bad := s.SIPProfiles.All(t.Context(), tenant.Platform(), Query{})
		if err := errors.Join(err, bad, s.Close()); err != nil || len(list) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		return list[0].Latching
	}
	profile := tenant.NewProfile()
	profile.Company, profile.Name, profile.Latching = 1, "home", "strict"
	if got := latching(func(tx *Tx) error { return tx.SIPProfiles.Create(t.Context(), &profile) }); got != "strict" {
		t.Errorf("stored as %q, want strict", got)
	}
	execute("UPDATE sip_profiles SET body = json_remove(body, '$.latching')")(t, dir)
	if got := latching(func(*Tx) error { return nil }); got != "symmetric" {
		t.Errorf("without the field: %q, want symmetric", got)
	}
}
