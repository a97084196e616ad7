package call

import (
	"encoding/binary"
	"errors"

	"tollgate/internal/bridge"
	"tollgate/internal/dialog"
	"tollgate/internal/media"
	"tollgate/internal/policy"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sdp"
	"tollgate/sip"
)

// bound says where a message goes: from which side, in which dialog, over which flow. A call
// that is being set up may have no dialog yet.
type bound struct {
	from dialog.Side
	fork uint8
	to   transport.Flow
}

// bridges gives a call its place for bridged media, where the customer wants that.
func (c *Calls) bridges(sh *transaction.Shard, call *Call, emergency bool) {
	if c.cfg.Media == nil || call.method != sip.INVITE || !call.customer.Settings.RTPBridging {
		return
	}
	slot, s := c.table(sh).bridges.Alloc()
	s.Shut(c.cfg.Media) // what the last owner left
	call.bridge, call.emergency = slot+1, emergency
}

// bridged gives a call's bridged media, nil where the parties send to each other.
func (c *Calls) bridged(sh *transaction.Shard, call *Call) *bridge.Session {
	if call.bridge == 0 {
		return nil
	}
	return c.table(sh).bridges.At(call.bridge - 1)
}

// hush ends a call's media.
func (c *Calls) hush(sh *transaction.Shard, call *Call) {
	if s := c.bridged(sh, call); s != nil {
		s.Shut(c.cfg.Media)
		c.table(sh).bridges.Release(call.bridge - 1)
		call.bridge = 0
	}
}

// bridge edits a description that passes so that it names us.
func (c *Calls) bridge(sh *transaction.Shard, call *Call, s *session, m *sip.Message, b bound) error {
	own := c.bridged(sh, call)
	if own == nil {
		if call.encrypts(dialog.Caller) || call.encrypts(dialog.Callee) {
			if what, err := bridge.Inspect(&s.index); err == nil && what.Encrypted {
				return secret(b.to)
			}
		}
		return nil
	}
	p := c.pass(sh, call, b)
	p.Ends[side(b.from.Other())].Place = c.cfg.MediaPlace(b.to)
	if !describes(m) || call.confirmed > 0 && b.fork != call.speaks {
		own.Blank(p, &s.index, &s.edit)
		return nil
	}
	p.Offer = m.IsRequest() && offers(m)
	p.First = p.Offer && b.fork >= call.forks // a branch that has no dialog yet
	if err := own.Do(p, &s.index, &s.edit); err != nil || !p.Keys() {
		return err
	}
	return secret(b.to)
}

// pass says where media is that belongs to a message: in which dialog and between whom.
func (c *Calls) pass(sh *transaction.Shard, call *Call, b bound) *bridge.Pass {
	p := &c.table(sh).work.session.pass
	p.Media, p.Owner, p.Emergency, p.From, p.Fork = c.cfg.Media, owner(sh, call), call.emergency, side(b.from), b.fork
	p.Session = binary.BigEndian.Uint64(call.id[:8])>>2 + uint64(b.from)
	for _, which := range [...]dialog.Side{dialog.Caller, dialog.Callee} {
		p.Ends[side(which)] = c.party(sh, call, b.fork, which)
	}
	return p
}

// errInClear: keys would be told to whoever reads along.
var errInClear = errors.New("keys of SRTP go over TLS alone")

// secret wants a flow on which keys may go.
func secret(f transport.Flow) error {
	if f.Proto != transport.TLS {
		return errInClear
	}
	return nil
}

// settle notes that a call's bridged media is with the party that has answered it.
func (c *Calls) settle(sh *transaction.Shard, call *Call) {
	if s := c.bridged(sh, call); s != nil {
		s.Settle(c.pass(sh, call, bound{from: dialog.Callee, fork: call.speaks}))
	}
}

