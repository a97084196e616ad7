package call

import (
	"slices"

	"tollgate/internal/dialog"
	"tollgate/internal/peer"
	"tollgate/internal/policy"
	"tollgate/internal/transaction"
	"tollgate/sip"
)

// numbered prepares what the receiver at hand, a candidate or a phone, is shown in place
// of the request's numbers: for all of his dialog in call.out, and in what it returns for the
// request itself. It is valid until the next call.
func (c *Calls) numbered(sh *transaction.Shard, call *Call, s *setup, m *sip.Message, to *phone) (dialog.Numbers, error) {
	var d *policy.Destination
	if to == nil {
		d = call.dest
	}
	n := peer.Numbers(&c.table(sh).work.numbers, &s.numbers, m, call.customer, d, s.emergency)
	if !n.Changes() {
		call.out.from, call.out.to = s.fromText, s.toText
		return n, nil
	}
	sh.Out = n.AppendFrom(sh.Out[:0], call.text(s.fromText), m)
	if err := call.show(&call.out.from, s.fromText, sh.Out); err != nil {
		return n, err
	}
	sh.Out = n.AppendTo(sh.Out[:0], call.text(s.toText), m.RequestURI())
	return n, call.show(&call.out.to, s.toText, sh.Out)
}

// show makes t a text, which may be the one that it is made from. Early dialogs of another
// candidate keep theirs.
func (c *Call) show(t *dialog.Text, from dialog.Text, text []byte) (err error) {
	switch string(text) {
	case string(c.text(from)):
		*t = from
	case string(c.text(*t)):
	default:
		*t, err = c.texts.Add(text)
	}
	return err
}

// number puts rewritten numbers into the request as a receiver gets it.
func (c *Calls) number(sh *transaction.Shard, call *Call, n *dialog.Numbers, m *sip.Message, fwd *dialog.Forward) {
	if !n.Changes() {
		return
	}
	w := &c.table(sh).work
	if fwd.Target == nil {
		w.target = n.AppendTarget(w.target[:0], m.RequestURI())
		fwd.Target = w.target
	}
	fwd.Names = n.Asserts(slices.Clip(fwd.Names), m)
	if call.hidden {
		return // From and To are written anyway
	}
	if call.out.from != call.caller.Remote {
		fwd.From, fwd.FromTag = call.text(call.out.from), call.text(call.caller.Tag)
	}
	if call.out.to != call.caller.Local {
		fwd.To = call.text(call.out.to)
	}
}

// renumbered says that the callee knows the parties by other numbers than the caller does, so
// that From and To are translated although nothing is hidden.
func (c *Call) renumbered() bool {
	return c.out.from != c.caller.Remote || c.out.to != c.caller.Local
}

// renumber translates From and To of a plain request within a call.
func (c *Call) renumber(from, to *dialog.Leg, fwd *dialog.Forward) {
	if to.Local != from.Remote {
		fwd.From, fwd.FromTag = c.text(to.Local), c.text(to.LocalTag)
	}
	if to.Remote != from.Local {
		fwd.To, fwd.ToTag = c.text(to.Remote), c.text(to.Tag)
	}
}
