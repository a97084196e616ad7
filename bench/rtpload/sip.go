package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

// caller places calls one after the other over one socket or connection.
type caller struct {
	*load
	conn net.Conn
	r    *bufio.Reader // of a stream; nil: datagrams
	done map[string]dialog
}

// dialog is what a BYE needs.
type dialog struct {
	target, to string
	routes     []string
}

// connectSIP places all calls at the relay and answers them; it closes answer in the end.
func (l *load) connectSIP(answer net.PacketConn, m *media) (end func(), err error) {
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		answering(answer, m)
	}()
	stop := func() {
		answer.Close()
		<-stopped
	}
	c := &caller{load: l, done: map[string]dialog{}}
	if l.srtp {
		// Over a stream a destination is known by its address alone, so the caller has another one.
		from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 3, 2)}}
		c.conn, err = tls.DialWithDialer(from, "tcp4", l.relay, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // a node of our own
	} else {
		c.conn, err = net.Dial("udp4", l.relay)
	}
	if err != nil {
		stop()
		return nil, err
	}
	if l.srtp {
		c.r = bufio.NewReader(c.conn)
	}
	for i := range l.calls {
		if err := c.call(i, m); err != nil {
			c.conn.Close()
			stop()
			return nil, err
		}
	}
	return func() {
		for i := range l.calls {
			_ = c.hangup(i)
		}
		c.conn.Close()
		stop()
	}, nil
}

func (c *caller) call(i int, m *media) error {
	id := fmt.Sprintf("rtpload-%d", i)
	uri := fmt.Sprintf("sip:%06d@%s", i, c.domain)
	a := &m.legs[2*i]
	answer, err := c.transact(i, "1 INVITE", c.request("INVITE", uri, id, "1 INVITE", "<"+uri+">", nil, describe(a)))
	if err != nil {
		return err
	}
	if !strings.HasPrefix(answer, "SIP/2.0 200") {
		return fmt.Errorf("call %d: %.100q", i, answer)
	}
	if a.to, err = leads(answer); err != nil {
		return err
	}
	d := dialog{to: values(answer, "To")[0], routes: values(answer, "Record-Route")}
	_, d.target, _ = strings.Cut(values(answer, "Contact")[0], "<")
	d.target, _, _ = strings.Cut(d.target, ">")
	for l, r := 0, len(d.routes)-1; l < r; l, r = l+1, r-1 {
		d.routes[l], d.routes[r] = d.routes[r], d.routes[l]
	}
	c.done[id] = d
	_, err = io.WriteString(c.conn, c.request("ACK", d.target, id, "1 ACK", d.to, d.routes, ""))
	return err
}

func (c *caller) hangup(i int) error {
	id := fmt.Sprintf("rtpload-%d", i)
	d := c.done[id]
	_, err := c.transact(i, "2 BYE", c.request("BYE", d.target, id, "2 BYE", d.to, d.routes, ""))
	return err
}

// request writes one; the caller's Via is on the connection's own address.
func (c *caller) request(method, uri, id, cseq, to string, routes []string, body string) string {
	here, proto, param := c.conn.LocalAddr().String(), "UDP", ""
	if c.r != nil {
		proto, param = "TLS", ";transport=tls"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=z9hG4bK%s-%s\r\n", method, uri, proto, here, id, method)
	for _, r := range routes {
		b.WriteString("Route: " + r + "\r\n")
	}
	fmt.Fprintf(&b, "Max-Forwards: 70\r\nFrom: <sip:load@%s>;tag=%s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\nContact: <sip:load@%s%s>\r\n",
		c.domain, id, to, id, cseq, here, param)
	if body != "" {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return b.String()
}

// transact sends a request until it has its final answer.
func (c *caller) transact(i int, cseq, request string) (string, error) {
	id := fmt.Sprintf("rtpload-%d", i)
	for try := range 6 {
		if c.r == nil || try == 0 {
			if _, err := io.WriteString(c.conn, request); err != nil {
				return "", err
			}
		}
		_ = c.conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
		for {
			m, err := c.read()
			if err != nil {
				break
			}
			if strings.HasPrefix(m, "SIP/2.0 ") && m[8] >= '2' && values(m, "Call-ID")[0] == id && values(m, "CSeq")[0] == cseq {
				return m, nil
			}
		}
	}
	return "", fmt.Errorf("call %d: no answer to %s", i, cseq)
}

func (c *caller) read() (string, error) {
	if c.r == nil {
		b := make([]byte, 65536)
		n, err := c.conn.Read(b)
		return string(b[:n]), err
	}
	var b strings.Builder
	head := textproto.NewReader(c.r)
	length := 0
	for {
		line, err := head.ReadLine()
		if err != nil {
			return "", err
		}
		b.WriteString(line + "\r\n")
		if name, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(name, "Content-Length") {
			length, _ = strconv.Atoi(strings.TrimSpace(value))
		}
		if line == "" {
			break
		}
	}
	body := make([]byte, length)
	_, err := io.ReadFull(c.r, body)
	return b.String() + string(body), err
}

// values are a header's, in order, one for each element.
func values(m, name string) (list []string) {
	head, _, _ := strings.Cut(m, "\r\n\r\n")
	for line := range strings.SplitSeq(head, "\r\n") {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(strings.TrimSpace(key), name) {
			if name != "Record-Route" {
				list = append(list, strings.TrimSpace(value))
				continue
			}
			for one := range strings.SplitSeq(value, ",") {
				list = append(list, strings.TrimSpace(one))
			}
		}
	}
	if len(list) == 0 && name != "Record-Route" {
		return []string{""}
	}
	return list
}

// answering answers every request with 200, INVITEs with the description of the call that their
// number names.
func answering(conn net.PacketConn, m *media) {
	b := make([]byte, 65536)
	for {
		n, from, err := conn.ReadFrom(b)
		if err != nil {
			return
		}
		if text := string(b[:n]); n > 20 && !strings.HasPrefix(text, "SIP/2.0") && !strings.HasPrefix(text, "ACK ") {
			_, _ = conn.WriteTo([]byte(answerTo(text, conn.LocalAddr().String(), m)), from)
		}
	}
}

func answerTo(request, here string, m *media) string {
	var out strings.Builder
	out.WriteString("SIP/2.0 200 OK\r\n")
	for line := range strings.SplitSeq(request, "\r\n") {
		if line == "" {
			break
		}
		name, _, _ := strings.Cut(line, ":")
		switch strings.ToLower(name) {
		case "via", "record-route", "from", "call-id", "cseq":
			out.WriteString(line + "\r\n")
		}
	}
	to, body := values(request, "To")[0], ""
	if !strings.Contains(to, ";tag=") {
		to += ";tag=answer"
	}
	if number, ok := strings.CutPrefix(request, "INVITE sip:"); ok {
		text, _, _ := strings.Cut(number, "@")
		if i, err := strconv.Atoi(text); err == nil && 2*i+1 < len(m.legs) {
			l := &m.legs[2*i+1]
			l.to, _ = leads(request)
			body = describe(l)
			out.WriteString("Content-Type: application/sdp\r\n")
		}
	}
	fmt.Fprintf(&out, "To: %s\r\nContact: <sip:answer@%s>\r\nContent-Length: %d\r\n\r\n%s", to, here, len(body), body)
	return out.String()
}
