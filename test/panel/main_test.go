// Package panel drives the panel in a browser (Chromium, by Playwright) against a node with tenants
// and calls: every page and act, in both languages and themes, and what an attacker would do. What
// is done in the browser is proved on the wire: the browser's tests ask this one to place calls.
//
// The browser's side is web/e2e; what a page computes by itself is tested beside it, by Vitest.
package panel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tollgate/test/harness"
)

func TestMain(m *testing.M) {
	if harness.Control() {
		os.Exit(0) // a plain proxy has no panel
	}
	harness.Main(m)
}

// limit is how long the browser's tests may take altogether, on a machine that is busy with others.
const limit = 15 * time.Minute

func TestPanel(t *testing.T) {
	chromium := harness.Need(t, "chromium", "chromium")
	web, err := filepath.Abs("../../web")
	if err != nil {
		t.Fatal(err)
	}
	playwright := filepath.Join(web, "node_modules/.bin/playwright")
	if _, err := os.Stat(playwright); err != nil {
		t.Fatalf("no Playwright: npm ci in web (make panel does it): %v", err)
	}
	s := newScene(t)
	s.wantsPanel()
	report := filepath.Join(t.TempDir(), "report.json")
	args := []string{"test", "--config", "e2e/playwright.config.ts"}
	if only := os.Getenv("TOLLGATE_PANEL_ONLY"); only != "" {
		args = append(args, "--grep", only)
	}
	cmd := exec.CommandContext(t.Context(), playwright, args...)
	cmd.Dir = web
	cmd.Env = append(os.Environ(), append(s.env(), "CHROMIUM="+chromium, "REPORT="+report, "NO_COLOR=1", "FORCE_COLOR=0")...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	failed := s.serve(ended, limit)
	if failed != nil {
		_ = cmd.Process.Kill()
		t.Errorf("%v\n%s", failed, tail(said.String(), 20_000))
	}
	judge(t, report)
}

// judge makes a subtest of each of the browser's tests.
func judge(t *testing.T, report string) {
	data, err := os.ReadFile(report)
	if err != nil {
		t.Fatalf("the browser's tests left no report: %v", err)
	}
	var r struct{ Suites []suite }
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, file := range r.Suites {
		t.Run(strings.TrimSuffix(file.Title, ".spec.ts"), func(t *testing.T) { count += file.judge(t) })
	}
	if count == 0 {
		t.Error("no test ran in the browser")
	}
}

// suite is what Playwright's reporter says of a file or a group in it.
type suite struct {
	Title  string
	Suites []suite
	Specs  []struct {
		Title string
		Ok    bool
		Tests []struct {
			Results []struct {
				Status string
				Errors []struct{ Message string }
				Stdout []struct{ Text string }
			}
		}
	}
}

func (s *suite) judge(t *testing.T) (count int) {
	for i := range s.Suites {
		count += s.Suites[i].judge(t)
	}
	for _, spec := range s.Specs {
		count++
		t.Run(spec.Title, func(t *testing.T) {
			for _, test := range spec.Tests {
				for _, result := range test.Results {
					for _, line := range result.Stdout {
						t.Log(strings.TrimSpace(line.Text))
					}
					for _, e := range result.Errors {
						t.Errorf("%s: %s", result.Status, e.Message)
					}
				}
			}
			if !spec.Ok {
				t.Fail()
			}
		})
	}
	return count
}

// wantsPanel fails where the binary was built without the panel.
func (s *scene) wantsPanel() {
	s.t.Helper()
	resp, err := http.Get("http://" + s.node.HTTP + "/")
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(body), "/assets/") {
		s.t.Fatalf("the program under test was built without the panel: make build (%v)", err)
	}
}

func tail(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return fmt.Sprintf("... %s", text[len(text)-most:])
}
