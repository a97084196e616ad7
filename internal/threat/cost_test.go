package threat_test

import (
	"net/netip"
	"testing"
	"time"

	"tollgate/internal/threat"
	"tollgate/internal/transport"
)

// BenchmarkStranger is what a packet of a stranger costs here: of one source, and of ever new ones.
func BenchmarkStranger(b *testing.B) {
	for name, step := range map[string]uint32{"one": 0, "ever new": 1} {
		b.Run(name, func(b *testing.B) {
			g := threat.New(threat.Config{})
			m, now, n := request(b, "OPTIONS sip:100@192.0.2.1", "User-Agent: x"), time.Now(), uint32(0)
			b.ReportAllocs()
			for b.Loop() {
				n += step
				g.Stranger(now, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), 5060), transport.UDP, m)
			}
		})
	}
}

// BenchmarkMarked is what every request costs.
func BenchmarkMarked(b *testing.B) {
	m := request(b, "INVITE sip:100@b.test", "User-Agent: Softphone 7")
	b.ReportAllocs()
	for b.Loop() {
		threat.Marked(m)
	}
}
