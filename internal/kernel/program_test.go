package kernel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"testing"
)

// packet is what a test sends through the program, from Ethernet on.
type packet struct {
	from, to string
	protocol byte // UDP where 0
	port     uint16
	options  int    // bytes of IPv4 options
	offset   uint16 // of an IPv4 fragment, in units of 8 bytes
	length   int    // cut to this, where not 0
}

// bytes writes a packet, with the header above IP and some of what follows.
func (p packet) bytes() []byte {
	from, to := netip.MustParseAddr(p.from), netip.MustParseAddr(p.to)
	if p.protocol == 0 {
		p.protocol = protocolUDP
	}
	b := make([]byte, 12, 128)
	if from.Is4() {
		b = binary.BigEndian.AppendUint16(b, 0x0800)
		b = append(b, 0x45+byte(p.options/4), 0, 0, byte(48+p.options), 0, 1, byte(p.offset>>8), byte(p.offset), 64, p.protocol, 0, 0)
	} else {
		b = binary.BigEndian.AppendUint16(b, 0x86dd)
		b = append(b, 0x60, 0, 0, 0, 0, 28, p.protocol, 64)
	}
	b = append(append(b, from.AsSlice()...), to.AsSlice()...)
	b = append(b, make([]byte, p.options)...)
	b = binary.BigEndian.AppendUint16(b, 40000)
	b = binary.BigEndian.AppendUint16(b, p.port)
	b = append(b, make([]byte, 24)...)
	if p.length > 0 {
		b = b[:p.length]
	}
	return b
}

