package media

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func TestStreams(t *testing.T) { paths(t, streamSuite) }

func streamSuite(t *testing.T, n *harness.Node) {
	anyhow := append(stage.Some(), stage.Matrix("udp6-udp6", "udp4-udp6", "udp6-udp4", "tcp4-udp6")...)
	play(t, n, anyhow, map[string]func(*stage.Stage){"both ways": bothWays})
	play(t, n, stage.Matrix("udp4-udp4", "udp6-udp4"), map[string]func(*stage.Stage){
		"audio, video and fax": threeKinds,
	})
	play(t, n, stage.One(), map[string]func(*stage.Stage){
		"streams refused, removed and added": comeAndGo,
		"what passes as it is":               keepsTheRest,
		"payload types":                      payloads,
		"an address of the other family":     otherFamily,
	})
	holds(t, n)
	controlled(t, n)
}

func bothWays(s *stage.Stage) {
	c := connect(s)
	c.settle()
	talk(c.a.phone, c.b.phone, 20)
	reports(c.a.phone, c.b.phone, c.a.rtcp, c.b.rtcp)
	c.end()
}

// otherFamily: parties who speak IPv4 with us name an address of IPv6, as some phones with both do. What is for them
// goes where they speak from, to the port that they name.
func otherFamily(s *stage.Stage) {
	six := netip.MustParseAddr("2001:db8::7")
	a, b := parties(s)
	a.call = s.Caller.Invite(s.URI(), wire(session(six, 1, a.section())))
	b.call = s.Callee.Accept("INVITE")
	b.told(b.call.Incoming())
	b.call.Answer(200, wire(session(six, 1, b.section())))
	a.told(a.call.Expect(200))
	a.call.Ack()
	b.call.Expect("ACK")
	talk(a.phone, b.phone, 5)
	(&conversation{s, a, b}).end()
}

// fax is what datagrams of T.38 look like to whoever only relays them: anything.
var fax = []string{"\x00", "\x00\x01\x06\x00t38", strings.Repeat("\xff", 1200), "\x80\x00 like RTP", "\x80\xc8 like RTCP"}

// threeKinds has audio, video and a fax in one call, each on its own ports.
func threeKinds(s *stage.Stage) {
	a, b := parties(s)
	lines := [][]string{a.plain, {"m=video PORT RTP/AVPF 96", "a=rtpmap:96 VP8/90000", "a=rtcp-fb:96 nack"}, {"m=image PORT udptl t38", "a=T38FaxVersion:0"}}
	var as, bs []*phone
	var offer, answer []string
	for i, l := range lines {
		pa, pb := newPhone(s, s.Caller, uint32(0xa0+i)), newPhone(s, s.Callee, uint32(0xb0+i))
		for _, p := range []*phone{pa, pb} {
			p.n, p.plain = i, l
			if i == 1 {
				p.pt = 96
			}
		}
		as, bs = append(as, pa), append(bs, pb)
		offer, answer = append(offer, pa.section()), append(answer, pb.section())
	}
	a.call = s.Caller.Invite(s.URI(), wire(session(a.at.Addr(), 1, offer...)))
	b.call = s.Callee.Accept("INVITE")
	b.call.Answer(200, wire(session(b.at.Addr(), 1, answer...)))
	answered := a.call.Expect(200)
	for i := range lines {
		bs[i].told(b.call.Incoming())
		as[i].told(answered)
	}
	a.call.Ack()
	b.call.Expect("ACK")
	for range 3 {
		for i := range lines[:2] {
			talk(as[i], bs[i], 2)
		}
		for _, datagram := range fax {
			as[2].send([]byte(datagram))
			bs[2].hears([]byte(datagram))
			bs[2].send([]byte(datagram))
			as[2].hears([]byte(datagram))
		}
	}
	s.End(b.call, a.call)
	for i := range lines {
		unheard(as[i], bs[i])
	}
}

