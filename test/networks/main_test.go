// Package networks plays calls between two networks that do not reach each other: phones
// outside, who know the node by a public address that none of its interfaces has, and PBXs
// inside. Whatever passes must name the node to each side as that side reaches it.
//
// What the messages mean beyond their addresses is packages calls and phones.
package networks

import (
	"fmt"
	"net/netip"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
)

func TestMain(m *testing.M) { harness.Main(m) }

// edge is a node between two networks.
type edge struct {
	cloud *harness.Cloud
	node  *harness.Node
}

// variant is how the two sides speak.
type variant struct {
	hidden     bool
	phone, pbx string // protocols
	ipv6       bool   // the phone's
	free       bool   // the destination names no network
	near       bool   // the phone is in the PBXs' network
	// Where the sides reach the node; by default at the usual ports of the public address (or of
	// the outer one in IPv6), and of the inner one.
	outside, inside netip.AddrPort
}

func (v variant) String() string {
	name := "plain/"
	if v.hidden {
		name = "hidden/"
	}
	name += v.phone
	if v.ipv6 {
		name += "6"
	}
	if name += "-" + v.pbx; v.free {
		name += "-free"
	}
	return name
}

// usual is an address with the usual port of a protocol.
func usual(ip, proto string) netip.AddrPort {
	if proto == "tls" {
		return at(ip, 5061)
	}
	return at(ip, 5060)
}

func at(ip string, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(ip), port)
}

// conversation is something that is said in each variant.
type conversation struct {
	name string
	play func(*scene)
}

func conversations() []conversation {
	return []conversation{
		{"the phone calls", phoneCalls},
		{"the PBX calls a registered phone", pbxCalls},
		{"the PBX calls a stranger", pbxCallsOut},
		{"subscriptions", subscriptions},
		{"requests outside of dialogs", requests},
		{"connections that ended", connections},
	}
}

// TestNetworks: a listener on each side, the outer one behind the router's public address.
func TestNetworks(t *testing.T) {
	if harness.Control() {
		return // a plain proxy has no networks
	}
	t.Parallel()
	e := twoSided(t, nil)
	for _, hidden := range []bool{false, true} {
		for _, phone := range []string{"udp", "tcp", "tls"} {
			for _, pbx := range []string{"udp", "tcp"} {
				e.play(t, variant{hidden: hidden, phone: phone, pbx: pbx}, conversations()...)
			}
		}
		e.play(t, variant{hidden: hidden, phone: "udp", pbx: "udp", ipv6: true}, conversations()...)
		e.play(t, variant{hidden: hidden, phone: "tls", pbx: "tcp", ipv6: true}, conversations()...)
		e.play(t, variant{hidden: hidden, phone: "tcp", pbx: "udp", free: true}, conversations()...)
	}
	t.Run("a network without a listener", func(t *testing.T) { nowhere(t, e) })
}

// twoSided is a node with a foot in each network, which has a name.
func twoSided(t *testing.T, env []string) *edge {
	t.Helper()
	cloud := harness.NewCloud(t)
	var listen []string
	for _, proto := range []string{"udp", "tcp", "tls"} {
		port := usual(harness.CloudPublic, proto).Port()
		listen = append(listen,
			fmt.Sprintf(`{url: "%s://%s:%d", advertise: %s, network: outside}`, proto, harness.CloudOutside, port, harness.CloudPublic),
			fmt.Sprintf(`{url: "%s://[%s]:%d", network: outside}`, proto, harness.CloudOutside6, port))
		if proto != "tls" {
			listen = append(listen, fmt.Sprintf(`{url: "%s://%s:%d", network: inside}`, proto, harness.CloudInside, port))
		}
	}
	return &edge{cloud: cloud, node: cloud.Serve(t, env, listen...)}
}

// play sets the scene for a variant, and has the conversations take place on it in turn.
func (e *edge) play(t *testing.T, v variant, list ...conversation) {
	ip, ns := e.cloud.Phone, e.cloud.Phones
	switch {
	case v.ipv6:
		ip = e.cloud.Phone6
	case v.near:
		ip, ns = e.cloud.PBX, e.cloud.PBXs
	}
	phone, pbx := ip(), e.cloud.PBX()
	t.Run(v.String(), func(t *testing.T) {
		t.Parallel()
		s := &scene{T: t, edge: e, variant: v, judged: map[*peer.UA]int{}}
		s.phone, s.pbx = open(t, ns, v.phone, phone, v.outer()), open(t, e.cloud.PBXs, v.pbx, pbx, v.inner())
		s.customer(func(*harness.Customer) {})
		for _, c := range list {
			s.at = c.name
			c.play(s)
			s.judge()
			if s.Failed() {
				return // the rest would only fail of what is left over
			}
		}
	})
}

func (v variant) outer() netip.AddrPort {
	switch {
	case v.outside.IsValid():
		return v.outside
	case v.ipv6:
		return usual(harness.CloudOutside6, v.phone)
	}
	return usual(harness.CloudPublic, v.phone)
}

func (v variant) inner() netip.AddrPort {
	if v.inside.IsValid() {
		return v.inside
	}
	return usual(harness.CloudInside, v.pbx)
}

// open is an endpoint in a namespace that knows the node by that address.
func open(t *testing.T, ns harness.Netns, proto string, ip netip.Addr, node netip.AddrPort) *peer.UA {
	t.Helper()
	u := peer.OpenIn(t, ns.Do, proto, netip.AddrPortFrom(ip, 0))
	u.Edge = node
	return u
}
