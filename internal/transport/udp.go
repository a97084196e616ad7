package transport

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What each UDP socket asks the kernel for, in bytes; it gets no more than
// net.core.rmem_max and net.core.wmem_max allow.
const (
	ReceiveBuffer = 4 << 20
	SendBuffer    = 1 << 20
)

// maxDatagram is the payload of a UDP datagram in IPv4, in bytes.
const maxDatagram = 65507

// udpGroup is the sockets of one UDP listener: bound to one address with
// SO_REUSEPORT, one for each reader.
type udpGroup struct {
	sockets  []int // file descriptors, one for each reader
	late     []int // likewise: what may wait comes here while the readers do not keep up
	ipv6     bool
	wildcard bool

	mu     sync.RWMutex // guards the descriptors against close while they are written to
	closed bool

	stopping atomic.Bool
	failed   atomic.Bool // an ICMP error waits in some error queue
	steering steering
	behind   []atomic.Bool // of each reader: it has more to read than it can take at once
	alarm    alarm
}

// openUDP binds n sockets to one address and gives it with its port filled in.
func openUDP(index uint16, a netip.AddrPort, dual bool, n int) (*udpGroup, netip.AddrPort, error) {
	g := &udpGroup{ipv6: a.Addr().Is6(), wildcard: a.Addr().IsUnspecified()}
	g.alarm.start = time.Now()
	for i := range n {
		fd, err := g.bind(a, dual, i > 0)
		if err != nil {
			g.close()
			return nil, a, err
		}
		g.sockets = append(g.sockets, fd)
		if i > 0 {
			continue
		}
		sa, err := unix.Getsockname(fd)
		if err != nil {
			g.close()
			return nil, a, fmt.Errorf("getsockname: %w", err)
		}
		a = netip.AddrPortFrom(a.Addr(), fromSockaddr(sa).Port())
	}
	g.behind = make([]atomic.Bool, n)
	if err := g.bindLate(a, dual); err != nil {
		g.close()
		return nil, a, err
	}
	return g, a, nil
}

// bindLate adds the sockets for what may wait, and sets the program that leads nothing
// there before the readers are behind. Where the kernel takes none, they go again.
func (g *udpGroup) bindLate(a netip.AddrPort, dual bool) error {
	for _, first := range g.sockets {
		fd, err := g.bind(a, dual, true)
		if err != nil {
			return err
		}
		g.late = append(g.late, fd)
		// It need not hold more than is worth reading; see udpLate.
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, lateBuffer)      // as much as there is
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, lateBuffer) // beyond it, where that is allowed
		every := unix.NsecToTimeval(int64(lookUp))
		if err := unix.SetsockoptTimeval(first, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &every); err != nil {
			return fmt.Errorf("SO_RCVTIMEO: %w", err)
		}
	}
	if !g.steering.init(g.sockets[0], len(g.sockets), g.ipv6) {
		for _, fd := range g.late {
			unix.Close(fd) // nothing can be done about it
		}
		g.late = nil
	}
	return nil
}

// bind adds a socket. The first one is bound alone and shares its port only
// afterwards: with SO_REUSEPORT set before, a second Tollgate of the same user
// would be let in, and take half of the calls.
func (g *udpGroup) bind(a netip.AddrPort, dual, shared bool) (int, error) {
	family := unix.AF_INET
	if g.ipv6 {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.IPPROTO_UDP)
	if err != nil {
		return 0, fmt.Errorf("socket: %w", err)
	}
	if err := g.open(fd, a, dual, shared); err != nil {
		unix.Close(fd) // nothing can be done about it
		return 0, err
	}
	return fd, nil
}

// open sets a new socket's options and binds it.
func (g *udpGroup) open(fd int, a netip.AddrPort, dual, shared bool) error {
	if err := g.options(fd, dual); err != nil {
		return err
	}
	reusePort := func() error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) }
	if shared {
		if err := reusePort(); err != nil {
			return fmt.Errorf("SO_REUSEPORT: %w", err)
		}
	}
	if err := unix.Bind(fd, sockaddr(a)); err != nil {
		return err //nolint:wrapcheck // bindError says what it was
	}
	if !shared {
		if err := reusePort(); err != nil {
			return fmt.Errorf("SO_REUSEPORT: %w", err)
		}
	}
	return nil
}

type sockopt struct {
	level, name, value int
	must               bool
}

