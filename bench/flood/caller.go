package flood

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/net/ipv4"
)

// state is a call's as its caller sees it.
type state uint8

const (
	calling state = iota
	up
	asking // a request within the call waits for its answer
	over
)

// methods are those within a call, in turn; the last one ends it.
var methods = [...]string{"OPTIONS", "INVITE", "INFO", "BYE"}

const bye = uint8(len(methods) - 1)

// call is one of a caller's.
type call struct {
	state    state
	quiet    bool // a provisional response came: no more INVITEs
	tries    uint8
	method   uint8 // within the call, the last one that was asked
	cseq     uint32
	started  time.Duration
	asked    time.Duration
	hangup   time.Duration
	target   []byte // Request-URI of what is sent within the call
	routeSet []byte // Route headers, and To
}

// due is a call at which something is to be done; by its number and CSeq, since it may be past.
type due struct {
	at   time.Duration
	call int32
	cseq uint32
}

// caller carries out one Load.
type caller struct {
	load  Load
	run   string
	start time.Time
	conns []*net.UDPConn
	via   []string // of each connection

	mu     sync.Mutex // guards all below
	calls  []call
	live   int
	again  [8][]due // retransmissions; list n waits for t1<<n, so that each is sorted by itself
	rests  []due    // until the next request within a call
	ended  bool
	result Result
	out    [][]ipv4.Message // by connection
	spare  [][]byte
}

// Run makes the calls and waits until the last one that was answered is over.
func Run(load Load) (*Result, error) {
	if load.Ports == 0 {
		load.Ports = 4
	}
	c := &caller{load: load, run: strconv.FormatUint(rand.Uint64(), 36), start: time.Now()}
	c.result.Refused, c.result.Lost = map[int]int{}, map[string]int{}
	c.out = make([][]ipv4.Message, load.Ports)
	for range load.Ports {
		conn, err := net.DialUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(load.From, 0)), net.UDPAddrFromAddrPort(load.Node))
		if err != nil {
			return nil, fmt.Errorf("caller: %w", err)
		}
		_ = conn.SetReadBuffer(8 << 20) // as much as there is
		c.conns, c.via = append(c.conns, conn), append(c.via, conn.LocalAddr().String())
	}
	var readers sync.WaitGroup
	for i := range c.conns {
		readers.Go(func() { c.read(i) })
	}
	c.work()
	for _, conn := range c.conns {
		conn.Close()
	}
	readers.Wait()
	return &c.result, nil
}

// work starts calls, and does what is due, each millisecond.
func (c *caller) work() {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		c.mu.Lock()
		now := time.Since(c.start)
		if now < c.load.For {
			c.dial(now)
		} else if !c.ended && (now >= c.load.For+c.load.Wait || c.live == 0) {
			c.hangUp()
		}
		c.turn(now)
		finished := c.ended && c.live == 0
		out := c.out
		c.out = make([][]ipv4.Message, len(c.conns))
		c.mu.Unlock()
		c.flush(out)
		if finished {
			return
		}
	}
}

// dial makes the calls that are due by now.
func (c *caller) dial(now time.Duration) {
	for !(c.load.Most > 0 && len(c.calls) >= c.load.Most) {
		if c.load.Window > 0 && c.live >= c.load.Window || c.load.Window == 0 && float64(len(c.calls)) >= c.load.Rate*now.Seconds() {
			return
		}
		c.calls = append(c.calls, call{cseq: 1, started: now, asked: now})
		c.result.Offered++
		count(&c.result.Begun, now)
		c.live++
		i := len(c.calls) - 1
		c.invite(i)
		c.later(0, due{now + t1, int32(i), 1})
	}
}

// hangUp ends the load: who was not answered gives up.
func (c *caller) hangUp() {
	c.ended = true
	for i := range c.calls {
		if c.calls[i].state == calling {
			c.calls[i].state = over
			c.result.Unanswered++
			c.live--
		}
	}
}

func (c *caller) later(tries uint8, d due) {
	list := &c.again[min(int(tries), len(c.again)-1)]
	*list = append(*list, d)
}

// turn does what is due.
func (c *caller) turn(now time.Duration) {
	for i := range c.again {
		n := 0 // retransmit may append to this list
		for ; n < len(c.again[i]) && c.again[i][n].at <= now; n++ {
			c.retransmit(c.again[i][n], now)
		}
		c.again[i] = c.again[i][n:]
	}
	for len(c.rests) > 0 && c.rests[0].at <= now {
		d := c.rests[0]
		c.rests = c.rests[1:]
		c.ask(int(d.call), now)
	}
}

