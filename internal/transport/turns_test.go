package transport_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"tollgate/internal/overload"
	"tollgate/internal/transport"
)

// busy is a handler that takes what it takes for each message, and notes which it was.
type busy struct {
	work func(first string)
	mu   sync.Mutex // guards got
	got  []string
}

func (b *busy) Receive(_ transport.Flow, data []byte) {
	first, _, _ := strings.Cut(string(data), " SIP/2.0")
	b.mu.Lock()
	b.got = append(b.got, first)
	b.mu.Unlock()
	b.work(first)
}
func (*busy) Closed(transport.Flow, error)      {}
func (*busy) Unreachable(transport.Flow, error) {}

// count is how many messages began so.
func (b *busy) count(prefix string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.got {
		if strings.HasPrefix(s, prefix) {
			n++
		}
	}
	return n
}

// before is how many messages came before that one; -1: it did not come.
func (b *busy) before(what string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, s := range b.got {
		if s == what {
			return i
		}
	}
	return -1
}

// requestOf is one of a user, within a dialog or not.
func requestOf(method, user string, inDialog bool) string {
	tag := map[bool]string{true: ";tag=2"}[inDialog]
	return fmt.Sprintf("%s sip:%s@example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKtest\r\nFrom: <sip:a@example.com>;tag=1\r\n"+
		"To: <sip:b@example.com>%s\r\nCall-ID: 1@example.com\r\nCSeq: 1 %s\r\nContent-Length: 0\r\n\r\n", method, user, tag, method)
}

// TestHandshakesTakeTurns: what a peer sends of a handshake is not worked on while all places are taken.
func TestHandshakesTakeTurns(t *testing.T) {
	files, _ := issue(t, t.TempDir(), "a.example")
	cfg := listening(on(transport.TCP, "127.0.0.1"), on(transport.TLS, "127.0.0.1"))
	cfg.Certificates, cfg.Readers = []transport.Certificate{files}, 1
	tr, err := transport.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	begun, release := make(chan struct{}), make(chan struct{})
	tr.Start(&busy{work: func(string) { close(begun); <-release }})
	defer tr.Close()
	write(t, dialTCP(t, at(tr, 0, "127.0.0.1")), requestOf("OPTIONS", "a", false))
	await(t, begun, "the first request")

	c := tls.Client(dialTCP(t, at(tr, 1, "127.0.0.1")), &tls.Config{InsecureSkipVerify: true})
	greeted := make(chan error, 1)
	go func() { greeted <- c.Handshake() }()
	select {
	case err := <-greeted:
		t.Errorf("the handshake did not wait: %v", err)
	case <-time.After(100 * time.Millisecond): // it would take a few
	}
	close(release)
	if err := await(t, greeted, "the handshake"); err != nil {
		t.Error(err)
	}
}

// TestHandshakeLimit: a source may have so many handshakes under way, and as many connections as ever that are
// through with it.
func TestHandshakeLimit(t *testing.T) {
	files, _ := issue(t, t.TempDir(), "a.example")
	cfg := listening(on(transport.TLS, "127.0.0.1"))
	cfg.Certificates, cfg.MaxHandshakes = []transport.Certificate{files}, 2
	tr, _ := start(t, cfg)
	greet := func() error {
		c, err := net.Dial("tcp", at(tr, 0, "127.0.0.1").String())
		if err != nil {
			return err
		}
		t.Cleanup(func() { c.Close() })
		if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		// A client is through before the node is; that answers when it is, too.
		secure := tls.Client(c, &tls.Config{InsecureSkipVerify: true})
		if _, err := secure.Write([]byte("\r\n\r\n")); err != nil {
			return err
		}
		_, err = io.ReadFull(secure, make([]byte, 2))
		return err
	}
	for range 4 {
		if err := greet(); err != nil {
			t.Fatal(err)
		}
	}
	silent := []net.Conn{dialTCP(t, at(tr, 0, "127.0.0.1")), dialTCP(t, at(tr, 0, "127.0.0.1"))}
	if err := greet(); err == nil || isTimeout(err) {
		t.Errorf("a third handshake: %v", err)
	}
	silent[0].Close()
	for err := errors.New("not tried"); err != nil; err = greet() { // its place is free a moment later
		if isTimeout(err) {
			t.Fatal(err)
		}
	}
}

