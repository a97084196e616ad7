package call

import (
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// placing is what asking for a place at a switch came to.
type placing uint8

const (
	placed   placing = iota // the call holds what it must, or nothing is needed
	full                    // the switch has no room
	deciding                // replaced hears of it
)

// firstPlace is the switch at which the gate has reserved a place, 0 if none.
func firstPlace(p *Passed, method sip.Method) tenant.SwitchID {
	if method != sip.INVITE || len(p.Phones) > 0 || p.Candidates.N == 0 || p.Candidates.List[0].Switch == nil {
		return 0
	}
	return p.Candidates.List[0].Switch.ID
}

// replace swaps the call's place at the candidate before for one at the candidate that the
// walk has come to over a flow.
func (c *Calls) replace(sh *transaction.Shard, call *Call, s *setup, flow transport.Flow) placing {
	var to *policy.Switch
	if d := s.walk.Destination(); d != nil {
		to = d.Switch
	}
	switch {
	case call.method != sip.INVITE:
		return placed
	case to == nil && call.place != 0:
		// Giving back cannot fail, and what is asked later takes effect later.
		c.cfg.Swap(call.id, call.place, nil, func(bool) {})
		call.place = 0
		return placed
	case to == nil || to.ID == call.place:
		return placed
	}
	if call.urgent { // it passes limits (mission row E1), and is counted
		free := *to
		free.Channels, free.CPS = 0, 0
		to = &free
	}
	sh.Stop(&call.initial)
	shard, ref := sh.Index, call.ref(refSetup)
	ok, now := c.cfg.Swap(call.id, call.place, to, func(ok bool) {
		c.layer.Do(shard, func(sh *transaction.Shard) {
			if call := c.call(sh, ref); call != nil && call.state == calling {
				c.replaced(sh, call, to.ID, flow, ok)
			}
		})
	})
	switch {
	case !now:
		return deciding
	case !ok:
		c.passOver(call, s)
		return full
	}
	call.place = to.ID
	return placed
}

// replaced goes on once it is known whether there is a place.
func (c *Calls) replaced(sh *transaction.Shard, call *Call, to tenant.SwitchID, flow transport.Flow, ok bool) {
	s := c.setup(sh, call)
	if ok {
		call.place, s.reached = to, flow
	} else {
		c.passOver(call, s)
	}
	c.try(sh, call, nil)
}

// passOver leaves out a candidate that has no room; that is why the call ends, if nothing
// else was heard of any.
func (c *Calls) passOver(call *Call, s *setup) {
	s.walk.SkipCandidate()
	if call.status == 0 && call.reason == policy.OK {
		call.reason = policy.SwitchLimit
	}
}
