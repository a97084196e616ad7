package transport_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"tollgate/internal/transport"
)

// loadEnv makes this test binary the load generator of a benchmark, so that its
// CPU is not counted: "address datagrams rate", rate 0 = as fast as answers come.
const loadEnv = "TOLLGATE_UDP_LOAD"

func TestMain(m *testing.M) {
	if s := os.Getenv(loadEnv); s != "" {
		if err := load(s); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// load sends datagrams of a SIP message's size from two ports, in bursts of one to
// four as calls make them, and reads what comes back. It prints the median and the
// 99th percentile of the round trip in microseconds.
func load(arg string) error {
	var target string
	var count, rate int
	if _, err := fmt.Sscan(arg, &target, &count, &rate); err != nil {
		return err
	}
	g := &generator{start: time.Now(), count: count}
	to := netip.MustParseAddrPort(target)
	for i := range g.fds {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
		if err != nil {
			return err
		}
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000})
		if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}); err != nil {
			return err
		}
		g.fds[i] = fd
	}
	done := make(chan []time.Duration)
	for _, fd := range g.fds {
		go func() { done <- g.read(fd) }()
	}
	g.send(rate)
	trips := append(<-done, <-done...)
	if len(trips) == 0 {
		return errors.New("nothing came back")
	}
	slices.Sort(trips)
	fmt.Println(trips[len(trips)/2].Microseconds(), trips[len(trips)*99/100].Microseconds())
	return nil
}

type generator struct {
	start    time.Time
	count    int
	fds      [2]int
	sent     atomic.Int64
	received atomic.Int64
	finished atomic.Bool
}

func (g *generator) read(fd int) (trips []time.Duration) {
	buf := make([]byte, 2048)
	for {
		n, err := unix.Read(fd, buf)
		if err != nil && g.finished.Load() {
			return trips
		}
		if n > 0 {
			at, _ := strconv.ParseInt(strings.TrimSpace(string(buf[:20])), 10, 64)
			trips = append(trips, time.Since(g.start)-time.Duration(at))
			g.received.Add(1)
		}
	}
}

func (g *generator) send(rate int) {
	defer g.finished.Store(true)
	buf, next := make([]byte, 700), time.Duration(0)
	for sent := 0; sent < g.count; {
		for began := time.Now(); rate == 0 && g.sent.Load()-g.received.Load() > 64; runtime.Gosched() {
			if time.Since(began) > time.Second { // some were lost
				g.sent.Store(g.received.Load())
			}
		}
		for wait := next - time.Since(g.start); wait > 0 && rate > 0; wait = next - time.Since(g.start) {
			unix.Nanosleep(&unix.Timespec{Nsec: int64(wait)}, nil)
		}
		burst := min(1+sent%4, g.count-sent)
		for i := range burst {
			copy(buf, fmt.Sprintf("%20d", time.Since(g.start)))
			unix.Write(g.fds[i%2], buf)
			g.sent.Add(1)
		}
		sent += burst
		if rate > 0 {
			next += time.Duration(burst) * time.Second / time.Duration(rate)
		}
	}
}

// cpu is what this process has used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	files, _ := filepath.Glob("/proc/self/task/*/schedstat")
	var sum time.Duration
	for _, f := range files {
		text, err := os.ReadFile(f)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			b.Fatal(err)
		}
		ns, _, _ := strings.Cut(string(text), " ")
		n, _ := strconv.ParseInt(ns, 10, 64)
		sum += time.Duration(n)
	}
	return sum
}

