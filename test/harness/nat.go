package harness

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// Home is a phone's place behind a NAT: three namespaces in a row, made by the test.
//
//	Outside 198.51.100.1 ---- 198.51.100.2 and up, router 192.168.77.1 ---- 192.168.77.2 Phone
//
// The router masquerades the phone as its own address and a range of ports, and forgets
// UDP flows that were quiet for Forgets, unless told otherwise. Nothing of the machine's own network is touched.
type Home struct {
	Outside Netns // where the node and the PBX run
	Phone   Netns

	router Netns
	net    [3]byte // the network between router and outside
	public int     // last byte of the router's address there
}

// Where things are in a Home, and how long its router remembers.
const (
	HomeOutside = "198.51.100.1"
	HomePhone   = "192.168.77.2"
	Forgets     = 2 * time.Second

	routerInside = "192.168.77.1"
)

// NAT builds a Home, until the test ends.
func NAT(t testing.TB) *Home {
	t.Helper()
	Need(t, "nft", "nftables")
	return newHome(t, newNetns(t, "outside"), "eth0", [3]byte{198, 51, 100})
}

// Beside builds another Home in the same outside, for as long: its phone has the very address of
// the first one's, behind a router of its own.
func (h *Home) Beside(t testing.TB) *Home {
	t.Helper()
	return newHome(t, h.Outside, "eth1", [3]byte{203, 0, 113})
}

func newHome(t testing.TB, outside Netns, end string, net [3]byte) *Home {
	t.Helper()
	h := &Home{Outside: outside, router: newNetns(t, "router"), Phone: newNetns(t, "phone"), net: net, public: 2}
	join(t, h.Outside, end, h.outside(1).String(), h.router, "outer", h.Public().String())
	join(t, h.Phone, "eth0", HomePhone, h.router, "inner", routerInside)
	h.route(t)
	h.Phone.run(t, "ip", "route", "add", "default", "via", routerInside)
	h.router.sysctl(t, "net/ipv4/ip_forward", "1")
	h.Remember(t, Forgets)
	for _, name := range []string{"tcp_be_liberal", "tcp_ignore_invalid_rst"} { // resets reach a phone that has moved
		h.router.sysctl(t, "net/netfilter/nf_conntrack_"+name, "1")
	}
	h.rules(t, "accept")
	return h
}

// route leads the router to HomeOutside, where that is not in its own network.
func (h *Home) route(t testing.TB) {
	t.Helper()
	if gate := h.outside(1).String(); gate != HomeOutside {
		h.router.run(t, "ip", "route", "add", HomeOutside, "via", gate)
	}
}

// join lays a cable between an end in a namespace and an end of the router.
func join(t testing.TB, ns Netns, own, addr string, router Netns, end, routerAddr string) {
	t.Helper()
	ip(t, "link", "add", own, "netns", string(ns), "type", "veth", "peer", "name", end, "netns", string(router))
	ns.run(t, "ip", "address", "add", addr+"/24", "dev", own)
	ns.run(t, "ip", "link", "set", own, "up")
	router.run(t, "ip", "address", "add", routerAddr+"/24", "dev", end)
	router.run(t, "ip", "link", "set", end, "up")
}

// Remember makes the router keep UDP flows that are quiet for so long, in whole seconds; it
// counts from a flow's next packet.
func (h *Home) Remember(t testing.TB, quiet time.Duration) {
	t.Helper()
	for _, name := range []string{"udp_timeout", "udp_timeout_stream"} {
		h.router.sysctl(t, "net/netfilter/nf_conntrack_"+name, fmt.Sprint(int(quiet.Seconds())))
	}
}

// Public is the address that the outside sees of the phone.
func (h *Home) Public() netip.Addr { return h.outside(h.public) }

// outside is an address between router and outside.
func (h *Home) outside(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{h.net[0], h.net[1], h.net[2], byte(n)})
}

// Move gives the router another public address and other ports, as a provider's nightly
// reconnect does: the kernel forgets what it masqueraded as the old address.
func (h *Home) Move(t testing.TB) {
	t.Helper()
	h.router.run(t, "ip", "address", "del", h.Public().String()+"/24", "dev", "outer")
	h.public++
	h.router.run(t, "ip", "address", "add", h.Public().String()+"/24", "dev", "outer")
	h.route(t)
	h.rules(t, "accept")
}

// Lose makes the router lose so many percent of the UDP that the phone sends to ports from 40000,
// at random: where tests have neither SIP nor anything else but media.
func (h *Home) Lose(t testing.TB, percent int) {
	t.Helper()
	h.router.nft(t, fmt.Sprintf(`table ip home {
  chain lossy {
    type filter hook forward priority -1; policy accept;
    iifname "inner" meta l4proto udp udp dport >= 40000 numgen random mod 100 < %d drop
  }
}
`, percent))
}

// Block stops all that would pass the router; Unblock lets it pass again.
func (h *Home) Block(t testing.TB) {
	t.Helper()
	h.rules(t, "drop")
}

// Unblock undoes Block.
func (h *Home) Unblock(t testing.TB) {
	t.Helper()
	h.rules(t, "accept")
}

// rules writes the router's whole rule set: only what the phone has begun comes in.
func (h *Home) rules(t testing.TB, pass string) {
	t.Helper()
	first := 20000 + rand.IntN(300)*100
	cmd := h.router.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(fmt.Sprintf(`flush ruleset
table ip home {
  chain way {
    type filter hook forward priority 0; policy %s;
    iifname "outer" ct state new,invalid drop
  }
  chain out {
    type nat hook postrouting priority 100;
    oifname "outer" meta l4proto { tcp, udp } masquerade to :%d-%d
  }
}
`, pass, first, first+9999))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("nft: %v: %s", err, out)
	}
}
