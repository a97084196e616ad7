package panel

import (
	"fmt"

	"tollgate/test/peer"
)

// batch is how many calls of a crowd are on their way at once: no socket's buffer overflows.
const batch = 20

// crowd is many calls of one caller that stay up, each from a number of its own.
type crowd struct {
	ua    *peer.UA
	calls []*peer.Call
}

// gather adds so many calls to the crowd: from c0001, c0002, ... to 0400000001 and so on.
func (s *scene) gather(w *wish) outcome {
	c := &s.crowd
	if c.ua == nil {
		c.ua = s.caller("crowd").ua
		c.ua.Handle(func(m *peer.Message) bool {
			if m.Method == "BYE" { // hung up from the panel
				c.ua.Replies(m, 200)
			}
			return m.Method != ""
		})
	}
	for left := w.Count; left > 0; {
		some := make([]*peer.Call, min(left, batch))
		for i := range some {
			n := len(c.calls) + i + 1
			from := peer.With("From", fmt.Sprintf("<sip:c%04d@%s>;tag=crowd%d", n, w.Domain, n))
			some[i] = c.ua.Invite(fmt.Sprintf("sip:0400%06d@%s", n, w.Domain), from)
		}
		for _, call := range some {
			call.Await(200)
			call.Ack()
		}
		c.calls = append(c.calls, some...)
		s.pbx[w.PBX].took()
		left -= len(some)
	}
	return outcome{Status: 200}
}

// thin ends so many of the crowd's calls, the first ones first.
func (s *scene) thin(w *wish) outcome {
	n := min(w.Count, len(s.crowd.calls))
	for _, call := range s.crowd.calls[:n] {
		call.Request("BYE")
		call.AwaitOneOf("200 BYE", "481 BYE") // 481: it was hung up from the panel
	}
	s.crowd.calls = s.crowd.calls[n:]
	return outcome{Status: 200}
}
