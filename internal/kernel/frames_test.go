package kernel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// wire is a party's end of its cable: whole frames, written by hand and read as they come.
type wire struct {
	testing.TB
	fd    int
	index int
	mac   net.HardwareAddr
	peer  net.HardwareAddr // of our end
}

// wire opens the end of a cable in the party's namespace; ours has that name.
func (p party) wire(t testing.TB, ours string) *wire {
	t.Helper()
	w := &wire{TB: t, fd: -1}
	err := p.do(func() error {
		i, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		w.index, w.mac = i.Index, i.HardwareAddr
		if w.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(networkOrder(unix.ETH_P_ALL))); err != nil {
			return err
		}
		return unix.Bind(w.fd, &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ALL), Ifindex: w.index})
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(w.fd) })
	i, err := net.InterfaceByName(ours)
	if err != nil {
		t.Fatal(err)
	}
	w.peer = i.HardwareAddr
	return w
}

// send sends frames to us.
func (w *wire) send(frames ...[]byte) {
	w.Helper()
	for _, b := range frames {
		b = slices.Clone(b)
		copy(b, w.peer)
		copy(b[6:], w.mac)
		if err := unix.Sendto(w.fd, b, 0, &unix.SockaddrLinklayer{Ifindex: w.index, Halen: 6}); err != nil {
			w.Fatal(err)
		}
	}
}

// next is the next frame of UDP over IP from us; nil: none comes within that time.
func (w *wire) next(wait time.Duration) []byte {
	w.Helper()
	b := make([]byte, 4096)
	for end := time.Now().Add(wait); ; {
		left := unix.NsecToTimeval(max(time.Until(end), time.Millisecond).Nanoseconds())
		if err := unix.SetsockoptTimeval(w.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &left); err != nil {
			w.Fatal(err)
		}
		n, from, err := unix.Recvfrom(w.fd, b, 0)
		switch {
		case errors.Is(err, unix.EAGAIN) || time.Now().After(end):
			return nil
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			w.Fatal(err)
		}
		link, ok := from.(*unix.SockaddrLinklayer)
		if ok && link.Pkttype != unix.PACKET_OUTGOING && n > 60 && (b[12] == 8 && b[23] == protocolUDP || b[12] == 0x86 && b[20] == protocolUDP) {
			return b[:n]
		}
	}
}

// again computes IPv4's checksum of a frame anew.
func again(b []byte) []byte {
	ip := b[ethernet : ethernet+int(b[ethernet]&0x0f)*4]
	ip[10], ip[11] = 0, 0
	binary.BigEndian.PutUint16(ip[10:], ^sumOf(ip))
	return b
}

// TestFrames sends frames that no socket sends, on the flow of a call: each is forwarded as it should be,
// comes to our socket, or is for nobody.
func TestFrames(t *testing.T) { eachWay(t, playFrames) }

func playFrames(t *testing.T, way Way) {
	a, b, _ := stage(t)
	flows := newFlows(t, way)
	from, to := a.wire(t, "outer"), b.wire(t, "inner")
	for i, c := range [][4]string{
		{"198.51.100.7", "198.51.100.1", "10.1.0.1", "10.1.0.9"},
		{"[2001:db8:a::7]", "[2001:db8:a::1]", "[2001:db8:b::1]", "[2001:db8:b::9]"},
	} {
		t.Run(c[3], func(t *testing.T) {
			k := newTalk(t, flows, 20000+10*i, a, b, c[0], c[1], c[2], c[3])
			k.alice.send(k.left, rtp(1000)) // so that neighbours are known
			k.ed.expect(k.right, rtp(1000))
			k.ed.send(k.right, rtp(1000))
			k.alice.expect(k.left, rtp(1000))
			k.frames(from, to)
		})
	}
}

// frames sends them one after the other.
func (k *talk) frames(from, to *wire) {
	for b := to.next(quiet); b != nil; { // what came before
		b = to.next(quiet)
	}
	for i, c := range slices.Concat(frames(), frames4(), frames6()) {
		d := usually(k.there)
		d.seq, d.second = 1001+uint16(i), 0x80
		if c.six && d.to.Addr().Is4() || c.four && !d.to.Addr().Is4() {
			continue
		}
		if c.change != nil {
			c.change(&d)
		}
		before := d.frame()
		out := [][]byte{before}
		if c.raw != nil {
			out = c.raw(slices.Clone(before))
		}
		from.send(out...)
		payload := slices.Clone(before[len(before)-rtpHeader-len(d.payload):])
		switch c.goes {
		case "on":
			d.from, d.to, d.hops, d.dscp = k.right.at, k.ed.at, d.hops-1, 46
			want := slices.Concat([]byte(to.mac), to.peer, d.frame()[12:])
			if c.wrong != nil {
				want = c.wrong(want)
			}
			if got := to.next(patience); !bytes.Equal(got, want) {
				k.Errorf("%s:\n got % x\nwant % x", c.name, got, want)
			}
			if c.wrong == nil {
				k.ed.expect(k.right, payload)
			}
		case "to us":
			k.left.expect(k.alice, payload)
		}
		if got := to.next(quiet); got != nil {
			k.Errorf("%s: this goes on: % x", c.name, got)
		}
		k.left.silent()
		k.ed.silent()
	}
}

