package srtp_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"tollgate/internal/media/srtp"
)

// pair is a sender and a receiver of one new key.
type pair struct {
	t *testing.T
	k srtp.Key
	s *srtp.Sender
	r *srtp.Receiver
}

func newPair(t *testing.T, suite srtp.Suite) *pair {
	k := srtp.NewKey(suite)
	return &pair{t: t, k: k, s: srtp.NewSender(k, new(srtp.Room)), r: srtp.NewReceiver(k, new(srtp.Room))}
}

func (p *pair) send(ssrc uint32, seq uint16) []byte {
	p.t.Helper()
	wire, err := p.s.RTP(nil, rtpPacket(ssrc, seq, 20))
	if err != nil {
		p.t.Fatalf("send %d: %v", seq, err)
	}
	return wire
}

// wants has the receiver open wire, and compares.
func (p *pair) wants(wire []byte, want error) {
	p.t.Helper()
	got, err := p.r.RTP(nil, wire)
	if !errors.Is(err, want) {
		p.t.Fatalf("sequence number %d: %v, want %v", binary.BigEndian.Uint16(wire[2:]), err, want)
	}
	seq, ssrc := binary.BigEndian.Uint16(wire[2:]), binary.BigEndian.Uint32(wire[8:])
	if want == nil && !bytes.Equal(got, rtpPacket(ssrc, seq, 20)) {
		p.t.Fatalf("sequence number %d: another packet", seq)
	}
	if want != nil && len(got) > 0 {
		p.t.Fatalf("sequence number %d: refused and given", seq)
	}
}

func eachSuite(t *testing.T, test func(t *testing.T, p *pair)) {
	for _, suite := range suites {
		t.Run(suite.String(), func(t *testing.T) { test(t, newPair(t, suite)) })
	}
}

// TestRolloverWithReordering: packets change places around three rollovers,
// and no copy of any is taken.
func TestRolloverWithReordering(t *testing.T) {
	eachSuite(t, func(t *testing.T, p *pair) {
		var wires [][]byte
		for i := range 3*65536/64 + 40 {
			near := i % 1024 // all of them around a rollover, a few elsewhere
			if near > 20 && near < 1004 && i%64 != 0 {
				continue
			}
			wires = append(wires, p.send(5, uint16(64*i)), p.send(5, uint16(64*i+1)), p.send(5, uint16(64*i+2)))
		}
		for i := 0; i+3 <= len(wires); i += 3 {
			slices.Reverse(wires[i : i+3])
		}
		for i, wire := range wires {
			p.wants(wire, nil)
			p.wants(wire, srtp.ErrReplay)
			if i > 3 {
				p.wants(wires[i-3], srtp.ErrReplay)
			}
		}
	})
}

// TestFirstPacketsMayBeMissing: a stream that began before a rollover is
// opened by who first hears it behind that, and what was late then, too.
func TestFirstPacketsMayBeMissing(t *testing.T) {
	eachSuite(t, func(t *testing.T, p *pair) {
		before, last := p.send(5, 65530), p.send(5, 65535)
		p.wants(p.send(5, 3), nil)
		p.wants(last, nil)
		p.wants(before, nil)
		p.wants(last, srtp.ErrReplay)
		p.wants(p.send(5, 4), nil)
	})
}

func TestWindow(t *testing.T) {
	eachSuite(t, func(t *testing.T, p *pair) {
		var wires [][]byte
		for seq := range uint16(300) {
			wires = append(wires, p.send(5, seq))
		}
		p.wants(wires[0], nil)
		p.wants(wires[200], nil)
		p.wants(wires[72], srtp.ErrReplay) // 128 behind
		p.wants(wires[73], nil)
		p.wants(wires[73], srtp.ErrReplay)
		p.wants(wires[137], nil)
		p.wants(wires[136], nil)
		p.wants(wires[199], nil)
		p.wants(wires[201], nil)
		for _, i := range []int{73, 136, 137, 199, 200, 201} {
			p.wants(wires[i], srtp.ErrReplay)
		}
		p.wants(wires[138], nil)
	})
}

