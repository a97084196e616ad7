package traces

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/stage"
)

// TestRetention: files that are older than retention.traces has it are removed, and no others.
func TestRetention(t *testing.T) {
	t.Parallel()
	s := stage.New(t, harness.Start(t, harness.Settings{Config: "retention: {traces: 30d}\n"}), stage.One()[0], nil)
	s.Loose = true
	r := newReader(t, s.Node)
	const month = 30 * 24 * time.Hour
	runs := []struct {
		age   time.Duration
		call  string
		files []string
	}{{age: month + time.Hour}, {age: month - time.Hour}, {}}
	var known []string
	for i := range runs {
		run := &runs[i]
		a, b := s.Talk()
		s.End(a, b)
		run.call = r.over(a.ID).CallID
		s.Node.Down(t)
		for _, file := range traceFiles(t, s.Node) {
			if !slices.Contains(known, file) {
				run.files = append(run.files, file)
			}
		}
		known = append(known, run.files...)
		if !holds(t, run.files, run.call) {
			t.Fatalf("call %d is not in the files of its time, %q", i, run.files)
		}
		if i+1 < len(runs) {
			s.Node.Up(t)
		}
	}
	for _, run := range runs {
		for _, file := range run.files {
			then := time.Now().Add(-run.age)
			if err := os.Chtimes(file, then, then); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.Node.Up(t)
	a, b := s.Talk() // a node that has nothing to do looks once an hour
	s.End(a, b)
	harness.Eventually(t, harness.Soon, func() error {
		if holds(t, traceFiles(t, s.Node), runs[0].call) || len(r.find("q", runs[0].call)) > 0 {
			return errors.New("what is too old is still there")
		}
		return nil
	})
	for _, run := range runs[1:] {
		r.only(run.call)
	}
}

// traceFiles is all that a node has of traces.
func traceFiles(t *testing.T, node *harness.Node) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(node.Dir, "data", "traces", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// holds says whether one of these files has a text. One that goes meanwhile has nothing.
func holds(t *testing.T, files []string, text string) bool {
	t.Helper()
	return slices.ContainsFunc(files, func(file string) bool {
		data, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return bytes.Contains(data, []byte(text))
	})
}

// TestListedByAge: what is older than retention.traces has it is told to nobody, though it is in a file
// with what is younger.
func TestListedByAge(t *testing.T) {
	t.Parallel()
	const keep, second = 5 * time.Second, time.Second
	s := stage.New(t, harness.Start(t, harness.Settings{Config: fmt.Sprintf("retention: {traces: %s}\n", keep)}), stage.One()[0], nil)
	r := newReader(t, s.Node)
	type talk struct {
		call  string
		after time.Time // it ended later than that
	}
	call := func() talk {
		a, b := s.Talk()
		before := time.Now()
		s.End(a, b)
		return talk{r.over(a.ID).CallID, before}
	}
	first := call()
	last := first
	harness.Eventually(t, keep+harness.Soon, func() error {
		if time.Since(last.after) > second {
			last = call()
		}
		if len(r.find("q", first.call)) > 0 {
			return errors.New("the first call is still told of")
		}
		return nil
	})
	if age := time.Since(first.after); age < keep-second { // ends are kept by the second
		t.Errorf("the first call was forgotten after %v", age)
	}
	if last == first {
		t.Error("no other call was made meanwhile")
	}
	if list := r.find("q", last.call); len(list) != 1 && time.Since(last.after) < keep-second {
		t.Errorf("%d cases of the last call", len(list))
	}
}
