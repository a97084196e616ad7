package journal

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	format     = 1 // of segments and snapshots
	headerSize = 32
	suffix     = ".journal"

	segmentMagic  = "TGjourn\n"
	snapshotMagic = "TGjsnap\n"

	minSegment = 128 << 10 // holds the largest record and the reserve for deletes
	maxSegment = 1 << 30

	warmStep = 256 << 10 // bytes; a page at a time costs four times as much
)

// segment is one file.
type segment struct {
	seq    uint64
	path   string
	bytes  int64    // on the disk
	used   int      // how far it may hold records
	warm   int      // how far its pages are in memory (see warmUp)
	synced int      // how far it is on the disk for certain
	file   *os.File // nil once it is complete and on the disk
	mem    []byte   // the mapping, nil as file
}

// disk is what the kernel does for a journal; tests fill it up.
type disk struct {
	reserve func(fd int, size int64) error
	remove  func(path string) error
}

// reserve is fallocate, which signals interrupt on some file systems.
func reserve(fd int, size int64) error {
	return retried(func() error { return unix.Fallocate(fd, 0, 0, size) })
}

func retried(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// isFull tells a full disk, or quota, from other faults.
func isFull(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}

// lock takes the folder for this process; closing the file gives it back.
func lock(dir string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = retried(func() error { return unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) })
	if err == nil {
		return file, nil
	}
	_ = file.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, errors.New("in use by another process")
	}
	return nil, fmt.Errorf("lock: %w", err)
}

// createSegment makes an empty segment, its space reserved. It leaves nothing behind
// when it fails. zeros are for warmUp.
func createSegment(d *disk, dir string, seq uint64, size int, zeros []byte) (*segment, error) {
	name := fmt.Sprintf("%08d", seq) + suffix
	s := &segment{seq: seq, path: filepath.Join(dir, name), bytes: int64(size), used: headerSize}
	var err error
	if s.file, err = os.OpenFile(s.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return nil, err
	}
	if err := s.mapNew(d, size); err != nil {
		s.release()
		_ = os.Remove(s.path)
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	header := newHeader(segmentMagic, seq, size)
	s.warmUp(zeros, len(header))
	copy(s.mem, header[:])
	return s, nil
}

// mapNew gives a new file its space, and maps it.
func (s *segment) mapNew(d *disk, size int) (err error) {
	fd := int(s.file.Fd())
	if err := d.reserve(fd, int64(size)); err != nil {
		return fmt.Errorf("reserve %d bytes: %w", size, err)
	}
	if s.mem, err = unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return fmt.Errorf("map: %w", err)
	}
	// Without it the first touch of a page reads ahead as much as the disk likes: some
	// milliseconds where that is 8 MiB.
	return unix.Madvise(s.mem, unix.MADV_RANDOM)
}

// warmUp writes zeros where the records to come will stand, so that the kernel has the pages at
// once and in large folios: a page that is first touched through the mapping costs 2.5 us, one
// that was written before 0.5. Nothing is lost where it fails, but time.
func (s *segment) warmUp(zeros []byte, until int) {
	for s.warm < until {
		n, err := unix.Pwrite(int(s.file.Fd()), zeros[:min(len(zeros), len(s.mem)-s.warm)], int64(s.warm))
		if err != nil || n == 0 {
			s.warm = len(s.mem)
			return
		}
		s.warm += n
	}
}

// release gives file and mapping back; the segment stays on the disk.
func (s *segment) release() {
	if s.file == nil {
		return
	}
	_ = unix.Munmap(s.mem) // fails only for what is not mapped
	_ = s.file.Close()     // synced before
	s.file, s.mem = nil, nil
}

// sync waits until all that is written so far is on the disk.
func (s *segment) sync() error {
	if err := retried(func() error { return unix.Fdatasync(int(s.file.Fd())) }); err != nil {
		return fmt.Errorf("sync %s: %w", filepath.Base(s.path), err)
	}
	return nil
}

// syncDir puts a folder's names on the disk.
func syncDir(dir string) error {
	file, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer file.Close()
	return file.Sync()
}

func newHeader(magic string, seq uint64, size int) (h [headerSize]byte) {
	copy(h[:8], magic)
	binary.LittleEndian.PutUint32(h[8:], format)
	binary.LittleEndian.PutUint32(h[12:], uint32(size))
	binary.LittleEndian.PutUint64(h[16:], seq)
	binary.LittleEndian.PutUint32(h[24:], checksum(h[:24]))
	return h
}

var (
	errNewer = errors.New("a newer version of Tollgate wrote it: start that one, or a later one")
	errAlien = errors.New("not a journal's, or damaged from its first bytes on: move it away to start without it")
)

// checkHeader says whether this program can read what follows h.
func checkHeader(h []byte, magic string) error {
	switch {
	case len(h) < headerSize || string(h[:8]) != magic:
		return errAlien
	case binary.LittleEndian.Uint32(h[8:]) > format:
		return errNewer
	case binary.LittleEndian.Uint32(h[8:]) != format,
		binary.LittleEndian.Uint32(h[24:]) != checksum(h[:24]):
		return errAlien
	}
	return nil
}

// findSegments lists the segments of a folder by their sequence.
func findSegments(dir string) ([]*segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []*segment
	for _, e := range entries {
		digits, ok := strings.CutSuffix(e.Name(), suffix)
		seq, err := strconv.ParseUint(digits, 10, 63)
		if ok && err == nil && fmt.Sprintf("%08d", seq) == digits {
			found = append(found, &segment{seq: seq, path: filepath.Join(dir, e.Name())})
		}
	}
	slices.SortFunc(found, func(a, b *segment) int { return cmp.Compare(a.seq, b.seq) })
	return found, nil
}

// inspect reads how a segment begins. One in which nothing was ever written is
// empty; its header may be missing too, if the power went before it was on the disk.
func (s *segment) inspect() (empty bool, err error) {
	file, err := os.Open(s.path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return false, err
	}
	var start [headerSize + 4]byte
	n, err := file.ReadAt(start[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	if bytes.Count(start[:], []byte{0}) == len(start) {
		return true, nil
	}
	if err := checkHeader(start[:min(n, headerSize)], segmentMagic); err != nil {
		return false, fmt.Errorf("%s: %w", filepath.Base(s.path), err)
	}
	size := binary.LittleEndian.Uint32(start[12:])
	if binary.LittleEndian.Uint64(start[16:]) != s.seq || size > maxSegment {
		return false, fmt.Errorf("%s: %w", filepath.Base(s.path), errAlien)
	}
	s.bytes = info.Size()
	s.used = int(min(info.Size(), int64(size)))
	return binary.LittleEndian.Uint32(start[headerSize:]) == 0, nil
}
