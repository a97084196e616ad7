package media_test

import (
	"net/netip"
	"testing"
	"time"

	"tollgate/internal/media"
	"tollgate/internal/media/srtp"
)

// secured is a party's end of SRTP.
type secured struct {
	in, out srtp.Key // what the party sends with, and is sent with
	sends   *srtp.Sender
	hears   *srtp.Receiver
}

func newSecured(s srtp.Suite) *secured {
	out := &secured{in: srtp.NewKey(s), out: srtp.NewKey(s)}
	out.sends, out.hears = srtp.NewSender(out.in, new(srtp.Room)), srtp.NewReceiver(out.out, new(srtp.Room))
	return out
}

func (s *secured) party(p media.Party) media.Party {
	if s != nil {
		p.In, p.Out = s.in, s.out
	}
	return p
}

// seal is what the party sends for a packet, which is itself where there is no SRTP.
func (s *secured) seal(t testing.TB, b []byte, control bool) []byte {
	t.Helper()
	if s == nil {
		return b
	}
	work := s.sends.RTP
	if control {
		work = s.sends.RTCP
	}
	out, err := work(nil, b)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// opens asserts that the phone hears a packet, and that nobody else could.
func (s *secured) opens(p *phone, want []byte, from netip.AddrPort, control bool) {
	p.t.Helper()
	if s == nil {
		p.hears(want, from)
		return
	}
	sealed, by := p.receive()
	work := s.hears.RTP
	if control {
		work = s.hears.RTCP
	}
	got, err := work(nil, sealed)
	if err != nil || string(got) != string(want) || by != from {
		p.t.Fatalf("hears %x (%v) from %s, want %x from %s", got, err, by, want, from)
	}
}

var allSuites = []srtp.Suite{
	srtp.AESCM128HMACSHA180, srtp.AESCM128HMACSHA132, srtp.AES256CMHMACSHA180, srtp.AES256CMHMACSHA132,
	srtp.AEADAES128GCM, srtp.AEADAES256GCM,
}

func TestSRTP(t *testing.T) {
	for _, suite := range allSuites {
		for name, ends := range map[string][2]*secured{
			"to plain":   {newSecured(suite), nil},
			"from plain": {nil, newSecured(suite)},
			"throughout": {newSecured(suite), newSecured(srtp.AESCM128HMACSHA180)},
		} {
			t.Run(suite.String()+" "+name, func(t *testing.T) {
				c := newRig(t, nil).call(func(p *[2]media.Party) {
					for side := range p {
						p[side] = ends[side].party(p[side])
						p[side].Mux, p[side].RTCP = true, p[side].RTP
					}
				})
				for range 3 {
					for side := range media.Callee + 1 {
						b := c.phones[side].rtp(0, "secret")
						c.phones[side].send(c.ports[side], ends[side].seal(t, b, false))
						ends[1-side].opens(c.phones[1-side], b, c.ports[1-side], false)
						b = c.phones[side].report()
						c.phones[side].send(c.ports[side], ends[side].seal(t, b, true))
						ends[1-side].opens(c.phones[1-side], b, c.ports[1-side], true)
					}
				}
			})
		}
	}
}

// secureCall has SRTP with the caller alone.
func secureCall(t *testing.T) (*call, *secured) {
	t.Helper()
	end := newSecured(srtp.AESCM128HMACSHA180)
	return newRig(t, nil).call(func(p *[2]media.Party) { p[0] = end.party(p[0]) }), end
}

// TestSRTPOfOthers: 0 packets of others pass and none is learnt, before the party speaks and after.
func TestSRTPOfOthers(t *testing.T) {
	c, end := secureCall(t)
	attacker, near := newPhone(t, "127.0.0.3:0"), newPhone(t, "127.0.0.1:0")
	c.clock.advance(200 * time.Millisecond)
	for i := range 10 {
		c.clock.advance(20 * time.Millisecond)
		attacker.send(c.ports[0], attacker.rtp(0, "no authentication tag"))
		near.send(c.ports[0], near.rtp(0, "no authentication tag"))
		c.awaits(media.DropTag, uint64(2*i)+2)
	}
	b := c.phones[0].rtp(0, "true")
	sealed := end.seal(t, b, false)
	c.phones[0].send(c.ports[0], sealed)
	c.phones[1].hears(b, c.ports[1])

	attacker.send(c.ports[0], sealed)
	c.awaits(media.DropForeign, 1)
	c.phones[0].send(c.ports[0], sealed)
	c.awaits(media.DropReplay, 1)
	forged := end.seal(t, c.phones[0].rtp(0, "forged"), false)
	forged[len(forged)-1] ^= 1
	c.phones[0].send(c.ports[0], forged)
	c.awaits(media.DropTag, 21)
	c.phones[0].send(c.ports[0], c.phones[0].rtp(0, "in clear, by the party itself"))
	c.awaits(media.DropTag, 22)
	if q := c.quality(media.Caller); q.BadTags != 22 || q.Replays != 1 || q.Report.Packets != 1 || q.Suite != srtp.AESCM128HMACSHA180 {
		t.Errorf("quality: %d bad tags, %d replays, %d packets, %s", q.BadTags, q.Replays, q.Report.Packets, q.Suite)
	}
}

// TestKeysOverSignalling: the same key goes on, with its rollovers; another one begins.
func TestKeysOverSignalling(t *testing.T) {
	c, end := secureCall(t)
	said := end.party(c.phones[0].party())
	talk := func(what string) {
		t.Helper()
		b := c.phones[0].rtp(0, what)
		c.phones[0].send(c.ports[0], end.seal(t, b, false))
		c.phones[1].hears(b, c.ports[1])
	}
	c.phones[0].seq = 65530
	for range 10 {
		talk("over the rollover")
	}
	c.Party(c.id, 0, media.Caller, said)
	talk("the same key")
	first := end
	end = newSecured(srtp.AES256CMHMACSHA180)
	c.Party(c.id, 0, media.Caller, end.party(said))
	end = first
	talk("still the old key: it has offered another one, and had no answer")
	c.Party(c.id, 0, media.Caller, said)
	talk("the offer was refused")
	b := c.phones[1].rtp(0, "and back")
	c.phones[1].send(c.ports[1], b)
	end.opens(c.phones[0], b, c.ports[0], false)
	end = newSecured(srtp.AES256CMHMACSHA180)
	c.Party(c.id, 0, media.Caller, end.party(said))
	talk("another key")
	c.phones[0].send(c.ports[0], first.seal(t, c.phones[0].rtp(0, "the old one"), false))
	c.awaits(media.DropTag, 1)
}
