package call

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"time"

	"tollgate/internal/media"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/internal/transaction"
	"tollgate/sip"
)

// summary copies what lists and records show.
func (c *Calls) summary(sh *transaction.Shard, call *Call) Summary {
	now, since := sh.Now(), sh.Since()
	at := func(d time.Duration) time.Time { return now.Add(d - since).UTC() }
	s := Summary{
		ID:       hex.EncodeToString(call.id[:]),
		Customer: call.customer.Settings.ID, Name: call.customer.Settings.Name,
		Direction: call.direction.String(), State: call.state.String(), Hidden: call.hidden,
		CallID: string(call.text(call.caller.CallID)),
		From:   string(call.text(call.caller.Remote)), To: string(call.text(call.caller.Local)),
		Source: call.caller.Flow.Remote.String(), Started: at(call.started),
		Reason: call.reason, Status: int(call.status),
	}
	if call.status != 0 {
		s.By = call.by.String()
	}
	if call.dest != nil {
		s.Destination = call.dest.Name
	}
	if call.forks > call.mine {
		s.Target = call.dialog(call.mine).Callee.Flow.Remote.String()
	}
	s.Media = slices.Clone(c.quality(sh, call))
	if call.answered != 0 {
		s.OneWay = media.OneWay(s.Media, since-call.answered) != ""
		s.Answered = at(call.answered)
		s.Seconds = int((since - call.answered) / time.Second)
	}
	return s
}

// List gives the calls that keep takes, shard by shard; the texts are the caller's.
func (c *Calls) List(keep func(tenant.CustomerID) bool) []Summary {
	var list []Summary
	for i := range c.tables {
		c.layer.Do(uint8(i), func(sh *transaction.Shard) {
			for _, call := range c.alive(sh) {
				if keep(call.customer.Settings.ID) {
					list = append(list, c.summary(sh, call))
				}
			}
		})
	}
	return list
}

func (c *Calls) alive(sh *transaction.Shard) []*Call {
	t := c.table(sh)
	var list []*Call
	for slot := range t.calls.End() {
		if call := t.calls.At(slot); call.method == sip.INVITE && (call.state == calling || call.state == up || call.state == ending) {
			list = append(list, call)
		}
	}
	return list
}

// Hangup ends a call by the id that List gives, if allowed takes its customer;
// false when there is no such call.
func (c *Calls) Hangup(id string, why policy.Reason, allowed func(tenant.CustomerID) bool) bool {
	hit := false
	for i := range c.tables {
		c.layer.Do(uint8(i), func(sh *transaction.Shard) {
			for _, call := range c.alive(sh) {
				if hex.EncodeToString(call.id[:]) == id && allowed(call.customer.Settings.ID) {
					hit = true
					c.end(sh, call, why, 480)
				}
			}
		})
	}
	return hit
}

// EndRinging refuses every call that is not answered yet: the last act of a drain.
func (c *Calls) EndRinging(why policy.Reason) {
	for i := range c.tables {
		c.layer.Do(uint8(i), func(sh *transaction.Shard) {
			for _, call := range c.alive(sh) {
				if call.state == calling {
					c.end(sh, call, why, 503)
				}
			}
		})
	}
}

// Addresses gives where both parties of each answered call are, some of them more than once.
// yield is called with a shard locked.
func (c *Calls) Addresses(yield func(netip.Addr) bool) {
	for i, more := 0, true; more && i < len(c.tables); i++ {
		c.layer.Do(uint8(i), func(sh *transaction.Shard) { more = c.addresses(sh, yield) })
	}
}

func (c *Calls) addresses(sh *transaction.Shard, yield func(netip.Addr) bool) bool {
	t := c.table(sh)
	for slot := range t.calls.End() {
		call := t.calls.At(slot)
		if call.method != sip.INVITE || call.state != up {
			continue
		}
		if !yield(call.caller.Flow.Remote.Addr()) {
			return false
		}
		for fork := range call.forks {
			if d := call.dialog(fork); d.Confirmed && !yield(d.Callee.Flow.Remote.Addr()) {
				return false
			}
		}
	}
	return true
}
