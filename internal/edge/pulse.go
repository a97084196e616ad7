package edge

import (
	"time"

	"tollgate/internal/call"
	"tollgate/internal/gate"
	"tollgate/internal/media"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/internal/transaction"
	"tollgate/sip"
)

// beatDecided counts a decision for the overview.
func (e *Edge) beatDecided(sh *transaction.Shard, d *gate.Decision) {
	customer := tenant.CustomerID(0)
	if d.Identity.Customer != nil {
		customer = d.Identity.Customer.Settings.ID
	}
	call := d.Method == sip.INVITE && d.Verdict.Reason != policy.NoDialog
	switch {
	case d.Verdict.Refused():
		e.pulse.Refused(sh.Now(), customer, d.Verdict.Reason, call)
	case call && customer != 0:
		e.pulse.Attempt(sh.Now(), customer)
	}
}

// beatProgress is call.Config's.
func (e *Edge) beatProgress(now time.Time, c *policy.Customer, answered bool, after time.Duration) {
	if answered {
		e.pulse.Answered(now, c.Settings.ID)
		return
	}
	e.pulse.Rang(now, c.Settings.ID, after)
}

// beatEnded counts a call that is over, and how it sounded; one that was asked for a password comes again.
func (e *Edge) beatEnded(c *call.Ending) {
	if mos := media.Worst(c.Media); mos > 0 {
		e.pulse.Rated(time.Now(), c.Customer.Settings.ID, mos)
	}
	if !c.Answered && !challenged(c.Status) {
		e.pulse.Failed(time.Now(), c.Customer.Settings.ID)
	}
}
