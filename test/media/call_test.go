package media

import (
	"time"

	"tollgate/test/peer"
	"tollgate/test/stage"
)

// side is a party of a conversation: its signalling and its stream.
type side struct {
	*phone
	call *peer.Call
}

// conversation is a call that is up, and one stream of it.
type conversation struct {
	*stage.Stage
	a, b *side
}

// parties opens a phone on each side.
func parties(s *stage.Stage) (a, b *side) {
	s.Helper()
	s.Cleanup(func() { sealed(s) })
	return &side{phone: newPhone(s, s.Caller, 0xa)}, &side{phone: newPhone(s, s.Callee, 0xb)}
}

// connect has the caller's phone talk to the callee's. Lines are those of the m= section of
// both; none: audio.
func connect(s *stage.Stage, lines ...string) *conversation {
	s.Helper()
	a, b := parties(s)
	if len(lines) > 0 {
		a.plain, b.plain = lines, lines
	}
	a.call = s.Caller.Invite(s.URI(), a.sdp())
	b.call = s.Callee.Accept("INVITE")
	return a.answeredBy(b)
}

// answeredBy has the callee answer the call that it was just offered.
func (a *side) answeredBy(b *side) *conversation {
	a.Helper()
	b.told(b.call.Incoming())
	b.call.Answer(200, b.sdp())
	a.told(a.call.Expect(200))
	a.call.Ack()
	b.call.Expect("ACK")
	return &conversation{a.Stage, a, b}
}

// settle has both talk until their streams are such that the kernel takes them, where it does.
func (c *conversation) settle() {
	c.Helper()
	if !kernelOn(c.Stage) {
		talk(c.a.phone, c.b.phone, 5)
		return
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 180 { // 50 packets, and then the next tick of a clock that ticks each second
		talk(c.a.phone, c.b.phone, 1)
		<-tick.C
	}
}

// end hangs up, after which nothing passes any more.
func (c *conversation) end() {
	c.Helper()
	c.End(c.a.call, c.b.call)
	c.over()
}

// over wants nothing to pass any more.
func (c *conversation) over() {
	c.Helper()
	c.a.send(c.a.packet("too late"))
	c.b.send(c.b.packet("too late"))
	c.a.hearsNothing()
	c.b.hearsNothing()
}

// reoffer has one side make an offer within the call, in an INVITE or an UPDATE, that the other
// one answers. What each is told is given: the answer and the offer.
func (c *conversation) reoffer(method string, from, to *side, offer, answer peer.Option) (answered, offered description) {
	c.Helper()
	from.call.Request(method, offer)
	m := to.call.Expect(method)
	offered = read(c.Stage, m.Body)
	to.call.Reply(m, 200, answer)
	answered = read(c.Stage, from.call.Expect("200 "+method).Body)
	if method == "INVITE" {
		from.call.Ack()
		to.call.Expect("ACK")
	}
	return answered, offered
}
