package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Result is what a command did.
type Result struct {
	Args           []string
	Stdout, Stderr string
	Code           int
}

func (r Result) String() string {
	return fmt.Sprintf("tollgate %s -> exit %d\n--- stdout\n%s--- stderr\n%s", strings.Join(r.Args, " "), r.Code, r.Stdout, r.Stderr)
}

// Command runs `tollgate ARGS -c node.yaml` and waits at most 30 s.
func (n *Node) Command(t testing.TB, args ...string) Result {
	t.Helper()
	return n.Begin(t, args...)()
}

// Begin starts `tollgate ARGS -c node.yaml`; what it returns waits for its end, at most 30 s.
func (n *Node) Begin(t testing.TB, args ...string) func() Result {
	t.Helper()
	return begin(t, n.Dir, n.env, n.stacks, append(args, "-c", n.Config)...)
}

// stacks is what the node's goroutines do, for a command that hangs.
func (n *Node) stacks() string {
	client := http.Client{Timeout: 5 * time.Second}
	resp, err := client.Get("http://" + n.Metrics + "/debug/pprof/goroutine?debug=2")
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return string(text)
}

// Run runs the program under test in dir.
func Run(t testing.TB, dir string, env []string, args ...string) Result {
	t.Helper()
	return begin(t, dir, env, func() string { return "" }, args...)()
}

func begin(t testing.TB, dir string, env []string, stacks func() string, args ...string) func() Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	cmd := exec.CommandContext(ctx, Binary(t), args...)
	cmd.Dir, cmd.Env = dir, env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatalf("run tollgate %v: %v", args, err)
	}
	return func() Result {
		t.Helper()
		defer cancel()
		var exit *exec.ExitError
		if err := cmd.Wait(); ctx.Err() != nil {
			t.Fatalf("tollgate %v did not end within 30 s\n%s%s%s", args, stdout.String(), stderr.String(), stacks())
		} else if err != nil && !errors.As(err, &exit) {
			t.Fatalf("run tollgate %v: %v", args, err)
		}
		return Result{Args: args, Stdout: stdout.String(), Stderr: stderr.String(), Code: cmd.ProcessState.ExitCode()}
	}
}

// Must is Command that has to exit 0.
func (n *Node) Must(t testing.TB, args ...string) Result {
	t.Helper()
	r := n.Command(t, args...)
	if r.Code != 0 {
		t.Fatalf("%s", r)
	}
	return r
}

// JSON runs a listing command with -o json and reads its array.
func (n *Node) JSON(t testing.TB, args ...string) []map[string]any {
	t.Helper()
	r := n.Must(t, append(args, "-o", "json")...)
	var list []map[string]any
	if err := json.Unmarshal([]byte(r.Stdout), &list); err != nil {
		t.Fatalf("%v gives no JSON array: %v\n%s", args, err, r.Stdout)
	}
	return list
}

// Apply makes the node serve these customers, as `tollgate apply` returns: from then on.
func (n *Node) Apply(t testing.TB, customers ...Customer) {
	t.Helper()
	if n.control != nil {
		n.control.apply(t, customers)
		return
	}
	n.ApplyText(t, Tenants(customers...))
}

// ApplyText applies a tenants.yaml that must be accepted.
func (n *Node) ApplyText(t testing.TB, text string) Result {
	t.Helper()
	r := n.TryApply(t, text)
	// While others change theirs by the API: however often they do, such as with a flood of some seconds.
	for deadline := time.Now().Add(30 * time.Second); strings.Contains(r.Stderr, "was changed meanwhile") && time.Now().Before(deadline); {
		r = n.TryApply(t, text)
	}
	if r.Code != 0 {
		t.Fatalf("%s\n--- tenants.yaml\n%s", r, text)
	}
	return r
}

// TryApply applies a tenants.yaml.
func (n *Node) TryApply(t testing.TB, text string, more ...string) Result {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	file := filepath.Join(t.TempDir(), "tenants.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return n.Command(t, append([]string{"apply", "-f", file}, more...)...)
}
