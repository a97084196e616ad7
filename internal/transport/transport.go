// Package transport moves SIP messages over UDP, TCP and TLS: it binds the
// listeners, frames streams, opens, reuses and limits connections, answers from
// the address that was asked, and turns names into addresses.
//
// It is not its job to know what a message means, to retransmit, or to match an
// answer to its request (package transaction).
//
// RFC 3261 18 (transport), RFC 3263 and RFC 2782 (locating servers), RFC 5626
// 3.5.1 (CRLF keepalive), RFC 7118 has room (WS, WSS).
package transport

import (
	"errors"
	"log/slog"
	"net/netip"
	"time"
)

// Errors that a caller branches on.
var (
	ErrQueueFull  = errors.New("the peer reads too slowly: its send queue is full")
	ErrClosed     = errors.New("the connection is closed")
	ErrNoListener = errors.New("no listener fits")
	ErrTooBig     = errors.New("the message is larger than a datagram can be")
)

// Flow is one path to one peer, as comparable value: where a message came from
// is where its answer goes.
type Flow struct {
	Proto    Proto
	Listener uint16         // index of the listener that it belongs to
	Conn     uint64         // 0 for UDP; never used twice
	Local    netip.AddrPort // the address that was asked, IPv4 always unmapped
	Remote   netip.AddrPort // the peer, IPv4 always unmapped
}

// ListenerConfig asks for one listener.
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
	AdvertiseHost string         // "" = the address asked
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
	Log          *slog.Logger  // nil = none

	MaxConns          int           // connections in all; 20000
	MaxConnsPerSource int           // inbound connections of one IPv4 address or IPv6 /64; 1024
	IdleTimeout       time.Duration // a connection without traffic; 70 min, longer than the usual registration
	PartialTimeout    time.Duration // a message, a handshake or a blocked write that does not get on; 10 s
	DialTimeout       time.Duration // connecting, without the TLS handshake; 4 s
	SendQueue         int           // bytes that wait for one slow peer; 256 KiB
	MaxMessage        int           // bytes of one message of a stream; 65535
}

// Handler takes what arrives. Its methods are called from several goroutines.
type Handler interface {
	// Receive takes one datagram or one framed message. data is the reader's
	// buffer, valid until Receive returns. It is called in the reader's
	// goroutine, in arrival order for each flow.
	Receive(f Flow, data []byte)
	// Closed says that a connection has ended, for whatever reason.
	Closed(f Flow, err error)
	// Unreachable says that the network could not deliver to f.Remote (ICMP).
	// Best effort; UDP only.
	Unreachable(f Flow, err error)
}

// Hop is one address that a request may be sent to.
type Hop struct {
	Proto      Proto
	Addr       netip.AddrPort
	ServerName string // TLS: sent as SNI, and verified where Verify is set
	Verify     bool   // TLS: refuse a peer whose certificate does not prove ServerName
}

// Transport owns the sockets.
type Transport struct{}

// New binds all of cfg's listeners, or none and says why not.
func New(cfg Config) (*Transport, error) { return nil, errors.ErrUnsupported }

// Start lets h receive. It is called once.
func (t *Transport) Start(h Handler) {}

// Close ends all connections and waits for all goroutines of t.
func (t *Transport) Close() error { return nil }

// Listeners gives the bound listeners, by Index.
func (t *Transport) Listeners() []Listener { return nil }

// Send sends data through f and never blocks. It keeps no reference to data.
func (t *Transport) Send(f Flow, data []byte) error { return errors.ErrUnsupported }

// Alive says whether f can still carry a message.
func (t *Transport) Alive(f Flow) bool { return false }

// Find gives the flow that leads to h now, without opening a connection.
func (t *Transport) Find(h Hop, network string) (Flow, bool) { return Flow{}, false }

// Dial opens a connection to h, or joins the one that is being opened.
func (t *Transport) Dial(h Hop, network string, done func(Flow, error)) {}

// Advertised gives host and port that the peer of f is told: IPv6 in brackets.
func (t *Transport) Advertised(f Flow) (host string, port uint16) { return "", 0 }

// IsOwn says whether a is an address of one of the listeners.
func (t *Transport) IsOwn(a netip.AddrPort) bool { return false }

// OwnHost is IsOwn for a host as a header has it; port 0 = none given.
func (t *Transport) OwnHost(host []byte, port uint16) bool { return false }
