package media_test

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"tollgate/internal/media"
	"tollgate/internal/media/srtp"
)

// BenchmarkRelay sends 20 ms of 200 two-way G.711 calls at a time through one loop. cpu-ns/packet
// is what the process spends less the sending thread; the floor only receives and sends.
func BenchmarkRelay(b *testing.B) {
	const calls = 200
	b.Run("plain", func(b *testing.B) { benchRelay(b, calls, srtp.None) })
	b.Run("to SRTP", func(b *testing.B) { benchRelay(b, calls, srtp.AESCM128HMACSHA180) })
	b.Run("floor", func(b *testing.B) { benchFloor(b, calls) })
}

// line is a socket of the load, outside of Go's poller, so that nothing but the load serves it.
type line struct {
	fd     int
	addr   netip.AddrPort
	packet []byte
	seq    uint16
}

func newLine(b *testing.B) *line {
	b.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet4{Addr: loopback.As4()})
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { unix.Close(fd) })
	sa, _ := unix.Getsockname(fd)
	port := uint16(sa.(*unix.SockaddrInet4).Port)
	l := &line{fd: fd, addr: netip.AddrPortFrom(loopback, port), packet: make([]byte, 172)}
	l.packet[0] = 0x80
	binary.BigEndian.PutUint16(l.packet[10:], port)
	return l
}

func (l *line) to(b *testing.B, port uint16) {
	b.Helper()
	if err := unix.Connect(l.fd, &unix.SockaddrInet4{Addr: loopback.As4(), Port: int(port)}); err != nil {
		b.Fatal(err)
	}
}

func benchRelay(b *testing.B, calls int, callee srtp.Suite) {
	r := newRig(b, func(c *media.Config) { c.Clock, c.Last = nil, 33999 })
	var lines []*line
	for range calls {
		id := r.open(1)
		for side := range media.Callee + 1 {
			l := newLine(b)
			l.to(b, r.stream(id, 0, side).Port())
			p := media.Party{RTP: l.addr, Sends: true, Receives: true, RTPStream: true}
			if side == media.Callee {
				p.Out = srtp.NewKey(callee)
			}
			r.Party(id, 0, side, p)
			lines = append(lines, l)
		}
	}
	load(b, lines, func() uint64 { return r.Stats().Packets })
}

// load sends b.N packets, one of each line at a time, and waits until all were passed.
func load(b *testing.B, lines []*line, passed func() uint64) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	got := make([]byte, 2048)
	before, sent := passed(), uint64(0)
	process, thread := spent(unix.RUSAGE_SELF), spent(unix.RUSAGE_THREAD)
	for b.ResetTimer(); sent < uint64(b.N); {
		for _, l := range lines {
			l.seq++
			binary.BigEndian.PutUint16(l.packet[2:], l.seq)
			_, _ = unix.Write(l.fd, l.packet)
			sent++
		}
		for deadline := time.Now().Add(patience); passed() != before+sent; {
			if time.Now().After(deadline) {
				b.Fatalf("%d passed of %d", passed()-before, sent)
			}
		}
		for _, l := range lines {
			_, _ = unix.Read(l.fd, got)
		}
	}
	b.StopTimer()
	cost := spent(unix.RUSAGE_SELF) - process - (spent(unix.RUSAGE_THREAD) - thread)
	b.ReportMetric(float64(cost)/float64(sent), "cpu-ns/packet")
}

// benchFloor is the same traffic through an epoll that receives and sends, and does nothing else.
func benchFloor(b *testing.B, calls int) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		b.Fatal(err)
	}
	defer unix.Close(epoll)
	var lines, ours []*line
	for i := range 2 * calls {
		lines, ours = append(lines, newLine(b)), append(ours, newLine(b))
		lines[i].to(b, ours[i].addr.Port())
		ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}
		if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, ours[i].fd, &ev); err != nil {
			b.Fatal(err)
		}
	}
	var passed atomic.Uint64
	var quit atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		forward(epoll, lines, ours, &passed, &quit)
	}()
	load(b, lines, passed.Load)
	quit.Store(true)
	<-done
}

// forward sends what comes to ours[i] from ours[i^1] to lines[i^1].
func forward(epoll int, lines, ours []*line, passed *atomic.Uint64, quit *atomic.Bool) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var events [128]unix.EpollEvent
	var buf [2048]byte
	var sa unix.RawSockaddrInet6
	for !quit.Load() {
		n, _ := unix.EpollWait(epoll, events[:], 50)
		for _, ev := range events[:max(n, 0)] {
			size := uint32(unix.SizeofSockaddrInet6)
			k, _, _ := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(ours[ev.Fd].fd), uintptr(unsafe.Pointer(&buf)), 2048,
				unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(&sa)), uintptr(unsafe.Pointer(&size)))
			to := unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: loopback.As4()}
			binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&to.Port))[:], lines[ev.Fd^1].addr.Port())
			_, _, _ = syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(ours[ev.Fd^1].fd), uintptr(unsafe.Pointer(&buf)), k,
				unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(&to)), unix.SizeofSockaddrInet4)
			passed.Add(1)
		}
	}
}
