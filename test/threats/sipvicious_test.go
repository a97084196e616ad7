package threats

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
)

// attacker is where sipvicious sends from, whatever it is told.
const attacker = "127.0.0.1"

// TestSipvicious: Debian's sipvicious finds neither us nor what is behind us and is banned,
// while a phone at another address never notices.
func TestSipvicious(t *testing.T) {
	t.Parallel()
	for _, attack := range []struct {
		name  string
		known bool // it knows the customer's domain
		scans [][]string
	}{
		// To silence each of them gives up after one packet: the third is one too many.
		{"by address", false, [][]string{{"svmap"}, {"svwar", "-e2000-2400", "--force"}, {"svcrack", "-u2250", "-r8000-8999"}}},
		{"users of a domain", true, [][]string{{"svwar", "-e2000-2400", "--force"}}},
		{"users of a domain by INVITE", true, [][]string{{"svwar", "-e2000-2400", "--force", "-mINVITE"}}},
		{"a password", true, [][]string{{"svcrack", "-u2250", "-r8000-8999"}}},
	} {
		t.Run(attack.name, func(t *testing.T) {
			t.Parallel()
			n := harness.Start(t, harness.Settings{Bannable: true, Hosts: []string{harness.IP(t)}})
			s := setting(t, n)
			s.Callee.Handle(challenger(s.Callee, s.Domain, peer.Credentials{User: "2250", Password: "8421"}))
			var scans []func() string
			for _, args := range attack.scans {
				if args = append(args, "-p"+strconv.Itoa(n.Port)); attack.known {
					args = append(args, "--domain="+s.Domain)
				}
				scans = append(scans, scan(t, append(args, n.Addr("udp", s.Caller.Addr().Addr()).Addr().String())))
			}
			heard := func() {
				t.Helper()
				s.Caller.Start("OPTIONS", s.URI()).Expect("200 OPTIONS")
			}
			heard()
			for _, wait := range scans {
				if out := wait(); strings.Contains(out, "|") || !strings.Contains(out, "found nothing") {
					t.Errorf("it found something:\n%s", out)
				}
			}
			banned(t, n, attacker, "scanner")
			heard()
		})
	}
}

// scan starts a scanner; what it gives waits for its end, interrupts it after 6 s, and gives
// what it printed.
func scan(t *testing.T, args []string) func() string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 6*time.Second)
	cmd := exec.CommandContext(ctx, harness.Need(t, args[0], "sipvicious"), args[1:]...)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"HOME=" + cmd.Dir, "PATH=/usr/bin:/bin"}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it then tells what it found
	cmd.WaitDelay = 5 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatalf("run %v: %v", args, err)
	}
	return func() string {
		defer cancel()
		err := cmd.Wait()
		t.Logf("%v: %v\n%s", args, err, out.String())
		return out.String()
	}
}

// challenger is a PBX with one user, that gives away who exists.
func challenger(pbx *peer.UA, domain string, user peer.Credentials) func(*peer.Message) bool {
	return func(m *peer.Message) bool {
		switch {
		case m.Method == http.MethodOptions:
			pbx.Replies(m, 200)
		case m.Method == "ACK" || m.Status != 0:
		case !strings.Contains(m.Get("To"), user.User):
			pbx.Replies(m, 404)
		case user.Proves(m):
			pbx.Replies(m, 200)
		default:
			pbx.Replies(m, 401, peer.Challenge(domain, "MD5"))
		}
		return true
	}
}
