package media_test

import (
	"net/netip"
	"testing"
	"time"

	"tollgate/internal/media"
)

// Who sends in a latching scene. The party's description names its address and port of home.
const (
	home     = iota // what the description says
	samePort        // the same port at another address
	sameAddr        // another port at the same address
	stranger        // neither
	other           // another one like that
)

// scene has the sockets of all senders; what the party sends is heard by the callee.
type scene struct {
	*call
	who [5]*phone
}

func newScene(t *testing.T, way media.Latch) *scene {
	t.Helper()
	r := newRig(t, nil)
	s := &scene{}
	h := newPhone(t, "127.0.0.1:0")
	s.call = r.call(func(p *[2]media.Party) {
		p[0].RTP, p[0].Latch = h.addr(), way
	})
	s.who = [5]*phone{
		home: h, samePort: newPhone(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), h.addr().Port()).String()),
		sameAddr: newPhone(t, "127.0.0.1:0"), stranger: newPhone(t, "127.0.0.3:0"), other: newPhone(t, "127.0.0.4:0"),
	}
	for i, p := range s.who {
		p.ssrc = uint32(i)
	}
	return s
}

// steps is who sends a packet, by letter, and whether it passes: capitals pass. A digit is time
// that goes by, in tenths of a second; "w" is longer than the window. All packets are 20 ms apart; after
// "=" all come at once.
//
//	h home, p the same port, a the same address, s a stranger, o another one
func (s *scene) play(steps string) {
	s.t.Helper()
	apart := 20 * time.Millisecond
	letters := map[rune]int{'h': home, 'p': samePort, 'a': sameAddr, 's': stranger, 'o': other}
	for i, step := range steps {
		switch {
		case step >= '0' && step <= '9':
			s.clock.advance(time.Duration(step-'0') * 100 * time.Millisecond)
			continue
		case step == 'w':
			s.clock.advance(4 * time.Second)
			continue
		case step == '=':
			apart = 0
			continue
		case step == 'r':
			s.Party(s.id, 0, media.Caller, s.again())
			continue
		}
		s.clock.advance(apart)
		passes := step >= 'A' && step <= 'Z'
		who := s.who[letters[step|0x20]]
		b := who.rtp(0, "x")
		before := s.quality(media.Caller).Refused
		who.send(s.ports[0], b)
		if passes {
			s.phones[1].hears(b, s.ports[1])
		} else {
			s.refused(before, steps, i)
		}
	}
}

// refused waits until one more packet was refused.
func (s *scene) refused(before uint64, steps string, i int) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); s.quality(media.Caller).Refused != before+1; {
		if time.Now().After(deadline) {
			s.t.Fatalf("%s, step %d: not refused", steps, i)
		}
	}
}

// again is the party's description once more, as in a re-INVITE.
func (s *scene) again() media.Party {
	p := s.phones[0].party()
	p.RTP = s.who[home].addr()
	return p
}

func TestLatch(t *testing.T) {
	tests := []struct {
		name  string
		way   media.Latch
		steps string
	}{
		{"what the description says passes at once and stays", media.Symmetric, "Hsssssaaaappppp5sssssssH"},
		{"strangers before the party pass nothing", media.Symmetric, "ssHsssss"},
		{"the same address passes at once", media.Symmetric, "AAsssspppp"},
		{"and gives way to the description", media.Symmetric, "AAHaaaa"},
		{"but not after the window", media.Symmetric, "AAwAhhhA"},
		{"the same port after three", media.Symmetric, "1ppPP"},
		{"a stranger after three that follow each other", media.Symmetric, "1ssSSSS"},
		{"not in the first instant", media.Symmetric, "ssssSS"},
		{"two strangers in turn are told apart", media.Symmetric, "1sosoSooS"},
		{"a better one displaces a stranger", media.Symmetric, "1ssSSAs"},
		{"the same port displaces a stranger", media.Symmetric, "1ssSSppPs"},
		{"after the window a stranger is locked", media.Symmetric, "1ssSwSooooooooaahhS"},
		{"a new port of a translator, within the window", media.Symmetric, "1ssSS2ooooO"},
		{"not while the old one is there", media.Symmetric, "1ssSooSooSooSooSooSoo"},
		{"after the window not at all", media.Symmetric, "1ssSwS2oooooooooo"},
		{"a re-INVITE opens the window", media.Symmetric, "1ssSwSoooooo2rooooO"},
		{"and keeps the source until then", media.Symmetric, "1ssSwSrSSS"},
		{"and the better one wins", media.Symmetric, "1ssSwSrSSH"},
		{"strict takes the description alone", media.Strict, "aappp1ssssss5HaapppsssH"},
		{"handover goes along", media.Handover, "HHw2ssssSSSS"},
		{"not while the party is there", media.Handover, "HHwHsssHsssHsssH"},
		{"not by one packet after a pause of all", media.Handover, "HHwHsssHsssH3sHsssH3sH"},
		{"nor where a translator's port may change", media.Symmetric, "1ssSooSooSooS3oS"},
		{"nor by a burst", media.Handover, "HHwHsssH3=ssssssssH"},
		{"and back again", media.Handover, "HHw2ssssSS2hhhhHH"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { newScene(t, tt.way).play(tt.steps) })
	}
}

// TestNothingIsLearntBeforeBothAreKnown: who sprays ports while it rings gains nothing.
func TestNothingIsLearntBeforeBothAreKnown(t *testing.T) {
	r := newRig(t, nil)
	id := r.open(1)
	port := r.stream(id, 0, media.Caller)
	party, attacker, callee := newPhone(t, "127.0.0.1:0"), newPhone(t, "127.0.0.3:0"), newPhone(t, "127.0.0.1:0")
	out := r.stream(id, 0, media.Callee)
	r.Party(id, 0, media.Caller, party.party())
	for range 20 {
		r.clock.advance(20 * time.Millisecond)
		attacker.send(port, attacker.rtp(0, "early"))
	}
	r.awaits(media.DropEarly, 20)
	r.Party(id, 0, media.Callee, callee.party())
	b := party.rtp(0, "true")
	attacker.send(port, attacker.rtp(0, "still"))
	party.send(port, b)
	callee.hears(b, out)
}

// TestConsistent: a stranger's packets must follow each other, be of one SSRC, and not come at once.
func TestConsistent(t *testing.T) {
	tests := []struct {
		name   string
		change func(s *scene, i int)
		passes bool
	}{
		{"as media is", func(s *scene, _ int) { s.clock.advance(10 * time.Millisecond) }, true},
		{"a burst", func(*scene, int) {}, false},
		{"of many SSRCs", func(s *scene, i int) { s.clock.advance(10 * time.Millisecond); s.who[stranger].ssrc = uint32(i) }, false},
		{"out of order", func(s *scene, i int) { s.clock.advance(10 * time.Millisecond); s.who[stranger].seq = uint16(i * 1000) }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newScene(t, media.Symmetric)
			s.clock.advance(200 * time.Millisecond)
			for i := range 3 {
				tt.change(s, i)
				s.who[stranger].send(s.ports[0], s.who[stranger].rtp(0, "?"))
				s.until(func() bool { return s.quality(media.Caller).Refused+s.Stats().Packets == uint64(i)+1 }, "packet %d seen", i)
			}
			if got := s.quality(media.Caller).Source.IsValid(); got != tt.passes {
				t.Errorf("learnt: %v", got)
			}
		})
	}
}
