package journal

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
)

// standing is what a journal is to hold: the model of the tests.
type standing map[key]string

func openIn(t testing.TB, dir string) *Journal {
	t.Helper()
	return openWith(t, Config{Dir: dir, SegmentBytes: minSegment})
}

func openWith(t testing.TB, cfg Config) *Journal {
	t.Helper()
	j, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return j
}

func put(t testing.TB, j *Journal, kind Kind, id uint64, data string) {
	t.Helper()
	if err := j.Put(kind, number(id), []byte(data)); err != nil {
		t.Fatal(err)
	}
}

func loaded(t testing.TB, j *Journal) standing {
	t.Helper()
	got := standing{}
	err := j.Load(func(kind Kind, id ID, data []byte) error {
		k := key{kind, id}
		if _, twice := got[k]; twice {
			t.Errorf("record %v is given twice", k)
		}
		got[k] = string(data)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// crashed is what a process would find that started now, were this one killed now:
// a mapped file reads as it was written to, so a copy of the folder tells.
func crashed(t testing.TB, dir string) standing {
	t.Helper()
	dir = copied(t, dir)
	defer os.RemoveAll(dir)
	j, err := Open(Config{Dir: dir, SegmentBytes: minSegment})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	return loaded(t, j)
}

func copied(t testing.TB, dir string) string {
	t.Helper()
	to, err := os.MkdirTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range segmentsIn(t, dir) {
		data, err := os.ReadFile(s.path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(s.path)), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

func segmentsIn(t testing.TB, dir string) []*segment {
	t.Helper()
	found, err := findSegments(dir)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func same(t testing.TB, what string, got, want standing) {
	t.Helper()
	if maps.Equal(got, want) {
		return
	}
	for k, v := range want {
		if g, ok := got[k]; !ok || g != v {
			t.Errorf("%s: record %d/%d is %.20q (%v), want %.20q", what, k.kind, k.id.number(), g, ok, v)
		}
	}
	for k, v := range got {
		if _, ok := want[k]; !ok {
			t.Errorf("%s: record %d/%d is back: %.20q", what, k.kind, k.id.number(), v)
		}
	}
	t.FailNow()
}

func text(n, size int) string {
	return string(bytes.Repeat(fmt.Appendf(nil, "%d ", n), size/2+1))[:size]
}
