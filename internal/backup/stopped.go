package backup

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"tollgate/internal/journal"
)

// journalLock is the file in a journal's folder that the process holds that has it open.
const journalLock = "lock"

// Journal gives what writes the journal of a data folder whose node does not run; nil where there
// is no journal.
//
// A journal that is opened gets a new segment. A backup is often made by another user than the
// node's, who could then not open that, so a copy of the journal is opened, made under its lock.
func Journal(dir string) func(w io.Writer) error {
	at := filepath.Join(dir, JournalName)
	if _, err := os.Stat(filepath.Join(at, journalLock)); err != nil {
		return nil
	}
	return func(w io.Writer) (err error) {
		temp, err := os.MkdirTemp(dir, tempPrefix)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
		if err := copyJournal(at, temp); err != nil {
			return err
		}
		j, err := journal.Open(journal.Config{Dir: temp})
		if err != nil {
			return err
		}
		return errors.Join(j.Snapshot(w), j.Close())
	}
}

// copyJournal copies a journal's files while no process has it.
func copyJournal(from, to string) error {
	lock, err := os.Open(filepath.Join(from, journalLock))
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return fmt.Errorf("%s is in use: a node has started meanwhile, so try again", from)
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == journalLock || !e.Type().IsRegular() {
			continue
		}
		if err := copyFile(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
