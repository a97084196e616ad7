package calls

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func basic() []stage.Scenario {
	list := []stage.Scenario{
		{Name: "caller hangs up", Matrix: stage.Full(), Play: callerHangsUp},
		{Name: "callee hangs up", Matrix: stage.Full(), Play: calleeHangsUp},
		{Name: "answered without ringing", Matrix: stage.One(), Play: answeredAtOnce},
		{Name: "early media", Matrix: stage.Some(), Play: earlyMedia},
		{Name: "several calls at once", Matrix: stage.Some(), Play: severalCalls},
		{Name: "challenged by the callee", Matrix: stage.Some(), Play: challenged},
		{Name: "callee lost its memory", Matrix: stage.Some(), Play: calleeForgot},
		{Name: "folded and compact headers", Matrix: stage.One(), Play: foldedAndCompact, OwnOnly: true},
		{Name: "large body", Matrix: stage.Matrix("udp4-udp4", "tcp4-tcp4", "tcp4-udp4", "udp4-tls4"), Play: largeBody},
		{Name: "large request moves to TCP", Matrix: stage.One(), Play: largeMovesToTCP, OwnOnly: true},
		{Name: "bare clients", Matrix: stage.One(), Play: bareClients, OwnOnly: true},
		{Name: "names of either side", Matrix: stage.Some(), Play: namesOfEitherSide},
	}
	for _, status := range []int{302, 403, 404, 480, 486, 488, 600, 603} {
		matrix := stage.One()
		if status == 486 {
			matrix = stage.Full()
		}
		list = append(list, stage.Scenario{
			Name: fmt.Sprintf("refused with %d", status), Matrix: matrix,
			Play: func(s *stage.Stage) { refused(s, status) },
		})
	}
	return list
}

func callerHangsUp(s *stage.Stage) {
	a, b := s.Talk()
	sameSDP(s.T, a.Sent(), b.Incoming())
	s.End(a, b)
}

func calleeHangsUp(s *stage.Stage) {
	a, b := s.Talk()
	s.End(b, a)
}

func sameSDP(t *testing.T, sent, got *peer.Message) {
	t.Helper()
	if sent.Body != got.Body {
		t.Errorf("the body must pass untouched:\nsent %q\ngot  %q", sent.Body, got.Body)
	}
}

func answeredAtOnce(s *stage.Stage) {
	a := s.Caller.Invite(s.URI())
	b := s.Callee.Accept("INVITE")
	answer := b.Answer(200, peer.SDP(s.Callee, 1))
	sameSDP(s.T, answer, a.Expect(200))
	a.Ack()
	b.Expect("ACK")
	s.End(a, b)
}

func earlyMedia(s *stage.Stage) {
	a := s.Caller.Invite(s.URI())
	b := s.Callee.Accept("INVITE")
	b.Answer(100)
	b.Answer(180)
	a.Expect(180)
	sameSDP(s.T, b.Answer(183, peer.SDP(s.Callee, 1)), a.Expect(183))
	b.Answer(180, peer.With("Subject", "rings again"))
	a.Expect(180)
	b.Answer(200, peer.SDP(s.Callee, 1))
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	s.End(a, b)
}

func refused(s *stage.Stage, status int) {
	a := s.Caller.Invite(s.URI())
	b := s.Callee.Accept("INVITE")
	b.Answer(180)
	a.Expect(180)
	b.Answer(status, peer.With("Contact", "<sip:elsewhere@192.0.2.77>"))
	expected := status
	if status == 302 && s.Hidden {
		expected = 480
	}
	a.Expect(expected)
	b.Expect("ACK")
}

func severalCalls(s *stage.Stage) {
	a1, b1 := s.Talk()
	a2, b2 := s.Talk()
	if a1.ID == a2.ID || b1.ID == b2.ID {
		s.Fatal("two calls must not share a Call-ID")
	}
	s.End(b1, a1)
	a3, b3 := s.Talk()
	s.End(a2, b2)
	s.End(a3, b3)
}

// challenged: the retry after 407 is the same call, and its numbers are its own.
func challenged(s *stage.Stage) {
	a := s.Caller.Invite(s.URI())
	b := s.Callee.Accept("INVITE")
	b.Answer(407, peer.With("Proxy-Authenticate", `Digest realm="pbx", nonce="n1", algorithm=MD5`))
	challenge := a.Expect(407)
	b.Expect("ACK")
	if !strings.Contains(challenge.Get("Proxy-Authenticate"), `nonce="n1"`) {
		s.Errorf("the challenge must pass as it is, got %q", challenge.Get("Proxy-Authenticate"))
	}
	credentials := `Digest username="u", realm="pbx", nonce="n1", uri="sip:x", response="0123456789abcdef0123456789abcdef"`
	a.Request("INVITE", peer.SDP(s.Caller, 1), peer.With("Proxy-Authorization", credentials))
	b = b.AcceptAgain("INVITE")
	if got := b.Incoming().Get("Proxy-Authorization"); got != credentials {
		s.Errorf("credentials must pass as they are, got %q", got)
	}
	b.Answer(180)
	a.Expect(180)
	b.Answer(200, peer.SDP(s.Callee, 1))
	a.Expect(200)
	a.Ack()
	ack := b.Expect("ACK")
	invited, _ := b.Incoming().CSeq()
	if acked, _ := ack.CSeq(); acked != invited {
		s.Errorf("the ACK must carry its INVITE's number %d, got %d", invited, acked)
	}
	s.End(b, a)
}

// calleeForgot: a PBX that has restarted knows no dialog; its 481 passes.
func calleeForgot(s *stage.Stage) {
	a, b := s.Talk()
	a.Request("INFO")
	b.Reply(b.Expect("INFO"), 481)
	a.Expect("481 INFO")
	a.Request("BYE")
	b.Reply(b.Expect("BYE"), 481)
	a.ExpectOneOf("481 BYE", "200 BYE")
}

