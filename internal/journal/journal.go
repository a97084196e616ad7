package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// What Put says instead of nil.
var (
	// ErrFull: no segment can be made. The disk is full, or the log says what else.
	ErrFull = errors.New("journal: the disk is full")
	// ErrTooBig: the data has more than MaxData bytes.
	ErrTooBig = errors.New("journal: record too big")
	// ErrClosed: after Close.
	ErrClosed = errors.New("journal: closed")
)

const (
	defaultSegment = 8 << 20
	// retryFull is how often a segment is tried for while the disk is full.
	retryFull = 100 * time.Millisecond
	// reserveShare of a segment is left to deletes, which so do not depend on
	// whether another segment can be made.
	reserveShare = 16
)

// Config says what a Journal is made of.
type Config struct {
	Dir          string       // made with 0700 if it is not there
	SegmentBytes int          // of one file; 128 KiB to 1 GiB, 0 = 8 MiB
	Log          *slog.Logger // nil: nothing is logged
	// Full is told when no segment can be made, and when one could again; first
	// within Open if the disk is full then. It must not block nor call the journal.
	Full func(full bool)

	disk disk
}

// Journal is one folder of records. It is safe for concurrent use.
type Journal struct {
	cfg   Config
	log   *slog.Logger
	lock  *os.File
	zeros []byte // warmStep of them

	// syncing is held while segments are synced, given back or removed; it is
	// taken before mu.
	syncing sync.Mutex

	mu       sync.Mutex // guards all below
	current  *segment   // that is written to; nil if the disk was full from the start
	segments []*segment // all, oldest first, current included
	next     uint64     // sequence of the segment to come
	closing  bool       // Close was called
	closed   bool       // and nothing is written any more
	full     bool
	tried    time.Time // when a segment was last tried for
	created  bool      // a segment whose name may not be on the disk yet
	stale    bool      // the segments hold what a checkpoint should clear away at once
	written  int64     // bytes of records, since Open
	clean    int64     // written when the last complete checkpoint had walked
	live     int64     // bytes that the last checkpoint took
	stats    Stats

	wake chan struct{} // a checkpoint is due
	stop chan struct{}
	done sync.WaitGroup
}

// Stats says what a journal holds and what it did since Open.
type Stats struct {
	Bytes       int64 // on the disk, reserved space included
	LiveBytes   int64 // that the last checkpoint took or Load gave: about what lives
	Segments    int
	Puts        uint64
	Deletes     uint64
	Checkpoints uint64 // complete ones
}

