package media

import (
	"errors"
	"net/netip"

	"tollgate/internal/media/rtp"
	"tollgate/internal/media/srtp"
)

// maxRate is how many packets a party may send on one stream in a second. Video of the best
// kind has half of it; what is beyond is a flood, or media that comes back to where it came from.
const maxRate = 10_000

// parties is a stream seen from who has sent something.
type parties struct {
	session *session
	from    *side
	to      *side
	now     int64
}

// serve reads one datagram from a socket and passes it on. Events are level-triggered: what
// stays in the socket comes again.
func (l *loop) serve(w where, gen uint32, now int64) {
	s := l.engine.table.at(w.slot())
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gen != gen || !s.open || s.streams[w.stream()] == nil {
		return // it was closed meanwhile
	}
	st := s.streams[w.stream()]
	p := parties{session: s, from: &st.sides[w.side()], to: &st.sides[1-w.side()], now: now}
	at := p.from.rtp
	if w.control() {
		at = p.from.rtcp
	}
	if !at.open() {
		return
	}
	n, from, errno := at.receive(l.buf[:])
	switch {
	case errno != 0:
	case n > len(l.buf):
		l.drop(DropMalformed)
	case !p.from.known || !p.to.known:
		l.drop(DropEarly)
	case !p.from.party.RTPStream:
		l.datagram(&p, l.buf[:n], from, w.control())
	default:
		l.media(&p, l.buf[:n], from, w.control())
	}
}

// media is what came on a stream of RTP.
func (l *loop) media(p *parties, b []byte, from netip.AddrPort, control bool) {
	switch kind := rtp.Kind(b); {
	case kind == rtp.RTP && !control:
		l.rtp(p, b, from)
	case kind == rtp.RTCP && control != p.from.party.Mux:
		l.rtcp(p, b, from)
	default:
		l.drop(DropKind)
	}
}

// rtp is one packet's way.
func (l *loop) rtp(p *parties, b []byte, from netip.AddrPort) {
	me := p.from
	opinion := me.latch.judge(from, me.said, p.now)
	if opinion == refused {
		me.refused++
		l.drop(DropForeign)
		return
	}
	if !me.party.may(b[1] & 0x7f) {
		l.drop(DropPayload)
		return
	}
	plain, ok := l.open(me, b, false)
	if !ok {
		return
	}
	h, ok := rtp.Parse(plain)
	if !ok {
		l.drop(DropMalformed)
		return
	}
	if opinion == asked && !l.learn(p, from, &h) || !l.within(p) {
		return
	}
	me.latch.heard, p.session.heard, p.session.told = p.now, p.now, false
	me.quality.Receive(h, len(plain), p.now, &me.party.Clocks, plain[h.Payload:len(plain)-h.Padding])
	if me.flow.leaves(&h, &me.party.Clocks) {
		l.engine.takeBack(me)
		me.packets = 0
	}
	me.packets++
	l.pass(p, plain, p.to.rtp, p.to.target(), false)
}

// may says that a party may send a payload type.
func (p *Party) may(pt uint8) bool {
	return p.Payloads[pt>>6]&(1<<(pt&63)) != 0 || p.Payloads == [2]uint64{}
}

// learn tries a source that is not the party's so far.
func (l *loop) learn(p *parties, from netip.AddrPort, h *rtp.Header) bool {
	me := p.from
	l.engine.refresh(me) // so that it is known when the kernel heard the present source
	if !me.latch.try(from, me.said, h, p.now, l.engine.window) {
		me.refused++
		l.drop(DropForeign)
		return false
	}
	if me.control.Addr() != from.Addr() {
		me.control = netip.AddrPort{}
	}
	me.packets, p.session.changed = 0, true
	l.engine.takeBack(me)
	l.engine.takeBack(p.to) // it led to the source of before
	return true
}

// within counts a party's packets of a second.
func (l *loop) within(p *parties) bool {
	const second = 1_000_000_000
	me := p.from
	if now := p.now / second; me.second != now {
		me.second, me.rate = now, 0
	}
	if me.rate++; me.rate > maxRate {
		l.drop(DropRate)
		return false
	}
	return true
}

