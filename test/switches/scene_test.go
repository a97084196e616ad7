// Package switches plays IP authentication: who is known by his address, over what, told apart
// by what; how many calls an entry sends and a switch takes.
package switches

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// scene is a stage whose caller is a switch: it calls numbers at the node's address.
type scene struct{ *stage.Stage }

// play runs a scenario on a customer with these lines in tenants.yaml.
func play(t *testing.T, n *harness.Node, change func(*harness.Customer)) *scene {
	t.Helper()
	return &scene{stage.New(t, n, stage.One()[0], change)}
}

// entry is a line of the list switches: an egress entry of raw numbers.
func entry(name, address string, more ...string) string {
	return fmt.Sprintf("  - {name: %q, direction: egress, addresses: [%q], dial_pattern: raw%s}\n", name, address, list(more))
}

// carrier is one of an ingress switch.
func carrier(name string, at netip.AddrPort, more ...string) string {
	return fmt.Sprintf("  - {name: %q, direction: ingress, host: %q, port: %d, dial_pattern: raw%s}\n", name, at.Addr(), at.Port(), list(more))
}

func list(more []string) string {
	var b strings.Builder
	for _, m := range more {
		b.WriteString(", " + m)
	}
	return b.String()
}

// has adds switches to the customer and applies them.
func (s *scene) has(lines ...string) {
	s.Helper()
	s.Customer.Extra += "switches:\n" + strings.Join(lines, "")
	s.Apply()
}

// number is a URI of a number at the node.
func number(u *peer.UA, digits string) string { return "sip:" + digits + "@" + u.Edge.String() }

// from sets the calling number.
func from(digits string) peer.Option {
	return func(m *peer.Message) {
		m.Set("From", "<sip:"+digits+"@trunk.invalid>;tag="+m.Tag("From"))
	}
}

// reaches places a call that arrives at a PBX, and ends it there.
func (s *scene) reaches(u, pbx *peer.UA, uri string, opts ...peer.Option) {
	s.Helper()
	a := u.Invite(uri, opts...)
	b := pbx.Accept("INVITE")
	b.Answer(486)
	a.Expect(486)
	b.Expect("ACK")
}

// refused places a call that is answered by the node.
func (s *scene) refused(u *peer.UA, status int, uri string, opts ...peer.Option) *peer.Message {
	s.Helper()
	return u.Invite(uri, opts...).Expect(status)
}

// explained asks explain of a call, and wants it to name a reason or an entry.
func (s *scene) explained(u *peer.UA, uri, caller, want string) {
	s.Helper()
	r := s.Node.Must(s.T, "explain", "--from", "sip:"+caller+"@trunk.invalid", "--to", uri, "--source", u.Addr().String(),
		"--transport", u.Proto(), "-o", "json")
	if !strings.Contains(r.Stdout, want) {
		s.Errorf("explain says nothing of %s:\n%s", want, r.Stdout)
	}
}

// up places a call that a switch answers.
func (s *scene) up(u, at *peer.UA, uri string) (a, b *peer.Call) {
	s.Helper()
	a = u.Invite(uri)
	b = at.Accept("INVITE")
	b.Answer(200, peer.SDP(at, 1))
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	return a, b
}
