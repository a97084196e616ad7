package media

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	pion "github.com/pion/srtp/v3"

	"tollgate/test/harness"
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
	ua        *peer.UA
	place     harness.Netns // where its sockets are
	n         int           // which m= line
	rtp, rtcp *net.UDPConn
	at        netip.AddrPort // of rtp
	to        netip.AddrPort // where the description leads
	control   netip.AddrPort // where that leads RTCP
	version   int            // of the description
	plain     []string       // the lines that describe it
	seq       uint16
	ssrc      uint32
	pt        byte

	suite      suite  // of SRTP, where there is some
	key, heard string // its own key and that of what it hears, in base64
	out, in    *pion.Context
}

// newPhone opens a pair of ports at an endpoint's address.
func newPhone(s *stage.Stage, u *peer.UA, ssrc uint32) *phone {
	s.Helper()
	p := &phone{Stage: s, ua: u, ssrc: ssrc, seq: 100, plain: []string{"m=audio PORT RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000"}}
	p.open(u.Addr().Addr())
	return p
}

// open gives it another pair of ports.
func (p *phone) open(ip netip.Addr) {
	p.Helper()
	for range 50 {
		rtp := p.listen(netip.AddrPortFrom(ip, 0))
		at := here(rtp)
		if at.Port()%2 == 0 {
			rtcp, err := p.socket(netip.AddrPortFrom(ip, at.Port()+1))
			if err == nil {
				p.Cleanup(func() { rtcp.Close() })
				p.rtp, p.rtcp, p.at = rtp, rtcp, at
				return
			}
		}
		rtp.Close()
	}
	p.Fatal("no pair of ports is free")
}

// listen opens one more socket of the phone.
func (p *phone) listen(at netip.AddrPort) *net.UDPConn {
	p.Helper()
	conn, err := p.socket(at)
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { conn.Close() })
	return conn
}

func (p *phone) socket(at netip.AddrPort) (conn *net.UDPConn, err error) {
	err = p.place.Do(func() error {
		conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
		return err
	})
	return conn, err
}

