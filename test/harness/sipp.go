package harness

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/test/peer"
)

// SIPp is one run of the load tool.
type SIPp struct {
	Scenario string // file
	Addr     netip.AddrPort
	Proto    string         // udp or tcp: Debian's SIPp has no TLS
	Remote   netip.AddrPort // of a caller: the edge
	Calls    int
	Rate     int // calls/s; 0 = 10
	Keys     map[string]string
	Args     []string

	dir  string
	cmd  *exec.Cmd
	done chan struct{}

	launches int // beside the first
}

// Start runs SIPp until it has done its calls; an answering side is listening when Start returns.
func (s *SIPp) Start(t testing.TB) {
	t.Helper()
	s.launch(t)
	t.Cleanup(func() { s.stop() })
	if s.Remote.IsValid() {
		return
	}
	Eventually(t, Ready, func() error {
		if s.ended() && !s.relaunched(t) {
			t.Fatalf("sipp ended at once: %s", s.Said())
		}
		if !bound(s.Proto, int(s.Addr.Port())) {
			return fmt.Errorf("sipp does not listen on %s yet", s.Addr)
		}
		return nil
	})
}

func (s *SIPp) launch(t testing.TB) {
	t.Helper()
	s.dir = t.TempDir()
	s.cmd = exec.Command(Need(t, "sipp", "sip-tester"), s.arguments(t)...)
	s.cmd.Dir = s.dir
	out, err := os.Create(filepath.Join(s.dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stdout, s.cmd.Stderr = out, out
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("start sipp: %v", err)
	}
	cmd, done := s.cmd, make(chan struct{})
	s.done = done
	go func() {
		defer close(done)
		_ = cmd.Wait()
		out.Close()
	}()
}

// relaunched starts a SIPp again that has ended since somebody took a port that it chose meanwhile, a node with ports of every
// address for one. It made no call then. A caller gets another address to call from, too; where callees are is known already.
func (s *SIPp) relaunched(t testing.TB) bool {
	t.Helper()
	const most = 5
	data, _ := os.ReadFile(filepath.Join(s.dir, "errors")) // no file: no complaints
	if s.launches == most || !strings.Contains(string(data), "Address already in use") {
		return false
	}
	if strings.Contains(string(data), "main socket") {
		if !s.Remote.IsValid() {
			return false
		}
		s.Addr = netip.AddrPortFrom(s.Addr.Addr(), uint16(Port(t)))
	}
	s.launches++
	s.launch(t)
	return true
}

func (s *SIPp) arguments(t testing.TB) []string {
	t.Helper()
	ip := s.Addr.Addr().String()
	rate := s.Rate
	if rate == 0 {
		rate = 10
	}
	args := []string{
		"-sf", s.Scenario, "-i", ip, "-p", strconv.Itoa(int(s.Addr.Port())), "-mi", ip, "-mp", strconv.Itoa(Ports(t, 3)), // audio, and video two above

		"-cp", strconv.Itoa(Port(t)), "-t", map[string]string{"udp": "u1", "tcp": "t1"}[s.Proto],
		"-m", strconv.Itoa(s.Calls), "-r", strconv.Itoa(rate), "-nostdin", "-skip_rlimit", "-timeout", "60", "-timeout_error",
		"-trace_err", "-error_file", filepath.Join(s.dir, "errors"), "-trace_msg", "-message_file", filepath.Join(s.dir, "messages"),
		"-trace_stat", "-stf", filepath.Join(s.dir, "statistics"),
	}
	for key, value := range s.Keys {
		args = append(args, "-key", key, value)
	}
	args = append(args, s.Args...)
	if s.Remote.IsValid() {
		args = append(args, s.Remote.String())
	}
	return args
}

// Wait lets SIPp finish, and fails the test unless every call went as the scenario says.
func (s *SIPp) Wait(t testing.TB) {
	t.Helper()
	if code := s.Code(t); code != 0 {
		t.Fatalf("sipp %s: exit %d: %s", filepath.Base(s.Scenario), code, s.Said())
	}
}

// Code lets SIPp finish, and gives its exit status: 0 where every call went as the scenario says, 1 where
// one did not.
func (s *SIPp) Code(t testing.TB) int {
	t.Helper()
	for {
		select {
		case <-s.done:
		case <-time.After(70 * time.Second):
			t.Fatalf("sipp %s did not end", filepath.Base(s.Scenario))
		}
		if code := s.cmd.ProcessState.ExitCode(); code == 0 || !s.relaunched(t) {
			return code
		}
	}
}

// Quit has an answering side end as soon as the calls that it has are over; wait for that with Code.
func (s *SIPp) Quit() { _ = s.cmd.Process.Signal(syscall.SIGUSR1) }

// Counted is what SIPp's own statistics say of its calls, once it has ended.
func (s *SIPp) Counted(t testing.TB) (successful, failed int) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(s.dir, "statistics"))
	if err != nil {
		t.Fatalf("sipp's statistics: %v", err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	names, last := strings.Split(lines[0], ";"), strings.Split(lines[len(lines)-1], ";")
	for i, name := range names[:min(len(names), len(last))] {
		var into *int
		switch name {
		case "SuccessfulCall(C)":
			into = &successful
		case "FailedCall(C)":
			into = &failed
		default:
			continue
		}
		if *into, err = strconv.Atoi(last[i]); err != nil {
			t.Fatalf("sipp's statistics: %v", err)
		}
	}
	return successful, failed
}

func (s *SIPp) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

func (s *SIPp) stop() {
	if !s.ended() {
		_ = s.cmd.Process.Kill()
		<-s.done
	}
}

// Said is what SIPp complained about, the beginning of it.
func (s *SIPp) Said() string {
	var b strings.Builder
	for _, file := range []string{"errors", "out"} {
		if data, err := os.ReadFile(filepath.Join(s.dir, file)); err == nil {
			text := string(data)
			if file == "out" {
				text = text[max(0, len(text)-1500):]
			}
			fmt.Fprintf(&b, "%s:\n%.4000s\n", file, text)
		}
	}
	return b.String()
}

// Received is every message that came, from SIPp's own log.
func (s *SIPp) Received(t testing.TB) []*peer.Message {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(s.dir, "messages"))
	if err != nil {
		t.Fatalf("sipp's messages: %v", err)
	}
	var out []*peer.Message
	for _, part := range strings.Split(string(data), "-----------------------------------------------") {
		head, text, ok := strings.Cut(part, "\n\n")
		if !ok || !strings.Contains(head, "message received") {
			continue
		}
		text, _, _ = strings.Cut(text, "\r\n\r\n")
		m, err := peer.Parse([]byte(text + "\r\n\r\n"))
		if err != nil && m == nil {
			t.Errorf("sipp received what is no SIP: %v\n%s", err, text)
			continue
		}
		out = append(out, m)
	}
	return out
}
