package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"tollgate/test/peer"
)

// Baresip is one run of the softphone, without sound.
type Baresip struct {
	IP      string
	Port    int    // UDP and TCP; TLS is on the next one
	Account string // as in its accounts file
	Dial    string // a URI to call at once; empty: it answers calls
	Seconds int    // until it hangs up and ends; 0: until the test ends

	dir  string
	cmd  *exec.Cmd
	done chan struct{}
}

const baresipConfig = `sip_listen %s:%d
sip_certificate %s
net_interface %s
audio_player aubridge,nil
audio_source aubridge,nil
audio_alert aubridge,nil
rtp_ports 22000-22999
module_path /usr/lib/baresip/modules
module g711.so
module aubridge.so
module_app account.so
module_app menu.so
`

// Start runs it until it ends by itself or the test does.
func (b *Baresip) Start(t testing.TB) {
	t.Helper()
	b.dir = t.TempDir()
	cert, key := peer.SelfSigned(t, "phone.test")
	both := filepath.Join(b.dir, "both.pem")
	for name, text := range map[string]string{
		both:                             string(key) + string(cert),
		filepath.Join(b.dir, "config"):   fmt.Sprintf(baresipConfig, b.IP, b.Port, both, b.IP),
		filepath.Join(b.dir, "accounts"): b.Account + "\n",
		filepath.Join(b.dir, "contacts"): "",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"-f", b.dir}
	if b.Seconds > 0 {
		args = append(args, "-t", strconv.Itoa(b.Seconds))
	}
	if b.Dial != "" {
		args = append(args, "-e", "/dial "+b.Dial)
	}
	out, err := os.Create(filepath.Join(b.dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	b.cmd = exec.Command(Need(t, "baresip", "baresip-core"), args...)
	b.cmd.Dir, b.cmd.Stdout, b.cmd.Stderr = b.dir, out, out
	b.cmd.Env = append(os.Environ(), "HOME="+b.dir)
	if err := b.cmd.Start(); err != nil {
		t.Fatalf("start baresip: %v", err)
	}
	b.done = make(chan struct{})
	go func() {
		defer close(b.done)
		_ = b.cmd.Wait()
		out.Close()
	}()
	t.Cleanup(func() {
		_ = b.cmd.Process.Signal(syscall.SIGKILL)
		<-b.done
		if t.Failed() {
			t.Logf("baresip at %s said:\n%s", b.IP, b.Said())
		}
	})
	b.Until(t, "baresip is ready")
}

// Until waits until it says something.
func (b *Baresip) Until(t testing.TB, words string) {
	t.Helper()
	Eventually(t, Ready, func() error {
		if !strings.Contains(b.Said(), words) {
			return fmt.Errorf("baresip has not said %q", words)
		}
		return nil
	})
}

// Said is all that it printed, without its running counters.
func (b *Baresip) Said() string {
	data, err := os.ReadFile(filepath.Join(b.dir, "out"))
	if err != nil {
		return err.Error()
	}
	var lines []string
	for _, line := range strings.FieldsFunc(string(data), func(r rune) bool { return r == '\n' || r == '\r' }) {
		if !strings.Contains(line, "(bit/s)") || strings.Contains(line, "terminated") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
