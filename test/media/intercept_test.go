package media

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// trunk makes the caller an entry of the customer, with more settings.
func trunk(s *stage.Stage, settings string) {
	s.Helper()
	s.Customer.Extra += fmt.Sprintf("switches:\n  - {name: trunk, direction: egress, addresses: [%q], dial_pattern: raw, %s}\n", s.Caller.IP(), settings)
	s.Apply()
}

// TestIntercept: re-INVITEs of a switch are answered here with the session as it stands (row A10).
func TestIntercept(t *testing.T) {
	stage.Play(t, harness.Start(t), []stage.Scenario{
		{Name: "a re-INVITE ends here", Matrix: stage.One(), OwnOnly: true, Play: endsHere},
		{Name: "bridged, it moves the media", Matrix: stage.One(), OwnOnly: true, Customer: bridged, Play: movesMedia},
		{Name: "nobody acknowledges, and hangs up", Matrix: stage.One(), OwnOnly: true, Play: unacknowledged},
		{Name: "not where it is not asked for", Matrix: stage.One(), OwnOnly: true, Play: otherSide},
	})
}

func endsHere(s *stage.Stage) {
	trunk(s, "intercept_reinvite: true")
	a := s.Caller.Invite(s.URI(), peer.SDP(s.Caller, 1))
	b := s.Callee.Accept("INVITE")
	b.Answer(200, peer.SDP(s.Callee, 1))
	said := a.Expect(200).Body
	a.Ack()
	b.Expect("ACK")
	for _, step := range []struct{ offer, want string }{
		{"", said},
		{"a=sendonly\r\n", said + "a=recvonly\r\n"},
		{"a=inactive\r\n", said + "a=inactive\r\n"},
	} {
		body := peer.NoBody()
		if step.offer != "" {
			body = peer.Body("application/sdp", offering(s, step.offer))
		}
		a.Request("INVITE", body)
		got := a.Expect("200 INVITE")
		if got.Body != step.want && got.Body != strings.Replace(step.want, "a=sendrecv\r\n", "", 1) {
			s.Errorf("offered %q, answered\n%s\nexpected\n%s", step.offer, got.Body, step.want)
		}
		if step.offer == "" {
			a.Ack(peer.SDP(s.Caller, 1))
		} else {
			a.Ack()
		}
	}
	a.Request("INVITE", peer.Body("application/sdp", offering(s, "")+"m=video 4002 RTP/AVP 31\r\n"))
	a.Expect("488 INVITE")
	a.Request("INVITE", peer.NoBody()) // nobody acknowledges: it comes again
	s.Caller.Retransmissions(true)
	a.Expect("200 INVITE")
	a.Expect("200 INVITE")
	s.Caller.Retransmissions(false)
	a.Ack()
	// Nothing of all this has reached the other side, whose own re-INVITE goes through.
	b.Request("INVITE", peer.SDP(s.Callee, 2))
	a.Expect("INVITE")
	a.Answer(200, peer.SDP(s.Caller, 2))
	b.Expect("200 INVITE")
	b.Ack()
	a.Expect("ACK")
	s.End(a, b)
}

// unacknowledged: an answer that nobody acknowledges does not come again once the call is over.
func unacknowledged(s *stage.Stage) {
	trunk(s, "intercept_reinvite: true")
	for i := range 2 {
		a, b := s.Talk(peer.SDP(s.Caller, 1))
		a.Request("INVITE", peer.NoBody())
		s.Caller.Retransmissions(true)
		a.Expect("200 INVITE")
		a.Expect("200 INVITE") // it would come again after 1 s
		s.Caller.Retransmissions(false)
		if i == 0 {
			s.End(a, b)
		} else {
			s.End(b, a)
		}
		s.Caller.Retransmissions(true)
		s.Caller.Quiet(1500 * time.Millisecond)
		s.Caller.Retransmissions(false)
	}
}

// offering is the caller's description with a direction.
func offering(s *stage.Stage, direction string) string {
	return fmt.Sprintf("v=0\r\no=- 9 9 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n%s", s.Caller.IP(), s.Caller.IP(), direction)
}

func movesMedia(s *stage.Stage) {
	trunk(s, "intercept_reinvite: true")
	pa, pb := newPhone(s, s.Caller, 0xa), newPhone(s, s.Callee, 0xb)
	a := s.Caller.Invite(s.URI(), pa.sdp())
	b := s.Callee.Accept("INVITE")
	pb.told(b.Incoming())
	b.Answer(200, pb.sdp())
	pa.told(a.Expect(200))
	a.Ack()
	b.Expect("ACK")
	talk(pa, pb, 5)
	moved := newPhone(s, s.Caller, 0xaa)
	a.Request("INVITE", moved.sdp())
	moved.told(a.Expect("200 INVITE"))
	a.Ack()
	if moved.to != pa.to {
		s.Errorf("the session stands, but its port went from %v to %v", pa.to, moved.to)
	}
	talk(moved, pb, 5)
	s.End(a, b)
}

func otherSide(s *stage.Stage) {
	trunk(s, "intercept_reinvite: false")
	a, b := s.Talk()
	a.Request("INVITE", peer.SDP(s.Caller, 2))
	b.Expect("INVITE")
	b.Answer(200, peer.SDP(s.Callee, 2))
	a.Expect("200 INVITE")
	a.Ack()
	b.Expect("ACK")
	s.End(a, b)
}

// TestForceNAT: a switch that is forced to be behind NAT is sent to where it speaks from,
// whatever its Contact and its description say (row A9).
func TestForceNAT(t *testing.T) {
	stage.Play(t, harness.Start(t), []stage.Scenario{
		{Name: "forced", Matrix: stage.One(), OwnOnly: true, Customer: bridged, Play: forced},
	})
}

func forced(s *stage.Stage) {
	trunk(s, "force_nat: true")
	pa, pb := newPhone(s, s.Caller, 0xa), newPhone(s, s.Callee, 0xb)
	lies := wire(session(netip.MustParseAddr("198.51.100.77"), 1, pa.section()))
	a := s.Caller.Invite(s.URI(), lies, func(m *peer.Message) {
		m.Set("Contact", "<sip:"+peer.User(peer.URIOf(m.Get("Contact")))+"@"+s.Caller.IP()+":9>")
	})
	b := s.Callee.Accept("INVITE")
	pb.told(b.Incoming())
	b.Answer(200, pb.sdp())
	pa.told(a.Expect(200))
	a.Ack()
	b.Expect("ACK")
	packet := pb.packet("to where it speaks from")
	pb.send(packet)
	pa.hears(packet)
	b.Request("INFO")
	a.Reply(a.Expect("INFO"), 200)
	b.Expect("200 INFO")
	s.End(b, a)
}
