package transport_test

import (
	"net"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"tollgate/internal/transport"
)

// patience is how long a test waits for what must come; nothing waits for it to end.
const patience = 10 * time.Second

type received struct {
	flow transport.Flow
	data string
}

type ended struct {
	flow transport.Flow
	err  error
}

// sink is a transport.Handler that gives everything to channels.
type sink struct {
	got         chan received
	closed      chan ended
	unreachable chan ended
}

func newSink() *sink {
	return &sink{got: make(chan received, 1000), closed: make(chan ended, 1000), unreachable: make(chan ended, 1000)}
}

func (s *sink) Receive(f transport.Flow, data []byte)   { s.got <- received{f, string(data)} }
func (s *sink) Closed(f transport.Flow, err error)      { s.closed <- ended{f, err} }
func (s *sink) Unreachable(f transport.Flow, err error) { s.unreachable <- ended{f, err} }

// await takes one value that must come.
func await[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("%s did not come", what)
		panic("unreachable")
	}
}

// start runs a transport with a sink for the time of the test.
func start(t testing.TB, cfg transport.Config) (*transport.Transport, *sink) {
	t.Helper()
	tr, err := transport.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := newSink()
	tr.Start(s)
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	})
	return tr, s
}

// on is a listener on a free port.
func on(p transport.Proto, addr string) transport.ListenerConfig {
	return transport.ListenerConfig{Proto: p, Addr: netip.AddrPortFrom(netip.MustParseAddr(addr), 0)}
}

func listening(l ...transport.ListenerConfig) transport.Config {
	return transport.Config{Listen: l, Readers: 2}
}

// at is the address of a listener as seen from an address of this machine.
func at(tr *transport.Transport, index int, addr string) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(addr), tr.Listeners()[index].Addr.Port())
}

// udpPeer is a socket that talks to a transport.
func udpPeer(t *testing.T, addr string) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(addr), 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c
}

func addrOf(c *net.UDPConn) netip.AddrPort {
	a := c.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

func write(t *testing.T, c net.Conn, data string) {
	t.Helper()
	if _, err := c.Write([]byte(data)); err != nil {
		t.Fatal(err)
	}
}

// dialTCP opens a connection to a transport.
func dialTCP(t *testing.T, to netip.AddrPort) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c
}

// message is the smallest that a stream's framing takes for one.
func message(body string) string {
	return "MESSAGE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKtest\r\nFrom: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\nCall-ID: 1@example.com\r\nCSeq: 1 MESSAGE\r\nContent-Length: " +
		strconv.Itoa(len(body)) + "\r\n\r\n" + body
}
