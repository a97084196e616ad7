package media

import (
	"strconv"
	"strings"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func TestOffers(t *testing.T) { paths(t, offerSuite) }

func offerSuite(t *testing.T, n *harness.Node) {
	play(t, n, append(stage.One(), stage.Out(stage.One())...), map[string]func(*stage.Stage){
		"early media":                 func(s *stage.Stage) { earlyMedia(s, false) },
		"early media, then elsewhere": func(s *stage.Stage) { earlyMedia(s, true) },
		"late offer":                  lateOffer,
		"late offer in a re-INVITE":   func(s *stage.Stage) { lateReoffer(s, peer.NoBody()) },
		"late offer, another body":    func(s *stage.Stage) { lateReoffer(s, peer.Body("application/pidf+xml", "<presence/>")) },
		"PRACK with an answer":        prackAnswers,
		"PRACK with an offer":         prackOffers,
		"a party moves":               moves,
		"a refused re-INVITE":         refusedReoffer,
		"two forks":                   forks,
		"two forks that both answer":  forksAnswer,
		"two forks, all in 183":       func(s *stage.Stage) { reliableForks(s, false) },
		"two forks, offers in 183":    func(s *stage.Stage) { reliableForks(s, true) },
		"versions":                    versions,
		"what is no offer":            noOffers,
	})
}

// earlyMedia: the 183 has an answer, and the 200 the same one or another.
func earlyMedia(s *stage.Stage, elsewhere bool) {
	a, b := parties(s)
	a.call = s.Caller.Invite(s.URI(), a.sdp())
	b.call = s.Callee.Accept("INVITE")
	b.told(b.call.Incoming())
	answer := b.sdp()
	b.call.Answer(183, answer)
	early := a.told(a.call.Expect(183))
	says(b.phone, a.phone, 10) // the announcement
	says(a.phone, b.phone, 3)
	if elsewhere {
		b.open(b.at.Addr())
		answer = b.sdp()
	}
	b.call.Answer(200, answer)
	d := a.told(a.call.Expect(200))
	if !elsewhere && d.text != early.text {
		s.Errorf("the same answer was told as\n%sand then as\n%s", early.text, d.text)
	}
	if d.id != early.id || d.streams[0].port != early.streams[0].port {
		s.Errorf("the answer has moved:\n%s%s", early.text, d.text)
	}
	a.call.Ack()
	b.call.Expect("ACK")
	talk(a.phone, b.phone, 10)
	(&conversation{s, a, b}).end()
}

func lateOffer(s *stage.Stage) {
	a, b := parties(s)
	a.call = s.Caller.Invite(s.URI(), peer.NoBody())
	b.call = s.Callee.Accept("INVITE")
	b.call.Answer(200, b.sdp())
	a.told(a.call.Expect(200))
	a.call.Ack(a.sdp())
	b.told(b.call.Expect("ACK"))
	talk(a.phone, b.phone, 5)
	(&conversation{s, a, b}).end()
}

// lateReoffer: a re-INVITE that has no description, whatever else it has, is answered by an offer.
func lateReoffer(s *stage.Stage, body peer.Option) {
	c := connect(s)
	c.settle()
	for _, pair := range [][2]*side{{c.a, c.b}, {c.b, c.a}} {
		from, to := pair[0], pair[1]
		from.call.Request("INVITE", body)
		to.call.Expect("INVITE")
		to.open(to.at.Addr())
		to.call.Answer(200, to.sdp())
		from.told(from.call.Expect(200))
		from.open(from.at.Addr())
		from.call.Ack(from.sdp())
		to.told(to.call.Expect("ACK"))
		talk(c.a.phone, c.b.phone, 5)
	}
	c.end()
}

// prackAnswers: an INVITE without an offer, a reliable 183 with one, the answer in its PRACK.
func prackAnswers(s *stage.Stage) {
	a, b := parties(s)
	a.call = s.Caller.Invite(s.URI(), peer.NoBody(), peer.With("Supported", "100rel"))
	b.call = s.Callee.Accept("INVITE")
	b.call.Answer(183, b.sdp(), peer.With("Require", "100rel"), peer.With("RSeq", "1"))
	provisional := a.call.Expect(183)
	a.told(provisional)
	a.call.Prack(provisional, a.sdp())
	prack := b.call.Expect("PRACK")
	b.told(prack)
	b.call.Reply(prack, 200)
	a.call.Expect("200 PRACK")
	talk(a.phone, b.phone, 5)
	b.call.Answer(200)
	a.call.Expect("200 INVITE")
	a.call.Ack()
	b.call.Expect("ACK")
	talk(a.phone, b.phone, 5)
	(&conversation{s, a, b}).end()
}

// prackOffers: the offer is answered in a reliable 183, and its PRACK has another offer.
func prackOffers(s *stage.Stage) {
	a, b := parties(s)
	a.call = s.Caller.Invite(s.URI(), a.sdp(), peer.With("Supported", "100rel"))
	b.call = s.Callee.Accept("INVITE")
	b.told(b.call.Incoming())
	b.call.Answer(183, b.sdp(), peer.With("Require", "100rel"), peer.With("RSeq", "1"))
	provisional := a.call.Expect(183)
	a.told(provisional)
	talk(a.phone, b.phone, 3)
	a.open(a.at.Addr())
	a.call.Prack(provisional, a.sdp())
	prack := b.call.Expect("PRACK")
	b.told(prack)
	b.open(b.at.Addr())
	b.call.Reply(prack, 200, b.sdp())
	a.told(a.call.Expect("200 PRACK"))
	talk(a.phone, b.phone, 3)
	b.call.Answer(200)
	a.call.Expect("200 INVITE")
	a.call.Ack()
	b.call.Expect("ACK")
	talk(a.phone, b.phone, 3)
	(&conversation{s, a, b}).end()
}

// moves: each party in turn goes to another port, by re-INVITE and by UPDATE. Ours stay.
func moves(s *stage.Stage) {
	c := connect(s)
	c.settle()
	for _, method := range []string{"INVITE", "UPDATE"} {
		for _, pair := range [][2]*side{{c.a, c.b}, {c.b, c.a}} {
			from, to := pair[0], pair[1]
			old := from.rtp
			from.open(from.at.Addr())
			ours := from.to
			answered, offered := c.reoffer(method, from, to, from.sdp(), to.sdp())
			from.told(&peer.Message{Body: answered.text})
			to.told(&peer.Message{Body: offered.text})
			if from.to != ours {
				s.Errorf("our port was %s and is %s", ours, from.to)
			}
			c.settle()
			from.write(old, from.packet("from the old port"), from.to)
			to.hearsNothing()
			from.quiet(old)
		}
	}
	c.end()
}

// refusedReoffer: media goes on as it was, whoever offered and was refused.
func refusedReoffer(s *stage.Stage) {
	c := connect(s)
	c.settle()
	for _, method := range []string{"INVITE", "UPDATE"} {
		for _, pair := range [][2]*side{{c.a, c.b}, {c.b, c.a}} {
			from, to := pair[0], pair[1]
			from.call.Request(method, from.sdp("m=audio 4000 RTP/AVP 9 101", "a=rtpmap:9 G722/8000", "a=rtpmap:101 telephone-event/8000", "a=sendonly"))
			m := to.call.Expect(method)
			to.call.Reply(m, 488, to.sdp("m=audio 0 RTP/AVP 0"))
			from.call.Expect("488 " + method)
			if method == "INVITE" {
				to.call.Expect("ACK")
			}
			talk(c.a.phone, c.b.phone, 5)
		}
	}
	c.end()
}

// forks: two phones behind the callee answer early with media each; the caller hears who
// answered last, and in the end who takes the call.
func forks(s *stage.Stage) {
	a, b := parties(s)
	other := newPhone(s, s.Callee, 0xcc)
	a.call = s.Caller.Invite(s.URI(), a.sdp())
	b.call = s.Callee.Accept("INVITE")
	b.told(b.call.Incoming())
	other.told(b.call.Incoming())
	b2 := b.call.AnswerAs()
	b.call.Answer(183, b.sdp())
	first := a.told(a.call.Expect(183))
	talk(a.phone, b.phone, 3)
	b2.Answer(183, other.sdp())
	m := a.call.Expect(183)
	second := a.told(m)
	a2 := a.call.Fork(m)
	if first.streams[0].port != second.streams[0].port {
		s.Errorf("two forks, two ports of ours:\n%s%s", first.text, second.text)
	}
	talk(a.phone, other, 3)
	unheard(b.phone, a.phone)
	b.call.Answer(200, b.sdp())
	a.told(a.call.Expect(200))
	a.call.Ack()
	b.call.Expect("ACK")
	talk(a.phone, b.phone, 3)
	unheard(other, a.phone)
	_ = a2
	(&conversation{s, a, b}).end()
}

// forksAnswer: who answered first has the media, although another one answers too and is ended.
func forksAnswer(s *stage.Stage) {
	a, b := parties(s)
	other := newPhone(s, s.Callee, 0xcc)
	a.call = s.Caller.Invite(s.URI(), a.sdp())
	b.call = s.Callee.Accept("INVITE")
	b.told(b.call.Incoming())
	other.told(b.call.Incoming())
	b2 := b.call.AnswerAs()
	b.call.Answer(200, b.sdp())
	a.told(a.call.Expect(200))
	a.call.Ack()
	b.call.Expect("ACK")
	talk(a.phone, b.phone, 3)
	b2.Answer(200, other.sdp())
	if second := a.call.AwaitWithin(none, 200); second != nil {
		a2 := a.call.Fork(second)
		a2.Ack()
		b2.Expect("ACK")
		s.End(a2, b2)
	} else {
		b2.Expect("ACK")
		b2.Reply(b2.Expect("BYE"), 200)
	}
	talk(a.phone, b.phone, 3)
	(&conversation{s, a, b}).end()
}

// reliableForks: two phones behind the callee agree on their media in reliable 183s, and the first of
// them takes the call with a 2xx that says nothing of it any more (RFC 3261 13.2.1). late: theirs are the
// offers, and PRACKs answer.
func reliableForks(s *stage.Stage, late bool) {
	a, b := parties(s)
	other := &side{phone: newPhone(s, s.Callee, 0xcc)}
	invite := func() peer.Option { return a.sdp() }
	if late {
		invite = peer.NoBody
	}
	a.call = s.Caller.Invite(s.URI(), invite(), peer.With("Supported", "100rel"))
	b.call = s.Callee.Accept("INVITE")
	other.call = b.call.AnswerAs()
	legs := map[*side]*peer.Call{}
	agree := func(with *side) {
		with.call.Answer(183, with.sdp(), peer.With("Require", "100rel"), peer.With("RSeq", "1"))
		m := a.call.Expect(183)
		if with == b {
			legs[with] = a.call
		} else {
			legs[with] = a.call.Fork(m)
		}
		a.told(m)
		if late {
			legs[with].Prack(m, a.sdp())
		} else {
			with.told(b.call.Incoming())
			legs[with].Prack(m)
		}
		prack := with.call.Expect("PRACK")
		if late {
			with.told(prack)
		}
		with.call.Reply(prack, 200)
		legs[with].Expect("200 PRACK")
		talk(a.phone, with.phone, 3)
	}
	agree(b)
	agree(other)
	unheard(b.phone, a.phone)
	b.call.Answer(200)
	a.call.Expect("200 INVITE")
	a.call.Ack()
	b.call.Expect("ACK")
	c := &conversation{s, a, b}
	c.settle()
	unheard(other.phone, a.phone)
	other.hearsNothing()
	answered, offered := c.reoffer("INVITE", b, a, b.sdp(), a.sdp())
	a.told(&peer.Message{Body: offered.text})
	b.told(&peer.Message{Body: answered.text})
	c.settle()
	c.end()
}

// versions: what o= says to each side (RFC 3264 8): one session, and a version that goes up by
// one where something has changed, and nowhere else.
func versions(s *stage.Stage) {
	c := connect(s)
	told := map[*side]description{c.a: read(s, s.Caller.Received(200)[0].Body), c.b: read(s, c.b.call.Incoming().Body)}
	step := func(from, to *side, change string, offer, answer peer.Option, more int) {
		s.Helper()
		answered, offered := c.reoffer("INVITE", from, to, offer, answer)
		for who, d := range map[*side]description{from: answered, to: offered} {
			want := told[who].version
			if who == to {
				want += more
			}
			if d.id != told[who].id || who == to && d.version != want {
				s.Errorf("%s: o= was %s %d and is %s %d, wanted version %d", change, told[who].id, told[who].version, d.id, d.version, want)
			}
			if d.version < told[who].version || d.version > told[who].version+1 {
				s.Errorf("%s: the version goes from %d to %d", change, told[who].version, d.version)
			}
			if same := withoutOrigin(d.text) == withoutOrigin(told[who].text); same != (d.version == told[who].version) {
				s.Errorf("%s: version %d after %d for\n%safter\n%s", change, d.version, told[who].version, d.text, told[who].text)
			}
			told[who] = d
		}
	}
	same := func(x *side) peer.Option { return wire(session(x.at.Addr(), x.version, x.section())) }
	step(c.a, c.b, "nothing new", same(c.a), same(c.b), 0)
	step(c.b, c.a, "nothing new from the other side", same(c.b), same(c.a), 0)
	step(c.a, c.b, "hold", c.a.sdp(append(c.a.plain, "a=sendonly")...), c.b.sdp(append(c.b.plain, "a=recvonly")...), 1)
	step(c.a, c.b, "resume", c.a.sdp(), c.b.sdp(), 1)
	c.a.open(c.a.at.Addr())
	step(c.a, c.b, "a port that is ours to tell", c.a.sdp(), c.b.sdp(), 0)
	step(c.b, c.a, "another codec", c.b.sdp("m=audio PORT RTP/AVP 8 0"), c.a.sdp("m=audio PORT RTP/AVP 8"), 1)
	s.End(c.a.call, c.b.call)
}

func withoutOrigin(text string) string {
	var lines []string
	for line := range strings.SplitSeq(text, "\r\n") {
		if !strings.HasPrefix(line, "o=") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\r\n")
}

// noOffers: descriptions in a refusal and in answers to OPTIONS and INFO name nobody.
func noOffers(s *stage.Stage) {
	a, b := parties(s)
	a.call = s.Caller.Invite(s.URI(), a.sdp())
	b.call = s.Callee.Accept("INVITE")
	b.told(b.call.Incoming())
	b.call.Answer(488, b.sdp(), peer.With("Warning", "304 pbx \"no\""))
	nowhere(s, a.call.Expect(488))
	b.call.Expect("ACK")

	c := connect(s)
	for _, pair := range [][2]*side{{c.a, c.b}, {c.b, c.a}} {
		from, to := pair[0], pair[1]
		from.call.Request("OPTIONS", peer.With("Accept", "application/sdp"))
		to.call.Reply(to.call.Expect("OPTIONS"), 200, to.sdp())
		nowhere(s, from.call.Expect("200 OPTIONS"))
		from.call.Request("INVITE", from.sdp())
		to.call.Expect("INVITE")
		to.call.Answer(488, to.sdp())
		nowhere(s, from.call.Expect("488 INVITE"))
		to.call.Expect("ACK")
	}
	talk(c.a.phone, c.b.phone, 3)
	c.end()
}

// nowhere wants a message's description to lead nowhere.
func nowhere(s *stage.Stage, m *peer.Message) {
	s.Helper()
	if m.Body == "" {
		return
	}
	for _, sec := range read(s, m.Body).streams {
		if sec.port != 0 {
			s.Errorf("a description that is no answer has a port:\n%s", m.Bytes())
		}
	}
}

// streams writes so many audio streams; ports count from first.
func streams(count, first int) string {
	var b strings.Builder
	for i := range count {
		b.WriteString("m=audio " + strconv.Itoa(first+2*i) + " RTP/AVP 0\r\n")
	}
	return strings.TrimSuffix(b.String(), "\r\n")
}
