package overload

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tollgate/bench/flood"
	"tollgate/test/harness"
)

const (
	// streams is from how many connections a customer is flooded.
	streams = 400
	// soon is for how long another's phone over TCP waits for an answer at most, the pauses of
	// a fifth of a core included.
	soon = 10 * time.Second
)

// TestStreams floods a customer with calls, or with REGISTERs and BYEs, over many connections, each of which is written to
// as fast as the node reads. Calls of another one over UDP and TCP complete, and the latter soon.
func TestStreams(t *testing.T) {
	s, most := newScene(t), 4*time.Second
	if harness.Soak() {
		most = 30 * time.Second
	}
	for i, c := range []struct {
		name    string
		conns   int
		secure  bool
		methods []string
	}{
		{"nothing", 0, false, nil},
		{"INVITE over TCP", streams, false, []string{"INVITE"}},
		{"REGISTER and BYE over TCP", streams, false, []string{"REGISTER", "BYE"}},
		{"REGISTER and BYE over TLS", streams, true, []string{"REGISTER", "BYE"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			stop, flooding := make(chan struct{}), s.flooding(t, c.conns, c.secure, c.methods)
			var phones, floods sync.WaitGroup
			floods.Go(func() { flooding(stop) })
			var calls atomic.Int64
			for n := range 2 {
				phones.Go(func() { calls.Add(s.phone(t, fmt.Sprintf("phone%d-%d", i, n), most)) })
			}
			r, err := flood.Run(flood.Load{
				Node: s.Node, From: netip.MustParseAddr("127.0.0.2"), Domain: quiet, Rate: 10, For: most, Hold: time.Second, Wait: 32 * time.Second,
			})
			phones.Wait()
			close(stop)
			floods.Wait()
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("over TCP %d calls; over UDP %s", calls.Load(), r)
			if r.Completed != r.Offered || r.InDialogLost > 0 || calls.Load() == 0 {
				t.Errorf("the other customer: %d calls over TCP; over UDP %s", calls.Load(), r)
			}
		})
	}
}

// flooding opens so many connections. What it gives writes requests of these methods to them until it is stopped.
func (s *scene) flooding(t *testing.T, count int, secure bool, methods []string) func(stop <-chan struct{}) {
	t.Helper()
	dial := map[bool]func(*testing.T, netip.Addr) net.Conn{false: s.dial, true: s.dialTLS}[secure]
	var conns []net.Conn
	for i := range count {
		conns = append(conns, dial(t, netip.AddrFrom4([4]byte{127, 0, 1, byte(i % 8)})))
	}
	return func(stop <-chan struct{}) {
		var all sync.WaitGroup
		var sent atomic.Int64
		for i, c := range conns {
			all.Go(func() { _, _ = io.Copy(io.Discard, c) }) // until it is closed
			all.Go(func() {
				for n := 0; ; n++ {
					method, id, to := methods[n%len(methods)], fmt.Sprintf("%s%d-%d", busy, i, n), ""
					if method == "BYE" {
						to = "<sip:1000@" + flooded + ">;tag=none"
					}
					if _, err := c.Write(ask(method, flooded, id, to, 1, c.LocalAddr())); err != nil {
						return
					}
					sent.Add(1)
				}
			})
		}
		<-stop
		for _, c := range conns {
			c.Close()
		}
		all.Wait()
		t.Logf("%d of %v were written to %d connections", sent.Load(), methods, count)
	}
}

// dialTLS is dial over TLS.
func (s *scene) dialTLS(t *testing.T, from netip.Addr) net.Conn {
	t.Helper()
	c := tls.Client(s.dialTo(t, from, s.tls), &tls.Config{InsecureSkipVerify: true})
	if err := c.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

func (s *scene) dial(t *testing.T, from netip.Addr) net.Conn {
	t.Helper()
	return s.dialTo(t, from, s.tcp)
}

func (s *scene) dialTo(t *testing.T, from netip.Addr, to netip.AddrPort) net.Conn {
	t.Helper()
	d := net.Dialer{Timeout: 20 * time.Second, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	c, err := d.Dial("tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.(*net.TCPConn).SetWriteBuffer(8 << 10) // else our own kernel takes megabytes for each
	return c
}

// phone makes one call of the other customer's after the other over one connection, with a request within each,
// and gives their number.
func (s *scene) phone(t *testing.T, name string, most time.Duration) (calls int64) {
	c := s.dial(t, netip.MustParseAddr("127.0.0.3"))
	in := bufio.NewReader(c)
	var slowest time.Duration
	for began := time.Now(); time.Since(began) < most; calls++ {
		id, tag := fmt.Sprintf("%s-%d", name, calls), ""
		for i, method := range []string{"INVITE", "INFO", "BYE"} {
			asked := time.Now()
			if _, err := c.Write(ask(method, quiet, id, tag, i+1, c.LocalAddr())); err != nil {
				t.Errorf("%s of %s: %v", method, id, err)
				return calls
			}
			answer, err := final(c, in, fmt.Sprintf("\r\nCall-ID: %s\r\nCSeq: %d %s\r\n", id, i+1, method))
			if err != nil || !bytes.HasPrefix(answer, []byte("SIP/2.0 200 ")) {
				t.Errorf("%s of %s: %v\n%s", method, id, err, answer)
				return calls
			}
			slowest = max(slowest, time.Since(asked))
			if method == "INVITE" {
				tag = toOf(answer)
				if _, err := c.Write(ask("ACK", quiet, id, tag, 1, c.LocalAddr())); err != nil {
					t.Errorf("ACK of %s: %v", id, err)
				}
			}
		}
	}
	t.Logf("%s: the slowest answer took %v", name, slowest.Round(time.Millisecond))
	if slowest > soon {
		t.Errorf("%s waited for %v", name, slowest)
	}
	return calls
}

// ask is a request of a phone; to is what the first answer's To had, if there was one.
func ask(method, domain, id, to string, cseq int, me net.Addr) []byte {
	if to == "" {
		to = "<sip:1000@" + domain + ">"
	}
	return fmt.Appendf(nil, "%s sip:1000@%s SIP/2.0\r\nVia: SIP/2.0/TCP %s;branch=z9hG4bK%s-%d%s\r\nMax-Forwards: 70\r\nFrom: <sip:a@%s>;tag=1\r\n"+
		"To: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:a@%s;transport=tcp>\r\nContent-Length: 0\r\n\r\n", method, domain, me, id, cseq, method, domain, to, id, cseq, method, me)
}

// final gives the head of the next final response that has these lines: a 200 may come again meanwhile.
func final(c net.Conn, in *bufio.Reader, lines string) ([]byte, error) {
	if err := c.SetReadDeadline(time.Now().Add(32 * time.Second)); err != nil {
		return nil, err
	}
	var head []byte
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return head, err
		}
		if head = append(head, line...); !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
			continue
		}
		if !bytes.HasPrefix(head, []byte("SIP/2.0 1")) && bytes.Contains(head, []byte(lines)) {
			return head, nil
		}
		head = head[:0]
	}
}

// toOf is the value of a response's To.
func toOf(head []byte) string {
	_, rest, _ := bytes.Cut(head, []byte("\r\nTo: "))
	value, _, _ := bytes.Cut(rest, []byte("\r\n"))
	return string(value)
}
