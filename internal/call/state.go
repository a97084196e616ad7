package call

import (
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/internal/transaction"
	"tollgate/sip"
)

// state is where a call stands.
type state uint8

const (
	free    state = iota
	calling       // the INVITE is under way
	up            // answered
	ending        // our own BYEs are out
	watched       // no call, or none any more: a subscription
	over          // only transactions are left
)

// String is the word of lists.
func (s state) String() string {
	return [...]string{"free", "calling", "up", "ending", "watched", "over"}[s]
}

// Call is one call, or one subscription: two legs, joined, that live as long as one
// of the usages of their dialogs (RFC 5057). All its texts stand in one buffer, and
// apart from that and from its customer's settings it is a plain value.
type Call struct {
	gen, slot uint32
	method    sip.Method // that made it: INVITE, SUBSCRIBE or REFER
	state     state
	hidden    bool
	referred  bool      // a REFER's subscription may outlive the call
	restored  bool      // by the journal, and nothing was heard of it since
	kept      bool      // the journal has it
	told      bool      // Ended was told of it
	emergency bool      // with a claim to the last media ports
	urgent    bool      // an emergency call that holds a place beyond the limits
	heard     bool      // Heard was told of it
	rang      bool      // Progress was told of it
	stable    bool      // known by its stable id, since its identifiers name another slot
	probes    uint8     // OPTIONS of our own that are not answered yet
	asked     [2]bool   // by side: a ping is not answered yet
	answers   [2]uint32 // by side: slot plus 1 of its re-INVITE that was answered here and has no ACK yet
	gone      uint8     // parties that have not answered one
	way       uint8     // of the phones that ring, the one whose branch is at hand
	direction policy.Direction
	forks     uint8  // dialogs, the first one in first
	mine      uint8  // the first of them that the branch at hand has made
	again     uint16 // how often its request was sent with credentials of ours, each with a number of its own
	tags      uint8  // To-tags given to the caller so far
	confirmed uint8  // dialogs that are up
	speaks    uint8  // the one of them that bridged media is of: who answered first
	pending   int16  // exchanges that still name this call
	byes      int8   // of our own that are not answered yet
	status    int16  // the final status, 0 = none yet
	reason    policy.Reason
	by        dialog.Side

	id       dialog.Stable
	customer *policy.Customer
	entry    tenant.SwitchID // that it came from, and holds a place at; 0: none
	parties  parties
	place    tenant.SwitchID     // that it goes to or is tried at, and holds a place at; 0: none
	dest     *policy.Destination // the one that is tried or was taken; nil: a foreign host
	counted  uint64              // what Heard gave
	server   transaction.ID      // the INVITE's; 0 after a restart
	branch   transaction.ID      // the INVITE's on the far side: the one that won, or is at hand
	setup    uint32              // slot of its setup plus 1, while calling
	bridge   uint32              // slot of its bridged media plus 1; 0: its parties send to each other
	cseq     uint32              // of the INVITE

	texts  dialog.Texts
	uri    dialog.Text    // that was called
	said   [2]dialog.Text // the description that a side was sent last, where its re-INVITEs are answered here
	caller dialog.Leg
	// How the callee knows caller and call; the caller's own when nothing is hidden.
	out   outward
	first dialog.Dialog
	more  []dialog.Dialog

	invite  transaction.TimerID // then max_call
	initial transaction.TimerID // then the session timer, or the subscription's
	probe   transaction.TimerID // to the next ping, or of a call that the journal restored
	bye     transaction.TimerID // while a party's BYE is not answered

	started  time.Duration // since the layer's start
	answered time.Duration // 0: never; negative: before this process's start
	hungUp   time.Duration // when the BYE went out that will end it; 0: none is under way
	session  time.Duration // when the session timer or the subscription ends; 0: never
}

// outward is what of the callee's leg is the same for every fork.
type outward struct {
	callID, tag, from, to dialog.Text
}

// dialog gives one of the call's dialogs.
func (c *Call) dialog(fork uint8) *dialog.Dialog {
	if fork == 0 {
		return &c.first
	}
	return &c.more[fork-1]
}

func (c *Call) text(t dialog.Text) []byte { return c.texts.Get(t) }

// leg gives one side's leg in a dialog; the caller's has its To-tag filled in.
func (c *Call) leg(d *dialog.Dialog, side dialog.Side) dialog.Leg {
	if side == dialog.Callee {
		return d.Callee
	}
	l := c.caller
	l.LocalTag = d.CallerTag
	return l
}

func (c *Call) ref(kind refKind) uint64 { return makeRef(kind, c.gen, c.slot) }

// ended marks why a call ends; the first reason stays.
func (c *Call) ended(why policy.Reason, status int, by dialog.Side) {
	if c.status == 0 {
		c.reason, c.status, c.by = why, int16(status), by
	}
}

// ending tells how a call was that is over now, at now and since the layer's start, or
// since its BYE went out.
func (c *Call) ending(now time.Time, since time.Duration) Ending {
	if c.hungUp != 0 {
		now, since = now.Add(c.hungUp-since), c.hungUp
	}
	e := Ending{
		ID: c.id, Customer: c.customer, Direction: c.direction, Hidden: c.hidden,
		Reason: c.reason, Status: int(c.status), By: c.by, Answered: c.answered != 0,
		Started: now.Add(c.started - since), Setup: since - c.started,
		CallID: c.text(c.caller.CallID), FarCallID: c.text(c.out.callID), URI: c.text(c.uri),
		From: c.text(c.caller.Remote), To: c.text(c.caller.Local), Source: c.caller.Flow, Destination: c.dest,
		Counted: c.counted, Switch: c.customer.Switch(c.parties.source),
		User: c.customer.UserByID(c.parties.user), Called: c.customer.UserByID(c.parties.called),
	}
	if e.Answered {
		e.Setup, e.Duration = c.answered-c.started, since-c.answered
	}
	if c.forks > c.mine {
		e.Target = c.dialog(c.mine).Callee.Flow
	}
	return e
}
