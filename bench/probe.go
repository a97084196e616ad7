package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// A prober places real calls at a low rate beside the load and measures how
// long a message is under way: from just before it is sent until the kernel
// has it at the other end (SO_TIMESTAMPNS), so neither SIPp's nor our own
// waking up is in it. It is caller and answering side at once, so one clock
// serves both. Its calls go to probe.test, whose destination is its own socket.
type prober struct {
	target   netip.AddrPort
	caller   *net.UDPConn
	answerer *net.UDPConn
	first    int // number of its first call: an earlier prober's calls, which may still be heard of, have smaller ones
	stop     chan struct{}
	wg       sync.WaitGroup

	mu     sync.Mutex // guards the rest
	calls  []probeCall
	delays []time.Duration
	fault  error
}

// probeCall is when each message was sent, and whether the call has ended.
type probeCall struct {
	invite, answer time.Time
	answered       bool
	ended          bool
}

const (
	probeDomain = "probe.test"
	probeRate   = 20 // calls/s
)

// startProber begins to place calls to target; answer is where they come out.
func startProber(target netip.AddrPort, caller, answer netip.AddrPort) (*prober, error) {
	p := &prober{target: target, first: int(time.Now().Unix()%10000) * 5 * probeRate, stop: make(chan struct{})}
	var err error
	if p.caller, err = stampedSocket(caller); err != nil {
		return nil, err
	}
	if p.answerer, err = stampedSocket(answer); err != nil {
		p.caller.Close()
		return nil, err
	}
	p.wg.Add(3)
	go p.receive(p.caller, p.onResponse)
	go p.receive(p.answerer, p.onRequest)
	go p.place()
	return p, nil
}

// stampedSocket is a UDP socket whose datagrams carry the kernel's time of arrival.
func stampedSocket(addr netip.AddrPort) (*net.UDPConn, error) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, fmt.Errorf("probe: %w", err)
	}
	raw, err := conn.SyscallConn()
	if err == nil {
		var set error
		err = raw.Control(func(fd uintptr) {
			set = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_TIMESTAMPNS, 1)
		})
		err = errors.Join(err, set)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("probe: time stamps: %w", err)
	}
	return conn, nil
}

// place starts a call every 1/probeRate s until the prober is told to end.
func (p *prober) place() {
	defer p.wg.Done()
	tick := time.NewTicker(time.Second / probeRate)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-tick.C:
			p.invite()
		}
	}
}

// finish ends the placing, gives open calls a second, and returns the delays.
func (p *prober) finish() ([]time.Duration, error) {
	close(p.stop)
	for deadline := time.Now().Add(time.Second); p.open() > 0 && time.Now().Before(deadline); {
		<-time.After(10 * time.Millisecond)
	}
	p.caller.Close()
	p.answerer.Close()
	p.wg.Wait()
	if n := p.open(); n > 0 {
		return nil, fmt.Errorf("%d of %d probe calls did not end", n, len(p.calls))
	}
	return p.delays, p.fault
}

// open counts the calls that have not ended.
func (p *prober) open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, c := range p.calls {
		if !c.ended {
			n++
		}
	}
	return n
}

// receive hands datagrams and their times of arrival on until the socket closes.
func (p *prober) receive(conn *net.UDPConn, handle func(m probeMessage, at time.Time, from netip.AddrPort)) {
	defer p.wg.Done()
	buf, oob := make([]byte, 65536), make([]byte, 128)
	for {
		n, oobn, _, from, err := conn.ReadMsgUDPAddrPort(buf, oob)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP answer
		}
		at, err := stampOf(oob[:oobn])
		if err != nil {
			p.fail(err)
			return
		}
		handle(parseProbe(buf[:n]), at, from)
	}
}

// stampOf finds the kernel's time of arrival among the control messages.
func stampOf(oob []byte) (time.Time, error) {
	messages, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return time.Time{}, fmt.Errorf("probe: time stamp: %w", err)
	}
	for _, m := range messages {
		if m.Header.Type == syscall.SO_TIMESTAMPNS && len(m.Data) >= int(unsafe.Sizeof(syscall.Timespec{})) {
			ts := (*syscall.Timespec)(unsafe.Pointer(&m.Data[0]))
			return time.Unix(ts.Unix()), nil
		}
	}
	return time.Time{}, errors.New("probe: a datagram without time stamp")
}

func (p *prober) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault == nil {
		p.fault = err
	}
}

// call is the one with a number, nil where it is another prober's; mu is held.
func (p *prober) call(n int) *probeCall {
	if i := n - p.first; i >= 0 && i < len(p.calls) {
		return &p.calls[i]
	}
	return nil
}

// invite places one call.
func (p *prober) invite() {
	p.mu.Lock()
	n := p.first + len(p.calls)
	p.calls = append(p.calls, probeCall{})
	p.mu.Unlock()
	me := p.caller.LocalAddr().String()
	text := probeRequest("INVITE", fmt.Sprintf("sip:probe@%s", probeDomain), me, n, 1, "") +
		"Contact: <sip:caller@" + me + ">\r\nContent-Length: 0\r\n\r\n"
	now := time.Now()
	p.mu.Lock()
	p.call(n).invite = now
	p.mu.Unlock()
	p.send(p.caller, text, p.target)
}

