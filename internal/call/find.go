package call

import (
	"hash/maphash"

	"tollgate/internal/dialog"
	"tollgate/internal/tenant"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// found is a request's place: which call, which of its dialogs, from which side.
type found struct {
	call *Call
	fork uint8
	side dialog.Side
	// named: the request carried the identifier that we gave out.
	named bool
}

// find gives the dialog of a request: by our identifier in Route or Request-URI,
// else by Call-ID and tags. Either way both tags must fit (RFC 3261 12.2.2), so
// that who knows less than the parties do ends nobody's call.
func (c *Calls) find(sh *transaction.Shard, m *sip.Message, f transport.Flow) (found, bool) {
	if id, ok := c.named(m); ok {
		call := c.byID(sh, id)
		if call == nil {
			return found{}, false
		}
		hit, ok := c.match(call, m)
		if !ok {
			hit, ok = c.notified(sh, call, m, f)
		}
		hit.named = true
		return hit, ok
	}
	return c.findByTags(sh, m, f)
}

// Owner says whose call or subscription a request within a dialog belongs to, before it is served; 0: it is over, and
// this was sent again. false: there is no such dialog. What a party may get wrong in it is left to find.
func (c *Calls) Owner(m *sip.Message, f transport.Flow) (owner tenant.CustomerID, ok bool) {
	c.layer.Do(c.layer.ShardOf(m.CallID()), func(sh *transaction.Shard) {
		var hit found
		if id, named := c.named(m); named {
			hit.call = c.byID(sh, id)
			ok = hit.call != nil
		} else {
			hit, ok = c.findByTags(sh, m, f)
		}
		if !ok {
			ok = sh.Known(m)
			return
		}
		owner = hit.call.customer.Settings.ID
	})
	return owner, ok
}

// byID finds the call of an identifier: where it stood when that was written, else,
// after a restart, by the part of it that lasts.
func (c *Calls) byID(sh *transaction.Shard, id dialog.ID) *Call {
	t := c.table(sh)
	if call := t.calls.At(id.Slot); call != nil && call.state != free && call.id == id.Stable {
		return call
	}
	if slot, ok := t.byStable[id.Stable]; ok {
		return t.calls.At(slot)
	}
	return nil
}

// named reads our identifier from the top Route or the Request-URI.
func (c *Calls) named(m *sip.Message) (dialog.ID, bool) {
	it := m.Elements(sip.HdrRoute)
	if elem, ok := it.Next(); ok {
		if na, err := sip.ParseNameAddr(elem); err == nil {
			if id, ok := c.cfg.Minter.Of(na.URI); ok {
				return id, true
			}
		}
	}
	return c.cfg.Minter.Of(m.RequestURI())
}

// match finds dialog and side by the tags, the newest dialog first: two
// destinations may give the same tag.
func (c *Calls) match(call *Call, m *sip.Message) (found, bool) {
	from, to := m.FromTag(), m.ToTag()
	for n := range call.forks {
		i := call.forks - 1 - n
		d := call.dialog(i)
		if string(from) == string(call.text(call.caller.Tag)) && string(to) == string(call.text(d.CallerTag)) {
			return found{call: call, fork: i, side: dialog.Caller}, true
		}
		if string(from) == string(call.text(d.Callee.Tag)) && string(to) == string(call.text(d.Callee.LocalTag)) {
			return found{call: call, fork: i, side: dialog.Callee}, true
		}
	}
	return found{}, false
}

// findByTags serves peers that ignore Route and Contact, from the address of
// their leg only.
func (c *Calls) findByTags(sh *transaction.Shard, m *sip.Message, f transport.Flow) (found, bool) {
	t := c.table(sh)
	at, ok := t.byDialog[c.dialogKey(m.CallID(), m.FromTag(), m.ToTag())]
	if !ok {
		return found{}, false
	}
	call := t.calls.At(at.slot)
	if call.state == free {
		return found{}, false
	}
	hit, ok := c.match(call, m)
	if !ok {
		return found{}, false
	}
	leg := call.leg(call.dialog(hit.fork), hit.side)
	return hit, string(call.text(leg.CallID)) == string(m.CallID()) && leg.Flow.Remote.Addr() == f.Remote.Addr()
}

// index makes a dialog known by Call-ID and tags as each side has them, which is
// the same where nothing is hidden; the first call keeps a key that a spiral would
// give to a second one.
func (c *Calls) index(sh *transaction.Shard, call *Call, fork uint8) {
	t := c.table(sh)
	for _, key := range c.keys(call, fork) {
		if _, taken := t.byDialog[key]; !taken {
			t.byDialog[key] = place{call.slot, fork}
		}
	}
}

func (c *Calls) unindex(sh *transaction.Shard, call *Call) {
	t := c.table(sh)
	for i := range call.forks {
		for _, key := range c.keys(call, i) {
			if at, ok := t.byDialog[key]; ok && at.slot == call.slot {
				delete(t.byDialog, key)
			}
		}
	}
}

// keys gives the keys of a dialog: the caller's, and the callee's.
func (c *Calls) keys(call *Call, fork uint8) [2]uint64 {
	d := call.dialog(fork)
	caller := c.dialogKey(call.text(call.caller.CallID), call.text(call.caller.Tag), call.text(d.CallerTag))
	if !call.hidden {
		return [2]uint64{caller, caller}
	}
	return [2]uint64{caller, c.dialogKey(call.text(d.Callee.CallID), call.text(d.Callee.Tag), call.text(d.Callee.LocalTag))}
}

// dialogKey hashes a dialog's id; which tag is whose does not matter.
func (c *Calls) dialogKey(callID, one, other []byte) uint64 {
	tags := maphash.Bytes(c.seed, one) ^ maphash.Bytes(c.seed, other)
	return maphash.Bytes(c.seed, callID) ^ tags<<1 ^ tags>>63
}
