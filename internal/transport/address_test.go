package transport_test

import (
	"errors"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"tollgate/internal/transport"
)

// All or nothing is bound, and the error says what is wrong and what to do.
func TestBindErrors(t *testing.T) {
	tr, _ := start(t, listening(on(transport.UDP, "127.0.0.1"), on(transport.TCP, "127.0.0.1")))
	taken := func(i int) transport.ListenerConfig {
		l := tr.Listeners()[i]
		return transport.ListenerConfig{Proto: l.Proto, Addr: l.Addr}
	}
	for _, c := range []struct {
		name string
		l    transport.ListenerConfig
		err  error
		want []string
	}{
		{"UDP port taken", taken(0), syscall.EADDRINUSE, []string{"udp://127.0.0.1:", "taken by another program", "ss -ulnp"}},
		{"TCP port taken", taken(1), syscall.EADDRINUSE, []string{"tcp://127.0.0.1:", "taken by another program", "ss -tlnp"}},
		{"address not ours", on(transport.UDP, "198.51.100.1"), syscall.EADDRNOTAVAIL, []string{"udp://198.51.100.1:0", "no interface"}},
		{"bad advertise", transport.ListenerConfig{Proto: transport.UDP, Addr: on(0, "127.0.0.1").Addr, Advertise: "a:b:c"}, nil, []string{"advertise", "a:b:c"}},
		{"no protocol", on(0, "127.0.0.1"), nil, []string{"needs a protocol"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			free := on(transport.UDP, "127.0.0.1")
			probe, err := transport.New(listening(free))
			if err != nil {
				t.Fatal(err)
			}
			free.Addr = probe.Listeners()[0].Addr
			probe.Close()
			_, err = transport.New(listening(free, c.l))
			if err == nil || c.err != nil && !errors.Is(err, c.err) {
				t.Fatal(err)
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%q does not say %q", err, w)
				}
			}
			again, err := transport.New(listening(free)) // nothing of the failed one is left
			if err != nil {
				t.Fatal(err)
			}
			again.Close()
		})
	}
}

func TestAdvertised(t *testing.T) {
	with := func(l transport.ListenerConfig, advertise string) transport.ListenerConfig {
		l.Advertise = advertise
		return l
	}
	tr, _ := start(t, listening(
		on(transport.UDP, "127.0.0.1"),
		on(transport.UDP, "0.0.0.0"),
		with(on(transport.UDP, "127.0.0.1"), "203.0.113.7"),
		with(on(transport.UDP, "127.0.0.1"), "edge.example.com:5070"),
		with(on(transport.TCP, "127.0.0.1"), "2001:db8::7"),
		with(on(transport.TCP, "127.0.0.1"), "[2001:db8::7]:5080"),
		on(transport.UDP, "::1"),
		on(transport.UDP, "::"),
	))
	local := netip.MustParseAddr("127.0.0.5")
	for i, c := range []struct {
		host string
		port uint16
	}{
		{"127.0.0.1", 0},
		{"127.0.0.5", 0},
		{"203.0.113.7", 0},
		{"edge.example.com", 5070},
		{"[2001:db8::7]", 0},
		{"[2001:db8::7]", 5080},
		{"[::1]", 0},
		{"127.0.0.5", 0},
	} {
		l := tr.Listeners()[i]
		if c.port == 0 {
			c.port = l.Addr.Port()
		}
		f := transport.Flow{Proto: l.Proto, Listener: l.Index, Local: netip.AddrPortFrom(local, l.Addr.Port())}
		if host, port := tr.Advertised(f); host != c.host || port != c.port {
			t.Errorf("listener %d: %s %d, want %s %d", i, host, port, c.host, c.port)
		}
		if n := testing.AllocsPerRun(100, func() { tr.Advertised(f) }); n != 0 {
			t.Errorf("listener %d: %v allocations", i, n)
		}
	}
}

