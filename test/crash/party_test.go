package crash

import (
	"bufio"
	"errors"
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

	"tollgate/test/harness"
	"tollgate/test/peer"
)

// party is an endpoint on one address and one transport: a phone, many of them, or a PBX.
type party struct {
	t     testing.TB
	mark  string // stands in each name that it gives itself
	proto string
	addr  netip.AddrPort
	edge  netip.AddrPort
	deaf  bool // it opens connections and takes none, as behind a NAT

	udp     *net.UDPConn
	ln      net.Listener
	readers sync.WaitGroup

	mu      sync.Mutex // guards what follows, and all legs and requests of the party
	closed  bool
	mute    bool          // it neither reads nor answers any more
	ringing bool          // its phones ring until somebody answers them
	alien   []string      // marks and addresses of those whom it must not be shown
	seen    *atomic.Int64 // messages that came; may be shared
	conns   map[net.Conn]bool
	dial    net.Conn // the connection that it opened, nil for none
	serial  int
	legs    map[string]*leg     // by Call-ID
	pending map[string]*request // by branch
	replies map[string][]byte   // last answers by branch and method, for retransmissions
	lines   map[string]string   // of a PBX: the token of each address of record
	calls   map[string]*leg     // incoming ones by the name that the caller gave them
}

// open makes a party at an address of its own.
func open(t testing.TB, node *harness.Node, proto, mark string) *party {
	t.Helper()
	ip := harness.IP(t)
	p := &party{
		t: t, mark: mark, proto: proto, seen: new(atomic.Int64),
		conns: map[net.Conn]bool{}, legs: map[string]*leg{}, pending: map[string]*request{},
		replies: map[string][]byte{}, lines: map[string]string{}, calls: map[string]*leg{},
	}
	at := netip.AddrPortFrom(netip.MustParseAddr(ip), 0)
	p.edge = node.Addr(proto, at.Addr())
	if err := p.listen(at); err != nil {
		t.Fatalf("listen on %s %s: %v", proto, ip, err)
	}
	t.Cleanup(p.close)
	return p
}

func (p *party) listen(at netip.AddrPort) (err error) {
	if p.proto == "udp" {
		if p.udp, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(at)); err != nil {
			return err
		}
		_ = p.udp.SetReadBuffer(4 << 20)
		p.addr = p.udp.LocalAddr().(*net.UDPAddr).AddrPort()
		p.readers.Go(p.readPackets)
		return nil
	}
	if p.ln, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at)); err != nil {
		return err
	}
	p.addr = p.ln.Addr().(*net.TCPAddr).AddrPort()
	p.readers.Go(p.accept)
	return nil
}

// beDeaf ends the listening: from now on it has only the connections that it opens.
func (p *party) beDeaf() {
	p.deaf = true
	p.ln.Close()
}

// hides adds to what this party must never be shown.
func (p *party) hides(names ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.alien = append(p.alien, names...)
}

// counts has its messages counted together with others'.
func (p *party) counts(seen *atomic.Int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = seen
}

// rings lets calls ring until somebody answers them.
func (p *party) rings() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ringing = true
}

// close ends all that is open, and waits for the readers.
func (p *party) close() {
	p.mu.Lock()
	p.closed = true
	for _, r := range p.pending {
		r.stop()
	}
	for _, l := range p.legs {
		l.stop()
	}
	for c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	if p.udp != nil {
		p.udp.Close()
	}
	if p.ln != nil {
		p.ln.Close()
	}
	p.readers.Wait()
}

func (p *party) readPackets() {
	buf := make([]byte, 65536)
	for {
		n, from, err := p.udp.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil { // else the ICMP of a node that is down
			p.arrived(buf[:n], way{to: from})
		}
	}
}

func (p *party) accept() {
	for {
		conn, err := p.ln.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		p.adopt(conn)
		p.mu.Unlock()
	}
}

// adopt starts to read a connection.
func (p *party) adopt(conn net.Conn) {
	if p.closed {
		conn.Close()
		return
	}
	p.conns[conn] = true
	p.readers.Go(func() { p.readStream(conn) })
}

func (p *party) readStream(conn net.Conn) {
	for r := bufio.NewReaderSize(conn, 1<<16); ; {
		raw, err := frame(r)
		if err != nil {
			break
		}
		p.arrived(raw, way{conn: conn})
	}
	conn.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
	if p.dial == conn {
		p.dial = nil
	}
}

