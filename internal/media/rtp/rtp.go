// Package rtp reads RTP and RTCP as a relay between two parties needs to: it tells packets
// apart, checks them, and keeps what they say of the way they came: loss, jitter, order,
// gaps, clocks, round-trip times, digits, and what a listener would have thought of it.
//
// It is called for each packet: nothing here allocates, waits, or reads a clock. Times are
// nanoseconds of CLOCK_MONOTONIC, the clock that programs in the kernel use too, and are
// given by the caller, who also guards each Stream with a lock of his own.
//
// Not its job: sockets, whom a packet may come from, encryption (give it packets in clear),
// SDP, writing RTP or RTCP.
//
// RFC 3550 (RTP, RTCP), RFC 3551 (static payload types), RFC 4733 (digits), RFC 5761 and
// RFC 7983 (telling protocols apart), ITU-T G.107 and G.113 (MOS).
package rtp

import "encoding/binary"

// headerSize is the fixed part of an RTP header, RFC 3550 5.1.
const headerSize = 12

// Header is the head of an RTP packet.
type Header struct {
	PayloadType uint8
	Marker      bool
	Seq         uint16
	Timestamp   uint32
	SSRC        uint32
	Payload     int // where the payload begins, in bytes from the packet's start
	Padding     int // bytes at the end that are no payload
}

// Parse reads an RTP packet, RFC 3550 5.1. It is false where a length inside does not fit
// the packet. An SRTP packet is decrypted first: its padding is not in clear.
func Parse(b []byte) (h Header, ok bool) {
	if len(b) < headerSize || b[0]>>6 != 2 {
		return Header{}, false
	}
	h = Header{
		PayloadType: b[1] & 0x7f,
		Marker:      b[1]&0x80 != 0,
		Seq:         binary.BigEndian.Uint16(b[2:]),
		Timestamp:   binary.BigEndian.Uint32(b[4:]),
		SSRC:        binary.BigEndian.Uint32(b[8:]),
		Payload:     headerSize + 4*int(b[0]&0x0f),
	}
	if b[0]&0x10 != 0 {
		if len(b) < h.Payload+4 {
			return Header{}, false
		}
		h.Payload += 4 + 4*int(binary.BigEndian.Uint16(b[h.Payload+2:]))
	}
	if len(b) < h.Payload {
		return Header{}, false
	}
	if b[0]&0x20 != 0 {
		h.Padding = int(b[len(b)-1])
		if h.Padding == 0 || h.Padding > len(b)-h.Payload {
			return Header{}, false
		}
	}
	return h, true
}

// Class is what a datagram on a media port is.
type Class uint8

// The classes of RFC 7983 that a relay treats differently.
const (
	Other Class = iota // neither of these, ZRTP and TURN among them
	RTP
	RTCP
	STUN
	DTLS
)

// String is the class as metrics name it.
func (c Class) String() string {
	switch c {
	case RTP:
		return "rtp"
	case RTCP:
		return "rtcp"
	case STUN:
		return "stun"
	case DTLS:
		return "dtls"
	}
	return "other"
}

const (
	stunHeader = 20
	stunCookie = 0x2112a442 // RFC 8489 5
	rtcpHeader = 8          // with the sender's SSRC
)

// Kind tells what a datagram is by its first bytes, RFC 7983 7; RTP and RTCP by RFC 5761 4.
// STUN is asked for its cookie too: T.38 begins with low bytes as well.
func Kind(b []byte) Class {
	switch {
	case len(b) < rtcpHeader:
		return Other
	case b[0]>>6 == 2:
		if b[1] >= 192 && b[1] <= 223 {
			return RTCP
		}
		if len(b) >= headerSize {
			return RTP
		}
	case b[0] < 4:
		if len(b) >= stunHeader && binary.BigEndian.Uint32(b[4:]) == stunCookie {
			return STUN
		}
	case b[0] >= 20 && b[0] < 64:
		return DTLS
	}
	return Other
}
