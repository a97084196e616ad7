package registrar_test

import (
	"net/netip"
	"testing"

	"tollgate/internal/registrar"
	"tollgate/internal/transport"
)

// TestFrom: an address is known as that of phones as long as one is there.
func TestFrom(t *testing.T) {
	elsewhere := netip.MustParseAddrPort("198.51.100.88:40000")
	run(t, false, func(r *rig) {
		is := func(at netip.AddrPort, want bool) {
			t.Helper()
			if r.reg.From(1, at.Addr()) != want {
				t.Errorf("phones at %s: want %t", at.Addr(), want)
			}
			if r.reg.From(2, at.Addr()) {
				t.Error("they are another customer's")
			}
		}
		is(phoneAddr, false)
		one, other := r.phone("3401"), r.phone("3402")
		one.accept([]string{desk})
		other.accept([]string{"<sip:3402@10.0.0.5>"})
		is(phoneAddr, true)
		is(elsewhere, false)
		for _, f := range []transport.Flow{udp(elsewhere), tcp(elsewhere, 7)} {
			one.flow = f
			one.accept([]string{desk})
			is(phoneAddr, true)
			is(elsewhere, true)
		}
		for _, s := range r.reg.List(everyone, registrar.Place{}, 0) {
			r.reg.Remove(s.ID, everyone)
		}
		is(phoneAddr, false)
		is(elsewhere, false)
	})
}
