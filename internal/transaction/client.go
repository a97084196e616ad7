package transaction

import (
	"tollgate/internal/transport"
	"tollgate/sip"
)

// client is the cell of a client transaction.
type client struct {
	gen       uint32
	state     clientState
	method    sip.Method
	user      uint8
	canceling bool   // a CANCEL is wanted, or was sent
	abandoned bool   // given up by its user: what still comes is ended here
	interval  uint16 // of timers A and E, in ticks
	why       Why    // of the CANCEL
	cancel    ID     // the CANCEL's own cell
	ref       uint64
	flow      transport.Flow
	retry     TimerID // A, E
	life      TimerID // B, C, D, F, K, M
	req       []byte  // what was sent; from the first non-2xx final on, its ACK
}

// NewClient takes a cell, so that a request can be built with the branch that
// AppendBranch gives; SendRequest then starts the machine. It returns 0 when the
// shard is full.
func (sh *Shard) NewClient(user uint8, ref uint64) ID {
	if sh.clients.Used() >= sh.layer.cfg.MaxCells {
		return 0
	}
	slot, c := sh.clients.Alloc()
	gen := nextGen(c.gen)
	if gen == 1 {
		gen += sh.genBase & 0x3fffffff // a new process's branches differ from the last one's
	}
	*c = client{gen: gen, user: user, ref: ref, state: clientIdle}
	return makeID(gen, slot)
}

// AppendBranch appends the Via branch of a client transaction; loop is the
// caller's hash for loop detection (RFC 3261 16.3 step 4), which Loop reads.
func (sh *Shard) AppendBranch(dst []byte, id ID, loop uint32) []byte {
	return sh.layer.secret.appendBranch(dst, branchID{shard: sh.Index, slot: id.slot(), gen: id.gen(), loop: loop})
}

// Loop gives the loop hash of a branch that this layer wrote.
func (l *Layer) Loop(branch []byte) (loop uint32, ours bool) {
	id, ok := l.secret.parseBranch(branch)
	return id.loop, ok
}

// noSlot stands in the branches that belong to no cell.
const noSlot = 0xffffff

// AppendAckBranch appends the branch with which Core.Ack passes on the ACK at hand. It belongs to no cell, and is the
// same each time that ACK comes, as it does for each retransmission of its 2xx: the same request is the same on the far side
// (RFC 3261 13.2.2.4, 16.11).
func (sh *Shard) AppendAckBranch(dst []byte) []byte {
	return sh.layer.secret.appendBranch(dst, branchID{shard: sh.Index, slot: noSlot, gen: uint32(sh.key >> 32), loop: uint32(sh.key)})
}

// AppendFreeBranch appends a branch that belongs to no cell: that of an ACK of our own, or of a
// keepalive, whose answer comes to Core.Pong.
func (sh *Shard) AppendFreeBranch(dst []byte) []byte {
	sh.acks++
	return sh.layer.secret.appendBranch(dst, branchID{shard: sh.Index, slot: noSlot, gen: uint32(sh.acks >> 32), loop: uint32(sh.acks)})
}

// Loop is Layer.Loop.
func (sh *Shard) Loop(branch []byte) (loop uint32, ours bool) { return sh.layer.Loop(branch) }

func (sh *Shard) client(id ID) *client {
	c := sh.clients.At(id.slot())
	if c == nil || c.gen != id.gen() || c.state == clientFree {
		return nil
	}
	return c
}

// SendRequest sends data, the whole request, and starts its machine. On an error
// nothing was sent and the cell is free again.
func (sh *Shard) SendRequest(id ID, method sip.Method, f transport.Flow, data []byte) error {
	c := sh.client(id)
	if c == nil {
		return errGone
	}
	if err := sh.Send(f, data); err != nil {
		sh.freeClient(c, id)
		return err
	}
	c.method, c.flow = method, f
	c.req = sh.bufs.copyOf(data)
	c.state = clientTrying
	if method == sip.INVITE {
		c.state = clientCalling
	}
	c.interval = uint16(T1 / tick)
	if !f.Proto.Reliable() {
		c.retry = sh.After(T1, own, clientRetry, uint64(id)) // timer A or E
	}
	c.life = sh.After(64*T1, own, clientLife, uint64(id)) // timer B or F
	return nil
}

// Forget gives back a cell whose request was never sent.
func (sh *Shard) Forget(id ID) {
	if c := sh.client(id); c != nil && c.state == clientIdle {
		sh.freeClient(c, id)
	}
}