// hand is a frame made by hand.
type hand struct {
	name      string
	goes      string // "on", "to us", or nowhere
	four, six bool   // in that family alone
	change    func(*datagram)
	raw       func(b []byte) [][]byte
	wrong     func(want []byte) []byte // how it leaves: what was wrong stays so, and nobody hears it
}

// one is a change of a frame.
func one(change func(b []byte) []byte) func([]byte) [][]byte {
	return func(b []byte) [][]byte { return [][]byte{change(b)} }
}

// tagged puts tags between the addresses of Ethernet and what follows.
func tagged(tags ...byte) func([]byte) [][]byte {
	return one(func(b []byte) []byte { return slices.Concat(b[:12], tags, b[12:]) })
}

func frames() []hand {
	last := func(b []byte) []byte { b[len(b)-1] ^= 0x55; return b }
	return []hand{
		{name: "as ever", goes: "on"},
		{name: "two hops", goes: "on", change: func(d *datagram) { d.hops = 2 }},
		{name: "one hop", goes: "to us", change: func(d *datagram) { d.hops = 1 }},
		{name: "priority, without a VLAN", goes: "to us", raw: tagged(0x81, 0, 0xa0, 0)},
		{name: "a VLAN that is not here", raw: tagged(0x81, 0, 0, 5)},
		{name: "a tag that looks like IP", raw: tagged(0x81, 0, 0x45, 0xb8)},
		{name: "two tags", raw: tagged(0x88, 0xa8, 0, 6, 0x81, 0, 0, 5)},
		{name: "a damaged payload", goes: "on", raw: one(last), wrong: last},
		{name: "a wrong checksum", goes: "on", raw: one(func(b []byte) []byte { return wrongSum(b, 1) }), wrong: func(b []byte) []byte { return wrongSum(b, 1) }},
	}
}

// wrongSum adds to UDP's checksum.
func wrongSum(b []byte, n byte) []byte {
	at := ethernet + 20
	if b[ethernet]>>4 == 6 {
		at = ethernet + 40
	}
	b[at+7] += n
	return b
}

func frames4() []hand {
	const udp = ethernet + 20
	id := func(b []byte) []byte { b[ethernet+5]++; return b }
	return []hand{
		{name: "a damaged header", four: true, goes: "on", raw: one(id), wrong: id},
		{name: "options", four: true, goes: "to us", raw: one(func(b []byte) []byte {
			b = slices.Concat(b[:udp], []byte{1, 1, 1, 0}, b[udp:])
			b[ethernet] = 0x46
			binary.BigEndian.PutUint16(b[ethernet+2:], uint16(len(b)-ethernet))
			return again(b)
		})},
		{name: "fragments", four: true, goes: "to us", raw: func(b []byte) [][]byte {
			const half = udp + 24
			first, rest := slices.Clone(b[:half]), slices.Concat(b[:udp], b[half:])
			for _, f := range [][]byte{first, rest} {
				binary.BigEndian.PutUint16(f[ethernet+2:], uint16(len(f)-ethernet))
			}
			first[ethernet+6], first[ethernet+7] = 0x20, 0
			rest[ethernet+6], rest[ethernet+7] = 0, 24/8
			return [][]byte{again(first), again(rest)}
		}},
	}
}

func frames6() []hand {
	const udp = ethernet + 40
	extended := func(b []byte, kind byte, extension ...byte) []byte {
		b = slices.Concat(b[:udp], extension, b[udp:])
		b[ethernet+6] = kind
		binary.BigEndian.PutUint16(b[ethernet+4:], uint16(len(b)-udp))
		return b
	}
	return []hand{
		{name: "options for the destination", six: true, goes: "to us", raw: one(func(b []byte) []byte {
			return extended(b, 60, protocolUDP, 0, 1, 4, 0, 0, 0, 0)
		})},
		{name: "options for each hop", six: true, goes: "to us", raw: one(func(b []byte) []byte {
			return extended(b, 0, protocolUDP, 0, 1, 4, 0, 0, 0, 0)
		})},
		{name: "fragments", six: true, goes: "to us", raw: func(b []byte) [][]byte {
			const half = udp + 24
			first := extended(slices.Clone(b[:half]), 44, protocolUDP, 0, 0, 1, 0, 0, 0, 9)
			rest := extended(slices.Concat(b[:udp], b[half:]), 44, protocolUDP, 0, 0, 24, 0, 0, 0, 9)
			return [][]byte{first, rest}
		}},
	}
}
