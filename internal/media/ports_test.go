package media_test

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"tollgate/internal/media"
)

func fewPorts(c *media.Config) { c.First, c.Last = 32100, 32139 } // 20 pairs, 4 of them kept

// take opens streams of a session until there is an error, and gives how many there were.
func (r *rig) take(emergency bool) (ids []media.ID, pairs int, err error) {
	r.t.Helper()
	for {
		id, err := r.Open(1, emergency)
		if err != nil {
			r.t.Fatal(err)
		}
		ids = append(ids, id)
		for n := range 2 * media.MaxStreams {
			if _, err := r.Stream(id, n/2, media.Side(n%2), here); err != nil {
				return ids, pairs, err
			}
			pairs++
		}
	}
}

func TestPortsRunOut(t *testing.T) {
	r := newRig(t, fewPorts)
	ids, pairs, err := r.take(false)
	if pairs != 16 || !errors.Is(err, media.ErrNoPorts) {
		t.Fatalf("%d pairs: %v", pairs, err)
	}
	kept, pairs, err := r.take(true)
	if pairs != 4 || !errors.Is(err, media.ErrNoPorts) {
		t.Fatalf("%d pairs for emergencies: %v", pairs, err)
	}
	for _, id := range append(ids, kept...) {
		r.Shut(id)
	}
	if s := r.Stats(); s.PortsUsed != 0 || s.PortsFree != 0 {
		t.Fatalf("%d used, %d free: what was given back rests", s.PortsUsed, s.PortsFree)
	}
	if _, pairs, _ := r.take(true); pairs != 0 {
		t.Fatalf("%d pairs without a rest", pairs)
	}
	r.clock.advance(5 * time.Second)
	if s := r.Stats(); s.PortsFree != 20 {
		t.Errorf("%d free after the rest", s.PortsFree)
	}
}

func TestPortsAreEvenAndNotInOrder(t *testing.T) {
	r := newRig(t, func(c *media.Config) { c.First, c.Last = 32101, 32200 })
	ids, seen, order := []media.ID{}, map[uint16]bool{}, 0
	last := uint16(0)
	for range 15 {
		id := r.open(1)
		ids = append(ids, id)
		for _, side := range []media.Side{media.Caller, media.Callee} {
			port := r.stream(id, 0, side).Port()
			if port%2 != 0 || port < 32101 || port >= 32200 || seen[port] {
				t.Fatalf("port %d", port)
			}
			if again := r.stream(id, 0, side).Port(); again != port {
				t.Fatalf("port %d becomes %d", port, again)
			}
			if port == last+2 {
				order++
			}
			seen[port], last = true, port
		}
	}
	if order > 15 {
		t.Errorf("%d of 30 ports can be told from the one before", order)
	}
	_ = ids
}

func TestPortsOfOthers(t *testing.T) {
	busy, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:32203")))
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	r := newRig(t, func(c *media.Config) { c.First, c.Last = 32200, 32207 })
	_, pairs, err := r.take(true)
	if pairs != 3 || !errors.Is(err, media.ErrNoPorts) {
		t.Errorf("%d pairs: %v", pairs, err)
	}
}

// TestReserve: an offer is to move a party to another network. Media goes on where it was until Stream
// takes the ports there into use, and Settle gives back those that are not.
func TestReserve(t *testing.T) {
	r := newRig(t, nil)
	c := r.call(nil)
	elsewhere := media.Place{Bind: netip.MustParseAddr("127.0.0.9")}
	reserve := func() uint16 {
		port, err := r.Reserve(c.id, 0, media.Caller, elsewhere)
		if err != nil {
			t.Fatal(err)
		}
		return port
	}
	for _, way := range []string{"refused", "answered"} {
		c.talk(media.Caller, "before")
		port := reserve()
		if again := reserve(); again != port {
			t.Errorf("%s: %d has become %d", way, port, again)
		}
		c.talk(media.Caller, "meanwhile")
		c.talk(media.Callee, "meanwhile")
		if s := r.Stats(); s.PortsUsed != 3 {
			t.Errorf("%s: %d pairs in use", way, s.PortsUsed)
		}
		if way == "answered" {
			if again, err := r.Stream(c.id, 0, media.Caller, elsewhere); err != nil || again != port {
				t.Errorf("%d has become %d, %v", port, again, err)
			}
			c.ports[media.Caller] = netip.AddrPortFrom(elsewhere.Bind, port)
		}
		r.Settle(c.id)
		c.talk(media.Caller, "after")
		c.talk(media.Callee, "after")
		if s := r.Stats(); s.PortsUsed != 2 {
			t.Errorf("%s: %d pairs in use at the end", way, s.PortsUsed)
		}
	}
	for _, bad := range []media.Place{{}, {Bind: netip.MustParseAddr("192.0.2.1")}} {
		if _, err := r.Reserve(c.id, 0, media.Caller, bad); err == nil {
			t.Errorf("media at %v", bad)
		}
	}
	if port, err := r.Reserve(c.id, 1, media.Caller, elsewhere); err != nil || port == 0 {
		t.Errorf("a new stream: %d, %v", port, err)
	}
	r.Shut(c.id)
	if _, err := r.Reserve(c.id, 0, media.Caller, elsewhere); !errors.Is(err, media.ErrGone) {
		t.Errorf("a call that is over: %v", err)
	}
	if s := r.Stats(); s.PortsUsed != 0 {
		t.Errorf("%d pairs are left", s.PortsUsed)
	}
}