// withdraw has media go on as it was before the offer of a request that was refused.
func (c *Calls) withdraw(sh *transaction.Shard, call *Call, x *exchange) {
	if s := c.bridged(sh, call); s != nil && x.offered && s.With(x.fork) {
		s.Withdraw(c.cfg.Media)
	}
	x.offered = false
}

// up gives the dialog that bridged media is of from now on: the same, or one that is up.
func (c *Call) up() uint8 {
	if c.speaks < c.forks && c.dialog(c.speaks).Confirmed {
		return c.speaks
	}
	for i := range c.forks {
		if c.dialog(i).Confirmed {
			return i
		}
	}
	return 0
}

// late notes a request that wants an offer.
func (c *Calls) late(sh *transaction.Shard, call *Call, m *sip.Message) {
	if s := c.bridged(sh, call); s != nil && m.IsRequest() && wantsOffer(m) {
		s.Late()
	}
}

// wantsOffer says that an INVITE has no description, whatever else is in it (a location, ISUP), so
// that its answer makes the offer (RFC 3261 13.2.1).
func wantsOffer(m *sip.Message) bool {
	if m.Method() != sip.INVITE {
		return false
	}
	_, described := sdp.Locate(m.Value(sip.HdrContentType), m.Body())
	return !described
}

// side is a party as the media engine numbers them.
func side(s dialog.Side) media.Side { return media.Side(s) }

// party is one party of a call.
func (c *Calls) party(sh *transaction.Shard, call *Call, fork uint8, which dialog.Side) bridge.End {
	leg := c.speaker(sh, call, fork, which)
	out := bridge.End{
		Place: c.cfg.MediaPlace(leg.Flow), From: leg.Flow.Remote.Addr(), Outside: leg.Outside,
		Encrypted: call.encrypts(which),
	}
	if sw := call.switchOf(which); sw != nil {
		out.Forced, out.Latch = sw.ForceNAT, latchOf(sw.Latching)
	}
	if user := call.customer.UserByID(call.userAt(which)); user != nil {
		out.Latch = latchOf(user.Latching)
	}
	return out
}

// speaker is a party's leg; of a callee that no dialog is with yet, what is known of it.
func (c *Calls) speaker(sh *transaction.Shard, call *Call, fork uint8, which dialog.Side) dialog.Leg {
	if which == dialog.Caller {
		return call.caller
	}
	if fork < call.forks {
		return call.dialog(fork).Callee
	}
	if s := c.setup(sh, call); s != nil {
		return dialog.Leg{Flow: s.flow, Outside: len(s.phones) > 0}
	}
	return dialog.Leg{}
}

// latchOf is what the latching setting of a switch or SIP user means.
func latchOf(setting string) media.Latch {
	switch setting {
	case "strict":
		return media.Strict
	case "handover":
		return media.Handover
	}
	return media.Symmetric
}

// switchOf gives the switch that a party is, nil for another.
func (c *Call) switchOf(which dialog.Side) *policy.Switch {
	id := c.place
	if which == dialog.Caller {
		id = c.parties.source
	}
	return c.customer.Switch(id)
}

// forced says that a party is taken to be behind NAT.
func (c *Call) forced(which dialog.Side) bool {
	sw := c.switchOf(which)
	return sw != nil && sw.ForceNAT
}

// encrypts says that a party is to use SRTP.
func (c *Call) encrypts(which dialog.Side) bool {
	return c.switchOf(which).Encrypts() || c.customer.UserByID(c.userAt(which)).Encrypts() ||
		which == dialog.Callee && c.dest != nil && c.dest.Encrypted
}

