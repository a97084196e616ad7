package overload

import (
	"bufio"
	"context"
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

// greeters is from how many connections at a time TLS handshakes are begun.
const greeters = 400

// TestHandshakes floods a node with TLS handshakes of one address, which cost it much and their sender nothing: he
// sends the same first message again and again, and never goes on. Another customer calls over UDP, and another
// address's phone comes in over TLS.
func TestHandshakes(t *testing.T) {
	s, most := newScene(t), 4*time.Second
	if harness.Soak() {
		most = 30 * time.Second
	}
	hello := helloOf(t)
	again := 0 // INVITEs that were sent again without a flood: the machine was busy
	for _, count := range []int{0, greeters} {
		t.Run(fmt.Sprint(count), func(t *testing.T) {
			stop := make(chan struct{})
			var floods, phones sync.WaitGroup
			var begun atomic.Int64
			for range count {
				floods.Go(func() { s.greet(hello, &begun, stop) })
			}
			phones.Go(func() { s.secure(t, most) })
			r, err := flood.Run(flood.Load{
				Node: s.Node, From: netip.MustParseAddr("127.0.0.2"), Domain: quiet, Rate: 10, Most: 40, For: most,
				Hold: time.Second, Every: 200 * time.Millisecond, Wait: 32 * time.Second,
			})
			phones.Wait()
			close(stop)
			floods.Wait()
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d handshakes were begun; over UDP %s", begun.Load(), r)
			if r.Completed != r.Offered || r.InDialogLost > 0 || r.Again > 2*again+r.Offered/4 {
				t.Errorf("the other customer: %s", r)
			}
			again = r.Again
		})
	}
}

// helloOf is the first message of a TLS client.
func helloOf(t *testing.T) []byte {
	t.Helper()
	ours, theirs := net.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	var client sync.WaitGroup
	client.Go(func() { _ = tls.Client(theirs, &tls.Config{ServerName: quiet}).HandshakeContext(ctx) }) // nobody answers
	buf := make([]byte, 8192)
	n, err := ours.Read(buf)
	cancel()
	ours.Close()
	client.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

// greet begins one handshake after the other until it is stopped, and counts those that the node has answered.
func (s *scene) greet(hello []byte, begun *atomic.Int64, stop <-chan struct{}) {
	d := net.Dialer{Timeout: time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 3, 1)}}
	for {
		select {
		case <-stop:
			return
		default:
		}
		c, err := d.Dial("tcp", s.tls.String())
		if err != nil {
			continue
		}
		_ = c.(*net.TCPConn).SetLinger(0) // else its port is gone for a minute
		_ = c.SetDeadline(time.Now().Add(time.Second))
		if _, err = c.Write(hello); err == nil {
			if _, err = io.ReadFull(c, make([]byte, 1)); err == nil {
				begun.Add(1)
			}
		}
		c.Close()
	}
}

// secure has a phone come in over TLS again and again, and ask one thing each time.
func (s *scene) secure(t *testing.T, most time.Duration) {
	d := tls.Dialer{
		NetDialer: &net.Dialer{Timeout: 32 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 3, 2)}},
		Config:    &tls.Config{InsecureSkipVerify: true},
	}
	came, slowest := 0, time.Duration(0)
	for began := time.Now(); time.Since(began) < most; came++ {
		asked := time.Now()
		c, err := d.DialContext(t.Context(), "tcp", s.tls.String())
		if err != nil {
			t.Errorf("phone %d over TLS: %v", came, err)
			return
		}
		id := fmt.Sprintf("secure-%d-%d", began.UnixNano(), came)
		_, err = c.Write(ask("OPTIONS", quiet, id, "", 1, c.LocalAddr()))
		if err == nil {
			_, err = final(c, bufio.NewReader(c), fmt.Sprintf("\r\nCall-ID: %s\r\nCSeq: 1 OPTIONS\r\n", id))
		}
		c.Close()
		if err != nil {
			t.Errorf("OPTIONS of phone %d over TLS: %v", came, err)
			return
		}
		slowest = max(slowest, time.Since(asked))
	}
	t.Logf("%d times a phone came in over TLS; the slowest took %v", came, slowest.Round(time.Millisecond))
	if came == 0 || slowest > soon {
		t.Errorf("a phone came in over TLS %d times; the slowest took %v", came, slowest)
	}
}
