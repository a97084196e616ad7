package media

import (
	"strings"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// bad are descriptions that a bridged call is refused for, each with a word of the Warning.
var bad = map[string]struct{ text, word string }{
	"nine streams":      {session(example, 1, streams(9, 4000)), "8 streams"},
	"DTLS":              {session(example, 1, "m=audio 4000 UDP/TLS/RTP/SAVP 0", "a=fingerprint:sha-256 00:11", "a=setup:actpass"), "DTLS"},
	"SRTP in the clear": {session(example, 1, "m=audio 4000 RTP/SAVP 0", crypto), "TLS"},
	"a name":            {session(example, 1, "m=audio 4000 RTP/AVP 0", "c=IN IP4 phone.example.com"), "address"},
	"multicast":         {session(example, 1, "m=audio 4000 RTP/AVP 0", "c=IN IP4 224.2.1.1/127"), "multicast"},
	"no address":        {"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n", "address"},
	"a port too high":   {session(example, 1, "m=audio 70000 RTP/AVP 0"), "port"},
	"a port of a=rtcp":  {session(example, 1, "m=audio 4000 RTP/AVP 0", "a=rtcp:0"), "a=rtcp"},
	"no description":    {"hello\r\n", ""},
	"half a line":       {"v=0\r\no", ""},
}

const crypto = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"

func TestRefusals(t *testing.T) {
	n := node(t, harness.Settings{}, "off", 400)
	first, within := map[string]func(*stage.Stage){}, map[string]func(*stage.Stage){}
	for name, d := range bad {
		first["offered: "+name] = func(s *stage.Stage) {
			a := s.Caller.Invite(s.URI(), wire(d.text))
			warned(s, a.Expect(488), d.word)
		}
		within["within a call: "+name] = func(s *stage.Stage) {
			c := connect(s)
			for _, from := range []*side{c.a, c.b} {
				for _, method := range []string{"INVITE", "UPDATE"} {
					from.call.Request(method, wire(d.text))
					warned(s, from.call.Expect("488 "+method), d.word)
					talk(c.a.phone, c.b.phone, 2)
				}
			}
			c.end()
		}
		if name == "DTLS" {
			continue // it has no place in an answer, and leads nowhere
		}
		within["answered: "+name] = func(s *stage.Stage) {
			a, b := parties(s)
			a.call = s.Caller.Invite(s.URI(), a.sdp())
			b.call = s.Callee.Accept("INVITE")
			b.told(b.call.Incoming())
			b.call.Answer(200, wire(d.text))
			refused := a.call.ExpectOneOf(488, 500, 502)
			if refused.Get("Warning") == "" {
				s.Errorf("no Warning in\n%s", refused.Bytes())
			}
			b.call.Expect("ACK")
			b.call.Reply(b.call.Expect("BYE"), 200)
		}
	}
	first["offered: two descriptions"] = func(s *stage.Stage) {
		part := "--b\r\nContent-Type: application/sdp\r\n\r\n" + session(example, 1, "m=audio 4000 RTP/AVP 0") + "\r\n"
		a := s.Caller.Invite(s.URI(), peer.Body("multipart/alternative;boundary=b", part+part+"--b--\r\n"))
		warned(s, a.Expect(488), "more than one")
	}
	for name, body := range map[string]peer.Option{
		"a type with spaces": peer.Body("application / sdp", bad["a name"].text),
		"a folded type": peer.Body("multipart / mixed; boundary=b",
			"--b\r\nContent-Type:\r\n application/sdp\r\n\r\n"+bad["a name"].text+"\r\n--b--\r\n"),
	} {
		first["offered: "+name] = func(s *stage.Stage) { warned(s, s.Caller.Invite(s.URI(), body).Expect(488), bad["a name"].word) }
	}
	play(t, n, stage.One(), first)
	play(t, n, stage.One()[1:], within)
}

// warned wants a refusal's Warning to say what was wrong.
func warned(s *stage.Stage, m *peer.Message, word string) {
	s.Helper()
	if got := m.Get("Warning"); got == "" || !strings.Contains(got, word) {
		s.Errorf("expected a Warning that says %q, got %q", word, got)
	}
}
