package relay

import (
	"slices"

	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/sip"
)

// destination is the candidate at hand; nil for a phone or a foreign host.
func (q *request) destination(to *phone) *policy.Destination {
	if to != nil {
		return nil
	}
	return q.walk.Destination()
}

// number puts rewritten numbers into the request as a receiver gets it. Where nothing is
// hidden, From and To come back in the responses as their sender wrote them.
func (q *request) number(n *dialog.Numbers, m *sip.Message, fwd *dialog.Forward) {
	if q.renumbered = n.Changes(); !q.renumbered {
		return
	}
	if fwd.Target == nil {
		fwd.Target = n.AppendTarget(nil, m.RequestURI())
	}
	from, to := fwd.From, fwd.To
	if !q.hidden {
		from, to = dialog.WithoutTag(m.Value(sip.HdrFrom)), dialog.WithoutTag(m.Value(sip.HdrTo))
		fwd.FromTag = m.FromTag()
	}
	fwd.From, fwd.To = n.AppendFrom(nil, from, m), n.AppendTo(nil, to, m.RequestURI())
	fwd.Names = n.Asserts(slices.Clip(fwd.Names), m)
}
