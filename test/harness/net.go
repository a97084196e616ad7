package harness

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Port is a free port, below the range that the kernel gives out by itself, free on
// 127.0.0.1 and ::1 for UDP and TCP. It stays ours until the test ends: other tests and
// other test processes do not get it, since each holds a lock in the kernel on its number.
func Port(t testing.TB) int {
	t.Helper()
	return Ports(t, 1)
}

// Ports is the first of so many such ports in a row.
func Ports(t testing.TB, count int) int {
	t.Helper()
	for range 1000 {
		first := 10000 + rand.IntN(20000)
		if locks := claim(first, count); locks != nil {
			t.Cleanup(func() { release(locks) })
			return first
		}
	}
	t.Fatalf("no %d free ports found between 10000 and 30000", count)
	return 0
}

// claim locks ports; nil where one is not free.
func claim(first, count int) []net.Listener {
	var locks []net.Listener
	for port := first; port < first+count; port++ {
		lock, err := net.Listen("unix", "@tollgate-test-port-"+strconv.Itoa(port))
		if err != nil {
			release(locks)
			return nil
		}
		locks = append(locks, lock)
		if !free(port) {
			release(locks)
			return nil
		}
	}
	return locks
}

func release(locks []net.Listener) {
	for _, lock := range locks {
		lock.Close()
	}
}

func free(port int) bool {
	for _, host := range []string{"127.0.0.1", "[::1]", ""} {
		at := host + ":" + strconv.Itoa(port)
		udp, err := net.ListenPacket("udp", at)
		if err != nil {
			return false
		}
		udp.Close()
		tcp, err := net.Listen("tcp", at)
		if err != nil {
			return false
		}
		tcp.Close()
	}
	return true
}

// IP is a loopback address that no other test of this machine uses at the moment, so that
// whoever finds it in a message knows whom it names.
func IP(t testing.TB) string {
	t.Helper()
	for range 1000 {
		ip := fmt.Sprintf("127.%d.%d.%d", 16+rand.IntN(200), 1+rand.IntN(250), 1+rand.IntN(250))
		lock, err := net.Listen("unix", "@tollgate-test-ip-"+ip)
		if err != nil {
			continue
		}
		t.Cleanup(func() { lock.Close() })
		return ip
	}
	t.Fatal("no free loopback address found")
	return ""
}

// Refusing is an address where nobody listens, for as long as the test runs.
func Refusing(t testing.TB) netip.AddrPort {
	t.Helper()
	return netip.AddrPortFrom(netip.MustParseAddr(IP(t)), uint16(Port(t)))
}

// Unconnected waits until no program of this machine has a TCP connection to an address any more, as
// after all that it had there was closed: who does not know that yet would still write to it.
func Unconnected(t testing.TB, addr netip.Addr) {
	t.Helper()
	Eventually(t, 10*time.Second, func() error {
		data, err := os.ReadFile("/proc/thread-self/net/tcp")
		if err != nil {
			return err
		}
		b := addr.As4()
		want := fmt.Sprintf("%02X%02X%02X%02X:", b[3], b[2], b[1], b[0])
		for line := range strings.Lines(string(data)) {
			fields := strings.Fields(line)
			if len(fields) > 3 && strings.HasPrefix(fields[2], want) && (fields[3] == "01" || fields[3] == "08") { // established, close wait
				return fmt.Errorf("%s is still connected to", addr)
			}
		}
		return nil
	})
}

// bound tells whether a local process has that UDP or TCP port open, by the kernel's own table.
//
// The process's own table would be that of its first thread, which Netns.Do may have left in
// another namespace.
func bound(proto string, port int) bool { return boundIn("/proc/thread-self/net/"+proto, port) }

// boundFor is bound in the network namespace of a process.
func boundFor(pid int, proto string, port int) bool {
	return boundIn(fmt.Sprintf("/proc/%d/net/%s", pid, proto), port)
}

func boundIn(table string, port int) bool {
	want := fmt.Sprintf(":%04X ", port)
	for _, table := range []string{table, table + "6"} {
		data, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		if containsLocal(string(data), want, strings.Contains(table, "tcp")) {
			return true
		}
	}
	return false
}

// containsLocal finds a local port in a table of /proc/net: second column, and for TCP
// state 0A (listening) in the fourth.
func containsLocal(table, port string, listening bool) bool {
	for line := range strings.SplitSeq(table, "\n") {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasSuffix(fields[1]+" ", port) {
			continue
		}
		if !listening || fields[3] == "0A" {
			return true
		}
	}
	return false
}
