package harness

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Ready is how long a node may take to start, Stopping how long to stop, and Soon how long what
// follows from something may take beside all that a busy machine does: it tells that it never comes.
// Who asks how fast it comes measures it.
const (
	Soon     = 15 * time.Second
	Ready    = 20 * time.Second
	Stopping = 10 * time.Second
)

// Node is one running edge: Tollgate, or the Kamailio that stands in for it.
type Node struct {
	Dir     string // holds node.yaml, the data folder and the log
	Config  string // node.yaml
	Port    int    // UDP and TCP, on 127.0.0.1 and ::1
	TLSPort int
	HTTP    string // host:port of the API
	Metrics string // host:port of /metrics, /livez, /readyz

	bin     string
	env     []string
	netns   Netns
	prefix  []string
	hosts   []string
	control *control

	mu   sync.Mutex // one start, stop or apply at a time
	proc *process
}

// process is one run of the program.
type process struct {
	cmd  *exec.Cmd
	log  *os.File
	done chan struct{} // closed when it has ended
}

// Settings change how a node starts.
type Settings struct {
	Env    []string // beside the test's own environment
	Netns  Netns    // where it runs
	Hosts  []string // addresses to listen on, IPv6 in brackets; default 127.0.0.1 and [::1]
	SIP    string   // more lines of node.yaml's sip section, indented by two
	Config string   // more lines of node.yaml
	Prefix []string // is put before the node's command line
	// Bannable: what the node sees may get loopback addresses banned. Else never_ban has them
	// all, since most groups misbehave on purpose.
	Bannable bool
}

// Start runs a node until the test ends, and checks that it ended without a panic or a data race.
func Start(t *testing.T, settings ...Settings) *Node {
	t.Helper()
	n := New(t, settings...)
	n.Up(t)
	return n
}

// New prepares a node without starting it.
func New(t *testing.T, settings ...Settings) *Node {
	t.Helper()
	var s Settings
	if len(settings) > 0 {
		s = settings[0]
	}
	n := &Node{Dir: t.TempDir(), Port: Port(t), TLSPort: Port(t), env: append(environment(), s.Env...), netns: s.Netns, prefix: s.Prefix}
	if n.hosts = s.Hosts; n.hosts == nil {
		n.hosts = []string{"127.0.0.1", "[::1]"}
	}
	n.HTTP = fmt.Sprintf("127.0.0.1:%d", Port(t))
	n.Metrics = fmt.Sprintf("127.0.0.1:%d", Port(t))
	n.Config = filepath.Join(n.Dir, "node.yaml")
	if Control() {
		n.control = newControl(t, n)
	} else {
		n.bin = nodeBinary(t)
	}
	if err := os.WriteFile(n.Config, []byte(n.yaml(s.SIP)+neverBan(s.Bannable)+s.Config), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Down(t) })
	return n
}

// environment is the test's own without Tollgate's variables, which would override
// node.yaml; the backend under test is the exception.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(kv string) bool {
		return strings.HasPrefix(kv, "TOLLGATE_") && !strings.HasPrefix(kv, "TOLLGATE_TEST_LIVE=")
	})
}

func (n *Node) yaml(sip string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "data_dir: %q\nsip:\n  listen:\n", filepath.Join(n.Dir, "data"))
	for _, host := range n.hosts {
		for proto, port := range map[string]int{"udp": n.Port, "tcp": n.Port, "tls": n.TLSPort} {
			fmt.Fprintf(&b, "    - %q\n", fmt.Sprintf("%s://%s:%d", proto, host, port))
		}
	}
	b.WriteString(sip)
	fmt.Fprintf(&b, "http: {listen: %q, metrics: %q}\nlog: {level: debug, format: text}\n", n.HTTP, n.Metrics)
	return b.String()
}

func neverBan(bannable bool) string {
	if bannable {
		return ""
	}
	return "never_ban: [127.0.0.0/8, \"::1\"]\n"
}

// Addr is where the node listens for a transport, on the family of the peer's address.
func (n *Node) Addr(proto string, peer netip.Addr) netip.AddrPort {
	var ip netip.Addr
	for _, host := range n.hosts {
		if ip = netip.MustParseAddr(strings.Trim(host, "[]")); ip.Is6() == peer.Is6() {
			break
		}
	}
	if proto == "tls" {
		return netip.AddrPortFrom(ip, uint16(n.TLSPort))
	}
	return netip.AddrPortFrom(ip, uint16(n.Port))
}

// Up starts the node, and waits until it says that it is ready.
func (n *Node) Up(t testing.TB) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.up(t)
}

