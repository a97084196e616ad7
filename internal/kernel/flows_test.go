package kernel

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// inside says that the tests run in a network namespace of their own.
const inside = "TOLLGATE_KERNEL_TEST_INSIDE"

// TestMain runs the tests once more in a network namespace of their own: nothing of the machine's
// own network is touched. It holds one node; parties are in other namespaces.
func TestMain(m *testing.M) {
	if os.Getenv(inside) != "" {
		os.Exit(m.Run())
	}
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "these tests load programs into the kernel and make network namespaces: they must run as root")
		os.Exit(1)
	}
	again := exec.Command(os.Args[0], os.Args[1:]...)
	again.Env = append(os.Environ(), inside+"=1")
	again.Stdin, again.Stdout, again.Stderr = os.Stdin, os.Stdout, os.Stderr
	again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	var failed *exec.ExitError
	switch err := again.Run(); {
	case errors.As(err, &failed):
		os.Exit(failed.ExitCode())
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// patience is how long a test waits for what should come, quiet for what should not.
const (
	patience = 3 * time.Second
	quiet    = 50 * time.Millisecond
)

func run(t testing.TB, command string) {
	t.Helper()
	fields := strings.Fields(command)
	if out, err := exec.Command(fields[0], fields[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", command, err, out)
	}
}

// party is a machine at the other end of a cable, in a namespace of its own; "" is ours.
type party string

// newParty makes one. Ours has the first of two addresses on the cable, the party the second.
func newParty(t testing.TB, name string, ours, theirs []string) party {
	t.Helper()
	p := party(fmt.Sprintf("tgk-%s-%08x", name, rand.Uint32()))
	run(t, "ip netns add "+string(p))
	t.Cleanup(func() { run(t, "ip netns del "+string(p)) })
	run(t, "ip link add "+name+" type veth peer name eth0 netns "+string(p))
	t.Cleanup(func() { run(t, "ip link del "+name) })
	p.run(t, "ip link set lo up")
	p.dress(t, name, "eth0", ours, theirs)
	return p
}

// dress gives both ends of a cable their addresses.
func (p party) dress(t testing.TB, our, their string, ours, theirs []string) {
	t.Helper()
	run(t, "ip link set "+our+" up")
	p.run(t, "ip link set "+their+" up")
	nodad := func(a string) string {
		if strings.Contains(a, ":") {
			return " nodad"
		}
		return ""
	}
	for _, a := range ours {
		run(t, "ip address add "+a+" dev "+our+nodad(a))
	}
	for _, a := range theirs {
		p.run(t, "ip address add "+a+" dev "+their+nodad(a))
	}
}

// summing has the senders on an interface compute checksums themselves, or leave that to the
// card (ethtool -K tx), which a cable between namespaces is not: it lets the receiver trust.
func (p party) summing(t testing.TB, device string, themselves bool) {
	t.Helper()
	value := [2]uint32{unix.ETHTOOL_STXCSUM, 1}
	if themselves {
		value[1] = 0
	}
	request := struct {
		name [unix.IFNAMSIZ]byte
		data *[2]uint32
		_    [16]byte
	}{data: &value}
	copy(request.name[:], device)
	err := p.do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(fd) }()
		if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request))); e != 0 {
			return e
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (p party) run(t testing.TB, command string) {
	t.Helper()
	run(t, "ip netns exec "+string(p)+" "+command)
}

// do runs f in the party's namespace: sockets that f opens stay there.
func (p party) do(f func() error) error {
	if p == "" {
		return f()
	}
	other, err := os.Open("/run/netns/" + string(p))
	if err != nil {
		return err
	}
	defer other.Close()
	done := make(chan error, 1)
	go func() { // on a thread of its own, which ends with the goroutine, since it stays locked
		runtime.LockOSThread()
		if err := unix.Setns(int(other.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	return <-done
}

// socket is one party's, or one of ours.
type socket struct {
	testing.TB
	*net.UDPConn
	at netip.AddrPort
}

func (p party) listen(t testing.TB, at string) *socket {
	t.Helper()
	s := &socket{TB: t, at: netip.MustParseAddrPort(at)}
	err := p.do(func() (err error) {
		s.UDPConn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(s.at))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func (s *socket) send(to *socket, packets ...[]byte) {
	s.Helper()
	for _, b := range packets {
		if _, err := s.WriteToUDPAddrPort(b, to.at); err != nil {
			s.Fatal(err)
		}
	}
}

// expect reads just these packets, in any order, from one source.
func (s *socket) expect(from *socket, packets ...[]byte) {
	s.Helper()
	left := make(map[string]int)
	for _, b := range packets {
		left[string(b)]++
	}
	b := make([]byte, 2048)
	for range packets {
		if err := s.SetReadDeadline(time.Now().Add(patience)); err != nil {
			s.Fatal(err)
		}
		n, source, err := s.ReadFromUDPAddrPort(b)
		if err != nil {
			s.Fatalf("%s, from %s: %v", s.at, from.at, err)
		}
		if source = plain(source); source != from.at || left[string(b[:n])] == 0 {
			s.Errorf("%s: from %s, not %s: % x", s.at, source, from.at, b[:n])
		}
		left[string(b[:n])]--
	}
}

func (s *socket) silent() {
	s.Helper()
	b := make([]byte, 2048)
	if err := s.SetReadDeadline(time.Now().Add(quiet)); err != nil {
		s.Fatal(err)
	}
	if n, source, err := s.ReadFromUDPAddrPort(b); err == nil {
		s.Errorf("%s: from %s: % x", s.at, source, b[:n])
	}
}

// talk is a call between two parties by way of this machine: two streams, four sockets.
type talk struct {
	testing.TB
	flows                  *Flows
	alice, left, right, ed *socket // left is ours towards alice, right towards ed
	there, back            Flow
}

// newTalk is one that is forwarded, from these addresses and ports from this one on.
func newTalk(t testing.TB, flows *Flows, port int, outer, inner party, alice, left, right, ed string) *talk {
	t.Helper()
	at := func(a string, n int) string { return fmt.Sprintf("%s:%d", a, port+n) }
	k := &talk{
		TB: t, flows: flows, alice: outer.listen(t, at(alice, 0)), left: party("").listen(t, at(left, 2)),
		right: party("").listen(t, at(right, 4)), ed: inner.listen(t, at(ed, 6)),
	}
	k.connect()
	return k
}

// connect forwards both ways.
func (k *talk) connect() {
	k.Helper()
	all := Flow{SSRC: voice, Payloads: [2]uint64{1 << 0}, Clock: 8000, Start: FlowSeed{ExtSeq: 999}}
	k.there, k.back = all, all
	k.there.Local, k.there.Peer, k.there.From, k.there.To = k.left.at, k.alice.at, k.right.at, k.ed.at
	k.back.Local, k.back.Peer, k.back.From, k.back.To = k.right.at, k.ed.at, k.left.at, k.alice.at
	for _, f := range []Flow{k.there, k.back} {
		if err := k.flows.Add(f); err != nil {
			k.Fatal(err)
		}
	}
	eventually(k, "the program is not attached", func() bool { _, n := k.flows.Stats(); return n > 0 })
}

// rtp is a packet of voice, each with a payload of its own and of another size.
func rtp(seq uint16) []byte {
	b := append([]byte{0x80, 0}, make([]byte, 10, 400)...)
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[4:], uint32(seq)*160)
	binary.BigEndian.PutUint32(b[8:], voice)
	return append(b, bytes.Repeat([]byte{byte(seq), byte(seq >> 8)}, int(seq%160))...)
}

// some is a sender's packets from a sequence number on.
func some(from uint16, n int) (packets [][]byte) {
	for i := range n {
		packets = append(packets, rtp(from+uint16(i)))
	}
	return packets
}

// eachWay plays a test in each way of attaching programs. Where the kernel has none it says so, and
// that is what is tested.
func eachWay(t *testing.T, play func(t *testing.T, way Way)) {
	for _, way := range []Way{TCX, Clsact} {
		t.Run(string(way), func(t *testing.T) {
			run(t, "ip link set lo up")
			f, err := NewFlows(FlowsConfig{Way: way, Log: slog.New(slog.DiscardHandler)})
			switch {
			case err == nil:
				if got, why := f.Way(); got != way || (why != "") != (way == Clsact) {
					t.Errorf("the way is %s: %s", got, why)
				}
				if err = f.Close(); err != nil {
					t.Error(err)
				}
				play(t, way)
			case errors.Is(err, ErrKernel):
				t.Logf("not possible here: %v", err)
			default:
				t.Fatal(err)
			}
		})
	}
}

// newFlows starts them as a node does.
func newFlows(t testing.TB, way Way) *Flows {
	t.Helper()
	f, err := NewFlows(FlowsConfig{Way: way, DSCP: 46, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// stage is where calls are played: two machines at cables, the second also by a VLAN on its cable
// where this kernel has VLANs.
func stage(t testing.TB) (a, b party, vlan bool) {
	t.Helper()
	run(t, "ip link set lo up")
	a = newParty(t, "outer", []string{"198.51.100.1/24", "2001:db8:a::1/64"}, []string{"198.51.100.7/24", "2001:db8:a::7/64"})
	b = newParty(t, "inner", []string{"10.1.0.1/24", "2001:db8:b::1/64"}, []string{"10.1.0.9/24", "2001:db8:b::9/64"})
	if out, err := exec.Command("ip", "link", "add", "link", "inner", "name", "inner.5", "type", "vlan", "id", "5").CombinedOutput(); err != nil {
		if !strings.Contains(string(out), "Unknown device type") {
			t.Fatalf("%v: %s", err, out)
		}
		t.Log("this kernel has no VLANs: only TestComesToUs has a frame with a tag")
		return a, b, false
	}
	b.run(t, "ip link add link eth0 name eth0.5 type vlan id 5")
	b.dress(t, "inner.5", "eth0.5", []string{"10.5.0.1/24", "2001:db8:5::1/64"}, []string{"10.5.0.9/24", "2001:db8:5::9/64"})
	return a, b, true
}

// TestCalls plays calls over cables, a VLAN and the loopback. The kernel of the receiver checks
// all checksums: a wrong one is a packet that does not arrive.
func TestCalls(t *testing.T) { eachWay(t, playCalls) }

func playCalls(t *testing.T, way Way) {
	a, b, vlan := stage(t)
	flows := newFlows(t, way)
	for i, themselves := range []bool{false, true} {
		for _, p := range []party{a, b} {
			p.summing(t, "eth0", themselves)
		}
		for j, c := range []struct {
			name                   string
			outer, inner           party
			alice, left, right, ed string
		}{
			{"cable", a, b, "198.51.100.7", "198.51.100.1", "10.1.0.1", "10.1.0.9"},
			{"cable, IPv6", a, b, "[2001:db8:a::7]", "[2001:db8:a::1]", "[2001:db8:b::1]", "[2001:db8:b::9]"},
			{"from VLAN to cable", a, b, "198.51.100.7", "198.51.100.1", "10.5.0.1", "10.5.0.9"},
			{"from VLAN to cable, IPv6", a, b, "[2001:db8:a::7]", "[2001:db8:a::1]", "[2001:db8:5::1]", "[2001:db8:5::9]"},
			{"there and back by one cable", a, a, "198.51.100.7", "198.51.100.1", "198.51.100.1", "198.51.100.7"},
			{"loopback", "", "", "127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.1"},
			{"loopback, IPv6", "", "", "[::1]", "[::1]", "[::1]", "[::1]"},
			{"own address", "", "", "10.1.0.1", "10.1.0.1", "198.51.100.1", "127.0.0.1"},
			{"cable and loopback", a, "", "198.51.100.7", "198.51.100.1", "198.51.100.1", "198.51.100.1"},
			{"cable and loopback, IPv6", a, "", "[2001:db8:a::7]", "[2001:db8:a::1]", "[2001:db8:a::1]", "[2001:db8:a::1]"},
		} {
			if strings.Contains(c.name, "VLAN") && !vlan {
				continue
			}
			t.Run(fmt.Sprintf("%s, they sum %v", c.name, themselves), func(t *testing.T) {
				k := newTalk(t, flows, 20000+200*i+10*j, c.outer, c.inner, c.alice, c.left, c.right, c.ed)
				k.bothWays()
				k.others()
				k.leave()
			})
		}
	}
	if n, _ := flows.Stats(); n != 0 || len(flows.routes.of) != 0 {
		t.Errorf("%d flows and %d routes are left", n, len(flows.routes.of))
	}
}

// bothWays: packets arrive as they were sent, none of them by our sockets, and all are counted.
func (k *talk) bothWays() {
	k.Helper()
	sent := some(1000, 200)
	sent[3], sent[4] = sent[4], sent[3]         // one late
	sent = append(sent[:50], sent[60:]...)      // ten lost
	sent = append(sent[:100:100], sent[99:]...) // one twice
	for i := 0; i < len(sent); i += 20 {        // no more than a socket holds
		part := sent[i:min(i+20, len(sent))]
		k.alice.send(k.left, part...)
		k.ed.send(k.right, part...)
		k.ed.expect(k.right, part...)
		k.alice.expect(k.left, part...)
	}
	for _, f := range []Flow{k.there, k.back} {
		got, ok := k.flows.Counters(f.Local, f.Peer)
		octets := 0
		for _, b := range sent {
			octets += len(b)
		}
		if !ok || got.Packets != uint64(len(sent)) || got.Octets != uint64(octets) || got.ExtSeq != 1199 ||
			got.Reordered != 1 || got.Duplicates != 1 || got.Timestamp != 1199*160 {
			k.Errorf("%d packets, %d octets: %+v, %v", len(sent), octets, got, ok)
		}
	}
	k.left.silent()
	k.right.silent()
}

// others: what is not surely the flow's comes to our socket as it was sent.
func (k *talk) others() {
	k.Helper()
	change := func(at int, by ...byte) []byte {
		b := rtp(1300)
		copy(b[at:], by)
		return b
	}
	for _, b := range [][]byte{
		change(1, 101), change(8, 1, 2, 3, 4), change(1, 200), change(0, 0, 1), change(0, 22, 254), change(2, 0x80, 0), {0x80}, {},
	} {
		k.alice.send(k.left, b)
		k.left.expect(k.alice, b)
	}
	k.ed.silent()
}

// leave: once a flow is removed, or has another source, packets come to us; the other direction
// is not touched by that.
func (k *talk) leave() {
	k.Helper()
	if c, ok := k.flows.Remove(k.there.Local, k.there.Peer); !ok || c.Packets != 191 {
		k.Errorf("%+v, %v", c, ok)
	}
	k.alice.send(k.left, rtp(1201))
	k.left.expect(k.alice, rtp(1201))
	k.ed.send(k.right, rtp(1201))
	k.alice.expect(k.left, rtp(1201))
	again := k.there
	again.Start.ExtSeq = 1201
	for range 2 { // the second replaces the first
		if err := k.flows.Add(again); err != nil {
			k.Fatal(err)
		}
		k.alice.send(k.left, rtp(1202))
		k.ed.expect(k.right, rtp(1202))
	}
	var read []FlowCounters
	err := k.flows.Read(func(local, peer netip.AddrPort, c FlowCounters) {
		if local == k.there.Local && peer == k.there.Peer {
			read = append(read, c)
		}
	})
	if c, ok := k.flows.Remove(k.there.Local, k.there.Peer); err != nil || !ok || c.Packets != 1 || len(read) != 1 || read[0] != c {
		k.Errorf("%+v, %v; %+v, %v", c, ok, read, err)
	}
	if _, ok := k.flows.Remove(k.there.Local, k.there.Peer); ok {
		k.Error("removed twice")
	}
	k.flows.Remove(k.back.Local, k.back.Peer)
	k.ed.send(k.right, rtp(1202))
	k.right.expect(k.ed, rtp(1202))
	k.ed.silent()
	k.alice.silent()
}

// TestSource: who sends from elsewhere, or to the other socket, is not forwarded.
func TestSource(t *testing.T) { eachWay(t, playSource) }

func playSource(t *testing.T, way Way) {
	a, b, _ := stage(t)
	flows := newFlows(t, way)
	k := newTalk(t, flows, 20000, a, b, "198.51.100.7", "198.51.100.1", "10.1.0.1", "10.1.0.9")
	a.run(t, "ip address add 198.51.100.8/24 dev eth0")
	for _, at := range []string{"198.51.100.7:20001", "198.51.100.8:20000"} {
		mallory := a.listen(t, at)
		mallory.send(k.left, rtp(1000))
		k.left.expect(mallory, rtp(1000))
	}
	other := party("").listen(t, "198.51.100.1:20003")
	k.alice.send(other, rtp(1000))
	other.expect(k.alice, rtp(1000))
	k.ed.silent()
	k.alice.send(k.left, rtp(1000))
	k.ed.expect(k.right, rtp(1000))
}

// eventually tries until it is so.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !so(); <-tick.C {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

// hears says that a socket has got a packet, before long.
func (s *socket) hears() bool {
	s.Helper()
	if err := s.SetReadDeadline(time.Now().Add(quiet)); err != nil {
		s.Fatal(err)
	}
	_, _, err := s.ReadFromUDPAddrPort(make([]byte, 2048))
	return err == nil
}

// TestRoutes: packets take the way that the machine's routes say now; where there is none, or it
// is too narrow, they come to us.
func TestRoutes(t *testing.T) { eachWay(t, playRoutes) }

func playRoutes(t *testing.T, way Way) {
	a, b, _ := stage(t)
	a.run(t, "ip address add 192.0.2.9/32 dev lo")
	b.run(t, "ip address add 192.0.2.9/32 dev lo")
	run(t, "ip route add 192.0.2.9 via 10.1.0.9")
	flows := newFlows(t, way)
	k := newTalk(t, flows, 20000, a, b, "198.51.100.7", "198.51.100.1", "10.1.0.1", "192.0.2.9")
	elsewhere := a.listen(t, "192.0.2.9:20006")
	seq := uint16(1000)
	comesTo := func(s *socket) func() bool {
		return func() bool {
			seq++
			k.alice.send(k.left, rtp(seq-seq%160+159)) // the biggest
			return s.hears()
		}
	}
	eventually(t, "not forwarded", comesTo(k.ed))
	for _, c := range []struct {
		change string
		to     *socket
	}{
		{"ip route replace 192.0.2.9 via 198.51.100.7", elsewhere},
		{"ip route replace 192.0.2.9 via 10.1.0.9 mtu 140", k.left},
		{"ip route replace 192.0.2.9 via 10.1.0.9 mtu 1400", k.ed},
		{"ip route replace unreachable 192.0.2.9", k.left},
		{"ip route del unreachable 192.0.2.9", k.left},
		{"ip route replace 192.0.2.9 via 10.1.0.9", k.ed},
		{"ip link set inner mtu 140", k.left},
	} {
		run(t, c.change)
		eventually(t, c.change, comesTo(c.to))
	}
}

// TestInterfaces: one that comes later is taken, and one that goes is let go.
func TestInterfaces(t *testing.T) { eachWay(t, playInterfaces) }

func playInterfaces(t *testing.T, way Way) {
	a, _, _ := stage(t)
	flows := newFlows(t, way)
	newTalk(t, flows, 20000, "", "", "127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1")
	_, before := flows.Stats()
	t.Run("later", func(t *testing.T) {
		c := newParty(t, "later", []string{"203.0.113.1/24"}, []string{"203.0.113.9/24"})
		eventually(t, "the new interface is not taken", func() bool { _, now := flows.Stats(); return now == before+1 })
		k := newTalk(t, flows, 20100, c, a, "203.0.113.9", "203.0.113.1", "198.51.100.1", "198.51.100.7")
		k.bothWays()
	})
	eventually(t, "the interface that went is not let go", func() bool { _, now := flows.Stats(); return now == before })
	run(t, "ip link set outer down")
	eventually(t, "the interface that is down is not let go", func() bool { _, now := flows.Stats(); return now == before-1 })
}

// TestBanned: a ban ends a flow at once, whichever program came first.
func TestBanned(t *testing.T) { eachWay(t, playBanned) }

func playBanned(t *testing.T, way Way) {
	a, b, _ := stage(t)
	bans := func() *Filter {
		f, err := New(Config{
			Media: []netip.Addr{netip.MustParseAddr("198.51.100.1")}, First: 20000, Last: 29999, Most: 8,
			Way: way, Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		block(t, f, "192.0.2.0/24") // so that it is attached
		eventually(t, "the bans are not attached", func() bool { _, n := f.Stats(); return n > 0 })
		return f
	}
	for _, first := range []string{"bans", "flows"} {
		t.Run(first+" first", func(t *testing.T) {
			var filter *Filter
			if first == "bans" {
				filter = bans()
			}
			flows := newFlows(t, way)
			if filter == nil {
				filter = bans()
			}
			k := newTalk(t, flows, 20000, a, b, "198.51.100.7", "198.51.100.1", "10.1.0.1", "10.1.0.9")
			k.alice.send(k.left, rtp(1000))
			k.ed.expect(k.right, rtp(1000))
			block(t, filter, "198.51.100.7/32")
			k.alice.send(k.left, some(1001, 5)...)
			k.ed.silent()
			k.left.silent()
			if n := filter.Unblock(netip.MustParsePrefix("198.51.100.7/32")); n != 5 {
				t.Errorf("%d were dropped", n)
			}
			k.alice.send(k.left, rtp(1006))
			k.ed.expect(k.right, rtp(1006))
			if err := filter.Close(); err != nil {
				t.Error(err)
			}
			if c, _ := flows.Counters(k.there.Local, k.there.Peer); c.Packets != 2 {
				t.Errorf("%+v", c)
			}
		})
	}
}

// TestMany: all flows are read, over more than a batch.
func TestMany(t *testing.T) {
	run(t, "ip link set lo up")
	f := flowsLoaded(t)
	want := make(map[netip.AddrPort]uint32)
	flow := Flow{Payloads: [2]uint64{1}, Clock: 8000}
	for i := range uint16(readAtOnce + 100) {
		for _, a := range []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()} {
			flow.Local, flow.From = netip.AddrPortFrom(a, 10000+i), netip.AddrPortFrom(a, 20000+i)
			flow.Peer, flow.To, flow.SSRC = netip.AddrPortFrom(a, 30000+i), netip.AddrPortFrom(a, 40000+i), uint32(i)
			if err := f.Add(flow); err != nil {
				t.Fatal(err)
			}
			want[flow.Local] = flow.SSRC
		}
	}
	if n := len(f.routes.of); n != 2 {
		t.Errorf("%d routes", n)
	}
	for range 2 {
		told := 0
		err := f.Read(func(local, peer netip.AddrPort, c FlowCounters) {
			if ssrc, ok := want[local]; !ok || ssrc != c.SSRC || peer != netip.AddrPortFrom(local.Addr(), local.Port()+20000) {
				t.Errorf("%s from %s: %+v", local, peer, c)
			}
			told++
			f.Counters(local, peer) // calls are allowed
		})
		if err != nil || told != len(want) {
			t.Errorf("%d of %d: %v", told, len(want), err)
		}
	}
}

// TestIdle: while there are no flows nothing runs.
func TestIdle(t *testing.T) { eachWay(t, playIdle) }

func playIdle(t *testing.T, way Way) {
	run(t, "ip link set lo up")
	flows := newFlows(t, way)
	for range 2 {
		if n := running(t, flows); n != 0 {
			t.Errorf("%d programs are attached", n)
		}
		k := newTalk(t, flows, 20000, "", "", "127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1")
		k.alice.send(k.left, rtp(1000))
		k.ed.expect(k.right, rtp(1000))
		if n := running(t, flows); n != 1 {
			t.Errorf("%d programs are attached", n)
		}
		for _, f := range []Flow{k.there, k.back} {
			flows.Remove(f.Local, f.Peer)
		}
		eventually(t, "it stays attached", func() bool { _, n := flows.Stats(); return n == 0 })
		for _, s := range []*socket{k.alice, k.left, k.right, k.ed} {
			_ = s.Close()
		}
	}
}

// running is how many programs are at the loopback's ingress, but for stubs that do nothing.
func running(t testing.TB, f *Flows) int {
	t.Helper()
	way, _ := f.Way()
	if c, ok := f.attacher.(*classifier); ok && errors.Is(c.table.Lookup(uint32(0), new(uint32)), ebpf.ErrKeyNotExist) {
		return 0
	}
	return attached(t, way)
}

// TestClosed: nothing is forwarded any more, nothing is left, and nothing panics.
func TestClosed(t *testing.T) { eachWay(t, playClosed) }

func playClosed(t *testing.T, way Way) {
	run(t, "ip link set lo up")
	flows := newFlows(t, way)
	k := newTalk(t, flows, 20000, "", "", "127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1")
	for range 2 {
		if err := flows.Close(); err != nil {
			t.Error(err)
		}
	}
	k.alice.send(k.left, rtp(1000))
	k.left.expect(k.alice, rtp(1000))
	_, removed := flows.Remove(k.there.Local, k.there.Peer)
	_, counted := flows.Counters(k.there.Local, k.there.Peer)
	if removed || counted || !errors.Is(flows.Add(k.there), ErrClosed) || !errors.Is(flows.Read(nil), ErrClosed) {
		t.Errorf("removed %v, counted %v", removed, counted)
	}
	if n := attached(t, way); n != 0 {
		t.Errorf("%d programs are left", n)
	}
}

// attached is how many programs of Tollgate are at the loopback's ingress.
func attached(t testing.TB, way Way) int {
	t.Helper()
	if way == Clsact {
		return len(filtersOf(t, loopback, queueIngress))
	}
	got, err := link.QueryPrograms(link.QueryOptions{Target: loopback, Attach: ebpf.AttachTCXIngress})
	if err != nil {
		t.Fatal(err)
	}
	return len(got.Programs)
}

// TestKilled: after kill -9 nothing is forwarded, and nothing is left in the kernel, or by
// clsact nothing but a stub until the next start. The one that is killed is this test itself, in
// another process.
func TestKilled(t *testing.T) {
	const victim = "TOLLGATE_KERNEL_TEST_VICTIM"
	if way := os.Getenv(victim); way != "" {
		newTalk(t, newFlows(t, Way(way)), 20000, "", "", "127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1")
		fmt.Println("attached")
		select {} // until it is killed
	}
	eachWay(t, func(t *testing.T, way Way) {
		c := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		c.Env = append(os.Environ(), victim+"="+string(way))
		out, err := c.StdoutPipe()
		if err == nil {
			err = c.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		said, err := bufio.NewReader(out).ReadString('\n')
		if err != nil || said != "attached\n" || attached(t, way) != 1 {
			t.Errorf("%q, %v: %d programs are attached", said, err, attached(t, way))
		}
		if err = c.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = c.Wait() // killed
		if way == TCX {
			eventually(t, "a program is left", func() bool { return attached(t, way) == 0 })
		}
		alice, left := party("").listen(t, "127.0.0.1:20000"), party("").listen(t, "127.0.0.1:20002")
		eventually(t, "packets are still forwarded", func() bool {
			alice.send(left, rtp(1000))
			return left.hears()
		})
		newFlows(t, way) // which has nothing to do yet
		eventually(t, "a stub is left", func() bool { return attached(t, way) == 0 })
		if way == Clsact && queued(t, loopback) {
			t.Error("the queue is left")
		}
	})
}
