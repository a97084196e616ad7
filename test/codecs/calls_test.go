package codecs

import (
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// events are the lines of telephone-event.
const events = "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16"

func TestCodecs(t *testing.T) {
	both := append(stage.One(), stage.Out(stage.One())...)
	list := []stage.Scenario{
		{Name: "offer and answer", Matrix: stage.One(), Play: offerAndAnswer},
		{Name: "each offer and answer", Matrix: both, Play: eachOffer},
		{Name: "the PBX's restriction", Matrix: both, Play: ofThePBX},
		{Name: "TCP", Matrix: stage.Matrix("tcp4-tcp4"), Play: ofThePBX},
		{Name: "re-INVITE", Matrix: both, Play: reinvite},
		{Name: "UPDATE", Matrix: stage.One(), Play: update},
		{Name: "late offer", Matrix: both, Play: lateOffer},
		{Name: "late offer with nothing left", Matrix: both, Play: lateNothing},
		{Name: "late offer in a 183", Matrix: stage.One(), Play: lateEarly},
		{Name: "late offer in a re-INVITE", Matrix: stage.One(), Play: lateReoffer},
		{Name: "PRACK", Matrix: stage.One(), Play: prack},
		{Name: "nothing left", Matrix: both, Play: nothingLeft},
		{Name: "another switch takes it", Matrix: stage.One(), Play: another},
		{Name: "an answer with nothing left", Matrix: stage.One(), Play: answerNothing},
		{Name: "video goes", Matrix: stage.One(), Play: video},
		{Name: "cannot be read", Matrix: stage.One(), Play: unreadable},
	}
	bridging := make([]stage.Scenario, len(list))
	for i, sc := range list {
		sc.Name, sc.Customer = "bridged, "+sc.Name, bridged
		bridging[i] = sc
	}
	untouched := []stage.Scenario{
		{Name: "nothing restricted", Matrix: both, Play: nothingRestricted},
		{Name: "multipart", Matrix: stage.One(), Play: multipart},
		{Name: "LF alone", Matrix: stage.One(), Play: lineFeeds},
	}
	stage.Play(t, harness.Start(t), slices.Concat(list, bridging, untouched))
}

// dial is what the caller calls: a number, so that his entry is what knows him.
func dial(s *stage.Stage) string {
	if s.Outbound {
		return s.URI()
	}
	return "sip:0401234@" + s.Caller.Edge.String()
}

// offerAndAnswer: both sides' restrictions hold both ways.
func offerAndAnswer(s *stage.Stage) {
	between(s, "g729", "PCMU, AMR-WB")
	a := s.Caller.Invite(dial(s), media(s.Caller, "m=audio 4000 RTP/AVP 18 0 8 96 101 102", "a=rtpmap:18 G729/8000", "a=fmtp:18 annexb=no",
		"a=rtpmap:96 amr-wb/16000", "a=fmtp:96 octet-align=1", "a=rtcp-fb:96 nack", events, "a=rtpmap:102 telephone-event/16000", "a=ptime:20"))
	b := s.Callee.Accept("INVITE")
	has(s, b.Incoming(), s.Caller, "m=audio 4000 RTP/AVP 8 101", events, "a=ptime:20")
	b.Answer(183, media(s.Callee, "m=audio 5000 RTP/AVP 0 8"))
	has(s, a.Expect(183), s.Callee, "m=audio 5000 RTP/AVP 8")
	b.Answer(200, media(s.Callee, "m=audio 5000 RTP/AVP 8 18 101", events))
	has(s, a.Expect(200), s.Callee, "m=audio 5000 RTP/AVP 8 101", events)
	b.Resend()
	a.Ack()
	b.Expect("ACK")
	s.End(a, b)
}

// eachOffer: what goes and what stays, in every message that can hold an offer or an answer: the
// order of the rest, telephone events as long as there is a codec of their rate, and feedback.
func eachOffer(s *stage.Stage) {
	between(s, "G722, AMR-WB", "G722, AMR-WB")
	given := []string{
		"m=audio 4000 RTP/AVPF 96 101 8 9 102 18 0", "a=rtpmap:96 AMR-WB/16000", "a=fmtp:96 octet-align=1", "a=rtcp-fb:96 nack",
		"a=rtcp-fb:* ccm tmmbr", events, "a=rtpmap:102 telephone-event/16000", "a=fmtp:102 0-15", "a=rtcp-fb:8 nack", "a=rtcp-fb:9 nack",
		"a=rtpmap:9 G722/8000", "a=maxptime:40",
	}
	left := []string{"m=audio 4000 RTP/AVPF 101 8 18 0", "a=rtcp-fb:* ccm tmmbr", events, "a=rtcp-fb:8 nack", "a=maxptime:40"}
	a := s.Caller.Invite(dial(s), media(s.Caller, given...))
	b := s.Callee.Accept("INVITE")
	has(s, b.Incoming(), s.Caller, left...)
	b.Answer(200, media(s.Callee, given...))
	has(s, a.Expect(200), s.Callee, left...)
	a.Ack()
	b.Expect("ACK")
	for _, pair := range [][2]*peer.Call{{a, b}, {b, a}} {
		from, to := pair[0], pair[1]
		for _, method := range []string{"INVITE", "UPDATE"} {
			from.Request(method, media(from.UA, given...))
			m := to.Expect(method)
			has(s, m, from.UA, left...)
			to.Reply(m, 200, media(to.UA, given...))
			has(s, from.Expect("200 "+method), to.UA, left...)
			if method == "INVITE" {
				from.Ack()
				to.Expect("ACK")
			}
		}
		from.Request("INVITE", peer.NoBody())
		to.Reply(to.Expect("INVITE"), 200, media(to.UA, given...))
		has(s, from.Expect("200 INVITE"), to.UA, left...)
		from.Ack(media(from.UA, given...))
		has(s, to.Expect("ACK"), from.UA, left...)
	}
	s.End(a, b)
}

func ofThePBX(s *stage.Stage) {
	between(s, "", "PCMA")
	a := s.Caller.Invite(dial(s), peer.SDP(s.Caller, 1))
	b := s.Callee.Accept("INVITE")
	if body := b.Incoming().Body; !strings.Contains(body, "RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n") {
		s.Errorf("PCMA is there still:\n%s", b.Incoming().Bytes())
	}
	b.Answer(200, media(s.Callee, "m=audio 5000 RTP/AVP 8 0"))
	has(s, a.Expect(200), s.Callee, "m=audio 5000 RTP/AVP 0")
	a.Ack()
	b.Expect("ACK")
	s.End(b, a)
}

func nothingRestricted(s *stage.Stage) {
	between(s, "", "")
	lines := []string{"m=audio 4000 RTP/AVP 18 0  8", "a=x-unheard: of", "a=fmtp:18"}
	a := s.Caller.Invite(dial(s), media(s.Caller, lines...))
	b := s.Callee.Accept("INVITE")
	has(s, b.Incoming(), s.Caller, lines...)
	b.Answer(200, peer.Body("application/sdp", "this is no session description"))
	if got := a.Expect(200).Body; got != "this is no session description" {
		s.Errorf("got %q", got)
	}
	a.Ack()
	b.Expect("ACK")
	s.End(a, b)
}

// up is a call that is answered, with PCMU.
func up(s *stage.Stage) (a, b *peer.Call) {
	s.Helper()
	a = s.Caller.Invite(dial(s), media(s.Caller, "m=audio 4000 RTP/AVP 0"))
	b = s.Callee.Accept("INVITE")
	b.Answer(200, media(s.Callee, "m=audio 5000 RTP/AVP 0"))
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	return a, b
}

func reinvite(s *stage.Stage) {
	between(s, "", "G729")
	a, b := up(s)
	again(s, a, b)
	again(s, b, a)
	s.End(a, b)
}

// again has a re-INVITE freed of G729, then one refused that has nothing else.
func again(s *stage.Stage, from, to *peer.Call) {
	s.Helper()
	from.Request("INVITE", media(from.UA, "m=audio 4000 RTP/AVP 18 8"))
	has(s, to.Expect("INVITE"), from.UA, "m=audio 4000 RTP/AVP 8")
	to.Answer(200, media(to.UA, "m=audio 5000 RTP/AVP 8"))
	has(s, from.Expect(200), to.UA, "m=audio 5000 RTP/AVP 8")
	from.Ack()
	to.Expect("ACK")
	from.Request("INVITE", media(from.UA, "m=audio 4000 RTP/AVP 18 101", events))
	warned(s, from.Expect("488 INVITE"), "305", "Offered: G729, telephone-event.", "Allowed: all but G729.")
}

func update(s *stage.Stage) {
	between(s, "G729", "")
	a, b := up(s)
	b.Request("UPDATE", media(s.Callee, "m=audio 5000 RTP/AVP 18 0"))
	update := a.Expect("UPDATE")
	has(s, update, s.Callee, "m=audio 5000 RTP/AVP 0")
	a.Reply(update, 200, media(s.Caller, "m=audio 4000 RTP/AVP 0 18"))
	has(s, b.Expect("200 UPDATE"), s.Caller, "m=audio 4000 RTP/AVP 0")
	b.Request("UPDATE", media(s.Callee, "m=audio 5000 RTP/AVP 18"))
	warned(s, b.Expect("488 UPDATE"), "305", "Offered: G729.")
	s.End(b, a)
}

func lateOffer(s *stage.Stage) {
	between(s, "", "PCMU")
	a := s.Caller.Invite(dial(s), peer.NoBody())
	b := s.Callee.Accept("INVITE")
	b.Answer(200, media(s.Callee, "m=audio 5000 RTP/AVP 0 8"))
	has(s, a.Expect(200), s.Callee, "m=audio 5000 RTP/AVP 8")
	a.Ack(media(s.Caller, "m=audio 4000 RTP/AVP 8 0"))
	has(s, b.Expect("ACK"), s.Caller, "m=audio 4000 RTP/AVP 8")
	s.End(a, b)
}

// lateNothing: a late offer that nothing is left of is answered with all streams off, then BYE.
func lateNothing(s *stage.Stage) {
	between(s, "", "PCMU")
	a := s.Caller.Invite(dial(s), peer.NoBody())
	b := s.Callee.Accept("INVITE")
	b.Answer(200, media(s.Callee, "m=audio 5000 RTP/AVP 0", "m=video 5002 RTP/AVP 31"))
	ack := b.Expect("ACK")
	if !strings.Contains(ack.Body, "m=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 31\r\n") {
		s.Errorf("the ACK has to refuse each stream:\n%s", ack.Bytes())
	}
	b.Reply(b.Expect("BYE"), 200)
	warned(s, a.Expect(488), "305", "Offered: PCMU.", "Allowed: all but PCMU.")
}

// lateEarly: a late offer that nothing is left of ends a call that rings.
func lateEarly(s *stage.Stage) {
	between(s, "", "PCMU")
	a := s.Caller.Invite(dial(s), peer.NoBody(), peer.With("Supported", "100rel"))
	b := s.Callee.Accept("INVITE")
	b.Answer(183, media(s.Callee, "m=audio 5000 RTP/AVP 0"), peer.With("Require", "100rel"), peer.With("RSeq", "7"))
	warned(s, a.Expect(488), "305", "Offered: PCMU.")
	b.Reply(b.Expect("CANCEL"), 200)
	b.Answer(487)
	b.Expect("ACK")
}

// lateReoffer: within a call a late offer that nothing is left of goes on with that stream off.
func lateReoffer(s *stage.Stage) {
	between(s, "", "G729")
	a, b := up(s)
	a.Request("INVITE", peer.NoBody())
	b.Expect("INVITE")
	b.Answer(200, media(s.Callee, "m=audio 5000 RTP/AVP 18"))
	has(s, a.Expect(200), s.Callee, "m=audio 0 RTP/AVP 18")
	a.Ack(media(s.Caller, "m=audio 0 RTP/AVP 18"))
	has(s, b.Expect("ACK"), s.Caller, "m=audio 0 RTP/AVP 18")
	s.End(a, b)
}

func prack(s *stage.Stage) {
	between(s, "", "PCMU")
	a := s.Caller.Invite(dial(s), peer.NoBody(), peer.With("Supported", "100rel"))
	b := s.Callee.Accept("INVITE")
	b.Answer(183, media(s.Callee, "m=audio 5000 RTP/AVP 0 8"), peer.With("Require", "100rel"), peer.With("RSeq", strconv.Itoa(7)))
	provisional := a.Expect(183)
	has(s, provisional, s.Callee, "m=audio 5000 RTP/AVP 8")
	a.Prack(provisional, media(s.Caller, "m=audio 4000 RTP/AVP 0 8"))
	prack := b.Expect("PRACK")
	has(s, prack, s.Caller, "m=audio 4000 RTP/AVP 8")
	b.Reply(prack, 200)
	a.Expect("200 PRACK")
	b.Answer(200)
	a.Expect("200 INVITE")
	a.Ack()
	b.Expect("ACK")
	s.End(a, b)
}

// nothingLeft: 488 says what was offered and what is allowed, and so does the record.
func nothingLeft(s *stage.Stage) {
	between(s, "", "PCMU, PCMA")
	a := s.Caller.Invite(dial(s), media(s.Caller, "m=audio 4000 RTP/AVP 0 8 101", events))
	warned(s, a.Expect(488), "305", "All audio codecs of the offer are restricted for one of the parties.",
		"Offered: PCMU, PCMA, telephone-event.", "Allowed: all but PCMU, PCMA.")
	s.Callee.Quiet(50 * time.Millisecond)
	r := s.Node.Must(s.T, "why", a.ID)
	if !strings.Contains(r.Stdout, "All audio codecs of the offer are restricted") {
		s.Errorf("why says nothing of codecs:\n%s", r.Stdout)
	}
}

// another: a switch that nothing would be left for is passed by.
func another(s *stage.Stage) {
	second := s.Peer(stage.Leg{Proto: "udp"})
	between(s, "", "PCMU, PCMA")
	s.Customer.Destinations = append(s.Customer.Destinations, harness.Destination{Addr: second.Addr()})
	s.Apply()
	a := s.Caller.Invite(dial(s), media(s.Caller, "m=audio 4000 RTP/AVP 0"))
	b := second.Accept("INVITE")
	has(s, b.Incoming(), s.Caller, "m=audio 4000 RTP/AVP 0")
	b.Answer(486)
	a.Expect(486)
	b.Expect("ACK")
	s.Callee.Quiet(20 * time.Millisecond)
}

// answerNothing: an answer of codecs that were not offered has its stream off.
func answerNothing(s *stage.Stage) {
	between(s, "G729", "")
	a := s.Caller.Invite(dial(s), media(s.Caller, "m=audio 4000 RTP/AVP 0 18"))
	b := s.Callee.Accept("INVITE")
	has(s, b.Incoming(), s.Caller, "m=audio 4000 RTP/AVP 0")
	b.Answer(200, media(s.Callee, "m=audio 5000 RTP/AVP 18", "a=fmtp:18 annexb=no"))
	has(s, a.Expect(200), s.Callee, "m=audio 0 RTP/AVP 18")
	a.Ack()
	b.Expect("ACK")
	s.End(a, b)
}

// video: a second stream that nothing is left of is off; the call goes on.
func video(s *stage.Stage) {
	between(s, "L16", "")
	a := s.Caller.Invite(dial(s), media(s.Caller, "m=audio 4000 RTP/AVP 0", "m=audio 4002 RTP/AVP 10 11", "m=video 4004 RTP/AVP 31"))
	b := s.Callee.Accept("INVITE")
	has(s, b.Incoming(), s.Caller, "m=audio 4000 RTP/AVP 0", "m=audio 0 RTP/AVP 10 11", "m=video 4004 RTP/AVP 31")
	b.Answer(486)
	a.Expect(486)
	b.Expect("ACK")
}

func multipart(s *stage.Stage) {
	between(s, "G729", "")
	whole := func(description, length string) string {
		return "--frontier\r\nContent-Type: application/isup;version=itu-t92+\r\n\r\n\x01\x11\r\n--frontier\r\n" +
			"Content-Type: application/sdp\r\nContent-Length: " + length + "\r\n\r\n" + description + "\r\n--frontier--\r\n"
	}
	nowhere := func(line string) string { return "v=0\r\nc=IN IP4 192.0.2.1\r\n" + line + "\r\n" }
	given, want := nowhere("m=audio 4000 RTP/AVP 0 18"), nowhere("m=audio 4000 RTP/AVP 0")
	a := s.Caller.Invite(dial(s), peer.Body(`multipart/mixed;boundary="frontier"`, whole(given, strconv.Itoa(len(given)))))
	b := s.Callee.Accept("INVITE")
	if got := b.Incoming().Body; got != whole(want, strconv.Itoa(len(want))) {
		s.Errorf("got\n%q", got)
	}
	b.Answer(486)
	a.Expect(486)
	b.Expect("ACK")
	a = s.Caller.Invite(dial(s), peer.Body(`multipart/mixed;boundary="frontier"`, whole(nowhere("m=audio 4000 RTP/AVP 18"), "0")))
	warned(s, a.Expect(488), "305", "G729")
}

// unreadable: what may hold a restricted codec and cannot be read goes nowhere.
func unreadable(s *stage.Stage) {
	between(s, "G729", "")
	a := s.Caller.Invite(dial(s), peer.Body("application/sdp", "v=0\r\nm=audio x RTP/AVP 18\r\n"))
	warned(s, a.Expect(488), "399", "SDP line 2: the port of m= is no number")
	a = s.Caller.Invite(dial(s), media(s.Caller, "m=audio 4000 RTP/AVP 0"))
	b := s.Callee.Accept("INVITE")
	b.Answer(200, peer.Body("application/sdp", "\"\\\r\n"))
	b.Expect("ACK")
	b.Reply(b.Expect("BYE"), 200)
	warned(s, a.Expect(488), "399", "SDP line 1")
	c, d := up(s)
	c.Request("INVITE", peer.Body("application/sdp", "nothing"))
	warned(s, c.Expect("488 INVITE"), "399", "SDP line 1")
	s.End(d, c)
}

func lineFeeds(s *stage.Stage) {
	between(s, "G729", "")
	lf := func(u *peer.UA, lines ...string) string { return strings.ReplaceAll(text(u, lines...), "\r\n", "\n") }
	a := s.Caller.Invite(dial(s), peer.Body("application/sdp", lf(s.Caller, "m=audio 4000 RTP/AVP 18 0", "a=fmtp:18 x", "a=sendrecv")))
	b := s.Callee.Accept("INVITE")
	if got, want := b.Incoming().Body, lf(s.Caller, "m=audio 4000 RTP/AVP 0", "a=sendrecv"); got != want {
		s.Errorf("expected %q, got %q", want, got)
	}
	b.Answer(486)
	a.Expect(486)
	b.Expect("ACK")
}

// TestRestrictedOverAKill: after a restart the same codecs are restricted in a call.
func TestRestrictedOverAKill(t *testing.T) {
	n := harness.Start(t)
	s := stage.New(t, n, stage.One()[1], nil)
	between(s, "G729", "PCMA")
	a, b := up(s)
	n.Signal(t, syscall.SIGKILL)
	n.Exited(10 * time.Second)
	n.Up(t)
	a.Request("INVITE", media(s.Caller, "m=audio 4000 RTP/AVP 18 8 0"))
	has(s, b.Expect("INVITE"), s.Caller, "m=audio 4000 RTP/AVP 0")
	b.Answer(200, media(s.Callee, "m=audio 5000 RTP/AVP 0"))
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	s.End(a, b)
}
