// Command mediafloor is the bare relay that every other relay of the benchmark is held against: it reads a packet from
// one socket and writes it to the party that it has last heard at the socket beside it. Two sockets are a call.
//
// It checks nothing, counts nothing and changes no byte, has no RTCP and collects no garbage, and the Go scheduler does
// not know of its system calls. Less is not possible with a socket for each stream, which is what a relay without
// privileges has: the rest is the kernel's.
package main

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "mediafloor:", err)
		os.Exit(1)
	}
}

func run() error {
	var first netip.AddrPort
	flag.TextVar(&first, "listen", netip.MustParseAddrPort("127.0.0.1:20000"), "the first socket, IPv4; the others have the ports behind it")
	calls := flag.Int("calls", 400, "calls, of two sockets each")
	pause := flag.Duration("pause", 700*time.Microsecond, "from one look to the next, the work in between included; 0: none")
	flag.Parse()
	if !first.Addr().Is4() || *calls < 1 || int(first.Port())+2**calls > 1<<16 {
		return errors.New("-listen wants an IPv4 address, -calls at least 1, and both ports enough")
	}
	r := relay{sides: make([]side, 2**calls), pause: *pause}
	if err := r.open(first); err != nil {
		return err
	}
	debug.SetGCPercent(-1)
	runtime.LockOSThread()
	r.forward()
	return nil
}

// side is one party of a call as the relay sees it. The two of a call are neighbours.
type side struct {
	fd   int32
	from unix.RawSockaddrInet4 // family 0: nobody was heard yet
}

type relay struct {
	sides []side
	epoll int
	pause time.Duration
}

func (r *relay) open(first netip.AddrPort) error {
	var err error
	if r.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	for i := range r.sides {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: first.Addr().As4(), Port: int(first.Port()) + i}); err != nil {
			return os.NewSyscallError("bind", err)
		}
		event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}
		if err := unix.EpollCtl(r.epoll, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
			return os.NewSyscallError("epoll_ctl", err)
		}
		r.sides[i].fd = int32(fd)
	}
	return nil
}

// forward never returns.
func (r *relay) forward() {
	var events [512]unix.EpollEvent
	packet := make([]byte, 2048)
	for {
		began := time.Now()
		n, _, _ := unix.RawSyscall6(unix.SYS_EPOLL_WAIT, uintptr(r.epoll), uintptr(unsafe.Pointer(&events)), uintptr(len(events)), ^uintptr(0), 0, 0)
		if int(n) < 0 { // EINTR
			continue
		}
		for i := range events[:n] {
			r.pass(int(events[i].Fd), packet)
		}
		if rest := r.pause - time.Since(began); rest > 0 {
			sleep := unix.NsecToTimespec(int64(rest))
			_, _, _ = unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&sleep)), 0, 0)
		}
	}
}

// pass takes one packet on. What a full buffer does not take is lost, as on a wire.
func (r *relay) pass(i int, packet []byte) {
	in, out := &r.sides[i], &r.sides[i^1]
	size := uint32(unsafe.Sizeof(in.from))
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(in.fd), uintptr(unsafe.Pointer(&packet[0])), uintptr(len(packet)), 0,
		uintptr(unsafe.Pointer(&in.from)), uintptr(unsafe.Pointer(&size)))
	if errno != 0 || out.from.Family == 0 {
		return
	}
	_, _, _ = unix.RawSyscall6(unix.SYS_SENDTO, uintptr(out.fd), uintptr(unsafe.Pointer(&packet[0])), n, unix.MSG_NOSIGNAL,
		uintptr(unsafe.Pointer(&out.from)), unsafe.Sizeof(out.from))
}
