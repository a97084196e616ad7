package ua

import "time"

// inviteServer is the server side of one INVITE, the first of its call or another
// (RFC 3261 17.2.1, 13.3.1.4, RFC 6026 7.1).
//
//	proceeding --2xx--> accepted --ACK--> confirmed
//	     \------300-699--> completed --ACK--/
type inviteServer struct {
	call   *call
	req    *message
	last   []byte // the last answer
	status int    // of it
	acked  bool

	interval time.Duration
	resend   *alarm // timer G, or the repetition of a 2xx
	expire   *alarm // timer H, or the wait for the ACK of a 2xx
}

func (s *inviteServer) final() bool { return s.status >= 200 }

// answer sends a response. A final one is repeated until its ACK comes: a 2xx also
// over TCP, since proxies in between may not use it.
func (s *inviteServer) answer(status int, body []byte, headers ...string) {
	c := s.call
	if status > 100 && status < 300 {
		headers = append(headers, contact(c.user, s.req.flow))
	}
	if status >= 200 && status < 300 {
		headers = append(headers, "Allow: "+allow, "Supported: "+supported)
	}
	s.status = status
	s.last = c.agent.response(s.req, c.tag, status, "", headers, body)
	_ = c.write(replyFlow(s.req), s.last) // a lost one is repeated
	if status < 200 {
		return
	}
	s.expire = c.after(giveUp, s.unacked)
	if status < 300 || !s.req.flow.proto.stream() {
		s.interval = t1
		s.resend = c.after(s.interval, s.again)
	}
}

func (s *inviteServer) again() {
	_ = s.call.write(replyFlow(s.req), s.last)
	s.interval = min(2*s.interval, t2)
	s.resend = s.call.after(s.interval, s.again)
}

func (s *inviteServer) unacked() {
	s.resend.stop()
	s.call.role.unacked()
}

// repeat answers a copy of the INVITE.
func (s *inviteServer) repeat() {
	if s.last != nil && !s.acked {
		_ = s.call.write(replyFlow(s.req), s.last)
	}
}

// ack takes the ACK; false when this is not the one that was waited for. That of a
// 2xx is known by its number, any other by its branch.
func (s *inviteServer) ack(m *message) bool {
	if s.acked || !s.final() || m.CSeq() != s.req.CSeq() {
		return false
	}
	if s.status >= 300 && !sameTransaction(s.req, m) {
		return false
	}
	s.acked = true
	s.resend.stop()
	s.expire.stop()
	return true
}

// drop stops it: another INVITE has come, which says that the answer arrived.
func (s *inviteServer) drop() {
	s.resend.stop()
	s.expire.stop()
}

// pending says that the INVITE has no final answer yet.
func (s *inviteServer) pending() bool { return s != nil && !s.final() }

// isFor tells whether m is a copy of the INVITE or its CANCEL.
func (s *inviteServer) isFor(m *message) bool {
	return s != nil && m.CSeq() == s.req.CSeq() && sameTransaction(s.req, m)
}
