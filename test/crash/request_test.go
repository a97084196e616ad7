package crash

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"tollgate/test/peer"
)

// Timers of RFC 3261 17.1.2.
const (
	t1 = 500 * time.Millisecond
	t2 = 4 * time.Second
)

// request is one that a party has sent, until its final answer.
type request struct {
	p          *party
	leg        *leg // nil for one outside of dialogs
	msg        *peer.Message
	raw        []byte
	to         netip.AddrPort
	timer      *time.Timer
	wait       time.Duration
	proceeding bool // an INVITE that got a 1xx: nothing more is sent
	gone       bool
	done       chan struct{} // closed with the answer
	answer     *peer.Message
}

// ask sends a request, again and again until it is answered. mu is held.
func (p *party) ask(l *leg, m *peer.Message, to netip.AddrPort) *request {
	r := &request{p: p, leg: l, msg: m, raw: m.Bytes(), to: to, wait: t1, done: make(chan struct{})}
	p.pending[branch(m)] = r
	if err := p.send(to, r.raw); err != nil {
		p.t.Errorf("%s cannot send %s: %v", p.mark, m.Start(), err)
	}
	if p.proto == "udp" {
		r.timer = time.AfterFunc(r.wait, r.fire)
	}
	return r
}

func (r *request) fire() {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	if r.gone || r.proceeding || r.p.closed {
		return
	}
	r.wait = min(2*r.wait, t2)
	r.again()
	r.timer.Reset(r.wait)
}

// again sends it once more. mu is held.
func (r *request) again() {
	if r.p.proto == "udp" {
		_ = r.p.send(r.to, r.raw)
	}
}

// stop ends the sending; the answer will not come. mu is held.
func (r *request) stop() {
	r.gone = true
	if r.timer != nil {
		r.timer.Stop()
	}
}

// status waits for the final status.
func (r *request) status(ctx context.Context) (int, error) {
	patience := time.NewTimer(peer.Patience)
	defer patience.Stop()
	select {
	case <-r.done:
		return r.answer.Status, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-patience.C:
		return 0, fmt.Errorf("%s: no answer to\n%s", r.p.mark, r.raw)
	}
}

// want waits for the final status, which must be this one.
func (r *request) want(status int) error {
	got, err := r.status(context.Background())
	if err == nil && got != status {
		err = fmt.Errorf("%s: expected %d, got\n%sto\n%s", r.p.mark, status, r.answer.Bytes(), r.raw)
	}
	return err
}

// response takes an answer to the request that its branch names. mu is held.
func (p *party) response(m *peer.Message) {
	r := p.pending[branch(m)]
	_, method := m.CSeq()
	if r == nil {
		p.lateResponse(m, method)
		return
	}
	if vias := m.All("Via"); len(vias) != 1 {
		p.fault(m, "an answer must come with our Via alone")
	}
	if m.Tag("From") != r.msg.Tag("From") || m.Get("Call-ID") != r.msg.Get("Call-ID") || m.Get("CSeq") != r.msg.Get("CSeq") {
		p.fault(m, "an answer must repeat From, Call-ID and CSeq of\n%s", r.raw)
	}
	if method == "INVITE" && m.Status < 200 {
		r.proceeding = true
		return
	}
	if m.Status < 200 {
		return
	}
	delete(p.pending, branch(m))
	r.stop()
	r.answer = m
	if r.leg != nil {
		r.leg.answered(r, m)
	}
	close(r.done)
}

// lateResponse acknowledges what comes again: the first ACK was lost. mu is held.
func (p *party) lateResponse(m *peer.Message, method string) {
	l := p.legs[m.Get("Call-ID")]
	if l != nil && method == "INVITE" && m.Status >= 200 && l.ack != nil && l.invite != nil && l.invite.Get("CSeq") == m.Get("CSeq") {
		_ = p.send(l.ackTo, l.ack)
	}
}