func (n *Node) up(t testing.TB) {
	t.Helper()
	log, err := os.OpenFile(n.LogFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	line := slices.Concat(n.prefix, []string{n.bin, "serve", "-c", n.Config})
	cmd := n.netns.Command(line[0], line[1:]...)
	if n.control != nil {
		cmd = n.control.command(t)
	}
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = n.Dir, n.env, log, log
	p := &process{cmd: cmd, log: log, done: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", cmd.Path, err)
	}
	go func() {
		defer close(p.done)
		_ = cmd.Wait()
		log.Close()
	}()
	n.proc = p
	Eventually(t, Ready, func() error {
		if p.ended() {
			t.Fatalf("the node ended while starting, %v:\n%s", cmd.ProcessState, n.tail(40))
		}
		return n.ready()
	})
}

func (n *Node) ready() error {
	if n.control != nil {
		return n.control.ready()
	}
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DialContext: n.netns.dial, DisableKeepAlives: true}}
	resp, err := client.Get("http://" + n.Metrics + "/readyz")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("/readyz says %s: %s", resp.Status, body)
	}
	return nil
}

// Ensure starts the node again if it has ended by itself, and fails the test: a crash is
// somebody's fault, but the scenarios after it deserve their chance.
func (n *Node) Ensure(t testing.TB) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.proc.ended() {
		return
	}
	t.Errorf("the node had ended before this test, %v:\n%s", n.proc.cmd.ProcessState, n.tail(60))
	n.up(t)
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Running tells whether the node's process is there.
func (n *Node) Running() bool { return n.proc != nil && !n.proc.ended() }

// Signal sends a signal to the node.
func (n *Node) Signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := n.proc.cmd.Process.Signal(s); err != nil {
		t.Fatalf("signal the node: %v", err)
	}
}

// Pause stops the node until it gets a SIGCONT. The kernel stops each thread when it comes to it, so
// Pause waits for the last: one that still runs would do work.
func (n *Node) Pause(t testing.TB) {
	t.Helper()
	n.Signal(t, syscall.SIGSTOP)
	Eventually(t, Stopping, func() error {
		files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", n.PID()))
		if err != nil || len(files) == 0 {
			return fmt.Errorf("no threads of %d: %w", n.PID(), err)
		}
		for _, file := range files {
			stat, err := os.ReadFile(file)
			if err != nil {
				continue // it has ended
			}
			if state := stat[bytes.LastIndexByte(stat, ')')+1:]; !bytes.HasPrefix(state, []byte(" T ")) {
				return fmt.Errorf("%s still runs: %s", file, state)
			}
		}
		return nil
	})
}

// Exited waits for the node's end and gives its exit status; -1 for a signal, -2 when it did not end.
func (n *Node) Exited(patience time.Duration) int {
	select {
	case <-n.proc.done:
		return n.proc.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		return -2
	}
}

// Down stops the node: asked twice, so that calls which scenarios left up do not hold it, and then killed.
func (n *Node) Down(t testing.TB) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.proc == nil {
		return
	}
	for i, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGTERM, syscall.SIGKILL} {
		if s == syscall.SIGKILL {
			t.Errorf("the node did not stop within %v of a second SIGTERM", Stopping)
		}
		_ = n.proc.cmd.Process.Signal(s)
		patience := Stopping
		if i == 0 && n.control == nil {
			patience = time.Second
		}
		if n.Exited(patience) != -2 {
			break
		}
	}
	<-n.proc.done
	n.proc = nil
	n.judgeLog(t)
}

// judgeLog fails the test for what a program must never say.
func (n *Node) judgeLog(t testing.TB) {
	t.Helper()
	data, err := os.ReadFile(n.LogFile())
	if err != nil {
		t.Errorf("read the node's log: %v", err)
	}
	for _, word := range []string{"panic:", "fatal error:", "WARNING: DATA RACE", "goroutine 1 ["} {
		if i := bytes.Index(data, []byte(word)); i >= 0 {
			t.Errorf("the node's log says %q:\n%s", word, data[i:min(i+6000, len(data))])
			return
		}
	}
}

// LogFile is what the node printed.
func (n *Node) LogFile() string { return filepath.Join(n.Dir, "node.log") }

// LogSize is how much it printed so far.
func (n *Node) LogSize() int64 {
	info, err := os.Stat(n.LogFile())
	if err != nil {
		return 0
	}
	return info.Size()
}

// LogSince is what the node printed after that size, only lines with one of the words, the last of them.
func (n *Node) LogSince(size int64, words ...string) string {
	data, err := os.ReadFile(n.LogFile())
	if err != nil || int64(len(data)) < size {
		return ""
	}
	var lines []string
	for line := range strings.Lines(string(data[size:])) {
		for _, w := range words {
			if strings.Contains(line, w) {
				lines = append(lines, line)
				break
			}
		}
	}
	return strings.Join(lines[max(0, len(lines)-40):], "")
}

func (n *Node) tail(count int) string {
	data, err := os.ReadFile(n.LogFile())
	if err != nil {
		return err.Error()
	}
	lines := strings.SplitAfter(string(data), "\n")
	return strings.Join(lines[max(0, len(lines)-count):], "")
}

// PID is the process's.
func (n *Node) PID() int { return n.proc.cmd.Process.Pid }