// open gives a packet in clear.
func (l *loop) open(me *side, b []byte, control bool) ([]byte, bool) {
	if me.in == nil {
		return b, true
	}
	plain, err := decrypt(l.plain[:0], b, me.in, control)
	if err == nil {
		if me.before != nil {
			me.before.in = nil
		}
		return plain, true
	}
	if me.before != nil && me.before.in != nil && errors.Is(err, srtp.ErrAuth) {
		if plain, err := decrypt(l.plain[:0], b, me.before.in, control); err == nil {
			return plain, true
		}
	}
	cause := causeOf(err)
	switch cause {
	case DropReplay:
		me.replays++
	case DropTag:
		me.badTags++
	}
	l.drop(cause)
	return nil, false
}

func decrypt(dst, b []byte, by *srtp.Receiver, control bool) ([]byte, error) {
	if control {
		return by.RTCP(dst, b)
	}
	return by.RTP(dst, b)
}

// causeOf is why SRTP took no packet.
func causeOf(err error) Cause {
	switch {
	case errors.Is(err, srtp.ErrReplay):
		return DropReplay
	case errors.Is(err, srtp.ErrAuth):
		return DropTag
	}
	return DropMalformed
}

// pass sends what came in clear to the other party, under its key.
func (l *loop) pass(p *parties, b []byte, by socket, target netip.AddrPort, control bool) {
	switch {
	case !p.to.party.Receives && !control:
		l.drop(DropHeld)
		return
	case !target.IsValid() || !by.open():
		l.drop(DropNowhere)
		return
	}
	if out := p.to.out; out != nil {
		var err error
		if control {
			b, err = out.RTCP(l.sealed[:0], b)
		} else {
			b, err = out.RTP(l.sealed[:0], b)
		}
		if err != nil {
			l.drop(causeOf(err))
			return
		}
	}
	if errno := by.send(b, target); errno != 0 {
		l.drop(DropSend)
		return
	}
	l.packets.Add(1)
	l.octets.Add(uint64(len(b)))
}

// rtcp passes RTCP from the party alone: muxed from where its RTP comes, else from the address
// and port of its description or, once RTP was heard, from the address of that.
func (l *loop) rtcp(p *parties, b []byte, from netip.AddrPort) {
	me := p.from
	if !me.hears(from) {
		me.refused++
		l.drop(DropForeign)
		return
	}
	plain, ok := l.open(me, b, true)
	if !ok || !l.within(p) {
		return
	}
	if !me.quality.ReceiveRTCP(plain, p.now) {
		l.drop(DropMalformed)
		return
	}
	if !me.party.Mux {
		me.control = from
	}
	by, target := p.to.controlTarget()
	p.to.quality.SentRTCP(plain, p.now, me.quality.Clock())
	l.pass(p, plain, by, target, true)
}

// hears says that RTCP from a source is the party's. Within the address of its RTP the first port
// stays, unless the one of the description speaks.
func (p *side) hears(from netip.AddrPort) bool {
	exact := from == p.party.RTCP
	switch {
	case p.party.Mux:
		return from == p.latch.source
	case p.latch.rank == rankNone, p.party.Latch == Strict, p.party.RTCP.Addr() != p.said.Addr():
		return exact
	}
	return from.Addr() == p.latch.source.Addr() && (exact || !p.control.IsValid() || from == p.control)
}

// datagram passes what is no RTP, T.38 say, on the port of RTP: its source is learnt alike.
func (l *loop) datagram(p *parties, b []byte, from netip.AddrPort, control bool) {
	me := p.from
	opinion := me.latch.judge(from, me.said, p.now)
	switch {
	case control || len(b) == 0 || p.to.party.RTPStream:
		l.drop(DropKind)
		return
	case opinion == refused:
		me.refused++
		l.drop(DropForeign)
		return
	case opinion == asked && !l.learn(p, from, nil) || !l.within(p):
		return
	}
	me.latch.heard, p.session.heard, p.session.told = p.now, p.now, false
	me.packets++
	l.pass(p, b, p.to.rtp, p.to.target(), false)
}