// here is where a socket is.
func here(conn *net.UDPConn) netip.AddrPort {
	at := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

// section is the phone's m= line and what follows; PORT stands for its port, NEXT for RTCP's. Either may be part
// of a key, too, where no blank ends it.
func (p *phone) section(lines ...string) string {
	if len(lines) == 0 {
		lines = p.plain
	}
	text := strings.Join(lines, "\r\n")
	text = strings.ReplaceAll(text, " PORT ", " "+strconv.Itoa(int(p.at.Port()))+" ")
	return strings.ReplaceAll(text, ":NEXT ", ":"+strconv.Itoa(int(p.at.Port())+1)+" ")
}

// sdp is a new description of the phone.
func (p *phone) sdp(lines ...string) peer.Option {
	p.version++
	return wire(session(p.at.Addr(), p.version, p.section(lines...)))
}

// told takes where a description leads, which must be to us, and gives all of it.
func (p *phone) told(m *peer.Message) description {
	p.Helper()
	d := read(p.Stage, m.Body)
	if len(d.streams) <= p.n {
		p.Fatalf("no m= line %d:\n%s", p.n, m.Body)
	}
	sec := &d.streams[p.n]
	edge := p.ua.Edge.Addr()
	if sec.addr != edge || d.origin != edge || sec.port == 0 {
		p.Fatalf("the description does not lead to %s:\n%s", edge, m.Body)
	}
	p.to = netip.AddrPortFrom(sec.addr, uint16(sec.port))
	p.control = netip.AddrPortFrom(sec.addr, uint16(sec.port+1))
	if value, ok := sec.value("rtcp"); ok {
		port, _, _ := strings.Cut(value, " ")
		p.control = netip.AddrPortFrom(sec.addr, uint16(number(p.Stage, port)))
	}
	if _, ok := sec.value("rtcp-mux"); ok {
		p.control = p.to
	}
	return d
}

// packet is the next RTP packet of the phone.
func (p *phone) packet(payload string) []byte {
	b := make([]byte, 12, 12+len(payload))
	p.seq++
	b[0], b[1] = 0x80, p.pt
	binary.BigEndian.PutUint16(b[2:], p.seq)
	binary.BigEndian.PutUint32(b[4:], uint32(p.seq)*160)
	binary.BigEndian.PutUint32(b[8:], p.ssrc)
	return append(b, payload...)
}

// report is an RTCP sender report of the phone, with its name.
func (p *phone) report() []byte {
	p.seq++
	b := []byte{0x80, 200, 0, 6}
	b = binary.BigEndian.AppendUint32(b, p.ssrc)
	b = binary.BigEndian.AppendUint64(b, uint64(time.Now().UnixNano()))
	b = binary.BigEndian.AppendUint32(b, uint32(p.seq)*160)
	b = binary.BigEndian.AppendUint64(b, uint64(p.seq)<<32|uint64(p.seq)*160)
	b = append(b, 0x81, 202, 0, 3)
	b = binary.BigEndian.AppendUint32(b, p.ssrc)
	return append(b, 1, 4, 't', 'e', 's', 't', 0, 0)
}

func (p *phone) send(b []byte) { p.Helper(); p.write(p.rtp, b, p.to) }

func (p *phone) write(conn *net.UDPConn, b []byte, to netip.AddrPort) {
	p.Helper()
	if _, err := conn.WriteToUDPAddrPort(p.seal(b), to); err != nil {
		p.Error(err)
	}
}

// hears wants the very bytes to come next, from where the phone was told that its peer is.
func (p *phone) hears(want []byte) { p.Helper(); p.reads(p.rtp, want, p.to) }

// reads wants the very bytes to come next to a socket.
func (p *phone) reads(conn *net.UDPConn, want []byte, from netip.AddrPort) {
	p.Helper()
	got, source, err := receive(conn, patience)
	if err == nil {
		got = p.unseal(got)
	}
	switch {
	case err != nil:
		p.Fatalf("%s expected %d bytes, heard nothing: %v", here(conn), len(want), err)
	case string(got) != string(want):
		p.Fatalf("%s expected % x\ngot      % x", here(conn), want, got)
	case source != from:
		p.Errorf("%s heard from %s, not from %s", here(conn), source, from)
	}
}

func receive(conn *net.UDPConn, wait time.Duration) ([]byte, netip.AddrPort, error) {
	buf := make([]byte, 4096)
	_ = conn.SetReadDeadline(time.Now().Add(wait))
	n, from, err := conn.ReadFromUDPAddrPort(buf)
	return buf[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), err
}

// hearsNothing wants silence for a while.
func (p *phone) hearsNothing() { p.Helper(); p.quiet(p.rtp) }

func (p *phone) quiet(conn *net.UDPConn) { p.Helper(); p.quietFor(conn, none) }

func (p *phone) quietFor(conn *net.UDPConn, wait time.Duration) {
	p.Helper()
	if b, from, err := receive(conn, wait); err == nil {
		p.Errorf("%s heard %d bytes from %s: % x", here(conn), len(b), from, b)
	}
}

// says has one say something that the other hears, n times.
func says(from, to *phone, n int) {
	from.Helper()
	for i := range n {
		packet := from.packet(fmt.Sprintf("%160d", i))
		from.send(packet)
		to.hears(packet)
	}
}

// talk has both say something and hear it, n times.
func talk(a, b *phone, n int) {
	a.Helper()
	for range n {
		says(a, b, 1)
		says(b, a, 1)
	}
}

// unheard has one say something that the other must not hear.
func unheard(from, to *phone) {
	from.Helper()
	from.send(from.packet("not for you"))
	to.hearsNothing()
}

// reports has both send RTCP to where they were told, and receive it where they want it.
func reports(a, b *phone, atA, atB *net.UDPConn) {
	a.Helper()
	for range 3 {
		packet := a.report()
		a.write(atA, packet, a.control)
		b.reads(atB, packet, b.control)
		packet = b.report()
		b.write(atB, packet, b.control)
		a.reads(atA, packet, a.control)
	}
}

// controls is a description with a line that says where RTCP is wanted; OTHER in it opens
// another port for it.
func (p *phone) controls(line string) peer.Option {
	p.Helper()
	if strings.Contains(line, "OTHER") {
		p.rtcp = p.listen(netip.AddrPortFrom(p.at.Addr(), 0))
		line = strings.ReplaceAll(line, "OTHER", strconv.Itoa(int(here(p.rtcp).Port())))
	}
	if line == "" {
		return p.sdp()
	}
	return p.sdp(append(p.plain, line)...)
}

// after is the next port.
func after(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr(), a.Port()+1) }
