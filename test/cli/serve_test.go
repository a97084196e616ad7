package cli

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// TestPortInUse: one sentence that names the address, exit 1.
func TestPortInUse(t *testing.T) {
	t.Parallel()
	for _, proto := range []string{"udp", "tcp"} {
		t.Run(proto, func(t *testing.T) {
			node := harness.New(t)
			squatter := peer.Open(t, proto, node.Addr("udp", peer.AddrPort("127.0.0.1:1").Addr()))
			oneSentence(t, node.Command(t, "serve"), squatter.Addr().String())
		})
	}
	t.Run("http", func(t *testing.T) {
		node := harness.New(t)
		ln, err := net.Listen("tcp", node.HTTP)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		oneSentence(t, node.Command(t, "serve"), node.HTTP)
	})
}

// TestBrokenDatabase: one sentence, exit 1, and the file is left for whoever can mend it.
func TestBrokenDatabase(t *testing.T) {
	t.Parallel()
	node := harness.Start(t)
	node.ApplyText(t, example(t))
	node.Down(t)
	var files []string
	err := filepath.WalkDir(filepath.Join(node.Dir, "data"), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && isSQLite(path) {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("no SQLite file in the data folder (%v)", err)
	}
	for _, f := range files {
		if err := os.WriteFile(f, []byte(strings.Repeat("no database ", 4000)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	oneSentence(t, node.Command(t, "serve"), filepath.Base(files[0]))
	for _, f := range files {
		if data, err := os.ReadFile(f); err != nil || !strings.HasPrefix(string(data), "no database") {
			t.Errorf("%s was changed (%v)", f, err)
		}
	}
}

func isSQLite(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 15)
	_, err = io.ReadFull(f, head)
	return err == nil && string(head) == "SQLite format 3"
}

// TestDataFolderIsAFile cannot be served from.
func TestDataFolderIsAFile(t *testing.T) {
	t.Parallel()
	node := harness.New(t)
	if err := os.WriteFile(filepath.Join(node.Dir, "data"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	oneSentence(t, node.Command(t, "serve"), "data")
}

// TestBadNodeFile: line and column of each fault, exit 1, nothing started; `check` says the same.
func TestBadNodeFile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, words string }{
		"unknown key":      {"sip:\n  §listne: []\n", "listne|listen"},
		"unknown at top":   {"§datadir: x\n", "datadir|data_dir"},
		"bad URL":          {"sip:\n  listen:\n    - §udp:/1.2.3.4\n", "udp"},
		"bad transport":    {"sip:\n  listen:\n    - §sctp://127.0.0.1:5060\n", "sctp|udp"},
		"bad port":         {"sip:\n  listen:\n    - §udp://127.0.0.1:99999\n", "99999"},
		"bad host":         {"sip:\n  listen:\n    - §udp://nowhere.test:5060\n", "nowhere.test"},
		"bad level":        {"log: {level: §loud}\n", "loud|debug"},
		"bad CIDR":         {"never_ban: [§1.2.3.4/40]\n", "1.2.3.4/40"},
		"bad ports":        {"media: {ports: §9-1}\n", "9-1"},
		"bad retention":    {"retention: {cdrs: §soon}\n", "soon"},
		"no such file":     {"sip:\n  certificates:\n    - {cert: §/nowhere/a.crt, key: /nowhere/a.key}\n", "/nowhere/a.crt"},
		"text for a list":  {"sip:\n  listen: §{}\n", "listen"},
		"no YAML":          {"sip: [\n§", ""},
		"negative limit":   {"limits: {calls: §-4}\n", "-4"},
		"unquoted address": {"http: {listen: §80}\n", "listen"},
	} {
		t.Run(name, func(t *testing.T) {
			node := harness.New(t)
			file := filepath.Join(node.Dir, "bad.yaml")
			line := strings.Count(c.text[:strings.Index(c.text, "§")], "\n") + 1
			if err := os.WriteFile(file, []byte(strings.Replace(c.text, "§", "", 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, command := range []string{"serve", "check"} {
				r := harness.Run(t, node.Dir, nil, command, "-c", file)
				if r.Code != 1 {
					t.Errorf("expected exit 1\n%s", r)
				}
				where := fmt.Sprintf("bad.yaml:%d:", line)
				if name == "no YAML" {
					where = "bad.yaml:"
				}
				says(t, r, append(strings.Split(c.words, "|"), where)...)
			}
		})
	}
}

// TestRestartKeepsAll: configuration survives; the next call needs no apply.
func TestRestartKeepsAll(t *testing.T) {
	t.Parallel()
	s := scene(t)
	s.Node.Down(t)
	s.Node.Up(t)
	a, b := s.Talk()
	s.End(a, b)
}

// TestKilledKeepsAll: so it does when the node is killed the moment apply has returned.
func TestKilledKeepsAll(t *testing.T) {
	t.Parallel()
	s := scene(t)
	s.Customer.Domains = append(s.Customer.Domains, "late-"+s.Domain)
	s.Apply()
	s.Node.Signal(t, syscall.SIGKILL)
	s.Node.Exited(harness.Stopping)
	s.Node.Up(t)
	s.Domain = "late-" + s.Domain
	a, b := s.Talk()
	s.End(a, b)
}

// TestDrain: after SIGTERM no new calls, /readyz fails, the live one goes on to its end, and then
// the node ends with 0.
func TestDrain(t *testing.T) {
	t.Parallel()
	s := scene(t)
	a, b := s.Talk()
	s.Node.Signal(t, syscall.SIGTERM)
	harness.Eventually(t, harness.Soon, func() error { return readyz(s.Node, http.StatusServiceUnavailable) })
	s.Caller.Invite(s.URI()).Expect(503)
	a.Request("INFO")
	b.Reply(b.Expect("INFO"), 200)
	a.Expect("200 INFO")
	if !s.Node.Running() {
		t.Fatal("the node did not wait for the call that is up")
	}
	s.End(b, a)
	if code := s.Node.Exited(10 * time.Second); code != 0 {
		t.Errorf("the drained node: exit %d", code)
	}
}

func readyz(node *harness.Node, status int) error {
	client := http.Client{Timeout: 2 * time.Second}
	resp, err := client.Get("http://" + node.Metrics + "/readyz")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != status {
		return fmt.Errorf("/readyz says %s", resp.Status)
	}
	return nil
}

// TestDrainOfNothing ends at once.
func TestDrainOfNothing(t *testing.T) {
	t.Parallel()
	node := harness.Start(t)
	node.Signal(t, syscall.SIGTERM)
	if code := node.Exited(harness.Stopping); code != 0 {
		t.Errorf("exit %d; its log:\n%s", code, node.LogSince(0, ""))
	}
}

// TestSecondSignal stops the node although a call is up.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	s := scene(t)
	s.Loose = true
	s.Talk()
	s.Node.Signal(t, syscall.SIGTERM)
	harness.Eventually(t, harness.Soon, func() error { return readyz(s.Node, http.StatusServiceUnavailable) })
	s.Node.Signal(t, syscall.SIGTERM)
	if code := s.Node.Exited(harness.Stopping); code == -2 {
		t.Error("a second SIGTERM did not stop the node")
	}
}

// TestHealth: what monitoring reads.
func TestHealth(t *testing.T) {
	t.Parallel()
	s := scene(t)
	a, b := s.Talk()
	s.End(a, b)
	get := func(path string) string {
		resp, err := http.Get("http://" + s.Node.Metrics + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s, %v", path, resp.Status, err)
		}
		return string(body)
	}
	get("/livez")
	if metrics := get("/metrics"); !strings.Contains(metrics, "# TYPE") || strings.Contains(metrics, s.Domain) {
		t.Errorf("metrics are typed and name no domain:\n%.3000s", metrics)
	}
}

// TestCertificates: the name asked for picks the certificate, and a file that changes is read again.
func TestCertificates(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certA, keyA := peer.WriteCertificate(t, dir, "a.test")
	certB, keyB := peer.WriteCertificate(t, dir, "b.test")
	node := harness.Start(t, harness.Settings{SIP: fmt.Sprintf("  certificates:\n    - {cert: %q, key: %q}\n    - {cert: %q, key: %q}\n", certA, keyA, certB, keyB)})
	serial := func(name string) (string, string) {
		conn, err := tls.Dial("tcp", node.Addr("tls", peer.AddrPort("127.0.0.1:1").Addr()).String(),
			&tls.Config{InsecureSkipVerify: true, ServerName: name})
		if err != nil {
			t.Fatalf("TLS for %s: %v", name, err)
		}
		defer conn.Close()
		leaf := conn.ConnectionState().PeerCertificates[0]
		return leaf.Subject.CommonName, leaf.SerialNumber.String()
	}
	for _, name := range []string{"a.test", "b.test"} {
		if got, _ := serial(name); got != name {
			t.Errorf("asked for %s, shown %s", name, got)
		}
	}
	_, before := serial("b.test")
	peer.WriteCertificate(t, dir, "b.test")
	harness.Eventually(t, 30*time.Second, func() error {
		if _, after := serial("b.test"); after == before {
			return fmt.Errorf("still the old certificate %s", before)
		}
		return nil
	})
	s := stage.New(t, node, stage.Matrix("tls4-udp4")[0], nil)
	a, b := s.Talk()
	s.End(a, b)
}
