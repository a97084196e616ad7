package ua

import (
	"context"
	"errors"
	"time"

	"tollgate/sip"
)

// linger is how long we stay for a peer that did not get our last word: its first
// repetition comes after timer T1.
const linger = t1 + 100*time.Millisecond

// outgoing is a call that we place.
type outgoing struct {
	*call
	cfg    *ProbeConfig
	flow   *flow
	ladder *Ladder

	req        *request // the INVITE
	invite     *clientTx
	acks       map[string]sentAck // by far tag
	heard      bool               // a provisional response came: CANCEL may be sent (RFC 3261 9.1)
	giving     bool               // up: CANCEL is wanted or was sent
	cancelSent bool
	leaving    bool // BYE was sent or answered
	early      *message
	ringing    *alarm
	talking    *alarm
}

// sentAck is an ACK that is sent again when the answer comes again.
type sentAck struct {
	wire []byte
	flow *flow
}

// place places one call over f and returns when it is over.
func place(ctx context.Context, a *agent, f *flow, cfg *ProbeConfig, l *Ladder) error {
	out := &outgoing{cfg: cfg, flow: f, ladder: l, acks: make(map[string]sentAck)}
	out.call = newCall(a, out)
	out.user = cfg.user()
	out.trace = func(sent bool, f *flow, wire []byte, at time.Time, err error) {
		l.note(sent, f.remote, wire, at, err)
	}
	m, err := newMedia(cfg.listen, f.local.Addr(), playTone)
	if err != nil {
		return err
	}
	out.session = newSession(m)
	a.add(out.call, nil)
	out.begin()
	out.run(ctx)
	a.remove(out.call, nil)
	l.Media = m.seen()
	return nil
}

func (out *outgoing) begin() {
	out.req = &request{
		method: sip.INVITE, uri: out.cfg.URI, branch: newBranch(),
		from: "<" + out.cfg.From + ">;tag=" + out.tag, to: "<" + out.cfg.URI + ">",
		callID: newToken(), cseq: 1,
		headers: append([]string{contact(out.user, out.flow), "Allow: " + allow, "Supported: " + supported}, out.cfg.Headers...),
		body:    out.session.offer(),
	}
	out.ladder.CallID = out.req.callID
	out.ringing = out.after(out.cfg.Ring, func() { out.giveUp(NoAnswer) })
	out.invite = out.send(out.req, out.flow, out.answer, out.failed)
}

// answer takes each answer to the INVITE.
func (out *outgoing) answer(m *message) {
	if out.ladder.TryingMS == 0 {
		out.ladder.TryingMS = out.ladder.since(m.at)
	}
	switch code := m.StatusCode(); {
	case code < 200:
		out.provisional(m)
	case code < 300:
		out.accepted(m)
	default:
		out.rejected(m)
	}
}

func (out *outgoing) provisional(m *message) {
	if out.invite.final {
		return
	}
	out.heard = true
	if m.StatusCode() >= 180 && out.ladder.RingMS == 0 {
		out.ladder.RingMS = out.ladder.since(m.at)
	}
	if m.StatusCode() > 100 && m.ToTag() != nil {
		out.earlyDialog(m)
	}
	if out.giving && !out.cancelSent {
		out.cancel()
	}
}

// earlyDialog takes a provisional response with a tag: it makes a dialog, may ask
// for PRACK (RFC 3262 4), and may hold a description.
func (out *outgoing) earlyDialog(m *message) {
	d := out.dialogByTag(m)
	if d == nil {
		var err error
		if d, err = dialogOfResponse(m, out.req.cseq); err != nil || len(out.dialogs) == maxDialogs {
			return
		}
		out.dialogs = append(out.dialogs, d)
	}
	if isSDP(m) && len(m.Body()) > 0 {
		out.early = m
	}
	if !hasToken(m, sip.HdrRequire, "100rel") {
		return
	}
	rseq, ok := sip.ParseUint(m.Value(sip.HdrRSeq))
	if !ok || d.rseq != 0 && rseq != d.rseq+1 {
		return
	}
	d.rseq = rseq
	if out.early == m && out.session.offered {
		out.session.accept(m)
	}
	r := d.request(sip.PRACK, d.next())
	r.headers = []string{rack(rseq, out.req.cseq)}
	out.send(r, d.hop(&out.agent.sockets), func(*message) {}, func(error) {})
}

func (out *outgoing) dialogByTag(m *message) *dialog {
	for _, d := range out.dialogs {
		if d.remoteTag == string(m.ToTag()) {
			return d
		}
	}
	return nil
}

// accepted takes a 2xx: the first is the call, a copy gets its ACK again, and one of
// another fork is ended at once (RFC 3261 13.2.2.4).
func (out *outgoing) accepted(m *message) {
	if a, known := out.acks[string(m.ToTag())]; known {
		_ = out.write(a.flow, a.wire)
		return
	}
	if len(out.acks) == maxDialogs {
		return
	}
	d := out.confirmed(m)
	first := len(out.acks) == 0
	out.ack(d)
	if !first {
		out.dialogs = append(out.dialogs, d)
		out.sendBye(d, func(error) {})
		return
	}
	out.dialogs = append([]*dialog{d}, out.dialogs...)
	out.ringing.stop()
	out.settle(m)
	out.final(m, Answered)
	if out.giving {
		out.hangUp()
		return
	}
	out.session.media.start()
	out.talking = out.after(out.cfg.Talk, out.hangUp)
}

