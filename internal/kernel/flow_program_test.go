package kernel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// datagram is RTP as a test sends it through the program, from Ethernet on.
type datagram struct {
	from, to  netip.AddrPort
	seq       uint16
	timestamp uint32
	ssrc      uint32
	first     byte // of RTP
	second    byte
	payload   []byte
	hops      byte
	dscp      byte
	unsummed  bool // UDP without a checksum
	vlan      uint16
}

// frame writes it, with right checksums.
func (d datagram) frame() []byte {
	rtp := append([]byte{d.first, d.second}, make([]byte, 10)...)
	binary.BigEndian.PutUint16(rtp[2:], d.seq)
	binary.BigEndian.PutUint32(rtp[4:], d.timestamp)
	binary.BigEndian.PutUint32(rtp[8:], d.ssrc)
	return d.around(append(rtp, d.payload...))
}

// around writes a frame around what UDP carries.
func (d datagram) around(payload []byte) []byte {
	size := udpHeader + len(payload)
	b := make([]byte, 12, 128)
	if d.vlan != 0 {
		b = binary.BigEndian.AppendUint16(append(b, 0x81, 0), d.vlan)
	}
	at := len(b) + 2
	if d.from.Addr().Is4() {
		b = append(b, 8, 0, 0x45, d.dscp<<2|1, 0, 0, 0, 7, 0x40, 0, d.hops, protocolUDP, 0, 0)
		binary.BigEndian.PutUint16(b[at+2:], uint16(20+size))
	} else {
		b = append(b, 0x86, 0xdd, 0x60|d.dscp>>2, d.dscp<<6|0x15, 0xaa, 0xbb, 0, 0, protocolUDP, d.hops)
		binary.BigEndian.PutUint16(b[at+4:], uint16(size))
	}
	b = append(append(b, d.from.Addr().AsSlice()...), d.to.Addr().AsSlice()...)
	if d.from.Addr().Is4() {
		binary.BigEndian.PutUint16(b[at+10:], ^sumOf(b[at:]))
	}
	udp := len(b)
	b = binary.BigEndian.AppendUint16(b, d.from.Port())
	b = binary.BigEndian.AppendUint16(b, d.to.Port())
	b = binary.BigEndian.AppendUint16(b, uint16(size))
	b = append(append(b, 0, 0), payload...)
	if !d.unsummed {
		binary.BigEndian.PutUint16(b[udp+6:], ^udpSum(b, at))
	}
	return b
}

// sumOf is the sum of a checksum (RFC 1071): 0xffff where what is summed holds its checksum.
func sumOf(parts ...[]byte) uint16 {
	var sum uint32
	for _, p := range parts {
		for i := 0; i < len(p); i += 2 {
			sum += uint32(p[i]) << 8
			if i+1 < len(p) {
				sum += uint32(p[i+1])
			}
		}
	}
	return fold(sum)
}

// udpSum is the sum over UDP and its pseudo-header, in a frame whose IP begins there.
func udpSum(frame []byte, at int) uint16 {
	addresses, udp := frame[at+12:at+20], frame[at+20:]
	if frame[at]>>4 == 6 {
		addresses, udp = frame[at+8:at+40], frame[at+40:]
	}
	return sumOf(addresses, []byte{0, protocolUDP, byte(len(udp) >> 8), byte(len(udp))}, udp)
}

