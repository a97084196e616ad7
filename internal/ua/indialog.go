package ua

import (
	"strings"

	"tollgate/sip"
)

// request takes a request that belongs to the call.
func (c *call) request(m *message) {
	switch m.Method() {
	case sip.ACK:
		c.ack(m)
		return
	case sip.CANCEL:
		c.cancel(m)
		return
	case sip.INVITE:
		if m.ToTag() == nil {
			c.inviteAgain(m)
			return
		}
		if c.server.isFor(m) {
			c.server.repeat()
			return
		}
	}
	if wire, ok := c.agent.answers.find(m); ok {
		if wire != nil {
			_ = c.write(replyFlow(m), wire)
		}
		return
	}
	d := c.dialogOf(m)
	switch {
	case d == nil:
		c.respond(m, 481, nil)
	case d.remoteCSeq != 0 && m.CSeq() <= d.remoteCSeq: // RFC 3261 12.2.2
		c.respond(m, 500, nil)
	case len(unsupported(m)) > 0:
		d.remoteCSeq = m.CSeq()
		c.respond(m, 420, nil, "Unsupported: "+strings.Join(unsupported(m), ", "))
	default:
		d.remoteCSeq = m.CSeq()
		c.serve(d, m)
	}
}

// serve answers a request in the dialog d.
func (c *call) serve(d *dialog, m *message) {
	switch m.Method() {
	case sip.BYE:
		c.respond(m, 200, nil)
		if d == c.dialogs[0] {
			c.role.ended()
		}
	case sip.INVITE:
		c.reinvite(d, m)
	case sip.UPDATE:
		c.update(d, m)
	case sip.PRACK:
		c.role.pracked(d, m)
	case sip.OPTIONS:
		c.respond(m, 200, nil, "Allow: "+allow, "Supported: "+supported, "Accept: "+sdpType)
	case sip.INFO, sip.MESSAGE:
		c.respond(m, 200, nil)
	case sip.MethodOther:
		c.respond(m, 501, nil, "Allow: "+allow)
	default:
		c.respond(m, 405, nil, "Allow: "+allow)
	}
}

// ack takes an ACK; that of a late offer holds the answer.
func (c *call) ack(m *message) {
	if c.server == nil || !c.server.ack(m) {
		return
	}
	if c.session != nil && c.session.offered && c.server.status < 300 {
		c.session.accept(m)
	}
	c.role.acked()
}

func (c *call) cancel(m *message) {
	if !c.server.isFor(m) {
		c.respond(m, 481, nil)
		return
	}
	if wire, ok := c.agent.answers.find(m); ok {
		_ = c.write(replyFlow(m), wire)
		return
	}
	c.respond(m, 200, nil)
	if c.server.pending() {
		c.role.cancelled()
	}
}

// inviteAgain: a copy of the first INVITE over the same way is answered again, one
// over another way is refused (RFC 3261 8.2.2.2).
func (c *call) inviteAgain(m *message) {
	if c.server.isFor(m) {
		c.server.repeat()
		return
	}
	c.agent.refuse(m, 482, "")
}

// reinvite answers an INVITE in the dialog at once, for both ends (RFC 3261 14.2,
// RFC 5407 3.1.5).
func (c *call) reinvite(d *dialog, m *message) {
	switch {
	case c.server.pending():
		c.respond(m, 500, nil, "Retry-After: 1")
		return
	case c.session == nil, c.session.offered:
		c.respond(m, 491, nil)
		return
	}
	if c.server != nil {
		c.server.drop()
	}
	c.server = &inviteServer{call: c, req: m}
	body, status := c.negotiate(m)
	if status == 0 {
		if err := d.retarget(m); err != nil {
			status = 400
		}
	}
	if status != 0 {
		c.server.answer(status, nil, "Accept: "+sdpType)
		return
	}
	c.server.answer(200, body)
}

// update answers an UPDATE (RFC 3311 5.2).
func (c *call) update(d *dialog, m *message) {
	_ = d.retarget(m) // a refresh need not name a new target
	if len(m.Body()) == 0 {
		c.respond(m, 200, nil, contact(c.user, m.flow))
		return
	}
	switch {
	case c.session != nil && c.session.offered:
		c.respond(m, 491, nil)
		return
	case c.session == nil, c.server.pending() && !c.session.settled:
		c.respond(m, 500, nil, "Retry-After: 1")
		return
	}
	body, status := c.negotiate(m)
	if status != 0 {
		c.respond(m, status, nil, "Accept: "+sdpType)
		return
	}
	c.respond(m, 200, body, contact(c.user, m.flow))
}

// negotiate gives the description that goes into the 2xx to m, an answer or, where m
// has no offer, an offer; or the status to refuse it with.
func (c *call) negotiate(m *message) (body []byte, status int) {
	if len(m.Body()) == 0 {
		return c.session.offer(), 0
	}
	return c.session.answer(m)
}
