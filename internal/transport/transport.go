// Package transport moves SIP messages over UDP, TCP and TLS: it binds the
// listeners, frames streams, opens, reuses and limits connections, answers from
// the address that was asked, and turns names into addresses.
//
// It is not its job to know what a message means, to retransmit it, or to match an
// answer to its request (package transaction).
//
// UDP is read by blocking recvmmsg rather than through the runtime's poller, and
// written at once: BenchmarkUDPRead measures the alternatives. This part is for
// Linux only (PKTINFO, recvmmsg, IP_RECVERR).
//
// RFC 3261 18 (transport), RFC 3263 and RFC 2782 (locating servers), RFC 5626
// 4.4.1 (CRLF keepalive), RFC 5922 (names in certificates). RFC 7118 (WebSocket)
// has room.
package transport

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"tollgate/internal/overload"
)

// Errors that a caller branches on.
var (
	ErrQueueFull  = errors.New("the peer reads too slowly: its send queue is full")
	ErrClosed     = errors.New("the connection is closed")
	ErrNoListener = errors.New("no listener fits")
	ErrTooBig     = errors.New("the message is larger than a datagram can be")
	ErrTooMany    = errors.New("too many connections are open")
	ErrIdle       = errors.New("nothing was sent over the connection for too long")
	ErrRefused    = errors.New("connections of this source are refused")
	ErrSlow       = errors.New("the peer did not finish what it began in time")
)

// Flow is one path to one peer, as comparable value: where a message came from
// is where its answer goes.
type Flow struct {
	Proto    Proto
	Listener uint16         // index of the listener that it belongs to
	Conn     uint64         // 0 for UDP; never used twice, not even after a restart
	Local    netip.AddrPort // the address that was asked, IPv4 always unmapped
	Remote   netip.AddrPort // the peer, IPv4 always unmapped
}

// Hop is one address that a request may be sent to.
type Hop struct {
	Proto      Proto
	Addr       netip.AddrPort
	ServerName string // TLS: sent as SNI, and verified where Verify is set
	Verify     bool   // TLS: refuse a peer whose certificate does not prove ServerName
}

// ListenerConfig asks for one listener. A [::] one takes IPv4 too, unless another
// of its protocol and port is bound to 0.0.0.0.
type ListenerConfig struct {
	Proto     Proto
	Addr      netip.AddrPort // port 0: any free one
	Advertise string         // host or IP, optionally :port, that peers are told; "" = the address asked
	Network   string         // name of the network it is in; "" = the only one
}

// Listener is one that is bound.
type Listener struct {
	Index         uint16
	Proto         Proto
	Addr          netip.AddrPort // as bound, port filled in
	AdvertiseHost string         // "" = the address asked; IPv6 in brackets
	AdvertisePort uint16
	Network       string
}

// Certificate names the PEM files of one certificate chain and its key.
type Certificate struct{ Cert, Key string }

// Config says what New binds and which limits hold. Zero limits mean the defaults.
type Config struct {
	Listen       []ListenerConfig
	Certificates []Certificate // none: self-signed, in memory
	Readers      int           // readers of each UDP listener; 0 = GOMAXPROCS
	// Refused says whose connections are not taken; nil: everybody's are.
	Refused func(from netip.Addr) bool
	// Rank places a request that may wait, while there is too much of them; nil: a fair
	// share for each source.
	Rank func(f Flow, l *overload.Look) overload.Rank
	// Emergency gives the users of Request-URIs, shortest first, that make an INVITE an emergency call, for the
	// customer that the one at hand is for; nil: no call is one. It is asked again and again while a flood is thinned.
	Emergency func(f Flow, l *overload.Look) []string
	Log       *slog.Logger // nil = none

	MaxConns              int           // connections in all; 20000
	MaxConnsPerSource     int           // inbound connections of one IPv4 address or IPv6 /64; 1024
	MaxHandshakes         int           // of these, those whose TLS handshake is under way; 256
	IdleTimeout           time.Duration // a connection without traffic; 70 min, longer than the usual registration
	PartialMessageTimeout time.Duration // a message, a handshake or a write that does not get on; 10 s
	DialTimeout           time.Duration // connecting, without the TLS handshake; 2.5 s
	SendQueue             int           // bytes that wait for one slow peer; 256 KiB
	SendQueues            int           // bytes that wait for all slow peers; 64 MiB
	MaxMessage            int           // bytes of one message of a stream; 65535
}

