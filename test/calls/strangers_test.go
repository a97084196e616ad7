package calls

import (
	"bytes"
	"fmt"
	"strings"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// strangers are third parties who know too much, or nothing.
func strangers() []stage.Scenario {
	return []stage.Scenario{
		{Name: "a third party's BYE", Matrix: stage.One(), Play: strangersBye, OwnOnly: true},
		{Name: "a third party's CANCEL", Matrix: stage.One(), Play: strangersCancel},
		{Name: "forged responses", Matrix: stage.One(), Play: forgedResponses, OwnOnly: true},
		{Name: "an unknown domain", Matrix: stage.Matrix("udp4-udp4", "tcp4-udp4", "udp6-udp4"), Play: unknownDomain, OwnOnly: true},
		{Name: "an invented dialog", Matrix: stage.Matrix("udp4-udp4", "tcp4-udp4"), Play: inventedDialog, OwnOnly: true},
	}
}

// alive shows that a call is still up, both ways, and ends it.
func alive(s *stage.Stage, a, b *peer.Call) {
	s.Helper()
	a.Request("INFO")
	b.Reply(b.Expect("INFO"), 200)
	a.Expect("200 INFO")
	b.Request("INFO")
	a.Reply(a.Expect("INFO"), 200)
	b.Expect("200 INFO")
	s.End(a, b)
}

// strangersBye knows the Call-ID, the Route and one tag, or both tags but not the place.
func strangersBye(s *stage.Stage) {
	a, b := s.Talk()
	eve := s.Peer(udp4)
	to := "<" + s.URI() + ">;tag="
	with := func(fromTag, toTag string, inside bool) []peer.Option {
		opts := []peer.Option{
			peer.With("Call-ID", a.ID), peer.With("CSeq", "900 BYE"),
			peer.With("From", "<sip:alice@"+s.Caller.Mark+".invalid>;tag="+fromTag), peer.With("To", to+toTag),
		}
		if inside {
			for _, r := range a.Routes {
				opts = append(opts, peer.Also("Route", r))
			}
			opts = append(opts, func(m *peer.Message) { m.URI = a.Target })
		}
		return opts
	}
	for _, opts := range [][]peer.Option{
		with(a.LocalTag, "wrong", false), with("wrong", a.RemoteTag, false), with(a.LocalTag, a.RemoteTag, false),
		with(a.LocalTag, "wrong", true), with("wrong", a.RemoteTag, true), with("wrong", "wrong", true),
	} {
		eve.Start("BYE", s.URI(), opts...).Expect("481 BYE")
	}
	s.Callee.Quiet(silence)
	alive(s, a, b)
}

func strangersCancel(s *stage.Stage) {
	a, b := s.Ring()
	eve := s.Peer(udp4)
	branch := peer.HeaderParam(a.Sent().Get("Via"), "branch")
	for _, via := range []string{branch, branch + "x", "z9hG4bK" + eve.Mark} {
		eve.Start("CANCEL", s.URI(), peer.With("Call-ID", a.ID), peer.With("CSeq", strings.Replace(a.Sent().Get("CSeq"), "INVITE", "CANCEL", 1)),
			peer.With("From", a.Sent().Get("From")), peer.With("To", a.Sent().Get("To")),
			func(m *peer.Message) {
				m.Set("Via", "SIP/2.0/UDP "+eve.Addr().String()+";rport;branch="+via+";mark="+eve.Mark)
			}).Expect("481 CANCEL")
	}
	s.Callee.Quiet(silence)
	b.Answer(200, peer.SDP(s.Callee, 1))
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	alive(s, a, b)
}

// forgedResponses: someone who has seen an INVITE on the PBX's side answers it with a branch,
// or a method that is not its own (RFC 3261 17.1.3).
func forgedResponses(s *stage.Stage) {
	a, b := s.Ring()
	eve := s.Peer(udp4)
	real := b.Answer(180)
	branch := peer.HeaderParam(real.Get("Via"), "branch")
	forged := func(old, with string) []byte {
		raw := bytes.Replace(real.Bytes(), []byte("180 Ringing"), []byte("200 OK"), 1)
		return bytes.Replace(raw, []byte(old), []byte(with), 1)
	}
	for what, raw := range map[string][]byte{
		"another last character": forged(branch, flip(branch)), "one character less": forged(branch, branch[:len(branch)-1]),
		"one character more": forged(branch, branch+"0"), "another branch": forged(branch, "z9hG4bK1"),
		"another case": forged(branch, strings.ToUpper(branch)), "another method": forged(" INVITE", " BYE"),
		"almost nothing": []byte("SIP/2.0 200 OK\r\n\r\n"),
	} {
		eve.Raw(raw)
		if m := a.AwaitWithin(silence/4, 200); m != nil {
			s.Fatalf("a response with %s was passed on:\n%s", what, raw)
		}
	}
	eve.Quiet(silence)
	b.Answer(200, peer.SDP(s.Callee, 1))
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	alive(s, a, b)
}

// flip changes the last character of a branch, and keeps its alphabet.
func flip(branch string) string {
	last := byte('0')
	if branch[len(branch)-1] == '0' {
		last = '1'
	}
	return branch[:len(branch)-1] + string(last)
}

// unknownDomain: a stranger is not even told that someone is there.
func unknownDomain(s *stage.Stage) {
	for _, method := range []string{"INVITE", "OPTIONS", "REGISTER", "MESSAGE", "BYE"} {
		for _, uri := range []string{"sip:bob@nobody-" + s.Domain, "sip:bob@192.0.2.1", "sip:192.0.2.1:5060"} {
			s.Caller.Start(method, uri)
		}
	}
	s.Caller.Quiet(2 * silence)
	if n := len(s.Caller.Received(100)); n != 0 {
		s.Errorf("a stranger was told 100 Trying %d times", n)
	}
	s.Callee.Quiet(silence)
	a, b := s.Talk()
	s.End(a, b)
}

// inventedDialog: a To-tag or a CANCEL does not bring a stranger an answer, either; whoever names a customer, or
// an identifier that he was given, is told that there is no such dialog.
func inventedDialog(s *stage.Stage) {
	eve := s.Caller
	invented := func(uri string) peer.Option { return peer.With("To", "<"+uri+">;tag=invented") }
	for _, uri := range []string{"sip:bob@nobody-" + s.Domain, "sip:bob@192.0.2.1", "sip:192.0.2.1:5060"} {
		for _, method := range []string{"INVITE", "BYE", "INFO", "NOTIFY", "MESSAGE"} {
			eve.Start(method, uri, invented(uri))
		}
		eve.Start("CANCEL", uri)
	}
	eve.Quiet(2 * silence)
	if n := len(eve.Received(100)); n != 0 {
		s.Errorf("a stranger was told 100 Trying %d times", n)
	}
	for _, method := range []string{"INVITE", "BYE"} {
		eve.Start(method, s.URI(), invented(s.URI())).Expect("481 " + method)
	}
	no := eve.Start("CANCEL", s.URI()).Expect("481 CANCEL")
	if no.Has("Reason") {
		s.Errorf("who calls by domain alone is told\n%s", no.Bytes())
	}
	no = s.Callee.Start("INFO", "sip:alice@"+s.Domain, invented("sip:alice@"+s.Domain)).Expect("481 INFO") // a PBX is told where to ask
	_, ref, _ := strings.Cut(strings.TrimSuffix(no.Get("Reason"), `"`), `text="no dialog, ref `)
	harness.Eventually(s.T, harness.Soon, func() error {
		if ref == "" {
			return fmt.Errorf("no reference in\n%s", no.Bytes())
		}
		if r := s.Node.Command(s.T, "why", ref); !strings.Contains(r.Stdout, "no_dialog") {
			return fmt.Errorf("why %s:\n%s%s", ref, r.Stdout, r.Stderr)
		}
		return nil
	})
	a, b := s.Talk()
	s.End(a, b)
	eve.Start("INFO", a.Target, invented(s.URI()), func(m *peer.Message) {
		for _, r := range a.Routes {
			m.Add("Route", r)
		}
	}).Expect("481 INFO")
}
