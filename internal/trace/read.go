package trace

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"net/netip"
	"os"
	"slices"

	"tollgate/internal/transport"
)

var errSegment = errors.New("not a segment of traces, or of another version")

// casesFile is the cases of one segment, as read.
type casesFile struct {
	seq  uint32
	data []byte
}

// readCases reads a segment's cases into room.
func readCases(i *segmentInfo, room []byte) (casesFile, error) {
	f, err := os.Open(i.path(caseSuffix))
	if err != nil {
		return casesFile{}, err
	}
	defer f.Close()
	data := slices.Grow(room[:0], int(i.cases))[:i.cases]
	n, err := io.ReadFull(f, data)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return casesFile{}, err
	}
	c := casesFile{i.seq, data[:n]}
	return c, checkHeader(c.data, caseSuffix, i.seq)
}

func checkHeader(b []byte, suffix string, seq uint32) error {
	if len(b) < fileHeader || string(b[:len(magic)]) != magic || b[8] != version || b[9] != suffix[1] ||
		binary.BigEndian.Uint32(b[12:]) != seq {
		return errSegment
	}
	return nil
}

// storedCase is a case as it was written. It aliases the file's bytes.
type storedCase struct {
	written
	superseded bool
	at         int64 // when it was written
	place      Place
	event      event // the decision, or the ending where that is all there is
	end        event // the ending; nothing where it has none
}

// each gives the cases of a segment in the order in which they were written, until visit has
// enough or the file ends. What is damaged ends it too.
func (f *casesFile) each(visit func(*storedCase) bool) { f.from(fileHeader, visit) }

// from is each from an offset on.
func (f *casesFile) from(at int, visit func(*storedCase) bool) {
	var c storedCase
	for at < len(f.data) {
		rec := recordAt(f.data[at:], frameHeader+1)
		if len(rec) < caseHeader {
			return
		}
		c.place = Place{f.seq, uint32(at)}
		at += len(rec)
		c.superseded, c.lives = rec[8] != 0, rec[9]&caseLives != 0
		if c.superseded {
			continue
		}
		c.id, c.last = ID(rec[10:]), placeAt(rec[22:])
		c.messages = binary.BigEndian.Uint32(rec[30:])
		c.at, c.tried = int64(binary.BigEndian.Uint64(rec[34:])), tried(rec[42:])
		var ok bool
		if c.decided, rec, ok = part(rec[caseHeader:]); !ok {
			return
		}
		if c.ending, rec, ok = part(rec); !ok || !c.read() {
			return
		}
		c.later, _, _ = part(rec)
		if !visit(&c) {
			return
		}
	}
}

// recordAt gives the record that b begins with; nil where none does. The checksum covers what
// follows from on.
func recordAt(b []byte, from int) []byte {
	if len(b) < frameHeader {
		return nil
	}
	n := int64(binary.BigEndian.Uint32(b)) + frameHeader
	if n > int64(len(b)) || n < int64(from) {
		return nil
	}
	if !sealed(b[:n], from, int(n)) {
		return nil
	}
	return b[:n]
}

// sealed says that a record is as seal left it.
func sealed(rec []byte, from, to int) bool {
	return crc32.Checksum(rec[from:to], castagnoli) == binary.BigEndian.Uint32(rec[4:])
}

func part(b []byte) (p, rest []byte, ok bool) {
	if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
		return nil, nil, false
	}
	n := 2 + int(binary.BigEndian.Uint16(b))
	return b[2:n], b[n:], true
}

// read reads the events of a case.
func (c *storedCase) read() bool {
	c.end.fixed = nil
	if len(c.ending) > 0 {
		if _, ok := readEvent(c.ending, &c.end); !ok {
			return false
		}
	}
	if len(c.decided) == 0 {
		c.event = c.end
		return c.event.fixed != nil
	}
	_, ok := readEvent(c.decided, &c.event)
	return ok
}

// latest is the event that says how it stands.
func (c *storedCase) latest() *event {
	if c.end.fixed != nil {
		return &c.end
	}
	return &c.event
}