// loaded is a filter whose program is in the kernel and attached nowhere: tests hand it packets.
func loaded(t testing.TB, cfg Config) *Filter {
	t.Helper()
	cfg.Log = slog.New(slog.DiscardHandler)
	f, err := loadFilter(cfg)
	if err != nil {
		t.Fatalf("uid %d: %v", os.Getuid(), err)
	}
	f.open(f.wanted([]netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}))
	t.Cleanup(func() {
		if err := f.unload(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func (f *Filter) judge(t *testing.T, data []byte) (dropped bool) {
	t.Helper()
	answer, _, err := f.program.Test(data)
	if err != nil {
		t.Fatal(err)
	}
	switch int32(answer) {
	case answerDrop:
		return true
	case answerPass:
		return false
	}
	t.Fatalf("the program answers %d", int32(answer))
	return false
}

func block(t testing.TB, f *Filter, ranges ...string) {
	t.Helper()
	for _, r := range ranges {
		if err := f.Block(netip.MustParsePrefix(r)); err != nil {
			t.Fatal(err)
		}
	}
}

func usual() Config {
	at := netip.MustParseAddrPort
	return Config{
		Listeners: []Listener{{At: at("192.0.2.1:5060")}, {TCP: true, At: at("0.0.0.0:5061")}, {At: at("[::]:5070")}},
		Media:     []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.IPv6Unspecified()},
		First:     20000, Last: 20099, Most: 8,
	}
}

func TestWhatIsDropped(t *testing.T) {
	f := loaded(t, usual())
	block(t, f, "198.51.100.7/32", "203.0.113.0/24", "2001:db8:bad::/48")
	const us, us6, bad, bad6 = "192.0.2.1", "2001:db8::1", "198.51.100.7", "2001:db8:bad::7"
	for _, c := range []struct {
		name    string
		packet  packet
		dropped bool
	}{
		{"banned", packet{from: bad, to: us, port: 5060}, true},
		{"of a banned range", packet{from: "203.0.113.255", to: us, port: 5060}, true},
		{"next to it", packet{from: "203.0.114.0", to: us, port: 5060}, false},
		{"not banned", packet{from: "198.51.100.8", to: us, port: 5060}, false},
		{"TCP", packet{from: bad, to: us, port: 5061, protocol: protocolTCP}, true},
		{"UDP to a TCP port", packet{from: bad, to: us, port: 5061}, false},
		{"TCP to a UDP port", packet{from: bad, to: us, port: 5060, protocol: protocolTCP}, false},
		{"both families by ::", packet{from: bad, to: us, port: 5070}, true},
		{"to SSH", packet{from: bad, to: us, port: 22, protocol: protocolTCP}, false},
		{"to the panel", packet{from: bad, to: us, port: 8080, protocol: protocolTCP}, false},
		{"to somebody else", packet{from: bad, to: "192.0.2.2", port: 5060}, false},
		{"first of media", packet{from: bad, to: us, port: 20000}, true},
		{"last of media", packet{from: bad, to: us, port: 20099}, true},
		{"before media", packet{from: bad, to: us, port: 19999}, false},
		{"after media", packet{from: bad, to: us, port: 20100}, false},
		{"TCP to media", packet{from: bad, to: us, port: 20000, protocol: protocolTCP}, false},
		{"media of somebody else", packet{from: bad, to: "192.0.2.2", port: 20000}, false},
		{"port 0", packet{from: bad, to: us, port: 0}, false},
		{"ICMP", packet{from: bad, to: us, protocol: 1, port: 5060}, false},
		{"options", packet{from: bad, to: us, port: 5060, options: 40}, true},
		{"first fragment", packet{from: bad, to: us, port: 5060, offset: 0x2000}, true},
		{"later fragment", packet{from: bad, to: us, port: 5060, offset: 1}, false},
		{"nothing above IP", packet{from: bad, to: us, port: 5060, length: 34}, false},
		{"ends before the port", packet{from: bad, to: us, port: 5060, length: 37}, false},
		{"ends behind the port", packet{from: bad, to: us, port: 5060, length: 38}, true},
		{"IPv6", packet{from: bad6, to: us6, port: 5070}, true},
		{"IPv6, not banned", packet{from: "2001:db8:bae::7", to: us6, port: 5070}, false},
		{"IPv6 media", packet{from: bad6, to: us6, port: 20050}, true},
		{"IPv6 to SSH", packet{from: bad6, to: us6, port: 22, protocol: protocolTCP}, false},
		{"IPv6 to an IPv4 port", packet{from: bad6, to: us6, port: 5061, protocol: protocolTCP}, false},
		{"IPv6 with an extension", packet{from: bad6, to: us6, port: 5070, protocol: 60}, false},
		{"IPv6, cut", packet{from: bad6, to: us6, port: 5070, length: 57}, false},
		{"IPv4 within IPv6", packet{from: "::ffff:198.51.100.7", to: us6, port: 5070}, false},
	} {
		if got := f.judge(t, c.packet.bytes()); got != c.dropped {
			t.Errorf("%s: dropped %v", c.name, got)
		}
	}
	odd := packet{from: bad, to: us, port: 5060}.bytes()
	odd[14] = 0x44 // a header of 16 bytes
	if f.judge(t, odd) {
		t.Error("a header that is too short was believed")
	}
	odd[12], odd[13] = 0x08, 0x06
	if f.judge(t, odd) {
		t.Error("ARP was dropped")
	}
}

// TestTagged: a frame whose tag of a VLAN still stands in it passes as it is, whoever sent it. The
// kernel takes the tag off before it asks the program, or has the VLAN's own interface ask: what the
// program then sees is one of TestWhatIsDropped.
func TestTagged(t *testing.T) {
	f := loaded(t, usual())
	block(t, f, "198.51.100.7/32", "2001:db8:bad::/48")
	for _, c := range [][2]string{{"198.51.100.7", "192.0.2.1"}, {"2001:db8:bad::7", "2001:db8::1"}} {
		plain := packet{from: c[0], to: c[1], port: 5070}.bytes()
		tagged := slices.Concat(plain[:12], []byte{0x81, 0, 0, 5}, plain[12:])
		answer, out, err := f.program.Test(slices.Clone(tagged))
		if err != nil || int32(answer) != answerPass || !bytes.Equal(out, tagged) {
			t.Errorf("from %s: answer %d, %v\n got % x\nwant % x", c[0], int32(answer), err, out, tagged)
		}
		if !f.judge(t, plain) {
			t.Errorf("from %s: not dropped without the tag", c[0])
		}
	}
}

func TestHits(t *testing.T) {
	f := loaded(t, usual())
	block(t, f, "203.0.113.0/24", "203.0.113.7/32", "203.0.113.7/32")
	hits := func() map[string]uint64 {
		got := make(map[string]uint64)
		f.Hits(func(p netip.Prefix, n uint64) { got[p.String()] += n })
		return got
	}
	send := func(from string, times int) {
		for range times {
			f.judge(t, packet{from: from, to: "192.0.2.1", port: 5060}.bytes())
		}
	}
	send("203.0.113.7", 3)
	send("203.0.113.8", 2)
	send("198.51.100.1", 5)
	if got := hits(); len(got) != 2 || got["203.0.113.7/32"] != 3 || got["203.0.113.0/24"] != 2 {
		t.Errorf("%v", got)
	}
	if got := hits(); len(got) != 0 {
		t.Errorf("told twice: %v", got)
	}
	send("203.0.113.7", 4)
	narrow := netip.MustParsePrefix("203.0.113.7/32")
	if n := f.Unblock(narrow); n != 4 {
		t.Errorf("%d at the end", n)
	}
	if n := f.Unblock(narrow); n != 0 {
		t.Errorf("%d after the end", n)
	}
	send("203.0.113.7", 1) // the wider one holds now
	f.Unblock(netip.MustParsePrefix("203.0.113.0/24"))
	if f.judge(t, packet{from: "203.0.113.7", to: "192.0.2.1", port: 5060}.bytes()) {
		t.Error("dropped, and nothing is banned")
	}
	block(t, f, "198.51.100.0/24") // takes a counter that was another's
	if got := hits(); len(got) != 0 {
		t.Errorf("another's hits: %v", got)
	}
}

func TestFull(t *testing.T) {
	f := loaded(t, usual())
	for i := range f.cfg.Most {
		block(t, f, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 32).String())
	}
	more := netip.MustParsePrefix("10.0.1.0/24")
	if err := f.Block(more); !errors.Is(err, ErrFull) {
		t.Errorf("one too many: %v", err)
	}
	f.Unblock(netip.MustParsePrefix("10.0.0.3/32"))
	if err := f.Block(more); err != nil {
		t.Errorf("there is room: %v", err)
	}
}
