package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// world is a journal with some of everything in several segments.
func world(t testing.TB, cfg Config) (*Journal, standing) {
	t.Helper()
	j := openWith(t, cfg)
	want := standing{}
	for n := range 300 {
		put(t, j, Kind(n%3), uint64(n), text(n, n*7))
		want[key{Kind(n % 3), number(uint64(n))}] = text(n, n*7)
		if n%5 == 4 {
			j.Delete(Kind((n-2)%3), number(uint64(n-2)))
			delete(want, key{Kind((n - 2) % 3), number(uint64(n - 2))})
		}
	}
	return j, want
}

func TestSnapshot(t *testing.T) {
	j, want := world(t, Config{Dir: t.TempDir(), SegmentBytes: minSegment})
	// Whoever takes the stream is slow; others put, and a checkpoint removes what it reads.
	in, out := io.Pipe()
	taken := make(chan error, 1)
	go func() {
		err := j.Snapshot(out)
		out.CloseWithError(err)
		taken <- err
	}()
	var stream bytes.Buffer
	if _, err := io.CopyN(&stream, in, 100); err != nil {
		t.Fatal(err)
	}
	put(t, j, 1, 1, "too late")
	j.stale = true
	if err := j.checkpoint(func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(&stream, in); err != nil {
		t.Fatal(err)
	}
	if err := <-taken; err != nil {
		t.Fatal(err)
	}

	parent := t.TempDir()
	dir := filepath.Join(parent, "journal")
	if err := Restore(dir+"/", bytes.NewReader(stream.Bytes())); err != nil {
		t.Fatal(err)
	}
	same(t, "restored", crashed(t, dir), want)
	err := Restore(dir, bytes.NewReader(stream.Bytes()))
	if !errors.Is(err, errHolds) {
		t.Error("restored over a journal:", err)
	}
	same(t, "still there", loaded(t, openIn(t, dir)), want)
	if left, _ := os.ReadDir(parent); len(left) != 1 {
		t.Errorf("%v is left behind", left)
	}
}

// TestRestoreOfABadStream: all of it or nothing.
func TestRestoreOfABadStream(t *testing.T) {
	j := openIn(t, t.TempDir())
	put(t, j, 1, 1, "one")
	put(t, j, 1, 2, text(2, 16)) // no padding
	var good bytes.Buffer
	if err := j.Snapshot(&good); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "journal")
	refused := func(what string, stream []byte, want string) {
		t.Helper()
		err := Restore(dir, bytes.NewReader(stream))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", what, err)
		}
		if left, _ := os.ReadDir(filepath.Dir(dir)); len(left) != 0 {
			t.Fatalf("%s: %v is left behind", what, left)
		}
	}
	for at := range good.Len() {
		refused("cut off", good.Bytes()[:at], "cut off")
	}
	put(t, j, 1, 1, "") // no padding in it either
	good.Reset()
	if err := j.Snapshot(&good); err != nil {
		t.Fatal(err)
	}
	for at := range good.Len() {
		if at >= 28 && at < headerSize { // means nothing
			continue
		}
		bad := bytes.Clone(good.Bytes())
		bad[at] ^= 4
		refused("flipped", bad, "")
	}
	newer := bytes.Clone(good.Bytes())
	binary.LittleEndian.PutUint32(newer[8:], format+1)
	refused("newer", newer, "a newer version of Tollgate wrote it")
	refused("trailed", append(bytes.Clone(good.Bytes()), 0), "something follows")
	lost := append(bytes.Clone(good.Bytes()[:headerSize]), good.Bytes()[headerSize+40:]...)
	refused("a record lost", lost, "lost records")
	broken := errors.New("broken")
	refused("a fault of the reader", nil, "cut off")
	if err := Restore(dir, io.MultiReader(bytes.NewReader(good.Bytes()[:50]), failing{broken})); !errors.Is(err, broken) {
		t.Error(err)
	}
	if err := j.Snapshot(failing{broken}); !errors.Is(err, broken) {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error)  { return 0, f.err }
func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestRestoreIntoWhatWasOpened: a folder that has a lock and no segment holds no journal.
func TestRestoreIntoWhatWasOpened(t *testing.T) {
	j, want := world(t, Config{Dir: t.TempDir()})
	var stream bytes.Buffer
	if err := j.Snapshot(&stream); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	opened, err := Open((&small{}).config(dir))
	if err != nil {
		t.Fatal(err)
	}
	opened.Close()
	if err := Restore(dir, &stream); err != nil {
		t.Fatal(err)
	}
	same(t, "restored", crashed(t, dir), want)
}

func FuzzRestore(f *testing.F) {
	j := openWith(f, Config{Dir: f.TempDir()})
	put(f, j, 1, 1, "one")
	put(f, j, 2, 1, text(2, 200))
	var good bytes.Buffer
	if err := j.Snapshot(&good); err != nil {
		f.Fatal(err)
	}
	f.Add(good.Bytes())
	f.Add(good.Bytes()[:headerSize])
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := filepath.Join(t.TempDir(), "journal")
		if err := Restore(dir, bytes.NewReader(data)); err == nil {
			crashed(t, dir)
		} else if _, err := os.Stat(dir); err == nil {
			t.Error("half a journal is left")
		}
	})
}

// FuzzLoad reads arbitrary bytes as the records of a segment, and as a segment.
func FuzzLoad(f *testing.F) {
	dir := f.TempDir()
	j, _ := world(f, Config{Dir: dir, SegmentBytes: minSegment})
	if err := j.checkpoint(func() error { return nil }); err != nil {
		f.Fatal(err)
	}
	for _, s := range segmentsIn(f, dir) {
		data, err := os.ReadFile(s.path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data[headerSize:5000])
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, size := range []int{minSegment, 100, maxSegment} {
			dir := t.TempDir()
			header := newHeader(segmentMagic, 1, size)
			name := filepath.Join(dir, "00000001.journal")
			if err := os.WriteFile(name, append(header[:], data...), 0o600); err != nil {
				t.Fatal(err)
			}
			loaded(t, openIn(t, dir))
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "00000001.journal"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if j, err := Open(Config{Dir: dir, SegmentBytes: minSegment}); err == nil {
			loaded(t, j)
			j.Close()
		}
	})
}
