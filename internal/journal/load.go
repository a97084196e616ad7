package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// Load gives every record that stands: the last Put of an id, if no Delete follows.
// It is called once, before the first Put. data is valid during the call only. What is
// damaged is logged and left out. An error of each ends it.
func (j *Journal) Load(each func(kind Kind, id ID, data []byte) error) error {
	live := int64(0)
	err := j.standing(func(r *record) error {
		live += int64(sizeOf(len(r.data)))
		return each(r.kind, r.id, r.data)
	})
	if err != nil {
		return fmt.Errorf("journal %s: load: %w", j.cfg.Dir, err)
	}
	j.mu.Lock()
	j.live = live
	j.mu.Unlock()
	return nil
}

// standing gives the records that stand at this moment, while others go on putting.
func (j *Journal) standing(each func(*record) error) error {
	m, err := j.capture()
	defer m.close()
	if err != nil {
		return err
	}
	live, err := m.live(j)
	if err != nil {
		return err
	}
	for i, offsets := range live {
		buf, err := m.read(i)
		if err != nil {
			return err
		}
		var r record
		for _, at := range offsets {
			if size, fault := read(buf[min(int(at), len(buf)):], &r); fault != nil || size == 0 {
				j.log.Warn("journal record is gone", "file", m.parts[i].file.Name(), "offset", at)
				continue // between the first look at it and this one
			}
			if err := each(&r); err != nil {
				return err
			}
		}
	}
	return nil
}

// moment is the journal at one moment. Its files are its own, so that a checkpoint may
// remove them meanwhile; nothing before the end of a part ever changes.
type moment struct {
	parts []part
	buf   []byte
}

type part struct {
	seq  uint64
	file *os.File
	size int
}

// capture takes the moment.
func (j *Journal) capture() (*moment, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	m := &moment{}
	longest := 0
	for _, s := range j.segments {
		file, err := os.Open(s.path)
		if err != nil {
			return m, err
		}
		m.parts = append(m.parts, part{s.seq, file, s.used})
		longest = max(longest, s.used)
	}
	m.buf = make([]byte, longest)
	return m, nil
}

func (m *moment) close() {
	for _, p := range m.parts {
		_ = p.file.Close() // only read
	}
}

// read gives the bytes of a part until the next read.
func (m *moment) read(i int) ([]byte, error) {
	p := m.parts[i]
	n, err := p.file.ReadAt(m.buf[:p.size], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", filepath.Base(p.file.Name()), err)
	}
	return m.buf[:n], nil
}

// key is what has at most one standing record.
type key struct {
	kind Kind
	id   ID
}

// place is where a record is: the part, and the offset in it.
type place struct{ part, offset uint32 }

// live gives the offsets in each part of the records that stand, in their order.
func (m *moment) live(j *Journal) ([][]uint32, error) {
	index, err := m.index(j)
	if err != nil {
		return nil, err
	}
	offsets := make([][]uint32, len(m.parts))
	for _, at := range index {
		offsets[at.part] = append(offsets[at.part], at.offset)
	}
	for _, list := range offsets {
		slices.Sort(list)
	}
	return offsets, nil
}

// usualRecord is about how many bytes stand for one record that lives, those that were put again
// among them.
const usualRecord = 1024

// index finds the places of the records that stand.
func (m *moment) index(j *Journal) (map[key]place, error) {
	bytes := 0
	for _, p := range m.parts {
		bytes += p.size
	}
	index := make(map[key]place, bytes/usualRecord)
	checkpoint := -1 // the part that began the last one
	for i, p := range m.parts {
		buf, err := m.read(i)
		if err != nil {
			return nil, err
		}
		end, fault, _ := scan(buf, func(at int, r *record) error {
			switch r.op {
			case opPut:
				index[key{r.kind, r.id}] = place{uint32(i), uint32(at)}
			case opDel:
				delete(index, key{r.kind, r.id})
			case opBegin:
				checkpoint = i
			case opEnd:
				if checkpoint >= 0 && m.parts[checkpoint].seq == r.id.number() {
					forget(index, checkpoint)
				}
			}
			return nil
		})
		if fault != nil {
			j.log.Warn("journal segment ends early", "file", p.file.Name(), "offset", end, "reason", fault.Error())
		}
	}
	return index, nil
}

// forget drops what stands before the first part of a complete checkpoint: those
// segments were to be removed, in whatever order the disk did that.
func forget(index map[key]place, first int) {
	for k, at := range index {
		if int(at.part) < first {
			delete(index, k)
		}
	}
}

// scan walks over a segment. end is where it stopped; fault says why if that is not
// where the writer did. An error of each ends it.
func scan(b []byte, each func(at int, r *record) error) (end int, fault, err error) {
	var r record
	for end = headerSize; end < len(b); {
		size, fault := read(b[end:], &r)
		if fault != nil || size == 0 {
			return end, fault, nil
		}
		if err := each(end, &r); err != nil {
			return end, nil, err
		}
		end += size
	}
	return end, nil, nil
}