// TestNothingIsSentTwice: one index, one packet, whatever the source does.
func TestNothingIsSentTwice(t *testing.T) {
	eachSuite(t, func(t *testing.T, p *pair) {
		p.send(5, 1000)
		p.send(5, 990)
		for _, seq := range []uint16{1000, 990, 1000 - 128} {
			if _, err := p.s.RTP(nil, rtpPacket(5, seq, 99)); !errors.Is(err, srtp.ErrReplay) {
				t.Errorf("sequence number %d: %v", seq, err)
			}
		}
		p.send(6, 1000)
		p.send(5, 1001)
	})
}

// TestDamageIsRefused: every bit of packets and every length; then the packet
// itself is still taken, so nothing was changed by what came before it.
func TestDamageIsRefused(t *testing.T) {
	for _, k := range keysToTry() {
		for _, begun := range []bool{false, true} {
			s, r := srtp.NewSender(k, new(srtp.Room)), srtp.NewReceiver(k, new(srtp.Room))
			if begun {
				for seq := range uint16(2) {
					wire, _ := s.RTP(nil, rtpPacket(5, seq, 20))
					if _, err := r.RTP(nil, wire); err != nil {
						t.Fatal(err)
					}
					wire, _ = s.RTCP(nil, rtcpPacket(5, 20))
					if _, err := r.RTCP(nil, wire); err != nil {
						t.Fatal(err)
					}
				}
			}
			rtp, _ := s.RTP(nil, rtpPacket(5, 2, 20))
			rtcp, _ := s.RTCP(nil, rtcpPacket(5, 20))
			damage(t, k, r.RTP, r.AppendState, rtp, rtpPacket(5, 2, 20))
			damage(t, k, r.RTCP, r.AppendState, rtcp, rtcpPacket(5, 20))
		}
	}
}

func damage(t *testing.T, k srtp.Key, receive func(dst, packet []byte) ([]byte, error), state func([]byte) []byte, wire, want []byte) {
	t.Helper()
	before := state(nil)
	for bit := range 8 * len(wire) {
		bad := slices.Clone(wire)
		bad[bit/8] ^= 1 << (bit % 8)
		if got, err := receive(bad[:0], bad); err == nil || len(got) > 0 {
			t.Fatalf("%v: taken with bit %d of %x wrong", k, bit, wire)
		}
	}
	for n := range wire {
		short := slices.Clone(wire[:n])
		if _, err := receive(nil, short); err == nil {
			t.Fatalf("%v: %d bytes of %d taken", k, n, len(wire))
		}
	}
	if _, err := receive(nil, append(slices.Clone(wire), 0)); err == nil {
		t.Fatalf("%v: taken with a byte more", k)
	}
	if !bytes.Equal(state(nil), before) {
		t.Fatalf("%v: what is refused changes state", k)
	}
	if got, err := receive([]byte("x"), wire); err != nil || !bytes.Equal(got, append([]byte("x"), want...)) {
		t.Fatalf("%v: then %x, %v", k, got, err)
	}
}

