package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	every   = 20 * time.Millisecond
	payload = 160
	header  = 12
	// ring is how many packets of a leg can be under way: five seconds.
	ring = 256
	// slots are microseconds of delay that are told apart; what is later counts as the last.
	slots = 1 << 18
)

// media is all legs: those of callers have even numbers, those of the called the next ones.
type media struct {
	legs     []leg
	epoll    int
	quit     atomic.Bool
	done     sync.WaitGroup
	counting atomic.Bool
	sent     int // by the sender's thread alone
	received int // by the receiver's
	delays   [slots]uint32
	latest   int64
}

// leg is one party's socket.
type leg struct {
	fd    int
	at    netip.AddrPort
	to    netip.AddrPort
	seq   uint16
	crypt *sealer            // nil: it does not encrypt
	sent  [ring]atomic.Int64 // when, by sequence number; 0: not in the time that counts
}

func newMedia(calls int, at netip.Addr, srtp bool) (*media, error) {
	m := &media{legs: make([]leg, 2*calls)}
	var err error
	if m.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	for i := range m.legs {
		if err := m.open(i, at); err != nil {
			m.close()
			return nil, err
		}
		if srtp && i%2 == 0 {
			m.legs[i].crypt = newSealer()
		}
	}
	return m, nil
}

func (m *media) open(i int, at netip.Addr) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	l := &m.legs[i]
	l.fd = fd
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: at.As4()}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return os.NewSyscallError("getsockname", err)
	}
	in, ok := sa.(*unix.SockaddrInet4)
	if !ok {
		return errors.New("no IPv4 socket")
	}
	l.at = netip.AddrPortFrom(netip.AddrFrom4(in.Addr), uint16(in.Port))
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(m.epoll, unix.EPOLL_CTL_ADD, fd, &event))
}

// connect fixes the sockets on who was agreed on.
func (m *media) connect() error {
	for i := range m.legs {
		l := &m.legs[i]
		if !l.to.IsValid() {
			return fmt.Errorf("call %d was told no address", i/2)
		}
		if err := unix.Connect(l.fd, &unix.SockaddrInet4{Port: int(l.to.Port()), Addr: l.to.Addr().As4()}); err != nil {
			return os.NewSyscallError("connect", err)
		}
	}
	return nil
}

func (m *media) close() {
	for i := range m.legs {
		if m.legs[i].fd != 0 {
			_ = unix.Close(m.legs[i].fd)
		}
	}
	_ = unix.Close(m.epoll)
}

func (m *media) start() {
	m.done.Go(m.send)
	m.done.Go(m.receive)
}

func (m *media) stop() {
	m.quit.Store(true)
	m.done.Wait()
}

func (m *media) count(yes bool) { m.counting.Store(yes) }

// send sends each leg's packet in its turn, evenly over the 20 ms.
func (m *media) send() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b := make([]byte, header+payload, header+payload+16)
	start := now()
	gap := int64(every) / int64(len(m.legs))
	for n := int64(0); !m.quit.Load(); {
		if wait := start + n*gap - now(); wait > 0 {
			ts := unix.NsecToTimespec(max(wait, 500_000)) // not more than 2000 times a second
			_ = unix.Nanosleep(&ts, nil)
			continue
		}
		m.sendOne(&m.legs[n%int64(len(m.legs))], b)
		n++
	}
}

func (m *media) sendOne(l *leg, b []byte) {
	l.seq++
	b[0], b[1] = 0x80, 8
	binary.BigEndian.PutUint16(b[2:], l.seq)
	binary.BigEndian.PutUint32(b[4:], uint32(l.seq)*payload)
	binary.BigEndian.PutUint32(b[8:], uint32(l.at.Port())*7919)
	wire := b
	if l.crypt != nil {
		wire = l.crypt.seal(b)
	}
	at := int64(0)
	if m.counting.Load() {
		m.sent++
		at = now()
	}
	l.sent[l.seq%ring].Store(at)
	_, _ = unix.Write(l.fd, wire) // what is refused is lost, and so counted
}

func (m *media) receive() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	events := make([]unix.EpollEvent, 256)
	b := make([]byte, 2048)
	for !m.quit.Load() {
		n, err := unix.EpollWait(m.epoll, events, 100)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		for i := range max(n, 0) {
			m.receiveOne(int(events[i].Fd), b)
		}
	}
}

func (m *media) receiveOne(i int, b []byte) {
	n, err := unix.Read(m.legs[i].fd, b)
	if err != nil || n < header+payload {
		return
	}
	from := &m.legs[i^1]
	at := from.sent[binary.BigEndian.Uint16(b[2:])%ring].Swap(0)
	if at == 0 {
		return // before it counted, or twice
	}
	late := now() - at
	m.received++
	m.latest = max(m.latest, late)
	m.delays[min(late/1000, slots-1)]++
}

// result is called once nothing runs any more.
func (m *media) result() result {
	return result{Sent: m.sent, Received: m.received, Median: m.quantile(0.5), P99: m.quantile(0.99), Max: m.latest}
}

func (m *media) quantile(q float64) int64 {
	left := int(q * float64(m.received))
	for us, n := range m.delays {
		if left -= int(n); left < 0 {
			return int64(us) * 1000
		}
	}
	return m.latest
}

// now is a clock that only goes forward, in ns.
func now() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return ts.Nano()
}
