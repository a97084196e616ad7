package backup

import (
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"tollgate/internal/journal"
	"tollgate/internal/store"
)

// stagePrefix begins the folder, within the data folder, in which a backup is unpacked and judged.
const stagePrefix = "restore.tmp-"

// Stage is a backup that was unpacked beside the place where it is to be, and found good.
type Stage struct {
	Manifest Manifest
	dir      string // the data folder
	staged   string // the folder within it
}

// Open unpacks a backup within the data folder dir, which must be there, and proves that a node
// could work with it. key is the sealing key that the node has from its environment, nil: none. Its
// errors are one sentence. Close has to be called; before Install nothing else in dir is touched.
func Open(ctx context.Context, r io.Reader, dir string, key []byte) (s *Stage, err error) {
	sweep(dir)
	room, err := free(dir)
	if err != nil {
		return nil, err
	}
	s = &Stage{dir: dir}
	if s.staged, err = os.MkdirTemp(dir, stagePrefix); err != nil {
		return nil, fmt.Errorf("a folder to unpack in: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.Manifest, err = read(r, room, s.unpack); err != nil {
		return s, err
	}
	if s.Manifest.Key == KeyInEnvironment && key == nil {
		return s, errors.New("the backup's passwords are sealed with a key that is not in it: set TOLLGATE_SECRET_KEY to that of the node that it was made of")
	}
	schema, err := store.Verify(ctx, s.staged, key)
	if err == nil && schema != s.Manifest.Schema {
		err = errDamaged
	}
	return s, err
}

// free is how many bytes may still be written to the disk of a folder.
func free(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("%s: %w", dir, err)
	}
	return int64(st.Bavail) * st.Bsize, nil
}

// unpack writes one part under its own name, which is one that we know.
func (s *Stage) unpack(p Part, r io.Reader) error {
	to := filepath.Join(s.staged, p.Name)
	if p.Name == JournalName {
		err := journal.Restore(to, r)
		if inner := errors.Unwrap(err); inner != nil { // without the path, which is soon gone
			err = fmt.Errorf("the backup's journal: %w", inner)
		}
		return err
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Sync(), f.Close())
}

// Install puts the parts in their place. What a node had there is moved to the new folder aside,
// which has to be on the same disk. Where it fails, all is as it was.
func (s *Stage) Install(aside string) error {
	old, err := Holds(s.dir)
	if err != nil {
		return err
	}
	var moves []move
	for _, name := range old {
		moves = append(moves, move{filepath.Join(s.dir, name), filepath.Join(aside, name)})
	}
	for _, p := range slices.Backward(s.Manifest.Parts) { // the database last: without it there is no node
		moves = append(moves, move{filepath.Join(s.staged, p.Name), filepath.Join(s.dir, p.Name)})
	}
	if len(old) > 0 {
		if err := os.Mkdir(aside, 0o700); err != nil {
			return fmt.Errorf("a folder for what is there: %w", err)
		}
	}
	if err := moveAll(moves); err != nil {
		if len(old) > 0 {
			err = errors.Join(err, os.Remove(aside))
		}
		return err
	}
	return syncFolder(s.dir)
}

// Close removes what is left of the unpacked parts.
func (s *Stage) Close() error { return os.RemoveAll(s.staged) }

// move is a renaming.
type move struct{ from, to string }

// moveAll renames all, or none.
func moveAll(moves []move) error {
	for i, m := range moves {
		err := os.Rename(m.from, m.to)
		if err == nil {
			continue
		}
		for _, done := range slices.Backward(moves[:i]) {
			err = errors.Join(err, os.Rename(done.to, done.from))
		}
		if errors.Is(err, unix.EXDEV) {
			return fmt.Errorf("%s cannot be moved to %s, which is another disk: move the data folder's files away yourself", m.from, filepath.Dir(m.to))
		}
		return err
	}
	return nil
}

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Holds lists what a node keeps in a data folder; nothing where there is no such folder. Other
// people's files in it, and the control socket, are not in the list.
func Holds(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries { // in order of names: a database before its log
		if n := e.Name(); n == keyName || n == JournalName || strings.HasPrefix(n, databaseName) {
			names = append(names, n)
		}
	}
	return names, nil
}

func isTemp(name string) bool {
	return strings.HasPrefix(name, tempPrefix) || strings.HasPrefix(name, stagePrefix)
}

func isCorrupt(err error) bool {
	var corrupt flate.CorruptInputError
	return errors.As(err, &corrupt)
}