func foldedAndCompact(s *stage.Stage) {
	u := s.Caller
	raw := strings.Join([]string{
		"INVITE " + s.URI() + " SIP/2.0",
		"v: SIP/2.0/UDP " + u.Addr().String() + " ;rport",
		"\t;branch=z9hG4bK" + u.Mark,
		"f: \"A, \\\"quoted\\\" name\"", " <sip:alice@" + u.Mark + ".invalid> ; tag=t" + u.Mark,
		"t:<" + s.URI() + ">",
		"i:" + u.Mark,
		"CSeq :  7", "  INVITE",
		"MAX-FORWARDS: 0070",
		"m:<" + u.URI("c") + ">",
		"X-Long: a,", " b,", "\tc",
		"l: 0", "", "",
	}, "\r\n")
	u.Raw([]byte(raw))
	b := s.Callee.Accept("INVITE")
	b.Answer(486)
	harness.Eventually(s.T, peer.Patience, func() error {
		if len(u.Received(486)) == 0 {
			return fmt.Errorf("no 486 yet")
		}
		return nil
	})
	b.Expect("ACK") // the edge's own, hop by hop
	s.Loose = true  // the 486 belongs to no Call
	if got := strings.Join(strings.Fields(b.Incoming().Get("X-Long")), ""); got != "a,b,c" {
		s.Errorf("a folded header came as %q", b.Incoming().Get("X-Long"))
	}
}

func largeBody(s *stage.Stage) {
	body := "v=0\r\n" + strings.Repeat("a=candidate:1 1 UDP 2130706431 192.0.2.1 50000 typ host\r\n", 100)
	a := s.Caller.Invite(s.URI(), peer.Body("application/sdp", body))
	b := s.Callee.Accept("INVITE")
	sameSDP(s.T, a.Sent(), b.Incoming())
	sameSDP(s.T, b.Answer(200, peer.Body("application/sdp", body)), a.Expect(200))
	a.Ack()
	b.Expect("ACK")
	s.End(b, a)
}

// largeMovesToTCP: what is too long for a datagram goes over a stream where the callee listens on
// one (RFC 3261 18.1.1), and so does what follows.
func largeMovesToTCP(s *stage.Stage) {
	stream := peer.Open(s.T, "tcp", s.Callee.Addr())
	stream.Edge = s.Node.Addr("tcp", stream.Addr().Addr())
	body := "v=0\r\n" + strings.Repeat("a=candidate:1 1 UDP 2130706431 192.0.2.1 50000 typ host\r\n", 60)
	a := s.Caller.Invite(s.URI(), peer.Body("application/sdp", body))
	b := stream.Accept("INVITE")
	sameSDP(s.T, a.Sent(), b.Incoming())
	b.Answer(200, peer.SDP(stream, 1))
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	b.Request("INFO")
	a.Reply(a.Expect("INFO"), 200)
	b.Expect("200 INFO")
	s.End(a, b)
	if s.Hidden {
		for _, leak := range s.Caller.Leaks(stream.Names(s.Caller)...) {
			s.Errorf("the caller is shown the callee: %s", leak)
		}
	}
}

// bareClients ignore Route and Contact: what they send inside the call comes to the edge with
// the called URI and nothing of ours in it.
func bareClients(s *stage.Stage) {
	s.Caller.Bare = true
	a, b := s.Talk()
	a.Request("INFO")
	b.Reply(b.Expect("INFO"), 200)
	a.Expect("200 INFO")
	s.End(a, b)
}

// namesOfEitherSide puts the caller's name into every header that may hold it, and the callee's
// likewise; when hidden, the stage looks for them on the other side.
func namesOfEitherSide(s *stage.Stage) {
	names := func(u *peer.UA) []peer.Option {
		me := "<sip:040123@" + u.Addr().String() + ">"
		return []peer.Option{
			peer.Also("P-Asserted-Identity", me), peer.Also("P-Asserted-Identity", "<tel:+39040123>"),
			peer.Also("Remote-Party-ID", me+";party=calling;privacy=off"), peer.Also("Diversion", me+";reason=unconditional"),
			peer.Also("History-Info", me+";index=1"), peer.Also("Referred-By", me),
			peer.Also("Call-Info", "<http://"+u.Mark+".invalid/photo.jpg>;purpose=icon"),
		}
	}
	a := s.Caller.Invite(s.URI(), names(s.Caller)...)
	b := s.Callee.Accept("INVITE")
	if got := b.Incoming().All("P-Asserted-Identity"); len(got) != 2 || got[1] != "<tel:+39040123>" || peer.User(peer.URIOf(got[0])) != "040123" {
		s.Errorf("P-Asserted-Identity keeps its number, got %q", got)
	}
	b.Answer(180, names(s.Callee)...)
	a.Expect(180)
	b.Answer(200, append(names(s.Callee), peer.SDP(s.Callee, 1))...)
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	b.Request("INFO", names(s.Callee)...)
	info := a.Expect("INFO")
	if got, want := peer.URIOf(info.Get("To")), peer.URIOf(a.Sent().Get("From")); got != want {
		s.Errorf("the caller is addressed as %q, but called himself %q", got, want)
	}
	a.Reply(info, 200, names(s.Caller)...)
	b.Expect("200 INFO")
	s.End(a, b)
}

// quickly fails a scenario whose step took longer than the timers say.
func quickly(s *stage.Stage, since time.Time, least, most time.Duration, what string) {
	s.Helper()
	if took := time.Since(since); took < least || took > most {
		s.Errorf("%s after %v, expected within %v and %v", what, took.Round(time.Millisecond), least, most)
	}
}