func TestWhatIsNoPacket(t *testing.T) {
	long := rtpPacket(5, 1, 20)
	long[0] |= 0x1f // 15 CSRCs and an extension: more than there is
	extension := rtpPacket(5, 1, 20)
	extension[0] |= 0x10
	copy(extension[12:], []byte{0, 0, 0xff, 0xff})
	eachSuite(t, func(t *testing.T, p *pair) {
		for _, packet := range [][]byte{nil, {0x80}, make([]byte, 11), make([]byte, 40), long, extension} {
			for name, take := range map[string]func(dst, packet []byte) ([]byte, error){"send": p.s.RTP, "receive": p.r.RTP} {
				if got, err := take([]byte("x"), packet); !errors.Is(err, srtp.ErrShort) || string(got) != "x" {
					t.Errorf("%s %x: %q, %v", name, packet, got, err)
				}
			}
		}
		for _, packet := range [][]byte{nil, {0x80}, {0x80, 200, 0, 0, 0, 0, 0}, make([]byte, 40)} {
			for name, take := range map[string]func(dst, packet []byte) ([]byte, error){"send": p.s.RTCP, "receive": p.r.RTCP} {
				if got, err := take([]byte("x"), packet); !errors.Is(err, srtp.ErrShort) || string(got) != "x" {
					t.Errorf("%s %x: %q, %v", name, packet, got, err)
				}
			}
		}
		if len(p.s.AppendState(nil)) > 1 || len(p.r.AppendState(nil)) > 1 {
			t.Error("what is no packet leaves state")
		}
	})
}

func TestRTCPReplay(t *testing.T) {
	eachSuite(t, func(t *testing.T, p *pair) {
		var wires [][]byte
		for range 200 {
			wire, err := p.s.RTCP(nil, rtcpPacket(5, 20))
			if err != nil {
				t.Fatal(err)
			}
			wires = append(wires, wire)
		}
		for _, step := range []struct {
			i    int
			want error
		}{{1, nil}, {0, nil}, {0, srtp.ErrReplay}, {199, nil}, {72, nil}, {71, srtp.ErrReplay}, {72, srtp.ErrReplay}, {199, srtp.ErrReplay}} {
			if _, err := p.r.RTCP(nil, wires[step.i]); !errors.Is(err, step.want) {
				t.Fatalf("%d: %v, want %v", step.i, err, step.want)
			}
		}
	})
}

// TestMoreStreamsThanThereIsRoomFor: the one that was silent longest goes.
func TestMoreStreamsThanThereIsRoomFor(t *testing.T) {
	eachSuite(t, func(t *testing.T, p *pair) {
		var first [][]byte
		for ssrc := range uint32(8) {
			first = append(first, p.send(ssrc, 1))
			p.wants(first[ssrc], nil)
		}
		p.wants(p.send(0, 2), nil) // not the oldest any more
		p.wants(p.send(8, 1), nil) // in the place of 1
		p.wants(first[0], srtp.ErrReplay)
		p.wants(first[2], srtp.ErrReplay)
		if state := p.r.AppendState(nil); state[0] != 8 {
			t.Errorf("%d streams", state[0])
		}
	})
}

func TestInPlaceAndApart(t *testing.T) {
	eachSuite(t, func(t *testing.T, p *pair) {
		packet := rtpPacket(5, 9, 160)
		apart, err := srtp.NewSender(p.k, new(srtp.Room)).RTP([]byte("head"), packet)
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 200+srtp.Overhead)
		n := copy(buf, packet)
		wire, err := p.s.RTP(buf[:0], buf[:n])
		if err != nil || &wire[0] != &buf[0] || !bytes.Equal(wire, apart[4:]) {
			t.Fatalf("in place %x, apart %x, %v", wire, apart[4:], err)
		}
		if len(wire)-n != p.k.Suite.TagLen() {
			t.Errorf("%d bytes longer", len(wire)-n)
		}
		plain, err := p.r.RTP(wire[:0], wire)
		if err != nil || &plain[0] != &buf[0] || !bytes.Equal(plain, packet) {
			t.Fatalf("%x, %v", plain, err)
		}
	})
}

