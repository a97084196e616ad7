package call

import (
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/internal/transaction"
	"tollgate/sip"
)

// Calls that a restart has kept may have ended while nobody was there to hear it. Those
// that are silent for a while are asked, spread over as long again.
const defaultProbeAfter = time.Minute

func (c *Calls) probeAfter(id dialog.Stable) time.Duration {
	after := c.cfg.ProbeAfter
	if after == 0 {
		after = defaultProbeAfter
	}
	return after + after*time.Duration(id[0])/256
}

// askParties asks both parties by OPTIONS whether the call is still theirs (RFC 3261 11: one that
// knows no such dialog answers 481).
func (c *Calls) askParties(sh *transaction.Shard, call *Call) {
	if !call.restored || call.state != up {
		return
	}
	for i := range call.forks {
		if !call.dialog(i).Confirmed {
			continue
		}
		call.probes, call.gone = 2, 0
		for _, side := range [...]dialog.Side{dialog.Caller, dialog.Callee} {
			if !c.own(sh, call, i, side, sip.OPTIONS, probeOf(side), "") {
				c.probed(sh, call, side, 0)
			}
		}
		if call.state == up { // else nothing could be sent
			c.keep(sh, call) // our requests have numbers, too
		}
		return
	}
}

func probeOf(side dialog.Side) refKind {
	if side == dialog.Caller {
		return refProbeCaller
	}
	return refProbeCallee
}

// probed takes what one party says, 0 when it says nothing: who knows no such call has
// ended it, and a call that both are silent about is over, too.
func (c *Calls) probed(sh *transaction.Shard, call *Call, side dialog.Side, code int) {
	if call.state != up || call.probes == 0 {
		return
	}
	call.probes--
	if code == 0 || code == 408 {
		call.gone++
	}
	if code == 481 || call.gone == 2 {
		call.probes = 0
		c.end(sh, call, policy.PartiesGone, 480)
	}
}

// ownOver takes the end of a request of our own: its final status, 0 for none.
func (c *Calls) ownOver(sh *transaction.Shard, call *Call, kind refKind, code int) {
	switch kind {
	case refOwn:
		if call.state == ending {
			c.ownDone(sh, call)
		}
	case refProbeCaller:
		c.probed(sh, call, dialog.Caller, code)
	case refProbeCallee:
		c.probed(sh, call, dialog.Callee, code)
	case refPingCaller:
		c.pinged(sh, call, dialog.Caller, code)
	case refPingCallee:
		c.pinged(sh, call, dialog.Callee, code)
	}
}
