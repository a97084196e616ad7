package floods

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tollgate/test/harness"
)

const (
	// perSource is how many connections one address may have.
	perSource = 1024
	// held is how many connections a flood keeps open where it keeps some.
	held = 300
)

// TestTCP: what can be done to a node with connections leaves others alone, too.
func TestTCP(t *testing.T) {
	s := newScene(t)
	for _, c := range []struct {
		name string
		do   func(t *testing.T, a *attacker)
	}{
		{"no flood", func(*testing.T, *attacker) {}},
		{"many requests on one", requestsOnOne},
		{"answers that nobody reads", unread},
		{"many connections", comeAndGo},
		{"more connections than one may have", tooMany},
		{"slow writers", slowWriters},
		{"half messages", halfMessages},
		{"a message without end", endless},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := s.files(t)
			s.beside(t, func() {
				a := &attacker{scene: s, from: harness.IP(t), end: time.Now().Add(lasts())}
				c.do(t, a)
				a.closeAll()
			})
			harness.Eventually(t, 30*time.Second, func() error {
				if now := s.files(t); now > files+16 {
					return fmt.Errorf("%d files open, %d before", now, files)
				}
				return nil
			})
		})
	}
}

// attacker floods from one address, on behalf of nobody in particular.
type attacker struct {
	*scene
	from string
	end  time.Time

	mu   sync.Mutex // guards open
	open []net.Conn
}

// dial opens a connection, or says that the node takes none.
func (a *attacker) dial() (net.Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(a.from), 0))}
	c, err := d.Dial("tcp", a.tcp.String())
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open = append(a.open, c)
	return c, nil
}

// hold opens so many connections.
func (a *attacker) hold(t *testing.T, count int) (list []net.Conn) {
	for range count {
		c, err := a.dial()
		if err != nil {
			t.Errorf("connection %d: %v", len(list)+1, err)
			return list
		}
		list = append(list, c)
	}
	return list
}

func (a *attacker) closeAll() {
	for _, c := range a.open {
		c.Close()
	}
}

// requestsOnOne is a flood as over UDP, of several kinds in turn, on one connection.
func requestsOnOne(t *testing.T, a *attacker) {
	p := phoneAt(t, a.scene, "tcp", "one", flooded, a.from)
	var reader sync.WaitGroup
	reader.Go(func() {
		for {
			if _, err := p.answer(a.end.Add(2 * time.Second)); err != nil {
				return // all that is to come has come
			}
		}
	})
	all, n := kinds(), 0
	paced(a.end, rate, func() bool {
		n++
		k := all[n%len(all)]
		_, err := p.conn.Write(k.request(p, fmt.Sprintf("%sone-%d", callIDs, n)))
		return err == nil
	})
	reader.Wait()
	t.Logf("%d requests, answers by status: %v", n, p.heard)
	for _, k := range all {
		if k.status != 0 && p.heard[k.status] == 0 {
			t.Errorf("nobody was answered %d", k.status)
		}
	}
}

// unread has requests answered and never reads the answers.
func unread(t *testing.T, a *attacker) {
	var all sync.WaitGroup
	for i := range 8 {
		p := phoneAt(t, a.scene, "tcp", fmt.Sprintf("deaf%d", i), flooded, a.from)
		k, n := kinds()[1+i%3], 0
		if err := p.conn.SetWriteDeadline(a.end); err != nil {
			t.Error(err)
		}
		all.Go(func() {
			paced(a.end, rate/8, func() bool {
				n++
				_, err := p.conn.Write(k.request(p, fmt.Sprintf("%sdeaf%d-%d", callIDs, i, n)))
				return err == nil
			})
			p.conn.Close()
		})
	}
	all.Wait()
}

