package floods

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"tollgate/test/harness"
)

// patience is for how long an answer is waited for (RFC 3261 timer F).
const patience = 32 * time.Second

// phone asks one thing at a time, from one socket, and sends again as RFC 3261 17.1.2.2 says.
type phone struct {
	user   string
	domain string
	proto  string // UDP or TCP, as Via has it
	conn   net.Conn
	asked  int
	read   []byte      // and not yet looked at
	heard  map[int]int // answers, by status
}

func newPhone(t *testing.T, s *scene, proto, user, domain string) *phone {
	t.Helper()
	return phoneAt(t, s, proto, user, domain, harness.IP(t))
}

// phoneAt is newPhone at an address.
func phoneAt(t *testing.T, s *scene, proto, user, domain, address string) *phone {
	t.Helper()
	p := &phone{user: user, domain: domain, proto: map[string]string{"udp": "UDP", "tcp": "TCP"}[proto], heard: map[int]int{}}
	ip, to := net.ParseIP(address), s.udp
	d := net.Dialer{Timeout: patience, LocalAddr: &net.UDPAddr{IP: ip}}
	if proto == "tcp" {
		d.LocalAddr, to = &net.TCPAddr{IP: ip}, s.tcp
	}
	var err error
	if p.conn, err = d.Dial(proto, to.String()); err != nil {
		t.Fatalf("%s gets no connection: %v", user, err)
	}
	t.Cleanup(func() { p.conn.Close() })
	return p
}

// request is one of a phone's own, with a Call-ID and branch that no other has.
func (p *phone) request(method, uri, to, callID string, more string) []byte {
	p.asked++
	me := p.conn.LocalAddr().String()
	return fmt.Appendf(nil, "%s %s SIP/2.0\r\nVia: SIP/2.0/%s %s;rport;branch=z9hG4bK%s-%d\r\nMax-Forwards: 70\r\nFrom: <sip:%s@%s>;tag=%s\r\n"+
		"To: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:%s@%s;transport=%s>\r\n%sContent-Length: 0\r\n\r\n",
		method, uri, p.proto, me, p.user, p.asked, p.user, p.domain, p.user, to, callID, p.asked, method, p.user, me, p.proto, more)
}

// register gives what a REGISTER is answered.
func (p *phone) register() int {
	aor := fmt.Sprintf("sip:%s@%s", p.user, p.domain)
	return p.ask(p.request("REGISTER", "sip:"+p.domain, "<"+aor+">", p.user, "Expires: 300\r\n"))
}

// ask sends a request until it has a final answer, and gives its status; 0: none came.
func (p *phone) ask(request []byte) int {
	var branch []byte
	if _, rest, ok := bytes.Cut(request, []byte("branch=")); ok {
		branch, _, _ = bytes.Cut(rest, []byte("\r\n"))
	}
	end, again := time.Now().Add(patience), 500*time.Millisecond
	for time.Now().Before(end) {
		if _, err := p.conn.Write(request); err != nil {
			return 0
		}
		next := time.Now().Add(again)
		if p.proto == "TCP" {
			next = end
		}
		for {
			answer, err := p.answer(next)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return 0
			}
			if code := statusOf(answer); code >= 200 && bytes.Contains(answer, branch) {
				return code
			}
		}
		again = min(2*again, 4*time.Second)
	}
	return 0
}

// answer gives the next message that comes. None of those that come here has a body.
func (p *phone) answer(until time.Time) ([]byte, error) {
	if err := p.conn.SetReadDeadline(until); err != nil {
		return nil, err
	}
	if p.proto == "UDP" {
		p.read = nil
	}
	buf := make([]byte, 4096)
	for {
		if head, rest, ok := bytes.Cut(p.read, []byte("\r\n\r\n")); ok {
			p.read = rest
			p.heard[statusOf(head)]++
			return head, nil
		}
		n, err := p.conn.Read(buf)
		if err != nil {
			return nil, err
		}
		p.read = append(p.read, buf[:n]...)
	}
}

// statusOf is a response's status, 0 of a request.
func statusOf(message []byte) int {
	rest, ok := bytes.CutPrefix(message, []byte("SIP/2.0 "))
	if !ok || len(rest) < 3 {
		return 0
	}
	n, err := strconv.Atoi(string(rest[:3]))
	if err != nil {
		return 0
	}
	return n
}
