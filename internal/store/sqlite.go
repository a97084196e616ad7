package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/pressly/goose/v3"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

//go:embed migrations/sqlite/*.sql
var migrations embed.FS

const migrationsDir = "migrations/sqlite"

// FileName is the database within the data folder.
const FileName = "tollgate.db"

// openSQLite gives two handles on one file: one connection that writes, some that read (WAL lets them go on meanwhile).
func openSQLite(ctx context.Context, dir string) (writer, reader *bun.DB, err error) {
	file := filepath.Join(dir, FileName)
	// Made here, for its mode: SQLite's own files (-wal, -shm) take it over.
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, nil, explainFile(file, err)
	}
	if err := f.Close(); err != nil {
		return nil, nil, explainFile(file, err)
	}
	// 16 MiB hold the pages that call records go to when many end; else each costs a read.
	w, err := sql.Open("sqlite", dsn(file, "_txlock=immediate&_pragma=cache_size(-16384)"))
	if err != nil {
		return nil, nil, explain(file, err)
	}
	w.SetMaxOpenConns(1)
	if err := migrate(ctx, file, w); err != nil {
		return nil, nil, errors.Join(err, w.Close())
	}
	r, err := sql.Open("sqlite", dsn(file, "_pragma=query_only(1)"))
	if err != nil {
		return nil, nil, errors.Join(explain(file, err), w.Close())
	}
	r.SetMaxOpenConns(4)
	return bun.NewDB(w, sqlitedialect.New()), bun.NewDB(r, sqlitedialect.New()), nil
}

// uri names a file as SQLite's URIs do, without parameters.
func uri(file string) string {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: file}).EscapedPath()}
	return u.String()
}

// dsn: a write waits for another process up to 10 s, and is on the disk when it returns.
func dsn(file, more string) string {
	return uri(file) + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&" + more
}

// knownSchema is the version to which this program migrates.
func knownSchema() (newest int64, err error) {
	files, err := migrations.ReadDir(migrationsDir)
	for _, f := range files {
		n, failed := goose.NumericComponent(f.Name())
		newest, err = max(newest, n), errors.Join(err, failed)
	}
	return newest, err
}

// migrate brings the schema up to date, after a copy was made of what there was. A newer schema
// than this program knows is refused untouched.
func migrate(ctx context.Context, file string, db *sql.DB) error {
	known, err := knownSchema()
	if err != nil {
		return err
	}
	dir, err := fs.Sub(migrations, migrationsDir)
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, dir, goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return explain(file, err)
	}
	has, err := p.GetDBVersion(ctx)
	if err != nil {
		return explain(file, err)
	}
	switch {
	case has > known:
		return tooNew(file, has, known)
	case has > 0 && has < known:
		if err := copyBefore(ctx, file, has); err != nil {
			return err
		}
	}
	if _, err := p.Up(ctx); err != nil {
		return explain(file, err)
	}
	return nil
}

// Broken is what keeps the database from being used: one sentence that says what to do.
type Broken struct {
	Message string
	Err     error
}

// Error gives the sentence.
func (b *Broken) Error() string { return b.Message }

// Unwrap gives the driver's error.
func (b *Broken) Unwrap() error { return b.Err }

// explain turns the driver's error into a sentence; an error of another origin stays as it is.
func explain(file string, err error) error {
	var se *sqlite.Error
	var done *Broken
	if err == nil || errors.As(err, &done) || !errors.As(err, &se) {
		return err
	}
	const lowByte = 0xff // the upper ones are SQLite's extended codes
	sentence := ""
	switch se.Code() & lowByte {
	case sqlite3.SQLITE_FULL:
		sentence = "the disk that holds %s is full: nothing was changed; free some space and try again"
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		sentence = "%s is damaged or is no database of Tollgate: restore a backup, or move the file away to start empty"
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		sentence = "%s is in use by another program that does not let go: end it and try again"
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_AUTH:
		sentence = "%s cannot be written: give it and its folder to the user that runs Tollgate"
	case sqlite3.SQLITE_IOERR:
		sentence = "reading or writing %s failed: check the disk; nothing was changed"
	default:
		return fmt.Errorf("database %s: %w", file, err)
	}
	return &Broken{Message: fmt.Sprintf(sentence, file), Err: err}
}

// explainFile does the same for errors of the file system.
func explainFile(file string, err error) error {
	sentence := "cannot open " + file
	switch {
	case errors.Is(err, fs.ErrPermission):
		sentence = file + " may not be opened: give it and its folder to the user that runs Tollgate"
	case errors.Is(err, fs.ErrNotExist):
		sentence = file + " cannot be made: its folder does not exist"
	case isFull(err):
		sentence = "the disk for " + file + " is full: free some space and start again"
	default:
		sentence += ": " + err.Error()
	}
	return &Broken{Message: sentence, Err: err}
}
