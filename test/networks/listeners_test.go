package networks

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
)

// TestWildcard: who listens everywhere answers, and is known, as the address that was asked.
func TestWildcard(t *testing.T) {
	if harness.Control() {
		return
	}
	t.Parallel()
	cloud := harness.NewCloud(t)
	v4 := &edge{cloud: cloud, node: cloud.Serve(t, nil, "udp://0.0.0.0:5060", "tcp://0.0.0.0:5060")}
	dual := &edge{cloud: cloud, node: cloud.Serve(t, nil, `"udp://[::]:5070"`, `"tcp://[::]:5070"`, `"tls://[::]:5071"`)}
	for _, hidden := range []bool{false, true} {
		for _, phone := range []string{"udp", "tcp"} {
			v4.play(t, variant{hidden: hidden, phone: phone, pbx: "udp", near: true, free: true, outside: at(harness.CloudInside2, 5060)},
				conversation{"the phone calls", phoneCalls}, conversation{"the PBX calls a registered phone", pbxCalls},
				conversation{"subscriptions", subscriptions}, conversation{"requests outside of dialogs", requests})
		}
		for _, pbx := range []string{"udp", "tcp"} {
			dual.play(t, variant{
				hidden: hidden, phone: "tls", pbx: pbx, ipv6: true, free: true,
				outside: at(harness.CloudOutside6, 5071), inside: at(harness.CloudInside, 5070),
			}, conversations()...)
		}
		dual.play(t, variant{
			hidden: hidden, phone: "udp", pbx: "udp", ipv6: true, free: true,
			outside: at(harness.CloudOutside6, 5070), inside: at(harness.CloudInside, 5070),
		}, conversations()...)
	}
}

// TestOneAddress: a machine with one interface, and a port on it for each network.
func TestOneAddress(t *testing.T) {
	if harness.Control() {
		return
	}
	t.Parallel()
	cloud := harness.NewCloud(t)
	if out, err := cloud.PBXs.Command("ip", "route", "add", harness.CloudOutside, "via", harness.CloudInside).CombinedOutput(); err != nil {
		t.Fatalf("ip route: %v: %s", err, out)
	}
	var listen []string
	for _, proto := range []string{"udp", "tcp"} {
		listen = append(listen,
			fmt.Sprintf("{url: %s://%s:5060, advertise: %s, network: outside}", proto, harness.CloudOutside, harness.CloudPublic),
			fmt.Sprintf("{url: %s://%s:5080, network: inside}", proto, harness.CloudOutside))
	}
	e := &edge{cloud: cloud, node: cloud.Serve(t, nil, listen...)}
	for _, hidden := range []bool{false, true} {
		for _, protos := range [][2]string{{"udp", "udp"}, {"tcp", "udp"}, {"udp", "tcp"}, {"tcp", "tcp"}} {
			list := conversations()
			e.play(t, variant{hidden: hidden, phone: protos[0], pbx: protos[1], inside: at(harness.CloudOutside, 5080)}, list...)
		}
	}
}

// TestNeighbours: PBXs and phones are asked whether they are there, from the address that they know.
func TestNeighbours(t *testing.T) {
	if harness.Control() {
		return
	}
	t.Parallel()
	e := twoSided(t, []string{"TOLLGATE_TEST_KEEPALIVE=500ms"})
	for _, proto := range []string{"udp", "tcp"} {
		v := variant{phone: "udp", pbx: proto}
		s := &scene{T: t, edge: e, variant: v, judged: map[*peer.UA]int{}, at: "neighbours are asked"}
		s.phone = open(t, e.cloud.Phones, v.phone, e.cloud.Phone(), v.outer())
		s.pbx = open(t, e.cloud.PBXs, v.pbx, e.cloud.PBX(), v.inner())
		asked := map[*peer.UA]*atomic.Int64{s.phone: s.counted(s.phone), s.pbx: s.counted(s.pbx)}
		s.customer(func(c *harness.Customer) { c.Keepalive, c.Pings = true, true })
		reg, _ := s.register()
		for u, count := range asked {
			harness.Eventually(t, 10*time.Second, func() error {
				if n := count.Load(); n < 2 {
					return fmt.Errorf("%s was asked %d times", u.Addr(), n)
				}
				return nil
			})
		}
		s.unregister(reg)
	}
}

// counted answers OPTIONS at an endpoint, looks at each, and counts them.
func (s *scene) counted(u *peer.UA) *atomic.Int64 {
	var count atomic.Int64
	u.Handle(func(m *peer.Message) bool {
		if !strings.HasPrefix(m.Start(), "OPTIONS ") {
			return false
		}
		via, _, _ := strings.Cut(m.Get("Via"), ";")
		if want := "SIP/2.0/" + strings.ToUpper(u.Proto()) + " " + u.Edge.String(); via != want {
			s.Errorf("asked with the Via %q, not %q", via, want)
		}
		host, port := peer.HostPort(peer.URIOf(m.Get("Contact")))
		if m.Source().Addr() != u.Edge.Addr() || !isAt(host, port, u.Edge) {
			s.Errorf("%s knows the node as %s, and is asked from %s:\n%s", u.Addr(), u.Edge, m.Source(), m.Bytes())
		}
		u.Replies(m, 200)
		count.Add(1)
		return true
	})
	return &count
}

// nowhere: a destination in a network that no listener is in is not called from another
// network; requests are refused at once, and doctor says what is missing.
func nowhere(t *testing.T, e *edge) {
	for _, proto := range []string{"udp", "tcp"} {
		s := &scene{T: t, edge: e, variant: variant{phone: "udp", pbx: proto}, judged: map[*peer.UA]int{}, at: "no listener"}
		s.phone = open(t, e.cloud.Phones, "udp", e.cloud.Phone(), s.outer())
		s.pbx = open(t, e.cloud.PBXs, proto, e.cloud.PBX(), s.inner())
		s.customer(func(c *harness.Customer) { c.Destinations[0].Network = "nowhere" })
		s.phone.Invite("sip:bob@"+s.domain).ExpectWithin(time.Second, 404)
		s.phone.Start("MESSAGE", "sip:bob@"+s.domain).ExpectWithin(time.Second, "404 MESSAGE")
		s.pbx.Quiet(100 * time.Millisecond)
		said := e.node.Command(t, "doctor").Stdout
		if want := "(" + proto + " " + s.pbx.Addr().String() + ") is in the network nowhere, and no listener is"; !strings.Contains(said, want) {
			t.Errorf("doctor does not say %q, but\n%s", want, said)
		}
	}
}
