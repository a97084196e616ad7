package media

import (
	"strings"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// TestAnswers: what is said within a call and cannot go on harms nobody, and nobody's BYE is lost.
func TestAnswers(t *testing.T) {
	n := node(t, harness.Settings{}, "off", 400)
	list := map[string]func(*stage.Stage){
		"in what is no offer":   unreadableElsewhere,
		"in a BYE":              unreadableBYE,
		"a BYE that is too big": hugeBYE,
	}
	play(t, n, stage.One(), list)
}

// unreadable is no description.
const unreadable = "v=0\r\no"

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
		const most = 65480 // with another Via it is more than a datagram holds
		peer.Body("text/plain", strings.Repeat("x", most-len(m.Bytes())-len("Content-Type: text/plain\r\n")))(m)
	})
	c.b.call.Reply(c.b.call.Expect("BYE"), 200)
	c.a.call.ExpectOneOf("408 BYE", "513 BYE")
	c.over()
}
