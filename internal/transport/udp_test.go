package transport_test

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"tollgate/internal/transport"
)

// The answer leaves from the address that was asked, whatever the route says.
func TestAnswerFromTheAddressAsked(t *testing.T) {
	for _, c := range []struct{ name, listen, asked, from string }{
		{"IPv4 wildcard", "0.0.0.0", "127.0.0.7", "127.0.0.1"},
		{"IPv4 wildcard, another", "0.0.0.0", "127.0.0.1", "127.0.0.9"},
		{"IPv6 wildcard", "::", "::1", "::1"},
		{"IPv6 wildcard takes IPv4", "::", "127.0.0.7", "127.0.0.1"},
		{"one IPv4 address", "127.0.0.3", "127.0.0.3", "127.0.0.1"},
		{"one IPv6 address", "::1", "::1", "::1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr, s := start(t, listening(on(transport.UDP, c.listen)))
			peer := udpPeer(t, c.from)
			asked := at(tr, 0, c.asked)
			if _, err := peer.WriteToUDPAddrPort([]byte("ping"), asked); err != nil {
				t.Fatal(err)
			}
			got := await(t, s.got, "the datagram")
			want := transport.Flow{Proto: transport.UDP, Local: asked, Remote: addrOf(peer)}
			if got.flow != want || got.data != "ping" {
				t.Fatalf("got %+v, want flow %+v", got, want)
			}
			if err := tr.Send(got.flow, []byte("pong")); err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, 100)
			n, from, err := peer.ReadFromUDPAddrPort(buf)
			if err != nil || string(buf[:n]) != "pong" {
				t.Fatalf("read %q, %v", buf[:n], err)
			}
			if from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port()); from != asked {
				t.Errorf("answered from %s, asked at %s", from, asked)
			}
		})
	}
}

// Both wildcards of one port are two listeners, each with its family.
func TestBothWildcards(t *testing.T) {
	cfg := listening(on(transport.UDP, "::"), on(transport.UDP, "0.0.0.0"), on(transport.TCP, "::"), on(transport.TLS, "0.0.0.0"))
	tr, err := transport.New(onOnePort(t, cfg))
	for errors.Is(err, syscall.EADDRINUSE) { // somebody's TCP connection has it
		tr, err = transport.New(onOnePort(t, cfg))
	}
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	s := newSink()
	tr.Start(s)
	for want, addr := range []string{"::1", "127.0.0.1"} {
		peer := udpPeer(t, addr)
		if _, err := peer.WriteToUDPAddrPort([]byte("x"), at(tr, 0, addr)); err != nil {
			t.Fatal(err)
		}
		if got := await(t, s.got, addr); int(got.flow.Listener) != want {
			t.Errorf("%s came to listener %d", addr, got.flow.Listener)
		}
	}
}

// onOnePort gives all listeners a port that was free for UDP a moment ago.
func onOnePort(t *testing.T, cfg transport.Config) transport.Config {
	t.Helper()
	probe, err := transport.New(listening(on(transport.UDP, "::")))
	if err != nil {
		t.Fatal(err)
	}
	defer probe.Close()
	for i, l := range cfg.Listen {
		cfg.Listen[i].Addr = netip.AddrPortFrom(l.Addr.Addr(), probe.Listeners()[0].Addr.Port())
	}
	return cfg
}

func TestKeepaliveDatagramsAreDropped(t *testing.T) {
	tr, s := start(t, listening(on(transport.UDP, "127.0.0.1")))
	peer := udpPeer(t, "127.0.0.1")
	for _, data := range []string{"\r\n\r\n", "\x00\x00\x00\x00", "", "\r\n", "OPTIONS"} {
		if _, err := peer.WriteToUDPAddrPort([]byte(data), at(tr, 0, "127.0.0.1")); err != nil {
			t.Fatal(err)
		}
	}
	if got := await(t, s.got, "the request"); got.data != "OPTIONS" {
		t.Errorf("got %q", got.data)
	}
}

func TestLargeDatagrams(t *testing.T) {
	tr, s := start(t, listening(on(transport.UDP, "0.0.0.0")))
	peer := udpPeer(t, "127.0.0.1")
	data := strings.Repeat("x", 65507)
	if _, err := peer.WriteToUDPAddrPort([]byte(data), at(tr, 0, "127.0.0.1")); err != nil {
		t.Fatal(err)
	}
	got := await(t, s.got, "the datagram")
	if got.data != data {
		t.Fatalf("got %d bytes", len(got.data))
	}
	if err := tr.Send(got.flow, []byte(data)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<16)
	if n, _, err := peer.ReadFromUDPAddrPort(buf); n != len(data) || err != nil {
		t.Fatalf("answered %d bytes, %v", n, err)
	}
	if err := tr.Send(got.flow, []byte(data+"x")); !errors.Is(err, transport.ErrTooBig) {
		t.Errorf("one more byte: %v", err)
	}
}

func TestUnreachable(t *testing.T) {
	for _, addr := range []string{"127.0.0.1", "::1"} {
		for _, listen := range []string{addr, "::"} {
			t.Run(listen+" to "+addr, func(t *testing.T) {
				tr, s := start(t, listening(on(transport.UDP, listen)))
				gone, there := udpPeer(t, addr), udpPeer(t, addr)
				dead := addrOf(gone)
				gone.Close()
				f, ok := tr.Find(transport.Hop{Proto: transport.UDP, Addr: dead}, "")
				if !ok {
					t.Fatal("no way there")
				}
				for range 3 {
					if err := tr.Send(f, []byte("anybody there?")); err != nil {
						t.Fatal(err)
					}
					got := await(t, s.unreachable, "the ICMP error")
					if got.flow.Remote != dead || got.flow.Proto != transport.UDP || !errors.Is(got.err, syscall.ECONNREFUSED) {
						t.Fatalf("got %+v", got)
					}
				}
				// Whoever is there is none the worse for it.
				for range 5 {
					if err := tr.Send(f, []byte("anybody there?")); err != nil {
						t.Fatal(err)
					}
					f := f
					f.Remote = addrOf(there)
					if err := tr.Send(f, []byte("hello")); err != nil {
						t.Fatal(err)
					}
					buf := make([]byte, 100)
					if n, _, err := there.ReadFromUDPAddrPort(buf); err != nil || string(buf[:n]) != "hello" {
						t.Fatalf("%q, %v", buf[:n], err)
					}
				}
			})
		}
	}
}

