package transport

import (
	"net/netip"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	batchSize  = 16
	bufferSize = 65536
	// yieldEvery is how often a reader passes through the scheduler. Without that
	// sysmon takes the goroutine for one that hogs its P, retakes the P at each of
	// its rounds, and on that account makes them every 20 us: a quarter of all CPU.
	yieldEvery = 8 * time.Millisecond
	// behindFor is how long batches are full one after the other when a reader is behind.
	behindFor = 10 * time.Millisecond
	// staleAfter is how old a datagram is when it is to be asked whether it is too old.
	staleAfter = time.Second
)

// mmsghdr is struct mmsghdr.
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
	_   [4]byte
}

// udpBatch is where the kernel puts the datagrams of one socket.
type udpBatch struct {
	socket int
	told   uint64 // bytes of control data that are asked for
	msgs   [batchSize]mmsghdr
	iovs   [batchSize]unix.Iovec
	from   [batchSize]rawAddr
	asked  [batchSize]control
	bufs   []byte
}

// newUDPBatch makes one for a socket.
func newUDPBatch(socket int, wildcard bool) *udpBatch {
	b := &udpBatch{socket: socket, told: stampBytes, bufs: make([]byte, batchSize*bufferSize)}
	if wildcard {
		b.told += uint64(unsafe.Sizeof(pktinfo{}))
	}
	for i := range b.msgs {
		b.iovs[i] = unix.Iovec{Base: &b.bufs[i*bufferSize], Len: bufferSize}
		h := &b.msgs[i].hdr
		h.Iov, h.Iovlen = &b.iovs[i], 1
		h.Name = (*byte)(unsafe.Pointer(&b.from[i]))
		h.Control = (*byte)(unsafe.Pointer(&b.asked[i]))
	}
	b.arm(batchSize)
	return b
}

// arm prepares the first n messages for the kernel.
func (b *udpBatch) arm(n int) {
	for i := range b.msgs[:n] {
		h := &b.msgs[i].hdr
		h.Namelen = uint32(unsafe.Sizeof(rawAddr{}))
		h.Controllen = b.told
	}
}

// receive is one recvmmsg.
func (b *udpBatch) receive(flags uintptr) (n int, errno syscall.Errno) {
	k, _, errno := syscall.Syscall6(unix.SYS_RECVMMSG, uintptr(b.socket), uintptr(unsafe.Pointer(&b.msgs)), batchSize, flags, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(k), 0
}

// datagram is the one at i; false where it says nothing.
func (b *udpBatch) datagram(l *listener, i int) (f Flow, data []byte, ok bool) {
	at := i * bufferSize
	data = b.bufs[at : at+int(b.msgs[i].n)]
	if isKeepalive(data) {
		return f, nil, false
	}
	f = Flow{Proto: UDP, Listener: l.Index, Local: l.Addr, Remote: getAddr(&b.from[i])}
	if l.udp.wildcard {
		f.Local = netip.AddrPortFrom(b.asked[i].local(b.msgs[i].hdr.Controllen), l.Addr.Port())
	}
	return f, data, f.Remote.Port() != 0 // else nobody can be answered there
}

// arrived is when the datagram at i came to this machine.
func (b *udpBatch) arrived(i int, now time.Time) time.Time {
	return b.asked[i].stamp(b.msgs[i].hdr.Controllen, now)
}

// udpReader reads one socket of a listener in batches: one blocking recvmmsg that
// waits for the first datagram and takes what else is there. While its group is split
// it reads a second one (udpLate).
type udpReader struct {
	t      *Transport
	l      *listener
	group  *udpGroup
	first  *udpBatch
	late   *udpLate // nil: the group cannot be split
	behind *atomic.Bool
}

func newUDPReader(t *Transport, l *listener, i int) *udpReader {
	r := &udpReader{t: t, l: l, group: l.udp, first: newUDPBatch(l.udp.sockets[i], l.udp.wildcard), behind: &l.udp.behind[i]}
	if len(l.udp.late) > 0 {
		r.late = newUDPLate(r, l.udp.late[i])
	}
	return r
}

// run reads until the listener stops.
func (r *udpReader) run() {
	yielded, full := time.Now(), 0
	began := yielded // the batches that were full, one after the other
	for {
		if r.group.steering.split.Load() {
			r.late.run()
		}
		n, errno := r.first.receive(unix.MSG_WAITFORONE)
		if r.group.stopping.Load() {
			return
		}
		if errno != 0 {
			r.failed(errno)
			continue
		}
		now := time.Now()
		if now.Sub(yielded) > yieldEvery {
			yielded = now
			runtime.Gosched()
		}
		if r.late != nil && now.Sub(r.first.arrived(0, now)) > staleAfter {
			r.group.press(now) // this process, or the machine, stood still
			r.late.deliver(n, now)
		} else {
			r.deliver(n)
		}
		if full++; n < batchSize {
			full = 0
		}
		if full == 1 {
			began = now
		}
		if full > 1 && now.Sub(began) > behindFor {
			r.group.press(now)
		}
		if full == fullBatches {
			r.group.steering.overloaded(now)
		}
		if r.group.steering.spread.Load() {
			r.group.steering.spent(now, time.Now())
		}
	}
}

// deliver hands up a batch.
func (r *udpReader) deliver(n int) {
	for i := range n {
		if f, data, ok := r.first.datagram(r.l, i); ok {
			r.t.handler.Receive(f, data)
		}
	}
	r.first.arm(n)
}

// failed looks at what the kernel says instead of a datagram.
func (r *udpReader) failed(errno syscall.Errno) {
	switch {
	case errno == unix.EINTR, errno == unix.EAGAIN: // bindLate says how often
	case isICMP(errno), errno == unix.EMSGSIZE:
		r.group.failed.Store(true)
		r.t.drainErrors(r.l)
	default: // ENOMEM and the like: not again at once
		r.t.log.Error("read udp", "listener", r.l.Addr.String(), "error", errno.Error())
		select {
		case <-r.t.ctx.Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// isKeepalive tells what phones send to keep a NAT open: nothing, CRLFs or NULs.
func isKeepalive(data []byte) bool {
	for _, c := range data {
		if c != '\r' && c != '\n' && c != 0 {
			return false
		}
	}
	return true
}
