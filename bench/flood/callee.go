package flood

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Callee is a PBX that answers every call at once, and each request within it.
type Callee struct {
	conn    *net.UDPConn
	status  func(request []byte) string // nil: all is answered 200
	done    sync.WaitGroup
	stop    chan struct{}
	mu      sync.Mutex // guards waiting
	waiting map[string]*answered
}

// answered is a 200 that waits for its ACK.
type answered struct {
	to    netip.AddrPort
	data  []byte
	next  time.Time
	after time.Duration
	end   time.Time
}

// NewCallee starts one on a free port of an address.
func NewCallee(addr netip.Addr) (*Callee, error) { return NewDeciding(addr, nil) }

// NewDeciding is NewCallee for a PBX that answers as status says, such as "404 Not Found". It is
// asked for each request but ACK, retransmissions too, by one goroutine; "" is 200.
func NewDeciding(addr netip.Addr, status func(request []byte) string) (*Callee, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
	if err != nil {
		return nil, fmt.Errorf("callee: %w", err)
	}
	_ = conn.SetReadBuffer(8 << 20) // as much as there is
	c := &Callee{conn: conn, status: status, stop: make(chan struct{}), waiting: map[string]*answered{}}
	c.done.Go(c.serve)
	c.done.Go(c.again)
	return c, nil
}

// Addr is where it listens.
func (c *Callee) Addr() netip.AddrPort {
	return c.conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

// Close stops it.
func (c *Callee) Close() {
	close(c.stop)
	c.conn.Close()
	c.done.Wait()
}

func (c *Callee) serve() {
	in := make([]byte, 65536)
	contact := "<sip:callee@" + c.Addr().String() + ">"
	for {
		n, from, err := c.conn.ReadFromUDPAddrPort(in)
		if err != nil {
			select {
			case <-c.stop:
				return
			default:
				continue // an ICMP error of a node that is gone
			}
		}
		m := in[:n]
		switch {
		case status(m) != 0:
		case string(m[:4]) == "ACK ":
			c.mu.Lock()
			delete(c.waiting, string(field(m, "Call-ID"))+number(m))
			c.mu.Unlock()
		default:
			c.decide(m, from, contact)
		}
	}
}

// decide answers a request. What does not arrive is asked for again, here and below.
func (c *Callee) decide(m []byte, from netip.AddrPort, contact string) {
	code := ""
	if c.status != nil {
		code = c.status(m)
	}
	switch {
	case code == "" && string(m[:7]) == "INVITE ":
		c.answer(m, from, contact)
		return
	case code == "":
		code = "200 OK"
	}
	if string(m[:9]) == "REGISTER " { // a registrar tells the bindings that there are
		contact = fmt.Sprintf("<%s>;expires=300", uri(field(m, "Contact")))
	}
	_, _ = c.conn.WriteToUDPAddrPort(answer(nil, m, code, contact), from)
}

// number is a message's CSeq number.
func number(m []byte) string {
	for i, b := range field(m, "CSeq") {
		if b == ' ' {
			return string(field(m, "CSeq")[:i])
		}
	}
	return ""
}

func (c *Callee) answer(m []byte, from netip.AddrPort, contact string) {
	data := answer(make([]byte, 0, len(m)), m, "200 OK", contact)
	now := time.Now()
	c.mu.Lock()
	c.waiting[string(field(m, "Call-ID"))+number(m)] = &answered{from, data, now.Add(t1), t1, now.Add(giveUp)}
	c.mu.Unlock()
	_, _ = c.conn.WriteToUDPAddrPort(data, from)
}

// again repeats each 200 until its ACK comes (RFC 3261 13.3.1.4).
func (c *Callee) again() {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-c.stop:
			return
		case <-tick.C:
		}
		now := time.Now()
		c.mu.Lock()
		for id, a := range c.waiting {
			if now.After(a.end) {
				delete(c.waiting, id)
			} else if now.After(a.next) {
				a.after = min(2*a.after, t2)
				a.next = now.Add(a.after)
				_, _ = c.conn.WriteToUDPAddrPort(a.data, a.to)
			}
		}
		c.mu.Unlock()
	}
}
