package journal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Errors of Restore that say what is wrong with a stream.
var (
	errCut     = errors.New("the snapshot is cut off")
	errTrailed = errors.New("something follows the end of the snapshot")
	errCount   = errors.New("the snapshot has lost records")
	errHolds   = errors.New("there is a journal already: move it away first")
)

// Snapshot writes the records that stand at one moment, for Restore; others go on
// putting meanwhile, however slow w is. The stream is a header as a segment's with a
// magic of its own, records, and an end mark that counts them.
func (j *Journal) Snapshot(w io.Writer) error {
	out := bufio.NewWriterSize(w, 64<<10)
	header := newHeader(snapshotMagic, 0, 0)
	_, _ = out.Write(header[:]) // an error stays until Flush
	count := uint64(0)
	buf := make([]byte, sizeOf(MaxData))
	err := j.standing(func(r *record) error {
		count++
		return writeTo(out, buf, r)
	})
	if err == nil {
		err = writeTo(out, buf, &record{op: opEnd, id: number(count)})
	}
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return fmt.Errorf("journal %s: snapshot: %w", j.cfg.Dir, err)
	}
	return nil
}

func writeTo(out *bufio.Writer, buf []byte, r *record) error {
	buf = buf[:sizeOf(len(r.data))]
	write(buf, r.op, r.kind, &r.id, r.data)
	_, err := out.Write(buf)
	return err
}

// Restore makes a journal of what Snapshot wrote. dir must hold none; it appears
// whole, or not at all when the stream is cut off, damaged or of a newer version.
func Restore(dir string, r io.Reader) error {
	if err := restore(filepath.Clean(dir), r); err != nil {
		return fmt.Errorf("journal %s: restore: %w", dir, err)
	}
	return nil
}

func restore(dir string, r io.Reader) error {
	found, err := findSegments(dir)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	if len(found) > 0 {
		return errHolds
	}
	making := dir + ".restoring"
	if err := os.RemoveAll(making); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(making) }() // of what failed; an error said more
	if err := fill(making, r); err != nil {
		return err
	}
	// A folder that was only opened while the disk was full has a lock and no segment.
	for _, old := range []string{filepath.Join(dir, "lock"), dir} {
		if err := os.Remove(old); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	if err := os.Rename(making, dir); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

// fill writes a stream into a new journal.
func fill(dir string, r io.Reader) error {
	j, err := Open(Config{Dir: dir})
	if err != nil {
		return err
	}
	err = readSnapshot(bufio.NewReaderSize(r, 64<<10), j.Put)
	if closing := j.Close(); err == nil {
		err = closing
	}
	return err
}

// readSnapshot gives the records of a stream; all are checked only when it returns nil.
func readSnapshot(in *bufio.Reader, each func(Kind, ID, []byte) error) error {
	var header [headerSize]byte
	if _, err := io.ReadFull(in, header[:]); err != nil {
		return cut(err)
	}
	if err := checkHeader(header[:], snapshotMagic); err != nil {
		return err
	}
	buf := make([]byte, sizeOf(MaxData))
	for count := uint64(0); ; count++ {
		var r record
		if err := readFrom(in, buf, &r); err != nil {
			return err
		}
		switch {
		case r.op == opEnd && r.id.number() != count:
			return errCount
		case r.op == opEnd:
			return ended(in)
		case r.op != opPut:
			return errOp
		}
		if err := each(r.kind, r.id, r.data); err != nil {
			return err
		}
	}
}

// readFrom takes the next record of a stream; its data is valid until the next.
func readFrom(in *bufio.Reader, buf []byte, r *record) error {
	frame, err := in.Peek(frameSize)
	if err != nil {
		return cut(err)
	}
	size, err := span(frame)
	switch {
	case err != nil:
		return err
	case size == 0: // no stream has an end as segments have
		return errLength
	}
	if _, err := io.ReadFull(in, buf[:size]); err != nil {
		return cut(err)
	}
	_, err = read(buf[:size], r)
	return err
}

// ended says whether a stream does.
func ended(in *bufio.Reader) error {
	_, err := in.ReadByte()
	switch {
	case err == nil:
		return errTrailed
	case errors.Is(err, io.EOF):
		return nil
	}
	return err
}

// cut says of a stream that ended what that means.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errCut
	}
	return err
}