// comeAndGo: a stream that the answer refuses has no ports; later offers put it up again, take
// the first one away, and add a third.
func comeAndGo(s *stage.Stage) {
	c := &conversation{Stage: s}
	c.a, c.b = parties(s)
	va, vb := newPhone(s, s.Caller, 0xaa), newPhone(s, s.Callee, 0xbb)
	va.n, vb.n, va.pt, vb.pt = 1, 1, 96, 96
	va.plain = []string{"m=video PORT RTP/AVP 96", "a=rtpmap:96 H264/90000"}
	vb.plain = va.plain
	off := "m=video 0 RTP/AVP 96"
	both := func(p, v *phone) peer.Option {
		p.version++
		return wire(session(p.at.Addr(), p.version, p.section(), v.section()))
	}
	only := func(p *phone) peer.Option {
		p.version++
		return wire(session(p.at.Addr(), p.version, p.section(), off))
	}
	c.a.call = s.Caller.Invite(s.URI(), both(c.a.phone, va))
	c.b.call = s.Callee.Accept("INVITE")
	c.b.told(c.b.call.Incoming())
	c.b.call.Answer(200, only(c.b.phone))
	d := c.a.told(c.a.call.Expect(200))
	if d.streams[1].port != 0 {
		s.Errorf("a refused stream has a port:\n%s", d.text)
	}
	c.a.call.Ack()
	c.b.call.Expect("ACK")
	talk(c.a.phone, c.b.phone, 3)

	answered, offered := c.reoffer("INVITE", c.b, c.a, both(c.b.phone, vb), both(c.a.phone, va))
	va.told(&peer.Message{Body: offered.text})
	vb.told(&peer.Message{Body: answered.text})
	talk(va, vb, 3)
	talk(c.a.phone, c.b.phone, 3)

	answered, offered = c.reoffer("UPDATE", c.a, c.b, only(c.a.phone), only(c.b.phone))
	if answered.streams[1].port != 0 || offered.streams[1].port != 0 {
		s.Errorf("a removed stream has a port:\n%s%s", answered.text, offered.text)
	}
	talk(c.a.phone, c.b.phone, 3)
	unheard(va, vb)
	unheard(vb, va)
	c.end()
}

// odd is what somebody may write of an audio stream; gone is what of it names where it is.
var (
	odd = []string{
		"m=audio PORT RTP/AVP 0 101", "i=some title", "b=AS:64", "b=X-odd:1",
		"a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", "a=ptime:20", "a=x-unknown: spaced  out ;=", "a=label:7",
		"a=sendrecv", "a=mid:one", "a=silenceSupp:off - - - -",
	}
	gone = []string{
		"a=candidate:1 1 UDP 2130706431 192.0.2.9 7000 typ host", "a=ice-ufrag:abcd", "a=ice-pwd:0123456789abcdef012345",
		"a=end-of-candidates", "a=rtcp:NEXT IN IP4 127.0.0.1", "a=remote-candidates:1 192.0.2.9 7000",
	}
)

// keepsTheRest: unknown lines stay byte for byte and in order, ICE goes.
func keepsTheRest(s *stage.Stage) {
	lines := append(append(append([]string{}, odd[:5]...), gone...), odd[5:]...)
	a, b := parties(s)
	a.call = s.Caller.Invite(s.URI(), a.sdp(lines...))
	b.call = s.Callee.Accept("INVITE")
	check := func(d description) {
		s.Helper()
		want := strings.Join(odd[1:], "\n")
		if got := strings.Join(d.streams[0].lines, "\n"); got != want {
			s.Errorf("expected behind the m= line\n%s\n\ngot\n%s", want, got)
		}
	}
	check(b.told(b.call.Incoming()))
	b.call.Answer(200, b.sdp(lines...))
	check(a.told(a.call.Expect(200)))
	a.call.Ack()
	b.call.Expect("ACK")
	talk(a.phone, b.phone, 3)
	s.End(a.call, b.call)
}

