package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// expedited is the DSCP of voice (EF, RFC 3246) in the byte of TOS and traffic class.
	expedited = 46 << 2
	// receiveBuffer is what may wait in a socket: some seconds of voice, or one picture of video.
	receiveBuffer = 128 << 10
)

// socket is a UDP socket bound to one address. The zero one is closed.
type socket struct {
	fd   int32 // plus 1, so that 0 is none
	ipv6 bool
}

func (s socket) open() bool { return s.fd != 0 }
func (s socket) num() int   { return int(s.fd) - 1 }

// bind opens a socket that never blocks.
func bind(a netip.AddrPort) (socket, error) {
	family, ipv6 := unix.AF_INET, a.Addr().Is6()
	if ipv6 {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return socket{}, fileError(os.NewSyscallError("socket", err))
	}
	s := socket{fd: int32(fd) + 1, ipv6: ipv6}
	if err := s.prepare(a); err != nil {
		_ = s.close()
		return socket{}, fmt.Errorf("bind %s: %w", a, err)
	}
	return s, nil
}

func (s socket) prepare(a netip.AddrPort) error {
	fd := s.num()
	var sa unix.Sockaddr = &unix.SockaddrInet4{Port: int(a.Port()), Addr: mapped4(a.Addr())}
	if s.ipv6 {
		sa = &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return os.NewSyscallError("IPV6_V6ONLY", err)
		}
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, expedited) // a mark is a wish
	} else {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, expedited)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer); err != nil {
		return os.NewSyscallError("SO_RCVBUF", err)
	}
	return unix.Bind(fd, sa)
}

func mapped4(a netip.Addr) [4]byte {
	if a.Is4() {
		return a.As4()
	}
	return [4]byte{}
}

func (s socket) close() error {
	if !s.open() {
		return nil
	}
	return unix.Close(s.num())
}

// fileError tells that there are no descriptors left apart from all else.
func fileError(err error) error {
	if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) {
		return fmt.Errorf("%w: %w", ErrFiles, err)
	}
	return err
}

// receive reads one datagram; n may be more than b has room for, then it was cut. It is a system
// call that cannot block, so the scheduler is not told of it.
func (s socket) receive(b []byte) (n int, from netip.AddrPort, errno syscall.Errno) {
	var sa unix.RawSockaddrInet6
	size := uint32(unix.SizeofSockaddrInet6)
	r, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(s.num()), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
		unix.MSG_DONTWAIT|unix.MSG_TRUNC, uintptr(unsafe.Pointer(&sa)), uintptr(unsafe.Pointer(&size)))
	if errno != 0 {
		return 0, from, errno
	}
	port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&sa.Port))[:])
	if sa.Family == unix.AF_INET {
		return int(r), netip.AddrPortFrom(netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(&sa)).Addr), port), 0
	}
	return int(r), netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), port), 0
}

// drain throws away what waits in the socket.
func (s socket) drain() {
	const most = 4096 // more than fits; whoever goes on sending is not waited for
	var b [1]byte
	for range most {
		if _, _, errno := s.receive(b[:]); errno != 0 {
			return
		}
	}
}

// send is one system call that does not block.
func (s socket) send(b []byte, to netip.AddrPort) syscall.Errno {
	var sa unix.RawSockaddrInet6
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&sa.Port))[:], to.Port())
	size := uintptr(unix.SizeofSockaddrInet6)
	if s.ipv6 {
		if !to.Addr().Is6() {
			return unix.EAFNOSUPPORT
		}
		sa.Family, sa.Addr = unix.AF_INET6, to.Addr().As16()
	} else {
		if !to.Addr().Is4() {
			return unix.EAFNOSUPPORT
		}
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(&sa))
		in.Family, in.Addr = unix.AF_INET, to.Addr().As4()
		size = unix.SizeofSockaddrInet4
	}
	_, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(s.num()), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, uintptr(unsafe.Pointer(&sa)), size)
	return errno
}