func TestPlaces(t *testing.T) {
	r := newRig(t, fewPorts)
	id := r.open(1)
	port := r.stream(id, 0, media.Caller)
	elsewhere := media.Place{Bind: netip.MustParseAddr("127.0.0.9")}
	if _, err := r.Stream(id, 0, media.Caller, elsewhere); err != nil {
		t.Fatal(err)
	}
	r.Settle(id)
	if s := r.Stats(); s.PortsUsed != 1 {
		t.Errorf("%d pairs after a move from %s", s.PortsUsed, port)
	}
	for _, bad := range []media.Place{{}, {Bind: netip.IPv4Unspecified()}, {Bind: netip.MustParseAddr("192.0.2.1")}} {
		if _, err := r.Stream(id, 1, media.Caller, bad); err == nil {
			t.Errorf("media at %v", bad)
		}
	}
	if _, err := r.Stream(id, 8, media.Caller, here); !errors.Is(err, media.ErrStreams) {
		t.Errorf("a ninth stream: %v", err)
	}
	r.Shut(id)
	r.Shut(id)
	r.Off(id, 0)
	r.Party(id, 0, media.Caller, media.Party{})
	if _, err := r.Stream(id, 0, media.Caller, here); !errors.Is(err, media.ErrGone) {
		t.Errorf("a stream of a session that is over: %v", err)
	}
	next := r.open(2)
	if next == id || uint32(next) != uint32(id) {
		t.Errorf("%x after %x", uint64(next), uint64(id))
	}
	r.Shut(id)
	if r.Stats().Sessions != 1 {
		t.Error("a stale ID ended another session")
	}
}

func TestIPv6(t *testing.T) {
	six := netip.IPv6Loopback()
	r := newRig(t, nil)
	id := r.open(1)
	caller, callee := newPhone(t, "[::1]:0"), newPhone(t, "127.0.0.1:0")
	port, err := r.Stream(id, 0, media.Caller, media.Place{Bind: six, Advertise: six})
	if err != nil {
		t.Fatal(err)
	}
	in, out := netip.AddrPortFrom(six, port), r.stream(id, 0, media.Callee)
	r.Party(id, 0, media.Caller, caller.party())
	r.Party(id, 0, media.Callee, callee.party())
	b := caller.rtp(0, "from six")
	caller.send(in, b)
	callee.hears(b, out)
	b = callee.rtp(0, "from four")
	callee.send(out, b)
	caller.hears(b, in)
}

// TestAside: a side has ports at each address that it was given one at, until it is settled; media
// goes through those named last, and what came to the others meanwhile is lost.
func TestAside(t *testing.T) {
	r := newRig(t, nil)
	id := r.open(1)
	caller, callee := newPhone(t, "127.0.0.1:0"), newPhone(t, "127.0.0.1:0")
	other := netip.MustParseAddr("127.0.0.2")
	in, near := r.stream(id, 0, media.Caller), r.stream(id, 0, media.Callee)
	away := func() netip.AddrPort {
		port, err := r.Stream(id, 0, media.Callee, media.Place{Bind: other})
		if err != nil {
			t.Fatal(err)
		}
		return netip.AddrPortFrom(other, port)
	}
	far := away()
	callee.send(near, callee.rtp(0, "to ports that are put aside"))
	for range 2 {
		if again := r.stream(id, 0, media.Callee); again != near {
			t.Fatalf("%s has become %s", near, again)
		}
		r.Party(id, 0, media.Caller, caller.party())
		r.Party(id, 0, media.Callee, callee.party())
		for from, to := range map[*phone]*phone{caller: callee, callee: caller} {
			at := map[*phone][2]netip.AddrPort{caller: {in, near}, callee: {near, in}}[from]
			b := from.rtp(0, "both ways")
			from.send(at[0], b)
			to.hears(b, at[1])
		}
		if again := away(); again != far {
			t.Fatalf("%s has become %s", far, again)
		}
	}
	if conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(near)); err == nil {
		conn.Close()
		t.Error("ports that are put aside are closed")
	}
	r.Settle(id)
	for _, at := range []netip.AddrPort{near, netip.AddrPortFrom(near.Addr(), near.Port()+1)} {
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
		if err != nil {
			t.Fatalf("settled, but: %v", err)
		}
		conn.Close()
	}
	if away() != far {
		t.Error("settling has closed the ports in use")
	}
	r.stream(id, 0, media.Callee)
	r.Shut(id)
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(far))
	if err != nil {
		t.Fatalf("shut, but: %v", err)
	}
	conn.Close()
}

func TestBadRange(t *testing.T) {
	for _, last := range []uint16{0, 32000, 32001, 32002} {
		if _, err := media.New(media.Config{First: 32000, Last: last, Loops: 1}); err == nil {
			t.Errorf("32000 to %d is enough", last)
		}
	}
}