// BenchmarkUDPRead compares ways to read datagrams and send them back: CPU of this
// process for each, and the round trip that the peer sees. It is why udpReader is
// as it is.
func BenchmarkUDPRead(b *testing.B) {
	for _, way := range []struct {
		name  string
		serve func(b *testing.B) (netip.AddrPort, func())
	}{
		{"transport", serveTransport("127.0.0.1")},
		{"transport-wildcard", serveTransport("0.0.0.0")},
		{"net", serveNet(echoNet)},
		{"ipv4-batch", serveNet(echoBatch)},
		{"recvfrom", serveNet(echoRaw(false))},
		{"recvfrom-yield", serveNet(echoRaw(true))},
	} {
		for _, rate := range []int{3000, 9000, 0} {
			b.Run(fmt.Sprintf("%s/%d", way.name, rate), func(b *testing.B) {
				addr, stop := way.serve(b)
				defer stop()
				exe, err := os.Executable()
				if err != nil {
					b.Fatal(err)
				}
				cmd := exec.Command(exe)
				cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %d", loadEnv, addr, b.N, rate))
				cmd.Stderr = os.Stderr
				before := cpu(b)
				out, err := cmd.Output()
				used := cpu(b) - before
				if err != nil {
					b.Fatal(err)
				}
				var median, p99 float64
				fmt.Sscan(string(out), &median, &p99)
				b.ReportMetric(float64(used.Nanoseconds())/float64(b.N), "cpu-ns/datagram")
				b.ReportMetric(median, "median-us")
				b.ReportMetric(p99, "p99-us")
			})
		}
	}
}

func serveTransport(addr string) func(*testing.B) (netip.AddrPort, func()) {
	return func(b *testing.B) (netip.AddrPort, func()) {
		tr, err := transport.New(listening(on(transport.UDP, addr)))
		if err != nil {
			b.Fatal(err)
		}
		tr.Start(echo{newSink(), tr})
		return at(tr, 0, "127.0.0.1"), func() { tr.Close() }
	}
}

// serveNet runs two readers, each on a socket of its own.
func serveNet(reader func(*net.UDPConn)) func(*testing.B) (netip.AddrPort, func()) {
	return func(b *testing.B) (netip.AddrPort, func()) {
		var conns []*net.UDPConn
		addr := "127.0.0.1:0"
		lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
			return c.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
		}}
		for range 2 {
			c, err := lc.ListenPacket(b.Context(), "udp4", addr)
			if err != nil {
				b.Fatal(err)
			}
			addr = c.LocalAddr().String()
			conns = append(conns, c.(*net.UDPConn))
		}
		for _, c := range conns {
			go reader(c)
		}
		return netip.MustParseAddrPort(addr), func() {
			for _, c := range conns {
				c.Close()
			}
		}
	}
}

func echoNet(c *net.UDPConn) {
	buf := make([]byte, 65536)
	for {
		n, _, _, from, err := c.ReadMsgUDPAddrPort(buf, nil)
		if err != nil {
			return
		}
		c.WriteMsgUDPAddrPort(buf[:n], nil, from)
	}
}

func echoBatch(c *net.UDPConn) {
	p, in := ipv4.NewPacketConn(c), make([]ipv4.Message, 16)
	for i := range in {
		in[i].Buffers = [][]byte{make([]byte, 65536)}
	}
	out := make([]ipv4.Message, len(in))
	for {
		n, err := p.ReadBatch(in, 0)
		if err != nil {
			return
		}
		for i := range n {
			out[i] = ipv4.Message{Buffers: [][]byte{in[i].Buffers[0][:in[i].N]}, Addr: in[i].Addr}
		}
		p.WriteBatch(out[:n], 0)
	}
}

// echoRaw blocks in recvfrom, without the runtime's poller.
func echoRaw(yield bool) func(*net.UDPConn) {
	return func(c *net.UDPConn) {
		file, err := c.File()
		if err != nil {
			return
		}
		defer file.Close()
		fd, buf, yielded := int(file.Fd()), make([]byte, 65536), time.Now() // Fd makes it blocking
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000})
		for {
			n, from, err := unix.Recvfrom(fd, buf, 0)
			if err != nil {
				if isClosed(c) {
					return
				}
				continue
			}
			unix.Sendto(fd, buf[:n], 0, from)
			if now := time.Now(); yield && now.Sub(yielded) > 8*time.Millisecond {
				yielded = now
				runtime.Gosched()
			}
		}
	}
}

func isClosed(c *net.UDPConn) bool { return errors.Is(c.SetDeadline(time.Time{}), net.ErrClosed) }
