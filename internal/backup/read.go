package backup

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

const (
	maxManifest = 64 << 10
	maxKey      = 1 << 10
	maxTrailer  = 1 << 20 // of zeros, with which a tar ends
)

// The two ways in which bytes are no backup.
var (
	errForeign = errors.New("this is no backup of Tollgate")
	errDamaged = errors.New("the backup is damaged or cut short")
)

// Check reads a whole backup, as far as it can be judged without the database in it being opened.
func Check(r io.Reader) (Manifest, error) {
	return read(r, math.MaxInt64, func(_ Part, r io.Reader) error {
		_, err := io.Copy(io.Discard, r)
		return err
	})
}

// read hands each part to take, which has to read all of it. Bytes are read as hostile ones: names
// are those that we know, sizes those that the manifest has told, and together at most room.
func read(r io.Reader, room int64, take func(p Part, r io.Reader) error) (Manifest, error) {
	in := bufio.NewReader(r)
	z, err := gzip.NewReader(in)
	if errors.Is(err, io.ErrUnexpectedEOF) { // shorter than the first header
		err = errForeign
	}
	if err != nil {
		return Manifest{}, judged(err, errForeign)
	}
	z.Multistream(false)
	t := tar.NewReader(z)
	m, err := readManifest(t)
	if err != nil {
		return m, err
	}
	if err := m.judge(room); err != nil {
		return m, err
	}
	for _, p := range m.Parts {
		if err := next(t, p.Name, p.Size); err != nil {
			return m, err
		}
		if err := take(p, t); err != nil {
			return m, judged(err, err)
		}
		if n, err := io.Copy(io.Discard, t); err != nil || n > 0 {
			return m, errDamaged
		}
	}
	return m, readEnd(t, z, in)
}

// readEnd sees that nothing follows; the gzip's checksum is compared at its end only.
func readEnd(t *tar.Reader, z *gzip.Reader, in *bufio.Reader) error {
	if _, err := t.Next(); !errors.Is(err, io.EOF) {
		return errDamaged
	}
	if n, err := io.Copy(io.Discard, io.LimitReader(z, maxTrailer)); err != nil || n == maxTrailer {
		return errDamaged
	}
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
		return errDamaged
	}
	return nil
}

// next goes to the file of that name and size.
func next(t *tar.Reader, name string, size int64) error {
	h, err := t.Next()
	if err != nil {
		return judged(err, errDamaged)
	}
	if h.Typeflag != tar.TypeReg || h.Name != name || h.Size != size {
		return errDamaged
	}
	return nil
}

func readManifest(t *tar.Reader) (m Manifest, err error) {
	h, err := t.Next()
	if err != nil || h.Typeflag != tar.TypeReg || h.Name != manifestName || h.Size > maxManifest {
		return m, judged(err, errForeign)
	}
	text, err := io.ReadAll(io.LimitReader(t, maxManifest))
	if err != nil {
		return m, judged(err, errDamaged)
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, errForeign
	}
	return m, nil
}

// judge says whether these parts can make a backup.
func (m *Manifest) judge(room int64) error {
	if m.Format > Format {
		return fmt.Errorf("the backup has format %d, and this tollgate knows %d: use the newer one", m.Format, Format)
	}
	names := []string{databaseName}
	if m.Key == KeyInFile {
		names = append(names, keyName)
	}
	if len(m.Parts) > len(names) {
		names = append(names, JournalName)
	}
	if m.Format != Format || m.Key != KeyInFile && m.Key != KeyInEnvironment || len(m.Parts) != len(names) {
		return errForeign
	}
	left := room
	for i, p := range m.Parts {
		if p.Name != names[i] || p.Size < 0 || p.Name == keyName && p.Size > maxKey {
			return errForeign
		}
		if p.Size > left {
			return fmt.Errorf("the backup needs more than the %d MB that are free on the disk of the data folder", room/1_000_000)
		}
		left -= p.Size
	}
	return nil
}

// judged is what an error of the readers means, otherwise where it says nothing of its own.
func judged(err, otherwise error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, gzip.ErrChecksum), errors.Is(err, tar.ErrHeader), isCorrupt(err):
		return errDamaged
	case errors.Is(err, io.EOF), errors.Is(err, gzip.ErrHeader), err == nil:
		return otherwise
	}
	return err
}

// Has says whether a part of that name is in the backup.
func (m *Manifest) Has(name string) bool {
	return slices.ContainsFunc(m.Parts, func(p Part) bool { return p.Name == name })
}
