package call

import (
	"fmt"
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/tenant"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// Journal keeps calls over a restart. Put returns once the record would survive this
// process; what it is given is copied.
type Journal interface {
	Put(id dialog.Stable, data []byte) error
	Delete(id dialog.Stable)
}

// keep writes a call as it stands now. Where that cannot be, on a full disk, the call
// goes on; the node lets no new ones in then.
func (c *Calls) keep(sh *transaction.Shard, call *Call) {
	if c.cfg.Journal != nil && (call.stands() || call.state == calling && call.method == sip.INVITE && call.answering()) {
		_ = c.put(sh, call)
	}
}

// stands says that a restart is to find a call.
func (c *Call) stands() bool { return c.state == up || c.state == ending || c.state == watched }

func (c *Calls) put(sh *transaction.Shard, call *Call) error {
	w := &c.table(sh).work
	now, since := sh.Now(), sh.Since()
	w.record = appendRecord(w.record[:0], call, func(t time.Duration) int64 {
		if t == 0 {
			return 0
		}
		return now.Add(t - since).UnixNano()
	}, func(dst []byte) []byte { return c.appendMedia(dst, sh, call) })
	call.kept = true
	return c.cfg.Journal.Put(call.id, w.record)
}

// answering says that a dialog is just being confirmed.
func (c *Call) answering() bool {
	for i := range c.forks {
		if c.dialog(i).Confirmed {
			return true
		}
	}
	return false
}

// drop takes a call out of the journal.
func (c *Calls) drop(sh *transaction.Shard, call *Call) {
	if call.kept {
		c.cfg.Journal.Delete(call.id)
	}
	if call.stable {
		delete(c.table(sh).byStable, call.id)
	}
}

// Checkpoint puts all that stands into the journal again.
func (c *Calls) Checkpoint() (err error) {
	for i := range c.tables {
		c.layer.Do(uint8(i), func(sh *transaction.Shard) {
			t := c.table(sh)
			for slot := range t.calls.End() {
				call := t.calls.At(slot)
				if err == nil && call.stands() {
					err = c.put(sh, call)
				}
			}
		})
	}
	return err
}

// Restore takes a call of before the restart, with the id that it was kept under. It
// is called before anything is received.
func (c *Calls) Restore(id dialog.Stable, data []byte) error {
	kept := Call{id: id}
	s, err := decodeRecord(data, &kept)
	if err != nil {
		return err
	}
	kept.customer = c.cfg.Customer(tenant.CustomerID(s.customer))
	if kept.customer == nil {
		return fmt.Errorf("customer %d is gone", s.customer)
	}
	for _, d := range kept.customer.Destinations {
		if int64(d.ID) == s.destination {
			kept.dest = d
		}
	}
	switch {
	case kept.dest == nil && s.destination == 0:
		kept.dest = kept.customer.Way(kept.place) // by a DID: no destination of its own
	case kept.dest != nil && kept.dest.Switch != nil && kept.place == 0:
		kept.place = kept.dest.Switch.ID // of version 1
	}
	if err := c.adopt(&kept); err != nil {
		return err
	}
	shard := c.layer.ShardOf(kept.text(kept.caller.CallID))
	c.layer.Do(shard, func(sh *transaction.Shard) { c.revive(sh, &kept, s) })
	return nil
}

// adopt turns the flows of another process into ours.
func (c *Calls) adopt(call *Call) error {
	flows := []*transport.Flow{&call.caller.Flow}
	for i := range call.forks {
		flows = append(flows, &call.dialog(i).Callee.Flow)
	}
	for _, f := range flows {
		ours, ok := c.cfg.Transport.Adopt(*f)
		if !ok {
			return fmt.Errorf("no listener is left that reaches %s over %s", f.Remote, f.Proto)
		}
		*f = ours
	}
	return nil
}

// revive puts a call into its shard, with its place in the limits and its timers.
func (c *Calls) revive(sh *transaction.Shard, kept *Call, s saved) {
	call := c.newCall(sh, kept.method)
	gen, slot, texts := call.gen, call.slot, sh.Copy(kept.texts.Buf)
	*call = *kept
	call.gen, call.slot, call.texts.Buf = gen, slot, texts
	since := func(unix int64) time.Duration {
		if unix == 0 {
			return 0
		}
		return sh.Since() + time.Unix(0, unix).Sub(sh.Now())
	}
	call.started, call.answered, call.session = since(s.started), since(s.answered), since(s.session)
	call.answered = clamp(call.answered)
	c.restoreMedia(sh, call, s.media)
	c.table(sh).byStable[call.id] = call.slot
	call.stable, call.restored, call.kept = true, true, true
	for i := range call.forks {
		c.index(sh, call, i)
	}
	if call.session != 0 {
		call.initial = sh.After(max(call.session-sh.Since(), 0), c.user, timerSession, call.ref(refSetup))
	}
	if call.method != sip.INVITE || call.state != up {
		if call.method == sip.INVITE {
			c.live.Add(-1) // only a REFER's subscription is left of it
		}
		return
	}
	if limit := call.customer.Settings.Timers.MaxCall; limit > 0 {
		call.invite = sh.After(max(call.answered+limit-sh.Since(), 0), c.user, timerMaxCall, call.ref(refSetup))
	}
	c.hear(sh, call)
	c.cfg.Hold(call.id, call.customer, call.parties.user, call.urgent, call.entry, call.place)
	call.probe = sh.After(c.probeAfter(call.id), c.user, timerProbe, call.ref(refSetup))
}

// clamp keeps a time of before this process's start from being the zero that means never.
func clamp(t time.Duration) time.Duration {
	if t == 0 {
		return 1
	}
	return t
}
