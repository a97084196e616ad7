// Package stage sets a scenario's scene on a running node: a customer with a domain of
// its own, a caller outside, a PBX behind, over the transports and in the mode that a
// variant names. What every scenario must keep is checked here once: a hidden call shows
// neither side the other, and nothing comes that no one expected.
//
// It is not its job to know scenarios.
package stage

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
)

// Leg is how one side speaks to the edge.
type Leg struct {
	Proto string
	IPv6  bool
}

func (l Leg) String() string {
	if l.IPv6 {
		return l.Proto + "6"
	}
	return l.Proto + "4"
}

// Variant is one way to play a scenario.
type Variant struct {
	Hidden   bool
	Outbound bool // the PBX calls a host outside
	Caller   Leg
	Callee   Leg
}

func (v Variant) String() string {
	name := "plain"
	if v.Hidden {
		name = "hidden"
	}
	if v.Outbound {
		name += "-out"
	}
	return name + "/" + v.Caller.String() + "-" + v.Callee.String()
}

// Scenario is a conversation and the variants that it is played in.
type Scenario struct {
	Name     string
	Play     func(*Stage)
	Matrix   []Variant
	Customer func(*harness.Customer) // changes the customer before it is applied; may be nil
	// OwnOnly scenarios ask what only Tollgate does; they are left out where a Kamailio
	// stands in for it.
	OwnOnly bool
}

// Stage is what a scenario plays on.
type Stage struct {
	*testing.T
	Variant
	Node     *harness.Node
	Customer harness.Customer
	Domain   string
	Caller   *peer.UA // of the call; outbound it is the PBX
	Callee   *peer.UA
	Loose    bool // messages that nobody expected are no fault
	Dialled  bool // the PBX calls the outside by address, which so is no secret to it
	peers    []*peer.UA
}

// Play runs all scenarios in all their variants on one node, in parallel.
func Play(t *testing.T, node *harness.Node, scenarios []Scenario) {
	for _, sc := range scenarios {
		for _, v := range sc.Matrix {
			if harness.Control() && (sc.OwnOnly || v.Hidden) {
				continue
			}
			t.Run(sc.Name+"/"+v.String(), func(t *testing.T) {
				t.Parallel()
				sc.Play(New(t, node, v, sc.Customer))
			})
		}
	}
}

// New opens both endpoints and applies a customer whose only destination is the PBX.
func New(t *testing.T, node *harness.Node, v Variant, change func(*harness.Customer)) *Stage {
	t.Helper()
	node.Ensure(t)
	s := &Stage{T: t, Variant: v, Node: node}
	s.Caller, s.Callee = s.Peer(v.Caller), s.Peer(v.Callee)
	id := fmt.Sprintf("c%012x", rand.Uint64()>>16)
	s.Domain = id + ".test"
	s.Customer = harness.Customer{Name: id, Domains: []string{s.Domain}, Hidden: v.Hidden}
	pbx := s.Callee
	if v.Outbound {
		pbx, s.Customer.Outbound = s.Caller, "any"
	}
	s.Customer.Destinations = []harness.Destination{{Addr: pbx.Addr(), Proto: pbx.Proto()}}
	if change != nil {
		change(&s.Customer)
	}
	s.Apply()
	s.explainFailure()
	t.Cleanup(s.end)
	return s
}

// Apply makes the node serve the customer as it stands in s.Customer.
func (s *Stage) Apply() {
	s.Helper()
	s.Node.Apply(s.T, s.Customer)
}

// Peer opens another endpoint that knows the node.
func (s *Stage) Peer(l Leg) *peer.UA {
	s.Helper()
	ip := "::1"
	if !l.IPv6 {
		ip = harness.IP(s.T)
	}
	u := peer.New(s.T, l.Proto, ip)
	u.Edge = s.Node.Addr(l.Proto, u.Addr().Addr())
	s.peers = append(s.peers, u)
	return u
}

// URI is what the caller calls.
func (s *Stage) URI() string {
	if s.Outbound {
		return s.Callee.URI("bob")
	}
	return "sip:bob@" + s.Domain
}

