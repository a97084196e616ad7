package media_test

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"tollgate/internal/media"
)

// TestWhatDoesNotPass: what is sent, by the party itself, and why it goes no further.
func TestWhatDoesNotPass(t *testing.T) {
	stun := append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...)
	rtp := func(change func(b []byte)) []byte {
		b := append([]byte{0x80, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1}, "payload"...)
		change(b)
		return b
	}
	tests := []struct {
		name  string
		what  []byte
		cause media.Cause
	}{
		{"nothing", nil, media.DropKind},
		{"STUN", stun, media.DropKind},
		{"DTLS", append([]byte{22, 254, 253}, make([]byte, 20)...), media.DropKind},
		{"RTCP on the port of RTP", []byte{0x80, 201, 0, 1, 0, 0, 0, 1}, media.DropKind},
		{"text", []byte("GET / HTTP/1.1\r\n"), media.DropKind},
		{"a short head", []byte{0x80, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0}, media.DropKind},
		{"a payload type that was not agreed on", rtp(func(b []byte) { b[1] = 96 }), media.DropPayload},
		{"sources beyond the end", rtp(func(b []byte) { b[0] |= 15 }), media.DropMalformed},
		{"padding beyond the end", rtp(func(b []byte) { b[0] |= 0x20; b[len(b)-1] = 200 }), media.DropMalformed},
		{"what is too long", rtp(func([]byte) {})[:12:12], media.DropMalformed},
	}
	tests[len(tests)-1].what = append(tests[len(tests)-1].what, strings.Repeat("x", 5000)...)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newRig(t, nil).call(func(p *[2]media.Party) { p[0].Payloads = [2]uint64{1 << 0, 1 << (101 - 64)} })
			c.talk(media.Caller, "before")
			c.phones[0].send(c.ports[0], tt.what)
			c.awaits(tt.cause, 1)
			c.talk(media.Caller, "after")
		})
	}
}

func TestHold(t *testing.T) {
	c := newRig(t, nil).call(nil)
	c.talk(media.Caller, "talk")
	c.talk(media.Callee, "talk")

	held := c.phones[0].party()
	held.Receives = false // sendonly: the callee is to hear music
	c.Party(c.id, 0, media.Caller, held)
	c.phones[1].send(c.ports[1], c.phones[1].rtp(0, "unheard"))
	c.awaits(media.DropHeld, 1)
	c.talk(media.Caller, "music")
	if n := c.quality(media.Callee).Report.Packets; n != 2 {
		t.Errorf("%d packets counted of who is not heard", n)
	}

	held.RTP = netip.AddrPort{} // the old way, with 0.0.0.0
	held.Receives = true
	c.Party(c.id, 0, media.Caller, held)
	c.phones[1].send(c.ports[1], c.phones[1].rtp(0, "nowhere"))
	c.awaits(media.DropNowhere, 1)

	c.Party(c.id, 0, media.Caller, c.phones[0].party())
	c.talk(media.Callee, "back")
	c.talk(media.Caller, "back")
}

// TestOtherDatagrams: T.38 and the like pass as they are, from the party alone.
func TestOtherDatagrams(t *testing.T) {
	c := newRig(t, nil).call(func(p *[2]media.Party) { p[0].RTPStream, p[1].RTPStream = false, false })
	attacker := newPhone(t, "127.0.0.3:0")
	for _, what := range []string{"\x00", "\x00\x01\x03fax", "\x16\xfe\xfdlooks like DTLS"} {
		c.phones[0].send(c.ports[0], []byte(what))
		c.phones[1].hears([]byte(what), c.ports[1])
		attacker.send(c.ports[0], []byte("no fax"))
	}
	c.phones[0].send(c.ports[0], nil)
	c.awaits(media.DropForeign, 3)
	c.awaits(media.DropKind, 1)
}

