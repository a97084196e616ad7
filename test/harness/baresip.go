package harness

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
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
	Account string // as in its accounts file; for one that registers see Registered
	Netns   Netns
	Dial    string // a URI to call at once; empty: it answers calls
	Seconds int    // until it hangs up and ends; 0: until the test ends
	Plays   string // a WAV file that it says; empty: silence
	Records string // a folder for what it hears, as dump-*-dec.wav

	dir  string
	ctl  int // port of its control connection
	cmd  *exec.Cmd
	done chan struct{}
}

const baresipConfig = `sip_listen %s:%d
sip_certificate %s
net_interface %s
audio_player aubridge,nil
audio_source %s
audio_alert aubridge,nil
rtp_ports 22000-22999
module_path /usr/lib/baresip/modules
module g711.so
module aubridge.so
module aufile.so
module srtp.so
%smodule uuid.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:%d
`

// Registered is the account of a phone that registers through an outbound proxy, every so
// many seconds at the latest, and answers calls by itself.
func Registered(user, domain, password string, proxy netip.AddrPort, proto string, seconds int) string {
	return fmt.Sprintf("<sip:%s@%s;transport=%s>;auth_user=%s;auth_pass=%s;regint=%d;answermode=auto;outbound=\"sip:%s;transport=%s\"",
		user, domain, proto, user, password, seconds, proxy, proto)
}

// Start runs it until it ends by itself or the test does.
func (b *Baresip) Start(t testing.TB) {
	t.Helper()
	b.dir = t.TempDir()
	cert, key := peer.SelfSigned(t, "phone.test")
	both := filepath.Join(b.dir, "both.pem")
	b.ctl = Port(t)
	for name, text := range map[string]string{
		both:                             string(key) + string(cert),
		filepath.Join(b.dir, "config"):   fmt.Sprintf(baresipConfig, b.IP, b.Port, both, b.IP, source(b.Plays), recorder(b.Records), b.ctl),
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
	b.cmd = b.Netns.Command(Need(t, "baresip", "baresip-core"), args...)
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

// source is a WAV file as its microphone, or silence.
func source(file string) string {
	if file == "" {
		return "aubridge,nil"
	}
	return "aufile," + file
}

// recorder is what makes it write down what passes.
func recorder(folder string) string {
	if folder == "" {
		return ""
	}
	return "module sndfile.so\nsnd_path " + folder + "\n"
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

// Do gives it a command of its menu, such as "dial" or "transfer" with a URI, which it must accept.
func (b *Baresip) Do(t testing.TB, command, params string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Ready)
	defer cancel()
	conn, err := b.Netns.dial(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", b.ctl))
	if err != nil {
		t.Fatalf("baresip's control connection: %v", err)
	}
	defer conn.Close()
	order, err := json.Marshal(map[string]string{"command": command, "params": params, "token": "order"})
	if err != nil {
		t.Fatal(err)
	}
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "%d:%s,", len(order), order); err != nil {
		t.Fatalf("baresip's control connection: %v", err)
	}
	for r := bufio.NewReader(conn); ; { // its events come here too, each as a netstring
		answer, err := r.ReadString('}')
		if err != nil {
			t.Fatalf("baresip did not answer %q: %v", command, err)
		}
		if strings.Contains(answer, `"response":true`) {
			if !strings.Contains(answer, `"ok":true`) {
				t.Fatalf("baresip refused %q %q: %s", command, params, answer)
			}
			return
		}
	}
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
