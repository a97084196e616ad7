package call

import (
	"tollgate/internal/dialog"
	"tollgate/internal/tenant"
	"tollgate/sip"
)

// himself says that a party who is a SIP user names nobody else as who sends a request or response:
// what his password has proven holds for the whole call. From of a response is the asker's.
func (c *Call) himself(side dialog.Side, m *sip.Message) bool {
	id := c.userAt(side)
	if id == 0 {
		return true
	}
	user := c.customer.UserByID(id)
	return user == nil || c.customer.Himself(user, m, side == dialog.Caller && m.IsRequest())
}

// userAt is the SIP user at a side, 0 where that is no SIP user's phone.
func (c *Call) userAt(side dialog.Side) tenant.SIPUserID {
	if side == dialog.Callee {
		return c.parties.called
	}
	return c.parties.user
}
