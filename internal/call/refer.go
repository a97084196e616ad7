package call

import (
	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/internal/transaction"
	"tollgate/sip"
)

// transferring takes the 2xx to a REFER within a call: its NOTIFYs may come after the
// call's BYE, unless the response says that there will be none (RFC 4488).
func (c *Calls) transferring(sh *transaction.Shard, call *Call, m *sip.Message) {
	if call.method == sip.INVITE && !withoutNotify(m) {
		call.referred = true
		c.keep(sh, call)
	}
}

// withoutNotify says that the 2xx to a REFER promises no NOTIFY (RFC 4488 4).
func withoutNotify(m *sip.Message) bool {
	return sip.EqualFoldString(m.Value(sip.HdrReferSub), "false")
}

// foreignRefer says that the outside wants the PBX to call a host that is none of the
// customer's, nor a party of a dialog that it names: a way to calls that the PBX would
// not make by itself. So are headers in the URI by which its INVITE would go elsewhere, or say that it
// is somebody else's.
func (c *Calls) foreignRefer(call *Call, from dialog.Side, m *sip.Message, q *question) bool {
	if !inward(call, from) {
		return false
	}
	free := call.customer.Settings.Outbound == "any"
	na, err := sip.ParseNameAddr(m.Value(sip.HdrReferTo))
	if err != nil {
		return !free
	}
	u, err := sip.ParseURI(na.URI)
	switch {
	case err != nil:
		return !free
	case dialog.Commands(u.Headers):
		return true
	case free:
		return false
	}
	switch u.Scheme {
	case sip.SchemeTEL:
		return false
	case sip.SchemeSIP, sip.SchemeSIPS:
		_, elsewhere := u.Param("maddr")
		return elsewhere || !q.party() && !c.ownHost(call, u.Host)
	}
	return true
}

// inward says that what a side sends goes to the inside.
func inward(call *Call, from dialog.Side) bool {
	return (call.direction == policy.Inbound) == (from == dialog.Caller)
}

// barredRefer refuses where the outside wants the PBX, within a call, to call a number that the customer's block list
// forbids now. (Outside of calls the gate has looked.) A party of a dialog that it names is no number to be called.
func (c *Calls) barredRefer(sh *transaction.Shard, call *Call, x *exchange, m *sip.Message, q *question) policy.Verdict {
	if !inward(call, x.from) || q.party() {
		return policy.Verdict{}
	}
	r := policy.Request{Msg: m, Source: call.leg(call.dialog(x.fork), x.from).Flow.Remote, Now: sh.Now(), Ours: c.cfg.Minter.Wrote}
	id := c.outsider(call)
	return id.Customer.Referral(&r, &id)
}

// forwards says that the outside, called by the PBX, sends a hidden call on within the customer's own domains, as a
// phone does that forwards its calls (RFC 3261 21.3.3): that shows nobody to the PBX whom it does not know.
func (c *Call) forwards(m *sip.Message) bool {
	if code := m.StatusCode(); !c.hidden || code < 300 || code >= 400 || c.direction != policy.Outbound {
		return false
	}
	contacts, some := m.Elements(sip.HdrContact), false
	for contact, ok := contacts.Next(); ok; contact, ok = contacts.Next() {
		na, err := sip.ParseNameAddr(contact)
		if err != nil {
			return false
		}
		u, err := sip.ParseURI(na.URI)
		if err != nil || !c.customer.Owns(&u) || len(u.Headers) > 0 {
			return false
		}
		some = true
	}
	return some
}

// barredRedirection refuses likewise where the outside, called by the PBX, sends it on to such a number, or by headers that lead
// its next INVITE elsewhere. A hidden call shows no redirection but one that forwards.
func (c *Calls) barredRedirection(sh *transaction.Shard, call *Call, m *sip.Message) policy.Verdict {
	if code := m.StatusCode(); code < 300 || code >= 400 || call.direction != policy.Outbound || call.hidden && !call.forwards(m) {
		return policy.Verdict{}
	}
	if commanding(m) {
		return policy.Refuse(policy.ForeignHost)
	}
	flow, _ := sh.ClientFlow(call.branch)
	if s := c.setup(sh, call); !flow.Remote.IsValid() && s != nil {
		flow = s.flow
	}
	r := policy.Request{Msg: m, Source: flow.Remote, Now: sh.Now(), Ours: c.cfg.Minter.Wrote}
	id := c.outsider(call)
	return id.Customer.Redirection(&r, &id)
}

// commanding says that a Contact has headers that whoever calls it must not obey.
func commanding(m *sip.Message) bool {
	contacts := m.Elements(sip.HdrContact)
	for contact, ok := contacts.Next(); ok; contact, ok = contacts.Next() {
		na, err := sip.ParseNameAddr(contact)
		if err != nil {
			continue // no such response comes here
		}
		if u, err := sip.ParseURI(na.URI); err == nil && dialog.Commands(u.Headers) {
			return true
		}
	}
	return false
}

// outsider is who asks from outside, within a call, as the block list of now looks at him.
func (c *Calls) outsider(call *Call) policy.Identity {
	id := policy.Identity{Customer: call.customer, Direction: policy.Inbound}
	if now := c.cfg.Customer(call.customer.Settings.ID); now != nil {
		id.Customer = now
	}
	return id
}

// ownHost says that a host is the customer's, or ours.
func (c *Calls) ownHost(call *Call, host []byte) bool {
	for _, d := range call.customer.Domains {
		if sip.EqualFoldString(host, d) {
			return true
		}
	}
	for _, d := range call.customer.Destinations {
		if sip.EqualFoldString(host, d.Host) {
			return true
		}
	}
	if c.hostOf(call, call.caller, host) {
		return true
	}
	for i := range call.forks {
		if c.hostOf(call, call.dialog(i).Callee, host) {
			return true
		}
	}
	return false
}

// hostOf says that a host is ours, as one party knows us, or that party's own if it is
// inside.
func (c *Calls) hostOf(call *Call, leg dialog.Leg, host []byte) bool {
	u := sip.URI{Host: host}
	addr, literal := u.Addr()
	ours, _ := c.cfg.Transport.Advertised(leg.Flow)
	if sip.EqualFoldString(host, ours) || literal && addr == leg.Flow.Local.Addr() {
		return true
	}
	t, err := sip.ParseURI(call.text(leg.Target))
	return err == nil && !leg.Outside && sip.EqualFold(host, t.Host)
}