func (g *udpGroup) options(fd int, dual bool) error {
	v6only := 1
	if dual {
		v6only = 0
	}
	list := []sockopt{
		{unix.SOL_SOCKET, unix.SO_RCVBUF, ReceiveBuffer, false},
		{unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, ReceiveBuffer, false}, // beyond rmem_max, where that is allowed
		{unix.SOL_SOCKET, unix.SO_SNDBUF, SendBuffer, false},
		{unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1, true}, // what is too old is not served
		{unix.IPPROTO_IP, unix.IP_RECVERR, 1, false},
		// No DF: a request that is larger than some link on its way arrives in
		// fragments rather than not at all.
		{unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT, false},
	}
	if g.ipv6 {
		list = append(list, sockopt{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, v6only, true},
			sockopt{unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1, false})
	}
	switch {
	case g.wildcard && g.ipv6:
		list = append(list, sockopt{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1, true})
	case g.wildcard:
		list = append(list, sockopt{unix.IPPROTO_IP, unix.IP_PKTINFO, 1, true})
	}
	for _, o := range list {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil && o.must {
			return fmt.Errorf("setsockopt %d/%d: %w", o.level, o.name, err)
		}
	}
	return nil
}

// stop wakes the readers. An unconnected socket answers ENOTCONN, and is shut
// down for reading all the same.
func (g *udpGroup) stop() {
	g.stopping.Store(true)
	for _, fd := range slices.Concat(g.sockets, g.late) {
		_ = unix.Shutdown(fd, unix.SHUT_RD) // see above
	}
}

func (g *udpGroup) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return
	}
	g.closed = true
	for _, fd := range slices.Concat(g.sockets, g.late) {
		unix.Close(fd) // nothing can be done about it
	}
}

// sendAgain is how often a datagram is sent again for what an ICMP error says of others.
const sendAgain = 8

// send writes one datagram, at once: sendmmsg at the end of a batch was measured
// and gains nothing.
func (g *udpGroup) send(t *Transport, f *Flow, data []byte) error {
	g.mu.RLock()
	if g.closed {
		g.mu.RUnlock()
		return ErrClosed
	}
	errno := g.write(f, data)
	for tries := 0; isICMP(errno) && tries < sendAgain; tries++ {
		// It speaks of an earlier datagram, to whomever: the kernel tells it to the
		// next one who uses the socket, just once. Another may come meanwhile.
		g.failed.Store(true)
		errno = g.write(f, data)
		select {
		case t.dead <- struct{}{}:
		default:
		}
	}
	g.mu.RUnlock()
	switch errno {
	case 0:
		return nil
	case unix.EAGAIN:
		return ErrQueueFull
	case unix.EMSGSIZE:
		return ErrTooBig
	case unix.EAFNOSUPPORT:
		return ErrNoListener
	}
	return fmt.Errorf("send to udp:%s: %w", f.Remote, errno)
}

func isICMP(e syscall.Errno) bool {
	return e == unix.ECONNREFUSED || e == unix.EHOSTUNREACH || e == unix.ENETUNREACH || e == unix.EPROTO || e == unix.ENOPROTOOPT || e == unix.EHOSTDOWN
}

// write is one system call that cannot block, so the scheduler is not told of it.
func (g *udpGroup) write(f *Flow, data []byte) syscall.Errno {
	if len(data) == 0 || len(data) > maxDatagram {
		return unix.EMSGSIZE
	}
	var to rawAddr
	n := putAddr(&to, f.Remote, g.ipv6)
	if n == 0 {
		return unix.EAFNOSUPPORT
	}
	fd := uintptr(g.sockets[0])
	var from pktinfo
	var control uint64
	if g.wildcard {
		control = from.put(f.Local.Addr(), g.ipv6)
	}
	if control == 0 {
		_, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&data[0])), uintptr(len(data)),
			unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, uintptr(unsafe.Pointer(&to)), uintptr(n))
		return errno
	}
	iov := unix.Iovec{Base: &data[0], Len: uint64(len(data))}
	msg := unix.Msghdr{
		Name: (*byte)(unsafe.Pointer(&to)), Namelen: n, Iov: &iov, Iovlen: 1,
		Control: (*byte)(unsafe.Pointer(&from)), Controllen: control,
	}
	_, _, errno := syscall.RawSyscall(unix.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(&msg)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	return errno
}

func interfaceIndex(name string) uint32 {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return 0
	}
	return uint32(i.Index)
}
