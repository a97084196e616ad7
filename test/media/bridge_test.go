package media

import (
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func bridged(c *harness.Customer) { c.Extra += "rtp_bridging: true\n" }

func TestBridge(t *testing.T) {
	stage.Play(t, harness.Start(t), []stage.Scenario{
		{Name: "both ways", Matrix: stage.Some(), OwnOnly: true, Customer: bridged, Play: bothWays},
	})
}

func bothWays(s *stage.Stage) {
	pa, pb := newPhone(s, s.Caller, 0xa), newPhone(s, s.Callee, 0xb)
	a := s.Caller.Invite(s.URI(), pa.sdp())
	b := s.Callee.Accept("INVITE")
	pb.told(b.Incoming().Body, pa)
	b.Answer(200, pb.sdp())
	pa.told(a.Expect(200).Body, pb)
	a.Ack()
	b.Expect("ACK")
	talk(pa, pb, 20)
	s.End(a, b)
	pa.send(pa.packet("too late"))
	pb.hearsNothing()
}

var _ = peer.Body
