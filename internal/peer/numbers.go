package peer

import (
	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/sip"
)

// Numbers gives what a candidate, nil for a phone or a foreign host, is shown in place of the
// numbers of a request, which base is as the entry that sent it left them: a switch's own
// rewriting, and its host. The result aliases room.
func Numbers(room, base *policy.Numbers, m *sip.Message, c *policy.Customer, d *policy.Destination, emergency bool) (n dialog.Numbers) {
	toSwitch := d != nil && d.Switch != nil
	if !toSwitch && !base.Changed() {
		return n
	}
	*room = *base
	if toSwitch {
		n.Host, n.Port = d.Host, d.Port
		if n.Port == d.DefaultPort() {
			n.Port = 0
		}
		if d.Switch.Rewriter != nil {
			room.Read(m, false, emergency)
			d.Switch.Rewriter.Apply(room, c, nil)
		}
	}
	n.Asserted, n.Global = room.Asserted, room.Global
	n.Called, n.Calling, n.From = shown(&room.Called), shown(&room.Calling), shown(&room.From)
	return n
}

// shown is a number that is to be written, nil if it stays.
func shown(n *policy.Number) []byte {
	if !n.Changed {
		return nil
	}
	return n.Bytes()
}
