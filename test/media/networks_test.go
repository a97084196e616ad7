package media

import (
	"fmt"
	"net/netip"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// TestNetworks: phones outside are told of the public address, which no interface has, and PBXs
// inside of the inner one, whoever calls and whoever holds.
func TestNetworks(t *testing.T) {
	for _, kernel := range []string{"off", "auto"} {
		t.Run("kernel "+kernel, func(t *testing.T) {
			t.Parallel()
			cloud := harness.NewCloud(t)
			s := &stage.Stage{T: t, Domain: "cloud.test", Variant: stage.Variant{Hidden: true}}
			s.Node = cloud.Serve(t, nil,
				fmt.Sprintf("{url: udp://%s:5060, advertise: %s, network: outside}", harness.CloudOutside, harness.CloudPublic),
				fmt.Sprintf("{url: udp://%s:5060, network: inside}", harness.CloudInside)+
					fmt.Sprintf("\nmedia: {ports: 20000-20999, kernel: %q, networks: [{network: outside, address: %s, advertise: %s}, {network: inside, address: %s}]}",
						kernel, harness.CloudOutside, harness.CloudPublic, harness.CloudInside))
			open := func(ns harness.Netns, at netip.Addr, edge string) *peer.UA {
				u := peer.OpenIn(t, ns.Do, "udp", netip.AddrPortFrom(at, 0))
				u.Edge = netip.AddrPortFrom(netip.MustParseAddr(edge), 5060)
				return u
			}
			s.Caller, s.Callee = open(cloud.Phones, cloud.Phone(), harness.CloudPublic), open(cloud.PBXs, cloud.PBX(), harness.CloudInside)
			s.Customer = harness.Customer{
				Name: "Cloud", Domains: []string{s.Domain}, Hidden: true, Outbound: "any",
				Destinations: []harness.Destination{{Addr: s.Callee.Addr(), Network: "inside"}},
			}
			bridged(&s.Customer)
			s.Apply()
			in := map[*peer.UA]harness.Netns{s.Caller: cloud.Phones, s.Callee: cloud.PBXs}
			between(s, in)
			s.Caller, s.Callee = s.Callee, s.Caller
			s.Outbound = true
			between(s, in)
		})
	}
}

// between has one side call the other; a re-INVITE moves the caller to another port.
func between(s *stage.Stage, in map[*peer.UA]harness.Netns) {
	s.Helper()
	party := func(u *peer.UA, ssrc uint32) *side {
		p := &phone{Stage: s, ua: u, place: in[u], ssrc: ssrc, seq: 100, plain: []string{"m=audio PORT RTP/AVP 0"}}
		p.open(u.Addr().Addr())
		return &side{phone: p}
	}
	a, b := party(s.Caller, 0xa), party(s.Callee, 0xb)
	a.call = s.Caller.Invite(s.URI(), a.sdp())
	b.call = s.Callee.Accept("INVITE")
	c := a.answeredBy(b)
	c.settle()
	reports(a.phone, b.phone, a.rtcp, b.rtcp)
	a.open(a.at.Addr())
	answered, offered := c.reoffer("INVITE", a, b, a.sdp(), b.sdp())
	a.told(&peer.Message{Body: answered.text})
	b.told(&peer.Message{Body: offered.text})
	c.settle()
	s.End(b.call, a.call)
	sealed(s)
}