func TestOwn(t *testing.T) {
	cfg := listening(on(transport.UDP, "127.0.0.1"), on(transport.TCP, "127.0.0.2"))
	cfg.Listen[0].Advertise = "203.0.113.7:5070"
	cfg.Listen[1].Advertise = "Edge.example.com:5060"
	tr, _ := start(t, cfg)
	port := tr.Listeners()[0].Addr.Port()
	for _, c := range []struct {
		host string
		port uint16
		want bool
	}{
		{"127.0.0.1", port, true},
		{"127.0.0.1", port + 1, false},
		{"127.0.0.1", 0, false}, // 5060 is meant
		{"127.0.0.2", port, false},
		{"203.0.113.7", 5070, true},
		{"203.0.113.7", 0, false},
		{"edge.EXAMPLE.com", 5060, true},
		{"edge.EXAMPLE.com", 0, true},
		{"edge.example.com", 5061, false},
		{"other.example.com", 5060, false},
		{"", 5060, false},
		{"[", 5060, false},
	} {
		if got := tr.OwnHost([]byte(c.host), c.port); got != c.want {
			t.Errorf("host %s port %d: %v", c.host, c.port, got)
		}
		a, err := netip.ParseAddr(c.host)
		if err != nil || c.port == 0 {
			continue
		}
		if got := tr.IsOwn(netip.AddrPortFrom(a, c.port)); got != c.want {
			t.Errorf("address %s port %d: %v", c.host, c.port, got)
		}
	}
	host := []byte("proxy.example.net")
	if n := testing.AllocsPerRun(100, func() { tr.OwnHost(host, 5060) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestOwnOfWildcards(t *testing.T) {
	tr, _ := start(t, listening(on(transport.UDP, "0.0.0.0")))
	port := tr.Listeners()[0].Addr.Port()
	for host, want := range map[string]bool{"127.0.0.1": true, "0.0.0.0": true, "::ffff:127.0.0.1": true, "192.0.2.200": false, "::1": false} {
		if got := tr.IsOwn(netip.AddrPortFrom(netip.MustParseAddr(host), port)); got != want {
			t.Errorf("%s: %v", host, got)
		}
		if got := tr.OwnHost([]byte(host), port); got != want {
			t.Errorf("%s as text: %v", host, got)
		}
	}
	six, _ := start(t, listening(on(transport.UDP, "::")))
	for host, want := range map[string]bool{"[::1]": true, "127.0.0.1": true, "[2001:db8::99]": false} {
		if got := six.OwnHost([]byte(host), six.Listeners()[0].Addr.Port()); got != want {
			t.Errorf("%s of [::]: %v", host, got)
		}
	}
}

// The way to a hop leaves from the listener that suits it.
func TestFindUDP(t *testing.T) {
	in := func(l transport.ListenerConfig, network string) transport.ListenerConfig {
		l.Network = network
		return l
	}
	tr, _ := start(t, listening(
		on(transport.TCP, "127.0.0.1"),
		in(on(transport.UDP, "127.0.0.2"), "inside"),
		in(on(transport.UDP, "0.0.0.0"), "outside"),
		in(on(transport.UDP, "127.0.0.1"), "loop"),
		in(on(transport.UDP, "::1"), "six"),
	))
	for _, c := range []struct {
		to, network string
		listener    int
		local       string
	}{
		{"127.0.0.9:5060", "", 3, "127.0.0.1"},
		{"127.0.0.9:5060", "inside", 1, "127.0.0.2"},
		{"127.0.0.9:5060", "outside", 2, "127.0.0.1"},
		{"127.0.0.9:5060", "elsewhere", -1, ""},
		{"[::1]:5060", "", 4, "::1"},
		{"[::1]:5060", "outside", -1, ""},
	} {
		hop := transport.Hop{Proto: transport.UDP, Addr: netip.MustParseAddrPort(c.to)}
		f, ok := tr.Find(hop, c.network)
		if ok != (c.listener >= 0) {
			t.Errorf("%s in %q: %v %v", c.to, c.network, f, ok)
			continue
		}
		if !ok {
			continue
		}
		want := transport.Flow{Proto: transport.UDP, Listener: uint16(c.listener), Local: at(tr, c.listener, c.local), Remote: hop.Addr}
		if f != want {
			t.Errorf("%s in %q: %+v", c.to, c.network, f)
		}
		if n := testing.AllocsPerRun(100, func() { tr.Find(hop, c.network) }); n != 0 {
			t.Errorf("%s: %v allocations", c.to, n)
		}
	}
}

func TestProto(t *testing.T) {
	for _, c := range []struct {
		name     string
		p        transport.Proto
		via      string
		port     uint16
		reliable bool
	}{
		{"udp", transport.UDP, "UDP", 5060, false},
		{"tcp", transport.TCP, "TCP", 5060, true},
		{"tls", transport.TLS, "TLS", 5061, true},
	} {
		for _, s := range []string{c.name, c.via} {
			if p, ok := transport.ParseProto(s); p != c.p || !ok {
				t.Errorf("%s: %v %v", s, p, ok)
			}
		}
		if c.p.String() != c.name || c.p.Via() != c.via || c.p.DefaultPort() != c.port || c.p.Reliable() != c.reliable {
			t.Errorf("%v", c.p)
		}
	}
	for _, s := range []string{"", "sctp", "ud", "5$0", "ws"} {
		if p, ok := transport.ParseProto(s); ok || p != 0 {
			t.Errorf("%q is %v", s, p)
		}
	}
}
