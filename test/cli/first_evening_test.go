package cli

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/test/harness"
)

// evening is a folder in which a newcomer types what the README says, with an address of his own.
type evening struct {
	dir, ip string
	metrics string
	env     []string
}

func newEvening(t *testing.T) *evening {
	t.Helper()
	e := &evening{dir: t.TempDir(), ip: harness.IP(t), metrics: fmt.Sprintf("127.0.0.1:%d", harness.Port(t))}
	e.env = []string{
		"HOME=" + e.dir, "PATH=" + os.Getenv("PATH"), "TOLLGATE_TEST_LIVE=" + os.Getenv("TOLLGATE_TEST_LIVE"),
		fmt.Sprintf("TOLLGATE_HTTP_LISTEN=127.0.0.1:%d", harness.Port(t)), "TOLLGATE_HTTP_METRICS=" + e.metrics,
	}
	return e
}

// types runs a command in the folder.
func (e *evening) types(t *testing.T, args ...string) harness.Result {
	t.Helper()
	return harness.Run(t, e.dir, e.env, args...)
}

// serves runs the node until the test ends.
func (e *evening) serves(t *testing.T) {
	t.Helper()
	log, err := os.Create(filepath.Join(e.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(harness.Binary(t), "serve")
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = e.dir, e.env, log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the node: %v", err)
		}
		log.Close()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("the node said:\n%s", text)
		}
	})
	client := http.Client{Timeout: time.Second}
	harness.Eventually(t, harness.Ready, func() error {
		resp, err := client.Get("http://" + e.metrics + "/readyz")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("/readyz says %s", resp.Status)
		}
		return nil
	})
}

// finding is what doctor says of one check.
type finding struct {
	Check, Level, Text string
	Do                 []string
}

// doctor runs it, and gives what it found.
func (e *evening) doctor(t *testing.T, code int) []finding {
	t.Helper()
	r := e.types(t, "doctor", "-o", "json")
	var report struct{ Findings []finding }
	if err := json.Unmarshal([]byte(r.Stdout), &report); err != nil || r.Code != code {
		t.Fatalf("expected exit %d and JSON (%v)\n%s", code, err, r)
	}
	return report.Findings
}

// found fails unless a finding of that check and level holds all of the words.
func found(t *testing.T, list []finding, check, level string, words ...string) {
	t.Helper()
	for _, f := range list {
		text := f.Text + "\n" + strings.Join(f.Do, "\n")
		all := f.Check == check && f.Level == level
		for _, w := range words {
			all = all && strings.Contains(text, w)
		}
		if all {
			return
		}
	}
	t.Errorf("no %s of %s says %q: %+v", level, check, words, list)
}

// TestFirstEvening: init, doctor, serve, apply; then the node has what the answers said.
func TestFirstEvening(t *testing.T) {
	t.Parallel()
	e := newEvening(t)
	pbx := harness.IP(t)
	r := e.types(t, "init", "--address", e.ip, "--advertise", "none", "--domain", "first.test", "--pbx", pbx+":5070")
	if r.Code != 0 {
		t.Fatalf("%s", r)
	}
	says(t, r, "doctor", "serve", "apply -f tenants.yaml", "first.test", e.ip+":5060", pbx+":5070", "rewrite_contact")
	list := e.doctor(t, 0)
	found(t, list, "node", "ok", "not running")
	found(t, list, "ports", "ok", "free")
	found(t, list, "destinations", "warning", pbx, "nothing listens")
	found(t, list, "dns", "warning", "first.test")
	e.serves(t)
	if r := e.types(t, "apply", "-f", "tenants.yaml"); r.Code != 0 {
		t.Fatalf("%s", r)
	}
	says(t, e.types(t, "apply", "-f", "tenants.yaml"), "no changes")
	says(t, e.types(t, "export"), "first.test", pbx, "My Company")
	list = e.doctor(t, 0)
	found(t, list, "node", "ok", "is running")
	found(t, list, "ports", "ok", "running node's")
	found(t, list, "tenants", "ok", "by the running node")
	says(t, e.types(t, "doctor"), "0 problems", "self-signed", "API stays closed")
}

// TestInitRefuses: one line for each bad answer, and nothing is written.
func TestInitRefuses(t *testing.T) {
	t.Parallel()
	e := newEvening(t)
	good := map[string]string{"--address": e.ip, "--advertise": "none", "--domain": "first.test", "--pbx": "192.0.2.9"}
	for _, c := range []struct{ flag, value, words string }{
		{"--address", "nonsense", "--address|is not an address"},
		{"--address", "203.0.113.77", "no interface of this machine|--advertise"},
		{"--address", "0.0.0.0", "one of this machine"},
		{"--advertise", "", "--advertise is missing|is private"},
		{"--advertise", "10.0.0.300", "not an IP address"},
		{"--domain", "no domain", "--domain|no host name"},
		{"--domain", "sip:first.test", "is not a host"},
		{"--pbx", "", "--pbx is missing"},
		{"--pbx", "192.0.2.9:99999", "99999"},
		{"--pbx", "pbx..test", "empty part"},
		{"--pbx", e.ip, "Tollgate's own"},
		{"--pbx-transport", "sctp", "udp, tcp or tls"},
	} {
		args := []string{"init"}
		for flag, value := range good {
			if flag != c.flag {
				args = append(args, flag, value)
			}
		}
		if c.value != "" {
			args = append(args, c.flag, c.value)
		}
		r := e.types(t, args...)
		oneSentence(t, r, strings.Split(c.words, "|")...)
	}
	for _, file := range []string{"node.yaml", "tenants.yaml"} {
		if _, err := os.Stat(filepath.Join(e.dir, file)); err == nil {
			t.Errorf("%s was written", file)
		}
	}
	if err := os.WriteFile(filepath.Join(e.dir, "tenants.yaml"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"init"}
	for flag, value := range good {
		args = append(args, flag, value)
	}
	oneSentence(t, e.types(t, args...), "tenants.yaml is there already", "--force")
	if r := e.types(t, append(args, "--force")...); r.Code != 0 {
		t.Errorf("%s", r)
	}
	if text, err := os.ReadFile(filepath.Join(e.dir, "tenants.yaml.1")); err != nil || string(text) != "mine" {
		t.Errorf("what stood there is moved aside: %q, %v", text, err)
	}
}

// TestDoctorNamesThePortsOwner: the program and its process, and what to type.
func TestDoctorNamesThePortsOwner(t *testing.T) {
	t.Parallel()
	e := newEvening(t)
	if r := e.types(t, "init", "--address", e.ip, "--advertise", "none", "--pbx", "192.0.2.9"); r.Code != 0 {
		t.Fatalf("%s", r)
	}
	squatter, err := net.ListenPacket("udp", e.ip+":5060")
	if err != nil {
		t.Fatal(err)
	}
	defer squatter.Close()
	found(t, e.doctor(t, 1), "ports", "problem", "udp port 5060 is in use by", fmt.Sprintf("(process %d)", os.Getpid()), fmt.Sprintf("kill %d", os.Getpid()))
	oneSentence(t, e.types(t, "serve"), e.ip+":5060")
}