// gated holds the reader until it is opened, so that datagrams pile up.
type gated struct {
	*sink
	open chan struct{}
}

func (g *gated) Receive(f transport.Flow, data []byte) {
	<-g.open
	g.sink.Receive(f, data)
}

// What piles up is all read, in order for each flow, also where one reader did not
// keep up and the others join in.
func TestUDPOrder(t *testing.T) {
	tr, err := transport.New(listening(on(transport.UDP, "127.0.0.1")))
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	const peers, each = 4, 400
	g := &gated{&sink{got: make(chan received, peers*each)}, make(chan struct{})}
	tr.Start(g)
	conns := make([]*net.UDPConn, peers)
	for i := range conns {
		conns[i] = udpPeer(t, "127.0.0.1")
	}
	send := func(from, to int) {
		for n := from; n < to; n++ {
			for _, c := range conns {
				if _, err := c.WriteToUDPAddrPort([]byte(strconv.Itoa(n)), at(tr, 0, "127.0.0.1")); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	send(0, each)
	close(g.open)
	next := map[netip.AddrPort]int{}
	for range peers * each {
		got := await(t, g.got, "a datagram")
		if want := next[got.flow.Remote]; got.data != strconv.Itoa(want) {
			t.Fatalf("%s: got %s, want %d", got.flow.Remote, got.data, want)
		}
		next[got.flow.Remote]++
	}
}

// gate holds whoever comes to Receive, and says that he came.
type gate struct {
	*sink
	mu    sync.Mutex
	open  chan struct{}
	holds chan struct{}
}

func (g *gate) Receive(transport.Flow, []byte) {
	g.mu.Lock()
	open := g.open
	g.mu.Unlock()
	g.holds <- struct{}{}
	<-open
}

// One reader takes all flows until it does not keep up; then the others help.
func TestUDPSpreads(t *testing.T) {
	tr, err := transport.New(listening(on(transport.UDP, "127.0.0.1")))
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	conns := make([]*net.UDPConn, 16) // in one socket all of them by a chance of 2^-15
	for i := range conns {
		conns[i] = udpPeer(t, "127.0.0.1")
	}
	send := func(n int) {
		for i := range n {
			if _, err := conns[i%len(conns)].WriteToUDPAddrPort([]byte("x"), at(tr, 0, "127.0.0.1")); err != nil {
				t.Fatal(err)
			}
		}
	}
	const pile = 540 // a few more than 32 batches of 16
	g := &gate{open: make(chan struct{}), holds: make(chan struct{}, pile)}
	send(pile)
	tr.Start(g)
	close(g.open)
	for range pile {
		await(t, g.holds, "a datagram")
	}
	g.mu.Lock()
	g.open = make(chan struct{})
	g.mu.Unlock()
	send(len(conns))
	for range 2 {
		await(t, g.holds, "another reader")
	}
	close(g.open)
}

// echo sends what it receives back: the shortest way through a transport.
type echo struct {
	*sink
	tr *transport.Transport
}

func (e echo) Receive(f transport.Flow, data []byte) { e.tr.Send(f, data) }

func TestUDPAllocatesNothing(t *testing.T) {
	for _, listen := range []string{"127.0.0.1", "0.0.0.0", "::"} {
		t.Run(listen, func(t *testing.T) {
			tr, err := transport.New(listening(on(transport.UDP, listen)))
			if err != nil {
				t.Fatal(err)
			}
			defer tr.Close()
			tr.Start(echo{newSink(), tr})
			peer := udpPeer(t, "127.0.0.1")
			to, data, buf := at(tr, 0, "127.0.0.1"), make([]byte, 1100), make([]byte, 2000)
			copy(data, "INVITE")
			n := testing.AllocsPerRun(2000, func() {
				peer.WriteToUDPAddrPort(data, to)
				if n, _, err := peer.ReadFromUDPAddrPort(buf); n != len(data) || err != nil {
					t.Fatal(n, err)
				}
			})
			if n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

// A descriptor that was closed may be somebody else's by now.
func TestSendAfterClose(t *testing.T) {
	tr, s := start(t, listening(on(transport.UDP, "127.0.0.1"), on(transport.TCP, "127.0.0.1")))
	c := dialTCP(t, at(tr, 1, "127.0.0.1"))
	write(t, c, message("x"))
	tcp := await(t, s.got, "the message").flow
	udp, _ := tr.Find(transport.Hop{Proto: transport.UDP, Addr: at(tr, 0, "127.0.0.1")}, "")
	tr.Close()
	for _, f := range []transport.Flow{tcp, udp} {
		if err := tr.Send(f, []byte("x")); !errors.Is(err, transport.ErrClosed) {
			t.Errorf("%s: %v", f.Proto, err)
		}
	}
	if got := await(t, s.closed, "the end"); got.flow != tcp || !errors.Is(got.err, transport.ErrClosed) {
		t.Errorf("%+v", got)
	}
	if err := tr.Send(transport.Flow{Proto: transport.UDP, Listener: 7}, []byte("x")); !errors.Is(err, transport.ErrNoListener) {
		t.Error(err)
	}
}