func (c *Config) fill() {
	c.MaxConns = or(c.MaxConns, 20000)
	c.MaxConnsPerSource = or(c.MaxConnsPerSource, 1024)
	c.MaxHandshakes = or(c.MaxHandshakes, 256)
	c.IdleTimeout = or(c.IdleTimeout, 70*time.Minute)
	c.PartialMessageTimeout = or(c.PartialMessageTimeout, 10*time.Second)
	c.DialTimeout = or(c.DialTimeout, 2500*time.Millisecond)
	c.SendQueue = or(c.SendQueue, 256<<10)
	c.SendQueues = or(c.SendQueues, 64<<20)
	c.MaxMessage = or(c.MaxMessage, 65535)
	c.Readers = or(c.Readers, runtime.GOMAXPROCS(0))
	if c.Rank == nil {
		c.Rank = bySource
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// or is v, or def where v is not positive.
func or[T int | time.Duration](v, def T) T {
	if v > 0 {
		return v
	}
	return def
}

// Handler takes what arrives. Its methods are called from several goroutines.
type Handler interface {
	// Receive takes one datagram or one framed message. data is the reader's
	// buffer, valid until Receive returns. It is called in the reader's
	// goroutine, in arrival order for each flow.
	Receive(f Flow, data []byte)
	// Closed says that a connection has ended, for whatever reason: io.EOF where
	// the peer closed it. Nothing of it is received afterwards.
	Closed(f Flow, err error)
	// Unreachable says that the network could not deliver to f.Remote (ICMP). It
	// is a hint that anybody can forge, best effort, UDP only; f.Local is not
	// known for a wildcard listener. It must not be taken for a refusal.
	Unreachable(f Flow, err error)
}

// Transport owns the sockets.
type Transport struct {
	cfg       Config
	log       *slog.Logger
	listeners []*listener
	handler   Handler
	certs     *certificates // nil without a TLS listener
	own       ownAddresses
	routes    routes
	conns     connTable
	dials     dials
	shed      shed
	turns     turns
	dead      chan struct{} // wakes the goroutine that reads the error queues
	ctx       context.Context
	cancel    context.CancelFunc
	wg        sync.WaitGroup // readers, acceptors, connections, dials
	closing   sync.Once
}

// New binds all of cfg's listeners, or none and says why not in one sentence.
func New(cfg Config) (*Transport, error) {
	cfg.fill()
	ctx, cancel := context.WithCancel(context.Background())
	t := &Transport{cfg: cfg, log: cfg.Log, dead: make(chan struct{}, 1), ctx: ctx, cancel: cancel}
	t.conns.init(&t.cfg)
	t.dials.init()
	t.turns.free = cfg.Readers
	if err := t.listen(); err != nil {
		cancel()
		t.closeListeners()
		return nil, err
	}
	t.own.refresh()
	return t, nil
}

// Start lets h receive. It is called once.
func (t *Transport) Start(h Handler) {
	t.handler = h
	for _, l := range t.listeners {
		if l.tcp != nil {
			t.wg.Go(func() { t.accept(l) })
			continue
		}
		for i := range l.udp.sockets {
			t.wg.Go(newUDPReader(t, l, i).run)
		}
	}
	t.wg.Go(t.readErrorQueues)
	t.wg.Go(t.watchLate)
}

// Close ends all connections and waits for all goroutines of t.
func (t *Transport) Close() error {
	t.closing.Do(func() {
		t.dials.close()
		t.cancel()
		for _, l := range t.listeners {
			l.stop()
		}
		for _, s := range t.conns.close() {
			s.end(ErrClosed)
		}
		t.wg.Wait()
		t.closeListeners()
	})
	return nil
}

func (t *Transport) closeListeners() {
	for _, l := range t.listeners {
		l.close()
	}
}

// Listeners gives the bound listeners, by Index.
func (t *Transport) Listeners() []Listener {
	out := make([]Listener, len(t.listeners))
	for i, l := range t.listeners {
		out[i] = l.Listener
	}
	return out
}

// Spare is by how much GOMAXPROCS should exceed the cores that are to be used: a
// UDP reader that waits keeps its P for a while, and where as many wait as there
// are, timers come up to 10 ms late.
func (t *Transport) Spare() int {
	n := 0
	for _, l := range t.listeners {
		if l.udp != nil {
			n++
		}
	}
	return n
}

// Send sends data through f and never blocks; it keeps no reference to data. A
// datagram leaves from f.Local. What a TCP or TLS peer does not take at once
// waits in its queue: ErrQueueFull says that data was dropped for lack of room
// there, ErrClosed that the connection is gone.
func (t *Transport) Send(f Flow, data []byte) error {
	if f.Proto != UDP {
		s := t.conns.get(f.Conn)
		if s == nil {
			return ErrClosed
		}
		return s.send(data)
	}
	if int(f.Listener) >= len(t.listeners) || t.listeners[f.Listener].udp == nil {
		return ErrNoListener
	}
	return t.listeners[f.Listener].udp.send(t, &f, data)
}

// Refuse ends the connection of a flow, without a word; there is none over UDP.
func (t *Transport) Refuse(f Flow) {
	if s := t.conns.get(f.Conn); s != nil && f.Proto != UDP {
		s.end(ErrRefused)
	}
}

// RefuseFrom ends the connections of all sources that are refused.
func (t *Transport) RefuseFrom(refused func(netip.Addr) bool) {
	for _, s := range t.conns.open() {
		if refused(s.flow.Remote.Addr()) {
			s.end(ErrRefused)
		}
	}
}

// Alive says whether f can still carry a message; always true for UDP.
func (t *Transport) Alive(f Flow) bool {
	return f.Proto == UDP || t.conns.get(f.Conn) != nil
}

// Find gives the flow that leads to h now, without opening a connection. For UDP
// it leaves from the listener that the route to h suits best; ok is false where
// none can reach it. For TCP and TLS there must be a connection to just that
// address; one that the peer opened has proved no ServerName. With a network, only
// its listeners and connections count.
func (t *Transport) Find(h Hop, network string) (Flow, bool) {
	if h.Proto != UDP {
		if s := t.conns.find(&h, network); s != nil {
			return s.flow, true
		}
		return Flow{}, false
	}
	r, ok := t.route(UDP, h.Addr.Addr(), network)
	if !ok {
		return Flow{}, false
	}
	return Flow{
		Proto: UDP, Listener: r.listener.Index, Remote: h.Addr,
		Local: netip.AddrPortFrom(r.local, r.listener.Addr.Port()),
	}, true
}
