package call

import (
	"tollgate/internal/dialog"
	"tollgate/sip"
)

// himself says that a party who is a SIP user names nobody else as who sends a request or response:
// what his password has proven holds for the whole call. From of a response is the asker's.
func (c *Call) himself(side dialog.Side, m *sip.Message) bool {
	id := c.parties.user
	if side == dialog.Callee {
		id = c.parties.called
	}
	if id == 0 {
		return true
	}
	user := c.customer.UserByID(id)
	return user == nil || c.customer.Himself(user, m, side == dialog.Caller && m.IsRequest())
}