// flowsLoaded are flows whose program is in the kernel and attached nowhere.
func flowsLoaded(t testing.TB) *Flows {
	t.Helper()
	f, err := loadFlows(FlowsConfig{DSCP: 46})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.unload(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// put adds a flow by a route that the test makes up.
func (f *Flows) put(t testing.TB, flow Flow, w way) {
	t.Helper()
	if err := flow.fits(); err != nil {
		t.Fatal(err)
	}
	f.routes.at = append(f.routes.at, &route{flows: 1})
	if err := f.maps.routes.Put(uint32(len(f.routes.at)-1), &w); err != nil {
		t.Fatal(err)
	}
	m, key := f.maps.of(flow.Local, flow.Peer)
	v := flow.value(uint32(len(f.routes.at) - 1))
	if err := m.Put(key, &v); err != nil {
		t.Fatal(err)
	}
}

const (
	answerRedirect = 7 // TCX_REDIRECT
	voice          = 0xdecafbad
)

// families are the same flow in IPv4 and IPv6.
func families() map[string]Flow {
	at := netip.MustParseAddrPort
	f := Flow{
		Local: at("192.0.2.1:20000"), Peer: at("198.51.100.7:4000"), From: at("192.0.2.129:20002"), To: at("203.0.113.9:6000"),
		SSRC: voice, Payloads: [2]uint64{1<<0 | 1<<8, 1 << (96 - 64)}, Clock: 8000, Start: FlowSeed{ExtSeq: 1<<16 | 1000},
	}
	f6 := f
	f6.Local, f6.Peer = at("[2001:db8::1]:20000"), at("[2001:db8:a::7]:4000")
	f6.From, f6.To = at("[2001:db8::81]:20002"), at("[2001:db8:b::9]:6000")
	return map[string]Flow{"IPv4": f, "IPv6": f6}
}

// usually is a packet of a flow.
func usually(f Flow) datagram {
	return datagram{
		from: f.Peer, to: f.Local, seq: 1001, timestamp: 160, ssrc: f.SSRC, first: 0x80, second: 0x88, hops: 64,
		payload: []byte("twenty milliseconds of voice, odd"),
	}
}

// elsewhere is the interface that flows leave by in these tests.
const elsewhere = 77

func (f *Flows) run1(t testing.TB, frame []byte) (answer int32, out []byte) {
	t.Helper()
	got, out, err := f.program.Test(slices.Clone(frame))
	if err != nil {
		t.Fatal(err)
	}
	return int32(got), out
}

func TestForwarded(t *testing.T) {
	for name, flow := range families() {
		for _, c := range []struct {
			name   string
			by     uint32
			answer int32
			change func(*datagram)
		}{
			{"elsewhere", elsewhere, answerRedirect, nil},
			{"here", loopback, answerPass, nil},
			{"even", elsewhere, answerRedirect, func(d *datagram) { d.payload = d.payload[1:] }},
			{"nothing in it", elsewhere, answerRedirect, func(d *datagram) { d.payload = nil }},
			{"marked", elsewhere, answerRedirect, func(d *datagram) { d.dscp = 34 }},
			{"marked, here", loopback, answerPass, func(d *datagram) { d.dscp, d.hops = 34, 1 }},
			{"last but one hop", elsewhere, answerRedirect, func(d *datagram) { d.hops = 2 }},
			{"type 96", elsewhere, answerRedirect, func(d *datagram) { d.second = 96 }},
			{"no checksum", elsewhere, answerRedirect, func(d *datagram) { d.unsummed = true }},
			{"sources, extension", elsewhere, answerRedirect, func(d *datagram) { d.first = 0x92 }},
		} {
			t.Run(name+" "+c.name, func(t *testing.T) {
				f := flowsLoaded(t)
				f.put(t, flow, way{c.by, 1500})
				d := usually(flow)
				if c.change != nil {
					c.change(&d)
				}
				before := d.frame()
				answer, out := f.run1(t, before)
				d.from, d.to = flow.From, flow.To
				if c.by != loopback {
					d.hops, d.dscp = d.hops-1, 46
				}
				if want := d.frame(); answer != c.answer || !bytes.Equal(out, want) {
					t.Errorf("answer %d\n got % x\nwant % x", answer, out, want)
				}
			})
		}
	}
}

// TestWrongStaysWrong: a packet that was damaged on its way does not become a good one.
func TestWrongStaysWrong(t *testing.T) {
	for name, flow := range families() {
		f := flowsLoaded(t)
		f.put(t, flow, way{elsewhere, 1500})
		frame := usually(flow).frame()
		frame[len(frame)-1]++
		if _, out := f.run1(t, frame); udpSum(out, ethernet) == 0xffff {
			t.Errorf("%s: a damaged payload got a right checksum", name)
		}
		if flow.Peer.Addr().Is4() {
			frame[ethernet+5]++
			if _, out := f.run1(t, frame); sumOf(out[ethernet:ethernet+20]) == 0xffff {
				t.Errorf("%s: a damaged header got a right checksum", name)
			}
		}
	}
}

func TestComesToUs(t *testing.T) {
	other := netip.MustParseAddrPort
	for name, flow := range families() {
		six := flow.Peer.Addr().Is6()
		udp, next, fragment := ethernet+20, ethernet+9, byte(0x20) // more fragments
		if six {
			udp, next, fragment = ethernet+40, ethernet+6, 44 // the header for fragments comes next
		}
		for _, c := range []struct {
			name   string
			change func(d *datagram)
			raw    func(b []byte) []byte // from Ethernet on
		}{
			{name: "other port of the peer", change: func(d *datagram) { d.from = netip.AddrPortFrom(d.from.Addr(), 4001) }},
			{name: "other address of the peer", change: func(d *datagram) {
				if d.from = other("198.51.100.8:4000"); six {
					d.from = other("[2001:db8:a::8]:4000")
				}
			}},
			{name: "other port of ours", change: func(d *datagram) { d.to = netip.AddrPortFrom(d.to.Addr(), 20001) }},
			{name: "other SSRC", change: func(d *datagram) { d.ssrc++ }},
			{name: "other type", change: func(d *datagram) { d.second = 101 }},
			{name: "other type, marker", change: func(d *datagram) { d.second = 0x80 | 101 }},
			{name: "half of the bitmap", change: func(d *datagram) { d.second = 32 }},
			{name: "RTCP", change: func(d *datagram) { d.second = 200 }},
			{name: "RTCP's other half", change: func(d *datagram) { d.second = 96 - 64 + 0xc0 - 1 }},
			{name: "STUN", change: func(d *datagram) { d.first = 0 }},
			{name: "DTLS", change: func(d *datagram) { d.first = 22 }},
			{name: "RTP of version 1", change: func(d *datagram) { d.first = 0x40 }},
			{name: "RTP of version 3", change: func(d *datagram) { d.first = 0xc0 }},
			{name: "more sources than bytes", change: func(d *datagram) { d.first, d.payload = 0x8f, nil }},
			{name: "extension, no bytes", change: func(d *datagram) { d.first, d.payload = 0x90, nil }},
			{name: "far ahead", change: func(d *datagram) { d.seq = 4000 }},
			{name: "far behind", change: func(d *datagram) { d.seq = 899 }},
			{name: "last hop", change: func(d *datagram) { d.hops = 1 }},
			{name: "no hop", change: func(d *datagram) { d.hops = 0 }},
			{name: "too big for the way", change: func(d *datagram) { d.payload = make([]byte, 1500) }},
			{name: "VLAN", change: func(d *datagram) { d.vlan = 5 }},
			{name: "for another machine", raw: func(b []byte) []byte { b[0] = 2; return b }},
			{name: "to all", raw: func(b []byte) []byte { copy(b, "\xff\xff\xff\xff\xff\xff"); return b }},
			{name: "cut", raw: func(b []byte) []byte { return b[:len(b)-1] }},
			{name: "cut within RTP", raw: func(b []byte) []byte { return b[:len(b)-len(usually(flow).payload)-1] }},
			{name: "more than UDP says", raw: func(b []byte) []byte { b[udp+5]--; return b }},
			{name: "TCP", raw: func(b []byte) []byte { b[next] = protocolTCP; return b }},
			{name: "ARP", raw: func(b []byte) []byte { b[12], b[13] = 8, 6; return b }},
			{name: "fragment", raw: func(b []byte) []byte { b[ethernet+6] = fragment; return b }},
			{name: "IPv4 with options, or what is no IPv6", raw: func(b []byte) []byte { b[ethernet] = 0x46; return b }},
		} {
			t.Run(name+" "+c.name, func(t *testing.T) {
				f := flowsLoaded(t)
				f.put(t, flow, way{elsewhere, 1400})
				d := usually(flow)
				if c.change != nil {
					c.change(&d)
				}
				frame := d.frame()
				if c.raw != nil {
					frame = c.raw(frame)
				}
				answer, out := f.run1(t, frame)
				if answer != answerPass || !bytes.Equal(out, frame) {
					t.Errorf("answer %d\n got % x\nwant % x", answer, out, frame)
				}
				if got, _ := f.Counters(flow.Local, flow.Peer); got.Packets != 0 || got.ExtSeq != flow.Start.ExtSeq {
					t.Errorf("counted: %+v", got)
				}
			})
		}
		t.Run(name+" no way", func(t *testing.T) {
			f := flowsLoaded(t)
			f.put(t, flow, way{})
			if answer, _ := f.run1(t, usually(flow).frame()); answer != answerPass {
				t.Errorf("answer %d", answer)
			}
		})
	}
}

// TestOrder: sequence numbers as they come, and what the kernel makes of them.
func TestOrder(t *testing.T) {
	for _, c := range []struct {
		name                  string
		start                 uint32
		seqs                  []int
		reordered, duplicates uint64
		highest               uint32
	}{
		{"in order", 1000, []int{1001, 1002, 1003}, 0, 0, 1003},
		{"a gap", 1000, []int{1001, 1009}, 0, 0, 1009},
		{"late", 1000, []int{1001, 1003, 1002, 1004}, 1, 0, 1004},
		{"twice", 1000, []int{1001, 1001, 1002, 1001}, 0, 2, 1002},
		{"late and twice", 1000, []int{1001, 1003, 1002, 1002}, 1, 1, 1003},
		{"round the corner", 0x2fffe, []int{0xffff, 1, 0, 2}, 1, 0, 0x30002},
		{"the seed's own again", 1000, []int{1000}, 0, 1, 1000},
		{"63 late", 1000, []int{1063, 1000, 1001}, 1, 1, 1063},
		{"64 late", 1000, []int{1065, 1001, 1001}, 2, 0, 1065},
		{"100 late", 1000, []int{900}, 1, 0, 1000},
		{"63 ahead", 1000, []int{1063, 1000}, 0, 1, 1063},
		{"64 ahead", 1000, []int{1064, 1001}, 1, 0, 1064},
		{"65 ahead", 1000, []int{1065, 1002, 1002}, 1, 1, 1065},
		{"2999 ahead", 1000, []int{3999}, 0, 0, 3999},
	} {
		for name, flow := range families() {
			flow.Start.ExtSeq = c.start
			f := flowsLoaded(t)
			f.put(t, flow, way{elsewhere, 1500})
			d := usually(flow)
			for _, seq := range c.seqs {
				d.seq = uint16(seq)
				if answer, _ := f.run1(t, d.frame()); answer != answerRedirect {
					t.Errorf("%s %s: %d: answer %d", name, c.name, seq, answer)
				}
			}
			got, _ := f.Remove(flow.Local, flow.Peer)
			if got.Packets != uint64(len(c.seqs)) || got.Reordered != c.reordered || got.Duplicates != c.duplicates || got.ExtSeq != c.highest {
				t.Errorf("%s %s: %+v", name, c.name, got)
			}
			if octets := uint64((rtpHeader + len(d.payload)) * len(c.seqs)); got.Octets != octets {
				t.Errorf("%s %s: %d octets, want %d", name, c.name, got.Octets, octets)
			}
		}
	}
}

// TestTimes computes again what the kernel says of times, from the arrivals that it tells.
func TestTimes(t *testing.T) {
	for name, flow := range families() {
		flow.Clock = 48000
		flow.Start = FlowSeed{ExtSeq: 1000, Jitter: 160, Timestamp: 1 << 31}
		f := flowsLoaded(t)
		f.put(t, flow, way{elsewhere, 1500})
		d := usually(flow)
		last, gap, jitter := flow.Start, int64(0), uint64(flow.Start.Jitter)
		for i := range uint32(40) {
			d.seq++
			d.timestamp += 960 * (i % 3)
			f.run1(t, d.frame())
			got, _ := f.Counters(flow.Local, flow.Peer)
			transit := units(got.Arrival, flow.Clock) - d.timestamp
			if last.Arrival != 0 {
				gap = max(gap, got.Arrival-last.Arrival)
				delta := int32(transit - last.Transit)
				jitter += uint64(max(delta, -delta)) - (jitter+8)>>4
			}
			if got.Transit != transit || got.Timestamp != d.timestamp || got.Gap != gap || uint64(got.Jitter) != jitter {
				t.Fatalf("%s %d: %+v, want transit %d, gap %d, jitter %d", name, i, got, transit, gap, jitter)
			}
			last = FlowSeed{Transit: transit, Arrival: got.Arrival}
		}
		if now := monotonic(t); last.Arrival > now || last.Arrival < now-10*second {
			t.Errorf("the last came at %d, it is %d", last.Arrival, now)
		}
	}
}

// units is a time in units of RTP, RFC 3550 A.8.
func units(at int64, hz uint32) uint32 {
	return uint32(uint64(at/second)*uint64(hz) + uint64(at%second)*uint64(hz)/second)
}

func monotonic(t testing.TB) int64 {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		t.Fatal(err)
	}
	return now.Nano()
}

func TestSeed(t *testing.T) {
	flow := families()["IPv4"]
	now := monotonic(t)
	flow.Start = FlowSeed{ExtSeq: 7<<16 | 1000, Transit: units(now, 8000) - 160, Jitter: 320, Timestamp: 160, Arrival: now - 2*second}
	f := flowsLoaded(t)
	f.put(t, flow, way{elsewhere, 1500})
	if got, ok := f.Counters(flow.Local, flow.Peer); !ok || got != (FlowCounters{
		SSRC: voice, ExtSeq: flow.Start.ExtSeq, Transit: flow.Start.Transit, Jitter: 320, Timestamp: 160, Arrival: flow.Start.Arrival,
	}) {
		t.Errorf("%+v, %v", got, ok)
	}
	f.run1(t, usually(flow).frame())
	if got, _ := f.Remove(flow.Local, flow.Peer); got.ExtSeq != 7<<16|1001 || got.Gap < 2*second {
		t.Errorf("%+v", got)
	}
	if _, ok := f.Counters(flow.Local, flow.Peer); ok {
		t.Error("it is still there")
	}
}

func TestRefused(t *testing.T) {
	at := netip.MustParseAddrPort
	f := flowsLoaded(t)
	for _, c := range []struct {
		name   string
		change func(*Flow)
		want   error // nil: any
	}{
		{"to the other family", func(f *Flow) { f.From, f.To = at("[2001:db8::81]:20002"), at("[2001:db8:b::9]:6000") }, ErrFamilies},
		{"no payload type", func(f *Flow) { f.Payloads = [2]uint64{} }, ErrFlow},
		{"none but RTCP's", func(f *Flow) { f.Payloads = [2]uint64{0, 1 << 8} }, ErrFlow},
		{"no clock", func(f *Flow) { f.Clock = 0 }, ErrFlow},
		{"a clock of 4 GHz", func(f *Flow) { f.Clock = 4_000_000_000 }, ErrFlow},
		{"to port 0", func(f *Flow) { f.To = at("203.0.113.9:0") }, ErrFlow},
		{"from nowhere", func(f *Flow) { f.Peer = netip.AddrPort{} }, ErrFlow},
		{"to 0.0.0.0", func(f *Flow) { f.To = at("0.0.0.0:6000") }, ErrFlow},
		{"to a zone", func(f *Flow) { f.To = at("[fe80::1%lo]:6000") }, ErrFlow},
		{"from an address that is not ours", func(*Flow) {}, nil},
	} {
		flow := families()["IPv4"]
		c.change(&flow)
		if err := f.Add(flow); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if flows, _ := f.Stats(); flows != 0 || len(f.routes.of) != 0 {
		t.Errorf("%d flows, %d routes", flows, len(f.routes.of))
	}
	if _, ok := f.Remove(at("192.0.2.1:1"), at("[2001:db8::1]:1")); ok {
		t.Error("what cannot be was there")
	}
}

// FuzzFlows: whatever comes, what is forwarded is RTP of the flow's with right checksums.
func FuzzFlows(f *testing.F) {
	for _, flow := range families() {
		f.Add(usually(flow).frame())
	}
	flows := flowsLoaded(f)
	for _, flow := range families() {
		flows.put(f, flow, way{elsewhere, 1500})
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		got, out, err := flows.program.Test(frame)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, ebpf.ErrNotSupported) {
			return // shorter than what the kernel takes for a test
		}
		if err != nil {
			t.Fatal(err)
		}
		switch int32(got) {
		case answerPass:
			if len(frame) >= 14 && binary.BigEndian.Uint16(frame[12:]) != 0x8100 && !bytes.Equal(out, frame) {
				t.Errorf("changed and not forwarded: % x", frame)
			}
		case answerRedirect:
			rtp := out[len(out)-len(frame)+ethernet+20+udpHeader:]
			if frame[ethernet]>>4 == 6 {
				rtp = rtp[20:]
			}
			if rtp[0]>>6 != 2 || binary.BigEndian.Uint32(rtp[8:]) != voice {
				t.Errorf("forwarded: % x", frame)
			}
		default:
			t.Errorf("answer %d: % x", int32(got), frame)
		}
	})
}

// BenchmarkFlow is what a packet costs that is forwarded, beside the kernel's own work (its way to
// the next hop, the copy to it): the whole program for one that goes back where it came from, so
// that the kernel can run it again on the same packet.
func BenchmarkFlow(b *testing.B) {
	for name, flow := range families() {
		flow.From, flow.To = flow.Peer, flow.Local
		f := flowsLoaded(b)
		f.put(b, flow, way{loopback, 1500})
		d := usually(flow)
		d.payload = make([]byte, 160)
		b.Run(name, func(b *testing.B) { f.time(b, d) })
		d.from = netip.AddrPortFrom(d.from.Addr(), 1)
		b.Run(name+", no flow", func(b *testing.B) { f.time(b, d) })
	}
}

func (f *Flows) time(b *testing.B, d datagram) {
	answer, each, err := f.program.Benchmark(d.frame(), b.N, b.ResetTimer)
	if err != nil || int32(answer) != answerPass {
		b.Fatal(int32(answer), err)
	}
	b.ReportMetric(float64(each.Nanoseconds()), "ns/op")
}