// comeAndGo opens connections, asks one thing on each, and closes them without a word. When the node is not done
// with those that one address may have it refuses the next, and takes them again afterwards.
func comeAndGo(t *testing.T, a *attacker) {
	var all sync.WaitGroup
	var came, refused atomic.Int64
	for i := range 8 {
		k := kinds()[1]
		all.Go(func() {
			for n := 0; time.Now().Before(a.end); n++ {
				d := net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(a.from)}}
				c, err := d.Dial("tcp", a.tcp.String())
				if errors.Is(err, syscall.ECONNRESET) {
					refused.Add(1)
					continue
				}
				if err != nil {
					t.Errorf("the node takes no connections: %v", err)
					return
				}
				p := &phone{user: "brief", domain: flooded, proto: "TCP", conn: c, heard: map[int]int{}}
				_, _ = c.Write(k.request(p, fmt.Sprintf("%sbrief-%d-%d", callIDs, i, n))) // the next one comes, whatever
				_ = c.(*net.TCPConn).SetLinger(0)                                         // ports would run out
				c.Close()
				came.Add(1)
			}
		})
	}
	all.Wait()
	t.Logf("%d connections, %d were refused", came.Load(), refused.Load())
	harness.Eventually(t, 30*time.Second, func() error {
		if err := a.pinged(); err != nil {
			return fmt.Errorf("afterwards the node takes no connections: %w", err)
		}
		return nil
	})
}

// pinged has the node answer on a new connection (RFC 5626 4.4.1).
func (a *attacker) pinged() error {
	c, err := a.dial()
	if err != nil {
		return err
	}
	if err := c.SetDeadline(time.Now().Add(harness.Soon)); err != nil {
		return err
	}
	if _, err := c.Write([]byte("\r\n\r\n")); err != nil {
		return err
	}
	_, err = io.ReadFull(c, make([]byte, 2))
	return err
}

// tooMany opens more connections than one address may have, and holds them.
func tooMany(t *testing.T, a *attacker) {
	open := 0
	var list []net.Conn
	for range perSource + 200 {
		if c, err := a.dial(); err == nil { // else it was refused before it was made
			list = append(list, c)
		}
	}
	for _, c := range list {
		if err := c.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
			t.Error(err)
		}
		if _, err := c.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			open++
		}
	}
	if open > perSource || open < perSource/2 {
		t.Errorf("%d connections of one address are open, at most %d are to be", open, perSource)
	}
	<-time.After(time.Until(a.end))
}

// slowWriters send a request byte by byte.
func slowWriters(t *testing.T, a *attacker) {
	list := a.hold(t, held)
	if len(list) == 0 {
		return
	}
	p := &phone{user: "slow", domain: flooded, proto: "TCP", conn: list[0], heard: map[int]int{}}
	request := kinds()[1].request(p, callIDs+"slow")
	at := 0
	paced(a.end, 50, func() bool {
		for _, c := range list {
			_, _ = c.Write(request[at : at+1]) // some may have been ended by now, as they should
		}
		at++
		return at < len(request)-1
	})
}

// halfMessages send headers whose body never comes.
func halfMessages(t *testing.T, a *attacker) {
	for i, c := range a.hold(t, held) {
		p := &phone{user: "half", domain: flooded, proto: "TCP", conn: c, heard: map[int]int{}}
		request := kinds()[1].request(p, fmt.Sprintf("%shalf-%d", callIDs, i))
		whole := strings.Replace(string(request), "Content-Length: 0", "Content-Length: 60000", 1)
		if _, err := fmt.Fprint(c, whole, strings.Repeat("x", 30_000)); err != nil {
			t.Error(err)
		}
	}
	<-time.After(time.Until(a.end))
}

// endless sends headers that do not end.
func endless(t *testing.T, a *attacker) {
	ended := 0
	for range 20 {
		c, err := a.dial()
		if err != nil {
			t.Errorf("the node takes no connections: %v", err)
			return
		}
		if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Error(err)
		}
		_, err = fmt.Fprintf(c, "OPTIONS sip:1000@%s SIP/2.0\r\n", flooded)
		line := "X: " + strings.Repeat("y", 1000) + "\r\n"
		for sent := 0; err == nil && sent < 64<<20; sent += len(line) {
			_, err = fmt.Fprint(c, line)
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			ended++
		}
	}
	if ended < 20 {
		t.Errorf("%d of 20 connections were ended, the others could send on", ended)
	}
}