// confirmed gives the dialog of a 2xx, whose route set and target count, whatever
// provisional responses have said.
func (out *outgoing) confirmed(m *message) *dialog {
	early := out.dialogByTag(m)
	d, err := dialogOfResponse(m, out.req.cseq)
	if err != nil {
		out.ladder.Error = err.Error() + " in the 2xx"
		d.target = out.cfg.URI
	}
	if early != nil {
		d.cseq, d.remoteCSeq, d.rseq = early.cseq, early.remoteCSeq, early.rseq
		for i := range out.dialogs {
			if out.dialogs[i] == early {
				out.dialogs = append(out.dialogs[:i], out.dialogs[i+1:]...)
				break
			}
		}
	}
	return d
}

func (out *outgoing) ack(d *dialog) {
	r := d.request(sip.ACK, out.req.cseq)
	f := d.hop(&out.agent.sockets)
	a := sentAck{r.wire(f, out.agent.name), f}
	out.acks[d.remoteTag] = a
	_ = out.write(f, a.wire) // a lost one is asked for again
}

// settle takes the answer to our offer out of the 2xx, or out of what came early.
func (out *outgoing) settle(m *message) {
	switch {
	case !out.session.offered: // a reliable provisional response had it
	case len(m.Body()) > 0:
		out.session.accept(m)
	case out.early != nil:
		out.session.accept(out.early)
	}
	out.session.offered = false
}

// rejected takes a 3xx to 6xx, or a copy of it.
func (out *outgoing) rejected(m *message) {
	if len(out.acks) > 0 {
		return
	}
	r := *out.req
	r.method, r.headers, r.body, r.to = sip.ACK, nil, nil, oneLine(m.Value(sip.HdrTo))
	_ = out.write(out.flow, r.wire(out.flow, out.agent.name)) // a lost one is asked for again
	if out.ladder.Status == 0 {
		out.final(m, Refused)
		out.finish()
	}
}

func (out *outgoing) final(m *message, o Outcome) {
	l := out.ladder
	l.Status, l.Reason, l.AnswerMS = m.StatusCode(), printable(oneLine(m.Reason())), l.since(m.at)
	if !out.giving {
		l.Outcome = o
	}
}

// failed is the end of an INVITE that was not answered.
func (out *outgoing) failed(err error) {
	o := Failed
	if errors.Is(err, errTimeout) {
		o = Silence
	}
	if !out.giving {
		out.ladder.Outcome = o
	}
	out.ladder.Error = printable(err.Error())
	out.over = true
}

// giveUp cancels a call that is not answered yet.
func (out *outgoing) giveUp(o Outcome) {
	if out.giving {
		return
	}
	out.giving = true
	out.ladder.Outcome = o
	if out.heard && !out.invite.final {
		out.cancel()
	}
}

// cancel sends CANCEL: the INVITE's own Via, To without tag (RFC 3261 9.1). The
// INVITE is given up when even that brings no answer.
func (out *outgoing) cancel() {
	out.cancelSent = true
	r := *out.req
	r.method, r.headers, r.body = sip.CANCEL, nil, nil
	out.send(&r, out.flow, func(*message) {}, func(error) {})
	out.after(giveUp, func() { out.invite.fail(errTimeout) })
}

// hangUp ends an answered call.
func (out *outgoing) hangUp() {
	if out.leaving {
		return
	}
	out.leaving = true
	out.talking.stop()
	out.ladder.EndedBy = "us"
	out.sendBye(out.dialogs[0], func(err error) {
		if err != nil {
			out.ladder.Error = "BYE: " + printable(err.Error())
		}
		out.over = true
	})
}

// finish leaves once the far end had time to say that it missed our last word.
func (out *outgoing) finish() {
	out.ringing.stop()
	out.talking.stop()
	if out.flow.proto.stream() {
		out.over = true
		return
	}
	out.after(linger, func() { out.over = true })
}

// The role.

func (out *outgoing) acked()     {}
func (out *outgoing) cancelled() {}

func (out *outgoing) unacked() {
	if out.server.status < 300 {
		out.hangUp()
	}
}

func (out *outgoing) pracked(_ *dialog, m *message) { out.respond(m, 481, nil) }

// ended: the far end has hung up.
func (out *outgoing) ended() {
	if len(out.acks) == 0 || out.ladder.EndedBy == "them" {
		return
	}
	if !out.leaving {
		out.leaving = true
		out.ladder.EndedBy = "them"
	}
	out.finish()
}

func (out *outgoing) stop() {
	switch {
	case len(out.acks) > 0:
		out.hangUp()
	case out.ladder.Status == 0:
		out.giveUp(Cancelled)
	}
}
