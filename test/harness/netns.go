package harness

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Netns is a network namespace of a test's own, by its name; "" is the one that the test
// itself runs in.
type Netns string

// newNetns makes one with its loopback up, and deletes it at the test's end.
func newNetns(t testing.TB, role string) Netns {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test makes network namespaces: it must run as root")
	}
	ns := Netns(fmt.Sprintf("tg-%s-%08x", role, rand.Uint32()))
	ip(t, "netns", "add", string(ns))
	t.Cleanup(func() { ip(t, "netns", "del", string(ns)) })
	ns.run(t, "ip", "link", "set", "lo", "up")
	return ns
}

// Command is a program that will run in the namespace, as a child of the test itself.
func (ns Netns) Command(program string, args ...string) *exec.Cmd {
	if ns == "" {
		return exec.Command(program, args...)
	}
	return exec.Command("ip", append([]string{"netns", "exec", string(ns), program}, args...)...)
}

// run runs a program in the namespace, which must succeed.
func (ns Netns) run(t testing.TB, program string, args ...string) {
	t.Helper()
	if out, err := ns.Command(program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v: %s", program, strings.Join(args, " "), err, out)
	}
}

// sysctl sets a value of the namespace's kernel settings.
func (ns Netns) sysctl(t testing.TB, name, value string) {
	t.Helper()
	ns.run(t, "sh", "-c", "echo "+value+" >/proc/sys/"+name)
}

// Do runs f in the namespace: sockets that f opens stay there when it has returned.
func (ns Netns) Do(f func() error) error {
	if ns == "" {
		return f()
	}
	other, err := os.Open("/run/netns/" + string(ns))
	if err != nil {
		return err
	}
	defer other.Close()
	done := make(chan error, 1)
	go func() { // on a thread of its own, which the runtime ends with the goroutine, since it stays locked
		defer close(done) // also when f ends its test
		runtime.LockOSThread()
		if err := unix.Setns(int(other.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("enter %s: %w", ns, err)
			return
		}
		done <- f()
	}()
	return <-done
}

// dial connects from inside the namespace.
func (ns Netns) dial(ctx context.Context, network, addr string) (conn net.Conn, err error) {
	err = ns.Do(func() error {
		var d net.Dialer
		conn, err = d.DialContext(ctx, network, addr)
		return err
	})
	return conn, err
}

func ip(t testing.TB, args ...string) {
	t.Helper()
	if out, err := exec.Command(Need(t, "ip", "iproute2"), args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}
