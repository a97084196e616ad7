package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"

	"tollgate/internal/tenant"
)

// Snapshot writes a copy of the database in the data folder dir to the new file to (mode 0600), as
// it is at one moment, while others go on writing; it gives the copy's schema version. It changes
// nothing and needs no node. Secrets in it stay sealed.
func Snapshot(ctx context.Context, dir, to string) (schema int64, err error) {
	file := filepath.Join(dir, FileName)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return 0, &Broken{Message: file + " does not exist: there is nothing to back up", Err: err}
	}
	if err := copyDatabase(ctx, file, to); err != nil {
		return 0, err
	}
	err = inspect(to, func(db *bun.DB) error {
		schema, err = schemaOf(ctx, db)
		return err
	})
	return schema, explain(file, err)
}

// copyDatabase never copies the file as such: what a running node has committed may be in its log (-wal) only.
func copyDatabase(ctx context.Context, file, to string) error {
	to, err := filepath.Abs(to) // a name that begins with file: would be a URI
	if err != nil {
		return err
	}
	// Made here for its mode: SQLite takes an empty file, and no other.
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return explainFile(to, err)
	}
	db, err := sql.Open("sqlite", dsn(file, "mode=rw"))
	if err == nil {
		_, err = db.ExecContext(ctx, "VACUUM INTO ?", to)
		err = errors.Join(err, db.Close())
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(explain(to, err), os.Remove(to))
	}
	return nil
}

// inspect runs fn on a database that nobody else has open, and cannot change it.
func inspect(file string, fn func(db *bun.DB) error) error {
	db, err := sql.Open("sqlite", uri(file)+"?mode=ro&immutable=1")
	if err != nil {
		return err
	}
	return errors.Join(fn(bun.NewDB(db, sqlitedialect.New())), db.Close())
}

// schemaOf is the version of the last migration; an error where there never was one.
func schemaOf(ctx context.Context, db bun.IDB) (n int64, err error) {
	err = db.NewSelect().TableExpr("goose_db_version").ColumnExpr("COALESCE(MAX(version_id), 0)").Where("is_applied").Scan(ctx, &n)
	return n, err
}

// Verify says whether Open could work with the database in dir, which nobody has open; it changes
// nothing. key is as in Options. Its errors are sentences about "the database".
func Verify(ctx context.Context, dir string, key []byte) (schema int64, err error) {
	err = inspect(filepath.Join(dir, FileName), func(db *bun.DB) error {
		schema, err = verify(ctx, db, Options{Dir: dir, Key: key})
		return err
	})
	return schema, err
}

func verify(ctx context.Context, db *bun.DB, o Options) (schema int64, err error) {
	damaged := func(err error) error {
		return &Broken{Message: "the database is damaged or is none of Tollgate's", Err: err}
	}
	var verdict string
	if err := db.NewRaw("PRAGMA quick_check(1)").Scan(ctx, &verdict); err != nil || verdict != "ok" {
		return 0, damaged(err)
	}
	if schema, err = schemaOf(ctx, db); err != nil || schema == 0 {
		return 0, damaged(err)
	}
	known, err := knownSchema()
	if err != nil {
		return 0, err
	}
	if schema > known {
		return 0, &Broken{Message: fmt.Sprintf("the database has schema %d, and this tollgate knows up to %d: use the newer one", schema, known)}
	}
	if _, fresh, err := storedCheck(ctx, db); err != nil || fresh {
		return 0, damaged(err)
	}
	_, err = openSealer(ctx, o, db)
	return schema, err
}

// beforePrefix, with the first migration that it lacks, is the end of the name of a copy that was made before an upgrade.
const beforePrefix = ".before-"

// beforeKept is how many of these copies are kept.
const beforeKept = 3

// copyBefore copies a database of an older schema beside it before it is migrated, and drops the oldest copies.
func copyBefore(ctx context.Context, file string, schema int64) error {
	final := file + beforePrefix + strconv.FormatInt(schema+1, 10)
	fresh := final + ".new"
	_ = os.Remove(fresh) // of a start that ended just here
	if err := copyDatabase(ctx, file, fresh); err != nil {
		return &Broken{Message: fmt.Sprintf("%s is not upgraded, since it could not be copied before: %v", file, err), Err: err}
	}
	if err := os.Rename(fresh, final); err != nil {
		return &Broken{Message: fmt.Sprintf("%s is not upgraded, since its copy could not be named: %v", file, err), Err: err}
	}
	copies := copiesBefore(file)
	for _, old := range copies[min(beforeKept, len(copies)):] {
		_ = os.Remove(old.file) // one too many does no harm
	}
	return nil
}

// before is a copy that was made before an upgrade.
type before struct {
	file   string
	schema int64 // what it has
	made   int64 // UnixNano
}

// copiesBefore lists the copies of a database, newest first.
func copiesBefore(file string) (list []before) {
	names, _ := filepath.Glob(globText(file) + beforePrefix + "*")
	for _, name := range names {
		lacks, err := strconv.ParseInt(strings.TrimPrefix(name, file+beforePrefix), 10, 64)
		info, failed := os.Stat(name)
		if err != nil || failed != nil {
			continue
		}
		list = append(list, before{name, lacks - 1, info.ModTime().UnixNano()})
	}
	slices.SortFunc(list, func(a, b before) int { return cmp.Or(cmp.Compare(b.made, a.made), cmp.Compare(b.schema, a.schema)) })
	return list
}

// globText is a path of which no character means anything to Glob.
func globText(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// tooNew is what an older binary says of a newer database.
func tooNew(file string, has, known int64) *Broken {
	where := "restore a backup made before the upgrade"
	for _, c := range copiesBefore(file) {
		if c.schema <= known {
			where = "put the copy " + c.file + " in its place"
			break
		}
	}
	return &Broken{Message: fmt.Sprintf("%s was written by a newer Tollgate (schema %d, this one knows up to %d): run the newer tollgate, or %s", file, has, known, where)}
}

// NoteBackup audits that the principal is given all of the database: for an admin of the platform only.
func (s *Store) NoteBackup(ctx context.Context, p tenant.Principal) error {
	if p.Role != tenant.RolePlatform || p.Access != tenant.AccessAdmin {
		return tenant.Forbidden("a backup holds every tenant's data and the keys", "an admin of the platform")
	}
	_, err := s.Write(ctx, p, tenant.Platform(), func(tx *Tx) error {
		tx.record(AuditEntry{Action: tenant.ActionBackup, Noun: tenant.KindNode, Name: "database"})
		return nil
	})
	return err
}
