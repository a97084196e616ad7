package kernel

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// shouldDrop is the program once more, in plain Go: what of usual() and these bans it drops.
func shouldDrop(f *Filter, bans []netip.Prefix, own []netip.Addr, frame []byte) bool {
	etherType, b := binary.BigEndian.Uint16(frame[12:]), frame[14:]
	var from, to netip.Addr
	var above []byte
	var protocol byte
	switch {
	case etherType == 0x0800 && len(b) >= 20:
		size := int(b[0]&15) * 4
		if size < 20 || size > len(b) || binary.BigEndian.Uint16(b[6:])&fragmentOffset != 0 {
			return false
		}
		from, to, protocol, above = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20])), b[9], b[size:]
	case etherType == 0x86dd && len(b) >= 40:
		from, to, protocol, above = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40])), b[6], b[40:]
	}
	if !from.IsValid() || protocol != protocolUDP && protocol != protocolTCP || len(above) < 4 {
		return false
	}
	banned := false
	for _, p := range bans {
		banned = banned || p.Contains(from)
	}
	port := binary.BigEndian.Uint16(above[2:])
	doors := f.wanted(own)
	media := protocol == protocolUDP && port >= f.cfg.First && port <= f.cfg.Last && doors[door{0, netip.AddrPortFrom(to, 0)}]
	return banned && (media || doors[door{uint16(protocol), netip.AddrPortFrom(to, port)}])
}

// FuzzProgram: whatever a packet is, the kernel drops just what it should.
func FuzzProgram(f *testing.F) {
	for _, p := range []packet{
		{from: "198.51.100.7", to: "192.0.2.1", port: 5060},
		{from: "198.51.100.7", to: "192.0.2.1", port: 5061, protocol: protocolTCP, options: 8},
		{from: "198.51.100.7", to: "192.0.2.1", port: 20050, offset: 0x2000},
		{from: "2001:db8:bad::7", to: "2001:db8::1", port: 5070},
		{from: "2001:db8:bad::7", to: "2001:db8::1", port: 20050, length: 58},
	} {
		f.Add(p.bytes())
	}
	bans := []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("2001:db8:bad::/48")}
	own := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}
	filter := loaded(f, usual())
	for _, p := range bans {
		block(f, filter, p.String())
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		if len(frame) < 14 {
			return
		}
		answer, _, err := filter.program.Test(frame)
		if errors.Is(err, unix.EINVAL) {
			return // shorter than what the kernel takes for a test
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, want := int32(answer) == answerDrop, shouldDrop(filter, bans, own, frame); got != want {
			t.Errorf("dropped %v, want %v: % x", got, want, frame)
		}
	})
}
