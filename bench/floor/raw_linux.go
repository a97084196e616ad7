package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

// serveRaw forwards by blocking system calls on one locked thread, by the
// given way to receive. It returns only when the socket breaks.
func (f *forwarder) serveRaw(conn *net.UDPConn, receive func(fd uintptr, buf []byte) (int, syscall.Errno)) error {
	file, err := conn.File() // a duplicate in blocking mode
	if err != nil {
		return fmt.Errorf("descriptor: %w", err)
	}
	defer file.Close()
	if err := conn.Close(); err != nil {
		return fmt.Errorf("close the polled socket: %w", err)
	}
	runtime.LockOSThread()
	fd := file.Fd()
	if err := syscall.SetNonblock(int(fd), false); err != nil {
		return fmt.Errorf("blocking mode: %w", err)
	}
	buf := make([]byte, 65536)
	for {
		n, errno := receive(fd, buf)
		if errno == syscall.EBADF || errno == syscall.ENOTSOCK {
			return os.NewSyscallError("recvfrom", errno)
		}
		if errno != 0 {
			continue // interrupted, or an ICMP answer to an earlier datagram
		}
		if to, ok := f.otherSide(buf[:n]); ok {
			sendTo(fd, buf[:n], to)
		}
	}
}

// receive blocks as Go means it: the scheduler knows and may run others.
func receive(fd uintptr, buf []byte) (int, syscall.Errno) {
	n, _, errno := syscall.Syscall6(syscall.SYS_RECVFROM, fd,
		uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0, 0, 0)
	return int(n), errno
}

// receiveUnseen blocks behind the scheduler's back. A garbage collection would
// have to wait for the next datagram, so only a program without one can do it.
func receiveUnseen(fd uintptr, buf []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd,
		uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0, 0, 0)
	return int(n), errno
}

// sendTo writes one datagram; what the kernel does not take is lost. UDP to a
// socket with room does not block, so the scheduler need not be told.
func sendTo(fd uintptr, b []byte, to netip.AddrPort) {
	if len(b) == 0 {
		return
	}
	sa := syscall.RawSockaddrInet4{Family: syscall.AF_INET, Addr: to.Addr().As4()}
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&sa.Port))[:], to.Port())
	_, _, _ = syscall.RawSyscall6(syscall.SYS_SENDTO, fd,
		uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), syscall.MSG_DONTWAIT,
		uintptr(unsafe.Pointer(&sa)), unsafe.Sizeof(sa))
}
