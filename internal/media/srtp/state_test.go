package srtp_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"tollgate/internal/media/srtp"
)

// restartReceiver is what a restart does: a new Receiver with the old state.
func (p *pair) restartReceiver(state []byte) {
	p.t.Helper()
	p.r = srtp.NewReceiver(p.k, new(srtp.Room))
	if err := p.r.Restore(state); err != nil {
		p.t.Fatal(err)
	}
}

// sendFar sends, in strides, from a packet that was sent over n rollovers to
// seq; the last packet is returned.
func (p *pair) sendFar(from uint16, n int, seq uint16) []byte {
	p.t.Helper()
	for at := int(from) + 20000; at < n<<16+int(seq); at += 20000 {
		p.send(5, uint16(at))
	}
	return p.send(5, seq)
}

func TestReceiverAfterARestart(t *testing.T) {
	eachSuite(t, func(t *testing.T, p *pair) {
		for missed := range 3 {
			p.s, p.r = srtp.NewSender(p.k, new(srtp.Room)), srtp.NewReceiver(p.k, new(srtp.Room))
			old := p.send(5, 65000)
			p.wants(old, nil)
			known := p.sendFar(65001, 1, 100)
			p.wants(known, nil)
			state := p.r.AppendState(nil)
			if p.restartReceiver(state); !bytes.Equal(p.r.AppendState(nil), state) {
				t.Fatal("a state restored is another state")
			}
			p.wants(known, srtp.ErrReplay)
			next := p.sendFar(101, missed, 30000)
			damaged := slices.Clone(next)
			damaged[20] ^= 1
			p.wants(damaged, srtp.ErrAuth)
			p.wants(next, nil)
			p.wants(next, srtp.ErrReplay)
			if err := p.r.Restore(state); err != nil {
				t.Fatal(err)
			}
			for range 2 { // far ahead in the same rollover, and again from there
				p.wants(p.sendFar(30000, 0, 60000), nil)
				p.restartReceiver(p.r.AppendState(nil))
				p.wants(p.sendFar(60000, 1, 30000), nil)
			}
		}
	})
}

func TestMoreRolloversThanAreTried(t *testing.T) {
	eachSuite(t, func(t *testing.T, p *pair) {
		p.wants(p.send(5, 100), nil)
		p.restartReceiver(p.r.AppendState(nil))
		p.wants(p.sendFar(101, 3, 30000), srtp.ErrAuth)
	})
}

// TestSenderAfterARestart: the state is a while old, and still the other side
// takes all that comes, and no index has two packets.
func TestSenderAfterARestart(t *testing.T) {
	eachSuite(t, func(t *testing.T, p *pair) {
		for _, seq := range []uint16{30000, 60000, 20000, 50000} {
			p.wants(p.send(5, seq), nil)
		}
		rtcp := rtcpPacket(5, 20)
		sendRTCP := func() uint32 {
			wire, err := p.s.RTCP(nil, rtcp)
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.r.RTCP(nil, wire)
			if err != nil || !bytes.Equal(got, rtcp) {
				t.Fatalf("%x, %v", got, err)
			}
			return indexOf(p.k, wire)
		}
		for range 3 {
			sendRTCP()
		}
		state := p.s.AppendState(nil)
		p.wants(p.send(5, 10000), nil) // over a rollover
		last := sendRTCP()

		p.s = srtp.NewSender(p.k, new(srtp.Room))
		if err := p.s.Restore(state); err != nil {
			t.Fatal(err)
		}
		if _, err := p.s.RTP(nil, rtpPacket(5, 50000, 1)); !errors.Is(err, srtp.ErrReplay) {
			t.Errorf("sent twice: %v", err)
		}
		p.wants(p.send(5, 10001), nil)
		if index := sendRTCP(); index <= last {
			t.Errorf("SRTCP index %d after %d", index, last)
		}
	})
}

// indexOf reads the SRTCP index of a packet, which no suite encrypts.
func indexOf(k srtp.Key, wire []byte) uint32 {
	at := len(wire) - 4
	if k.Suite != srtp.AEADAES128GCM && k.Suite != srtp.AEADAES256GCM {
		at -= 10
	}
	return binary.BigEndian.Uint32(wire[at:]) &^ (1 << 31)
}

func TestKeyIsSpent(t *testing.T) {
	state := []byte{1, 0, 0, 0, 5, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf0, 0x7f, 0xff, 0xff, 0xf0}
	eachSuite(t, func(t *testing.T, p *pair) {
		if err := p.s.Restore(state); err != nil {
			t.Fatal(err)
		}
		p.restartReceiver(state)
		p.wants(p.send(5, 0xffff), nil)
		if _, err := p.s.RTP(nil, rtpPacket(5, 0, 1)); !errors.Is(err, srtp.ErrSpent) {
			t.Error(err)
		}
		if _, err := p.r.RTP(nil, p.send(6, 0)); err != nil {
			t.Error(err)
		}
		wire := p.send(6, 1)
		binary.BigEndian.PutUint32(wire[8:], 5)
		p.wants(wire, srtp.ErrSpent)
		if _, err := p.s.RTCP(nil, rtcpPacket(5, 20)); !errors.Is(err, srtp.ErrSpent) {
			t.Error(err)
		}
	})
}

func TestMalformedState(t *testing.T) {
	p := newPair(t, srtp.AEADAES128GCM)
	p.wants(p.send(5, 1), nil)
	p.wants(p.send(6, 1), nil)
	good := p.r.AppendState(nil)
	twice := slices.Clone(good)
	copy(twice[16:], good[1:16])
	many := append([]byte{9}, make([]byte, 9*15)...)
	for _, bad := range [][]byte{nil, {1}, good[:len(good)-1], append(slices.Clone(good), 0), twice, many, {1, 0, 0, 0, 5, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, {1, 0, 0, 0, 5, 2, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0}} {
		if err := p.r.Restore(bad); !errors.Is(err, srtp.ErrState) {
			t.Errorf("%x: %v", bad, err)
		}
		if err := p.s.Restore(bad); !errors.Is(err, srtp.ErrState) {
			t.Errorf("%x: %v", bad, err)
		}
	}
	if !bytes.Equal(p.r.AppendState(nil), good) {
		t.Error("a malformed state changes the receiver")
	}
}

// FuzzRestore: any state that is taken is written the same way again, and what
// then comes is opened or refused.
func FuzzRestore(f *testing.F) {
	f.Add([]byte{0}, uint16(1))
	f.Add([]byte{1, 0, 0, 0, 5, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf0, 0x7f, 0xff, 0xff, 0xf0}, uint16(0))
	f.Fuzz(func(t *testing.T, state []byte, seq uint16) {
		k := srtp.NewKey(srtp.AEADAES128GCM)
		s, r := srtp.NewSender(k, new(srtp.Room)), srtp.NewReceiver(k, new(srtp.Room))
		if r.Restore(state) != nil {
			return
		}
		again := r.AppendState(nil)
		if err := r.Restore(again); err != nil || !bytes.Equal(again, r.AppendState(nil)) {
			t.Fatalf("%x and %x, %v", state, again, err)
		}
		if err := s.Restore(state); err != nil {
			t.Fatal(err)
		}
		wire, err := s.RTP(nil, rtpPacket(5, seq, 20))
		if err != nil {
			return
		}
		if _, err := r.RTP(nil, wire); err != nil && !errors.Is(err, srtp.ErrReplay) {
			t.Fatalf("%x, %d: %v", state, seq, err)
		}
	})
}
