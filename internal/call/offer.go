package call

import (
	"errors"
	"slices"
	"strconv"

	"tollgate/internal/bridge"
	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sdp"
	"tollgate/sip"
)

// parties is who speaks on both sides, as far as that restricts codecs (mission rows A13
// and U3); 0: none. The callee's switch is the one that the call has its place at.
type parties struct {
	source tenant.SwitchID  // that the call comes from, as an entry or as a destination
	user   tenant.SIPUserID // that the call comes from
	called tenant.SIPUserID // whose phones ring
}

// partiesOf is who speaks in a call that the gate let through.
func partiesOf(p *Passed) (who parties) {
	id := p.Identity
	switch {
	case id.Entry != nil:
		who.source = id.Entry.ID
	case id.Source != nil && id.Source.Switch != nil:
		who.source = id.Source.Switch.ID
	}
	if id.User != nil {
		who.user = id.User.ID
	}
	if len(p.Phones) > 0 {
		who.called = p.Phones[0].User // one user's, all of them
	}
	return who
}

// restricted gives the codecs that neither side may be offered or may answer with; none:
// there are none. It is asked of each message that has a body.
func (c *Call) restricted(lists *[4][]string) [][]string {
	n := 0
	add := func(list []string) {
		if len(list) > 0 {
			lists[n] = list
			n++
		}
	}
	for _, id := range [...]tenant.SwitchID{c.parties.source, c.place} {
		if id == 0 {
			continue
		}
		if sw := c.customer.Switch(id); sw != nil {
			add(sw.RestrictedCodecs)
		}
	}
	for _, id := range [...]tenant.SIPUserID{c.parties.user, c.parties.called} {
		if id == 0 {
			continue
		}
		if u := c.customer.UserByID(id); u != nil {
			add(u.RestrictedCodecs)
		}
	}
	return lists[:n]
}

// session is the description in a message as it goes on: scratch.
type session struct {
	index  sdp.Description
	edit   sdp.Edit
	part   sdp.Part
	silent *sdp.Media // the first audio stream, where nothing is left of it
	body   []byte
	lists  [4][]string
	pass   bridge.Pass
}

// describes says that a message is of the offer/answer exchange (RFC 3264): its
// description is what the parties agree on.
func describes(m *sip.Message) bool {
	if !m.IsRequest() && m.StatusCode() >= 300 {
		return false
	}
	switch m.Method() {
	case sip.INVITE, sip.ACK, sip.PRACK, sip.UPDATE:
		return len(m.Body()) > 0
	}
	return false
}

// errTwice: who reads the second description would read one that nobody has edited.
var errTwice = errors.New("more than one session description")

// read indexes a message's description and takes the restricted codecs out of it; false:
// it has none. An error is why it cannot be read.
func (s *session) read(call *Call, m *sip.Message) (found bool, err error) {
	s.silent = nil
	part, ok := sdp.Locate(m.Value(sip.HdrContentType), m.Body())
	if !ok {
		return false, nil
	}
	if s.part = part; part.Again {
		s.part = sdp.Part{Body: sdp.Span{End: uint16(len(m.Body()))}}
		return false, errTwice
	}
	if err := s.index.Parse(m.Body()[part.Body.Off:part.Body.End]); err != nil {
		return false, err
	}
	s.edit.Reset(&s.index)
	if lists := call.restricted(&s.lists); len(lists) > 0 {
		s.silent = s.edit.Bar(lists...)
	}
	return true, nil
}

// edits says that descriptions of a call are looked at: codecs are restricted, or its media
// is bridged or to be encrypted.
func (c *Call) edits(lists *[4][]string) bool {
	return c.bridge != 0 || len(c.restricted(lists)) > 0 || c.encrypts(dialog.Caller) || c.encrypts(dialog.Callee) ||
		c.intercepts(dialog.Caller) || c.intercepts(dialog.Callee)
}

// compose writes a message whose headers are edited: its description without the restricted
// codecs, and naming us where the media is bridged. A stream that nothing is left of is off
// (port 0). What is of no offer or answer and cannot be read goes on without it: it says nothing
// that counts, and nobody keeps a call up by what his BYE carries.
func (c *Calls) compose(sh *transaction.Shard, call *Call, m *sip.Message, b bound) ([]byte, error) {
	s := &c.table(sh).work.session
	if len(m.Body()) > 0 && (describes(m) && call.edits(&s.lists) || call.bridge != 0) {
		found, err := s.read(call, m)
		if err != nil && !describes(m) {
			s.body, err = s.body[:0], nil
			s.replace(&sh.Edit, m)
		}
		if found && err == nil {
			err = c.bridge(sh, call, s, m, b)
		}
		if found && err == nil && s.edit.Changes() {
			err = s.put(&sh.Edit, m)
		}
		if found && err == nil && describes(m) {
			err = call.say(b.from.Other(), s.text(m))
		}
		if err != nil {
			return sh.Out[:0], err
		}
	}
	return sh.Edit.Write(sh.Out[:0])
}

