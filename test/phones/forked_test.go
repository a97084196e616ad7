package phones

import (
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// forked are calls from the PBX to an address of record with several phones: all ring, the
// first to answer has the call (RFC 3261 16.7).
func forked() []stage.Scenario {
	some := stage.Matrix("udp4-udp4", "tcp4-udp4")
	return []stage.Scenario{
		{Name: "three ring and one answers", Matrix: some, Play: threeRing},
		{Name: "three ring and the PBX gives up", Matrix: some, Play: threeRingCanceled},
		{Name: "three refuse", Matrix: stage.One(), Play: threeRefuse},
		{Name: "one declines for all", Matrix: stage.One(), Play: declined},
		{Name: "two answer at once", Matrix: stage.One(), Play: twoAnswer},
		{Name: "one of two has left", Matrix: some, Play: oneLeft},
		{Name: "nobody is registered", Matrix: stage.One(), Play: nobody},
	}
}

// family registers phones of one address of record.
func family(s *stage.Stage, count int) []*phone {
	s.Helper()
	var all []*phone
	var tokens []string
	for i := range count {
		ua := s.Caller
		if i > 0 {
			ua = s.Peer(s.Variant.Caller)
		}
		p := newPhone(s, ua, "alice")
		p.Ask(600)
		p.grant(p.arrives(), 600, tokens...)
		tokens = append(tokens, "<"+p.token+">;expires=600")
		all = append(all, p)
	}
	return all
}

// ringAll has the PBX call the address of record and every phone ring.
func ringAll(s *stage.Stage, phones []*phone) (b *peer.Call, calls []*peer.Call) {
	s.Helper()
	b = sends(s, "INVITE", "sip:alice@"+s.Domain)
	for _, p := range phones {
		calls = append(calls, p.gets("INVITE"))
	}
	for _, a := range calls {
		a.Answer(180)
	}
	for range calls { // the PBX is told of each
		b.Await(180)
	}
	return b, calls
}

// givenUp has a ringing phone take its CANCEL as a phone does.
func givenUp(a *peer.Call) (cancel *peer.Message) {
	cancel = a.Expect("CANCEL")
	a.Reply(cancel, 200)
	a.Answer(487)
	a.Expect("ACK")
	return cancel
}

func threeRing(s *stage.Stage) {
	b, calls := ringAll(s, family(s, 3))
	winner := calls[1]
	winner.Answer(200, peer.SDP(winner.UA, 1))
	b = b.Fork(b.Expect(200))
	b.Ack()
	winner.Expect("ACK")
	for _, a := range []*peer.Call{calls[0], calls[2]} {
		m := givenUp(a)
		if got := m.Get("Reason"); got != `SIP;cause=200;text="Call completed elsewhere"` { // RFC 3326 3.1: no missed call
			s.Errorf("another phone has the call, and this one is told\n%s", m.Bytes())
		}
	}
	inside(s, winner, b)
}

func threeRingCanceled(s *stage.Stage) {
	b, calls := ringAll(s, family(s, 3))
	b.Cancel()
	b.ExpectSet("200 CANCEL", 487)
	for _, a := range calls {
		givenUp(a)
	}
}

// threeRefuse: the PBX gets one answer, and the best one: of the lowest class, and 503 as 500.
func threeRefuse(s *stage.Stage) {
	phones := family(s, 3)
	for _, c := range []struct {
		statuses []int
		want     int
	}{{[]int{486, 404, 500}, 404}, {[]int{500, 486, 486}, 486}, {[]int{503, 480, 500}, 480}} {
		b, calls := ringAll(s, phones)
		for i, a := range calls {
			a.Answer(c.statuses[i])
			a.Expect("ACK")
		}
		m := b.ExpectOneOf(404, 480, 486, 500, 503)
		if m.Status/100 != c.want/100 {
			s.Errorf("the phones said %v, the PBX is told %d", c.statuses, m.Status)
		}
	}
}

// declined: a 6xx speaks for the user, so the others stop to ring (RFC 3261 16.7 step 5).
func declined(s *stage.Stage) {
	b, calls := ringAll(s, family(s, 3))
	calls[1].Answer(603)
	calls[1].Expect("ACK")
	givenUp(calls[0])
	givenUp(calls[2])
	b.Expect(603)
}

// twoAnswer: both believe that they have the call. The PBX gets the first answer, and may get the
// second; whoever ends the loser's call does it with ACK and BYE (RFC 3261 13.2.2.4).
func twoAnswer(s *stage.Stage) {
	b, calls := ringAll(s, family(s, 2))
	winner, loser := calls[0], calls[1]
	winner.Answer(200, peer.SDP(winner.UA, 1))
	first := b.Await(200)
	loser.Answer(200, peer.SDP(loser.UA, 1))
	loser.Reply(loser.Await("CANCEL"), 481)
	b1 := b.Fork(first)
	b1.Ack()
	winner.Expect("ACK")
	if second, _ := peer.Either(b, 200, loser, "ACK"); second != nil {
		b2 := b.Fork(second)
		b2.Ack()
		loser.Expect("ACK")
		s.End(b2, loser)
	} else {
		loser.Reply(loser.Expect("BYE"), 200)
	}
	inside(s, winner, b1)
}

func oneLeft(s *stage.Stage) {
	phones := family(s, 2)
	phones[0].refresh(0)
	phones[1].refresh(600)
	b, calls := ringAll(s, phones[1:])
	calls[0].Answer(200, peer.SDP(calls[0].UA, 1))
	b.Expect(200)
	b.Ack()
	calls[0].Expect("ACK")
	inside(s, calls[0], b)
	phones[0].UA.Quiet(silence / 4)
}

func nobody(s *stage.Stage) {
	sends(s, "INVITE", "sip:alice@"+s.Domain).ExpectOneOf(404, 480)
	p := newPhone(s, s.Caller, "alice")
	p.refresh(1)
	p.gone(peer.Patience)
	sends(s, "INVITE", "sip:alice@"+s.Domain).ExpectOneOf(404, 480)
	s.Caller.Quiet(silence / 4)
}
