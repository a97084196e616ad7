// Package backup writes a node's data as one file, and reads it back: the database as it is at one
// moment, the key that its secrets are sealed with, and the journal.
//
// It is not its job to know who may ask for it, nor where a node runs. It has no RFC.
//
// # The file
//
// A gzip of a tar (POSIX.1-2001) of plain files, in this order:
//
//	manifest.json   Manifest: the format's version, and the names and sizes of the parts
//	tollgate.db     the database
//	secrets.key     the sealing key, as it lies in the data folder; not there where it comes from the environment
//	journal         live bindings and calls, and call records that are not in the database yet, as journal.Snapshot writes them; not there where there is no journal
//
// Whoever has the file has every secret in it.
package backup

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"tollgate/internal/store"
)

// Format is the version of the file that is written, and the only one that is read.
const Format = 1

// The parts, and their names in the data folder; JournalName is a folder there.
const (
	manifestName = "manifest.json"
	databaseName = store.FileName
	keyName      = store.KeyFileName
	JournalName  = "journal"
)

// Where the sealing key is.
const (
	KeyInFile        = "file"
	KeyInEnvironment = "environment" // TOLLGATE_SECRET_KEY
)

// Manifest says what is in a backup.
type Manifest struct {
	Format   int       `json:"format"`
	Tollgate string    `json:"tollgate"` // version of the program that wrote it
	Schema   int64     `json:"schema"`   // of the database
	Made     time.Time `json:"made"`
	Key      string    `json:"key"`   // file: it is a part; environment: it is not in here
	Parts    []Part    `json:"parts"` // in the order of the file
}

// Part is one file of a backup.
type Part struct {
	Name string `json:"name"`
	Size int64  `json:"size"` // bytes
}

// Source is what goes into a backup.
type Source struct {
	Dir              string                  // data folder; the copies are made in it, too
	Version          string                  // of this program
	KeyInEnvironment bool                    // the sealing key is not the file in Dir
	Journal          func(w io.Writer) error // writes its records; nil = there is no journal
}

// Write writes a backup while a node goes on working. Nothing is written to w before all parts are
// at hand; the space for them is needed in the data folder for as long as that takes.
func Write(ctx context.Context, w io.Writer, s Source) error {
	m := Manifest{Format: Format, Tollgate: s.Version, Made: time.Now().UTC().Truncate(time.Second), Key: KeyInFile}
	if s.KeyInEnvironment {
		m.Key = KeyInEnvironment
	}
	parts, err := s.gather(ctx, &m)
	defer func() {
		for _, f := range parts {
			_ = f.Close() // only read
		}
	}()
	if err != nil {
		return err
	}
	head, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	z, err := gzip.NewWriterLevel(w, gzip.BestSpeed) // a node that carries calls has better things to do
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	if err := add(t, &m, Part{manifestName, int64(len(head))}, bytes.NewReader(head)); err != nil {
		return err
	}
	for i, f := range parts {
		if err := add(t, &m, m.Parts[i], f); err != nil {
			return err
		}
	}
	if err := errors.Join(t.Close(), z.Close()); err != nil {
		return fmt.Errorf("write the backup: %w", err)
	}
	return nil
}

func add(t *tar.Writer, m *Manifest, p Part, r io.Reader) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: p.Name, Size: p.Size, Mode: 0o600, ModTime: m.Made, Format: tar.FormatPAX}
	if err := t.WriteHeader(h); err != nil {
		return fmt.Errorf("write the backup: %w", err)
	}
	if _, err := io.CopyN(t, r, p.Size); err != nil {
		return fmt.Errorf("write the backup: %s: %w", p.Name, err)
	}
	return nil
}

const (
	// tempPrefix begins the folder in which copies are made.
	tempPrefix = "backup.tmp-"
	// leftAfter is when such a folder is one that a dead process left.
	leftAfter = time.Hour
)

// gather makes the parts and gives them opened: they have no name any more, so they are gone when
// they are closed, or when the process dies.
func (s *Source) gather(ctx context.Context, m *Manifest) (parts []*os.File, err error) {
	sweep(s.Dir)
	dir, err := os.MkdirTemp(s.Dir, tempPrefix)
	if err != nil {
		return nil, fmt.Errorf("a folder for the copy: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	// The journal first: a call record that leaves it meanwhile is in the database then. One that
	// is in both is stored once.
	records := filepath.Join(dir, JournalName)
	if s.Journal != nil {
		if err := writeJournal(records, s.Journal); err != nil {
			return nil, err
		}
	}
	if m.Schema, err = store.Snapshot(ctx, s.Dir, filepath.Join(dir, databaseName)); err != nil {
		return nil, err
	}
	files := []string{filepath.Join(dir, databaseName)}
	if m.Key == KeyInFile {
		files = append(files, filepath.Join(s.Dir, keyName))
	}
	if s.Journal != nil {
		files = append(files, records)
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			return parts, err // names the file
		}
		parts = append(parts, f)
		info, err := f.Stat()
		if err != nil {
			return parts, err
		}
		m.Parts = append(m.Parts, Part{filepath.Base(file), info.Size()})
	}
	return parts, nil
}

func writeJournal(file string, write func(io.Writer) error) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return fmt.Errorf("copy the journal: %w", err)
	}
	return nil
}

// sweep removes what earlier processes left that were killed at work.
func sweep(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && isTemp(e.Name()) && time.Since(info.ModTime()) > leftAfter {
			_ = os.RemoveAll(filepath.Join(dir, e.Name()))
		}
	}
}
