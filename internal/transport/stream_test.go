package transport_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/internal/transport"
)

func TestTCP(t *testing.T) {
	for _, addr := range []string{"127.0.0.1", "::1"} {
		for _, listen := range []string{addr, "::"} {
			t.Run(listen+" from "+addr, func(t *testing.T) {
				tr, s := start(t, listening(on(transport.UDP, addr), on(transport.TCP, listen)))
				c := dialTCP(t, at(tr, 1, addr))
				write(t, c, message("hello"))
				got := await(t, s.got, "the message")
				f := got.flow
				if got.data != message("hello") || f.Proto != transport.TCP || f.Listener != 1 || f.Conn == 0 || f.Local != at(tr, 1, addr) || f.Remote.String() != c.LocalAddr().String() {
					t.Fatalf("%+v", got)
				}
				if err := tr.Send(f, []byte("answer")); err != nil {
					t.Fatal(err)
				}
				buf := make([]byte, 6)
				if _, err := io.ReadFull(c, buf); err != nil || string(buf) != "answer" {
					t.Fatalf("%q %v", buf, err)
				}
				if found, ok := tr.Find(transport.Hop{Proto: transport.TCP, Addr: f.Remote}, ""); !ok || found != f || !tr.Alive(f) {
					t.Errorf("found %+v, %v", found, ok)
				}
				c.Close()
				if e := await(t, s.closed, "the end"); e.flow != f || !errors.Is(e.err, io.EOF) {
					t.Errorf("%+v", e)
				}
				if _, ok := tr.Find(transport.Hop{Proto: transport.TCP, Addr: f.Remote}, ""); ok || tr.Alive(f) || !errors.Is(tr.Send(f, []byte("x")), transport.ErrClosed) {
					t.Error("still there")
				}
			})
		}
	}
}

// Wherever a stream is cut, the same messages come out of it.
func TestStreamCutAtEachByte(t *testing.T) {
	tr, s := start(t, listening(on(transport.TCP, "127.0.0.1")))
	first, second := message("one"), message("")
	all := first + "\r\n\r\n" + second + "\r\n" + first
	for cut := 1; cut < len(all); cut++ {
		c := dialTCP(t, at(tr, 0, "127.0.0.1"))
		write(t, c, all[:cut])
		write(t, c, all[cut:])
		for i, want := range []string{first, second, first} {
			if got := await(t, s.got, "a message"); got.data != want {
				t.Fatalf("cut at %d, message %d: %q", cut, i, got.data)
			}
		}
		pong := make([]byte, 2)
		if _, err := io.ReadFull(c, pong); err != nil || string(pong) != "\r\n" {
			t.Fatalf("cut at %d: pong %q, %v", cut, pong, err)
		}
		c.Close()
		await(t, s.closed, "the end")
	}
}

func TestStreamByteByByte(t *testing.T) {
	tr, s := start(t, listening(on(transport.TCP, "127.0.0.1")))
	c := dialTCP(t, at(tr, 0, "127.0.0.1"))
	want := message(strings.Repeat("body ", 100))
	for i := range len(want) {
		write(t, c, want[i:i+1])
	}
	if got := await(t, s.got, "the message"); got.data != want {
		t.Errorf("%q", got.data)
	}
}

// deaf takes everything and says nothing.
type deaf struct{}

func (deaf) Receive(transport.Flow, []byte)    {}
func (deaf) Closed(transport.Flow, error)      {}
func (deaf) Unreachable(transport.Flow, error) {}

// Whatever a stream holds, it ends itself at most.
func TestHostileStreams(t *testing.T) {
	tr, err := transport.New(limited(func(c *transport.Config) { c.PartialMessageTimeout = 50 * time.Millisecond }))
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	tr.Start(deaf{})
	random := rand.New(rand.NewPCG(1, 2))
	seed := "\r\n\r\n" + message("body") + message("")
	for range 300 {
		data := []byte(seed)
		for range 1 + random.IntN(20) {
			switch at := random.IntN(len(data)); random.IntN(4) {
			case 0:
				data[at] = byte(random.Uint32())
			case 1:
				data = append(data[:at], data[at+random.IntN(len(data)-at):]...)
				data = append(data, '\n')
			case 2:
				data = append(data[:at:at], append([]byte("\r\nContent-Length: 70000\r\n"), data[at:]...)...)
			case 3:
				data = append(data[:at:at], append(bytes.Repeat([]byte{data[at]}, random.IntN(3000)), data[at:]...)...)
			}
		}
		c := dialTCP(t, at(tr, 0, "127.0.0.1"))
		c.Write(data) // may fail in the middle
		c.Close()
	}
}

