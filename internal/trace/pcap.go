package trace

import (
	"encoding/binary"
	"io"
	"net/netip"
)

// Pcap writes messages as a capture that Wireshark and tcpdump read: classic pcap with
// nanoseconds, raw IP. The bytes of a message are those of the wire; headers of IP and UDP or
// TCP are made up around them. Of TLS the clear text stands there as TCP, port 5061 as 5060,
// since it is no TLS any more.
func Pcap(w io.Writer, m []Message) error {
	c := capture{next: make(map[flowKey]uint32)}
	c.b = binary.LittleEndian.AppendUint32(c.b, 0xa1b23c4d) // nanoseconds
	c.b = binary.LittleEndian.AppendUint16(c.b, 2)
	c.b = binary.LittleEndian.AppendUint16(c.b, 4)
	for _, n := range [...]uint32{0, 0, 1 << 18, 101} { // zone, accuracy, longest packet, LINKTYPE_RAW
		c.b = binary.LittleEndian.AppendUint32(c.b, n)
	}
	for i := range m {
		c.message(&m[i])
		if _, err := w.Write(c.b); err != nil {
			return err
		}
		c.b = c.b[:0]
	}
	_, err := w.Write(c.b) // of no message at all
	return err
}

type flowKey struct{ from, to netip.AddrPort }

// capture is a file that is written.
type capture struct {
	b    []byte
	next map[flowKey]uint32 // TCP sequence numbers
}

const (
	protoTCP = 6
	protoUDP = 17
	// segmentBytes of a stream go into one packet: what fits into the length of IP.
	segmentBytes = 60000
)

func (c *capture) message(m *Message) {
	from, to := m.Local, m.Remote
	if m.In {
		from, to = to, from
	}
	if m.Transport == "tls" {
		from, to = clear5061(from), clear5061(to)
	}
	if m.Transport == "udp" {
		c.packet(m, protoUDP, from, to, m.Data)
		return
	}
	for data := m.Data; len(data) > 0; {
		n := min(len(data), segmentBytes)
		c.packet(m, protoTCP, from, to, data[:n])
		c.next[flowKey{from, to}] += uint32(n)
		data = data[n:]
	}
}

func clear5061(a netip.AddrPort) netip.AddrPort {
	if a.Port() == 5061 {
		return netip.AddrPortFrom(a.Addr(), 5060)
	}
	return a
}

// packet writes one packet.
func (c *capture) packet(m *Message, proto byte, from, to netip.AddrPort, data []byte) {
	start := len(c.b)
	le, be := binary.LittleEndian, binary.BigEndian
	c.b = le.AppendUint32(c.b, uint32(m.At.Unix()))
	c.b = le.AppendUint32(c.b, uint32(m.At.Nanosecond()))
	c.b = le.AppendUint64(c.b, 0) // both lengths, below
	ip := len(c.b)
	header := 8
	if proto == protoTCP {
		header = 20
	}
	c.b = appendIP(c.b, proto, from.Addr(), to.Addr(), header+len(data))
	at := len(c.b)
	c.b = be.AppendUint16(be.AppendUint16(c.b, from.Port()), to.Port())
	if proto == protoUDP {
		c.b = be.AppendUint16(be.AppendUint16(c.b, uint16(header+len(data))), 0)
	} else {
		c.b = be.AppendUint32(c.b, 1+c.next[flowKey{from, to}])
		c.b = be.AppendUint32(c.b, 1+c.next[flowKey{to, from}])
		c.b = append(c.b, 5<<4, 0x18, 0xff, 0xff, 0, 0, 0, 0) // PSH and ACK, widest window
	}
	c.b = append(c.b, data...)
	sumAt := at + 6
	if proto == protoTCP {
		sumAt = at + 16
	}
	sum := checksum(c.b[at:], pseudo(from.Addr(), to.Addr(), proto, len(c.b)-at))
	if sum == 0 && proto == protoUDP {
		sum = 0xffff
	}
	be.PutUint16(c.b[sumAt:], sum)
	le.PutUint32(c.b[start+8:], uint32(len(c.b)-ip))
	le.PutUint32(c.b[start+12:], uint32(len(c.b)-ip))
}

// appendIP appends an IP header for n bytes.
func appendIP(b []byte, proto byte, from, to netip.Addr, n int) []byte {
	be := binary.BigEndian
	if !from.Is4() || !to.Is4() {
		f, t := from.As16(), to.As16()
		b = be.AppendUint16(append(b, 6<<4, 0, 0, 0), uint16(n))
		return append(append(append(b, proto, 64), f[:]...), t[:]...)
	}
	start := len(b)
	f, t := from.As4(), to.As4()
	b = be.AppendUint16(append(b, 4<<4|5, 0), uint16(20+n))
	b = append(b, 0, 0, 0, 0, 64, proto, 0, 0)
	b = append(append(b, f[:]...), t[:]...)
	be.PutUint16(b[start+10:], checksum(b[start:], 0))
	return b
}

// pseudo is the sum over the pseudo header of UDP and TCP (RFC 9293 3.1, RFC 8200 8.1).
func pseudo(from, to netip.Addr, proto byte, n int) uint32 {
	sum := uint32(proto) + uint32(n)
	for _, a := range [...]netip.Addr{from, to} {
		b := a.AsSlice()
		if !from.Is4() || !to.Is4() {
			wide := a.As16()
			b = wide[:]
		}
		for i := 0; i+1 < len(b); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(b[i:]))
		}
	}
	return sum
}

// checksum is the one of the Internet (RFC 1071) over b, begun with sum.
func checksum(b []byte, sum uint32) uint16 {
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