// Ring places a call and lets it ring.
func (s *Stage) Ring(opts ...peer.Option) (a, b *peer.Call) {
	s.Helper()
	a = s.Caller.Invite(s.URI(), opts...)
	b = s.Callee.Accept("INVITE")
	b.Answer(180)
	a.Expect(180)
	return a, b
}

// Talk places a call and has it answered.
func (s *Stage) Talk(opts ...peer.Option) (a, b *peer.Call) {
	s.Helper()
	a, b = s.Ring(opts...)
	b.Answer(200, peer.SDP(s.Callee, 1))
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	return a, b
}

// End hangs up from one side and answers on the other.
func (s *Stage) End(from, to *peer.Call) {
	s.Helper()
	from.Request("BYE")
	to.Reply(to.Expect("BYE"), 200)
	from.Expect("200 BYE")
}

// explainFailure logs what the node said about this scenario.
func (s *Stage) explainFailure() {
	from := s.Node.LogSize()
	s.Cleanup(func() {
		if s.Failed() {
			words := []string{s.Domain, "ERROR", "level=ERROR", "panic"}
			for _, u := range s.peers {
				words = append(words, u.Mark, u.Addr().String())
			}
			s.Logf("the node said:\n%s", s.Node.LogSince(from, words...))
		}
	})
}

// end checks what holds after every scenario.
func (s *Stage) end() {
	if s.Failed() {
		return
	}
	if !s.Loose {
		for _, u := range s.peers {
			u.Settled(50 * time.Millisecond)
		}
	}
	if s.Hidden {
		s.checkHidden()
	}
}

func (s *Stage) checkHidden() {
	callee, caller := s.Callee.Names(s.Caller), s.Caller.Names(s.Callee)
	if s.Outbound {
		callee = callee[:1] // the PBX called the address itself
	}
	if s.Dialled {
		caller = caller[:1]
	}
	for _, leak := range s.Caller.Leaks(callee...) {
		s.Errorf("the caller is shown the callee: %s", leak)
	}
	for _, leak := range s.Callee.Leaks(caller...) {
		s.Errorf("the callee is shown the caller: %s", leak)
	}
}

// The legs and matrices that scenarios choose from. A TCP caller and a TCP PBX never share
// ::1: over TCP a destination is known by its address alone. Outbound nobody is called at ::1, which
// is the node's own address too.
func leg(name string) Leg {
	return Leg{Proto: name[:3], IPv6: strings.HasSuffix(name, "6")}
}

// Matrix makes the variants of pairs such as "udp4-tcp6", plain and hidden.
func Matrix(pairs ...string) []Variant {
	var out []Variant
	for _, pair := range pairs {
		from, to, ok := strings.Cut(pair, "-")
		if !ok {
			panic(fmt.Sprintf("stage: pair %q", pair))
		}
		for _, hidden := range []bool{false, true} {
			out = append(out, Variant{Hidden: hidden, Caller: leg(from), Callee: leg(to)})
		}
	}
	return out
}

// Out makes the same variants outbound.
func Out(variants []Variant) []Variant {
	var out []Variant
	for _, v := range variants {
		v.Outbound = true
		out = append(out, v)
	}
	return out
}

// One is the plainest pair, Some a few that differ, Full every one that makes sense.
func One() []Variant { return Matrix("udp4-udp4") }

// Some has reliable and unreliable sides, and both directions.
func Some() []Variant {
	return append(Matrix("udp4-udp4", "tcp4-udp4", "udp4-tls4"), Out(Matrix("udp4-udp4"))...)
}

// Full has every transport on every side, both families, both directions.
func Full() []Variant {
	inbound := Matrix("udp4-udp4", "tcp4-tcp4", "tls4-tls4", "udp6-udp6", "tcp4-udp4", "udp4-tcp4", "udp4-tls4", "tls4-udp4",
		"tls4-tcp4", "udp4-udp6", "udp6-udp4", "tcp6-udp4", "tls6-tcp4", "udp4-tcp6", "tcp4-tls6")
	return append(inbound, Out(Matrix("udp4-udp4", "tcp4-udp4", "udp4-tcp4", "tls4-tls4", "udp6-udp4"))...)
}
