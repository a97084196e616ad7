package ua

import (
	"context"
	"strconv"
	"time"

	"tollgate/sip"
)

// step is one line of an extension's script: what it does, and how long after the
// step before. Nothing is done while a PRACK or an ACK is awaited.
type step struct {
	after time.Duration
	do    func(*incoming)
}

// incoming is a call to the PBX.
type incoming struct {
	*call
	pbx   *PBX
	req   *message
	steps []step
	next  *alarm // of the step to come
	again *alarm // of the next 180

	reliable bool      // the caller requires PRACK
	waiting  *reliable // a provisional response without its PRACK
	rseq     uint32

	body     []byte // our description, once it was made
	relied   bool   // it went out in a reliable provisional response
	answered bool
	refused  bool
	leaving  bool // BYE is due, perhaps after the ACK
	sent     bool // it was sent
}

// reliable is a provisional response that waits for its PRACK (RFC 3262 3).
type reliable struct {
	rseq           uint32
	interval       time.Duration
	resend, expire *alarm
}

func (r *reliable) drop() {
	if r != nil {
		r.resend.stop()
		r.expire.stop()
	}
}

// newIncoming makes the call of an INVITE; live is its goroutine.
func newIncoming(p *PBX, m *message) *incoming {
	in := &incoming{pbx: p, req: m, reliable: hasToken(m, sip.HdrRequire, "100rel")}
	in.call = newCall(p.agent, in)
	if u, err := sip.ParseURI(m.RequestURI()); err == nil {
		in.user = string(u.User)
	}
	in.server = &inviteServer{call: in.call, req: m}
	return in
}

func (in *incoming) live(ctx context.Context) {
	in.begin()
	in.run(ctx)
	in.agent.remove(in.call, in.req)
	in.pbx.log.Debug("call over", "call_id", string(in.req.CallID()), "user", in.user, "status", in.server.status)
}

// begin judges the INVITE and starts the script of its extension.
func (in *incoming) begin() {
	in.after(in.pbx.cfg.MaxCall, in.stop)
	d, err := dialogOfRequest(in.req, in.tag)
	if err != nil {
		in.pbx.log.Debug("bad INVITE", "error", err)
		in.refuse(400)
		return
	}
	in.dialogs = []*dialog{d}
	if status := in.judgeOffer(); status != 0 {
		in.refuse(status, "Accept: "+sdpType)
		return
	}
	ext := in.pbx.extension(in.user)
	m, err := newMedia(in.pbx.cfg.listen, in.req.flow.local.Addr(), ext.play)
	if err != nil {
		in.pbx.log.Warn("no media", "error", err)
		in.refuse(500)
		return
	}
	in.session = newSession(m)
	in.steps = ext.script(&in.pbx.cfg)
	in.advance()
}

// judgeOffer says with which status to refuse the offer, before anything rings.
func (in *incoming) judgeOffer() int {
	if len(in.req.Body()) == 0 {
		return 0
	}
	if !isSDP(in.req) {
		return 415
	}
	if d, ok := parseDescription(in.req.Body()); !ok || d.chosen < 0 {
		return 488
	}
	return 0
}

// advance sets the alarm of the next step.
func (in *incoming) advance() {
	if len(in.steps) == 0 || in.next.set() || in.waiting != nil || in.answered && !in.server.acked {
		return
	}
	s := in.steps[0]
	in.steps = in.steps[1:]
	in.next = in.after(s.after, func() {
		s.do(in)
		in.advance()
	})
}

// ring sends a 180, and again every minute, lest a proxy takes us for dead (RFC 3261
// 13.3.1.1).
func (in *incoming) ring() {
	in.provisional(180, false)
	in.again.stop()
	in.again = in.after(time.Minute, in.ring)
}

// progress sends a 183 and early media.
func (in *incoming) progress() {
	in.provisional(183, true)
	in.session.media.start()
}

// provisional sends a 1xx, reliably where the caller requires that. Only a reliable
// one may hold an offer, and must if the caller made none (RFC 3261 13.2.1).
func (in *incoming) provisional(status int, describe bool) {
	var body []byte
	if !in.reliable {
		if describe && len(in.req.Body()) > 0 {
			body = in.describe()
		}
		in.server.answer(status, body)
		return
	}
	if !in.relied && (describe || len(in.req.Body()) == 0) {
		body, in.relied = in.describe(), true
	}
	in.rseq++
	in.server.answer(status, body, "Require: 100rel", "RSeq: "+strconv.FormatUint(uint64(in.rseq), 10))
	in.waiting.drop()
	r := &reliable{rseq: in.rseq, interval: t1}
	in.waiting = r
	r.expire = in.after(giveUp, func() { in.refuse(504) })
	r.resend = in.after(r.interval, func() { in.repeatReliable(r) })
}

func (in *incoming) repeatReliable(r *reliable) {
	in.server.repeat()
	r.interval *= 2
	r.resend = in.after(r.interval, func() { in.repeatReliable(r) })
}

// describe gives our description, the same each time.
func (in *incoming) describe() []byte {
	if in.body == nil {
		in.body, _ = in.negotiate(in.req) // judgeOffer has seen to the status
	}
	return in.body
}

// answer sends the 200. It holds the description unless that was delivered.
func (in *incoming) answer() {
	in.quiet()
	in.answered = true
	if in.relied {
		in.server.answer(200, nil)
		return
	}
	in.server.answer(200, in.describe())
}

// refuse ends a call that was not answered.
func (in *incoming) refuse(status int, headers ...string) {
	if in.answered || in.refused {
		return
	}
	in.quiet()
	in.steps, in.refused = nil, true
	in.server.answer(status, nil, headers...)
}

// quiet stops all that goes on before the final answer.
func (in *incoming) quiet() {
	in.next.stop()
	in.again.stop()
	in.waiting.drop()
	in.waiting = nil
}

// hangUp ends an answered call, but not before its ACK (RFC 3261 15).
func (in *incoming) hangUp() {
	if in.leaving {
		return
	}
	in.leaving = true
	if in.server.acked {
		in.bye()
	}
}

func (in *incoming) bye() {
	if in.sent {
		return
	}
	in.sent = true
	in.sendBye(in.dialogs[0], func(error) { in.over = true })
}

// The role.

func (in *incoming) acked() {
	switch {
	case in.refused:
		in.over = true
	case in.leaving:
		in.bye()
	default:
		in.session.media.start()
		in.advance()
	}
}

func (in *incoming) unacked() {
	switch {
	case in.refused:
		in.over = true
	case in.server.status < 300: // RFC 3261 13.3.1.4, 14.2
		in.leaving = true
		in.bye()
	}
}

func (in *incoming) cancelled() { in.refuse(487) }

func (in *incoming) pracked(d *dialog, m *message) {
	r := in.waiting
	if r == nil || "RAck: "+oneLine(m.Value(sip.HdrRAck)) != rack(r.rseq, in.req.CSeq()) {
		in.respond(m, 481, nil)
		return
	}
	r.drop()
	in.waiting = nil
	switch {
	case in.session.offered:
		in.session.accept(m)
		in.respond(m, 200, nil)
	case len(m.Body()) > 0: // another offer (RFC 3262 5)
		body, status := in.negotiate(m)
		in.respond(m, max(status, 200), body)
	default:
		in.respond(m, 200, nil)
	}
	in.advance()
}

func (in *incoming) ended() {
	if in.answered {
		in.over = true
		return
	}
	in.refuse(487)
}

func (in *incoming) stop() {
	if !in.answered {
		in.refuse(480)
		return
	}
	in.hangUp()
}
