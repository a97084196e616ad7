// Package cli plays the owner at the command line: what he types, what he is told, with
// which exit status (0 done, 1 refused, 2 usage), and that the wire agrees.
package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/stage"
)

func TestMain(m *testing.M) {
	if harness.Control() {
		os.Exit(0) // a control proxy has no command line
	}
	harness.Main(m)
}

func example(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "tenants.example.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// scene is one plain customer on a node of its own.
func scene(t *testing.T) *stage.Stage {
	t.Helper()
	return stage.New(t, harness.Start(t), stage.One()[0], nil)
}

// says fails unless every word stands in the command's output, in any case.
func says(t *testing.T, r harness.Result, words ...string) {
	t.Helper()
	text := strings.ToLower(r.Stdout + r.Stderr)
	for _, w := range words {
		if !strings.Contains(text, strings.ToLower(w)) {
			t.Errorf("%q is not said by\n%s", w, r)
		}
	}
}

// oneSentence fails unless the command was refused in one line on standard error.
func oneSentence(t *testing.T, r harness.Result, words ...string) {
	t.Helper()
	if r.Code != 1 {
		t.Errorf("expected exit 1\n%s", r)
	}
	var lines []string
	for line := range strings.Lines(r.Stderr) {
		if !strings.HasPrefix(line, "time=") && strings.TrimSpace(line) != "" { // the log has told of the start
			lines = append(lines, line)
		}
	}
	if len(lines) != 1 {
		t.Errorf("expected one sentence, got %d lines\n%s", len(lines), r)
	}
	says(t, r, words...)
}
