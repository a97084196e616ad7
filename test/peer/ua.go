package peer

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Patience is how long an expectation waits before it fails.
const Patience = 8 * time.Second

// UA is one endpoint on one address and one transport. Its methods may be called
// from the test's goroutine only; its readers run on their own.
type UA struct {
	// Edge is where requests outside of dialogs are sent, as to an outbound proxy.
	Edge netip.AddrPort
	// Mark stands in every name that this side gives to itself (Call-ID, tags,
	// branches, Contact, From host), so that a leak of any of them is found by it.
	Mark string
	// Bare makes it a client that ignores Record-Route and Contact and sends all
	// to Edge and to the To URI, as some do.
	Bare bool

	t       testing.TB
	proto   string
	addr    netip.AddrPort
	place   Place
	started time.Time
	crlf    atomic.Int64 // empty lines between the messages of streams
	udp     *net.UDPConn
	ln      net.Listener
	readers sync.WaitGroup
	closing atomic.Bool
	serial  atomic.Int64
	claimed map[string]bool // Call-IDs that a Call reads; the test's goroutine only

	mu     sync.Mutex // guards what follows
	wake   chan struct{}
	queue  []*Message // arrived and not yet taken, in order
	seen   map[string]bool
	all    bool // retransmissions too
	flows  []*flow
	ladder []Entry
	hook   func(*Message) bool
}

// Entry is one message that passed, for the ladder and for the search for leaks.
type Entry struct {
	At   time.Duration // since the UA was made
	Out  bool
	Peer netip.AddrPort
	Raw  []byte
	Msg  *Message // nil where Raw cannot be read
}

// flow is where a message came from, and so where its answer goes.
type flow struct {
	ua     *UA
	conn   net.Conn // nil for UDP
	remote netip.AddrPort
}

func (f *flow) write(raw []byte) error {
	if f.conn == nil {
		_, err := f.ua.udp.WriteToUDPAddrPort(raw, f.remote)
		return err
	}
	_, err := f.conn.Write(raw)
	return err
}

// New opens an endpoint on a free port of ip. proto is udp, tcp or tls.
//
// No two ever get the same port of one address, though the first be long closed: a node may still
// have a customer whose PBX that was.
func New(t testing.TB, proto, ip string) *UA {
	t.Helper()
	for {
		u := Open(t, proto, netip.AddrPortFrom(netip.MustParseAddr(ip), 0))
		if _, again := given.LoadOrStore(proto+u.addr.String(), true); !again {
			return u
		}
		u.Close()
	}
}

// given are the addresses that New's endpoints have or had.
var given sync.Map

// Open opens an endpoint on that very address; port 0 is any.
func Open(t testing.TB, proto string, addr netip.AddrPort) *UA {
	t.Helper()
	return OpenIn(t, func(open func() error) error { return open() }, proto, addr)
}

// Place runs what opens a socket where the socket shall be, such as in another network namespace.
type Place func(open func() error) error

// OpenIn is Open in that place.
func OpenIn(t testing.TB, place Place, proto string, addr netip.AddrPort) *UA {
	t.Helper()
	u := &UA{
		t: t, proto: proto, place: place, started: time.Now(), wake: make(chan struct{}),
		claimed: map[string]bool{}, seen: map[string]bool{},
	}
	if err := u.place(func() error { return u.listen(addr) }); err != nil {
		t.Fatalf("peer: listen %s %s: %v", proto, addr, err)
	}
	u.Mark = fmt.Sprintf("q%sx%dq", strconv.FormatInt(time.Now().UnixNano()%0xffffff, 36), u.addr.Port())
	t.Cleanup(func() {
		u.Close()
		if t.Failed() {
			t.Log(u.Ladder())
		}
	})
	return u
}