func TestNothingIsAllocated(t *testing.T) {
	for _, k := range keysToTry() {
		s, r := srtp.NewSender(k, new(srtp.Room)), srtp.NewReceiver(k, new(srtp.Room))
		rtp, rtcp, seq := rtpPacket(5, 0, 160), rtcpPacket(5, 52), uint16(0)
		buf := make([]byte, 256)
		allocs := testing.AllocsPerRun(1000, func() {
			seq++
			binary.BigEndian.PutUint16(rtp[2:], seq)
			wire, err := s.RTP(buf[:0], rtp)
			if err != nil {
				t.Fatal(err)
			}
			if _, err = r.RTP(wire[:0], wire); err != nil {
				t.Fatal(err)
			}
			// Strangers cost nothing either.
			binary.BigEndian.PutUint32(buf[8:], uint32(seq)+1000)
			if _, err = r.RTP(buf[:0], buf[:172+16]); err == nil {
				t.Fatal("a stranger's packet is taken")
			}
			if _, err = r.RTCP(buf[:0], buf[:100]); err == nil {
				t.Fatal("a stranger's packet is taken")
			}
		})
		if allocs > 0 {
			t.Errorf("%v: %v allocations for each packet", k, allocs)
		}
		allocs = testing.AllocsPerRun(1000, func() {
			wire, err := s.RTCP(buf[:0], rtcp)
			if err != nil {
				t.Fatal(err)
			}
			if _, err = r.RTCP(wire[:0], wire); err != nil {
				t.Fatal(err)
			}
		})
		if allocs > 0 {
			t.Errorf("%v: %v allocations for each packet of RTCP, there and back", k, allocs)
		}
	}
}

// TestSchedulesAreForgotten: more keys than a Room keeps schedules for, used in turn.
func TestSchedulesAreForgotten(t *testing.T) {
	const calls = 300
	room, buf := new(srtp.Room), make([]byte, 256)
	senders, receivers := make([]*srtp.Sender, calls), make([]*srtp.Receiver, calls)
	for i := range calls {
		k := srtp.NewKey(suites[i%len(suites)])
		senders[i], receivers[i] = srtp.NewSender(k, room), srtp.NewReceiver(k, room)
	}
	for round := range 3 {
		for i := range calls {
			want := rtcpPacket(uint32(i), 24+4*round)
			wire, err := senders[i].RTCP(buf[:0], want)
			if err != nil {
				t.Fatal(err)
			}
			if plain, err := receivers[i].RTCP(wire[:0], wire); err != nil || !bytes.Equal(plain, want) {
				t.Fatalf("round %d, key %d: %x, %v", round, i, plain, err)
			}
		}
	}
}

// FuzzReceiver has each suite's receivers, some of which know a stream, take
// anything. Nothing but what was sent is ever taken.
func FuzzReceiver(f *testing.F) {
	keys := keysToTry()
	for i, k := range keys {
		s := srtp.NewSender(k, new(srtp.Room))
		wire, _ := s.RTP(nil, rtpPacket(5, 70, 20))
		f.Add(byte(i), false, wire[:len(wire)-1])
		wire, _ = s.RTCP(nil, rtcpPacket(5, 20))
		f.Add(byte(i), true, wire[:len(wire)-1])
	}
	f.Add(byte(0), false, []byte{0x9f, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, which byte, rtcp bool, packet []byte) {
		k := keys[int(which)%len(keys)]
		s, r := srtp.NewSender(k, new(srtp.Room)), srtp.NewReceiver(k, new(srtp.Room))
		if which >= 128 {
			wire, _ := s.RTP(nil, rtpPacket(5, 69, 20))
			if _, err := r.RTP(nil, wire); err != nil {
				t.Fatal(err)
			}
		}
		receive, send := r.RTP, s.RTP
		if rtcp {
			receive, send = r.RTCP, s.RTCP
		}
		if got, err := receive(slices.Clone(packet)[:0], slices.Clone(packet)); err == nil {
			t.Fatalf("%v: %x taken as %x", k, packet, got)
		}
		// As something to send, it comes through or is refused.
		wire, err := send(nil, packet)
		if err != nil {
			return
		}
		if got, err := receive(nil, wire); err != nil || !bytes.Equal(got, packet) {
			t.Fatalf("%v: %x came as %x, %v", k, packet, got, err)
		}
	})
}
