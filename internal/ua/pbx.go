package ua

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"
)

// PBXConfig says how to answer. Zero durations and numbers mean the defaults.
type PBXConfig struct {
	// Listen is where UDP and TCP are served, both at one port: an address of this
	// host, since it stands in Contact. Port 0 means a free one.
	Listen netip.AddrPort
	// TLS holds a certificate; without it TLS is not served. ListenTLS port 0 means
	// a free one; no address at all: that of Listen.
	TLS       *tls.Config
	ListenTLS netip.AddrPort

	Ring     time.Duration // 500 ms; ringing, or early media, before the answer
	Talk     time.Duration // 5 s; after which numbers that are no extension hang up
	MaxCall  time.Duration // 1 h; the end of every call
	MaxCalls int           // 256; further ones get 503
	Log      *slog.Logger  // nil: nothing is logged

	listen listenPacket // a test's network, which has UDP only
}

// PBX answers calls, each extension in its own way; see Extensions. It connects to
// whatever literal address a Contact or Route names and checks no certificate: it
// is for loopback and for tests.
type PBX struct {
	cfg       PBXConfig
	log       *slog.Logger
	agent     *agent
	local     netip.AddrPort
	localTLS  netip.AddrPort
	listeners []listener

	mu     sync.Mutex // guards what follows
	closed bool
	live   int
	calls  sync.WaitGroup
}

type listener struct {
	net.Listener
	proto Proto
}

// NewPBX binds the sockets; nothing is answered before Run, which also closes them.
func NewPBX(cfg PBXConfig) (*PBX, error) {
	if a := cfg.Listen.Addr(); !a.IsValid() || a.IsUnspecified() {
		return nil, fmt.Errorf("listen %s: an address of this host is needed, such as 127.0.0.2:5060", cfg.Listen)
	}
	cfg.Ring = cmp.Or(cfg.Ring, 500*time.Millisecond)
	cfg.Talk = cmp.Or(cfg.Talk, 5*time.Second)
	cfg.MaxCall = cmp.Or(cfg.MaxCall, time.Hour)
	cfg.MaxCalls = cmp.Or(cfg.MaxCalls, 256)
	p := &PBX{cfg: cfg, log: cfg.Log, agent: newAgent("tollgate-pbx")}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	bind := p.bind
	if p.cfg.listen == nil {
		p.cfg.listen, bind = listenUDP, p.bindAll
	}
	if err := bind(); err != nil {
		p.agent.sockets.close()
		return nil, err
	}
	return p, nil
}

// bind opens the UDP socket.
func (p *PBX) bind() (err error) {
	p.local, err = p.agent.sockets.bindUDP(p.cfg.listen, p.cfg.Listen)
	return err
}

// bindAll opens all sockets. For a free port TCP must find the one that UDP got free
// too, which another program may have taken.
func (p *PBX) bindAll() error {
	s := &p.agent.sockets
	var err error
	for range 10 {
		if err = p.bind(); err != nil {
			return err
		}
		var l net.Listener
		if l, err = s.listenStream(p.local, nil); err == nil {
			p.listeners = append(p.listeners, listener{l, TCP})
			break
		}
		if p.cfg.Listen.Port() != 0 {
			return err
		}
		s.unbindUDP()
	}
	if err != nil || p.cfg.TLS == nil {
		return err
	}
	addr := p.cfg.ListenTLS
	if !addr.Addr().IsValid() {
		addr = netip.AddrPortFrom(p.cfg.Listen.Addr(), addr.Port())
	}
	l, err := s.listenStream(addr, p.cfg.TLS)
	if err != nil {
		return err
	}
	p.listeners = append(p.listeners, listener{l, TLS})
	p.localTLS = addrPort(l.Addr())
	return nil
}

// Addr is where a protocol is served; invalid where it is not.
func (p *PBX) Addr(proto Proto) netip.AddrPort {
	if proto == TLS {
		return p.localTLS
	}
	return p.local
}

// Run serves until ctx is done, then ends the calls that are up, within five
// seconds, closes the sockets and waits for everything it has started. An error means
// that the UDP socket broke.
func (p *PBX) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p.agent.invite = func(m *message) { p.invite(ctx, m) }
	s := &p.agent.sockets
	s.readers.Go(func() {
		if err := s.serveUDP(); err != nil {
			cancel(fmt.Errorf("udp %s: %w", p.local, err))
		}
	})
	for _, l := range p.listeners {
		s.readers.Go(func() { s.accept(l, l.proto) })
	}
	<-ctx.Done()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.calls.Wait()
	s.close()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return nil
}

// invite starts a call; called by readers.
func (p *PBX) invite(ctx context.Context, m *message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.live >= p.cfg.MaxCalls {
		p.agent.refuse(m, 503, "")
		return
	}
	p.live++
	in := newIncoming(p, m)
	p.agent.add(in.call, m)
	p.calls.Go(func() {
		in.live(ctx)
		p.mu.Lock()
		p.live--
		p.mu.Unlock()
	})
}
