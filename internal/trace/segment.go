package trace

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A store is a folder of segments, each of two files: NNNNNNNN.sip has the messages as they
// came, NNNNNNNN.cases what was decided. Nobody appends to what an earlier process wrote, so
// what a kill left half written is only ever the end of a file. Numbers are big endian.
//
//	file      magic "TGtrace\n", u8 version, u8 's' or 'c', u16 0, u32 sequence, i64 created
//	record    u32 length of what follows the crc, u32 crc32c over that (but for a case's
//	          first byte; of a message up to its data, which nothing depends on)
//	message   [12] id, u32 u32 place of the case's message before (0 0: none), i64 time,
//	          u8 in, u8 proto, 18 local, 18 remote, data
//	case      u8 superseded, u8 flags, [12] id, u32 u32 place of its last message, u32 how
//	          many messages, i64 written, u8 proto and 18 address of who was tried last, u16
//	          length, decision, u16 length, ending (event.go), u16 length, refusals within the
//	          call (within.go); older files end before the last two
//
// A case is written again when more of it is known; that marks the one before superseded,
// which is the only byte that ever changes.
const (
	version     = 1
	magic       = "TGtrace\n"
	fileHeader  = 24
	frameHeader = 8
	saidFixed   = 8 + 1 + 1 + 18 + 18
	saidHeader  = frameHeader + 12 + 8 + saidFixed
	caseHeader  = frameHeader + 2 + 12 + 8 + 4 + 8 + len(tried{})

	saidSuffix = ".sip"
	caseSuffix = ".cases"
)

const caseLives = 1 // a case's flag: it goes on

