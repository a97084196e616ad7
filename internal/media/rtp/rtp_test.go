package rtp_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"tollgate/internal/media/rtp"
)

// packet is an RTP packet with 160 bytes of payload, and whatever change wants.
func packet(pt uint8, seq uint16, timestamp, ssrc uint32) []byte {
	b := make([]byte, 12, 172)
	b[0], b[1] = 0x80, pt
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[4:], timestamp)
	binary.BigEndian.PutUint32(b[8:], ssrc)
	return append(b, make([]byte, 160)...)
}

func TestParse(t *testing.T) {
	fixed := []byte{0x80, 0x88, 0x12, 0x34, 0, 0, 0, 160, 0xde, 0xad, 0xbe, 0xef}
	with := func(first byte, more ...byte) []byte {
		b := bytes.Clone(fixed)
		b[0] = first
		return append(b, more...)
	}
	plain := rtp.Header{PayloadType: 8, Marker: true, Seq: 0x1234, Timestamp: 160, SSRC: 0xdeadbeef, Payload: 12}
	at := func(payload, padding int) rtp.Header {
		h := plain
		h.Payload, h.Padding = payload, padding
		return h
	}
	for _, c := range []struct {
		name string
		in   []byte
		want rtp.Header
		ok   bool
	}{
		{"header alone", fixed, plain, true},
		{"payload", with(0x80, 1, 2, 3), plain, true},
		{"two contributors", with(0x82, 0, 0, 0, 1, 0, 0, 0, 2, 9), at(20, 0), true},
		{"extension of one word", with(0x90, 0xbe, 0xde, 0, 1, 1, 2, 3, 4, 9), at(20, 0), true},
		{"empty extension", with(0x90, 0xbe, 0xde, 0, 0), at(16, 0), true},
		{"padding", with(0xa0, 7, 7, 0, 0, 3), at(12, 3), true},
		{"padding alone, as a probe", with(0xa0, 0, 0, 0, 4), at(12, 4), true},
		{"all of it", with(0xb1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4, 9, 1), at(24, 1), true},
		{"nothing", nil, rtp.Header{}, false},
		{"eleven bytes", fixed[:11], rtp.Header{}, false},
		{"version 1", with(0x40), rtp.Header{}, false},
		{"contributors beyond the end", with(0x8f, 0, 0, 0, 1), rtp.Header{}, false},
		{"extension beyond the end", with(0x90, 0xbe, 0xde, 0xff, 0xff, 0), rtp.Header{}, false},
		{"half an extension header", with(0x90, 0xbe, 0xde), rtp.Header{}, false},
		{"padding of 0", with(0xa0, 1, 0), rtp.Header{}, false},
		{"padding into the header", with(0xa0, 1, 3), rtp.Header{}, false},
		{"padding without a byte", with(0xa0), rtp.Header{}, false},
	} {
		h, ok := rtp.Parse(c.in)
		if h != c.want || ok != c.ok {
			t.Errorf("%s: %+v %t, want %+v %t", c.name, h, ok, c.want, c.ok)
		}
	}
}

func TestKind(t *testing.T) {
	pad := func(n int, head ...byte) []byte { return append(head, make([]byte, n-len(head))...) }
	for _, c := range []struct {
		name string
		in   []byte
		want rtp.Class
	}{
		{"PCMU", packet(0, 1, 1, 1), rtp.RTP},
		{"PCMU with marker", packet(0x80, 1, 1, 1), rtp.RTP},
		{"dynamic with marker", packet(0x80|96, 1, 1, 1), rtp.RTP},
		{"highest type", packet(127, 1, 1, 1), rtp.RTP},
		{"RTP too short", packet(0, 1, 1, 1)[:11], rtp.Other},
		{"sender report", pad(28, 0x80, 200), rtp.RTCP},
		{"receiver report, empty", pad(8, 0x80, 201), rtp.RTCP},
		{"lowest RTCP", pad(8, 0x80, 192), rtp.RTCP},
		{"highest RTCP", pad(8, 0x80, 223), rtp.RTCP},
		{"XR", pad(8, 0x80, 207), rtp.RTCP},
		{"RTCP too short", pad(7, 0x80, 201), rtp.Other},
		{"STUN binding", pad(20, 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42), rtp.STUN},
		{"T.38 number 0", pad(20, 0, 0, 6, 1, 2, 3), rtp.Other},
		{"DTLS handshake", pad(13, 22, 254, 253), rtp.DTLS},
		{"DTLS by range", pad(13, 63), rtp.DTLS},
		{"ZRTP", pad(28, 0x10, 0), rtp.Other},
		{"TURN channel", pad(12, 0x40, 0), rtp.Other},
		{"version 3", pad(28, 0xc0, 200), rtp.Other},
		{"nothing", nil, rtp.Other},
		{"keepalive", pad(4, '\r', '\n', '\r', '\n'), rtp.Other},
	} {
		if got := rtp.Kind(c.in); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestClocks(t *testing.T) {
	var c rtp.Clocks
	c.Set(96, 48000)
	c.SetName(96, "OPUS")
	c.Set(101, 8000)
	c.SetName(101, "telephone-event")
	c.SetEvent(105)
	c.Set(105, 48000)
	c.Set(97, 90000)
	c.SetName(97, "H264")
	c.Set(98, 0)
	c.Set(99, 4_000_000_000)
	c.Set(0, 16000) // a static type that somebody describes anew
	c.SetName(0, "speex")
	c.Set(200, 1)
	c.SetEvent(200)
	for _, w := range []struct {
		pt    uint8
		hz    uint32
		codec rtp.Codec
	}{
		{96, 48000, rtp.Opus},
		{101, 8000, rtp.TelephoneEvent},
		{105, 48000, rtp.TelephoneEvent},
		{97, 90000, rtp.CodecUnknown},
		{98, 8000, rtp.CodecUnknown},
		{99, 8000, rtp.CodecUnknown},
		{0, 16000, rtp.CodecUnknown},
		{8, 8000, rtp.PCMA},
		{9, 8000, rtp.G722}, // RFC 3551 4.5.2: its clock is wrong forever
		{13, 8000, rtp.ComfortNoise},
		{18, 8000, rtp.G729},
		{10, 44100, rtp.L16},
		{31, 90000, rtp.CodecUnknown},
		{72, 8000, rtp.CodecUnknown},
	} {
		if c.Of(w.pt) != w.hz || c.Name(w.pt) != w.codec || c.Event(w.pt) != (w.codec == rtp.TelephoneEvent) {
			t.Errorf("type %d: %d Hz %q, want %d %q", w.pt, c.Of(w.pt), c.Name(w.pt), w.hz, w.codec)
		}
	}
	for i := range uint32(100) {
		c.Set(uint8(i), 1000+i)
	}
	if c.Of(96) != 48000 || c.Of(99) != 8000 {
		t.Error("too many rates changed others")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(packet(0, 1, 2, 3))
	f.Add([]byte{0xb1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0xbe, 0xde, 0, 1, 1, 2, 3, 4, 9, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, ok := rtp.Parse(b)
		if ok && (h.Payload < 12 || h.Padding < 0 || h.Payload+h.Padding > len(b)) {
			t.Fatalf("%+v in %d bytes", h, len(b))
		}
		if kind := rtp.Kind(b); kind == rtp.RTP && len(b) < 12 {
			t.Fatal("RTP without a header")
		}
	})
}