// payloads: a payload type that nobody has listed does not pass, but for comfort noise; nor RTCP where RTP goes.
func payloads(s *stage.Stage) {
	c := connect(s)
	c.settle()
	for _, pt := range []byte{8, 96, 127} {
		c.a.pt = pt
		unheard(c.a.phone, c.b.phone)
	}
	for _, pt := range []byte{101, 13} { // comfort noise beside G.711 is listed by few
		c.a.pt = pt
		says(c.a.phone, c.b.phone, 3)
	}
	c.a.send(c.a.report())
	c.b.hearsNothing()
	c.b.quiet(c.b.rtcp)
	for _, junk := range []string{"", "\x80", "\x00\x01\x00\x00\x21\x12\xa4\x42stun........", "\x16\xfe\xff dtls", strings.Repeat("x", 2000)} {
		c.a.send([]byte(junk))
	}
	c.b.hearsNothing()
	c.a.pt = 0
	talk(c.a.phone, c.b.phone, 3)
	c.end()
}

// holds has one party put the other on hold in each way, and resume.
func holds(t *testing.T, n *harness.Node) {
	const old = "c=IN IP4 0.0.0.0"
	ways := map[string]struct {
		offer, answer string // a line more
		heard         bool   // the one who holds is heard: music
	}{
		"sendonly":             {"a=sendonly", "a=recvonly", true},
		"inactive":             {"a=inactive", "a=inactive", false},
		"0.0.0.0":              {old, "a=recvonly", true},
		"0.0.0.0 and inactive": {old + "\r\na=inactive", "a=inactive", false},
	}
	list := map[string]func(*stage.Stage){}
	for name, way := range ways {
		for _, method := range []string{"INVITE", "UPDATE"} {
			list[fmt.Sprintf("held by %s in %s", name, method)] = func(s *stage.Stage) {
				c := connect(s)
				c.settle()
				for _, pair := range [][2]*side{{c.a, c.b}, {c.b, c.a}} {
					holder, other := pair[0], pair[1]
					_, offered := c.reoffer(method, holder, other,
						holder.sdp(append(holder.plain, way.offer)...), other.sdp(append(other.plain, way.answer)...))
					sec := &offered.streams[0]
					sec.has(s, strings.Split(way.offer, "\r\n")...)
					if sec.port != int(other.to.Port()) {
						s.Errorf("hold has changed our port from %d:\n%s", other.to.Port(), offered.text)
					}
					unheard(other.phone, holder.phone)
					if way.heard {
						says(holder.phone, other.phone, 3)
					} else {
						unheard(holder.phone, other.phone)
					}
					answered, offered := c.reoffer(method, holder, other, holder.sdp(), other.sdp())
					holder.told(&peer.Message{Body: answered.text})
					other.told(&peer.Message{Body: offered.text})
					c.settle()
				}
				c.end()
			}
		}
	}
	play(t, n, stage.One(), list)
}

// controlled is where RTCP goes: next port, another port, the port of RTP, on either side.
func controlled(t *testing.T, n *harness.Node) {
	kinds := map[string]string{"next": "", "mux": "a=rtcp-mux", "other": "a=rtcp:OTHER"}
	list := map[string]func(*stage.Stage){}
	for caller, offer := range kinds {
		for callee, answer := range kinds {
			if callee == "mux" && caller != "mux" {
				continue // only what was offered can be answered
			}
			list[fmt.Sprintf("RTCP on %s and on %s port", caller, callee)] = func(s *stage.Stage) {
				a, b := parties(s)
				a.call = s.Caller.Invite(s.URI(), a.controls(offer))
				b.call = s.Callee.Accept("INVITE")
				b.told(b.call.Incoming())
				b.call.Answer(200, b.controls(answer))
				a.told(a.call.Expect(200))
				if mux := a.control == a.to; mux != (caller == "mux") {
					s.Errorf("a=rtcp-mux in the answer: %t", mux)
				}
				a.call.Ack()
				b.call.Expect("ACK")
				(&conversation{s, a, b}).settle()
				atA, atB := a.rtcp, b.rtcp
				if caller == "mux" {
					atA = a.rtp
				}
				if callee == "mux" {
					atB = b.rtp
				} else if caller == "mux" { // it was offered, and is not used
					b.control = after(b.to)
				}
				reports(a.phone, b.phone, atA, atB)
				talk(a.phone, b.phone, 3)
				s.End(b.call, a.call)
			}
		}
	}
	play(t, n, stage.One(), list)
}
