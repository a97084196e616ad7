package transport_test

import (
	"net/netip"
	"testing"

	"tollgate/internal/transport"
)

// The answer leaves from the address that was asked, whatever the route says.
func TestAnswerFromTheAddressAsked(t *testing.T) {
	for _, c := range []struct{ name, listen, asked, from string }{
		{"IPv4 wildcard", "0.0.0.0", "127.0.0.7", "127.0.0.1"},
		{"IPv4 wildcard, another", "0.0.0.0", "127.0.0.1", "127.0.0.9"},
		{"IPv6 wildcard", "::", "::1", "::1"},
		{"IPv6 wildcard takes IPv4", "::", "127.0.0.7", "127.0.0.1"},
		{"one IPv4 address", "127.0.0.3", "127.0.0.3", "127.0.0.1"},
		{"one IPv6 address", "::1", "::1", "::1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr, s := start(t, listening(on(transport.UDP, c.listen)))
			peer := udpPeer(t, c.from)
			asked := at(tr, 0, c.asked)
			if _, err := peer.WriteToUDPAddrPort([]byte("ping"), asked); err != nil {
				t.Fatal(err)
			}
			got := await(t, s.got, "the datagram")
			want := transport.Flow{Proto: transport.UDP, Local: asked, Remote: addrOf(peer)}
			if got.flow != want || got.data != "ping" {
				t.Fatalf("got %+v, want flow %+v", got, want)
			}
			if err := tr.Send(got.flow, []byte("pong")); err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, 100)
			n, from, err := peer.ReadFromUDPAddrPort(buf)
			if err != nil || string(buf[:n]) != "pong" {
				t.Fatalf("read %q, %v", buf[:n], err)
			}
			if from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port()); from != asked {
				t.Errorf("answered from %s, asked at %s", from, asked)
			}
		})
	}
}
