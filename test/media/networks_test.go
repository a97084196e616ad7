package media

import (
	"fmt"
	"net/netip"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// twoNetworks plays something on a node with a foot in each of two networks, which are named
// outside and inside.
func twoNetworks(t *testing.T, play func(t *testing.T, w *world)) {
	t.Helper()
	for _, kernel := range []string{"off", "auto"} {
		t.Run("kernel "+kernel, func(t *testing.T) {
			t.Parallel()
			w := &world{Cloud: harness.NewCloud(t), Stage: &stage.Stage{T: t, Domain: "cloud.test", Variant: stage.Variant{Hidden: true}}}
			w.Node = w.Serve(t, nil,
				fmt.Sprintf("{url: udp://%s:5060, advertise: %s, network: outside}", harness.CloudOutside, harness.CloudPublic),
				fmt.Sprintf("{url: udp://%s:5060, network: inside}", harness.CloudInside)+
					fmt.Sprintf("\nmedia: {ports: 20000-20999, kernel: %q, networks: [{network: outside, address: %s, advertise: %s}, {network: inside, address: %s}]}",
						kernel, harness.CloudOutside, harness.CloudPublic, harness.CloudInside))
			w.Caller, w.Callee = w.outside(), w.inside()
			w.Customer = harness.Customer{
				Name: "Cloud", Domains: []string{w.Domain}, Hidden: true, Outbound: "any",
				Destinations: []harness.Destination{{Addr: w.Callee.Addr(), Network: "inside"}},
			}
			bridged(&w.Customer)
			play(t, w)
		})
	}
}

// world is a phone outside and a PBX inside, and a node between them.
type world struct {
	*harness.Cloud
	*stage.Stage
}

// outside opens an endpoint that knows the node by its public address, inside one that knows the
// inner one.
func (w *world) outside() *peer.UA {
	w.Helper()
	return w.endpoint(w.Phones, w.Phone(), harness.CloudPublic)
}

func (w *world) inside() *peer.UA {
	w.Helper()
	return w.endpoint(w.PBXs, w.PBX(), harness.CloudInside)
}

func (w *world) endpoint(ns harness.Netns, at netip.Addr, edge string) *peer.UA {
	w.Helper()
	u := peer.OpenIn(w.T, ns.Do, "udp", netip.AddrPortFrom(at, 0))
	u.Edge = netip.AddrPortFrom(netip.MustParseAddr(edge), 5060)
	return u
}

// side opens a phone of an endpoint.
func (w *world) side(u *peer.UA, ssrc uint32) *side {
	w.Helper()
	ns := w.PBXs
	if u.Edge.Addr().String() == harness.CloudPublic {
		ns = w.Phones
	}
	p := &phone{Stage: w.Stage, ua: u, place: ns, ssrc: ssrc, seq: 100, plain: []string{"m=audio PORT RTP/AVP 0"}}
	p.open(u.Addr().Addr())
	return &side{phone: p}
}

// TestNetworks: phones outside are told of the public address, which no interface has, and PBXs
// inside of the inner one, whoever calls and whoever holds.
func TestNetworks(t *testing.T) {
	twoNetworks(t, func(_ *testing.T, w *world) {
		w.Apply()
		w.between()
		w.Caller, w.Callee = w.Callee, w.Caller
		w.Outbound = true
		w.between()
	})
}

// TestForksOfNetworks: a user's phones, one outside and one inside, ring at once. Each is told of us
// in its own network, and each may be the one who answers, whoever had early media before.
func TestForksOfNetworks(t *testing.T) {
	twoNetworks(t, func(_ *testing.T, w *world) {
		w.Customer.Extra += users("bob")
		w.Apply()
		out, in := w.outside(), w.inside()
		registered(w.Stage, out, "bob")
		registered(w.Stage, in, "bob")
		for _, order := range [][2]*peer.UA{{out, in}, {in, out}} {
			w.ringsAtBoth(order[0], order[1], false)
			w.ringsAtBoth(order[0], order[1], true)
		}
	})
}

// ringsAtBoth has two phones ring and one of them answer; early: the other one has early media before.
func (w *world) ringsAtBoth(answers, rings *peer.UA, early bool) {
	w.Helper()
	a, b, other := w.side(w.Caller, 0xa), w.side(answers, 0xb), w.side(rings, 0xcc)
	a.call = w.Caller.Invite("sip:bob@"+w.Domain, a.sdp())
	b.call, other.call = answers.Accept("INVITE"), rings.Accept("INVITE")
	b.told(b.call.Incoming())
	other.told(other.call.Incoming())
	other.call.Answer(180)
	a.call.Expect(180)
	if early {
		b.call.Answer(183, b.sdp())
		a.told(a.call.Expect(183))
		talk(a.phone, b.phone, 3)
		other.call.Answer(183, other.sdp())
		a.told(a.call.Expect(183))
		talk(a.phone, other.phone, 3)
	}
	b.call.Answer(200, b.sdp())
	a.told(a.call.Expect(200))
	a.call.Ack()
	b.call.Expect("ACK")
	other.call.Reply(other.call.Expect("CANCEL"), 200)
	other.call.Answer(487)
	other.call.Expect("ACK")
	c := &conversation{w.Stage, a, b}
	talk(a.phone, b.phone, 3)
	unheard(other.phone, a.phone)
	reports(a.phone, b.phone, a.rtcp, b.rtcp)
	b.open(b.at.Addr())
	answered, offered := c.reoffer("INVITE", b, a, b.sdp(), a.sdp())
	b.told(&peer.Message{Body: answered.text})
	a.told(&peer.Message{Body: offered.text})
	c.settle()
	c.end()
}

// between has one side call the other; a re-INVITE moves the caller to another port.
func (w *world) between() {
	w.Helper()
	a, b := w.side(w.Caller, 0xa), w.side(w.Callee, 0xb)
	a.call = w.Caller.Invite(w.URI(), a.sdp())
	b.call = w.Callee.Accept("INVITE")
	c := a.answeredBy(b)
	c.settle()
	reports(a.phone, b.phone, a.rtcp, b.rtcp)
	a.open(a.at.Addr())
	answered, offered := c.reoffer("INVITE", a, b, a.sdp(), b.sdp())
	a.told(&peer.Message{Body: answered.text})
	b.told(&peer.Message{Body: offered.text})
	c.settle()
	w.End(b.call, a.call)
	sealed(w.Stage)
}