func TestStreamsAreApart(t *testing.T) {
	r := newRig(t, nil)
	c := r.call(nil)
	video := [2]*phone{newPhone(t, "127.0.0.1:0"), newPhone(t, "127.0.0.1:0")}
	var ports [2]netip.AddrPort
	for side, p := range video {
		ports[side] = r.stream(c.id, 7, media.Side(side))
		r.Party(c.id, 7, media.Side(side), p.party())
	}
	b := video[0].rtp(96, "picture")
	video[0].send(ports[0], b)
	video[1].hears(b, ports[1])
	c.talk(media.Caller, "sound")
	if q := r.Quality(c.id, nil); len(q) != 4 || q[2].Stream != 7 || q[2].Report.Packets != 1 {
		t.Errorf("qualities: %+v", q)
	}
	r.Off(c.id, 7)
	if s := r.Stats(); s.PortsUsed != 2 {
		t.Errorf("%d pairs in use after a stream is off", s.PortsUsed)
	}
	if q := r.Quality(c.id, nil); len(q) != 4 || q[2].Report.Packets != 1 || q[2].Port != 0 {
		t.Errorf("qualities after a stream is off: %+v", q)
	}
	c.talk(media.Callee, "sound")
}

// TestAFlood: who sends far more than media ever is passes a part of it.
func TestAFlood(t *testing.T) {
	const most = 10_000 // a second
	c := newRig(t, nil).call(nil)
	c.talk(media.Caller, "talk")
	b := c.phones[0].rtp(0, "flood")
	for i := range most + 100 {
		binary.BigEndian.PutUint16(b[2:], uint16(i))
		c.phones[0].send(c.ports[0], b)
		if i%20 == 19 { // no faster than it is read
			c.until(func() bool {
				s := c.Stats()
				return s.Packets+s.Dropped[media.DropRate]+s.Dropped[media.DropSend] == uint64(i)+2
			}, "%d packets seen", i)
		}
	}
	c.awaits(media.DropRate, 101)
}

// TestAFork: another party takes a side's place; what was learnt of the first one counts no more.
func TestAFork(t *testing.T) {
	c := newRig(t, nil).call(nil)
	c.talk(media.Callee, "the first")
	first := c.phones[1]
	c.phones[1] = newPhone(t, "127.0.0.1:0")
	fork := c.phones[1].party()
	fork.Fresh = true
	c.Party(c.id, 0, media.Callee, fork)
	c.talk(media.Callee, "the second")
	c.talk(media.Caller, "to the second")
	first.send(c.ports[1], first.rtp(0, "me, too"))
	c.awaits(media.DropForeign, 1)
}

// TestALoop: a party that names our own port as its address gets nothing.
func TestALoop(t *testing.T) {
	c := newRig(t, nil).call(nil)
	said := c.phones[1].party()
	for _, port := range []netip.AddrPort{c.ports[0], c.ports[1]} {
		said.RTP = port
		c.Party(c.id, 0, media.Callee, said)
		before := c.Stats().Dropped[media.DropNowhere]
		c.phones[0].send(c.ports[0], c.phones[0].rtp(0, "round"))
		c.awaits(media.DropNowhere, before+1)
	}
}

// TestSignallingMeanwhile: calls come, change and go while media flows.
func TestSignallingMeanwhile(t *testing.T) {
	r := newRig(t, func(c *media.Config) { c.Loops, c.Clock, c.Quarantine = 2, nil, time.Millisecond })
	c := r.call(nil)
	var done sync.WaitGroup
	for range 3 {
		done.Go(func() {
			var record []byte
			for range 100 {
				id, err := r.Open(1, false)
				if err != nil {
					t.Error(err)
				}
				for side := range media.Callee + 1 {
					port, err := r.Stream(id, 0, side, here)
					if err != nil {
						t.Error(err)
					}
					r.Party(id, 0, side, media.Party{RTP: netip.AddrPortFrom(loopback, port), RTPStream: true, Receives: true})
					r.Party(c.id, 0, side, c.phones[side].party())
				}
				record = r.Append(record[:0], id)
				r.Stats()
				r.Quality(c.id, nil)
				r.Shut(id)
			}
		})
	}
	for range 300 {
		c.talk(media.Caller, "on")
		c.talk(media.Callee, "on")
	}
	done.Wait()
}