func (u *UA) listen(addr netip.AddrPort) error {
	if u.proto == "udp" {
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
		if err != nil {
			return err
		}
		_ = conn.SetReadBuffer(1 << 20)
		u.udp, u.addr = conn, conn.LocalAddr().(*net.UDPAddr).AddrPort()
		u.readers.Go(u.readPackets)
		return nil
	}
	ln, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(addr))
	if err != nil {
		return err
	}
	u.ln, u.addr = ln, ln.Addr().(*net.TCPAddr).AddrPort()
	u.readers.Go(u.accept)
	return nil
}

// Close ends all that the endpoint has open, as a crash would, and waits for its readers.
func (u *UA) Close() {
	u.closing.Store(true)
	if u.udp != nil {
		u.udp.Close()
	}
	if u.ln != nil {
		u.ln.Close()
	}
	u.CloseConnections()
	u.readers.Wait()
}

// CloseConnections ends the streams that are open and keeps listening.
func (u *UA) CloseConnections() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, f := range u.flows {
		f.conn.Close()
	}
	u.flows = nil
}

// Reopen listens again where it listened before Close, as after a restart. The kernel may
// need a moment to let go of the old connections.
func (u *UA) Reopen() {
	u.t.Helper()
	u.closing.Store(false)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(Patience); ; <-tick.C {
		err := u.place(func() error { return u.listen(u.addr) })
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			u.t.Fatalf("peer: listen again on %s: %v", u.addr, err)
		}
	}
}

// Handle gives every message to f first; those for which f says true go no further.
// f runs on the reader's goroutine.
func (u *UA) Handle(f func(*Message) bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.hook = f
}

// Addr is the address it listens on; IP and Port are its halves.
func (u *UA) Addr() netip.AddrPort { return u.addr }

// IP is the address in text, without brackets.
func (u *UA) IP() string { return u.addr.Addr().String() }

// Port is the port it listens on.
func (u *UA) Port() int { return int(u.addr.Port()) }

// Proto is udp, tcp or tls.
func (u *UA) Proto() string { return u.proto }

func (u *UA) readPackets() {
	buf := make([]byte, 65536)
	for {
		n, from, err := u.udp.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		u.arrived(append([]byte(nil), buf[:n]...), &flow{ua: u, remote: netip.AddrPortFrom(from.Addr().Unmap(), from.Port())})
	}
}

func (u *UA) accept() {
	for {
		conn, err := u.ln.Accept()
		if err != nil {
			return
		}
		if u.proto == "tls" {
			conn = tls.Server(conn, serverTLS(u.t))
		}
		u.adopt(conn)
	}
}

// adopt starts to read a stream.
func (u *UA) adopt(conn net.Conn) *flow {
	remote := conn.RemoteAddr().(*net.TCPAddr).AddrPort()
	f := &flow{ua: u, conn: conn, remote: netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())}
	u.mu.Lock()
	u.flows = append(u.flows, f)
	u.mu.Unlock()
	u.readers.Go(func() { u.readStream(f) })
	if u.closing.Load() {
		conn.Close()
	}
	return f
}

func (u *UA) readStream(f *flow) {
	r := bufio.NewReader(f.conn)
	for {
		raw, err := u.readFrame(r)
		if err != nil {
			f.conn.Close()
			u.drop(f)
			return
		}
		u.arrived(raw, f)
	}
}

func (u *UA) drop(f *flow) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i, other := range u.flows {
		if other == f {
			u.flows = append(u.flows[:i], u.flows[i+1:]...)
			return
		}
	}
}

// readFrame reads one message of a stream by its Content-Length; CRLF keepalives are counted.
func (u *UA) readFrame(r *bufio.Reader) ([]byte, error) {
	var raw []byte
	length := 0
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		if line == "\r\n" && len(raw) == 0 {
			u.crlf.Add(1)
			continue
		}
		raw = append(raw, line...)
		if line == "\r\n" {
			break
		}
		name, value, _ := strings.Cut(line, ":")
		if strings.EqualFold(longName(strings.TrimSpace(name)), "Content-Length") {
			length, _ = strconv.Atoi(strings.TrimSpace(value))
		}
	}
	body := make([]byte, length)
	_, err := io.ReadFull(r, body)
	return append(raw, body...), err
}

