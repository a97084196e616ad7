package call

import (
	"tollgate/internal/dialog"
	"tollgate/sip"
)

// prack translates the INVITE's number in a RAck (RFC 3262 7.2).
func (c *Calls) prack(d *dialog.Dialog, x *exchange, m *sip.Message, f *dialog.Forward) {
	if n, ok := dialog.RAckNumber(m); ok {
		f.RAck = d.Seq[x.from].Invite(n)
	}
}
