package transport

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// stream is one TCP or TLS connection. Its reader is a goroutine of its own; it
// has a writer only while the peer is slower than we are.
type stream struct {
	t       *Transport
	flow    Flow
	key     peerKey
	network string
	source  netip.Addr // whose place it takes; invalid: we opened it
	tcp     *net.TCPConn
	raw     syscall.RawConn
	tls     *tls.Conn // nil for TCP

	began    time.Time     // when the item that is not complete began; the reader's own
	received bool          // some item came; the reader's own
	age      time.Duration // for how long what is being handed up may have waited; the reader's own
	behind   time.Duration // for how long turns were waited for since the kernel had nothing more; the reader's own
	old      int           // bytes to come of which INVITEs are too old; the reader's own
	turn     chan struct{} // it is its turn
	greeting bool          // a peer's TLS handshake goes on; the reader's own
	inTurn   bool          // and is being worked on; likewise
	used     atomic.Int64  // the last write, in Unix nanoseconds
	reason   atomic.Pointer[error]

	mu    sync.Mutex // guards all below
	ended bool
	queue []byte // what the kernel did not take yet; non-empty: drain runs
	chunk []byte // what try is to write, and what came of it
	wrote int
	errno syscall.Errno
	tryFn func(fd uintptr) bool
}

func newStream(t *Transport, l *listener, c *net.TCPConn) *stream {
	s := &stream{t: t, tcp: c, network: l.Network, turn: make(chan struct{}, 1)}
	_ = c.SetReadBuffer(receiveBuffer) // more is no worse than it was
	s.flow = Flow{
		Proto: l.Proto, Listener: l.Index, Conn: t.conns.newID(),
		Local: addrPort(c.LocalAddr()), Remote: addrPort(c.RemoteAddr()),
	}
	s.key = peerKey{proto: l.Proto, remote: s.flow.Remote}
	s.raw, _ = c.SyscallConn() // it never fails for a TCPConn
	s.tryFn = s.try
	_ = c.SetKeepAliveConfig(net.KeepAliveConfig{ // without it IdleTimeout ends a dead one
		Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 4,
	})
	return s
}

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok && t != nil {
		return unmapped(t.AddrPort())
	}
	return netip.AddrPort{}
}

// end closes the connection; its reader tells the handler of the first reason.
func (s *stream) end(why error) {
	s.reason.CompareAndSwap(nil, &why)
	s.t.conns.remove(s)
	s.mu.Lock()
	if !s.ended {
		s.ended = true
		s.t.conns.queued.Add(-int64(len(s.queue)))
		s.queue = nil
	}
	s.mu.Unlock()
	s.tcp.Close() // nothing can be done about it
}

// tlsRecord bounds what TLS adds to one record of at most 16 KiB.
const tlsRecord = 64

// send is Transport.Send.
func (s *stream) send(data []byte) error {
	size := len(data)
	if s.tls != nil {
		size += tlsRecord * (1 + len(data)/8192)
	}
	if err := s.room(size); err != nil {
		return err
	}
	var err error
	if s.tls != nil {
		_, err = s.tls.Write(data) // encrypts, and comes to write below
	} else {
		_, err = s.write(data)
	}
	if err != nil {
		s.end(err)
		return ErrClosed
	}
	return nil
}

// room says whether so many bytes could be queued. For TLS it has to be asked
// before encryption, since a record that is dropped ends the connection.
func (s *stream) room(n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended:
		return ErrClosed
	case len(s.queue) == 0:
		return nil
	case len(s.queue)+n > s.t.cfg.SendQueue, s.t.conns.queued.Load()+int64(n) > int64(s.t.cfg.SendQueues):
		return ErrQueueFull
	}
	return nil
}

// write gives b to the kernel, and what it does not take to the queue. It never
// blocks and takes all or nothing.
func (s *stream) write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return 0, ErrClosed
	}
	s.used.Store(time.Now().UnixNano())
	rest := b
	if len(s.queue) == 0 {
		n, errno := s.direct(b)
		if errno != 0 && errno != unix.EAGAIN {
			return 0, errno
		}
		rest = b[n:]
	}
	if len(rest) == 0 {
		return len(b), nil
	}
	if len(s.queue) == 0 {
		s.t.wg.Add(1)
		go s.drain()
	}
	s.queue = append(s.queue, rest...)
	s.t.conns.queued.Add(int64(len(rest)))
	return len(b), nil
}

// direct writes what the kernel takes at once. s.mu is held.
func (s *stream) direct(b []byte) (int, syscall.Errno) {
	s.chunk, s.wrote, s.errno = b, 0, 0
	err := s.raw.Write(s.tryFn)
	s.chunk = nil
	if err != nil {
		return 0, unix.EPIPE
	}
	return s.wrote, s.errno
}

func (s *stream) try(fd uintptr) bool {
	for len(s.chunk) > 0 {
		n, err := unix.SendmsgN(int(fd), s.chunk, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			errors.As(err, &s.errno)
			return true
		}
		s.wrote += n
		s.chunk = s.chunk[n:]
	}
	return true
}

// drain writes the queue until it is empty, and ends a connection whose peer
// takes nothing for PartialMessageTimeout.
func (s *stream) drain() {
	defer s.t.wg.Done()
	var chunk []byte
	for {
		s.mu.Lock()
		s.consume(len(chunk))
		if len(s.queue) == 0 {
			s.mu.Unlock()
			return
		}
		// A copy, since queue grows, and may move, while this is being written.
		chunk = append(chunk[:0], s.queue[:min(len(s.queue), 16<<10)]...)
		s.mu.Unlock()
		_ = s.tcp.SetWriteDeadline(time.Now().Add(s.t.cfg.PartialMessageTimeout)) // Write says so
		if _, err := s.tcp.Write(chunk); err != nil {
			if isTimeout(err) {
				err = ErrSlow
			}
			s.end(err)
			return
		}
	}
}

// consume takes n written bytes off the queue. s.mu is held.
func (s *stream) consume(n int) {
	if s.ended {
		return
	}
	s.t.conns.queued.Add(-int64(n))
	s.queue = append(s.queue[:0], s.queue[n:]...)
	if len(s.queue) == 0 {
		s.queue = nil
	}
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// wire is the connection as crypto/tls sees it: writes do not block, and what is read of a handshake waits for
// its turn; the rest is the TCP connection's.
type wire struct {
	*net.TCPConn
	s *stream
}

func (w wire) Read(b []byte) (n int, err error) {
	if !w.s.greeting {
		return w.TCPConn.Read(b) //nolint:wrapcheck // it is crypto/tls's to tell
	}
	w.s.leaveTurn()
	if n, err = w.TCPConn.Read(b); n > 0 {
		w.s.takeTurn()
	}
	return n, err //nolint:wrapcheck // likewise
}

func (w wire) Write(b []byte) (int, error) { return w.s.write(b) }
