package hostile

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/stage"
)

// streams are tested over TCP and TLS.
type streams struct {
	t      *testing.T
	addr   netip.AddrPort
	tls    bool
	source string
	domain string
}

func (s *streams) dial() net.Conn {
	s.t.Helper()
	d := net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(s.source)}}
	conn, err := d.Dial("tcp", s.addr.String())
	if err != nil {
		s.t.Fatalf("the node takes no connections any more: %v", err)
	}
	if s.tls {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, ServerName: "tollgate.test"})
	}
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn
}

// message is a request that the node answers by itself, with 483.
func (s *streams) message(serial int) string {
	body := "hello, world\r\n\r\nMESSAGE sip:not@a.message SIP/2.0\r\n\r\n"
	return strings.Join([]string{
		"MESSAGE sip:bob@" + s.domain + " SIP/2.0",
		fmt.Sprintf("Via: SIP/2.0/%s %s:5999;branch=z9hG4bKs%d%s;rport", map[bool]string{true: "TLS", false: "TCP"}[s.tls], s.source, serial, s.domain),
		fmt.Sprintf("From: <sip:x@y.test>;tag=s%d", serial), "To: <sip:bob@" + s.domain + ">",
		fmt.Sprintf("Call-ID: stream%d@%s", serial, s.domain), "CSeq: 1 MESSAGE", "Max-Forwards: 0",
		"Content-Type: text/plain", fmt.Sprintf("Content-Length: %d", len(body)), "", body,
	}, "\r\n")
}

func TestStreams(t *testing.T) {
	node := harness.Start(t)
	for _, proto := range []string{"tcp", "tls"} {
		t.Run(proto, func(t *testing.T) {
			scene := stage.New(t, node, stage.One()[0], nil)
			s := &streams{
				t: t, addr: node.Addr(proto, netip.IPv4Unspecified()), tls: proto == "tls",
				source: harness.IP(t), domain: scene.Domain,
			}
			before := measure(t, node.PID())
			s.cutEverywhere()
			s.splitEverywhere()
			s.manyInOne()
			s.keepalive()
			s.garbage()
			flat(t, node, before)
			realCalls(t, node)
			cleanLog(t, node)
		})
	}
}

// cutEverywhere ends the stream after every byte, gently or not.
func (s *streams) cutEverywhere() {
	s.t.Helper()
	raw := s.message(0)
	step := 1
	if s.tls && !harness.Soak() {
		step = 7 // a handshake costs more
	}
	for i := 0; i < len(raw); i += step {
		conn := s.dial()
		_, _ = io.WriteString(conn, raw[:i])
		if tcp, ok := conn.(*net.TCPConn); ok && i%2 == 0 {
			_ = tcp.SetLinger(0)
		}
		conn.Close()
	}
}

// splitEverywhere sends each message in two pieces, on one connection, and reads each answer.
func (s *streams) splitEverywhere() {
	s.t.Helper()
	conn := s.dial()
	defer conn.Close()
	r := bufio.NewReader(conn)
	for i := range len(s.message(1000)) {
		raw := s.message(1000 + i)
		cut := min(i, len(raw))
		_, _ = io.WriteString(conn, raw[:cut])
		_, _ = io.WriteString(conn, raw[cut:])
		s.expect483(r, 1000+i)
	}
}

// expect483 reads one answer and checks whose it is.
func (s *streams) expect483(r *bufio.Reader, serial int) {
	s.t.Helper()
	var head strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			s.t.Fatalf("message %d: no answer: %v after %q", serial, err, head.String())
		}
		if line == "\r\n" {
			break
		}
		head.WriteString(line)
	}
	text := head.String()
	if !strings.HasPrefix(text, "SIP/2.0 483 ") || !strings.Contains(text, fmt.Sprintf("stream%d@", serial)) ||
		!strings.Contains(strings.ToLower(text), "content-length: 0\r\n") {
		s.t.Fatalf("message %d: answered by\n%s", serial, text)
	}
}

// manyInOne sends twenty messages in one write, and one in single bytes.
func (s *streams) manyInOne() {
	s.t.Helper()
	conn := s.dial()
	defer conn.Close()
	r := bufio.NewReader(conn)
	var all strings.Builder
	for i := range 20 {
		all.WriteString(s.message(3000 + i))
		if i%3 == 0 {
			all.WriteString("\r\n")
		}
	}
	_, _ = io.WriteString(conn, all.String())
	for i := range 20 {
		s.expect483(r, 3000+i)
	}
	for _, c := range []byte(s.message(3100)) {
		_, _ = conn.Write([]byte{c})
	}
	s.expect483(r, 3100)
}

// keepalive: CRLFCRLF is answered with CRLF (RFC 5626 3.5.1).
func (s *streams) keepalive() {
	s.t.Helper()
	conn := s.dial()
	defer conn.Close()
	_, _ = io.WriteString(conn, "\r\n\r\n")
	pong := make([]byte, 2)
	if _, err := io.ReadFull(conn, pong); err != nil || string(pong) != "\r\n" {
		s.t.Fatalf("a ping was answered with %q, %v", pong, err)
	}
}

// garbage is what no framing can be found in: the node closes, or waits for more; it never falls.
func (s *streams) garbage() {
	s.t.Helper()
	r := rand.New(rand.NewPCG(seed, 3))
	raw := s.message(4000)
	for i := range 60 {
		conn := s.dial()
		_, _ = conn.Write(s.broken(r, raw, i))
		conn.Close()
	}
	plain := *s
	plain.tls = false
	for range 20 { // below TLS too
		conn := plain.dial()
		noise := make([]byte, r.IntN(600))
		for i := range noise {
			noise[i] = byte(r.Uint32())
		}
		_, _ = conn.Write(noise)
		conn.Close()
	}
}

func (s *streams) broken(r *rand.Rand, raw string, i int) []byte {
	switch i % 6 {
	case 0:
		return []byte(strings.Replace(raw, "Content-Length: ", "Content-Length: 99999999999", 1))
	case 1:
		return []byte(strings.Replace(raw, "Content-Length: ", "Content-Length: -", 1))
	case 2:
		return []byte("MESSAGE sip:x SIP/2.0\r\n" + strings.Repeat("X: "+strings.Repeat("y", 1000)+"\r\n", 100))
	case 3:
		return []byte(strings.Repeat("A", 100_000))
	case 4:
		return []byte(strings.ReplaceAll(raw, "\r\n", "\n"))
	default:
		return mutate(r, []byte(raw))
	}
}
