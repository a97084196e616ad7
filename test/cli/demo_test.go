package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/test/harness"
)

// demo is a running `tollgate demo`.
type demo struct {
	cmd  *exec.Cmd
	out  string // file
	data string
	done chan struct{}
}

var demoSIP = regexp.MustCompile(`(?m)^SIP\s+(127\.0\.0\.1:(\d+))`)

func startDemo(t *testing.T, args ...string) *demo {
	t.Helper()
	dir := t.TempDir()
	d := &demo{out: filepath.Join(dir, "out"), data: filepath.Join(dir, "data"), done: make(chan struct{})}
	out, err := os.Create(d.out)
	if err != nil {
		t.Fatal(err)
	}
	d.cmd = exec.Command(harness.Binary(t), append([]string{"demo", "--data-dir", d.data}, args...)...)
	d.cmd.Dir, d.cmd.Env, d.cmd.Stdout, d.cmd.Stderr = dir, []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH")}, out, out
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(d.done)
		_ = d.cmd.Wait()
		out.Close()
	}()
	t.Cleanup(func() {
		_ = d.cmd.Process.Kill()
		<-d.done
		if t.Failed() {
			t.Logf("the demo said:\n%s", d.said())
		}
	})
	d.until(t, demoSIP)
	return d
}

func (d *demo) said() string {
	data, err := os.ReadFile(d.out)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// until waits until it prints what matches.
func (d *demo) until(t *testing.T, pattern *regexp.Regexp) []string {
	t.Helper()
	var found []string
	harness.Eventually(t, 30*time.Second, func() error {
		select {
		case <-d.done:
			t.Fatalf("the demo ended: %v", d.cmd.ProcessState)
		default:
		}
		if found = pattern.FindStringSubmatch(d.said()); found == nil {
			return fmt.Errorf("the demo has not printed %s", pattern)
		}
		return nil
	})
	return found
}

// TestDemo: two of them at once; calls cross, a bare SIPp works, and they end when asked.
func TestDemo(t *testing.T) {
	t.Parallel()
	first := startDemo(t, "--every", "1s")
	second := startDemo(t, "--every", "1s")
	at, also := first.until(t, demoSIP)[1], second.until(t, demoSIP)[1]
	if at == also {
		t.Fatalf("two demos at %s", at)
	}
	for _, d := range []*demo{first, second} {
		d.until(t, regexp.MustCompile(`called sip:100@demo\.example: .*answered`))
	}
	sipp := exec.Command(harness.Need(t, "sipp", "sip-tester"), "-sn", "uac", also, "-m", "3", "-d", "100", "-nostdin",
		"-cp", fmt.Sprint(harness.Port(t)), "-mp", fmt.Sprint(harness.Ports(t, 3)), "-p", fmt.Sprint(harness.Port(t)), "-timeout", "30")
	sipp.Dir = t.TempDir()
	if out, err := sipp.CombinedOutput(); err != nil {
		t.Errorf("a bare sipp: %v\n%s", err, out[max(0, len(out)-1500):])
	}
	env := []string{"TOLLGATE_DATA_DIR=" + first.data}
	r := harness.Run(t, t.TempDir(), env, "probe", "sip:100@127.0.0.1")
	if r.Code != 0 {
		t.Errorf("%s", r)
	}
	says(t, r, "INVITE", "200", "BYE")
	if r := harness.Run(t, t.TempDir(), env, "probe", "sip:101@localhost"); r.Code == 2 {
		t.Errorf("%s", r)
	}
	for _, d := range []*demo{first, second} {
		_ = d.cmd.Process.Signal(syscall.SIGTERM)
	}
	for _, d := range []*demo{first, second} {
		select {
		case <-d.done:
		case <-time.After(40 * time.Second):
			t.Fatal("the demo did not drain")
		}
		if code := d.cmd.ProcessState.ExitCode(); code != 0 || strings.Contains(d.said(), "panic") {
			t.Errorf("the demo ended with %d", code)
		}
	}
}
