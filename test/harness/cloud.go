package harness

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
)

// Cloud is a place for a node with a foot in each of two networks, as providers have them:
// four namespaces in a row, made by the test.
//
//	Phones 198.51.100.128 and up ---- router ---- 172.16.0.4 Edge 10.1.0.4 ---- 10.1.1.1 and up PBXs
//	       2001:db8:1:1::80 and up      2001:db8:2::4
//
// The router gives the edge a public address, 203.0.113.7, that no interface has (1:1 NAT):
// phones reach nothing but that, and PBXs nothing but 10.1.0.4. IPv6 is routed as it is.
// Nothing of the machine's own network is touched.
type Cloud struct {
	Phones, Edge, PBXs Netns

	router     Netns
	phone, pbx int // last bytes given so far
}

// Where things are in a Cloud.
const (
	CloudPublic   = "203.0.113.7"   // the edge, as phones know it
	CloudOutside  = "172.16.0.4"    // the edge's own address on that side; nobody else has to see it
	CloudOutside6 = "2001:db8:2::4" // the same in IPv6, where it is public
	CloudInside   = "10.1.0.4"      // the edge, as PBXs know it
	CloudInside2  = "10.1.0.5"      // another address on the same side
)

// NewCloud builds a Cloud, until the test ends.
func NewCloud(t testing.TB) *Cloud {
	t.Helper()
	Need(t, "nft", "nftables")
	c := &Cloud{Phones: newNetns(t, "phones"), router: newNetns(t, "cloud"), Edge: newNetns(t, "edge"), PBXs: newNetns(t, "pbxs"), phone: 127}
	cable(t, c.Phones, "eth0", c.router, "outer")
	cable(t, c.router, "inner", c.Edge, "eth0")
	cable(t, c.Edge, "eth1", c.PBXs, "eth0")
	c.router.sysctl(t, "net/ipv4/ip_forward", "1")
	c.router.sysctl(t, "net/ipv6/conf/all/forwarding", "1")
	c.Phones.sysctl(t, "net/ipv6/ip_nonlocal_bind", "1") // IPv4 needs no such leave
	c.Phones.ip(t,
		"address add 198.51.100.2/24 dev eth0", "address add 2001:db8:1::2/64 dev eth0 nodad",
		"route add local 198.51.100.128/25 dev lo", "route add local 2001:db8:1:1::/64 dev lo", "route add default via 198.51.100.1", "route add default via 2001:db8:1::1")
	c.router.ip(t,
		"address add 198.51.100.1/24 dev outer", "address add 2001:db8:1::1/64 dev outer nodad",
		"address add 172.16.0.1/24 dev inner", "address add 2001:db8:2::1/64 dev inner nodad",
		"route add 2001:db8:1:1::/64 via 2001:db8:1::2")
	c.Edge.ip(t,
		"address add 172.16.0.4/24 dev eth0", "address add 2001:db8:2::4/64 dev eth0 nodad",
		"address add 10.1.0.4/16 dev eth1", "address add 10.1.0.5/16 dev eth1",
		"route add default via 172.16.0.1", "route add default via 2001:db8:2::1")
	c.PBXs.ip(t, "address add 10.1.0.1/16 dev eth0", "route add local 10.1.1.0/24 dev lo")
	c.router.nft(t, `table ip cloud {
  chain in {
    type nat hook prerouting priority -100;
    iifname "outer" ip daddr 203.0.113.7 dnat to 172.16.0.4
  }
  chain out {
    type nat hook postrouting priority 100;
    oifname "outer" ip saddr 172.16.0.4 snat to 203.0.113.7
  }
  chain way {
    type filter hook forward priority 0; policy drop;
    iifname "inner" accept
    ct status dnat accept
    ct state established,related accept
  }
}
`)
	return c
}

// Phone is an address of the outside that no other test has.
func (c *Cloud) Phone() netip.Addr {
	c.phone++
	return netip.AddrFrom4([4]byte{198, 51, 100, byte(c.phone)})
}

// Phone6 is the same in IPv6.
func (c *Cloud) Phone6() netip.Addr {
	c.phone++
	return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 1, 15: byte(c.phone)})
}

// PBX is an address of the inside that no other test has.
func (c *Cloud) PBX() netip.Addr {
	c.pbx++
	return netip.AddrFrom4([4]byte{10, 1, 1, byte(c.pbx)})
}

// Serve starts a node on the edge that listens as these items of node.yaml's sip.listen say.
func (c *Cloud) Serve(t *testing.T, env []string, listen ...string) *Node {
	t.Helper()
	n := New(t, Settings{Netns: c.Edge, Env: env})
	yaml := fmt.Sprintf("data_dir: %q\nhttp: {listen: %q, metrics: %q}\nlog: {level: debug, format: text}\nsip:\n  listen:\n",
		n.Dir+"/data", n.HTTP, n.Metrics)
	for _, item := range listen {
		yaml += "    - " + item + "\n"
	}
	if err := os.WriteFile(n.Config, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	n.Up(t)
	return n
}

// cable joins two namespaces by a pair of interfaces.
func cable(t testing.TB, a Netns, aEnd string, b Netns, bEnd string) {
	t.Helper()
	ip(t, "link", "add", aEnd, "netns", string(a), "type", "veth", "peer", "name", bEnd, "netns", string(b))
	a.ip(t, "link set "+aEnd+" up")
	b.ip(t, "link set "+bEnd+" up")
}

// ip runs commands of ip(8) in the namespace, all in one process.
func (ns Netns) ip(t testing.TB, commands ...string) {
	t.Helper()
	cmd := ns.Command("ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ip in %s: %v: %s", ns, err, out)
	}
}

// nft loads rules into the namespace.
func (ns Netns) nft(t testing.TB, rules string) {
	t.Helper()
	cmd := ns.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("nft in %s: %v: %s", ns, err, out)
	}
}