// A message may be as large as a datagram, larger ones end the connection.
func TestStreamLargeMessages(t *testing.T) {
	tr, s := start(t, listening(on(transport.TCP, "127.0.0.1")))
	c := dialTCP(t, at(tr, 0, "127.0.0.1"))
	large := message(strings.Repeat("x", 65000))
	for range 3 {
		write(t, c, large)
		if got := await(t, s.got, "the message"); got.data != large {
			t.Fatalf("%d bytes", len(got.data))
		}
	}
	write(t, c, strings.Replace(message(""), "Content-Length: 0", "Content-Length: 65536", 1))
	expectRefusal(t, c, "SIP/2.0 400 ")
	c.Close()
	await(t, s.closed, "the end")
}

// expectRefusal reads one answer and the end of the stream.
func expectRefusal(t *testing.T, c net.Conn, status string) {
	t.Helper()
	all, err := io.ReadAll(c)
	if err != nil || !strings.HasPrefix(string(all), status) || !strings.HasSuffix(string(all), "\r\n\r\n") {
		t.Fatalf("%q, %v", all, err)
	}
}

func TestStreamWithoutLength(t *testing.T) {
	tr, s := start(t, listening(on(transport.TCP, "127.0.0.1")))
	c := dialTCP(t, at(tr, 0, "127.0.0.1"))
	write(t, c, strings.Replace(message(""), "Content-Length: 0\r\n", "", 1)+strings.Repeat("what is this", 1000))
	expectRefusal(t, c, "SIP/2.0 400 ")
	c.Close()
	if e := await(t, s.closed, "the end"); e.err == nil || !strings.Contains(e.err.Error(), "Content-Length") {
		t.Error(e.err)
	}
	tls := dialTCP(t, at(tr, 0, "127.0.0.1"))
	write(t, tls, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 noise")
	if all, _ := io.ReadAll(tls); len(all) > 0 {
		t.Errorf("noise is answered with %q", all)
	}
	await(t, s.closed, "the end")
}

func limited(change func(*transport.Config)) transport.Config {
	cfg := listening(on(transport.TCP, "127.0.0.1"))
	change(&cfg)
	return cfg
}

// A peer that says nothing, or does not finish, or goes quiet, is let go.
func TestSlowPeers(t *testing.T) {
	short := limited(func(c *transport.Config) { c.PartialMessageTimeout = 30 * time.Millisecond })
	quiet := limited(func(c *transport.Config) { c.IdleTimeout = 30 * time.Millisecond })
	for _, c := range []struct {
		name string
		cfg  transport.Config
		data string
		want error
	}{
		{"says nothing", short, "", transport.ErrSlow},
		{"half a message", short, message("hello")[:40], transport.ErrSlow},
		{"one and a half", short, message("hello") + message("hello")[:200], transport.ErrSlow},
		{"half a ping", short, "\r", transport.ErrSlow},
		{"quiet", quiet, message("hello"), transport.ErrIdle},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr, s := start(t, c.cfg)
			peer := dialTCP(t, at(tr, 0, "127.0.0.1"))
			write(t, peer, c.data)
			if e := await(t, s.closed, "the end"); !errors.Is(e.err, c.want) {
				t.Error(e.err)
			}
			io.Copy(io.Discard, peer) // ends
		})
	}
}