// Open takes a journal's folder for this process and begins a new segment in it.
// Another process that has it, a file that a newer version wrote and one that
// cannot be read are refused, and so is a file system that cannot reserve space (NFS
// before 4.2). A full disk is not: then Put says ErrFull.
func Open(cfg Config) (j *Journal, err error) {
	cfg.defaults()
	defer func() {
		if err != nil {
			err = fmt.Errorf("journal %s: %w", cfg.Dir, err)
		}
	}()
	if cfg.SegmentBytes < minSegment || cfg.SegmentBytes > maxSegment {
		return nil, fmt.Errorf("a segment of %d bytes: it must have %d to %d", cfg.SegmentBytes, minSegment, maxSegment)
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := lock(cfg.Dir)
	if err != nil {
		return nil, err
	}
	j = &Journal{cfg: cfg, log: cfg.Log, lock: lock, zeros: make([]byte, warmStep), next: 1, wake: make(chan struct{}, 1), stop: make(chan struct{})}
	if err = j.begin(); err != nil {
		_ = lock.Close()
		return nil, err
	}
	return j, nil
}

func (c *Config) defaults() {
	if c.SegmentBytes == 0 {
		c.SegmentBytes = defaultSegment
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Full == nil {
		c.Full = func(bool) {}
	}
	if c.disk.reserve == nil {
		c.disk.reserve = reserve
	}
	if c.disk.remove == nil {
		c.disk.remove = os.Remove
	}
}

// begin looks at the segments that are there and makes one to write to. Those in
// which nothing stands go, or a program that dies early each time would pile them up.
func (j *Journal) begin() error {
	found, err := findSegments(j.cfg.Dir)
	if err != nil {
		return err
	}
	for _, s := range found {
		empty, err := s.inspect()
		if err != nil {
			return err
		}
		j.next = s.seq + 1
		if !empty {
			j.segments = append(j.segments, s)
		} else if err := os.Remove(s.path); err != nil {
			return err
		}
	}
	j.stale = len(j.segments) > 0
	err = j.rotate()
	if isFull(err) {
		j.setFull(err)
		return nil
	}
	return err
}

// Put keeps a record; an earlier one of the same kind and id stands no more. When it
// returns nil the record survives this process, and within a second the machine. The
// data is copied; it allocates nothing. Errors: ErrFull, ErrTooBig, ErrClosed.
func (j *Journal) Put(kind Kind, id ID, data []byte) error {
	if len(data) > MaxData {
		return ErrTooBig
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.append(opPut, kind, &id, data); err != nil {
		return err
	}
	j.stats.Puts++
	return nil
}

// Delete ends a record. Where there is none nothing happens. It works with a full
// disk too, for some thousands of records; those that come then are forgotten, until a
// checkpoint has room.
func (j *Journal) Delete(kind Kind, id ID) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.append(opDel, kind, &id, nil); err != nil {
		j.stale = true
		return
	}
	j.stats.Deletes++
}

// Stats counts.
func (j *Journal) Stats() Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.stats
	s.LiveBytes, s.Segments = j.live, len(j.segments)
	for _, g := range j.segments {
		s.Bytes += g.bytes
	}
	return s
}

// append writes a record behind the last one. mu is held.
func (j *Journal) append(o op, kind Kind, id *ID, data []byte) error {
	size := sizeOf(len(data))
	if j.room(o) < size {
		if err := j.makeRoom(); err != nil {
			return err
		}
	}
	s := j.current
	if s.used+size > s.warm {
		s.warmUp(j.zeros, s.used+size)
	}
	write(s.mem[s.used:s.used+size], o, kind, id, data)
	s.used += size
	j.written += int64(size)
	if j.due() {
		j.wakeUp()
	}
	return nil
}

// room is how many bytes the current segment has for an operation.
func (j *Journal) room(o op) int {
	if j.current == nil || j.closed {
		return 0
	}
	left := len(j.current.mem)&^(alignment-1) - j.current.used
	if o == opPut {
		left -= j.cfg.SegmentBytes / reserveShare
	}
	return left
}

// makeRoom begins a new segment, or says why not. While the disk is full it asks
// the kernel ten times a second at most.
func (j *Journal) makeRoom() error {
	if j.closed {
		return ErrClosed
	}
	now := time.Now()
	if j.full && now.Sub(j.tried) < retryFull {
		return ErrFull
	}
	j.tried = now
	if err := j.rotate(); err != nil {
		j.setFull(err)
		return ErrFull
	}
	if j.full {
		j.full = false
		j.log.Info("journal has room again", "dir", j.cfg.Dir)
		j.cfg.Full(false)
		if j.due() { // a Delete was forgotten
			j.wakeUp()
		}
	}
	return nil
}

// setFull tells of a full disk, once.
func (j *Journal) setFull(err error) {
	if j.full {
		return
	}
	j.full, j.tried = true, time.Now()
	j.log.Error("journal cannot grow; nothing new is kept over a crash", "dir", j.cfg.Dir, "error", err.Error())
	j.cfg.Full(true)
}

// rotate makes a segment and writes to it from now on. The one before stays mapped
// until it is on the disk.
func (j *Journal) rotate() error {
	s, err := createSegment(&j.cfg.disk, j.cfg.Dir, j.next, j.cfg.SegmentBytes, j.zeros)
	if err != nil {
		return err
	}
	j.next++
	j.created = true
	j.current = s
	j.segments = append(j.segments, s)
	return nil
}

// Close waits for a checkpoint under way, writes all to the disk and gives the folder
// back. Whoever puts later gets ErrClosed. Closing twice is fine.
func (j *Journal) Close() error {
	j.mu.Lock()
	again := j.closing
	j.closing = true
	j.mu.Unlock()
	if again {
		return nil
	}
	close(j.stop)
	j.done.Wait()
	j.mu.Lock()
	j.closed, j.current = true, nil
	j.mu.Unlock()
	err := j.sync()
	for _, s := range j.segments {
		s.release()
	}
	if unlock := j.lock.Close(); err == nil {
		err = unlock
	}
	if err != nil {
		return fmt.Errorf("journal %s: close: %w", filepath.Clean(j.cfg.Dir), err)
	}
	return nil
}
