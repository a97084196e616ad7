package main

import (
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sender is a source that sends as much as one pinned core can, from inside a network
// namespace: the same datagram again and again, many for each system call.
type sender struct {
	netns string
	cpu   int
	to    netip.AddrPort
	limit time.Duration
}

// senderBatch is how many datagrams one system call sends.
const senderBatch = 64

// sent is what a sender did.
type sent struct {
	Packets int
	Took    time.Duration
	Waited  time.Duration // of it for its CPU, since others had it
}

// run sends until the limit. It takes a thread of its own, which ends with it.
func (s *sender) run() (sent, error) {
	type result struct {
		sent
		err error
	}
	done := make(chan result, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: nobody else may have a thread in that namespace
		fd, err := s.socket()
		if err != nil {
			done <- result{err: err}
			return
		}
		out, err := s.flood(fd)
		_ = unix.Close(fd)
		done <- result{out, err}
	}()
	r := <-done
	return r.sent, r.err
}

// socket pins the thread, takes it into the namespace, and connects.
func (s *sender) socket() (int, error) {
	var set unix.CPUSet
	set.Set(s.cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return -1, fmt.Errorf("pin the sender to CPU %d: %w", s.cpu, err)
	}
	ns, err := os.Open("/run/netns/" + s.netns)
	if err != nil {
		return -1, fmt.Errorf("the sender's namespace: %w", err)
	}
	defer ns.Close()
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		return -1, fmt.Errorf("enter the sender's namespace: %w", err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("the sender's socket: %w", err)
	}
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(s.to.Port()), Addr: s.to.Addr().As4()}); err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("the sender's socket: %w", err)
	}
	return fd, nil
}

// message is one datagram of a sendmmsg(2).
type message struct {
	header unix.Msghdr
	length uint32
	_      [4]byte
}

// flood sends. What the socket does not take at once is waited for.
func (s *sender) flood(fd int) (sent, error) {
	text := []byte("OPTIONS sip:100@" + customerDomain(0) + " SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKflood\r\n" +
		"From: <sip:a@" + customerDomain(0) + ">;tag=1\r\nTo: <sip:100@" + customerDomain(0) + ">\r\nCall-ID: flood\r\nCSeq: 1 OPTIONS\r\n" +
		"User-Agent: " + strings.Repeat("x", 150) + "\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n")
	part := unix.Iovec{Base: &text[0]}
	part.SetLen(len(text))
	var messages [senderBatch]message
	for i := range messages {
		messages[i].header.Iov = &part
		messages[i].header.Iovlen = 1
	}
	var out sent
	waited, err := threadWaited()
	if err != nil {
		return out, err
	}
	start := time.Now()
	for i := 0; ; i++ {
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&messages[0])), senderBatch, 0, 0, 0)
		switch errno {
		case 0:
			out.Packets += int(n)
		case unix.EINTR, unix.ENOBUFS, unix.ECONNREFUSED: // the last: nobody listened a moment ago
		default:
			return out, fmt.Errorf("send: %w", errno)
		}
		if i%16 == 0 { // about a millisecond
			if out.Took = time.Since(start); out.Took >= s.limit {
				break
			}
		}
	}
	now, err := threadWaited()
	out.Waited = now - waited
	return out, err
}

// threadWaited is how long this thread was ready and did not run so far: the second field of
// schedstat, in ns.
func threadWaited() (time.Duration, error) {
	text, err := os.ReadFile("/proc/thread-self/schedstat")
	if err != nil {
		return 0, fmt.Errorf("time of the sender: %w", err)
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, fmt.Errorf("time of the sender: %q", text)
	}
	ns, err := strconv.ParseInt(fields[1], 10, 64)
	return time.Duration(ns), err
}