// target is who was reached, or tried last.
func (c *storedCase) target() netip.AddrPort {
	if a := c.latest().target(); a.IsValid() {
		return a
	}
	return addrAt(c.tried[1:])
}

// over is when the case was over, in nanoseconds; while it lasts, when it was written.
func (c *storedCase) over() int64 {
	if at := c.latest().ended(); at != 0 {
		return at
	}
	return c.at
}

// decision gives the case in words.
func (c *storedCase) decision(sentences map[string]string) Decision {
	d := c.event.decision(sentences)
	if c.end.fixed != nil && len(c.decided) > 0 {
		end := c.end.decision(sentences)
		d.overlay(&end)
	}
	if !d.Target.IsValid() {
		d.Target, d.TargetTransport = c.target(), transport.Proto(c.tried[0]).String()
	}
	if d.Ended.IsZero() && !c.lives {
		d.Ended = timeOf(c.at)
	}
	d.ID, d.Ref, d.Messages, d.Later = c.id, c.id.Ref(), int(c.messages), laterIn(c.later, sentences)
	return d
}

// Get gives a case and its messages, of both legs, in their order; or ErrNotFound.
func (r *Recorder) Get(ctx context.Context, id ID) (Decision, []Message, error) {
	segments, err := r.settled(ctx)
	if err != nil {
		return Decision{}, nil, err
	}
	var room []byte
	for i := range segments {
		if err := ctx.Err(); err != nil {
			return Decision{}, nil, err
		}
		f, err := readCases(&segments[i], room)
		if err != nil {
			continue // pruned meanwhile, or damaged: another segment may have it
		}
		room = f.data
		var found *storedCase
		f.each(func(c *storedCase) bool {
			if c.id == id {
				copied := *c
				found = &copied
			}
			return true
		})
		if found != nil && !r.aged(found) {
			return found.decision(r.sentences), r.messages(found), nil
		}
	}
	return Decision{}, nil, ErrNotFound
}

// messages follows a case's messages from the last to the first. Those whose segment is gone
// or damaged are left out, with all before.
func (r *Recorder) messages(c *storedCase) []Message {
	var (
		list []Message
		open = make(map[uint32]*os.File)
	)
	defer func() {
		for _, f := range open {
			_ = f.Close() // only read
		}
	}()
	for p := c.last; p != (Place{}) && len(list) < mostMessages; {
		f := open[p.Segment]
		if f == nil {
			i := segmentInfo{seq: p.Segment, dir: r.cfg.Dir}
			var err error
			if f, err = os.Open(i.path(saidSuffix)); err != nil {
				break
			}
			open[p.Segment] = f
		}
		rec := readRecord(f, p.Offset)
		if len(rec) < saidHeader || ID(rec[frameHeader:]) != c.id {
			break
		}
		m := said(rec[saidHeader-saidFixed:])
		list = append(list, Message{
			At: timeOf(m.at()), In: m.in(), Transport: transport.Proto(m[9]).String(),
			Local: addrAt(m[10:]), Remote: addrAt(m[28:]), Data: m.data(),
		})
		before := placeAt(rec[frameHeader+12:])
		if before.Segment > p.Segment || before.Segment == p.Segment && before.Offset >= p.Offset {
			break
		}
		p = before
	}
	slices.Reverse(list)
	return list
}

// readRecord reads the record at a place; nil where none is, or a damaged one.
func readRecord(f io.ReaderAt, at uint32) []byte {
	var head [frameHeader]byte
	if _, err := f.ReadAt(head[:], int64(at)); err != nil {
		return nil
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > saidHeader+maxMessage {
		return nil
	}
	rec := make([]byte, frameHeader+int(n))
	if _, err := f.ReadAt(rec, int64(at)); err != nil {
		return nil
	}
	// In older files the checksum of a message covers its data, too.
	if len(rec) >= saidHeader && sealed(rec, frameHeader, saidHeader) || sealed(rec, frameHeader, len(rec)) {
		return rec
	}
	return nil
}
