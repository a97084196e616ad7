package main

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// connectNG offers and answers each call to rtpengine (docs/ng_control_protocol.md of its).
func (l *load) connectNG(m *media) (end func(), err error) {
	conn, err := net.Dial("udp4", l.relay)
	if err != nil {
		return nil, err
	}
	for i := range l.calls {
		a, b := &m.legs[2*i], &m.legs[2*i+1]
		id := fmt.Sprintf("rtpload-%d", i)
		offer := []string{"call-id", id, "command", "offer", "from-tag", "a", "sdp", describe(a)}
		if a.crypt != nil {
			offer = append(offer, "transport-protocol", "RTP/AVP")
		}
		if b.to, err = ask(conn, fmt.Sprintf("o%d", i), offer...); err == nil {
			a.to, err = ask(conn, fmt.Sprintf("a%d", i), "call-id", id, "command", "answer", "from-tag", "a", "sdp", describe(b), "to-tag", "b")
		}
		if err != nil {
			conn.Close()
			return nil, err
		}
	}
	return func() {
		for i := range l.calls {
			_, _ = ask(conn, fmt.Sprintf("d%d", i), "call-id", fmt.Sprintf("rtpload-%d", i), "command", "delete", "from-tag", "a")
		}
		conn.Close()
	}, nil
}

// ask sends one command and gives where the description in its answer leads.
func ask(conn net.Conn, cookie string, pairs ...string) (netip.AddrPort, error) {
	var b strings.Builder
	b.WriteString(cookie + " d")
	for _, text := range pairs {
		fmt.Fprintf(&b, "%d:%s", len(text), text)
	}
	b.WriteString("e")
	buf := make([]byte, 65536)
	for range 5 {
		if _, err := conn.Write([]byte(b.String())); err != nil {
			return netip.AddrPort{}, err
		}
		if err := conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			return netip.AddrPort{}, err
		}
		n, err := conn.Read(buf)
		if err != nil {
			continue
		}
		if text, ok := strings.CutPrefix(string(buf[:n]), cookie+" "); ok {
			return leads(text)
		}
	}
	return netip.AddrPort{}, fmt.Errorf("%s does not answer", conn.RemoteAddr())
}

var (
	mediaLine   = regexp.MustCompile(`m=audio (\d+) `)
	addressLine = regexp.MustCompile(`c=IN IP4 (\S+)`)
)

// leads is where a description, somewhere in a text, wants audio.
func leads(text string) (netip.AddrPort, error) {
	port, addr := mediaLine.FindStringSubmatch(text), addressLine.FindStringSubmatch(text)
	if port == nil || addr == nil {
		return netip.AddrPort{}, fmt.Errorf("no description in %.200q", text)
	}
	return netip.ParseAddrPort(addr[1] + ":" + port[1])
}

// describe is a leg's description.
func describe(l *leg) string {
	proto, key := "RTP/AVP", ""
	if l.crypt != nil {
		proto, key = "RTP/SAVP", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"+l.crypt.key+"\r\n"
	}
	at := l.at.Addr().String()
	return "v=0\r\no=- 1 1 IN IP4 " + at + "\r\ns=-\r\nc=IN IP4 " + at + "\r\nt=0 0\r\nm=audio " +
		strconv.Itoa(int(l.at.Port())) + " " + proto + " 8\r\na=rtpmap:8 PCMA/8000\r\n" + key
}