// arrived files what came: in the ladder always, in the queue unless it is a retransmission.
func (u *UA) arrived(raw []byte, f *flow) {
	m, err := Parse(raw)
	if err == nil {
		m.flow = f
	}
	u.mu.Lock()
	u.ladder = append(u.ladder, Entry{time.Since(u.started), false, f.remote, raw, m})
	hook := u.hook
	u.mu.Unlock()
	if err != nil {
		if strings.TrimRight(string(raw), "\r\n\x00") != "" && !u.closing.Load() {
			u.t.Errorf("%s received what is no clean SIP: %v\n%q", u.addr, err, raw)
		}
		return
	}
	if hook != nil && hook(m) {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.seen[string(raw)] && !u.all {
		return
	}
	u.seen[string(raw)] = true
	u.queue = append(u.queue, m)
	close(u.wake)
	u.wake = make(chan struct{})
}

// Retransmissions says whether repeated messages are handed to expectations too.
func (u *UA) Retransmissions(yes bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.all = yes
}

// take returns the first queued message that want likes, waiting for it until the deadline.
func (u *UA) take(patience time.Duration, want func(*Message) bool) *Message {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		u.mu.Lock()
		for i, m := range u.queue {
			if want(m) {
				u.queue = append(u.queue[:i:i], u.queue[i+1:]...)
				u.mu.Unlock()
				return m
			}
		}
		wake := u.wake
		u.mu.Unlock()
		select {
		case <-wake:
		case <-timer.C:
			return nil
		}
	}
}

// flowTo is the connection to an address: an open one, else a new one.
func (u *UA) flowTo(addr netip.AddrPort) (*flow, error) {
	if u.proto == "udp" {
		return &flow{ua: u, remote: addr}, nil
	}
	u.mu.Lock()
	for _, f := range u.flows {
		if f.remote == addr {
			u.mu.Unlock()
			return f, nil
		}
	}
	u.mu.Unlock()
	d := net.Dialer{Timeout: Patience, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(u.addr.Addr(), 0))}
	var conn net.Conn
	err := u.place(func() (err error) {
		conn, err = d.Dial("tcp", addr.String())
		return err
	})
	if err != nil {
		return nil, err
	}
	if u.proto == "tls" {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, ServerName: "tollgate.test"})
	}
	return u.adopt(conn), nil
}

// transmit writes a message to a flow and into the ladder.
func (u *UA) transmit(f *flow, raw []byte) {
	u.t.Helper()
	m, _ := Parse(raw)
	u.mu.Lock()
	u.ladder = append(u.ladder, Entry{time.Since(u.started), true, f.remote, raw, m})
	u.mu.Unlock()
	if err := f.write(raw); err != nil && !u.closing.Load() {
		u.t.Fatalf("%s to %s: %v", u.addr, f.remote, err)
	}
}

// Raw sends bytes as they are to the edge.
func (u *UA) Raw(raw []byte) {
	u.t.Helper()
	u.RawTo(u.Edge, raw)
}

// RawTo sends bytes as they are.
func (u *UA) RawTo(addr netip.AddrPort, raw []byte) {
	u.t.Helper()
	f, err := u.flowTo(addr)
	if err != nil {
		u.t.Fatalf("%s to %s: %v", u.addr, addr, err)
	}
	u.transmit(f, raw)
}

// AddrPort reads "address:port"; what is none makes the zero value.
func AddrPort(s string) netip.AddrPort {
	addr, err := netip.ParseAddrPort(s)
	if err != nil {
		return netip.AddrPort{}
	}
	return addr
}

// token makes a name of this side that nobody else has.
func (u *UA) token(kind string) string {
	return fmt.Sprintf("%s%s%d", kind, u.Mark, u.serial.Add(1))
}
