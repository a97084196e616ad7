package edge

import (
	"path/filepath"

	"tollgate/internal/backup"
	"tollgate/internal/ban"
	"tollgate/internal/cdr"
	"tollgate/internal/dialog"
	"tollgate/internal/journal"
)

// What the journal keeps.
const (
	keptCall journal.Kind = 1 + iota
	keptBinding
	keptCDR
	keptBan
)

// keeper is the journal of one kind of records.
type keeper struct {
	journal *journal.Journal
	kind    journal.Kind
}

// Put is call.Journal and registrar.Journal.
func (k keeper) Put(id dialog.Stable, data []byte) error {
	return k.journal.Put(k.kind, journal.ID(id), data)
}

// Delete is call.Journal and registrar.Journal.
func (k keeper) Delete(id dialog.Stable) { k.journal.Delete(k.kind, journal.ID(id)) }

// openJournal takes the journal of the data folder.
func (e *Edge) openJournal() (err error) {
	e.journal, err = journal.Open(journal.Config{
		Dir: filepath.Join(e.cfg.DataDir, backup.JournalName), Log: e.log, Full: e.journalFull,
	})
	return err
}

// journalFull is told when nothing more can be kept, and when it can again: a call or
// registration that a crash would lose is not let in.
func (e *Edge) journalFull(full bool) {
	e.full.set(&e.full.journal, full)
	if full {
		e.log.Error("the disk is full: no new calls and registrations", "data_dir", e.cfg.DataDir)
	}
}

// restore takes back what the last process of this node has kept. A record that fits
// nothing any more is left out.
func (e *Edge) restore() error {
	calls := 0
	err := e.journal.Load(func(kind journal.Kind, id journal.ID, data []byte) error {
		var err error
		switch kind {
		case keptCall:
			if err = e.calls.Restore(dialog.Stable(id), data); err == nil {
				calls++
			}
		case keptBinding:
			err = e.registrar.Restore(dialog.Stable(id), data)
		case keptCDR:
			err = e.cdrs.Restore(cdr.ID(id), data)
		case keptBan:
			err = e.bans.Restore(ban.ID(id), data)
		}
		if err != nil {
			e.log.Warn("not restored", "kind", int(kind), "error", err.Error())
		}
		return nil
	})
	if calls+e.registrar.Len() > 0 {
		e.log.Info("restored", "calls", calls, "bindings", e.registrar.Len())
	}
	return err
}

// checkpoint puts all that stands into the journal again.
func (e *Edge) checkpoint() error {
	if err := e.calls.Checkpoint(); err != nil {
		return err
	}
	if err := e.registrar.Checkpoint(); err != nil {
		return err
	}
	if err := e.cdrs.Checkpoint(); err != nil {
		return err
	}
	return e.bans.Checkpoint()
}
