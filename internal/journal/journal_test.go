package journal

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLastRecordOfAnIDStands(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	j := openIn(t, dir)
	put(t, j, 1, 1, "one")
	put(t, j, 2, 1, "one of another kind")
	put(t, j, 1, 2, "two")
	put(t, j, 1, 1, "one again")
	put(t, j, 1, 3, "")
	put(t, j, 1, 4, strings.Repeat("x", MaxData))
	j.Delete(1, number(2))
	j.Delete(1, number(5)) // never was
	want := standing{
		{1, number(1)}: "one again", {2, number(1)}: "one of another kind", {1, number(3)}: "",
		{1, number(4)}: strings.Repeat("x", MaxData),
	}
	same(t, "crashed", crashed(t, dir), want)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Error("closed again:", err)
	}
	if err := j.Put(1, number(1), nil); !errors.Is(err, ErrClosed) {
		t.Error("Put after Close says", err)
	}
	j.Delete(1, number(1))

	j = openIn(t, dir)
	same(t, "closed and opened", loaded(t, j), want)
	if s := j.Stats(); s.LiveBytes < MaxData || s.Segments != 2 || s.Bytes != 2*minSegment {
		t.Errorf("stats %+v", s)
	}
	put(t, j, 1, 2, "two is back")
	want[key{1, number(2)}] = "two is back"
	same(t, "appended", crashed(t, dir), want)

	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Error("the folder's mode:", info.Mode(), err)
	}
}

func TestPutRefusesWhatIsTooBig(t *testing.T) {
	j := openIn(t, t.TempDir())
	if err := j.Put(1, number(1), make([]byte, MaxData+1)); !errors.Is(err, ErrTooBig) {
		t.Error(err)
	}
	for _, size := range []int{1, minSegment - 1, maxSegment + 1} {
		if _, err := Open(Config{Dir: t.TempDir(), SegmentBytes: size}); err == nil {
			t.Errorf("segments of %d bytes are taken", size)
		}
	}
}