const (
	maxSaid     = 64 << 20 // bytes of a segment's messages
	maxCases    = 8 << 20  // and of its cases
	maxSegments = 4096
	maxAge      = 6 * time.Hour // from its first to its last byte
	writeAt     = 256 << 10     // bytes that wait to be written at most
	retryAfter  = 5 * time.Second
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// segmentInfo is what readers know of a segment.
type segmentInfo struct {
	seq   uint32
	dir   string
	cases int64 // bytes that are there
	said  int64
	last  time.Time // of its last byte
}

func (s *segmentInfo) path(suffix string) string {
	return filepath.Join(s.dir, fmt.Sprintf("%08d", s.seq)+suffix)
}

// store writes segments. Only the drain has it.
type store struct {
	dir     string
	maxDisk int64
	keep    time.Duration
	failed  func(err error) // is told of the first fault in a row; nil: it works again
	failing bool
	retryAt time.Time
	old     []segmentInfo // the oldest first
	seq     uint32        // of the newest segment
	cur     *segment      // nil until something is written
	marks   []Place       // of cases in the files that are superseded, to be marked by flush

	lostMessages, lostCases uint64
}

// segment is the one that is written.
type segment struct {
	segmentInfo
	created     time.Time
	said, cases file
}

// file is appended to through a buffer.
type file struct {
	f       *os.File
	written int64
	buf     []byte
	records uint64 // in buf
}

func (f *file) size() int64 { return f.written + int64(len(f.buf)) }

func (f *file) flush() error {
	if len(f.buf) == 0 {
		return nil
	}
	n, err := f.f.Write(f.buf)
	f.written += int64(n)
	if err != nil {
		return err
	}
	f.buf, f.records = f.buf[:0], 0
	return nil
}

// openStore finds what earlier processes left.
func openStore(cfg *Config) (*store, error) {
	s := &store{dir: cfg.Dir, maxDisk: cfg.MaxDisk, keep: cfg.Keep}
	s.failed = func(err error) {
		if err != nil {
			cfg.Log.Error("traces cannot be written; calls go on", "error", err.Error())
			return
		}
		cfg.Log.Info("traces are written again")
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	entries, err := os.ReadDir(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	found := make(map[uint32]*segmentInfo)
	for _, e := range entries {
		s.found(found, e)
	}
	for _, i := range found {
		s.old = append(s.old, *i)
		s.seq = max(s.seq, i.seq)
	}
	slices.SortFunc(s.old, func(a, b segmentInfo) int { return int(int64(a.seq) - int64(b.seq)) })
	return s, nil
}

// found notes a file of a segment; what is none is left alone.
func (s *store) found(all map[uint32]*segmentInfo, e fs.DirEntry) {
	name, suffix, _ := strings.Cut(e.Name(), ".")
	seq, err := strconv.ParseUint(name, 10, 32)
	suffix = "." + suffix
	if err != nil || seq == 0 || suffix != saidSuffix && suffix != caseSuffix {
		return
	}
	stat, err := e.Info()
	if err != nil {
		return
	}
	i := all[uint32(seq)]
	if i == nil {
		i = &segmentInfo{seq: uint32(seq), dir: s.dir}
		all[i.seq] = i
	}
	if i.last.Before(stat.ModTime()) {
		i.last = stat.ModTime()
	}
	if suffix == saidSuffix {
		i.said = stat.Size()
	} else {
		i.cases = stat.Size()
	}
}

// current gives the segment to write to; nil where the disk takes none.
func (s *store) current(now time.Time) *segment {
	if s.cur != nil || now.Before(s.retryAt) {
		return s.cur
	}
	g := &segment{segmentInfo: segmentInfo{seq: s.seq + 1, dir: s.dir, last: now}, created: now}
	s.seq++
	err := g.said.create(&g.segmentInfo, saidSuffix, now)
	if err == nil {
		err = g.cases.create(&g.segmentInfo, caseSuffix, now)
	}
	s.cur = g
	if err != nil {
		s.fail(now, err)
	}
	return s.cur
}

func (f *file) create(i *segmentInfo, suffix string, now time.Time) (err error) {
	if f.f, err = os.OpenFile(i.path(suffix), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600); err != nil {
		return err
	}
	f.buf = append(append(f.buf[:0], magic...), version, suffix[1], 0, 0)
	f.buf = binary.BigEndian.AppendUint32(f.buf, i.seq)
	f.buf = binary.BigEndian.AppendUint64(f.buf, uint64(now.UnixNano()))
	return f.flush()
}

// fail gives up the segment that cannot be written: what is in the files stays.
func (s *store) fail(now time.Time, err error) {
	s.lostMessages += s.cur.said.records
	s.lostCases += s.cur.cases.records
	s.cur.said.buf, s.cur.cases.buf, s.marks = nil, nil, nil
	s.close(now)
	s.retryAt = now.Add(retryAfter)
	if !s.failing {
		s.failing = true
		s.failed(err)
	}
}

// close ends the current segment: it is an old one now. One in which nothing ever stood goes.
func (s *store) close(now time.Time) {
	g := s.cur
	s.cur = nil
	for _, f := range [...]*file{&g.said, &g.cases} {
		if f.f != nil {
			_ = f.f.Close() // nothing waits to be written
		}
	}
	g.segmentInfo.said, g.segmentInfo.cases, g.last = g.said.written, g.cases.written, now
	s.old = append(s.old, g.segmentInfo)
	if g.segmentInfo.cases <= fileHeader && g.segmentInfo.said <= fileHeader {
		s.remove(len(s.old) - 1)
	}
}

func (s *store) remove(i int) {
	for _, suffix := range [...]string{saidSuffix, caseSuffix} {
		_ = os.Remove(s.old[i].path(suffix)) // gone already, or tried again at the next start
	}
	s.old = slices.Delete(s.old, i, i+1)
}

// message appends a message and gives its place. It is copied, masked by the caller before.
func (s *store) message(now time.Time, id ID, before Place, rec []byte) (Place, bool) {
	g := s.current(now)
	if g == nil {
		s.lostMessages++
		return Place{}, false
	}
	f := &g.said
	at := Place{g.seq, uint32(f.size())}
	start := len(f.buf)
	b := append(f.buf, 0, 0, 0, 0, 0, 0, 0, 0)
	b = appendPlace(append(b, id[:]...), before)
	b = append(b, rec...)
	seal(b[start:], frameHeader, saidHeader)
	f.buf = b
	f.records++
	if len(b) >= writeAt {
		s.flush(now)
	}
	return at, true
}

func appendPlace(b []byte, p Place) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, p.Segment), p.Offset)
}

func placeAt(b []byte) Place {
	return Place{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])}
}

// seal writes length and checksum of a record, which covers what stands from one byte to before another.
func seal(rec []byte, from, to int) {
	binary.BigEndian.PutUint32(rec, uint32(len(rec)-frameHeader))
	binary.BigEndian.PutUint32(rec[4:], crc32.Checksum(rec[from:to], castagnoli))
}

// written is a case as it is written.
type written struct {
	id       ID
	lives    bool
	last     Place // of its messages
	messages uint32
	tried    tried
	decided  []byte
	ending   []byte
	later    []byte
}

// tried is the protocol and address that a request was sent to; zero: to none yet.
type tried [1 + 18]byte

