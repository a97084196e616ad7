package ua

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"tollgate/sip"
)

// memNet is a network of datagrams in memory, for virtual time.
type memNet struct {
	mu    sync.Mutex
	conns map[netip.AddrPort]*memConn
	port  uint16
	lose  func(from, to netip.AddrPort, b []byte) bool // nil: nothing is lost
}

func newMemNet() *memNet { return &memNet{conns: make(map[netip.AddrPort]*memConn), port: 20000} }

func (n *memNet) listen(a netip.AddrPort) (packetConn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if a.Port() == 0 {
		n.port++
		a = netip.AddrPortFrom(a.Addr(), n.port)
	}
	if n.conns[a] != nil {
		return nil, net.ErrClosed
	}
	c := &memConn{net: n, local: a, in: make(chan datagram, 256), done: make(chan struct{})}
	n.conns[a] = c
	return c, nil
}

type datagram struct {
	from netip.AddrPort
	b    []byte
}

type memConn struct {
	net   *memNet
	local netip.AddrPort
	in    chan datagram
	done  chan struct{}
}

func (c *memConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.local) }

func (c *memConn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case d := <-c.in:
		return copy(b, d.b), d.from, nil
	case <-c.done:
		return 0, netip.AddrPort{}, net.ErrClosed
	}
}

func (c *memConn) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	if c.net.lose != nil && c.net.lose(c.local, to, b) {
		return len(b), nil
	}
	if peer := c.net.conns[to]; peer != nil {
		select {
		case peer.in <- datagram{c.local, append([]byte(nil), b...)}:
		default:
		}
	}
	return len(b), nil
}

func (c *memConn) Close() error {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	if c.net.conns[c.local] == c {
		delete(c.net.conns, c.local)
		close(c.done)
	}
	return nil
}

var (
	pbxAddr    = netip.MustParseAddrPort("192.0.2.2:5060")
	callerAddr = netip.MustParseAddrPort("192.0.2.1:5060")
)

// startPBX runs a PBX on a network until the test ends, or the given stop is called.
func startPBX(t *testing.T, cfg PBXConfig) (p *PBX, stop func()) {
	t.Helper()
	if cfg.Ring == 0 {
		cfg.Ring = time.Millisecond
	}
	if cfg.Talk == 0 {
		cfg.Talk = time.Millisecond
	}
	p, err := NewPBX(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return p, stop
}

func memPBX(t *testing.T, n *memNet, cfg PBXConfig) (*PBX, func()) {
	cfg.Listen, cfg.listen = pbxAddr, n.listen
	return startPBX(t, cfg)
}

func memProbe(n *memNet, user string) ProbeConfig {
	return ProbeConfig{
		Server: pbxAddr, Local: callerAddr, URI: "sip:" + user + "@192.0.2.2", From: "sip:alice@192.0.2.1",
		Talk: 100 * time.Millisecond, listen: n.listen,
	}
}

// testCertificate gives a self-signed one.
func testCertificate(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// lines gives the start lines of a ladder, "> " in front of those that were sent.
func lines(l *Ladder) []string {
	var out []string
	for _, s := range l.Steps {
		line := strings.TrimSuffix(s.Line, " SIP/2.0")
		line = strings.TrimPrefix(line, "SIP/2.0 ")
		method, _, isRequest := strings.Cut(line, " sip:")
		if isRequest {
			line = method
		}
		if s.Repeated {
			line += " again"
		}
		if s.Sent {
			line = "> " + line
		} else {
			line = "< " + line
		}
		out = append(out, line)
	}
	return out
}

func wantLines(t *testing.T, l *Ladder, want ...string) {
	t.Helper()
	if got := strings.Join(lines(l), "\n"); got != strings.Join(want, "\n") {
		t.Errorf("ladder:\n%s\nwant:\n%s\n\n%s", got, strings.Join(want, "\n"), l)
	}
}

// peer is a far end that is scripted by hand over a memNet.
type peer struct {
	t     *testing.T
	conn  packetConn
	to    netip.AddrPort
	tag   string
	toTag string
	cseq  int
}

func newPeer(t *testing.T, n *memNet, local, to netip.AddrPort) *peer {
	t.Helper()
	conn, err := n.listen(local)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &peer{t: t, conn: conn, to: to, tag: "peer"}
}

// write sends text with its lines ended by CRLF; a body stands behind an empty line.
func (p *peer) write(text string) {
	p.t.Helper()
	head, body, _ := strings.Cut(strings.TrimPrefix(text, "\n"), "\n\n")
	wire := strings.ReplaceAll(strings.TrimRight(head, "\n"), "\n", "\r\n") + "\r\n"
	body = strings.ReplaceAll(body, "\n", "\r\n")
	wire += "Content-Length: " + itoa(len(body)) + "\r\n\r\n" + body
	if _, err := p.conn.WriteToUDPAddrPort([]byte(wire), p.to); err != nil {
		p.t.Fatal(err)
	}
}

// request sends a request in the peer's one dialog. Branch and CSeq are numbered by
// cseq; extra is further lines, and a body behind an empty one.
func (p *peer) request(method string, cseq int, extra string) {
	p.t.Helper()
	to := "<sip:pbx@192.0.2.2>"
	if p.toTag != "" {
		to += ";tag=" + p.toTag
	}
	p.write(method + " sip:" + "100@192.0.2.2 SIP/2.0\n" +
		"Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK" + method + itoa(cseq) + "\n" +
		"Max-Forwards: 70\nFrom: <sip:peer@192.0.2.1>;tag=" + p.tag + "\nTo: " + to + "\nCall-ID: by-hand\n" +
		"CSeq: " + itoa(cseq) + " " + method + "\nContact: <sip:peer@192.0.2.1:5060>\n" + extra)
}

// read gives the next message.
func (p *peer) read() *sip.Message {
	p.t.Helper()
	buf := make([]byte, 65536)
	n, _, err := p.conn.ReadFromUDPAddrPort(buf)
	if err != nil {
		p.t.Fatal(err)
	}
	m := new(sip.Message)
	if err := m.Parse(buf[:n]); err != nil {
		p.t.Fatalf("%v in\n%s", err, buf[:n])
	}
	if v := sip.Validate(m); v.Status != 0 {
		p.t.Fatalf("%+v in\n%s", v, buf[:n])
	}
	return m
}

// want reads a response with that status, over provisional ones where it is final,
// and keeps its tag.
func (p *peer) want(status int) *sip.Message {
	p.t.Helper()
	for {
		m := p.read()
		if !m.IsRequest() && m.StatusCode() < 200 && status >= 200 {
			continue
		}
		if m.StatusCode() != status {
			p.t.Fatalf("got, want %d:\n%s", status, m.Bytes())
		}
		if tag := m.ToTag(); tag != nil && m.Method() == sip.INVITE {
			p.toTag = string(tag)
		}
		return m
	}
}

// wantRequest reads a request of that method.
func (p *peer) wantRequest(method sip.Method) *sip.Message {
	p.t.Helper()
	m := p.read()
	if !m.IsRequest() || m.Method() != method {
		p.t.Fatalf("got, want %s:\n%s", method, m.Bytes())
	}
	return m
}

func itoa(n int) string { return big.NewInt(int64(n)).String() }

const offerText = `Content-Type: application/sdp

v=0
o=- 1 1 IN IP4 192.0.2.1
s=-
c=IN IP4 192.0.2.1
t=0 0
m=audio 4000 RTP/AVP 8 0
`

func mustAddr(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
