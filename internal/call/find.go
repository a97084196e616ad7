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

// Names says that a request names a dialog by an identifier that we gave out, whatever became of it.
func (c *Calls) Names(m *sip.Message) bool {
	_, ok := c.named(m)
	return ok
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
	call, _, ok := c.byTags(sh, m.CallID(), m.FromTag(), m.ToTag())
	if !ok {
		return found{}, false
	}
	hit, ok := c.match(call, m)
	if !ok {
		return found{}, false
	}
	leg := call.leg(call.dialog(hit.fork), hit.side)
	return hit, string(call.text(leg.CallID)) == string(m.CallID()) && leg.Flow.Remote.Addr() == f.Remote.Addr()
}

// byTags gives the dialog that has a Call-ID and two tags on either side, whichever tag is whose.
func (c *Calls) byTags(sh *transaction.Shard, callID, one, other []byte) (*Call, uint8, bool) {
	t := c.table(sh)
	at, ok := t.byDialog.Find(c.dialogKey(callID, one, other), func(at uint32) bool {
		call, fork := t.calls.At(at>>forkBits), uint8(at&(1<<forkBits-1))
		return call.state != free && fork < call.forks && call.has(call.dialog(fork), callID, one, other)
	})
	if !ok {
		return nil, 0, false
	}
	return t.calls.At(at >> forkBits), uint8(at & (1<<forkBits - 1)), true
}

// has says that a dialog has a Call-ID and two tags on one of its sides.
func (c *Call) has(d *dialog.Dialog, callID, one, other []byte) bool {
	for _, side := range [...]dialog.Side{dialog.Caller, dialog.Callee} {
		leg := c.leg(d, side)
		his, ours := c.text(leg.Tag), c.text(leg.LocalTag)
		if string(c.text(leg.CallID)) == string(callID) &&
			(string(his) == string(one) && string(ours) == string(other) || string(his) == string(other) && string(ours) == string(one)) {
			return true
		}
	}
	return false
}

// index makes a dialog known by Call-ID and tags as each side has them, which is
// the same where nothing is hidden; a spiral's second call stands behind its first one.
func (c *Calls) index(sh *transaction.Shard, call *Call, fork uint8) {
	t := c.table(sh)
	near, far := c.keys(call, fork)
	t.byDialog.Add(near, placeOf(call, fork))
	if far != near {
		t.byDialog.Add(far, placeOf(call, fork))
	}
}

func (c *Calls) unindex(sh *transaction.Shard, call *Call) {
	t := c.table(sh)
	for i := range call.forks {
		near, far := c.keys(call, i)
		t.byDialog.Remove(near, placeOf(call, i))
		if far != near {
			t.byDialog.Remove(far, placeOf(call, i))
		}
	}
}

// placeOf is a dialog's number in the index: its call's slot, and which of its dialogs it is.
func placeOf(call *Call, fork uint8) uint32 { return call.slot<<forkBits | uint32(fork) }

const forkBits = 4 // a call has 16 dialogs at most

// keys gives the keys of a dialog: the caller's, and the callee's.
func (c *Calls) keys(call *Call, fork uint8) (near, far uint64) {
	d := call.dialog(fork)
	near = c.dialogKey(call.text(call.caller.CallID), call.text(call.caller.Tag), call.text(d.CallerTag))
	if !call.hidden {
		return near, near
	}
	return near, c.dialogKey(call.text(d.Callee.CallID), call.text(d.Callee.Tag), call.text(d.Callee.LocalTag))
}

// dialogKey hashes a dialog's id; which tag is whose does not matter.
func (c *Calls) dialogKey(callID, one, other []byte) uint64 {
	tags := maphash.Bytes(c.seed, one) ^ maphash.Bytes(c.seed, other)
	return maphash.Bytes(c.seed, callID) ^ tags<<1 ^ tags>>63
}