// fits says why a description that is read must not go on for its media; policy.OK: it may.
func (c *Calls) fits(sh *transaction.Shard, call *Call, s *session, from dialog.Side, fork uint8, offer bool) (policy.Reason, error) {
	b := c.bridged(sh, call)
	if b == nil && !(offer && call.encrypts(from)) {
		return policy.OK, nil
	}
	what, err := bridge.Inspect(&s.index)
	switch {
	case err != nil:
		return policy.BadSession, err
	case offer && call.encrypts(from) && !what.Encrypted:
		return policy.EncryptionMissing, nil
	case b == nil:
		return policy.OK, nil
	case what.Encrypted && c.speaker(sh, call, fork, from).Flow.Proto != transport.TLS:
		return policy.EncryptedInClear, nil
	case offer && what.DTLS:
		return policy.DTLSOffered, nil
	}
	if err := b.Check(&s.index, side(from), fork, offer); err != nil {
		return policy.BadSession, err
	}
	return policy.OK, nil
}

// fault is the reason for which a message could not be written.
func fault(err error) policy.Reason {
	switch {
	case err == nil:
		return policy.OK
	case errors.Is(err, bridge.ErrNoPorts):
		return policy.NoMediaPorts
	case errors.Is(err, errInClear):
		return policy.EncryptedInClear
	case errors.Is(err, bridge.ErrStreams), errors.Is(err, bridge.ErrNoSuite), errors.Is(err, bridge.ErrProfile):
		return policy.BadSession
	}
	return policy.TooBig
}

// quality gives how the media of a call's streams is; none where it is not bridged.
func (c *Calls) quality(sh *transaction.Shard, call *Call) []media.Figures {
	s := c.bridged(sh, call)
	if s == nil {
		return nil
	}
	w := &c.table(sh).work
	w.quality = s.Quality(c.cfg.Media, w.quality[:0])
	w.figures = media.AppendFigures(w.figures[:0], w.quality)
	return w.figures
}

// owner names a call to the media engine: its shard, generation and slot.
func owner(sh *transaction.Shard, call *Call) uint64 {
	return uint64(sh.Index)<<56 | uint64(call.gen&0xffffff)<<32 | uint64(call.slot)
}

// owned finds the call that the media engine means and does something with it.
func (c *Calls) owned(owner uint64, do func(sh *transaction.Shard, call *Call)) {
	shard := uint8(owner >> 56)
	if int(shard) >= len(c.tables) {
		return
	}
	c.layer.Do(shard, func(sh *transaction.Shard) {
		call := c.table(sh).calls.At(uint32(owner))
		if call != nil && uint64(call.gen&0xffffff) == owner>>32&0xffffff && call.bridge != 0 {
			do(sh, call)
		}
	})
}

// Silent ends the call whose media nothing is heard of, on both sides.
func (c *Calls) Silent(owner uint64) {
	c.owned(owner, func(sh *transaction.Shard, call *Call) {
		if call.state == up {
			c.end(sh, call, policy.MediaTimeout, policy.MediaTimeout.Status())
		}
	})
}

// MediaMoved keeps a call anew whose media has learnt something that a restart needs.
func (c *Calls) MediaMoved(owner uint64) {
	c.owned(owner, func(sh *transaction.Shard, call *Call) { c.keep(sh, call) })
}

// restoreMedia takes up the media of a call that a restart has kept. What cannot be had
// again, such as a port that somebody else has by now, leaves the call without media.
func (c *Calls) restoreMedia(sh *transaction.Shard, call *Call, record []byte) {
	if len(record) == 0 || c.cfg.Media == nil {
		return
	}
	slot, s := c.table(sh).bridges.Alloc()
	s.Shut(c.cfg.Media)
	call.bridge = slot + 1
	if err := s.Restore(c.cfg.Media, record, owner(sh, call)); err != nil && c.cfg.MediaLost != nil {
		c.cfg.MediaLost(call.id, call.customer.Settings.ID, err)
	}
}

// appendMedia appends what is kept of a call's media.
func (c *Calls) appendMedia(dst []byte, sh *transaction.Shard, call *Call) []byte {
	if s := c.bridged(sh, call); s != nil {
		return s.Append(dst, c.cfg.Media)
	}
	return dst
}
