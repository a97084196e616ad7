package call

import (
	"strconv"
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/internal/transaction"
	"tollgate/sdp"
	"tollgate/sip"
)

// The times between two sendings of a 2xx that nobody acknowledges, and how long that goes
// on (RFC 3261 13.3.1.4: T1, T2, 64 T1).
const (
	answerFirst = 500 * time.Millisecond
	answerMost  = 4 * time.Second
	answerLimit = 32 * time.Second
)

// intercepts says that a side's re-INVITEs are answered here (mission row A10).
func (c *Call) intercepts(side dialog.Side) bool {
	sw := c.switchOf(side)
	return sw != nil && sw.InterceptReinvite
}

// say keeps the description that a side was sent last, where its re-INVITEs are answered here.
func (c *Call) say(to dialog.Side, body []byte) error {
	if !c.intercepts(to) {
		return nil
	}
	return c.texts.Set(&c.said[to], body)
}

// intercept answers a re-INVITE with the session as it stands; nothing of it goes on. Where
// the party has moved, bridged media goes along; false: the other party has to be asked, since
// nothing was ever agreed on.
func (c *Calls) intercept(sh *transaction.Shard, call *Call, x *exchange, m *sip.Message) bool {
	if x.method != sip.INVITE || call.state != up || !call.intercepts(x.from) || call.said[x.from].Empty() {
		return false
	}
	r := sip.Response{Status: 200, ContentType: "application/sdp", Headers: c.ownHeaders(sh, call, x, m)}
	if r.Body = c.standing(sh, call, x, m); r.Body == nil {
		c.refuseExchange(sh, x, policy.Refuse(policy.BadSession))
		return true
	}
	sh.RespondStatus(x.server, &r)
	c.refresh(sh, call, x.fork, x.from, m)
	x.done, x.since = true, sh.Since()
	c.answerAgain(sh, x, answerFirst)
	call.answers[x.from] = x.slot + 1
	c.keep(sh, call)
	return true
}

// ownHeaders are those of an answer that stands for the other party's: its Contact, or ours
// where it is hidden, and the session timer as it was asked for, refreshed by who asks.
func (c *Calls) ownHeaders(sh *transaction.Shard, call *Call, x *exchange, m *sip.Message) []byte {
	d := call.dialog(x.fork)
	from, to := call.leg(d, x.from), call.leg(d, x.from.Other())
	h := append([]byte(nil), "Contact: <"...)
	if call.hidden {
		part := dialog.ToCaller
		if x.from == dialog.Callee {
			part = dialog.ToCallee
		}
		h = c.address(from.Flow).Append(h, c.mint(c.table(sh).work.id[:0], sh, call, part, x.fork))
	} else {
		h = append(h, call.text(to.Target)...)
	}
	h = append(h, ">\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK, INFO, REFER, NOTIFY\r\n"...)
	if seconds, ok := leadingSeconds(m.Value(sip.HdrSessionExpires)); ok && seconds > 0 {
		h = strconv.AppendUint(append(h, "Supported: timer\r\nRequire: timer\r\nSession-Expires: "...), uint64(seconds), 10)
		h = append(h, ";refresher=uac\r\n"...)
		if call.session != 0 {
			c.expires(sh, call, time.Duration(seconds)*time.Second)
		}
	}
	return h
}

// standing is what a re-INVITE is answered: what its author was told last, with the directions
// that fit his offer (RFC 3264 6.1). nil: it does not fit.
func (c *Calls) standing(sh *transaction.Shard, call *Call, x *exchange, m *sip.Message) []byte {
	said := call.text(call.said[x.from])
	s := &c.table(sh).work.session
	found, err := s.read(call, m)
	if !found && err == nil {
		return append([]byte(nil), said...)
	}
	var own sdp.Description
	if err != nil || own.Parse(said) != nil || len(own.Media()) != len(s.index.Media()) {
		return nil
	}
	if b := c.bridged(sh, call); b != nil {
		s.pass.Media, s.pass.From = c.cfg.Media, side(x.from)
		s.pass.Ends[side(x.from)] = c.party(sh, call, x.fork, x.from)
		if b.Check(&s.index, side(x.from), x.fork, true) != nil {
			return nil
		}
		b.Moved(&s.pass, &s.index)
	}
	var edit sdp.Edit
	edit.Reset(&own)
	for i := range own.Media() {
		edit.Answer(&own.Media()[i], &s.index, &s.index.Media()[i])
	}
	out, err := edit.Append(nil)
	if err != nil {
		return nil
	}
	return out
}

// answerAgain sends the answer once more after a while, until its ACK comes.
func (c *Calls) answerAgain(sh *transaction.Shard, x *exchange, after time.Duration) {
	x.after = after
	x.again = sh.After(after, c.user, timerAnswer, x.ref())
}

// unacknowledged is the timer of answerAgain.
func (c *Calls) unacknowledged(sh *transaction.Shard, x *exchange) {
	x.again = 0
	if sh.Since()-x.since >= answerLimit {
		c.acknowledged(sh, x)
		return
	}
	sh.Resend(x.server)
	c.answerAgain(sh, x, min(2*x.after, answerMost))
}

// swallow takes an ACK of an answer of ours: it ends here.
func (c *Calls) swallow(sh *transaction.Shard, call *Call, hit found, m *sip.Message) bool {
	if call.answers[hit.side] == 0 {
		return false
	}
	x := c.table(sh).exchanges.At(call.answers[hit.side] - 1)
	if x == nil || !x.used || x.call != call.slot || x.cseq != m.CSeq() {
		return false
	}
	c.acknowledged(sh, x)
	return true
}

// unheard gives up the answers of a call that is over and that nobody has acknowledged.
func (c *Calls) unheard(sh *transaction.Shard, call *Call) {
	for _, slot := range call.answers {
		if slot == 0 {
			continue
		}
		if x := c.table(sh).exchanges.At(slot - 1); x.used && x.call == call.slot && x.again != 0 {
			c.acknowledged(sh, x)
		}
	}
}

// acknowledged ends an exchange that was answered here.
func (c *Calls) acknowledged(sh *transaction.Shard, x *exchange) {
	call := c.table(sh).calls.At(x.call)
	sh.Stop(&x.again)
	sh.DropAnswer(x.server)
	if call.answers[x.from] == x.slot+1 {
		call.answers[x.from] = 0
	}
	c.close(sh, x)
}