// Traffic towards the peer keeps a connection, too.
func TestIdleCountsWrites(t *testing.T) {
	tr, s := start(t, limited(func(c *transport.Config) { c.IdleTimeout = 150 * time.Millisecond }))
	c := dialTCP(t, at(tr, 0, "127.0.0.1"))
	write(t, c, message(""))
	f := await(t, s.got, "the message").flow
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 20 {
		select {
		case e := <-s.closed:
			t.Fatal(e.err)
		case <-tick.C:
			if err := tr.Send(f, []byte("x")); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A peer that does not read fills its queue, and no other's. Once it reads,
// everything that was taken arrives, in order.
func TestSendQueue(t *testing.T) {
	tr, s := start(t, limited(func(c *transport.Config) { c.SendQueue = 100_000 }))
	c := dialTCP(t, at(tr, 0, "127.0.0.1"))
	write(t, c, message(""))
	f := await(t, s.got, "the message").flow
	line := bytes.Repeat([]byte("x"), 997)
	taken := 0
	for {
		binary := append([]byte{byte(taken), byte(taken >> 8), byte(taken >> 16)}, line...)
		err := tr.Send(f, binary)
		if errors.Is(err, transport.ErrQueueFull) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		taken++
	}
	other := dialTCP(t, at(tr, 0, "127.0.0.1"))
	write(t, other, message(""))
	if err := tr.Send(await(t, s.got, "another message").flow, []byte("hi")); err != nil {
		t.Fatal(err)
	}
	r, buf := bufio.NewReader(c), make([]byte, 1000)
	for i := range taken {
		if _, err := io.ReadFull(r, buf); err != nil {
			t.Fatal(i, taken, err)
		}
		if n := int(buf[0]) | int(buf[1])<<8 | int(buf[2])<<16; n != i {
			t.Fatalf("got %d for %d", n, i)
		}
	}
	if err := tr.Send(f, []byte("on it goes")); err != nil {
		t.Error(err)
	}
}

// A peer that reads nothing at all is closed in the end.
func TestPeerThatNeverReads(t *testing.T) {
	tr, s := start(t, limited(func(c *transport.Config) { c.PartialMessageTimeout = 100 * time.Millisecond }))
	c := dialTCP(t, at(tr, 0, "127.0.0.1"))
	write(t, c, message(""))
	f := await(t, s.got, "the message").flow
	data, sent := make([]byte, 10_000), 0
	for tr.Send(f, data) == nil {
		sent++
	}
	if e := await(t, s.closed, "the end"); !errors.Is(e.err, transport.ErrSlow) {
		t.Errorf("after %d messages: %v", sent, e.err)
	}
}

func TestConnectionLimits(t *testing.T) {
	for name, cfg := range map[string]transport.Config{
		"in all":        limited(func(c *transport.Config) { c.MaxConns = 3 }),
		"of one source": limited(func(c *transport.Config) { c.MaxConnsPerSource = 3 }),
	} {
		t.Run(name, func(t *testing.T) {
			tr, s := start(t, cfg)
			conns := make([]net.Conn, 3)
			for i := range conns {
				conns[i] = dialTCP(t, at(tr, 0, "127.0.0.1"))
				write(t, conns[i], message(""))
				await(t, s.got, "a message")
			}
			if err := ping(t, at(tr, 0, "127.0.0.1")); err == nil || isTimeout(err) {
				t.Fatalf("the fourth connection: %v", err)
			}
			conns[0].Close()
			await(t, s.closed, "the end")
			// Its place is free a moment later.
			for err := errors.New("not tried"); err != nil; err = ping(t, at(tr, 0, "127.0.0.1")) {
				if isTimeout(err) {
					t.Fatal(err)
				}
			}
		})
	}
}

// ping opens a connection and sees whether it is served; a reset may come as early
// as that.
func ping(t *testing.T, to netip.AddrPort) error {
	t.Helper()
	c, err := net.Dial("tcp", to.String())
	if err != nil {
		return err
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write([]byte("\r\n\r\n")); err != nil {
		return err
	}
	_, err = io.ReadFull(c, make([]byte, 2))
	return err
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

type dialled struct {
	flow transport.Flow
	err  error
}

func dial(t *testing.T, tr *transport.Transport, h transport.Hop, network string) dialled {
	t.Helper()
	c := make(chan dialled, 1)
	tr.Dial(h, network, func(f transport.Flow, err error) { c <- dialled{f, err} })
	return await(t, c, "the connection")
}

// server accepts connections for a test.
func server(t *testing.T) (netip.AddrPort, <-chan net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted, done := make(chan net.Conn, 10), make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.SetDeadline(time.Now().Add(patience))
			accepted <- c
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
		for len(accepted) > 0 {
			(<-accepted).Close()
		}
	})
	return l.Addr().(*net.TCPAddr).AddrPort(), accepted
}

func TestDial(t *testing.T) {
	addr, accepted := server(t)
	tr, s := start(t, listening(on(transport.UDP, "127.0.0.1"), on(transport.TCP, "127.0.0.4")))
	hop := transport.Hop{Proto: transport.TCP, Addr: addr}
	if _, ok := tr.Find(hop, ""); ok {
		t.Fatal("found what was not opened")
	}
	c := make(chan dialled, 10)
	for range cap(c) {
		tr.Dial(hop, "", func(f transport.Flow, err error) { c <- dialled{f, err} })
	}
	var f transport.Flow
	for i := range cap(c) {
		d := await(t, c, "the connection")
		if d.err != nil || i > 0 && d.flow != f {
			t.Fatal(d)
		}
		f = d.flow
	}
	peer := await(t, accepted, "the connection at the other side")
	if f.Listener != 1 || f.Remote != addr || f.Local.String() != peer.RemoteAddr().String() || f.Local.Addr() != netip.MustParseAddr("127.0.0.4") {
		t.Errorf("%+v, from %s", f, peer.RemoteAddr())
	}
	if found, ok := tr.Find(hop, ""); !ok || found != f {
		t.Error("not found")
	}
	if _, ok := tr.Find(hop, "elsewhere"); ok {
		t.Error("found in another network")
	}
	write(t, peer, message("x"))
	if got := await(t, s.got, "the message"); got.flow != f {
		t.Errorf("%+v", got.flow)
	}
	if err := tr.Send(f, []byte("ok")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(peer, make([]byte, 2)); err != nil {
		t.Fatal(err)
	}
	peer.Close()
	if e := await(t, s.closed, "the end"); e.flow != f || !errors.Is(e.err, io.EOF) {
		t.Error(e)
	}
	if len(accepted) > 0 {
		t.Error("more than one connection")
	}
}

func TestDialFails(t *testing.T) {
	gone, _ := net.Listen("tcp", "127.0.0.1:0")
	refused := gone.Addr().(*net.TCPAddr).AddrPort()
	gone.Close()
	tr, _ := start(t, listening(on(transport.TCP, "127.0.0.1")))
	for name, c := range map[string]struct {
		hop     transport.Hop
		network string
		want    error
		text    string
	}{
		"refused":        {transport.Hop{Proto: transport.TCP, Addr: refused}, "", syscall.ECONNREFUSED, "tcp:" + refused.String()},
		"no TLS here":    {transport.Hop{Proto: transport.TLS, Addr: refused}, "", transport.ErrNoListener, "sip.listen"},
		"other network":  {transport.Hop{Proto: transport.TCP, Addr: refused}, "inside", transport.ErrNoListener, "sip.listen"},
		"UDP":            {transport.Hop{Proto: transport.UDP, Addr: refused}, "", transport.ErrNoListener, "stream"},
		"another family": {transport.Hop{Proto: transport.TCP, Addr: netip.MustParseAddrPort("[::1]:5060")}, "", transport.ErrNoListener, "sip.listen"},
	} {
		if d := dial(t, tr, c.hop, c.network); !errors.Is(d.err, c.want) || !strings.Contains(d.err.Error(), c.text) {
			t.Errorf("%s: %v", name, d.err)
		}
	}
}

// A peer that accepts and closes at once would else be dialled in a circle.
func TestDialFlapping(t *testing.T) {
	addr, accepted := server(t)
	tr, s := start(t, listening(on(transport.TCP, "127.0.0.1")))
	if d := dial(t, tr, transport.Hop{Proto: transport.TCP, Addr: addr}, ""); d.err != nil {
		t.Fatal(d.err)
	}
	await(t, accepted, "the connection").Close()
	await(t, s.closed, "the end")
	for {
		d := dial(t, tr, transport.Hop{Proto: transport.TCP, Addr: addr}, "")
		if d.err != nil {
			if !errors.Is(d.err, transport.ErrClosed) {
				t.Fatal(d.err)
			}
			return
		}
		await(t, accepted, "the connection").Close()
	}
}

// Closing while a connection is being opened waits for neither side.
func TestCloseWhileDialling(t *testing.T) {
	addr, accepted := server(t)
	tr, _ := start(t, listening(on(transport.TLS, "127.0.0.1")))
	c := make(chan dialled, 1)
	tr.Dial(transport.Hop{Proto: transport.TLS, Addr: addr}, "", func(f transport.Flow, err error) { c <- dialled{f, err} })
	defer await(t, accepted, "the connection").Close() // which never answers the handshake
	tr.Close()
	if d := await(t, c, "the failure"); d.err == nil {
		t.Error("opened")
	}
}