// text is the description as it goes on.
func (s *session) text(m *sip.Message) []byte {
	if s.edit.Changes() {
		return s.body
	}
	return m.Body()[s.part.Body.Off:s.part.Body.End]
}

// put replaces the description in an edit of its message by what it is edited to.
func (s *session) put(e *sip.Edit, m *sip.Message) (err error) {
	if s.body, err = s.edit.Append(s.body[:0]); err == nil {
		s.replace(e, m)
	}
	return err
}

// replace puts a body in the description's place.
func (s *session) replace(e *sip.Edit, m *sip.Message) {
	at := m.SpanOf(m.Body()).Off
	span := func(s sdp.Span) sip.Span { return sip.Span{Off: at + s.Off, End: at + s.End} }
	length := len(m.Body()) - s.part.Body.Len() + len(s.body)
	if s.part.Length.End > 0 {
		var room [8]byte
		digits := strconv.AppendInt(room[:0], int64(len(s.body)), 10)
		e.At(span(s.part.Length)).Bytes(digits)
		length += len(digits) - s.part.Length.Len()
	}
	e.At(span(s.part.Body)).Bytes(s.body)
	if f := m.First(sip.HdrContentLength); f != nil {
		e.At(f.Value).Uint(uint64(length))
	}
}

// judged is a message whose description is looked at: whose it is, in which dialog, whether
// it is an offer, and the flow that a Warning goes over.
type judged struct {
	from  dialog.Side
	fork  uint8
	offer bool
	flow  transport.Flow
}

// judge says why a message's description must not go on: it cannot be read, its first audio
// stream has no codec left, or its media cannot be had so; policy.OK: it may. The Warning (RFC
// 3261 20.43) is for who wrote it.
func (c *Calls) judge(sh *transaction.Shard, call *Call, m *sip.Message, j judged) (policy.Reason, []byte) {
	s := &c.table(sh).work.session
	if !describes(m) || !call.edits(&s.lists) {
		return policy.OK, nil
	}
	found, err := s.read(call, m)
	agent := c.address(j.flow)
	switch {
	case err != nil:
		return policy.BadSession, warning(399, agent, policy.BadSession, faultText(err))
	case !found:
		return policy.OK, nil
	case s.silent != nil && j.offer:
		text := s.index.AppendCodecs([]byte("Offered: "), s.silent)
		text = append(text, ". Allowed: all but "...)
		return policy.NoCodecLeft, warning(305, agent, policy.NoCodecLeft, appendNames(text, call.restricted(&s.lists)))
	}
	if why, err := c.fits(sh, call, s, j.from, j.fork, j.offer); why != policy.OK {
		return why, warning(399, agent, why, faultText(err))
	}
	return policy.OK, nil
}

// warning is a Warning line: what a reason says, and more.
func warning(code int64, agent dialog.Address, why policy.Reason, more []byte) []byte {
	b := strconv.AppendInt([]byte("Warning: "), code, 10)
	b = append(append(append(b, ' '), agent.Host...), ':')
	b = strconv.AppendUint(b, uint64(agent.Port), 10)
	b = append(append(append(b, ` "`...), why.Sentence()...), ' ')
	return append(append(b, more...), "\"\r\n"...)
}

// faultText is what is wrong with a description, in words of package sdp alone.
func faultText(err error) []byte {
	var fault *sdp.Fault
	if !errors.As(err, &fault) {
		if err == nil {
			return nil
		}
		return append([]byte(err.Error()), '.')
	}
	return append([]byte(fault.Error()), '.')
}

// appendNames appends the names in some lists, each once.
func appendNames(dst []byte, lists [][]string) []byte {
	said := make(map[string]bool)
	for _, list := range lists {
		for _, name := range list {
			if said[name] {
				continue
			}
			if len(said) > 0 {
				dst = append(dst, ", "...)
			}
			said[name] = true
			dst = append(dst, name...)
		}
	}
	return append(dst, '.')
}

// offers says that a request within a call carries an offer that may be refused. One in a
// PRACK is an answer perhaps, and RFC 6337 2.2 wants it to be accepted with streams off.
func offers(m *sip.Message) bool { return m.Method() == sip.INVITE || m.Method() == sip.UPDATE }

