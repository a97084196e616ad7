package call

import (
	"bytes"

	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// question is what a request says of dialogs (Replaces, Join, Target-Dialog, and the
// URI of Refer-To), to be said as its receiver knows them. Such a dialog may live in
// another shard, so the answer can take until the layer's next tick.
type question struct {
	customer tenant.CustomerID
	outward  bool // the receiver is outside
	mentions []dialog.Mention
	answers  []answered
}

// answered is a mention as the receiver knows it; empty: it is right as it stands.
type answered struct {
	party bool // the URI of Refer-To is a party of the dialog that it names
	name  dialog.Name
	uri   []byte // of the party
}

// translated fills in what the request that makes a call says of other calls; false
// when that has to wait.
func (c *Calls) translated(sh *transaction.Shard, call *Call, m *sip.Message) bool {
	q, now := c.ask(sh, call, dialog.Caller, m, call.ref(refSetup))
	if q == nil || !now {
		return now
	}
	return c.translate(sh, call, q, m)
}

// translate has the answers; false when they end the call.
func (c *Calls) translate(sh *transaction.Shard, call *Call, q *question, m *sip.Message) bool {
	if call.method == sip.REFER && c.foreignRefer(call, dialog.Caller, m, q) {
		c.refuse(sh, call, 403, policy.ForeignHost)
		return false
	}
	c.setup(sh, call).names = q.renames(m)
	return true
}

// renamed is translated for a request within a call.
func (c *Calls) renamed(sh *transaction.Shard, call *Call, x *exchange, m *sip.Message) bool {
	q, now := c.ask(sh, call, x.from, m, x.ref())
	if q == nil || !now {
		return now
	}
	return c.rename(sh, call, x, q, m)
}

func (c *Calls) rename(sh *transaction.Shard, call *Call, x *exchange, q *question, m *sip.Message) bool {
	if x.method == sip.REFER && c.foreignRefer(call, x.from, m, q) {
		c.refuseExchange(sh, x, policy.Refuse(policy.ForeignHost))
		return false
	}
	if x.method == sip.REFER {
		if v := c.barredRefer(sh, call, x, m, q); v.Refused() {
			c.refuseExchange(sh, x, v)
			return false
		}
	}
	x.names = q.renames(m)
	return true
}

// ask puts the question of a request; nil when there is none, and with now its
// answers are there. Else named is called later.
func (c *Calls) ask(sh *transaction.Shard, call *Call, from dialog.Side, m *sip.Message, ref uint64) (q *question, now bool) {
	if m.Method() != sip.REFER && m.First(sip.HdrReplaces) == nil && m.First(sip.HdrJoin) == nil && m.First(sip.HdrTargetDialog) == nil {
		return nil, true
	}
	return c.question(sh, call, from, m, ref)
}

// question finds out what a request mentions.
func (c *Calls) question(sh *transaction.Shard, call *Call, from dialog.Side, m *sip.Message, ref uint64) (q *question, now bool) {
	q = &question{
		customer: call.customer.Settings.ID, mentions: c.cfg.Minter.Mentions(nil, m),
		outward: (call.direction == policy.Inbound) == (from == dialog.Callee),
	}
	q.answers = make([]answered, len(q.mentions))
	here := true
	for i := range q.mentions {
		here = here && c.shardOf(&q.mentions[i]) == sh.Index
	}
	if here {
		for i := range q.mentions {
			q.answers[i] = c.known(sh, q, &q.mentions[i])
		}
		return q, true
	}
	shard := sh.Index
	c.layer.Later(func() {
		for i := range q.mentions {
			c.layer.Do(c.shardOf(&q.mentions[i]), func(sh *transaction.Shard) {
				q.answers[i] = c.known(sh, q, &q.mentions[i])
			})
		}
		c.layer.Do(shard, func(sh *transaction.Shard) { c.told(sh, ref, q) })
	})
	return q, false
}

// told goes on with a request whose question is answered.
func (c *Calls) told(sh *transaction.Shard, ref uint64, q *question) {
	switch kind, _, _ := refParts(ref); kind {
	case refSetup:
		call := c.call(sh, ref)
		if call != nil && call.state == calling && sh.Request(call.server, &sh.Kept) && c.translate(sh, call, q, &sh.Kept) {
			c.try(sh, call, nil)
		}
	case refExchange:
		x := c.exchange(sh, ref)
		if x == nil || x.done {
			return
		}
		call := c.table(sh).calls.At(x.call)
		if sh.Request(x.server, &sh.Kept) && c.rename(sh, call, x, q, &sh.Kept) {
			c.forward(sh, x, nil)
		}
	}
}

func (c *Calls) shardOf(n *dialog.Mention) uint8 {
	if n.Named {
		return c.layer.ShardOf(n.Name.CallID)
	}
	return n.ID.Shard & uint8(c.layer.Shards()-1)
}

// party says that the request refers to a party of a dialog that it names.
func (q *question) party() bool {
	for i := range q.answers {
		if q.answers[i].party {
			return true
		}
	}
	return false
}

func (q *question) renames(m *sip.Message) (list []dialog.Rename) {
	for i := range q.mentions {
		list = q.mentions[i].Renamed(list, m, q.answers[i].name, q.answers[i].uri)
	}
	return list
}

// known answers one mention: by the dialog that it names, else by our Contact that
// stands for a party. Another customer's are not known.
func (c *Calls) known(sh *transaction.Shard, q *question, n *dialog.Mention) (a answered) {
	call, d, side := c.mentioned(sh, n)
	if call == nil || call.customer.Settings.ID != q.customer {
		return a
	}
	ours := n.Party() && n.ID.Stable == call.id
	a.party = ours || c.isParty(call, d, n.URI)
	if !call.hidden {
		return a
	}
	near := call.leg(d, side)
	far := call.leg(d, side.Other())
	if outside := (call.direction == policy.Inbound) == (side == dialog.Caller); n.Named && outside != q.outward {
		a.name = dialog.Name{CallID: bytes.Clone(call.text(far.CallID)), To: c.acrossTag(call, near, far, n.Name.To), From: c.acrossTag(call, near, far, n.Name.From)}
	}
	if ours {
		a.uri = c.partyURI(call, d, n.ID.Part, q.outward)
	}
	return a
}

// isParty says that a URI is the Contact of one of a dialog's parties.
func (c *Calls) isParty(call *Call, d *dialog.Dialog, uri []byte) bool {
	u, err := sip.ParseURI(uri)
	if err != nil {
		return false
	}
	for _, side := range [...]dialog.Side{dialog.Caller, dialog.Callee} {
		t, err := sip.ParseURI(call.text(call.leg(d, side).Target))
		if err == nil && string(t.User) == string(u.User) && sip.EqualFold(t.Host, u.Host) && t.Port == u.Port {
			return true
		}
	}
	return false
}

// mentioned finds the dialog that is meant, and the side whose view the mention has.
func (c *Calls) mentioned(sh *transaction.Shard, n *dialog.Mention) (*Call, *dialog.Dialog, dialog.Side) {
	if !n.Named {
		call := c.byID(sh, n.ID)
		if call == nil || n.ID.Fork >= call.forks {
			return nil, nil, 0
		}
		return call, call.dialog(n.ID.Fork), dialog.Caller
	}
	call, fork, ok := c.byTags(sh, n.Name.CallID, n.Name.From, n.Name.To)
	if !ok {
		return nil, nil, 0
	}
	d := call.dialog(fork)
	for _, side := range [...]dialog.Side{dialog.Caller, dialog.Callee} {
		leg := call.leg(d, side)
		if string(call.text(leg.CallID)) != string(n.Name.CallID) {
			continue
		}
		his, ours := string(call.text(leg.Tag)), string(call.text(leg.LocalTag))
		if his == string(n.Name.To) && ours == string(n.Name.From) || his == string(n.Name.From) && ours == string(n.Name.To) {
			return call, d, side
		}
	}
	return nil, nil, 0
}

// acrossTag gives a tag of one leg as the other leg has it.
func (c *Calls) acrossTag(call *Call, near, far dialog.Leg, tag []byte) []byte {
	if string(tag) == string(call.text(near.Tag)) {
		return bytes.Clone(call.text(far.LocalTag))
	}
	return bytes.Clone(call.text(far.Tag))
}

// partyURI is the address of the party that our Contact stands for, as one side of us
// writes it: what that side can call.
func (c *Calls) partyURI(call *Call, d *dialog.Dialog, part dialog.Part, outward bool) []byte {
	party := dialog.Callee
	if part == dialog.ToCallee {
		party = dialog.Caller
	}
	reader := dialog.Callee
	if outward == (call.direction == policy.Inbound) {
		reader = dialog.Caller
	}
	leg := call.leg(d, reader)
	value := leg.Local
	if reader == party {
		value = leg.Remote
	}
	na, err := sip.ParseNameAddr(call.text(value))
	if err != nil {
		return nil
	}
	return bytes.Clone(na.URI)
}

// unmasked undoes what hiding did to a Call-ID that the PBX told of in the body of a
// NOTIFY, so that the PBX knows its own dialog again (BLF pickup): its host stands
// there in place of ours. The rest is as translated.
func (c *Calls) unmasked(call *Call, names []dialog.Rename, m *sip.Message, pbx transport.Flow) []dialog.Rename {
	if len(names) > 0 || call.direction != policy.Inbound || m.First(sip.HdrReplaces) == nil && m.First(sip.HdrJoin) == nil {
		return names
	}
	ours, _ := c.cfg.Transport.Advertised(call.caller.Flow)
	for _, mention := range c.cfg.Minter.Mentions(nil, m) {
		name := mention.Name
		before, after, masked := bytes.Cut(name.CallID, []byte("@"+ours))
		if !masked {
			continue
		}
		name.CallID = append(append(append(bytes.Clone(before), '@'), pbx.Remote.Addr().String()...), after...)
		names = mention.Renamed(names, m, name, nil)
	}
	return names
}