// retransmit sends a request again whose answer did not come (RFC 3261 17.1.1.2, 17.1.2.2).
func (c *caller) retransmit(d due, now time.Duration) {
	k := &c.calls[d.call]
	if k.state == over || k.state == up || k.cseq != d.cseq {
		return
	}
	if now-k.asked >= giveUp {
		c.lose(k)
		return
	}
	if k.quiet { // only timer B is left; looked at when it may be over
		c.later(7, due{k.asked + giveUp, d.call, d.cseq})
		return
	}
	k.tries++
	if k.state == calling {
		c.result.Again++
		if k.tries == 1 {
			count(&c.result.Late, k.started)
		}
		c.invite(int(d.call))
		c.later(k.tries, due{now + t1<<min(k.tries, 6), d.call, d.cseq})
		return
	}
	c.request(int(d.call), methods[k.method], nil)
	c.later(min(k.tries, 3), due{now + min(t1<<min(k.tries, 3), t2), d.call, d.cseq})
}

// lose gives a transaction up, and its call with it.
func (c *caller) lose(k *call) {
	if k.state == calling {
		c.result.Unanswered++
	} else {
		c.result.InDialogLost++
		c.result.Lost[methods[k.method]+" unanswered"]++
	}
	k.state = over
	c.live--
}

// ask begins the next request within a call.
func (c *caller) ask(i int, now time.Duration) {
	k := &c.calls[i]
	if k.state != up {
		return
	}
	k.method = (k.method + 1) % bye
	if now >= k.hangup {
		k.method = bye
	}
	k.state, k.quiet, k.tries, k.asked = asking, false, 0, now
	k.cseq++
	c.result.InDialog++
	c.request(i, methods[k.method], nil)
	c.later(0, due{now + t1, int32(i), k.cseq})
}

// rest waits until something is to be said in a call again.
func (c *caller) rest(i int, now time.Duration) {
	k := &c.calls[i]
	k.state = up
	at := k.hangup
	if c.load.Every > 0 {
		at = min(at, now+c.load.Every)
	}
	if at <= now {
		c.ask(i, now)
		return
	}
	d := due{at, int32(i), 0}
	from, _ := slices.BinarySearchFunc(c.rests, d, func(a, b due) int { return int(a.at - b.at) })
	c.rests = slices.Insert(c.rests, from, d)
}

// buffer gives one of those that were sent.
func (c *caller) buffer() []byte {
	if n := len(c.spare); n > 0 {
		b := c.spare[n-1]
		c.spare = c.spare[:n-1]
		return b[:0]
	}
	return make([]byte, 0, 1500)
}

func (c *caller) send(i int, b []byte) {
	conn := i % len(c.conns)
	c.out[conn] = append(c.out[conn], ipv4.Message{Buffers: [][]byte{b}})
	c.result.Sent++
}

// flush writes what was built, many in one system call.
func (c *caller) flush(out [][]ipv4.Message) {
	for i, list := range out {
		conn := ipv4.NewPacketConn(c.conns[i])
		for rest := list; len(rest) > 0; {
			n, err := conn.WriteBatch(rest, 0)
			if err != nil { // an earlier datagram was refused: the node is gone, or not yet there
				n = max(n, 1)
			}
			rest = rest[n:]
		}
		c.mu.Lock()
		for _, m := range list {
			c.spare = append(c.spare, m.Buffers[0])
		}
		c.mu.Unlock()
	}
}

// read takes answers from one connection.
func (c *caller) read(i int) {
	in := make([]ipv4.Message, 64)
	for k := range in {
		in[k].Buffers = [][]byte{make([]byte, 4096)}
	}
	conn := ipv4.NewPacketConn(c.conns[i])
	for {
		n, err := conn.ReadBatch(in, 0)
		if err != nil {
			c.mu.Lock()
			done := c.ended && c.live == 0
			c.mu.Unlock()
			if done {
				return
			}
			continue
		}
		c.mu.Lock()
		now := time.Since(c.start)
		for _, m := range in[:n] {
			c.receive(m.Buffers[0][:m.N], now)
		}
		c.mu.Unlock()
	}
}

func (c *caller) receive(m []byte, now time.Duration) {
	code := status(m)
	id, rest, ok := bytes.Cut(field(m, "Call-ID"), []byte("-"))
	number, _, _ := bytes.Cut(field(m, "CSeq"), []byte(" "))
	i, err := strconv.Atoi(string(id))
	cseq, err2 := strconv.Atoi(string(number))
	if code == 0 || !ok || err != nil || err2 != nil || i < 0 || i >= len(c.calls) || string(rest) != c.run {
		return
	}
	k := &c.calls[i]
	switch {
	case k.state == calling && cseq == 1:
		c.called(i, k, m, code, now)
	case k.state == asking && uint32(cseq) == k.cseq:
		c.told(i, k, m, code, now)
	case code >= 200 && code < 300 && k.target != nil && bytes.HasSuffix(field(m, "CSeq"), []byte(" INVITE")):
		c.request(i, "ACK", number) // the last one was lost
	}
}