// refuseOffer ends a call that is being set up for what a party's description is.
func (c *Calls) refuseOffer(sh *transaction.Shard, call *Call, why policy.Reason, warning []byte) {
	call.status = 0
	call.ended(why, why.Status(), dialog.Callee)
	because := c.because(call, dialog.Caller, call.caller, why, why.Status())
	sh.RespondStatus(call.server, &sip.Response{Status: why.Status(), Headers: slices.Concat(warning, because)})
	c.finish(sh, call)
}

// muteHere says that the request cannot go to the receiver at hand for its description; why
// the call ends so, should there be no other, is noted.
func (c *Calls) muteHere(sh *transaction.Shard, call *Call, s *setup, m *sip.Message) bool {
	why, warning := c.judge(sh, call, m, judged{dialog.Caller, call.forks, true, call.caller.Flow})
	if why == policy.OK {
		return false
	}
	if s.warning = warning; call.status == 0 {
		call.reason = why
	}
	return true
}

// muteAnswer ends what a response to the INVITE has begun, where its description cannot be
// read or is an offer with no codec left; false: it may go on. A late offer is answered with
// all of its streams off (RFC 3264 6).
func (c *Calls) muteAnswer(sh *transaction.Shard, call *Call, m *sip.Message, f transport.Flow) bool {
	if !describes(m) {
		return false
	}
	loop, _ := sh.Loop(m.TopVia().Branch)
	why, warning := c.judge(sh, call, m, judged{dialog.Callee, c.forkOf(call, m.ToTag()), loop&1 == 0, call.caller.Flow})
	if why == policy.OK {
		return false
	}
	if m.StatusCode() >= 200 {
		c.end2xx(sh, m, f)
	}
	if call.state == calling {
		c.refuseOffer(sh, call, why, warning)
	}
	return true
}

// muteExchange answers a request within a call whose description must not go on; false: it
// may.
func (c *Calls) muteExchange(sh *transaction.Shard, call *Call, x *exchange, m *sip.Message) bool {
	sender := call.leg(call.dialog(x.fork), x.from)
	why, warning := c.judge(sh, call, m, judged{x.from, x.fork, offers(m), sender.Flow})
	if why == policy.OK {
		return false
	}
	because := c.refused(sh, call, x, policy.Refuse(why))
	sh.RespondStatus(x.server, &sip.Response{Status: why.Status(), Headers: slices.Concat(warning, because)})
	x.done = true
	c.close(sh, x)
	return true
}

// muteReply is for a response within a call whose description must not go on: the request is
// refused, and media stays as it was. A 2xx to an INVITE is acknowledged here; has it made an offer,
// that is turned down, and the call ends (RFC 3261 13.2.2.4). False: it may go on.
func (c *Calls) muteReply(sh *transaction.Shard, call *Call, x *exchange, m *sip.Message) bool {
	if !describes(m) {
		return false
	}
	sender := call.leg(call.dialog(x.fork), x.from)
	why, warning := c.judge(sh, call, m, judged{x.from.Other(), x.fork, false, sender.Flow})
	switch {
	case why == policy.OK:
		return false
	case m.StatusCode() < 200:
		return true // the final response tells
	}
	var offer []byte
	if x.method == sip.INVITE && sh.Request(x.server, &sh.Kept) && wantsOffer(&sh.Kept) {
		offer = m.Body()
	}
	because := c.refused(sh, call, x, policy.Refuse(why))
	sh.RespondStatus(x.server, &sip.Response{Status: why.Status(), Headers: slices.Concat(warning, because)})
	c.withdraw(sh, call, x)
	if x.done = true; x.method != sip.INVITE {
		c.close(sh, x)
		return true
	}
	x.muted = true
	if c.ackHere(sh, call, x, m.CSeq(), offer); offer != nil {
		c.end(sh, call, why, why.Status())
	}
	return true
}

// muteAck ends a call on both sides whose ACK has an answer that must not go on, or cannot be read; it
// goes on without that, lest its 2xx be sent again and again. False: it may go on.
func (c *Calls) muteAck(sh *transaction.Shard, call *Call, x *exchange, m *sip.Message) bool {
	if !describes(m) {
		return false
	}
	sender := call.leg(call.dialog(x.fork), x.from)
	why, _ := c.judge(sh, call, m, judged{x.from, x.fork, false, sender.Flow})
	if why == policy.OK {
		return false
	}
	c.ackHere(sh, call, x, x.out, nil)
	c.end(sh, call, why, why.Status())
	return true
}
