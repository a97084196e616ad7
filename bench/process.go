package main

import (
	"bufio"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a program under test or of the load tool, with its output in a file.
type process struct {
	name string
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed once it has ended
	err  error         // set before done is closed
}

// startProcess starts a program, its output going to logFile. It gets a
// process group of its own, so that stop reaches its children as well.
func startProcess(name, logFile string, argv ...string) (*process, error) {
	out, err := os.Create(logFile)
	if err != nil {
		return nil, fmt.Errorf("log of %s: %w", name, err)
	}
	defer out.Close() // the child has its own descriptor
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &process{name: name, cmd: cmd, log: logFile, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// running reports whether the program has not ended.
func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// wait waits for the end; past the limit it is an error and it still runs.
func (p *process) wait(limit time.Duration) error {
	select {
	case <-p.done:
		if p.err != nil {
			return fmt.Errorf("%s: %w%s", p.name, p.err, p.lastWords())
		}
		return nil
	case <-time.After(limit):
		return fmt.Errorf("%s still runs after %s", p.name, limit)
	}
}

// stop asks the program to end and, five seconds later, ends its whole group.
func (p *process) stop() {
	if !p.running() {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
		_ = syscall.Kill(-p.pid(), syscall.SIGKILL)
		<-p.done
	}
}

// lastWords is the end of the program's output, for an error message.
func (p *process) lastWords() string {
	text, err := os.ReadFile(p.log)
	if err != nil || len(text) == 0 {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return "\n  " + strings.Join(lines[max(0, len(lines)-6):], "\n  ")
}

// bound waits until the program has bound a UDP socket at the address.
func (p *process) bound(addr netip.AddrPort) error {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if !p.running() {
			return fmt.Errorf("%s ended before it listened: %w%s", p.name, errors.Join(p.err), p.lastWords())
		}
		inUse, err := udpBound(p.pid(), addr)
		if err != nil {
			return err
		}
		if inUse {
			return nil
		}
		<-time.After(20 * time.Millisecond)
	}
	return fmt.Errorf("%s does not listen on %s%s", p.name, addr, p.lastWords())
}

// udpBound looks an IPv4 socket up in the network namespace of a process.
func udpBound(pid int, addr netip.AddrPort) (bool, error) {
	file, err := os.Open(fmt.Sprintf("/proc/%d/net/udp", pid))
	if err != nil {
		return false, fmt.Errorf("list of UDP sockets: %w", err)
	}
	defer file.Close()
	ip := addr.Addr().As4()
	slices.Reverse(ip[:]) // the kernel prints the word as this machine stores it
	want := fmt.Sprintf("%X:%04X", ip, addr.Port())
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) > 1 && fields[1] == want {
			return true, nil
		}
	}
	return false, lines.Err()
}

// residentKiB is the resident memory of a process and its descendants, and how much
// of it are files that are mapped.
func residentKiB(pid int) (all, files int, err error) {
	pids, err := processTree(pid)
	if err != nil {
		return 0, 0, err
	}
	for _, p := range pids {
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p), "status"))
		if err != nil {
			return 0, 0, fmt.Errorf("memory of process %d: %w", p, err)
		}
		for key, sum := range map[string]*int{"VmRSS:": &all, "RssFile:": &files} {
			_, rest, _ := strings.Cut(string(text), key)
			fields := strings.Fields(rest)
			if len(fields) == 0 {
				continue // a process that is just ending has none
			}
			kib, err := strconv.Atoi(fields[0])
			if err != nil {
				return 0, 0, fmt.Errorf("memory of process %d: %w", p, err)
			}
			*sum += kib
		}
	}
	return all, files, nil
}
