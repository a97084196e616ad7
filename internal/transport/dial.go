package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// dialKey tells connection attempts that can be shared.
type dialKey struct {
	hop     Hop
	network string
}

// flapFor is how long a peer that accepts and closes at once is left alone.
const flapFor = time.Second

// dials are the connection attempts that are under way.
type dials struct {
	mu      sync.Mutex // guards all below
	closed  bool
	waiting map[dialKey][]func(Flow, error)
	flap    map[netip.AddrPort]time.Time // until when a peer is left alone
}

func (d *dials) init() { d.waiting = make(map[dialKey][]func(Flow, error)) }

func (d *dials) flapped(a netip.AddrPort) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.flap == nil || len(d.flap) > 1000 {
		d.flap = make(map[netip.AddrPort]time.Time)
	}
	d.flap[a] = time.Now().Add(flapFor)
}

func (d *dials) flaps(a netip.AddrPort) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.flap) > 0 && time.Now().Before(d.flap[a])
}

// join adds done to an attempt, or begins one with run in a goroutine of all.
func (d *dials) join(key dialKey, done func(Flow, error), all *sync.WaitGroup, run func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	list, ok := d.waiting[key]
	d.waiting[key] = append(list, done)
	if !ok {
		all.Go(run)
	}
}

// close lets no attempt begin any more.
func (d *dials) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
}

func (d *dials) take(key dialKey) []func(Flow, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := d.waiting[key]
	delete(d.waiting, key)
	return list
}

// Dial opens a TCP or TLS connection to h, or joins the attempt that is under
// way, and calls done from another goroutine. Nothing of the connection is
// received before done has returned. A peer that closed the last connection at
// once is not dialled again for flapFor. After Close, done is not called.
func (t *Transport) Dial(h Hop, network string, done func(Flow, error)) {
	if h.Proto != TLS {
		h.ServerName, h.Verify = "", false
	}
	key := dialKey{h, network}
	t.dials.join(key, done, &t.wg, func() { t.dial(key) })
}

// dial runs a connection of ours from its opening to its end.
func (t *Transport) dial(key dialKey) {
	s, err := t.open(&key.hop, key.network)
	if err != nil {
		for _, done := range t.dials.take(key) {
			done(Flow{}, err)
		}
		return
	}
	defer t.conns.release(netip.Addr{})
	opened := time.Now()
	for _, done := range t.dials.take(key) {
		done(s.flow, nil)
	}
	s.read()
	if !s.received && time.Since(opened) < flapFor {
		t.dials.flapped(key.hop.Addr)
	}
}

// open gives a connection that is in the table and has a place there.
func (t *Transport) open(h *Hop, network string) (*stream, error) {
	if h.Proto != TCP && h.Proto != TLS {
		return nil, fmt.Errorf("connect to %s: %w: no stream protocol", h.Addr, ErrNoListener)
	}
	if t.dials.flaps(h.Addr) {
		return nil, fmt.Errorf("connect to %s:%s: the peer closed the last connection at once: %w", h.Proto, h.Addr, ErrClosed)
	}
	r, ok := t.route(h.Proto, h.Addr.Addr(), network)
	if !ok {
		return nil, fmt.Errorf("connect to %s:%s: %w: sip.listen needs one for %s that reaches it", h.Proto, h.Addr, ErrNoListener, h.Proto)
	}
	if err := t.conns.reserve(netip.Addr{}); err != nil {
		return nil, err
	}
	s, err := t.connect(h, r)
	if err == nil && !t.conns.add(s) {
		s.tcp.Close() // nothing can be done about it
		err = ErrClosed
	}
	if err != nil {
		t.conns.release(netip.Addr{})
		return nil, fmt.Errorf("connect to %s:%s: %w", h.Proto, h.Addr, err)
	}
	return s, nil
}

// connect dials, from the listener's address where it has one of its own.
func (t *Transport) connect(h *Hop, r route) (*stream, error) {
	d := net.Dialer{Timeout: t.cfg.DialTimeout, KeepAlive: -1, Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { // ports are chosen at connect, when the peer is known
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1) // only saves ports
		})
	}}
	if !r.listener.wildcard() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(r.local, 0))
	}
	c, err := d.DialContext(t.ctx, "tcp", h.Addr.String())
	if err != nil {
		return nil, dialError(err)
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return nil, errors.New("no TCP connection")
	}
	s := newStream(t, r.listener, tcp)
	if h.Proto == TLS {
		s.key.name, s.key.verified = h.ServerName, h.Verify
		if err := s.handshake(tls.Client(wire{tcp, s}, t.certs.client(h))); err != nil {
			tcp.Close() // nothing can be done about it
			return nil, fmt.Errorf("tls: %w", err)
		}
	}
	return s, nil
}

// dialError leaves out what the caller says anyway.
func dialError(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		if op.Timeout() {
			return context.DeadlineExceeded
		}
		return op.Err
	}
	return err
}