// starting runs a transport that serves one stream at a time.
func starting(t *testing.T, h transport.Handler) *transport.Transport {
	t.Helper()
	cfg := listening(on(transport.TCP, "127.0.0.1"), on(transport.UDP, "127.0.0.1"))
	cfg.Readers = 1
	cfg.Rank = func(_ transport.Flow, l *overload.Look) overload.Rank {
		user, _, _ := strings.Cut(strings.TrimPrefix(string(l.URI), "sip:"), "@")
		rank := overload.Rank{Class: overload.Invite, Share: uint64(user[0])}
		if l.InDialog {
			rank.Class = overload.Urgent
		}
		return rank
	}
	tr, err := transport.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	tr.Start(h)
	t.Cleanup(func() { tr.Close() })
	return tr
}

// TestStreamTurns floods by many connections: what is within a call comes soon, another's new call has
// its share, and all that was sent is served in the end.
func TestStreamTurns(t *testing.T) {
	const conns, each = 200, 5
	h := &busy{work: func(string) { <-time.After(time.Millisecond) }}
	tr := starting(t, h)
	for range conns {
		c := dialTCP(t, at(tr, 0, "127.0.0.1"))
		write(t, c, strings.Repeat(requestOf("INVITE", "flood", false), each))
	}
	eventually(t, "the flood", func() bool { return h.count("INVITE sip:flood") > conns })
	began := h.count("INVITE sip:flood")
	write(t, dialTCP(t, at(tr, 0, "127.0.0.1")), requestOf("BYE", "quiet", true))
	write(t, dialTCP(t, at(tr, 0, "127.0.0.1")), requestOf("INVITE", "quiet", false))
	eventually(t, "all", func() bool {
		return h.count("INVITE sip:flood") == conns*each && h.count("INVITE sip:quiet") == 1 && h.count("BYE") == 1
	})
	// Both have to be read first. First come, first served would be after one of each connection.
	for _, what := range []string{"BYE sip:quiet@example.com", "INVITE sip:quiet@example.com"} {
		if n := h.before(what) - began; n > conns/2 {
			t.Errorf("%s was served after %d of the flood", what, n)
		}
	}
}

// TestStreamTooOld: an INVITE that has waited for too long is not served, what else has is. Nor does an INVITE count as new that
// came behind it while nothing was read.
func TestStreamTooOld(t *testing.T) {
	hold := make(chan struct{})
	h := &busy{work: func(first string) {
		if strings.HasPrefix(first, "INVITE sip:first") {
			<-hold
		}
	}}
	tr := starting(t, h)
	write(t, dialTCP(t, at(tr, 0, "127.0.0.1")), requestOf("INVITE", "first", false))
	eventually(t, "the first", func() bool { return h.count("INVITE sip:first") == 1 })
	c := dialTCP(t, at(tr, 0, "127.0.0.1"))
	write(t, c, strings.Repeat(requestOf("INVITE", "late", false), 80)+requestOf("REGISTER", "late", false)+requestOf("BYE", "late", true))
	<-time.After(overload.MaxAge + time.Second)
	close(hold)
	eventually(t, "what is behind", func() bool { return h.count("BYE sip:late") == 1 })
	write(t, c, requestOf("INVITE", "new", false))
	eventually(t, "a new one", func() bool { return h.count("INVITE sip:new") == 1 })
	if late, registers := h.count("INVITE sip:late"), h.count("REGISTER sip:late"); late != 0 || registers != 1 {
		t.Errorf("%d of 80 old INVITEs and %d of 1 REGISTER were served", late, registers)
	}
	if o := tr.Overload(); o.TooOld != 80 || !o.Now {
		t.Errorf("overload: %+v", o)
	}
}

// TestStreamsLeaveUDP: connections that flood leave what comes over UDP its part.
func TestStreamsLeaveUDP(t *testing.T) {
	stop := make(chan struct{})
	h := &busy{work: func(first string) {
		if !strings.HasPrefix(first, "BYE") {
			<-stop
		}
	}}
	tr := starting(t, h)
	defer close(stop)
	for range 50 {
		write(t, dialTCP(t, at(tr, 0, "127.0.0.1")), requestOf("INVITE", "flood", false))
	}
	eventually(t, "the flood", func() bool { return h.count("INVITE sip:flood") > 0 })
	c := udpPeer(t, "127.0.0.1")
	if _, err := c.WriteToUDPAddrPort([]byte(requestOf("BYE", "quiet", true)), at(tr, 1, "127.0.0.1")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the BYE", func() bool { return h.count("BYE") == 1 })
	if n := h.count("INVITE sip:flood"); n != 1 {
		t.Errorf("%d streams are served at once, 1 may be", n)
	}
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !so(); <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not so in time", what)
		}
	}
}
