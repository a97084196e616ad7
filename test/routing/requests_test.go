package routing

import (
	"strings"

	"tollgate/test/peer"
	"tollgate/test/stage"
)

// requests outside of calls.
func requests() []stage.Scenario {
	return []stage.Scenario{
		{Name: "MESSAGE", Matrix: stage.Full(), Play: message},
		{Name: "OPTIONS", Matrix: stage.Some(), Play: options},
		{Name: "MESSAGE refused", Matrix: stage.One(), Play: messageRefused},
		{Name: "MESSAGE challenged", Matrix: stage.Some(), Play: messageChallenged},
		{Name: "MESSAGE and 503", Matrix: stage.One(), Play: messageFailsOver},
	}
}

func message(s *stage.Stage) {
	a := s.Caller.Start("MESSAGE", s.URI(), peer.Body("text/plain", "ciao, come va?"))
	b := s.Callee.Accept("MESSAGE")
	if b.Incoming().Body != "ciao, come va?" || b.Incoming().Get("Content-Type") != "text/plain" {
		s.Errorf("the text must pass:\n%s", b.Incoming().Bytes())
	}
	b.Answer(202, peer.With("X-Reply", "ok"))
	if a.Expect("202 MESSAGE").Get("X-Reply") != "ok" {
		s.Error("the answer's headers must pass")
	}
}

func options(s *stage.Stage) {
	a := s.Caller.Start("OPTIONS", s.URI(), peer.With("Accept", "application/sdp"))
	b := s.Callee.Accept("OPTIONS")
	b.Answer(200, peer.With("Allow", "INVITE, ACK, BYE, CANCEL"), peer.SDP(s.Callee, 1))
	answer := a.Expect("200 OPTIONS")
	if allow := answer.Get("Allow"); !strings.Contains(allow, "CANCEL") {
		s.Errorf("the callee's Allow must pass, got %q", allow)
	}
	if shown := strings.Contains(answer.Body, " "+s.Callee.IP()); shown == s.Hidden || !strings.Contains(answer.Body, "m=audio") {
		s.Errorf("hidden is %v, and the description names the callee's address is %v:\n%s", s.Hidden, shown, answer.Body)
	}
}

func messageRefused(s *stage.Stage) {
	a := s.Caller.Start("MESSAGE", s.URI(), peer.Body("text/plain", "x"))
	s.Callee.Accept("MESSAGE").Answer(404)
	a.Expect("404 MESSAGE")
}

func messageChallenged(s *stage.Stage) {
	a := s.Caller.Start("MESSAGE", s.URI(), peer.Body("text/plain", "x"))
	b := s.Callee.Accept("MESSAGE")
	b.Answer(401, peer.With("WWW-Authenticate", `Digest realm="pbx", nonce="abc"`))
	if got := a.Expect("401 MESSAGE").Get("WWW-Authenticate"); got != `Digest realm="pbx", nonce="abc"` {
		s.Errorf("the challenge came as %q", got)
	}
	a.Request("MESSAGE", peer.Body("text/plain", "x"), peer.With("Authorization", `Digest username="u"`))
	b = b.AcceptAgain("MESSAGE")
	b.Answer(200)
	a.Expect("200 MESSAGE")
}

func messageFailsOver(s *stage.Stage) {
	second := s.Peer(udp4)
	through(s, s.Callee, second)
	a := s.Caller.Start("MESSAGE", s.URI(), peer.Body("text/plain", "x"))
	s.Callee.Accept("MESSAGE").Answer(503)
	second.Accept("MESSAGE").Answer(200)
	a.Expect("200 MESSAGE")
}
