package media

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"tollgate/test/peer"
	"tollgate/test/stage"
)

// patience is how long a packet that should come is waited for; none is what a packet that
// should not come is given.
const (
	patience = 5 * time.Second
	none     = 300 * time.Millisecond
)

// phone is one end of a stream: a socket for RTP and one for RTCP on the next port.
type phone struct {
	*stage.Stage
	rtp, rtcp *net.UDPConn
	at        netip.AddrPort // of rtp
	to        netip.AddrPort // where the description leads
	control   netip.AddrPort
	seq       uint16
	ssrc      uint32
}

// newPhone opens a pair of ports at an endpoint's address.
func newPhone(s *stage.Stage, u *peer.UA, ssrc uint32) *phone {
	s.Helper()
	ip := u.Addr().Addr()
	for range 50 {
		rtp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
		if err != nil {
			s.Fatal(err)
		}
		at := rtp.LocalAddr().(*net.UDPAddr).AddrPort()
		at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
		if at.Port()%2 == 0 {
			rtcp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, at.Port()+1)))
			if err == nil {
				s.Cleanup(func() { rtp.Close(); rtcp.Close() })
				return &phone{Stage: s, rtp: rtp, rtcp: rtcp, at: at, ssrc: ssrc, seq: 100}
			}
		}
		rtp.Close()
	}
	s.Fatal("no pair of ports is free")
	return nil
}

// describes is the phone's description.
func (p *phone) describes(lines ...string) string {
	family := "IP4"
	if p.at.Addr().Is6() {
		family = "IP6"
	}
	if len(lines) == 0 {
		lines = []string{"m=audio PORT RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000"}
	}
	text := fmt.Sprintf("v=0\r\no=phone 7 7 IN %s %s\r\ns=call\r\nc=IN %s %s\r\nt=0 0\r\n%s\r\n",
		family, p.at.Addr(), family, p.at.Addr(), strings.Join(lines, "\r\n"))
	return strings.ReplaceAll(text, "PORT", strconv.Itoa(int(p.at.Port())))
}

func (p *phone) sdp(lines ...string) peer.Option {
	return peer.Body("application/sdp", p.describes(lines...))
}

// told takes where a description leads, and checks that it names nobody else's address.
func (p *phone) told(body string, stranger *phone) {
	p.Helper()
	if strings.Contains(body, " "+stranger.at.Addr().String()) && stranger.at.Addr() != p.at.Addr() {
		p.Errorf("the description names the other side's address:\n%s", body)
	}
	var addr netip.Addr
	for line := range strings.Lines(body) {
		f := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "c="):
			addr = netip.MustParseAddr(f[2])
		case strings.HasPrefix(line, "m=audio"):
			port, _ := strconv.Atoi(f[1])
			p.to = netip.AddrPortFrom(addr, uint16(port))
			p.control = netip.AddrPortFrom(addr, uint16(port+1))
		}
	}
	if !p.to.IsValid() || p.to.Port() == stranger.at.Port() {
		p.Fatalf("the description leads past us:\n%s", body)
	}
}

// packet is the next RTP packet of the phone.
func (p *phone) packet(payload string) []byte {
	b := make([]byte, 12, 12+len(payload))
	p.seq++
	b[0], b[1] = 0x80, 0
	binary.BigEndian.PutUint16(b[2:], p.seq)
	binary.BigEndian.PutUint32(b[4:], uint32(p.seq)*160)
	binary.BigEndian.PutUint32(b[8:], p.ssrc)
	return append(b, payload...)
}

func (p *phone) send(b []byte) {
	p.Helper()
	if _, err := p.rtp.WriteToUDPAddrPort(b, p.to); err != nil {
		p.Error(err)
	}
}

// hears wants the very bytes to come next, from where the phone was told that its peer is.
func (p *phone) hears(want []byte) {
	p.Helper()
	buf := make([]byte, 2048)
	_ = p.rtp.SetReadDeadline(time.Now().Add(patience))
	n, from, err := p.rtp.ReadFromUDPAddrPort(buf)
	switch {
	case err != nil:
		p.Fatalf("expected %d bytes, heard nothing: %v", len(want), err)
	case string(buf[:n]) != string(want):
		p.Fatalf("expected % x\ngot      % x", want, buf[:n])
	case netip.AddrPortFrom(from.Addr().Unmap(), from.Port()) != p.to:
		p.Errorf("heard from %s, not from %s", from, p.to)
	}
}

// hearsNothing wants silence for a while.
func (p *phone) hearsNothing() {
	p.Helper()
	buf := make([]byte, 2048)
	_ = p.rtp.SetReadDeadline(time.Now().Add(none))
	if n, from, err := p.rtp.ReadFromUDPAddrPort(buf); err == nil {
		p.Errorf("heard %d bytes from %s: % x", n, from, buf[:n])
	}
}

// talk has both say something and hear it, n times.
func talk(a, b *phone, n int) {
	a.Helper()
	for i := range n {
		for _, pair := range [2][2]*phone{{a, b}, {b, a}} {
			packet := pair[0].packet(fmt.Sprintf("%160d", i))
			pair[0].send(packet)
			pair[1].hears(packet)
		}
	}
}
