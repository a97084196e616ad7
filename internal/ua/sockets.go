package ua

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"tollgate/sip"
)

// message is one that came in, in a buffer of its own, with the way back.
type message struct {
	sip.Message
	flow *flow
	at   time.Time
	flaw string // what Validate found: the message is to be noted and nothing else
	lost error  // this is no message but the news that its flow is gone
}

// packetConn is what a UDP socket must do; tests have one without a network.
type packetConn interface {
	ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error)
	LocalAddr() net.Addr
	Close() error
}

// listenPacket binds a packetConn; port 0 means a free one.
type listenPacket func(netip.AddrPort) (packetConn, error)

func listenUDP(addr netip.AddrPort) (packetConn, error) {
	network := "udp6"
	if addr.Addr().Is4() {
		network = "udp4"
	}
	return net.ListenUDP(network, net.UDPAddrFromAddrPort(addr))
}

// flow is the way to one peer, over the UDP socket or over one connection.
type flow struct {
	proto  Proto
	local  netip.AddrPort // where the peer reaches us; of an accepted connection the listener's
	remote netip.AddrPort
	packet packetConn // UDP
	stream *stream    // TCP, TLS
}

func (f *flow) send(b []byte) error {
	if f.stream != nil {
		return f.stream.write(b)
	}
	_, err := f.packet.WriteToUDPAddrPort(b, f.remote)
	return err
}

// sockets owns all sockets of an agent and the goroutines that read them.
type sockets struct {
	handle func(*message)     // called by readers
	lost   func(*flow, error) // a connection is gone; called by its reader
	client *tls.Config        // for connections that we open

	packet packetConn // the one UDP socket; nil if there is none

	readers sync.WaitGroup
	mu      sync.Mutex // guards what follows
	closers []func() error
	streams map[streamKey]*stream
	closed  bool
}

type streamKey struct {
	proto  Proto
	remote netip.AddrPort
}

// maxStreams bounds the connections of one agent.
const maxStreams = 256

var errClosed = errors.New("sockets are closed")

// bindUDP opens the UDP socket; serve reads it.
func (s *sockets) bindUDP(listen listenPacket, addr netip.AddrPort) (netip.AddrPort, error) {
	pc, err := listen(addr)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("bind udp %s: %w", addr, err)
	}
	s.packet = pc
	s.closers = append(s.closers, pc.Close)
	return addrPort(pc.LocalAddr()), nil
}

// unbindUDP gives the UDP socket back before anything reads it.
func (s *sockets) unbindUDP() {
	_ = s.packet.Close()
	s.packet, s.closers = nil, nil
}

// serveUDP reads datagrams until the socket is closed, or breaks. An empty line is somebody's
// keepalive and what is no SIP at all is not worth an answer.
func (s *sockets) serveUDP() error {
	local := addrPort(s.packet.LocalAddr())
	buf := make([]byte, 65536)
	for {
		n, from, err := s.packet.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		s.take(&flow{proto: UDP, local: local, remote: from, packet: s.packet}, buf[:n])
	}
}

// take parses a copy of b and hands it on.
func (s *sockets) take(f *flow, b []byte) {
	m := &message{flow: f, at: time.Now()}
	if len(b) > sip.MaxMessage || m.Parse(append([]byte(nil), b...)) != nil {
		return
	}
	s.handle(m)
}

// listenStream opens a listener for TCP, or for TLS where conf is set; each
// connection has a reader that the sockets own.
func (s *sockets) listenStream(addr netip.AddrPort, conf *tls.Config) (net.Listener, error) {
	proto := TCP
	if conf != nil {
		proto = TLS
	}
	l, err := net.Listen("tcp", addr.String())
	if err != nil {
		return nil, fmt.Errorf("bind %s %s: %w", proto, addr, err)
	}
	if conf != nil {
		l = tls.NewListener(l, conf)
	}
	s.closers = append(s.closers, l.Close)
	return l, nil
}

// accept serves a listener until it is closed.
func (s *sockets) accept(l net.Listener, proto Proto) {
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors: the next one may go better
			time.Sleep(50 * time.Millisecond)
			continue
		}
		f := &flow{proto: proto, local: addrPort(l.Addr()), remote: addrPort(conn.RemoteAddr())}
		if s.adopt(f, conn) != nil {
			_ = conn.Close()
		}
	}
}

// connect gives a flow to a peer: over UDP at once, else by a connection that is
// up already or is made now, from the address local if that is valid.
func (s *sockets) connect(ctx context.Context, proto Proto, local netip.Addr, to netip.AddrPort) (*flow, error) {
	if !proto.stream() {
		if s.packet == nil {
			return nil, errors.New("no UDP socket")
		}
		return &flow{proto: UDP, local: addrPort(s.packet.LocalAddr()), remote: to, packet: s.packet}, nil
	}
	s.mu.Lock()
	st := s.streams[streamKey{proto, to}]
	s.mu.Unlock()
	if st != nil {
		return st.flow, nil
	}
	conn, err := s.dial(ctx, proto, local, to)
	if err != nil {
		return nil, fmt.Errorf("connect %s %s: %w", proto, to, err)
	}
	f := &flow{proto: proto, local: addrPort(conn.LocalAddr()), remote: to}
	if err := s.adopt(f, conn); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("connect %s %s: %w", proto, to, err)
	}
	return f, nil
}

func (s *sockets) dial(ctx context.Context, proto Proto, local netip.Addr, to netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	d := net.Dialer{}
	if local.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))
	}
	if proto == TCP {
		return d.DialContext(ctx, "tcp", to.String())
	}
	conf := s.client
	if conf == nil {
		conf = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // said in PBXConfig and ProbeConfig
	}
	td := tls.Dialer{NetDialer: &d, Config: conf}
	return td.DialContext(ctx, "tcp", to.String())
}

// adopt makes conn one of ours and starts its reader.
func (s *sockets) adopt(f *flow, conn net.Conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return errClosed
	case len(s.streams) >= maxStreams:
		return errors.New("too many connections")
	}
	if s.streams == nil {
		s.streams = make(map[streamKey]*stream)
	}
	st := &stream{flow: f, conn: conn}
	f.stream = st
	key := streamKey{f.proto, f.remote}
	s.streams[key] = st
	s.readers.Go(func() {
		err := st.read(s.take)
		_ = conn.Close()
		s.mu.Lock()
		if s.streams[key] == st {
			delete(s.streams, key)
		}
		s.mu.Unlock()
		s.lost(f, err)
	})
	return nil
}

// close closes all sockets and waits for their readers.
func (s *sockets) close() {
	s.mu.Lock()
	s.closed = true
	for _, c := range s.closers {
		_ = c()
	}
	for _, st := range s.streams {
		_ = st.conn.Close()
	}
	s.mu.Unlock()
	s.readers.Wait()
}

// addrPort reads the address of a socket, IPv4 in IPv6 unmapped.
func addrPort(a net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := a.(type) {
	case *net.UDPAddr:
		ap = a.AddrPort()
	case *net.TCPAddr:
		ap = a.AddrPort()
	}
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}

// addressTo is our address on the way to a peer; nothing is sent.
func addressTo(peer netip.AddrPort) (netip.Addr, error) {
	conn, err := net.Dial("udp", peer.String())
	if err != nil {
		return netip.Addr{}, fmt.Errorf("no way to %s: %w", peer, err)
	}
	defer conn.Close()
	return addrPort(conn.LocalAddr()).Addr(), nil
}

// host writes an address as the host of a URI.
func host(a netip.Addr) string {
	if a.Is6() {
		return "[" + a.String() + "]"
	}
	return a.String()
}