// write appends a case; was is where it stood before, which is superseded.
func (s *store) write(now time.Time, c *written, was Place) (Place, bool) {
	g := s.current(now)
	if g == nil {
		s.lostCases++
		return Place{}, false
	}
	f := &g.cases
	at := Place{g.seq, uint32(f.size())}
	start := len(f.buf)
	flags := byte(0)
	if c.lives {
		flags = caseLives
	}
	b := append(f.buf, 0, 0, 0, 0, 0, 0, 0, 0, 0, flags)
	b = appendPlace(append(b, c.id[:]...), c.last)
	b = binary.BigEndian.AppendUint32(b, c.messages)
	b = binary.BigEndian.AppendUint64(b, uint64(now.UnixNano()))
	b = append(b, c.tried[:]...)
	for _, part := range [...][]byte{c.decided, c.ending, c.later} {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(part))), part...)
	}
	seal(b[start:], frameHeader+1, len(b)-start)
	f.buf = b
	f.records++
	if was != (Place{}) {
		s.supersede(was)
	}
	if len(b) >= writeAt {
		s.flush(now)
	}
	return at, true
}

// supersede marks a case that was written again, at once or with the next flush: a file is
// opened once for all of its marks. Where that cannot be, both are listed.
func (s *store) supersede(p Place) {
	if g := s.cur; g != nil && g.seq == p.Segment && int64(p.Offset) >= g.cases.written {
		g.cases.buf[int64(p.Offset)-g.cases.written+frameHeader] = 1
		return
	}
	s.marks = append(s.marks, p)
}

// mark marks what supersede was told of.
func (s *store) mark() {
	slices.SortFunc(s.marks, func(a, b Place) int {
		return cmp.Or(cmp.Compare(a.Segment, b.Segment), cmp.Compare(a.Offset, b.Offset))
	})
	for left := s.marks; len(left) > 0; {
		n := 1
		for n < len(left) && left[n].Segment == left[0].Segment {
			n++
		}
		s.markIn(left[:n])
		left = left[n:]
	}
	s.marks = s.marks[:0]
}

// markIn marks cases of one segment.
func (s *store) markIn(list []Place) {
	var f *os.File
	if g := s.cur; g != nil && g.seq == list[0].Segment {
		f = g.cases.f
	} else {
		var err error
		i := segmentInfo{seq: list[0].Segment, dir: s.dir}
		if f, err = os.OpenFile(i.path(caseSuffix), os.O_WRONLY, 0); err != nil {
			return // see supersede
		}
		defer f.Close()
	}
	for _, p := range list {
		_, _ = f.WriteAt([]byte{1}, int64(p.Offset)+frameHeader) // likewise
	}
}

// flush brings what waits to the files, and begins another segment where this one is full.
func (s *store) flush(now time.Time) {
	g := s.cur
	if g == nil {
		return
	}
	if len(g.said.buf)+len(g.cases.buf) > 0 {
		if err := errors.Join(g.said.flush(), g.cases.flush()); err != nil {
			s.fail(now, err)
			return
		}
		s.mark()
		g.last = now
		if s.failing {
			s.failing = false
			s.failed(nil)
		}
	}
	g.segmentInfo.said, g.segmentInfo.cases = g.said.written, g.cases.written
	part := max(s.maxDisk/8, 64<<10)
	if g.said.written >= min(maxSaid, part) || g.cases.written >= min(maxCases, part) || now.Sub(g.created) >= maxAge {
		s.close(now)
	}
	s.prune(now)
}

// prune removes the oldest segments: what is too old, and what is too much.
func (s *store) prune(now time.Time) {
	for len(s.old) > 0 {
		aged := s.keep > 0 && now.Sub(s.old[0].last) > s.keep
		if !aged && s.bytes() <= s.maxDisk && len(s.old) < maxSegments {
			return
		}
		s.remove(0)
	}
}

// bytes is what all files take.
func (s *store) bytes() int64 {
	n := int64(0)
	for i := range s.old {
		n += s.old[i].said + s.old[i].cases
	}
	if s.cur != nil {
		n += s.cur.said.size() + s.cur.cases.size()
	}
	return n
}

// list gives all segments, the newest first.
func (s *store) list() []segmentInfo {
	list := slices.Clone(s.old)
	if s.cur != nil {
		list = append(list, s.cur.segmentInfo)
	}
	slices.Reverse(list)
	return list
}

// end closes what is open.
func (s *store) end(now time.Time) {
	s.flush(now)
	if s.cur != nil {
		s.close(now)
	}
}
