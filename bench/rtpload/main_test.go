package main

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAnswerKeepsItsPort has the kernel give sockets one of nine ports, of which the answering side's
// is one, and opens eight others: they must leave it alone, and not only by luck.
func TestAnswerKeepsItsPort(t *testing.T) {
	const first, ports = 40000, 9
	ended := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: a thread in a network of its own ends with its goroutine
		ended <- inSmallNetwork(first, ports, func() error {
			for i := range 50 {
				l := &load{answer: fmt.Sprintf("127.0.0.1:%d", first+i%ports), calls: (ports - 1) / 2, address: netip.MustParseAddr("127.0.0.1")}
				answer, m, err := l.open()
				if err != nil {
					return fmt.Errorf("opening %s for the %d. time: %w", l.answer, i+1, err)
				}
				m.close()
				if err := answer.Close(); err != nil {
					return err
				}
			}
			return nil
		})
	}()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

// inSmallNetwork runs f with the calling thread in a network of its own, whose loopback is up and whose
// kernel has so few ports for those who do not ask for a certain one. It wants root.
func inSmallNetwork(first, ports int, f func() error) error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("a network of its own (as root): %w", err)
	}
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		return fmt.Errorf("ip link set lo up: %w: %s", err, out)
	}
	few := fmt.Sprintf("%d %d", first, first+ports-1)
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_local_port_range", []byte(few), 0o644); err != nil {
		return err
	}
	return f()
}