// called takes an answer to a call's INVITE.
func (c *caller) called(i int, k *call, m []byte, code int, now time.Duration) {
	switch {
	case code < 200:
		k.quiet = true
		return
	case code >= 300:
		k.state = over
		c.live--
		c.result.Refused[code]++
		c.refusal(i, m)
		return
	}
	k.target = bytes.Clone(uri(field(m, "Contact")))
	for _, route := range fields(m, "Record-Route", true) {
		k.routeSet = fmt.Appendf(k.routeSet, "Route: %s\r\n", route)
	}
	k.routeSet = fmt.Appendf(k.routeSet, "To: %s\r\n", field(m, "To"))
	k.hangup = now + c.load.Hold
	c.result.Answered++
	c.result.Setups = append(c.result.Setups, now-k.started)
	c.request(i, "ACK", []byte("1"))
	c.rest(i, now)
}

// told takes an answer to a request within a call.
func (c *caller) told(i int, k *call, m []byte, code int, now time.Duration) {
	if code < 200 {
		return // a request that is no INVITE goes on at T2; so do we here for all
	}
	c.result.Slowest = max(c.result.Slowest, now-k.asked)
	if code >= 300 {
		c.result.InDialogLost++
		c.result.Lost[fmt.Sprintf("%s %d", methods[k.method], code)]++
		k.state = over
		c.live--
		return
	}
	if methods[k.method] == "INVITE" {
		c.request(i, "ACK", strconv.AppendUint(nil, uint64(k.cseq), 10))
	}
	if k.method != bye {
		c.rest(i, now)
		return
	}
	k.state, k.target, k.routeSet = over, nil, nil
	c.live--
	c.result.Completed++
	count(&c.result.PerSecond, now)
}

// head begins a request.
func (c *caller) head(i int, method string, target, branch, cseq []byte) []byte {
	via := c.via[i%len(c.via)]
	b := append(c.buffer(), method...)
	b = append(append(append(b, ' '), target...), " SIP/2.0\r\nVia: SIP/2.0/UDP "...)
	b = append(append(append(b, via...), ";rport;branch=z9hG4bK"...), c.run...)
	b = strconv.AppendInt(append(b, '-'), int64(i), 10)
	b = append(append(b, '-'), branch...)
	b = append(append(b, "\r\nMax-Forwards: 70\r\nFrom: <sip:caller@"...), via...)
	b = strconv.AppendInt(append(b, ">;tag=f"...), int64(i), 10)
	b = append(b, "\r\nCall-ID: "...)
	b = append(append(strconv.AppendInt(b, int64(i), 10), '-'), c.run...)
	b = append(append(b, "\r\nCSeq: "...), cseq...)
	b = append(append(append(b, ' '), method...), "\r\nContact: <sip:caller@"...)
	return append(append(b, via...), ">\r\n"...)
}

func (c *caller) target() []byte { return []byte("sip:1000@" + c.load.Domain) }

func tail(b []byte, body string) []byte {
	if body == "" {
		return append(b, "Content-Length: 0\r\n\r\n"...)
	}
	b = append(b, "Content-Type: application/sdp\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(body)), 10)
	return append(append(b, "\r\n\r\n"...), body...)
}

// invite sends the first request of a call.
func (c *caller) invite(i int) {
	b := c.head(i, "INVITE", c.target(), []byte("1"), []byte("1"))
	b = append(append(append(b, "To: <"...), c.target()...), ">\r\n"...)
	c.send(i, tail(b, offer))
}

// refusal acknowledges one (RFC 3261 17.1.1.3).
func (c *caller) refusal(i int, m []byte) {
	b := c.head(i, "ACK", c.target(), []byte("1"), []byte("1"))
	b = append(append(append(b, "To: "...), field(m, "To")...), "\r\n"...)
	c.send(i, tail(b, ""))
}

// request sends one within a call; cseq nil: with the call's number.
func (c *caller) request(i int, method string, cseq []byte) {
	k := &c.calls[i]
	if cseq == nil {
		cseq = strconv.AppendUint(nil, uint64(k.cseq), 10)
	}
	branch := cseq
	body := ""
	switch method {
	case "ACK":
		branch = append(bytes.Clone(cseq), 'a')
	case "INVITE":
		body = offer
	}
	b := c.head(i, method, k.target, branch, cseq)
	c.send(i, tail(append(b, k.routeSet...), body))
}
