package media

import (
	"strings"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// TestAnswers: what is said within a call and cannot go on harms nobody: a request whose answer is
// such is refused with the media as it was, nobody is left with a 2xx that no ACK comes for, and
// nobody's BYE is lost.
func TestAnswers(t *testing.T) {
	n := node(t, harness.Settings{}, "off", 400)
	list := map[string]func(*stage.Stage){
		"late, in an ACK":       unreadableACK,
		"late, in a 2xx":        unreadableOffer,
		"in what is no offer":   unreadableElsewhere,
		"in a BYE":              unreadableBYE,
		"a BYE that is too big": hugeBYE,
	}
	for name, d := range bad {
		if name == "DTLS" {
			continue // it has no place in an answer, and leads nowhere
		}
		list["answered: "+name] = func(s *stage.Stage) { answeredBadly(s, d.text, d.word) }
	}
	play(t, n, stage.One(), list)
}

// unreadable is no description.
const unreadable = "v=0\r\no"

func answeredBadly(s *stage.Stage, text, word string) {
	c := connect(s)
	for _, pair := range [][2]*side{{c.a, c.b}, {c.b, c.a}} {
		from, to := pair[0], pair[1]
		for _, method := range []string{"INVITE", "UPDATE"} {
			from.call.Request(method, from.sdp())
			to.call.Reply(to.call.Expect(method), 200, wire(text))
			if method == "INVITE" {
				to.call.Expect("ACK")
			}
			warned(s, from.call.Expect("488 "+method), word)
			talk(c.a.phone, c.b.phone, 3)
		}
	}
	c.end()
}

// unreadableACK: a late offer is answered in the ACK by what is no description.
func unreadableACK(s *stage.Stage) {
	a, b := parties(s)
	a.call = s.Caller.Invite(s.URI(), peer.NoBody())
	b.call = s.Callee.Accept("INVITE")
	b.call.Answer(200, b.sdp())
	a.told(a.call.Expect(200))
	a.call.Ack(wire(unreadable))
	if m := b.call.Expect("ACK"); m.Body != "" {
		s.Errorf("expected an ACK without a body, got\n%s", m.Bytes())
	}
	bothEnd(a, b)
}

// unreadableOffer: a re-INVITE asks for an offer and gets none that can be read.
func unreadableOffer(s *stage.Stage) {
	c := connect(s)
	c.a.call.Request("INVITE", peer.NoBody())
	c.b.call.Reply(c.b.call.Expect("INVITE"), 200, wire(unreadable))
	c.b.call.Expect("ACK")
	warned(s, c.a.call.Expect("488 INVITE"), "SDP line 2")
	bothEnd(c.a, c.b)
}

func bothEnd(a, b *side) {
	a.Helper()
	for _, p := range []*side{a, b} {
		p.call.Reply(p.call.Expect("BYE"), 200)
	}
}

// unreadableElsewhere: what is no offer and no answer goes on without it.
func unreadableElsewhere(s *stage.Stage) {
	c := connect(s)
	for _, pair := range [][2]*side{{c.a, c.b}, {c.b, c.a}} {
		from, to := pair[0], pair[1]
		from.call.Request("INFO", wire(unreadable))
		m := to.call.Expect("INFO")
		to.call.Reply(m, 200, wire(unreadable))
		answer := from.call.Expect("200 INFO")
		from.call.Request("INVITE", from.sdp())
		to.call.Reply(to.call.Expect("INVITE"), 488, wire(unreadable))
		refused := from.call.Expect("488 INVITE")
		to.call.Expect("ACK")
		for _, m := range []*peer.Message{m, answer, refused} {
			if m.Body != "" || m.Get("Content-Length") != "0" {
				s.Errorf("expected no body in\n%s", m.Bytes())
			}
		}
	}
	talk(c.a.phone, c.b.phone, 3)
	c.end()
}

func unreadableBYE(s *stage.Stage) {
	c := connect(s)
	c.a.call.Request("BYE", wire(unreadable))
	c.b.call.Reply(c.b.call.Expect("BYE"), 200, wire(unreadable))
	c.a.call.Expect("200 BYE")
	c.over()
}

// hugeBYE: a BYE that cannot be sent on ends the call on the other side, too.
func hugeBYE(s *stage.Stage) {
	c := connect(s)
	c.a.call.Request("BYE", func(m *peer.Message) {
		const most = 65480 // with another Via it is more than a datagram holds; hidden it may fit
		peer.Body("text/plain", strings.Repeat("x", most-len(m.Bytes())-len("Content-Type: text/plain\r\n")))(m)
	})
	c.b.call.Reply(c.b.call.Expect("BYE"), 200)
	c.a.call.ExpectOneOf("200 BYE", "408 BYE")
	c.over()
}
