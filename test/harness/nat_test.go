package harness

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// TestNAT holds the Home to what its comment says: masquerading, a hole that closes,
// another address after Move, nothing through when blocked.
func TestNAT(t *testing.T) {
	t.Parallel()
	h := NAT(t)
	outside := listen(t, h.Outside, HomeOutside+":5060")
	phone := listen(t, h.Phone, HomePhone+":5060")
	node := netip.MustParseAddrPort(HomeOutside + ":5060")

	send(t, phone, node)
	first, ok := receive(outside, 5*time.Second)
	if !ok || first.Addr() != h.Public() || first.Port() < 20000 {
		t.Fatalf("the phone is seen as %s, expected %s and a masqueraded port", first, h.Public())
	}
	send(t, outside, first)
	if _, ok := receive(phone, 5*time.Second); !ok {
		t.Fatal("the answer does not pass the hole")
	}

	h.Move(t)
	send(t, outside, first)
	send(t, phone, node)
	second, ok := receive(outside, 5*time.Second)
	if !ok || second.Addr() != h.Public() || second.Addr() == first.Addr() {
		t.Fatalf("moved, the phone is seen as %s after %s", second, first)
	}
	if from, ok := receive(phone, 50*time.Millisecond); ok {
		t.Fatalf("the old hole is open after Move, for %s", from)
	}

	h.Block(t)
	send(t, phone, node)
	if from, ok := receive(outside, 100*time.Millisecond); ok {
		t.Fatalf("blocked, %s came through", from)
	}
	h.Unblock(t)
	send(t, phone, node)
	third, ok := receive(outside, 5*time.Second)
	if !ok {
		t.Fatal("nothing passes after Unblock")
	}
	_, _ = receive(phone, Forgets+time.Second)
	send(t, outside, third)
	if _, ok := receive(phone, 100*time.Millisecond); ok {
		t.Fatal("the hole is open after the time that the NAT keeps it")
	}
}

func listen(t *testing.T, ns Netns, at string) *net.UDPConn {
	t.Helper()
	var conn *net.UDPConn
	err := ns.Do(func() (err error) {
		conn, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(at)))
		return err
	})
	if err != nil {
		t.Fatalf("listen on %s in %s: %v", at, ns, err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func send(t *testing.T, from *net.UDPConn, to netip.AddrPort) {
	t.Helper()
	if _, err := from.WriteToUDPAddrPort([]byte("hello"), to); err != nil {
		t.Logf("send to %s: %v", to, err) // blocked, or an ICMP error of before
	}
}

func receive(conn *net.UDPConn, patience time.Duration) (netip.AddrPort, bool) {
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return netip.AddrPort{}, false
	}
	_, from, err := conn.ReadFromUDPAddrPort(make([]byte, 100))
	return from, err == nil
}
