package call

import (
	"net/netip"
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// Place finds a call again, also from outside of its shard's lock.
type Place struct {
	ID    dialog.Stable
	Shard uint8
	Slot  uint32
}

// Heard is a call that is known to be wanted by somebody: its caller is known, or its
// destination rings or has answered; so nobody forges it. Its texts are valid only while it
// is told.
type Heard struct {
	Place     Place
	Customer  *policy.Customer
	Direction policy.Direction
	Source    netip.AddrPort
	Entry     tenant.SwitchID  // that it comes from; 0: none
	User      tenant.SIPUserID // likewise
	From, URI []byte           // as the caller wrote them, From without tag; URI says whom he calls
	Age       time.Duration
	Restored  bool // by the journal: it stays, whatever is said
}

// hear tells of a call once; false: it is not to go on.
func (c *Calls) hear(sh *transaction.Shard, call *Call) bool {
	if c.cfg.Heard == nil || call.heard || call.method != sip.INVITE {
		return true
	}
	call.heard = true
	var ok bool
	h := &c.table(sh).work.heard
	*h = Heard{
		Place: Place{call.id, sh.Index, call.slot}, Customer: call.customer, Direction: call.direction,
		Source: call.caller.Flow.Remote, Entry: call.entry, User: call.parties.user, From: call.text(call.caller.Remote), URI: c.dialled(call),
		Age: sh.Since() - call.started, Restored: call.restored,
	}
	call.counted, ok = c.cfg.Heard(sh.Now(), h)
	return ok
}

// dialled is policy.Request.Dialled for a call that is under way.
func (c *Calls) dialled(call *Call) []byte {
	uri := call.text(call.uri)
	if id, ok := c.cfg.Minter.Of(uri); !ok || id.Part != dialog.ToUs {
		return uri
	}
	to, err := sip.ParseNameAddr(call.text(call.caller.Local))
	if err != nil {
		return uri
	}
	return to.URI
}

// unwanted ends a call that is being set up and that hear has refused; m is what the
// destination says at that moment.
func (c *Calls) unwanted(sh *transaction.Shard, call *Call, m *sip.Message, f transport.Flow) {
	if m.StatusCode() >= 200 {
		c.end2xx(sh, m, f)
	}
	c.refuse(sh, call, policy.Antifraud.Status(), policy.Antifraud)
}

// End ends the call at a place, an INVITE that is under way with status; false when there is
// none any more.
func (c *Calls) End(at Place, why policy.Reason, status int) (hit bool) {
	c.layer.Do(at.Shard, func(sh *transaction.Shard) {
		call := c.table(sh).calls.At(at.Slot)
		if call != nil && call.id == at.ID && (call.state == calling || call.state == up) {
			hit = true
			c.end(sh, call, why, status)
		}
	})
	return hit
}