// frame reads one message of a stream.
func frame(r *bufio.Reader) ([]byte, error) {
	var raw []byte
	length := 0
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		if line == "\r\n" && len(raw) == 0 {
			continue // a keepalive
		}
		raw = append(raw, line...)
		if line == "\r\n" {
			break
		}
		if name, value, _ := strings.Cut(line, ":"); strings.EqualFold(name, "Content-Length") {
			length, _ = strconv.Atoi(strings.TrimSpace(value))
		}
	}
	body := make([]byte, length)
	_, err := io.ReadFull(r, body)
	return append(raw, body...), err
}

// way is where a message came from, and its answer goes.
type way struct {
	conn net.Conn // nil for UDP
	to   netip.AddrPort
}

// write sends to where a message came from. mu is held.
func (p *party) write(w way, raw []byte) {
	if w.conn != nil {
		_ = w.conn.SetWriteDeadline(time.Now().Add(peer.Patience))
		_, _ = w.conn.Write(raw) // a connection that died takes its answers with it
		return
	}
	_, _ = p.udp.WriteToUDPAddrPort(raw, w.to)
}

// send sends a request to the edge, over the connection that is open or a new one. mu is held.
func (p *party) send(to netip.AddrPort, raw []byte) error {
	if p.proto == "udp" {
		p.write(way{to: to}, raw)
		return nil
	}
	if p.dial == nil {
		d := net.Dialer{Timeout: peer.Patience, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(p.addr.Addr(), 0))}
		conn, err := d.Dial("tcp", to.String())
		if err != nil {
			return err
		}
		p.dial = conn
		p.adopt(conn)
	}
	p.write(way{conn: p.dial}, raw)
	return nil
}

// arrived judges and answers what came.
func (p *party) arrived(raw []byte, from way) {
	if len(strings.Trim(string(raw), "\r\n\x00")) == 0 {
		return // a keepalive
	}
	m, err := peer.Parse(raw)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen.Add(1)
	switch {
	case p.closed || p.mute:
		return
	case err != nil:
		p.t.Errorf("%s received what is no clean SIP: %v\n%q", p.mark, err, raw)
		return
	}
	for _, alien := range p.alien {
		if strings.Contains(string(raw), alien) {
			p.t.Errorf("%s is shown %s:\n%s", p.mark, alien, raw)
		}
	}
	if m.Method == "" {
		p.response(m)
		return
	}
	key := branch(m) + " " + m.Method
	if last, again := p.replies[key]; again {
		p.write(from, last)
		return
	}
	if m.Method == "ACK" {
		p.acked(m)
		return
	}
	if raw := p.request(m, from); raw != nil {
		p.replies[key] = raw
		p.write(from, raw)
	}
}

// branch names a message's transaction.
func branch(m *peer.Message) string { return peer.HeaderParam(m.Get("Via"), "branch") }

// token makes a name that nobody else has. mu is held.
func (p *party) token(kind string) string {
	p.serial++
	return fmt.Sprintf("%s%s%d", kind, p.mark, p.serial)
}

// uri is a SIP URI of this party.
func (p *party) uri(user string) string {
	uri := "sip:" + user + "@" + p.addr.String()
	if p.proto != "udp" {
		uri += ";transport=" + p.proto
	}
	return uri
}

// fault tells of a message that is not as it must be.
func (p *party) fault(m *peer.Message, format string, args ...any) {
	p.t.Errorf("%s: %s:\n%s", p.mark, fmt.Sprintf(format, args...), m.Bytes())
}

// nudge sends all that is not answered again now: who was down may be there again.
func (p *party) nudge() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.pending {
		if !r.proceeding {
			r.again()
		}
	}
}

// idle tells whether every request has its answer.
func (p *party) idle() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.pending {
		return fmt.Errorf("%s waits for the answer to\n%s", p.mark, r.raw)
	}
	return nil
}

// giveUp forgets the INVITEs that got a 1xx: the node that sent it is gone.
func (p *party) giveUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for b, r := range p.pending {
		if r.proceeding {
			r.stop()
			delete(p.pending, b)
		}
	}
}

// tokenOf is by what this PBX reaches an address of record.
func (p *party) tokenOf(aor string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lines[aor]
}

// forget drops every dialog, as a phone that lost its power.
func (p *party) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.pending {
		r.stop()
	}
	for _, l := range p.legs {
		l.stop()
	}
	clear(p.legs)
	clear(p.pending)
	clear(p.replies)
	clear(p.calls)
}

// hush makes a party dumb: what comes is not answered any more.
func (p *party) hush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mute = true
}

// absent tells whether a party has ended or is dumb.
func (p *party) absent() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed || p.mute
}

// legOf finds a dialog by its Call-ID, nil where it was forgotten.
func (p *party) legOf(id string) *leg {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.legs[id]
}
