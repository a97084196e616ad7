package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	// syncEvery is how much of the past a power cut may take.
	syncEvery = time.Second
	// retryCheckpoint is how long a checkpoint that failed is left alone.
	retryCheckpoint = time.Minute
)

// Run begins to sync and to keep the journal small, until Close. checkpoint puts every
// live record again and returns then; an error of it, or of Put in it, is to be
// returned, and it is called again a minute later. It is called soon after Run if an
// earlier process left records, so Run comes after the owner has taken back what Load
// gave. See the package comment for what is asked of checkpoint.
func (j *Journal) Run(checkpoint func() error) {
	j.mu.Lock()
	if j.due() {
		j.wakeUp()
	}
	j.mu.Unlock()
	j.done.Add(2)
	go func() {
		defer j.done.Done()
		j.keepSynced()
	}()
	go func() {
		defer j.done.Done()
		j.keepSmall(checkpoint)
	}()
}

// keepSynced syncs, and looks whether a full disk is full still: when the owner
// refuses everything for it, no Put will.
func (j *Journal) keepSynced() {
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	failed := false
	for {
		select {
		case <-j.stop:
			return
		case <-tick.C:
		}
		err := j.sync()
		if err != nil && !failed {
			j.log.Error("journal not written to the disk; a power cut would lose it", "dir", j.cfg.Dir, "error", err.Error())
		}
		failed = err != nil
		j.mu.Lock()
		if j.full {
			_ = j.makeRoom() // has been told
		}
		j.mu.Unlock()
	}
}

// keepSmall makes checkpoints when they are due.
func (j *Journal) keepSmall(walk func() error) {
	var retry <-chan time.Time
	wake := j.wake
	for {
		select {
		case <-j.stop:
			return
		case <-wake:
		case <-retry:
		}
		wake, retry = j.wake, nil
		if err := j.checkpoint(walk); err != nil {
			j.log.Error("journal checkpoint failed; older segments stay", "dir", j.cfg.Dir, "error", err.Error())
			wake, retry = nil, time.After(retryCheckpoint)
		}
	}
}

// due says that a checkpoint would shrink the journal. mu is held.
func (j *Journal) due() bool {
	return j.stale || j.written-j.clean > max(2*int64(j.cfg.SegmentBytes), 2*j.live)
}

func (j *Journal) wakeUp() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// checkpoint makes all segments before this moment superfluous, and removes them.
func (j *Journal) checkpoint(walk func() error) error {
	j.mu.Lock()
	if !j.due() {
		j.mu.Unlock()
		return nil
	}
	first, began, err := j.beginCheckpoint()
	j.mu.Unlock()
	if err == nil {
		err = walk()
	}
	if err == nil {
		err = j.endCheckpoint(first, began)
	}
	if err != nil {
		j.mu.Lock()
		j.stale = true
		j.mu.Unlock()
		return err
	}
	if err := j.removeBefore(first); err != nil {
		j.log.Error("journal cannot remove what it needs no more; tried again after the next checkpoint",
			"dir", j.cfg.Dir, "error", err.Error())
	}
	return nil
}

// beginCheckpoint writes the first mark, which begins a segment. A Delete that must be
// forgotten from now on makes the journal stale again. mu is held.
func (j *Journal) beginCheckpoint() (first uint64, began int64, err error) {
	if j.current == nil || j.current.used > headerSize {
		if err := j.makeRoom(); err != nil {
			return 0, 0, err
		}
	}
	j.stale = false
	first, began = j.current.seq, j.written
	id := number(first)
	return first, began, j.append(opBegin, 0, &id, nil)
}

// endCheckpoint writes the second mark. What it vouches for is on the disk before it,
// and it is before anything is removed: a power cut finds the old segments or the new
// ones whole.
func (j *Journal) endCheckpoint(first uint64, began int64) error {
	j.mu.Lock()
	walked := j.written
	j.mu.Unlock()
	if err := j.sync(); err != nil {
		return err
	}
	id := number(first)
	j.mu.Lock()
	err := j.append(opEnd, 0, &id, nil)
	if err == nil {
		j.clean, j.live = walked, walked-began
		j.stats.Checkpoints++
	}
	j.mu.Unlock()
	if err != nil {
		return err
	}
	return j.sync()
}

// removeBefore removes the segments before a sequence, oldest first. One that does
// not go is tried again after the next checkpoint.
func (j *Journal) removeBefore(first uint64) error {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	j.mu.Lock()
	old := slices.Clone(j.segments[:slices.IndexFunc(j.segments, func(s *segment) bool { return s.seq >= first })])
	j.mu.Unlock()
	for i, s := range old {
		err := j.cfg.disk.remove(s.path)
		if err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("remove %s: %w", filepath.Base(s.path), err)
		}
		j.mu.Lock()
		j.segments = slices.Delete(j.segments, 0, 1)
		j.mu.Unlock()
		old[i].release()
	}
	return nil
}

// sync writes to the disk what was put until now, and gives complete segments back.
func (j *Journal) sync() error {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	j.mu.Lock()
	var behind []*segment
	var until []int
	for _, s := range j.segments {
		if s.file != nil && (s.synced != s.used || s != j.current) {
			behind, until = append(behind, s), append(until, s.used)
		}
	}
	created, current := j.created, j.current
	j.created = false
	j.mu.Unlock()
	err := j.syncSegments(behind, until, current)
	if err == nil && created {
		err = syncDir(j.cfg.Dir)
	}
	if err != nil {
		j.mu.Lock()
		j.created = j.created || created
		j.mu.Unlock()
	}
	return err
}

func (j *Journal) syncSegments(behind []*segment, until []int, current *segment) error {
	for i, s := range behind {
		if err := s.sync(); err != nil {
			return err
		}
		s.synced = until[i]
		if s != current {
			s.release()
		}
	}
	return nil
}