// ClientFlow is where a client transaction's request went.
func (sh *Shard) ClientFlow(id ID) (transport.Flow, bool) {
	c := sh.client(id)
	if c == nil {
		return transport.Flow{}, false
	}
	return c.flow, true
}

// Sent parses the sent request of a client transaction into into; false once it
// has a final response. The bytes are the transaction's.
func (sh *Shard) Sent(id ID, into *sip.Message) bool {
	c := sh.client(id)
	return c != nil && c.req != nil && c.state < clientCompleted && into.Parse(c.req) == nil
}

// Cancel asks for the end of a pending INVITE: a CANCEL goes out as soon as a
// provisional response allows it (RFC 3261 9.1). The user still hears the final
// response, or Failed when none comes within 64*T1 of the CANCEL. While User.Canceled
// is told of a CANCEL, those that follow from it say why as that did.
func (sh *Shard) Cancel(id ID) {
	c := sh.client(id)
	if c == nil || c.canceling || c.method != sip.INVITE {
		return
	}
	c.why = sh.why
	switch c.state {
	case clientCalling:
		c.canceling = true // the first 1xx sends it
	case clientProceeding:
		c.canceling = true
		sh.sendCancel(c, id)
	}
}

// Abandon gives up a client transaction: its user hears no more of it, and nothing
// is retransmitted, so that a MESSAGE which went on to another destination is not
// delivered by both. A pending INVITE is cancelled; should it be answered all the
// same, Core.Stray ends the call.
func (sh *Shard) Abandon(id ID) {
	c := sh.client(id)
	if c == nil {
		return
	}
	c.abandoned = true
	sh.wheel.stop(&c.retry)
	sh.Cancel(id)
}

// AbandonFor is Abandon that says why, unless it has nothing to say.
func (sh *Shard) AbandonFor(id ID, why Why) {
	was := sh.why
	if why != (Why{}) {
		sh.why = why
	}
	sh.Abandon(id)
	sh.why = was
}

// response serves a response that carries a branch of ours.
func (sh *Shard) response(b branchID, m *sip.Message, f transport.Flow) {
	sh.stats.Responses++
	if b.slot == noSlot {
		sh.layer.cfg.Core.Pong(sh, m, f)
		return
	}
	c := sh.clients.At(b.slot)
	if c == nil || c.gen != b.gen || c.state == clientFree {
		sh.stray(m, f)
		return
	}
	id := makeID(b.gen, b.slot)
	if m.CSeqMethod() == sip.CANCEL && c.method != sip.CANCEL {
		id = c.cancel
		c = sh.client(id)
	}
	if c == nil || m.CSeqMethod() != c.method || m.StatusCode() == 0 {
		return // RFC 3261 17.1.3: the method must fit too
	}
	ev := clientGot3xx
	switch code := m.StatusCode(); {
	case code < 200:
		ev = clientGot1xx
	case code < 300:
		ev = clientGot2xx
	}
	sh.layer.clientTable[c.state][ev](sh, c, id, m, f)
}

// stray ends what answers an INVITE whose cell is gone already.
func (sh *Shard) stray(m *sip.Message, f transport.Flow) {
	sh.stats.Strays++
	if m.CSeqMethod() == sip.INVITE && m.StatusCode() >= 200 && m.StatusCode() < 300 {
		sh.layer.cfg.Core.Stray(sh, m, f)
	}
}

func (sh *Shard) clientTimer(code uint8, id ID) {
	c := sh.client(id)
	if c == nil {
		return
	}
	ev := clientFireRetry
	if code == clientLife {
		ev = clientFireLife
	}
	sh.layer.clientTable[c.state][ev](sh, c, id, nil, c.flow)
}

func (sh *Shard) freeClient(c *client, id ID) {
	sh.wheel.stop(&c.retry)
	sh.wheel.stop(&c.life)
	sh.bufs.put(&c.req)
	c.state = clientFree
	sh.clients.Release(id.slot())
}

// tell hands a response up, unless nobody wants it any more.
func (sh *Shard) tell(c *client, id ID, m *sip.Message, f transport.Flow) {
	if !c.abandoned {
		sh.user(c.user).Response(sh, id, c.ref, m, f)
	}
}

// fail ends a client transaction without a final response.
func (sh *Shard) fail(c *client, id ID, why Failure) {
	user, ref, abandoned := c.user, c.ref, c.abandoned
	sh.stats.Timeouts++
	sh.freeClient(c, id)
	if !abandoned {
		sh.user(user).Failed(sh, id, ref, why)
	}
}