// probeRequest is a request of the caller without its last headers.
func probeRequest(method, uri, me string, n, cseq int, toTag string) string {
	return fmt.Sprintf("%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKp%s%d%d\r\n"+
		"From: <sip:0409%d@%s>;tag=p%d\r\nTo: <sip:probe@%s>%s\r\nCall-ID: probe%d@%s\r\nCSeq: %d %s\r\n"+
		"Max-Forwards: 70\r\nUser-Agent: bench\r\nX-Probe: %d\r\n",
		method, uri, me, method, n, time.Now().UnixNano(), n, me, n, probeDomain, toTag, n, me, cseq, method, n)
}

func (p *prober) send(conn *net.UDPConn, text string, to netip.AddrPort) {
	if _, err := conn.WriteToUDPAddrPort([]byte(text), to); err != nil {
		p.fail(fmt.Errorf("probe: %w", err))
	}
}

// onRequest is the answering side.
func (p *prober) onRequest(m probeMessage, at time.Time, from netip.AddrPort) {
	switch m.method {
	case "INVITE":
		p.mu.Lock()
		c := p.call(m.n)
		first := c != nil && !c.answered
		if first {
			p.delays = append(p.delays, at.Sub(c.invite))
			c.answered = true
			c.answer = time.Now()
		}
		p.mu.Unlock()
		if !first {
			return
		}
		text := m.reply(";tag=a"+strconv.Itoa(m.n)) + "Contact: <sip:probe@" + p.answerer.LocalAddr().String() +
			">\r\nX-Probe: " + strconv.Itoa(m.n) + "\r\nContent-Length: 0\r\n\r\n"
		p.send(p.answerer, text, from)
	case "BYE":
		p.send(p.answerer, m.reply("")+"X-Probe: "+strconv.Itoa(m.n)+"\r\nContent-Length: 0\r\n\r\n", from)
	}
}

// onResponse is the calling side: it acknowledges and hangs up at once.
func (p *prober) onResponse(m probeMessage, at time.Time, _ netip.AddrPort) {
	if m.status < 200 {
		return
	}
	ends := strings.HasSuffix(m.header("CSeq"), "BYE")
	p.mu.Lock()
	c := p.call(m.n)
	switch {
	case c == nil || m.status != 200:
	case ends:
		c.ended = true
	default:
		p.delays = append(p.delays, at.Sub(c.answer))
	}
	p.mu.Unlock()
	if c != nil && m.status != 200 {
		p.fail(fmt.Errorf("probe: answered %d", m.status))
	}
	if c == nil || m.status != 200 || ends {
		return
	}
	_, uri, _ := strings.Cut(m.header("Contact"), "<")
	uri, _, _ = strings.Cut(uri, ">")
	_, tag, _ := strings.Cut(m.header("To"), ";")
	me := p.caller.LocalAddr().String()
	for cseq, method := range []string{1: "ACK", 2: "BYE"} {
		if method != "" {
			p.send(p.caller, probeRequest(method, uri, me, m.n, cseq, ";"+tag)+m.routes()+"Content-Length: 0\r\n\r\n", p.target)
		}
	}
}

// probeMessage is what the prober needs of a message; the prober reads only
// what it and one known peer wrote, so a few lines of parsing do.
type probeMessage struct {
	method string // empty for a response
	status int
	n      int // the call's number: of a response by its Call-ID, of a request by X-Probe, as hiding changes Call-IDs; -1: none
	lines  []string
}

func parseProbe(b []byte) probeMessage {
	head, _, _ := bytes.Cut(b, []byte("\r\n\r\n"))
	m := probeMessage{n: -1, lines: strings.Split(string(head), "\r\n")}
	first := strings.Fields(m.lines[0])
	number := m.header("X-Probe")
	if len(first) > 1 && first[0] == "SIP/2.0" {
		m.status, _ = strconv.Atoi(first[1])
		number, _, _ = strings.Cut(strings.TrimPrefix(m.header("Call-ID"), "probe"), "@")
	} else if len(first) > 0 {
		m.method = first[0]
	}
	if n, err := strconv.Atoi(number); err == nil {
		m.n = n
	}
	return m
}

// header is the first value of a header.
func (m probeMessage) header(name string) string {
	for _, line := range m.lines[1:] {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// reply begins a 200 with the headers that RFC 3261 8.2.6 and 12.1.1 copy.
func (m probeMessage) reply(toTag string) string {
	var b strings.Builder
	b.WriteString("SIP/2.0 200 OK\r\n")
	for _, line := range m.lines[1:] {
		name, _, _ := strings.Cut(line, ":")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "via", "from", "call-id", "cseq", "record-route":
			b.WriteString(line + "\r\n")
		case "to":
			b.WriteString(line + toTag + "\r\n")
		}
	}
	return b.String()
}

// routes is the route set of RFC 3261 12.1.2: the Record-Route values, last first.
func (m probeMessage) routes() string {
	text := ""
	for _, line := range m.lines[1:] {
		name, value, ok := strings.Cut(line, ":")
		if !ok || !strings.EqualFold(strings.TrimSpace(name), "Record-Route") {
			continue
		}
		for element := range strings.SplitSeq(value, ",") {
			text = "Route: " + strings.TrimSpace(element) + "\r\n" + text
		}
	}
	return text
}
