package transport

import (
	"net/netip"
	"runtime"
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
)

// mmsghdr is struct mmsghdr.
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
	_   [4]byte
}

// udpReader reads one socket of a listener in batches: one blocking recvmmsg that
// waits for the first datagram and takes what else is there.
type udpReader struct {
	t      *Transport
	l      *listener
	group  *udpGroup
	socket int
	msgs   [batchSize]mmsghdr
	iovs   [batchSize]unix.Iovec
	from   [batchSize]rawAddr
	asked  [batchSize]pktinfo
	bufs   []byte
}

func newUDPReader(t *Transport, l *listener, i int) *udpReader {
	r := &udpReader{t: t, l: l, group: l.udp, socket: l.udp.sockets[i], bufs: make([]byte, batchSize*bufferSize)}
	for i := range r.msgs {
		r.iovs[i] = unix.Iovec{Base: &r.bufs[i*bufferSize], Len: bufferSize}
		h := &r.msgs[i].hdr
		h.Iov, h.Iovlen = &r.iovs[i], 1
		h.Name = (*byte)(unsafe.Pointer(&r.from[i]))
		if r.group.wildcard {
			h.Control = (*byte)(unsafe.Pointer(&r.asked[i]))
		}
	}
	return r
}

// arm prepares the first n messages for the kernel.
func (r *udpReader) arm(n int) {
	for i := range r.msgs[:n] {
		h := &r.msgs[i].hdr
		h.Namelen = uint32(unsafe.Sizeof(rawAddr{}))
		if r.group.wildcard {
			h.Controllen = uint64(unsafe.Sizeof(pktinfo{}))
		}
	}
}

// run reads until the listener stops.
func (r *udpReader) run() {
	yielded, full := time.Now(), 0
	r.arm(batchSize)
	for {
		k, _, errno := syscall.Syscall6(unix.SYS_RECVMMSG, uintptr(r.socket), uintptr(unsafe.Pointer(&r.msgs)), batchSize, unix.MSG_WAITFORONE, 0, 0)
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
		n := int(k)
		for i := range n {
			r.deliver(i)
		}
		if full++; n < batchSize {
			full = 0
		}
		if full == fullBatches {
			r.group.steering.overloaded(now)
		}
		if r.group.steering.spread.Load() {
			r.group.steering.spent(now, time.Now())
		}
		r.arm(n)
	}
}

// deliver hands one datagram up.
func (r *udpReader) deliver(i int) {
	at := i * bufferSize
	data := r.bufs[at : at+int(r.msgs[i].n)]
	if isKeepalive(data) {
		return
	}
	f := Flow{Proto: UDP, Listener: r.l.Index, Local: r.l.Addr, Remote: getAddr(&r.from[i])}
	if r.group.wildcard {
		f.Local = netip.AddrPortFrom(r.asked[i].get(r.msgs[i].hdr.Controllen), r.l.Addr.Port())
	}
	if f.Remote.Port() == 0 { // nobody can be answered there
		return
	}
	r.t.handler.Receive(f, data)
}

// failed looks at what the kernel says instead of a datagram.
func (r *udpReader) failed(errno syscall.Errno) {
	switch {
	case errno == unix.EINTR:
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
