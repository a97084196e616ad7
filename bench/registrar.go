package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// registrar stands in for the PBXs: it grants every REGISTER at once and without a
// challenge, and calls phones by the Contacts that it got. It listens where the
// answering SIPp does in other parts.
type registrar struct {
	conn  *net.UDPConn
	calls int
	ended sync.WaitGroup

	mu       sync.Mutex // guards the rest
	asked    tally      // REGISTERs, by CSeq
	contacts []string   // the URI that each phone was registered with
}

func startRegistrar(at netip.AddrPort) (*registrar, error) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
	if err == nil {
		err = conn.SetReadBuffer(4 << 20)
	}
	if err != nil {
		return nil, fmt.Errorf("registrar: %w", err)
	}
	r := &registrar{conn: conn}
	r.ended.Go(r.receive)
	return r, nil
}

func (r *registrar) close() {
	r.conn.Close()
	r.ended.Wait()
}

// expect begins to count the n REGISTERs from a CSeq on.
func (r *registrar) expect(first, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked.reset(first, n)
}

func (r *registrar) counts() (once, again int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked.counts()
}

func (r *registrar) receive() {
	buf := make([]byte, 65536)
	for {
		n, from, err := r.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP answer
		}
		switch m := parseProbe(buf[:n]); {
		case m.method == "REGISTER":
			r.grant(m, from)
		case m.status >= 300 && strings.HasSuffix(m.header("CSeq"), " INVITE"):
			r.acknowledge(m, from)
		}
	}
}

// grant answers with the one Contact and the Path (RFC 3327 5.3) that came. What is
// not sent shows as a REGISTER without an answer.
func (r *registrar) grant(m probeMessage, from netip.AddrPort) {
	contact := m.header("Contact")
	_, uri, _ := strings.Cut(contact, "<")
	uri, _, _ = strings.Cut(uri, ">")
	r.keep(phoneOf(m.header("To")), m.cseq(), uri)
	text := m.reply(";tag=r")
	if path := m.header("Path"); path != "" {
		text += "Path: " + path + "\r\n"
	}
	text += "Contact: " + contact + ";expires=" + m.header("Expires") + "\r\nContent-Length: 0\r\n\r\n"
	_, _ = r.conn.WriteToUDPAddrPort([]byte(text), from)
}

func (r *registrar) keep(phone, cseq int, uri string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked.note(cseq)
	if phone < 0 {
		return
	}
	for len(r.contacts) <= phone {
		r.contacts = append(r.contacts, "")
	}
	r.contacts[phone] = uri
}

func (r *registrar) contact(phone int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if phone < len(r.contacts) {
		return r.contacts[phone]
	}
	return ""
}

// invite writes an INVITE to a phone, to be sent, and sent again, with call.
func (r *registrar) invite(phone int) string {
	r.calls++
	me := r.conn.LocalAddr().String()
	return fmt.Sprintf("INVITE %[1]s SIP/2.0\r\nVia: SIP/2.0/UDP %[2]s;branch=z9hG4bKi%[3]d-%[4]d\r\n"+
		"From: <sip:100@%[5]s>;tag=i%[3]d\r\nTo: <sip:%[6]s@%[5]s>\r\nCall-ID: ring%[3]d-%[7]d@%[2]s\r\nCSeq: 1 INVITE\r\n"+
		"Max-Forwards: 70\r\nContact: <sip:100@%[2]s>\r\nContent-Length: 0\r\n\r\n",
		r.contact(phone), me, r.calls, time.Now().UnixNano(), customerDomain(phone%customers), phoneUser(phone), phone)
}

func (r *registrar) send(text string, edge netip.AddrPort) error {
	if _, err := r.conn.WriteToUDPAddrPort([]byte(text), edge); err != nil {
		return fmt.Errorf("registrar: %w", err)
	}
	return nil
}

// acknowledge ends a call that was refused (RFC 3261 17.1.1.3). What it does not
// reach is only sent again.
func (r *registrar) acknowledge(m probeMessage, edge netip.AddrPort) {
	_, name, _ := strings.Cut(m.header("Call-ID"), "-")
	name, _, _ = strings.Cut(name, "@")
	phone, err := strconv.Atoi(name)
	if err != nil {
		return
	}
	text := fmt.Sprintf("ACK %s SIP/2.0\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: 1 ACK\r\n"+
		"Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
		r.contact(phone), m.header("Via"), m.header("From"), m.header("To"), m.header("Call-ID"))
	_ = r.send(text, edge)
}