func TestLoadEndsWithTheOwnersError(t *testing.T) {
	j := openIn(t, t.TempDir())
	put(t, j, 1, 1, "one")
	put(t, j, 1, 2, "two")
	no, calls := errors.New("no"), 0
	err := j.Load(func(Kind, ID, []byte) error { calls++; return no })
	if !errors.Is(err, no) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

// TestTorn damages the last record at each of its bytes: it is gone or whole, and what
// stands before it and in later segments stays.
func TestTorn(t *testing.T) {
	dir := t.TempDir()
	j := openIn(t, dir)
	put(t, j, 1, 1, "one")
	put(t, j, 1, 2, "two")
	from := j.current.used
	put(t, j, 1, 2, text(3, 40)) // no padding
	until := j.current.used
	before := standing{{1, number(1)}: "one", {1, number(2)}: "two"}
	j.Close()
	j = openIn(t, dir)
	put(t, j, 1, 3, "a later segment")
	before[key{1, number(3)}] = "a later segment"

	damages := map[string]func(b []byte, at int) []byte{
		"flipped":  func(b []byte, at int) []byte { b[at] ^= 0x10; return b },
		"inverted": func(b []byte, at int) []byte { b[at] = ^b[at]; return b },
		"zeroed":   func(b []byte, at int) []byte { clear(b[at:]); return b },
		"cut off":  func(b []byte, at int) []byte { return b[:at] },
	}
	for name, damage := range damages {
		for at := from; at < until; at++ {
			torn := copied(t, dir)
			first := segmentsIn(t, torn)[0].path
			data, err := os.ReadFile(first)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(first, damage(data, at), 0o600); err != nil {
				t.Fatal(err)
			}
			same(t, name, crashed(t, torn), before)
			os.RemoveAll(torn)
		}
	}
}

// TestModel does at random what an owner does, and is killed now and then.
func TestModel(t *testing.T) {
	for seed := range uint64(4) {
		random := rand.New(rand.NewPCG(seed, 7))
		dir := t.TempDir()
		j := openIn(t, dir)
		want := standing{}
		change := func() {
			k := key{Kind(random.IntN(2)), number(random.Uint64N(150))}
			if random.IntN(3) == 0 {
				j.Delete(k.kind, k.id)
				delete(want, k)
				return
			}
			data := text(random.IntN(1000), random.IntN(3000))
			if err := j.Put(k.kind, k.id, []byte(data)); err != nil {
				t.Fatal(err)
			}
			want[k] = data
		}
		walk := func() error {
			for k, data := range want { // what change adds may be met or not, as in an owner's table
				if err := j.Put(k.kind, k.id, []byte(data)); err != nil {
					return err
				}
				change()
			}
			if random.IntN(4) == 0 {
				return errors.New("no time")
			}
			return nil
		}
		for range 4000 {
			switch n := random.IntN(1000); {
			case n < 3:
				j.stale = true
				_ = j.checkpoint(walk)
			case n < 8:
				same(t, "killed", crashed(t, dir), want)
			case n < 10:
				j.Close()
				j = openIn(t, dir)
				same(t, "started again", loaded(t, j), want)
			case n < 20:
				if err := j.sync(); err != nil {
					t.Fatal(err)
				}
			default:
				change()
			}
		}
		same(t, "at the end", crashed(t, dir), want)
	}
}

func TestOpenRefuses(t *testing.T) {
	good := newHeader(segmentMagic, 7, minSegment)
	with := func(change func(h []byte)) []byte {
		h := good
		change(h[:])
		return append(h[:], 1, 2, 3, 4)
	}
	for _, c := range []struct {
		name, want string
		file       []byte
	}{
		{"a newer format", "00000007.journal: a newer version of Tollgate wrote it", with(func(h []byte) { binary.LittleEndian.PutUint32(h[8:], format+1) })},
		{"no format", "not a journal's", with(func(h []byte) { h[8] = 0 })},
		{"another magic", "not a journal's", with(func(h []byte) { h[0] = 'x' })},
		{"another's sequence", "not a journal's", with(func(h []byte) { *(*[headerSize]byte)(h) = newHeader(segmentMagic, 8, minSegment) })},
		{"a damaged header", "not a journal's", with(func(h []byte) { h[13] ^= 1 })},
		{"a huge segment", "not a journal's", with(func(h []byte) { *(*[headerSize]byte)(h) = newHeader(segmentMagic, 7, maxSegment+1) })},
		{"half a header", "not a journal's", good[:20]},
		{"text", "not a journal's", []byte("hello")},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "00000007.journal"), c.file, 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := Open(Config{Dir: dir})
		if err == nil {
			j.Close()
			t.Errorf("%s is taken", c.name)
			continue
		}
		if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", c.name, err)
		}
		if found := segmentsIn(t, dir); len(found) != 1 {
			t.Errorf("%s: %d segments", c.name, len(found))
		}
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "00000001.journal"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: dir}); err == nil {
		t.Error("a folder is taken for a segment")
	}
	if _, err := Open(Config{Dir: filepath.Join(dir, "lock", "below")}); err == nil {
		t.Error("a folder below a file is made")
	}
}

// TestOpenPassesOver: what a power cut or a program that dies early leaves behind is no
// fault, and does not pile up.
func TestOpenPassesOver(t *testing.T) {
	dir := t.TempDir()
	header := newHeader(segmentMagic, 3, minSegment)
	for name, data := range map[string][]byte{
		"00000001.journal":     nil,
		"00000002.journal":     make([]byte, minSegment),
		"00000003.journal":     header[:],
		"00000004.journal.bak": []byte("somebody's"),
		"5.journal":            []byte("somebody's"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		j := openIn(t, dir)
		same(t, "nothing", loaded(t, j), standing{})
		if s := j.Stats(); s.Segments != 1 {
			t.Errorf("%d segments", s.Segments)
		}
		j.Close()
	}
	if found := segmentsIn(t, dir); len(found) != 1 || found[0].seq != 6 {
		t.Errorf("%d segments, the first is %d", len(found), found[0].seq)
	}
}

func TestPutAllocatesNothing(t *testing.T) {
	j := openWith(t, Config{Dir: t.TempDir()})
	data := make([]byte, 1000)
	n := testing.AllocsPerRun(1000, func() {
		_ = j.Put(1, number(1), data)
		j.Delete(1, number(1))
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
