package transport

import (
	"net/netip"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// readErrorQueues reads the error queues after a send came upon an ICMP error:
// the sender may hold its caller's locks, so it must not call the handler.
func (t *Transport) readErrorQueues() {
	for {
		select {
		case <-t.ctx.Done():
			return
		case <-t.dead:
		}
		for _, l := range t.listeners {
			if l.udp != nil {
				t.drainErrors(l)
			}
		}
	}
}

// watchLate waits for errors at the sockets for late requests, which nobody reads most of
// the time: the kernel chooses by a hash which socket of a group it tells of one.
func (t *Transport) watchLate() {
	var fds []unix.PollFd
	for _, l := range t.listeners {
		if l.udp == nil {
			continue
		}
		for _, fd := range l.udp.late {
			fds = append(fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLRDHUP})
		}
	}
	for len(fds) > 0 && t.ctx.Err() == nil {
		if n, err := unix.Poll(fds, -1); n <= 0 || err != nil || t.ctx.Err() != nil {
			continue // EINTR, or the end: see udpGroup.stop
		}
		for _, l := range t.listeners {
			if l.udp != nil {
				l.udp.clearLate()
				l.udp.failed.Store(true)
				t.drainErrors(l)
			}
		}
	}
}

// clearLate takes the pending errors of the late sockets, which else wake their watcher
// again and again.
func (g *udpGroup) clearLate() {
	for _, fd := range g.late {
		_, _ = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR) // it is in the error queue too
	}
}

// drainErrors tells the handler of all that waits in a listener's error queues.
func (t *Transport) drainErrors(l *listener) {
	g := l.udp
	if !g.failed.Swap(false) {
		return
	}
	// The queued datagram itself is of no interest, but some room makes Recvmsg read
	// its destination.
	var data [1]byte
	var control [512]byte
	for _, fd := range slices.Concat(g.sockets, g.late) {
		for {
			_, n, _, to, err := unix.Recvmsg(fd, data[:], control[:], unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
			if err != nil {
				break
			}
			if errno := icmpError(control[:n]); errno != 0 && to != nil {
				f := Flow{Proto: UDP, Listener: l.Index, Local: l.Addr, Remote: fromSockaddr(to)}
				if g.wildcard {
					f.Local = netip.AddrPort{}
				}
				t.handler.Unreachable(f, errno)
			}
		}
	}
}

// icmpError finds the sock_extended_err (ip(7), IP_RECVERR) that says why a
// datagram did not arrive; 0 where none does, as for a path MTU, which the kernel
// minds by itself.
func icmpError(control []byte) syscall.Errno {
	list, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return 0
	}
	for _, m := range list {
		v4 := m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_RECVERR
		v6 := m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_RECVERR
		if !v4 && !v6 || len(m.Data) < int(unsafe.Sizeof(unix.SockExtendedErr{})) {
			continue
		}
		e := (*unix.SockExtendedErr)(unsafe.Pointer(&m.Data[0]))
		if e.Origin != unix.SO_EE_ORIGIN_ICMP && e.Origin != unix.SO_EE_ORIGIN_ICMP6 {
			continue
		}
		if errno := syscall.Errno(e.Errno); errno != unix.EMSGSIZE {
			return errno
		}
	}
	return 0
}
